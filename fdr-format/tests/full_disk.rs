//! A disk that fills up, or fails, at any byte: what was recorded before stays valid.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::cell::Cell;
use std::fs::File;
use std::io;
use std::path::Path;
use std::rc::Rc;

use fdr_format::{
    Completeness, FileSystem, FlightParameters, FlightWriter, SegmentFile, Storage, WriteError,
    verify,
};
use support::{imu, parameters};

/// The file system with room for so many bytes, which hands the last ones out in part.
#[derive(Clone)]
struct Disk {
    room: Rc<Cell<u64>>,
    can_cut: bool,
}

struct DiskFile {
    file: File,
    disk: Disk,
}

impl Disk {
    fn take(&self, wanted: usize) -> io::Result<usize> {
        let granted = self.room.get().min(wanted as u64);
        if granted == 0 && wanted > 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.room.set(self.room.get() - granted);
        Ok(granted as usize)
    }
}

impl Storage for Disk {
    type File = DiskFile;

    fn create_folder(&mut self, path: &Path) -> io::Result<()> {
        FileSystem.create_folder(path)
    }

    fn create_segment(&mut self, path: &Path) -> io::Result<DiskFile> {
        self.take(1)?;
        let file = FileSystem.create_segment(path)?;
        Ok(DiskFile {
            file,
            disk: self.clone(),
        })
    }

    fn replace_file(&mut self, path: &Path, content: &[u8]) -> io::Result<()> {
        match self.take(content.len())? {
            granted if granted == content.len() => FileSystem.replace_file(path, content),
            _ => Err(io::ErrorKind::StorageFull.into()),
        }
    }
}

impl SegmentFile for DiskFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let granted = self.disk.take(bytes.len())?;
        SegmentFile::append(&mut self.file, &bytes[..granted])
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        if self.disk.can_cut {
            self.file.cut(length)
        } else {
            Err(io::ErrorKind::Other.into())
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync()
    }
}

const RECORDS: u64 = 500;

fn small_segments() -> FlightParameters {
    FlightParameters {
        segment_bytes: 16 << 10,
        ..parameters()
    }
}

/// Records until the disk says no; `Ok` when it never did.
fn record(folder: &Path, disk: Disk) -> Result<u64, (WriteError, Option<u64>)> {
    let mut writer =
        FlightWriter::create_in(disk, folder, small_segments()).map_err(|error| (error, None))?;
    for now in 0..RECORDS {
        if let Err(error) = writer.append(&imu(now), now) {
            let again = writer.append(&imu(now), now).unwrap_err();
            assert!(matches!(again, WriteError::AlreadyFailed { .. }), "{again}");
            let summary = writer.finish().unwrap();
            assert!(!summary.clean_shutdown);
            return Err((error, Some(summary.records)));
        }
    }
    match writer.finish() {
        Ok(summary) => {
            assert!(summary.clean_shutdown);
            Ok(summary.records)
        }
        Err(error) => Err((error, None)),
    }
}

fn names_a_file(error: &WriteError) -> bool {
    let text = error.to_string();
    text.contains("seg_") || text.contains("manifest.json")
}

#[test]
fn a_disk_that_fills_at_any_byte_leaves_whole_records_and_a_message_naming_the_file() {
    let (mut failures, mut successes) = (0, 0);
    for room in (0..60_000).step_by(397) {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk {
            room: Rc::new(Cell::new(room)),
            can_cut: true,
        };
        let outcome = record(folder.path(), disk);
        let Ok(verdict) = verify(folder.path()) else {
            assert!(room < 1200, "{room} bytes take the segment header");
            continue;
        };
        assert_eq!(
            (verdict.exit_code, verdict.damaged_bytes),
            (0, 0),
            "room {room}: {verdict:?}"
        );
        match outcome {
            Ok(records) => {
                successes += 1;
                assert_eq!(
                    (verdict.records, verdict.completeness),
                    (records, Completeness::Complete)
                );
            }
            Err((error, records)) => {
                failures += 1;
                assert!(names_a_file(&error), "{error}");
                assert!(records.is_none_or(|records| records == verdict.records));
            }
        }
    }
    assert!(
        failures > 50 && successes > 10,
        "{failures} failures, {successes} successes"
    );
}

#[test]
fn a_disk_that_cannot_even_cut_the_file_leaves_a_torn_tail() {
    let mut torn = 0;
    for room in (3_000..30_000).step_by(397) {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk {
            room: Rc::new(Cell::new(room)),
            can_cut: false,
        };
        record(folder.path(), disk).unwrap_err();
        let verdict = verify(folder.path()).unwrap();
        assert!(
            matches!(verdict.exit_code, 0 | 2),
            "room {room}: {verdict:?}"
        );
        torn += u32::from(verdict.exit_code == 2);
    }
    assert!(torn > 0);
}
