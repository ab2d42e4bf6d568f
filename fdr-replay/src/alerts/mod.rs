//! What an operator must look at after a flight: the rules, and what they say of one.

mod rules;
pub mod sinks;

use fdr_format::Verification;
use serde::Serialize;

use crate::figures::Figures;

pub use rules::RULES;

/// How soon somebody must look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Urgency {
    /// Within a week.
    Medium,
    /// The next day.
    High,
    /// The same day.
    Critical,
}

impl Urgency {
    /// Its name and what it asks for.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Medium => "medium: within a week",
            Self::High => "high: the next day",
            Self::Critical => "critical: the same day",
        }
    }
}

/// What a rule looks at.
pub struct Evidence<'a> {
    /// What the flight was.
    pub figures: &'a Figures,
    /// How much of the recording is there.
    pub verdict: &'a Verification,
}

/// What a rule found.
pub enum Found {
    /// Nothing to object to; the figure.
    Fine(String),
    /// Too much; the figure, and where it shows, in seconds from the start of the flight.
    Broken(String, Vec<f64>),
    /// There is nothing that the rule could look at.
    NothingToJudge(&'static str),
}

/// One rule.
pub struct Rule {
    /// Its name in JSON and in runbooks.
    pub name: &'static str,
    /// How soon somebody must look when it is broken.
    pub urgency: Urgency,
    /// What it asks.
    pub limit: &'static str,
    /// Looks.
    pub judge: fn(&Evidence<'_>) -> Found,
}

/// How a rule stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It holds.
    Holds,
    /// It is broken.
    Broken,
    /// There is nothing to judge.
    NothingToJudge,
}

/// A rule and what it said of a flight.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judgement {
    /// The rule.
    pub rule: &'static str,
    /// How soon somebody must look when it is broken.
    pub urgency: Urgency,
    /// What it asks.
    pub limit: &'static str,
    /// How it stands.
    pub standing: Standing,
    /// The figure, or why there is none.
    pub found: String,
    /// Where it shows, in seconds from the start of the flight; at most 20.
    pub at_s: Vec<f64>,
}

/// Most places that a judgement links.
const LINKS_MAX: usize = 20;

/// What all rules say of a flight, in their order.
pub fn judge(evidence: &Evidence<'_>) -> Vec<Judgement> {
    let judged = RULES.iter().map(|rule| {
        let (standing, found, mut at_s) = match (rule.judge)(evidence) {
            Found::Fine(found) => (Standing::Holds, found, Vec::new()),
            Found::Broken(found, at_s) => (Standing::Broken, found, at_s),
            Found::NothingToJudge(why) => (Standing::NothingToJudge, why.to_owned(), Vec::new()),
        };
        at_s.truncate(LINKS_MAX);
        Judgement {
            rule: rule.name,
            urgency: rule.urgency,
            limit: rule.limit,
            standing,
            found,
            at_s,
        }
    });
    judged.collect()
}

/// The most urgent broken rule.
pub fn worst(judgements: &[Judgement]) -> Option<Urgency> {
    broken(judgements).map(|judgement| judgement.urgency).max()
}

/// The broken ones.
pub fn broken(judgements: &[Judgement]) -> impl Iterator<Item = &Judgement> {
    judgements
        .iter()
        .filter(|judgement| judgement.standing == Standing::Broken)
}
