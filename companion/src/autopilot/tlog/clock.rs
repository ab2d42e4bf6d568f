//! What to believe of a log's time stamps. The rules are the table of the parent module.

/// A stamp this far behind the clock is survived; more is an error.
pub(super) const REVERSAL_MAX_US: u64 = 1_000_000;
/// A step ahead of this size is believed without looking at the frames that follow.
const STEP_UNCHECKED_US: u64 = 100_000;
/// The longest pause in a log. A first stamp further than this before those that follow is damaged.
pub(super) const PAUSE_MAX_US: u64 = 3_600_000_000;
/// Frames looked at to judge a stamp.
pub(super) const NEIGHBOURS: usize = 8;

/// How the stamps of a log behaved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClockCounts {
    /// Stamps lower than the one before them, by a second or less behind the clock.
    pub reversals: u64,
    /// Stamps that were lost, or contradicted by their neighbours: not used.
    pub damaged: u64,
}

/// The stamps of the frames after the one in question, and whether any of them was refused.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Neighbours {
    pub stamps: [u64; NEIGHBOURS],
    pub count: usize,
    pub damage: bool,
}

impl Neighbours {
    fn stamps(&self) -> &[u64] {
        &self.stamps[..self.count]
    }

    fn most(&self, condition: impl Fn(u64) -> bool) -> bool {
        let agreeing = self.stamps().iter().filter(|stamp| condition(**stamp));
        agreeing.count() * 2 > self.count
    }
}

/// A clock that cannot be followed from one time to the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ClockBroken {
    pub from_us: u64,
    pub to_us: u64,
}

/// The clock of a log: follows its stamps, never runs back.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LogClock {
    now_us: Option<u64>,
    previous_us: u64,
    counts: ClockCounts,
}

impl LogClock {
    pub(super) fn counts(&self) -> ClockCounts {
        self.counts
    }

    /// The time of a frame, given its stamp (`None` when it was lost), whether damage is known
    /// to have happened, and a look at what follows.
    pub(super) fn follow(
        &mut self,
        stamp: Option<u64>,
        damage_known: bool,
        look_ahead: impl FnOnce() -> Neighbours,
    ) -> Result<u64, ClockBroken> {
        let Some(now) = self.now_us else {
            let start = self.start(stamp, &look_ahead());
            self.now_us = Some(start);
            self.previous_us = start;
            return Ok(start);
        };
        let Some(stamp) = stamp else {
            return Ok(self.distrust(now));
        };
        if stamp >= now {
            if stamp - now > STEP_UNCHECKED_US && leaps_alone(now, stamp, &look_ahead()) {
                return Ok(self.distrust(now));
            }
            if stamp - now > PAUSE_MAX_US {
                return Err(ClockBroken {
                    from_us: now,
                    to_us: stamp,
                });
            }
            self.now_us = Some(stamp);
            self.previous_us = stamp;
            return Ok(stamp);
        }
        if now - stamp <= REVERSAL_MAX_US {
            self.counts.reversals += u64::from(stamp < self.previous_us);
            self.previous_us = stamp;
            return Ok(now);
        }
        let neighbours = look_ahead();
        let damage = damage_known || neighbours.damage || one_bit_explains(now, stamp, &neighbours);
        let contradicted = neighbours.most(|other| runs_on(now, other))
            || !neighbours.most(|other| goes_on_from(stamp, other));
        if damage && contradicted {
            return Ok(self.distrust(now));
        }
        Err(ClockBroken {
            from_us: now,
            to_us: stamp,
        })
    }

    fn distrust(&mut self, now: u64) -> u64 {
        self.counts.damaged += 1;
        now
    }

    /// The first time of the log: the first stamp, unless the others contradict it.
    fn start(&mut self, stamp: Option<u64>, neighbours: &Neighbours) -> u64 {
        let alone = |stamp: u64| {
            neighbours.count > 0 && !neighbours.most(|other| goes_on_from(stamp, other))
        };
        if let Some(stamp) = stamp.filter(|stamp| !alone(*stamp)) {
            return stamp;
        }
        self.counts.damaged += 1;
        let mut stamps = neighbours.stamps;
        let stamps = &mut stamps[..neighbours.count];
        stamps.sort_unstable();
        stamps
            .get(stamps.len() / 4)
            .copied()
            .or(stamp)
            .unwrap_or_default()
    }
}

fn runs_on(now: u64, other: u64) -> bool {
    other >= now.saturating_sub(REVERSAL_MAX_US)
}

fn goes_on_from(now: u64, other: u64) -> bool {
    runs_on(now, other) && other.saturating_sub(now) <= PAUSE_MAX_US
}

/// Whether a stamp ahead of the clock stands alone. A pause is believed until most of those that
/// follow contradict it; a leap that cannot be a pause, only when most of them go on from there.
fn leaps_alone(now: u64, stamp: u64, neighbours: &Neighbours) -> bool {
    if stamp - now > PAUSE_MAX_US {
        return !neighbours.most(|other| goes_on_from(stamp, other));
    }
    neighbours.most(|other| (now..stamp).contains(&other))
}

fn one_bit_explains(now: u64, stamp: u64, neighbours: &Neighbours) -> bool {
    let next = neighbours
        .stamps()
        .iter()
        .copied()
        .find(|other| runs_on(now, *other));
    next.is_some_and(|next| (0..u64::BITS).any(|bit| (now..=next).contains(&(stamp ^ (1 << bit)))))
}
