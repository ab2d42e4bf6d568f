//! What the recorder needs of a file system, as a seam: tests put one in its place that stalls, fails,
//! fills up or loses power.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{FallocateFlags, OFlags};
use rustix::io::Errno;

/// A place for a flight.
pub trait Volume: Send {
    /// An open segment.
    type File: VolumeFile;

    /// Makes a folder and those above it, durably.
    ///
    /// # Errors
    /// As the file system has them.
    fn create_folder(&mut self, path: &Path) -> io::Result<()>;

    /// Makes a new segment file, durably, of length 0 but with room for `bytes` bytes where the file
    /// system can reserve it.
    ///
    /// # Errors
    /// As the file system has them; also when the file exists or there is no room.
    fn create_segment(&mut self, path: &Path, bytes: u64) -> io::Result<Self::File>;

    /// Writes a small file whole and durably: afterwards it holds either its old content or the new.
    ///
    /// # Errors
    /// As the file system has them.
    fn replace_file(&mut self, path: &Path, content: &[u8]) -> io::Result<()>;
}

/// A segment being written. Offsets, lengths and addresses of what is written are multiples of
/// [`super::ALIGNMENT`].
pub trait VolumeFile: Send {
    /// Writes all the bytes at `offset`.
    ///
    /// # Errors
    /// As the file system has them.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Waits until everything written is on the device.
    ///
    /// # Errors
    /// As the file system has them.
    fn sync(&mut self) -> io::Result<()>;

    /// Cuts the file to `length` bytes.
    ///
    /// # Errors
    /// As the file system has them.
    fn cut(&mut self, length: u64) -> io::Result<()>;
}

/// The file system of the machine. Segments are written around the page cache where it allows that.
#[derive(Debug, Clone, Copy, Default)]
pub struct DiskVolume;

impl Volume for DiskVolume {
    type File = File;

    fn create_folder(&mut self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)?;
        path.ancestors()
            .skip(1)
            .take(2)
            .filter(|folder| !folder.as_os_str().is_empty())
            .try_for_each(sync_folder)
    }

    fn create_segment(&mut self, path: &Path, bytes: u64) -> io::Result<File> {
        let file = create_direct(path)?;
        let reserved = rustix::fs::fallocate(&file, FallocateFlags::KEEP_SIZE, 0, bytes);
        match reserved {
            // A file system that cannot reserve room tells when it has none with the write.
            Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS) => {}
            Err(error) => {
                drop(file);
                fs::remove_file(path)?;
                return Err(error.into());
            }
        }
        file.sync_all()?;
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

impl VolumeFile for File {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        match self.write_all_at(bytes, offset) {
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                // Some file systems take O_DIRECT when a file is opened and refuse it here.
                let flags = rustix::fs::fcntl_getfl(&*self)?;
                rustix::fs::fcntl_setfl(&*self, flags - OFlags::DIRECT)?;
                self.write_all_at(bytes, offset)
            }
            written => written,
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }
}

fn create_direct(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    let direct = OFlags::DIRECT.bits().cast_signed();
    match options.clone().custom_flags(direct).open(path) {
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            // The file may have been made before the flag was refused.
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => options.open(path),
            }
        }
        opened => opened,
    }
}

fn sync_folder_of(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), sync_folder)
}

fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
