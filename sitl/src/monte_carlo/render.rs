//! The report as a table of at most eighty columns.

use std::fmt::Write;

use super::limits::Verdict;
use super::report::Report;
use super::statistics::Group;

/// The report for people.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut text, report);
    text
}

fn write(out: &mut String, report: &Report) -> std::fmt::Result {
    writeln!(
        out,
        "{} flights of {} min, seed {}: {} positions judged, one a second\n",
        report.flights, report.minutes, report.seed, report.samples
    )?;
    writeln!(
        out,
        "error      median {:.1} m, 95 % {:.1} m, largest {:.0} m",
        report.error_p50_m, report.error_p95_m, report.error_max_m
    )?;
    let [low, high] = report.p_error_gt_500m_interval;
    writeln!(
        out,
        "> 500 m    {:.2e} [{low:.1e}, {high:.1e}]; offered as a fix {:.2e}",
        report.p_error_gt_500m, report.p_offered_error_gt_500m
    )?;
    let [low, high] = report.p_error_gt_1km_interval;
    writeln!(
        out,
        "> 1 km     {:.2e} [{low:.1e}, {high:.1e}]",
        report.p_error_gt_1km
    )?;
    writeln!(
        out,
        "NEES       mean {:.2} (ideal 2), median {:.2} (ideal 1.39)\n",
        report.nees_mean, report.nees_median
    )?;
    writeln!(
        out,
        "{:<22} {:>6} {:>7} {:>15} {:>6} {:>7} {:>7}",
        "", "share", "covered", "95 % interval", "sharp", "p50, m", "p95, m"
    )?;
    let total = report.samples as f64;
    for (name, group) in &report.coverage_by_label {
        row(out, name, group, total)?;
    }
    for named in &report.coverage_by_anchor_age {
        row(out, &format!("anchor {}", named.bin), &named.group, total)?;
    }
    for (name, group) in &report.coverage_by_circumstance {
        row(out, name, group, total)?;
    }
    writeln!(
        out,
        "\nlargest errors (--first N --flights 1 flies one again)"
    )?;
    for worst in &report.worst_flights {
        writeln!(
            out,
            "{:>6}  {:<13} camera {:<5}  {:.0} m off, stated {:.0} m; covered {:.3}",
            worst.number,
            format!("{:?}", worst.denial),
            worst.camera,
            worst.error_max_m,
            worst.sigma_then_m,
            worst.coverage_95
        )?;
    }
    writeln!(out)?;
    let broken: Vec<&Verdict> = report.limits.iter().filter(|limit| !limit.holds).collect();
    for limit in &broken {
        writeln!(out, "BROKEN  {}: {}", limit.name, limit.measured)?;
        writeln!(out, "        allowed: {}", limit.allowed)?;
    }
    writeln!(
        out,
        "{} of {} limits hold",
        report.limits.len() - broken.len(),
        report.limits.len()
    )
}

fn row(out: &mut String, name: &str, group: &Group, total: f64) -> std::fmt::Result {
    let [low, high] = group.coverage_95_interval;
    writeln!(
        out,
        "{name:<22} {:>6.3} {:>7.3} {:>15} {:>6.2} {:>7.1} {:>7.1}",
        group.samples as f64 / total,
        group.coverage_95,
        format!("{low:.3} to {high:.3}"),
        group.sharpness,
        group.error_p50_m,
        group.error_p95_m
    )
}
