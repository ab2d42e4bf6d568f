//! Where the demonstration writes to.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Name of the log in the folder.
pub const LOG: &str = "flight.tlog";
/// The folder that is replaced by every run that names none.
const DEFAULT: &str = "flights/demo";
/// Marks a folder that a demonstration made and may therefore replace.
const MARK: &str = "made-by-sitl-demo";

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Something is in it that a demonstration did not put there.
    #[error("{path}: is not empty; name an empty or new folder with --out")]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// It cannot be made, emptied or read.
    #[error("{path}: {source}; name a writable folder with --out")]
    Unusable {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// An empty folder: the one that was asked for, or the default one, emptied of an earlier run.
pub fn prepare(out: Option<&Path>) -> Result<PathBuf, FolderError> {
    let path = out.unwrap_or(Path::new(DEFAULT));
    make_empty(path, out.is_none()).map_err(|source| match source.kind() {
        io::ErrorKind::DirectoryNotEmpty => FolderError::NotEmpty {
            path: path.to_owned(),
        },
        _ => FolderError::Unusable {
            path: path.to_owned(),
            source,
        },
    })?;
    Ok(path.to_owned())
}

fn make_empty(path: &Path, may_replace: bool) -> io::Result<()> {
    if may_replace && path.join(MARK).is_file() {
        fs::remove_dir_all(path)?;
    }
    fs::create_dir_all(path)?;
    if fs::read_dir(path)?.next().is_some() {
        return Err(io::ErrorKind::DirectoryNotEmpty.into());
    }
    if may_replace {
        fs::write(
            path.join(MARK),
            "Every `sitl demo` without --out replaces this folder.\n",
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_an_earlier_run_is_replaced_but_no_other() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("demo");
        make_empty(&folder, true).unwrap();
        fs::write(folder.join(LOG), b"old").unwrap();
        make_empty(&folder, true).unwrap();
        assert!(!folder.join(LOG).exists());

        let precious = temporary.path().join("precious");
        fs::create_dir(&precious).unwrap();
        fs::write(precious.join("data"), b"mine").unwrap();
        assert!(make_empty(&precious, true).is_err());
        assert!(precious.join("data").exists());
    }

    #[test]
    fn a_named_folder_is_never_emptied() {
        let temporary = tempfile::tempdir().unwrap();
        make_empty(temporary.path(), false).unwrap();
        fs::write(temporary.path().join(LOG), b"old").unwrap();
        let error = prepare(Some(temporary.path())).unwrap_err();
        assert!(error.to_string().contains("--out"), "{error}");
        assert!(temporary.path().join(LOG).exists());
    }
}
