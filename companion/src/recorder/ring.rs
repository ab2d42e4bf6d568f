//! The way of a record from its producer to the collector: a bounded, wait-free ring of bytes.
//!
//! | ring | ordinary record | critical record |
//! |---|---|---|
//! | room beyond the reserve | taken | taken |
//! | room in the reserve only | refused, counted | taken |
//! | full | refused, counted | refused, counted |
//!
//! A full ring refuses the newest record, because its producer cannot take back the oldest. What was
//! refused is told in the ring itself, in front of the next record that finds room, so that the
//! recording shows the loss where it happened.

use std::sync::{Arc, Mutex};

use fdr_format::{Record, RecordType};
use rtrb::{Consumer, Producer, RingBuffer};

use super::refusals::Refusals;

/// Longest body that the recorder takes; the longest record there is, a segment header, has less.
pub const BODY_MAX: usize = 128 << 10;
/// Length, kind or type, and time in front of each body.
const HEAD: usize = 14;
/// Bytes of the longest entry.
const ENTRY_MAX: usize = HEAD + BODY_MAX;
/// Least reserve: a list of refusals and some critical records behind it.
const RESERVE_MIN: usize = Refusals::ENCODED_MAX + HEAD + (16 << 10);
/// The type number that stands for a list of refusals; no record has it.
const REFUSALS: u16 = 0xFFFF;

/// Why a record was not taken. It is counted, and the count is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The collector did not run in time.
    #[error("the recorder's ring is full: the record is lost, and counted")]
    RingFull,
    /// The record is longer than the recorder takes, or cannot be encoded.
    #[error("the record cannot be encoded within 131072 bytes: it is lost, and counted")]
    TooLong,
}

/// Whether a record may use what is reserved: events, emitted positions, what holds the recording
/// together.
#[must_use]
pub fn is_critical(record_type: RecordType) -> bool {
    matches!(
        record_type,
        RecordType::EMITTED_EXTERNAL_POSITION
            | RecordType::SOURCE_LABEL_TRANSITION
            | RecordType::NAVIGATOR_EVENT
            | RecordType::COMPONENT_LIFECYCLE_EVENT
            | RecordType::EKF_SOURCE_SET_COMMAND
            | RecordType::VISUAL_BLACKOUT_EVENT
            | RecordType::SPOOFING_PROMOTION_EVENT
            | RecordType::CONTENT_HASH_GATE_FAIL
            | RecordType::THERMAL_THROTTLE_HYBRID_SWITCH
            | RecordType::MAVLINK_SIGNING_KEY_ROTATED
            | RecordType::FLIGHT_HEADER
            | RecordType::FLIGHT_FOOTER
            | RecordType::SEGMENT_HEADER
            | RecordType::SEGMENT_FOOTER
    )
}

/// What a producer could not put into its ring before it ended.
type Unsent = Arc<Mutex<Option<Refusals>>>;

/// One producer's end: never blocks, never locks, never allocates.
#[derive(Debug)]
pub struct RecordSender {
    ring: Producer<u8>,
    reserve: usize,
    entry: Box<[u8]>,
    refused: Refusals,
    unsent: Unsent,
}

/// The collector's end of one ring.
#[derive(Debug)]
pub struct RecordReceiver {
    ring: Consumer<u8>,
    entry: Box<[u8]>,
    unsent: Unsent,
}

/// What comes out of a ring.
#[derive(Debug, Clone, PartialEq)]
pub enum Received<'a> {
    /// A record, encoded.
    Record {
        /// Its type.
        record_type: RecordType,
        /// When it was recorded.
        monotonic_ns: u64,
        /// Its body.
        body: &'a [u8],
    },
    /// Records that the ring refused since the last entry.
    Refusals(Box<Refusals>),
}

/// A ring of `bytes` bytes, `reserve` of which only critical records may use.
///
/// Both are raised to what one longest record, and one list of refusals, need.
#[must_use]
pub fn record_ring(bytes: usize, reserve: usize) -> (RecordSender, RecordReceiver) {
    let reserve = reserve.max(RESERVE_MIN);
    let bytes = bytes.max(reserve + ENTRY_MAX);
    let (mut producer, mut consumer) = RingBuffer::new(bytes);
    let unsent = Unsent::default();
    let entry = touched(ENTRY_MAX);
    touch_ring(&mut producer, &mut consumer, &entry);
    let sender = RecordSender {
        ring: producer,
        reserve,
        entry,
        refused: Refusals::default(),
        unsent: Arc::clone(&unsent),
    };
    let receiver = RecordReceiver {
        ring: consumer,
        entry: touched(ENTRY_MAX),
        unsent,
    };
    (sender, receiver)
}

/// Memory whose pages are there before the flight: fresh zeros come page by page, each with a fault of
/// microseconds at its first use.
pub(super) fn touched(bytes: usize) -> Box<[u8]> {
    let mut memory = vec![0; bytes].into_boxed_slice();
    memory.fill(0xA5);
    memory
}

/// Writes every byte of the ring once, for the same reason.
fn touch_ring(producer: &mut Producer<u8>, consumer: &mut Consumer<u8>, content: &[u8]) {
    while producer.slots() > 0 {
        let _written = producer.push_partial_slice(content);
    }
    if let Ok(all) = consumer.read_chunk(consumer.slots()) {
        all.commit_all();
    }
}

impl RecordSender {
    /// Records one record at `monotonic_ns`.
    ///
    /// # Errors
    /// When the record is lost; the loss is counted and will be recorded.
    #[inline]
    pub fn append(&mut self, record: &Record<'_>, monotonic_ns: u64) -> Result<(), Refused> {
        let taken = self.try_append(record, monotonic_ns);
        if let Err(reason) = taken {
            self.refused.add(reason, record.record_type(), monotonic_ns);
        }
        taken
    }

    /// As [`RecordSender::append`], but a record that finds no room is not counted as lost: for a
    /// feeder whose time is not real, which waits and offers it again.
    ///
    /// # Errors
    /// When there is no room, or never will be.
    pub fn offer(&mut self, record: &Record<'_>, monotonic_ns: u64) -> Result<(), Refused> {
        self.try_append(record, monotonic_ns)
    }

    /// Least free bytes an ordinary record finds now.
    #[must_use]
    pub fn free_bytes(&self) -> usize {
        self.ring.slots().saturating_sub(self.reserve)
    }

    #[inline]
    fn try_append(&mut self, record: &Record<'_>, monotonic_ns: u64) -> Result<(), Refused> {
        let record_type = record.record_type();
        let body = record.encode_body(&mut self.entry[HEAD..]);
        let length = HEAD + body.map_err(|_| Refused::TooLong)?;
        let kept = if is_critical(record_type) {
            0
        } else {
            self.reserve
        };
        let due = if self.refused.is_empty() {
            0
        } else {
            HEAD + Refusals::ENCODED_MAX
        };
        if !self.has_room(length + kept + due) {
            return Err(Refused::RingFull);
        }
        if due > 0 {
            self.tell_refusals();
        }
        put_head(&mut self.entry, length, record_type.0, monotonic_ns);
        self.ring
            .push_entire_slice(&self.entry[..length])
            .map_err(|_| Refused::RingFull)
    }

    /// Asks the producer's own view of the ring first: the shared one costs a cache miss.
    #[inline]
    fn has_room(&self, bytes: usize) -> bool {
        self.ring.cached_slots() >= bytes || self.ring.slots() >= bytes
    }

    #[cold]
    fn tell_refusals(&mut self) {
        let mut entry = [0; HEAD + Refusals::ENCODED_MAX];
        let length = HEAD + self.refused.encode(&mut entry[HEAD..]);
        put_head(&mut entry, length, REFUSALS, self.refused.last_ns());
        if self.ring.push_entire_slice(&entry[..length]).is_ok() {
            self.refused = Refusals::default();
        }
    }
}

/// The end of a producer: what its ring still refuses to hear goes another way.
impl Drop for RecordSender {
    fn drop(&mut self) {
        if !self.refused.is_empty() {
            self.tell_refusals();
        }
        if !self.refused.is_empty()
            && let Ok(mut unsent) = self.unsent.lock()
        {
            *unsent = Some(self.refused.clone());
        }
    }
}

impl RecordReceiver {
    /// The next entry; `None` when the ring is empty.
    #[inline]
    pub fn receive(&mut self) -> Option<Received<'_>> {
        let (length, code, monotonic_ns) = self.head()?;
        let body = &mut self.entry[..length - HEAD];
        let mut head = [0; HEAD];
        self.ring.pop_entire_slice(&mut head).ok()?;
        self.ring.pop_entire_slice(body).ok()?;
        Some(if code == REFUSALS {
            Received::Refusals(Box::new(Refusals::decode(body)))
        } else {
            Received::Record {
                record_type: RecordType(code),
                monotonic_ns,
                body,
            }
        })
    }

    /// Whether the producer is gone and everything it sent was received.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.ring.is_abandoned() && self.ring.is_empty()
    }

    /// What a producer that is gone could not put into its ring any more.
    pub fn take_unsent(&mut self) -> Option<Refusals> {
        self.unsent.lock().ok()?.take()
    }

    /// Bytes that the producer can still write.
    #[must_use]
    pub fn free_bytes(&self) -> usize {
        self.ring.buffer().capacity() - self.ring.slots()
    }

    fn head(&mut self) -> Option<(usize, u16, u64)> {
        let chunk = self.ring.read_chunk(HEAD).ok()?;
        let (first, second) = chunk.as_slices();
        let mut head = [0; HEAD];
        head[..first.len()].copy_from_slice(first);
        head[first.len()..].copy_from_slice(second);
        let [l0, l1, l2, l3, c0, c1, time @ ..] = head;
        let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        let code = u16::from_le_bytes([c0, c1]);
        Some((length, code, u64::from_le_bytes(time)))
    }
}

fn put_head(entry: &mut [u8], length: usize, code: u16, monotonic_ns: u64) {
    // An entry is far shorter than 4 GiB.
    entry[..4].copy_from_slice(&(length as u32).to_le_bytes());
    entry[4..6].copy_from_slice(&code.to_le_bytes());
    entry[6..HEAD].copy_from_slice(&monotonic_ns.to_le_bytes());
}
