//! What of a flight's folder is copied.

use std::path::{Path, PathBuf};

use companion::recorder::{Entry, Volume};
use fdr_format::{RECEIPT_FILE, SEAL_KEY_FILE};

use super::{RetrieveError, at};

/// Most files of a flight.
const FILES_MAX: usize = 1_000_000;
/// Deepest folder: `segments/seg_00000.bin`.
const DEPTH_MAX: usize = 2;

/// One file to copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Path inside the flight's folder.
    pub path: String,
    /// Its length.
    pub bytes: u64,
}

/// The files of the flight, in the order of their paths. The secret key is never copied, nor what belongs to
/// this machine alone: the lock, and the receipt of an earlier retrieval.
pub fn list_flight<V: Volume>(source: &V, flight: &Path) -> Result<Vec<SourceFile>, RetrieveError> {
    let mut files = Vec::new();
    walk(source, flight, "", 0, &mut files)?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn walk<V: Volume>(
    source: &V,
    flight: &Path,
    inside: &str,
    depth: usize,
    files: &mut Vec<SourceFile>,
) -> Result<(), RetrieveError> {
    let folder = flight.join(inside);
    for entry in source.list(&folder).map_err(at(&folder))? {
        let foreign = || RetrieveError::Foreign {
            path: folder.join(&entry.name),
        };
        let path = match (inside, entry.name.to_str()) {
            (_, None) => return Err(foreign()),
            ("", Some(name)) => name.to_owned(),
            (inside, Some(name)) => format!("{inside}/{name}"),
        };
        if depth == 0 && stays(&entry) {
            continue;
        }
        match (
            entry.is_folder,
            depth + 1 < DEPTH_MAX,
            files.len() < FILES_MAX,
        ) {
            (true, true, _) => walk(source, flight, &path, depth + 1, files)?,
            (true, false, _) | (false, _, false) => return Err(foreign()),
            (false, _, true) => files.push(SourceFile {
                path,
                bytes: entry.length,
            }),
        }
    }
    Ok(())
}

fn stays(entry: &Entry) -> bool {
    let stays: [PathBuf; 3] = [SEAL_KEY_FILE, RECEIPT_FILE, "lock"].map(PathBuf::from);
    stays.iter().any(|name| entry.name == name.as_os_str())
}
