//! The files of `deploy/config`: every setting with what it means, made from the page and read back.

#![allow(clippy::expect_used, clippy::panic, reason = "a test may fail")]

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use companion::autopilot::AutopilotKind;
use companion::config::{Configuration, Profile};

const WIDTH: usize = 100;

/// Settings that a file gives another value than the default.
type Values = &'static [(&'static str, &'static str)];

const ARDUPILOT: Values = &[
    ("profile", "\"production\""),
    ("autopilot.kind", "\"ardupilot\""),
    ("autopilot.address", "\"serial:/dev/ttyTHS1:921600\""),
    ("autopilot.system_id", "1"),
    ("autopilot.signing", "true"),
    ("recorder.folder", "\"/var/lib/gps-denied/fdr\""),
    ("recorder.device_key", "\"/etc/gps-denied/device.key\""),
    ("log.form", "\"journald\""),
];

const INAV: Values = &[
    ("profile", "\"production\""),
    ("autopilot.kind", "\"inav\""),
    ("autopilot.address", "\"serial:/dev/ttyTHS1:115200\""),
    ("ground_station.address", "\"serial:/dev/ttyUSB0:57600\""),
    ("recorder.folder", "\"/var/lib/gps-denied/fdr\""),
    ("recorder.device_key", "\"/etc/gps-denied/device.key\""),
    ("log.form", "\"journald\""),
];

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../deploy/config")
        .join(name)
}

/// The page's table rows as TOML.
fn file(head: &str, values: Values) -> String {
    let page = include_str!("../../docs/configuration.md");
    let mut text = String::new();
    comment(&mut text, head);
    let mut section = String::new();
    let mut used = 0;
    for line in page.lines() {
        if let Some(heading) = line
            .strip_prefix("## `[")
            .or_else(|| line.strip_prefix("### `["))
        {
            section = heading.trim_end_matches("]`").to_owned();
            let _ = write!(text, "\n[{section}]\n");
            continue;
        }
        let Some([name, default, allowed, meaning]) = row(line) else {
            continue;
        };
        let dot = if section.is_empty() { "" } else { "." };
        let setting = format!("{section}{dot}{name}");
        let _ = writeln!(text);
        comment(
            &mut text,
            &format!("{} Allowed: {allowed}.", sentence(&meaning)),
        );
        let given = values.iter().find(|(known, _)| *known == setting);
        used += usize::from(given.is_some());
        let _ = match (given, &*default) {
            (Some((_, value)), _) => writeln!(text, "{name} = {value}"),
            (None, "none") => writeln!(text, "# {name} ="),
            (None, default) => writeln!(text, "{name} = {default}"),
        };
    }
    assert_eq!(
        used,
        values.len(),
        "a setting of the example is not on the page"
    );
    text
}

/// The cells of a setting's row, without the marks of the page.
fn row(line: &str) -> Option<[String; 4]> {
    let cells = line.strip_prefix("| `")?;
    let cells: Vec<_> = cells.trim_end_matches(" |").splitn(4, " | ").collect();
    let plain = |cell: &str| {
        let mut text = cell.replace('`', "");
        // A link keeps its text.
        while let (Some(open), Some(middle)) = (text.find('['), text.find("](")) {
            let Some(close) = text[middle..].find(')').map(|close| middle + close) else {
                break;
            };
            let label = text[open + 1..middle].to_owned();
            text.replace_range(open..=close, &label);
        }
        text.trim().to_owned()
    };
    let cells: Vec<_> = cells.into_iter().map(plain).collect();
    cells.try_into().ok()
}

fn sentence(meaning: &str) -> String {
    let end = if meaning.ends_with(['.', '?']) {
        ""
    } else {
        "."
    };
    format!("{meaning}{end}")
}

fn comment(text: &mut String, words: &str) {
    let mut line = String::from("#");
    for word in words.split_whitespace() {
        if line.len() + 1 + word.len() > WIDTH {
            let _ = writeln!(text, "{line}");
            line = String::from("#");
        }
        let _ = write!(line, " {word}");
    }
    let _ = writeln!(text, "{line}");
}

/// The files are made by `UPDATE_EXAMPLE=1 cargo test -p companion --test example_configurations`.
#[test]
fn both_examples_explain_every_setting_and_are_read_back() {
    for (name, head, values) in [
        (
            "ardupilot.toml",
            "Settings of a companion of ArduPilot. On the autopilot: GPS2_TYPE 14 (or GPS1_TYPE, with gps_id \
             0), SERIALn_PROTOCOL 2 on the companion's port; `companion check` and the flight itself say what \
             else is set wrongly. Made from docs/configuration.md.",
            ARDUPILOT,
        ),
        (
            "inav.toml",
            "Settings of a companion of iNav. On the autopilot: feature GPS, gps_provider = MSP, \
             inav_max_eph_epv = 9999, MSP on the companion's port, nothing else on it. iNav forwards nothing: \
             the ground station needs a link of its own. Made from docs/configuration.md.",
            INAV,
        ),
    ] {
        let expected = file(head, values);
        let path = path(name);
        if std::env::var_os("UPDATE_EXAMPLE").is_some() {
            fs::write(&path, &expected).expect("an example");
        }
        let text = fs::read_to_string(&path).expect("the example");
        assert_eq!(
            text, expected,
            "make {name} anew: see the comment on this test"
        );
        let read = Configuration::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(read.profile, Profile::Production);
        let inav = name == "inav.toml";
        assert_eq!(read.autopilot.kind == AutopilotKind::INav, inav);
        // Beside what was set on purpose it is the default.
        let mut settings = toml::Value::try_from(&read).expect("a table");
        let mut defaults = toml::Value::try_from(Configuration::default()).expect("a table");
        for (setting, _) in values {
            remove(&mut settings, setting);
            remove(&mut defaults, setting);
        }
        assert_eq!(settings, defaults, "{name}");
    }
}

fn remove(value: &mut toml::Value, setting: &str) {
    match setting.split_once('.') {
        Some((section, rest)) => {
            if let Some(inner) = value.get_mut(section) {
                remove(inner, rest);
            }
        }
        None => {
            if let Some(table) = value.as_table_mut() {
                table.remove(setting);
            }
        }
    }
}
