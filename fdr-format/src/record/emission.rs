//! What the navigator says: positions, labels and events.

use crate::layout::{enumeration, layout};

layout! {
    /// One emitted position with its honest uncertainty.
    struct EmittedExternalPosition {
        /// When it is valid: the emission deadline.
        time_ns: u64,
        /// Geodetic latitude, WGS84.
        lat_rad: f64,
        /// Longitude, WGS84.
        lon_rad: f64,
        /// Height above mean sea level.
        alt_msl_m: f64,
        /// Velocity north, east, down.
        vel_ned_mps: [f64; 3],
        /// Upper triangle, row by row, of the 6x6 covariance of position (NED, m) and velocity
        /// (NED, m/s) error.
        covariance: [f64; 21],
        /// Semi-major axis of the horizontal 95 % ellipse.
        ellipse_semi_major_m: f64,
        /// Semi-minor axis of the horizontal 95 % ellipse.
        ellipse_semi_minor_m: f64,
        /// Direction of the semi-major axis, clockwise from north, in [0, pi).
        ellipse_orientation_rad: f64,
        /// Square root of the largest eigenvalue of the horizontal position covariance (1 sigma).
        horiz_accuracy_m: f64,
        /// 1-sigma vertical accuracy.
        vert_accuracy_m: f64,
        /// Square root of the largest eigenvalue of the velocity covariance (1 sigma).
        speed_accuracy_mps: f64,
        /// Evidence behind it.
        source_label: SourceLabel,
        /// Age of the last accepted map anchor; absent before the first.
        last_satellite_anchor_age_ms: Option<u32>,
        /// How far the autopilot may trust it.
        fix_type: FixType,
    }

    /// A change of the source label.
    struct SourceLabelTransition {
        /// When.
        time_ns: u64,
        /// Label before.
        from: SourceLabel,
        /// Label from now on.
        to: SourceLabel,
        /// Why.
        reason: TransitionReason,
        /// Age of the last accepted map anchor; absent before the first.
        last_satellite_anchor_age_ms: Option<u32>,
    }

    /// Something that happened in the navigator's core.
    struct NavigatorEvent {
        /// When.
        time_ns: u64,
        /// How much it matters.
        severity: Severity,
        /// What.
        kind: NavigatorEventKind,
        /// The kind's number: seconds without for `fc_gps_regained` and `no_estimate_recovered`,
        /// normalised innovation squared for `fc_gps_rejected`, the set for `source_set_requested`,
        /// for `estimator_initialised` and `estimator_recovered` where the position came from (0 the
        /// recording before a restart, 1 signed origin, 2 the autopilot's trusted state, 3 its GPS),
        /// 0 for the others.
        value: f64,
    }

    /// Where vision is to look on the map.
    struct SearchWindow {
        /// When.
        time_ns: u64,
        /// Centre: geodetic latitude, WGS84.
        lat_rad: f64,
        /// Centre: longitude, WGS84.
        lon_rad: f64,
        /// Three sigma around it.
        radius_m: f64,
        /// Whose place it is.
        source: WindowSource,
    }
}

enumeration! {
    /// Which evidence carries a position.
    enum SourceLabel: u8 {
        /// Neither map nor camera.
        DeadReckoned = 0,
        /// Camera motion since the last map match.
        VisualPropagated = 1,
        /// A fresh map match; never GPS.
        SatelliteAnchored = 2,
    }

    /// How far the autopilot may trust a position.
    enum FixType: u8 {
        /// Not to be used.
        None = 1,
        /// Too coarse to fuse.
        TwoD = 2,
        /// To be fused with the accuracy given.
        ThreeD = 3,
    }

    /// Why the source label changed.
    enum TransitionReason: u8 {
        /// First estimate of the flight.
        Start = 0,
        /// A map match was accepted.
        AnchorAccepted = 1,
        /// The last map match is older than the limit.
        AnchorStale = 2,
        /// Visual odometry is healthy again.
        OdometryHealthy = 3,
        /// Visual odometry failed or is missing.
        OdometryLost = 4,
        /// No usable camera frame at all.
        Blackout = 5,
        /// There is no estimate any more.
        EstimateLost = 6,
    }

    /// Whose place a search window lies around.
    enum WindowSource: u8 {
        /// Our own again.
        Estimate = 0,
        /// The operator's.
        OperatorHint = 1,
    }

    /// How much an event matters, as MAVLink's `MAV_SEVERITY` numbers it.
    enum Severity: u8 {
        /// The system is unusable.
        Emergency = 0,
        /// Needs action at once, in a system that is not critical.
        Alert = 1,
        /// Needs action now.
        Critical = 2,
        /// Something failed.
        Error = 3,
        /// May fail soon.
        Warning = 4,
        /// Unusual, not wrong.
        Notice = 5,
        /// For the record.
        Info = 6,
        /// For development.
        Debug = 7,
    }

    /// What happened in the navigator's core.
    enum NavigatorEventKind: u16 {
        /// The first position is known.
        EstimatorInitialised = 0,
        /// The estimate stopped being finite or positive definite and was discarded.
        EstimatorLost = 1,
        /// A position is known again after a loss.
        EstimatorRecovered = 2,
        /// The autopilot's GPS delivered no usable fix for longer than the limit.
        FcGpsLost = 3,
        /// The autopilot's GPS is fused again.
        FcGpsRegained = 4,
        /// A GPS fix lay outside the gate and was not fused.
        FcGpsRejected = 5,
        /// An input was refused: not finite, out of range or out of order.
        InputRefused = 6,
        /// There was no estimate for longer than 3 s.
        NoEstimateEngaged = 7,
        /// Positions flow again after that.
        NoEstimateRecovered = 8,
        /// The operator's hint moved the search window.
        OperatorHintTaken = 9,
        /// The autopilot is to use another set of position sources.
        SourceSetRequested = 10,
        /// The autopilot's only satellite receiver is ours: its GPS cannot be watched.
        SpoofGateUnavailable = 11,
        /// The evidence says that the emitted position is wrong.
        PositionWrong = 12,
    }
}
