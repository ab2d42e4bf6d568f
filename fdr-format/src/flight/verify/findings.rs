//! The list of findings, and claims that are compared with what is there.

use std::fmt::Display;

use super::{FINDINGS_MAX, Finding, FindingKind};
use crate::identity::Stream;

/// What was found, and the exit code that follows.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub list: Vec<Finding>,
    pub omitted: u64,
    pub code: u8,
    /// Whether bytes or records were found damaged or missing: counts cannot be compared then.
    pub damage: bool,
}

impl Findings {
    /// Adds one about a segment, by what stands for it in its header.
    pub fn add(
        &mut self,
        code: u8,
        kind: FindingKind,
        segment: Option<u32>,
        range: Option<(u64, u64)>,
        text: String,
    ) {
        let (stream, segment) = segment.map(Stream::of).unzip();
        self.push(Finding {
            code,
            kind,
            stream,
            segment,
            start: range.map(|(start, _)| start),
            end: range.map(|(_, end)| end),
            text,
        });
    }

    /// Adds one about the flight.
    pub fn of_flight(&mut self, code: u8, kind: FindingKind, text: impl Into<String>) {
        self.add(code, kind, None, None, text.into());
    }

    /// Adds what was counted and not kept.
    pub fn omit(&mut self, count: u64, code: u8) {
        self.omitted += count;
        self.raise(code);
    }

    fn push(&mut self, finding: Finding) {
        self.raise(finding.code);
        if self.list.len() == FINDINGS_MAX {
            self.omitted += 1;
            return;
        }
        self.list.push(finding);
    }

    fn raise(&mut self, code: u8) {
        self.code = self.code.max(code);
        self.damage |= matches!(code, 2 | 3);
    }
}

/// Says how a claim about `what` differs from what was found, if it does.
pub(super) fn claim<T: PartialEq + Display>(what: &str, claimed: T, found: T) -> Option<String> {
    (claimed != found).then(|| format!("{what} {claimed} where {found} is right"))
}

/// All claims that differ, in one sentence about `who`.
pub(super) fn disagreement(who: &str, claims: &[Option<String>]) -> Option<String> {
    let wrong: Vec<&str> = claims.iter().flatten().map(String::as_str).collect();
    (!wrong.is_empty()).then(|| format!("{who} says {}", wrong.join(", ")))
}
