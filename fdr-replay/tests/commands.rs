//! The program as an operator runs it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use fdr_format::records::{FlightSource, ImuTrace, Log, Severity};
use fdr_format::{BootId, ClockAnchor, FlightId, FlightParameters, FlightSummary, FlightWriter};
use serde_json::Value;

const START_NS: u64 = 5_000_000_000;

fn record_flight(folder: &Path) -> FlightSummary {
    let parameters = FlightParameters {
        flight_id: FlightId([0xab; 16]),
        boot_id: BootId([1; 16]),
        software_version: "0.1.0".to_owned(),
        core_version: 1,
        configuration: String::new(),
        source: FlightSource::Simulation,
        source_name: "commands".to_owned(),
        clock: ClockAnchor {
            monotonic_ns: START_NS,
            unix_ns: Some(1_700_000_000_000_000_000),
        },
        keys: None,
        recovered: false,
        segment_bytes: 32 << 10,
    };
    let mut writer = FlightWriter::create(folder, parameters).unwrap();
    for index in 0..1000 {
        let time_ns = START_NS + index * 10_000_000;
        let trace = ImuTrace {
            time_ns,
            specific_force_frd_mps2: [0.0, f64::NAN, -9.81],
            angular_rate_frd_radps: [0.0; 3],
        };
        writer.append(&trace.into(), time_ns).unwrap();
        if index % 100 == 0 {
            let text = "a \"quoted\" line\n";
            let log = Log {
                time_ns,
                severity: Severity::Warning,
                target: "test",
                text,
            };
            writer.append(&log.into(), time_ns).unwrap();
        }
    }
    writer.finish().unwrap()
}

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fdr-replay"))
        .args(arguments)
        .output()
        .unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    stdout(output)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn segment(summary: &FlightSummary, number: u32) -> PathBuf {
    summary.folder.join(format!("segments/seg_{number:05}.bin"))
}

#[test]
fn verify_ends_with_the_code_of_its_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let summary = record_flight(folder.path());
    let last = segment(&summary, summary.segments - 1);
    let (first_bytes, last_bytes) = (
        fs::read(segment(&summary, 0)).unwrap(),
        fs::read(&last).unwrap(),
    );

    let clean = run(&["verify", path]);
    assert_eq!(code(&clean), 0, "{}", stderr(&clean));
    assert!(stdout(&clean).contains("complete"), "{}", stdout(&clean));

    fs::write(&last, &last_bytes[..last_bytes.len() - 20]).unwrap();
    let torn = run(&["verify", "--json", path]);
    assert_eq!(code(&torn), 2);
    assert_eq!(json(&torn)["completeness"], "torn_tail");

    let mut flipped = first_bytes.clone();
    flipped[10_000] ^= 1;
    fs::write(segment(&summary, 0), &flipped).unwrap();
    let damaged = run(&["verify", "--json", path]);
    assert_eq!(code(&damaged), 3);
    let report = json(&damaged);
    assert_eq!(
        (&report["exit_code"], &report["completeness"]),
        (&3.into(), &"damaged".into())
    );
    assert!(report["findings"].as_array().unwrap().len() >= 2);

    fs::write(segment(&summary, 0), &first_bytes).unwrap();
    fs::write(&last, &last_bytes).unwrap();
    let manifest = summary.folder.join("manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    let records = format!("\"records\": {}", summary.records);
    fs::write(&manifest, text.replace(&records, "\"records\": 7")).unwrap();
    assert_eq!(code(&run(&["verify", path])), 4);
}

#[test]
fn what_cannot_be_read_is_exit_1_and_names_the_path() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("nothing-here");
    for command in ["info", "verify", "cat"] {
        let output = run(&[command, missing.to_str().unwrap()]);
        assert_eq!(code(&output), 1);
        assert!(
            stderr(&output).contains("nothing-here"),
            "{}",
            stderr(&output)
        );
        assert!(output.stdout.is_empty());
    }
    let empty = run(&["verify", folder.path().to_str().unwrap()]);
    assert_eq!(code(&empty), 1);
    assert!(
        stderr(&empty).contains("holds no recording"),
        "{}",
        stderr(&empty)
    );
}

#[test]
fn wrong_usage_is_exit_64() {
    for arguments in [
        &["verify"][..],
        &["cat", "x", "--type", "NoSuchType"],
        &["cat", "x", "--from", "noon"],
        &["dance"],
        &[],
    ] {
        assert_eq!(code(&run(arguments)), 64, "{arguments:?}");
    }
    assert_eq!(code(&run(&["--help"])), 0);
    assert_eq!(code(&run(&["verify", "--help"])), 0);
}

#[test]
fn cat_filters_by_type_and_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let summary = record_flight(folder.path());

    let all = run(&["cat", path]);
    assert_eq!(code(&all), 0);
    let all = lines(&all);
    assert_eq!(all.len() as u64, summary.records);
    assert!(
        (0u64..)
            .zip(&all)
            .all(|(sequence, line)| line["sequence"] == sequence)
    );

    let logs = lines(&run(&["cat", path, "--type", "log"]));
    assert_eq!(logs.len(), 10);
    assert_eq!(logs[1]["body"]["text"], "a \"quoted\" line\n");
    assert_eq!(logs[1]["body"]["severity"], "warning");
    assert_eq!(logs[1]["time_s"], 1.0);

    let both = lines(&run(&[
        "cat", path, "-t", "0x0306", "-t", "ImuTrace", "--from", "2", "--to", "2.5",
    ]));
    assert_eq!(both.len(), 52);
    assert_eq!(both[0]["body"]["specific_force_frd_mps2"][1], Value::Null);

    let array = json(&run(&["cat", path, "--json", "--type", "Log"]));
    assert_eq!(array.as_array().unwrap(), &logs);
}

#[test]
fn cat_prints_what_is_left_of_a_damaged_flight_and_says_what_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let summary = record_flight(folder.path());
    let first = segment(&summary, 0);
    let mut bytes = fs::read(&first).unwrap();
    bytes[10_000] ^= 1;
    fs::write(&first, &bytes).unwrap();
    let output = run(&["cat", folder.path().to_str().unwrap()]);
    assert_eq!(code(&output), 3);
    assert_eq!(lines(&output).len() as u64, summary.records - 1);
    assert!(stderr(&output).contains("damaged"), "{}", stderr(&output));
}

#[test]
fn info_tells_the_flight_its_versions_and_its_records() {
    let folder = tempfile::tempdir().unwrap();
    let summary = record_flight(folder.path());
    for path in [folder.path(), &summary.folder] {
        let report = json(&run(&["info", "--json", path.to_str().unwrap()]));
        assert_eq!(report["flight_id"], "abababab-abab-abab-abab-abababababab");
        assert_eq!(report["counts"]["ImuTrace"], 1000);
        assert_eq!(report["records"], summary.records);
        assert_eq!(report["core_version"], 1);
        assert_eq!(
            (&report["source"], &report["source_name"]),
            (&"simulation".into(), &"commands".into())
        );
        assert_eq!(report["duration_s"], 9.99);
    }
    let table = stdout(&run(&["info", folder.path().to_str().unwrap()]));
    assert!(table.contains("2023-11-14 22:13:20 UTC"), "{table}");
}

#[test]
fn with_json_every_failure_is_one_document_with_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("nothing-here");
    let missing = missing.to_str().unwrap();
    for (arguments, expected, part) in [
        (&["info", "--json", missing][..], 1, "nothing-here"),
        (&["verify", missing, "--json"], 1, "nothing-here"),
        (&["cat", "--json", missing], 1, "nothing-here"),
        (&["rerun", "--json", missing], 1, "nothing-here"),
        (&["verify", "--json"], 64, "FLIGHT"),
        (
            &["cat", "--json", "x", "--type", "NoSuchType"],
            64,
            "NoSuchType",
        ),
        (&["dance", "--json"], 64, "dance"),
    ] {
        let output = run(arguments);
        assert_eq!(code(&output), expected, "{arguments:?}");
        let report = json(&output);
        assert_eq!(report.as_object().unwrap().len(), 1, "{report}");
        assert!(report["error"].as_str().unwrap().contains(part), "{report}");
        assert!(stderr(&output).contains(part), "{}", stderr(&output));
    }
}

fn change(path: PathBuf, how: impl Fn(&mut Vec<u8>)) {
    let clean = fs::read(&path).unwrap();
    let mut bytes = clean.clone();
    how(&mut bytes);
    assert_ne!(bytes, clean);
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_stderr_that_takes_nothing_changes_no_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let summary = record_flight(folder.path());
    change(segment(&summary, 0), |bytes| bytes[10_000] ^= 1);
    let path = folder.path().to_str().unwrap();
    for (arguments, expected) in [(&["cat", path], 3), (&["cat", "/nothing/here"], 1)] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_fdr-replay"))
            .args(arguments)
            .stderr(full)
            .output()
            .unwrap();
        assert_eq!(code(&output), expected);
    }
}

#[test]
fn cat_tells_a_few_findings_and_counts_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let summary = record_flight(folder.path());
    change(segment(&summary, 0), |bytes| {
        for at in (5_000..20_000).step_by(400) {
            bytes[at] ^= 1;
        }
    });
    let output = run(&["cat", folder.path().to_str().unwrap()]);
    let told = stderr(&output);
    assert_eq!(told.lines().count(), 21, "{told}");
    assert!(told.contains("more; list them with"), "{told}");
}

#[test]
fn nothing_that_could_be_read_is_an_error_and_no_array() {
    let folder = tempfile::tempdir().unwrap();
    let summary = record_flight(folder.path());
    for number in 0..summary.segments {
        fs::write(segment(&summary, number), b"").unwrap();
    }
    let output = run(&["cat", "--json", folder.path().to_str().unwrap()]);
    assert_eq!(code(&output), 1);
    assert!(json(&output)["error"].is_string(), "{}", stdout(&output));
}

#[test]
fn cat_seeks_by_number_and_does_not_judge_what_it_does_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let summary = record_flight(folder.path());
    let path = folder.path().to_str().unwrap();
    let wanted = |arguments: &[&str]| {
        let output = run(&[&["cat", path], arguments].concat());
        let numbers = lines(&output).into_iter();
        let numbers: Vec<_> = numbers
            .map(|line| line["sequence"].as_u64().unwrap())
            .collect();
        (code(&output), numbers)
    };
    assert_eq!(wanted(&["--sequence", "7"]), (0, vec![7]));
    assert_eq!(wanted(&["--sequence", "7..9"]), (0, vec![7, 8, 9]));
    fs::remove_file(segment(&summary, 1)).unwrap();
    assert_eq!(wanted(&["--sequence", "7..9"]), (0, vec![7, 8, 9]));
    assert_eq!(
        wanted(&["--sequence", "7..9", "--policy", "strict"]),
        (3, vec![])
    );
    assert_eq!(code(&run(&["cat", path, "--sequence", "9..7"])), 64);
}

#[test]
fn a_policy_says_what_is_read_out_and_changes_no_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let summary = record_flight(folder.path());
    let last = segment(&summary, summary.segments - 1);
    change(last, |bytes| bytes.truncate(bytes.len() - 9));
    let path = folder.path().to_str().unwrap();
    let printed = |policy: &str| {
        let output = run(&["cat", path, "--policy", policy]);
        (code(&output), !output.stdout.is_empty())
    };
    assert_eq!(printed("strict"), (2, false));
    assert_eq!(printed("torn-tail"), (2, true));
    assert_eq!(printed("salvage"), (2, true));
    change(segment(&summary, 0), |bytes| bytes[10_000] ^= 1);
    assert_eq!(printed("torn-tail"), (3, false));
    assert_eq!(printed("salvage"), (3, true));
}

#[test]
fn recover_ends_with_the_code_of_the_source_and_overwrites_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let summary = record_flight(&folder.path().join("source"));
    change(segment(&summary, 0), |bytes| bytes[10_000] ^= 1);
    let (from, to) = (folder.path().join("source"), folder.path().join("new"));
    let (from, to) = (from.to_str().unwrap(), to.to_str().unwrap());
    let output = run(&["recover", "--json", from, "-o", to]);
    assert_eq!(code(&output), 3);
    assert_eq!(json(&output)["exit_code"], 3);
    let judged = run(&["verify", "--json", to]);
    assert_eq!(code(&judged), 3);
    assert_eq!(json(&judged)["completeness"], "recovered");
    assert_eq!(code(&run(&["recover", from, "-o", to])), 1);
    let strict = folder.path().join("strict");
    let strict = strict.to_str().unwrap();
    assert_eq!(
        code(&run(&[
            "recover",
            from,
            "-o",
            strict,
            "--policy",
            "torn-tail"
        ])),
        1
    );
}

#[test]
fn following_a_flight_that_has_ended_prints_all_of_it_and_ends() {
    let folder = tempfile::tempdir().unwrap();
    record_flight(folder.path());
    let path = folder.path().to_str().unwrap();
    let output = run(&["cat", path, "--follow"]);
    assert_eq!(code(&output), 0);
    assert_eq!(stdout(&output), stdout(&run(&["cat", path])));
}

#[test]
fn a_fast_look_at_a_recording_leaves_out_what_only_hashes_tell() {
    let folder = tempfile::tempdir().unwrap();
    let summary = record_flight(folder.path());
    let manifest = summary.folder.join("manifest.json");
    change(manifest, |bytes| bytes.truncate(5));
    let path = folder.path().to_str().unwrap();
    assert_eq!(code(&run(&["verify", path])), 4);
    let fast = run(&["verify", "--fast", "--json", path]);
    assert_eq!(code(&fast), 0);
    assert_eq!(json(&fast)["checked"], "checksums_and_sequence");
    change(segment(&summary, 0), |bytes| bytes[10_000] ^= 1);
    assert_eq!(code(&run(&["verify", "--fast", path])), 3);
}
