//! Camera, visual odometry and map matcher as one sensor: what vision tells the navigator of the true
//! motion, with the errors that real ones make.
//!
//! | error | size | lasts |
//! |---|---|---|
//! | rectification with the autopilot's attitude: `h theta` across, and a turned north | the autopilot's own error | as long as that one |
//! | boresight (camera against autopilot) | 0.5 deg per axis | for ever; turns with the heading |
//! | height above ground: scale of the displacement | 2 % + 2 % | for ever + 60 s (relief) |
//! | correlation of two frames | 0.1 m + 0.3 mm per metre of height | white |
//! | correlation with the map | 1.2 m + 1 mm per metre of height | white |
//! | georeferencing of the map | up to 5 m in any direction | within one area of 2 km |
//! | registration that is wrong | some metres, in a share of the frames | one frame |
//! | wrong peak | anywhere in the search window, in a share of the matches | one match |
//! | repeated texture | one period of it off, 30 to 120 m | some seconds: the matches agree with each other |
//!
//! What is stated is the correlation alone, misjudged by up to a quarter, as the inputs ask for it.
//! Source of the sizes: measurements on photographs in the project's reference pages.

use companion::navigator::{
    Displacement, EmittedExternalPosition, FrameOutcome, FrameRefusal, MonotonicNs,
    SatelliteAnchor, VisualOdometry,
};
use nalgebra::{UnitQuaternion, Vector2, Vector3};

use super::Grade;
use crate::randomness::{GaussMarkov, Purpose, Randomness};
use crate::world::Place;

/// Time between two frames.
pub const FRAME_PERIOD_S: f64 = 0.32;
/// A match against the map is tried with every so many frames.
const FRAMES_PER_MATCH: u64 = 3;
/// A new keyframe is taken when less than this share of the image is seen by both.
const KEYFRAME_OVERLAP: f64 = 0.6;
/// Side of the ground that the template covers, per metre of height.
const FOOTPRINT: f64 = 0.8;
/// Beyond this tilt of the camera an image is not used.
const TILT_MAX_RAD: f64 = 0.6;
/// Side of one area of the map.
const MAP_AREA_M: f64 = 2_000.0;
/// Largest georeferencing error.
const MAP_BIAS_MAX_M: f64 = 5.0;
/// A search that far around the estimate.
const SEARCH_M: f64 = 150.0;
/// Below it a matcher refuses its own peak.
const PEAK_RATIO_MIN: f64 = 1.45;

/// How well vision does in one flight.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sight {
    /// Boresight, height and relief errors.
    pub grade: Grade,
    /// Share of the matches tried that give an anchor.
    pub match_rate: f64,
    /// Share of the anchors that are a wrong peak.
    pub wrong_peaks: f64,
    /// Share of the registrations that are wrong.
    pub wrong_registrations: f64,
    /// Median delay of an anchor.
    pub anchor_delay_s: f64,
    /// True over stated standard deviation of the correlations.
    pub misjudged: f64,
}

/// What hinders vision at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hindrance {
    /// Nothing.
    None,
    /// Cloud or darkness: the frames show nothing.
    NoSight,
    /// The frames are fine; the map shows nothing like them.
    NoMap,
    /// The ground repeats itself.
    RepeatedTexture,
}

/// One frame as it was really taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exposure {
    /// Number of the frame.
    pub frame: u64,
    /// Middle of the exposure, on the companion's clock.
    pub time: MonotonicNs,
    /// Where the aircraft was.
    pub place: Place,
    /// Its true height above ground.
    pub agl_m: f64,
    /// Its true attitude.
    pub attitude: UnitQuaternion<f64>,
    /// The attitude with which the image is rectified.
    pub reported: UnitQuaternion<f64>,
}

/// What looks down from an aircraft.
pub trait Eyes: core::fmt::Debug {
    /// The navigator's last position; a camera that knows what it would see has no use for it.
    fn hear(&mut self, _estimate: &EmittedExternalPosition) {}

    /// Takes a frame: what the odometry says of it and, where one is found, the anchor. Both carry the
    /// time at which they arrive.
    fn take(
        &mut self,
        exposure: Exposure,
        hindrance: Hindrance,
    ) -> (VisualOdometry, Option<SatelliteAnchor>);
}

/// A keyframe or a frame with what its rectification got wrong.
#[derive(Debug, Clone, Copy)]
struct Rectified {
    exposure: Exposure,
    /// Where the middle of the rectified image lies, north and east of the aircraft, metres.
    nadir_ne_m: Vector2<f64>,
    /// Clockwise turn of the image's north.
    turned_rad: f64,
}

/// The sensor.
#[derive(Debug, Clone)]
pub struct Camera {
    sight: Sight,
    boresight_frd_rad: Vector3<f64>,
    agl_scale: f64,
    relief: GaussMarkov,
    keyframe: Option<Rectified>,
    /// One period of the texture that repeats itself, while it does.
    period_ne_m: Option<Vector2<f64>>,
    map_seed: u64,
    origin: Place,
    randomness: Randomness,
}

impl Eyes for Camera {
    fn take(
        &mut self,
        exposure: Exposure,
        hindrance: Hindrance,
    ) -> (VisualOdometry, Option<SatelliteAnchor>) {
        let relief = self.relief.advance(FRAME_PERIOD_S, &mut self.randomness);
        let agl_m = (exposure.agl_m * (1.0 + self.agl_scale + relief)).max(1.0);
        let refusal = self.refusal(&exposure, hindrance);
        let frame = self.rectify(exposure);
        let outcome = match refusal {
            Some(reason) => {
                self.keyframe = None;
                FrameOutcome::Refused(reason)
            }
            None => self.register(frame, agl_m),
        };
        let anchor = (refusal.is_none() && exposure.frame.is_multiple_of(FRAMES_PER_MATCH))
            .then(|| self.find_on_the_map(&frame, agl_m, hindrance))
            .flatten();
        let odometry = VisualOdometry {
            time: exposure.time.plus_ns(self.delay_ns(0.08, 0.2)),
            frame: exposure.frame,
            exposure: exposure.time,
            outcome,
        };
        (odometry, anchor)
    }
}

impl Camera {
    /// The camera of the flight of `seed`, over a map whose areas are counted from `origin`.
    #[must_use]
    pub fn new(seed: u64, sight: Sight, origin: Place) -> Self {
        let mut randomness = Randomness::new(seed, Purpose::Camera);
        let times = sight.grade.error_factor();
        let boresight = 0.5_f64.to_radians() * times;
        Self {
            sight,
            boresight_frd_rad: Vector3::from_fn(|_, _| randomness.normal(boresight)),
            agl_scale: randomness.normal(0.02 * times),
            relief: GaussMarkov::new(0.02 * times, 60.0, &mut randomness),
            keyframe: None,
            period_ne_m: None,
            map_seed: seed,
            origin,
            randomness,
        }
    }

    fn refusal(&mut self, exposure: &Exposure, hindrance: Hindrance) -> Option<FrameRefusal> {
        let down = exposure.attitude * Vector3::z();
        if hindrance == Hindrance::NoSight {
            return Some(FrameRefusal::LowTexture);
        }
        if libm::acos(down.z.clamp(-1.0, 1.0)) > TILT_MAX_RAD {
            return Some(FrameRefusal::PoorImage);
        }
        (self.randomness.uniform() < 0.01).then_some(FrameRefusal::Disagreement)
    }

    /// The attitude is wrong by `exp(theta)`, `theta` in NED: what is taken for straight down points
    /// `-theta x down` beside it, and the picture is turned by the vertical part of `theta`.
    fn rectify(&self, exposure: Exposure) -> Rectified {
        let boresight = exposure.attitude * self.boresight_frd_rad;
        let theta = (exposure.reported * exposure.attitude.inverse()).scaled_axis() - boresight;
        Rectified {
            exposure,
            nadir_ne_m: Vector2::new(-theta.y, theta.x) * exposure.agl_m,
            turned_rad: theta.z,
        }
    }

    fn register(&mut self, frame: Rectified, agl_m: f64) -> FrameOutcome {
        let Some(keyframe) = self.keyframe else {
            self.keyframe = Some(frame);
            return FrameOutcome::Refused(FrameRefusal::FirstOfSegment);
        };
        let (from, to) = (keyframe.exposure, frame.exposure);
        let moved = from.place.ned_to(&to.place).xy() + frame.nadir_ne_m - keyframe.nadir_ne_m;
        let overlap = 1.0 - moved.norm() / (FOOTPRINT * to.agl_m);
        if overlap < KEYFRAME_OVERLAP {
            self.keyframe = Some(frame);
        }
        if overlap < 0.05 {
            return FrameOutcome::Refused(FrameRefusal::SmallOverlap);
        }
        let stated_m = 0.1 + 3e-4 * to.agl_m;
        let wrong_m = if self.randomness.uniform() < self.sight.wrong_registrations {
            self.randomness.between(3.0, 40.0)
        } else {
            0.0
        };
        let noise = self.white(stated_m) + self.any_direction(wrong_m);
        let turned = 0.5 * (keyframe.turned_rad + frame.turned_rad);
        let shown = turn(moved, turned) * (agl_m / to.agl_m) + noise;
        FrameOutcome::Registered(Displacement {
            keyframe: from.frame,
            keyframe_exposure: from.time,
            displacement_ne_m: shown.into(),
            covariance_ne_m2: [stated_m * stated_m, 0.0, stated_m * stated_m],
            agl_m,
            rotation_rad: keyframe.turned_rad - frame.turned_rad + self.randomness.normal(0.003),
            scale: (from.agl_m / to.agl_m) * (1.0 + self.randomness.normal(0.003)),
            overlap: overlap.clamp(0.0, 1.0),
            quality: self.randomness.between(0.6, 1.0),
        })
    }

    fn find_on_the_map(
        &mut self,
        frame: &Rectified,
        agl_m: f64,
        hindrance: Hindrance,
    ) -> Option<SatelliteAnchor> {
        let found = self.randomness.uniform() < self.sight.match_rate;
        if !found || hindrance == Hindrance::NoMap {
            return None;
        }
        let exposure = frame.exposure;
        let (map_area, bias) = self.map_at(&exposure.place);
        let stated_m = 1.2 + 1e-3 * exposure.agl_m;
        let mut error = frame.nadir_ne_m + bias + self.white(stated_m);
        let mut peak_ratio = PEAK_RATIO_MIN - 0.4 * libm::log(1.0 - self.randomness.uniform());
        let wrong = self.randomness.uniform() < self.sight.wrong_peaks;
        if wrong {
            error += Vector2::from_fn(|_, _| self.randomness.between(-SEARCH_M, SEARCH_M));
            peak_ratio = self.randomness.between(PEAK_RATIO_MIN, 1.7);
        }
        error += self.texture_period(hindrance);
        let place = exposure.place.moved(&Vector3::new(error.x, error.y, 0.0));
        let delay_ns = self.delay_ns(self.sight.anchor_delay_s, 0.5);
        Some(SatelliteAnchor {
            time: exposure.time.plus_ns(delay_ns),
            frame: exposure.frame,
            exposure: exposure.time,
            lat_rad: place.lat_rad,
            lon_rad: place.lon_rad,
            covariance_ne_m2: [stated_m * stated_m, 0.0, stated_m * stated_m],
            score: self.randomness.between(0.2, 0.7),
            peak_ratio,
            yaw_offset_rad: -frame.turned_rad + self.randomness.normal(0.02),
            scale: (exposure.agl_m / agl_m) * (1.0 + self.randomness.normal(0.02)),
            agl_m,
            map_area,
            map_bias_sigma_m: 0.5 * MAP_BIAS_MAX_M,
        })
    }

    /// The area of the map at `place` and its georeferencing error: uniform in a disc.
    fn map_at(&self, place: &Place) -> (u32, Vector2<f64>) {
        let from_origin = self.origin.ned_to(place);
        let cell = |metres: f64| libm::floor(metres / MAP_AREA_M) as i64 as u64 & 0xFF;
        let area = (cell(from_origin.x) << 8) | cell(from_origin.y);
        let mut of_the_area = Randomness::new(self.map_seed ^ (area << 40), Purpose::Camera);
        let radius = MAP_BIAS_MAX_M * libm::sqrt(of_the_area.uniform());
        let direction = of_the_area.between(0.0, core::f64::consts::TAU);
        (
            area as u32,
            Vector2::new(libm::cos(direction), libm::sin(direction)) * radius,
        )
    }

    /// How far off the matches are where the ground repeats itself: nothing, or one period.
    fn texture_period(&mut self, hindrance: Hindrance) -> Vector2<f64> {
        if hindrance != Hindrance::RepeatedTexture {
            self.period_ne_m = None;
            return Vector2::zeros();
        }
        if self.period_ne_m.is_none() {
            let period = self.randomness.between(30.0, 120.0);
            self.period_ne_m = Some(self.any_direction(period));
        }
        self.period_ne_m.unwrap_or_default()
    }

    fn white(&mut self, stated_m: f64) -> Vector2<f64> {
        let sigma = stated_m * self.sight.misjudged;
        Vector2::from_fn(|_, _| self.randomness.normal(sigma))
    }

    fn any_direction(&mut self, length_m: f64) -> Vector2<f64> {
        let direction = self.randomness.between(0.0, core::f64::consts::TAU);
        Vector2::new(libm::cos(direction), libm::sin(direction)) * length_m
    }

    /// Log-normal around `median_s`, within what a real pipeline shows.
    fn delay_ns(&mut self, median_s: f64, spread: f64) -> u64 {
        let delay_s = median_s * libm::exp(self.randomness.normal(spread));
        (delay_s.clamp(0.03, 5.0) * 1e9) as u64
    }
}

/// `vector` (north, east) turned clockwise.
fn turn(vector: Vector2<f64>, angle_rad: f64) -> Vector2<f64> {
    let (sine, cosine) = libm::sincos(angle_rad);
    Vector2::new(
        cosine * vector.x - sine * vector.y,
        sine * vector.x + cosine * vector.y,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELD: Place = Place {
        lat_rad: 0.85,
        lon_rad: 0.4,
        alt_msl_m: 200.0,
    };
    const SIGHT: Sight = Sight {
        grade: Grade::Standard,
        match_rate: 1.0,
        wrong_peaks: 0.0,
        wrong_registrations: 0.0,
        anchor_delay_s: 0.5,
        misjudged: 1.0,
    };
    const AGL_M: f64 = 200.0;

    fn exposure(frame: u64, north_m: f64, error: Vector3<f64>) -> Exposure {
        let attitude = UnitQuaternion::from_euler_angles(0.0, 0.03, 1.0);
        Exposure {
            frame,
            time: MonotonicNs(1_000_000_000 + frame * 320_000_000),
            place: FIELD.moved(&Vector3::new(north_m, 0.0, -AGL_M)),
            agl_m: AGL_M,
            attitude,
            reported: UnitQuaternion::from_scaled_axis(error) * attitude,
        }
    }

    fn anchor_error(anchor: &SatelliteAnchor, exposure: &Exposure) -> Vector2<f64> {
        let place = Place {
            lat_rad: anchor.lat_rad,
            lon_rad: anchor.lon_rad,
            alt_msl_m: exposure.place.alt_msl_m,
        };
        exposure.place.ned_to(&place).xy()
    }

    /// Mean over many flights, so that only the error asked for is left.
    fn mean_anchor_error(error: Vector3<f64>) -> Vector2<f64> {
        let seeds = 3_000;
        (0..seeds)
            .map(|seed| {
                let exposed = exposure(3, 0.0, error);
                let (_, anchor) = Camera::new(seed, SIGHT, FIELD).take(exposed, Hindrance::None);
                anchor.map_or_else(Vector2::zeros, |anchor| anchor_error(&anchor, &exposed))
            })
            .sum::<Vector2<f64>>()
            / f64::from(seeds as u32)
    }

    #[test]
    fn an_attitude_that_leans_north_sees_the_ground_where_its_wrong_down_points() {
        // Nose (yaw 1 rad aside) pitched: theta about east by +0.02 rad tips north down, so the
        // believed down points 0.02 rad ahead of the true one in the believed frame and the image
        // middle lies behind: south.
        let mean = mean_anchor_error(Vector3::new(0.0, 0.02, 0.0));
        assert!((mean.x + 0.02 * AGL_M).abs() < 0.3, "{mean}");
        assert!(mean.y.abs() < 0.3, "{mean}");
        let mean = mean_anchor_error(Vector3::new(0.02, 0.0, 0.0));
        assert!((mean.y - 0.02 * AGL_M).abs() < 0.3, "{mean}");
    }

    #[test]
    fn anchors_err_by_correlation_map_boresight_and_nothing_else_when_the_attitude_is_right() {
        let seeds = 3_000;
        let mut square = 0.0;
        for seed in 0..seeds {
            let exposed = exposure(3, 0.0, Vector3::zeros());
            let (_, anchor) = Camera::new(seed, SIGHT, FIELD).take(exposed, Hindrance::None);
            let error =
                anchor.map_or_else(Vector2::zeros, |anchor| anchor_error(&anchor, &exposed));
            square += error.norm_squared() / f64::from(seeds as u32);
        }
        let boresight = AGL_M * 0.5_f64.to_radians();
        let expected = 2.0 * (1.4_f64.powi(2) + 2.5_f64.powi(2) + boresight.powi(2));
        assert!(
            (square / expected - 1.0).abs() < 0.1,
            "{square} against {expected}"
        );
    }

    #[test]
    fn a_turned_attitude_turns_the_displacement_and_a_wrong_height_stretches_it() {
        let mut shown = Vec::new();
        for seed in 0..3_000 {
            let mut camera = Camera::new(seed, SIGHT, FIELD);
            let error = Vector3::new(0.0, 0.0, 0.05);
            camera.take(exposure(1, 0.0, error), Hindrance::None);
            let (odometry, _) = camera.take(exposure(2, 50.0, error), Hindrance::None);
            if let FrameOutcome::Registered(moved) = odometry.outcome {
                shown.push(Vector2::from(moved.displacement_ne_m));
            }
        }
        let count = shown.len() as f64;
        assert!(count > 2_900.0, "a fiftieth of the pairs is refused");
        let mean = shown.iter().sum::<Vector2<f64>>() / count;
        assert!((mean.norm() / 50.0 - 1.0).abs() < 0.005, "{mean}");
        assert!((mean.y / mean.x - 0.05).abs() < 0.002, "{mean}");
        let stretch = shown
            .iter()
            .map(|moved| (moved.norm() / 50.0 - 1.0).powi(2))
            .sum::<f64>()
            / count;
        let expected = 2.0 * 0.02_f64.powi(2);
        assert!((stretch / expected - 1.0).abs() < 0.15, "{stretch}");
    }

    #[test]
    fn all_matches_in_one_area_share_its_error_and_no_two_areas_do() {
        let camera = Camera::new(5, SIGHT, FIELD);
        let at = |north: f64| camera.map_at(&FIELD.moved(&Vector3::new(north, 10.0, 0.0)));
        assert_eq!(at(100.0), at(1_900.0));
        assert_ne!(at(100.0).0, at(2_100.0).0);
        assert_ne!(at(100.0).1, at(2_100.0).1);
        assert!(at(2_100.0).1.norm() <= MAP_BIAS_MAX_M);
    }

    #[test]
    fn repeated_texture_shifts_every_match_by_the_same_period_until_it_ends() {
        let mut camera = Camera::new(9, SIGHT, FIELD);
        let mut errors = Vec::new();
        for frame in 1..60 {
            let exposed = exposure(frame, 0.0, Vector3::zeros());
            let (_, anchor) = camera.take(exposed, Hindrance::RepeatedTexture);
            errors.extend(anchor.map(|anchor| anchor_error(&anchor, &exposed)));
        }
        assert!(errors.len() > 15);
        let mean = errors.iter().sum::<Vector2<f64>>() / errors.len() as f64;
        assert!(mean.norm() > 20.0, "{mean}");
        assert!(errors.iter().all(|error| (error - mean).norm() < 10.0));
        let exposed = exposure(63, 0.0, Vector3::zeros());
        let (_, anchor) = camera.take(exposed, Hindrance::None);
        assert!(anchor.is_some_and(|anchor| anchor_error(&anchor, &exposed).norm() < 15.0));
    }

    #[test]
    fn without_sight_frames_are_refused_and_without_a_map_only_the_anchors_are_missing() {
        let mut camera = Camera::new(2, SIGHT, FIELD);
        let mut counts = [0; 2];
        for frame in 1..100 {
            let exposed = exposure(frame, 5.0 * frame as f64, Vector3::zeros());
            let (blind, none) = camera.clone().take(exposed, Hindrance::NoSight);
            assert_eq!(
                blind.outcome,
                FrameOutcome::Refused(FrameRefusal::LowTexture)
            );
            assert_eq!(none, None);
            let (odometry, anchor) = camera.take(exposed, Hindrance::NoMap);
            assert!(odometry.time > exposed.time);
            counts[0] += usize::from(matches!(odometry.outcome, FrameOutcome::Registered(_)));
            counts[1] += usize::from(anchor.is_some());
        }
        assert!(counts[0] > 90 && counts[1] == 0, "{counts:?}");
    }
}
