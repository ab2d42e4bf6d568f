//! The autopilot's clock against ours, by TIMESYNC: `tc1` is its time when our request arrived.
//!
//! | state | event | next | effect |
//! |---|---|---|---|
//! | fewer than ten exchanges | 0.1 s | the same | request |
//! | ten and more | 1 s | the same | request |
//! | any | answer to one of the last four requests | known | offset, when the round trip is among the shortest |
//! | any | answer to none of them, or of another sender | the same | - |
//! | any | started anew, or the link | unknown | - |
//!
//! The offset of an exchange is wrong by at most half its round trip; of the last sixteen the shortest
//! counts. Sensor samples keep their time of arrival: the navigator's clock may not run back behind the
//! tick that it was just given.
//!
//! Source: MAVLink common 111; `GCS_MAVLINK::handle_timesync`.

use fdr_format::records;
use mavlink::dialects::ardupilotmega::{MavMessage, TIMESYNC_DATA};

use crate::autopilot::live::{LinkOutput, LinkOutputs, LinkRecord};
use crate::autopilot::mavlink::Sender;
use crate::link::{FC_LINK, FrameClass};
use crate::navigator::MonotonicNs;

const QUICK_PERIOD_S: f64 = 0.1;
const PERIOD_S: f64 = 1.0;
const QUICK: u32 = 10;
const ASKED_MAX: usize = 4;
const WINDOW: usize = 16;
/// A round trip that takes longer tells nothing, ns.
const ROUND_TRIP_MAX_NS: u64 = 1_000_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Exchange {
    /// In the middle of the round trip, our time.
    time_ns: u64,
    /// Ours minus its.
    offset_ns: i64,
    round_trip_ns: u64,
}

/// What is known of the autopilot's clock.
#[derive(Debug, Clone, Default)]
pub struct FcClock {
    asked: [u64; ASKED_MAX],
    asked_at: Option<MonotonicNs>,
    exchanges: u32,
    window: Vec<Exchange>,
    first: Option<Exchange>,
}

impl FcClock {
    /// Our monotonic time minus the autopilot's since boot, ns, and its 1-sigma uncertainty.
    #[must_use]
    pub fn offset_ns(&self) -> Option<(i64, u64)> {
        self.best()
            .map(|best| (best.offset_ns, (best.round_trip_ns / 4).max(1)))
    }

    fn best(&self) -> Option<&Exchange> {
        self.window.iter().min_by_key(|one| one.round_trip_ns)
    }

    pub(super) fn begin_anew(&mut self) {
        *self = Self::default();
    }

    pub(super) fn poll(&mut self, us: Sender, now: MonotonicNs, outputs: &mut LinkOutputs) {
        let period_s = if self.exchanges < QUICK {
            QUICK_PERIOD_S
        } else {
            PERIOD_S
        };
        let waited = |at: MonotonicNs| now.seconds_since(at) >= period_s;
        if !self.asked_at.is_none_or(waited) {
            return;
        }
        self.asked_at = Some(now);
        self.asked.rotate_right(1);
        self.asked[0] = now.0;
        let request = MavMessage::TIMESYNC(TIMESYNC_DATA {
            tc1: 0,
            ts1: now.0 as i64,
            ..TIMESYNC_DATA::default()
        });
        outputs.send(&request, us, FrameClass::Ordinary);
    }

    pub(super) fn answer(
        &mut self,
        answer: &TIMESYNC_DATA,
        time: MonotonicNs,
        outputs: &mut LinkOutputs,
    ) {
        let sent = answer.ts1 as u64;
        // Its own requests have 0 here.
        if answer.tc1 <= 0 || sent == 0 || !self.asked.contains(&sent) {
            return;
        }
        let round_trip_ns = time.0.saturating_sub(sent);
        if round_trip_ns > ROUND_TRIP_MAX_NS {
            return;
        }
        for asked in &mut self.asked {
            if *asked == sent {
                *asked = 0;
            }
        }
        let middle = sent + round_trip_ns / 2;
        let exchange = Exchange {
            time_ns: middle,
            offset_ns: (middle as i64).saturating_sub(answer.tc1),
            round_trip_ns,
        };
        self.exchanges = self.exchanges.saturating_add(1);
        self.first.get_or_insert(exchange);
        if self.window.len() == WINDOW {
            self.window.remove(0);
        }
        self.window.push(exchange);
        self.record(answer.tc1, &exchange, time, outputs);
    }

    fn record(
        &self,
        remote_ns: i64,
        newest: &Exchange,
        time: MonotonicNs,
        outputs: &mut LinkOutputs,
    ) {
        let Some((offset_ns, offset_sigma_ns)) = self.offset_ns() else {
            return;
        };
        outputs.push(LinkOutput::Record(LinkRecord::ClockSync(
            records::ClockSync {
                time_ns: time.0,
                link: FC_LINK,
                remote_ns: remote_ns.unsigned_abs(),
                offset_ns,
                offset_sigma_ns,
                drift_ppm: self.drift_ppm(),
                round_trip_ns: Some(newest.round_trip_ns),
            },
        )));
    }

    /// How much faster than ours its clock runs, over everything since the first exchange.
    fn drift_ppm(&self) -> f64 {
        let Some((first, best)) = self.first.zip(self.best()) else {
            return 0.0;
        };
        let span_ns = best.time_ns.saturating_sub(first.time_ns) as f64;
        if span_ns < 10e9 {
            return 0.0;
        }
        (first.offset_ns - best.offset_ns) as f64 / span_ns * 1e6
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const US: Sender = Sender {
        system: 1,
        component: 191,
    };

    fn ask(clock: &mut FcClock, now: u64) -> bool {
        let mut outputs = LinkOutputs::default();
        clock.poll(US, MonotonicNs(now), &mut outputs);
        outputs.take().is_some()
    }

    fn answer(clock: &mut FcClock, ts1: u64, tc1: i64, at: u64) {
        let body = TIMESYNC_DATA {
            tc1,
            ts1: ts1 as i64,
            ..TIMESYNC_DATA::default()
        };
        clock.answer(&body, MonotonicNs(at), &mut LinkOutputs::default());
    }

    #[test]
    fn the_shortest_round_trip_counts_and_foreign_answers_do_not() {
        let ms = 1_000_000;
        let mut clock = FcClock::default();
        let boot = 5_000 * ms;
        for (index, delays) in [(30, 10), (1, 1), (5, 80)].into_iter().enumerate() {
            let sent = boot + (index as u64 + 1) * 200 * ms;
            assert!(ask(&mut clock, sent));
            let received = (sent + delays.0 * ms - boot) as i64;
            answer(&mut clock, sent + 7, received, sent + ms);
            answer(&mut clock, sent, 0, sent + ms);
            answer(
                &mut clock,
                sent,
                received,
                sent + (delays.0 + delays.1) * ms,
            );
        }
        let (offset, sigma) = clock.offset_ns().unwrap();
        assert_eq!(offset, boot as i64);
        assert_eq!(sigma, ms / 2);
    }

    #[test]
    fn ten_quick_requests_are_followed_by_one_a_second() {
        let mut clock = FcClock::default();
        let mut asked = 0;
        for step in 1..=500_u64 {
            let now = step * 10_000_000;
            if ask(&mut clock, now) {
                asked += 1;
                answer(&mut clock, now, 1_000 + now as i64, now + 1_000_000);
            }
        }
        assert!((13..=15).contains(&asked), "{asked} requests in 5 s");
    }
}
