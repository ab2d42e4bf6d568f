//! The first pass over a log: what must be known before anything is recorded.

use crate::autopilot::ardupilot::VehicleLock;
use crate::autopilot::mavlink::LinkStatistics;
use crate::autopilot::tlog::{ClockCounts, Entry, TlogReader};

/// Message id of HEARTBEAT, the only message that is looked into.
const HEARTBEAT: u32 = 0;

/// What a log holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// Time of the first message, microseconds since 1970.
    pub start_us: u64,
    /// Time of the last message that can be reached.
    pub end_us: u64,
    /// The vehicle: the configured system or the first autopilot heard.
    pub vehicle: Option<u8>,
    /// Frames and refusals.
    pub statistics: LinkStatistics,
    /// How the stamps behaved.
    pub clock: ClockCounts,
}

impl Survey {
    /// Reads a whole log, looking for the autopilot of `system`, or of any system when `None`. Stops
    /// where the log's clock cannot be followed any further.
    #[must_use]
    pub fn of(log: &[u8], system: Option<u8>) -> Self {
        let mut reader = TlogReader::new(log);
        let mut lock = VehicleLock::new(system);
        let mut times: Option<(u64, u64)> = None;
        while let Ok(Some(entry)) = reader.next_entry() {
            let Entry::Frame { time_us, frame, .. } = entry else {
                continue;
            };
            times = Some((times.map_or(time_us, |(start, _)| start), time_us));
            if lock.system().is_none()
                && frame.message_id() == HEARTBEAT
                && let Ok(message) = frame.message()
            {
                lock.admits(frame.sender(), &message);
            }
        }
        let (start_us, end_us) = times.unwrap_or_default();
        Self {
            start_us,
            end_us,
            vehicle: lock.system(),
            statistics: reader.statistics().clone(),
            clock: reader.clock_counts(),
        }
    }

    /// Time from the first message to the last.
    #[must_use]
    pub fn duration_us(&self) -> u64 {
        self.end_us - self.start_us
    }
}
