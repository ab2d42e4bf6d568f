//! The first pass over a log: what must be known before anything is recorded.

use super::progress::{Pass, Stopped, Told, Watcher};
use crate::autopilot::ardupilot::VehicleLock;
use crate::autopilot::mavlink::LinkStatistics;
use crate::autopilot::tlog::{ClockCounts, Entry, TlogReader};

/// Message id of HEARTBEAT, the only message that is looked into.
const HEARTBEAT: u32 = 0;
/// A log whose first bytes, so many, hold no frame is none: the rest is not looked at.
const HEAD: usize = 16 << 20;

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
    /// Bytes that were looked at.
    pub read: u64,
}

impl Survey {
    /// Reads a whole log, looking for the autopilot of `system`, or of any system when `None`. Stops
    /// where the log's clock cannot be followed any further.
    ///
    /// # Errors
    /// When `watcher` stopped it.
    pub fn of(log: &[u8], system: Option<u8>, watcher: Watcher<'_>) -> Result<Self, Stopped> {
        let total = log.len() as u64;
        let mut told = Told::new(watcher, Pass::Survey, total);
        let log = readable(log);
        let mut reader = TlogReader::new(log);
        let mut lock = VehicleLock::new(system);
        let mut times: Option<(u64, u64)> = None;
        while let Ok(Some(entry)) = reader.next_entry() {
            told.tell(reader.position())?;
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
        Ok(Self {
            start_us,
            end_us,
            vehicle: lock.system(),
            statistics: reader.statistics().clone(),
            clock: reader.clock_counts(),
            read: log.len() as u64,
        })
    }

    /// Time from the first message to the last.
    #[must_use]
    pub fn duration_us(&self) -> u64 {
        self.end_us - self.start_us
    }
}

/// All of `log`, or its head when that holds no frame.
fn readable(log: &[u8]) -> &[u8] {
    let head = &log[..log.len().min(HEAD)];
    let mut reader = TlogReader::new(head);
    while let Ok(Some(entry)) = reader.next_entry() {
        if matches!(entry, Entry::Frame { .. }) {
            return log;
        }
    }
    head
}
