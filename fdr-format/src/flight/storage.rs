//! What a writer needs of a file system, as a seam: tests put a failing one in its place.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// A place for segments.
pub trait Storage {
    /// An open segment.
    type File: SegmentFile;

    /// Makes a folder and those above it.
    ///
    /// # Errors
    /// As the file system has them.
    fn create_folder(&mut self, path: &Path) -> io::Result<()>;

    /// Makes a new, empty segment file.
    ///
    /// # Errors
    /// As the file system has them; also when the file exists.
    fn create_segment(&mut self, path: &Path) -> io::Result<Self::File>;

    /// Writes a small file whole: afterwards it holds either its old content or the new one.
    ///
    /// # Errors
    /// As the file system has them.
    fn replace_file(&mut self, path: &Path, content: &[u8]) -> io::Result<()>;
}

/// A segment being written.
pub trait SegmentFile {
    /// Appends bytes and says how many were taken, at least one unless an error is returned.
    ///
    /// # Errors
    /// As the file system has them.
    fn append(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Cuts the file to `length` bytes.
    ///
    /// # Errors
    /// As the file system has them.
    fn cut(&mut self, length: u64) -> io::Result<()>;

    /// Waits until everything written is on the device.
    ///
    /// # Errors
    /// As the file system has them.
    fn sync(&mut self) -> io::Result<()>;
}

/// The file system of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct FileSystem;

impl Storage for FileSystem {
    type File = File;

    fn create_folder(&mut self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn create_segment(&mut self, path: &Path) -> io::Result<File> {
        let file = OpenOptions::new().write(true).create_new(true).open(path)?;
        sync_folder_of(path)?;
        Ok(file)
    }

    fn replace_file(&mut self, path: &Path, content: &[u8]) -> io::Result<()> {
        let beside = path.with_extension("new");
        let mut file = File::create(&beside)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        sync_folder_of(path)
    }
}

impl SegmentFile for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write(bytes)
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

fn sync_folder_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}
