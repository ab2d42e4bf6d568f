//! What happened when: spans of a state, and events; bounded, whatever the flight does.

use fdr_format::records::Severity;
use serde::Serialize;

/// Most spans of one lane; further ones are counted.
const SPANS_MAX: usize = 3000;
/// Most events of a severity class; further ones are counted.
const EVENTS_MAX: usize = 1500;
/// The same event within this time is one event that repeats.
const REPEATS_WITHIN_NS: u64 = 10_000_000_000;

/// A stretch of time in one state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Span {
    /// When it began, from the start of the flight.
    pub from_ns: u64,
    /// When it ended.
    pub to_ns: u64,
    /// The state; also its colour.
    pub state: &'static str,
}

/// One row of the timeline.
#[derive(Debug, Clone, Default)]
pub struct Lane {
    spans: Vec<Span>,
    open: Option<Span>,
    omitted: u64,
}

impl Lane {
    /// From `time_ns` on the state is `state`; `None` is none.
    pub fn enter(&mut self, time_ns: u64, state: Option<&'static str>) {
        if let Some(open) = &mut self.open {
            open.to_ns = time_ns.max(open.to_ns);
            if state == Some(open.state) {
                return;
            }
        }
        self.end();
        self.open = state.map(|state| Span {
            from_ns: time_ns,
            to_ns: time_ns,
            state,
        });
    }

    /// The state goes on up to `time_ns`.
    pub fn reach(&mut self, time_ns: u64) {
        if let Some(open) = &mut self.open {
            open.to_ns = time_ns.max(open.to_ns);
        }
    }

    /// The state that was entered last.
    pub fn state(&self) -> Option<&'static str> {
        self.open.as_ref().map(|open| open.state)
    }

    /// The state ends with what was reached.
    pub fn end(&mut self) {
        match self.open.take() {
            Some(open) if self.spans.len() < SPANS_MAX => self.spans.push(open),
            Some(_) => self.omitted += 1,
            None => {}
        }
    }

    /// The spans that have ended.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// Spans that are not among them.
    pub fn omitted(&self) -> u64 {
        self.omitted
    }

    /// All time in `state`, s.
    pub fn seconds_in(&self, state: &str) -> f64 {
        let spans = self.spans.iter().filter(|span| span.state == state);
        spans
            .map(|span| (span.to_ns - span.from_ns) as f64 * 1e-9)
            .sum()
    }
}

/// Something that happened, perhaps several times in a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// When first, from the start of the flight.
    pub from_ns: u64,
    /// When last.
    pub to_ns: u64,
    /// How much it matters.
    pub severity: Severity,
    /// Part of the program, or kind of event.
    pub about: String,
    /// For people.
    pub text: String,
    /// How often.
    pub times: u64,
}

/// Events in order of their records.
#[derive(Debug, Clone, Default)]
pub struct Events {
    list: Vec<Event>,
    serious: usize,
    omitted: u64,
}

impl Events {
    /// Adds one.
    pub fn add(&mut self, time_ns: u64, severity: Severity, about: &str, text: String) {
        let recent = self.list.iter_mut().rev().take(8);
        let same = recent
            .filter(|event| time_ns.saturating_sub(event.to_ns) <= REPEATS_WITHIN_NS)
            .find(|event| event.about == about && event.text == text);
        if let Some(event) = same {
            event.to_ns = event.to_ns.max(time_ns);
            event.times += 1;
            return;
        }
        let serious = is_serious(severity);
        let of_class = match serious {
            true => self.serious,
            false => self.list.len() - self.serious,
        };
        if of_class >= EVENTS_MAX {
            self.omitted += 1;
            return;
        }
        self.serious += usize::from(serious);
        self.list.push(Event {
            from_ns: time_ns,
            to_ns: time_ns,
            severity,
            about: about.to_owned(),
            text,
            times: 1,
        });
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Event> {
        self.list.iter()
    }

    /// Those of WARN and above.
    pub fn serious(&self) -> impl Iterator<Item = &Event> {
        self.list.iter().filter(|event| is_serious(event.severity))
    }

    /// How many there was no room for.
    pub fn omitted(&self) -> u64 {
        self.omitted
    }
}

/// WARN and above.
pub fn is_serious(severity: Severity) -> bool {
    match severity {
        Severity::Emergency
        | Severity::Alert
        | Severity::Critical
        | Severity::Error
        | Severity::Warning => true,
        Severity::Notice | Severity::Info | Severity::Debug => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_that_repeats_is_one_event_and_says_how_often() {
        let mut events = Events::default();
        for second in 0..100 {
            events.add(
                second * 1_000_000_000,
                Severity::Notice,
                "gps",
                "rejected".to_owned(),
            );
        }
        let found: Vec<_> = events
            .iter()
            .map(|event| (event.from_ns, event.times))
            .collect();
        assert_eq!(found, [(0, 100)]);
    }

    #[test]
    fn a_flood_of_notices_leaves_room_for_what_is_serious() {
        let mut events = Events::default();
        for index in 0..10_000 {
            events.add(0, Severity::Notice, "flood", index.to_string());
        }
        events.add(1, Severity::Critical, "recorder", "failed".to_owned());
        assert_eq!(events.serious().count(), 1);
        assert_eq!(events.omitted(), 10_000 - EVENTS_MAX as u64);
    }

    #[test]
    fn a_state_lasts_until_the_next_one() {
        let mut lane = Lane::default();
        lane.enter(5, Some("a"));
        lane.enter(7, Some("a"));
        lane.enter(9, Some("b"));
        lane.reach(12);
        lane.end();
        let spans: Vec<_> = lane
            .spans()
            .iter()
            .map(|s| (s.from_ns, s.to_ns, s.state))
            .collect();
        assert_eq!(spans, [(5, 9, "a"), (9, 12, "b")]);
    }
}
