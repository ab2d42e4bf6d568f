//! Decimation that does not lie: of every stretch of time the least and the greatest value stay, each at its
//! own time, and a gap in the data stays a gap.
//!
//! The stretches double in length whenever there are too many, so that one pass over a flight of any length
//! needs the same memory.

/// Most stretches: twice as many points are drawn.
const STRETCHES_MAX: usize = 2048;
/// Length of the first stretches.
const FIRST_STRETCH_NS: u64 = 50_000_000;
/// Most gaps that are drawn; the longest stay.
const GAPS_MAX: usize = 256;

/// Something that is decimated: what it must keep of several samples.
pub trait Sample: Copy {
    /// Samples that stand for a stretch.
    type Kept: Copy;
    /// What is kept of one sample.
    fn kept(at: (u64, Self)) -> Self::Kept;
    /// What is kept of both.
    fn merged(a: Self::Kept, b: Self::Kept) -> Self::Kept;
    /// The kept samples, in any order.
    fn list(kept: &Self::Kept, to: &mut Vec<(u64, Self)>);
}

/// A number: the least and the greatest stay.
impl Sample for f64 {
    type Kept = [(u64, f64); 2];

    fn kept(at: (u64, Self)) -> Self::Kept {
        [at; 2]
    }

    fn merged(a: Self::Kept, b: Self::Kept) -> Self::Kept {
        [
            if b[0].1 < a[0].1 { b[0] } else { a[0] },
            if b[1].1 > a[1].1 { b[1] } else { a[1] },
        ]
    }

    fn list(kept: &Self::Kept, to: &mut Vec<(u64, Self)>) {
        to.extend(kept);
    }
}

/// A place on the map with what colours it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// Latitude, degrees.
    pub lat_deg: f64,
    /// Longitude, degrees.
    pub lon_deg: f64,
    /// Radius that holds the truth with 95 %, m.
    pub radius_m: f32,
    /// Number of its label.
    pub label: u8,
}

/// The first one, and the furthest to the north, south, east and west stay.
impl Sample for Place {
    type Kept = [(u64, Place); 5];

    fn kept(at: (u64, Self)) -> Self::Kept {
        [at; 5]
    }

    fn merged(a: Self::Kept, b: Self::Kept) -> Self::Kept {
        let better = |index: usize, key: fn(&Place) -> f64| {
            if key(&b[index].1) > key(&a[index].1) {
                b[index]
            } else {
                a[index]
            }
        };
        [
            if b[0].0 < a[0].0 { b[0] } else { a[0] },
            better(1, |place| place.lat_deg),
            better(2, |place| -place.lat_deg),
            better(3, |place| place.lon_deg),
            better(4, |place| -place.lon_deg),
        ]
    }

    fn list(kept: &Self::Kept, to: &mut Vec<(u64, Self)>) {
        to.extend(kept);
    }
}

/// A series of samples, decimated as it grows.
#[derive(Debug, Clone)]
pub struct Envelope<S: Sample> {
    stretches: Vec<Option<S::Kept>>,
    stretch_ns: u64,
    gap_ns: u64,
    gaps: Vec<(u64, u64)>,
    last_ns: Option<u64>,
    samples: u64,
}

impl<S: Sample + std::fmt::Debug> Envelope<S>
where
    S::Kept: std::fmt::Debug,
{
    /// A series in which samples further than `gap_s` apart have a gap between them.
    pub fn new(gap_s: f64) -> Self {
        Self {
            stretches: Vec::new(),
            stretch_ns: FIRST_STRETCH_NS,
            gap_ns: (gap_s * 1e9) as u64,
            gaps: Vec::new(),
            last_ns: None,
            samples: 0,
        }
    }

    /// Takes a sample, `time_ns` after the start. Times may run back a little.
    pub fn add(&mut self, time_ns: u64, sample: S) {
        self.samples += 1;
        if let Some(last) = self.last_ns
            && time_ns.saturating_sub(last) > self.gap_ns
        {
            self.gap(last, time_ns);
        }
        self.last_ns = Some(self.last_ns.map_or(time_ns, |last| last.max(time_ns)));
        while time_ns / self.stretch_ns >= STRETCHES_MAX as u64 {
            self.double();
        }
        // Less than STRETCHES_MAX now.
        let index = (time_ns / self.stretch_ns) as usize;
        if self.stretches.len() <= index {
            self.stretches.resize(index + 1, None);
        }
        let own = S::kept((time_ns, sample));
        let there = &mut self.stretches[index];
        *there = Some(there.map_or(own, |there| S::merged(there, own)));
    }

    /// How many samples were taken.
    pub fn samples(&self) -> u64 {
        self.samples
    }

    fn double(&mut self) {
        self.stretch_ns *= 2;
        let pairs = self.stretches.chunks(2).map(|pair| match *pair {
            [Some(a), Some(b)] => Some(S::merged(a, b)),
            [a, b] => a.or(b),
            [a] => a,
            _ => None,
        });
        self.stretches = pairs.collect();
    }

    fn gap(&mut self, from: u64, to: u64) {
        self.gaps.push((from, to));
        if self.gaps.len() > GAPS_MAX {
            // The shorter half is drawn through.
            let mut lengths: Vec<u64> = self.gaps.iter().map(|(from, to)| to - from).collect();
            lengths.sort_unstable();
            self.gap_ns = lengths[GAPS_MAX / 2];
            let limit = self.gap_ns;
            self.gaps.retain(|(from, to)| to - from > limit);
        }
    }

    /// The points in order of time; `None` where there is a gap.
    pub fn points(&self) -> Vec<(u64, Option<S>)> {
        let mut kept = Vec::new();
        for stretch in self.stretches.iter().flatten() {
            S::list(stretch, &mut kept);
        }
        kept.sort_by_key(|(time, _)| *time);
        kept.dedup_by_key(|(time, _)| *time);
        let mut gaps = self.gaps.iter().peekable();
        let mut points = Vec::with_capacity(kept.len() + self.gaps.len());
        for (time, sample) in kept {
            while let Some((from, to)) = gaps.next_if(|(_, to)| *to <= time) {
                points.push((from + (to - from) / 2, None));
            }
            points.push((time, Some(sample)));
        }
        points
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_sample_of_eight_hours_is_drawn_at_its_time() {
        let mut series = Envelope::new(1.0);
        let hz10 = (0..8 * 36_000u64).map(|index| index * 100_000_000);
        for time in hz10.clone() {
            let value = if time == 123_400_000_000 { 999.0 } else { 1.0 };
            series.add(time, value);
        }
        let points = series.points();
        assert!(points.len() <= 2 * STRETCHES_MAX, "{}", points.len());
        assert!(points.contains(&(123_400_000_000, Some(999.0))));
        assert!(points.iter().all(|(_, value)| value.is_some()));
    }

    #[test]
    fn a_gap_stays_a_gap_however_long_the_flight() {
        let mut series = Envelope::new(1.0);
        for second in 0..100_000u64 {
            if !(500..510).contains(&second) {
                series.add(second * 1_000_000_000, 1.0);
            }
        }
        let nothing: Vec<_> = series.points();
        let gap = nothing.iter().filter(|(_, value)| value.is_none()).count();
        assert_eq!(gap, 1);
    }

    #[test]
    fn of_many_gaps_the_longest_are_drawn() {
        let mut series = Envelope::new(1.0);
        let mut time = 0;
        for index in 0..1000u64 {
            time += if index == 700 { 60 } else { 2 } * 1_000_000_000;
            series.add(time, 1.0);
        }
        let points = series.points();
        let gaps = points.iter().filter(|(_, value)| value.is_none()).count();
        assert!((1..=GAPS_MAX).contains(&gaps), "{gaps}");
    }

    #[test]
    fn the_corners_of_a_track_stay() {
        let mut track = Envelope::new(10.0);
        let place = |lat_deg, lon_deg| Place {
            lat_deg,
            lon_deg,
            radius_m: 1.0,
            label: 0,
        };
        for index in 0..100_000u64 {
            let far = if index == 77_777 { 1.0 } else { 0.0 };
            track.add(index * 100_000_000, place(45.0 + far, 9.0 - far));
        }
        let points = track.points();
        assert!(
            points
                .iter()
                .any(|(_, at)| at.is_some_and(|at| at.lat_deg == 46.0))
        );
    }
}
