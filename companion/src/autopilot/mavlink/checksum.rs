//! Checksums of many overlapping stretches of the same bytes, each in constant time.
//!
//! While a frame is looked for, every start byte announces a stretch of its own; summed one by one,
//! bytes that are all start bytes would be summed some 260 times over. The checksum is linear in its
//! state, so the sum of a stretch follows from the sums of all bytes up to its two ends:
//!
//! `sum(from..to) = upto(to) ^ zeros(upto(from) ^ 0xFFFF, to - from)`
//!
//! where `upto` starts from 0 and `zeros(state, n)` is the state after n more zero bytes.
//!
//! Source: CRC-16/MCRF4XX as in <https://mavlink.io/en/guide/serialization.html#checksum>.

const POLYNOMIAL_REFLECTED: u16 = 0x8408;
const INITIAL: u16 = 0xFFFF;
/// Longest stretch that a checksum covers: header without start byte, and payload.
const STRETCH_MAX: usize = 9 + 255;
/// States kept: a power of two above [`STRETCH_MAX`].
const KEPT: usize = 512;

static BYTE: [u16; 256] = byte_table();
static ZEROS: [[[u16; 16]; 4]; STRETCH_MAX + 1] = zeros_table();

const fn byte_table() -> [u16; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut state = byte as u16;
        let mut bit = 0;
        while bit < 8 {
            let carry = state & 1 != 0;
            state >>= 1;
            if carry {
                state ^= POLYNOMIAL_REFLECTED;
            }
            bit += 1;
        }
        table[byte] = state;
        byte += 1;
    }
    table
}

/// By number of zeros, then by nibble of the state (lowest first) and its value.
const fn zeros_table() -> [[[u16; 16]; 4]; STRETCH_MAX + 1] {
    let mut table = [[[0; 16]; 4]; STRETCH_MAX + 1];
    let mut entry = 0;
    while entry < 64 {
        let (nibble, value) = (entry / 16, entry % 16);
        let mut state = (value << (4 * nibble)) as u16;
        let mut count = 0;
        while count <= STRETCH_MAX {
            table[count][nibble][value] = state;
            state = step(state, 0);
            count += 1;
        }
        entry += 1;
    }
    table
}

const fn step(state: u16, byte: u8) -> u16 {
    (state >> 8) ^ BYTE[((state ^ byte as u16) & 0xFF) as usize]
}

fn zeros(state: u16, count: usize) -> u16 {
    let table = &ZEROS[count];
    (0..4).fold(0, |sum, nibble| {
        sum ^ table[nibble][usize::from(state >> (4 * nibble)) & 0xF]
    })
}

/// The checksums of stretches of `data`. Stretches must not begin before the one asked for last.
pub(super) struct Checksums<'a> {
    data: &'a [u8],
    /// `upto(index)` at `index % KEPT`, for the last indices up to `known`.
    states: [u16; KEPT],
    known: usize,
}

impl<'a> Checksums<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self {
            data,
            states: [0; KEPT],
            known: 0,
        }
    }

    /// The checksum of `data[from..to]` and of `seed` behind it.
    pub(super) fn of(&mut self, from: usize, to: usize, seed: u8) -> u16 {
        if from > self.known {
            // The bytes between are in no stretch any more; the sum may begin anew.
            self.known = from;
            self.states[from % KEPT] = 0;
        }
        while self.known < to {
            let state = self.states[self.known % KEPT];
            let next = step(state, self.data[self.known]);
            self.known += 1;
            self.states[self.known % KEPT] = next;
        }
        let (before, after) = (self.states[from % KEPT], self.states[to % KEPT]);
        step(after ^ zeros(before ^ INITIAL, to - from), seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mavlink::calculate_crc;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_stretch_has_the_checksum_that_the_mavlink_crate_computes(
            data in proptest::collection::vec(any::<u8>(), 1500),
            mut stretches in proptest::collection::vec(
                (0..1000_usize, 0..=STRETCH_MAX, any::<u8>()), 1..40),
        ) {
            stretches.sort_unstable();
            let mut checksums = Checksums::new(&data);
            for (from, length, seed) in stretches {
                let to = from + length;
                prop_assert_eq!(
                    checksums.of(from, to, seed),
                    calculate_crc(&data[from..to], seed)
                );
            }
        }
    }
}
