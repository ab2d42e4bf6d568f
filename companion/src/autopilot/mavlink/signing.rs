//! MAVLink 2 signing: what a key signs, what it believes, and the clock that both directions share.
//!
//! The `mavlink` crate signs too, but its clock can neither be read nor carried over a restart, follows the
//! system's clock, and its only policy for unsigned frames is all or nothing.
//!
//! | frame | signature | timestamp | verdict |
//! |---|---|---|---|
//! | unsigned | - | - | refused, unless it is one that radios make themselves |
//! | signed | wrong | not looked at | refused; nothing changes |
//! | signed | right | not above the last of its stream | refused: a repeat |
//! | signed | right | new stream, more than 60 s behind our clock | refused: old |
//! | signed | right | new stream beyond the 16th | refused: too many |
//! | signed | right | any other | taken; our clock is at least the timestamp |
//!
//! A stream is a sender and a link number. Neither side follows the time of day: the clock begins at the
//! greatest of what is known, follows the monotonic time, and is raised by what is heard. A side whose
//! clock is behind is refused as old until it has heard one frame of the other, so both talk at once.
//!
//! Source: <https://mavlink.io/en/guide/message_signing.html>.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use mavlink::dialects::ardupilotmega::MavMessage;
use mavlink::{Message, calculate_crc};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::frame::{Frame, Sender};
use crate::link::{FRAME_ROOM, FrameClass, OutgoingFrame};
use crate::navigator::MonotonicNs;

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;
/// Nanoseconds in a tick of the signing clock.
pub const TICK_NS: u64 = 10_000;
/// Ticks in 60 s: how far behind our clock a new stream may begin.
pub const NEW_STREAM_TICKS: u64 = 6_000_000;
/// Streams that are told apart, as in the C library.
pub const STREAMS_MAX: usize = 16;

/// Unix time at which the signing clock began: 2015-01-01.
const EPOCH_UNIX_NS: u64 = 1_420_070_400_000_000_000;
/// No machine that flies has an earlier time of day: 2026-01-01, in ticks.
const TICKS_MIN: u64 = (1_767_225_600_000_000_000 - EPOCH_UNIX_NS) / TICK_NS;
const HEADER: usize = 10;
const CHECKSUM: usize = 2;
const SIGNATURE: usize = 13;
const FLAG_SIGNED: u8 = 0x01;

/// A signing key. It is wiped from memory when it is dropped, and never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey(Zeroizing<[u8; KEY_BYTES]>);

impl SigningKey {
    /// The key of these bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; KEY_BYTES]) -> Self {
        Self(Zeroizing::new(*bytes))
    }

    /// Its bytes, for the autopilot's link and the descriptor store alone.
    #[must_use]
    pub fn secret_bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SigningKey(..)")
    }
}

/// The signing clock of one machine.
#[derive(Debug)]
pub struct SigningClock {
    start_ticks: u64,
    start: MonotonicNs,
    greatest: AtomicU64,
}

impl SigningClock {
    /// A clock that says at least `ticks` at `now`.
    #[must_use]
    pub fn starting_at(ticks: u64, now: MonotonicNs) -> Self {
        Self {
            start_ticks: ticks,
            start: now,
            greatest: AtomicU64::new(ticks),
        }
    }

    /// The ticks of a time of day; a machine that does not know it begins at the earliest there can be.
    #[must_use]
    pub fn ticks_of_unix(unix_ns: Option<u64>) -> u64 {
        let since = unix_ns.and_then(|unix_ns| unix_ns.checked_sub(EPOCH_UNIX_NS));
        since.unwrap_or_default().div_euclid(TICK_NS).max(TICKS_MIN)
    }

    /// What it says.
    #[must_use]
    pub fn ticks(&self, now: MonotonicNs) -> u64 {
        self.running(now).max(self.greatest.load(Ordering::Acquire))
    }

    fn running(&self, now: MonotonicNs) -> u64 {
        let since_ns = now.0.saturating_sub(self.start.0);
        self.start_ticks.saturating_add(since_ns / TICK_NS)
    }

    /// A timestamp that was never given before.
    pub fn next(&self, now: MonotonicNs) -> u64 {
        let running = self.running(now);
        let step = |greatest: u64| Some(running.max(greatest.saturating_add(1)));
        match self
            .greatest
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, step)
        {
            Ok(before) | Err(before) => running.max(before.saturating_add(1)),
        }
    }

    fn hear(&self, ticks: u64) {
        self.greatest.fetch_max(ticks, Ordering::AcqRel);
    }
}

/// A key at work on a link: signs what goes out, judges what comes in.
#[derive(Debug)]
pub struct Signing {
    key: SigningKey,
    link_id: u8,
    clock: SigningClock,
}

impl Signing {
    /// `link_id` numbers our stream.
    #[must_use]
    pub fn new(key: SigningKey, link_id: u8, clock: SigningClock) -> Self {
        Self {
            key,
            link_id,
            clock,
        }
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &SigningClock {
        &self.clock
    }

    fn signature(&self, frame: &[u8], trailer: &[u8]) -> [u8; 6] {
        let mut hash = Sha256::new();
        hash.update(self.key.secret_bytes());
        hash.update(frame);
        hash.update(trailer);
        let digest = hash.finalize();
        let mut signature = [0; 6];
        signature.copy_from_slice(&digest[..6]);
        signature
    }
}

/// Where the key that signs a link's frames is found; the reading and the writing side share it.
#[derive(Debug, Default)]
pub struct FrameSigner {
    signing: Mutex<Option<Arc<Signing>>>,
}

impl FrameSigner {
    /// From now on frames are signed with this key, or, with `None`, not at all.
    pub fn set(&self, signing: Option<Arc<Signing>>) {
        *self.signing.lock().unwrap_or_else(PoisonError::into_inner) = signing;
    }

    /// The key at work.
    #[must_use]
    pub fn get(&self) -> Option<Arc<Signing>> {
        self.signing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Puts sequence number and, while there is a key, a signature into a MAVLink 2 frame.
pub fn finish_frame<'a>(
    frame: &OutgoingFrame,
    sequence: u8,
    signer: &FrameSigner,
    now: MonotonicNs,
    out: &'a mut [u8; FRAME_ROOM],
) -> &'a [u8] {
    let bytes = frame.bytes();
    out[..bytes.len()].copy_from_slice(bytes);
    if bytes.len() < HEADER + CHECKSUM {
        return &out[..bytes.len()];
    }
    let signing = match frame.class() {
        FrameClass::InstallsKey => None,
        FrameClass::Position | FrameClass::Ordinary => signer.get(),
    };
    let summed = HEADER + usize::from(bytes[1]);
    let length = summed + CHECKSUM;
    out[2] = if signing.is_some() { FLAG_SIGNED } else { 0 };
    out[4] = sequence;
    let id = u32::from_le_bytes([out[7], out[8], out[9], 0]);
    let checksum = calculate_crc(&out[1..summed], MavMessage::extra_crc(id));
    out[summed..length].copy_from_slice(&checksum.to_le_bytes());
    let Some(signing) = signing else {
        return &out[..length];
    };
    out[length] = signing.link_id;
    let ticks = signing.clock.next(now).to_le_bytes();
    out[length + 1..length + 7].copy_from_slice(&ticks[..6]);
    let signature = signing.signature(&out[..length], &out[length..length + 7]);
    out[length + 7..length + SIGNATURE].copy_from_slice(&signature);
    &out[..length + SIGNATURE]
}

/// Why a frame is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureRefusal {
    /// It has no signature.
    Unsigned,
    /// The signature is not that of the key.
    Wrong,
    /// Its timestamp is not above the last of its stream.
    Repeated,
    /// A new stream that begins too far in the past.
    Old,
    /// More streams than are told apart.
    TooMany,
}

/// How often each refusal happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SignatureCounts {
    /// Frames that were believed.
    pub good: u64,
    /// See [`SignatureRefusal::Unsigned`].
    pub unsigned: u64,
    /// See [`SignatureRefusal::Wrong`].
    pub wrong: u64,
    /// See [`SignatureRefusal::Repeated`].
    pub repeated: u64,
    /// See [`SignatureRefusal::Old`].
    pub old: u64,
    /// See [`SignatureRefusal::TooMany`].
    pub too_many: u64,
}

impl SignatureCounts {
    /// All refusals together.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.unsigned + self.wrong + self.repeated + self.old + self.too_many
    }

    fn count(&mut self, refusal: SignatureRefusal) {
        *match refusal {
            SignatureRefusal::Unsigned => &mut self.unsigned,
            SignatureRefusal::Wrong => &mut self.wrong,
            SignatureRefusal::Repeated => &mut self.repeated,
            SignatureRefusal::Old => &mut self.old,
            SignatureRefusal::TooMany => &mut self.too_many,
        } += 1;
    }
}

#[derive(Debug, Clone, Copy)]
struct Stream {
    sender: Sender,
    link_id: u8,
    ticks: u64,
}

/// Judges the signatures of what comes in.
#[derive(Debug, Clone, Default)]
pub struct SignatureJudge {
    streams: Vec<Stream>,
    counts: SignatureCounts,
}

impl SignatureJudge {
    /// Whether a frame is to be believed.
    ///
    /// # Errors
    /// Why it is not; counted.
    pub fn judge(
        &mut self,
        frame: &Frame<'_>,
        signing: &Signing,
        now: MonotonicNs,
    ) -> Result<(), SignatureRefusal> {
        let verdict = self.verdict(frame, signing, now);
        match verdict {
            Ok(()) => self.counts.good += 1,
            Err(refusal) => self.counts.count(refusal),
        }
        verdict
    }

    fn verdict(
        &mut self,
        frame: &Frame<'_>,
        signing: &Signing,
        now: MonotonicNs,
    ) -> Result<(), SignatureRefusal> {
        if !frame.is_signed() {
            return if made_by_radios(frame.message_id()) {
                Ok(())
            } else {
                Err(SignatureRefusal::Unsigned)
            };
        }
        let (signed, trailer) = frame.bytes().split_at(frame.bytes().len() - SIGNATURE);
        let (stamp, signature) = trailer.split_at(SIGNATURE - 6);
        if !same(&signing.signature(signed, stamp), signature) {
            return Err(SignatureRefusal::Wrong);
        }
        let mut ticks = [0; 8];
        ticks[..6].copy_from_slice(&stamp[1..]);
        let ticks = u64::from_le_bytes(ticks);
        let (sender, link_id) = (frame.sender(), stamp[0]);
        let known = self.streams.len();
        let mut streams = self.streams.iter_mut();
        match streams.find(|stream| stream.sender == sender && stream.link_id == link_id) {
            Some(stream) if ticks <= stream.ticks => return Err(SignatureRefusal::Repeated),
            Some(stream) => stream.ticks = ticks,
            None if ticks.saturating_add(NEW_STREAM_TICKS) < signing.clock.ticks(now) => {
                return Err(SignatureRefusal::Old);
            }
            None if known == STREAMS_MAX => return Err(SignatureRefusal::TooMany),
            None => self.streams.push(Stream {
                sender,
                link_id,
                ticks,
            }),
        }
        signing.clock.hear(ticks);
        Ok(())
    }

    /// What was judged so far.
    #[must_use]
    pub fn counts(&self) -> SignatureCounts {
        self.counts
    }

    /// Forgets the streams: another key is at work.
    pub fn begin_anew(&mut self) {
        self.streams.clear();
    }
}

/// RADIO and RADIO_STATUS: made inside the radio, which has no key.
fn made_by_radios(message_id: u32) -> bool {
    matches!(message_id, 109 | 166)
}

/// Takes the same time wherever the two differ.
fn same(ours: &[u8; 6], theirs: &[u8]) -> bool {
    let pairs = ours.iter().zip(theirs);
    ours.len() == theirs.len() && pairs.fold(0, |sum, (left, right)| sum | (left ^ right)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use mavlink::dialects::ardupilotmega::{
        HEARTBEAT_DATA, MavAutopilot, MavModeFlag, MavState, MavType,
    };

    const NOW: MonotonicNs = MonotonicNs(1_000_000_000);
    const SECOND: u64 = 100_000;

    fn key() -> SigningKey {
        let mut bytes = [0; KEY_BYTES];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = index as u8;
        }
        SigningKey::from_bytes(&bytes)
    }

    fn heartbeat(sender: Sender) -> OutgoingFrame {
        let message = MavMessage::HEARTBEAT(HEARTBEAT_DATA {
            custom_mode: 0,
            mavtype: MavType::MAV_TYPE_ONBOARD_CONTROLLER,
            autopilot: MavAutopilot::MAV_AUTOPILOT_INVALID,
            base_mode: MavModeFlag::empty(),
            system_status: MavState::MAV_STATE_ACTIVE,
            mavlink_version: 3,
        });
        OutgoingFrame::mavlink(&message, sender, FrameClass::Ordinary)
    }

    const US: Sender = Sender {
        system: 1,
        component: 191,
    };

    fn signed(ticks: u64, link_id: u8, sender: Sender) -> Vec<u8> {
        let signer = FrameSigner::default();
        let clock = SigningClock::starting_at(ticks - 1, NOW);
        signer.set(Some(Arc::new(Signing::new(key(), link_id, clock))));
        let mut out = [0; FRAME_ROOM];
        finish_frame(&heartbeat(sender), 0, &signer, NOW, &mut out).to_vec()
    }

    fn judge(ticks: u64) -> (SignatureJudge, Signing) {
        let clock = SigningClock::starting_at(ticks, NOW);
        (SignatureJudge::default(), Signing::new(key(), 0, clock))
    }

    #[test]
    fn the_measured_vector_comes_out_bit_for_bit() {
        // Source: pymavlink 2.4.50.
        let expected = [
            0xfd, 0x09, 0x01, 0, 0, 0x01, 0xbf, 0, 0, 0, 0, 0, 0, 0, 0x12, 0x08, 0, 0x04, 0x03,
            0x49, 0x3e, 0x07, 0x05, 0x04, 0x03, 0x02, 0x01, 0x00, 0x89, 0xbd, 0x24, 0xeb, 0xfa,
            0x8c,
        ];
        assert_eq!(signed(0x01_0203_0405, 7, US), expected);
        let mut out = [0; FRAME_ROOM];
        let plain = finish_frame(&heartbeat(US), 0, &FrameSigner::default(), NOW, &mut out);
        assert_eq!(plain.len(), 21);
        assert_eq!(plain[19..], [0xae, 0xc6]);
    }

    #[test]
    fn a_repeat_a_wrong_signature_an_old_stream_and_an_unsigned_frame_are_refused() {
        let ticks = 1_000 * SECOND;
        let (mut judge, signing) = judge(ticks);
        let mut take = |bytes: &[u8]| judge.judge(&Frame::parse(bytes).unwrap(), &signing, NOW);
        let first = signed(ticks, 1, US);
        assert_eq!(take(&first), Ok(()));
        assert_eq!(take(&first), Err(SignatureRefusal::Repeated));
        let mut wrong = signed(ticks + 1, 1, US);
        *wrong.last_mut().unwrap() ^= 1;
        assert_eq!(take(&wrong), Err(SignatureRefusal::Wrong));
        assert_eq!(
            take(&signed(ticks - 61 * SECOND, 2, US)),
            Err(SignatureRefusal::Old)
        );
        assert_eq!(take(&signed(ticks - 59 * SECOND, 2, US)), Ok(()));
        let mut out = [0; FRAME_ROOM];
        let plain = finish_frame(&heartbeat(US), 0, &FrameSigner::default(), NOW, &mut out);
        assert_eq!(take(plain), Err(SignatureRefusal::Unsigned));
        assert_eq!(judge.counts().refused(), 4);
        assert_eq!(judge.counts().good, 2);
    }

    #[test]
    fn a_wrong_signature_from_the_future_moves_nothing() {
        let ticks = 1_000 * SECOND;
        let (mut judge, signing) = judge(ticks);
        let mut forged = signed(ticks + 3_600 * SECOND, 1, US);
        *forged.last_mut().unwrap() ^= 1;
        assert!(
            judge
                .judge(&Frame::parse(&forged).unwrap(), &signing, NOW)
                .is_err()
        );
        assert_eq!(signing.clock().ticks(NOW), ticks);
        let honest = signed(ticks, 1, US);
        assert_eq!(
            judge.judge(&Frame::parse(&honest).unwrap(), &signing, NOW),
            Ok(())
        );
    }

    #[test]
    fn the_seventeenth_stream_is_refused() {
        let (mut judge, signing) = judge(SECOND);
        for link in 0..16 {
            let bytes = signed(SECOND, link, US);
            assert_eq!(
                judge.judge(&Frame::parse(&bytes).unwrap(), &signing, NOW),
                Ok(())
            );
        }
        let bytes = signed(SECOND, 16, US);
        let verdict = judge.judge(&Frame::parse(&bytes).unwrap(), &signing, NOW);
        assert_eq!(verdict, Err(SignatureRefusal::TooMany));
    }

    #[test]
    fn whichever_clock_is_behind_catches_up_with_the_first_frame_it_hears() {
        let hour = 3_600 * SECOND;
        for (ours, theirs) in [(2 * hour, hour), (hour, 2 * hour)] {
            let (mut our_judge, our_signing) = judge(ours);
            let (mut their_judge, their_signing) = judge(theirs);
            let them = Sender {
                system: 1,
                component: 1,
            };
            let say = |signing: &Signing, sender| {
                let signer = FrameSigner::default();
                let ticks = signing.clock().next(NOW);
                let clock = SigningClock::starting_at(ticks, NOW);
                signer.set(Some(Arc::new(Signing::new(key(), 0, clock))));
                let mut out = [0; FRAME_ROOM];
                finish_frame(&heartbeat(sender), 0, &signer, NOW, &mut out).to_vec()
            };
            // Both talk; within two turns each believes the other.
            let mut believed = (false, false);
            for _ in 0..2 {
                let from_us = say(&our_signing, US);
                let from_them = say(&their_signing, them);
                believed.0 = their_judge
                    .judge(&Frame::parse(&from_us).unwrap(), &their_signing, NOW)
                    .is_ok();
                believed.1 = our_judge
                    .judge(&Frame::parse(&from_them).unwrap(), &our_signing, NOW)
                    .is_ok();
            }
            assert_eq!(believed, (true, true), "ours {ours}, theirs {theirs}");
        }
    }

    #[test]
    fn timestamps_rise_with_every_frame_and_with_time() {
        let clock = SigningClock::starting_at(10, NOW);
        let first = clock.next(NOW);
        assert!(clock.next(NOW) > first);
        let later = clock.next(MonotonicNs(NOW.0 + 1_000_000_000));
        assert_eq!(later, 10 + SECOND);
        assert!(!format!("{:?}", key()).contains("31"));
    }
}
