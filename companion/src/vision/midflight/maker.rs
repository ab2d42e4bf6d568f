//! From anchored frames to tiles, without I/O.

use std::collections::{BTreeSet, VecDeque};

use fdr_format::records::TileFailure;
use nalgebra::Vector3;
use serde_json::json;

use crate::navigator::{AnchorVerdict, Geodetic, MonotonicNs};
use crate::vision::anchor::AnchorRefusal;
use crate::vision::calibration::Calibration;
use crate::vision::image::{Gray, Pyramid};
use crate::vision::map::mercator::{TILE_SIDE, TileId, metres_per_pixel, pixel_of, place_of};
use crate::vision::map_search::{MapSearched, NoMatch};
use crate::vision::north_up::NorthUp;
use crate::vision::png::{self, Masked};
use crate::vision::rectify::rectify;
use crate::vision::{jpeg, map::mercator::ZOOM_MAX};

/// Frames that wait for the navigator's verdict.
const WAITING_MAX: usize = 3;
/// Tiles of one flight.
const MADE_MAX: usize = 100_000;
/// Largest standard deviation of a frame's place, map error included, m.
const SIGMA_MAX_M: f64 = 6.0;
/// Least share of a tile that the frame must show.
const SEEN_SHARE: f64 = 0.98;
/// A tile is at most so large a part of the ground that the frame shows, along its shorter side: then one is
/// whole in most frames.
const SHARE_OF_FOOTPRINT: f64 = 0.75;
/// Longer side of a thumbnail, pixels, at most.
const THUMBNAIL_PX: usize = 320;
const THUMBNAIL_QUALITY: u8 = 60;
/// Time between two thumbnails, s.
const THUMBNAIL_PERIOD_S: f64 = 10.0;
/// Keyword of the text in a tile that says where it comes from.
const PROVENANCE: &str = "gps-denied-tile";

/// A tile.
#[derive(Debug, Clone, PartialEq)]
pub struct MadeTile {
    /// Which.
    pub id: TileId,
    /// The frame.
    pub frame: u64,
    /// PNG.
    pub bytes: Vec<u8>,
    /// Covariance of the frame's place, map error included: north-north, north-east, east-east, m^2.
    pub covariance_ne_m2: [f64; 3],
    /// 0 to 1.
    pub quality: f64,
}

/// A frame that gives no tile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedTile {
    /// The tile that the aircraft was over.
    pub id: TileId,
    /// The frame.
    pub frame: u64,
    /// Why.
    pub reason: TileFailure,
    /// A JPEG of the frame, small; absent when one was made a short time ago.
    pub thumbnail: Option<Vec<u8>>,
}

/// What became of a frame.
#[derive(Debug, Clone, PartialEq)]
pub enum TileProduct {
    /// A tile.
    Made(MadeTile),
    /// None.
    Failed(FailedTile),
}

/// The maker of a flight.
pub struct TileMaker {
    camera: Calibration,
    waiting: VecDeque<(MapSearched, Pyramid)>,
    made: BTreeSet<TileId>,
    thumbnail: Option<MonotonicNs>,
}

impl TileMaker {
    /// A maker that has made nothing.
    #[must_use]
    pub fn new(camera: Calibration) -> Self {
        Self {
            camera,
            waiting: VecDeque::new(),
            made: BTreeSet::new(),
            thumbnail: None,
        }
    }

    /// A frame was searched for on the map. A match waits for the navigator's verdict; whatever else has failed.
    pub fn searched(&mut self, searched: MapSearched, image: Pyramid) -> Option<TileProduct> {
        match &searched.outcome {
            Ok(_) => {
                if self.waiting.len() == WAITING_MAX {
                    self.waiting.pop_front();
                }
                self.waiting.push_back((searched, image));
                None
            }
            Err(why) => self.failed(&searched, &image, reason_of(*why)),
        }
    }

    /// The navigator judged an anchor.
    pub fn judged(&mut self, verdict: &AnchorVerdict) -> Vec<TileProduct> {
        let wanted =
            |(searched, _): &(MapSearched, Pyramid)| searched.stamp.number == verdict.frame;
        let Some(index) = self.waiting.iter().position(wanted) else {
            return Vec::new();
        };
        let Some((searched, image)) = self.waiting.remove(index) else {
            return Vec::new();
        };
        let well_known = searched
            .variance_ne_m2()
            .is_some_and(|[nn, _, ee]| nn.max(ee) <= SIGMA_MAX_M * SIGMA_MAX_M);
        if verdict.refusal.is_some() || !well_known {
            let failed = self.failed(&searched, &image, TileFailure::NotAnchored);
            return failed.into_iter().collect();
        }
        self.make(&searched, &image)
    }

    fn make(&mut self, searched: &MapSearched, image: &Pyramid) -> Vec<TileProduct> {
        let (Ok(found), Some(covariance_ne_m2)) = (&searched.outcome, searched.variance_ne_m2())
        else {
            return Vec::new();
        };
        let [lat_rad, lon_rad] = found.lat_lon_rad;
        let place = Geodetic {
            lat_rad,
            lon_rad,
            ..searched.centre
        };
        let (shorter, longer) = self.camera.footprint_per_metre();
        let scores = &found.found.scores;
        let pose = searched.pose.varied(scores.yaw_offset_rad, scores.scale);
        let Some(zoom) = self.zoom(lat_rad, pose.agl_m, shorter) else {
            return Vec::new();
        };
        // Finer than the tile: it is sampled once more.
        let gsd_m = 0.7 * metres_per_pixel(zoom, lat_rad);
        let side = (libm::hypot(shorter, longer) * pose.agl_m / gsd_m).ceil() as usize;
        let ground = rectify(image, &self.camera, &pose, side, side, gsd_m);
        let mut products = Vec::new();
        for id in tiles_around(zoom, &place, side as f64 * gsd_m / 2.0) {
            if self.made.contains(&id) || self.made.len() >= MADE_MAX {
                continue;
            }
            let Some((tile, seen)) = draw(&ground, &place, id) else {
                continue;
            };
            let quality = (seen * (scores.peak_ratio - 1.0) / 1.5).clamp(0.0, 1.0);
            let text = json!({
                "frame": searched.stamp.number,
                "exposure_ns": searched.stamp.exposure.0,
                "lat_deg": lat_rad.to_degrees(),
                "lon_deg": lon_rad.to_degrees(),
                "agl_m": pose.agl_m,
                "covariance_ne_m2": covariance_ne_m2,
                "quality": quality,
                "map_area": found.area.number,
                "score": scores.score,
                "peak_ratio": scores.peak_ratio,
            })
            .to_string();
            let bytes = png::encode(&tile, &[(PROVENANCE, text.as_str())]);
            match bytes {
                Ok(bytes) => {
                    self.made.insert(id);
                    products.push(TileProduct::Made(MadeTile {
                        id,
                        frame: searched.stamp.number,
                        bytes,
                        covariance_ne_m2,
                        quality,
                    }));
                }
                Err(_) => products.extend(self.failed(searched, image, TileFailure::WriteFailed)),
            }
        }
        products
    }

    /// The deepest zoom that is no finer than the frame, when the frame can show a whole tile of it.
    fn zoom(&self, lat_rad: f64, agl_m: f64, footprint_per_metre: f64) -> Option<u8> {
        let frame_m = agl_m * self.camera.pixel_angle_rad();
        let coarse = |zoom: &u8| metres_per_pixel(*zoom, lat_rad) >= 0.9 * frame_m;
        let zoom = (0..=ZOOM_MAX).rev().find(coarse)?;
        let tile_m = TILE_SIDE as f64 * metres_per_pixel(zoom, lat_rad);
        (tile_m <= SHARE_OF_FOOTPRINT * footprint_per_metre * agl_m).then_some(zoom)
    }

    fn failed(
        &mut self,
        searched: &MapSearched,
        image: &Pyramid,
        reason: TileFailure,
    ) -> Option<TileProduct> {
        let centre = searched.centre;
        let (shorter, _) = self.camera.footprint_per_metre();
        let zoom = self.zoom(centre.lat_rad, searched.pose.agl_m, shorter);
        let zoom = zoom.unwrap_or(searched.tiles.zoom);
        let id = TileId::at(zoom, pixel_of(zoom, centre.lat_rad, centre.lon_rad))?;
        let exposure = searched.stamp.exposure;
        let soon = |last: MonotonicNs| exposure.seconds_since(last) < THUMBNAIL_PERIOD_S;
        let thumbnail = if self.thumbnail.is_some_and(soon) {
            None
        } else {
            self.thumbnail = Some(exposure);
            thumbnail(image)
        };
        Some(TileProduct::Failed(FailedTile {
            id,
            frame: searched.stamp.number,
            reason,
            thumbnail,
        }))
    }
}

/// The frame, at most 320 pixels along its longer side.
fn thumbnail(image: &Pyramid) -> Option<Vec<u8>> {
    let full = image.full();
    let longer = full.width().max(full.height());
    let shrinks = longer.div_ceil(THUMBNAIL_PX).next_power_of_two();
    let (_, level) = image.level(shrinks as f64);
    if level.width().max(level.height()) > THUMBNAIL_PX {
        return None;
    }
    jpeg::encode(level, THUMBNAIL_QUALITY).ok()
}

fn reason_of(why: NoMatch) -> TileFailure {
    match why {
        NoMatch::MapUnreadable => TileFailure::NotAnchored,
        NoMatch::Refused(refusal) => match refusal {
            AnchorRefusal::Pose | AnchorRefusal::LittleSeen => TileFailure::PoorImage,
            AnchorRefusal::LowTexture => TileFailure::LowTexture,
            AnchorRefusal::MapCoverage
            | AnchorRefusal::WindowTooLarge
            | AnchorRefusal::WindowClipped
            | AnchorRefusal::Weak
            | AnchorRefusal::Ambiguous
            | AnchorRefusal::SecondOpinion
            | AnchorRefusal::Shapeless => TileFailure::NotAnchored,
        },
    }
}

fn tiles_around(zoom: u8, place: &Geodetic, reach_m: f64) -> Vec<TileId> {
    let corner = |north: f64, east: f64| {
        let at = place.displaced(Vector3::new(north, east, 0.0));
        TileId::at(zoom, pixel_of(zoom, at.lat_rad, at.lon_rad))
    };
    let (Some(first), Some(last)) = (corner(reach_m, -reach_m), corner(-reach_m, reach_m)) else {
        return Vec::new();
    };
    let rows = |x| (first.y..=last.y).map(move |y| TileId { zoom, x, y });
    // A frame shows some three tiles a side.
    (first.x..=last.x).flat_map(rows).take(64).collect()
}

/// The tile as the frame shows it and the share that it shows; absent when that is too little.
fn draw(ground: &NorthUp, place: &Geodetic, id: TileId) -> Option<(Masked, f64)> {
    let [left, top] = id.corner();
    let middle = (ground.width() - 1) as f64 / 2.0;
    let radii = place.metres_per_radian();
    let at = |x: f64, y: f64| {
        let (lat_rad, lon_rad) = place_of(id.zoom, [left + x + 0.5, top + y + 0.5]);
        let there = Geodetic {
            lat_rad,
            lon_rad,
            ..*place
        };
        let ned = place.displacement_by(radii, there);
        [
            middle + ned.y / ground.gsd_m(),
            middle - ned.x / ground.gsd_m(),
        ]
    };
    // Column and row do not depend on each other: one line of each is enough.
    let columns: Vec<f32> = (0..TILE_SIDE)
        .map(|x| at(x as f64, 0.0)[0] as f32)
        .collect();
    let rows: Vec<f32> = (0..TILE_SIDE)
        .map(|y| at(0.0, y as f64)[1] as f32)
        .collect();
    let mut pixels = Vec::with_capacity(TILE_SIDE * TILE_SIDE);
    let mut seen = Vec::with_capacity(TILE_SIDE * TILE_SIDE);
    for y in &rows {
        for x in &columns {
            let value = ground.sample(*x, *y).filter(|value| !value.is_nan());
            // Brightness of bytes stays one.
            pixels.push(value.map_or(0, |value| value.round() as u8));
            seen.push(value.is_some());
        }
    }
    let count = seen.iter().filter(|seen| **seen).count();
    let share = count as f64 / seen.len() as f64;
    if share < SEEN_SHARE {
        return None;
    }
    let image = Gray::new(TILE_SIDE, TILE_SIDE, pixels).ok()?;
    let whole = count == seen.len();
    let seen = (!whole).then(|| seen.into_boxed_slice());
    Some((Masked { image, seen }, share))
}
