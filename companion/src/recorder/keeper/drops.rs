//! Drops: the oldest segment goes, after its loss is recorded.
//!
//! | state | event | next |
//! |---|---|---|
//! | asked | the record of the loss is durable, or cannot be before there is room | to be noted |
//! | to be noted | its line in `drops.log` is durable | to be removed |
//! | to be removed | the file is gone and its folder synced | done, told |
//!
//! One drop at a time for each stream, and while one is under way for want of room on the device no
//! stream asks for another. Errors leave a drop in its state; it is tried again. At no moment is a
//! segment gone whose loss is not in the journal, and in the recording too, unless the record itself
//! waits for the room that the drop makes: then it follows.

use fdr_format::records::LossCause;
use fdr_format::{DropLine, Stream, segment_path};

use super::super::restart;
use super::super::shelf::{ClosedSegment, index};
use super::super::staging::DropState;
use super::super::tally::{Loss, LostWhat};
use super::super::volume::{Volume, remove_durably};
use super::{Keeper, Problem};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DropStep {
    Asked,
    Noted,
}

/// A drop under way.
#[derive(Debug)]
pub(super) struct Dropping {
    closed: ClosedSegment,
    cause: LossCause,
    step: DropStep,
}

impl Dropping {
    /// What is dropped.
    pub fn segment(&self) -> u32 {
        self.closed.segment
    }
}

/// Where the room for a segment comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// A drop was begun.
    Asked,
    /// The drop that would make it is under way.
    Coming,
    /// Nothing may be dropped: the stream holds.
    Nowhere,
}

impl<V: Volume> Keeper<V> {
    /// Whether a stream needs no look at its next file before a drop has ended.
    pub(super) fn waits_for_drop(&self, stream: Stream) -> bool {
        let full = |dropping: &Dropping| dropping.cause == LossCause::NoSpace;
        self.dropping[index(stream)].is_some() || self.dropping.iter().flatten().any(full)
    }

    /// Whether a drop for this cause is under way.
    pub(in super::super) fn is_dropping(&self, cause: LossCause) -> bool {
        let mut dropping = self.dropping.iter().flatten();
        dropping.any(|dropping| dropping.cause == cause)
    }

    /// Begins to drop the oldest segment, or lets the stream hold.
    pub(super) fn make_room(
        &mut self,
        stream: Stream,
        cause: LossCause,
        text: String,
        now_ns: u64,
    ) -> Room {
        let frozen = self.markers.frozen();
        let keeps_all = frozen || !self.parts.budget.drops_oldest;
        let victim = match (keeps_all, self.shelf.oldest(stream), cause) {
            (true, ..) => None,
            // On a full disk the essential stream may take the room of a bulk segment.
            (false, None, LossCause::NoSpace) => self.shelf.oldest(Stream::Bulk),
            (false, oldest, _) => oldest,
        };
        let Some(closed) = victim.cloned() else {
            let cause = if frozen { LossCause::Frozen } else { cause };
            self.hold(stream, Some(cause), text, now_ns);
            return Room::Nowhere;
        };
        let place = index(Stream::of(closed.segment).0);
        if self.dropping[place].is_some() {
            return Room::Coming;
        }
        let closed = self.with_content(closed);
        self.parts.staging.queue().ledger().ask_drop(Loss {
            cause,
            segment: closed.segment,
            lost: closed.held.clone().unwrap_or_default(),
            what: LostWhat::ClosedSegment {
                chain: closed.chain,
            },
        });
        self.dropping[place] = Some(Dropping {
            closed,
            cause,
            step: DropStep::Asked,
        });
        Room::Asked
    }

    /// What a segment of an earlier process holds, from its footer.
    pub(super) fn with_content(&self, mut closed: ClosedSegment) -> ClosedSegment {
        if closed.held.is_none() {
            let content = restart::read_content(
                &*self.parts.volume,
                &self.parts.folder,
                self.parts.flight_id,
                &closed,
            );
            if let Ok((held, chain)) = content {
                (closed.held, closed.chain) = (Some(held), chain);
            }
        }
        closed
    }

    /// Takes the drops of both streams as far as they go now; says whether one has ended.
    pub(super) fn go_on_dropping(&mut self, now_ns: u64) -> Result<bool, Problem> {
        // What hinders one does not hinder the other.
        let bulk = self.go_on_with(Stream::Bulk, now_ns);
        let essential = self.go_on_with(Stream::Essential, now_ns);
        Ok(bulk? | essential?)
    }

    fn go_on_with(&mut self, stream: Stream, now_ns: u64) -> Result<bool, Problem> {
        let Some(dropping) = &mut self.dropping[index(stream)] else {
            return Ok(false);
        };
        let segment = dropping.closed.segment;
        if dropping.step == DropStep::Asked {
            let state = self.parts.staging.queue().ledger().drop_state(segment);
            if state != Some(DropState::Durable) && !self.parts.desk.is_starved(stream) {
                return Ok(false);
            }
            let line = drop_line(&dropping.closed, dropping.cause, now_ns);
            let added = self.journal.add(&*self.parts.volume, &line);
            added.map_err(|error| Problem(self.parts.folder.join("drops.log"), error))?;
            dropping.step = DropStep::Noted;
        }
        let path = segment_path(&self.parts.folder, segment);
        remove_durably(&*self.parts.volume, &path).map_err(|error| Problem(path, error))?;
        self.parts.staging.queue().ledger().drop_done(segment);
        self.parts.status.segment_dropped();
        self.shelf.remove(segment);
        self.dropping[index(stream)] = None;
        Ok(true)
    }
}

fn drop_line(closed: &ClosedSegment, cause: LossCause, now_ns: u64) -> DropLine {
    let held = closed.held.clone().unwrap_or_default();
    let (first_sequence, last_sequence) = held.sequence.unwrap_or_default();
    let (first_monotonic_ms, last_monotonic_ms) = held.monotonic_ms.unwrap_or_default();
    DropLine {
        time_ns: now_ns,
        cause: cause.name().to_owned(),
        segment: closed.segment,
        first_sequence,
        last_sequence,
        first_monotonic_ms,
        last_monotonic_ms,
        records: held.records,
        bytes: closed.bytes,
        chain: closed.chain,
        counts: DropLine::counts_of(&held.counts),
    }
}
