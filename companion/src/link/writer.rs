//! The thread that writes a link: the only one that does.
//!
//! | state | event | next | effect |
//! |---|---|---|---|
//! | free | a frame, no connection | free | the frame is lost and counted |
//! | free | a frame | writing | sequence number and signature go in |
//! | writing | the kernel takes all | free | recorded with the time |
//! | writing | the kernel takes a part, or nothing | writing | the rest is tried again |
//! | writing | the connection ends or changes | free | the frame is lost and counted |
//!
//! A frame that was begun is never cut short on a connection that lives: behind a torn MSP frame the
//! receiver swallows the next one too.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fdr_format::{Bytes, Record, records};

use super::connection::{Connection, WriteOutcome};
use super::frame::{FRAME_ROOM, OutgoingFrame};
use super::inbox::{Inbox, Notice};
use super::outbox::Outbox;
use super::reader::Line;
use super::{GCS_LINK, WIRE};
use crate::autopilot::mavlink::{FrameSigner, finish_frame};
use crate::navigator::MonotonicNs;
use crate::recorder::{Clock, RecordSender};

/// How long a writer waits for a frame before it looks around.
const TAKE_WAIT: Duration = Duration::from_millis(100);
/// How long it waits for room before it looks around.
const ROOM_WAIT: Duration = Duration::from_millis(50);
/// A kernel that takes nothing for so long has a dead link behind it: it is opened anew.
const STUCK: Duration = Duration::from_secs(3);
/// Time between two notices of what was not sent.
const NOTICE_EVERY: Duration = Duration::from_secs(1);

/// What a protocol's frames still need when they go out.
#[derive(Debug)]
pub enum Finisher {
    /// Nothing (MSP).
    AsIs,
    /// MAVLink: sequence number, and a signature while there is a key.
    Mavlink {
        /// Number of the next frame.
        sequence: u8,
        /// The link's key, when there is one.
        signer: Arc<FrameSigner>,
    },
}

impl Finisher {
    fn finish<'a>(
        &mut self,
        frame: &OutgoingFrame,
        now: MonotonicNs,
        out: &'a mut [u8; FRAME_ROOM],
    ) -> &'a [u8] {
        match self {
            Self::AsIs => {
                let bytes = frame.bytes();
                out[..bytes.len()].copy_from_slice(bytes);
                &out[..bytes.len()]
            }
            Self::Mavlink { sequence, signer } => {
                let number = *sequence;
                *sequence = sequence.wrapping_add(1);
                finish_frame(frame, number, signer, now, out)
            }
        }
    }
}

/// Everything that a writer works with.
#[derive(Debug)]
pub struct Writing<'a> {
    /// The link.
    pub line: &'a Line,
    /// What is to be sent.
    pub outbox: &'a Outbox,
    /// Where losses are told.
    pub inbox: &'a Inbox,
    /// The time.
    pub clock: Clock,
    /// Where what was sent is recorded.
    pub records: RecordSender,
    /// Whether nothing is really sent.
    pub dry_run: bool,
}

/// Writes what the outbox hands out until it is closed and empty.
pub fn write_link(mut writing: Writing<'_>, mut finisher: Finisher) {
    let mut losses = Losses::default();
    let mut room = [0; FRAME_ROOM];
    while !writing.outbox.is_finished() {
        losses.tell(&writing);
        let Some(frame) = writing.outbox.take(TAKE_WAIT) else {
            continue;
        };
        if writing.dry_run {
            continue;
        }
        let Some(connection) = writing.line.connection() else {
            losses.frames += 1;
            continue;
        };
        let now = MonotonicNs(writing.clock.now_ns());
        let bytes = finisher.finish(&frame, now, &mut room);
        if writing.send(&connection, bytes) {
            writing.record(bytes);
        } else {
            losses.frames += 1;
            writing.outbox.clear();
        }
    }
}

impl Writing<'_> {
    /// Whether the kernel took the whole frame.
    fn send(&self, connection: &Arc<Connection>, mut bytes: &[u8]) -> bool {
        let began = Instant::now();
        while !bytes.is_empty() {
            match connection.write(bytes, ROOM_WAIT) {
                Ok(WriteOutcome::Took(count)) => bytes = &bytes[count..],
                Ok(WriteOutcome::Blocked) => {
                    let current = self.line.connection();
                    let same = current.is_some_and(|current| Arc::ptr_eq(&current, connection));
                    if !same || self.line.is_stopped() {
                        return false;
                    }
                    if began.elapsed() > STUCK {
                        self.line.reconnect();
                        return false;
                    }
                }
                Err(_) => {
                    // The reader hears of it too, and says why; on some links only the writer does.
                    self.line.reconnect();
                    return false;
                }
            }
        }
        true
    }

    fn record(&mut self, bytes: &[u8]) {
        let time_ns = self.clock.now_ns();
        let link = self.line.number() | WIRE;
        let record = if self.line.number() == GCS_LINK {
            Record::SentGcsBytes(records::SentGcsBytes {
                time_ns,
                link,
                bytes: Bytes(bytes),
            })
        } else {
            Record::SentFcBytes(records::SentFcBytes {
                time_ns,
                link,
                bytes: Bytes(bytes),
            })
        };
        // A loss is counted by the ring, and recorded.
        let _ = self.records.append(&record, time_ns);
    }
}

#[derive(Default)]
struct Losses {
    frames: u64,
    told: Option<Instant>,
}

impl Losses {
    fn tell(&mut self, writing: &Writing<'_>) {
        let lost = writing.outbox.take_losses();
        self.frames += lost.frames + lost.positions;
        let due = self.told.is_none_or(|told| told.elapsed() >= NOTICE_EVERY);
        if self.frames > 0 && due {
            self.told = Some(Instant::now());
            writing.inbox.notice(Notice::Unsent {
                link: writing.line.number(),
                time: MonotonicNs(writing.clock.now_ns()),
                frames: std::mem::take(&mut self.frames),
            });
        }
    }
}
