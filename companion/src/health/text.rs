//! Small text files of the kernel.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Longest attribute that is read, bytes.
const ATTRIBUTE_MAX: u64 = 256;
/// Entries of a folder that are looked at.
const ENTRIES_MAX: usize = 512;

/// The text of an attribute; `None` when it is missing, unreadable or no text. A sensor that is
/// switched off refuses to be read, which is no fault.
pub fn attribute(path: &Path) -> Option<String> {
    let mut text = String::new();
    File::open(path)
        .ok()?
        .take(ATTRIBUTE_MAX)
        .read_to_string(&mut text)
        .ok()?;
    let text = text.trim_matches(['\0', ' ', '\n']);
    (!text.is_empty()).then(|| text.to_owned())
}

/// The whole number in an attribute.
pub fn number(path: &Path) -> Option<i64> {
    attribute(path)?.parse().ok()
}

/// The folders in `folder` whose names begin with `prefix`, in the order of their names.
pub fn folders(folder: &Path, prefix: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut found: Vec<_> = entries
        .take(ENTRIES_MAX)
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found
}
