//! From frame to frame: which frame the odometry measures from.
//!
//! | keyframe | frame | next keyframe | result |
//! |---|---|---|---|
//! | none | shows texture | this frame | `FirstOfSegment` |
//! | none | does not, or was taken too obliquely | none | `LowTexture`, `PoorImage` |
//! | there | registered, more than 60 % seen by both | the same | registered |
//! | there | registered, less | this frame | registered |
//! | there | registered, height changed by more than 15 % | this frame | registered |
//! | there | shows no texture, or was taken too obliquely | the same, for 3 s | `LowTexture`, `PoorImage` |
//! | there | not registered | this frame: a new visual segment | `SmallOverlap`, `Disagreement` |

use super::calibration::Calibration;
use super::image::Pyramid;
use super::odometry::{Expected, Odometry, OdometrySettings, Registration, View};
use super::rectify::Pose;
use super::situation::Sighting;
use crate::navigator::{Displacement, FrameOutcome, FrameRefusal, Geodetic, MonotonicNs};

/// Below this share of ground that both see, a new keyframe is taken.
const KEYFRAME_OVERLAP: f64 = 0.6;
/// A change of height beyond this share asks for another resolution.
const KEYFRAME_HEIGHT_CHANGE: f64 = 0.15;
/// A keyframe that nothing was registered against for so long is given up, s.
const KEYFRAME_MAX_S: f64 = 3.0;
/// What is expected of a displacement is not believed when the speed is less certain than this, m/s.
const SPEED_SIGMA_MAX_MPS: f64 = 4.0;

struct Keyframe {
    number: u64,
    exposure: MonotonicNs,
    place: Geodetic,
    agl_m: f64,
    view: View,
    last_use: MonotonicNs,
}

/// Number and time of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameStamp {
    /// Number; grows along the flight.
    pub number: u64,
    /// Middle of the exposure.
    pub exposure: MonotonicNs,
}

/// The odometry with its keyframe.
pub struct Tracker {
    odometry: Odometry,
    keyframe: Option<Keyframe>,
}

impl Tracker {
    /// A tracker that has seen nothing.
    #[must_use]
    pub fn new(settings: OdometrySettings) -> Self {
        Self {
            odometry: Odometry::new(settings),
            keyframe: None,
        }
    }

    /// What a frame shows of the motion since the keyframe.
    pub fn frame(
        &mut self,
        stamp: FrameStamp,
        image: &Pyramid,
        camera: &Calibration,
        sighting: &Sighting,
        pose: &Pose,
    ) -> FrameOutcome {
        let given_up = |keyframe: &mut Keyframe| {
            stamp.exposure.seconds_since(keyframe.last_use) > KEYFRAME_MAX_S
        };
        self.keyframe.take_if(given_up);
        let gsd_m = match &self.keyframe {
            Some(keyframe) => keyframe.view.resolution_m(),
            None => View::gsd_m(camera, pose),
        };
        let view = match View::new(image, camera, pose, gsd_m) {
            Ok(view) => view,
            Err(refusal) => return FrameOutcome::Refused(refusal),
        };
        let least = self.odometry.settings().min_gradient;
        if view.mean_gradient() < least {
            return FrameOutcome::Refused(FrameRefusal::LowTexture);
        }
        let found = match &mut self.keyframe {
            None => Err(FrameRefusal::FirstOfSegment),
            Some(keyframe) => {
                let expected = expected(keyframe, sighting, pose);
                let found = self
                    .odometry
                    .register(&keyframe.view, &view, expected.as_ref());
                if found.is_ok() {
                    keyframe.last_use = stamp.exposure;
                }
                found.map(|found| (displacement(keyframe, &found), keyframe.agl_m))
            }
        };
        let stays = found.as_ref().is_ok_and(|(moved, agl_m)| {
            let change = (pose.agl_m / agl_m - 1.0).abs();
            moved.overlap >= KEYFRAME_OVERLAP && change <= KEYFRAME_HEIGHT_CHANGE
        });
        if !stays {
            self.begin(stamp, image, camera, sighting, pose);
        }
        match found {
            Ok((moved, _)) => FrameOutcome::Registered(moved),
            Err(refusal) => FrameOutcome::Refused(refusal),
        }
    }

    fn begin(
        &mut self,
        stamp: FrameStamp,
        image: &Pyramid,
        camera: &Calibration,
        sighting: &Sighting,
        pose: &Pose,
    ) {
        let view = View::new(image, camera, pose, View::gsd_m(camera, pose));
        self.keyframe = view.ok().map(|view| Keyframe {
            number: stamp.number,
            exposure: stamp.exposure,
            place: sighting.place,
            agl_m: pose.agl_m,
            view,
            last_use: stamp.exposure,
        });
    }
}

/// Where the frame should be, seen from the keyframe, as the estimate has it.
fn expected(keyframe: &Keyframe, sighting: &Sighting, pose: &Pose) -> Option<Expected> {
    if sighting.speed_accuracy_mps > SPEED_SIGMA_MAX_MPS {
        return None;
    }
    let moved = keyframe.place.displacement_to(sighting.place);
    // Three sigma of two attitudes of half a degree, of the speed and of the height.
    let length_m = libm::hypot(moved.x, moved.y);
    let tilt_m = 0.04 * pose.agl_m;
    Some(Expected {
        displacement_ne_m: [moved.x, moved.y],
        window_m: 6.0 + tilt_m + 0.3 * length_m,
    })
}

fn displacement(keyframe: &Keyframe, found: &Registration) -> Displacement {
    Displacement {
        keyframe: keyframe.number,
        keyframe_exposure: keyframe.exposure,
        displacement_ne_m: found.displacement_ne_m,
        covariance_ne_m2: [found.variance_m2, 0.0, found.variance_m2],
        agl_m: keyframe.agl_m,
        rotation_rad: found.rotation_rad,
        scale: found.scale,
        overlap: found.overlap,
        quality: found.quality,
    }
}
