//! Vision as its thread runs it: the newest frame wins, the rest is counted, and what it finds reaches the navigator.

#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "support/camera.rs"]
mod camera;
#[path = "support/sector.rs"]
mod sector;
#[path = "support/terrain.rs"]
mod terrain;

use std::sync::Mutex;
use std::time::Duration;

use camera::Lens;
use companion::navigator::{
    AnchorVerdict, Attitude, Covariance6, Ellipse95, EmittedExternalPosition, FixType,
    FrameOutcome, FrameRefusal, Input, MonotonicNs, Output, SourceLabel,
};
use companion::pipeline::Product;
use companion::vision::Pose;
use companion::vision::calibration::Calibration;
use companion::vision::eye::Eye;
use companion::vision::frame_source::{
    CameraFrame, FrameContent, FrameSource, Mailbox, SourceEnded,
};
use companion::vision::map::manifest::RegionClass;
use companion::vision::map::open_on_the_ground;
use companion::vision::midflight::TileShelf;
use companion::vision::notices::Notice;
use companion::vision::service::{Findings, VisionService, take_frames};
use companion::vision::tracker::FrameStamp;
use fdr_format::{Record, RecordType};
use sector::{GROUND_M, package, picture, place, region};
use terrain::{Season, Terrain};

const LENS: Lens = Lens {
    width: 480,
    height: 360,
    focal_px: 500.0,
};
const PERIOD_NS: u64 = 333_000_000;
const SPEED_MPS: f64 = 15.0;
/// So that a tile of zoom 19 lies in the middle of the frames.
const EAST_M: f64 = 20.0;
const POSE: Pose = Pose {
    roll_rad: 0.02,
    pitch_rad: 0.01,
    yaw_rad: 0.1,
    agl_m: 100.0,
};

/// What was found, and a clock that stands where it is put.
#[derive(Default)]
struct Desk {
    now: MonotonicNs,
    inputs: Vec<Input>,
    records: Vec<RecordType>,
    told: Vec<Notice>,
}

impl Findings for Desk {
    fn now(&self) -> MonotonicNs {
        self.now
    }

    fn input(&mut self, input: Input) {
        self.inputs.push(input);
    }

    fn record(&mut self, record: &Record<'_>) {
        self.records.push(record.record_type());
    }

    fn tell(&mut self, notice: &Notice) {
        self.told.push(notice.clone());
    }
}

fn exposure(number: u64) -> MonotonicNs {
    MonotonicNs(1_000_000_000 + number * PERIOD_NS)
}

fn north_at(number: u64) -> f64 {
    number as f64 * PERIOD_NS as f64 * 1e-9 * SPEED_MPS - 60.0
}

fn frame(number: u64, ground: &dyn Fn(f64, f64) -> f64) -> CameraFrame {
    CameraFrame {
        stamp: FrameStamp {
            number,
            exposure: exposure(number),
        },
        content: FrameContent::Image(LENS.photograph(&POSE, [north_at(number), EAST_M], ground)),
    }
}

fn attitude(time: MonotonicNs) -> Input {
    Input::Attitude(Attitude {
        time,
        roll_rad: POSE.roll_rad,
        pitch_rad: POSE.pitch_rad,
        yaw_rad: POSE.yaw_rad,
        angular_rate_frd_radps: [0.0; 3],
    })
}

/// The estimate is 12 m east of the truth.
fn position(number: u64) -> Output {
    let at = place(north_at(number), EAST_M + 12.0);
    Output::Position(EmittedExternalPosition {
        time: exposure(number),
        lat_rad: at.lat_rad,
        lon_rad: at.lon_rad,
        alt_msl_m: GROUND_M + POSE.agl_m,
        vel_ned_mps: [SPEED_MPS, 0.0, 0.0],
        covariance: Covariance6([1.0; 21]),
        ellipse_95: Ellipse95 {
            semi_major_m: 20.0,
            semi_minor_m: 20.0,
            orientation_rad: 0.0,
        },
        horiz_accuracy_m: 8.0,
        vert_accuracy_m: 4.0,
        speed_accuracy_mps: 0.5,
        source_label: SourceLabel::DeadReckoned,
        last_satellite_anchor_age_ms: None,
        fix_type: FixType::ThreeD,
    })
}

fn eye(folder: &std::path::Path, ground: &dyn Fn(f64, f64) -> f64) -> Eye {
    let picture = picture([420.0, 320.0], 1.0, ground);
    let (package, _) = package(folder, &picture, region("2026-05-01", RegionClass::Stable));
    let map = open_on_the_ground(&package, &[]).unwrap();
    Eye::new(Calibration::parse(&LENS.toml()).unwrap(), Some(map.package))
}

#[test]
fn odometry_and_anchors_reach_the_navigator_and_its_verdict_makes_tiles() {
    let folder = tempfile::tempdir().unwrap();
    let terrain = Terrain::new(3);
    let today = |north: f64, east: f64| terrain.brightness(north, east, Season::Today);
    let map = |north: f64, east: f64| terrain.brightness(north, east, Season::Map);
    let shelf = TileShelf::open(folder.path(), 1 << 30, 1 << 30).unwrap();
    let (mut service, ear) = VisionService::new(eye(folder.path(), &map), Some(shelf));
    let mut desk = Desk::default();
    let mut anchors = 0;
    for number in 0..12 {
        ear.hear(&Product::Input(&attitude(exposure(number))));
        ear.hear(&Product::Output(&position(number)));
        desk.now = exposure(number).plus_ns(40_000_000);
        let before = desk.inputs.len();
        service.turn(Some(frame(number, &today)), &mut desk);
        for input in desk.inputs.split_off(before) {
            match input {
                Input::VisualOdometry(result) => {
                    assert_eq!((result.frame, result.time), (number, desk.now));
                    match result.outcome {
                        FrameOutcome::Refused(reason) => {
                            assert_eq!((number, reason), (0, FrameRefusal::FirstOfSegment));
                        }
                        FrameOutcome::Registered(moved) => {
                            let way = north_at(number) - north_at(moved.keyframe);
                            let [north, east] = moved.displacement_ne_m;
                            assert!((north - way).hypot(east) < 1.0, "{number}: {moved:?}");
                        }
                    }
                }
                Input::SatelliteAnchor(anchor) => {
                    anchors += 1;
                    let truth = place(north_at(number), EAST_M);
                    let found = companion::navigator::Geodetic {
                        lat_rad: anchor.lat_rad,
                        lon_rad: anchor.lon_rad,
                        ..truth
                    };
                    let off = truth.displacement_to(found);
                    assert!(off.x.hypot(off.y) < 6.0, "{number}: {off}");
                    let verdict = Output::Anchor(AnchorVerdict {
                        time: desk.now,
                        frame: anchor.frame,
                        exposure: anchor.exposure,
                        refusal: None,
                        lat_rad: anchor.lat_rad,
                        lon_rad: anchor.lon_rad,
                        innovation_ne_m: None,
                        nis: None,
                        score: anchor.score,
                        peak_ratio: anchor.peak_ratio,
                    });
                    ear.hear(&Product::Output(&verdict));
                }
                other => panic!("{other:?}"),
            }
        }
    }
    service.turn(None, &mut desk);
    assert!(anchors >= 3, "{anchors}");
    let count = |wanted| {
        desk.records
            .iter()
            .filter(|found| **found == wanted)
            .count()
    };
    assert!(
        count(RecordType::MID_FLIGHT_TILE_EMITTED) >= 1,
        "{:?}",
        desk.records
    );
    assert_eq!(
        count(RecordType::MAP_MATCH) as u64,
        service.counts().searched
    );
    assert_eq!(service.counts().matched, anchors);
    assert_eq!(service.counts().unheard, 0);
}

/// Fast as it can, so many frames.
struct Burst(u64);

impl FrameSource for Burst {
    fn next_frame(&mut self, _: Duration) -> Result<Option<CameraFrame>, SourceEnded> {
        if self.0 == 0 {
            return Err(SourceEnded("unplugged".to_owned()));
        }
        self.0 -= 1;
        Ok(Some(CameraFrame {
            stamp: FrameStamp {
                number: 200 - self.0,
                exposure: MonotonicNs(200 - self.0),
            },
            content: FrameContent::Unusable("dark".to_owned()),
        }))
    }
}

#[test]
fn a_source_that_is_too_fast_loses_frames_by_count_and_its_end_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (mut service, _ear) = VisionService::new(eye(folder.path(), &|_, _| 90.0), None);
    let mailbox = Mailbox::default();
    let announced = Mutex::new(Desk::default());
    let mut seen = Desk::default();
    let counts = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut desk = announced.lock().unwrap();
            take_frames(&mut Burst(200), &mailbox, &|| false, &mut *desk);
        });
        service.run(&mailbox, &mut seen)
    });
    let announced = announced.into_inner().unwrap();
    assert_eq!(counts.frames + counts.skipped, 200);
    let exposed = |input: &&Input| matches!(input, Input::FrameExposed(_));
    assert_eq!(announced.inputs.iter().filter(exposed).count(), 200);
    assert!(
        announced.told[0].text.contains("unplugged"),
        "{:?}",
        announced.told
    );
    assert_eq!(seen.inputs.len() as u64, counts.frames);
    assert_eq!(
        seen.told.len(),
        1,
        "the first of a row is told, and no other"
    );
}

#[test]
fn an_ear_that_nobody_empties_never_blocks_and_counts_what_it_loses() {
    let folder = tempfile::tempdir().unwrap();
    let (mut service, ear) = VisionService::new(eye(folder.path(), &|_, _| 90.0), None);
    for index in 0..5_000 {
        ear.hear(&Product::Input(&attitude(MonotonicNs(index))));
    }
    service.turn(None, &mut Desk::default());
    assert_eq!(service.counts().unheard, 5_000 - 4_096);
    drop(service);
    ear.hear(&Product::Input(&attitude(MonotonicNs(1))));
}
