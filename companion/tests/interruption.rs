//! Ctrl-C in the middle of a replay: the recording is closed in order.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fdr_format::records::LifecycleEvent;
use fdr_format::{FlightItem, FlightReader, Record};
use support::command::{Run, file, sound_recording};
use support::straight_flight;

/// Starts a replay of a log that takes a while.
fn start(log: &Path, fdr: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_companion"))
        .args(["replay", "--json", "--log", log.to_str().unwrap()])
        .args(["--fdr", fdr.to_str().unwrap()])
        .args(["--positions", fdr.with_extension("jsonl").to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits until the recording has begun: then the signal comes in the middle.
fn wait_for_recording(fdr: &Path) {
    let limit = Instant::now() + Duration::from_secs(60);
    while std::fs::read_dir(fdr).map_or(0, Iterator::count) == 0 {
        assert!(Instant::now() < limit, "nothing was recorded in a minute");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn last_lifecycle_event(recording: &Path) -> (LifecycleEvent, String) {
    let mut reader = FlightReader::open(recording).unwrap();
    let mut last = None;
    while let Some(item) = reader.next_item().unwrap() {
        if let FlightItem::Record { record, .. } = item
            && let Ok(Record::ComponentLifecycleEvent(event)) = record.decode()
        {
            last = Some((event.event, event.text.to_owned()));
        }
    }
    last.unwrap()
}

#[test]
fn an_interrupted_replay_ends_with_one_message_and_a_recording_closed_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let log = file(folder.path(), "flight.tlog", &straight_flight(3_600).bytes);
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let fdr = folder.path().join(signal);
        let child = start(&log, &fdr);
        wait_for_recording(&fdr);
        let sent = Command::new("kill")
            .args(["-s", signal, &child.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
        let output = child.wait_with_output().unwrap();
        let run = Run {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        run.fails(
            code,
            &["--log", "interrupted after", "recorded up to there"],
        );
        let report = run.json();
        assert!(report["error"].as_str().unwrap().contains("interrupted"));
        let duration_s = report["duration_s"].as_f64().unwrap();
        assert!(duration_s > 0.0 && duration_s < 3_590.0, "{duration_s}");
        let (event, text) = last_lifecycle_event(&sound_recording(&report));
        assert_eq!(event, LifecycleEvent::Failed);
        assert!(text.contains("interrupted"), "{text}");
        let lines = std::fs::read_to_string(fdr.with_extension("jsonl")).unwrap();
        assert_eq!(
            lines.lines().count() as u64,
            report["positions"].as_u64().unwrap()
        );
        assert!(lines.ends_with("}\n"));
    }
}
