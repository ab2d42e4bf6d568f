//! Whether the segments are those that were recorded one after the other.

use super::super::FindingKind;
use super::super::findings::Findings;
use super::StreamJudge;
use crate::identity::Digest;

/// Most segments in a row whose closing may be in doubt: more than wait in staging when a disk fails.
const PASSED_OVER_MAX: usize = 64;

impl StreamJudge {
    /// Whether each footer, and each header that says it, continues the chain of the one before.
    pub fn judge_chain(&self, findings: &mut Findings) {
        // Unknown behind segments that were dropped without telling their chain.
        let mut chain = Some(Digest::default());
        let mut due = self.stream.segment(0);
        for (index, seen) in self.seen.iter().enumerate() {
            if seen.segment != due {
                let before = seen.segment.checked_sub(1);
                let told = self.losses.iter().rev();
                let mut told = told.filter(|loss| Some(loss.segment) == before);
                let in_doubt = before.is_none_or(|before| self.is_in_doubt(before));
                chain = told.find_map(|loss| loss.chain).filter(|_| !in_doubt);
            }
            due = seen.segment.saturating_add(1);
            let told = seen.footer.map(|footer| footer.previous_chain);
            let by_header = seen.header.and_then(|header| header.previous_chain);
            for told in [told, by_header].into_iter().flatten() {
                let Some(chain) = chain.filter(|&chain| chain != told) else {
                    continue;
                };
                if self.passes_over(index, told) {
                    let text =
                        "its chain passes over the segment in front, whose closing was in doubt";
                    let kind = FindingKind::Unclosed;
                    findings.add(0, kind, Some(seen.segment), None, text.to_owned());
                } else {
                    let text = format!("it continues {told}, the segment in front ends in {chain}");
                    let kind = FindingKind::ChainBroken;
                    findings.add(4, kind, Some(seen.segment), None, text);
                }
            }
            match seen.footer {
                Some(footer) => chain = Some(footer.chain),
                // The footer may be among the damaged bytes.
                None if seen.damaged => chain = None,
                None => {}
            }
        }
    }

    /// Whether the chain `told` in the segment at `index` is the one in front of a segment whose closing was in
    /// doubt, as that of every segment between them was.
    fn passes_over(&self, index: usize, told: Digest) -> bool {
        let mut due = self.seen[index].segment;
        for seen in self.seen[..index].iter().rev().take(PASSED_OVER_MAX) {
            if seen.segment.saturating_add(1) != due {
                return false;
            }
            // One without a footer has no place in the chain.
            if let Some(footer) = seen.footer {
                if !self.is_in_doubt(seen.segment) {
                    return false;
                }
                if footer.previous_chain == told {
                    return true;
                }
            }
            due = seen.segment;
        }
        false
    }

    /// Whether the recorder says, or could not say any more, that it does not know how the segment ended.
    fn is_in_doubt(&self, segment: u32) -> bool {
        let mut recoveries = self.recoveries.iter();
        self.is_given_up(segment)
            || recoveries.any(|told| told.segment == segment)
            || self.may_be_untold(segment)
    }

    /// Whether the record that gave up the segment may have gone with an end without order: it stands
    /// behind the next segment when that one was framed already.
    pub(super) fn may_be_untold(&self, segment: u32) -> bool {
        let behind = self.seen.iter().rev();
        let mut behind = behind.take_while(|seen| seen.segment > segment);
        !self.clean_shutdown || behind.any(|seen| seen.restarted)
    }
}
