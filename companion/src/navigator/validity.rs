//! What an input must look like before the estimator sees it.
//!
//! The limits are far outside what any aircraft of this kind does; they keep a damaged message from
//! becoming a position.

use super::{
    geodesy::Geodetic,
    input::{FrameOutcome, GpsFix, Input},
};

/// Largest believable specific force on one axis, m/s2 (30 g).
const FORCE_MAX: f64 = 300.0;
/// Largest believable angular rate on one axis, rad/s (about 2000 degrees per second).
const RATE_MAX: f64 = 35.0;
/// Largest believable airspeed, m/s.
const AIRSPEED_MAX: f64 = 200.0;
/// Largest believable ground speed component, m/s.
const SPEED_MAX: f64 = 300.0;
/// Believable heights, m.
const HEIGHT: core::ops::RangeInclusive<f64> = -1_000.0..=15_000.0;
/// Believable pressures, Pa.
const PRESSURE: core::ops::RangeInclusive<f64> = 10_000.0..=120_000.0;
/// Believable temperatures, K.
const TEMPERATURE: core::ops::RangeInclusive<f64> = 170.0..=400.0;
/// Largest believable displacement between two frames that see the same ground, m.
const DISPLACEMENT_MAX: f64 = 10_000.0;
/// Heights above ground at which a nadir camera can work, m.
const AGL_MIN: f64 = 1.0;
/// The same, highest.
const AGL_MAX: f64 = 15_000.0;
/// Believable 1-sigma accuracies of a position, m.
const SIGMA: core::ops::RangeInclusive<f64> = 0.0..=1e5;
/// Oldest state that anyone may offer, s.
const AGE_MAX_S: f64 = 86_400.0;

/// Whether an aircraft can be at this place with this velocity (NED, m/s).
pub fn is_believable(place: &Geodetic, velocity: &[f64; 3]) -> bool {
    within(&[place.lat_rad], core::f64::consts::FRAC_PI_2)
        && within(&[place.lon_rad], core::f64::consts::PI)
        && HEIGHT.contains(&place.alt_msl_m)
        && within(velocity, SPEED_MAX)
}

/// Whether the content of `input` may be used; its stamp is [`super::clock`]'s business.
pub fn is_usable(input: &Input) -> bool {
    match input {
        Input::Imu(sample) => {
            within(&sample.specific_force_frd_mps2, FORCE_MAX)
                && within(&sample.angular_rate_frd_radps, RATE_MAX)
        }
        Input::Attitude(sample) => {
            within(
                &[sample.roll_rad, sample.pitch_rad, sample.yaw_rad],
                core::f64::consts::TAU,
            ) && within(&sample.angular_rate_frd_radps, RATE_MAX)
        }
        Input::AirData(sample) => (0.0..=AIRSPEED_MAX).contains(&sample.indicated_airspeed_mps),
        Input::Barometer(sample) => {
            PRESSURE.contains(&sample.static_pressure_pa)
                && TEMPERATURE.contains(&sample.temperature_k)
        }
        Input::FcGps(sample) => {
            sample.fix == GpsFix::None
                || (within(&[sample.lat_rad], core::f64::consts::FRAC_PI_2)
                    && within(&[sample.lon_rad], core::f64::consts::PI)
                    && HEIGHT.contains(&sample.alt_msl_m)
                    && sample
                        .velocity_ne_mps
                        .is_none_or(|velocity| within(&velocity, SPEED_MAX))
                    && [
                        sample.horiz_accuracy_m,
                        sample.vert_accuracy_m,
                        sample.speed_accuracy_mps,
                    ]
                    .into_iter()
                    .flatten()
                    .all(|sigma| (0.0..=1e5).contains(&sigma)))
        }
        Input::VisualOdometry(result) => match &result.outcome {
            FrameOutcome::Refused(_) => true,
            FrameOutcome::Registered(moved) => {
                within(&moved.displacement_ne_m, DISPLACEMENT_MAX)
                    && is_covariance(&moved.covariance_ne_m2)
                    && (AGL_MIN..=AGL_MAX).contains(&moved.agl_m)
                    && within(&[moved.rotation_rad], core::f64::consts::PI)
                    && (0.1..=10.0).contains(&moved.scale)
                    && (0.0..=1.0).contains(&moved.overlap)
                    && (0.0..=1.0).contains(&moved.quality)
            }
        },
        Input::SatelliteAnchor(anchor) => {
            is_place(anchor.lat_rad, anchor.lon_rad)
                && is_covariance(&anchor.covariance_ne_m2)
                && (0.0..=1.0).contains(&anchor.score)
                && (1.0..=1e6).contains(&anchor.peak_ratio)
                && within(&[anchor.yaw_offset_rad], core::f64::consts::PI)
                && (0.1..=10.0).contains(&anchor.scale)
                && (AGL_MIN..=AGL_MAX).contains(&anchor.agl_m)
                && SIGMA.contains(&anchor.map_bias_sigma_m)
        }
        Input::TakeoffOrigin(origin) => {
            is_place(origin.lat_rad, origin.lon_rad)
                && HEIGHT.contains(&origin.alt_msl_m)
                && SIGMA.contains(&origin.horiz_accuracy_m)
                && SIGMA.contains(&origin.vert_accuracy_m)
        }
        Input::TrustedState(state) | Input::RestartState(state) => {
            is_place(state.lat_rad, state.lon_rad)
                && HEIGHT.contains(&state.alt_msl_m)
                && within(&state.velocity_ned_mps, SPEED_MAX)
                && SIGMA.contains(&state.horiz_accuracy_m)
                && SIGMA.contains(&state.vert_accuracy_m)
                && (0.0..=AGE_MAX_S).contains(&state.age_s)
        }
        Input::OperatorHint(hint) => {
            is_place(hint.lat_rad, hint.lon_rad)
                && SIGMA.contains(&hint.horiz_accuracy_m)
                && hint
                    .age_s
                    .is_none_or(|age| (0.0..=AGE_MAX_S).contains(&age))
        }
        Input::SystemHealth(health) => health
            .temperature_c
            .is_none_or(|celsius| (-100.0..=300.0).contains(&celsius)),
        Input::GpsIntegrity(_)
        | Input::FrameExposed(_)
        | Input::FlightState(_)
        | Input::Tick(_) => true,
    }
}

fn is_place(lat_rad: f64, lon_rad: f64) -> bool {
    within(&[lat_rad], core::f64::consts::FRAC_PI_2) && within(&[lon_rad], core::f64::consts::PI)
}

/// Whether `north-north, north-east, east-east` is a positive definite covariance of at most 1 km.
fn is_covariance(&[nn, ne, ee]: &[f64; 3]) -> bool {
    within(&[nn, ne, ee], 1e6) && nn > 0.0 && ee > 0.0 && nn * ee > ne * ne
}

fn within(values: &[f64], limit: f64) -> bool {
    values
        .iter()
        .all(|value| value.is_finite() && value.abs() <= limit)
}
