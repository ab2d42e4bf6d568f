//! Thumbnails of failed tiles and mid-flight tiles: small files beside the segments, each kind below a cap of
//! its own inside the flight's.
//!
//! | file | result |
//! |---|---|
//! | name, size and pace as allowed, room below the cap | written, durable |
//! | longer than the kind allows (a raw frame), too soon, or no room | refused, counted; whoever made it records that |
//!
//! Files are never replaced and never dropped: the records that name them stay true.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::volume::{FileUse, Volume, VolumeFile, make_folders, sync_folder_of};

/// Longest name.
const NAME_MAX: usize = 64;

/// What is kept beside the segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SideKind {
    /// Thumbnails of failed tiles: at most 64 KiB each, at most one in ten seconds, so that no raw camera
    /// frame gets into a recording.
    Thumbnail,
    /// Tiles made in flight.
    Tile,
}

impl SideKind {
    /// Name of its folder in the flight's.
    #[must_use]
    pub fn folder(self) -> &'static str {
        match self {
            Self::Thumbnail => "thumbnails",
            Self::Tile => "tiles",
        }
    }

    /// Longest file, bytes.
    #[must_use]
    pub fn bytes_max(self) -> usize {
        match self {
            Self::Thumbnail => 64 << 10,
            Self::Tile => 1 << 20,
        }
    }

    /// Least time between two files, nanoseconds.
    #[must_use]
    pub fn period_ns(self) -> u64 {
        match self {
            Self::Thumbnail => 10_000_000_000,
            Self::Tile => 0,
        }
    }
}

/// Why a file was not kept.
#[derive(Debug, thiserror::Error)]
pub enum SideRefused {
    /// The name could lead elsewhere.
    #[error("`{name}` is no name for a side file; use up to 64 letters, digits, `-`, `_` and `.`")]
    Name {
        /// The name, shortened.
        name: String,
    },
    /// It is longer than its kind allows.
    #[error("{bytes} bytes are too long for a {kind:?}, allowed are {allowed}")]
    TooLong {
        /// Its kind.
        kind: SideKind,
        /// Its length.
        bytes: usize,
        /// What is allowed.
        allowed: usize,
    },
    /// The last one was written too short a time ago.
    #[error("the last {kind:?} is younger than {} s", kind.period_ns() / 1_000_000_000)]
    TooSoon {
        /// Its kind.
        kind: SideKind,
    },
    /// The cap of its kind is reached.
    #[error("the {kind:?} files have reached their cap of {cap_bytes} bytes")]
    Cap {
        /// Its kind.
        kind: SideKind,
        /// The cap.
        cap_bytes: u64,
    },
    /// It cannot be written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// The files of one kind of a flight.
#[derive(Debug)]
pub struct SideFiles<V> {
    volume: Arc<V>,
    folder: PathBuf,
    kind: SideKind,
    cap_bytes: u64,
    taken_bytes: u64,
    due_ns: u64,
    refused: u64,
}

impl<V: Volume> SideFiles<V> {
    /// The files of the flight in folder `flight`, those that are there already counted.
    ///
    /// # Errors
    /// When their folder cannot be made or read.
    pub fn open(volume: Arc<V>, flight: &Path, kind: SideKind, cap_bytes: u64) -> io::Result<Self> {
        let folder = flight.join(kind.folder());
        make_folders(&*volume, &folder)?;
        let entries = volume.list(&folder)?;
        Ok(Self {
            taken_bytes: entries.iter().map(|entry| entry.allocated).sum(),
            volume,
            folder,
            kind,
            cap_bytes,
            due_ns: 0,
            refused: 0,
        })
    }

    /// Keeps a file, durably.
    ///
    /// # Errors
    /// When it is not kept; it is counted.
    pub fn keep(&mut self, name: &str, bytes: &[u8], now_ns: u64) -> Result<(), SideRefused> {
        let kept = self.try_keep(name, bytes, now_ns);
        self.refused += u64::from(kept.is_err());
        kept
    }

    /// Files that were not kept.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// What the files take of the device, bytes.
    #[must_use]
    pub fn taken_bytes(&self) -> u64 {
        self.taken_bytes
    }

    fn try_keep(&mut self, name: &str, bytes: &[u8], now_ns: u64) -> Result<(), SideRefused> {
        let kind = self.kind;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if !(1..=NAME_MAX).contains(&name.len())
            || name.starts_with('.')
            || !name.bytes().all(plain)
        {
            let name = name.chars().take(NAME_MAX).collect();
            return Err(SideRefused::Name { name });
        }
        let allowed = kind.bytes_max();
        if bytes.len() > allowed {
            let bytes = bytes.len();
            return Err(SideRefused::TooLong {
                kind,
                bytes,
                allowed,
            });
        }
        if now_ns < self.due_ns {
            return Err(SideRefused::TooSoon { kind });
        }
        // A file takes whole blocks of the file system.
        let room = (bytes.len() as u64).next_multiple_of(super::block::ALIGNMENT as u64);
        if self.taken_bytes + room > self.cap_bytes {
            let cap_bytes = self.cap_bytes;
            return Err(SideRefused::Cap { kind, cap_bytes });
        }
        let path = self.folder.join(name);
        self.write(&path, bytes)
            .map_err(|source| SideRefused::Io { path, source })?;
        self.due_ns = now_ns.saturating_add(kind.period_ns());
        Ok(())
    }

    fn write(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = self.volume.create_file(path, FileUse::Small)?;
        let written = file.write_at(0, bytes).and_then(|()| file.sync());
        if let Err(error) = written {
            drop(file);
            self.volume.remove_file(path)?;
            return Err(error);
        }
        self.taken_bytes += file.allocated()?;
        sync_folder_of(&*self.volume, path)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::recorder::DiskVolume;

    const S: u64 = 1_000_000_000;

    fn open(folder: &Path, kind: SideKind) -> SideFiles<DiskVolume> {
        SideFiles::open(Arc::new(DiskVolume), folder, kind, 64 << 10).unwrap()
    }

    #[test]
    fn thumbnails_come_at_most_every_ten_seconds_and_never_as_large_as_a_frame() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = open(folder.path(), SideKind::Thumbnail);
        files.keep("a.jpg", &[1; 5000], 0).unwrap();
        let soon = files.keep("b.jpg", &[1; 5000], 9 * S);
        assert!(matches!(soon, Err(SideRefused::TooSoon { .. })));
        let frame = files.keep("b.jpg", &vec![1; 640 * 480], 20 * S);
        assert!(matches!(frame, Err(SideRefused::TooLong { .. })));
        files.keep("b.jpg", &[1; 5000], 20 * S).unwrap();
        assert_eq!(files.refused(), 2);
    }

    #[test]
    fn the_cap_holds_over_a_restart_and_nothing_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = open(folder.path(), SideKind::Tile);
        let mut kept = 0;
        while files.keep(&format!("{kept}.png"), &[1; 8000], 0).is_ok() {
            kept += 1;
        }
        assert_eq!((kept, files.taken_bytes()), (8, 64 << 10));
        let mut files = open(folder.path(), SideKind::Tile);
        let more = files.keep("more.png", &[1; 10], 0);
        assert!(matches!(more, Err(SideRefused::Cap { .. })));
        std::fs::remove_file(folder.path().join("tiles/7.png")).unwrap();
        let mut files = open(folder.path(), SideKind::Tile);
        let again = files.keep("0.png", &[1; 10], 0);
        assert!(matches!(again, Err(SideRefused::Io { .. })));
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = open(folder.path(), SideKind::Tile);
        for name in ["", "..", ".hidden", "a/b", "../x", "x\0", &"n".repeat(65)] {
            let refused = files.keep(name, &[1], 0);
            assert!(matches!(refused, Err(SideRefused::Name { .. })), "{name}");
        }
    }
}
