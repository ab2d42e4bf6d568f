//! Where on the map a frame was taken: the search around the estimate, and its record.
//!
//! A frame is searched for while the last search found nothing; after a match, again when it is 0.9 s old:
//! a match every second is what a fresh anchor takes, and more only repeat its systematic errors.

use fdr_format::records::{MapCandidate, MapMatch, MapMatchOutcome};
use fdr_format::{List, Record};
use nalgebra::Vector3;

use super::anchor::{
    AnchorDecision, AnchorMatch, AnchorMatcher, AnchorRefusal, AnchorSettings, ErrorModel, Scores,
};
use super::calibration::Calibration;
use super::correlation::MAX_TRANSFORM_SIDE;
use super::image::Pyramid;
use super::map::{MapArea, MapPackage, TilesUsed};
use super::rectify::Pose;
use super::situation::Sighting;
use super::tracker::FrameStamp;
use crate::navigator::{Geodetic, MonotonicNs, SatelliteAnchor};

/// A match is repeated when it is that old, s.
const REPEAT_S: f64 = 0.9;
/// Attitude and boresight errors that the window allows for, 3 sigma, rad.
const TILT_RAD: f64 = 0.028;
/// Least window, m: below it chance has too few rivals.
const WINDOW_MIN_M: f64 = 36.0;
/// Added to the window, m: a peak at its very edge is not believed.
const WINDOW_MARGIN_M: f64 = 8.0;

/// Why a frame that was searched for gives no anchor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoMatch {
    /// The matcher refuses.
    Refused(AnchorRefusal),
    /// The map cannot be read, or is not what its manifest says.
    MapUnreadable,
}

/// A search and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct MapSearched {
    /// The frame.
    pub stamp: FrameStamp,
    /// Middle of the search.
    pub centre: Geodetic,
    /// It was searched so far to every side, m.
    pub window_m: f64,
    /// Attitude and height used.
    pub pose: Pose,
    /// Tiles that were compared.
    pub tiles: TilesUsed,
    /// The anchor, or why there is none.
    pub outcome: Result<MapFound, NoMatch>,
    /// What was seen on the way.
    pub scores: Scores,
    /// Place of the highest peak, latitude and longitude, rad, where there was one.
    pub peak: Option<[f64; 2]>,
    /// The area of the map there.
    pub area: Option<MapArea>,
    candidates: Vec<MapCandidate>,
}

/// Where a frame was taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MapFound {
    /// The match.
    pub found: AnchorMatch,
    /// Latitude and longitude of the aircraft, rad.
    pub lat_lon_rad: [f64; 2],
    /// The area of the map.
    pub area: MapArea,
}

impl MapSearched {
    /// Its record, when it was decided at `time`.
    #[must_use]
    pub fn record(&self, time: MonotonicNs) -> Record<'_> {
        Record::MapMatch(MapMatch {
            time_ns: time.0,
            frame: self.stamp.number,
            exposure_ns: self.stamp.exposure.0,
            outcome: outcome_of(&self.outcome),
            centre_lat_lon_rad: [self.centre.lat_rad, self.centre.lon_rad],
            window_m: self.window_m,
            lat_lon_rad: self.peak,
            agl_m: self.pose.agl_m,
            score: self.scores.score,
            peak_ratio: self.scores.peak_ratio,
            frame_gradient: self.scores.frame_gradient,
            second_opinion_px: self.scores.second_opinion_px,
            map_area: self.area.map_or(u32::MAX, |area| area.number),
            zoom: self.tiles.zoom,
            first_x: self.tiles.columns[0],
            first_y: self.tiles.rows[0],
            last_x: self.tiles.columns[1],
            last_y: self.tiles.rows[1],
            tiles_missing: self.tiles.missing,
            candidates: List::new(&self.candidates),
        })
    }

    /// The anchor for the navigator, when it arrives at `time`.
    #[must_use]
    pub fn anchor(&self, time: MonotonicNs) -> Option<SatelliteAnchor> {
        let MapFound {
            found,
            lat_lon_rad: [lat_rad, lon_rad],
            area,
        } = self.outcome.ok()?;
        Some(SatelliteAnchor {
            time,
            frame: self.stamp.number,
            exposure: self.stamp.exposure,
            lat_rad,
            lon_rad,
            covariance_ne_m2: found.covariance_ne_m2,
            score: found.scores.score,
            peak_ratio: found.scores.peak_ratio,
            yaw_offset_rad: found.scores.yaw_offset_rad,
            scale: found.scores.scale,
            agl_m: self.pose.agl_m,
            map_area: area.number,
            map_bias_sigma_m: area.bias_sigma_m,
        })
    }

    /// Variance per axis of the place found, systematic errors included, m^2.
    #[must_use]
    pub fn variance_ne_m2(&self) -> Option<[f64; 3]> {
        let MapFound { found, area, .. } = self.outcome.ok()?;
        let model = ErrorModel {
            map_bias_sigma_m: area.bias_sigma_m,
            ..ErrorModel::default()
        };
        let more = model.variance_m2(self.pose.agl_m, found.reach_m);
        let [nn, ne, ee] = found.covariance_ne_m2;
        Some([nn + more, ne, ee + more])
    }
}

/// The search.
pub struct MapSearch {
    matcher: AnchorMatcher,
    map: MapPackage,
    found: Option<MonotonicNs>,
}

impl MapSearch {
    /// A search in `map`.
    #[must_use]
    pub fn new(settings: AnchorSettings, map: MapPackage) -> Self {
        Self {
            matcher: AnchorMatcher::new(settings),
            map,
            found: None,
        }
    }

    /// The map.
    pub fn map_mut(&mut self) -> &mut MapPackage {
        &mut self.map
    }

    /// Whether a frame of that exposure is to be searched for.
    #[must_use]
    pub fn is_due(&self, exposure: MonotonicNs) -> bool {
        let fresh = |found: MonotonicNs| exposure.seconds_since(found).abs() < REPEAT_S;
        !self.found.is_some_and(fresh)
    }

    /// Searches for a frame around where the estimate, or the operator, says it was taken.
    pub fn frame(
        &mut self,
        stamp: FrameStamp,
        image: &Pyramid,
        camera: &Calibration,
        sighting: &Sighting,
        pose: &Pose,
    ) -> MapSearched {
        let (place, radius_m) = sighting.search;
        let centre = Geodetic {
            alt_msl_m: place.alt_msl_m - pose.agl_m,
            ..place
        };
        self.matcher.adapt(pose.agl_m);
        let tilt_m = TILT_RAD * pose.agl_m;
        let wanted_m = libm::hypot(radius_m, tilt_m) + WINDOW_MARGIN_M;
        let window_m = wanted_m.max(WINDOW_MIN_M).min(self.window_max_m());
        self.matcher
            .set_candidates(usize::from(sighting.candidates));
        let (side, gsd_m) = (self.matcher.map_px(window_m), self.matcher.settings().gsd_m);
        let mosaic = self.map.mosaic(centre, side, gsd_m);
        let decision = self.matcher.locate(image, camera, pose, &mosaic.image);
        let place_of = |scores: &Scores| {
            let [north, east] = scores.offset_ne_m;
            let at = centre.displaced(Vector3::new(north, east, 0.0));
            [at.lat_rad, at.lon_rad]
        };
        let peak = (decision.scores.score > 0.0).then(|| place_of(&decision.scores));
        let area = peak.and_then(|[lat, lon]| self.map.area(lat, lon));
        let outcome = self.judge(&decision, peak, area);
        self.found = outcome.is_ok().then_some(stamp.exposure);
        let candidates = decision.candidates.iter().map(|ranked| MapCandidate {
            yaw_offset_rad: ranked.yaw_offset_rad,
            scale: ranked.scale,
            coarse_score: ranked.coarse_score,
            fine_score: ranked.fine_score,
        });
        MapSearched {
            stamp,
            centre,
            window_m,
            pose: *pose,
            tiles: mosaic.tiles,
            outcome,
            scores: decision.scores,
            peak,
            area,
            candidates: candidates.collect(),
        }
    }

    fn judge(
        &self,
        decision: &AnchorDecision,
        peak: Option<[f64; 2]>,
        area: Option<MapArea>,
    ) -> Result<MapFound, NoMatch> {
        if self.map.is_altered() {
            return Err(NoMatch::MapUnreadable);
        }
        let found = decision.outcome.map_err(NoMatch::Refused)?;
        match (peak, area) {
            (Some(lat_lon_rad), Some(area)) => Ok(MapFound {
                found,
                lat_lon_rad,
                area,
            }),
            _ => Err(NoMatch::Refused(AnchorRefusal::MapCoverage)),
        }
    }

    /// The largest window that is searched, m. The aircraft may be farther away than that; then nothing fits,
    /// and nothing is believed.
    fn window_max_m(&self) -> f64 {
        let pixels = (MAX_TRANSFORM_SIDE - self.matcher.template_px()) / 2 - 2;
        pixels as f64 * self.matcher.settings().gsd_m
    }
}

fn outcome_of(outcome: &Result<MapFound, NoMatch>) -> MapMatchOutcome {
    match outcome {
        Ok(_) => MapMatchOutcome::Accepted,
        Err(NoMatch::MapUnreadable) => MapMatchOutcome::MapUnreadable,
        Err(NoMatch::Refused(refusal)) => match refusal {
            AnchorRefusal::Pose => MapMatchOutcome::Pose,
            AnchorRefusal::LittleSeen => MapMatchOutcome::LittleSeen,
            AnchorRefusal::LowTexture => MapMatchOutcome::LowTexture,
            AnchorRefusal::MapCoverage => MapMatchOutcome::MapCoverage,
            AnchorRefusal::WindowTooLarge => MapMatchOutcome::WindowTooLarge,
            AnchorRefusal::WindowClipped => MapMatchOutcome::WindowClipped,
            AnchorRefusal::Weak => MapMatchOutcome::Weak,
            AnchorRefusal::Ambiguous => MapMatchOutcome::Ambiguous,
            AnchorRefusal::SecondOpinion => MapMatchOutcome::SecondOpinion,
            AnchorRefusal::Shapeless => MapMatchOutcome::Shapeless,
        },
    }
}
