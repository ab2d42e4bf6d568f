//! `companion replay --frames --map`: what the camera sees carries the position while GPS is denied, and what it
//! cannot see is told.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

#[path = "support/camera.rs"]
mod camera;
#[path = "support/sector.rs"]
mod sector;
#[path = "support/terrain.rs"]
mod terrain;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use camera::Lens;
use companion::config::Configuration;
use companion::replay::{DenialWindows, ReplayOptions, SightOptions, replay_seeing};
use companion::vision::Pose;
use companion::vision::jpeg;
use companion::vision::map::manifest::RegionClass;
use fdr_format::{Digest, FlightId, FlightItem, FlightReader, Record, records};
use mavlink::dialects::ardupilotmega::{
    ATTITUDE_DATA, GPS_RAW_INT_DATA, MavMessage, RAW_IMU_DATA, SCALED_PRESSURE_DATA,
};
use sector::{GROUND_M, key, package_from, picture, place, region};
use serde_json::Value;
use std::ops::ControlFlow;
use support::command::{Run, replay, sound_recording};
use support::{LOG_START_US, Tlog, good_fix, plane_heartbeat};
use terrain::{Season, Terrain};

/// From lift-off to the beginning of the leg over the sector, to which all times in these tests refer.
const LAUNCH_S: u64 = 15;
/// Length of the leg.
const SECONDS: u64 = 26;
const SPEED_MPS: f64 = 15.0;
const START_NORTH_M: f64 = -220.0;
/// So that a tile of zoom 19 lies in the middle of the frames.
const EAST_M: f64 = 20.0;
/// Up with 1 g for a second, on with that speed for nine, and a second to stop.
const AGL_M: f64 = 10.0 * G_MPS2;
const G_MPS2: f64 = 9.806_65;
const PITCH_RAD: f64 = 0.02;
const LENS: Lens = Lens {
    width: 480,
    height: 360,
    focal_px: 500.0,
};
const HEADER: &str = "file,time_us,lat_deg,lon_deg,alt_msl_m,agl_m,roll_deg,pitch_deg,yaw_deg\n";

/// Metres north of the middle of the sector at a time of the leg, s.
fn north_at(seconds: f64) -> f64 {
    START_NORTH_M + SPEED_MPS * seconds
}

/// The way of something at rest that is accelerated at 1 g from `begins` to `ends`: its acceleration in g, its
/// speed in m/s and its way in m.
fn pushed(begins: f64, ends: f64, now: f64) -> [f64; 3] {
    let pushed = now.clamp(begins, ends) - begins;
    let glided = (now - ends).max(0.0);
    let g = f64::from(u8::from((begins..ends).contains(&now)));
    let speed = G_MPS2 * pushed;
    [g, speed, 0.5 * speed * pushed + speed * glided]
}

/// Straight up from the ground, then north, at a time of the log, s: acceleration in g, speed and way, upwards
/// and northwards.
fn flight_at(now: f64) -> [[f64; 3]; 2] {
    let lift = pushed(1.0, 2.0, now);
    let stop = pushed(11.0, 12.0, now);
    let up = [0, 1, 2].map(|part| lift[part] - stop[part]);
    [up, pushed(12.0, 12.0 + SPEED_MPS / G_MPS2, now)]
}

/// Metres north of the middle of the sector at which the aircraft lifts off.
fn start_north() -> f64 {
    let [_, [_, _, way]] = flight_at(LAUNCH_S as f64);
    START_NORTH_M - way
}

/// Log, photographs and package of one flight; made once.
struct Flight {
    folder: tempfile::TempDir,
    package: PathBuf,
}

impl Flight {
    fn get() -> &'static Self {
        static FLIGHT: OnceLock<Flight> = OnceLock::new();
        FLIGHT.get_or_init(|| {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join("flight.tlog"), log().bytes).unwrap();
            photographs(&folder.path().join("frames"));
            let terrain = Terrain::new(3);
            let ground = |north: f64, east: f64| terrain.brightness(north, east, Season::Map);
            let picture = picture([700.0, 320.0], 1.0, &ground);
            let region = region("2026-05-01", RegionClass::Stable);
            let start = place(start_north(), EAST_M);
            let (package, _) = package_from(folder.path(), &picture, region, start);
            Flight { folder, package }
        })
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("flight.tlog")
    }

    fn frames(&self) -> PathBuf {
        self.folder.path().join("frames")
    }
}

/// 50 Hz RAW_IMU and ATTITUDE, 10 Hz pressure, 5 Hz GPS, 1 Hz HEARTBEAT.
fn log() -> Tlog {
    let mut log = Tlog::default();
    for step in 0..(LAUNCH_S + SECONDS) * 50 {
        let time_us = step * 20_000;
        let [up, north] = flight_at(time_us as f64 * 1e-6);
        if step % 50 == 0 {
            log.push(time_us, &plane_heartbeat(true));
        }
        // Body axes, level but for the pitch.
        let felt = [north[0], -1.0 - up[0]];
        let (sine, cosine) = PITCH_RAD.sin_cos();
        let forward = felt[0] * cosine - felt[1] * sine;
        let down = felt[0] * sine + felt[1] * cosine;
        log.push(
            time_us + 1_000,
            &MavMessage::RAW_IMU(RAW_IMU_DATA {
                xacc: (forward * 1e3).round() as i16,
                zacc: (down * 1e3).round() as i16,
                ..RAW_IMU_DATA::default()
            }),
        );
        let level = MavMessage::ATTITUDE(ATTITUDE_DATA {
            pitch: PITCH_RAD as f32,
            ..ATTITUDE_DATA::default()
        });
        log.push(time_us + 2_000, &level);
        if step % 5 == 0 {
            log.push(time_us + 2_500, &pressure(time_us, up[2]));
        }
        if step % 10 == 0 {
            log.push(time_us + 3_000, &fix(time_us, up, north));
        }
    }
    log
}

/// The standard atmosphere, `up` metres above the ground.
fn pressure(time_us: u64, up: f64) -> MavMessage {
    let hpa = 1013.25 * (1.0 - 2.255_77e-5 * (GROUND_M + up)).powf(5.255_88);
    MavMessage::SCALED_PRESSURE(SCALED_PRESSURE_DATA {
        time_boot_ms: (time_us / 1_000) as u32,
        press_abs: hpa as f32,
        temperature: 1_500,
        ..SCALED_PRESSURE_DATA::default()
    })
}

fn fix(time_us: u64, up: [f64; 3], north: [f64; 3]) -> MavMessage {
    let at = place(start_north() + north[2], EAST_M);
    MavMessage::GPS_RAW_INT(GPS_RAW_INT_DATA {
        time_usec: time_us,
        lat: (at.lat_rad.to_degrees() * 1e7).round() as i32,
        lon: (at.lon_rad.to_degrees() * 1e7).round() as i32,
        alt: ((GROUND_M + up[2]) * 1e3) as i32,
        vel: (north[1] * 100.0) as u16,
        ..good_fix()
    })
}

/// Three photographs a second over the ground of today, with the attitude of the log.
fn photographs(folder: &Path) {
    fs::create_dir(folder).unwrap();
    fs::write(folder.join("camera.toml"), LENS.toml()).unwrap();
    let terrain = Terrain::new(3);
    let ground = |north: f64, east: f64| terrain.brightness(north, east, Season::Today);
    let pose = Pose {
        roll_rad: 0.0,
        pitch_rad: PITCH_RAD,
        yaw_rad: 0.0,
        agl_m: AGL_M,
    };
    let mut lines = HEADER.to_owned();
    for frame in 0..3 * (SECONDS - 1) {
        let time_us = 700_000 + frame * 1_000_000 / 3;
        let at = [north_at(time_us as f64 * 1e-6), EAST_M];
        let time_us = time_us + LAUNCH_S * 1_000_000;
        let image = LENS.photograph(&pose, at, &ground);
        let name = format!("{frame:03}.jpg");
        fs::write(folder.join(&name), jpeg::encode(&image, 88).unwrap()).unwrap();
        let place = place(at[0], at[1]);
        lines.push_str(&format!(
            "{name},{},{:.8},{:.8},{},{AGL_M},,,\n",
            LOG_START_US + time_us,
            place.lat_rad.to_degrees(),
            place.lon_rad.to_degrees(),
            GROUND_M + AGL_M,
        ));
    }
    fs::write(folder.join("frames.csv"), lines).unwrap();
}

/// The photographs in a folder of their own, in which a test may change them.
fn own_frames(target: &Path) -> PathBuf {
    let folder = target.join("frames");
    fs::create_dir(&folder).unwrap();
    for entry in fs::read_dir(Flight::get().frames()).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
    }
    folder
}

/// A replay with GPS denied from 10 s of the leg on.
fn denied(target: &Path, frames: &Path, more: &[&str]) -> Run {
    let mut arguments = vec!["--deny-gps", "25:40", "--frames", frames.to_str().unwrap()];
    arguments.extend(more);
    replay(&Flight::get().log(), target, &arguments)
}

fn signed() -> Vec<String> {
    let package = Flight::get().package.to_str().unwrap().to_owned();
    vec![
        "--map".to_owned(),
        package,
        "--map-key".to_owned(),
        key().public().to_string(),
    ]
}

/// Every record of a recording, decoded, by what `take` makes of it.
fn collect<T>(recording: &Path, mut take: impl FnMut(&Record<'_>) -> Option<T>) -> Vec<T> {
    let mut reader = FlightReader::open(recording).unwrap();
    let mut found = Vec::new();
    while let Some(item) = reader.next_item().unwrap() {
        if let FlightItem::Record { record, .. } = item {
            found.extend(take(&record.decode().unwrap()));
        }
    }
    found
}

fn told(recording: &Path) -> Vec<String> {
    collect(recording, |record| match record {
        Record::ComponentLifecycleEvent(event) if event.component == "vision" => {
            Some(event.text.to_owned())
        }
        _ => None,
    })
}

/// Time of a record since the beginning of the leg, s.
fn on_the_leg(time_ns: u64) -> f64 {
    time_ns as f64 * 1e-9 - LAUNCH_S as f64
}

/// Share of the positions in a time of the leg under each label, and the largest horizontal error, m.
fn flown(recording: &Path, from_s: f64, to_s: f64) -> (BTreeMap<String, f64>, f64) {
    let positions = collect(recording, |record| match record {
        Record::EmittedExternalPosition(body) => {
            let seconds = on_the_leg(body.time_ns);
            (from_s..to_s).contains(&seconds).then(|| {
                let truth = place(north_at(seconds), EAST_M);
                let there = companion::navigator::Geodetic {
                    lat_rad: body.lat_rad,
                    lon_rad: body.lon_rad,
                    ..truth
                };
                let off = truth.displacement_to(there);
                (format!("{:?}", body.source_label), off.x.hypot(off.y))
            })
        }
        _ => None,
    });
    let mut labels = BTreeMap::new();
    for (label, _) in &positions {
        *labels.entry(label.clone()).or_insert(0.0) += 1.0 / positions.len() as f64;
    }
    let worst = positions
        .iter()
        .map(|(_, error)| *error)
        .fold(0.0, f64::max);
    (labels, worst)
}

#[test]
fn the_map_carries_the_position_while_gps_is_denied() {
    let target = tempfile::tempdir().unwrap();
    let more = signed();
    let more: Vec<_> = more.iter().map(String::as_str).collect();
    let run = denied(target.path(), &Flight::get().frames(), &more);
    assert_eq!(run.code, 0, "{run}");
    let report = run.json();
    println!("{:#}", report["vision"]);
    let vision = |key: &str| report["vision"][key].as_u64().unwrap();
    assert_eq!(vision("frames"), 3 * (SECONDS - 1));
    assert!(vision("registered") >= 68, "{run}");
    assert!(vision("anchored") >= 12, "{run}");
    assert!(vision("anchored") <= vision("matched") && vision("matched") <= vision("searched"));
    let recording = sound_recording(&report);
    let (labels, worst_m) = flown(&recording, 11.0, 25.0);
    println!("{labels:?}, worst {worst_m:.1} m");
    assert!(labels["SatelliteAnchored"] > 0.8, "{labels:?}");
    assert!(worst_m < 10.0, "{worst_m}");

    let searches = collect(&recording, |record| match record {
        Record::MapMatch(body) => {
            assert!(body.first_x <= body.last_x && body.first_y <= body.last_y);
            assert!(body.candidates.len() <= 3);
            let scores: Vec<_> = body.candidates.iter().map(|one| one.fine_score).collect();
            assert!(scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
            Some(body.outcome)
        }
        _ => None,
    });
    assert_eq!(searches.len() as u64, vision("searched"));
    let accepted = records::MapMatchOutcome::Accepted;
    let matched = searches
        .iter()
        .filter(|outcome| **outcome == accepted)
        .count();
    assert_eq!(matched as u64, vision("matched"));
}

#[test]
fn tiles_are_made_of_anchored_frames_and_carry_their_provenance() {
    let target = tempfile::tempdir().unwrap();
    let more = signed();
    let more: Vec<_> = more.iter().map(String::as_str).collect();
    let run = denied(target.path(), &Flight::get().frames(), &more);
    let recording = sound_recording(&run.json());
    let emitted = collect(&recording, |record| match record {
        Record::MidFlightTileEmitted(body) => Some(*body),
        _ => None,
    });
    assert!(emitted.len() >= 3, "{} tiles", emitted.len());
    for tile in &emitted {
        let name = format!("{}_{}_{}.png", tile.zoom, tile.x, tile.y);
        let bytes = fs::read(recording.join("tiles").join(name)).unwrap();
        assert_eq!(Digest(blake3::hash(&bytes).into()), tile.content);
        assert_eq!(bytes.len() as u32, tile.bytes);
        let [nn, _, ee] = tile.parent_covariance_ne_m2;
        assert!((1.0..36.0).contains(&nn) && (1.0..36.0).contains(&ee));
        let decoder = png::Decoder::new(std::io::Cursor::new(&bytes));
        let reader = decoder.read_info().unwrap();
        let text = reader.info().utf8_text.first().unwrap();
        let text: Value = serde_json::from_str(&text.get_text().unwrap()).unwrap();
        assert_eq!(text["frame"], tile.frame);
        assert!(text["covariance_ne_m2"].is_array() && text["lat_deg"].is_number());
        shows_the_ground(&bytes, tile);
    }
    let count = fs::read_dir(recording.join("tiles")).unwrap().count();
    assert_eq!(count, emitted.len());
}

/// The tile's brightness goes with the ground's where the tile says it lies.
fn shows_the_ground(bytes: &[u8], tile: &records::MidFlightTileEmitted) {
    use companion::vision::map::mercator::{TileId, place_of};
    let shown = companion::vision::png::decode(bytes).unwrap();
    let terrain = Terrain::new(3);
    let id = TileId::new(tile.zoom, tile.x, tile.y).unwrap();
    let [left, top] = id.corner();
    let mut pairs = Vec::new();
    for row in (4..252).step_by(4) {
        for column in (4..252).step_by(4) {
            let at = [left + f64::from(column) + 0.5, top + f64::from(row) + 0.5];
            let (lat_rad, lon_rad) = place_of(id.zoom, at);
            let there = companion::navigator::Geodetic {
                lat_rad,
                lon_rad,
                ..sector::middle()
            };
            let ned = sector::middle().displacement_to(there);
            let wanted = terrain.brightness(ned.x, ned.y, Season::Today);
            pairs.push((
                wanted,
                f64::from(shown.image.pixels()[row as usize * 256 + column as usize]),
            ));
        }
    }
    let n = pairs.len() as f64;
    let mean = pairs.iter().fold((0.0, 0.0), |sum, pair| {
        (sum.0 + pair.0 / n, sum.1 + pair.1 / n)
    });
    let sum = |f: &dyn Fn(&(f64, f64)) -> f64| pairs.iter().map(f).sum::<f64>();
    let both = sum(&|pair| (pair.0 - mean.0) * (pair.1 - mean.1));
    let spread = sum(&|pair| (pair.0 - mean.0).powi(2)) * sum(&|pair| (pair.1 - mean.1).powi(2));
    let correlation = both / spread.sqrt();
    assert!(correlation > 0.6, "{id}: correlation {correlation:.2}");
}

#[test]
fn two_replays_are_equal_to_the_last_byte() {
    let flight = Flight::get();
    let record = |folder: &Path| -> BTreeMap<PathBuf, Vec<u8>> {
        let options = ReplayOptions {
            log: flight.log(),
            fdr: folder.to_owned(),
            flight_id: Some(FlightId([4; 16])),
            windows: DenialWindows::new(vec!["25:40".parse().unwrap()]).unwrap(),
            positions: None,
            configuration: Configuration::default(),
        };
        let sight = SightOptions {
            frames: flight.frames(),
            map: Some(flight.package.clone()),
            map_keys: vec![key().public()],
        };
        let go_on = &mut |_: companion::replay::Progress| ControlFlow::Continue(());
        let replayed = replay_seeing(&options, Some(&sight), go_on).unwrap();
        assert!(replayed.problem.is_none(), "{:?}", replayed.problem);
        let mut files = BTreeMap::new();
        let mut folders = vec![replayed.summary.flight_dir.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(&replayed.summary.flight_dir).unwrap();
                    files.insert(name.to_owned(), fs::read(&path).unwrap());
                }
            }
        }
        files
    };
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (first, second) = (record(first.path()), record(second.path()));
    assert!(first.len() > 4);
    let names = |files: &BTreeMap<PathBuf, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&first), names(&second));
    for (name, bytes) in &first {
        assert!(second[name] == *bytes, "{} differs", name.display());
    }
}

#[test]
fn a_map_with_a_wrong_signature_gives_no_anchors_and_the_flight_goes_on() {
    let target = tempfile::tempdir().unwrap();
    let package = Flight::get().package.to_str().unwrap();
    let key = "11".repeat(32);
    let run = denied(
        target.path(),
        &Flight::get().frames(),
        &["--map", package, "--map-key", &key],
    );
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stderr.contains("not that of a trusted key"), "{run}");
    let report = run.json();
    assert_eq!(report["vision"]["searched"], 0);
    assert!(
        report["vision"]["registered"].as_u64().unwrap() >= 68,
        "{run}"
    );
    let recording = sound_recording(&report);
    let gates = collect(&recording, |record| match record {
        Record::ContentHashGateFail(body) => Some(body.reason),
        _ => None,
    });
    assert_eq!(gates, [records::GateFailure::Signature]);
    assert!(told(&recording)[0].contains("not that of a trusted key"));
    // Without an anchor there is nothing that odometry could propagate, by its name; it carries all the same.
    let (labels, worst_m) = flown(&recording, 11.0, 25.0);
    assert_eq!(labels.keys().collect::<Vec<_>>(), ["DeadReckoned"]);
    assert!(worst_m < 10.0, "{worst_m}");
}

#[test]
fn a_bare_file_of_tiles_is_used_with_a_warning_and_names_no_place_to_begin_at() {
    let target = tempfile::tempdir().unwrap();
    let tiles = Flight::get().package.join("imagery.mbtiles");
    let run = denied(
        target.path(),
        &Flight::get().frames(),
        &["--map", tiles.to_str().unwrap()],
    );
    assert_eq!(run.code, 0, "{run}");
    assert!(
        run.stderr.contains("nobody's signature was asked for"),
        "{run}"
    );
    let report = run.json();
    assert!(
        report["vision"]["anchored"].as_u64().unwrap() >= 12,
        "{run}"
    );
    let recording = sound_recording(&report);
    let origins = collect(&recording, |record| {
        matches!(record, Record::TakeoffOrigin(_)).then_some(())
    });
    assert!(origins.is_empty());
}

/// Frames 40 to 54 (14 s to 19 s) are damaged, of another size, or missing.
#[test]
fn frames_that_cannot_be_used_are_told_once_and_a_blackout_follows_from_them() {
    let target = tempfile::tempdir().unwrap();
    let frames = own_frames(target.path());
    let terrain = |_: f64, _: f64| 100.0;
    let pose = Pose {
        roll_rad: 0.0,
        pitch_rad: 0.0,
        yaw_rad: 0.0,
        agl_m: 100.0,
    };
    let other = Lens {
        width: 160,
        height: 120,
        focal_px: 125.0,
    };
    for frame in 40..55 {
        let path = frames.join(format!("{frame:03}.jpg"));
        match frame % 3 {
            0 => {
                let bytes = fs::read(&path).unwrap();
                fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
            }
            1 => {
                let small = other.photograph(&pose, [0.0, 0.0], &terrain);
                fs::write(&path, jpeg::encode(&small, 80).unwrap()).unwrap();
            }
            _ => fs::remove_file(&path).unwrap(),
        }
    }
    let more = signed();
    let more: Vec<_> = more.iter().map(String::as_str).collect();
    let run = denied(&target.path().join("fdr"), &frames, &more);
    assert_eq!(run.code, 0, "{run}");
    let recording = sound_recording(&run.json());
    let told = told(&recording);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[0].contains("160 x 120") && told[0].contains("480 x 360"),
        "{told:?}"
    );
    assert!(told[1].contains("usable again after 15"), "{told:?}");
    let blackout = collect(&recording, |record| match record {
        Record::VisualBlackoutEvent(event) => Some((event.phase, on_the_leg(event.time_ns))),
        _ => None,
    });
    // On the way up there were no frames either.
    let at = |phase| {
        blackout
            .iter()
            .find(|(found, at)| *found == phase && *at > 10.0)
            .map(|found| found.1)
    };
    let entered = at(records::BlackoutPhase::Entered).unwrap();
    let asked = at(records::BlackoutPhase::RelocalisationRequested).unwrap();
    let left = at(records::BlackoutPhase::Left).unwrap();
    assert!((14.5..16.0).contains(&entered), "{entered}");
    assert!((15.5..17.0).contains(&asked), "{asked}");
    assert!((19.0..20.0).contains(&left), "{left}");
    let (labels, _) = flown(&recording, 15.2, 18.8);
    assert_eq!(labels.keys().collect::<Vec<_>>(), ["DeadReckoned"]);
    let (labels, worst_m) = flown(&recording, 21.5, 25.0);
    assert!(labels["SatelliteAnchored"] > 0.7, "{labels:?}");
    assert!(worst_m < 12.0, "{worst_m}");
}

/// A map of another place under the same coordinates: nothing fits, nothing is believed, and the failures leave
/// a thumbnail every ten seconds at most.
#[test]
fn over_a_map_of_another_place_nothing_is_anchored_and_thumbnails_are_few_and_small() {
    let target = tempfile::tempdir().unwrap();
    let elsewhere = Terrain::new(99);
    let ground = |north: f64, east: f64| elsewhere.brightness(north, east, Season::Map);
    let picture = picture([700.0, 320.0], 1.0, &ground);
    let region = region("2026-05-01", RegionClass::Stable);
    let start = place(start_north(), EAST_M);
    let (package, _) = package_from(target.path(), &picture, region, start);
    let run = denied(
        &target.path().join("fdr"),
        &Flight::get().frames(),
        &["--map", package.to_str().unwrap()],
    );
    assert_eq!(run.code, 0, "{run}");
    let report = run.json();
    assert_eq!(report["vision"]["anchored"], 0, "{run}");
    assert_eq!(report["vision"]["tiles"], 0);
    let recording = sound_recording(&report);
    let thumbnails = collect(&recording, |record| match record {
        Record::MidFlightTileFailed(body) => Some((body.time_ns, body.thumbnail.to_owned())),
        _ => None,
    });
    assert!(thumbnails.len() > 40, "{}", thumbnails.len());
    let kept: Vec<_> = thumbnails
        .iter()
        .filter(|(_, name)| !name.is_empty())
        .collect();
    assert_eq!(kept.len(), 3, "one in ten seconds of twenty-six");
    for (_, name) in &kept {
        let bytes = fs::read(recording.join("thumbnails").join(name)).unwrap();
        let image = jpeg::decode(&bytes).unwrap();
        assert!(image.width() <= 320 && bytes.len() < 64 << 10);
    }
    assert!(
        kept.windows(2)
            .all(|pair| pair[1].0 - pair[0].0 >= 10_000_000_000)
    );
}

#[test]
fn photographs_that_cannot_belong_to_the_log_are_refused_before_anything_is_recorded() {
    let target = tempfile::tempdir().unwrap();
    let frames = own_frames(target.path());
    let fdr = target.path().join("fdr");
    let lines = fs::read_to_string(frames.join("frames.csv")).unwrap();
    let early = lines.replace(",1700000", ",1600000");
    fs::write(frames.join("frames.csv"), early).unwrap();
    denied(&fdr, &frames, &[]).fails(1, &["--frames", "before the log"]);
    fs::write(
        frames.join("camera.toml"),
        LENS.toml().replace("fx = 500.0", "fx = 9.0"),
    )
    .unwrap();
    denied(&fdr, &frames, &[]).fails(1, &["--frames", "camera.toml", "fx = 9"]);
    fs::remove_file(frames.join("camera.toml")).unwrap();
    denied(&fdr, &frames, &[]).fails(1, &["--frames", "camera.toml"]);
    assert!(!fdr.exists());
    let run = replay(&Flight::get().log(), &fdr, &["--map", "x"]);
    assert_eq!(run.code, 64, "{run}");
}
