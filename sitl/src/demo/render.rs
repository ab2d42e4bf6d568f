//! The report for people: one screen, at most 80 columns.

use std::fmt::Write;

use super::{Phase, PhaseName, Report};

/// Width of the first column.
const LABEL: usize = 26;
/// Width of a phase's column.
const COLUMN: usize = 16;

/// The report as text, ending in a line break.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut text = String::new();
    // Writing into a `String` cannot fail.
    let _ = write_report(&mut text, report);
    text
}

fn write_report(out: &mut String, report: &Report) -> std::fmt::Result {
    writeln!(
        out,
        "Simulated flight: seed {}, {} min, wind {:.1} m/s, GPS jammed from half-way on",
        report.seed, report.minutes, report.wind_mps
    )?;
    writeln!(out)?;
    write_phases(out, &report.phases)?;
    writeln!(out)?;
    write_evidence(out, report)?;
    writeln!(out)?;
    let folder = report.folder.display();
    writeln!(
        out,
        "See it:       cargo run -r -p fdr-replay -- report {folder} -o report.html"
    )?;
    writeln!(
        out,
        "Look inside:  cargo run -r -p fdr-replay -- info {folder}"
    )
}

fn write_phases(out: &mut String, phases: &[Phase]) -> std::fmt::Result {
    row(out, "", phases, |phase| {
        match phase.name {
            PhaseName::GpsTrusted => "GPS trusted",
            PhaseName::GpsLost => "GPS lost",
        }
        .to_owned()
    })?;
    let rule = "-".repeat(LABEL + COLUMN * phases.len());
    writeln!(out, "  {rule}")?;
    row(out, "duration", phases, |phase| minutes(phase.duration_s))?;
    row(out, "distance flown", phases, |phase| {
        distance(phase.distance_m)
    })?;
    row(out, "error at the end", phases, |phase| {
        metres(phase.error_end_m)
    })?;
    row(out, "largest error", phases, |phase| {
        metres(phase.error_max_m)
    })?;
    row(out, "RMS error", phases, |phase| metres(phase.error_rms_m))?;
    row(out, "median 1-sigma stated", phases, |phase| {
        metres(phase.sigma_median_m)
    })?;
    row(out, "truth in 95 % ellipse", phases, |phase| {
        format!("{:.1} %", phase.coverage_95 * 100.0)
    })?;
    row(out, "label", phases, |phase| {
        phase.labels.iter().copied().collect::<Vec<_>>().join(", ")
    })
}

fn row(
    out: &mut String,
    label: &str,
    phases: &[Phase],
    value: impl Fn(&Phase) -> String,
) -> std::fmt::Result {
    let mut line = format!("  {label:<LABEL$}");
    for phase in phases {
        write!(line, "{:>COLUMN$}", value(phase))?;
    }
    writeln!(out, "{}", line.trim_end())
}

fn write_evidence(out: &mut String, report: &Report) -> std::fmt::Result {
    let verification = &report.verification;
    let rerun = &report.rerun;
    writeln!(out, "  log        {}", report.log.display())?;
    writeln!(
        out,
        "             {} messages, {} refused; replayed at {:.0} x real time",
        grouped(report.messages_read),
        grouped(report.messages_refused),
        report.realtime_factor
    )?;
    writeln!(out, "  recording  {}", report.flight_dir.display())?;
    writeln!(
        out,
        "             {} records, {:.1} MB",
        grouped(verification.records),
        verification.bytes as f64 * 1e-6
    )?;
    if verification.exit_code == 0 {
        writeln!(out, "  verified   clean, every byte accounted for")?;
    } else {
        writeln!(
            out,
            "  verified   NOT CLEAN (code {})",
            verification.exit_code
        )?;
        for finding in verification.findings.iter().take(5) {
            writeln!(out, "             {}", finding.text)?;
        }
    }
    match (&rerun.difference, &rerun.cut_short) {
        (None, None) => writeln!(
            out,
            "  re-run     identical: {} inputs gave the same {} outputs, bit for bit",
            grouped(rerun.inputs),
            grouped(rerun.outputs_identical)
        ),
        (Some(difference), _) => writeln!(
            out,
            "  re-run     DIFFERS at record {} (segment {})",
            difference.sequence, difference.segment
        ),
        (None, Some(why)) => writeln!(out, "  re-run     CUT SHORT: {why}"),
    }
}

/// A count with a space between thousands, as everywhere in the workspace.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

fn minutes(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    format!("{}:{:02} min", whole / 60, whole % 60)
}

fn distance(metres: f64) -> String {
    format!("{:.2} km", metres / 1_000.0)
}

fn metres(metres: f64) -> String {
    format!("{metres:.1} m")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped_in_thousands() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_000), "1 000");
        assert_eq!(grouped(1_234_567), "1 234 567");
    }

    #[test]
    fn times_are_minutes_and_seconds() {
        assert_eq!(minutes(179.8), "3:00 min");
        assert_eq!(minutes(61.2), "1:01 min");
    }
}
