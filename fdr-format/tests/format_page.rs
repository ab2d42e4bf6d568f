//! `docs/fdr-format.md` says what the code does.
//!
//! The tables of the page are made from the code. When they differ, make them again with
//! `UPDATE_DOCS=1 cargo test -p fdr-format --test format_page` and read the difference.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fmt::Write;
use std::path::PathBuf;

use fdr_format::records::{SegmentHeader, Tick};
use fdr_format::{
    BootId, FieldInfo, FlightId, List, LongText, Record, RecordType, SegmentEncoder, Structure,
};

const BEGIN: &str = "<!-- tables made from the code: begin -->\n";
const END: &str = "<!-- tables made from the code: end -->\n";

fn page_path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/fdr-format.md")
}

fn tables() -> String {
    let mut page = String::new();
    let mut shared = Vec::new();
    for &record_type in RecordType::KNOWN {
        let summary = record_type.summary().unwrap();
        let name = record_type.name().unwrap();
        write!(page, "\n### {:#06x} {name}\n\n{summary}\n\n", record_type.0).unwrap();
        let fields = record_type.fields();
        field_table(&mut page, &fields);
        collect(&fields, &mut shared);
    }
    page.push_str("\n## Structures in lists\n");
    for structure in &shared {
        if let Structure::Parts { name, fields } = structure {
            write!(page, "\n### Structure {name}\n\n").unwrap();
            field_table(&mut page, fields);
        }
    }
    page.push_str("\n## Enumerations\n");
    for structure in &shared {
        if let Structure::Enumeration { name, values } = structure {
            write!(
                page,
                "\n### Enumeration {name}\n\n| number | name | meaning |\n|---|---|---|\n"
            )
            .unwrap();
            for value in values {
                writeln!(
                    page,
                    "| {} | `{}` | {} |",
                    value.code, value.name, value.text
                )
                .unwrap();
            }
        }
    }
    page
}

fn field_table(page: &mut String, fields: &[FieldInfo]) {
    page.push_str("| offset | field | type | meaning |\n|---|---|---|---|\n");
    for field in fields {
        let offset = field
            .offset
            .map_or("…".to_owned(), |offset| offset.to_string());
        let line = format!(
            "| {offset} | `{}` | {} | {} |",
            field.name, field.type_name, field.text
        );
        page.push_str(&line);
        page.push('\n');
    }
}

/// Structures and enumerations that the fields refer to, each once, in the order of first use.
fn collect(fields: &[FieldInfo], shared: &mut Vec<Structure>) {
    for field in fields {
        if field.structure != Structure::Plain && !shared.contains(&field.structure) {
            shared.push(field.structure.clone());
        }
        if let Structure::Parts { fields, .. } = &field.structure {
            collect(fields, shared);
        }
    }
}

#[test]
fn the_page_has_every_record_type_and_field_as_the_code_has_them() {
    let page = std::fs::read_to_string(page_path()).unwrap();
    let start = page.find(BEGIN).unwrap() + BEGIN.len();
    let end = page.find(END).unwrap();
    let expected = tables();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let updated = format!("{}{expected}\n{}", &page[..start], &page[end..]);
        std::fs::write(page_path(), updated).unwrap();
        return;
    }
    for (found, expected) in page[start..end].lines().zip(expected.lines()) {
        assert_eq!(
            found,
            expected,
            "see the head of {} for the command",
            file!()
        );
    }
    assert_eq!(page[start..end].trim_end(), expected.trim_end());
}

#[test]
fn the_worked_example_of_the_page_is_what_the_code_writes() {
    let page = std::fs::read_to_string(page_path()).unwrap();
    let header = SegmentHeader {
        time_ns: 0,
        flight_id: FlightId(std::array::from_fn(|index| index as u8)),
        segment: 7,
        boot_id: BootId([0; 16]),
        compatible_features: 0,
        incompatible_features: 0,
        anchor_monotonic_ns: 0,
        anchor_unix_ns: None,
        previous_chain: None,
        flight_key: None,
        device_key: None,
        certificate: None,
        core_version: 0,
        software_version: "",
        configuration: LongText(""),
        record_types: List::default(),
    };
    let mut buffer = vec![0; 4096];
    let (mut encoder, _) = SegmentEncoder::begin(&header, 8, &mut buffer).unwrap();
    let seed = encoder.identity().crc_seed();
    let tick = Record::from(Tick {
        time_ns: 5_000_000_001,
    });
    let length = encoder
        .append(&tick, encoder.next_sequence(), 5_000_000_001, &mut buffer)
        .unwrap();

    assert!(
        page.contains(&format!("`{seed:#010x}`")),
        "the seed of the example is {seed:#010x}"
    );
    let hex: Vec<String> = buffer[..length]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let written = page.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        written.contains(&hex.join(" ")),
        "the record of the example is {}",
        hex.join(" ")
    );
}
