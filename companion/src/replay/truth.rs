//! Emitted positions against the log's own GPS, window by window.
//!
//! A GPS report is compared with the last position emitted before it, carried on to the report's time
//! with the emitted velocity (over 0.1 s at most while positions come at 10 Hz): only what the
//! autopilot had been told by then counts.

use super::positions::label_name;
use super::summary::WindowSummary;
use super::windows::{DenialWindow, DenialWindows};
use crate::navigator::{
    EmittedExternalPosition, FcGps, Geodetic, GpsFix, MonotonicNs, SourceLabel,
};

/// A position older than this is not compared.
const POSITION_MAX_AGE_S: f64 = 0.2;
/// Chi-square, two degrees of freedom, 95 %.
const CHI2_95: f64 = 5.991_464_547_107_979;

/// Measures every denial window. Memory does not grow with the length of the log.
#[derive(Debug)]
pub(super) struct Truth<'a> {
    windows: &'a DenialWindows,
    meters: Vec<Meter>,
    latest: Option<EmittedExternalPosition>,
}

#[derive(Debug, Clone, Default)]
struct Meter {
    previous_fix: Option<Geodetic>,
    distance_m: f64,
    error_end_m: Option<f64>,
    error_max_m: Option<f64>,
    compared: u64,
    inside: u64,
    labels: [bool; LABELS.len()],
}

const LABELS: [SourceLabel; 3] = [
    SourceLabel::DeadReckoned,
    SourceLabel::VisualPropagated,
    SourceLabel::SatelliteAnchored,
];

impl<'a> Truth<'a> {
    pub(super) fn new(windows: &'a DenialWindows) -> Self {
        Self {
            windows,
            meters: vec![Meter::default(); windows.iter().len()],
            latest: None,
        }
    }

    pub(super) fn position(&mut self, position: &EmittedExternalPosition) {
        self.latest = Some(*position);
        if let Some(window) = self.windows.find(position.time.0 / 1000) {
            for (seen, label) in self.meters[window].labels.iter_mut().zip(LABELS) {
                *seen |= position.source_label == label;
            }
        }
    }

    pub(super) fn gps(&mut self, report: &FcGps, window: Option<usize>) {
        if report.fix != GpsFix::ThreeD {
            return;
        }
        if let Some(meter) = window.and_then(|window| self.meters.get_mut(window)) {
            meter.fix(report, self.latest.as_ref());
        }
    }

    pub(super) fn summaries(&self) -> Vec<WindowSummary> {
        let windows = self.windows.iter().zip(&self.meters);
        windows
            .map(|(window, meter)| meter.summary(window))
            .collect()
    }
}

impl Meter {
    fn fix(&mut self, report: &FcGps, latest: Option<&EmittedExternalPosition>) {
        let fix = Geodetic {
            lat_rad: report.lat_rad,
            lon_rad: report.lon_rad,
            alt_msl_m: report.alt_msl_m,
        };
        if let Some(previous) = self.previous_fix.replace(fix) {
            let step = previous.displacement_to(fix);
            self.distance_m += libm::hypot(step.x, step.y);
        }
        let compared = latest.and_then(|position| compare_with_fix(position, fix, report.time));
        if let Some((error_m, inside)) = compared {
            self.error_end_m = Some(error_m);
            self.error_max_m = Some(self.error_max_m.unwrap_or_default().max(error_m));
            self.compared += 1;
            self.inside += u64::from(inside);
        }
    }

    fn summary(&self, window: &DenialWindow) -> WindowSummary {
        let labels = LABELS.into_iter().zip(self.labels);
        WindowSummary {
            start_s: window.start_s(),
            end_s: window.end_s(),
            distance_m: self.distance_m,
            error_end_m: self.error_end_m,
            error_max_m: self.error_max_m,
            coverage_95: (self.compared > 0).then(|| self.inside as f64 / self.compared as f64),
            labels: labels
                .filter(|(_, seen)| *seen)
                .map(|(label, _)| label_name(label))
                .collect(),
        }
    }
}

/// Horizontal error of `position`, m, against a fix at `time`, and whether the fix lies inside the emitted
/// 95 % ellipse; `None` when the position is older than 0.2 s, or younger than the fix.
#[must_use]
pub fn compare_with_fix(
    position: &EmittedExternalPosition,
    truth: Geodetic,
    time: MonotonicNs,
) -> Option<(f64, bool)> {
    let age_s = time.seconds_since(position.time);
    if !(0.0..=POSITION_MAX_AGE_S).contains(&age_s) {
        return None;
    }
    let emitted = Geodetic {
        lat_rad: position.lat_rad,
        lon_rad: position.lon_rad,
        alt_msl_m: position.alt_msl_m,
    };
    let offset = emitted.displacement_to(truth);
    let north = offset.x - position.vel_ned_mps[0] * age_s;
    let east = offset.y - position.vel_ned_mps[1] * age_s;
    let covariance = &position.covariance;
    let (nn, ne, ee) = (
        covariance.at(0, 0),
        covariance.at(0, 1),
        covariance.at(1, 1),
    );
    let determinant = nn * ee - ne * ne;
    let squared = (ee * north * north - 2.0 * ne * north * east + nn * east * east) / determinant;
    Some((libm::hypot(north, east), squared <= CHI2_95))
}
