//! A file system that keeps apart what was asked of it and what is durable, and says what a power cut
//! would leave.
//!
//! | change | durable with |
//! |---|---|
//! | bytes and length of a file | `sync` of the file |
//! | a name made, removed or changed | `sync_folder` of the folder |
//!
//! Before that a change may arrive or not: see [`Cut`].

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::content::{Content, PAGE, Page, mix};

/// What a power cut does to the changes that were not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// None arrives.
    Lost,
    /// Those before a moment arrive.
    Before(u64),
    /// Those before a moment arrive, and of the change of that moment the first parts of `unit` bytes.
    Torn { at: u64, unit: usize, parts: usize },
    /// Parts of `unit` bytes arrive or not, each by chance; of the names of a folder the first few.
    Reordered { unit: usize, seed: u64 },
}

impl Cut {
    /// All changes arrive.
    pub const KEPT: Self = Self::Before(u64::MAX);

    fn unit(self) -> usize {
        match self {
            Self::Lost | Self::Before(_) => PAGE,
            Self::Torn { unit, .. } | Self::Reordered { unit, .. } => unit,
        }
    }

    /// Whether part `part` of the change of moment `moment` arrives; a change that has no parts is one.
    fn arrives(self, moment: u64, part: usize) -> bool {
        match self {
            Self::Lost => false,
            Self::Before(end) => moment < end,
            Self::Torn { at, parts, .. } => moment < at || (moment == at && part < parts),
            Self::Reordered { seed, .. } => mix(mix(seed ^ moment) ^ part as u64) & 1 == 1,
        }
    }
}

/// A change of a file's content, at the moment of its order.
#[derive(Debug, Clone)]
enum Change {
    Write {
        pages: Vec<(usize, Arc<Page>)>,
        end: u64,
    },
    Cut(u64),
}

#[derive(Debug, Clone, Default)]
pub struct Inode {
    pub current: Content,
    durable: Content,
    changes: Vec<(u64, Change)>,
    /// Bytes at its start that were there when it was last synced without an error.
    synced: u64,
    /// Bytes for which there is room.
    pub reserved: u64,
}

impl Inode {
    pub fn allocated(&self) -> u64 {
        let length = self.current.length.max(self.reserved);
        length.next_multiple_of(PAGE as u64)
    }

    fn after(&self, cut: Cut) -> Content {
        let mut content = self.durable.clone();
        for (moment, change) in &self.changes {
            apply(&mut content, *moment, change, cut);
        }
        content
    }

    /// Everything is durable.
    pub fn sync(&mut self) {
        self.durable = self.current.clone();
        self.synced = self.current.length;
        self.changes.clear();
    }

    /// The kernel could not write, and forgets that there was anything to write.
    pub fn sync_fails(&mut self, cut: Cut) {
        self.durable = self.after(cut);
        self.changes.clear();
    }
}

fn apply(content: &mut Content, moment: u64, change: &Change, cut: Cut) {
    match change {
        Change::Cut(length) => {
            if cut.arrives(moment, 0) {
                content.cut(*length);
            }
        }
        Change::Write { pages, end } => {
            let parts_of_page = PAGE / cut.unit();
            let mut reached = 0;
            for (nth, (index, page)) in pages.iter().enumerate() {
                let arrived: Vec<usize> = (0..parts_of_page)
                    .filter(|part| cut.arrives(moment, nth * parts_of_page + part))
                    .collect();
                if arrived.is_empty() {
                    continue;
                }
                reached = (*index + 1) * PAGE;
                if arrived.len() == parts_of_page {
                    content.put(*index, Arc::clone(page));
                } else {
                    content.put(*index, mixed(content, *index, page, cut.unit(), &arrived));
                }
            }
            // A length may arrive before its bytes, which are zeros then.
            let grown = cut.arrives(moment, usize::MAX - 1) && matches!(cut, Cut::Reordered { .. });
            let end = if grown {
                *end
            } else {
                (*end).min(reached as u64)
            };
            content.length = content.length.max(end);
        }
    }
}

fn mixed(content: &Content, index: usize, page: &Page, unit: usize, parts: &[usize]) -> Arc<Page> {
    let mut bytes = content.page(index).map_or([0; PAGE], |page| page.bytes);
    for part in parts {
        let range = part * unit..(part + 1) * unit;
        bytes[range.clone()].copy_from_slice(&page.bytes[range]);
    }
    Page::new(bytes)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Node {
    File(usize),
    Folder,
}

#[derive(Debug, Clone)]
enum NameChange {
    Link(OsString, Node),
    Unlink(OsString),
    Rename(OsString, OsString),
}

#[derive(Debug, Clone, Default)]
pub struct Folder {
    pub current: BTreeMap<OsString, Node>,
    durable: BTreeMap<OsString, Node>,
    changes: Vec<(u64, NameChange)>,
}

impl Folder {
    fn change(&mut self, moment: u64, change: NameChange) {
        rename(&mut self.current, &change);
        self.changes.push((moment, change));
    }

    pub fn sync(&mut self) {
        self.durable = self.current.clone();
        self.changes.clear();
    }

    pub fn sync_fails(&mut self, cut: Cut) {
        self.durable = self.after(cut);
        self.changes.clear();
    }

    /// A journal keeps the order of names: when one does not arrive, no later one does.
    fn after(&self, cut: Cut) -> BTreeMap<OsString, Node> {
        let mut names = self.durable.clone();
        let arrived = self
            .changes
            .iter()
            .take_while(|(moment, _)| cut.arrives(*moment, 0));
        arrived.for_each(|(_, change)| rename(&mut names, change));
        names
    }
}

fn rename(names: &mut BTreeMap<OsString, Node>, change: &NameChange) {
    match change {
        NameChange::Link(name, node) => {
            names.insert(name.clone(), *node);
        }
        NameChange::Unlink(name) => {
            names.remove(name);
        }
        NameChange::Rename(from, to) => {
            if let Some(node) = names.remove(from) {
                names.insert(to.clone(), node);
            }
        }
    }
}

/// The whole file system. A clone is a snapshot and shares what does not change.
#[derive(Debug, Clone)]
pub struct Disk {
    inodes: Vec<Arc<Inode>>,
    folders: BTreeMap<PathBuf, Folder>,
    moment: u64,
}

/// The root of the simulated file system.
pub const ROOT: &str = "/fdr";

impl Default for Disk {
    fn default() -> Self {
        Self {
            inodes: Vec::new(),
            folders: BTreeMap::from([(PathBuf::from(ROOT), Folder::default())]),
            moment: 0,
        }
    }
}

impl Disk {
    pub fn folder(&mut self, path: &Path) -> Option<&mut Folder> {
        self.folders.get_mut(path)
    }

    pub fn node(&self, path: &Path) -> Option<Node> {
        let folder = self.folders.get(path.parent()?)?;
        folder.current.get(path.file_name()?).copied()
    }

    pub fn inode(&self, index: usize) -> &Inode {
        &self.inodes[index]
    }

    pub fn inode_mut(&mut self, index: usize) -> &mut Inode {
        Arc::make_mut(&mut self.inodes[index])
    }

    fn change_name(&mut self, path: &Path, change: impl FnOnce(&OsStr) -> NameChange) -> bool {
        self.moment += 1;
        let moment = self.moment;
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return false;
        };
        match self.folders.get_mut(parent) {
            Some(folder) => {
                folder.change(moment, change(name));
                true
            }
            None => false,
        }
    }

    pub fn make_folder(&mut self, path: &Path) -> bool {
        let made = self.change_name(path, |name| NameChange::Link(name.into(), Node::Folder));
        if made {
            self.folders.insert(path.to_owned(), Folder::default());
        }
        made
    }

    pub fn make_file(&mut self, path: &Path) -> Option<usize> {
        let index = self.inodes.len();
        self.inodes.push(Arc::default());
        self.change_name(path, |name| {
            NameChange::Link(name.into(), Node::File(index))
        })
        .then_some(index)
    }

    pub fn remove(&mut self, path: &Path) {
        self.change_name(path, |name| NameChange::Unlink(name.into()));
    }

    pub fn rename(&mut self, from: &Path, to: &Path) {
        let to = to.file_name().unwrap_or_default().to_owned();
        self.change_name(from, |name| NameChange::Rename(name.into(), to));
    }

    /// Writes `bytes` and says at which moment.
    pub fn write(&mut self, index: usize, offset: u64, bytes: &[u8]) -> u64 {
        self.moment += 1;
        let moment = self.moment;
        let inode = self.inode_mut(index);
        let end = offset + bytes.len() as u64;
        let mut pages = Vec::new();
        let mut at = offset;
        while at < end {
            let (page, from) = (at as usize / PAGE, at as usize % PAGE);
            let take = (PAGE - from).min((end - at) as usize);
            let start = (at - offset) as usize;
            let patched = inode
                .current
                .patched(page, from, &bytes[start..start + take]);
            inode.current.put(page, Arc::clone(&patched));
            pages.push((page, patched));
            at += take as u64;
        }
        inode.current.length = inode.current.length.max(end);
        inode.changes.push((moment, Change::Write { pages, end }));
        moment
    }

    pub fn cut(&mut self, index: usize, length: u64) {
        self.moment += 1;
        let moment = self.moment;
        let inode = self.inode_mut(index);
        inode.current.cut(length);
        inode.reserved = inode.reserved.min(length);
        inode.changes.push((moment, Change::Cut(length)));
    }

    /// What the files take, those removed left out.
    pub fn allocated(&self) -> u64 {
        let nodes = self
            .folders
            .values()
            .flat_map(|folder| folder.current.values());
        let files = nodes.filter_map(|node| match node {
            Node::File(index) => Some(self.inodes[*index].allocated()),
            Node::Folder => None,
        });
        files.sum()
    }

    /// The moments of all changes that are not durable, with the number of sectors of each, in order.
    pub fn pending(&self) -> Vec<(u64, usize)> {
        let writes = self.inodes.iter().flat_map(|inode| {
            inode.changes.iter().map(|(moment, change)| match change {
                Change::Write { pages, .. } => {
                    (*moment, pages.len() * PAGE / super::content::SECTOR)
                }
                Change::Cut(_) => (*moment, 0),
            })
        });
        let names = self.folders.values().flat_map(|folder| &folder.changes);
        let mut pending: Vec<_> = writes
            .chain(names.map(|(moment, _)| (*moment, 0)))
            .collect();
        pending.sort_unstable();
        pending
    }

    /// What a power cut leaves.
    pub fn image(&self, cut: Cut) -> Image {
        let mut image = Image::default();
        self.collect(Path::new(ROOT), cut, &mut image);
        image
    }

    fn collect(&self, path: &Path, cut: Cut, image: &mut Image) {
        image.folders.push(path.to_owned());
        let Some(folder) = self.folders.get(path) else {
            return;
        };
        for (name, node) in folder.after(cut) {
            let path = path.join(name);
            match node {
                Node::Folder => self.collect(&path, cut, image),
                Node::File(index) => {
                    let inode = &self.inodes[index];
                    image.synced.insert(path.clone(), inode.synced);
                    image.files.insert(path, inode.after(cut));
                }
            }
        }
    }

    /// A disk that holds `image`, durably.
    pub fn holding(image: &Image) -> Self {
        let mut disk = Self::default();
        for path in image.folders.iter().skip(1) {
            disk.make_folder(path);
        }
        for (path, content) in &image.files {
            if let Some(index) = disk.make_file(path) {
                let inode = disk.inode_mut(index);
                inode.current = content.clone();
                inode.sync();
                inode.synced = image.synced.get(path).copied().unwrap_or(0);
            }
        }
        disk.folders.values_mut().for_each(Folder::sync);
        disk
    }
}

/// The durable files, by path.
#[derive(Debug, Clone, Default)]
pub struct Image {
    pub folders: Vec<PathBuf>,
    pub files: BTreeMap<PathBuf, Content>,
    /// Bytes at the start of each file that a sync had made durable.
    pub synced: BTreeMap<PathBuf, u64>,
}

impl Image {
    /// Tells images apart.
    pub fn hash(&self) -> u64 {
        let mut state = self.folders.len() as u64;
        for (path, content) in &self.files {
            for byte in path.as_os_str().as_encoded_bytes() {
                state = mix(state ^ u64::from(*byte));
            }
            state = mix(state ^ content.hash());
        }
        state
    }
}
