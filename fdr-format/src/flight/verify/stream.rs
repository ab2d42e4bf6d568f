//! What has been seen of one stream of a flight, segment after segment.

mod chain;
mod damage;

use damage::Behind;

use super::FindingKind;
use super::findings::Findings;
use super::gaps::Gaps;
use super::segment::{
    DamageSeen, FooterSeen, HeaderSeen, SegmentEvent, SegmentReport, ToldLoss, ToldRecovery,
};
use crate::flight::folder::SegmentPath;
use crate::flight::scan::ScanEnd;
use crate::flight::{FlightDescription, Manifest};
use crate::identity::{BootId, Digest, Stream};
use crate::record::LossCause;

/// One segment as it was read.
#[derive(Debug, Clone)]
pub(super) struct SeenSegment {
    pub segment: u32,
    /// Bytes up to the end of the last record.
    pub bytes: u64,
    pub sequence: Option<(u64, u64)>,
    pub header: Option<HeaderSeen>,
    pub footer: Option<FooterSeen>,
    /// Whether the recorder says in it that it was restarted.
    restarted: bool,
    /// Whether bytes in it are damaged, or it could not be read.
    pub damaged: bool,
    /// Least bytes of the footer that is due.
    footer_bytes: u64,
    /// Bytes that are no valid record.
    damages: Vec<DamageSeen>,
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
        let mut damages = Vec::new();
        for event in &report.events {
            match event {
                SegmentEvent::Finding {
                    code,
                    kind,
                    range,
                    text,
                } => findings.add(*code, *kind, segment, *range, text.clone()),
                SegmentEvent::Damage(damage) => damages.push(DamageSeen {
                    due: damage.due.or(Some(self.due)),
                    ..*damage
                }),
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
            bytes: report.holds.end,
            sequence: report.holds.sequence,
            header: report.header,
            footer: report.footer,
            restarted: tells_of_restart(&report),
            damaged: report.damaged_bytes > 0 || !matches!(report.end, Ok(ScanEnd::Read(_))),
            footer_bytes: FOOTER_MIN
                + 10 * report.holds.counts.iter().count() as u64
                + 40 * report.holds.index.len() as u64,
            damages,
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
        // A recorder that went on after the machine was started again says so, unless what it said is in a
        // torn part of its first segment.
        let explained = tells_of_restart(report) || report.footer.is_none();
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
        let in_doubt = matches!(loss.cause, Some(LossCause::IoError | LossCause::Restart));
        if loss.chain.is_some() || in_doubt {
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
            let next = self.seen.get(index + 1);
            // Nothing is valid of a segment that was begun when the recorder was killed again.
            let restarted = next.is_some_and(|next| next.restarted || next.sequence.is_none());
            let behind = match (is_last, restarted) {
                (true, _) => Behind::Nothing,
                (false, true) => Behind::Restart,
                (false, false) => Behind::Segment,
            };
            for damage in &seen.damages {
                self.judge_damage(&seen, damage, behind, manifest, findings);
            }
            if !is_last {
                self.judge_unfinished(&seen, behind, prefix, findings);
            }
        }
    }
}

fn tells_of_restart(report: &SegmentReport) -> bool {
    let restarted = |loss: &ToldLoss| loss.cause == Some(LossCause::Restart);
    !report.recoveries.is_empty() || report.losses.iter().any(restarted)
}

/// Most dropped segments whose chain, and most restarts, that are remembered.
const LEDGER_MAX: usize = 100_000;
/// Bytes of the frame of a segment footer whose lists are empty.
const FOOTER_MIN: u64 = 32 + 8 + 3 * 32 + 4 + 1 + 6 * 8 + 4 * 2;

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
