//! Emitted positions against the truth, phase by phase.

use std::collections::BTreeSet;

use fdr_format::records::{EmittedExternalPosition, SourceLabel};
use serde::Serialize;

use crate::truth::Track;
use crate::world::Place;

/// Part of a flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PhaseName {
    /// The autopilot's receiver delivers fixes.
    GpsTrusted,
    /// It is jammed.
    GpsLost,
}

/// How the emitted positions of one phase compare with the truth. Errors are horizontal distances.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Phase {
    /// Which part of the flight.
    pub name: PhaseName,
    /// First emitted position, seconds from the start of the flight.
    pub start_s: f64,
    /// From the first position to the last.
    pub duration_s: f64,
    /// Distance flown over ground meanwhile.
    pub distance_m: f64,
    /// Positions emitted.
    pub positions: usize,
    /// Error of the last position.
    pub error_end_m: f64,
    /// Largest error.
    pub error_max_m: f64,
    /// Root of the mean square of the error.
    pub error_rms_m: f64,
    /// Share of positions whose 95 % ellipse holds the truth.
    pub coverage_95: f64,
    /// Median of the emitted `horiz_accuracy_m` (1 sigma along the ellipse's long axis).
    pub sigma_median_m: f64,
    /// Source labels seen.
    pub labels: BTreeSet<&'static str>,
}

/// One emitted position with the true time of the flight at which it is valid.
#[derive(Debug, Clone, PartialEq)]
pub struct TimedPosition {
    /// Time since the flight began.
    pub time_ns: u64,
    /// What was emitted.
    pub position: EmittedExternalPosition,
}

/// Scores the positions before and after the loss of GPS. A phase without positions is left out.
#[must_use]
pub fn score(positions: &[TimedPosition], truth: &Track, gps_lost_at_ns: u64) -> Vec<Phase> {
    let lost = positions.partition_point(|position| position.time_ns < gps_lost_at_ns);
    let (trusted, denied) = positions.split_at(lost);
    [
        (PhaseName::GpsTrusted, trusted),
        (PhaseName::GpsLost, denied),
    ]
    .into_iter()
    .filter_map(|(name, positions)| phase(name, positions, truth))
    .collect()
}

fn phase(name: PhaseName, positions: &[TimedPosition], truth: &Track) -> Option<Phase> {
    let judged: Vec<Judged> = positions
        .iter()
        .filter_map(|position| judge(position, truth))
        .collect();
    let (first, last) = (positions.first()?, positions.last()?);
    let end = judged.last()?;
    let count = judged.len() as f64;
    let squares: f64 = judged.iter().map(|one| one.error_m * one.error_m).sum();
    let inside = judged.iter().filter(|one| one.inside_95).count() as f64;
    let mut sigmas: Vec<f64> = positions
        .iter()
        .map(|one| one.position.horiz_accuracy_m)
        .collect();
    sigmas.sort_by(f64::total_cmp);
    Some(Phase {
        name,
        start_s: first.time_ns as f64 * 1e-9,
        duration_s: (last.time_ns - first.time_ns) as f64 * 1e-9,
        distance_m: truth.distance_m(first.time_ns, last.time_ns),
        positions: positions.len(),
        error_end_m: end.error_m,
        error_max_m: judged.iter().map(|one| one.error_m).fold(0.0, f64::max),
        error_rms_m: libm::sqrt(squares / count),
        coverage_95: inside / count,
        sigma_median_m: sigmas[sigmas.len() / 2],
        labels: positions
            .iter()
            .map(|one| label(one.position.source_label))
            .collect(),
    })
}

struct Judged {
    error_m: f64,
    inside_95: bool,
}

fn judge(emitted: &TimedPosition, truth: &Track) -> Option<Judged> {
    let position = &emitted.position;
    let believed = Place {
        lat_rad: position.lat_rad,
        lon_rad: position.lon_rad,
        alt_msl_m: position.alt_msl_m,
    };
    let error = believed.ned_to(&truth.at(emitted.time_ns)?.place);
    let (sine, cosine) = libm::sincos(position.ellipse_orientation_rad);
    let along = (cosine * error.x + sine * error.y) / position.ellipse_semi_major_m;
    let across = (cosine * error.y - sine * error.x) / position.ellipse_semi_minor_m;
    Some(Judged {
        error_m: error.xy().norm(),
        inside_95: along * along + across * across <= 1.0,
    })
}

fn label(label: SourceLabel) -> &'static str {
    match label {
        SourceLabel::DeadReckoned => "dead_reckoned",
        SourceLabel::VisualPropagated => "visual_propagated",
        SourceLabel::SatelliteAnchored => "satellite_anchored",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::truth::Moment;
    use fdr_format::records::FixType;
    use nalgebra::Vector3;

    const HOME: Place = Place {
        lat_rad: 0.85,
        lon_rad: 0.4,
        alt_msl_m: 200.0,
    };

    fn hovering(seconds: u64) -> Track {
        let mut track = Track::default();
        for second in 0..=seconds {
            track.push(Moment {
                time_ns: second * 1_000_000_000,
                place: HOME,
                velocity_ned_mps: Vector3::zeros(),
                wind_ned_mps: Vector3::zeros(),
            });
        }
        track
    }

    /// A position `north_m`, `east_m` off with an ellipse of 20 m by 5 m whose long axis points north.
    fn emitted(second: u64, north_m: f64, east_m: f64) -> TimedPosition {
        let place = HOME.moved(&Vector3::new(north_m, east_m, 0.0));
        TimedPosition {
            time_ns: second * 1_000_000_000,
            position: EmittedExternalPosition {
                time_ns: 0,
                lat_rad: place.lat_rad,
                lon_rad: place.lon_rad,
                alt_msl_m: place.alt_msl_m,
                vel_ned_mps: [0.0; 3],
                covariance: [0.0; 21],
                ellipse_semi_major_m: 20.0,
                ellipse_semi_minor_m: 5.0,
                ellipse_orientation_rad: 0.0,
                horiz_accuracy_m: 8.0,
                vert_accuracy_m: 3.0,
                speed_accuracy_mps: 1.0,
                source_label: SourceLabel::DeadReckoned,
                last_satellite_anchor_age_ms: None,
                fix_type: FixType::ThreeD,
            },
        }
    }

    #[test]
    fn the_ellipse_is_judged_along_its_own_axes() {
        let positions = [emitted(1, 19.0, 0.0), emitted(2, 0.0, 19.0)];
        let phases = score(&positions, &hovering(5), 5_000_000_000);
        assert_eq!(phases.len(), 1);
        assert_eq!(phases[0].coverage_95, 0.5);
        assert!((phases[0].error_rms_m - 19.0).abs() < 1e-3);
    }

    #[test]
    fn the_phases_part_where_gps_is_lost() {
        let positions = [
            emitted(1, 1.0, 0.0),
            emitted(2, 2.0, 0.0),
            emitted(3, 30.0, 0.0),
            emitted(4, 25.0, 0.0),
        ];
        let phases = score(&positions, &hovering(5), 3_000_000_000);
        assert_eq!(phases[0].name, PhaseName::GpsTrusted);
        assert!((phases[0].error_end_m - 2.0).abs() < 1e-3);
        assert_eq!(phases[1].name, PhaseName::GpsLost);
        assert!((phases[1].error_max_m - 30.0).abs() < 1e-3);
        assert!((phases[1].error_end_m - 25.0).abs() < 1e-3);
        assert_eq!(phases[1].coverage_95, 0.0);
    }
}
