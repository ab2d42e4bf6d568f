//! What the log says about rows that go to the dead letters: their correlation ids, a few a second.

use std::time::{Duration, Instant};

use crate::check::Reason;
use crate::row::Row;

/// Most rows named in one interval; a channel that went mad must not fill the disk with its log.
const MOST: u32 = 5;
const INTERVAL: Duration = Duration::from_secs(1);

/// What was said lately.
#[derive(Debug)]
pub struct BadRows {
    since: Instant,
    said: u32,
    unsaid: u64,
}

impl BadRows {
    /// Nothing was said yet.
    pub fn new(now: Instant) -> Self {
        Self {
            since: now,
            said: 0,
            unsaid: 0,
        }
    }

    /// What to say about a dead-lettered line, if anything.
    pub fn say(&mut self, line: &[u8], reason: Reason, now: Instant) -> Option<String> {
        let mut before = String::new();
        if now.duration_since(self.since) >= INTERVAL {
            if self.unsaid > 0 {
                before = format!("{} more rows were dead-lettered; ", self.unsaid);
            }
            *self = Self::new(now);
        }
        if self.said == MOST {
            self.unsaid += 1;
            return None;
        }
        self.said += 1;
        let row = std::str::from_utf8(line)
            .ok()
            .and_then(|own| Row::parse(own).ok());
        let which = row.map_or_else(
            || "a line that is no row".to_owned(),
            |row| format!("{} {} {}", row.correlation, row.key.device, row.channel),
        );
        Some(format!("{before}dead-lettered: {which}: {}", reason.name()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_counted_and_a_row_is_named_by_its_correlation_id() {
        let start = Instant::now();
        let mut own = BadRows::new(start);
        let line = br#"{"device":"a","ts":1,"seq":1,"channel":"c","correlation":"00112233445566778899aabbccddeeff","fields":{}}"#;
        let first = own.say(line, Reason::Null, start);
        assert_eq!(
            first.as_deref(),
            Some("dead-lettered: 00112233445566778899aabbccddeeff a c: null")
        );
        let said = (0..1_000)
            .filter(|_| own.say(b"x", Reason::Malformed, start).is_some())
            .count();
        assert_eq!(said, 4);
        let later = own.say(b"x", Reason::Malformed, start + INTERVAL).unwrap();
        assert!(later.starts_with("996 more rows"), "{later}");
    }
}
