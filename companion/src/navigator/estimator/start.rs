//! From what an estimate begins: a place, a velocity, an attitude, and how well each is known.
//!
//! | attitude | heading | until a heading is known |
//! |---|---|---|
//! | the autopilot's | its own | - |
//! | levelled from the accelerometer, moving | direction of travel, crab and all | - |
//! | levelled from the accelerometer, slow | unknown | gyroscopes carry the attitude, nothing carries the velocity; the first course or autopilot attitude sets it |

use nalgebra::{UnitQuaternion, Vector2, Vector3};

use super::{
    Estimator,
    attitude::quaternion,
    clones::Clones,
    confirmation::Confirmation,
    convergence::Convergence,
    gps::location,
    levelling::{LEVEL_SIGMA_RAD, Leveller},
    state::{Covariance, Nominal, at},
};
use crate::navigator::{
    config::{InitialSigma, NavigatorConfig},
    geodesy::Geodetic,
    input::{Airframe, Attitude, FcGps},
    units::MonotonicNs,
};

/// Slower than this the direction of travel says nothing of the heading, m/s.
const COURSE_MIN_MPS: f64 = 6.0;
/// 1 sigma of a heading taken from the direction of travel: crab in a wind of a third of the airspeed.
const COURSE_SIGMA_RAD: f64 = 0.35;
/// 1 sigma of an unknown heading: uniform over the circle.
const UNKNOWN_SIGMA_RAD: f64 = 1.8;

/// Where and how an estimate begins.
#[derive(Debug, Clone)]
pub struct Start {
    /// When.
    pub time: MonotonicNs,
    /// Where.
    pub place: Geodetic,
    /// 1-sigma accuracy of it, north, east, down, m.
    pub place_sigma_m: [f64; 3],
    /// Velocity, NED, m/s.
    pub velocity_ned_mps: [f64; 3],
    /// 1-sigma accuracy of it, m/s.
    pub velocity_sigma_mps: [f64; 3],
    /// Attitude.
    pub attitude: StartAttitude,
}

/// The attitude at the start.
#[derive(Debug, Clone)]
pub enum StartAttitude {
    /// The autopilot's.
    Reported(Attitude),
    /// Levelled from the accelerometer.
    Levelled(UnitQuaternion<f64>),
}

impl StartAttitude {
    /// The autopilot's attitude when there is a fresh one, else one levelled from the accelerometer,
    /// with the heading of `velocity_ned_mps` where it is fast enough. `None` when there is neither.
    #[must_use]
    pub fn best(
        reported: Option<Attitude>,
        leveller: &Leveller,
        now: MonotonicNs,
        velocity_ned_mps: [f64; 3],
    ) -> Option<Self> {
        if let Some(attitude) = reported {
            return Some(Self::Reported(attitude));
        }
        let yaw_rad = course(velocity_ned_mps).unwrap_or(0.0);
        leveller.level(now, yaw_rad).map(Self::Levelled)
    }
}

impl Start {
    /// A start at a GPS fix.
    #[must_use]
    pub fn at_fix(config: &NavigatorConfig, gps: &FcGps, attitude: StartAttitude) -> Self {
        let sensors = &config.sensors;
        let [north, east] = gps.velocity_ne_mps.unwrap_or_default();
        let horizontal = gps
            .horiz_accuracy_m
            .unwrap_or(0.0)
            .max(sensors.gps_horizontal_m);
        let vertical = gps
            .vert_accuracy_m
            .unwrap_or(0.0)
            .max(sensors.gps_vertical_m);
        // The fix is of a delay ago.
        let since = Vector3::new(north, east, 0.0) * config.initial.gps_delay_mean_s;
        Self {
            time: gps.time,
            place: location(gps).displaced(since),
            place_sigma_m: [horizontal, horizontal, vertical],
            velocity_ned_mps: [north, east, 0.0],
            velocity_sigma_mps: velocity_sigmas(&config.initial, gps),
            attitude,
        }
    }
}

impl Estimator {
    /// Starts an estimate in `room`.
    #[must_use]
    pub fn start(config: &NavigatorConfig, start: &Start, room: Covariance) -> Self {
        let initial = &config.initial;
        let (attitude, reported, sigmas) = match &start.attitude {
            StartAttitude::Reported(sample) => {
                let sigmas = [initial.attitude_rad; 3];
                (quaternion(sample), Some(*sample), sigmas)
            }
            StartAttitude::Levelled(level) => {
                let sigma =
                    course(start.velocity_ned_mps).map_or(UNKNOWN_SIGMA_RAD, |_| COURSE_SIGMA_RAD);
                (*level, None, [LEVEL_SIGMA_RAD, LEVEL_SIGMA_RAD, sigma])
            }
        };
        let nominal = Nominal {
            time: start.time,
            position: start.place,
            velocity: Vector3::from(start.velocity_ned_mps),
            attitude,
            gyro_bias: Vector3::zeros(),
            accel_bias: Vector3::zeros(),
            wind: Vector2::zeros(),
            gust: Vector2::zeros(),
            airspeed_scale: 0.0,
            fc_attitude: Vector3::zeros(),
            baro_bias: 0.0,
            zero_lift_alpha: 0.0,
            lift_slope: initial.lift_slope_mean_m,
            gps_delay: initial.gps_delay_mean_s,
            visual_scale: 0.0,
        };
        Self {
            config: config.clone(),
            nominal,
            covariance: covariance(config, start, sigmas, room),
            clones: Clones::none(),
            scale_of: None,
            confirmation: Confirmation::none(),
            convergence: Convergence::settled(),
            corrected_ne_m: Vector2::zeros(),
            imu: None,
            attitude: reported,
            heading_known: reported.is_some() || course(start.velocity_ned_mps).is_some(),
            airframe: Airframe::Unknown,
            acceleration: Vector3::zeros(),
            load: 1.0,
            attitude_disagrees_since: None,
            airflow_fused: None,
            slow: false,
        }
    }

    /// Sets an unknown heading to the direction of travel, once there is one.
    pub(super) fn align_to_course(&mut self, gps: &FcGps) {
        let [north, east] = gps.velocity_ne_mps.unwrap_or_default();
        let Some(yaw_rad) = course([north, east, 0.0]).filter(|_| !self.heading_known) else {
            return;
        };
        let (roll, pitch, _) = self.nominal.attitude.euler_angles();
        self.nominal.attitude = UnitQuaternion::from_euler_angles(roll, pitch, yaw_rad);
        let variances = [LEVEL_SIGMA_RAD, LEVEL_SIGMA_RAD, COURSE_SIGMA_RAD].map(|s| s * s);
        self.covariance.forget(at::ATTITUDE, variances);
        self.heading_known = true;
    }
}

/// Direction of travel, where it is fast enough to have one, rad.
fn course([north, east, _]: [f64; 3]) -> Option<f64> {
    let speed = libm::sqrt(north * north + east * east);
    (speed >= COURSE_MIN_MPS).then(|| libm::atan2(east, north))
}

/// 1 sigma of a velocity taken from a fix, north, east, down.
pub(super) fn velocity_sigmas(initial: &InitialSigma, gps: &FcGps) -> [f64; 3] {
    let horizontal = match gps.velocity_ne_mps {
        Some(_) => initial.velocity_mps,
        None => initial.unreported_velocity_mps,
    };
    [horizontal, horizontal, initial.vertical_velocity_mps]
}

fn covariance(
    config: &NavigatorConfig,
    start: &Start,
    attitude: [f64; 3],
    room: Covariance,
) -> Covariance {
    let (initial, process) = (&config.initial, &config.process);
    let mut covariance = room.cleared();
    let mut set = |at: usize, sigmas: &[f64]| {
        for (offset, sigma) in sigmas.iter().enumerate() {
            covariance[(at + offset, at + offset)] = sigma * sigma;
        }
    };
    set(at::POSITION, &start.place_sigma_m);
    set(at::VELOCITY, &start.velocity_sigma_mps);
    set(at::ATTITUDE, &attitude);
    set(at::GYRO_BIAS, &[initial.gyro_bias_radps; 3]);
    set(at::ACCEL_BIAS, &[initial.accelerometer_bias_mps2; 3]);
    set(at::WIND, &[initial.wind_mps; 2]);
    set(at::GUST, &[process.gust_sigma_mps; 2]);
    set(at::AIRSPEED_SCALE, &[initial.airspeed_scale]);
    let (tilt, yaw) = (process.fc_tilt_sigma_rad, process.fc_yaw_sigma_rad);
    set(at::FC_ATTITUDE, &[tilt, tilt, yaw]);
    set(at::BARO_BIAS, &[initial.baro_bias_m]);
    set(at::ZERO_LIFT_ALPHA, &[initial.zero_lift_alpha_rad]);
    set(at::LIFT_SLOPE, &[initial.lift_slope_m]);
    set(at::GPS_DELAY, &[initial.gps_delay_s]);
    set(at::VISUAL_SCALE, &[initial.visual_scale]);
    set(at::MAP_BIAS, &[1.0; 2]);
    set(at::CAMERA_TILT, &[1.0; 2]);
    covariance
}
