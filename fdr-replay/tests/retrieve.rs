//! `retrieve`: ended at any call, repeated, and nothing is lost or sealed early.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use fdr_format::records::{FlightSource, Log, Severity};
use fdr_format::{
    BootId, ClockAnchor, FlightId, FlightKeys, FlightParameters, FlightWriter, SecretKey,
    SignedReceipt, verify,
};
use support::{code, json, run, stderr, stdout, text};

const SECRET: [u8; 32] = [7; 32];

/// A flight that ended in order and whose recorder had no time to seal it.
fn record(folder: &Path, id: u8, records: u64) -> PathBuf {
    let key = SecretKey::from_bytes(&SECRET);
    let parameters = FlightParameters {
        flight_id: FlightId([id; 16]),
        boot_id: BootId([1; 16]),
        software_version: "0.1.0".to_owned(),
        core_version: 1,
        configuration: String::new(),
        source: FlightSource::Flight,
        source_name: String::new(),
        clock: ClockAnchor {
            monotonic_ns: 0,
            unix_ns: None,
        },
        keys: Some(FlightKeys {
            flight: key.public(),
            device: None,
        }),
        recovered: false,
        segment_bytes: 1 << 20,
    };
    let mut writer = FlightWriter::create(folder, parameters).unwrap();
    for index in 0..records {
        let time_ns = index * 1_000_000;
        let log = Log {
            time_ns,
            severity: Severity::Warning,
            target: "test",
            text: &"x".repeat(900),
        };
        writer.append(&log.into(), time_ns).unwrap();
    }
    let flight = writer.finish().unwrap().folder;
    fs::write(flight.join("seal.key"), SECRET).unwrap();
    fs::create_dir(flight.join("thumbnails")).unwrap();
    fs::write(flight.join("thumbnails/a.jpg"), b"picture").unwrap();
    flight
}

struct Ground {
    folder: tempfile::TempDir,
    key: PathBuf,
}

impl Ground {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("operator.key");
        assert_eq!(code(&run(&["operator-key", "new", text(&key)])), 0);
        Self { folder, key }
    }

    fn archive(&self) -> PathBuf {
        self.folder.path().join("archive")
    }

    fn copy_of(&self, flight: &Path) -> PathBuf {
        self.archive().join(flight.file_name().unwrap())
    }

    fn arguments<'a>(&'a self, flight: &'a Path, archive: &'a Path) -> [&'a str; 6] {
        [
            "retrieve",
            text(flight),
            text(archive),
            "--key",
            text(&self.key),
            "--json",
        ]
    }
}

/// Nothing at the source may have changed while there is no proven copy.
fn nothing_is_sealed_early(flight: &Path, copy: &Path) {
    let proven = matches!(SignedReceipt::read(copy), Ok(Some(receipt)) if receipt.is_signed());
    if !proven {
        assert!(
            flight.join("seal.key").exists(),
            "the key is gone and there is no copy"
        );
        assert!(!flight.join("seal.json").exists(), "sealed early");
        assert!(!flight.join("receipt.json").exists());
    }
}

fn retrieved_whole(flight: &Path, copy: &Path) {
    assert!(!flight.join("seal.key").exists());
    assert!(!copy.join("seal.key").exists());
    for folder in [flight, copy] {
        let verdict = verify(folder).unwrap();
        assert_eq!(verdict.exit_code, 0, "{:?}", verdict.findings);
        assert_eq!(verdict.seal.state, fdr_format::SealState::Sealed);
        let receipt = SignedReceipt::read(folder).unwrap().unwrap();
        assert!(receipt.is_signed());
        assert_eq!(receipt.receipt.records, verdict.records);
    }
    let receipt = SignedReceipt::read(copy).unwrap().unwrap().receipt;
    for file in &receipt.files {
        assert_eq!(
            fs::read(flight.join(&file.path)).unwrap(),
            fs::read(copy.join(&file.path)).unwrap()
        );
    }
    assert!(
        receipt
            .files
            .iter()
            .any(|file| file.path == "thumbnails/a.jpg")
    );
}

#[test]
fn a_flight_is_retrieved_sealed_and_its_key_removed_and_a_repeat_changes_nothing() {
    let (source, ground) = (tempfile::tempdir().unwrap(), Ground::new());
    let flight = record(source.path(), 0x0a, 5_000);
    let archive = ground.archive();
    let said = json(&ground.arguments(&flight, &archive));
    assert_eq!(said["sealed"], "at_retrieval", "{said}");
    assert_eq!(said["receipt"]["exit_code"], 0);
    let copy = ground.copy_of(&flight);
    retrieved_whole(&flight, &copy);
    let receipt = fs::read(copy.join("receipt.json")).unwrap();
    json(&ground.arguments(&flight, &archive));
    assert_eq!(fs::read(copy.join("receipt.json")).unwrap(), receipt);
    let left: Vec<_> = fs::read_dir(&archive)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, [copy.file_name().unwrap()], "no journal, no part");
    let list = json(&["list", "--json", text(source.path())]);
    assert_eq!(
        (&list[0]["retrieved"], &list[0]["key_on_disk"]),
        (&true.into(), &false.into())
    );
}

/// Kills the real program after ever longer times, until it gets through.
#[test]
fn a_killed_retrieval_goes_on_and_seals_nothing_early() {
    let (source, ground) = (tempfile::tempdir().unwrap(), Ground::new());
    let flight = record(source.path(), 0x0b, 20_000);
    let (archive, copy) = (ground.archive(), ground.copy_of(&flight));
    let mut kills = 0;
    for wait_us in (0..).map(|index| (300.0 * 1.4f64.powi(index)) as u64) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_fdr-replay"))
            .args(ground.arguments(&flight, &archive))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_micros(wait_us));
        let ended = child.try_wait().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        nothing_is_sealed_early(&flight, &copy);
        if ended.is_some_and(|status| status.success()) {
            break;
        }
        kills += 1;
        assert!(wait_us < 60_000_000, "it never comes to an end");
    }
    assert!(kills > 3, "{kills} kills");
    let said = run(&ground.arguments(&flight, &archive));
    assert_eq!(code(&said), 0, "{}", stderr(&said));
    retrieved_whole(&flight, &copy);
}

#[test]
fn another_operators_key_is_told_and_so_is_a_copy_that_was_altered() {
    let (source, ground) = (tempfile::tempdir().unwrap(), Ground::new());
    let flight = record(source.path(), 0x0c, 500);
    let archive = ground.archive();
    json(&ground.arguments(&flight, &archive));
    let other = Ground::new();
    let refused = run(&other.arguments(&flight, &archive));
    assert_eq!(code(&refused), 1);
    assert!(
        stdout(&refused).contains("signed by operator key"),
        "{}",
        stdout(&refused)
    );
    let segment = ground.copy_of(&flight).join("segments/seg_00000.bin");
    let mut bytes = fs::read(&segment).unwrap();
    bytes[900] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let altered = run(&ground.arguments(&flight, &archive));
    assert_eq!(code(&altered), 1);
    assert!(
        stdout(&altered).contains("not what its receipt says"),
        "{}",
        stdout(&altered)
    );
}

#[test]
fn a_flight_that_was_not_closed_is_retrieved_with_its_code_and_not_sealed() {
    let (source, ground) = (tempfile::tempdir().unwrap(), Ground::new());
    let flight = record(source.path(), 0x0d, 3_000);
    let segments = fs::read_dir(flight.join("segments")).unwrap();
    let last = segments.map(|entry| entry.unwrap().path()).max().unwrap();
    let bytes = fs::read(&last).unwrap();
    fs::write(&last, &bytes[..bytes.len() - 333]).unwrap();
    let archive = ground.archive();
    let output = run(&ground.arguments(&flight, &archive));
    assert_eq!(code(&output), 2, "{}", stderr(&output));
    let copy = ground.copy_of(&flight);
    assert!(!copy.join("seal.json").exists() && !flight.join("seal.json").exists());
    assert!(SignedReceipt::read(&copy).unwrap().unwrap().is_signed());
    assert!(
        !flight.join("seal.key").exists(),
        "retrieved: its key is of no more use"
    );
}

#[test]
fn a_flight_that_is_being_recorded_is_left_alone_and_a_source_can_be_left_as_it_is() {
    let (source, ground) = (tempfile::tempdir().unwrap(), Ground::new());
    let flight = record(source.path(), 0x0e, 500);
    let archive = ground.archive();
    let lock = fs::File::create(flight.join("lock")).unwrap();
    lock.lock().unwrap();
    let refused = run(&ground.arguments(&flight, &archive));
    assert_eq!(code(&refused), 1);
    assert!(
        stdout(&refused).contains("being recorded"),
        "{}",
        stdout(&refused)
    );
    lock.unlock().unwrap();
    let arguments: Vec<&str> = ground
        .arguments(&flight, &archive)
        .into_iter()
        .chain(["--leave-source"])
        .collect();
    assert_eq!(json(&arguments)["sealed"], "source_left");
    assert!(flight.join("seal.key").exists() && !flight.join("receipt.json").exists());
    json(&ground.arguments(&flight, &archive));
    retrieved_whole(&flight, &ground.copy_of(&flight));
}

#[test]
fn a_sparse_ring_stays_sparse() {
    use std::os::unix::fs::MetadataExt;
    let (source, ground) = (tempfile::tempdir().unwrap(), Ground::new());
    let flight = record(source.path(), 0x0f, 500);
    let ahead = fs::File::create(flight.join("segments/seg_00009.bin")).unwrap();
    ahead.set_len(256 << 20).unwrap();
    let archive = ground.archive();
    json(&ground.arguments(&flight, &archive));
    let copied = fs::metadata(ground.copy_of(&flight).join("segments/seg_00009.bin")).unwrap();
    assert_eq!(copied.len(), 256 << 20);
    assert!(
        copied.blocks() * 512 < 1 << 20,
        "{} blocks",
        copied.blocks()
    );
}

#[test]
fn a_key_is_readable_by_its_owner_only_and_what_is_none_is_told() {
    let ground = Ground::new();
    let mode = fs::metadata(&ground.key).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(
        code(&run(&["operator-key", "new", text(&ground.key)])),
        1,
        "it is not replaced"
    );
    let shown = json(&["operator-key", "show", text(&ground.key), "--json"]);
    assert_eq!(shown["public_key"].as_str().unwrap().len(), 64);
    let source = tempfile::tempdir().unwrap();
    let flight = record(source.path(), 0x10, 10);
    fs::write(&ground.key, b"short").unwrap();
    let refused = run(&ground.arguments(&flight, &ground.archive()));
    assert_eq!(code(&refused), 1);
    assert!(
        stdout(&refused).contains("is no key"),
        "{}",
        stdout(&refused)
    );
}
