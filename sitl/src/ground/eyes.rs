//! Camera, odometry and map matcher of a simulated flight, from pixels alone: frames are rendered over
//! the ground of the test world and go through the same calls as in flight.

use std::time::{Duration, Instant};

use companion::navigator::{
    Displacement, EmittedExternalPosition, FrameOutcome, FrameRefusal, SatelliteAnchor,
    VisualOdometry,
};
use companion::vision::Pose;
use companion::vision::anchor::{AnchorMatcher, AnchorSettings};
use companion::vision::calibration::Calibration;
use companion::vision::image::Pyramid;
use companion::vision::odometry::{Expected, Odometry, OdometrySettings, View};
use nalgebra::Vector3;

use super::day::Day;
use super::layout::relief_m;
use super::map_sheet::{BIAS_MAX_M, Map};
use super::photograph::{Air, Photographer, Station};
use super::scene::Scene;
use super::tile::World;
use crate::sensors::camera::{Exposure, Eyes, Hindrance};
use crate::world::Place;

/// Side of the area whose georeferencing error is told as one, m.
const MAP_AREA_M: f64 = 1_000.0;
/// A new keyframe is taken when less than this share of the old one is still seen.
const KEYFRAME_OVERLAP: f64 = 0.6;
/// Smallest and largest half side of the search window, m.
const WINDOW_M: [f64; 2] = [40.0, 150.0];
/// Beyond its own uncertainty the displacement is sought so much farther, m.
const DISPLACEMENT_WINDOW_M: f64 = 30.0;
/// Results arrive this long after the exposure, ns.
const ODOMETRY_DELAY_NS: u64 = 120_000_000;
const ANCHOR_DELAY_NS: u64 = 300_000_000;

/// What became of the frames of a flight.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Seen {
    /// Frames that had a keyframe to be registered against.
    pub tried: u32,
    /// Of these registered.
    pub registered: u32,
    /// Frames that were sought on the map.
    pub sought: u32,
    /// Of these found.
    pub found: u32,
    /// Time of the matcher and of the odometry, without rendering.
    pub vision: Duration,
}

struct Keyframe {
    exposure: Exposure,
    told: Pose,
    view: View,
}

/// The camera over the ground, and what looks through it.
pub struct PixelEyes {
    scene: Scene,
    map: Map,
    photographer: Photographer,
    calibration: Calibration,
    matcher: AnchorMatcher,
    odometry: Odometry,
    origin: Place,
    boresight_rad: [f64; 3],
    frames_per_match: u64,
    keyframe: Option<Keyframe>,
    estimate: Option<EmittedExternalPosition>,
    /// What was seen so far.
    pub seen: Seen,
}

impl core::fmt::Debug for PixelEyes {
    fn fmt(&self, f: &mut core::fmt::Formatter) -> core::fmt::Result {
        f.debug_struct("PixelEyes")
            .field("seen", &self.seen)
            .finish_non_exhaustive()
    }
}

impl PixelEyes {
    /// Eyes over a world whose origin is the runway. A match is tried with every so many frames.
    ///
    /// # Errors
    /// When the companion refuses the lens.
    pub fn new(
        world: World,
        photographer: Photographer,
        origin: Place,
        boresight_rad: [f64; 3],
        frames_per_match: u64,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            scene: Scene::new(world, Day::FLIGHT),
            map: Map::new(world),
            calibration: photographer.lens.calibration()?,
            photographer,
            matcher: AnchorMatcher::new(AnchorSettings::default()),
            odometry: Odometry::new(OdometrySettings::default()),
            origin,
            boresight_rad,
            frames_per_match,
            keyframe: None,
            estimate: None,
            seen: Seen::default(),
        })
    }

    fn ground_m(&self, [north, east]: [f64; 2]) -> f64 {
        let seed = self.scene.world().seed;
        f64::from(relief_m(seed, north, east) - relief_m(seed, 0.0, 0.0))
    }

    fn on_ground(&self, place: &Place) -> [f64; 2] {
        let offset = self.origin.ned_to(place);
        [offset.x, offset.y]
    }

    fn photograph(&mut self, exposure: &Exposure, speed_mps: f64) -> Option<Pyramid> {
        let (roll, pitch, yaw) = exposure.attitude.euler_angles();
        let hung = [roll, pitch, yaw];
        let at = self.on_ground(&exposure.place);
        let agl_m = exposure.place.alt_msl_m - self.origin.alt_msl_m - self.ground_m(at);
        let station = Station {
            at,
            agl_m,
            attitude: core::array::from_fn(|i| hung[i] + self.boresight_rad[i]),
        };
        // Four milliseconds of flight, in pixels down the image.
        let motion = -0.004 * speed_mps / agl_m * self.photographer.lens.focal_px;
        let air = Air {
            haze: 0.12,
            noise: 3.0,
            motion_px: [0.0, motion as f32],
            seed: exposure.frame as u32,
            ..Air::CLEAR
        };
        let picture = self.photographer.take(&mut self.scene, &station, &air);
        picture.gray().ok().map(Pyramid::new)
    }

    /// Attitude as reported; height as estimated, above the elevation layer there.
    fn told(&self, exposure: &Exposure, estimate: &EmittedExternalPosition) -> Pose {
        let (roll_rad, pitch_rad, yaw_rad) = exposure.reported.euler_angles();
        let below = self.ground_m(self.on_ground(&place(estimate)));
        Pose {
            roll_rad,
            pitch_rad,
            yaw_rad,
            agl_m: estimate.alt_msl_m - self.origin.alt_msl_m - below,
        }
    }

    fn register(
        &mut self,
        exposure: &Exposure,
        told: Pose,
        frame: &Pyramid,
        estimate: &EmittedExternalPosition,
    ) -> FrameOutcome {
        let gsd_m = match &self.keyframe {
            Some(keyframe) => keyframe.view.resolution_m(),
            None => View::gsd_m(&self.calibration, &told),
        };
        let view = match View::new(frame, &self.calibration, &told, gsd_m) {
            Ok(view) => view,
            Err(refusal) => return FrameOutcome::Refused(refusal),
        };
        let Some(keyframe) = &self.keyframe else {
            self.become_keyframe(exposure, told, frame);
            return FrameOutcome::Refused(FrameRefusal::FirstOfSegment);
        };
        self.seen.tried += 1;
        let before = keyframe.exposure;
        let passed_s = exposure.time.seconds_since(before.time);
        let expected = Expected {
            displacement_ne_m: [0, 1].map(|axis| estimate.vel_ned_mps[axis] * passed_s),
            window_m: DISPLACEMENT_WINDOW_M + 3.0 * estimate.speed_accuracy_mps * passed_s,
        };
        let agl_m = keyframe.told.agl_m;
        let rise = told.agl_m / agl_m;
        let registered = self
            .odometry
            .register(&keyframe.view, &view, Some(&expected));
        let outcome = match registered {
            Ok(found) => {
                self.seen.registered += 1;
                FrameOutcome::Registered(Displacement {
                    keyframe: before.frame,
                    keyframe_exposure: before.time,
                    displacement_ne_m: found.displacement_ne_m,
                    covariance_ne_m2: found.covariance_ne_m2(),
                    agl_m,
                    rotation_rad: found.rotation_rad,
                    scale: found.scale * rise,
                    overlap: found.overlap,
                    quality: found.quality,
                })
            }
            Err(refusal) => FrameOutcome::Refused(refusal),
        };
        if registered.map_or(true, |found| found.overlap < KEYFRAME_OVERLAP) {
            self.become_keyframe(exposure, told, frame);
        }
        outcome
    }

    fn become_keyframe(&mut self, exposure: &Exposure, told: Pose, frame: &Pyramid) {
        let gsd_m = View::gsd_m(&self.calibration, &told);
        let view = View::new(frame, &self.calibration, &told, gsd_m);
        self.keyframe = view.ok().map(|view| Keyframe {
            exposure: *exposure,
            told,
            view,
        });
    }

    fn find(
        &mut self,
        exposure: &Exposure,
        told: &Pose,
        frame: &Pyramid,
        estimate: &EmittedExternalPosition,
    ) -> Option<SatelliteAnchor> {
        self.seen.sought += 1;
        let prior = self.on_ground(&place(estimate));
        let window_m = (10.0 + 3.0 * estimate.horiz_accuracy_m).clamp(WINDOW_M[0], WINDOW_M[1]);
        self.matcher.adapt(told.agl_m);
        let side = self.matcher.map_px(window_m);
        let window = self.map.window(prior, side, self.matcher.settings().gsd_m);
        let begun = Instant::now();
        let decision = self.matcher.locate(frame, &self.calibration, told, &window);
        self.seen.vision += begun.elapsed();
        let found = decision.outcome.ok()?;
        self.seen.found += 1;
        let [north, east] = found.scores.offset_ne_m;
        let at = [prior[0] + north, prior[1] + east];
        let place = self.origin.moved(&Vector3::new(at[0], at[1], 0.0));
        let area = at.map(|axis| (axis / MAP_AREA_M).floor() as i32 as u32);
        Some(SatelliteAnchor {
            time: exposure.time.plus_ns(ANCHOR_DELAY_NS),
            frame: exposure.frame,
            exposure: exposure.time,
            lat_rad: place.lat_rad,
            lon_rad: place.lon_rad,
            covariance_ne_m2: found.covariance_ne_m2,
            score: found.scores.score,
            peak_ratio: found.scores.peak_ratio,
            yaw_offset_rad: found.scores.yaw_offset_rad,
            scale: found.scores.scale,
            agl_m: told.agl_m,
            map_area: area[0].wrapping_mul(65_536).wrapping_add(area[1]),
            map_bias_sigma_m: BIAS_MAX_M / 2.0,
        })
    }
}

fn place(estimate: &EmittedExternalPosition) -> Place {
    Place {
        lat_rad: estimate.lat_rad,
        lon_rad: estimate.lon_rad,
        alt_msl_m: estimate.alt_msl_m,
    }
}

impl Eyes for &mut PixelEyes {
    fn hear(&mut self, estimate: &EmittedExternalPosition) {
        self.estimate = Some(*estimate);
    }

    fn take(
        &mut self,
        exposure: Exposure,
        hindrance: Hindrance,
    ) -> (VisualOdometry, Option<SatelliteAnchor>) {
        let refused = |reason| VisualOdometry {
            time: exposure.time.plus_ns(ODOMETRY_DELAY_NS),
            frame: exposure.frame,
            exposure: exposure.time,
            outcome: FrameOutcome::Refused(reason),
        };
        let (Some(estimate), Hindrance::None) = (self.estimate, hindrance) else {
            self.keyframe = None;
            return (refused(FrameRefusal::LowTexture), None);
        };
        let [north, east, _] = estimate.vel_ned_mps;
        let Some(frame) = self.photograph(&exposure, libm::hypot(north, east)) else {
            return (refused(FrameRefusal::PoorImage), None);
        };
        let told = self.told(&exposure, &estimate);
        let begun = Instant::now();
        let outcome = self.register(&exposure, told, &frame, &estimate);
        self.seen.vision += begun.elapsed();
        let anchor = exposure
            .frame
            .is_multiple_of(self.frames_per_match)
            .then(|| self.find(&exposure, &told, &frame, &estimate))
            .flatten();
        (
            VisualOdometry {
                outcome,
                ..refused(FrameRefusal::PoorImage)
            },
            anchor,
        )
    }
}
