//! How long each stage of a replay takes. `cargo bench -p companion --bench replay`.
//!
//! The stages run over a built flight; the last line is the whole of thor75, where the real flights
//! are: the requirement is 500 times real time on one core.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench is a program of its own"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::convert::Infallible;
use std::hint::black_box;
use std::ops::ControlFlow;

use companion::autopilot::ardupilot::ArduPilotAdapter;
use companion::autopilot::inav::SensorGps;
use companion::autopilot::mavlink::{Frame, Framer, Refusal};
use companion::autopilot::tlog::{Entry, TlogReader};
use companion::autopilot::{AutopilotConfig, Emitter};
use companion::config::Configuration;
use companion::navigator::{EmittedExternalPosition, FcGps, MonotonicNs, Output};
use companion::pipeline::Product;
use companion::replay::{DenialWindows, Observer, ReplayOptions, feed, replay};
use criterion::{Criterion, Throughput};
use support::{LOG_START_US, flights, straight_flight};

/// Keeps the last position of a feed and drops the rest.
#[derive(Default)]
struct LastPosition(Option<EmittedExternalPosition>);

impl Observer for LastPosition {
    type Error = Infallible;

    fn frame(&mut self, _: MonotonicNs, _: &Frame<'_>) -> Result<(), Infallible> {
        Ok(())
    }

    fn refused(&mut self, _: Refusal, _: Option<u32>) {}

    fn product(&mut self, product: Product<'_>) -> Result<(), Infallible> {
        if let Product::Output(Output::Position(position)) = product {
            self.0 = Some(*position);
        }
        Ok(())
    }

    fn gps(&mut self, _: &FcGps, _: Option<usize>) {}

    fn progress(&mut self, _: u64) -> Result<(), Infallible> {
        Ok(())
    }
}

fn fly(log: &[u8]) -> EmittedExternalPosition {
    let mut last = LastPosition::default();
    let configuration = Configuration::default();
    let windows = DenialWindows::default();
    feed(log, LOG_START_US, &configuration, &windows, &mut last).unwrap();
    last.0.unwrap()
}

fn stages(criterion: &mut Criterion) {
    let flight = straight_flight(60);
    let log = &flight.bytes[..];
    let frames = flight.entries.len() as u64;
    let stream: Vec<u8> = (0..flight.entries.len())
        .flat_map(|entry| {
            let end = flight.entries.get(entry + 1).copied().unwrap_or(log.len());
            log[flight.entries[entry] + 8..end].to_vec()
        })
        .collect();
    let mut group = criterion.benchmark_group("replay");
    group.throughput(Throughput::Elements(frames));
    group.bench_function("framer", |bencher| {
        bencher.iter(|| {
            let mut framer = Framer::default();
            for piece in stream.chunks(1024) {
                framer.push(black_box(piece));
                while framer.receive().is_some() {}
            }
            framer.statistics().frames
        });
    });
    group.bench_function("log_reader", |bencher| {
        bencher.iter(|| {
            let mut reader = TlogReader::new(black_box(log));
            while let Ok(Some(_)) = reader.next_entry() {}
            reader.statistics().frames
        });
    });
    group.bench_function("log_reader_parser_adapter", |bencher| {
        bencher.iter(|| inputs(black_box(log)));
    });
    group.bench_function("feed", |bencher| bencher.iter(|| fly(black_box(log))));
    group.finish();
}

/// Inputs that the adapter makes of a log.
fn inputs(log: &[u8]) -> u64 {
    let mut reader = TlogReader::new(log);
    let mut adapter = ArduPilotAdapter::new(&AutopilotConfig::default());
    let mut inputs = 0;
    while let Ok(Some(entry)) = reader.next_entry() {
        if let Entry::Frame { time_us, frame, .. } = entry
            && let Ok(message) = frame.message()
        {
            let time = MonotonicNs(time_us * 1000);
            inputs += u64::from(adapter.handle(frame.sender(), &message, time).is_some());
        }
    }
    inputs
}

fn encoders(criterion: &mut Criterion) {
    let position = fly(&straight_flight(5).bytes);
    let mut emitter = Emitter::new(&AutopilotConfig::default());
    let mut group = criterion.benchmark_group("encoder");
    group.bench_function("gps_input", |bencher| {
        bencher.iter(|| emitter.emit(black_box(&position)));
    });
    group.bench_function("msp2_sensor_gps", |bencher| {
        bencher.iter(|| SensorGps::from_position(black_box(&position)).frame());
    });
    group.finish();
}

/// The best of several replays of a real flight, recording included.
fn thor75() {
    let Some(log) = flights::flight("thor75.tlog") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let factors = (0..5).map(|_| {
        let options = ReplayOptions {
            log: log.clone(),
            fdr: folder.path().to_owned(),
            flight_id: None,
            windows: DenialWindows::default(),
            positions: None,
            configuration: Configuration::default(),
        };
        replay(&options, &mut |_| ControlFlow::Continue(()))
            .unwrap()
            .summary
            .realtime_factor
    });
    let best = factors.fold(0.0, f64::max);
    println!("replay of thor75.tlog, recorded: {best:.0} x real time");
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    stages(&mut criterion);
    encoders(&mut criterion);
    criterion.final_summary();
    thor75();
}
