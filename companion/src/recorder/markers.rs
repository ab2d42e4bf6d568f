//! Freeze and pins as files in the flight's folder: they outlive the process, and anybody who may write
//! there can set them while the recorder runs.
//!
//! `frozen` freezes the ring; `pins/{number}` keeps bulk segment `number` whatever happens.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use super::volume::{FileUse, Volume, make_folders, remove_durably, sync_folder_of};

/// Most pins that are looked at.
const PINS_MAX: usize = 4096;

/// The markers of one flight.
#[derive(Debug, Clone)]
pub struct Markers {
    flight: PathBuf,
    frozen: bool,
    /// Whether the freeze is this process's own and its file could not be written.
    unwritten: bool,
    pinned: BTreeSet<u32>,
}

impl Markers {
    /// Reads the markers in the folder of a flight.
    ///
    /// # Errors
    /// As the file system has them.
    pub fn read<V: Volume>(volume: &V, flight: &Path) -> io::Result<Self> {
        let entries = volume.list(flight)?;
        let has = |name: &str| entries.iter().any(|entry| entry.name == name);
        let mut pinned = BTreeSet::new();
        if has("pins") {
            let pins = volume.list(&flight.join("pins"))?;
            let numbers = pins
                .iter()
                .filter_map(|entry| entry.name.to_str()?.parse::<u32>().ok());
            pinned.extend(numbers.take(PINS_MAX));
        }
        Ok(Self {
            flight: flight.to_owned(),
            frozen: has("frozen"),
            unwritten: false,
            pinned,
        })
    }

    /// Whether the ring is frozen.
    #[must_use]
    pub fn frozen(&self) -> bool {
        self.frozen
    }

    /// The segments that are kept whatever happens.
    pub fn pinned(&self) -> impl Iterator<Item = u32> {
        self.pinned.iter().copied()
    }

    /// Takes over what was read anew. A freeze whose file could not be written stays.
    pub fn follow(&mut self, read: &Self) {
        self.frozen = read.frozen || self.unwritten;
        self.pinned.extend(&read.pinned);
    }

    /// Freezes the ring.
    ///
    /// # Errors
    /// When the marker cannot be written; the freeze then holds for this process.
    pub fn freeze<V: Volume>(&mut self, volume: &V) -> io::Result<()> {
        self.frozen = true;
        let put = put(volume, &self.flight.join("frozen"));
        self.unwritten = put.is_err();
        put
    }

    /// Thaws it.
    ///
    /// # Errors
    /// When the marker cannot be removed.
    pub fn thaw<V: Volume>(&mut self, volume: &V) -> io::Result<()> {
        remove_durably(volume, &self.flight.join("frozen"))?;
        (self.frozen, self.unwritten) = (false, false);
        Ok(())
    }

    /// Keeps a segment.
    ///
    /// # Errors
    /// When the marker cannot be written; the pin then holds for this process.
    pub fn pin<V: Volume>(&mut self, volume: &V, segment: u32) -> io::Result<()> {
        self.pinned.insert(segment);
        let pins = self.flight.join("pins");
        make_folders(volume, &pins)?;
        put(volume, &pins.join(segment.to_string()))
    }
}

/// An empty file, durably.
fn put<V: Volume>(volume: &V, path: &Path) -> io::Result<()> {
    match volume.create_file(path, FileUse::Small) {
        Ok(_) => sync_folder_of(volume, path),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}
