//! Encoding and verifying from memory, beside `mcap` on the same bytes in the same run.
//!
//! `cargo bench -p fdr-format`; the last table is kept in `docs/performance.md`.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a benchmark stops where it fails"
)]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::io::Cursor;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use fdr_format::records::{
    EmittedExternalPosition, FixType, ReceivedMavlinkRaw, SegmentHeader, SourceLabel,
};
use fdr_format::{
    BootId, Bytes, FlightId, List, LongText, Record, SegmentEncoder, SegmentReader, TypeCounts,
};
use mcap::read::{Options, RawMessageStream};

/// Bytes of a body: the size the requirement speaks of.
const BODY: usize = 120;
/// Bytes of link data in such a body: time, link and length take the rest.
const PAYLOAD: usize = BODY - 8 - 1 - 2;
/// Records per measurement.
const RECORDS: u64 = 200_000;
/// Room for all of them with their frames.
const ROOM: usize = RECORDS as usize * 512;

fn link_record(payload: &[u8], time_ns: u64) -> Record<'_> {
    Record::ReceivedMavlinkRaw(ReceivedMavlinkRaw {
        time_ns,
        link: 0,
        bytes: Bytes(payload),
    })
}

fn position(time_ns: u64) -> Record<'static> {
    Record::EmittedExternalPosition(EmittedExternalPosition {
        time_ns,
        lat_rad: 0.8,
        lon_rad: 0.2,
        alt_msl_m: 300.0,
        vel_ned_mps: [20.0, 0.0, 0.1],
        covariance: [0.5; 21],
        ellipse_semi_major_m: 3.0,
        ellipse_semi_minor_m: 2.0,
        ellipse_orientation_rad: 1.0,
        horiz_accuracy_m: 1.0,
        vert_accuracy_m: 2.0,
        speed_accuracy_mps: 0.1,
        source_label: SourceLabel::VisualPropagated,
        last_satellite_anchor_age_ms: Some(1200),
        fix_type: FixType::ThreeD,
    })
}

fn payload() -> Vec<u8> {
    (0..PAYLOAD).map(|index| (index * 37) as u8).collect()
}

fn header() -> SegmentHeader<'static> {
    SegmentHeader {
        time_ns: 0,
        flight_id: FlightId([1; 16]),
        segment: 0,
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
    }
}

/// Encodes `RECORDS` records into `buffer` and says how many bytes they took.
fn encode<'r>(buffer: &mut [u8], record: impl Fn(u64) -> Record<'r>) -> usize {
    let (mut encoder, mut used) = SegmentEncoder::begin(&header(), 0, buffer).unwrap();
    for time_ns in 0..RECORDS {
        let free = &mut buffer[used..];
        used += encoder
            .append(&record(time_ns), encoder.next_sequence(), time_ns, free)
            .unwrap();
    }
    used
}

/// Writes the same bodies as uncompressed MCAP, chunk CRC on, into memory that is there already.
fn encode_mcap(memory: Vec<u8>, payload: &[u8], indexes: bool) -> Vec<u8> {
    let mut writer = mcap::WriteOptions::new()
        .compression(None)
        .calculate_chunk_crcs(true)
        .emit_message_indexes(indexes)
        .create(Cursor::new(memory))
        .unwrap();
    let channel = writer
        .add_channel(0, "link", "bytes", &BTreeMap::new())
        .unwrap();
    for time_ns in 0..RECORDS {
        let header = mcap::records::MessageHeader {
            channel_id: channel,
            sequence: time_ns as u32,
            log_time: time_ns,
            publish_time: time_ns,
        };
        writer.write_to_known_channel(&header, payload).unwrap();
    }
    writer.finish().unwrap();
    writer.into_inner().into_inner()
}

/// What verification does with each record: checksum, sequence, body, count.
fn verify(segment: &[u8]) -> TypeCounts {
    let mut counts = TypeCounts::default();
    for record in SegmentReader::open(segment, None).unwrap() {
        let record = record.unwrap();
        black_box(record.decode().unwrap());
        counts.add(record.record_type, 1);
    }
    counts
}

fn verify_mcap(file: &[u8]) -> u64 {
    RawMessageStream::new_with_options(file, Options::ValidateChunkCrcs.into())
        .unwrap()
        .map(|message| black_box(message.unwrap()).data.len() as u64)
        .sum()
}

fn encoding(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("encode");
    group.throughput(Throughput::Elements(RECORDS));
    let (payload, body) = (payload(), vec![0x5A; BODY]);
    let mut buffer = vec![0; ROOM];
    group.bench_function(BenchmarkId::new("fdr-format", "120 B"), |bencher| {
        bencher.iter(|| encode(&mut buffer, |time_ns| link_record(&payload, time_ns)));
    });
    group.bench_function(BenchmarkId::new("fdr-format", "position"), |bencher| {
        bencher.iter(|| encode(&mut buffer, position));
    });
    for (name, indexes) in [("120 B", true), ("120 B, no index", false)] {
        let mut memory = Vec::with_capacity(ROOM);
        group.bench_function(BenchmarkId::new("mcap", name), |bencher| {
            bencher.iter(|| {
                memory.clear();
                memory = encode_mcap(std::mem::take(&mut memory), &body, indexes);
            });
        });
    }
    group.finish();
}

fn verification(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("verify");
    let mut buffer = vec![0; ROOM];
    let payload = payload();
    let link_bytes = encode(&mut buffer, |time_ns| link_record(&payload, time_ns));
    group.throughput(Throughput::Bytes(link_bytes as u64));
    group.bench_function(BenchmarkId::new("fdr-format", "120 B"), |bencher| {
        bencher.iter(|| verify(&buffer[..link_bytes]));
    });
    let position_bytes = encode(&mut buffer, position);
    group.throughput(Throughput::Bytes(position_bytes as u64));
    group.bench_function(BenchmarkId::new("fdr-format", "position"), |bencher| {
        bencher.iter(|| verify(&buffer[..position_bytes]));
    });
    let file = encode_mcap(Vec::with_capacity(ROOM), &[0x5A; BODY], true);
    group.throughput(Throughput::Bytes(file.len() as u64));
    group.bench_function(BenchmarkId::new("mcap", "120 B"), |bencher| {
        bencher.iter(|| verify_mcap(&file));
    });
    group.finish();
}

criterion_group!(benches, encoding, verification);
criterion_main!(benches);
