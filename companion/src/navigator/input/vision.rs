//! What the camera and the map say: exposures, displacements between them, and matches.
//!
//! Results arrive 0.1 to 5 s after the exposure they speak of, in any order. `time` is always the
//! arrival; the exposure stands beside it.

use serde::{Deserialize, Serialize};

use crate::navigator::units::MonotonicNs;

/// A frame is being taken: told at once, long before anything is made of it, so that the estimate at
/// the exposure is kept until the results arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameExposed {
    /// When this was told.
    pub time: MonotonicNs,
    /// Number of the frame; grows along the flight.
    pub frame: u64,
    /// Middle of the exposure; at most a few tenths of a second before `time`.
    pub exposure: MonotonicNs,
}

/// What the odometry made of one frame. Every frame gives exactly one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VisualOdometry {
    /// When the result arrived.
    pub time: MonotonicNs,
    /// Number of the frame.
    pub frame: u64,
    /// Middle of the exposure.
    pub exposure: MonotonicNs,
    /// Registered against the keyframe, or refused.
    pub outcome: FrameOutcome,
}

/// What became of one frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FrameOutcome {
    /// The displacement from the keyframe is known.
    Registered(Displacement),
    /// The frame shows no displacement.
    Refused(FrameRefusal),
}

/// Motion of the camera from a keyframe to the frame, in north-up images.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Displacement {
    /// Number of the keyframe.
    pub keyframe: u64,
    /// Middle of its exposure.
    pub keyframe_exposure: MonotonicNs,
    /// Displacement north and east, m, with the scale of `agl_m`.
    pub displacement_ne_m: [f64; 2],
    /// Its covariance as far as the images show it: north-north, north-east, east-east, m^2. Errors of
    /// attitude and height, which last from frame to frame, are not part of it.
    pub covariance_ne_m2: [f64; 3],
    /// Height above ground that gave the displacement its scale, m.
    pub agl_m: f64,
    /// Turn about the vertical that the images show beyond the attitude, clockwise, rad.
    pub rotation_rad: f64,
    /// Scale of the later image against the earlier one, beyond the change of height.
    pub scale: f64,
    /// Share of the image that both frames see, 0 to 1.
    pub overlap: f64,
    /// Quality of the match, 0 to 1.
    pub quality: f64,
}

/// Why a frame shows no displacement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FrameRefusal {
    /// Usable, but nothing came before it: it begins a new visual segment as its keyframe.
    FirstOfSegment,
    /// Too little texture: cloud, darkness, water.
    LowTexture,
    /// The frames see too little of the same ground.
    SmallOverlap,
    /// The parts of the image do not agree on one displacement.
    Disagreement,
    /// Blurred, overexposed, or taken at too steep an angle.
    PoorImage,
}

/// Where one exposure was taken, by a match of the image against the map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SatelliteAnchor {
    /// When the result arrived.
    pub time: MonotonicNs,
    /// Number of the frame.
    pub frame: u64,
    /// Middle of the exposure.
    pub exposure: MonotonicNs,
    /// Geodetic latitude of the aircraft, WGS84.
    pub lat_rad: f64,
    /// Longitude of the aircraft, WGS84.
    pub lon_rad: f64,
    /// Covariance of the correlation alone: north-north, north-east, east-east, m^2. Errors of the map
    /// and of the attitude, which last from match to match, are not part of it.
    pub covariance_ne_m2: [f64; 3],
    /// Correlation at the peak, 0 to 1.
    pub score: f64,
    /// Peak over the second peak.
    pub peak_ratio: f64,
    /// Yaw found beyond the attitude's, clockwise, rad.
    pub yaw_offset_rad: f64,
    /// Scale found beyond that of the height above ground.
    pub scale: f64,
    /// Height above ground used, m.
    pub agl_m: f64,
    /// Area of the map whose georeferencing error all matches in it share.
    pub map_area: u32,
    /// 1-sigma georeferencing error of that area, per axis, m.
    pub map_bias_sigma_m: f64,
}
