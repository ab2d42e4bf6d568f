//! Files that are written: whole under their name, or not at all.

use std::fmt::Display;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// What to do when a write fails.
pub const CHECK_ROOM: &str = "nothing was left under that name; check the room on the disk";

/// An error that says what it is about and what to do.
pub fn told<T>(
    result: Result<T, impl Display>,
    what: impl Display,
    advice: &str,
) -> anyhow::Result<T> {
    result.map_err(|error| anyhow::anyhow!("{what}: {error}; {advice}"))
}

/// A file that gets its name when it is whole. Dropped before that, it leaves nothing.
#[derive(Debug)]
pub struct NewFile {
    path: PathBuf,
    temporary: PathBuf,
    out: Option<BufWriter<File>>,
}

impl NewFile {
    /// Begins the file. One that exists is replaced only when `force` says so, and never inside a recording.
    pub fn create(path: &Path, force: bool) -> anyhow::Result<Self> {
        let folder = folder_of(path);
        if is_in_recording(&folder) {
            bail!(
                "{}: lies in a recording; write it beside the flight's folder",
                path.display()
            );
        }
        if !force && fs::symlink_metadata(path).is_ok() {
            bail!(
                "{}: exists; choose another name, or replace it with --force",
                path.display()
            );
        }
        let name = path
            .file_name()
            .with_context(|| format!("{}: names no file; give a file name", path.display()))?;
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}.part", std::process::id()));
        let temporary = folder.join(hidden);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&temporary);
        let file = told(file, path.display(), "choose a folder that can be written")?;
        Ok(Self {
            path: path.to_owned(),
            temporary,
            out: Some(BufWriter::with_capacity(1 << 16, file)),
        })
    }

    /// Gives the file its name, when everything in it is on the device.
    pub fn finish(mut self) -> anyhow::Result<()> {
        let written = self.settle();
        told(written, self.path.display(), CHECK_ROOM)
    }

    fn settle(&mut self) -> io::Result<()> {
        let Some(out) = self.out.take() else {
            return Ok(());
        };
        let settled = out
            .into_inner()
            .map_err(io::IntoInnerError::into_error)
            .and_then(|file| file.sync_all())
            .and_then(|()| fs::rename(&self.temporary, &self.path))
            .and_then(|()| File::open(folder_of(&self.path))?.sync_all());
        if settled.is_err() {
            // What cannot be removed has no name that anybody asked for.
            let _ = fs::remove_file(&self.temporary);
        }
        settled
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.out {
            Some(out) => out.write(bytes),
            None => Ok(0),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if self.out.take().is_some() {
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// Writes a whole file at once.
pub fn write_file(path: &Path, force: bool, content: &[u8]) -> anyhow::Result<()> {
    let mut file = NewFile::create(path, force)?;
    told(file.write_all(content), path.display(), CHECK_ROOM)?;
    file.finish()
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Whether the folder is a flight's, or one of its folders.
fn is_in_recording(folder: &Path) -> bool {
    let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    folder
        .ancestors()
        .take(2)
        .any(|folder| folder.join("segments").is_dir() || folder.join("essential").is_dir())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn a_file_has_its_name_when_it_is_whole_and_leaves_nothing_otherwise() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.html");
        let mut file = NewFile::create(&path, false).unwrap();
        file.write_all(b"half").unwrap();
        file.flush().unwrap();
        assert!(!path.exists());
        drop(file);
        assert!(names(folder.path()).is_empty());
        write_file(&path, false, b"whole").unwrap();
        assert_eq!(names(folder.path()), ["report.html"]);
        let refused = write_file(&path, false, b"other").unwrap_err().to_string();
        assert!(refused.contains("--force"), "{refused}");
        write_file(&path, true, b"other").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"other");
    }

    #[test]
    fn nothing_is_written_into_a_recording() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("flight/segments")).unwrap();
        for place in ["flight/report.html", "flight/segments/report.html"] {
            assert!(write_file(&folder.path().join(place), true, b"").is_err());
        }
        assert!(write_file(&folder.path().join("report.html"), false, b"").is_ok());
    }
}
