//! Recomputes a flight from its recording: the recorded inputs go through the pipeline again, and
//! every output must come out as it was recorded, byte for byte.
//!
//! | record | effect |
//! |---|---|
//! | an input of the navigator | what is still expected is missing; the input goes through the pipeline |
//! | an output, sent bytes, or a checkpoint | compared with the next expected one |
//! | the word that the process was started again | a navigator that knows nothing goes on |
//! | anything else, also bytes as a link's writer sent them | passed over |
//! | damage that cost only the header of a segment | passed over: no input is missing |
//! | other damage, or a gap | the comparison ends there: inputs are missing from then on; a restart of the process directly behind it goes on |
//!
//! It begins with the first record of the flight; where that one is gone, or a later segment is asked
//! for, with the first checkpoint from there on: everything in front of it is passed over, what is behind
//! it must come out again to the last bit.
//!
//! The recording is judged when its end is reached, as `fdr-replay verify` does.

use std::ops::Range;
use std::path::Path;

use fdr_format::records::LifecycleEvent;
use fdr_format::{
    Completeness, Damage, FindingKind, FlightId, FlightItem, FlightReader, RawRecord, Record,
    RecordType, Verification, VerifyOptions, first_difference, verify_with,
};
use serde::Serialize;

use crate::checkpoint::CheckpointError;
use crate::config::{ConfigError, Configuration};
use crate::flight::PROGRAM;
use crate::link::WIRE;
use crate::navigator::CORE_VERSION;
use crate::pipeline::{Pipeline, Product};
use crate::recorder::{input_from_record, output_from_record};

/// Room for any output's body; the largest is a checkpoint.
const BODY_MAX: usize = 1 << 16;

/// What a re-run found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rerun {
    /// The flight.
    pub flight_id: FlightId,
    /// Version of the core that recorded it.
    pub recorded_core_version: u32,
    /// Version of the core that re-ran it.
    pub core_version: u32,
    /// The checkpoint at which it began; `None` when it began with the flight.
    pub began_at: Option<Beginning>,
    /// Inputs that went through the pipeline again.
    pub inputs: u64,
    /// Recorded outputs that came out again, identical.
    pub outputs_identical: u64,
    /// Where the recording and the re-run part; nothing is compared behind it.
    pub difference: Option<Difference>,
    /// Why the comparison does not reach to the end of the flight.
    pub cut_short: Option<String>,
    /// How much of the recording is there; unknown when the comparison ended at a difference.
    pub completeness: Option<Completeness>,
}

impl Rerun {
    /// Whether every output of the whole recording came out again, byte for byte.
    #[must_use]
    pub fn identical(&self) -> bool {
        self.completeness == Some(Completeness::Complete) && self.cut_short.is_none()
    }
}

/// A checkpoint at which a re-run began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Beginning {
    /// Segment that holds it.
    pub segment: u32,
    /// Sequence number of its record.
    pub sequence: u64,
    /// Monotonic time of its record.
    pub monotonic_ms: u64,
}

/// The first output that is not what was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Segment that holds the record at which it was noticed.
    pub segment: u32,
    /// Sequence number of that record.
    pub sequence: u64,
    /// Monotonic time of that record.
    pub monotonic_ms: u64,
    /// What is different.
    #[serde(flatten)]
    pub kind: DifferenceKind,
}

/// How recording and re-run differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "difference", rename_all = "snake_case")]
pub enum DifferenceKind {
    /// Both have an output of this type; its bodies differ.
    Body {
        /// Type of both.
        record_type: RecordType,
        /// The first field that differs, with the element of an array.
        field: String,
        /// Its recorded value.
        recorded: String,
        /// Its recomputed value.
        recomputed: String,
    },
    /// The outputs are of different types.
    Type {
        /// Recorded.
        recorded: RecordType,
        /// Recomputed.
        recomputed: RecordType,
    },
    /// The recording has an output that did not come out again.
    NotRecomputed {
        /// Its type.
        record_type: RecordType,
    },
    /// An output came out that the recording does not have.
    NotRecorded {
        /// Its type.
        record_type: RecordType,
    },
}

/// Why a recording cannot be re-run.
#[derive(Debug, thiserror::Error)]
pub enum RerunError {
    /// There is no flight to read.
    #[error(transparent)]
    Open(#[from] fdr_format::OpenError),
    /// There is no record to read.
    #[error(transparent)]
    Verify(#[from] fdr_format::VerifyError),
    /// No readable segment header, so that the configuration of the flight is unknown.
    #[error(
        "flight {flight_id}: no readable segment header holds its configuration; judge it with: fdr-replay verify"
    )]
    NoConfiguration {
        /// The flight.
        flight_id: FlightId,
    },
    /// The recorded configuration is not one of this version.
    #[error(
        "flight {flight_id}: its recorded configuration cannot be used by this version: {source}"
    )]
    Configuration {
        /// The flight.
        flight_id: FlightId,
        /// Why.
        source: ConfigError,
    },
    /// The checkpoint to begin with is not one of this version.
    #[error("flight {flight_id}, record {sequence}: {source}")]
    Checkpoint {
        /// The flight.
        flight_id: FlightId,
        /// The record.
        sequence: u64,
        /// Why.
        source: CheckpointError,
    },
    /// There is no checkpoint to begin with.
    #[error(
        "flight {flight_id}: no checkpoint from segment {from_segment} on, so the state there is unknown; begin with an earlier segment"
    )]
    NoCheckpoint {
        /// The flight.
        flight_id: FlightId,
        /// First segment that was searched.
        from_segment: u32,
    },
    /// A body of a known type cannot be read although its checksum holds.
    #[error("flight {flight_id}, record {sequence}: {source}; it was written by another version")]
    Body {
        /// The flight.
        flight_id: FlightId,
        /// The record.
        sequence: u64,
        /// Why.
        source: fdr_format::DecodeError,
    },
}

/// Re-runs the flight at `path`: its folder, or a folder that holds only it.
///
/// # Errors
/// When it cannot be read at all, or holds a configuration or body that this version cannot read.
pub fn rerun(path: impl AsRef<Path>) -> Result<Rerun, RerunError> {
    rerun_with(FlightReader::open(path)?, 0, |_, _| {})
}

/// As [`rerun`], from the first checkpoint in segment `from_segment` or behind it; 0 is the start of the
/// flight. `progress` is told bytes read and bytes in all, now and then.
///
/// # Errors
/// As [`rerun`].
pub fn rerun_with(
    mut reader: FlightReader,
    from_segment: u32,
    mut progress: impl FnMut(u64, u64),
) -> Result<Rerun, RerunError> {
    const PROGRESS_EVERY: u64 = 1 << 14;
    let mut comparison = Comparison::new(&reader, from_segment)?;
    let bytes_total = reader.bytes_total();
    let mut seen: u64 = 0;
    while comparison.result.difference.is_none() {
        if seen.is_multiple_of(PROGRESS_EVERY) {
            progress(reader.bytes_read(), bytes_total);
        }
        seen += 1;
        match reader.next_item() {
            Ok(Some(FlightItem::Record { segment, record })) => {
                comparison.take(segment, &record)?
            }
            Ok(Some(FlightItem::Damage { segment, damage })) => comparison.damage(segment, &damage),
            Ok(Some(FlightItem::Refused { segment, error })) => {
                comparison.cut_short(format!("segment {segment}: {error}"));
            }
            Ok(None) => {
                let options = VerifyOptions::default();
                return comparison.end(verify_with(&reader, &options, &mut progress)?);
            }
            Err(error) => comparison.cut_short(error.to_string()),
        }
    }
    Ok(comparison.result)
}

/// The comparison between recorded and recomputed outputs, record by record.
#[derive(Debug)]
struct Comparison {
    result: Rerun,
    /// `None` until the first checkpoint is found, where the start of the flight is not there.
    pipeline: Option<Pipeline>,
    configuration: Configuration,
    from_segment: u32,
    expected: Expected,
    /// Damage at the start of a segment, until the next item shows what it cost.
    header_damage: Option<String>,
    /// Whether an input or output lies behind a gap.
    passed_over: bool,
    /// Whether the flight footer was read; without it the outputs of the last input may be missing.
    closed: bool,
    /// Place of the last record that was looked at.
    last: Place,
}

#[derive(Debug, Clone, Copy, Default)]
struct Place {
    segment: u32,
    sequence: u64,
    monotonic_ms: u64,
}

impl Comparison {
    /// Configuration and core version come from any segment whose header is readable.
    fn new(reader: &FlightReader, from_segment: u32) -> Result<Self, RerunError> {
        let flight_id = reader.flight_id();
        let flight = reader
            .description()
            .ok_or(RerunError::NoConfiguration { flight_id })?;
        let configuration = Configuration::parse(&flight.configuration)
            .map_err(|source| RerunError::Configuration { flight_id, source })?;
        Ok(Self {
            result: Rerun {
                flight_id,
                recorded_core_version: flight.core_version,
                core_version: CORE_VERSION,
                began_at: None,
                inputs: 0,
                outputs_identical: 0,
                difference: None,
                cut_short: None,
                completeness: None,
            },
            pipeline: (from_segment.max(reader.first_segment()) == 0)
                .then(|| Pipeline::new(&configuration)),
            configuration,
            from_segment,
            expected: Expected::default(),
            header_damage: None,
            passed_over: false,
            closed: false,
            last: Place::default(),
        })
    }

    fn take(&mut self, segment: u32, raw: &RawRecord<'_>) -> Result<(), RerunError> {
        if self.pipeline.is_none() {
            return self.seek(segment, raw);
        }
        if let Some(damage) = self.header_damage.take() {
            self.cut_short(damage);
        }
        if self.result.cut_short.is_some() && !self.begins_anew(raw)? {
            return Ok(());
        }
        self.last = Place {
            segment,
            sequence: raw.sequence,
            monotonic_ms: raw.monotonic_ms,
        };
        if is_output(raw.record_type) {
            if !self.is_of_the_wire(raw)? {
                self.compare(raw);
            }
            return Ok(());
        }
        let record = self.decode(raw)?;
        if is_restart(&record) {
            // What the old process still had to say went with it.
            self.expected.clear();
            self.pipeline = Some(Pipeline::new(&self.configuration));
        }
        self.closed |= matches!(record, Record::FlightFooter(_));
        if matches!(record, Record::AnchorDecision(_)) && output_from_record(&record).is_some() {
            self.compare(raw);
            return Ok(());
        }
        let Some(input) = input_from_record(&record) else {
            return Ok(());
        };
        self.nothing_is_expected();
        let Some(pipeline) = &mut self.pipeline else {
            return Ok(());
        };
        let expected = &mut self.expected;
        expected.clear();
        let infallible: Result<(), std::convert::Infallible> =
            pipeline.handle(&input, &mut |product| {
                if !matches!(product, Product::Input(_)) {
                    expected.push(&product.record());
                }
                Ok(())
            });
        let Ok(()) = infallible;
        self.result.inputs += 1;
        Ok(())
    }

    /// Whether the comparison goes on behind a gap: with the word that the process was started again, when
    /// nothing that should have been compared lies between. What the old process had not written yet is
    /// lost, and told by the verdict on the recording.
    fn begins_anew(&mut self, raw: &RawRecord<'_>) -> Result<bool, RerunError> {
        let record = self.decode(raw)?;
        if is_restart(&record) && !self.passed_over {
            self.result.cut_short = None;
            return Ok(true);
        }
        self.passed_over |= input_from_record(&record).is_some()
            || (is_output(raw.record_type) && !self.is_of_the_wire(raw)?);
        Ok(false)
    }

    /// Whether these are bytes as a link's writer sent them: they depend on its key and its number.
    fn is_of_the_wire(&self, raw: &RawRecord<'_>) -> Result<bool, RerunError> {
        if raw.record_type != RecordType::SENT_FC_BYTES {
            return Ok(false);
        }
        let record = self.decode(raw)?;
        Ok(matches!(record, Record::SentFcBytes(body) if body.link & WIRE != 0))
    }

    fn decode<'r>(&self, raw: &RawRecord<'r>) -> Result<Record<'r>, RerunError> {
        raw.decode().map_err(|source| RerunError::Body {
            flight_id: self.result.flight_id,
            sequence: raw.sequence,
            source,
        })
    }

    /// Passes over everything in front of the checkpoint to begin with.
    fn seek(&mut self, segment: u32, raw: &RawRecord<'_>) -> Result<(), RerunError> {
        self.header_damage = None;
        let wanted = segment >= self.from_segment && raw.record_type == RecordType::CHECKPOINT;
        if !wanted {
            return Ok(());
        }
        let Record::Checkpoint(checkpoint) = self.decode(raw)? else {
            return Ok(());
        };
        let pipeline = Pipeline::from_checkpoint(checkpoint.bytes.0).map_err(|source| {
            RerunError::Checkpoint {
                flight_id: self.result.flight_id,
                sequence: raw.sequence,
                source,
            }
        })?;
        self.pipeline = Some(pipeline);
        self.result.began_at = Some(Beginning {
            segment,
            sequence: raw.sequence,
            monotonic_ms: raw.monotonic_ms,
        });
        Ok(())
    }

    fn compare(&mut self, raw: &RawRecord<'_>) {
        let kind = match self.expected.next() {
            None => DifferenceKind::NotRecomputed {
                record_type: raw.record_type,
            },
            Some((record_type, _)) if record_type != raw.record_type => DifferenceKind::Type {
                recorded: raw.record_type,
                recomputed: record_type,
            },
            Some((RecordType::CHECKPOINT, body)) => {
                let same_version = self.result.recorded_core_version == CORE_VERSION;
                if !same_version || raw.body == body {
                    // The state of another version has another encoding; its outputs are compared.
                    self.result.outputs_identical += u64::from(same_version);
                    return;
                }
                checkpoint_difference(raw.body, body)
            }
            Some((record_type, body)) => {
                let Some(found) = first_difference(record_type, raw.body, body) else {
                    self.result.outputs_identical += 1;
                    return;
                };
                DifferenceKind::Body {
                    record_type,
                    field: found.field,
                    recorded: found.left,
                    recomputed: found.right,
                }
            }
        };
        self.differs(kind);
    }

    /// Before the next input and at the end every recomputed output must have been met.
    fn nothing_is_expected(&mut self) {
        if let Some((record_type, _)) = self.expected.next() {
            self.differs(DifferenceKind::NotRecorded { record_type });
        }
    }

    fn differs(&mut self, kind: DifferenceKind) {
        self.result.difference.get_or_insert(Difference {
            segment: self.last.segment,
            sequence: self.last.sequence,
            monotonic_ms: self.last.monotonic_ms,
            kind,
        });
    }

    /// Damage from byte 0 of a segment that cost a single record cost its header: every input is
    /// still there.
    fn damage(&mut self, segment: u32, damage: &Damage) {
        if self.pipeline.is_none() {
            return;
        }
        let why = format!("segment {segment}: {damage}");
        match (*damage, self.header_damage.take()) {
            (Damage::Bytes { start: 0, .. }, None) => self.header_damage = Some(why),
            (
                Damage::Gap {
                    first_missing,
                    last_missing,
                    ..
                },
                Some(_),
            ) if first_missing == last_missing => {}
            (_, header_damage) => self.cut_short(header_damage.unwrap_or(why)),
        }
    }

    fn cut_short(&mut self, why: String) {
        self.result.cut_short.get_or_insert(why);
    }

    /// A recorder that was not closed may have ended between an input and its outputs.
    fn end(mut self, verdict: Verification) -> Result<Rerun, RerunError> {
        if self.pipeline.is_none() {
            return Err(RerunError::NoCheckpoint {
                flight_id: self.result.flight_id,
                from_segment: self.from_segment,
            });
        }
        if let Some(damage) = self.header_damage.take() {
            self.cut_short(damage);
        }
        if self.closed && self.result.cut_short.is_none() {
            self.nothing_is_expected();
        }
        let end_is_missing = verdict
            .findings
            .into_iter()
            .find(|finding| matches!(finding.kind, FindingKind::TornTail | FindingKind::Unclosed));
        if let Some(finding) = end_is_missing.filter(|_| !self.closed) {
            self.cut_short(finding.text);
        }
        self.result.completeness = Some(verdict.completeness);
        Ok(self.result)
    }
}

/// Whether a process was started again here and went on with the flight, with a navigator that knew
/// nothing.
fn is_restart(record: &Record<'_>) -> bool {
    matches!(record, Record::ComponentLifecycleEvent(body)
        if body.component == PROGRAM && body.event == LifecycleEvent::Restarted)
}

fn is_output(record_type: RecordType) -> bool {
    matches!(
        record_type,
        RecordType::EMITTED_EXTERNAL_POSITION
            | RecordType::SOURCE_LABEL_TRANSITION
            | RecordType::NAVIGATOR_EVENT
            | RecordType::VISUAL_BLACKOUT_EVENT
            | RecordType::SPOOFING_PROMOTION_EVENT
            | RecordType::THERMAL_THROTTLE_HYBRID_SWITCH
            | RecordType::SEARCH_WINDOW
            | RecordType::SENT_FC_BYTES
            | RecordType::CHECKPOINT
    )
}

/// A state of tens of kilobytes is not shown: the first byte that differs is named.
fn checkpoint_difference(recorded: &[u8], recomputed: &[u8]) -> DifferenceKind {
    let at = recorded
        .iter()
        .zip(recomputed)
        .take_while(|(a, b)| a == b)
        .count();
    let shown = |bytes: &[u8]| match bytes.get(at) {
        Some(byte) => format!("{byte:#04x} at byte {at} of {}", bytes.len()),
        None => format!("ends at byte {at}"),
    };
    DifferenceKind::Body {
        record_type: RecordType::CHECKPOINT,
        field: "bytes".to_owned(),
        recorded: shown(recorded),
        recomputed: shown(recomputed),
    }
}

/// Encoded outputs of one input that wait for their records.
#[derive(Debug)]
struct Expected {
    bytes: Vec<u8>,
    bodies: Vec<(RecordType, Range<usize>)>,
    next: usize,
    scratch: Vec<u8>,
}

impl Default for Expected {
    fn default() -> Self {
        Self {
            bytes: Vec::new(),
            bodies: Vec::new(),
            next: 0,
            scratch: vec![0; BODY_MAX],
        }
    }
}

impl Expected {
    fn clear(&mut self) {
        self.bytes.clear();
        self.bodies.clear();
        self.next = 0;
    }

    fn push(&mut self, record: &Record<'_>) {
        // A body that does not fit could not have been recorded: it stays empty and so differs.
        let length = record.encode_body(&mut self.scratch).unwrap_or(0);
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&self.scratch[..length]);
        self.bodies
            .push((record.record_type(), start..start + length));
    }

    fn next(&mut self) -> Option<(RecordType, &[u8])> {
        let (record_type, range) = self.bodies.get(self.next)?;
        self.next += 1;
        Some((*record_type, &self.bytes[range.clone()]))
    }
}
