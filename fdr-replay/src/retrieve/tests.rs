//! Ends a retrieval at every call to the file systems of both sides, and repeats it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use companion::recorder::{DiskVolume, Entry, FileUse, Space, Volume, VolumeFile};
use fdr_format::records::{FlightSource, Log, Severity};
use fdr_format::{
    BootId, ClockAnchor, FlightId, FlightKeys, FlightParameters, FlightWriter, SealState, verify,
};

use super::*;

/// A file system that ends with a call: that one and all behind it fail, and a write of it is torn.
#[derive(Debug, Clone)]
struct Mortal(Arc<AtomicI64>);

#[derive(Debug)]
struct MortalFile(File, Mortal);

impl Mortal {
    fn living_for(calls: i64) -> Self {
        Self(Arc::new(AtomicI64::new(calls)))
    }

    fn call(&self) -> io::Result<()> {
        match self.0.fetch_sub(1, Ordering::SeqCst) > 0 {
            true => Ok(()),
            false => Err(io::Error::other("ended here")),
        }
    }
}

impl Volume for Mortal {
    type File = MortalFile;
    type Lock = File;

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        self.call()?;
        DiskVolume.create_folder(path)
    }
    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.call()?;
        DiskVolume.sync_folder(path)
    }
    fn create_file(&self, path: &Path, use_as: FileUse) -> io::Result<MortalFile> {
        self.call()?;
        Ok(MortalFile(
            DiskVolume.create_file(path, use_as)?,
            self.clone(),
        ))
    }
    fn open_file(&self, path: &Path, use_as: FileUse) -> io::Result<MortalFile> {
        self.call()?;
        Ok(MortalFile(
            DiskVolume.open_file(path, use_as)?,
            self.clone(),
        ))
    }
    fn read(&self, path: &Path, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        self.call()?;
        DiskVolume.read(path, offset, length)
    }
    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        self.call()?;
        DiskVolume.list(path)
    }
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.call()?;
        DiskVolume.remove_file(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call()?;
        DiskVolume.rename(from, to)
    }
    fn space(&self, path: &Path) -> io::Result<Space> {
        self.call()?;
        DiskVolume.space(path)
    }
    fn lock(&self, path: &Path) -> io::Result<File> {
        self.call()?;
        DiskVolume.lock(path)
    }
}

impl VolumeFile for MortalFile {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if let Err(ended) = self.1.call() {
            self.0.write_at(offset, &bytes[..bytes.len() / 2])?;
            return Err(ended);
        }
        self.0.write_at(offset, bytes)
    }
    fn reserve(&mut self, bytes: u64) -> io::Result<()> {
        self.1.call()?;
        self.0.reserve(bytes)
    }
    fn sync(&mut self) -> io::Result<()> {
        self.1.call()?;
        self.0.sync()
    }
    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.1.call()?;
        self.0.cut(length)
    }
    fn allocated(&self) -> io::Result<u64> {
        self.0.allocated()
    }
}

const SECRET: [u8; 32] = [7; 32];

/// A flight that ended in order and whose recorder had no time to seal it.
fn record(folder: &Path) -> PathBuf {
    let key = SecretKey::from_bytes(&SECRET);
    let parameters = FlightParameters {
        flight_id: FlightId([5; 16]),
        boot_id: BootId([1; 16]),
        software_version: "0".to_owned(),
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
        segment_bytes: 64 << 10,
    };
    let mut writer = FlightWriter::create(folder, parameters).unwrap();
    for time_ns in 0..200 {
        let text = &"x".repeat(400);
        let log = Log {
            time_ns,
            severity: Severity::Warning,
            target: "test",
            text,
        };
        writer.append(&log.into(), time_ns).unwrap();
    }
    let flight = writer.finish().unwrap().folder;
    fs::write(flight.join("seal.key"), SECRET).unwrap();
    flight
}

fn retrieve(
    volume: &Mortal,
    flight: &Path,
    to: &Path,
    operator: &SecretKey,
) -> Result<Retrieved, RetrieveError> {
    let retrieval = Retrieval {
        source: volume,
        flight,
        destination: volume,
        to,
        operator,
        leave_source: false,
    };
    retrieval.run(&mut |_, _| {})
}

#[test]
fn ended_at_any_call_and_repeated_nothing_is_lost_and_nothing_sealed_early() {
    let operator = SecretKey::from_bytes(&[9; 32]);
    let mut calls = 0;
    loop {
        let folder = tempfile::tempdir().unwrap();
        let flight = record(&folder.path().join("fdr"));
        let to = folder.path().join("archive");
        let copy = to.join(flight.file_name().unwrap());
        let ended = retrieve(&Mortal::living_for(calls), &flight, &to, &operator);
        let proven = SignedReceipt::read(&copy)
            .ok()
            .flatten()
            .is_some_and(|own| own.is_signed());
        if !proven {
            assert!(
                flight.join("seal.key").exists(),
                "call {calls}: the key is gone"
            );
            for early in ["seal.json", "receipt.json"] {
                assert!(
                    !flight.join(early).exists(),
                    "call {calls}: {early} is early"
                );
            }
        }
        if !flight.join("seal.key").exists() {
            assert_eq!(verify(&flight).unwrap().seal.state, SealState::Sealed);
            assert!(flight.join("receipt.json").exists());
        }
        let whole = retrieve(&Mortal::living_for(i64::MAX), &flight, &to, &operator)
            .unwrap_or_else(|error| panic!("call {calls}: {error}"));
        assert!(!flight.join("seal.key").exists());
        assert!(!to.join(format!("{}.part", whole.flight_id)).exists());
        assert!(!to.join(format!("{}.journal", whole.flight_id)).exists());
        for side in [&flight, &copy] {
            let verdict = verify(side).unwrap();
            assert_eq!(
                (verdict.exit_code, verdict.seal.state),
                (0, SealState::Sealed)
            );
        }
        for file in &whole.signed.receipt.files {
            let sides = [&flight, &copy].map(|side| fs::read(side.join(&file.path)).unwrap());
            assert_eq!(sides[0], sides[1], "call {calls}: {}", file.path);
        }
        if ended.is_ok() {
            break;
        }
        calls += 1;
    }
    assert!(calls > 40, "{calls} calls");
}

#[test]
fn what_is_there_is_not_copied_again() {
    let operator = SecretKey::from_bytes(&[9; 32]);
    let resumed = (10..300).step_by(10).map(|calls| {
        let folder = tempfile::tempdir().unwrap();
        let flight = record(&folder.path().join("fdr"));
        let to = folder.path().join("archive");
        let _ended = retrieve(&Mortal::living_for(calls), &flight, &to, &operator);
        let whole = retrieve(&Mortal::living_for(i64::MAX), &flight, &to, &operator);
        whole.unwrap().resumed_bytes
    });
    let most = resumed.max().unwrap();
    assert!(most > 60_000, "{most}");
}
