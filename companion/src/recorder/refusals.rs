//! What a producer's ring refused: counts by reason and type, without allocation.

use fdr_format::RecordType;

use super::ring::Refused;

/// Types counted one by one; further ones are counted together.
const TYPES: usize = 48;
/// Reasons for a refusal.
const REASONS: usize = 2;
/// The type that stands for all types beyond the first [`TYPES`].
const OTHERS: RecordType = RecordType(0);

/// Records that were refused, by reason and type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusals {
    counts: [(u16, u16, u64); TYPES],
    used: usize,
    first_ns: u64,
    last_ns: u64,
}

impl Default for Refusals {
    fn default() -> Self {
        Self {
            counts: [(0, 0, 0); TYPES],
            used: 0,
            first_ns: u64::MAX,
            last_ns: 0,
        }
    }
}

impl Refusals {
    /// Bytes that it takes at most in a ring.
    pub const ENCODED_MAX: usize = 16 + TYPES * ROW;

    /// Counts one record.
    pub fn add(&mut self, reason: Refused, record_type: RecordType, monotonic_ns: u64) {
        self.first_ns = self.first_ns.min(monotonic_ns);
        self.last_ns = self.last_ns.max(monotonic_ns);
        self.count(reason_code(reason), record_type.0, 1);
    }

    /// Counts what `other` counted.
    pub fn merge(&mut self, other: &Self) {
        self.first_ns = self.first_ns.min(other.first_ns);
        self.last_ns = self.last_ns.max(other.last_ns);
        for &(reason, record_type, count) in &other.counts[..other.used] {
            self.count(reason, record_type, count);
        }
    }

    fn count(&mut self, reason: u16, record_type: u16, count: u64) {
        let rows = &mut self.counts[..self.used];
        if let Some(row) = rows
            .iter_mut()
            .find(|row| (row.0, row.1) == (reason, record_type))
        {
            row.2 += count;
        } else if self.used < TYPES - REASONS || record_type == OTHERS.0 {
            self.counts[self.used] = (reason, record_type, count);
            self.used += 1;
        } else {
            // The last rows are kept for what has no row of its own, one for each reason.
            self.count(reason, OTHERS.0, count);
        }
    }

    /// Whether nothing was refused.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// Records refused for a reason, by type.
    pub fn by_type(&self, reason: Refused) -> impl Iterator<Item = (RecordType, u64)> {
        let wanted = reason_code(reason);
        self.counts[..self.used]
            .iter()
            .filter(move |row| row.0 == wanted)
            .map(|row| (RecordType(row.1), row.2))
    }

    /// Time of the first record refused.
    #[must_use]
    pub fn first_ns(&self) -> u64 {
        self.first_ns
    }

    /// Time of the last record refused.
    #[must_use]
    pub fn last_ns(&self) -> u64 {
        self.last_ns
    }

    /// Writes it to the start of `buffer`, of [`Refusals::ENCODED_MAX`] bytes, and says how many it
    /// took.
    pub fn encode(&self, buffer: &mut [u8]) -> usize {
        buffer[..8].copy_from_slice(&self.first_ns.to_le_bytes());
        buffer[8..16].copy_from_slice(&self.last_ns.to_le_bytes());
        let rows = buffer[16..].chunks_exact_mut(ROW);
        for (row, (reason, record_type, count)) in rows.zip(&self.counts[..self.used]) {
            row[..2].copy_from_slice(&reason.to_le_bytes());
            row[2..4].copy_from_slice(&record_type.to_le_bytes());
            row[4..].copy_from_slice(&count.to_le_bytes());
        }
        16 + self.used * ROW
    }

    /// Reads what [`Refusals::encode`] wrote.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Self {
        let mut refusals = Self::default();
        let Some((first, rest)) = bytes.split_first_chunk() else {
            return refusals;
        };
        let Some((last, rows)) = rest.split_first_chunk() else {
            return refusals;
        };
        refusals.first_ns = u64::from_le_bytes(*first);
        refusals.last_ns = u64::from_le_bytes(*last);
        for (slot, row) in refusals.counts.iter_mut().zip(rows.as_chunks::<ROW>().0) {
            let [r0, r1, t0, t1, count @ ..] = *row;
            *slot = (
                u16::from_le_bytes([r0, r1]),
                u16::from_le_bytes([t0, t1]),
                u64::from_le_bytes(count),
            );
            refusals.used += 1;
        }
        refusals
    }
}

/// Bytes of one count: reason, type, number.
const ROW: usize = 12;

fn reason_code(reason: Refused) -> u16 {
    match reason {
        Refused::RingFull => 0,
        Refused::TooLong => 1,
    }
}
