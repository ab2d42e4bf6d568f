//! Map packages: what was built is what is seen, and what was altered is not believed.

#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "support/sector.rs"]
mod sector;

use std::fs;
use std::path::Path;

use companion::vision::map::build::{BuildOptions, Georeference, Imagery, Picture, Raster, build};
use companion::vision::map::manifest::{MANIFEST_FILE, Manifest, RegionClass};
use companion::vision::map::mbtiles::{MbTiles, MbTilesWriter};
use companion::vision::map::mercator::{TILE_SIDE, TileId, pixel_of, place_of};
use companion::vision::map::{
    Admitted, GateRefusal, GateRules, MapPackage, TileHashes, TileProblem, admit,
    open_on_the_ground, verify,
};
use companion::vision::png;
use fdr_format::records::GateFailure;
use fdr_format::{PublicKey, Record, SecretKey};
use sector::{GROUND_M, day, key, middle, package, picture, place, region};

/// Brightness that grows northwards and eastwards by known amounts, slowly enough for a JPEG.
fn slope(north: f64, east: f64) -> f64 {
    120.0 + 0.4 * north + 0.25 * east
}

fn rules<'a>(trusted: &'a [PublicKey], today: &str) -> GateRules<'a> {
    GateRules {
        trusted,
        today: day(today),
        stamp: None,
    }
}

fn opened(folder: &Path) -> Result<Admitted, GateRefusal> {
    admit(folder, &rules(&[key().public()], "2026-11-28"))
}

fn made(folder: &Path) -> std::path::PathBuf {
    let picture = picture([240.0, 300.0], 0.5, &slope);
    package(folder, &picture, region("2026-05-01", RegionClass::Stable)).0
}

#[test]
fn a_mosaic_shows_the_ground_where_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let mut map = opened(&made(folder.path())).unwrap().package;
    for (gsd_m, side) in [(1.0, 120), (0.5, 200), (2.0, 60), (4.0, 30)] {
        let centre = place(10.0, -20.0);
        let mosaic = map.mosaic(centre, side, gsd_m);
        assert_eq!(mosaic.tiles.missing, 0);
        assert_eq!(mosaic.image.seen_share(), 1.0);
        let middle = (side - 1) as f64 / 2.0;
        for (index, value) in mosaic.image.pixels().iter().enumerate() {
            let north = 10.0 + (middle - (index / side) as f64) * gsd_m;
            let east = -20.0 + ((index % side) as f64 - middle) * gsd_m;
            let error = f64::from(*value) - slope(north, east);
            // A brightness step is 2.5 m northwards; JPEG and rounding take one and a half.
            assert!(error.abs() < 1.6, "{gsd_m}: {north} {east}: off by {error}");
        }
        let mean: f64 = mosaic
            .image
            .pixels()
            .iter()
            .map(|value| f64::from(*value))
            .sum();
        let mean = mean / (side * side) as f64 - slope(10.0, -20.0);
        assert!(mean.abs() < 0.12, "{gsd_m}: {mean} is a shift");
    }
    let problems = map.take_problems();
    assert!(problems.is_empty(), "{problems:?}");
}

#[test]
fn beyond_the_map_nothing_is_seen_and_memory_stays_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let mut map = opened(&made(folder.path())).unwrap().package;
    let edge = map.mosaic(place(120.0, 0.0), 100, 1.0);
    let share = edge.image.seen_share();
    assert!((0.4..0.6).contains(&share), "{share}");
    let away = map.mosaic(place(5_000.0, 0.0), 100, 1.0);
    assert_eq!(away.image.seen_share(), 0.0);
    assert!(away.tiles.missing > 0);
    assert_eq!(
        map.area(place(5_000.0, 0.0).lat_rad, place(5_000.0, 0.0).lon_rad),
        None
    );
    assert!(map.area(middle().lat_rad, middle().lon_rad).is_some());
    let ground = map.ground(middle().lat_rad, middle().lon_rad).unwrap();
    assert_eq!((ground.alt_msl_m, ground.sigma_m), (GROUND_M, 30.0));
}

#[test]
fn every_kind_of_alteration_is_refused_with_its_reason_and_its_record() {
    type Alteration = fn(&Path);
    fn change(folder: &Path, act: impl Fn(&mut Manifest)) {
        let bytes = fs::read(folder.join(MANIFEST_FILE)).unwrap();
        let mut manifest = Manifest::parse(&bytes).unwrap();
        act(&mut manifest);
        // Signed by whom the aircraft trusts: the values are what is refused.
        let signature = companion::vision::map::manifest::sign(&manifest.to_bytes(), &key());
        fs::write(folder.join(MANIFEST_FILE), manifest.to_bytes()).unwrap();
        fs::write(folder.join("manifest.sig"), signature.to_string()).unwrap();
    }
    fn flip(folder: &Path, name: &str, from_end: usize) {
        let mut bytes = fs::read(folder.join(name)).unwrap();
        let at = bytes.len() - from_end;
        bytes[at] ^= 1;
        fs::write(folder.join(name), bytes).unwrap();
    }
    let alterations: [(Alteration, GateFailure, &str); 14] = [
        (
            |p| flip(p, "manifest.json", 200),
            GateFailure::Signature,
            "not that of a trusted key",
        ),
        (
            |p| flip(p, "manifest.sig", 20),
            GateFailure::Signature,
            "manifest",
        ),
        (
            |p| fs::write(p.join("manifest.sig"), "what?").unwrap(),
            GateFailure::Signature,
            "128 hex digits",
        ),
        (
            |p| fs::remove_file(p.join("manifest.sig")).unwrap(),
            GateFailure::Missing,
            "manifest.sig",
        ),
        (
            |p| fs::remove_file(p.join("manifest.json")).unwrap(),
            GateFailure::Missing,
            "manifest.json",
        ),
        (
            |p| flip(p, "imagery.mbtiles", 5_000),
            GateFailure::Hash,
            "imagery.mbtiles",
        ),
        (
            |p| flip(p, "imagery.tiles", 1),
            GateFailure::Hash,
            "imagery.tiles",
        ),
        (
            |p| fs::write(p.join("imagery.mbtiles"), b"short").unwrap(),
            GateFailure::Hash,
            "has 5 bytes",
        ),
        (
            |p| fs::remove_file(p.join("imagery.mbtiles")).unwrap(),
            GateFailure::Missing,
            "imagery.mbtiles",
        ),
        (
            |p| change(p, |m| m.imagery.tiles.file = "../../secret".to_owned()),
            GateFailure::Path,
            "leads out of the package",
        ),
        (
            |p| {
                // A link inside the package that leads out of it.
                let outside = p.parent().unwrap().join("outside");
                fs::rename(p.join("imagery.mbtiles"), &outside).unwrap();
                std::os::unix::fs::symlink(&outside, p.join("imagery.mbtiles")).unwrap();
            },
            GateFailure::Path,
            "leads out of the package",
        ),
        (
            |p| change(p, |m| m.takeoff_origin.as_mut().unwrap().lon_deg = 8.0),
            GateFailure::Bounds,
            "lies outside bounds_deg",
        ),
        (
            |p| {
                change(p, |m| {
                    m.regions[0].class = RegionClass::ActiveConflict;
                });
            },
            GateFailure::Stale,
            "more than 6 months",
        ),
        (
            |p| change(p, |m| m.regions[0].captured = day("2027-01-01")),
            GateFailure::Stale,
            "set the clock",
        ),
    ];
    for (alter, reason, part) in alterations {
        let folder = tempfile::tempdir().unwrap();
        let package = made(folder.path());
        opened(&package).unwrap();
        alter(&package);
        let refusal = opened(&package)
            .err()
            .unwrap_or_else(|| panic!("{part:?} was not refused"));
        let text = refusal.to_string();
        assert_eq!(refusal.reason, reason, "{text}");
        assert!(
            text.contains(part) && !text.contains('\n'),
            "no {part:?} in {text:?}"
        );
        let Record::ContentHashGateFail(body) = refusal.record(5) else {
            panic!("another record");
        };
        assert_eq!((body.time_ns, body.reason), (5, reason));
        if reason == GateFailure::Hash && !part.contains("bytes") {
            assert!(body.expected.is_some() && body.found != body.expected);
        }
    }
}

#[test]
fn another_key_is_not_trusted_and_old_imagery_is_worth_less() {
    let folder = tempfile::tempdir().unwrap();
    let package = made(folder.path());
    let other = [SecretKey::from_bytes(&[1; 32]).public()];
    let refusal = admit(&package, &rules(&other, "2026-11-28")).unwrap_err();
    assert_eq!(refusal.reason, GateFailure::Signature);
    let both = [other[0], key().public()];
    let admitted = admit(&package, &rules(&both, "2026-11-28")).unwrap();
    assert_eq!(admitted.signer, Some(key().public()));
    assert!(admitted.downgraded.is_empty());

    let (lat, lon) = (middle().lat_rad, middle().lon_rad);
    let bias = |today| {
        let admitted = admit(&package, &rules(&both, today)).unwrap();
        let bias = admitted.package.area(lat, lon).unwrap().bias_sigma_m;
        (bias, admitted.downgraded.len())
    };
    assert_eq!(bias("2027-05-01"), (2.5, 0));
    let (sigma_m, told) = bias("2027-05-02");
    assert!(sigma_m > 3.5 && told == 1, "{sigma_m}");
}

#[test]
fn an_unchanged_package_is_believed_by_its_stamp_and_a_touched_one_is_hashed_again() {
    let folder = tempfile::tempdir().unwrap();
    let package = made(folder.path());
    let stamp = folder.path().join("map.stamp");
    let trusted = [key().public()];
    let rules = GateRules {
        stamp: Some(&stamp),
        ..rules(&trusted, "2026-11-28")
    };
    assert!(!admit(&package, &rules).unwrap().by_stamp);
    assert!(admit(&package, &rules).unwrap().by_stamp);
    // The same size, another content, and the time of change set back: the inode's own time tells.
    let path = package.join("imagery.mbtiles");
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes.len() - 5_000;
    bytes[at] ^= 1;
    fs::write(&path, bytes).unwrap();
    fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_modified(modified)
        .unwrap();
    assert_eq!(
        admit(&package, &rules).unwrap_err().reason,
        GateFailure::Hash
    );
    // A damaged stamp costs time and nothing else.
    let package = {
        fs::remove_dir_all(&package).unwrap();
        made(folder.path())
    };
    fs::write(&stamp, b"{").unwrap();
    assert!(!admit(&package, &rules).unwrap().by_stamp);
    assert!(admit(&package, &rules).unwrap().by_stamp);
}

/// Exchanges two tiles of a file, as a poisoner would who keeps every byte.
fn swap_two_tiles(path: &Path) {
    let connection = rusqlite::Connection::open(path).unwrap();
    let zoom: i64 = connection
        .query_row("SELECT max(zoom_level) FROM tiles", [], |row| row.get(0))
        .unwrap();
    let text = "SELECT rowid, tile_data FROM tiles WHERE zoom_level = ?1 LIMIT 2";
    let mut statement = connection.prepare(text).unwrap();
    let tiles: Vec<(i64, Vec<u8>)> = statement
        .query_map([zoom], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    for (row, data) in [(tiles[0].0, &tiles[1].1), (tiles[1].0, &tiles[0].1)] {
        connection
            .execute(
                "UPDATE tiles SET tile_data = ?1 WHERE rowid = ?2",
                rusqlite::params![data, row],
            )
            .unwrap();
    }
}

/// As when the stamp says that the file is the one that was hashed, and it is not: the tiles themselves are checked.
#[test]
fn a_tile_that_was_exchanged_behind_the_gate_closes_the_map_at_its_first_use() {
    let folder = tempfile::tempdir().unwrap();
    let package = made(folder.path());
    swap_two_tiles(&package.join("imagery.mbtiles"));
    let manifest = Manifest::parse(&fs::read(package.join(MANIFEST_FILE)).unwrap()).unwrap();
    let tiles = MbTiles::open(&package.join("imagery.mbtiles")).unwrap();
    let hashes = TileHashes::read(&fs::read(package.join("imagery.tiles")).unwrap()).unwrap();
    let mut map = MapPackage::new(manifest, vec![2.5], (tiles, hashes), None);
    let mosaic = map.mosaic(middle(), 560, 0.5);
    let problems = map.take_problems();
    assert!(
        matches!(problems[0], TileProblem::Altered { .. }),
        "{problems:?}"
    );
    assert!(matches!(
        problems[0].record(7),
        Some(Record::ContentHashGateFail(_))
    ));
    assert_eq!(mosaic.image.seen_share(), 0.0);
    assert!(map.is_altered());
    assert_eq!(map.ground(middle().lat_rad, middle().lon_rad), None);
    assert_eq!(
        map.mosaic(place(50.0, 50.0), 40, 1.0).image.seen_share(),
        0.0
    );

    let trusted = [key().public()];
    let refusal = verify(&package, &rules(&trusted, "2026-11-28")).unwrap_err();
    assert_eq!(refusal.reason, GateFailure::Hash);
}

#[test]
fn verify_counts_every_tile() {
    let folder = tempfile::tempdir().unwrap();
    let picture = picture([240.0, 300.0], 0.5, &slope);
    let (package, built) = package(
        folder.path(),
        &picture,
        region("2026-05-01", RegionClass::Stable),
    );
    let trusted = [key().public()];
    let verified = verify(&package, &rules(&trusted, "2026-11-28")).unwrap();
    assert_eq!(
        (verified.imagery_tiles, verified.elevation_tiles),
        (built.tiles, 0)
    );
    assert_eq!(verified.signer, key().public());
    assert!((0.35..0.55).contains(&built.pixel_m), "{}", built.pixel_m);
}

/// Terrarium tiles over the sector whose height grows by a tenth of a metre per metre north.
fn elevation(path: &Path) {
    let zoom = 14;
    let writer = MbTilesWriter::create(path).unwrap();
    let here = TileId::at(zoom, pixel_of(zoom, middle().lat_rad, middle().lon_rad)).unwrap();
    for (dx, dy) in [
        (-1, -1),
        (0, -1),
        (1, -1),
        (-1, 0),
        (0, 0),
        (1, 0),
        (-1, 1),
        (0, 1),
        (1, 1),
    ] {
        let id = TileId::new(
            zoom,
            (here.x as i32 + dx) as u32,
            (here.y as i32 + dy) as u32,
        )
        .unwrap();
        let [left, top] = id.corner();
        let mut pixels = Vec::new();
        for index in 0..TILE_SIDE * TILE_SIDE {
            let x = left + (index % TILE_SIDE) as f64 + 0.5;
            let y = top + (index / TILE_SIDE) as f64 + 0.5;
            let (lat_rad, lon_rad) = place_of(zoom, [x, y]);
            let there = companion::navigator::Geodetic {
                lat_rad,
                lon_rad,
                ..middle()
            };
            let height = 350.0 + 0.1 * middle().displacement_to(there).x;
            let value = ((height + 32_768.0) * 256.0).round() as u32;
            pixels.extend([(value >> 16) as u8, (value >> 8) as u8, value as u8]);
        }
        let mut bytes = Vec::new();
        let mut encoder = ::png::Encoder::new(&mut bytes, 256, 256);
        encoder.set_color(::png::ColorType::Rgb);
        let mut image = encoder.write_header().unwrap();
        image.write_image_data(&pixels).unwrap();
        image.finish().unwrap();
        writer.tile(id, &bytes).unwrap();
    }
    writer.finish().unwrap();
}

fn options<'a>(
    folder: &'a Path,
    imagery: Imagery<'a>,
    elevation: Option<(&'a Path, f64)>,
    key: &'a SecretKey,
) -> BuildOptions<'a> {
    BuildOptions {
        folder,
        name: "sector",
        imagery,
        elevation,
        region: region("2026-05-01", RegionClass::Stable),
        region_is_all: true,
        origin: None,
        flight_id: None,
        key,
    }
}

#[test]
fn the_elevation_layer_gives_the_grounds_height_with_its_sigma() {
    let folder = tempfile::tempdir().unwrap();
    let heights = folder.path().join("heights.mbtiles");
    elevation(&heights);
    let picture = picture([240.0, 300.0], 1.0, &slope);
    let imagery = Imagery::Picture {
        picture: &picture,
        zoom: None,
    };
    let target = folder.path().join("hilly");
    let key = key();
    build(&options(&target, imagery, Some((&heights, 4.0)), &key)).unwrap();
    let mut map = opened(&target).unwrap().package;
    for north in [-100.0, 0.0, 3.3, 700.0] {
        let at = place(north, 40.0);
        let ground = map.ground(at.lat_rad, at.lon_rad).unwrap();
        assert!(
            (ground.alt_msl_m - 350.0 - 0.1 * north).abs() < 0.05,
            "{north}: {ground:?}"
        );
        assert_eq!(ground.sigma_m, 4.0);
    }
    // Beyond the layer, without an origin, nothing is known.
    assert_eq!(map.ground(0.5, 0.1), None);
}

#[test]
fn tiles_of_others_become_a_package_and_a_bare_file_serves_on_the_ground() {
    let folder = tempfile::tempdir().unwrap();
    let first = made(folder.path());
    let tiles = first.join("imagery.mbtiles");
    let target = folder.path().join("again");
    let key = key();
    build(&options(&target, Imagery::Tiles(&tiles), None, &key)).unwrap();
    let mut again = opened(&target).unwrap().package;
    let bare = open_on_the_ground(&tiles, &[]).unwrap();
    assert_eq!((bare.signer, bare.warnings.len()), (None, 1));
    let mut bare = bare.package;
    let wanted = opened(&first)
        .unwrap()
        .package
        .mosaic(middle(), 100, 1.0)
        .image;
    for map in [&mut again, &mut bare] {
        assert_eq!(
            map.mosaic(middle(), 100, 1.0).image.pixels(),
            wanted.pixels()
        );
    }
    let refusal = open_on_the_ground(&tiles, &[key.public()]).unwrap_err();
    assert_eq!(refusal.reason, GateFailure::Signature);
    let refusal = open_on_the_ground(&folder.path().join("none"), &[]).unwrap_err();
    assert_eq!(refusal.reason, GateFailure::Missing);
    let junk = folder.path().join("junk.mbtiles");
    fs::write(&junk, vec![7; 5_000]).unwrap();
    let refusal = open_on_the_ground(&junk, &[]).unwrap_err();
    assert_eq!(refusal.reason, GateFailure::Unreadable);
}

#[test]
fn tiles_that_are_missing_damaged_or_of_another_size_are_told_once_and_not_seen() {
    let folder = tempfile::tempdir().unwrap();
    let tiles = made(folder.path()).join("imagery.mbtiles");
    let zoom = *MbTiles::open(&tiles).unwrap().zooms().last().unwrap();
    let here = TileId::at(zoom, pixel_of(zoom, middle().lat_rad, middle().lon_rad)).unwrap();
    let connection = rusqlite::Connection::open(&tiles).unwrap();
    let set = |data: Option<&[u8]>| {
        let at = rusqlite::params![here.zoom, here.x, here.tms_row()];
        let which = "zoom_level = ?1 AND tile_column = ?2 AND tile_row = ?3";
        connection
            .execute(&format!("DELETE FROM tiles WHERE {which}"), at)
            .unwrap();
        if let Some(data) = data {
            let row = rusqlite::params![here.zoom, here.x, here.tms_row(), data];
            connection
                .execute("INSERT INTO tiles VALUES (?1, ?2, ?3, ?4)", row)
                .unwrap();
        }
        let mut map = MapPackage::bare(MbTiles::open(&tiles).unwrap());
        let seen = map.mosaic(middle(), 60, 0.5).image.seen_share();
        let first = map.take_problems();
        map.mosaic(middle(), 60, 0.5);
        assert!(map.take_problems().is_empty(), "told twice");
        (seen, first)
    };
    let small = {
        let image = companion::vision::image::Gray::new(64, 64, vec![9; 4096]).unwrap();
        png::encode(&png::Masked { image, seen: None }, &[]).unwrap()
    };
    let (seen, problems) = set(None);
    assert!(seen < 1.0 && problems.is_empty(), "{seen} {problems:?}");
    let (seen, problems) = set(Some(b"\xff\xd8\xff\xe0 no tile"));
    assert!(seen < 1.0 && matches!(problems[..], [TileProblem::Undecodable { .. }]));
    let (seen, problems) = set(Some(&small));
    assert!(seen < 1.0 && matches!(problems[..], [TileProblem::Size { .. }]));
    let (seen, problems) = set(Some(&vec![0xff; 2 << 20]));
    assert!(seen < 1.0 && problems.is_empty());
}

/// GeoTIFFs as gdal_translate writes them: scale and tie point, in three coordinate systems.
#[test]
fn a_geotiff_lies_where_its_tags_say() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ortho.tif");
    // EPSG:32632 of 46.8 N, 7.1 E by pyproj 3.7.2: 355014.9065, 5184691.9380.
    let utm = [355_014.906_5 - 50.0, 5_184_691.938 + 40.0];
    let mercator = companion::vision::map::mercator::metres_of(middle().lat_rad, middle().lon_rad);
    for (system, scale, corner) in [
        (
            &[1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32632][..],
            [0.5, 0.5],
            utm,
        ),
        (
            &[1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 3857],
            [0.7, 0.7],
            [mercator[0] - 70.0, mercator[1] + 56.0],
        ),
        (
            &[1024, 0, 1, 2, 1025, 0, 1, 1, 2048, 0, 1, 4326],
            [6e-6, 4e-6],
            [7.1 - 6e-4, 46.8 + 3.2e-4],
        ),
    ] {
        write_geotiff(&path, system, scale, corner);
        let picture = Picture::from_geotiff(&path).unwrap();
        let [x, y] = picture.pixel_of(middle().lat_rad, middle().lon_rad);
        assert!(
            (x - 100.0).abs() < 0.01 && (y - 80.0).abs() < 0.01,
            "{system:?}: {x} {y}"
        );
        let target = folder.path().join(format!("package{}", system[11]));
        let key = key();
        let imagery = Imagery::Picture {
            picture: &picture,
            zoom: None,
        };
        build(&options(&target, imagery, None, &key)).unwrap();
        let mut map = opened(&target).unwrap().package;
        let mosaic = map.mosaic(middle(), 40, 1.0);
        assert_eq!(mosaic.image.seen_share(), 1.0);
    }
    write_geotiff(&path, &[1024, 0, 1, 1, 3072, 0, 1, 2056], [0.5, 0.5], utm);
    let error = Picture::from_geotiff(&path).unwrap_err().to_string();
    assert!(
        error.contains("EPSG:2056") && error.contains("gdalwarp"),
        "{error}"
    );
    write_geotiff(&path, &[], [0.5, 0.5], utm);
    let error = Picture::from_geotiff(&path).unwrap_err().to_string();
    assert!(error.contains("--corners"), "{error}");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 3]).unwrap();
    assert!(Picture::from_geotiff(&path).is_err());
}

fn write_geotiff(path: &Path, keys: &[u16], scale: [f64; 2], corner: [f64; 2]) {
    use tiff::encoder::{TiffEncoder, colortype::Gray8};
    use tiff::tags::Tag;
    let mut encoder = TiffEncoder::new(fs::File::create(path).unwrap()).unwrap();
    let mut image = encoder.new_image::<Gray8>(200, 160).unwrap();
    if !keys.is_empty() {
        let directory = [&[1, 1, 0, (keys.len() / 4) as u16][..], keys].concat();
        let tags = image.encoder();
        tags.write_tag(Tag::GeoKeyDirectoryTag, &directory[..])
            .unwrap();
        tags.write_tag(Tag::ModelPixelScaleTag, &[scale[0], scale[1], 0.0][..])
            .unwrap();
        let tie = [0.0, 0.0, 0.0, corner[0], corner[1], 0.0];
        tags.write_tag(Tag::ModelTiepointTag, &tie[..]).unwrap();
    }
    let pixels: Vec<u8> = (0..200 * 160).map(|index| (index % 251) as u8).collect();
    image.write_data(&pixels).unwrap();
}

#[test]
fn a_package_that_cannot_be_made_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("package");
    let key = key();
    let missing = folder.path().join("none.mbtiles");
    assert!(build(&options(&target, Imagery::Tiles(&missing), None, &key)).is_err());
    assert!(!target.exists());
    let raster = Raster::new(200, 200, vec![5; 40_000], None).unwrap();
    let georeference = Georeference::Corners(companion::vision::map::build::Corners([
        [46.801, 7.1],
        [46.801, 7.102],
        [46.8, 7.102],
        [46.8, 7.1],
    ]));
    let picture = Picture::new(raster, &georeference).unwrap();
    let mut wrong = options(
        &target,
        Imagery::Picture {
            picture: &picture,
            zoom: None,
        },
        None,
        &key,
    );
    wrong.region.bias_sigma_m = -1.0;
    let error = build(&wrong).unwrap_err().to_string();
    assert!(error.contains("bias_sigma_m is -1"), "{error}");
    assert!(!target.exists());
    fs::create_dir(&target).unwrap();
    wrong.region.bias_sigma_m = 1.0;
    assert!(build(&wrong).unwrap_err().to_string().contains("exists"));
}
