//! The rules. Each is a name, an urgency, a limit in words, and the few lines that look at the evidence.
//!
//! | urgency | broken by |
//! |---|---|
//! | critical | anything lost, altered or damaged in the recording; a failed component; a GPS promotion slower than 3 s; errors beyond AC-NEW-4 |
//! | high | a cold start beyond its limit; thermal hybrid for more than a quarter of the flight; a torn tail; a map package refused |
//! | medium | mid-flight tiles failing; frames that find no place on the map; more than 10 s carried by nothing but air data and inertia; the wall clock jumped |

use super::Urgency::{Critical, High, Medium};
use super::{Evidence, Found, Rule};
use crate::figures::{FALSE_M, GROSS_M};
use crate::table::{duration, grouped};

/// AC-NEW-4: share of positions that may be off by more than 500 m.
const FALSE_SHARE: f64 = 0.001;
/// AC-NEW-4: share of positions that may be off by more than 1 km.
const GROSS_SHARE: f64 = 0.0001;
/// A promotion may take this long from all conditions holding to GPS in force.
const PROMOTION_MS: u32 = 3_000;
/// AC-NEW-1: first sample and known place to first position, with a map package.
const COLD_START_S: f64 = 5.0;
/// Share of a flight in which thermal hybrid may be active.
const THERMAL_SHARE: f64 = 0.25;
/// Share of mid-flight tiles that may fail.
const TILE_SHARE: f64 = 0.05;
/// Share of frames that may find no place on the map.
const NO_MATCH_SHARE: f64 = 0.5;
/// Frames below which a share says nothing.
const NO_MATCH_FRAMES: u64 = 30;
/// A position may be carried by air data and inertia alone for this long.
const ALONE_S: f64 = 10.0;

/// All rules, the most urgent first.
pub const RULES: &[Rule] = &[
    Rule {
        name: "recorder_loss",
        urgency: Critical,
        limit: "no record lost",
        judge: recorder_loss,
    },
    Rule {
        name: "recording_damaged",
        urgency: Critical,
        limit: "every checksum holds, nothing altered",
        judge: recording_damaged,
    },
    Rule {
        name: "component_failure",
        urgency: Critical,
        limit: "no component failed",
        judge: component_failure,
    },
    Rule {
        name: "slow_promotion",
        urgency: Critical,
        limit: "GPS in force within 3 s of all conditions holding",
        judge: slow_promotion,
    },
    Rule {
        name: "false_position",
        urgency: Critical,
        limit: "less than 0.1 % of errors beyond 500 m, less than 0.01 % beyond 1 km (AC-NEW-4)",
        judge: false_position,
    },
    Rule {
        name: "cold_start",
        urgency: High,
        limit: "first position within 5 s of the first input and a known place (AC-NEW-1)",
        judge: cold_start,
    },
    Rule {
        name: "thermal_hybrid",
        urgency: High,
        limit: "at most 25 % of the flight",
        judge: thermal_hybrid,
    },
    Rule {
        name: "recording_torn",
        urgency: High,
        limit: "the recorder was closed in order",
        judge: recording_torn,
    },
    Rule {
        name: "map_refused",
        urgency: High,
        limit: "no map package refused",
        judge: map_refused,
    },
    Rule {
        name: "tile_failures",
        urgency: Medium,
        limit: "at most 5 % of mid-flight tiles fail",
        judge: tile_failures,
    },
    Rule {
        name: "no_match",
        urgency: Medium,
        limit: "at most 50 % of frames find no place on the map",
        judge: no_match,
    },
    Rule {
        name: "dead_reckoned",
        urgency: Medium,
        limit: "at most 10 s dead_reckoned without a believed GPS",
        judge: dead_reckoned,
    },
    Rule {
        name: "clock_jump",
        urgency: Medium,
        limit: "the wall clock follows the monotonic one within 0.5 s",
        judge: clock_jump,
    },
];

fn seconds(time_ns: u64) -> f64 {
    time_ns as f64 * 1e-9
}

fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

fn recorder_loss(evidence: &Evidence<'_>) -> Found {
    let figures = evidence.figures;
    let missing = evidence.verdict.missing_records;
    let lost = figures.records_lost.max(missing);
    if lost == 0 && figures.losses.is_empty() {
        return Found::Fine("none".to_owned());
    }
    let mut causes: Vec<&str> = figures
        .losses
        .iter()
        .map(|loss| loss.cause.as_str())
        .collect();
    causes.sort_unstable();
    causes.dedup();
    let why = match causes.is_empty() {
        true => "unexplained".to_owned(),
        false => causes.join(", "),
    };
    Found::Broken(
        format!("{} records lost: {why}", grouped(lost)),
        figures
            .losses
            .iter()
            .map(|loss| seconds(loss.time_ns))
            .collect(),
    )
}

fn recording_damaged(evidence: &Evidence<'_>) -> Found {
    let verdict = evidence.verdict;
    match verdict.exit_code {
        3 => Found::Broken(
            format!(
                "damaged: {} bytes are no record; see verify",
                grouped(verdict.damaged_bytes)
            ),
            Vec::new(),
        ),
        4 => Found::Broken(
            "altered after it was closed; see verify".to_owned(),
            Vec::new(),
        ),
        _ => Found::Fine("holds".to_owned()),
    }
}

fn component_failure(evidence: &Evidence<'_>) -> Found {
    match evidence.figures.component_failures.as_slice() {
        [] => Found::Fine("none".to_owned()),
        failures => Found::Broken(
            format!("{}: {}", failures.len(), failures[0].1),
            failures.iter().map(|(at, _)| seconds(*at)).collect(),
        ),
    }
}

fn slow_promotion(evidence: &Evidence<'_>) -> Found {
    match evidence.figures.promotion_slowest {
        None => Found::NothingToJudge("GPS was never promoted"),
        Some((at, ms)) if ms > PROMOTION_MS => Found::Broken(format!("{ms} ms"), vec![seconds(at)]),
        Some((_, ms)) => Found::Fine(format!("slowest {ms} ms")),
    }
}

fn false_position(evidence: &Evidence<'_>) -> Found {
    let Some(all) = evidence.figures.accuracy.all.figures() else {
        return Found::NothingToJudge("there is nothing to compare with");
    };
    let share = |count: u64| count as f64 / all.errors_m.count as f64;
    let (false_share, gross_share) = (share(all.beyond_500_m), share(all.beyond_1_km));
    let text = format!(
        "{} beyond {FALSE_M:.0} m, {} beyond {GROSS_M:.0} m, of {} comparisons",
        percent(false_share),
        percent(gross_share),
        grouped(all.errors_m.count)
    );
    if false_share >= FALSE_SHARE || gross_share >= GROSS_SHARE {
        return Found::Broken(text, worst_error(evidence));
    }
    Found::Fine(text)
}

/// Where the error is greatest.
fn worst_error(evidence: &Evidence<'_>) -> Vec<f64> {
    let points = evidence.figures.series.error_m.points();
    let known = points
        .iter()
        .filter_map(|(at, error)| error.map(|error| (*at, error)));
    let worst = known.max_by(|a, b| a.1.total_cmp(&b.1));
    worst.map(|(at, _)| seconds(at)).into_iter().collect()
}

fn cold_start(evidence: &Evidence<'_>) -> Found {
    let figures = evidence.figures;
    match (figures.cold_start_s, figures.first_position_s) {
        (Some(took), Some(first)) if took > COLD_START_S => {
            Found::Broken(duration(took), vec![first])
        }
        (Some(took), _) => Found::Fine(duration(took)),
        (None, _) => Found::NothingToJudge("there is no position"),
    }
}

fn thermal_hybrid(evidence: &Evidence<'_>) -> Found {
    let figures = evidence.figures;
    let text = percent(figures.thermal_share());
    if figures.thermal_share() > THERMAL_SHARE {
        let at = figures.thermal_switches.iter().map(|at| seconds(*at));
        return Found::Broken(text, at.collect());
    }
    match (
        figures.thermal_switches.is_empty(),
        figures.temperature_c.count(),
    ) {
        (true, 0) => Found::NothingToJudge("no temperature was recorded"),
        _ => Found::Fine(text),
    }
}

fn recording_torn(evidence: &Evidence<'_>) -> Found {
    let verdict = evidence.verdict;
    let end = evidence.figures.duration_s();
    if verdict.exit_code == 2 {
        return Found::Broken("the tail is torn or missing".to_owned(), vec![end]);
    }
    match verdict.clean_shutdown {
        true => Found::Fine("closed in order".to_owned()),
        false => Found::Broken("the recorder was not closed".to_owned(), vec![end]),
    }
}

fn map_refused(evidence: &Evidence<'_>) -> Found {
    match evidence.figures.gate_refusals {
        0 => Found::Fine("none".to_owned()),
        count => {
            let events = evidence.figures.events.serious();
            let at = events.filter(|event| event.about == "map");
            Found::Broken(
                format!("{count} times"),
                at.map(|event| seconds(event.from_ns)).collect(),
            )
        }
    }
}

fn tile_failures(evidence: &Evidence<'_>) -> Found {
    let figures = evidence.figures;
    match figures.tile_failure_share() {
        None => Found::NothingToJudge("no mid-flight tiles"),
        Some(share) if share > TILE_SHARE => {
            let failed = figures.tiles.iter().filter(|tile| tile.failure.is_some());
            Found::Broken(
                percent(share),
                failed.map(|tile| seconds(tile.time_ns)).collect(),
            )
        }
        Some(share) => Found::Fine(percent(share)),
    }
}

fn no_match(evidence: &Evidence<'_>) -> Found {
    let figures = evidence.figures;
    match figures.no_match_share() {
        Some(share) if figures.anchors_decided >= NO_MATCH_FRAMES => match share > NO_MATCH_SHARE {
            true => Found::Broken(percent(share), Vec::new()),
            false => Found::Fine(percent(share)),
        },
        Some(_) => Found::NothingToJudge("too few frames were looked up"),
        None => Found::NothingToJudge("no frame was looked up on a map"),
    }
}

/// While a believed GPS carries the position the label is `dead_reckoned` too, and nobody need look.
fn dead_reckoned(evidence: &Evidence<'_>) -> Found {
    match evidence.figures.longest_alone {
        Some((at, took)) if took > ALONE_S => {
            Found::Broken(format!("longest {}", duration(took)), vec![seconds(at)])
        }
        Some((_, took)) => Found::Fine(format!("longest {}", duration(took))),
        None => Found::Fine("never".to_owned()),
    }
}

fn clock_jump(evidence: &Evidence<'_>) -> Found {
    let jumps = &evidence.figures.clock_jumps;
    let worst = jumps
        .iter()
        .map(|jump| jump.seconds.abs())
        .fold(0.0, f64::max);
    match jumps.is_empty() {
        true => Found::Fine("no jump between segments".to_owned()),
        false => Found::Broken(
            format!("{} jumps, the greatest {worst:.1} s", jumps.len()),
            jumps.iter().map(|jump| seconds(jump.time_ns)).collect(),
        ),
    }
}
