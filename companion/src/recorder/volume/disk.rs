//! The volume that is the machine's own file system.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{FallocateFlags, FlockOperation, OFlags};
use rustix::io::Errno;

use super::super::wear::wear_percent;
use super::{Entry, FileUse, Space, Volume, VolumeFile};

/// Bytes in a block as a file system counts them.
const BLOCK_UNIT: u64 = 512;

/// The file system of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct DiskVolume;

impl Volume for DiskVolume {
    type File = File;
    type Lock = File;

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        match fs::create_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && !path.is_dir() => {
                Err(Errno::NOTDIR.into())
            }
            made => made,
        }
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn create_file(&self, path: &Path, use_as: FileUse) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        match use_as {
            FileUse::Small => options.open(path),
            FileUse::Secret => options.mode(0o600).open(path),
            FileUse::Segment => match open_direct(&options, path) {
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                    // The file may have been made before the flag was refused.
                    match fs::remove_file(path) {
                        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                        _ => options.open(path),
                    }
                }
                opened => opened,
            },
        }
    }

    fn open_file(&self, path: &Path, use_as: FileUse) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.write(true);
        match use_as {
            FileUse::Small | FileUse::Secret => options.open(path),
            FileUse::Segment => match open_direct(&options, path) {
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => options.open(path),
                opened => opened,
            },
        }
    }

    fn read(&self, path: &Path, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let file = File::open(path)?;
        let about = file.metadata()?;
        let there = about.len().saturating_sub(offset).min(length as u64);
        let mut bytes = vec![0; there as usize];
        let mut read = 0;
        while read < bytes.len() {
            match file.read_at(&mut bytes[read..], offset + read as u64) {
                Ok(0) => break,
                Ok(count) => read += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        bytes.truncate(read);
        Ok(bytes)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            match entry.metadata() {
                Ok(about) => entries.push(Entry {
                    name: entry.file_name(),
                    length: about.len(),
                    allocated: about.blocks() * BLOCK_UNIT,
                    is_folder: about.is_dir(),
                }),
                // Removed since it was listed.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(entries)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn space(&self, path: &Path) -> io::Result<Space> {
        let about = rustix::fs::statvfs(path)?;
        Ok(Space {
            free_bytes: about.f_bavail.saturating_mul(about.f_frsize),
            free_inodes: match about.f_files {
                0 => u64::MAX,
                _ => about.f_favail,
            },
        })
    }

    fn wear_percent(&self, path: &Path) -> Option<u8> {
        wear_percent(path)
    }

    fn lock(&self, path: &Path) -> io::Result<File> {
        let mut options = OpenOptions::new();
        let file = options
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        // The kernel releases it with the last descriptor, however the process ends.
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        Ok(file)
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

    fn reserve(&mut self, bytes: u64) -> io::Result<()> {
        match rustix::fs::fallocate(&*self, FallocateFlags::KEEP_SIZE, 0, bytes) {
            // A file system that cannot reserve room tells when it has none with the write.
            Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn allocated(&self) -> io::Result<u64> {
        Ok(self.metadata()?.blocks() * BLOCK_UNIT)
    }
}

fn open_direct(options: &OpenOptions, path: &Path) -> io::Result<File> {
    let direct = OFlags::DIRECT.bits().cast_signed();
    options.clone().custom_flags(direct).open(path)
}
