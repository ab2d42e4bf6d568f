//! What the navigator is told, as it consumed it, in SI units, NED and FRD.

use crate::layout::{enumeration, layout};

layout! {
    /// One inertial sample, as the autopilot calibrated it.
    struct ImuTrace {
        /// When it was measured.
        time_ns: u64,
        /// Specific force in the body frame; level and at rest about (0, 0, -9.81).
        specific_force_frd_mps2: [f64; 3],
        /// Angular rate in the body frame.
        angular_rate_frd_radps: [f64; 3],
    }

    /// The autopilot's attitude estimate: Euler angles, yaw-pitch-roll order, FRD against NED.
    struct Attitude {
        /// When it was valid.
        time_ns: u64,
        /// Roll, right wing down positive.
        roll_rad: f64,
        /// Pitch, nose up positive.
        pitch_rad: f64,
        /// Yaw against true north, clockwise positive.
        yaw_rad: f64,
        /// Angular rate in the body frame.
        angular_rate_frd_radps: [f64; 3],
    }

    /// Indicated airspeed.
    struct AirData {
        /// When it was measured.
        time_ns: u64,
        /// Airspeed that gives the measured pressure at sea-level density.
        indicated_airspeed_mps: f64,
    }

    /// Static pressure.
    struct Barometer {
        /// When it was measured.
        time_ns: u64,
        /// Static pressure.
        static_pressure_pa: f64,
        /// Temperature reported with it; not always the outside air's.
        temperature_k: f64,
    }

    /// One report of the autopilot's own satellite receiver.
    struct FcGps {
        /// When the report arrived.
        time_ns: u64,
        /// Receiver instance, 0-based.
        instance: u8,
        /// Kind of fix.
        fix: GpsFix,
        /// Geodetic latitude, WGS84.
        lat_rad: f64,
        /// Longitude, WGS84.
        lon_rad: f64,
        /// Height above mean sea level.
        alt_msl_m: f64,
        /// Velocity north and east.
        velocity_ne_mps: Option<[f64; 2]>,
        /// 1-sigma horizontal accuracy.
        horiz_accuracy_m: Option<f64>,
        /// 1-sigma vertical accuracy.
        vert_accuracy_m: Option<f64>,
        /// 1-sigma speed accuracy.
        speed_accuracy_mps: Option<f64>,
        /// Satellites used.
        satellites: Option<u8>,
    }

    /// What the autopilot says of the aircraft.
    struct FlightState {
        /// When it was reported.
        time_ns: u64,
        /// Motors armed.
        armed: bool,
        /// Kind of aircraft.
        airframe: Airframe,
    }

    /// The time was `time_ns`.
    struct Tick {
        /// Now.
        time_ns: u64,
    }

    /// Displacement of the aircraft between two camera frames, seen by the camera.
    struct VisualOdometry {
        /// When the result reached the navigator.
        time_ns: u64,
        /// Number of the earlier frame.
        from_frame: u64,
        /// Number of the later frame.
        to_frame: u64,
        /// Exposure of the earlier frame.
        from_exposure_ns: u64,
        /// Exposure of the later frame.
        to_exposure_ns: u64,
        /// Displacement north and east.
        displacement_ne_m: [f64; 2],
        /// Its covariance: north-north, north-east, east-east, m^2.
        covariance_ne_m2: [f64; 3],
        /// Height above ground that gave the displacement its scale.
        agl_m: f64,
        /// Turn about the vertical that the images show beyond the attitude, clockwise.
        rotation_rad: f64,
        /// Scale of the later image against the earlier one, beyond the change of height.
        scale: f64,
        /// Share of the image that both frames see, 0 to 1.
        overlap: f64,
        /// Quality of the match, 0 (refused) to 1.
        quality: f64,
    }

    /// Position of one exposure by a match against the map, offered to the navigator.
    struct SatelliteAnchor {
        /// When the result reached the navigator.
        time_ns: u64,
        /// Number of the frame.
        frame: u64,
        /// Exposure of the frame.
        exposure_ns: u64,
        /// Geodetic latitude of the aircraft, WGS84.
        lat_rad: f64,
        /// Longitude of the aircraft, WGS84.
        lon_rad: f64,
        /// Covariance: north-north, north-east, east-east, m^2.
        covariance_ne_m2: [f64; 3],
        /// Correlation at the peak, 0 to 1.
        score: f64,
        /// Peak over the second peak.
        peak_ratio: f64,
        /// Yaw found beyond the attitude's, clockwise.
        yaw_offset_rad: f64,
        /// Scale found beyond that of the height above ground.
        scale: f64,
        /// Height above ground used.
        agl_m: f64,
        /// Area of the map whose georeferencing error all matches in it share.
        map_area: u32,
        /// 1-sigma georeferencing error of that area, per axis.
        map_bias_sigma_m: f64,
    }

    /// A frame that shows no displacement.
    struct VisualOdometryRefused {
        /// When the result reached the navigator.
        time_ns: u64,
        /// Number of the frame.
        frame: u64,
        /// Exposure of the frame.
        exposure_ns: u64,
        /// Why.
        reason: FrameRefusal,
    }

    /// A frame is being taken.
    struct FrameExposed {
        /// When the navigator was told.
        time_ns: u64,
        /// Number of the frame.
        frame: u64,
        /// Exposure of the frame.
        exposure_ns: u64,
    }

    /// The take-off origin of the signed flight plan.
    struct TakeoffOrigin {
        /// When it was given.
        time_ns: u64,
        /// Geodetic latitude, WGS84.
        lat_rad: f64,
        /// Longitude, WGS84.
        lon_rad: f64,
        /// Height above mean sea level.
        alt_msl_m: f64,
        /// 1-sigma horizontal accuracy.
        horiz_accuracy_m: f64,
        /// 1-sigma vertical accuracy.
        vert_accuracy_m: f64,
    }

    /// The autopilot's own position while it was last trusted.
    struct TrustedState {
        /// When it arrived.
        time_ns: u64,
        /// Geodetic latitude, WGS84.
        lat_rad: f64,
        /// Longitude, WGS84.
        lon_rad: f64,
        /// Height above mean sea level.
        alt_msl_m: f64,
        /// Velocity north, east, down.
        velocity_ned_mps: [f64; 3],
        /// 1-sigma horizontal accuracy at its time.
        horiz_accuracy_m: f64,
        /// 1-sigma vertical accuracy at its time.
        vert_accuracy_m: f64,
        /// How old it was when it arrived.
        age_s: f64,
    }

    /// The last position recorded before the process was started again in flight.
    struct RestartState {
        /// When it was given.
        time_ns: u64,
        /// Geodetic latitude, WGS84.
        lat_rad: f64,
        /// Longitude, WGS84.
        lon_rad: f64,
        /// Height above mean sea level.
        alt_msl_m: f64,
        /// Velocity north, east, down.
        velocity_ned_mps: [f64; 3],
        /// 1-sigma horizontal accuracy when it was recorded.
        horiz_accuracy_m: f64,
        /// 1-sigma vertical accuracy when it was recorded.
        vert_accuracy_m: f64,
        /// How old the record was.
        age_s: f64,
    }

    /// What is said of a satellite receiver's signals.
    struct GpsIntegrity {
        /// When it was said.
        time_ns: u64,
        /// Receiver instance, 0-based.
        instance: u8,
        /// What was said.
        state: GpsIntegrityState,
    }

    /// Where the operator says the aircraft is (`MAV_CMD_EXTERNAL_POSITION_ESTIMATE`, 43003).
    struct OperatorHint {
        /// When it arrived.
        time_ns: u64,
        /// Link on which it arrived.
        link: u8,
        /// MAVLink system that sent it.
        sender_system: u8,
        /// MAVLink component that sent it.
        sender_component: u8,
        /// Geodetic latitude, WGS84.
        lat_rad: f64,
        /// Longitude, WGS84.
        lon_rad: f64,
        /// 1-sigma horizontal accuracy.
        horiz_accuracy_m: f64,
        /// Age of the estimate when it was sent, where the operator gave it.
        age_s: Option<f64>,
    }

    /// What became of a satellite anchor.
    struct AnchorDecision {
        /// When it was decided.
        time_ns: u64,
        /// Number of the frame.
        frame: u64,
        /// Exposure of the frame.
        exposure_ns: u64,
        /// Accepted, or why not.
        outcome: AnchorOutcome,
        /// Position of the match, where there was one: latitude and longitude, rad, WGS84.
        lat_lon_rad: Option<[f64; 2]>,
        /// Offset of the match from the estimate, north and east, where there was one.
        innovation_ne_m: Option<[f64; 2]>,
        /// Normalised innovation squared, two degrees of freedom, where it was computed.
        nis: Option<f64>,
        /// Correlation at the peak, 0 to 1.
        score: f64,
        /// Peak over the second peak.
        peak_ratio: f64,
    }
}

enumeration! {
    /// What a satellite receiver says of its own fix.
    enum GpsFix: u8 {
        /// No position.
        None = 0,
        /// Horizontal position only.
        TwoD = 1,
        /// Full position.
        ThreeD = 2,
    }

    /// How the aircraft stays up.
    enum Airframe: u8 {
        /// Not known.
        Unknown = 0,
        /// Flies along its nose.
        FixedWing = 1,
        /// May fly in any direction.
        Rotary = 2,
    }

    /// Why a frame shows no displacement.
    enum FrameRefusal: u8 {
        /// Usable, but nothing came before it: it begins a new visual segment.
        FirstOfSegment = 0,
        /// Too little texture.
        LowTexture = 1,
        /// The frames see too little of the same ground.
        SmallOverlap = 2,
        /// The parts of the image do not agree.
        Disagreement = 3,
        /// Blurred, overexposed, or taken at too steep an angle.
        PoorImage = 4,
    }

    /// Verdict on a receiver's signals.
    enum GpsIntegrityState: u8 {
        /// Nothing suspicious.
        Clean = 0,
        /// Jamming was found.
        Jammed = 1,
        /// Spoofing was found.
        Spoofed = 2,
        /// The receiver's clock jumped against ours.
        TimeJumped = 3,
    }

    /// What became of an anchor.
    enum AnchorOutcome: u8 {
        /// Fused.
        Accepted = 0,
        /// Too little texture.
        LowTexture = 1,
        /// The best peak does not stand out.
        LowPeakRatio = 2,
        /// The peak lies at the border of the search window.
        WindowClipped = 3,
        /// The second method found another place.
        MethodsDisagree = 4,
        /// Outside the chi-square gate.
        OutsideGate = 5,
        /// Successive anchors and visual odometry do not agree.
        SequenceDisagrees = 6,
        /// No valid map there.
        NoMap = 7,
        /// Too old to be fused.
        TooLate = 8,
        /// Plausible, but successive matches must confirm it first.
        Unconfirmed = 9,
    }
}
