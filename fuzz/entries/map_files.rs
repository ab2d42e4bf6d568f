//! Any bytes as the files of a map package: what is read is written back unchanged, and nothing is taken for what
//! it is not.

use companion::vision::image::Gray;
use companion::vision::map::TileHashes;
use companion::vision::map::manifest::Manifest;
use companion::vision::{jpeg, png};

/// A manifest, and a table of hashes.
pub fn map_manifest(input: &[u8]) {
    if let Ok(manifest) = Manifest::parse(input) {
        let again = Manifest::parse(&manifest.to_bytes()).expect("what was checked is allowed");
        assert_eq!(again, manifest);
        for file in manifest.files() {
            assert!(!file.file.starts_with('/') && !file.file.split('/').any(|part| part == ".."));
        }
        let [west, south, east, north] = manifest.bounds_deg;
        assert!(west < east && south < north);
        if let Some(origin) = &manifest.takeoff_origin {
            assert!((south..=north).contains(&origin.lat_deg));
            assert!((west..=east).contains(&origin.lon_deg));
        }
    }
    if let Some(table) = TileHashes::read(input) {
        assert_eq!(table.write(), input);
    }
}

/// A tile: PNG or JPEG.
pub fn map_tile(input: &[u8]) {
    // What the format allows and a tile never is costs a fuzzer its time: the first 64 KiB will do.
    let input = &input[..input.len().min(64 << 10)];
    if let Ok(tile) = png::decode(input) {
        whole(&tile.image);
        if let Some(seen) = &tile.seen {
            assert_eq!(seen.len(), tile.image.pixels().len());
        }
        let again = png::encode(&tile, &[]).expect("every image can be encoded");
        let again = png::decode(&again).expect("what was encoded can be decoded");
        assert_eq!(again.seen, tile.seen);
    }
    if let Ok(colours) = png::decode_rgb(input) {
        assert_eq!(colours.pixels.len(), 3 * colours.width * colours.height);
    }
    if let Ok(image) = jpeg::decode(input) {
        whole(&image);
    }
}

fn whole(image: &Gray) {
    assert_eq!(image.pixels().len(), image.width() * image.height());
}
