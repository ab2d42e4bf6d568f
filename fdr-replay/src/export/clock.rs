//! The recording's times as times of day.

use fdr_format::ClockAnchor;

const NS_PER_S: i64 = 1_000_000_000;

/// How the recording's monotonic time relates to Unix time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    start_ns: u64,
    unix_ns: Option<u64>,
}

impl Clock {
    /// The clock of a flight; without an anchor times stay as they are recorded.
    pub fn of(anchor: Option<ClockAnchor>) -> Self {
        Self {
            start_ns: anchor.map_or(0, |own| own.monotonic_ns),
            unix_ns: anchor.and_then(|own| own.unix_ns),
        }
    }

    /// Whether the time of day is known.
    pub fn is_unix(self) -> bool {
        self.unix_ns.is_some()
    }

    /// Monotonic milliseconds of the start.
    pub fn start_ms(self) -> u64 {
        self.start_ns / 1_000_000
    }

    /// Unix nanoseconds of a monotonic time; 1970 stands for the start where the time of day is unknown.
    pub fn unix_ns(self, monotonic_ns: u64) -> u64 {
        let start = self.unix_ns.unwrap_or(0);
        if monotonic_ns >= self.start_ns {
            start.saturating_add(monotonic_ns - self.start_ns)
        } else {
            start.saturating_sub(self.start_ns - monotonic_ns)
        }
    }

    /// Seconds from the start of the flight.
    pub fn seconds(self, monotonic_ns: u64) -> f64 {
        (i128::from(monotonic_ns) - i128::from(self.start_ns)) as f64 * 1e-9
    }
}

/// Unix nanoseconds as `2023-11-14T22:13:20.123Z`, to the millisecond.
pub fn iso(unix_ns: u64) -> String {
    let own = i64::try_from(unix_ns).unwrap_or(i64::MAX);
    let (seconds, ms) = (own / NS_PER_S, own % NS_PER_S / 1_000_000);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

/// The date of a day since 1970, Gregorian calendar. Years begin in March here, so that the leap day is the last.
fn date(days: i64) -> (i64, i64, i64) {
    let since = days + 719_468;
    let (era, day) = (since / 146_097, since % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let first = (153 * month + 2) / 5;
    let january = i64::from(month >= 10);
    (
        era * 400 + year + january,
        month + 3 - 12 * january,
        day - first + 1,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unix_times_are_written_as_dates() {
        assert_eq!(iso(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(iso(951_782_400_000_000_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(iso(1_700_000_000_123_456_789), "2023-11-14T22:13:20.123Z");
        assert_eq!(iso(1_767_225_599_999_000_000), "2025-12-31T23:59:59.999Z");
    }

    #[test]
    fn a_time_in_front_of_the_start_is_in_front_of_it_on_the_other_clock_too() {
        let clock = Clock::of(Some(ClockAnchor {
            monotonic_ns: 5_000_000_000,
            unix_ns: Some(1_000_000_000_000),
        }));
        assert_eq!(clock.unix_ns(4_000_000_000), 999_000_000_000);
        assert_eq!(clock.unix_ns(6_000_000_000), 1_001_000_000_000);
        assert_eq!(clock.seconds(4_500_000_000), -0.5);
        assert_eq!(Clock::of(None).unix_ns(7), 7);
    }
}
