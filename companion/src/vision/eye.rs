//! One frame in, what it shows out: the odometry from its keyframe, and the search on the map.
//!
//! | what is missing | odometry | map |
//! |---|---|---|
//! | attitude or position at the exposure | `PoorImage` | not searched |
//! | a sensible height above ground | `PoorImage` | refused: `Pose` |
//! | the image is not the calibrated camera's | `PoorImage`, told once | not searched |
//! | the image cannot be decoded | `PoorImage`, told | not searched |
//! | a map | as usual | not searched |
//!
//! Height above ground is the estimate's height minus the map's elevation; without a map that knows it, minus
//! the height at which the flight began.

use super::anchor::AnchorSettings;
use super::calibration::Calibration;
use super::frame_source::{CameraFrame, FrameContent};
use super::image::Pyramid;
use super::map::{MapPackage, TileProblem};
use super::map_search::{MapSearch, MapSearched};
use super::notices::{Notice, Notices};
use super::odometry::OdometrySettings;
use super::rectify::Pose;
use super::situation::Sighting;
use super::tracker::{FrameStamp, Tracker};
use crate::navigator::{FrameOutcome, FrameRefusal, MonotonicNs, VisualOdometry};

/// What one frame showed.
#[derive(Debug)]
pub struct Seen {
    /// The frame.
    pub stamp: FrameStamp,
    /// Its motion since the keyframe. Every frame has one.
    pub odometry: FrameOutcome,
    /// The search on the map, where there was one.
    pub searched: Option<MapSearched>,
    /// The frame itself, for tiles and thumbnails; absent when it could not be used at all.
    pub image: Option<Pyramid>,
    /// What is to be told.
    pub notices: Vec<Notice>,
    /// Tiles of the map that are not what they should be.
    pub problems: Vec<TileProblem>,
}

impl Seen {
    /// The result for the navigator, when it arrives at `time`.
    #[must_use]
    pub fn visual_odometry(&self, time: MonotonicNs) -> VisualOdometry {
        VisualOdometry {
            time,
            frame: self.stamp.number,
            exposure: self.stamp.exposure,
            outcome: self.odometry,
        }
    }
}

/// Camera, odometry and map.
pub struct Eye {
    camera: Calibration,
    tracker: Tracker,
    search: Option<MapSearch>,
    notices: Notices,
}

impl Eye {
    /// An eye that has seen nothing. Without a map there are no anchors.
    #[must_use]
    pub fn new(camera: Calibration, map: Option<MapPackage>) -> Self {
        Self {
            camera,
            tracker: Tracker::new(OdometrySettings::default()),
            search: map.map(|map| MapSearch::new(AnchorSettings::default(), map)),
            notices: Notices::default(),
        }
    }

    /// The camera.
    #[must_use]
    pub fn camera(&self) -> &Calibration {
        &self.camera
    }

    /// Looks at a frame; `sighting` is the aircraft at its exposure, where that is known.
    pub fn look(&mut self, frame: CameraFrame, sighting: Option<&Sighting>) -> Seen {
        let mut seen = Seen {
            stamp: frame.stamp,
            odometry: FrameOutcome::Refused(FrameRefusal::PoorImage),
            searched: None,
            image: None,
            notices: Vec::new(),
            problems: Vec::new(),
        };
        let image = match frame.content {
            FrameContent::Image(image) => image,
            FrameContent::Unusable(text) => {
                seen.notices.extend(self.notices.frame_unusable(&text));
                return seen;
            }
        };
        let size = (image.width(), image.height());
        let calibrated = (self.camera.width, self.camera.height);
        if size != calibrated {
            seen.notices
                .extend(self.notices.wrong_size(size, calibrated));
            return seen;
        }
        seen.notices.extend(self.notices.frame_usable());
        let image = Pyramid::new(image);
        if let Some(sighting) = sighting {
            self.see(&image, sighting, &mut seen);
        }
        seen.image = Some(image);
        seen
    }

    fn see(&mut self, image: &Pyramid, sighting: &Sighting, seen: &mut Seen) {
        let pose = self.pose(sighting);
        let stamp = seen.stamp;
        seen.odometry = self
            .tracker
            .frame(stamp, image, &self.camera, sighting, &pose);
        let Some(search) = &mut self.search else {
            return;
        };
        if search.is_due(stamp.exposure) {
            seen.searched = Some(search.frame(stamp, image, &self.camera, sighting, &pose));
        }
        let problems = search.map_mut().take_problems();
        seen.notices.extend(self.notices.map_problems(&problems));
        seen.problems = problems;
    }

    fn pose(&mut self, sighting: &Sighting) -> Pose {
        let (lat_rad, lon_rad) = (sighting.place.lat_rad, sighting.place.lon_rad);
        let search = self.search.as_mut();
        let ground = search.and_then(|search| search.map_mut().ground(lat_rad, lon_rad));
        sighting.pose(ground.map_or(sighting.start_alt_msl_m, |ground| ground.alt_msl_m))
    }
}
