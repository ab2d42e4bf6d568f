//! Whatever is done to the files of a closed flight, it is never called clean afterwards.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use fdr_format::{FlightWriter, Manifest, verify};
use proptest::prelude::*;
use proptest::sample::Index;
use support::{imu, parameters};

/// The files of a closed flight of several segments, the manifest first.
static FILES: LazyLock<Vec<(PathBuf, Vec<u8>)>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = FlightWriter::create(folder.path(), parameters()).unwrap();
    for now in 0..2000 {
        writer.append(&imu(now), 1_000_000_000 + now).unwrap();
    }
    let summary = writer.finish().unwrap();
    let mut paths = vec![PathBuf::from("manifest.json")];
    paths.extend((0..summary.segments).map(|n| format!("segments/seg_{n:05}.bin").into()));
    let read = |path: PathBuf| (path.clone(), fs::read(summary.folder.join(path)).unwrap());
    paths.into_iter().map(read).collect()
});

/// One harm to files, by their place among all of them; 0 is the manifest.
#[derive(Debug, Clone)]
enum Harm {
    DeleteSegment(Index),
    CopyOver(Index, Index),
    Swap(Index, Index),
    Truncate(Index, Index),
    Flip(Index, Index, u8),
    Append(Index, Vec<u8>),
}

fn harm() -> impl Strategy<Value = Harm> {
    let any = any::<Index>;
    prop_oneof![
        any().prop_map(Harm::DeleteSegment),
        (any(), any()).prop_map(|(from, to)| Harm::CopyOver(from, to)),
        (any(), any()).prop_map(|(one, other)| Harm::Swap(one, other)),
        (any(), any()).prop_map(|(file, length)| Harm::Truncate(file, length)),
        (any(), any(), 0u8..8).prop_map(|(file, at, bit)| Harm::Flip(file, at, bit)),
        (any(), prop::collection::vec(1u8.., 1..99))
            .prop_map(|(file, new)| Harm::Append(file, new)),
    ]
}

fn apply(files: &mut Vec<(PathBuf, Vec<u8>)>, harm: &Harm) {
    let count = files.len();
    match harm {
        Harm::DeleteSegment(segment) => {
            files.remove(1 + segment.index(count - 1));
        }
        Harm::CopyOver(from, to) => files[to.index(count)].1 = files[from.index(count)].1.clone(),
        Harm::Swap(one, other) => {
            let moved = files[one.index(count)].1.clone();
            let back = std::mem::replace(&mut files[other.index(count)].1, moved);
            files[one.index(count)].1 = back;
        }
        Harm::Truncate(file, length) => {
            let bytes = &mut files[file.index(count)].1;
            bytes.truncate(length.index(bytes.len()));
        }
        Harm::Flip(file, at, bit) => {
            let bytes = &mut files[file.index(count)].1;
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        Harm::Append(file, new) => files[file.index(count)].1.extend(new),
    }
}

fn write(folder: &Path, files: &[(PathBuf, Vec<u8>)]) {
    fs::create_dir(folder.join("segments")).unwrap();
    for (path, bytes) in files {
        fs::write(folder.join(path), bytes).unwrap();
    }
}

/// Segments byte for byte, the manifest by what it says.
fn same(files: &[(PathBuf, Vec<u8>)]) -> bool {
    let manifest = |bytes| serde_json::from_slice::<Manifest>(bytes).ok();
    files[1..] == FILES[1..] && manifest(&files[0].1) == manifest(&FILES[0].1)
}

proptest! {
    #[test]
    fn a_harmed_flight_is_never_clean(harm in harm()) {
        let mut files = FILES.clone();
        apply(&mut files, &harm);
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &files);
        let code = verify(folder.path()).map_or(1, |verdict| verdict.exit_code);
        prop_assert_eq!(code == 0, same(&files), "code {}", code);
    }
}
