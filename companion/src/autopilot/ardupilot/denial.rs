//! GPS denial for replays: removes from an autopilot's messages everything that GPS reaches.
//!
//! An autopilot without GPS would still send its sensors; what it derives from GPS it would not
//! have. ATTITUDE stays: in real logs it comes from a GPS-aided filter, which has to be said beside
//! every figure.

use mavlink::dialects::ardupilotmega::MavMessage;

/// A message as it would have arrived without GPS.
#[derive(Debug, Clone, PartialEq)]
pub enum Masked {
    /// GPS does not reach it.
    Untouched(MavMessage),
    /// The fields that GPS reaches are zero now.
    Partly(MavMessage),
    /// Nothing of it would have arrived.
    Whole,
}

/// What is left of `message` when GPS is denied.
#[must_use]
#[expect(deprecated, reason = "older autopilots still send HIGH_LATENCY")]
pub fn mask_gps(message: MavMessage) -> Masked {
    use MavMessage as M;
    match message {
        M::GPS_RAW_INT(_)
        | M::GPS2_RAW(_)
        | M::GPS_STATUS(_)
        | M::GPS_RTK(_)
        | M::GPS2_RTK(_)
        | M::GPS_INPUT(_)
        | M::HIL_GPS(_)
        | M::GLOBAL_POSITION_INT(_)
        | M::GLOBAL_POSITION_INT_COV(_)
        | M::LOCAL_POSITION_NED(_)
        | M::LOCAL_POSITION_NED_COV(_)
        | M::ODOMETRY(_)
        | M::AHRS(_)
        | M::AHRS2(_)
        | M::AHRS3(_)
        | M::EKF_STATUS_REPORT(_)
        | M::ESTIMATOR_STATUS(_)
        | M::WIND(_)
        | M::WIND_COV(_)
        | M::AIRSPEED_AUTOCAL(_)
        | M::NAV_CONTROLLER_OUTPUT(_)
        | M::HIGH_LATENCY(_)
        | M::HIGH_LATENCY2(_)
        | M::SYSTEM_TIME(_) => Masked::Whole,
        M::VFR_HUD(mut hud) => {
            hud.groundspeed = 0.0;
            hud.alt = 0.0;
            hud.climb = 0.0;
            Masked::Partly(M::VFR_HUD(hud))
        }
        other => Masked::Untouched(other),
    }
}
