//! What an engineer may set in the navigator; the defaults are for a small fixed-wing aircraft.

use serde::{Deserialize, Serialize};

use super::behaviour::{FixThresholds, SightRules, SpoofGateRules, ThermalLimits};

/// Everything that shapes the navigator's answers. Recorded whole with every flight, because a
/// re-run needs it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NavigatorConfig {
    /// How fast each state may wander.
    pub process: ProcessNoise,
    /// How far each sensor may be off.
    pub sensors: SensorNoise,
    /// How little is known at the first fix.
    pub initial: InitialSigma,
    /// What is believed and what is not.
    pub gates: Gates,
    /// How far camera and map are believed.
    pub vision: Vision,
    /// What the autopilot is told of a coarse position.
    pub fix: FixThresholds,
    /// When vision counts as failed.
    pub sight: SightRules,
    /// When the autopilot's own GPS is believed.
    pub spoof_gate: SpoofGateRules,
    /// When vision is asked for less.
    pub thermal: ThermalLimits,
}

/// Random-walk densities and Gauss-Markov processes. Densities are per square root of a second.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProcessNoise {
    /// Velocity, carried by the accelerometer, m/s/sqrt(s).
    pub inertial_velocity: f64,
    /// The same, more per m/s2 of acceleration: scale, alignment and timing errors of the
    /// accelerometer show in manoeuvres, s per sqrt(s).
    pub accelerometer_scale: f64,
    /// Velocity, carried by the assumption that the aircraft flies along its nose, m/s/sqrt(s).
    pub kinematic_velocity: f64,
    /// Velocity, carried by nothing, m/s/sqrt(s).
    pub free_velocity: f64,
    /// Attitude, carried by the gyroscope, rad/sqrt(s).
    pub inertial_attitude: f64,
    /// The same, more per rad/s of turn: scale and alignment errors of the gyroscope, s per sqrt(s).
    pub gyro_scale: f64,
    /// Attitude, carried by the autopilot's reported rates, rad/sqrt(s).
    pub kinematic_attitude: f64,
    /// Attitude, carried by nothing, rad/sqrt(s).
    pub blind_attitude: f64,
    /// Gyroscope bias, rad/s/sqrt(s).
    pub gyro_bias: f64,
    /// Accelerometer bias, m/s2/sqrt(s).
    pub accelerometer_bias: f64,
    /// Mean wind, m/s/sqrt(s).
    pub wind: f64,
    /// Gusts: stationary 1 sigma per axis, m/s.
    pub gust_sigma_mps: f64,
    /// Gusts: correlation time, s.
    pub gust_time_s: f64,
    /// Airspeed scale, 1/sqrt(s).
    pub airspeed_scale: f64,
    /// Autopilot attitude error: stationary 1 sigma of roll and pitch, rad.
    pub fc_tilt_sigma_rad: f64,
    /// Autopilot attitude error: stationary 1 sigma of yaw, rad.
    pub fc_yaw_sigma_rad: f64,
    /// Autopilot attitude error: correlation time, s.
    pub fc_attitude_time_s: f64,
    /// Barometric height offset, m/sqrt(s).
    pub baro_bias: f64,
    /// Visual scale: how fast the relative error of the height above ground changes, 1/sqrt(s).
    pub visual_scale: f64,
}

impl Default for ProcessNoise {
    fn default() -> Self {
        Self {
            inertial_velocity: 0.4,
            accelerometer_scale: 0.1,
            kinematic_velocity: 1.5,
            free_velocity: 2.5,
            inertial_attitude: 3e-3,
            gyro_scale: 0.1,
            kinematic_attitude: 3e-2,
            blind_attitude: 0.3,
            gyro_bias: 5e-5,
            accelerometer_bias: 1e-2,
            wind: 0.1,
            gust_sigma_mps: 0.45,
            gust_time_s: 10.0,
            airspeed_scale: 1e-3,
            fc_tilt_sigma_rad: 0.03,
            fc_yaw_sigma_rad: 0.2,
            fc_attitude_time_s: 60.0,
            baro_bias: 0.1,
            visual_scale: 2e-3,
        }
    }
}

/// Measurement noise, 1 sigma, and what is assumed where a sensor does not say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SensorNoise {
    /// Smallest horizontal accuracy a receiver is believed, and the one assumed without a figure, m.
    pub gps_horizontal_m: f64,
    /// The same for height, m.
    pub gps_vertical_m: f64,
    /// The same for horizontal speed, m/s.
    pub gps_speed_mps: f64,
    /// GPS errors stay the same for about this long: reports that come faster count for less, s.
    pub gps_correlation_s: f64,
    /// Horizontal error that a receiver keeps for minutes: no number of fixes averages it away, m.
    pub gps_lasting_horizontal_m: f64,
    /// The same for height, m.
    pub gps_lasting_vertical_m: f64,
    /// Barometric height, m.
    pub baro_m: f64,
    /// Airflow errors (gusts the wind model leaves, sideslip, sensor lag) stay the same for about
    /// this long: samples that come faster count for less, s.
    pub airflow_correlation_s: f64,
    /// True airspeed, m/s.
    pub airspeed_mps: f64,
    /// Direction of the airflow across the nose, rad.
    pub sideslip_rad: f64,
    /// Direction of the airflow from below, after the modelled angle of attack, rad.
    pub angle_of_attack_rad: f64,
    /// Autopilot attitude, per sample, beyond its slowly varying error, rad.
    pub fc_attitude_rad: f64,
}

impl Default for SensorNoise {
    fn default() -> Self {
        Self {
            gps_horizontal_m: 2.0,
            gps_vertical_m: 3.0,
            gps_speed_mps: 0.4,
            gps_correlation_s: 1.0,
            gps_lasting_horizontal_m: 1.5,
            gps_lasting_vertical_m: 2.5,
            baro_m: 2.0,
            airflow_correlation_s: 3.0,
            airspeed_mps: 0.8,
            sideslip_rad: 0.2,
            angle_of_attack_rad: 0.1,
            fc_attitude_rad: 0.03,
        }
    }
}

/// Uncertainty at the first fix, 1 sigma.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InitialSigma {
    /// Velocity that the receiver reports, m/s.
    pub velocity_mps: f64,
    /// Horizontal velocity that it does not report, m/s.
    pub unreported_velocity_mps: f64,
    /// Vertical velocity, which no receiver's report here contains, m/s.
    pub vertical_velocity_mps: f64,
    /// Attitude, rad.
    pub attitude_rad: f64,
    /// Gyroscope bias, rad/s.
    pub gyro_bias_radps: f64,
    /// Accelerometer bias, m/s2.
    pub accelerometer_bias_mps2: f64,
    /// Wind, per axis, m/s.
    pub wind_mps: f64,
    /// Airspeed scale.
    pub airspeed_scale: f64,
    /// Barometric height offset, m.
    pub baro_bias_m: f64,
    /// Angle of attack without load, rad.
    pub zero_lift_alpha_rad: f64,
    /// Angle of attack per load: expected value of alpha V^2 / n, m.
    pub lift_slope_mean_m: f64,
    /// The same: 1 sigma, m.
    pub lift_slope_m: f64,
    /// Receiver delay: expected value, s.
    pub gps_delay_mean_s: f64,
    /// Receiver delay: 1 sigma, s.
    pub gps_delay_s: f64,
    /// Visual scale: relative error of the height above ground.
    pub visual_scale: f64,
}

impl Default for InitialSigma {
    fn default() -> Self {
        Self {
            velocity_mps: 1.0,
            unreported_velocity_mps: 20.0,
            vertical_velocity_mps: 3.0,
            attitude_rad: 0.05,
            gyro_bias_radps: 0.02,
            accelerometer_bias_mps2: 0.4,
            wind_mps: 6.0,
            airspeed_scale: 0.1,
            baro_bias_m: 100.0,
            zero_lift_alpha_rad: 0.05,
            lift_slope_mean_m: 1.5,
            lift_slope_m: 1.0,
            gps_delay_mean_s: 0.15,
            gps_delay_s: 0.1,
            visual_scale: 0.03,
        }
    }
}

/// Limits of belief.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gates {
    /// Largest normalised innovation squared of a GPS position or velocity (2 degrees of freedom).
    pub gps_horizontal_nis: f64,
    /// Largest normalised innovation squared of a GPS height (1 degree of freedom).
    pub gps_height_nis: f64,
    /// Largest normalised innovation squared of a map match or an operator's hint (2 degrees of freedom).
    pub anchor_nis: f64,
    /// Largest normalised innovation squared of a visual displacement (2 degrees of freedom).
    pub odometry_nis: f64,
    /// Largest normalised innovation squared of one scalar; beyond it the noise is widened to fit.
    pub scalar_nis: f64,
    /// Airflow is used as a measurement only above this true airspeed, m/s.
    pub airflow_min_mps: f64,
    /// Without a fused fix for this long the autopilot's GPS counts as lost, s.
    pub gps_lost_s: f64,
    /// The accelerometer carries the velocity while its samples are at most this far apart, s.
    pub imu_max_gap_s: f64,
    /// The autopilot's reported rates carry the attitude while it is at most this old, s.
    pub attitude_max_gap_s: f64,
    /// The autopilot's attitude replaces ours when it differs by more than this ..., rad.
    pub attitude_reset_rad: f64,
    /// ... for this long, s.
    pub attitude_reset_s: f64,
}

impl Default for Gates {
    fn default() -> Self {
        Self {
            gps_horizontal_nis: 13.82,
            gps_height_nis: 10.83,
            anchor_nis: 13.82,
            odometry_nis: 13.82,
            scalar_nis: 9.0,
            airflow_min_mps: 8.0,
            gps_lost_s: 3.0,
            imu_max_gap_s: 0.1,
            attitude_max_gap_s: 1.0,
            attitude_reset_rad: 0.5,
            attitude_reset_s: 0.3,
        }
    }
}

/// Camera and map: errors that stay from frame to frame, and what is asked of a match.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Vision {
    /// Tilt of the camera against the reported attitude that lasts (mounting, slow attitude error):
    /// considered, never averaged away, 1 sigma, rad.
    pub camera_tilt_rad: f64,
    /// The same, the part that changes from frame to frame, 1 sigma, rad.
    pub camera_tilt_change_rad: f64,
    /// Smallest error that a displacement is believed to have, 1 sigma per axis, m.
    pub displacement_floor_m: f64,
    /// Smallest error that a match is believed to have beyond that of map and tilt, 1 sigma per axis, m.
    pub anchor_floor_m: f64,
    /// A match needs at least this ratio of peak to second peak.
    pub peak_ratio_min: f64,
    /// Above this uncertainty (1 sigma) three of five matches must agree before one is fused, m.
    pub confirm_above_m: f64,
    /// A match may arrive this long after its exposure, s.
    pub anchor_delay_max_s: f64,
    /// The emitted position follows a corrected estimate at most this fast, m/s.
    pub converge_mps: f64,
}

impl Default for Vision {
    fn default() -> Self {
        Self {
            camera_tilt_rad: 0.02,
            camera_tilt_change_rad: 0.005,
            displacement_floor_m: 0.2,
            anchor_floor_m: 1.0,
            peak_ratio_min: 1.2,
            confirm_above_m: 12.0,
            anchor_delay_max_s: 5.5,
            converge_mps: 5.0,
        }
    }
}
