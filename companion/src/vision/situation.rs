//! What vision knows of the aircraft at an exposure: it listens to what the navigator hears and says, and never
//! asks it anything.

use std::collections::VecDeque;

use super::rectify::Pose;
use crate::navigator::{
    Attitude, EmittedExternalPosition, Geodetic, Input, MonotonicNs, Output, WindowSource, wrap_pi,
};
use crate::pipeline::Product;

/// Attitudes that are remembered: 5 s at 200 Hz.
const ATTITUDES_MAX: usize = 1_024;
/// Positions that are remembered: 6 s at 10 Hz.
const POSITIONS_MAX: usize = 64;
/// An exposure farther from every attitude has none, s.
const ATTITUDE_GAP_S: f64 = 0.3;
/// An exposure farther from every position has none, s.
const POSITION_GAP_S: f64 = 1.0;

/// Listens to the navigator.
#[derive(Debug, Clone)]
pub struct Situation {
    attitudes: VecDeque<Attitude>,
    positions: VecDeque<EmittedExternalPosition>,
    /// Where the operator says the aircraft is, until the estimate is anchored again: place and radius.
    hint: Option<(MonotonicNs, Geodetic, f64)>,
    candidates: u8,
    start_alt_msl_m: Option<f64>,
}

/// The aircraft at one exposure, as the estimate has it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sighting {
    /// Roll, right wing down positive.
    pub roll_rad: f64,
    /// Pitch, nose up positive.
    pub pitch_rad: f64,
    /// Yaw against true north.
    pub yaw_rad: f64,
    /// Where the estimate was.
    pub place: Geodetic,
    /// 1-sigma speed accuracy, m/s.
    pub speed_accuracy_mps: f64,
    /// Where the map is to be searched: around there, three sigma to every side, m.
    pub search: (Geodetic, f64),
    /// Yaws and scales that are judged at full resolution.
    pub candidates: u8,
    /// Height above mean sea level at which the flight began.
    pub start_alt_msl_m: f64,
}

impl Sighting {
    /// Attitude and height above a ground at that height above mean sea level.
    #[must_use]
    pub fn pose(&self, ground_alt_msl_m: f64) -> Pose {
        Pose {
            roll_rad: self.roll_rad,
            pitch_rad: self.pitch_rad,
            yaw_rad: self.yaw_rad,
            agl_m: self.place.alt_msl_m - ground_alt_msl_m,
        }
    }
}

impl Default for Situation {
    fn default() -> Self {
        Self {
            attitudes: VecDeque::with_capacity(ATTITUDES_MAX),
            positions: VecDeque::with_capacity(POSITIONS_MAX),
            hint: None,
            candidates: 3,
            start_alt_msl_m: None,
        }
    }
}

impl Situation {
    /// The pipeline consumed or produced something.
    pub fn hear_product(&mut self, product: &Product<'_>) {
        match product {
            Product::Input(input) => self.hear(input),
            Product::Output(output) => self.note(output),
            Product::SentFcBytes { .. } | Product::Checkpoint { .. } => {}
        }
    }

    /// The navigator was told something.
    pub fn hear(&mut self, input: &Input) {
        if let Input::Attitude(attitude) = input {
            if self.attitudes.len() == ATTITUDES_MAX {
                self.attitudes.pop_front();
            }
            self.attitudes.push_back(*attitude);
        }
    }

    /// The navigator said something.
    pub fn note(&mut self, output: &Output) {
        match output {
            Output::Position(position) => {
                if self.positions.len() == POSITIONS_MAX {
                    self.positions.pop_front();
                }
                self.start_alt_msl_m.get_or_insert(position.alt_msl_m);
                self.positions.push_back(*position);
            }
            Output::SearchWindow(window) => {
                self.hint = match window.source {
                    WindowSource::Estimate => None,
                    WindowSource::OperatorHint => {
                        let place = Geodetic {
                            lat_rad: window.lat_rad,
                            lon_rad: window.lon_rad,
                            alt_msl_m: 0.0,
                        };
                        Some((window.time, place, window.radius_m))
                    }
                };
            }
            Output::Thermal(switch) => self.candidates = switch.to_k,
            Output::LabelTransition(_)
            | Output::Event(_)
            | Output::Blackout(_)
            | Output::SpoofGate(_)
            | Output::Anchor(_) => {}
        }
    }

    /// The aircraft at an exposure; absent without an attitude or a position near it.
    #[must_use]
    pub fn at(&self, exposure: MonotonicNs) -> Option<Sighting> {
        let [roll_rad, pitch_rad, yaw_rad] = self.attitude_at(exposure)?;
        let position = nearest(&self.positions, exposure, |position| position.time)?;
        let since_s = exposure.seconds_since(position.time);
        if since_s.abs() > POSITION_GAP_S {
            return None;
        }
        let velocity = nalgebra::Vector3::from(position.vel_ned_mps);
        let place = Geodetic {
            lat_rad: position.lat_rad,
            lon_rad: position.lon_rad,
            alt_msl_m: position.alt_msl_m,
        }
        .displaced(velocity * since_s);
        let own = (place, 3.0 * position.horiz_accuracy_m);
        let hinted = self.hint.map(|(time, hint, radius_m)| {
            // The aircraft has gone on flying since.
            let gone = velocity * exposure.seconds_since(time).max(0.0);
            let hint = Geodetic {
                alt_msl_m: place.alt_msl_m,
                ..hint
            };
            (
                hint.displaced(nalgebra::Vector3::new(gone.x, gone.y, 0.0)),
                radius_m,
            )
        });
        Some(Sighting {
            roll_rad,
            pitch_rad,
            yaw_rad,
            place,
            speed_accuracy_mps: position.speed_accuracy_mps,
            search: hinted.unwrap_or(own),
            candidates: self.candidates,
            start_alt_msl_m: self.start_alt_msl_m.unwrap_or(place.alt_msl_m),
        })
    }

    fn attitude_at(&self, exposure: MonotonicNs) -> Option<[f64; 3]> {
        let angles =
            |attitude: &Attitude| [attitude.roll_rad, attitude.pitch_rad, attitude.yaw_rad];
        let later = self
            .attitudes
            .iter()
            .position(|attitude| attitude.time >= exposure);
        let between = later.and_then(|later| {
            let after = self.attitudes.get(later)?;
            let before = self.attitudes.get(later.checked_sub(1)?)?;
            let apart_s = after.time.seconds_since(before.time);
            (apart_s > 0.0 && apart_s <= ATTITUDE_GAP_S).then_some((before, after, apart_s))
        });
        if let Some((before, after, apart_s)) = between {
            let share = exposure.seconds_since(before.time) / apart_s;
            let (from, to) = (angles(before), angles(after));
            return Some(
                [0, 1, 2].map(|axis| wrap_pi(from[axis] + share * wrap_pi(to[axis] - from[axis]))),
            );
        }
        let near = nearest(&self.attitudes, exposure, |attitude| attitude.time)?;
        let since_s = exposure.seconds_since(near.time);
        if since_s.abs() > ATTITUDE_GAP_S {
            return None;
        }
        Some(angles(near))
    }
}

fn nearest<T>(
    items: &VecDeque<T>,
    wanted: MonotonicNs,
    time: impl Fn(&T) -> MonotonicNs,
) -> Option<&T> {
    let away = |item: &&T| time(item).0.abs_diff(wanted.0);
    items.iter().min_by_key(away)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::navigator::{
        Covariance6, Ellipse95, FixType, SearchWindow, SourceLabel, ThermalReason, ThermalSwitch,
    };

    const MS: u64 = 1_000_000;

    fn attitude(ms: u64, yaw_rad: f64) -> Input {
        Input::Attitude(Attitude {
            time: MonotonicNs(ms * MS),
            roll_rad: 0.1,
            pitch_rad: 0.0,
            yaw_rad,
            angular_rate_frd_radps: [0.0; 3],
        })
    }

    fn position(ms: u64) -> Output {
        Output::Position(EmittedExternalPosition {
            time: MonotonicNs(ms * MS),
            lat_rad: 0.8,
            lon_rad: 0.1,
            alt_msl_m: 400.0,
            vel_ned_mps: [20.0, 0.0, -1.0],
            covariance: Covariance6([1.0; 21]),
            ellipse_95: Ellipse95 {
                semi_major_m: 17.0,
                semi_minor_m: 17.0,
                orientation_rad: 0.0,
            },
            horiz_accuracy_m: 7.0,
            vert_accuracy_m: 3.0,
            speed_accuracy_mps: 0.5,
            source_label: SourceLabel::DeadReckoned,
            last_satellite_anchor_age_ms: None,
            fix_type: FixType::ThreeD,
        })
    }

    #[test]
    fn attitude_is_interpolated_across_the_turn_and_position_carried_to_the_exposure() {
        let mut situation = Situation::default();
        assert_eq!(situation.at(MonotonicNs(0)), None);
        situation.hear(&attitude(1_000, 3.10));
        situation.hear(&attitude(1_100, -3.13));
        situation.note(&position(1_000));
        let sighting = situation.at(MonotonicNs(1_050 * MS)).unwrap();
        let turned = wrap_pi(sighting.yaw_rad - 3.10);
        assert!((turned - 0.0266).abs() < 1e-3, "{turned}");
        let start = Geodetic {
            lat_rad: 0.8,
            lon_rad: 0.1,
            alt_msl_m: 400.0,
        };
        let moved = start.displacement_to(sighting.place);
        assert!((moved.x - 1.0).abs() < 1e-3 && (sighting.place.alt_msl_m - 400.05).abs() < 1e-9);
        assert_eq!(sighting.search.1, 21.0);
        assert_eq!(sighting.candidates, 3);
        assert!((sighting.pose(300.0).agl_m - 100.05).abs() < 1e-9);
        assert_eq!(situation.at(MonotonicNs(1_500 * MS)), None);
    }

    #[test]
    fn the_operators_hint_moves_the_search_until_the_estimate_is_anchored_and_heat_narrows_it() {
        let mut situation = Situation::default();
        situation.hear(&attitude(1_000, 0.0));
        situation.note(&position(1_000));
        let window = |source| {
            Output::SearchWindow(SearchWindow {
                time: MonotonicNs(1_000 * MS),
                lat_rad: 0.801,
                lon_rad: 0.1,
                radius_m: 300.0,
                source,
            })
        };
        situation.note(&window(WindowSource::OperatorHint));
        situation.note(&Output::Thermal(ThermalSwitch {
            time: MonotonicNs(1_000 * MS),
            from_k: 3,
            to_k: 2,
            reason: ThermalReason::Hot,
            temperature_c: Some(90.0),
        }));
        let sighting = situation.at(MonotonicNs(1_000 * MS)).unwrap();
        assert_eq!(
            (sighting.search.0.lat_rad, sighting.search.1),
            (0.801, 300.0)
        );
        assert_eq!(sighting.candidates, 2);
        situation.note(&window(WindowSource::Estimate));
        let sighting = situation.at(MonotonicNs(1_000 * MS)).unwrap();
        assert_eq!(sighting.search.0.lat_rad, 0.8);
    }
}
