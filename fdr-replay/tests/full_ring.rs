//! A ring at its cap of 64 GB whose recorder died: how long it takes to say what it holds, and to go on.
//!
//! The closed segments are sparse files, header and footer with nothing between them: whoever reads more than
//! these cannot keep within the time. The last ones of each stream are whole.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use companion::recorder::{DiskVolume, Machines, RecorderSizes, Situation, find_flight};
use fdr_format::records::{FlightSource, SegmentFooter, SentFcBytes};
use fdr_format::{
    BootId, Bytes, ClockAnchor, DEFAULT_SEGMENT_BYTES, Digest, FlightId, FlightParameters,
    FooterParameters, List, Record, SegmentEncoder, SegmentStart, SegmentSummary, Stream,
    segment_path,
};

const CAP: u64 = 64_000_000_000;
const ESSENTIAL: u64 = 2_000_000_000;
/// What both may take.
const LIMIT: Duration = Duration::from_secs(1);
/// Segments at the end of a stream that are whole; the last of them has no footer.
const WHOLE: u32 = 2;
const S: u64 = 1_000_000_000;

fn parameters(now_ns: u64) -> FlightParameters {
    FlightParameters {
        flight_id: FlightId([0x64; 16]),
        boot_id: BootId([1; 16]),
        software_version: "0.1.0".to_owned(),
        core_version: 1,
        configuration: "[recorder]\n".repeat(100),
        source: FlightSource::Simulation,
        source_name: "full ring".to_owned(),
        clock: ClockAnchor {
            monotonic_ns: now_ns,
            unix_ns: None,
        },
        keys: None,
        recovered: false,
        segment_bytes: DEFAULT_SEGMENT_BYTES,
    }
}

/// Where the next segment of a stream begins.
struct Place {
    number: u32,
    sequence: u64,
    now_ns: u64,
}

fn begin(stream: Stream, place: &Place, buffer: &mut [u8]) -> (SegmentEncoder, usize) {
    let start = SegmentStart {
        segment: stream.segment(place.number),
        sequence: place.sequence,
        now_ns: place.now_ns,
        clock: ClockAnchor::default(),
        previous_chain: None,
    };
    parameters(0).begin_segment(&start, buffer).unwrap()
}

/// A closed segment with a hole in the place of its records.
fn sparse(flight: &Path, stream: Stream, place: &mut Place) {
    let mut buffer = vec![0; 1 << 20];
    let (mut encoder, header) = begin(stream, place, &mut buffer);
    let file = File::create(segment_path(flight, stream.segment(place.number))).unwrap();
    file.write_all_at(&buffer[..header], 0).unwrap();
    let bytes = DEFAULT_SEGMENT_BYTES - (64 << 10);
    let records = bytes / 1024;
    let last = place.sequence + records;
    let ms = place.now_ns / 1_000_000;
    let footer = Record::SegmentFooter(SegmentFooter {
        time_ns: place.now_ns,
        chain: Digest::default(),
        previous_chain: Digest::default(),
        content: Digest::default(),
        segment: stream.segment(place.number),
        last: false,
        records,
        bytes,
        first_sequence: place.sequence,
        last_sequence: last - 1,
        first_monotonic_ms: ms,
        last_monotonic_ms: ms,
        counts: List::default(),
        losses: List::default(),
        index: List::default(),
        checkpoints: List::default(),
    });
    let length = encoder
        .append(&footer, last, place.now_ns, &mut buffer)
        .unwrap();
    file.write_all_at(&buffer[..length], bytes).unwrap();
    place.sequence = last + 1;
    place.number += 1;
    place.now_ns += S;
}

/// A segment of records of 1 KiB, with or without a footer.
fn whole(flight: &Path, stream: Stream, place: &mut Place, closed: bool) {
    let mut buffer = vec![0; DEFAULT_SEGMENT_BYTES as usize];
    let (mut encoder, mut used) = begin(stream, place, &mut buffer);
    let padding = [0x5A; 980];
    while used + (128 << 10) < buffer.len() {
        place.now_ns += 200_000;
        let record = Record::SentFcBytes(SentFcBytes {
            time_ns: place.now_ns,
            link: 0,
            bytes: Bytes(&padding),
        });
        let sequence = encoder.next_sequence();
        let free = &mut buffer[used..];
        used += encoder
            .append(&record, sequence, place.now_ns, free)
            .unwrap();
    }
    let mut summary = SegmentSummary::new(encoder.identity());
    summary.add(&buffer[..used]);
    if closed {
        let footer = FooterParameters {
            sequence: encoder.reserve_footer().unwrap(),
            monotonic_ns: place.now_ns,
            last: false,
            previous_chain: Digest::default(),
        };
        used += summary.footer(&footer, &mut buffer[used..]).unwrap().0;
    }
    let path = segment_path(flight, stream.segment(place.number));
    fs::write(path, &buffer[..used]).unwrap();
    place.sequence = encoder.next_sequence();
    place.number += 1;
}

/// A ring at its cap; says when its last record is of.
fn full_ring(flight: &Path) -> u64 {
    let mut last_ns = 0;
    for (stream, bytes) in [
        (Stream::Bulk, CAP - ESSENTIAL),
        (Stream::Essential, ESSENTIAL),
    ] {
        fs::create_dir_all(flight.join(stream.folder())).unwrap();
        let segments = (bytes / DEFAULT_SEGMENT_BYTES) as u32;
        let mut place = Place {
            number: 1000,
            sequence: 1_000_000,
            now_ns: S,
        };
        for _ in 0..segments - WHOLE {
            sparse(flight, stream, &mut place);
        }
        whole(flight, stream, &mut place, true);
        whole(flight, stream, &mut place, false);
        last_ns = last_ns.max(place.now_ns);
    }
    last_ns
}

/// The shortest of three: the machine may be busy with something else.
fn shortest(mut run: impl FnMut(u64)) -> Duration {
    let times = (0..3).map(|round| {
        let started = Instant::now();
        run(round);
        started.elapsed()
    });
    times.min().unwrap()
}

#[test]
fn a_full_ring_tells_what_it_holds_and_goes_on_within_a_second() {
    let folder = tempfile::tempdir().unwrap();
    let flight = folder.path().join(parameters(0).flight_id.to_string());
    let last_ns = full_ring(&flight);
    let info = shortest(|_| {
        let told = Command::new(env!("CARGO_BIN_EXE_fdr-replay"))
            .args(["info", "--json"])
            .arg(&flight)
            .output()
            .unwrap();
        assert!(told.status.success(), "{told:?}");
        let told: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
        let text = told.to_string();
        assert!(text.contains("\"unclosed\":1"), "{text}");
    });
    println!("info of a ring of 64 GB: {info:?}");
    assert!(info < LIMIT, "info takes {info:?}");
    let recovery = shortest(|round| {
        let now_ns = last_ns + (round + 1) * 5 * S;
        let situation = Situation {
            boot_id: BootId([1; 16]),
            monotonic_ns: now_ns,
            unix_ns: None,
            armed: true,
        };
        let found = find_flight(&DiskVolume, folder.path(), &situation).unwrap();
        assert_eq!(found.as_deref(), Some(flight.as_path()));
        let sizes = RecorderSizes {
            cap_bytes: 4 * CAP,
            ..RecorderSizes::default()
        };
        let volume = Arc::new(DiskVolume);
        let goes_on = Machines::resume(volume, folder.path(), parameters(now_ns), &sizes, 1);
        // Its headers are on the device: it records. Left as by a kill, it is gone on with again.
        drop(goes_on.unwrap());
    });
    println!("recovery of a ring of 64 GB: {recovery:?}");
    assert!(recovery < LIMIT, "recovery takes {recovery:?}");
}
