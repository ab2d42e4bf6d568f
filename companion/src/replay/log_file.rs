//! A log on disk, mapped into memory, so that its size costs no memory.
#![allow(unsafe_code, reason = "mapping a file is unsafe; see the SAFETY note")]

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use memmap2::Mmap;

use super::error::ReplayError;

/// An open log.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    map: Mmap,
}

impl LogFile {
    /// Opens a log. It must not be shortened by another program while it is open: reading a page that
    /// is gone ends the process (SIGBUS).
    ///
    /// # Errors
    /// When it cannot be opened, is no regular file, or is empty.
    pub fn open(path: &Path) -> Result<Self, ReplayError> {
        let failed = |source| ReplayError::Open {
            path: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            let kind = io::ErrorKind::InvalidInput;
            return Err(failed(io::Error::new(kind, "not a regular file")));
        }
        if metadata.len() == 0 {
            return Err(ReplayError::Empty {
                path: path.to_owned(),
            });
        }
        // SAFETY: the map is only read, through a shared slice of plain bytes. A finished log is not
        // written any more; one that is cut while it is read ends the process, it cannot corrupt it.
        let map = unsafe { Mmap::map(&file) }.map_err(failed)?;
        Ok(Self {
            path: path.to_owned(),
            map,
        })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All of it.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.map
    }
}
