//! Makes a new recording of what is valid in a damaged one, which says of every record where it comes from
//! and never looks as if nothing had happened.
//!
//! | of the source | in the new recording |
//! |---|---|
//! | headers and footers | new ones; the headers carry the feature bit "recovered" |
//! | any other record | the same body and time, a new number; a `RecoveredRun` names segment, byte and number in the source |
//! | missing numbers | as many numbers left out, and a loss record: cause `damage`, or `source` when the source explains them |
//! | bytes that are no record | a `Log` record that names them |
//! | the verdict | the first `Recovery` record; `verify` never gives a lower code for the new recording |

use std::io;
use std::path::Path;

use serde::Serialize;

use super::parameters::{
    ClockAnchor, DEFAULT_SEGMENT_BYTES, FlightParameters, FlightSummary, WriteError,
};
use super::reader::{FlightItem, FlightReader};
use super::verify::{FindingKind, Verification};
use super::writer::FlightWriter;
use crate::frame::RawRecord;
use crate::identity::{BootId, FlightId, Stream};
use crate::layout::{List, LongBytes};
use crate::record::{
    ComponentLifecycleEvent, FlightSource, LifecycleEvent, Log, LossCause, Record, RecordType,
    RecoveredRun, Recovery, Severity,
};
use crate::segment::Damage;

/// Most places of damage that are named one by one.
const PLACES_MAX: u64 = 1000;
const NS_PER_MS: u64 = 1_000_000;
const COMPONENT: &str = "recover";

/// Why nothing was recovered, or not all of it.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// There is something where the new recording would go.
    #[error("{path}: exists and is not empty; name a folder that does not exist yet")]
    Exists {
        /// The folder.
        path: std::path::PathBuf,
    },
    /// The folder cannot be looked at.
    #[error("{path}: {source}; check the path and its permissions")]
    Io {
        /// The folder.
        path: std::path::PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The new recording cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// What was recovered.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RecoverySummary {
    /// The new recording's folder.
    pub folder: std::path::PathBuf,
    /// Its flight.
    pub flight_id: FlightId,
    /// The flight of the source.
    pub source_flight: FlightId,
    /// Exit code of `verify` for the source, and for the new recording.
    pub exit_code: u8,
    /// Records that were copied.
    pub records: u64,
    /// Rows of records in which they were copied.
    pub runs: u64,
    /// Numbers that are missing.
    pub missing_records: u64,
    /// Places in the source that are damaged or could not be read.
    pub damaged_places: u64,
}

/// The id of what is recovered from a stream of a flight: always the same one.
#[must_use]
pub fn recovered_flight_id(source: FlightId, stream: Stream) -> FlightId {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"GFDR recovered");
    hasher.update(&source.0).update(stream.folder().as_bytes());
    let mut id = [0; 16];
    hasher.finalize_xof().fill(&mut id);
    FlightId(id)
}

/// Recovers the stream that `reader` has just opened into a new folder `to`. `verdict` is that on the source;
/// `software_version` is of the program that recovers. `progress` is told bytes done and in all.
///
/// # Errors
/// When the folder holds something, or the new recording cannot be written.
pub fn recover(
    mut reader: FlightReader,
    verdict: &Verification,
    to: &Path,
    software_version: &str,
    mut progress: impl FnMut(u64, u64),
) -> Result<RecoverySummary, RecoverError> {
    const PROGRESS_EVERY: u64 = 1 << 14;
    refuse_to_overwrite(to)?;
    let parameters = parameters(&reader);
    let mut copy = Copy {
        last_ns: parameters.clock.monotonic_ns,
        writer: FlightWriter::create(to, parameters)?,
        verdict,
        stream: reader.stream(),
        run: None,
        runs: 0,
        records: 0,
        missing: 0,
        places: 0,
    };
    copy.begin(reader.flight_id(), software_version)?;
    let total = reader.bytes_total();
    let mut seen: u64 = 0;
    loop {
        seen += 1;
        if seen.is_multiple_of(PROGRESS_EVERY) {
            progress(reader.bytes_read(), total);
        }
        match reader.next_item() {
            Ok(Some(FlightItem::Record { segment, record })) => copy.record(segment, &record)?,
            Ok(Some(FlightItem::Damage { segment, damage })) => copy.damage(segment, &damage)?,
            Ok(Some(FlightItem::Refused { segment, error })) => {
                copy.place(segment, &error.to_string())?;
            }
            Err(error) => copy.place(error.segment, &error.to_string())?,
            Ok(None) => break,
        }
    }
    copy.end_run()?;
    let summary: FlightSummary = copy.writer.finish()?;
    Ok(RecoverySummary {
        folder: summary.folder,
        flight_id: summary.flight_id,
        source_flight: reader.flight_id(),
        exit_code: verdict.exit_code,
        records: copy.records,
        runs: copy.runs,
        missing_records: copy.missing,
        damaged_places: copy.places,
    })
}

fn refuse_to_overwrite(to: &Path) -> Result<(), RecoverError> {
    let is_empty = match std::fs::read_dir(to) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => false,
        Err(source) => {
            let path = to.to_owned();
            return Err(RecoverError::Io { path, source });
        }
    };
    match is_empty {
        true => Ok(()),
        false => Err(RecoverError::Exists {
            path: to.to_owned(),
        }),
    }
}

/// What the new headers say: what the source's first readable one does, as far as there is one.
fn parameters(reader: &FlightReader) -> FlightParameters {
    let about = reader.description();
    let source = about.and_then(|about| about.source.clone());
    let (source, source_name) = source.unwrap_or((FlightSource::Flight, String::new()));
    FlightParameters {
        flight_id: recovered_flight_id(reader.flight_id(), reader.stream()),
        boot_id: about.map_or(BootId([0; 16]), |about| about.boot_id),
        software_version: about.map_or(String::new(), |about| about.software_version.clone()),
        core_version: about.map_or(0, |about| about.core_version),
        configuration: about.map_or(String::new(), |about| about.configuration.clone()),
        source,
        source_name,
        clock: about.map_or(ClockAnchor::default(), |about| about.clock),
        keys: None,
        recovered: true,
        segment_bytes: DEFAULT_SEGMENT_BYTES,
    }
}

struct Copy<'v> {
    writer: FlightWriter,
    verdict: &'v Verification,
    stream: Stream,
    run: Option<RecoveredRun>,
    last_ns: u64,
    runs: u64,
    records: u64,
    missing: u64,
    places: u64,
}

impl Copy<'_> {
    fn begin(&mut self, source_flight: FlightId, software_version: &str) -> Result<(), WriteError> {
        let recovery = Recovery {
            time_ns: self.last_ns,
            source_flight,
            essential: self.stream == Stream::Essential,
            source_exit_code: self.verdict.exit_code,
            records: self.verdict.records,
            missing_records: self.verdict.missing_records,
            damaged_bytes: self.verdict.damaged_bytes,
            software_version,
        };
        self.writer.append(&recovery.into(), self.last_ns).map(drop)
    }

    fn record(&mut self, segment: u32, record: &RawRecord<'_>) -> Result<(), WriteError> {
        if is_structure(record.record_type) {
            return Ok(());
        }
        let time_ns = record.monotonic_ms.saturating_mul(NS_PER_MS);
        self.last_ns = self.last_ns.max(time_ns);
        let follows = |run: &RecoveredRun, sequence: u64| {
            run.segment == segment
                && run.source_sequence + run.records == record.sequence
                && run.sequence + run.records == sequence
        };
        let body = LongBytes(record.body);
        let record_type = record.record_type;
        let copied = Record::Unknown { record_type, body };
        let sequence = self.writer.append(&copied, time_ns)?;
        self.records += 1;
        match &mut self.run {
            Some(run) if follows(run, sequence) => run.records += 1,
            _ => {
                self.end_run()?;
                self.run = Some(RecoveredRun {
                    time_ns,
                    segment,
                    offset: record.offset,
                    source_sequence: record.sequence,
                    sequence,
                    records: 1,
                });
            }
        }
        Ok(())
    }

    fn end_run(&mut self) -> Result<(), WriteError> {
        if let Some(run) = self.run.take() {
            self.runs += 1;
            self.writer.append(&run.into(), self.last_ns)?;
        }
        Ok(())
    }

    fn damage(&mut self, segment: u32, damage: &Damage) -> Result<(), WriteError> {
        match *damage {
            Damage::Gap {
                first_missing,
                last_missing,
                ..
            } => self.gap(segment, first_missing, last_missing),
            Damage::Bytes { .. } | Damage::TornTail { .. } => {
                self.place(segment, &damage.to_string())
            }
        }
    }

    /// Leaves out as many numbers, so that a reader meets the hole where it is, and says why.
    fn gap(&mut self, segment: u32, first: u64, last: u64) -> Result<(), WriteError> {
        self.end_run()?;
        let records = (last - first).saturating_add(1);
        self.missing = self.missing.saturating_add(records);
        let explained = self.verdict.findings.iter().any(|finding| {
            finding.kind == FindingKind::DroppedRecords
                && finding.stream == Some(self.stream)
                && (finding.start, finding.end) == (Some(first), Some(last))
        });
        let cause = match explained {
            true => LossCause::Source,
            false => LossCause::Damage,
        };
        let gap = self.writer.leave_out(records)?;
        let text = format!(
            "records {first} to {last} of {} segment {}",
            self.stream,
            Stream::of(segment).1
        );
        let event = ComponentLifecycleEvent {
            time_ns: self.last_ns,
            severity: Severity::Warning,
            event: LifecycleEvent::FdrSegmentDropped,
            segment: None,
            first_sequence: Some(gap.0),
            last_sequence: Some(gap.1),
            first_time_ns: None,
            last_time_ns: None,
            bytes: 0,
            digest: None,
            component: COMPONENT,
            cause: cause.name(),
            text: &text,
            counts: List::default(),
        };
        self.writer.append(&event.into(), self.last_ns).map(drop)
    }

    fn place(&mut self, segment: u32, text: &str) -> Result<(), WriteError> {
        self.end_run()?;
        self.places += 1;
        if self.places > PLACES_MAX {
            return Ok(());
        }
        let (stream, number) = Stream::of(segment);
        let text = format!("{stream} segment {number} of the source: {text}");
        let log = Log {
            time_ns: self.last_ns,
            severity: Severity::Warning,
            target: COMPONENT,
            text: &text,
        };
        self.writer.append(&log.into(), self.last_ns).map(drop)
    }
}

fn is_structure(record_type: RecordType) -> bool {
    matches!(
        record_type,
        RecordType::SEGMENT_HEADER
            | RecordType::SEGMENT_FOOTER
            | RecordType::FLIGHT_HEADER
            | RecordType::FLIGHT_FOOTER
    )
}
