//! Judging a whole recording in files that the page cache holds, beside `mcap` reading the same bodies, chunk
//! CRC on, in the same run.
//!
//! `cargo bench -p fdr-format --bench files`; the last table is kept in `docs/performance.md`.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a benchmark stops where it fails"
)]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::hint::black_box;
use std::io::BufWriter;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use fdr_format::records::{FlightSource, ReceivedMavlinkRaw};
use fdr_format::{
    BootId, Bytes, ClockAnchor, DEFAULT_SEGMENT_BYTES, FlightId, FlightParameters, FlightReader,
    FlightWriter, VerifyOptions, verify_with,
};
use mcap::read::{Options, RawMessageStream};

/// Bytes of all bodies of a recording: several segments.
const BODIES: usize = 256 << 20;

fn record(folder: &Path, body: usize) -> PathBuf {
    let parameters = FlightParameters {
        flight_id: FlightId([1; 16]),
        boot_id: BootId([2; 16]),
        software_version: String::new(),
        core_version: 0,
        configuration: String::new(),
        source: FlightSource::Simulation,
        source_name: String::new(),
        clock: ClockAnchor::default(),
        keys: None,
        recovered: false,
        segment_bytes: DEFAULT_SEGMENT_BYTES,
    };
    let mut writer = FlightWriter::create(folder, parameters).unwrap();
    let payload = payload(body - 11);
    for time_ns in 0..(BODIES / body) as u64 {
        let record = ReceivedMavlinkRaw {
            time_ns,
            link: 0,
            bytes: Bytes(&payload),
        };
        writer.append(&record.into(), time_ns).unwrap();
    }
    writer.finish().unwrap().folder
}

fn payload(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index * 37) as u8).collect()
}

fn record_mcap(path: &Path, body: usize) {
    let mut writer = mcap::WriteOptions::new()
        .compression(None)
        .calculate_chunk_crcs(true)
        .create(BufWriter::new(File::create(path).unwrap()))
        .unwrap();
    let channel = writer.add_channel(0, "link", "bytes", &BTreeMap::new());
    let channel = channel.unwrap();
    let payload = payload(body);
    for time_ns in 0..(BODIES / body) as u64 {
        let header = mcap::records::MessageHeader {
            channel_id: channel,
            sequence: time_ns as u32,
            log_time: time_ns,
            publish_time: time_ns,
        };
        writer.write_to_known_channel(&header, &payload).unwrap();
    }
    writer.finish().unwrap();
}

fn files(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("files");
    group.sample_size(10);
    for (name, body) in [("120 B", 120), ("1 KiB", 1024)] {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let flight = record(folder.path(), body);
        let reader = FlightReader::open(&flight).unwrap();
        group.throughput(Throughput::Bytes(reader.bytes_total()));
        for (what, fast, threads) in [
            ("verify, 1 thread", false, 1),
            ("verify, 2 threads", false, 2),
            ("verify --fast, 1 thread", true, 1),
        ] {
            let options = VerifyOptions {
                fast,
                threads: NonZeroUsize::new(threads),
                device_key: None,
            };
            group.bench_function(BenchmarkId::new(what, name), |bencher| {
                bencher.iter(|| {
                    let verdict = verify_with(&reader, &options, |_, _| {}).unwrap();
                    assert_eq!(black_box(verdict).exit_code, 0);
                });
            });
        }
        let path = folder.path().join("peer.mcap");
        record_mcap(&path, body);
        group.throughput(Throughput::Bytes(fs::metadata(&path).unwrap().len()));
        group.bench_function(BenchmarkId::new("mcap, CRC on", name), |bencher| {
            let mut bytes = Vec::new();
            bencher.iter(|| {
                // The memory is there after the first time: what is measured is reading and checking.
                bytes.clear();
                std::io::Read::read_to_end(&mut File::open(&path).unwrap(), &mut bytes).unwrap();
                let messages =
                    RawMessageStream::new_with_options(&bytes, Options::ValidateChunkCrcs.into())
                        .unwrap();
                let length: usize = messages
                    .map(|message| black_box(message.unwrap()).data.len())
                    .sum();
                assert_eq!(length, BODIES / body * body);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, files);
criterion_main!(benches);
