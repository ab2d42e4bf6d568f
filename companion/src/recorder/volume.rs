//! What the recorder needs of a file system, as a seam: tests put one in its place that stalls, fails,
//! fills up or loses power.
//!
//! One method is one call to the file system and nothing is durable that was not synced: a file's
//! bytes with the file, its name with the folder. What takes several calls ([`replace_file`],
//! [`make_segment`]) is built from them here, so that a test can cut the power between any two.

mod disk;

use std::ffi::OsString;
use std::io;
use std::path::Path;

pub use disk::DiskVolume;

/// A place for flights. Used by two threads at once.
pub trait Volume: Send + Sync + std::fmt::Debug {
    /// An open file.
    type File: VolumeFile;
    /// A lock: held until it is dropped, or its process ends.
    type Lock: Send + std::fmt::Debug;

    /// Makes one folder.
    ///
    /// # Errors
    /// As the file system has them; also when it exists, or the folder around it does not.
    fn create_folder(&self, path: &Path) -> io::Result<()>;

    /// Waits until the names in a folder are on the device.
    ///
    /// # Errors
    /// As the file system has them.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;

    /// Makes a new, empty file.
    ///
    /// # Errors
    /// As the file system has them; also when it exists.
    fn create_file(&self, path: &Path, use_as: FileUse) -> io::Result<Self::File>;

    /// Opens an existing file for writing, its content untouched.
    ///
    /// # Errors
    /// As the file system has them; also when it does not exist.
    fn open_file(&self, path: &Path, use_as: FileUse) -> io::Result<Self::File>;

    /// Reads up to `length` bytes at `offset`; fewer when the file ends before.
    ///
    /// # Errors
    /// As the file system has them.
    fn read(&self, path: &Path, offset: u64, length: usize) -> io::Result<Vec<u8>>;

    /// What is in a folder, in no order.
    ///
    /// # Errors
    /// As the file system has them.
    fn list(&self, path: &Path) -> io::Result<Vec<Entry>>;

    /// Removes a file.
    ///
    /// # Errors
    /// As the file system has them.
    fn remove_file(&self, path: &Path) -> io::Result<()>;

    /// Gives a file another name in the same folder, in the place of what has it.
    ///
    /// # Errors
    /// As the file system has them.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Free room of the file system that holds `path`.
    ///
    /// # Errors
    /// As the file system has them.
    fn space(&self, path: &Path) -> io::Result<Space>;

    /// Wear of the device that holds `path`, percent of its rated life, where something tells it.
    fn wear_percent(&self, _path: &Path) -> Option<u8> {
        None
    }

    /// Locks a file, which is made when it is missing.
    ///
    /// # Errors
    /// Of kind `WouldBlock` when somebody else holds it; else as the file system has them.
    fn lock(&self, path: &Path) -> io::Result<Self::Lock>;
}

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileUse {
    /// A segment: whole, aligned blocks, around the page cache where the file system allows that.
    Segment,
    /// Anything else.
    Small,
    /// A key, which only its owner may read.
    Secret,
}

/// A file or folder in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name in the folder.
    pub name: OsString,
    /// Its length, bytes.
    pub length: u64,
    /// What it takes of the device, bytes.
    pub allocated: u64,
    /// Whether it is a folder.
    pub is_folder: bool,
}

/// Room of a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Space {
    /// Free bytes.
    pub free_bytes: u64,
    /// Free inodes; `u64::MAX` where the file system does not count them.
    pub free_inodes: u64,
}

/// A file being written. Of a [`FileUse::Segment`] the offsets, lengths and addresses of what is
/// written are multiples of [`super::ALIGNMENT`].
pub trait VolumeFile: Send + std::fmt::Debug {
    /// Writes all the bytes at `offset`.
    ///
    /// # Errors
    /// As the file system has them.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Reserves room for the first `bytes` bytes; the length stays. A file system that cannot do
    /// that does nothing.
    ///
    /// # Errors
    /// As the file system has them; also when there is no room.
    fn reserve(&mut self, bytes: u64) -> io::Result<()>;

    /// Waits until everything written is on the device.
    ///
    /// # Errors
    /// As the file system has them.
    fn sync(&mut self) -> io::Result<()>;

    /// Cuts the file to `length` bytes and gives back what was reserved behind them.
    ///
    /// # Errors
    /// As the file system has them.
    fn cut(&mut self, length: u64) -> io::Result<()>;

    /// What the file takes of the device, bytes.
    ///
    /// # Errors
    /// As the file system has them.
    fn allocated(&self) -> io::Result<u64>;
}

/// Makes a folder and those above it, durably. Folders that exist are kept.
///
/// # Errors
/// As the file system has them.
pub fn make_folders<V: Volume>(volume: &V, path: &Path) -> io::Result<()> {
    match volume.create_folder(path) {
        Ok(()) => sync_folder_of(volume, path),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let Some(above) = path.parent() else {
                return Err(error);
            };
            make_folders(volume, above)?;
            volume.create_folder(path)?;
            sync_folder_of(volume, path)
        }
        Err(error) => Err(error),
    }
}

/// Makes a new segment file, durably, of length 0 but with room for `bytes` bytes where the file
/// system can reserve it.
///
/// # Errors
/// As the file system has them; also when the file exists or there is no room. Nothing is left then,
/// as far as the file system allows.
pub fn make_segment<V: Volume>(volume: &V, path: &Path, bytes: u64) -> io::Result<V::File> {
    let mut file = volume.create_file(path, FileUse::Segment)?;
    let made = file
        .reserve(bytes)
        .and_then(|()| file.sync())
        .and_then(|()| sync_folder_of(volume, path));
    match made {
        Ok(()) => Ok(file),
        Err(error) => {
            drop(file);
            // What cannot be removed is an empty file, which readers pass over.
            let _ = volume.remove_file(path);
            Err(error)
        }
    }
}

/// Writes a small file whole and durably: afterwards it holds either its old content or the new.
///
/// # Errors
/// As the file system has them.
pub fn replace_file<V: Volume>(volume: &V, path: &Path, content: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = match volume.create_file(&beside, FileUse::Small) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            volume.remove_file(&beside)?;
            volume.create_file(&beside, FileUse::Small)?
        }
        created => created?,
    };
    let written = file.write_at(0, content).and_then(|()| file.sync());
    if let Err(error) = written {
        // It is in nobody's way but for the room that it takes.
        let _ = volume.remove_file(&beside);
        return Err(error);
    }
    volume.rename(&beside, path)?;
    sync_folder_of(volume, path)
}

/// Removes a file, durably. One that is gone is fine.
///
/// # Errors
/// As the file system has them.
pub fn remove_durably<V: Volume>(volume: &V, path: &Path) -> io::Result<()> {
    match volume.remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => sync_folder_of(volume, path),
    }
}

/// Waits until the name of `path` is on the device.
///
/// # Errors
/// As the file system has them.
pub fn sync_folder_of<V: Volume>(volume: &V, path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => volume.sync_folder(Path::new(".")),
        Some(folder) => volume.sync_folder(folder),
        None => Ok(()),
    }
}
