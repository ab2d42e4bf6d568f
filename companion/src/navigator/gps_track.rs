//! The last seconds of the autopilot's GPS: whether a report follows from the one before, whether
//! reports are missing, and where the receiver was when a picture was taken.
//!
//! | state | event | next | effect |
//! |---|---|---|---|
//! | present | report with a fix | present | - |
//! | present | none for the limit | lost | loss told |
//! | lost | a report is fused | present | return told |
//! | lost | anything else | lost | - |

use serde::{Deserialize, Serialize};

use super::{geodesy::Geodetic, input::FcGps, units::MonotonicNs};

/// A report follows from the one before when it lies this close to where that one's velocity leads, m.
const AGREEMENT_M: f64 = 30.0;
/// How fast an aircraft may be that does not say, m/s.
const UNREPORTED_SPEED_MPS: f64 = 40.0;
/// Reports kept, at most one for each `KEEP_EVERY_S`: six seconds.
const KEPT: usize = 30;
const KEEP_EVERY_S: f64 = 0.19;
/// The track speaks for moments this close to one of its reports, s.
const REACH_S: f64 = 1.5;

/// One kept report.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Report {
    time: MonotonicNs,
    place: Geodetic,
    velocity_ne_mps: Option<[f64; 2]>,
    horiz_accuracy_m: f64,
}

/// Where the receiver was.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fixed {
    /// The place.
    pub place: Geodetic,
    /// 1-sigma horizontal accuracy, m, with the way between report and moment.
    pub horiz_accuracy_m: f64,
}

/// The track.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GpsTrack {
    reports: [Option<Report>; KEPT],
    next: usize,
    last_seen: Option<Report>,
    last_fused: Option<MonotonicNs>,
    lost: bool,
}

impl GpsTrack {
    /// Nothing seen so far.
    #[must_use]
    pub fn new() -> Self {
        Self {
            reports: [None; KEPT],
            next: 0,
            last_seen: None,
            last_fused: None,
            lost: false,
        }
    }

    /// A report with a fix arrived; whether it follows from the one before. The first does.
    pub fn report(&mut self, fix: &FcGps) -> bool {
        let report = Report {
            time: fix.time,
            place: Geodetic {
                lat_rad: fix.lat_rad,
                lon_rad: fix.lon_rad,
                alt_msl_m: fix.alt_msl_m,
            },
            velocity_ne_mps: fix.velocity_ne_mps,
            horiz_accuracy_m: fix.horiz_accuracy_m.unwrap_or(0.0),
        };
        let followed = self.last_seen.is_none_or(|last| follows(&last, &report));
        // Taken anew each time: the index may come from a recording.
        let slot = self.next % KEPT;
        let newest_kept = self.reports[(slot + KEPT - 1) % KEPT];
        if newest_kept.is_none_or(|kept| fix.time.seconds_since(kept.time) >= KEEP_EVERY_S) {
            self.reports[slot] = Some(report);
            self.next = (slot + 1) % KEPT;
        }
        self.last_seen = Some(report);
        followed
    }

    /// Seconds since the last report that was fused.
    #[must_use]
    pub fn since_fused_s(&self, now: MonotonicNs) -> f64 {
        self.last_fused
            .map_or(f64::INFINITY, |last| now.seconds_since(last).max(0.0))
    }

    /// A report was fused; the length of the gap that it ends, s, if the loss was told.
    pub fn fused(&mut self, now: MonotonicNs) -> Option<f64> {
        let gap_s = self.since_fused_s(now);
        self.last_fused = Some(now);
        core::mem::take(&mut self.lost).then_some(gap_s)
    }

    /// Whether the loss of GPS is to be told now: nothing was fused for the limit, and it was before.
    pub fn lost(&mut self, now: MonotonicNs, limit_s: f64) -> bool {
        let silent = self
            .last_fused
            .is_some_and(|last| now.seconds_since(last) > limit_s);
        let told = silent && !self.lost;
        self.lost |= silent;
        told
    }

    /// Where the receiver was at `moment`; `None` when no report is near enough.
    #[must_use]
    pub fn at(&self, moment: MonotonicNs) -> Option<Fixed> {
        let distance_s = |report: &Report| moment.seconds_since(report.time).abs();
        let nearest = self
            .reports
            .iter()
            .flatten()
            .min_by(|a, b| distance_s(a).total_cmp(&distance_s(b)))
            .filter(|report| distance_s(report) <= REACH_S)?;
        let dt = moment.seconds_since(nearest.time);
        let [north, east] = nearest.velocity_ne_mps.unwrap_or_default();
        let unknown_m = match nearest.velocity_ne_mps {
            Some(_) => 0.0,
            None => UNREPORTED_SPEED_MPS * dt.abs(),
        };
        Some(Fixed {
            place: nearest
                .place
                .displaced(nalgebra::Vector3::new(north * dt, east * dt, 0.0)),
            horiz_accuracy_m: nearest.horiz_accuracy_m + unknown_m,
        })
    }
}

/// Whether `next` lies where `last` and its velocity lead.
fn follows(last: &Report, next: &Report) -> bool {
    let moved = last.place.displacement_to(next.place);
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

    fn fix(ms: u64, north_m: f64) -> FcGps {
        let origin = Geodetic {
            lat_rad: 0.8,
            lon_rad: 0.1,
            alt_msl_m: 300.0,
        };
        let place = origin.displaced(nalgebra::Vector3::new(north_m, 0.0, 0.0));
        FcGps {
            time: MonotonicNs(ms * 1_000_000),
            instance: 0,
            fix: GpsFix::ThreeD,
            lat_rad: place.lat_rad,
            lon_rad: place.lon_rad,
            alt_msl_m: 300.0,
            velocity_ne_mps: Some([10.0, 0.0]),
            horiz_accuracy_m: Some(2.0),
            vert_accuracy_m: None,
            speed_accuracy_mps: None,
            satellites: None,
        }
    }

    #[test]
    fn a_jump_does_not_follow_and_what_comes_after_it_does() {
        let mut track = GpsTrack::new();
        assert!(track.report(&fix(0, 0.0)));
        assert!(track.report(&fix(1_000, 10.0)));
        assert!(!track.report(&fix(2_000, 520.0)));
        assert!(track.report(&fix(3_000, 530.0)));
    }

    #[test]
    fn a_loss_is_told_once_and_its_end_with_the_length_of_the_gap() {
        let mut track = GpsTrack::new();
        let at = |second: u64| MonotonicNs(second * 1_000_000_000);
        assert!(!track.lost(at(50), 3.0), "nothing was ever there to lose");
        assert_eq!(track.fused(at(50)), None);
        assert!(!track.lost(at(53), 3.0));
        assert!(track.lost(at(54), 3.0));
        assert!(!track.lost(at(55), 3.0));
        assert_eq!(track.fused(at(70)), Some(20.0));
        assert_eq!(track.fused(at(71)), None);
    }

    #[test]
    fn the_track_says_where_the_receiver_was_six_seconds_ago_and_no_further() {
        let mut track = GpsTrack::new();
        for step in 0..100 {
            track.report(&fix(step * 100, step as f64));
        }
        let then = track.at(MonotonicNs(4_750_000_000)).unwrap();
        let north_m = Geodetic {
            lat_rad: 0.8,
            lon_rad: 0.1,
            alt_msl_m: 300.0,
        }
        .displacement_to(then.place)
        .x;
        assert!((north_m - 47.5).abs() < 0.01, "{north_m}");
        assert!(track.at(MonotonicNs(1_000_000_000)).is_none());
    }
}
