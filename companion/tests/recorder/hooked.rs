//! The real file system with a hook before every call: it may wait, or fail the call.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use companion::recorder::{DiskVolume, Entry, FileUse, Space, Volume, VolumeFile};

/// The calls of a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    CreateFolder,
    SyncFolder,
    CreateFile(FileUse),
    OpenFile,
    Read,
    List,
    Remove,
    Rename,
    Space,
    Lock,
    Write,
    Reserve,
    Sync,
    Cut,
}

/// Comes before every call.
pub trait Hook: std::fmt::Debug + Clone + Send + Sync + 'static {
    fn before(&self, call: Call, path: &Path) -> io::Result<()>;
}

#[derive(Debug)]
pub struct Hooked<H>(pub H);

#[derive(Debug)]
pub struct HookedFile<H> {
    file: File,
    path: PathBuf,
    hook: H,
}

impl<H: Hook> Hooked<H> {
    fn file(&self, path: &Path, file: File) -> HookedFile<H> {
        HookedFile {
            file,
            path: path.to_owned(),
            hook: self.0.clone(),
        }
    }
}

impl<H: Hook> Volume for Hooked<H> {
    type File = HookedFile<H>;
    type Lock = File;

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        self.0.before(Call::CreateFolder, path)?;
        DiskVolume.create_folder(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.0.before(Call::SyncFolder, path)?;
        DiskVolume.sync_folder(path)
    }

    fn create_file(&self, path: &Path, use_as: FileUse) -> io::Result<HookedFile<H>> {
        self.0.before(Call::CreateFile(use_as), path)?;
        Ok(self.file(path, DiskVolume.create_file(path, use_as)?))
    }

    fn open_file(&self, path: &Path, use_as: FileUse) -> io::Result<HookedFile<H>> {
        self.0.before(Call::OpenFile, path)?;
        Ok(self.file(path, DiskVolume.open_file(path, use_as)?))
    }

    fn read(&self, path: &Path, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        self.0.before(Call::Read, path)?;
        DiskVolume.read(path, offset, length)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        self.0.before(Call::List, path)?;
        DiskVolume.list(path)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.0.before(Call::Remove, path)?;
        DiskVolume.remove_file(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.before(Call::Rename, to)?;
        DiskVolume.rename(from, to)
    }

    fn space(&self, path: &Path) -> io::Result<Space> {
        self.0.before(Call::Space, path)?;
        DiskVolume.space(path)
    }

    fn lock(&self, path: &Path) -> io::Result<File> {
        self.0.before(Call::Lock, path)?;
        DiskVolume.lock(path)
    }
}

impl<H: Hook> VolumeFile for HookedFile<H> {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.hook.before(Call::Write, &self.path)?;
        VolumeFile::write_at(&mut self.file, offset, bytes)
    }

    fn reserve(&mut self, bytes: u64) -> io::Result<()> {
        self.hook.before(Call::Reserve, &self.path)?;
        self.file.reserve(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.hook.before(Call::Sync, &self.path)?;
        VolumeFile::sync(&mut self.file)
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.hook.before(Call::Cut, &self.path)?;
        self.file.cut(length)
    }

    fn allocated(&self) -> io::Result<u64> {
        self.file.allocated()
    }
}
