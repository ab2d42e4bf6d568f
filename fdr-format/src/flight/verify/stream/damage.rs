//! Bytes that are no record, and segments without a footer: what the recorder says of them.

use super::super::FindingKind;
use super::super::findings::Findings;
use super::super::segment::{DamageSeen, FooterSeen, ToldLoss, ToldRecovery};
use super::{SeenSegment, StreamJudge};
use crate::flight::Manifest;
use crate::flight::folder::segment_file;
use crate::frame::FrameProblem;
use crate::identity::Digest;
use crate::record::LossCause;
use crate::segment::Damage;

/// What follows a segment in its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Behind {
    Nothing,
    /// A segment that tells of a restart.
    Restart,
    Segment,
}

impl StreamJudge {
    pub(super) fn judge_damage(
        &self,
        seen: &SeenSegment,
        at: &DamageSeen,
        behind: Behind,
        manifest: Option<&Manifest>,
        findings: &mut Findings,
    ) {
        let damage = at.damage;
        let Some((start, end)) = damage.bytes() else {
            return;
        };
        let segment = Some(seen.segment);
        let is_tail = start >= seen.bytes;
        let is_torn = matches!(damage, Damage::TornTail { .. }) && seen.footer.is_none();
        let is_open = is_torn && self.may_be_open(seen, start, end, manifest);
        // A recorder that was killed behind the footer did not cut off what aligned it.
        let is_uncut = is_tail && seen.footer.is_some() && is_unwritten(&damage);
        let may_be_uncut = behind != Behind::Nothing && self.may_be_untold(seen.segment);
        if self.is_told(seen, at) || (is_uncut && may_be_uncut) {
            let text = format!("{damage}, as the recorder says");
            findings.add(0, FindingKind::Unclosed, segment, Some((start, end)), text);
        } else if is_tail
            && behind == Behind::Nothing
            && (is_open || (is_uncut && manifest.is_none()))
        {
            findings.add(
                2,
                FindingKind::TornTail,
                segment,
                Some((start, end)),
                damage.to_string(),
            );
        } else {
            damaged_bytes(findings, segment, &damage);
        }
    }

    /// Whether the recorder says that these bytes are none of the recording: they stand behind what it
    /// found of the segment after a restart, or where a record is due that a failed write left in doubt or
    /// that it did not find after a restart.
    fn is_told(&self, seen: &SeenSegment, at: &DamageSeen) -> bool {
        let start = at.damage.bytes().map_or(0, |(start, _)| start);
        let mut recoveries = self.recoveries.iter();
        let behind = |told: &ToldRecovery| told.segment == seen.segment && told.bytes <= start;
        let in_doubt = |loss: &ToldLoss| {
            // The number behind a segment's last record is due where the zeros behind it begin.
            let (of_segment, behind_last) = match loss.cause {
                Some(LossCause::IoError) => (loss.segment == seen.segment, 1),
                Some(LossCause::Restart) => (true, 0),
                _ => return false,
            };
            // Numbers in front of the loss may have been lost on the way to the file.
            let is_due = at.due.is_none_or(|due| {
                due <= loss.last.saturating_add(behind_last)
                    && self.gaps.are_explained(due, loss.first.saturating_sub(1))
            });
            of_segment && is_due
        };
        (seen.footer.is_none() && recoveries.any(behind)) || self.losses.iter().any(in_doubt)
    }

    /// Whether the recorder says that it could not write the segment to its end.
    pub(in super::super) fn is_given_up(&self, segment: u32) -> bool {
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
    pub(super) fn judge_unfinished(
        &self,
        seen: &SeenSegment,
        behind: Behind,
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
            // The other stream had not ended yet when the recorder was killed.
            Some(FooterSeen { last: true, .. }) if behind == Behind::Restart => {
                let text = "the stream had ended when the recorder was restarted, and went on";
                findings.add(0, FindingKind::Unclosed, segment, None, text.to_owned());
            }
            Some(FooterSeen { last: true, .. }) => {
                let kind = FindingKind::FooterDisagrees;
                let text = "the footer says that the segment is the last one, another one follows";
                findings.add(4, kind, segment, None, text.to_owned());
            }
            Some(_) => {}
        }
    }
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
