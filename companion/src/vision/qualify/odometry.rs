//! The odometry on consecutive photographs, against their positions.

use std::time::Instant;

use nalgebra::Vector3;

use super::prior::{PriorError, TruthSigmas};
use super::report::{FrameResult, Judged, Rule, judge};
use crate::navigator::FrameRefusal;
use crate::vision::calibration::Calibration;
use crate::vision::image::Pyramid;
use crate::vision::odometry::{Expected, Odometry, OdometrySettings, Registration, View};
use crate::vision::photos::{PhotoError, PhotoFolder};
use crate::vision::rectify::Pose;

/// A photo that is ready to be compared.
struct Shot {
    frame: Pyramid,
    pose: Option<Pose>,
}

/// Registers every photo against the one before it. A photo without height or yaw is refused, and so is
/// the one after it.
///
/// # Errors
/// When a photo cannot be read.
pub fn qualify_odometry(
    folder: &PhotoFolder,
    settings: OdometrySettings,
    prior: PriorError,
    sigmas: TruthSigmas,
    mut each: impl FnMut(&FrameResult),
) -> Result<Vec<FrameResult>, PhotoError> {
    let mut odometry = Odometry::new(settings);
    let mut errors = prior.errors();
    let mut results = Vec::new();
    let mut before: Option<Shot> = None;
    for (index, photo) in folder.photos().iter().enumerate() {
        let shot = Shot {
            frame: Pyramid::new(folder.load(photo)?),
            pose: photo.pose(),
        };
        if let Some(earlier) = &before {
            let truth = folder.photos()[index - 1]
                .position
                .displacement_to(photo.position);
            let error = errors();
            let expected = Expected {
                displacement_ne_m: [truth.x + error[0], truth.y + error[1]],
                window_m: prior.error_m + tilt_reach(earlier, &sigmas),
            };
            let start = Instant::now();
            let found = register(&mut odometry, folder.camera(), earlier, &shot, &expected);
            let ms = start.elapsed().as_secs_f64() * 1e3;
            let result = FrameResult {
                file: photo.file.clone(),
                outcome: found
                    .map(|found| against(truth, &found, earlier, &sigmas))
                    .map_err(|refusal| name(refusal).to_owned()),
                lat_lon_deg: None,
                score: found.map_or(0.0, |found| found.quality),
                peak_ratio: 0.0,
                ms,
            };
            each(&result);
            results.push(result);
        }
        before = Some(shot);
    }
    Ok(results)
}

fn register(
    odometry: &mut Odometry,
    camera: &Calibration,
    earlier: &Shot,
    later: &Shot,
    expected: &Expected,
) -> Result<Registration, FrameRefusal> {
    let (Some(earlier_pose), Some(pose)) = (&earlier.pose, &later.pose) else {
        return Err(FrameRefusal::PoorImage);
    };
    let gsd_m = View::gsd_m(camera, earlier_pose);
    let keyframe = View::new(&earlier.frame, camera, earlier_pose, gsd_m)?;
    let view = View::new(&later.frame, camera, pose, gsd_m)?;
    odometry.register(&keyframe, &view, Some(expected))
}

fn against(
    truth: Vector3<f64>,
    found: &Registration,
    earlier: &Shot,
    sigmas: &TruthSigmas,
) -> Judged {
    let [north, east] = found.displacement_ne_m;
    let known = deviation(earlier, libm::hypot(north, east), sigmas);
    let sigma_m = (found.mean_variance_m2() + known * known).sqrt();
    judge([north - truth.x, east - truth.y], sigma_m, Rule::default())
}

/// Standard deviation per axis of the difference of two photos of which only this much is known.
fn deviation(earlier: &Shot, length_m: f64, sigmas: &TruthSigmas) -> f64 {
    let square = |value: f64| value * value;
    let height = earlier.pose.map_or(0.0, |pose| pose.agl_m);
    let each = square(height * sigmas.attitude_rad) + square(sigmas.geotag_m);
    (2.0 * each + square(length_m * sigmas.height_share)).sqrt()
}

/// How far the tilt of two photos may move the ground between them, m.
fn tilt_reach(earlier: &Shot, sigmas: &TruthSigmas) -> f64 {
    let only_tilt = TruthSigmas {
        geotag_m: 0.0,
        ..*sigmas
    };
    3.0 * deviation(earlier, 0.0, &only_tilt)
}

/// A short name for reports.
fn name(refusal: FrameRefusal) -> &'static str {
    match refusal {
        FrameRefusal::FirstOfSegment => "first_of_segment",
        FrameRefusal::LowTexture => "low_texture",
        FrameRefusal::SmallOverlap => "small_overlap",
        FrameRefusal::Disagreement => "disagreement",
        FrameRefusal::PoorImage => "poor_image",
    }
}
