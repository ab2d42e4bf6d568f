//! What the recorder has to tell: each event is recorded, and queued for the ground station.

use std::collections::VecDeque;

use fdr_format::records::{ComponentLifecycleEvent, LifecycleEvent, LossCause, Severity};
use fdr_format::{List, Record, Stream};
use serde::Serialize;

use super::tally::COMPONENT;

/// Most events that wait for the ground station; beyond it the oldest are counted and forgotten there.
/// Each of them is recorded.
pub const EVENTS_MAX: usize = 256;

/// Something that a pilot should hear of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecorderEvent {
    /// When.
    pub time_ns: u64,
    /// What it is.
    pub kind: RecorderEventKind,
    /// For people.
    pub text: String,
}

/// What a [`RecorderEvent`] tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum RecorderEventKind {
    /// Records, or a whole segment, are lost.
    Lost {
        /// Why.
        #[serde(serialize_with = "cause_text")]
        cause: LossCause,
        /// Of which segment, where one was concerned.
        segment: Option<u32>,
        /// How many.
        records: u64,
    },
    /// Recording goes on with limits, or not at all for now.
    Degraded {
        /// Why.
        #[serde(serialize_with = "cause_text")]
        cause: LossCause,
        /// The stream concerned.
        stream: Stream,
    },
    /// Recording is as it should be again.
    Resumed {
        /// The stream concerned.
        stream: Stream,
    },
    /// Nothing is dropped any more to make room.
    Frozen,
    /// The oldest segments are dropped again.
    Thawed,
    /// A segment is kept whatever happens.
    Pinned {
        /// Which.
        segment: u32,
    },
    /// The flight goes on after its recorder had ended: a segment was read again.
    Recovered {
        /// Which.
        segment: u32,
    },
}

fn cause_text<S: serde::Serializer>(cause: &LossCause, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(cause.name())
}

impl RecorderEvent {
    /// How much it matters: what limits a recording or costs records is a warning.
    #[must_use]
    pub fn severity(&self) -> Severity {
        match self.kind {
            RecorderEventKind::Lost { .. }
            | RecorderEventKind::Degraded { .. }
            | RecorderEventKind::Recovered { .. } => Severity::Warning,
            RecorderEventKind::Frozen | RecorderEventKind::Thawed => Severity::Notice,
            RecorderEventKind::Resumed { .. } | RecorderEventKind::Pinned { .. } => Severity::Info,
        }
    }

    /// Hands its record to `take`. Losses and recoveries have records of their own, with figures.
    pub fn with_record(&self, cause: &str, take: impl FnOnce(&Record<'_>)) {
        let (event, segment) = match self.kind {
            RecorderEventKind::Lost { .. } | RecorderEventKind::Recovered { .. } => return,
            RecorderEventKind::Degraded { .. } => (LifecycleEvent::FdrDegraded, None),
            RecorderEventKind::Resumed { .. } => (LifecycleEvent::FdrResumed, None),
            RecorderEventKind::Frozen => (LifecycleEvent::FdrFrozen, None),
            RecorderEventKind::Thawed => (LifecycleEvent::FdrThawed, None),
            RecorderEventKind::Pinned { segment } => {
                (LifecycleEvent::FdrSegmentPinned, Some(segment))
            }
        };
        take(&Record::ComponentLifecycleEvent(ComponentLifecycleEvent {
            time_ns: self.time_ns,
            severity: self.severity(),
            event,
            segment,
            first_sequence: None,
            last_sequence: None,
            first_time_ns: None,
            last_time_ns: None,
            bytes: 0,
            digest: None,
            component: COMPONENT,
            cause,
            text: &self.text,
            counts: List::default(),
        }));
    }

    /// The word for its cause in its record.
    #[must_use]
    pub fn cause(&self) -> &'static str {
        match self.kind {
            RecorderEventKind::Lost { cause, .. } | RecorderEventKind::Degraded { cause, .. } => {
                cause.name()
            }
            _ => "",
        }
    }
}

/// Events on their way to the ground station, oldest first.
#[derive(Debug, Default)]
pub struct EventQueue {
    events: VecDeque<RecorderEvent>,
    forgotten: u64,
}

impl EventQueue {
    /// Queues one.
    pub fn push(&mut self, event: RecorderEvent) {
        if self.events.len() == EVENTS_MAX {
            self.events.pop_front();
            self.forgotten += 1;
        }
        self.events.push_back(event);
    }

    /// Takes all, and how many were forgotten before them since the last call.
    pub fn take(&mut self) -> (Vec<RecorderEvent>, u64) {
        let forgotten = std::mem::take(&mut self.forgotten);
        (self.events.drain(..).collect(), forgotten)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ground_station_that_never_asks_costs_a_bounded_queue_and_hears_what_it_missed() {
        let mut queue = EventQueue::default();
        for time_ns in 0..1000 {
            queue.push(RecorderEvent {
                time_ns,
                kind: RecorderEventKind::Frozen,
                text: String::new(),
            });
        }
        let (events, forgotten) = queue.take();
        assert_eq!((events.len(), forgotten), (EVENTS_MAX, 744));
        assert_eq!(events.last().map(|event| event.time_ns), Some(999));
        assert_eq!(queue.take().1, 0);
    }
}
