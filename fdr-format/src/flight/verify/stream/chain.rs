//! Whether the segments are those that were recorded one after the other.

use super::super::FindingKind;
use super::super::findings::Findings;
use super::StreamJudge;
use crate::identity::Digest;

impl StreamJudge {
    /// Whether each footer, and each header that says it, continues the chain of the one before.
    pub fn judge_chain(&self, findings: &mut Findings) {
        // Unknown behind segments that were dropped without telling their chain.
        let mut chain = Some(Digest::default());
        // Behind a segment that was given up while it was closed: the chain in front of it.
        let mut passed_over = None;
        let mut due = self.stream.segment(0);
        for (index, seen) in self.seen.iter().enumerate() {
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
                let Some(chain) = chain.filter(|&chain| chain != told) else {
                    continue;
                };
                if passed_over == Some(told) {
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
                Some(footer) => {
                    let given_up = self.is_given_up(seen.segment) || self.may_be_untold(index);
                    passed_over = given_up.then_some(footer.previous_chain);
                    chain = Some(footer.chain);
                }
                // The footer may be among the damaged bytes.
                None if seen.damaged => chain = None,
                None => {}
            }
        }
    }

    /// Whether the record that gave up the segment at `index` may have gone with an end without order: it
    /// stands behind the next segment when that one was framed already.
    fn may_be_untold(&self, index: usize) -> bool {
        let mut behind = self.seen[index + 1..].iter();
        !self.clean_shutdown || behind.any(|seen| seen.restarted)
    }
}
