//! Gathers the records of all producers and hands each to its streams: all to the bulk stream, the
//! essential ones to the essential stream too.
//!
//! Driven by its caller, who also tells the time; the thread around it is in `service`.

use std::sync::Arc;

use fdr_format::{
    ClockAnchor, EncodeError, FlightParameters, LongBytes, Record, RecordType,
    records::{LossCause, RecorderTelemetry},
};

use super::block::BLOCK_BYTES;
use super::essential::EssentialFilter;
use super::events::{RecorderEvent, RecorderEventKind};
use super::freeze::FreezeDetector;
use super::lane::{Lane, LaneStart, Surroundings};
use super::notices::{Notices, Order};
use super::refusals::Refusals;
use super::ring::{Received, RecordReceiver, Refused};
use super::staging::{Explained, Staging};
use super::status::Status;
use super::tally::{Loss, refusal_cause, with_refusal_record};

/// Entries taken from one ring before the next one has its turn.
const TURN: usize = 256;
/// Bytes taken from one ring before the next one has its turn: about half a block.
const TURN_BYTES: usize = BLOCK_BYTES / 2;
/// Time between two records of the recorder's own figures.
const TELEMETRY_NS: u64 = 1_000_000_000;

/// How a collector works.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CollectorOptions {
    /// The bulk stream.
    pub bulk: LaneStart,
    /// The essential stream, where there is one.
    pub essential: Option<LaneStart>,
    /// Whether it is the first process that records this flight.
    pub begins_flight: bool,
    /// Whether the recorder's own figures are recorded once a second.
    pub telemetry: bool,
    /// Specific force that counts as an impact, m/s^2.
    pub impact_mps2: f64,
}

/// What a collector works with.
#[derive(Debug)]
pub struct CollectorParts {
    /// The flight.
    pub parameters: FlightParameters,
    /// The ends of the producers' rings.
    pub receivers: Vec<RecordReceiver>,
    /// Where blocks go.
    pub staging: Arc<Staging>,
    /// Where figures go.
    pub status: Arc<Status>,
    /// Where events come from and go to.
    pub notices: Arc<Notices>,
}

/// The collector.
#[derive(Debug)]
pub struct Collector {
    parts: CollectorParts,
    bulk: Lane,
    essential: Option<Lane>,
    filter: EssentialFilter,
    freeze: FreezeDetector,
    telemetry: bool,
    telemetry_due_ns: u64,
    clock: ClockAnchor,
}

/// The surroundings of a lane, from the parts alone: the lanes are borrowed beside them.
macro_rules! around {
    ($self:ident) => {
        Surroundings {
            parameters: &$self.parts.parameters,
            staging: &$self.parts.staging,
            status: &$self.parts.status,
            clock: $self.clock,
        }
    };
}

impl Collector {
    /// Begins the flight, or goes on with it: the first block of each stream holds the headers.
    ///
    /// # Errors
    /// When the headers do not fit into a block.
    pub fn new(options: &CollectorOptions, parts: CollectorParts) -> Result<Self, EncodeError> {
        let around = Surroundings {
            parameters: &parts.parameters,
            staging: &parts.staging,
            status: &parts.status,
            clock: parts.parameters.clock,
        };
        let mut bulk = Lane::begin(&options.bulk, around)?;
        let mut essential = match &options.essential {
            Some(start) => Some(Lane::begin(start, around)?),
            None => None,
        };
        if options.begins_flight {
            bulk.flight_header(around);
            if let Some(lane) = &mut essential {
                lane.flight_header(around);
            }
        }
        let telemetry_due_ns = parts.parameters.clock.monotonic_ns + TELEMETRY_NS;
        Ok(Self {
            clock: parts.parameters.clock,
            parts,
            bulk,
            essential,
            filter: EssentialFilter::default(),
            freeze: FreezeDetector::new(options.impact_mps2),
            telemetry: options.telemetry,
            telemetry_due_ns,
        })
    }

    /// Takes what the rings hold at `now_ns` and says how many entries that were. Seals the blocks
    /// whose time has come.
    pub fn drain(&mut self, now_ns: u64) -> usize {
        self.hear_losses(now_ns);
        self.hear_events(now_ns);
        let mut entries = 0;
        for index in 0..self.parts.receivers.len() {
            entries += self.drain_one(index, now_ns);
        }
        if self.telemetry && now_ns >= self.telemetry_due_ns {
            self.record_telemetry(now_ns);
        }
        if let Some(reason) = self.freeze.passes(now_ns) {
            self.parts.notices.order(Order::Freeze(reason));
        }
        self.parts.status.collected(self.bulk.next_sequence());
        let around = around!(self);
        self.bulk.flush_when_due(now_ns, around);
        if let Some(lane) = &mut self.essential {
            lane.flush_when_due(now_ns, around);
        }
        entries
    }

    /// The segments that are begun from now on say so: a moment in two clocks.
    pub fn anchor(&mut self, clock: ClockAnchor) {
        self.clock = clock;
    }

    /// Seals the blocks: their records are on the device as soon as the disk allows.
    pub fn flush(&mut self, now_ns: u64) {
        let around = around!(self);
        self.bulk.flush(now_ns, around);
        if let Some(lane) = &mut self.essential {
            lane.flush(now_ns, around);
        }
    }

    /// Whether all producers are gone and all they sent is collected.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.parts.receivers.iter().all(RecordReceiver::is_finished)
    }

    /// Time of the newest record.
    #[must_use]
    pub fn last_ns(&self) -> u64 {
        self.bulk.last_ns()
    }

    /// Ends the flight with its footers.
    pub fn finish(mut self, now_ns: u64) {
        self.drain(now_ns);
        let around = around!(self);
        self.bulk.begin_end(now_ns, around);
        if let Some(lane) = &mut self.essential {
            lane.begin_end(now_ns, around);
        }
        self.hear_losses(now_ns);
        for index in 0..self.parts.receivers.len() {
            if let Some(refusals) = self.parts.receivers[index].take_unsent() {
                self.refusals(&refusals, now_ns);
            }
        }
        let around = around!(self);
        if let Some(lane) = &mut self.essential {
            lane.finish(now_ns, around);
        }
        self.bulk.finish(now_ns, around);
        self.parts.status.collected(self.bulk.next_sequence());
        self.parts.staging.close();
    }

    /// Number of the next record.
    #[must_use]
    pub fn next_sequence(&self) -> u64 {
        self.bulk.next_sequence()
    }

    /// Records a loss where it belongs, says it in the essential stream too, and tells it.
    pub fn record_loss(&mut self, loss: Loss, now_ns: u64) {
        let around = around!(self);
        self.parts.status.dropped(loss.lost.records);
        if loss.is_drop() {
            self.parts.status.dropped_for_room(loss.lost.records);
        }
        self.parts.notices.tell(RecorderEvent {
            time_ns: now_ns,
            kind: RecorderEventKind::Lost {
                cause: loss.cause,
                segment: Some(loss.segment),
                records: loss.lost.records,
            },
            text: loss.text(),
        });
        match (loss.stream(), &mut self.essential) {
            (fdr_format::Stream::Essential, Some(lane)) => lane.loss(loss, now_ns, around),
            (fdr_format::Stream::Essential, None) => {}
            (fdr_format::Stream::Bulk, essential) => {
                if let Some(lane) = essential {
                    loss.with_record(now_ns, |record| lane.append_own(record, now_ns, around));
                }
                self.bulk.loss(loss, now_ns, around);
            }
        }
    }

    /// Records something of the recorder itself, in both streams.
    pub fn record_own(&mut self, record: &Record<'_>, now_ns: u64) {
        self.append_own(record, now_ns);
    }

    fn append_own(&mut self, record: &Record<'_>, now_ns: u64) {
        let around = around!(self);
        self.bulk.append_own(record, now_ns, around);
        if let Some(lane) = &mut self.essential {
            lane.append_own(record, now_ns, around);
        }
    }

    fn append(&mut self, record: &Record<'_>, monotonic_ns: u64) {
        let around = around!(self);
        self.bulk.append(record, monotonic_ns, around);
        if let Some(lane) = &mut self.essential
            && self.filter.takes(record.record_type(), monotonic_ns)
        {
            lane.append(record, monotonic_ns, around);
        }
    }

    fn drain_one(&mut self, index: usize, now_ns: u64) -> usize {
        // The receiver leaves its place for the turn, because its bodies are borrowed while the
        // collector frames them.
        let mut receiver = self.parts.receivers.swap_remove(index);
        let (mut entries, mut bytes) = (0, 0);
        while entries < TURN && bytes < TURN_BYTES {
            match receiver.receive() {
                Some(Received::Record {
                    record_type,
                    monotonic_ns,
                    body,
                }) => {
                    bytes += body.len();
                    self.take(record_type, monotonic_ns, body);
                }
                Some(Received::Refusals(refusals)) => self.refusals(&refusals, now_ns),
                None => break,
            }
            entries += 1;
        }
        self.parts.status.ring_free(receiver.free_bytes());
        self.parts.receivers.push(receiver);
        let last = self.parts.receivers.len() - 1;
        self.parts.receivers.swap(index, last);
        entries
    }

    fn take(&mut self, record_type: RecordType, monotonic_ns: u64, body: &[u8]) {
        if let Some(reason) = self.freeze.record(record_type, monotonic_ns, body) {
            self.parts.notices.order(Order::Freeze(reason));
        }
        let body = LongBytes(body);
        self.append(&Record::Unknown { record_type, body }, monotonic_ns);
    }

    fn refusals(&mut self, refusals: &Refusals, now_ns: u64) {
        for reason in [Refused::RingFull, Refused::TooLong] {
            let records: u64 = refusals.by_type(reason).map(|(_, count)| count).sum();
            if records == 0 {
                continue;
            }
            let cause = refusal_cause(reason);
            self.bulk.count_refused(cause, records);
            self.parts.status.refused(records);
            self.parts.notices.tell(RecorderEvent {
                time_ns: now_ns,
                kind: RecorderEventKind::Lost {
                    cause,
                    segment: None,
                    records,
                },
                text: format!("{records} records refused before they were numbered"),
            });
        }
        self.record_refusals(refusals, now_ns);
    }

    fn record_refusals(&mut self, refusals: &Refusals, now_ns: u64) {
        if self.bulk.is_silent(around!(self)) {
            self.parts
                .staging
                .queue()
                .ledger()
                .put_back_refusals(refusals);
            return;
        }
        for reason in [Refused::RingFull, Refused::TooLong] {
            with_refusal_record(refusals, reason, now_ns, |record| {
                self.append_own(record, now_ns);
            });
        }
        let explained = Explained::Refusals(Box::new(refusals.clone()));
        self.bulk.explain_refusals(explained, around!(self));
    }

    /// Records what was lost since the last time, and leaves segments that failed.
    fn hear_losses(&mut self, now_ns: u64) {
        let around = around!(self);
        self.bulk.leave_failed(now_ns, around);
        if let Some(lane) = &mut self.essential {
            lane.leave_failed(now_ns, around);
        }
        let (losses, refusals) = self.parts.staging.queue().ledger().take_losses();
        for loss in losses {
            self.record_loss(loss, now_ns);
        }
        if !refusals.is_empty() {
            self.record_refusals(&refusals, now_ns);
        }
        let around = around!(self);
        self.bulk.resume(now_ns, around);
        if let Some(lane) = &mut self.essential {
            lane.resume(now_ns, around);
        }
        if let Some((cause, records)) = self.bulk.take_held(now_ns) {
            self.tell_held(cause, records, now_ns);
        }
    }

    /// While the bulk stream holds, the essential stream says what that costs.
    fn tell_held(&mut self, cause: LossCause, records: u64, now_ns: u64) {
        let event = RecorderEvent {
            time_ns: now_ns,
            kind: RecorderEventKind::Degraded {
                cause,
                stream: fdr_format::Stream::Bulk,
            },
            text: format!("{records} of the newest bulk records are not recorded"),
        };
        let around = around!(self);
        if let Some(lane) = &mut self.essential {
            event.with_record(cause.name(), |record| lane.append(record, now_ns, around));
        }
    }

    fn hear_events(&mut self, now_ns: u64) {
        while let Some(event) = self.parts.notices.next_to_record() {
            if event.kind == RecorderEventKind::Thawed {
                self.freeze.reset();
            }
            event.with_record(event.cause(), |record| self.append_own(record, now_ns));
        }
    }

    fn record_telemetry(&mut self, now_ns: u64) {
        self.telemetry_due_ns = now_ns.saturating_add(TELEMETRY_NS);
        let staging_free = self.parts.staging.queue().take_free_min() * BLOCK_BYTES;
        let telemetry: RecorderTelemetry = self
            .parts
            .status
            .take_telemetry(now_ns, staging_free as u64);
        self.append(&telemetry.into(), now_ns);
    }
}
