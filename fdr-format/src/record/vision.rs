//! Camera, map and what they do to the trust in a position.

use crate::identity::Digest;
use crate::layout::{List, enumeration, layout};

layout! {
    /// A map tile was made from the camera.
    struct MidFlightTileEmitted {
        /// When.
        time_ns: u64,
        /// Web Mercator zoom.
        zoom: u8,
        /// Web Mercator column.
        x: u32,
        /// Web Mercator row, from the north.
        y: u32,
        /// Frame it was made from.
        frame: u64,
        /// Covariance of the pose behind it: north-north, north-east, east-east, m^2.
        parent_covariance_ne_m2: [f64; 3],
        /// Quality, 0 to 1.
        quality: f64,
        /// Size of the tile's image.
        bytes: u32,
        /// BLAKE3 of the tile's image.
        content: Digest,
    }

    /// A map tile could not be made from the camera.
    struct MidFlightTileFailed<'a> {
        /// When.
        time_ns: u64,
        /// Web Mercator zoom.
        zoom: u8,
        /// Web Mercator column.
        x: u32,
        /// Web Mercator row, from the north.
        y: u32,
        /// Frame it was to be made from.
        frame: u64,
        /// Why not.
        reason: TileFailure,
        /// File name in `thumbnails/`; empty when none was kept.
        thumbnail: &'a str,
    }

    /// Vision lost sight of the ground, or found it again.
    struct VisualBlackoutEvent {
        /// When.
        time_ns: u64,
        /// Step of the degradation ladder.
        phase: BlackoutPhase,
        /// Why.
        reason: BlackoutReason,
        /// Last usable frame; absent before the first.
        last_usable_frame_ns: Option<u64>,
        /// Radius that holds the true position with 95 % probability.
        radius_95_m: f64,
        /// Age of the last accepted map anchor; absent before the first.
        last_satellite_anchor_age_ms: Option<u32>,
    }

    /// The gate between the autopilot's GPS and the estimate moved.
    struct SpoofingPromotionEvent {
        /// When.
        time_ns: u64,
        /// What happened.
        event: SpoofGateEvent,
        /// Which sign or condition decided it.
        reason: SpoofGateReason,
        /// Receiver instance, 0-based.
        gps_instance: u8,
        /// Distance of the GPS sample from our estimate, where both existed.
        distance_m: Option<f64>,
        /// How long the reports had been stable and unspoofed.
        stable_ms: u32,
        /// From all conditions holding to GPS in force, when promoted.
        promotion_latency_ms: Option<u32>,
    }

    /// One yaw and scale at which a frame was compared with the map at full resolution.
    struct MapCandidate {
        /// Yaw tried beyond the attitude's, clockwise.
        yaw_offset_rad: f64,
        /// Height tried over the height assumed.
        scale: f64,
        /// Highest correlation at half resolution, by which it was chosen.
        coarse_score: f64,
        /// Highest correlation at full resolution, by which it is ranked.
        fine_score: f64,
    }

    /// What vision made of one frame and the map, believed or not.
    struct MapMatch<'a> {
        /// When it was decided.
        time_ns: u64,
        /// Number of the frame.
        frame: u64,
        /// Exposure of the frame.
        exposure_ns: u64,
        /// Handed to the navigator as a `SatelliteAnchor`, or why not.
        outcome: MapMatchOutcome,
        /// Middle of the search: latitude and longitude, WGS84.
        centre_lat_lon_rad: [f64; 2],
        /// It was searched so far to every side.
        window_m: f64,
        /// Place of the highest peak, latitude and longitude, where there was one.
        lat_lon_rad: Option<[f64; 2]>,
        /// Height above ground used.
        agl_m: f64,
        /// Correlation at the peak, 0 to 1.
        score: f64,
        /// Peak over the second peak.
        peak_ratio: f64,
        /// Mean gradient of the frame, brightness per pixel.
        frame_gradient: f64,
        /// Distance between the peak and that of the second opinion, pixels.
        second_opinion_px: f64,
        /// Region of the map, whose georeferencing error all matches in it share.
        map_area: u32,
        /// Web Mercator zoom of the tiles that were compared.
        zoom: u8,
        /// Westernmost column of those tiles.
        first_x: u32,
        /// Northernmost row of those tiles, from the north.
        first_y: u32,
        /// Easternmost column of those tiles.
        last_x: u32,
        /// Southernmost row of those tiles.
        last_y: u32,
        /// Tiles of that rectangle that the package lacks, or that are not what its manifest says.
        tiles_missing: u32,
        /// The yaws and scales that were ranked, best first.
        candidates: List<'a, MapCandidate>,
    }

    /// A map package was refused before take-off.
    struct ContentHashGateFail<'a> {
        /// When.
        time_ns: u64,
        /// Why.
        reason: GateFailure,
        /// Hash in the signed manifest, where one was compared.
        expected: Option<Digest>,
        /// Hash of what was found, where one was compared.
        found: Option<Digest>,
        /// File inside the package.
        path: &'a str,
    }
}

enumeration! {
    /// Why a tile could not be made.
    enum TileFailure: u8 {
        /// The pose was not anchored well enough.
        NotAnchored = 0,
        /// Too little texture.
        LowTexture = 1,
        /// Blurred, or too much tilt.
        PoorImage = 2,
        /// The cap of the tile package was reached.
        CapReached = 3,
        /// The tile could not be encoded or written.
        WriteFailed = 4,
    }

    /// What became of a frame that was compared with the map.
    enum MapMatchOutcome: u8 {
        /// An anchor.
        Accepted = 0,
        /// Taken too obliquely, or from no sensible height.
        Pose = 1,
        /// The frame shows too little of the ground below.
        LittleSeen = 2,
        /// Too little texture in the frame.
        LowTexture = 3,
        /// The map does not cover the place, or shows nothing there.
        MapCoverage = 4,
        /// The estimate is too uncertain for a search.
        WindowTooLarge = 5,
        /// The peak stands at the edge of the search window.
        WindowClipped = 6,
        /// The correlation is too weak.
        Weak = 7,
        /// Another place fits nearly as well.
        Ambiguous = 8,
        /// The second opinion found another place.
        SecondOpinion = 9,
        /// The correlation has no clear top.
        Shapeless = 10,
        /// The map cannot be read, or is not what its manifest says.
        MapUnreadable = 11,
    }

    /// Step of the degradation ladder.
    enum BlackoutPhase: u8 {
        /// No usable frame for long enough.
        Entered = 0,
        /// Still none: carried without vision.
        ImuOnly = 1,
        /// The operator was asked where the aircraft is.
        RelocalisationRequested = 2,
        /// The position is withdrawn.
        Failsafe = 3,
        /// Frames are usable again.
        Left = 4,
    }

    /// Why vision sees nothing, or sees again.
    enum BlackoutReason: u8 {
        /// No frame arrived.
        NoFrames = 0,
        /// Frames without texture: cloud, darkness, glare.
        NoTexture = 1,
        /// The 95 % radius passed its limit.
        RadiusLimit = 2,
        /// It lasted longer than its limit.
        Duration = 3,
        /// The estimate was lost or known to be wrong.
        EstimateLost = 4,
        /// Frames are usable again.
        FramesUsable = 5,
        /// Frames arrive and none can be used, for another reason than texture.
        FramesUnusable = 6,
    }

    /// What the spoof gate did.
    enum SpoofGateEvent: u8 {
        /// Closed: GPS is no longer believed.
        Closed = 0,
        /// A sample was refused while closed.
        Rejected = 1,
        /// A condition failed and the stable period starts again.
        HoldRestarted = 2,
        /// Opened: GPS is believed again.
        Promoted = 3,
    }

    /// Which sign or condition moved the spoof gate.
    enum SpoofGateReason: u8 {
        /// The receiver or the autopilot reported jamming or spoofing.
        Reported = 0,
        /// A jump beyond what the estimate allows.
        PositionJump = 1,
        /// GPS velocity disagrees with airspeed and wind.
        VelocityMismatch = 2,
        /// GPS time jumped.
        TimeJump = 3,
        /// The next visual anchor disagrees.
        AnchorDisagrees = 4,
        /// Too far from our estimate.
        TooFar = 5,
        /// Reports stopped or lost their fix.
        FixLost = 6,
        /// All conditions hold.
        AllConditionsHold = 7,
        /// Nothing speaks against it, but not for long enough yet.
        HoldRunning = 8,
        /// Nothing speaks against it, but no map anchor has agreed yet.
        AnchorAwaited = 9,
    }

    /// Why a map package was refused.
    enum GateFailure: u8 {
        /// The manifest's signature does not verify.
        Signature = 0,
        /// A content hash differs.
        Hash = 1,
        /// A file is missing.
        Missing = 2,
        /// A path leaves the package.
        Path = 3,
        /// The take-off origin lies outside the bounds.
        Bounds = 4,
        /// The imagery is too old for its region.
        Stale = 5,
        /// The package cannot be read.
        Unreadable = 6,
    }
}
