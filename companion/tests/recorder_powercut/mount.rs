//! Puts an image where the reader can open it: in memory, one folder, only what changed.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::content::{Content, PAGE};
use super::disk::{Image, ROOT};

/// A folder that holds one image after another.
pub struct Mount {
    root: TempDir,
    files: BTreeMap<PathBuf, Content>,
    folders: Vec<PathBuf>,
}

impl Mount {
    pub fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let root = if memory.is_dir() {
            tempfile::tempdir_in(memory)
        } else {
            tempfile::tempdir()
        };
        Self {
            root: root.unwrap(),
            files: BTreeMap::new(),
            folders: Vec::new(),
        }
    }

    /// Makes the folder hold `image` and says where it is.
    pub fn show(&mut self, image: &Image) -> &Path {
        let gone: Vec<_> = self
            .files
            .keys()
            .filter(|path| !image.files.contains_key(*path))
            .cloned()
            .collect();
        for path in gone {
            fs::remove_file(self.real(&path)).unwrap();
            self.files.remove(&path);
        }
        for folder in self.folders.iter().rev() {
            if !image.folders.contains(folder) {
                fs::remove_dir(self.real(folder)).unwrap();
            }
        }
        for folder in &image.folders {
            fs::create_dir_all(self.real(folder)).unwrap();
        }
        self.folders.clone_from(&image.folders);
        for (path, content) in &image.files {
            let there = self.files.get(path);
            if there.is_none_or(|there| there.hash() != content.hash()) {
                write(&self.real(path), there, content);
                self.files.insert(path.clone(), content.clone());
            }
        }
        self.root.path()
    }

    fn real(&self, path: &Path) -> PathBuf {
        let below = path.strip_prefix(ROOT).unwrap();
        self.root.path().join(below)
    }
}

fn write(path: &Path, there: Option<&Content>, content: &Content) {
    let mut options = OpenOptions::new();
    let file: File = options
        .write(true)
        .create(true)
        .truncate(there.is_none())
        .open(path)
        .unwrap();
    for index in 0..content.page_count() {
        let old = there.map_or(0, |there| there.page(index).map_or(0, |page| page.hash));
        let beyond = there.is_none_or(|there| index >= there.page_count());
        match content.page(index) {
            Some(page) if beyond || page.hash != old => {
                file.write_all_at(&page.bytes, (index * PAGE) as u64)
                    .unwrap();
            }
            None if old != 0 => {
                file.write_all_at(&[0; PAGE], (index * PAGE) as u64)
                    .unwrap();
            }
            _ => {}
        }
    }
    file.set_len(content.length).unwrap();
}
