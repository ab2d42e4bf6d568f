//! What verification has seen of a flight, and what follows from it.

use std::io;

use super::findings::Findings;
use super::manifest::{content_disagreement, identity_disagreement};
use super::seal::{SealVerdict, judge_seal};
use super::segment::{Depth, SegmentReport, ToldLoss};
use super::stream::StreamJudge;
use super::{Completeness, FindingKind, StreamVerdict, TimeRange, Verification};
use crate::flight::drops::DropLog;
use crate::flight::reader::FlightReader;
use crate::flight::{FlightDescription, Manifest};
use crate::identity::{Digest, PublicKey, Stream};
use crate::record::TypeCounts;

/// What has been seen so far.
#[derive(Debug)]
pub(super) struct Judge {
    depth: Depth,
    flight: Option<FlightDescription>,
    manifest: io::Result<Option<Manifest>>,
    streams: [StreamJudge; 2],
    counts: TypeCounts,
    records: [u64; 2],
    time: Option<TimeRange>,
    bytes: u64,
    damaged_bytes: u64,
    source_code: u8,
    findings: Findings,
}

impl Judge {
    pub fn new(reader: &FlightReader, depth: Depth) -> Self {
        let flight = reader.description().cloned();
        let about = flight.as_ref();
        let streams =
            Stream::ALL.map(|stream| StreamJudge::new(stream, reader.files().of(stream), about));
        Self {
            depth,
            manifest: reader.manifest(),
            streams,
            counts: TypeCounts::default(),
            records: [0; 2],
            time: None,
            bytes: 0,
            damaged_bytes: 0,
            source_code: 0,
            findings: Findings::default(),
            flight,
        }
    }

    fn stream(&mut self, segment: u32) -> &mut StreamJudge {
        &mut self.streams[Stream::of(segment).0 as usize]
    }

    /// Number that is due at the start of the next segment of a stream.
    pub fn due(&self, stream: Stream) -> u64 {
        self.streams[stream as usize].due
    }

    /// Takes the report of the next segment of its stream.
    pub fn take(&mut self, report: SegmentReport, bytes: u64) {
        let holds = &report.holds;
        self.counts.merge(&holds.counts);
        self.records[Stream::of(report.segment).0 as usize] += holds.records;
        if let Some((least, greatest)) = holds.monotonic_ms {
            let time = TimeRange::including(self.time, least);
            self.time = Some(TimeRange::including(Some(time), greatest));
        }
        self.bytes += bytes;
        self.damaged_bytes += report.damaged_bytes;
        self.source_code = self.source_code.max(report.source_code.unwrap_or(0));
        for loss in &report.losses {
            self.stream(loss.segment).explain(*loss);
        }
        let index = Stream::of(report.segment).0 as usize;
        self.streams[index].take(report, &mut self.findings);
    }

    /// The verdict, when all segments were taken.
    pub fn verdict(
        mut self,
        reader: &FlightReader,
        device_key: Option<PublicKey>,
        prefix: &mut dyn FnMut(u32, u64) -> Option<Digest>,
    ) -> Verification {
        self.read_journal(reader);
        let manifest = match &self.manifest {
            Ok(Some(manifest)) if manifest.clean_shutdown => Some(manifest),
            _ => None,
        };
        for stream in &mut self.streams {
            stream.close(manifest, prefix, &mut self.findings);
            if self.depth == Depth::Full {
                stream.judge_chain(&mut self.findings);
            }
        }
        let end_is_missing = self.judge_ends();
        let mut seal = SealVerdict::default();
        if self.depth == Depth::Full {
            self.judge_manifest(reader, end_is_missing);
            let flight = self.flight.as_ref();
            seal = judge_seal(
                reader,
                flight,
                &self.streams,
                device_key,
                &mut self.findings,
            );
        }
        self.judge_rest(reader);
        self.verification(reader, seal)
    }

    /// The journal explains what no surviving record does.
    fn read_journal(&mut self, reader: &FlightReader) {
        let journal = match DropLog::read(reader.folder()) {
            Ok(journal) => journal,
            Err(error) => {
                let text = format!("drops.log cannot be read and explains nothing: {error}");
                self.findings.of_flight(0, FindingKind::Journal, text);
                return;
            }
        };
        for (line, first, last) in journal.ranges() {
            self.stream(line.segment).explain(ToldLoss {
                segment: line.segment,
                first,
                last,
                cause: line.loss_cause(),
                chain: line.chain,
            });
        }
        if journal.damaged > 0 {
            let text = format!("drops.log has {} damaged lines", journal.damaged);
            self.findings.of_flight(3, FindingKind::Journal, text);
        }
        if journal.torn {
            let text = "the last line of drops.log is torn";
            self.findings.of_flight(0, FindingKind::Journal, text);
        }
    }

    /// Says so when the recorder was not closed, and whether the manifest proves that records are missing
    /// at the end.
    fn judge_ends(&mut self) -> bool {
        let mut missing_end = false;
        for stream in &mut self.streams {
            if stream.seen.is_empty() || stream.last_footer() == Some(true) {
                continue;
            }
            let (segment, due) = (stream.last_segment(), stream.due);
            let manifest = self.manifest.as_ref().ok().and_then(Option::as_ref);
            let clean = manifest.filter(|manifest| manifest.clean_shutdown);
            let counted = clean.and_then(|manifest| Some(manifest.stream(stream.stream)?.records));
            if let Some(counted) = counted.filter(|&counted| counted > due) {
                stream.gaps.missing = stream.gaps.missing.saturating_add(counted - due);
                let text = format!(
                    "records {due} to {} are missing at the end: manifest.json says that the flight was closed with {counted}",
                    counted - 1
                );
                let range = Some((due, counted - 1));
                let kind = FindingKind::TornTail;
                self.findings.add(2, kind, segment, range, text);
                missing_end = true;
                continue;
            }
            let text = match stream.last_footer() {
                Some(_) => "the footer of the last segment says that another one follows",
                None => "the last segment has no footer",
            };
            let text =
                format!("{text}: the recorder was not closed, records may be missing at the end");
            let kind = FindingKind::Unclosed;
            self.findings.add(0, kind, segment, None, text);
        }
        missing_end
    }

    fn judge_manifest(&mut self, reader: &FlightReader, end_is_missing: bool) {
        let kind = FindingKind::ManifestDisagrees;
        let manifest = match &self.manifest {
            Ok(Some(manifest)) => manifest,
            Ok(None) => return,
            Err(error) => {
                let altered = error.kind() == io::ErrorKind::InvalidData;
                let code = if altered { 4 } else { 0 };
                let text = format!("manifest.json cannot be read and was not compared: {error}");
                self.findings.of_flight(code, kind, text);
                return;
            }
        };
        let flight = self.flight.as_ref();
        let seen = self.streams.iter().flat_map(|stream| &stream.seen);
        let headers: Vec<_> = seen.filter_map(|segment| segment.header).collect();
        let id = reader.flight_id();
        let lacks_segments = self.streams[0].gaps.missing > 0;
        let identity = identity_disagreement(manifest, id, flight, &headers, lacks_segments);
        let mut texts = vec![identity];
        if manifest.clean_shutdown && !self.findings.damage && !end_is_missing {
            for stream in self.streams.iter().filter(|stream| !stream.seen.is_empty()) {
                texts.push(content_disagreement(manifest, stream));
            }
        }
        for text in texts.into_iter().flatten() {
            self.findings.of_flight(4, kind, text);
        }
    }

    fn judge_rest(&mut self, reader: &FlightReader) {
        for ahead in &reader.files().made_ahead {
            let text = "the file was made ahead and holds nothing".to_owned();
            let kind = FindingKind::MadeAhead;
            self.findings.add(0, kind, Some(ahead.segment), None, text);
        }
        if self.flight.as_ref().is_some_and(|flight| flight.recovered) {
            let source = self.source_code;
            let text = format!(
                "the recording was recovered from another one, for which verify gave {source}; records of type Recovery and RecoveredRun say where each record comes from"
            );
            self.findings
                .of_flight(source, FindingKind::Recovered, text);
        }
    }

    fn verification(self, reader: &FlightReader, seal: SealVerdict) -> Verification {
        let completeness = self.completeness();
        let missing = self.streams.iter().map(|stream| stream.gaps.missing);
        Verification {
            flight_id: reader.flight_id(),
            completeness,
            exit_code: self.findings.code,
            checked: match self.depth {
                Depth::Fast => super::Checked::ChecksumsAndSequence,
                Depth::Full => super::Checked::Everything,
            },
            seal,
            clean_shutdown: self.streams[0].clean_shutdown,
            segments: reader.segment_count() as u64,
            records: self.records.iter().sum(),
            bytes: self.bytes,
            damaged_bytes: self.damaged_bytes,
            missing_records: missing.fold(0, u64::saturating_add),
            time: self.time,
            counts: self.counts,
            streams: self
                .streams
                .iter()
                .filter(|stream| !stream.seen.is_empty())
                .map(|stream| StreamVerdict {
                    stream: stream.stream,
                    segments: stream.seen.len() as u64,
                    records: self.records[stream.stream as usize],
                    missing_records: stream.gaps.missing,
                    next_sequence: stream.due,
                    last_chain: stream.last_chain(),
                })
                .collect(),
            findings: self.findings.list,
            findings_omitted: self.findings.omitted,
        }
    }

    fn completeness(&self) -> Completeness {
        let closed =
            |stream: &StreamJudge| stream.seen.is_empty() || stream.last_footer() == Some(true);
        match self.findings.code {
            _ if self.flight.as_ref().is_some_and(|flight| flight.recovered) => {
                Completeness::Recovered
            }
            0 if self.streams.iter().any(|stream| stream.gaps.missing > 0) => Completeness::Dropped,
            0 if self.streams.iter().all(closed) => Completeness::Complete,
            0 => Completeness::Unclosed,
            2 => Completeness::TornTail,
            4 => Completeness::Altered,
            _ => Completeness::Damaged,
        }
    }
}
