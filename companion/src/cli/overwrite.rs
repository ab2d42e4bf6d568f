//! Keeps `--positions` from destroying what the user gave or recorded.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Name of the folder of segments in every recording.
const SEGMENTS: &str = "segments";

/// Why nothing may be written to `positions`: it is one of `inputs` (named by its option, compared by
/// device and inode, so that links are seen through), the recordings' folder `fdr`, or part of a
/// recording. `None` when it may be written.
pub fn would_be_overwritten(
    positions: &Path,
    inputs: &[(&str, Option<&PathBuf>)],
    fdr: &Path,
) -> Option<String> {
    let named = positions.display();
    let same = inputs.iter().find_map(|(option, input)| {
        input
            .filter(|input| is_same_file(positions, input))
            .map(|input| (*option, input))
    });
    if let Some((option, input)) = same {
        return Some(format!(
            "--positions: {named}: is the file that {option} reads ({}) and would be overwritten; \
             name another file",
            input.display()
        ));
    }
    let place = place_of(positions);
    if place == place_of(fdr) {
        return Some(format!(
            "--positions: {named}: is the folder that --fdr names; name a file"
        ));
    }
    let recording = place
        .ancestors()
        .skip(1)
        .find(|folder| folder.join(SEGMENTS).is_dir())?;
    Some(format!(
        "--positions: {named}: lies in the recording {}, which --fdr made or could make, and might \
         overwrite part of it; name a file elsewhere",
        recording.display()
    ))
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    match (fs::metadata(one), fs::metadata(other)) {
        (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
        _ => false,
    }
}

/// Where a path leads, links resolved as far as they exist.
fn place_of(path: &Path) -> PathBuf {
    if let Ok(place) = fs::canonicalize(path) {
        return place;
    }
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    match (fs::canonicalize(folder), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}
