//! What a scenario expects to be seen, judged over what was seen.

use companion::navigator::{FixType, SourceLabel};
use serde::Deserialize;

use super::script::nanoseconds;
use super::witness::{Sighting, Witness};
use super::word::Word;

/// One `[[expect]]`: a span of time, and exactly one claim about it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    from_s: Option<f64>,
    to_s: Option<f64>,
    label_becomes: Option<Becomes<Label>>,
    label_only: Option<Vec<Label>>,
    fix_becomes: Option<Becomes<Fix>>,
    fix_only: Option<Vec<Fix>>,
    error: Option<ErrorClaim>,
    covered: Option<Share>,
    radius_grows: Option<Always>,
    said: Option<Said>,
    unsaid: Option<Vec<Word>>,
    forgery_harmless: Option<Always>,
    off_route: Option<Below>,
    gap: Option<Gap>,
    drift: Option<Drift>,
}

/// Something must be the case within a time, counted from the beginning of the span.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Becomes<T> {
    is: T,
    within_ms: f64,
}

/// Horizontal errors of the emitted positions.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorClaim {
    below_m: f64,
    /// Of the positions; all when it is not said.
    #[serde(default = "all")]
    share: f64,
}

fn all() -> f64 {
    1.0
}

/// At least this share.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Share {
    share: f64,
}

/// At most this.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Below {
    below_m: f64,
}

/// A claim that needs no figure: `true`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "bool")]
pub struct Always;

impl TryFrom<bool> for Always {
    type Error = &'static str;

    fn try_from(value: bool) -> Result<Self, Self::Error> {
        value.then_some(Self).ok_or("only `true` is a claim")
    }
}

/// Something must be said.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Said {
    what: Word,
    /// So often; at least once when it is not said.
    times: Option<usize>,
    /// First said not earlier than this after the beginning of the span.
    not_before_ms: Option<f64>,
    /// First said not later.
    within_ms: Option<f64>,
}

/// Time between two positions on the link to the autopilot.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gap {
    p95_ms: f64,
    worst_ms: f64,
}

/// Distance between where the position had been carried and the next anchor, as a share of the
/// distance flown since the last one.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drift {
    median_share: f64,
}

/// Labels by their names in records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Label {
    /// Neither map nor camera.
    DeadReckoned,
    /// Camera since the last match.
    VisualPropagated,
    /// A fresh map match.
    SatelliteAnchored,
}

impl Label {
    fn is(self, label: SourceLabel) -> bool {
        match self {
            Self::DeadReckoned => label == SourceLabel::DeadReckoned,
            Self::VisualPropagated => label == SourceLabel::VisualPropagated,
            Self::SatelliteAnchored => label == SourceLabel::SatelliteAnchored,
        }
    }
}

/// Kinds of fix on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Fix {
    /// Not to be used.
    #[serde(rename = "none")]
    None,
    /// Too coarse to fuse.
    #[serde(rename = "2d")]
    TwoD,
    /// To be fused.
    #[serde(rename = "3d")]
    ThreeD,
}

impl Fix {
    fn is(self, fix: FixType) -> bool {
        match self {
            Self::None => fix == FixType::None,
            Self::TwoD => fix == FixType::TwoD,
            Self::ThreeD => fix == FixType::ThreeD,
        }
    }
}

/// Whether a claim held, and the figure that decided it.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// The claim in words.
    pub claim: String,
    /// Whether it held.
    pub held: bool,
    /// What was seen.
    pub seen: String,
}

/// The claim of an expectation.
enum Claim<'a> {
    LabelBecomes(Becomes<Label>),
    LabelOnly(&'a [Label]),
    FixBecomes(Becomes<Fix>),
    FixOnly(&'a [Fix]),
    Error(ErrorClaim),
    Covered(Share),
    RadiusGrows,
    Said(Said),
    Unsaid(&'a [Word]),
    ForgeryHarmless,
    OffRoute(Below),
    Gap(Gap),
    Drift(Drift),
}

impl Expectation {
    /// What is wrong with it in a flight of `duration_s`.
    pub(super) fn check(&self, duration_s: f64) -> Result<(), String> {
        let (from_s, to_s) = (self.from_s.unwrap_or(0.0), self.to_s.unwrap_or(duration_s));
        if !(0.0 <= from_s && from_s < to_s && to_s <= duration_s) {
            return Err(format!(
                "its span is {from_s} to {to_s} s, allowed is a part of the flight of {duration_s} s"
            ));
        }
        self.claim().map(|_| ())
    }

    fn claim(&self) -> Result<Claim<'_>, String> {
        let said = [
            self.label_becomes.map(Claim::LabelBecomes),
            self.label_only.as_deref().map(Claim::LabelOnly),
            self.fix_becomes.map(Claim::FixBecomes),
            self.fix_only.as_deref().map(Claim::FixOnly),
            self.error.map(Claim::Error),
            self.covered.map(Claim::Covered),
            self.radius_grows.map(|Always| Claim::RadiusGrows),
            self.said.map(Claim::Said),
            self.unsaid.as_deref().map(Claim::Unsaid),
            self.forgery_harmless.map(|Always| Claim::ForgeryHarmless),
            self.off_route.map(Claim::OffRoute),
            self.gap.map(Claim::Gap),
            self.drift.map(Claim::Drift),
        ];
        let mut said = said.into_iter().flatten();
        match (said.next(), said.next()) {
            (Some(claim), None) => Ok(claim),
            (None, _) => Err("claims nothing; give one of label_becomes, label_only, fix_becomes, fix_only, error, covered, radius_grows, said, unsaid, forgery_harmless, off_route, gap, drift".to_owned()),
            (Some(_), Some(_)) => Err("claims two things; make two expectations of it".to_owned()),
        }
    }

    /// Whether a second flight with other forgeries has to be flown to judge it.
    #[must_use]
    pub fn needs_twin(&self) -> bool {
        self.forgery_harmless.is_some()
    }

    /// Judges it over what was seen in a flight of `duration_s`; `twin` is the same flight with other
    /// forgeries, where it was flown.
    pub(super) fn judge(&self, witness: &Witness, twin: Option<&Witness>, duration_s: f64) -> Held {
        let span = Span {
            from_ns: nanoseconds(self.from_s.unwrap_or(0.0)),
            to_ns: nanoseconds(self.to_s.unwrap_or(duration_s)),
        };
        let (claim, (held, seen)) = match self.claim() {
            Ok(claim) => (claim.text(), claim.judge(witness, twin, span)),
            Err(problem) => ("nothing".to_owned(), (false, problem)),
        };
        let from = self.from_s.map(|from| format!("from {from} s"));
        let to = self.to_s.map(|to| format!("to {to} s"));
        let when: Vec<_> = [from, to].into_iter().flatten().collect();
        Held {
            claim: [vec![claim], when].concat().join(" "),
            held,
            seen,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Span {
    from_ns: u64,
    to_ns: u64,
}

impl Span {
    fn holds(self, time_ns: u64) -> bool {
        (self.from_ns..=self.to_ns).contains(&time_ns)
    }

    fn ms_from_begin(self, time_ns: u64) -> f64 {
        (time_ns as f64 - self.from_ns as f64) * 1e-6
    }
}

impl Claim<'_> {
    fn text(&self) -> String {
        match self {
            Self::LabelBecomes(becomes) => {
                format!("label {:?} within {} ms", becomes.is, becomes.within_ms)
            }
            Self::LabelOnly(labels) => format!("no label but {labels:?}"),
            Self::FixBecomes(becomes) => {
                format!("fix {:?} within {} ms", becomes.is, becomes.within_ms)
            }
            Self::FixOnly(fixes) => format!("no fix but {fixes:?}"),
            Self::Error(claim) => format!(
                "error below {} m in {} % of the positions",
                claim.below_m,
                100.0 * claim.share
            ),
            Self::Covered(claim) => format!(
                "truth inside the 95 % ellipse of {} % of the positions",
                100.0 * claim.share
            ),
            Self::RadiusGrows => "95 % radius never shrinks".to_owned(),
            Self::Said(said) => said.text(),
            Self::Unsaid(words) => format!("nothing said of {words:?}"),
            Self::ForgeryHarmless => "other forgeries change no position".to_owned(),
            Self::OffRoute(claim) => format!("never more than {} m off the route", claim.below_m),
            Self::Gap(claim) => format!(
                "time between positions: 95 % below {} ms, all below {} ms",
                claim.p95_ms, claim.worst_ms
            ),
            Self::Drift(claim) => format!(
                "median drift between anchors at most {} % of the distance",
                100.0 * claim.median_share
            ),
        }
    }

    fn judge(&self, witness: &Witness, twin: Option<&Witness>, span: Span) -> (bool, String) {
        let positions: Vec<&Sighting> = witness
            .positions
            .iter()
            .filter(|one| span.holds(one.time_ns))
            .collect();
        match self {
            Self::LabelBecomes(becomes) => {
                let first = positions.iter().find(|one| becomes.is.is(one.label));
                within(
                    first.map(|one| one.time_ns),
                    None,
                    Some(becomes.within_ms),
                    span,
                )
            }
            Self::LabelOnly(labels) => only(&positions, |one| {
                labels.iter().any(|label| label.is(one.label))
            }),
            Self::FixBecomes(becomes) => {
                let first = positions.iter().find(|one| becomes.is.is(one.fix));
                within(
                    first.map(|one| one.time_ns),
                    None,
                    Some(becomes.within_ms),
                    span,
                )
            }
            Self::FixOnly(fixes) => only(&positions, |one| fixes.iter().any(|fix| fix.is(one.fix))),
            Self::Error(claim) => errors(&positions, claim),
            Self::Covered(claim) => covered(&positions, claim.share),
            Self::RadiusGrows => radius_grows(&positions),
            Self::Said(said) => said.judge(witness, span),
            Self::Unsaid(words) => unsaid(witness, words, span),
            Self::ForgeryHarmless => harmless(&positions, twin, span),
            Self::OffRoute(claim) => off_route(witness, claim.below_m, span),
            Self::Gap(claim) => gap(witness, claim, span),
            Self::Drift(claim) => drift(witness, claim.median_share, span),
        }
    }
}

impl Said {
    fn text(&self) -> String {
        let times = self.times.map_or_else(
            || "at least once".to_owned(),
            |times| format!("{times} times"),
        );
        let mut text = format!("{:?} said {times}", self.what);
        if let Some(ms) = self.not_before_ms {
            text.push_str(&format!(", not before {ms} ms"));
        }
        if let Some(ms) = self.within_ms {
            text.push_str(&format!(", within {ms} ms"));
        }
        text
    }

    fn judge(&self, witness: &Witness, span: Span) -> (bool, String) {
        let times: Vec<u64> = witness
            .words
            .iter()
            .filter(|(time_ns, word)| *word == self.what && span.holds(*time_ns))
            .map(|(time_ns, _)| *time_ns)
            .collect();
        let enough = match self.times {
            Some(wanted) => times.len() == wanted,
            None => !times.is_empty(),
        };
        if !enough || times.is_empty() {
            return (enough, format!("{} times", times.len()));
        }
        let (in_time, seen) = within(
            times.first().copied(),
            self.not_before_ms,
            self.within_ms,
            span,
        );
        (in_time, format!("{} times, first {seen}", times.len()))
    }
}

fn within(
    time_ns: Option<u64>,
    not_before_ms: Option<f64>,
    within_ms: Option<f64>,
    span: Span,
) -> (bool, String) {
    let Some(time_ns) = time_ns else {
        return (false, "never".to_owned());
    };
    let after_ms = span.ms_from_begin(time_ns);
    let held = not_before_ms.is_none_or(|least| after_ms >= least)
        && within_ms.is_none_or(|most| after_ms <= most);
    (held, format!("after {after_ms:.0} ms"))
}

/// A claim about no position at all does not hold.
fn only(positions: &[&Sighting], good: impl Fn(&Sighting) -> bool) -> (bool, String) {
    let wrong = positions.iter().find(|one| !good(one));
    match (positions.is_empty(), wrong) {
        (true, _) => (false, "no position".to_owned()),
        (false, None) => (true, format!("{} positions", positions.len())),
        (false, Some(one)) => (
            false,
            format!(
                "{:?}, {:?} at {:.1} s",
                one.label,
                one.fix,
                one.time_ns as f64 * 1e-9
            ),
        ),
    }
}

fn errors(positions: &[&Sighting], claim: &ErrorClaim) -> (bool, String) {
    if positions.is_empty() {
        return (false, "no position".to_owned());
    }
    let mut errors: Vec<f64> = positions.iter().map(|one| one.error_m).collect();
    errors.sort_by(f64::total_cmp);
    let good = errors.partition_point(|error| *error < claim.below_m);
    let share = good as f64 / errors.len() as f64;
    let at = |share: f64| errors[((errors.len() - 1) as f64 * share) as usize];
    (
        share >= claim.share,
        format!(
            "{:.2} % of {}, median {:.1} m, 95 % {:.1} m, worst {:.1} m",
            100.0 * share,
            errors.len(),
            at(0.5),
            at(0.95),
            at(1.0)
        ),
    )
}

fn covered(positions: &[&Sighting], share: f64) -> (bool, String) {
    if positions.is_empty() {
        return (false, "no position".to_owned());
    }
    let inside = positions.iter().filter(|one| one.covered).count();
    let seen = inside as f64 / positions.len() as f64;
    (
        seen >= share,
        format!("{:.2} % of {}", 100.0 * seen, positions.len()),
    )
}

/// Shrinking by less than this is rounding on the way through the ellipse's axes.
const ROUNDING_M: f64 = 1e-6;

fn radius_grows(positions: &[&Sighting]) -> (bool, String) {
    let (Some(first), Some(last)) = (positions.first(), positions.last()) else {
        return (false, "no position".to_owned());
    };
    let shrinks = positions
        .windows(2)
        .find(|pair| pair[1].radius_95_m < pair[0].radius_95_m - ROUNDING_M);
    match shrinks {
        Some(pair) => (
            false,
            format!(
                "{:.2} m -> {:.2} m at {:.1} s",
                pair[0].radius_95_m,
                pair[1].radius_95_m,
                pair[1].time_ns as f64 * 1e-9
            ),
        ),
        None => (
            last.radius_95_m > first.radius_95_m,
            format!("{:.1} m -> {:.1} m", first.radius_95_m, last.radius_95_m),
        ),
    }
}

fn unsaid(witness: &Witness, words: &[Word], span: Span) -> (bool, String) {
    let said = witness
        .words
        .iter()
        .find(|(time_ns, word)| span.holds(*time_ns) && words.contains(word));
    match said {
        None => (true, "nothing".to_owned()),
        Some((time_ns, word)) => (
            false,
            format!("{word:?} at {:.1} s", *time_ns as f64 * 1e-9),
        ),
    }
}

fn harmless(positions: &[&Sighting], twin: Option<&Witness>, span: Span) -> (bool, String) {
    let Some(twin) = twin else {
        return (false, "the twin was not flown".to_owned());
    };
    let others = twin
        .positions
        .iter()
        .filter(|one| span.holds(one.time_ns))
        .map(|one| one.lat_lon_bits);
    let ours = positions.iter().map(|one| one.lat_lon_bits);
    let differs = ours.clone().zip(others.clone()).position(|(a, b)| a != b);
    let same_number = positions.len() == others.count();
    match differs {
        Some(index) => (
            false,
            format!(
                "another position at {:.1} s",
                positions[index].time_ns as f64 * 1e-9
            ),
        ),
        None => (
            same_number && !positions.is_empty(),
            format!("{} positions, identical to the last bit", positions.len()),
        ),
    }
}

fn off_route(witness: &Witness, below_m: f64, span: Span) -> (bool, String) {
    let worst = witness
        .off_route_m
        .iter()
        .filter(|(time_ns, _)| span.holds(*time_ns))
        .map(|(_, metres)| *metres)
        .fold(f64::NAN, f64::max);
    // Not a number when the route was never flown in the span: that is no proof.
    (worst < below_m, format!("{worst:.1} m at most"))
}

fn gap(witness: &Witness, claim: &Gap, span: Span) -> (bool, String) {
    let times: Vec<u64> = witness
        .sent_ns
        .iter()
        .copied()
        .filter(|time_ns| span.holds(*time_ns))
        .collect();
    let mut gaps: Vec<f64> = times
        .windows(2)
        .map(|pair| (pair[1] - pair[0]) as f64 * 1e-6)
        .collect();
    if gaps.is_empty() {
        return (false, "nothing was sent".to_owned());
    }
    gaps.sort_by(f64::total_cmp);
    let p95 = gaps[((gaps.len() - 1) as f64 * 0.95) as usize];
    let worst = gaps[gaps.len() - 1];
    (
        p95 <= claim.p95_ms && worst <= claim.worst_ms,
        format!("95 % {p95:.1} ms, worst {worst:.1} ms of {}", gaps.len()),
    )
}

fn drift(witness: &Witness, median_share: f64, span: Span) -> (bool, String) {
    let mut shares: Vec<f64> = witness
        .drifts
        .iter()
        .filter(|drift| span.holds(drift.time_ns))
        .map(|drift| drift.off_m / drift.flown_m)
        .collect();
    if shares.is_empty() {
        return (false, "no two anchors in a row".to_owned());
    }
    shares.sort_by(f64::total_cmp);
    let median = shares[shares.len() / 2];
    (
        median <= median_share,
        format!("{:.2} % over {} pairs", 100.0 * median, shares.len()),
    )
}
