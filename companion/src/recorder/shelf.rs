//! The closed segments of a flight: what each takes of the device, and which goes first.

use std::collections::{BTreeSet, VecDeque};

use fdr_format::{Digest, Stream};

use super::tally::Tally;

/// A segment that is no longer written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosedSegment {
    /// As in its header: see [`Stream::segment`].
    pub segment: u32,
    /// What it takes of the device, bytes.
    pub allocated: u64,
    /// Its length, bytes.
    pub bytes: u64,
    /// What it holds; `None` for one of an earlier process, whose footer tells.
    pub held: Option<Tally>,
    /// Its place in the chain; `None` when it has no footer.
    pub chain: Option<Digest>,
}

/// The closed segments of both streams, oldest first.
#[derive(Debug, Default)]
pub struct Shelf {
    closed: [VecDeque<ClosedSegment>; 2],
    pinned: BTreeSet<u32>,
}

/// Place of a stream in a pair.
#[must_use]
pub fn index(stream: Stream) -> usize {
    match stream {
        Stream::Bulk => 0,
        Stream::Essential => 1,
    }
}

impl Shelf {
    /// Adds the newest of its stream.
    pub fn add(&mut self, segment: ClosedSegment) {
        let (stream, _) = Stream::of(segment.segment);
        self.closed[index(stream)].push_back(segment);
    }

    /// The oldest of a stream that may be dropped.
    #[must_use]
    pub fn oldest(&self, stream: Stream) -> Option<&ClosedSegment> {
        let mut closed = self.closed[index(stream)].iter();
        closed.find(|closed| !self.pinned.contains(&closed.segment))
    }

    /// Takes one that was dropped away.
    pub fn remove(&mut self, segment: u32) -> Option<ClosedSegment> {
        let closed = &mut self.closed[index(Stream::of(segment).0)];
        let at = closed.iter().position(|closed| closed.segment == segment)?;
        closed.remove(at)
    }

    /// Puts what is known now of a segment in the place of what was known.
    pub fn replace(&mut self, segment: ClosedSegment) {
        let closed = &mut self.closed[index(Stream::of(segment.segment).0)];
        let mut found = closed.iter_mut();
        if let Some(place) = found.find(|closed| closed.segment == segment.segment) {
            *place = segment;
        }
    }

    /// Keeps a segment whatever happens; also one that is not closed yet.
    pub fn pin(&mut self, segment: u32) -> bool {
        self.pinned.insert(segment)
    }

    /// Which segments are kept whatever happens.
    #[must_use]
    pub fn pinned(&self) -> &BTreeSet<u32> {
        &self.pinned
    }

    /// The segments of a stream.
    pub fn closed(&self, stream: Stream) -> impl Iterator<Item = &ClosedSegment> {
        self.closed[index(stream)].iter()
    }

    /// What a stream's segments take of the device, bytes.
    #[must_use]
    pub fn allocated(&self, stream: Stream) -> u64 {
        self.closed(stream).map(|closed| closed.allocated).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed(segment: u32) -> ClosedSegment {
        ClosedSegment {
            segment,
            allocated: 10,
            bytes: 9,
            held: None,
            chain: None,
        }
    }

    #[test]
    fn the_oldest_goes_first_but_for_pinned_ones_and_each_stream_for_itself() {
        let mut shelf = Shelf::default();
        let essential = Stream::Essential.segment(0);
        shelf.add(closed(essential));
        (0..3).for_each(|segment| shelf.add(closed(segment)));
        assert_eq!(shelf.allocated(Stream::Bulk), 30);
        shelf.pin(0);
        let oldest = |shelf: &Shelf, stream| shelf.oldest(stream).map(|closed| closed.segment);
        assert_eq!(oldest(&shelf, Stream::Bulk), Some(1));
        assert_eq!(oldest(&shelf, Stream::Essential), Some(essential));
        shelf.remove(1);
        shelf.remove(2);
        assert_eq!(oldest(&shelf, Stream::Bulk), None);
    }
}
