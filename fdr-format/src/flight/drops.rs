//! `drops.log`: one line for every segment that was dropped to make room, so that the ledger outlives the
//! segments in which the drops are recorded.
//!
//! A line is a JSON object on its own whose last member is the CRC-32 (IEEE, hex) of the line's bytes in
//! front of `,"crc32":`. It is on the device before its segment is removed: a line whose segment is
//! still there tells of a drop that was not carried out.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::open::read_limited;
use crate::identity::{Digest, Stream};
use crate::record::{LossCause, TypeCounts};

/// Name of the journal inside a flight's folder.
pub const DROPS_FILE: &str = "drops.log";
/// Largest journal that is read: some 200,000 drops.
const JOURNAL_MAX: u64 = 64 << 20;
/// Longest line that is read.
const LINE_MAX: usize = 64 << 10;
const CHECK: &str = ",\"crc32\":\"";

/// One dropped segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DropLine {
    /// When.
    pub time_ns: u64,
    /// Why, by its name.
    pub cause: String,
    /// The segment, as in its header.
    pub segment: u32,
    /// First sequence number that is gone with it.
    pub first_sequence: u64,
    /// Last sequence number that is gone with it.
    pub last_sequence: u64,
    /// Least time of its records.
    pub first_monotonic_ms: u64,
    /// Greatest time of its records.
    pub last_monotonic_ms: u64,
    /// Its records.
    pub records: u64,
    /// Its bytes.
    pub bytes: u64,
    /// Its place in the chain, where it had a footer.
    pub chain: Option<Digest>,
    /// Its records by type, by the number of the type.
    pub counts: Vec<(u16, u64)>,
}

impl DropLine {
    /// The line, newline included.
    #[must_use]
    pub fn encode(&self) -> String {
        // A structure of numbers and short texts always has a JSON text.
        let mut line = serde_json::to_string(self).unwrap_or_default();
        line.pop();
        let crc = crc32fast::hash(line.as_bytes());
        line.push_str(CHECK);
        line.push_str(&format!("{crc:08x}\"}}\n"));
        line
    }

    /// Reads a line without its newline; `None` when it is not whole and unaltered.
    #[must_use]
    pub fn parse(line: &[u8]) -> Option<Self> {
        if line.len() > LINE_MAX {
            return None;
        }
        let text = std::str::from_utf8(line).ok()?;
        let (content, check) = text.rsplit_once(CHECK)?;
        let crc = check.strip_suffix("\"}")?;
        let expected = format!("{:08x}", crc32fast::hash(content.as_bytes()));
        if crc != expected {
            return None;
        }
        serde_json::from_str(&format!("{content}}}")).ok()
    }

    /// The cause, where this version knows its name.
    #[must_use]
    pub fn loss_cause(&self) -> Option<LossCause> {
        LossCause::from_name(&self.cause)
    }

    /// Counts by type as they stand in a line.
    #[must_use]
    pub fn counts_of(counts: &TypeCounts) -> Vec<(u16, u64)> {
        let counts = counts.iter();
        counts.map(|(kind, count)| (kind.0, count)).collect()
    }
}

/// What `drops.log` holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DropLog {
    /// Its whole lines, in their order.
    pub lines: Vec<DropLine>,
    /// Bytes of the whole lines at its start.
    pub whole_bytes: usize,
    /// Whether something behind them is not whole: a line that was being written when the power went.
    pub torn: bool,
    /// Lines that are damaged with whole ones behind them.
    pub damaged: usize,
}

impl DropLog {
    /// Reads the journal of the flight in `folder`; an empty one when there is none.
    ///
    /// # Errors
    /// When it cannot be read or is larger than 64 MiB.
    pub fn read(folder: &Path) -> io::Result<Self> {
        let bytes = read_limited(&folder.join(DROPS_FILE), JOURNAL_MAX)?;
        Ok(bytes.map_or_else(Self::default, |bytes| Self::parse(&bytes)))
    }

    /// Reads the bytes of the file. Zeros behind the last line are room that was not needed.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Self {
        let mut log = Self::default();
        let used = bytes.iter().rposition(|&byte| byte != 0);
        let bytes = &bytes[..used.map_or(0, |last| last + 1)];
        let mut at = 0;
        let mut pending = 0;
        while at < bytes.len() {
            let end = bytes[at..].iter().position(|&byte| byte == b'\n');
            let line = end.and_then(|end| DropLine::parse(&bytes[at..at + end]));
            let next = end.map_or(bytes.len(), |end| at + end + 1);
            match line {
                Some(line) => {
                    log.damaged += std::mem::take(&mut pending);
                    log.lines.push(line);
                    log.whole_bytes = next;
                }
                None => pending += 1,
            }
            at = next;
        }
        log.torn = pending > 0;
        log
    }

    /// The numbers that the journal explains, a range for each line whose segment held records. What is
    /// missing between segments that were dropped one after the other was told in one that is gone as
    /// well: the later line covers it.
    pub fn ranges(&self) -> impl Iterator<Item = (&DropLine, u64, u64)> {
        let mut before: [Option<(u32, u64)>; 2] = [None; 2];
        self.lines.iter().filter_map(move |line| {
            let stream = Stream::of(line.segment).0 as usize;
            let follows = before[stream].filter(|(segment, _)| segment + 1 == line.segment);
            if line.records == 0 {
                before[stream] = follows.map(|(_, due)| (line.segment, due));
                return None;
            }
            let due = line.last_sequence.saturating_add(1);
            before[stream] = Some((line.segment, due));
            let first =
                follows.map_or(line.first_sequence, |(_, due)| due.min(line.first_sequence));
            Some((line, first, line.last_sequence))
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn line(segment: u32) -> DropLine {
        DropLine {
            time_ns: 5,
            cause: "cap".to_owned(),
            segment,
            first_sequence: 10,
            last_sequence: u64::MAX - 1,
            first_monotonic_ms: 0,
            last_monotonic_ms: 7,
            records: 3,
            bytes: 4096,
            chain: Some(Digest([7; 32])),
            counts: vec![(2, 3)],
        }
    }

    #[test]
    fn a_line_is_read_back_and_any_flipped_bit_in_it_is_noticed() {
        let text = line(1).encode();
        let bytes = text.trim_end().as_bytes();
        assert_eq!(DropLine::parse(bytes), Some(line(1)));
        for index in 0..bytes.len() * 8 {
            let mut flipped = bytes.to_vec();
            flipped[index / 8] ^= 1 << (index % 8);
            assert_eq!(DropLine::parse(&flipped), None, "bit {index}");
        }
    }

    #[test]
    fn a_log_cut_at_any_byte_gives_its_whole_lines_and_says_that_it_is_torn() {
        let lines = [line(0), line(1), line(1 << 31)];
        let whole: String = lines.iter().map(DropLine::encode).collect();
        let ends: Vec<usize> = whole.match_indices('\n').map(|(at, _)| at + 1).collect();
        for cut in 0..=whole.len() {
            let mut bytes = whole.as_bytes()[..cut].to_vec();
            bytes.extend([0; 100]);
            let log = DropLog::parse(&bytes);
            let kept = ends.iter().filter(|end| **end <= cut).count();
            assert_eq!(log.lines, lines[..kept]);
            let end = kept.checked_sub(1).map_or(0, |last| ends[last]);
            assert_eq!((log.whole_bytes, log.torn), (end, end != cut));
            assert_eq!(log.damaged, 0);
        }
    }

    #[test]
    fn a_hole_between_neighbours_that_are_gone_is_explained_and_an_empty_segment_is_no_record_0() {
        let with = |segment, first_sequence, last_sequence, records| DropLine {
            first_sequence,
            last_sequence,
            records,
            ..line(segment)
        };
        let log = DropLog {
            lines: vec![
                with(0, 0, 2, 3),
                with(1, 0, 0, 0),
                with(2, 72, 80, 9),
                with(4, 90, 95, 6),
                with(Stream::Essential.segment(5), 7, 8, 2),
            ],
            ..DropLog::default()
        };
        let ranges: Vec<_> = log.ranges().map(|(_, first, last)| (first, last)).collect();
        assert_eq!(ranges, [(0, 2), (3, 80), (90, 95), (7, 8)]);
    }
}
