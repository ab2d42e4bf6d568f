//! The range of each of the navigator's decimal numbers: from the best that such an aircraft's sensors could be
//! to the worst with which it could still be flown. Beyond it a number is a slip of the pen or of the unit.

/// A number of the navigator and what it may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// Section below `navigator`.
    pub section: &'static str,
    /// Name in the section.
    pub name: &'static str,
    /// Lowest value allowed.
    pub low: f64,
    /// Highest value allowed.
    pub high: f64,
}

impl Range {
    /// The setting's full name.
    #[must_use]
    pub fn setting(&self) -> String {
        format!("navigator.{}.{}", self.section, self.name)
    }
}

const fn range(section: &'static str, name: &'static str, low: f64, high: f64) -> Range {
    Range {
        section,
        name,
        low,
        high,
    }
}

/// Every decimal number of the navigator.
pub const RANGES: [Range; 83] = [
    range("process", "inertial_velocity", 0.001, 10.0),
    range("process", "accelerometer_scale", 0.0001, 2.0),
    range("process", "kinematic_velocity", 0.01, 20.0),
    range("process", "free_velocity", 0.01, 50.0),
    range("process", "inertial_attitude", 0.00001, 0.5),
    range("process", "gyro_scale", 0.0001, 2.0),
    range("process", "kinematic_attitude", 0.0001, 1.0),
    range("process", "blind_attitude", 0.001, 3.0),
    range("process", "gyro_bias", 0.00000001, 0.01),
    range("process", "accelerometer_bias", 0.000001, 1.0),
    range("process", "wind", 0.001, 5.0),
    range("process", "gust_sigma_mps", 0.01, 20.0),
    range("process", "gust_time_s", 0.5, 300.0),
    range("process", "airspeed_scale", 0.000001, 0.1),
    range("process", "fc_tilt_sigma_rad", 0.001, 0.5),
    range("process", "fc_yaw_sigma_rad", 0.001, 1.5),
    range("process", "fc_attitude_time_s", 1.0, 3600.0),
    range("process", "baro_bias", 0.001, 10.0),
    range("process", "visual_scale", 0.0, 0.1),
    range("sensors", "gps_horizontal_m", 0.1, 100.0),
    range("sensors", "gps_vertical_m", 0.1, 200.0),
    range("sensors", "gps_speed_mps", 0.02, 20.0),
    range("sensors", "gps_correlation_s", 0.05, 60.0),
    range("sensors", "gps_lasting_horizontal_m", 0.0, 100.0),
    range("sensors", "gps_lasting_vertical_m", 0.0, 200.0),
    range("sensors", "baro_m", 0.1, 100.0),
    range("sensors", "airflow_correlation_s", 0.05, 60.0),
    range("sensors", "airspeed_mps", 0.05, 20.0),
    range("sensors", "sideslip_rad", 0.005, 1.0),
    range("sensors", "angle_of_attack_rad", 0.005, 1.0),
    range("sensors", "fc_attitude_rad", 0.001, 0.5),
    range("initial", "velocity_mps", 0.05, 50.0),
    range("initial", "unreported_velocity_mps", 0.1, 200.0),
    range("initial", "vertical_velocity_mps", 0.05, 50.0),
    range("initial", "attitude_rad", 0.001, 1.0),
    range("initial", "gyro_bias_radps", 0.0001, 0.5),
    range("initial", "accelerometer_bias_mps2", 0.001, 5.0),
    range("initial", "wind_mps", 0.1, 50.0),
    range("initial", "airspeed_scale", 0.001, 0.5),
    range("initial", "baro_bias_m", 1.0, 2000.0),
    range("initial", "zero_lift_alpha_rad", 0.001, 0.5),
    range("initial", "lift_slope_mean_m", 0.0, 50.0),
    range("initial", "lift_slope_m", 0.01, 50.0),
    range("initial", "gps_delay_mean_s", 0.0, 1.0),
    range("initial", "gps_delay_s", 0.001, 1.0),
    range("initial", "visual_scale", 0.0001, 0.5),
    range("gates", "gps_horizontal_nis", 1.0, 1000.0),
    range("gates", "gps_height_nis", 1.0, 1000.0),
    range("gates", "anchor_nis", 1.0, 1000.0),
    range("gates", "odometry_nis", 1.0, 1000.0),
    range("gates", "scalar_nis", 1.0, 1000.0),
    range("gates", "airflow_min_mps", 1.0, 50.0),
    range("gates", "gps_lost_s", 0.5, 60.0),
    range("gates", "imu_max_gap_s", 0.005, 1.0),
    range("gates", "attitude_max_gap_s", 0.05, 10.0),
    range("gates", "attitude_reset_rad", 0.05, 3.0),
    range("gates", "attitude_reset_s", 0.02, 30.0),
    range("vision", "camera_tilt_rad", 0.0, 0.5),
    range("vision", "camera_tilt_change_rad", 0.0, 0.5),
    range("vision", "displacement_floor_m", 0.01, 50.0),
    range("vision", "anchor_floor_m", 0.1, 100.0),
    range("vision", "peak_ratio_min", 1.0, 10.0),
    range("vision", "confirm_above_m", 1.0, 1000.0),
    range("vision", "anchor_delay_max_s", 0.5, 10.0),
    range("vision", "converge_mps", 0.5, 100.0),
    range("fix", "three_d_max_radius_m", 10.0, 2000.0),
    range("fix", "two_d_max_radius_m", 10.0, 10000.0),
    range("fix", "withdrawn_after_s", 0.5, 60.0),
    range("fix", "return_horiz_accuracy_m", 0.5, 7.5),
    range("fix", "return_speed_accuracy_mps", 0.1, 1.5),
    range("sight", "frame_period_s", 0.02, 5.0),
    range("sight", "anchor_fresh_s", 0.2, 60.0),
    range("sight", "odometry_silence_s", 0.05, 5.0),
    range("sight", "blackout_s", 0.1, 10.0),
    range("sight", "request_s", 1.5, 60.0),
    range("sight", "uncarried_s", 1.0, 600.0),
    range("spoof_gate", "stable_s", 1.0, 120.0),
    range("spoof_gate", "distance_m", 20.0, 2000.0),
    range("spoof_gate", "jump_m", 5.0, 500.0),
    range("spoof_gate", "velocity_mps", 1.0, 50.0),
    range("thermal", "hot_c", 40.0, 110.0),
    range("thermal", "cool_c", 30.0, 105.0),
    range("thermal", "cool_for_s", 1.0, 600.0),
];
