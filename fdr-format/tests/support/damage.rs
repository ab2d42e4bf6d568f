//! One kind of damage at a random place of a recording, and what a reader still gives of it.
//!
//! A trial counts the records that came out as they went in, and whether the reader handed out anything
//! else as a good record. Both readers are judged by the same rule: what they deliver, before or after an
//! error they tell, must be the next expected record or a later one, unchanged.
#![allow(dead_code, clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::io::Cursor;

use mcap::read::{Options, RawMessageStream};

use fdr_format::records::{ReceivedMavlinkRaw, SegmentHeader};
use fdr_format::{
    BootId, Bytes, FlightId, List, LongText, Record, RecordType, SegmentEncoder, SegmentIdentity,
    SegmentReader,
};

/// Records of a recording.
pub const RECORDS: u64 = 200_000;
/// Bytes of a body.
const BODY: usize = 120;
/// Time, link and length take the rest of a body.
const PAYLOAD: usize = BODY - 8 - 1 - 2;
const PAGE: usize = 4096;
/// The number that `mcap` gives to the first channel.
const MCAP_CHANNEL: u16 = 1;
const IDENTITY: SegmentIdentity = SegmentIdentity {
    flight_id: FlightId([1; 16]),
    segment: 0,
};

/// What happens to the bytes of a recording.
#[derive(Debug, Clone, Copy)]
pub enum Harm {
    /// One bit is the other way round.
    BitFlipped,
    /// One page of 4 KiB reads as zeros.
    PageLost,
}

/// Who reads, and how.
#[derive(Debug, Clone, Copy)]
pub enum Reader {
    /// This format, on behind damage.
    Ours,
    /// This format, up to the first damage.
    OursToFirstDamage,
    /// `mcap` with its default options, up to the first error: its reader gives nothing behind one.
    McapUnchecked,
    /// The same, asked to check the CRC of chunks.
    McapChecked,
}

/// The trials of one cell of the table.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cell {
    /// Trials.
    pub trials: u64,
    /// Records that came out as they went in, of all trials.
    pub recovered: u64,
    /// Trials in which something else came out as a good record.
    pub wrong: u64,
    /// Trials that lost records without the reader telling of any damage.
    pub silent_losses: u64,
}

impl Cell {
    /// Share of the records that came out as they went in.
    pub fn share(&self) -> f64 {
        self.recovered as f64 / (self.trials * RECORDS) as f64
    }
}

/// A recording that is damaged, read and made whole again, trial after trial.
pub struct Recording {
    reader: Reader,
    bytes: Vec<u8>,
}

impl Recording {
    /// The same 200,000 bodies in the format that the reader reads.
    pub fn new(reader: Reader) -> Self {
        let bytes = match reader {
            Reader::Ours | Reader::OursToFirstDamage => segment(),
            Reader::McapUnchecked | Reader::McapChecked => mcap_file(),
        };
        let recording = Self { reader, bytes };
        let whole = recording.read();
        assert_eq!(
            (whole.recovered, whole.wrong, whole.told),
            (RECORDS, false, false)
        );
        recording
    }

    /// `trials` times the same kind of harm, at places that `random` draws.
    pub fn trials(&mut self, harm: Harm, trials: u64, random: &mut dyn FnMut() -> u64) -> Cell {
        let mut cell = Cell::default();
        for _ in 0..trials {
            let (at, harmed) = self.harmed(harm, random);
            let range = at..at + harmed.len();
            let whole = self.bytes[range.clone()].to_vec();
            self.bytes[range.clone()].copy_from_slice(&harmed);
            let outcome = self.read();
            self.bytes[range].copy_from_slice(&whole);
            cell.trials += 1;
            cell.recovered += outcome.recovered;
            cell.wrong += u64::from(outcome.wrong);
            cell.silent_losses += u64::from(outcome.recovered < RECORDS && !outcome.told);
        }
        cell
    }

    fn harmed(&self, harm: Harm, random: &mut dyn FnMut() -> u64) -> (usize, Vec<u8>) {
        match harm {
            Harm::BitFlipped => {
                let bit = (random() % (self.bytes.len() as u64 * 8)) as usize;
                (bit / 8, vec![self.bytes[bit / 8] ^ 1 << (bit % 8)])
            }
            Harm::PageLost => {
                let at = (random() % self.bytes.len() as u64) as usize / PAGE * PAGE;
                (at, vec![0; PAGE.min(self.bytes.len() - at)])
            }
        }
    }

    fn mcap_messages(&self) -> mcap::McapResult<RawMessageStream<'_>> {
        match self.reader {
            Reader::McapChecked => {
                RawMessageStream::new_with_options(&self.bytes, Options::ValidateChunkCrcs.into())
            }
            _ => RawMessageStream::new(&self.bytes),
        }
    }

    fn read(&self) -> Outcome {
        let mut outcome = Outcome::default();
        match self.reader {
            Reader::Ours | Reader::OursToFirstDamage => {
                let on = matches!(self.reader, Reader::Ours);
                for item in SegmentReader::open(&self.bytes, Some(IDENTITY)).unwrap() {
                    match item {
                        Ok(record) if record.record_type == RecordType::SEGMENT_HEADER => {}
                        Ok(record) => match record.decode() {
                            Ok(Record::ReceivedMavlinkRaw(link)) if link.link == 0 => {
                                let number = record.sequence.wrapping_sub(1);
                                let times = [record.monotonic_ms, link.time_ns / 1_000_000];
                                outcome.take(number, times, link.bytes.0);
                            }
                            _ => outcome.wrong = true,
                        },
                        Err(_) => outcome.told = true,
                    }
                    if outcome.told && !on {
                        break;
                    }
                }
            }
            Reader::McapUnchecked | Reader::McapChecked => match self.mcap_messages() {
                Ok(messages) => {
                    for message in messages {
                        let Ok(message) = message else {
                            outcome.told = true;
                            break;
                        };
                        let number = u64::from(message.header.sequence);
                        let times = [message.header.log_time, message.header.publish_time];
                        outcome.take(number, times, &message.data);
                        outcome.wrong |= message.header.channel_id != MCAP_CHANNEL;
                    }
                }
                Err(_) => outcome.told = true,
            },
        }
        outcome
    }
}

/// What one reading gave.
#[derive(Default)]
struct Outcome {
    recovered: u64,
    wrong: bool,
    told: bool,
    due: u64,
}

impl Outcome {
    /// A record as delivered: its number, its times in ms (equal to its number), what it holds.
    fn take(&mut self, number: u64, times: [u64; 2], payload: &[u8]) {
        let sound = (self.due..RECORDS).contains(&number)
            && times == [number; 2]
            && payload == payload_of(number);
        if sound {
            self.recovered += 1;
            self.due = number + 1;
        } else {
            self.wrong = true;
        }
    }
}

/// No two records have the same content (splitmix64 of the number).
fn payload_of(number: u64) -> [u8; PAYLOAD] {
    let mut payload = [0; PAYLOAD];
    let mut state = number << 8;
    for chunk in payload.chunks_mut(8) {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        chunk.copy_from_slice(&(mixed ^ (mixed >> 27)).to_le_bytes()[..chunk.len()]);
    }
    payload
}

fn segment() -> Vec<u8> {
    let header = SegmentHeader {
        time_ns: 0,
        flight_id: IDENTITY.flight_id,
        segment: IDENTITY.segment,
        boot_id: BootId([2; 16]),
        compatible_features: 0,
        incompatible_features: 0,
        anchor_monotonic_ns: 0,
        anchor_unix_ns: None,
        previous_chain: None,
        flight_key: None,
        device_key: None,
        certificate: None,
        core_version: 0,
        software_version: "",
        configuration: LongText(""),
        record_types: List::default(),
    };
    let mut buffer = vec![0; RECORDS as usize * 256];
    let (mut encoder, mut used) = SegmentEncoder::begin(&header, 0, &mut buffer).unwrap();
    for number in 0..RECORDS {
        let record = ReceivedMavlinkRaw {
            time_ns: number * 1_000_000,
            link: 0,
            bytes: Bytes(&payload_of(number)),
        };
        used += encoder
            .append(
                &record.into(),
                number + 1,
                number * 1_000_000,
                &mut buffer[used..],
            )
            .unwrap();
    }
    buffer.truncate(used);
    buffer
}

fn mcap_file() -> Vec<u8> {
    let mut writer = mcap::WriteOptions::new()
        .compression(None)
        .calculate_chunk_crcs(true)
        .create(Cursor::new(Vec::new()))
        .unwrap();
    let channel = writer
        .add_channel(0, "link", "bytes", &BTreeMap::new())
        .unwrap();
    assert_eq!(channel, MCAP_CHANNEL);
    for number in 0..RECORDS {
        let header = mcap::records::MessageHeader {
            channel_id: channel,
            sequence: number as u32,
            log_time: number,
            publish_time: number,
        };
        writer
            .write_to_known_channel(&header, &payload_of(number))
            .unwrap();
    }
    writer.finish().unwrap();
    writer.into_inner().into_inner()
}
