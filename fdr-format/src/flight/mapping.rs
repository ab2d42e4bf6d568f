//! Bytes of a segment file: mapped when the file is closed, copied when it may still grow.
#![allow(unsafe_code)]

use std::io::{self, Read};
use std::ops::Deref;
use std::path::Path;

use memmap2::{Advice, Mmap};

use super::open::open_regular;
use super::parameters::MAX_SEGMENT_BYTES;

/// Largest file that is copied into memory: the largest segment with the records that end it.
const COPY_LIMIT: u64 = MAX_SEGMENT_BYTES + (4 << 20);

/// The bytes of one segment file.
#[derive(Debug)]
pub(super) enum SegmentBytes {
    Mapped(Mmap),
    Copied(Vec<u8>),
}

impl SegmentBytes {
    /// Maps a file that nobody writes any more.
    pub(super) fn map(path: &Path) -> io::Result<Self> {
        let file = open_regular(path)?;
        // SAFETY: a mapped file must not shrink or change while it is borrowed. The recorder never
        // writes to a segment that has a successor, and this function is called for such segments
        // only; a person who truncates a recording while it is being read ends the reader with
        // SIGBUS, which harms no data.
        let map = unsafe { Mmap::map(&file)? };
        // Advice is a hint: a kernel that refuses it reads the file all the same.
        let _ = map.advise(Advice::Sequential);
        Ok(Self::Mapped(map))
    }

    /// Reads a file that may be growing: what is there now.
    pub(super) fn copy(path: &Path) -> io::Result<Self> {
        let file = open_regular(path)?;
        let length = file.metadata()?.len();
        if length > COPY_LIMIT {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!("{length} bytes, a last segment has at most {COPY_LIMIT}"),
            ));
        }
        let mut bytes = Vec::with_capacity(length as usize);
        file.take(length).read_to_end(&mut bytes)?;
        Ok(Self::Copied(bytes))
    }
}

impl Deref for SegmentBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Mapped(map) => map,
            Self::Copied(bytes) => bytes,
        }
    }
}
