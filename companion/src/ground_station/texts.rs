//! Status texts on their way to the ground station.
//!
//! | what comes | what waits at its severity | effect |
//! |---|---|---|
//! | a text | the same text | counted there: `... (x3)` |
//! | a text | another one | waits behind it; of too many the oldest is lost and counted |
//! | time | a text, and the last of its severity went a second ago or more | sent |
//!
//! Each severity has a queue and a second of its own, so that a higher one is never delayed by a lower;
//! of several that are due the highest goes first.
//!
//! A text of more than 50 bytes is sent in chunks of one id. Receivers take a chunk with a zero byte for
//! the last one: a text that fills its chunks exactly is followed by an empty chunk.
//!
//! Source: MAVLink common 253.

use std::collections::VecDeque;

use mavlink::dialects::ardupilotmega::{MavMessage, MavSeverity, STATUSTEXT_DATA};

use crate::navigator::{MonotonicNs, Severity};

/// What every text begins with.
pub const TEXT_PREFIX: &str = "GPS-DENIED: ";
/// Bytes of one chunk.
const CHUNK: usize = 50;
/// Longest text, prefix and count included: five chunks.
const TEXT_MAX: usize = 5 * CHUNK;
/// Texts that wait at one severity.
const WAITING_MAX: usize = 16;
const PERIOD_NS: u64 = 1_000_000_000;
const SEVERITIES: [Severity; 5] = [
    Severity::Critical,
    Severity::Error,
    Severity::Warning,
    Severity::Notice,
    Severity::Info,
];

#[derive(Debug)]
struct Waiting {
    text: String,
    times: u32,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    last: Option<MonotonicNs>,
}

impl Queue {
    fn is_due(&self, now: MonotonicNs) -> bool {
        let rested = |last: MonotonicNs| now.0.saturating_sub(last.0) >= PERIOD_NS;
        !self.waiting.is_empty() && self.last.is_none_or(rested)
    }
}

/// The texts that wait.
#[derive(Debug, Default)]
pub struct Texts {
    queues: [Queue; SEVERITIES.len()],
    next_id: u16,
    lost: u64,
}

impl Texts {
    /// Queues a text, without the prefix.
    pub fn say(&mut self, severity: Severity, text: &str) {
        let Some(index) = SEVERITIES.iter().position(|known| *known == severity) else {
            return;
        };
        let queue = &mut self.queues[index].waiting;
        if let Some(same) = queue.iter_mut().find(|waiting| waiting.text == text) {
            same.times = same.times.saturating_add(1);
            return;
        }
        if queue.len() == WAITING_MAX {
            queue.pop_front();
            self.lost += 1;
        }
        queue.push_back(Waiting {
            text: text.to_owned(),
            times: 1,
        });
    }

    /// How many texts found no room.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// The messages of the next text that is due, or none.
    pub fn poll(&mut self, now: MonotonicNs) -> Vec<MavMessage> {
        let due = self.queues.iter().position(|queue| queue.is_due(now));
        let Some(index) = due else { return Vec::new() };
        let queue = &mut self.queues[index];
        let Some(waiting) = queue.waiting.pop_front() else {
            return Vec::new();
        };
        queue.last = Some(now);
        let count = match waiting.times {
            1 => String::new(),
            times => format!(" (x{times})"),
        };
        let room = TEXT_MAX - TEXT_PREFIX.len() - count.len();
        let text = format!("{TEXT_PREFIX}{}{count}", cut(&waiting.text, room));
        self.next_id = match self.next_id.wrapping_add(1) {
            0 => 1,
            id => id,
        };
        chunks(SEVERITIES[index], &text, self.next_id)
    }

    /// When the next text is due, if any waits.
    #[must_use]
    pub fn next_deadline(&self) -> Option<MonotonicNs> {
        let waiting = self.queues.iter().filter(|queue| !queue.waiting.is_empty());
        waiting
            .map(|queue| {
                queue.last.map_or(MonotonicNs(0), |last| {
                    MonotonicNs(last.0.saturating_add(PERIOD_NS))
                })
            })
            .min()
    }
}

/// The longest start of `text` that has at most `room` bytes and ends between two characters.
fn cut(text: &str, room: usize) -> &str {
    let mut end = text.len().min(room);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// The messages of one text. `id` is used when there is more than one.
#[must_use]
pub fn chunks(severity: Severity, text: &str, id: u16) -> Vec<MavMessage> {
    let severity = mav_severity(severity);
    let message = |piece: &str, id, chunk_seq| {
        let mut bytes = [0; CHUNK];
        bytes[..piece.len()].copy_from_slice(piece.as_bytes());
        MavMessage::STATUSTEXT(STATUSTEXT_DATA {
            severity,
            text: bytes.into(),
            id,
            chunk_seq,
        })
    };
    if text.len() <= CHUNK {
        return vec![message(text, 0, 0)];
    }
    let (mut rest, mut made) = (text, Vec::new());
    let mut full = false;
    while !rest.is_empty() && made.len() < usize::from(u8::MAX) {
        let piece = cut(rest, CHUNK);
        full = piece.len() == CHUNK;
        made.push(message(piece, id, made.len() as u8));
        rest = &rest[piece.len()..];
        // A chunk that a character did not fit into has a zero byte: what follows is a text of its own.
        if !full && !rest.is_empty() {
            made.pop();
            let padded = format!("{piece}{}", " ".repeat(CHUNK - piece.len()));
            made.push(message(&padded, id, made.len() as u8));
        }
    }
    if full {
        made.push(message("", id, made.len() as u8));
    }
    made
}

fn mav_severity(severity: Severity) -> MavSeverity {
    match severity {
        Severity::Critical => MavSeverity::MAV_SEVERITY_CRITICAL,
        Severity::Error => MavSeverity::MAV_SEVERITY_ERROR,
        Severity::Warning => MavSeverity::MAV_SEVERITY_WARNING,
        Severity::Notice => MavSeverity::MAV_SEVERITY_NOTICE,
        Severity::Info => MavSeverity::MAV_SEVERITY_INFO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(ms: u64) -> MonotonicNs {
        MonotonicNs(ms * 1_000_000)
    }

    /// What a receiver that follows the message definition puts together.
    fn together(messages: &[MavMessage]) -> String {
        let mut text = Vec::new();
        for (index, message) in messages.iter().enumerate() {
            let MavMessage::STATUSTEXT(body) = message else {
                panic!("a status text");
            };
            assert_eq!(usize::from(body.chunk_seq), index);
            assert_eq!(body.id == 0, messages.len() == 1);
            let end = body.text.iter().position(|byte| *byte == 0);
            text.extend_from_slice(&body.text[..end.unwrap_or(CHUNK)]);
            let last = index + 1 == messages.len();
            assert_eq!(
                last,
                end.is_some() || messages.len() == 1,
                "only the last chunk ends"
            );
        }
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn a_text_that_fills_its_chunks_exactly_is_followed_by_an_empty_one() {
        for (length, expected) in [(1, 1), (50, 1), (51, 2), (99, 2), (100, 3), (111, 3)] {
            let text = "a".repeat(length);
            let messages = chunks(Severity::Info, &text, 7);
            assert_eq!(messages.len(), expected, "{length} bytes");
            assert_eq!(together(&messages), text);
        }
    }

    #[test]
    fn one_text_a_second_and_severity_and_the_higher_goes_first() {
        let mut texts = Texts::default();
        for text in ["first", "second"] {
            texts.say(Severity::Info, text);
            texts.say(Severity::Critical, text);
        }
        let mut sent = Vec::new();
        for ms in (0..3000).step_by(50) {
            for message in texts.poll(at(ms)) {
                let MavMessage::STATUSTEXT(body) = &message else {
                    panic!("a status text");
                };
                sent.push((ms, body.severity as u8, together(&[message])));
            }
        }
        let sent: Vec<_> = sent
            .iter()
            .map(|(ms, severity, text)| (*ms, *severity, text.as_str()))
            .collect();
        assert_eq!(
            sent,
            [
                (0, 2, "GPS-DENIED: first"),
                (50, 6, "GPS-DENIED: first"),
                (1000, 2, "GPS-DENIED: second"),
                (1050, 6, "GPS-DENIED: second"),
            ]
        );
    }

    #[test]
    fn repeats_are_merged_with_their_count_and_a_flood_loses_the_oldest() {
        let mut texts = Texts::default();
        for _ in 0..40 {
            texts.say(Severity::Warning, "again");
        }
        assert_eq!(together(&texts.poll(at(0))), "GPS-DENIED: again (x40)");
        for index in 0..WAITING_MAX + 3 {
            texts.say(Severity::Warning, &index.to_string());
        }
        assert_eq!(texts.lost(), 3);
        assert_eq!(together(&texts.poll(at(1000))), "GPS-DENIED: 3");
    }

    proptest! {
        #[test]
        fn every_text_comes_together_again(text in "\\PC{0,90}") {
            let whole = format!("{TEXT_PREFIX}{text}");
            let joined = together(&chunks(Severity::Notice, &whole, 1));
            // Where a character did not fit, the chunk before it is filled with spaces.
            let bare = |text: &str| text.split(' ').collect::<String>();
            prop_assert_eq!(bare(&joined), bare(&whole));
        }
    }
}
