//! The simulated file system as the recorder sees it: every call is a place where the power can fail,
//! and where a fault can be put.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use companion::recorder::{Entry, FileUse, Space, Volume, VolumeFile};

use super::content::{PAGE, mix};
use super::disk::{Cut, Disk, Node, ROOT};

/// What the disk does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Faults {
    /// Calls that fail with EIO: the first, and how many.
    pub eio: Option<(u64, u64)>,
    /// Bytes of the device.
    pub capacity: Option<u64>,
    /// Whether syncs return without having done anything.
    pub lying: bool,
}

/// A record as it was first written: its number is its own for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    pub essential: bool,
    pub sequence: u64,
}

/// A moment at which the power can fail.
#[derive(Debug, Clone)]
pub struct Boundary {
    pub disk: Disk,
    /// Everything before these numbers was promised, of the bulk and of the essential stream.
    pub promised: [u64; 2],
    /// How many calls came before.
    pub calls: u64,
}

#[derive(Debug, Default)]
struct Simulation {
    disk: Disk,
    faults: Faults,
    calls: u64,
    promised: [u64; 2],
    boundaries: Vec<Boundary>,
    written: HashMap<Key, u64>,
    locked: Vec<PathBuf>,
}

/// The simulated volume; clones are the same volume.
#[derive(Debug, Clone, Default)]
pub struct SimVolume(Arc<Mutex<Simulation>>);

/// What one process did: every moment at which the power could have failed, and every record it wrote.
#[derive(Debug)]
pub struct Trace {
    pub boundaries: Vec<Boundary>,
    pub written: HashMap<Key, u64>,
}

/// What makes a record that record.
pub fn fingerprint(record_type: u16, monotonic_ms: u64, body: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    (record_type, monotonic_ms, body).hash(&mut hasher);
    hasher.finish()
}

fn eio() -> io::Error {
    io::Error::from_raw_os_error(libc::EIO)
}

fn no_space() -> io::Error {
    io::Error::from_raw_os_error(libc::ENOSPC)
}

impl SimVolume {
    /// A volume that begins with what `disk` and `written` hold.
    pub fn new(disk: Disk, written: HashMap<Key, u64>, faults: Faults) -> Self {
        Self(Arc::new(Mutex::new(Simulation {
            disk,
            written,
            faults,
            ..Simulation::default()
        })))
    }

    fn lock_state(&self) -> MutexGuard<'_, Simulation> {
        // A check that fails elsewhere must not hide behind this one.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is published from now on.
    pub fn promise(&self, promised: [u64; 2]) {
        self.lock_state().promised = promised;
    }

    /// The disk works from now on.
    pub fn repair(&self) {
        let mut state = self.lock_state();
        state.faults.eio = None;
        state.faults.capacity = None;
    }

    /// Ends the process.
    pub fn into_trace(self) -> Trace {
        let mut state = self.lock_state();
        let end = state.boundary();
        state.boundaries.push(end);
        Trace {
            boundaries: std::mem::take(&mut state.boundaries),
            written: std::mem::take(&mut state.written),
        }
    }
}

impl Simulation {
    fn boundary(&self) -> Boundary {
        Boundary {
            disk: self.disk.clone(),
            promised: self.promised,
            calls: self.calls,
        }
    }

    /// Comes before every call that changes something; whether the call is to fail.
    fn call(&mut self) -> bool {
        let boundary = self.boundary();
        self.boundaries.push(boundary);
        self.calls += 1;
        let Some((first, count)) = self.faults.eio else {
            return false;
        };
        (first..first.saturating_add(count)).contains(&self.calls)
    }

    fn checked(&mut self) -> io::Result<()> {
        if self.call() { Err(eio()) } else { Ok(()) }
    }

    fn has_room(&self, bytes: u64) -> io::Result<()> {
        match self.faults.capacity {
            Some(capacity) if self.disk.allocated() + bytes > capacity => Err(no_space()),
            _ => Ok(()),
        }
    }

    fn file(&self, path: &Path) -> io::Result<usize> {
        match self.disk.node(path) {
            Some(Node::File(index)) => Ok(index),
            Some(Node::Folder) => Err(io::ErrorKind::IsADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// Notes the records in a write to a segment. A number stands for one record, for ever.
    fn note_records(&mut self, path: &Path, bytes: &[u8]) {
        if path.extension().is_none_or(|extension| extension != "bin") {
            return;
        }
        let essential = path
            .parent()
            .is_some_and(|folder| folder.ends_with("essential"));
        let mut at = 0;
        for head in fdr_format::frame_heads(bytes) {
            let body = &bytes[at + 28..at + head.length - 4];
            at += head.length;
            let print = fingerprint(head.record_type.0, head.monotonic_ms, body);
            let key = Key {
                essential,
                sequence: head.sequence,
            };
            let first = *self.written.entry(key).or_insert(print);
            assert_eq!(first, print, "{key:?} stands for two records");
        }
    }
}

impl Volume for SimVolume {
    type File = SimFile;
    type Lock = SimLock;

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock_state();
        state.checked()?;
        if path == Path::new(ROOT) || state.disk.node(path).is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if state.disk.make_folder(path) {
            Ok(())
        } else {
            Err(io::ErrorKind::NotFound.into())
        }
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock_state();
        let fails = state.call();
        let (seed, lying) = (state.calls, state.faults.lying);
        let folder = state.disk.folder(path).ok_or(io::ErrorKind::NotFound)?;
        if fails {
            folder.sync_fails(Cut::Reordered { unit: PAGE, seed });
            return Err(eio());
        }
        if !lying {
            folder.sync();
        }
        Ok(())
    }

    fn create_file(&self, path: &Path, _: FileUse) -> io::Result<SimFile> {
        let mut state = self.lock_state();
        state.checked()?;
        state.has_room(0)?;
        if state.disk.node(path).is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let made = state.disk.make_file(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(self.open(path, made))
    }

    fn open_file(&self, path: &Path, _: FileUse) -> io::Result<SimFile> {
        let found = self.lock_state().file(path)?;
        Ok(self.open(path, found))
    }

    fn read(&self, path: &Path, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let state = self.lock_state();
        let inode = state.file(path)?;
        Ok(state.disk.inode(inode).current.read(offset, length))
    }

    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        let mut state = self.lock_state();
        let folder = state.disk.folder(path).ok_or(io::ErrorKind::NotFound)?;
        let names = folder.current.clone();
        let entries = names.into_iter().map(|(name, node)| match node {
            Node::Folder => Entry {
                name,
                length: 0,
                allocated: 0,
                is_folder: true,
            },
            Node::File(index) => {
                let inode = state.disk.inode(index);
                Entry {
                    name,
                    length: inode.current.length,
                    allocated: inode.allocated(),
                    is_folder: false,
                }
            }
        });
        Ok(entries.collect())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock_state();
        state.checked()?;
        state.file(path)?;
        state.disk.remove(path);
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.lock_state();
        state.checked()?;
        state.file(from)?;
        state.disk.rename(from, to);
        Ok(())
    }

    fn space(&self, _: &Path) -> io::Result<Space> {
        let state = self.lock_state();
        let capacity = state.faults.capacity.unwrap_or(1 << 40);
        Ok(Space {
            free_bytes: capacity.saturating_sub(state.disk.allocated()),
            free_inodes: u64::MAX,
        })
    }

    fn lock(&self, path: &Path) -> io::Result<SimLock> {
        let mut state = self.lock_state();
        if state.locked.iter().any(|locked| locked == path) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        if state.disk.node(path).is_none() {
            state.checked()?;
            state.disk.make_file(path).ok_or(io::ErrorKind::NotFound)?;
        }
        state.locked.push(path.to_owned());
        Ok(SimLock {
            volume: self.clone(),
            path: path.to_owned(),
        })
    }
}

impl SimVolume {
    fn open(&self, path: &Path, inode: usize) -> SimFile {
        SimFile {
            volume: self.clone(),
            path: path.to_owned(),
            inode,
        }
    }
}

/// Held until it is dropped.
#[derive(Debug)]
pub struct SimLock {
    volume: SimVolume,
    path: PathBuf,
}

impl Drop for SimLock {
    fn drop(&mut self) {
        let mut state = self.volume.lock_state();
        state.locked.retain(|locked| *locked != self.path);
    }
}

/// An open file; the name may change or go.
#[derive(Debug)]
pub struct SimFile {
    volume: SimVolume,
    path: PathBuf,
    inode: usize,
}

impl VolumeFile for SimFile {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.volume.lock_state();
        let fails = state.call();
        let inode = state.disk.inode(self.inode);
        let end = (offset + bytes.len() as u64).next_multiple_of(PAGE as u64);
        let room = state.has_room(end.saturating_sub(inode.allocated()));
        state.note_records(&self.path, bytes);
        if fails || room.is_err() {
            // A write that fails may have done its first part.
            let parts = bytes.len() / PAGE + 1;
            let done = mix(state.calls) as usize % parts * PAGE;
            if fails && done > 0 {
                state.disk.write(self.inode, offset, &bytes[..done]);
            }
            return room.and(Err(eio()));
        }
        state.disk.write(self.inode, offset, bytes);
        Ok(())
    }

    fn reserve(&mut self, bytes: u64) -> io::Result<()> {
        let mut state = self.volume.lock_state();
        state.checked()?;
        let inode = state.disk.inode(self.inode);
        state.has_room(bytes.saturating_sub(inode.allocated()))?;
        let inode = state.disk.inode_mut(self.inode);
        inode.reserved = inode.reserved.max(bytes);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.volume.lock_state();
        let fails = state.call();
        let (seed, lying) = (state.calls, state.faults.lying);
        let inode = state.disk.inode_mut(self.inode);
        if fails {
            inode.sync_fails(Cut::Reordered { unit: PAGE, seed });
            return Err(eio());
        }
        if !lying {
            inode.sync();
        }
        Ok(())
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        let mut state = self.volume.lock_state();
        state.checked()?;
        state.disk.cut(self.inode, length);
        Ok(())
    }

    fn allocated(&self) -> io::Result<u64> {
        let state = self.volume.lock_state();
        Ok(state.disk.inode(self.inode).allocated())
    }
}
