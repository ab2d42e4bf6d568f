//! Settings of what the navigator does when things go wrong.

use serde::{Deserialize, Serialize};

/// When vision counts as failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SightRules {
    /// Whether there is a camera at all; without one nothing counts as a blackout.
    pub enabled: bool,
    /// Nominal time between two frames, s.
    pub frame_period_s: f64,
    /// An accepted anchor carries the label for this long, s.
    pub anchor_fresh_s: f64,
    /// Without the result of a frame for this long odometry is unhealthy, s. A little less than the 400 ms
    /// that are promised: it is noticed with the next input.
    pub odometry_silence_s: f64,
    /// Without a usable frame for this long it is a blackout, s.
    pub blackout_s: f64,
    /// Without a usable frame for this long, and for three frames, the operator is asked, s.
    pub request_s: f64,
    /// A blackout that nothing carries, neither airspeed nor inertial sensor, is survived for this
    /// long, s.
    pub uncarried_s: f64,
}

impl Default for SightRules {
    fn default() -> Self {
        Self {
            enabled: false,
            frame_period_s: 1.0 / 3.0,
            anchor_fresh_s: 3.0,
            odometry_silence_s: 0.38,
            blackout_s: 1.0,
            request_s: 2.0,
            uncarried_s: 30.0,
        }
    }
}

/// When the autopilot's own GPS is believed, and what the autopilot is asked to do about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SpoofGateRules {
    /// Reports must be stable and unspoofed for this long, s.
    pub stable_s: f64,
    /// A sample must lie this close to the estimate, m.
    pub distance_m: f64,
    /// A single refused sample this far from the estimate closes the gate, m; nearer ones close it
    /// when the next is refused as well.
    pub jump_m: f64,
    /// The same for velocity, m/s; and what GPS velocity may differ from the estimate's while the
    /// gate is closed, beyond its uncertainty.
    pub velocity_mps: f64,
    /// EKF source set that is asked for when the gate closes, 1 to 3; 0 = none.
    pub source_set_denied: u8,
    /// EKF source set that is asked for when it opens again, 1 to 3; 0 = none.
    pub source_set_trusted: u8,
}

impl Default for SpoofGateRules {
    fn default() -> Self {
        Self {
            stable_s: 10.0,
            distance_m: 200.0,
            jump_m: 50.0,
            velocity_mps: 8.0,
            source_set_denied: 0,
            source_set_trusted: 0,
        }
    }
}

/// When vision is asked for less.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ThermalLimits {
    /// At this temperature the load is lightened, degrees Celsius.
    pub hot_c: f64,
    /// At this temperature and below the machine is cool, degrees Celsius.
    pub cool_c: f64,
    /// It must be cool for this long before the load is taken up again, s.
    pub cool_for_s: f64,
}

impl Default for ThermalLimits {
    fn default() -> Self {
        Self {
            hot_c: 85.0,
            cool_c: 75.0,
            cool_for_s: 10.0,
        }
    }
}

/// Which table of radii decides the fix type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LadderPreset {
    /// The radii of this section, by default those that the autopilots were measured with.
    #[default]
    Measured,
    /// The ladder of the first system of this kind: 2D beyond 100 m, none beyond 500 m.
    Original,
}

/// What the autopilot is told of a coarse position (ArduPilot caps accuracy near 100 m, 1 sigma).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FixThresholds {
    /// Which table of radii holds.
    pub preset: LadderPreset,
    /// Up to this radius the fix is to be fused, m.
    pub three_d_max_radius_m: f64,
    /// Up to this radius it is a 2D fix; beyond it, none, m.
    pub two_d_max_radius_m: f64,
    /// A fix below 3D for longer than this is a withdrawn one, s.
    pub withdrawn_after_s: f64,
    /// A withdrawn fix returns to ArduPilot with at most this horizontal accuracy, m: it resets onto
    /// the position unchecked, and takes a coarser one never.
    pub return_horiz_accuracy_m: f64,
    /// The same for speed accuracy, m/s.
    pub return_speed_accuracy_mps: f64,
}

impl Default for FixThresholds {
    fn default() -> Self {
        Self {
            preset: LadderPreset::Measured,
            three_d_max_radius_m: 245.0,
            two_d_max_radius_m: 500.0,
            withdrawn_after_s: 5.0,
            return_horiz_accuracy_m: 7.0,
            return_speed_accuracy_mps: 1.2,
        }
    }
}

impl FixThresholds {
    /// Largest 95 % radius of a 3D fix and of a 2D fix, m.
    #[must_use]
    pub fn radii_m(&self) -> (f64, f64) {
        match self.preset {
            LadderPreset::Measured => (self.three_d_max_radius_m, self.two_d_max_radius_m),
            LadderPreset::Original => (100.0, 500.0),
        }
    }
}

/// What kind of autopilot the positions are for, as far as the core must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AutopilotTraits {
    /// It resets onto a returning fix without a check (ArduPilot).
    pub returns_unchecked: bool,
    /// It has a satellite receiver besides ours, whose reports can be watched.
    pub gps_watchable: bool,
}

impl Default for AutopilotTraits {
    fn default() -> Self {
        Self {
            returns_unchecked: true,
            gps_watchable: true,
        }
    }
}
