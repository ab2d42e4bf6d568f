//! The program flies an autopilot and talks to a ground station that were made with other people's code:
//! pymavlink and MAVProxy, over a pseudo-terminal and the loopback.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::command::{Run, sound};

/// The Python that has the peers, or `None` (said plainly). Under `CI=true` its absence fails.
fn python() -> Option<PathBuf> {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.venv/bin/python");
    if python.is_file() {
        return Some(python);
    }
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "{} is missing and must not be skipped in CI; run `just setup`",
        python.display()
    );
    eprintln!("SKIPPED: pymavlink is missing; run `just setup`");
    None
}

/// One flight at a time: they are timed, and a pseudo-terminal that one gives back is the next one's.
fn alone() -> MutexGuard<'static, ()> {
    static FLYING: Mutex<()> = Mutex::new(());
    FLYING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A peer script and what it prints, line by line.
struct Peer {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Peer {
    fn start(python: &Path, script: &str, options: &Value) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/peers")
            .join(script);
        let mut child = Command::new(python)
            .arg(script)
            .arg(options.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    fn line(&mut self) -> Value {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Flown {
    run: Run,
    seen: Value,
    recording: PathBuf,
    _folder: tempfile::TempDir,
}

/// The program; it never outlives its test.
struct Program(Option<Child>);

impl Program {
    fn child(&mut self) -> &mut Child {
        self.0.as_mut().unwrap()
    }

    fn output(mut self) -> std::process::Output {
        self.0.take().unwrap().wait_with_output().unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn start(config: &Path, more: &[&str]) -> Program {
    let child = Command::new(env!("CARGO_BIN_EXE_companion"))
        .args(["fly", "--json", "--config", config.to_str().unwrap()])
        .args(more)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    Program(Some(child))
}

fn end(mut program: Program) -> Run {
    let sent = Command::new("kill")
        .args(["-s", "TERM", &program.child().id().to_string()])
        .status();
    assert!(sent.unwrap().success());
    let output = program.output();
    Run {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn config(folder: &Path, address: &str, autopilot: &str, rest: &str) -> PathBuf {
    let path = folder.join("companion.toml");
    let fdr = folder.join("fdr");
    let text = format!(
        "[autopilot]\naddress = \"{address}\"\n{autopilot}\n[recorder]\nfolder = \"{}\"\n\
         segment_bytes = 1048576\n{rest}",
        fdr.display()
    );
    std::fs::write(&path, text).unwrap();
    path
}

/// Flies the pymavlink autopilot for some seconds.
fn fly(python: &Path, options: &Value, autopilot: &str, more: &[&str]) -> Flown {
    let folder = tempfile::tempdir().unwrap();
    let mut peer = Peer::start(python, "autopilot.py", options);
    let address = peer.line()["address"].as_str().unwrap().to_owned();
    let child = start(&config(folder.path(), &address, autopilot, ""), more);
    assert_eq!(peer.line(), json!({ "flown": true }));
    let run = end(child);
    let seen = peer.line();
    assert_eq!(run.code, 0, "{run}");
    let recording = PathBuf::from(run.json()["flight_dir"].as_str().unwrap());
    sound(&recording);
    Flown {
        run,
        seen,
        recording,
        _folder: folder,
    }
}

fn count(seen: &Value, kind: &str) -> u64 {
    seen["counts"][kind].as_u64().unwrap_or(0)
}

/// What must hold whatever the autopilot does.
fn check(flown: &Flown, seconds: u64) {
    let seen = &flown.seen;
    assert_eq!(seen["bad"], 0, "{seen:#}");
    assert_eq!(seen["sequence_gaps"], 0, "{seen:#}");
    assert_eq!(seen["senders"], json!([[1, 191]]));
    let positions = count(seen, "GPS_INPUT");
    let least = (seconds - 3) * 10;
    assert!(positions >= least, "{positions} positions in {seconds} s");
    assert!(count(seen, "HEARTBEAT") >= seconds - 3);
    for packet in seen["gps_input"].as_array().unwrap() {
        assert_eq!(packet["gps_id"], 1);
        assert_eq!(packet["ignore_flags"], 0);
        assert_eq!(packet["time_week"], 0);
    }
    let last = seen["gps_input"].as_array().unwrap().last().unwrap();
    assert_eq!(last["fix_type"], 1, "the last word is a withdrawn fix");
    assert_eq!(flown.run.json()["links"][0]["bytes_lost"], 0);
}

#[test]
fn an_autopilot_of_pymavlink_is_flown_over_tcp_and_a_pseudo_terminal() {
    let Some(python) = python() else { return };
    let _alone = alone();
    for link in ["tcp", "pty"] {
        let options = json!({ "link": link, "seconds": 10 });
        let flown = fly(&python, &options, "", &[]);
        check(&flown, 10);
        let seen = &flown.seen;
        assert_eq!(seen["intervals"]["30"], 20_000.0, "{seen:#}");
        assert_eq!(seen["intervals"]["27"], 10_000.0);
        assert!(seen["parameters"].as_array().unwrap().len() >= 20);
        assert!(count(seen, "TIMESYNC") >= 10);
        for name in ["H_ACC_M", "V_ACC_M", "VIO_HEALTH", "ANCHOR_S", "SRC_LBL"] {
            let sent = seen["values"][name].as_array().unwrap().len();
            assert!((7..=13).contains(&sent), "{name} was sent {sent} times");
        }
        let texts = seen["texts"].as_array().unwrap();
        let all_ours = texts
            .iter()
            .all(|text| text[1].as_str().unwrap().starts_with("GPS-DENIED: "));
        assert!(all_ours && !texts.is_empty(), "{texts:?}");
        // A text of more than 50 bytes came together again.
        let long = texts
            .iter()
            .any(|text| text[1].as_str().unwrap().len() > 50);
        assert!(long, "{texts:?}");
        let first = flown.run.json()["first_position_s"].as_f64().unwrap();
        assert!(first <= 1.0, "first position after {first} s");
        assert!(flown.recording.is_dir());
    }
}

#[test]
fn pymavlink_finds_every_signature_right_from_the_key_on() {
    let Some(python) = python() else { return };
    let _alone = alone();
    let options = json!({ "link": "pty", "seconds": 8 });
    let flown = fly(&python, &options, "signing = true", &[]);
    check(&flown, 8);
    let seen = &flown.seen;
    assert_eq!(
        seen["setup_signing"], 2,
        "installed at the start and dropped at the end: {seen:#}"
    );
    assert!(
        seen["signed"]["GPS_INPUT"].as_u64().unwrap() > 40,
        "{seen:#}"
    );
    let good = seen["signing"]["good"].as_u64().unwrap();
    assert!(good > 100, "{good} signatures were right");
    assert_eq!(seen["signing"]["bad"], 0);
    assert_eq!(seen["signing"]["rejected"], 0);
    let texts = seen["texts"].to_string();
    assert!(texts.contains("MAVLink signing key is in force"), "{texts}");
}

#[test]
fn an_autopilot_that_reboots_wraps_its_clock_repeats_reorders_or_babbles_is_flown_on() {
    let Some(python) = python() else { return };
    let _alone = alone();
    for faults in [
        &["reboot"][..],
        &["wrap", "repeat"],
        &["reorder"],
        &["unknown", "garbage"],
    ] {
        let options = json!({ "link": "tcp", "seconds": 8, "faults": faults });
        let flown = fly(&python, &options, "", &[]);
        check(&flown, 8);
        let rounds = flown.seen["stream_rounds"].as_u64().unwrap();
        let wanted = if faults.contains(&"reboot") { 2 } else { 1 };
        assert_eq!(
            rounds, wanted,
            "{faults:?}: streams were asked for {rounds} times"
        );
    }
}

#[test]
fn a_dry_run_does_everything_but_send() {
    let Some(python) = python() else { return };
    let _alone = alone();
    let options = json!({ "link": "tcp", "seconds": 4 });
    let flown = fly(&python, &options, "", &["--dry-run"]);
    assert_eq!(flown.seen["counts"], json!({}));
    assert!(flown.run.json()["positions"].as_u64().unwrap() > 20);
}

#[test]
fn without_a_recorder_there_is_no_flight_and_nothing_is_sent() {
    let Some(python) = python() else { return };
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let mut peer = Peer::start(
        &python,
        "autopilot.py",
        &json!({ "link": "pty", "seconds": 2 }),
    );
    let address = peer.line()["address"].as_str().unwrap().to_owned();
    let path = config(folder.path(), &address, "", "");
    std::fs::write(
        folder.path().join("fdr"),
        "a file where the folder should be",
    )
    .unwrap();
    let mut child = start(&path, &[]);
    let limit = Instant::now() + Duration::from_secs(10);
    while child.child().try_wait().unwrap().is_none() {
        assert!(Instant::now() < limit);
        std::thread::sleep(Duration::from_millis(10));
    }
    let output = child.output();
    let run = Run {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    };
    run.fails(2, &["without a recorder there is no flight"]);
    assert_eq!(peer.line(), json!({ "flown": true }));
    assert_eq!(peer.line()["counts"], json!({}));
}

#[test]
fn a_flight_that_was_killed_goes_on_within_five_seconds_in_the_same_recording() {
    let Some(python) = python() else { return };
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let mut peer = Peer::start(
        &python,
        "autopilot.py",
        &json!({ "link": "pty", "seconds": 14 }),
    );
    let address = peer.line()["address"].as_str().unwrap().to_owned();
    let path = config(folder.path(), &address, "", "");
    let mut first = start(&path, &[]);
    std::thread::sleep(Duration::from_secs(5));
    first.child().kill().unwrap();
    let _ = first.child().wait();
    let second = start(&path, &[]);
    assert_eq!(peer.line(), json!({ "flown": true }));
    let run = end(second);
    let seen = peer.line();
    let report = run.json();
    assert_eq!(report["resumed"], true, "{run}");
    assert_eq!(report["clean_shutdown"], true);
    let times = seen["gps_input_times"].as_array().unwrap();
    let times: Vec<_> = times.iter().map(|time| time.as_f64().unwrap()).collect();
    let gap = times
        .windows(2)
        .map(|pair| pair[1] - pair[0])
        .fold(0.0, f64::max);
    assert!(gap <= 5.0, "no position for {gap} s");
    let flights = std::fs::read_dir(folder.path().join("fdr")).unwrap();
    let flights = flights.filter(|entry| entry.as_ref().unwrap().path().is_dir());
    assert_eq!(flights.count(), 1, "one flight, one recording");
    let recording = PathBuf::from(report["flight_dir"].as_str().unwrap());
    // What the kill took is missing, said, and stepped over at the restart's checkpoint.
    let rerun = companion::rerun::rerun(&recording).unwrap();
    assert!(
        rerun.difference.is_none() && rerun.cut_short.is_none() && rerun.outputs_identical > 50,
        "{rerun:?}"
    );
}

#[test]
fn a_process_that_is_killed_while_armed_goes_on_signed_with_the_key_that_the_service_manager_kept()
{
    let Some(python) = python() else { return };
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    for armed in [true, false] {
        let faults = if armed { &["arm"][..] } else { &[] };
        let options = json!({ "link": "pty", "seconds": 14, "faults": faults });
        let mut peer = Peer::start(&python, "autopilot.py", &options);
        let address = peer.line()["address"].as_str().unwrap().to_owned();
        let path = config(folder.path(), &address, "signing = true", "");
        let options = json!({
            "companion": env!("CARGO_BIN_EXE_companion"), "config": path,
            "before_kill_s": 6, "after_kill_s": 6,
        });
        let kept = Peer::start(&python, "service_manager.py", &options).line();
        assert_eq!(kept["kept"], 1, "{kept:#}");
        // SEAL, SHRINK and GROW: its length is sealed, and it can be overwritten.
        assert_eq!((&kept["seals"], &kept["bytes"]), (&json!(7), &json!(48)));
        assert!(kept["told"].to_string().contains("FDSTORE=1"), "{kept:#}");
        assert_eq!(kept["code"], 0, "{kept:#}");
        assert_eq!(kept["report"]["resumed"], true);
        assert_eq!(peer.line(), json!({ "flown": true }));
        let seen = peer.line();
        // Installed once, whoever runs; dropped at the end on the ground alone.
        assert_eq!(seen["setup_signing"], if armed { 1 } else { 2 }, "{seen:#}");
        assert_eq!(kept["is_wiped"], !armed, "{kept:#}");
        assert_eq!(
            kept["told_at_end"].to_string().contains("FDSTOREREMOVE=1"),
            !armed
        );
        assert_eq!(seen["signing"]["bad"], 0, "{seen:#}");
        let times = seen["gps_input_times"].as_array().unwrap();
        let times: Vec<_> = times.iter().map(|time| time.as_f64().unwrap()).collect();
        let gap = times
            .windows(2)
            .map(|pair| pair[1] - pair[0])
            .fold(0.0, f64::max);
        assert!(gap <= 5.0, "no position for {gap} s");
        assert!(
            seen["signed"]["GPS_INPUT"].as_u64().unwrap() > 60,
            "{seen:#}"
        );
    }
}

/// MAVProxy as a ground station on a link of our own.
#[test]
fn mavproxy_shows_our_texts_and_values_on_a_link_of_our_own() {
    let Some(python) = python() else { return };
    let _alone = alone();
    let mavproxy = python.with_file_name("mavproxy.py");
    assert!(mavproxy.is_file(), "MAVProxy is missing; run `just setup`");
    let folder = tempfile::tempdir().unwrap();
    let port = std::net::UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let mut station = Command::new(&python)
        .arg(&mavproxy)
        .args([
            &format!("--master=udpin:127.0.0.1:{port}"),
            "--target-system=1",
        ])
        .args([
            "--non-interactive",
            "--mav20",
            "--default-modules=log,signing,link,output,param,misc",
        ])
        .arg(format!("--state-basedir={}", folder.path().display()))
        .arg("--cmd=watch NAMED_VALUE_FLOAT GPS_RAW_INT")
        .env("PYTHONUNBUFFERED", "1")
        .env("HOME", folder.path())
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut peer = Peer::start(
        &python,
        "autopilot.py",
        &json!({ "link": "pty", "seconds": 10 }),
    );
    let address = peer.line()["address"].as_str().unwrap().to_owned();
    let rest = format!("[ground_station]\naddress = \"udp:127.0.0.1:{port}\"\n");
    let child = start(&config(folder.path(), &address, "", &rest), &[]);
    assert_eq!(peer.line(), json!({ "flown": true }));
    let run = end(child);
    let _ = station.kill();
    let mut shown = String::new();
    station
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut shown)
        .unwrap();
    let _ = station.wait();
    assert_eq!(run.code, 0, "{run}");
    let seen = peer.line();
    assert_eq!(
        count(&seen, "STATUSTEXT") + count(&seen, "NAMED_VALUE_FLOAT"),
        0,
        "{seen:#}"
    );
    for part in [
        // What is said before the station knows of us is lost.
        "GPS-DENIED: position from FC GPS",
        "name : H_ACC_M",
        "name : SRC_LBL",
        "GPS_RAW_INT",
    ] {
        assert!(shown.contains(part), "no {part:?} in\n{shown}");
    }
}
