//! The list of findings, and claims that are compared with what is there.

use std::fmt::Display;

use super::{FINDINGS_MAX, Finding, FindingKind};

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
    pub fn add(
        &mut self,
        code: u8,
        kind: FindingKind,
        segment: Option<u32>,
        range: Option<(u64, u64)>,
        text: String,
    ) {
        self.code = self.code.max(code);
        self.damage |= matches!(code, 2 | 3);
        if self.list.len() == FINDINGS_MAX {
            self.omitted += 1;
            return;
        }
        self.list.push(Finding {
            code,
            kind,
            segment,
            start: range.map(|(start, _)| start),
            end: range.map(|(_, end)| end),
            text,
        });
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
