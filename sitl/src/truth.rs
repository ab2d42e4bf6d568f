//! What really happened: the motion of the simulated aircraft over time.

use nalgebra::Vector3;

use crate::world::Place;

/// The motion at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// Time since the simulation began.
    pub time_ns: u64,
    /// Where the aircraft was.
    pub place: Place,
    /// Velocity over ground.
    pub velocity_ned_mps: Vector3<f64>,
    /// Velocity of the air around it.
    pub wind_ned_mps: Vector3<f64>,
}

/// The motion of one flight, in order of time.
#[derive(Debug, Clone, Default)]
pub struct Track {
    moments: Vec<Moment>,
}

impl Track {
    /// Adds the next moment; it must be later than the one before.
    pub fn push(&mut self, moment: Moment) {
        debug_assert!(
            self.moments
                .last()
                .is_none_or(|last| last.time_ns < moment.time_ns)
        );
        self.moments.push(moment);
    }

    /// All moments.
    #[must_use]
    pub fn moments(&self) -> &[Moment] {
        &self.moments
    }

    /// The motion at `time_ns`, interpolated linearly; `None` outside the track.
    #[must_use]
    pub fn at(&self, time_ns: u64) -> Option<Moment> {
        let after = self
            .moments
            .partition_point(|moment| moment.time_ns < time_ns);
        let later = self.moments.get(after)?;
        if later.time_ns == time_ns {
            return Some(*later);
        }
        let earlier = self.moments.get(after.checked_sub(1)?)?;
        let share = (time_ns - earlier.time_ns) as f64 / (later.time_ns - earlier.time_ns) as f64;
        Some(Moment {
            time_ns,
            place: earlier
                .place
                .moved(&(earlier.place.ned_to(&later.place) * share)),
            velocity_ned_mps: earlier
                .velocity_ned_mps
                .lerp(&later.velocity_ned_mps, share),
            wind_ned_mps: earlier.wind_ned_mps.lerp(&later.wind_ned_mps, share),
        })
    }

    /// Distance flown over ground between two times, horizontally.
    #[must_use]
    pub fn distance_m(&self, from_ns: u64, to_ns: u64) -> f64 {
        let begin = self
            .moments
            .partition_point(|moment| moment.time_ns < from_ns);
        let end = self
            .moments
            .partition_point(|moment| moment.time_ns <= to_ns);
        self.moments[begin..end.max(begin)]
            .windows(2)
            .map(|pair| pair[0].place.ned_to(&pair[1].place).xy().norm())
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn straight_north() -> Track {
        let start = Place {
            lat_rad: 0.8,
            lon_rad: 0.1,
            alt_msl_m: 100.0,
        };
        let velocity_ned_mps = Vector3::new(20.0, 0.0, 0.0);
        let mut track = Track::default();
        for second in 0..10_u64 {
            track.push(Moment {
                time_ns: second * 1_000_000_000,
                place: start.moved(&(velocity_ned_mps * second as f64)),
                velocity_ned_mps,
                wind_ned_mps: Vector3::zeros(),
            });
        }
        track
    }

    #[test]
    fn between_two_moments_the_motion_is_interpolated() {
        let track = straight_north();
        let start = track.moments()[0].place;
        let middle = track.at(2_500_000_000).unwrap();
        assert!((start.ned_to(&middle.place).x - 50.0).abs() < 1e-3);
        assert!(track.at(9_000_000_001).is_none());
    }

    #[test]
    fn distance_counts_only_the_time_asked_for() {
        let track = straight_north();
        assert!((track.distance_m(2_000_000_000, 5_000_000_000) - 60.0).abs() < 1e-3);
        assert_eq!(track.distance_m(5_000_000_000, 2_000_000_000), 0.0);
    }
}
