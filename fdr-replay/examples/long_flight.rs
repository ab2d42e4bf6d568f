//! Makes a long recording for `just bench-replay`, and the same records as MCAP for the peer; or reads the
//! MCAP as the peer does, chunk CRC on.
//!
//! ```text
//! long_flight make FOLDER HOURS GIGABYTES
//! long_flight mcap FLIGHT FILE
//! long_flight read-mcap FILE
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a tool of benches: it fails by panicking"
)]

#[path = "../tests/support/lively.rs"]
mod lively;

use std::fs::File;
use std::io::{BufWriter, Read};
use std::path::Path;

use fdr_format::{FlightItem, FlightReader};
use mcap::read::{Options, RawMessageStream};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["make", folder, hours, gigabytes] => {
            let seconds = (hours.parse::<f64>().unwrap() * 3600.0) as u64;
            let bytes = (gigabytes.parse::<f64>().unwrap() * 1e9) as u64;
            let lively = lively::Lively {
                seconds,
                // Inputs and outputs take some 20 kB of each second.
                padding: (bytes / seconds).saturating_sub(20_000),
                segment_bytes: 64 << 20,
                ..Default::default()
            };
            println!("{}", lively::record(Path::new(folder), lively).display());
        }
        ["mcap", flight, file] => write_mcap(Path::new(flight), Path::new(file)),
        ["read-mcap", file] => println!("{} messages", read_mcap(Path::new(file))),
        _ => panic!("long_flight make FOLDER HOURS GIGABYTES | mcap FLIGHT FILE | read-mcap FILE"),
    }
}

fn write_mcap(flight: &Path, file: &Path) {
    let mut writer = mcap::WriteOptions::new()
        .compression(None)
        .create(BufWriter::new(File::create(file).unwrap()))
        .unwrap();
    let channel = writer
        .add_channel(0, "records", "raw", &Default::default())
        .unwrap();
    let mut reader = FlightReader::open(flight).unwrap();
    while let Some(item) = reader.next_item().unwrap() {
        if let FlightItem::Record { record, .. } = item {
            let time = record.monotonic_ms * 1_000_000;
            let header = mcap::records::MessageHeader {
                channel_id: channel,
                sequence: record.sequence as u32,
                log_time: time,
                publish_time: time,
            };
            writer.write_to_known_channel(&header, record.body).unwrap();
        }
    }
    writer.finish().unwrap();
}

fn read_mcap(file: &Path) -> u64 {
    let mut bytes = Vec::new();
    File::open(file).unwrap().read_to_end(&mut bytes).unwrap();
    let mut messages = 0;
    for message in
        RawMessageStream::new_with_options(&bytes, Options::ValidateChunkCrcs.into()).unwrap()
    {
        message.unwrap();
        messages += 1;
    }
    messages
}
