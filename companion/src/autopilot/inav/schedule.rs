//! What is asked when. iNav takes one command of a port in 10 ms: positions are sent when they are due,
//! and whatever is asked keeps that distance from them and from each other.
//!
//! | a question | event | next | effect |
//! |---|---|---|---|
//! | due | its turn, and the wire is free | open | it is sent |
//! | open | its answer, or a refusal | resting until its period is over | - |
//! | open | no answer for its patience | due | counted |
//! | due, refused [`REFUSALS_MAX`] times in a row | - | never asked again | - |
//!
//! Of several that are due the one that is latest for its period goes first.

use super::replies::command;
use super::settings::Setting;
use crate::autopilot::msp::{Direction, MspFrame, OVERHEAD};
use crate::link::{FrameClass, OutgoingFrame};
use crate::navigator::MonotonicNs;

/// Shortest time between two commands.
pub const COMMAND_GAP_NS: u64 = 10_000_000;
/// A question without an answer is open for so long. An answer that finds no room is dropped by iNav.
const PATIENCE_NS: u64 = 100_000_000;
/// An answer to a setting does not say which: the next is asked only when none can be on its way.
const SETTING_PATIENCE_NS: u64 = 1_000_000_000;
/// Refusals in a row after which iNav does not know the question.
const REFUSALS_MAX: u8 = 3;
/// Positions come so often.
const POSITION_PERIOD_NS: u64 = 100_000_000;
/// Beyond this nobody sends positions.
const POSITION_GAP_NS: u64 = 150_000_000;
const NAME_MAX: usize = 32;

/// A question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// Attitude.
    Attitude,
    /// Barometric height.
    Altitude,
    /// Airspeed.
    Airspeed,
    /// Sensors and arming.
    Status,
    /// What the GPS driver holds.
    RawGps,
    /// How GPS frames arrive.
    GpsStatistics,
    /// Health of each kind of sensor.
    SensorStatus,
    /// Features.
    Feature,
    /// A setting.
    Setting(Setting),
}

impl Ask {
    /// Its command number.
    #[must_use]
    pub fn command(self) -> u16 {
        match self {
            Self::Attitude => command::MSP_ATTITUDE,
            Self::Altitude => command::MSP_ALTITUDE,
            Self::Airspeed => command::MSP2_INAV_AIR_SPEED,
            Self::Status => command::MSP2_INAV_STATUS,
            Self::RawGps => command::MSP_RAW_GPS,
            Self::GpsStatistics => command::MSP_GPSSTATISTICS,
            Self::SensorStatus => command::MSP_SENSOR_STATUS,
            Self::Feature => command::MSP_FEATURE,
            Self::Setting(_) => command::MSP2_COMMON_SETTING,
        }
    }

    fn patience_ns(self) -> u64 {
        match self {
            Self::Setting(_) => SETTING_PATIENCE_NS,
            _ => PATIENCE_NS,
        }
    }
}

/// The frame of a question.
#[must_use]
pub fn request(ask: Ask) -> Option<OutgoingFrame> {
    let mut payload = [0; NAME_MAX];
    let length = match ask {
        Ask::Setting(setting) => {
            let name = setting.name().as_bytes();
            payload.get_mut(..name.len())?.copy_from_slice(name);
            // The zero behind the name.
            name.len() + 1
        }
        _ => 0,
    };
    let frame = MspFrame {
        direction: Direction::Request,
        flags: 0,
        command: ask.command(),
        payload: payload.get(..length)?,
    };
    let mut bytes = [0; NAME_MAX + OVERHEAD];
    let length = frame.encode(&mut bytes).ok()?;
    OutgoingFrame::of(&bytes[..length], FrameClass::Ordinary)
}

#[derive(Debug, Clone, Copy)]
struct Question {
    ask: Ask,
    /// How often; `None`: until it was answered once.
    period_ns: Option<u64>,
    due: u64,
    open_since: Option<u64>,
    refusals: u8,
    finished: bool,
}

impl Question {
    /// Answers to settings do not say which they belong to: one is open at a time.
    fn may_be_asked(&self, setting_open: bool) -> bool {
        let waits = matches!(self.ask, Ask::Setting(_)) && setting_open;
        !waits && !self.finished
    }
}

/// The questions of one link.
#[derive(Debug, Clone)]
pub struct Schedule {
    questions: Vec<Question>,
    last_command: Option<u64>,
    last_position: Option<u64>,
    unanswered: u64,
}

const HZ_30_NS: u64 = 33_000_000;
const HZ_10_NS: u64 = 100_000_000;
const HZ_2_NS: u64 = 500_000_000;
const HZ_1_NS: u64 = 1_000_000_000;

impl Default for Schedule {
    fn default() -> Self {
        let regular = [
            (Ask::Attitude, HZ_30_NS),
            (Ask::Altitude, HZ_10_NS),
            (Ask::Airspeed, HZ_10_NS),
            (Ask::Status, HZ_2_NS),
            (Ask::RawGps, HZ_2_NS),
            (Ask::GpsStatistics, HZ_1_NS),
            (Ask::SensorStatus, HZ_1_NS),
        ];
        let once = std::iter::once(Ask::Feature)
            .chain(Setting::ALL.map(Ask::Setting))
            .map(|ask| (ask, None));
        Self {
            questions: regular
                .map(|(ask, period_ns)| (ask, Some(period_ns)))
                .into_iter()
                .chain(once)
                .map(|(ask, period_ns)| Question {
                    ask,
                    period_ns,
                    due: 0,
                    open_since: None,
                    refusals: 0,
                    finished: false,
                })
                .collect(),
            last_command: None,
            last_position: None,
            unanswered: 0,
        }
    }
}

impl Schedule {
    /// The link, or the autopilot behind it, begins anew.
    pub fn begin_anew(&mut self) {
        *self = Self {
            last_command: self.last_command,
            last_position: self.last_position,
            unanswered: self.unanswered,
            ..Self::default()
        };
    }

    /// A position goes out at `now`.
    pub fn position_sent(&mut self, now: MonotonicNs) {
        self.last_command = Some(now.0);
        self.last_position = Some(now.0);
    }

    /// What is to be asked at `now`, if anything. It counts as asked.
    pub fn next(&mut self, now: MonotonicNs) -> Option<Ask> {
        self.expire(now.0);
        if now.0 < self.free_from(now.0) {
            return None;
        }
        let setting_open = self.is_setting_open();
        let next = self
            .questions
            .iter_mut()
            .filter(|question| question.open_since.is_none())
            .filter(|question| question.due <= now.0 && question.may_be_asked(setting_open))
            .max_by(|one, other| lateness(one, now.0).total_cmp(&lateness(other, now.0)))?;
        next.open_since = Some(now.0);
        self.last_command = Some(now.0);
        Some(next.ask)
    }

    /// When [`Schedule::next`] may have something; it may be early, and is never late.
    #[must_use]
    pub fn next_deadline(&self, now: MonotonicNs) -> MonotonicNs {
        let setting_open = self.is_setting_open();
        let due = self
            .questions
            .iter()
            .filter_map(|question| match question.open_since {
                Some(since) => Some(since.saturating_add(question.ask.patience_ns())),
                None => question.may_be_asked(setting_open).then_some(question.due),
            })
            .min()
            .unwrap_or(u64::MAX);
        MonotonicNs(due.max(self.free_from(now.0.max(due))))
    }

    /// An answer to `command` came; which question it belongs to.
    pub fn answered(&mut self, command: u16, now: MonotonicNs) -> Option<Ask> {
        self.close(command, now, false)
    }

    /// iNav did not understand `command`.
    pub fn refused(&mut self, command: u16, now: MonotonicNs) -> Option<Ask> {
        self.close(command, now, true)
    }

    /// Questions that were never answered in time.
    #[must_use]
    pub fn unanswered(&self) -> u64 {
        self.unanswered
    }

    /// Whether everything that is asked once was answered or refused.
    #[must_use]
    pub fn has_read_settings(&self) -> bool {
        let mut once = self
            .questions
            .iter()
            .filter(|question| question.period_ns.is_none());
        once.all(|question| question.finished)
    }

    /// Stops or resumes a regular question.
    pub fn set_asked(&mut self, ask: Ask, asked: bool) {
        for question in &mut self.questions {
            if question.ask == ask && question.refusals < REFUSALS_MAX {
                question.finished = !asked;
            }
        }
    }

    fn close(&mut self, command: u16, now: MonotonicNs, refused: bool) -> Option<Ask> {
        let question = self
            .questions
            .iter_mut()
            .find(|question| question.ask.command() == command && question.open_since.is_some())?;
        question.open_since = None;
        if refused {
            question.refusals = question.refusals.saturating_add(1);
        } else {
            question.refusals = 0;
        }
        match question.period_ns {
            Some(period_ns) => {
                let regular = question.due.saturating_add(period_ns);
                // Behind by more than a period: what was missed is not made up for.
                question.due = if regular.saturating_add(period_ns) < now.0 {
                    now.0.saturating_add(period_ns)
                } else {
                    regular
                };
                question.finished |= question.refusals >= REFUSALS_MAX;
            }
            None => question.finished = true,
        }
        Some(question.ask)
    }

    fn is_setting_open(&self) -> bool {
        self.questions.iter().any(|question| {
            matches!(question.ask, Ask::Setting(_)) && question.open_since.is_some()
        })
    }

    fn expire(&mut self, now: u64) {
        for question in &mut self.questions {
            let patience_ns = question.ask.patience_ns();
            if question
                .open_since
                .is_some_and(|since| now >= since.saturating_add(patience_ns))
            {
                question.open_since = None;
                self.unanswered += 1;
            }
        }
    }

    /// From when on a question at `now` keeps its distance from the last command and the next position.
    fn free_from(&self, now: u64) -> u64 {
        let behind_last = self
            .last_command
            .map_or(0, |last| last.saturating_add(COMMAND_GAP_NS));
        let begin = now.max(behind_last);
        let Some(last) = self.last_position else {
            return behind_last;
        };
        let position = last.saturating_add(POSITION_PERIOD_NS);
        let expected = begin < last.saturating_add(POSITION_GAP_NS);
        if expected && begin < position && begin.saturating_add(COMMAND_GAP_NS) > position {
            position.saturating_add(COMMAND_GAP_NS)
        } else {
            behind_last
        }
    }
}

fn lateness(question: &Question, now: u64) -> f64 {
    let late = now.saturating_sub(question.due) as f64;
    late / question.period_ns.unwrap_or(HZ_1_NS * 10) as f64
}
