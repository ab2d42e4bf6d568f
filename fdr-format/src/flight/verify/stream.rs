//! What has been seen of one stream of a flight, segment after segment.

use super::FindingKind;
use super::findings::Findings;
use super::gaps::Gaps;
use super::segment::{FooterSeen, HeaderSeen, SegmentEvent, SegmentReport, ToldLoss, ToldRecovery};
use crate::flight::folder::{SegmentPath, segment_file};
use crate::flight::scan::ScanEnd;
use crate::flight::{FlightDescription, Manifest};
use crate::frame::FrameProblem;
use crate::identity::{BootId, Digest, Stream};
use crate::record::LossCause;
use crate::segment::Damage;

/// One segment as it was read.
#[derive(Debug, Clone)]
pub(super) struct SeenSegment {
    pub segment: u32,
    /// Bytes up to the end of the last record.
    pub bytes: u64,
    pub sequence: Option<(u64, u64)>,
    pub header: Option<HeaderSeen>,
    pub footer: Option<FooterSeen>,
    /// Whether bytes in it are damaged, or it could not be read.
    pub damaged: bool,
    /// Least bytes of the footer that is due.
    footer_bytes: u64,
    /// Bytes behind the last record that are none.
    tail: Option<Damage>,
}

/// One stream.
#[derive(Debug)]
pub(super) struct StreamJudge {
    pub stream: Stream,
    last_segment: Option<u32>,
    pub seen: Vec<SeenSegment>,
    pub due: u64,
    pub gaps: Gaps,
    pub clean_shutdown: bool,
    boot: Option<BootId>,
    recoveries: Vec<ToldRecovery>,
    /// Segments whose footers disagree, and how.
    disagreeing: Vec<(u32, String)>,
    losses: Vec<ToldLoss>,
}

impl StreamJudge {
    /// Nothing yet of a stream with these segments.
    pub fn new(
        stream: Stream,
        segments: &[SegmentPath],
        flight: Option<&FlightDescription>,
    ) -> Self {
        Self {
            stream,
            last_segment: segments.last().map(|last| last.segment),
            seen: Vec::new(),
            due: 0,
            gaps: Gaps::default(),
            clean_shutdown: false,
            boot: flight.map(|flight| flight.boot_id),
            recoveries: Vec::new(),
            disagreeing: Vec::new(),
            losses: Vec::new(),
        }
    }

    /// Takes the next segment's report.
    pub fn take(&mut self, report: SegmentReport, findings: &mut Findings) {
        let segment = Some(report.segment);
        match &report.end {
            Err(text) => {
                findings.add(
                    3,
                    FindingKind::UnreadableSegment,
                    segment,
                    None,
                    text.clone(),
                );
            }
            Ok(ScanEnd::Refused(error)) => {
                let kind = FindingKind::RefusedSegment;
                findings.add(3, kind, segment, None, error.to_string());
            }
            Ok(ScanEnd::Read(_)) => {}
        }
        let mut tail = None;
        let end = report.holds.end;
        for event in &report.events {
            match event {
                SegmentEvent::Finding {
                    code,
                    kind,
                    range,
                    text,
                } => findings.add(*code, *kind, segment, *range, text.clone()),
                SegmentEvent::Damage(damage) if is_tail(damage, end) => tail = Some(*damage),
                SegmentEvent::Damage(damage) => damaged_bytes(findings, segment, damage),
            }
        }
        findings.omit(report.events_omitted, report.omitted_code);
        if self.disagreeing.len() < LEDGER_MAX {
            let disagreement = report.footer_disagrees.clone();
            self.disagreeing
                .extend(disagreement.map(|text| (report.segment, text)));
        }
        self.take_sequence(&report, findings);
        self.take_boot(&report, findings);
        let room = LEDGER_MAX - self.recoveries.len();
        self.recoveries.extend(report.recoveries.iter().take(room));
        if let Some(clean) = report.flight_footer {
            self.clean_shutdown = clean;
        }
        self.seen.push(SeenSegment {
            segment: report.segment,
            bytes: end,
            sequence: report.holds.sequence,
            header: report.header,
            footer: report.footer,
            damaged: report.damaged_bytes > 0 || !matches!(report.end, Ok(ScanEnd::Read(_))),
            footer_bytes: FOOTER_MIN
                + 10 * report.holds.counts.iter().count() as u64
                + 40 * report.holds.index.len() as u64,
            tail,
        });
    }

    fn take_sequence(&mut self, report: &SegmentReport, findings: &mut Findings) {
        let Some((first, last)) = report.holds.sequence else {
            return;
        };
        let mut gaps = report.gaps.clone();
        // Damage in front of the first record has told the gap already.
        let told = gaps.first().is_some_and(|gap| gap.0 == self.due);
        if first > self.due && !told {
            gaps.insert(0, (self.due, first - 1));
        }
        for range in gaps {
            if !self.gaps.note(report.segment, range) {
                missing(findings, report.segment, range, None);
            }
        }
        findings.omit(
            report.gaps_omitted,
            if report.gaps_omitted > 0 { 3 } else { 0 },
        );
        self.due = last.saturating_add(1);
    }

    fn take_boot(&mut self, report: &SegmentReport, findings: &mut Findings) {
        let Some(header) = report.header else {
            return;
        };
        // A recorder that went on after the machine was started again says so.
        let explained = !report.recoveries.is_empty();
        if let Some(boot) = self
            .boot
            .filter(|&boot| boot != header.boot_id && !explained)
        {
            let text = format!(
                "the segment header says boot_id {} where {boot} is right",
                header.boot_id
            );
            let kind = FindingKind::HeaderDisagrees;
            findings.add(4, kind, Some(report.segment), None, text);
        }
        self.boot = Some(header.boot_id);
    }

    /// A loss that some record or the drop journal tells of this stream.
    pub fn explain(&mut self, loss: ToldLoss) {
        self.gaps.explain(loss);
        if loss.chain.is_some() || loss.cause == Some(LossCause::IoError) {
            let room = self.losses.len() < LEDGER_MAX;
            self.losses.extend(room.then_some(loss));
        }
    }

    /// What the last footer says, if the last segment has one: that the stream ends there.
    pub fn last_footer(&self) -> Option<bool> {
        let last = self.seen.last()?;
        last.footer.map(|footer| footer.last)
    }

    /// Chain of the last footer.
    pub fn last_chain(&self) -> Option<Digest> {
        let mut footers = self.seen.iter().rev().filter_map(|seen| seen.footer);
        footers.next().map(|footer| footer.chain)
    }

    /// Number of the last segment of which there is a file.
    pub fn last_segment(&self) -> Option<u32> {
        self.last_segment
    }

    /// Judges gaps and ends of segments, now that all that explains them is known.
    /// `prefix` gives the hash of the first bytes of a segment.
    pub fn close(
        &mut self,
        manifest: Option<&Manifest>,
        prefix: &mut dyn FnMut(u32, u64) -> Option<Digest>,
        findings: &mut Findings,
    ) {
        let mut unexplained = Vec::new();
        for (segment, range, explained) in self.gaps.judged() {
            missing(findings, segment, range, explained);
            unexplained.extend(explained.is_none().then_some(segment));
        }
        for (segment, text) in std::mem::take(&mut self.disagreeing) {
            if !unexplained.contains(&segment) {
                let kind = FindingKind::FooterDisagrees;
                findings.add(4, kind, Some(segment), None, text);
            }
        }
        for index in 0..self.seen.len() {
            let seen = self.seen[index].clone();
            let is_last = Some(seen.segment) == self.last_segment;
            self.judge_tail(&seen, is_last, manifest, findings);
            if !is_last {
                self.judge_unfinished(&seen, prefix, findings);
            }
        }
    }

    fn judge_tail(
        &self,
        seen: &SeenSegment,
        is_last: bool,
        manifest: Option<&Manifest>,
        findings: &mut Findings,
    ) {
        let Some(damage) = seen.tail else {
            return;
        };
        let Some((start, end)) = damage.bytes() else {
            return;
        };
        let segment = Some(seen.segment);
        let is_torn = matches!(damage, Damage::TornTail { .. }) && seen.footer.is_none();
        let told =
            |recovery: &&ToldRecovery| (recovery.segment, recovery.bytes) == (seen.segment, start);
        let is_open = is_torn && self.may_be_open(seen, start, end, manifest);
        let is_uncut = seen.footer.is_some() && manifest.is_none() && is_unwritten(&damage);
        if is_last && (is_open || is_uncut) {
            findings.add(
                2,
                FindingKind::TornTail,
                segment,
                Some((start, end)),
                damage.to_string(),
            );
        } else if seen.footer.is_none()
            && (self.recoveries.iter().any(|recovery| told(&recovery))
                || self.is_given_up(seen.segment))
        {
            let text = format!("{damage}, as the recorder says");
            findings.add(0, FindingKind::Unclosed, segment, Some((start, end)), text);
        } else {
            damaged_bytes(findings, segment, &damage);
        }
    }

    /// Whether the recorder says that it could not write the segment to its end.
    fn is_given_up(&self, segment: u32) -> bool {
        let given_up =
            |loss: &ToldLoss| loss.segment == segment && loss.cause == Some(LossCause::IoError);
        self.losses.iter().any(given_up)
    }

    /// Whether the recorder may have been writing bytes `start` to `end` of the last segment when it
    /// ended: nothing says that the segment was closed with them.
    fn may_be_open(
        &self,
        seen: &SeenSegment,
        start: u64,
        end: u64,
        manifest: Option<&Manifest>,
    ) -> bool {
        let file = segment_file(seen.segment);
        let closed_at = manifest.and_then(|manifest| {
            let stream = manifest.stream(self.stream)?;
            let entry = stream.segments.iter().find(|entry| entry.file == file)?;
            Some(entry.bytes)
        });
        let footer_is_whole = self.clean_shutdown && end - start >= seen.footer_bytes;
        !footer_is_whole && closed_at != Some(end)
    }

    /// A segment that another one follows should have a footer, which is not of the last one.
    fn judge_unfinished(
        &self,
        seen: &SeenSegment,
        prefix: &mut dyn FnMut(u32, u64) -> Option<Digest>,
        findings: &mut Findings,
    ) {
        let segment = Some(seen.segment);
        match seen.footer {
            None => {
                let told = |recovery: &&ToldRecovery| recovery.segment == seen.segment;
                let kind = FindingKind::Unclosed;
                if let Some(recovery) = self.recoveries.iter().find(told) {
                    if let Some(digest) = recovery.digest
                        && prefix(seen.segment, recovery.bytes) != Some(digest)
                    {
                        let kind = FindingKind::ChainBroken;
                        let text = format!(
                            "its first {} bytes are not those that the recorder found after its restart",
                            recovery.bytes
                        );
                        findings.add(4, kind, segment, None, text);
                    }
                    let text = "the recorder was restarted in this segment and went on in the next";
                    findings.add(0, kind, segment, None, text.to_owned());
                } else {
                    let text = "the segment has no footer though another one follows";
                    findings.add(0, kind, segment, None, text.to_owned());
                }
            }
            Some(FooterSeen { last: true, .. }) => {
                let kind = FindingKind::FooterDisagrees;
                let text = "the footer says that the segment is the last one, another one follows";
                findings.add(4, kind, segment, None, text.to_owned());
            }
            Some(_) => {}
        }
    }

    /// Whether each footer, and each header that says it, continues the chain of the one before.
    pub fn judge_chain(&self, findings: &mut Findings) {
        // Unknown behind segments that were dropped without telling their chain.
        let mut chain = Some(Digest::default());
        // Behind a segment that was given up while it was closed: the chain in front of it.
        let mut passed_over = None;
        let mut due = self.stream.segment(0);
        for seen in &self.seen {
            if seen.segment != due {
                let before = seen.segment.checked_sub(1);
                let told = self.losses.iter().rev();
                let mut told = told.filter(|loss| Some(loss.segment) == before);
                chain = told.find_map(|loss| loss.chain);
                passed_over = None;
            }
            due = seen.segment.saturating_add(1);
            let told = seen.footer.map(|footer| footer.previous_chain);
            let by_header = seen.header.and_then(|header| header.previous_chain);
            for told in [told, by_header].into_iter().flatten() {
                if let Some(chain) =
                    chain.filter(|&chain| chain != told && passed_over != Some(told))
                {
                    let text = format!("it continues {told}, the segment in front ends in {chain}");
                    let kind = FindingKind::ChainBroken;
                    findings.add(4, kind, Some(seen.segment), None, text);
                }
            }
            match seen.footer {
                Some(footer) => {
                    let given_up = self.is_given_up(seen.segment);
                    passed_over = given_up.then_some(footer.previous_chain);
                    chain = Some(footer.chain);
                }
                // The footer may be among the damaged bytes.
                None if seen.damaged => chain = None,
                None => {}
            }
        }
    }
}

/// Most dropped segments whose chain, and most restarts, that are remembered.
const LEDGER_MAX: usize = 100_000;
/// Bytes of the frame of a segment footer whose lists are empty.
const FOOTER_MIN: u64 = 32 + 8 + 3 * 32 + 4 + 1 + 6 * 8 + 4 * 2;

/// Whether damage reaches to the end of the file and there is no record behind it.
fn is_tail(damage: &Damage, end_of_records: u64) -> bool {
    damage
        .bytes()
        .is_some_and(|(start, _)| start >= end_of_records)
}

/// Whether the bytes may be room that was reserved and never written: a recorder that was killed
/// between a segment's footer and the cut behind it leaves such bytes.
fn is_unwritten(damage: &Damage) -> bool {
    let Damage::TornTail { problem, .. } = damage else {
        return false;
    };
    matches!(
        problem,
        FrameProblem::Unwritten | FrameProblem::Truncated { .. }
    )
}

fn damaged_bytes(findings: &mut Findings, segment: Option<u32>, damage: &Damage) {
    let bytes = match *damage {
        Damage::TornTail {
            start,
            end,
            problem,
        } => Damage::Bytes {
            start,
            end,
            problem,
        },
        other => other,
    };
    let kind = FindingKind::DamagedBytes;
    findings.add(3, kind, segment, damage.bytes(), bytes.to_string());
}

/// Records are missing; `cause` is why, if a loss record says so.
fn missing(
    findings: &mut Findings,
    segment: u32,
    (first, last): (u64, u64),
    cause: Option<Option<LossCause>>,
) {
    let (code, kind, why) = match cause {
        // A recovery tells what damage cost, which makes it no drop of the recorder.
        Some(Some(LossCause::Damage)) => (
            3,
            FindingKind::MissingRecords,
            ", lost to damage of the recording that this one was recovered from",
        ),
        Some(_) => (
            0,
            FindingKind::DroppedRecords,
            ", as a loss record explains",
        ),
        None => (3, FindingKind::MissingRecords, ""),
    };
    let text = format!("records {first} to {last} are missing{why}");
    findings.add(code, kind, Some(segment), Some((first, last)), text);
}
