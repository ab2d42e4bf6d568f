//! What is wrong with a link from which nothing useful comes, in plain words, within five seconds.
//!
//! | state | event | next | told |
//! |---|---|---|---|
//! | waiting | a frame of ours | good | it is heard |
//! | waiting | [`PATIENCE_S`] without | troubled | what is wrong |
//! | troubled | a frame of ours | good | it is heard again |
//! | troubled | something else is wrong for [`PATIENCE_S`] | troubled | what is wrong now |
//! | good | [`SILENCE_S`] without a frame of ours | troubled | what is wrong |
//! | any | the link was opened | waiting | - |

use crate::navigator::MonotonicNs;

/// How long a link that was opened is given.
pub const PATIENCE_S: f64 = 4.0;
/// How long a link that was good may be without a frame.
pub const SILENCE_S: f64 = 3.0;
/// Frames of another protocol that are no accident.
const FOREIGN_MIN: u64 = 3;
/// Bytes that belong to no frame and are no accident.
const GARBAGE_MIN: u64 = 16;

/// What a link is expected to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// MAVLink 1 or 2.
    Mavlink,
    /// MSP version 2.
    Msp,
}

impl Protocol {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Mavlink => "MAVLink",
            Self::Msp => "MSP",
        }
    }
}

/// What a link delivered in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Heard {
    /// Bytes.
    pub bytes: u64,
    /// Frames of its protocol.
    pub frames: u64,
    /// Frames of the other protocol.
    pub foreign: u64,
    /// Frames of the autopilot that is waited for.
    pub vehicle: u64,
}

/// What is said of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is heard.
    Good,
    /// Nothing comes.
    Silent,
    /// Bytes come, and no frame.
    Garbage {
        /// How many.
        bytes: u64,
    },
    /// The other protocol is spoken.
    Foreign,
    /// Frames come, and none of the autopilot that is waited for.
    NoVehicle,
}

impl Verdict {
    /// In words; `place` is the link's address, `protocol` what it is expected to speak.
    #[must_use]
    pub fn text(self, place: &str, protocol: Protocol) -> String {
        let name = protocol.name();
        match self {
            Self::Good => format!("{place}: {name} is heard"),
            Self::Silent => format!(
                "{place}: nothing comes; is it the right device, is the other side switched on, and is \
                 {name} set on its port?"
            ),
            Self::Garbage { bytes } => format!(
                "{place}: {bytes} bytes came and no {name} frame; the speed (baud) or the protocol of \
                 one side is wrong"
            ),
            Self::Foreign => {
                let (other, kind) = match protocol {
                    Protocol::Mavlink => ("MSP", "inav"),
                    Protocol::Msp => ("MAVLink", "ardupilot"),
                };
                format!(
                    "{place}: speaks {other}, not {name}; set autopilot.kind = \"{kind}\", or the \
                     port's protocol on the autopilot"
                )
            }
            Self::NoVehicle => format!(
                "{place}: {name} is heard, but not the autopilot that is waited for; check \
                 autopilot.system_id and what the link is connected to"
            ),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Waiting,
    Good,
    Troubled(Verdict),
}

/// The diagnosis of one link.
#[derive(Debug, Clone)]
pub struct Diagnosis {
    state: State,
    /// When it was opened, or a frame last came.
    since: MonotonicNs,
    /// What was heard up to then.
    before: Heard,
    open: bool,
}

impl Default for Diagnosis {
    fn default() -> Self {
        Self {
            state: State::Waiting,
            since: MonotonicNs(0),
            before: Heard::default(),
            open: false,
        }
    }
}

impl Diagnosis {
    /// The link was opened.
    pub fn opened(&mut self, now: MonotonicNs, heard: Heard) {
        self.state = State::Waiting;
        self.since = now;
        self.before = heard;
        self.open = true;
    }

    /// The link is closed: that is known without a diagnosis.
    pub fn closed(&mut self) {
        self.open = false;
    }

    /// Whether frames come.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.open && self.state == State::Good
    }

    /// Whether nothing comes at all, although it is open.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.open && self.state == State::Troubled(Verdict::Silent)
    }

    /// Looks at what was heard; says what is to be told.
    pub fn look(&mut self, now: MonotonicNs, heard: Heard) -> Option<Verdict> {
        if !self.open {
            return None;
        }
        if heard.vehicle > self.before.vehicle {
            self.since = now;
            self.before = heard;
            return (std::mem::replace(&mut self.state, State::Good) != State::Good)
                .then_some(Verdict::Good);
        }
        let patience_s = match self.state {
            State::Good => SILENCE_S,
            State::Waiting | State::Troubled(_) => PATIENCE_S,
        };
        if now.seconds_since(self.since) < patience_s {
            return None;
        }
        let verdict = verdict(self.before, heard);
        self.since = now;
        self.before = heard;
        let told = State::Troubled(verdict);
        let same = match (self.state, verdict) {
            (State::Troubled(Verdict::Garbage { .. }), Verdict::Garbage { .. }) => true,
            (state, _) => state == told,
        };
        self.state = told;
        (!same).then_some(verdict)
    }
}

fn verdict(before: Heard, heard: Heard) -> Verdict {
    let bytes = heard.bytes - before.bytes;
    let frames = heard.frames - before.frames;
    if heard.foreign - before.foreign >= FOREIGN_MIN && frames == 0 {
        Verdict::Foreign
    } else if frames > 0 {
        Verdict::NoVehicle
    } else if bytes >= GARBAGE_MIN {
        Verdict::Garbage { bytes }
    } else {
        Verdict::Silent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: f64) -> MonotonicNs {
        MonotonicNs((s * 1e9) as u64)
    }

    #[test]
    fn silence_garbage_a_foreign_protocol_and_a_foreign_vehicle_are_told_apart_within_five_seconds()
    {
        let cases = [
            (Heard::default(), Verdict::Silent),
            (
                Heard {
                    bytes: 500,
                    ..Heard::default()
                },
                Verdict::Garbage { bytes: 500 },
            ),
            (
                Heard {
                    bytes: 500,
                    foreign: 9,
                    ..Heard::default()
                },
                Verdict::Foreign,
            ),
            (
                Heard {
                    bytes: 500,
                    frames: 9,
                    ..Heard::default()
                },
                Verdict::NoVehicle,
            ),
        ];
        for (heard, expected) in cases {
            let mut diagnosis = Diagnosis::default();
            diagnosis.opened(at(10.0), Heard::default());
            let told = (0..50).find_map(|step| {
                let now = at(10.0 + 0.1 * f64::from(step));
                diagnosis.look(now, heard)
            });
            assert_eq!(told, Some(expected));
        }
    }

    #[test]
    fn one_trouble_is_told_once_and_so_is_its_end() {
        let mut diagnosis = Diagnosis::default();
        diagnosis.opened(at(0.0), Heard::default());
        let mut heard = Heard::default();
        let mut told = Vec::new();
        for step in 1..400 {
            if (100..200).contains(&step) {
                heard.vehicle += 1;
                heard.frames += 1;
            }
            told.extend(diagnosis.look(at(0.1 * f64::from(step)), heard));
        }
        assert_eq!(told, [Verdict::Silent, Verdict::Good, Verdict::Silent]);
    }
}
