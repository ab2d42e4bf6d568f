//! The filter, as it was measured in ArduPlane's simulator: how it starts on a position, follows it, rejects it,
//! loses it and takes it back. It knows the truth; its state is how far its own position is from it.
//!
//! | state | event | next | effect |
//! |---|---|---|---|
//! | unaided | checks hold for 11 s without a break | aided | "EKF3 IMU0 is using GPS", starts on the fix |
//! | unaided | a check fails | unaided | its text, once; the 11 s begin anew |
//! | aided | fix inside 7.1 x accuracy | aided | follows slowly, the slower the coarser |
//! | aided | fix outside for 1.4 s | aided | glitch bit |
//! | aided | fix outside for 4.1 s | aided | shows the fix (fallback) |
//! | aided | fix outside for 10 s | aided | restarts on it |
//! | aided | no 3D fix for 10 s | lost | "EKF3 IMU0 stopped aiding" |
//! | lost | fix with accuracy <= 8 m and <= 1.2 m/s | aided | starts on it at once, ungated |
//! | lost | coarser fix | lost | shows the fix (fallback), never takes it |
//!
//! Without a fix it drifts. Accuracy beyond 100 m counts as 100 m.

use nalgebra::Vector2;

use super::gps::Report;

const HORIZ_MAX_M: f64 = 7.5;
const HORIZ_RETURN_M: f64 = 8.0;
const SPEED_MAX_MPS: f64 = 1.5;
const SPEED_RETURN_MPS: f64 = 1.2;
const VERT_MAX_M: f64 = 11.25;
const SATELLITES_MIN: u8 = 6;
const HDOP_MAX_X100: u16 = 250;
const START_S: f64 = 11.0;
const GATE: f64 = 7.1;
const GLITCH_S: f64 = 1.4;
const FALLBACK_S: f64 = 4.1;
const RESTART_S: f64 = 10.0;
const LOST_S: f64 = 10.0;
const ACCURACY_CAP_M: f64 = 100.0;
const VELOCITY_GATE_MPS: f64 = 6.0;
/// A velocity error stands for so much position error.
const VELOCITY_TIME_S: f64 = 7.3;
const DRIFT_MPS: f64 = 0.45;

/// Flags of EKF_STATUS_REPORT: aided, position lost, glitching.
pub const FLAGS_GOOD: u16 = 831;
/// Position lost.
pub const FLAGS_LOST: u16 = 303;
/// Unaided on the ground: constant position mode.
pub const FLAGS_UNAIDED: u16 = 165;
/// The fix is outside the gate.
pub const FLAG_GLITCH: u16 = 32_768;

/// What the filter is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aiding {
    /// Never had a position.
    Unaided,
    /// Has one.
    Aided,
    /// Had one.
    Lost,
}

/// The filter.
#[derive(Debug, Clone)]
pub struct Filter {
    aiding: Aiding,
    /// Its position minus the truth, north and east, m.
    offset: Vector2<f64>,
    good_since_s: Option<f64>,
    outside_since_s: Option<f64>,
    no_fix_since_s: Option<f64>,
    told: Option<String>,
    /// Position that is shown instead, minus the truth.
    fallback: Option<Vector2<f64>>,
    last_s: f64,
    resets: u32,
}

impl Default for Filter {
    fn default() -> Self {
        Self {
            aiding: Aiding::Unaided,
            offset: Vector2::zeros(),
            good_since_s: None,
            outside_since_s: None,
            no_fix_since_s: None,
            told: None,
            fallback: None,
            last_s: 0.0,
            resets: 0,
        }
    }
}

impl Filter {
    /// What it is about.
    #[must_use]
    pub fn aiding(&self) -> Aiding {
        self.aiding
    }

    /// Shown position minus the truth, north and east, m.
    #[must_use]
    pub fn shown_offset(&self) -> Vector2<f64> {
        self.fallback.unwrap_or(self.offset)
    }

    /// How often it was set onto a position without a gate, the start included.
    #[must_use]
    pub fn resets(&self) -> u32 {
        self.resets
    }

    /// Flags of EKF_STATUS_REPORT.
    #[must_use]
    pub fn flags(&self, now_s: f64) -> u16 {
        let glitching = self
            .outside_since_s
            .is_some_and(|since| now_s - since >= GLITCH_S);
        let flags = match self.aiding {
            Aiding::Unaided => FLAGS_UNAIDED,
            Aiding::Aided => FLAGS_GOOD,
            Aiding::Lost => FLAGS_LOST,
        };
        if glitching {
            flags | FLAG_GLITCH
        } else {
            flags
        }
    }

    /// The receiver that is followed changed: the position is set onto the new one.
    pub fn receiver_changed(&mut self, gps_offset: Vector2<f64>) {
        if self.aiding == Aiding::Aided {
            self.reset(gps_offset);
        }
    }

    fn reset(&mut self, gps_offset: Vector2<f64>) {
        self.offset = gps_offset;
        self.fallback = None;
        self.outside_since_s = None;
        self.resets += 1;
    }

    /// Takes a report; `gps_offset` is its position, `velocity_error` its velocity, minus the truth. Says
    /// what is to be told.
    pub fn report(
        &mut self,
        report: &Report,
        gps_offset: Vector2<f64>,
        velocity_error: Vector2<f64>,
        now_s: f64,
    ) -> Option<String> {
        let dt_s = (now_s - self.last_s).clamp(0.0, 1.0);
        self.last_s = now_s;
        if !report.is_3d() {
            return self.without_fix(now_s, dt_s);
        }
        self.no_fix_since_s = None;
        match self.aiding {
            Aiding::Unaided => self.try_start(report, gps_offset, now_s),
            Aiding::Aided => {
                self.follow(report, gps_offset, velocity_error, now_s, dt_s);
                None
            }
            Aiding::Lost => {
                let fine = report.horiz_accuracy_m <= HORIZ_RETURN_M
                    && report.speed_accuracy_mps <= SPEED_RETURN_MPS;
                if fine {
                    self.aiding = Aiding::Aided;
                    self.reset(gps_offset);
                    return Some("EKF3 IMU0 is using GPS".to_owned());
                }
                self.fallback = Some(gps_offset);
                None
            }
        }
    }

    /// Time passes without a report.
    pub fn silence(&mut self, now_s: f64) -> Option<String> {
        let dt_s = (now_s - self.last_s).clamp(0.0, 1.0);
        self.last_s = now_s;
        self.without_fix(now_s, dt_s)
    }

    fn without_fix(&mut self, now_s: f64, dt_s: f64) -> Option<String> {
        self.good_since_s = None;
        self.fallback = None;
        if self.aiding == Aiding::Unaided {
            return self.tell("Waiting for 3D fix");
        }
        let since = *self.no_fix_since_s.get_or_insert(now_s);
        self.offset += Vector2::new(DRIFT_MPS, 0.0) * dt_s;
        if self.aiding == Aiding::Aided && now_s - since >= LOST_S {
            self.aiding = Aiding::Lost;
            return Some("EKF3 IMU0 stopped aiding".to_owned());
        }
        None
    }

    fn try_start(
        &mut self,
        report: &Report,
        gps_offset: Vector2<f64>,
        now_s: f64,
    ) -> Option<String> {
        if let Some(problem) = start_problem(report) {
            self.good_since_s = None;
            return self.tell(&problem);
        }
        let since = *self.good_since_s.get_or_insert(now_s);
        if now_s - since < START_S {
            return None;
        }
        self.aiding = Aiding::Aided;
        self.told = None;
        self.reset(gps_offset);
        Some("EKF3 IMU0 is using GPS".to_owned())
    }

    fn tell(&mut self, text: &str) -> Option<String> {
        let news = self.told.as_deref() != Some(text);
        news.then(|| {
            self.told = Some(text.to_owned());
            text.to_owned()
        })
    }

    fn follow(
        &mut self,
        report: &Report,
        gps_offset: Vector2<f64>,
        velocity_error: Vector2<f64>,
        now_s: f64,
        dt_s: f64,
    ) {
        let accuracy_m = report.horiz_accuracy_m.clamp(0.5, ACCURACY_CAP_M);
        let inside = (gps_offset - self.offset).norm() <= GATE * accuracy_m;
        let velocity_fits = velocity_error.norm() <= VELOCITY_GATE_MPS;
        if inside {
            let pulled_by_velocity = if velocity_fits {
                velocity_error * VELOCITY_TIME_S
            } else {
                Vector2::zeros()
            };
            let time_s = 11.0 * libm::pow(accuracy_m / 5.0, 1.29).max(0.2);
            let gain = 1.0 - libm::exp(-dt_s / time_s);
            self.offset += (gps_offset + pulled_by_velocity - self.offset) * gain;
            self.fallback = None;
            if velocity_fits {
                self.outside_since_s = None;
            } else {
                self.outside_since_s.get_or_insert(now_s);
            }
            return;
        }
        let since = *self.outside_since_s.get_or_insert(now_s);
        let outside_s = now_s - since;
        if outside_s >= RESTART_S {
            self.reset(gps_offset);
        } else if outside_s >= FALLBACK_S {
            self.fallback = Some(gps_offset);
        }
    }
}

/// Why the filter does not start on a report.
fn start_problem(report: &Report) -> Option<String> {
    if report.satellites < SATELLITES_MIN {
        return Some(format!("GPS numsats {} (needs 6)", report.satellites));
    }
    if report.hdop_x100 > HDOP_MAX_X100 {
        return Some(format!(
            "GPS HDOP {:.1} (needs 2.5)",
            f64::from(report.hdop_x100) * 0.01
        ));
    }
    if report.speed_accuracy_mps >= SPEED_MAX_MPS {
        return Some(format!("GPS speed error {:.1}", report.speed_accuracy_mps));
    }
    if report.horiz_accuracy_m > HORIZ_MAX_M {
        return Some(format!("GPS horiz error {:.1}", report.horiz_accuracy_m));
    }
    (report.vert_accuracy_m > VERT_MAX_M)
        .then(|| format!("GPS vert error {:.1}", report.vert_accuracy_m))
}
