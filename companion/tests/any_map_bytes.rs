//! What must hold for any bytes as files of a map package, on stable: the entry functions of the fuzz targets over
//! their seeds, over damaged ones and over random bytes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

#[path = "../../fuzz/entries/map_files.rs"]
mod entry;

use std::fs;
use std::path::PathBuf;

use companion::vision::image::Gray;
use companion::vision::map::TileHashes;
use companion::vision::map::manifest::{
    FileEntry, LayerFiles, Manifest, Origin, Region, RegionClass,
};
use companion::vision::map::mercator::TileId;
use companion::vision::png::Masked;
use companion::vision::{jpeg, png};
use fdr_format::Digest;
use proptest::prelude::*;
use support::damaged;

type Entry = fn(&[u8]);

const TARGETS: [(&str, Entry); 2] = [
    ("map_manifest", entry::map_manifest),
    ("map_tile", entry::map_tile),
];

fn manifest() -> Vec<u8> {
    let file = |name: &str| FileEntry {
        file: name.to_owned(),
        bytes: 4096,
        blake3: Digest([3; 32]),
    };
    let files = LayerFiles {
        tiles: file("imagery.mbtiles"),
        hashes: file("imagery.tiles"),
    };
    let mut manifest = Manifest::new("sector", [7.0, 46.0, 8.0, 47.0], files);
    manifest.takeoff_origin = Some(Origin {
        lat_deg: 46.5,
        lon_deg: 7.5,
        alt_msl_m: 400.0,
    });
    manifest.regions.push(Region {
        name: "all".to_owned(),
        bounds_deg: manifest.bounds_deg,
        captured: "2026-05-01".parse().unwrap(),
        class: RegionClass::ActiveConflict,
        bias_sigma_m: 2.5,
    });
    manifest.to_bytes()
}

fn table() -> Vec<u8> {
    let ids = (0..5).map(|x| {
        (
            TileId::new(18, 136_000 + x, 92_000).unwrap(),
            Digest([x as u8; 32]),
        )
    });
    TileHashes::new(ids).unwrap().write()
}

fn tiles() -> [Vec<u8>; 3] {
    let pixels = (0..64 * 48).map(|index| (index * 31 % 251) as u8).collect();
    let image = Gray::new(64, 48, pixels).unwrap();
    let seen: Box<[bool]> = (0..64 * 48).map(|index| index % 64 < 40).collect();
    let part = Masked {
        image: image.clone(),
        seen: Some(seen),
    };
    let whole = Masked {
        image: image.clone(),
        seen: None,
    };
    [
        jpeg::encode(&image, 80).unwrap(),
        png::encode(&whole, &[("from", "a test")]).unwrap(),
        png::encode(&part, &[]).unwrap(),
    ]
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    match target {
        "map_manifest" => vec![manifest(), table()],
        _ => tiles().to_vec(),
    }
}

/// The seeds are made by `UPDATE_SEEDS=1 cargo test -p companion --test any_map_bytes`.
#[test]
fn the_seeds_of_every_fuzz_target_hold() {
    for (target, entry) in TARGETS {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("../fuzz/seeds")
            .join(target);
        if std::env::var_os("UPDATE_SEEDS").is_some() {
            fs::create_dir_all(&folder).unwrap();
            for (index, seed) in seeds(target).iter().enumerate() {
                fs::write(folder.join(format!("seed_{index}")), seed).unwrap();
            }
        }
        let files: Vec<_> = fs::read_dir(&folder).unwrap().collect();
        assert!(
            files.len() >= seeds(target).len(),
            "make {} anew",
            folder.display()
        );
        for file in files {
            entry(&fs::read(file.unwrap().path()).unwrap());
        }
    }
}

#[test]
fn the_seeds_are_what_they_are_for() {
    assert!(Manifest::parse(&manifest()).is_ok() && TileHashes::read(&table()).is_some());
    let [first, second, third] = tiles();
    assert!(jpeg::decode(&first).is_ok() && png::decode(&second).is_ok());
    assert!(png::decode(&third).unwrap().seen.is_some());
}

proptest! {
    #[test]
    fn random_bytes_are_no_map(bytes in proptest::collection::vec(any::<u8>(), 0..4000)) {
        for (_, entry) in TARGETS {
            entry(&bytes);
        }
    }

    #[test]
    fn damaged_files_are_refused_or_are_what_they_say(seed in any::<u64>(), injuries in 1_usize..12) {
        for (target, entry) in TARGETS {
            for file in seeds(target) {
                entry(&damaged(&file, seed, injuries));
            }
        }
    }
}
