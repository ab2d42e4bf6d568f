//! What a row of frames amounts to, and what is said when one is lost.

use fdr_format::records::{
    ComponentLifecycleEvent, LifecycleEvent, LossCause, Severity, TypeCount,
};
use fdr_format::{Digest, FrameHead, List, Record, RecordType, Stream, TypeCounts};

use super::refusals::Refusals;
use super::ring::Refused;

/// Name of this part of the program in records.
pub(super) const COMPONENT: &str = "recorder";
const NS_PER_MS: u64 = 1_000_000;

/// Numbers, times, bytes and types of some records.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    /// How many records.
    pub records: u64,
    /// Least and greatest sequence number.
    pub sequence: Option<(u64, u64)>,
    /// Least and greatest time of recording.
    pub monotonic_ms: Option<(u64, u64)>,
    /// Bytes of their frames.
    pub bytes: u64,
    /// How many of each type.
    pub counts: TypeCounts,
}

impl Tally {
    /// Counts one record.
    #[inline]
    pub fn add(&mut self, head: &FrameHead) {
        self.records += 1;
        self.sequence = widened(self.sequence, head.sequence);
        self.monotonic_ms = widened(self.monotonic_ms, head.monotonic_ms);
        self.bytes += head.length as u64;
        self.counts.add(head.record_type, 1);
    }

    /// Counts what `other` counted.
    pub fn merge(&mut self, other: &Self) {
        self.records += other.records;
        if let Some((first, last)) = other.sequence {
            self.sequence = widened(widened(self.sequence, first), last);
        }
        if let Some((first, last)) = other.monotonic_ms {
            self.monotonic_ms = widened(widened(self.monotonic_ms, first), last);
        }
        self.bytes += other.bytes;
        self.counts.merge(&other.counts);
    }
}

#[inline]
fn widened(range: Option<(u64, u64)>, value: u64) -> Option<(u64, u64)> {
    Some(match range {
        Some((first, last)) => (first.min(value), last.max(value)),
        None => (value, value),
    })
}

/// Records that had their numbers and are lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// Why.
    pub cause: LossCause,
    /// Their segment, as in its header.
    pub segment: u32,
    /// Which.
    pub lost: Tally,
    /// What they were.
    pub what: LostWhat,
}

/// What a [`Loss`] is the loss of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LostWhat {
    /// Records on their way to the device.
    Records,
    /// A closed segment, to make room. It is removed only when the record of its loss is durable.
    ClosedSegment {
        /// Its place in the chain, where it has a footer.
        chain: Option<Digest>,
    },
    /// Numbers that an earlier process may have given: whether there were such records is not known.
    Unknown,
}

impl Loss {
    /// The stream whose records they were.
    #[must_use]
    pub fn stream(&self) -> Stream {
        Stream::of(self.segment).0
    }

    /// Whether it is a closed segment that makes room.
    #[must_use]
    pub fn is_drop(&self) -> bool {
        matches!(self.what, LostWhat::ClosedSegment { .. })
    }

    /// For people.
    #[must_use]
    pub fn text(&self) -> String {
        let (first, last) = self.lost.sequence.unwrap_or_default();
        let records = self.lost.records;
        match self.what {
            LostWhat::Records => format!("{records} of the records {first} to {last} lost"),
            LostWhat::ClosedSegment { .. } => {
                format!("segment dropped with {records} records, {first} to {last}")
            }
            LostWhat::Unknown => {
                format!("records {first} to {last} may be missing: the recorder was started again")
            }
        }
    }

    /// Hands its record to `take`.
    pub fn with_record<T>(&self, time_ns: u64, take: impl FnOnce(&Record<'_>) -> T) -> T {
        let counts = type_counts(self.lost.counts.iter());
        let text = self.text();
        let times = self.lost.monotonic_ms;
        take(&Record::ComponentLifecycleEvent(ComponentLifecycleEvent {
            time_ns,
            severity: Severity::Warning,
            event: LifecycleEvent::FdrSegmentDropped,
            segment: Some(self.segment),
            first_sequence: self.lost.sequence.map(|(first, _)| first),
            last_sequence: self.lost.sequence.map(|(_, last)| last),
            first_time_ns: times.map(|(first, _)| first * NS_PER_MS),
            last_time_ns: times.map(|(_, last)| last * NS_PER_MS),
            bytes: self.lost.bytes,
            digest: match self.what {
                LostWhat::ClosedSegment { chain } => chain,
                LostWhat::Records | LostWhat::Unknown => None,
            },
            component: COMPONENT,
            cause: self.cause.name(),
            text: &text,
            counts: List::new(&counts),
        }))
    }
}

/// Why records that a ring refused for `reason` are lost.
#[must_use]
pub fn refusal_cause(reason: Refused) -> LossCause {
    match reason {
        Refused::RingFull => LossCause::RingFull,
        Refused::TooLong => LossCause::RecordTooLong,
    }
}

/// Hands the record of what a ring refused for `reason` to `take`; nothing when that is none.
pub fn with_refusal_record<T>(
    refusals: &Refusals,
    reason: Refused,
    time_ns: u64,
    take: impl FnOnce(&Record<'_>) -> T,
) -> Option<T> {
    let counts = type_counts(refusals.by_type(reason));
    let records: u64 = counts.iter().map(|count| count.count).sum();
    if records == 0 {
        return None;
    }
    let cause = refusal_cause(reason).name();
    let text = format!("{records} records refused before they were numbered");
    Some(take(&Record::ComponentLifecycleEvent(
        ComponentLifecycleEvent {
            time_ns,
            severity: Severity::Warning,
            event: LifecycleEvent::FdrRecordsRefused,
            segment: None,
            first_sequence: None,
            last_sequence: None,
            first_time_ns: Some(refusals.first_ns()),
            last_time_ns: Some(refusals.last_ns()),
            bytes: 0,
            digest: None,
            component: COMPONENT,
            cause,
            text: &text,
            counts: List::new(&counts),
        },
    )))
}

fn type_counts(counts: impl Iterator<Item = (RecordType, u64)>) -> Vec<TypeCount> {
    counts
        .map(|(record_type, count)| TypeCount { record_type, count })
        .collect()
}
