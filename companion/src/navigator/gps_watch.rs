//! Whether the autopilot's GPS is fused, missing, or disagrees, and when a disagreement that lasts
//! is believed.
//!
//! | state | event | next | effect |
//! |---|---|---|---|
//! | `Fused` | fix inside the gate | `Fused` | - |
//! | `Fused` | fix outside the gate | `Disputed` | rejection told |
//! | `Fused` | no fused fix for the limit | `Lost` | loss told |
//! | `Disputed` | fix inside the gate | `Fused` | - |
//! | `Disputed` | fix outside, agrees with the first disputed one for the limit | `Fused` | position restarts there, return told |
//! | `Disputed` | fix outside, disagrees with the earlier ones | `Disputed` | the limit starts again |
//! | `Disputed` | no fix for the limit | `Lost` | loss told |
//! | `Lost` | fix inside the gate | `Fused` | return told |
//! | `Lost` | fix outside the gate | `Disputed` | rejection told |

use super::{geodesy::Geodetic, input::FcGps, units::MonotonicNs};

/// Two disputed fixes agree when the second lies this close to where the first's velocity leads, m.
const AGREEMENT_M: f64 = 30.0;

/// How fast an aircraft may be that does not say, m/s.
const UNREPORTED_SPEED_MPS: f64 = 40.0;

/// The watch.
#[derive(Debug, Clone)]
pub struct GpsWatch {
    state: State,
    last_fused: Option<MonotonicNs>,
    last_seen: Option<FcGps>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Fused,
    Disputed { since: MonotonicNs },
    Lost,
}

/// What to tell after a fix was fused.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum AfterFusion {
    /// Nothing changed.
    Nothing,
    /// The first fused fix after a gap of this length, s.
    Regained(f64),
}

/// What to do after a fix was rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterRejection {
    /// Tell it: the first of an episode.
    Tell,
    /// Already told.
    Nothing,
    /// The disagreement has lasted and is consistent: restart the position there.
    Believe,
}

impl GpsWatch {
    /// Begins with a fused fix.
    #[must_use]
    pub fn start(fix: &FcGps) -> Self {
        Self {
            state: State::Fused,
            last_fused: Some(fix.time),
            last_seen: Some(*fix),
        }
    }

    /// Seconds since the last fix that was fused.
    #[must_use]
    pub fn since_fused_s(&self, now: MonotonicNs) -> f64 {
        self.last_fused
            .map_or(f64::INFINITY, |last| now.seconds_since(last).max(0.0))
    }

    /// A fix was fused.
    pub fn fused(&mut self, fix: &FcGps) -> AfterFusion {
        let gap = self.since_fused_s(fix.time);
        let after = match self.state {
            State::Fused => AfterFusion::Nothing,
            State::Disputed { .. } | State::Lost => AfterFusion::Regained(gap),
        };
        self.state = State::Fused;
        self.last_fused = Some(fix.time);
        self.last_seen = Some(*fix);
        after
    }

    /// A fix lay outside the gate.
    pub fn rejected(&mut self, fix: &FcGps, limit_s: f64) -> AfterRejection {
        let agrees = self
            .last_seen
            .as_ref()
            .is_some_and(|last| follows(last, fix));
        self.last_seen = Some(*fix);
        match self.state {
            State::Disputed { since } if agrees => {
                if fix.time.seconds_since(since) >= limit_s {
                    AfterRejection::Believe
                } else {
                    AfterRejection::Nothing
                }
            }
            State::Disputed { .. } => {
                self.state = State::Disputed { since: fix.time };
                AfterRejection::Nothing
            }
            State::Fused | State::Lost => {
                self.state = State::Disputed { since: fix.time };
                AfterRejection::Tell
            }
        }
    }

    /// Whether the loss of GPS is to be told now.
    pub fn lost(&mut self, now: MonotonicNs, limit_s: f64) -> bool {
        let silent = self
            .last_seen
            .is_none_or(|last| now.seconds_since(last.time) > limit_s);
        match self.state {
            State::Lost => false,
            State::Fused | State::Disputed { .. } => {
                if silent {
                    self.state = State::Lost;
                }
                silent
            }
        }
    }
}

/// Whether `next` lies where `last` and its velocity lead.
fn follows(last: &FcGps, next: &FcGps) -> bool {
    let position = |fix: &FcGps| Geodetic {
        lat_rad: fix.lat_rad,
        lon_rad: fix.lon_rad,
        alt_msl_m: fix.alt_msl_m,
    };
    let moved = position(last).displacement_to(position(next));
    let dt = next.time.seconds_since(last.time);
    let ([north, east], allowed_m) = match last.velocity_ne_mps {
        Some(velocity) => (velocity, AGREEMENT_M),
        None => ([0.0; 2], AGREEMENT_M + UNREPORTED_SPEED_MPS * dt.max(0.0)),
    };
    let (dx, dy) = (moved.x - north * dt, moved.y - east * dt);
    libm::sqrt(dx * dx + dy * dy) <= allowed_m
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::navigator::input::GpsFix;

    const LIMIT_S: f64 = 5.0;

    fn fix(second: u64, north_m: f64) -> FcGps {
        let origin = Geodetic {
            lat_rad: 0.8,
            lon_rad: 0.1,
            alt_msl_m: 300.0,
        };
        let place = origin.displaced(nalgebra::Vector3::new(north_m, 0.0, 0.0));
        FcGps {
            time: MonotonicNs(second * 1_000_000_000),
            instance: 0,
            fix: GpsFix::ThreeD,
            lat_rad: place.lat_rad,
            lon_rad: place.lon_rad,
            alt_msl_m: 300.0,
            velocity_ne_mps: Some([10.0, 0.0]),
            horiz_accuracy_m: None,
            vert_accuracy_m: None,
            speed_accuracy_mps: None,
            satellites: None,
        }
    }

    #[test]
    fn a_disagreement_that_lasts_and_agrees_with_itself_is_believed() {
        let mut watch = GpsWatch::start(&fix(0, 0.0));
        assert_eq!(
            watch.rejected(&fix(1, 500.0), LIMIT_S),
            AfterRejection::Tell
        );
        for second in 2..6 {
            let north = 500.0 + 10.0 * (second - 1) as f64;
            assert_eq!(
                watch.rejected(&fix(second, north), LIMIT_S),
                AfterRejection::Nothing
            );
        }
        assert_eq!(
            watch.rejected(&fix(6, 550.0), LIMIT_S),
            AfterRejection::Believe
        );
    }

    #[test]
    fn fixes_that_disagree_among_themselves_are_never_believed() {
        let mut watch = GpsWatch::start(&fix(0, 0.0));
        watch.rejected(&fix(1, 500.0), LIMIT_S);
        for second in 2..60 {
            let north = if second % 2 == 0 { -500.0 } else { 500.0 };
            assert_eq!(
                watch.rejected(&fix(second, north), LIMIT_S),
                AfterRejection::Nothing
            );
        }
    }

    #[test]
    fn a_loss_is_told_once_and_its_end_with_the_length_of_the_gap() {
        let mut watch = GpsWatch::start(&fix(0, 0.0));
        let at = |second: u64| MonotonicNs(second * 1_000_000_000);
        assert!(!watch.lost(at(3), 3.0));
        assert!(watch.lost(at(4), 3.0));
        assert!(!watch.lost(at(5), 3.0));
        assert_eq!(watch.fused(&fix(20, 200.0)), AfterFusion::Regained(20.0));
        assert_eq!(watch.fused(&fix(21, 210.0)), AfterFusion::Nothing);
    }
}
