//! The matcher on photographs and a map, against the photographs' positions.

use std::time::Instant;

use nalgebra::Vector3;

use super::prior::{PriorError, TruthSigmas};
use super::report::{FrameResult, Rule, judge};
use crate::navigator::Geodetic;
use crate::vision::anchor::{AnchorMatcher, AnchorSettings, ErrorModel};
use crate::vision::calibration::Calibration;
use crate::vision::image::Pyramid;
use crate::vision::map::{MapPackage, TileProblem};
use crate::vision::photos::{Photo, PhotoError, PhotoFolder};
use crate::vision::rectify::Pose;

/// What is added to the prior's error for the search, m: a peak at the very edge is not believed.
const WINDOW_MARGIN_M: f64 = 12.0;

/// Finds every photo in the map, from its position with a seeded error. `each` hears of each result, and of
/// what is wrong with the map.
///
/// # Errors
/// When a photo cannot be read.
pub fn qualify_anchors(
    folder: &PhotoFolder,
    map: &mut MapPackage,
    settings: AnchorSettings,
    prior: PriorError,
    sigmas: TruthSigmas,
    mut each: impl FnMut(&FrameResult, Vec<TileProblem>),
) -> Result<Vec<FrameResult>, PhotoError> {
    let mut trial = Trial {
        camera: folder.camera(),
        matcher: AnchorMatcher::new(settings),
        map,
        prior,
        sigmas,
    };
    let mut errors = prior.errors();
    let mut results = Vec::new();
    for photo in folder.photos() {
        let frame = Pyramid::new(folder.load(photo)?);
        let result = trial.photo(photo, &frame, errors());
        each(&result, trial.map.take_problems());
        results.push(result);
    }
    Ok(results)
}

struct Trial<'a> {
    camera: &'a Calibration,
    matcher: AnchorMatcher,
    map: &'a mut MapPackage,
    prior: PriorError,
    sigmas: TruthSigmas,
}

impl Trial<'_> {
    fn photo(&mut self, photo: &Photo, frame: &Pyramid, error: [f64; 2]) -> FrameResult {
        let refused = |reason: &str, ms| FrameResult {
            file: photo.file.clone(),
            outcome: Err(reason.to_owned()),
            lat_lon_deg: None,
            score: 0.0,
            peak_ratio: 0.0,
            ms,
        };
        let Some(pose) = self.pose(photo) else {
            return refused("unknown_pose", 0.0);
        };
        let start = Instant::now();
        let told = photo
            .position
            .displaced(Vector3::new(error[0], error[1], 0.0));
        let ground = Geodetic {
            alt_msl_m: told.alt_msl_m - pose.agl_m,
            ..told
        };
        self.matcher.adapt(pose.agl_m);
        let tilt_m = 3.0 * pose.agl_m * self.sigmas.attitude_rad;
        let window_m = self.prior.error_m + tilt_m + WINDOW_MARGIN_M;
        let (side, gsd_m) = (self.matcher.map_px(window_m), self.matcher.settings().gsd_m);
        let mosaic = self.map.mosaic(ground, side, gsd_m);
        let decision = self
            .matcher
            .locate(frame, self.camera, &pose, &mosaic.image);
        let ms = start.elapsed().as_secs_f64() * 1e3;
        let found = match decision.outcome {
            Ok(found) => found,
            Err(reason) => {
                return FrameResult {
                    score: decision.scores.score,
                    peak_ratio: decision.scores.peak_ratio,
                    ..refused(reason.name(), ms)
                };
            }
        };
        let [north, east] = found.scores.offset_ne_m;
        let place = ground.displaced(Vector3::new(north, east, 0.0));
        let truth = Geodetic {
            alt_msl_m: place.alt_msl_m,
            ..photo.position
        };
        let off = truth.displacement_to(place);
        let Some(area) = self.map.area(place.lat_rad, place.lon_rad) else {
            return refused("map_coverage", ms);
        };
        let model = ErrorModel {
            attitude_sigma_rad: self.sigmas.attitude_rad,
            map_bias_sigma_m: area.bias_sigma_m,
            ..ErrorModel::default()
        };
        let [nn, _, ee] = found.covariance_ne_m2;
        let geotag = self.sigmas.geotag_m * self.sigmas.geotag_m;
        let variance = nn.max(ee) + model.variance_m2(pose.agl_m, found.reach_m) + geotag;
        FrameResult {
            file: photo.file.clone(),
            outcome: Ok(judge([off.x, off.y], variance.sqrt(), Rule::default())),
            lat_lon_deg: Some([place.lat_rad, place.lon_rad].map(f64::to_degrees)),
            score: found.scores.score,
            peak_ratio: found.scores.peak_ratio,
            ms,
        }
    }

    /// The photo's own height above ground, or its height above the map's.
    fn pose(&mut self, photo: &Photo) -> Option<Pose> {
        let place = photo.position;
        let agl_m = photo.agl_m.or_else(|| {
            let ground = self.map.ground(place.lat_rad, place.lon_rad)?;
            Some(place.alt_msl_m - ground.alt_msl_m)
        });
        Photo {
            agl_m,
            ..photo.clone()
        }
        .pose()
    }
}
