//! One line of the log, and its form as JSON.

use serde_json::{Map, Value, json};
use tracing::Level;

/// Name of the program in its log.
pub const SERVICE: &str = "gps-denied-companion";

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// How much it matters.
    pub level: Level,
    /// Part of the program: the first module below the crate, unless the line names another.
    pub component: String,
    /// Number of the navigator's latest input, which leads to its record.
    pub cycle: u64,
    /// Monotonic time, nanoseconds.
    pub monotonic_ns: u64,
    /// Wall clock, nanoseconds since 1970.
    pub unix_ns: u64,
    /// For people.
    pub message: String,
    /// Whether what it says is in the recording already.
    pub recorded: bool,
    /// Everything else that the line says.
    pub context: Map<String, Value>,
}

impl Line {
    /// One JSON object, without the line's end.
    #[must_use]
    pub fn json(&self, flight_id: Option<&str>) -> String {
        json!({
            "timestamp": timestamp(self.unix_ns),
            "level": self.level.as_str(),
            "service": SERVICE,
            "component": self.component,
            "flight_id": flight_id,
            "cycle": self.cycle,
            "monotonic_ms": self.monotonic_ns / 1_000_000,
            "message": self.message,
            "context": self.context,
        })
        .to_string()
    }
}

/// Part of the program that a `tracing` target names.
pub fn component_of(target: &str) -> &str {
    let mut path = target.split("::");
    let first = path.next().unwrap_or_default();
    path.next().unwrap_or(first)
}

/// RFC 3339 in UTC, to the millisecond.
fn timestamp(unix_ns: u64) -> String {
    let seconds = unix_ns / 1_000_000_000;
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let millis = unix_ns / 1_000_000 % 1000;
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

/// Year, month and day of a number of days since 1970-01-01.
///
/// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_those_of_the_calendar() {
        for (unix_ns, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999_999_999, "2000-02-28T23:59:59.999Z"),
            (951_868_799_000_000_000, "2000-02-29T23:59:59.000Z"),
            (1_795_867_200_123_000_000, "2026-11-28T12:00:00.123Z"),
            (4_107_542_400_000_000_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(timestamp(unix_ns), text);
        }
    }

    #[test]
    fn a_component_is_the_first_module_of_the_program() {
        assert_eq!(component_of("companion::recorder::writer"), "recorder");
        assert_eq!(component_of("companion"), "companion");
    }
}
