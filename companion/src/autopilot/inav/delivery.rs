//! Whether our positions are taken. iNav never answers a position, and shows it back even when it is set to
//! use none; only four signs together are proof.
//!
//! | state | event | next | told |
//! |---|---|---|---|
//! | waiting | all signs hold | taken | positions are taken |
//! | waiting, taken | a sign is missing for [`PATIENCE_S`] while a fix is offered | not taken | which sign |
//! | not taken | all signs hold | taken | positions are taken |
//! | any | no fix is offered | as before, the patience starts again | - |

use crate::autopilot::live::LinkOutputs;
use crate::navigator::{MonotonicNs, Severity};

/// iNav counts nothing in its first 3.5 s, and the first frames behind a silence not at all.
pub const PATIENCE_S: f64 = 8.0;
/// What iNav may find between two of our frames, ms.
const PERIOD_MS: std::ops::RangeInclusive<u16> = 50..=200;
const SENSOR_WELL: u8 = 1;
const FIX_3D: u8 = 2;

/// The four signs, as last heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Evidence {
    /// The GPS sensor is in use.
    pub sensor_bit: Option<bool>,
    /// Health of the sensor.
    pub sensor_status: Option<u8>,
    /// Time between the last two frames, ms.
    pub last_dt_ms: Option<u16>,
    /// The fix as it comes back.
    pub fix: Option<u8>,
}

impl Evidence {
    /// The first sign that is missing, in words.
    #[must_use]
    pub fn missing(&self) -> Option<&'static str> {
        if self.sensor_bit != Some(true) {
            Some(
                "its GPS sensor is not in use; set feature GPS and gps_provider = MSP, and start it anew",
            )
        } else if self
            .sensor_status
            .is_some_and(|status| status != SENSOR_WELL)
        {
            Some("it finds its GPS sensor unwell; frames may get lost on the wire")
        } else if self.last_dt_ms.is_none_or(|ms| !PERIOD_MS.contains(&ms)) {
            Some("frames do not arrive at 10 Hz; check the speed of the port, and who else uses it")
        } else if self.fix != Some(FIX_3D) {
            Some("it has no 3D fix; check gps_min_sats")
        } else {
            None
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Taken,
    NotTaken,
}

/// The delivery of one link.
#[derive(Debug, Clone)]
pub struct Delivery {
    state: State,
    evidence: Evidence,
    /// Since when a fix is offered and a sign is missing.
    missing_since: Option<MonotonicNs>,
    offered: bool,
}

impl Default for Delivery {
    fn default() -> Self {
        Self {
            state: State::Waiting,
            evidence: Evidence::default(),
            missing_since: None,
            offered: false,
        }
    }
}

impl Delivery {
    /// The link, or the autopilot behind it, begins anew.
    pub fn begin_anew(&mut self) {
        *self = Self::default();
    }

    /// A position goes out; whether it is offered as a 3D fix.
    pub fn sent(&mut self, offered: bool) {
        self.offered = offered;
    }

    /// The signs.
    pub fn evidence(&mut self) -> &mut Evidence {
        &mut self.evidence
    }

    /// Whether the positions are known to be taken.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        self.state == State::Taken
    }

    /// Judges what is known at `now`.
    pub fn poll(&mut self, now: MonotonicNs, outputs: &mut LinkOutputs) {
        let missing = self.evidence.missing().filter(|_| self.offered);
        let Some(sign) = missing else {
            self.missing_since = None;
            if self.offered && self.state != State::Taken {
                self.state = State::Taken;
                outputs.tell(now, Severity::Info, "iNav takes our positions");
            }
            return;
        };
        let since = *self.missing_since.get_or_insert(now);
        if self.state != State::NotTaken && now.seconds_since(since) >= PATIENCE_S {
            self.state = State::NotTaken;
            let text = format!("iNav does not take our positions: {sign}");
            outputs.tell(now, Severity::Critical, text);
        }
    }
}
