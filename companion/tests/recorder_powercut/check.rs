//! What must hold of whatever a power cut leaves.
//!
//! 1. Every record that is read was written so, and records come in the order of their numbers.
//! 2. Every record before the published durable number is read, or a loss record, read too, or the journal
//!    of drops names it. So in both streams.
//! 3. A flight that is called complete has every record, from the first to the flight's footer.
//! 4. When something was promised it can be read.
//! 5. No fault is called an alteration (exit code 4), whatever the disk did, and before and behind a restart.
//! 6. Damage (exit code 3) is told only of what was never promised: bytes that no sync made durable, and
//!    numbers behind the promise.
//! 7. A flight that ended in order, whatever the disk did before that, has nothing to be told of (exit code 0).

use std::collections::{BTreeSet, HashMap};
use std::num::NonZeroUsize;
use std::path::Path;

use fdr_format::records::{ComponentLifecycleEvent, LifecycleEvent};
use fdr_format::{
    Completeness, DropLog, Finding, FindingKind, FlightItem, FlightReader, RawRecord, Record,
    RecordType, Stream, Verification, VerifyOptions, segment_file, verify_with,
};

use super::disk::Image;
use super::volume::{Key, fingerprint};

/// What the reader made of an image.
#[derive(Debug, Default)]
pub struct Read {
    /// The numbers of the records that were read, of each stream.
    pub sequences: [BTreeSet<u64>; 2],
    /// What is said to be lost, of each stream: first and last number.
    pub explained: [Vec<(u64, u64)>; 2],
    pub footer: bool,
    pub verdict: Option<Verification>,
}

fn index(stream: Stream) -> usize {
    match stream {
        Stream::Bulk => 0,
        Stream::Essential => 1,
    }
}

impl std::fmt::Display for Read {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for stream in [Stream::Bulk, Stream::Essential] {
            let mut runs: Vec<(u64, u64)> = Vec::new();
            for &sequence in &self.sequences[index(stream)] {
                match runs.last_mut() {
                    Some((_, last)) if *last + 1 == sequence => *last = sequence,
                    _ => runs.push((sequence, sequence)),
                }
            }
            let explained = &self.explained[index(stream)];
            writeln!(f, "{stream}: holds {runs:?}, explains {explained:?}")?;
        }
        let findings = self.verdict.iter().flat_map(|verdict| &verdict.findings);
        findings
            .into_iter()
            .try_for_each(|finding| writeln!(f, "{finding:?}"))
    }
}

/// Reads everything and checks rule 1. `path` is where `image` can be opened.
pub fn read(path: &Path, image: &Image, written: &HashMap<Key, u64>) -> Result<Read, String> {
    let mut read = Read::default();
    for (path, content) in &image.files {
        let bytes = || content.read(0, content.length as usize);
        if path.ends_with("drops.log") {
            read.take_drops(&DropLog::parse(&bytes()));
        }
    }
    for stream in [Stream::Bulk, Stream::Essential] {
        let Ok(mut reader) = FlightReader::open_stream(path, stream) else {
            continue;
        };
        while let Some(item) = reader.next_item().map_err(|error| error.to_string())? {
            if let FlightItem::Record { record, .. } = item {
                read.take(stream, &record, written)?;
            }
        }
    }
    // A flight without a valid record, or without a file, has no verdict.
    read.verdict = FlightReader::open(path).ok().and_then(|reader| {
        let options = VerifyOptions {
            threads: Some(NonZeroUsize::MIN),
            ..VerifyOptions::default()
        };
        verify_with(&reader, &options, |_, _| {}).ok()
    });
    Ok(read)
}

impl Read {
    fn take(
        &mut self,
        stream: Stream,
        record: &RawRecord<'_>,
        written: &HashMap<Key, u64>,
    ) -> Result<(), String> {
        let sequence = record.sequence;
        let key = Key {
            essential: stream == Stream::Essential,
            sequence,
        };
        let print = fingerprint(record.record_type.0, record.monotonic_ms, record.body);
        if written.get(&key) != Some(&print) {
            return Err(format!("record {sequence} ({stream}) was never written so"));
        }
        let seen = &mut self.sequences[index(stream)];
        if let Some(last) = seen.last().filter(|last| **last >= sequence) {
            return Err(format!("record {sequence} ({stream}) comes behind {last}"));
        }
        seen.insert(sequence);
        self.footer |= record.record_type == RecordType::FLIGHT_FOOTER;
        if record.record_type == RecordType::COMPONENT_LIFECYCLE_EVENT
            && let Ok(Record::ComponentLifecycleEvent(event)) = record.decode()
        {
            self.hear(stream, &event);
        }
        Ok(())
    }

    /// What is lost between two segments that were dropped one after the other was told in one that is gone
    /// as well: the ledger covers them together.
    fn take_drops(&mut self, log: &DropLog) {
        let mut last: [Option<(u32, u64)>; 2] = [None; 2];
        for line in &log.lines {
            let stream = index(Stream::of(line.segment).0);
            let follows = last[stream].filter(|(before, _)| before + 1 == line.segment);
            // Nothing of the segment was valid when it was dropped.
            if line.records == 0 {
                last[stream] = follows.map(|(_, end)| (line.segment, end));
                continue;
            }
            let first = follows.map_or(line.first_sequence, |(_, end)| end);
            self.explained[stream].push((first, line.last_sequence));
            last[stream] = Some((line.segment, line.last_sequence));
        }
    }

    fn hear(&mut self, stream: Stream, event: &ComponentLifecycleEvent<'_>) {
        let of = event
            .segment
            .map_or(stream, |segment| Stream::of(segment).0);
        if event.event == LifecycleEvent::FdrSegmentDropped {
            let range = event.first_sequence.zip(event.last_sequence);
            self.explained[index(of)].extend(range);
        }
    }

    fn unexplained(&self, stream: Stream, promised: u64) -> Option<u64> {
        let mut at = 0;
        while at < promised {
            if self.sequences[index(stream)].contains(&at) {
                at += 1;
                continue;
            }
            let mut ranges = self.explained[index(stream)].iter();
            match ranges.find(|(first, last)| (*first..=*last).contains(&at)) {
                Some((_, last)) => at = last + 1,
                None => return Some(at),
            }
        }
        None
    }
}

/// Checks rules 2 to 6.
pub fn judge(read: &Read, image: &Image, promised: [u64; 2]) -> Result<(), String> {
    for stream in [Stream::Bulk, Stream::Essential] {
        let promised = promised[index(stream)];
        if let Some(missing) = read.unexplained(stream, promised) {
            return Err(format!(
                "record {missing} ({stream}) is gone and nothing says so; everything before {promised} \
                 was promised"
            ));
        }
    }
    let Some(verdict) = &read.verdict else {
        return if promised[0] == 0 {
            Ok(())
        } else {
            Err(format!(
                "nothing can be read; {} records were promised",
                promised[0]
            ))
        };
    };
    let mut findings = verdict.findings.iter();
    match findings.find(|finding| !may_be_told(finding, image, promised)) {
        Some(finding) => Err(format!("verdict {}: {finding:?}", verdict.exit_code)),
        None => honest(read, verdict),
    }
}

/// Rules 5 and 6.
fn may_be_told(finding: &Finding, image: &Image, promised: [u64; 2]) -> bool {
    let start = finding.start.unwrap_or(0);
    let stream = finding.stream.unwrap_or(Stream::Bulk);
    let synced = || {
        let file = segment_file(stream.segment(finding.segment.unwrap_or(0)));
        let mut synced = image.synced.iter();
        synced
            .find(|(path, _)| path.ends_with(&file))
            .map_or(0, |(_, synced)| *synced)
    };
    match (finding.code, finding.kind) {
        (0 | 2, _) => true,
        (3, FindingKind::MissingRecords) => start >= promised[index(stream)],
        (3, FindingKind::DamagedBytes) => start >= synced(),
        // Nothing of the segment is valid.
        (3, FindingKind::RefusedSegment) => synced() == 0,
        _ => false,
    }
}

/// Rule 7.
pub fn ended(read: &Read) -> Result<(), String> {
    match &read.verdict {
        Some(verdict) if verdict.exit_code == 0 => Ok(()),
        verdict => {
            let findings = verdict.as_ref().map(|verdict| &verdict.findings);
            Err(format!("it ended in order, and is judged {findings:?}"))
        }
    }
}

/// Rule 3, which holds whatever the disk did.
pub fn honest(read: &Read, verdict: &Verification) -> Result<(), String> {
    let bulk = &read.sequences[0];
    let whole = read.footer && bulk.last().map_or(0, |last| last + 1) == bulk.len() as u64;
    if verdict.completeness == Completeness::Complete && !whole {
        return Err(format!(
            "called complete: {} records to {:?}",
            bulk.len(),
            bulk.last()
        ));
    }
    Ok(())
}

/// One bit may cost its own record, or its segment when it stands in the segment's header, and never
/// passes unseen.
pub fn one_flip(before: &Read, after: &Read) -> Result<(), String> {
    let verdict = after.verdict.as_ref();
    let told = verdict.is_none_or(|verdict| verdict.exit_code > 1);
    let lost: Vec<_> = before.sequences[0]
        .difference(&after.sequences[0])
        .collect();
    if !told {
        return Err(format!("not told; lost {lost:?}"));
    }
    if lost.len() > 1 {
        return Err(format!("{} records lost: {lost:?}", lost.len()));
    }
    Ok(())
}
