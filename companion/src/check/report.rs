//! What a check found.

use serde::Serialize;

/// How a finding bears on the flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Good,
    /// The flight has less than it could have.
    Warning,
    /// Not fit to fly.
    Unfit,
}

impl Verdict {
    /// In a table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warning => "warning",
            Self::Unfit => "UNFIT",
        }
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is about.
    pub subject: &'static str,
    /// How it bears on the flight.
    pub verdict: Verdict,
    /// In words: what is, and what to do.
    pub text: String,
}

impl Finding {
    /// As it should be.
    #[must_use]
    pub fn good(subject: &'static str, text: impl Into<String>) -> Self {
        Self::new(subject, Verdict::Good, text)
    }

    /// Less than it could be.
    #[must_use]
    pub fn warning(subject: &'static str, text: impl Into<String>) -> Self {
        Self::new(subject, Verdict::Warning, text)
    }

    /// Not fit to fly.
    #[must_use]
    pub fn unfit(subject: &'static str, text: impl Into<String>) -> Self {
        Self::new(subject, Verdict::Unfit, text)
    }

    fn new(subject: &'static str, verdict: Verdict, text: impl Into<String>) -> Self {
        Self {
            subject,
            verdict,
            text: text.into(),
        }
    }
}

/// Everything that was found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct CheckReport {
    /// In the order in which it was looked at.
    pub findings: Vec<Finding>,
}

impl CheckReport {
    /// Adds a finding.
    pub fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Whether nothing stands against the flight.
    #[must_use]
    pub fn is_fit(&self) -> bool {
        self.findings
            .iter()
            .all(|finding| finding.verdict < Verdict::Unfit)
    }
}
