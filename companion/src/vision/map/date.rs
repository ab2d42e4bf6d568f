//! Days of the calendar, for the age of imagery.

use std::fmt;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One day, UTC. Written as `2026-11-28`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

/// The text is no day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no day; write it as 2026-11-28")]
pub struct ParseDateError {
    text: String,
}

impl Date {
    /// The day, when the calendar has it and it lies between 1970 and 9999.
    #[must_use]
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let leap =
            year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let days = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 => 28 + u8::from(leap),
            _ => 0,
        };
        let known = (1970..=9999).contains(&year) && (1..=days).contains(&day);
        known.then_some(Self { year, month, day })
    }

    /// What the machine's clock says.
    #[must_use]
    pub fn today() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Self::of_unix_s(since.map_or(0, |since| since.as_secs()))
    }

    /// The day of a unix time; the last day of 9999 for all later ones.
    #[must_use]
    pub fn of_unix_s(seconds: u64) -> Self {
        // H. Hinnant, "chrono-compatible low-level date algorithms": eras of 400 years from 1 March.
        let days = (seconds / 86_400).min(2_932_896) + 719_468;
        let (era, day_of_era) = (days / 146_097, days % 146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 {
            shifted + 3
        } else {
            shifted - 9
        };
        let year = year_of_era + 400 * era + u64::from(month <= 2);
        // The clamp above bounds every part.
        Self {
            year: year as u16,
            month: month as u8,
            day: day as u8,
        }
    }

    /// Whether more than `months` whole months lie between this day and `later`.
    #[must_use]
    pub fn is_older_than(self, months: u32, later: Self) -> bool {
        let month = |date: Self| 12 * u32::from(date.year) + u32::from(date.month);
        let between = month(later).saturating_sub(month(self));
        between > months || (between == months && later.day > self.day)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl FromStr for Date {
    type Err = ParseDateError;

    fn from_str(text: &str) -> Result<Self, ParseDateError> {
        let part = |range: std::ops::Range<usize>| {
            let digits = text.get(range)?;
            let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| digits.parse::<u16>().ok()).flatten()
        };
        let hyphens =
            text.len() == 10 && text.get(4..5) == Some("-") && text.get(7..8) == Some("-");
        let date = || {
            let month = u8::try_from(part(5..7)?).ok()?;
            let day = u8::try_from(part(8..10)?).ok()?;
            Self::new(part(0..4)?, month, day)
        };
        hyphens.then(date).flatten().ok_or_else(|| ParseDateError {
            text: text.chars().take(32).collect(),
        })
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn a_unix_time_is_its_day() {
        for (seconds, text) in [
            (0, "1970-01-01"),
            (951_782_399, "2000-02-28"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_795_824_000, "2026-11-28"),
            (u64::MAX, "9999-12-31"),
        ] {
            assert_eq!(Date::of_unix_s(seconds).to_string(), text);
        }
    }

    #[test]
    fn six_months_are_over_the_day_after() {
        let taken = day("2026-01-31");
        assert!(!taken.is_older_than(6, day("2026-07-31")));
        assert!(taken.is_older_than(6, day("2026-08-01")));
        assert!(!taken.is_older_than(6, day("2025-01-01")));
        assert!(taken.is_older_than(6, day("2027-01-01")));
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for text in [
            "",
            "2026-02-29",
            "2026-13-01",
            "2026-1-01",
            "20261-1-01",
            "+026-01-01",
            "1969-12-31",
        ] {
            assert!(text.parse::<Date>().is_err(), "{text}");
        }
        assert_eq!(day("2024-02-29").to_string(), "2024-02-29");
    }
}
