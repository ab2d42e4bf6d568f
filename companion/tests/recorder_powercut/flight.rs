//! A short flight on the simulated disk: the recorder's machines, driven by a script.

use std::path::Path;
use std::sync::Arc;

use companion::recorder::{
    BLOCK_BYTES, Collector, FreezeReason, Keeper, KeeperStep, LEDGER_BYTES, Machines, Notices,
    Order, RecordSender, RecorderSizes, Situation, Writer, WriterStep, close_flight, find_flight,
    flight_keys, replay_keys,
};
use fdr_format::records::{
    FlightSource, NavigatorEvent, NavigatorEventKind, SentFcBytes, Severity,
};
use fdr_format::{
    BootId, Bytes, ClockAnchor, FlightId, FlightParameters, Record, SecretKey, Stream,
};

use super::content::mix;
use super::disk::ROOT;
use super::volume::{SimFile, SimVolume};

const MS: u64 = 1_000_000;
const STARTED_UNIX_NS: u64 = 1_800_000_000_000_000_000;
/// A segment takes this and the room for what ends it.
const SEGMENT_BYTES: u64 = 160 << 10;
/// Steps in which a flight comes to its end when the disk works: pauses between two attempts double up to
/// half a minute.
const END_STEPS: u64 = 64;

/// More than a keeper has to do at one moment.
const KEEPER_STEPS: usize = 1000;

/// What happens in a flight.
#[derive(Debug, Clone, Copy)]
pub struct Script {
    /// What the script is made of.
    pub seed: u64,
    /// How many steps it has.
    pub steps: u64,
    /// Whether the disk sometimes stalls until staging is full.
    pub stalls: bool,
    /// How many segments of a stream the cap leaves room for; without it all.
    pub segments_max: Option<u64>,
    /// Whether there is an essential stream.
    pub essential: bool,
    /// The step at which nothing is dropped any more.
    pub freezes_at: Option<u64>,
    /// Whether the flight has a key, and is sealed when it ends.
    pub sealed: bool,
    /// Whether the machine was started again when the flight goes on.
    pub other_boot: bool,
    /// Whether the flight ends in order.
    pub ends: bool,
}

/// How a flight ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It could not begin.
    NotBegun,
    /// There is no flight that goes on: none was begun, or it has ended.
    NothingToGoOnWith,
    /// The process ended without a word.
    Killed,
    /// With its footers and its manifest.
    Closed,
    /// The disk worked again, and all the same it did not come to its end.
    Stuck,
}

/// Small numbers by chance, always the same ones.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = mix(self.0.wrapping_add(0x9E37_79B9));
        self.0 % end.max(1)
    }
}

/// Bytes that the file system reserves for a segment.
pub fn segment_room() -> u64 {
    sizes(&Script {
        seed: 0,
        steps: 0,
        stalls: false,
        segments_max: None,
        essential: false,
        freezes_at: None,
        sealed: false,
        other_boot: false,
        ends: true,
    })
    .budget(SEGMENT_BYTES)
    .segment_room()
}

fn parameters(now_ns: u64) -> FlightParameters {
    FlightParameters {
        flight_id: FlightId([0x2f; 16]),
        boot_id: BootId([7; 16]),
        software_version: "0.1.0-test".to_owned(),
        core_version: 3,
        configuration: String::new(),
        source: FlightSource::Simulation,
        source_name: "power cuts".to_owned(),
        clock: ClockAnchor {
            monotonic_ns: now_ns,
            unix_ns: Some(STARTED_UNIX_NS + now_ns),
        },
        segment_bytes: SEGMENT_BYTES,
        keys: None,
        recovered: false,
    }
}

fn sizes(script: &Script) -> RecorderSizes {
    let plenty = RecorderSizes {
        ring_bytes: 400 << 10,
        ring_reserve_bytes: 0,
        staging_bytes: 9 * BLOCK_BYTES,
        essential: script.essential,
        side_bytes: 0,
        telemetry: false,
        ..RecorderSizes::default()
    };
    let Some(segments) = script.segments_max else {
        return plenty;
    };
    let room = plenty.budget(SEGMENT_BYTES).segment_room();
    let essential_bytes = 2 * room;
    let others = LEDGER_BYTES + if script.essential { essential_bytes } else { 0 };
    RecorderSizes {
        cap_bytes: others + segments * room,
        essential_bytes,
        ..plenty
    }
}

struct Process {
    volume: SimVolume,
    /// What was promised by the process before this one.
    before: [u64; 2],
    sender: Option<RecordSender>,
    notices: Arc<Notices>,
    collector: Option<Collector>,
    writer: Writer<SimFile>,
    keeper: Keeper<SimVolume>,
    parameters: FlightParameters,
    now: u64,
}

/// Flies the script from the beginning of a flight.
pub fn fly(volume: &SimVolume, script: &Script) -> Ending {
    let sim = Arc::new(volume.clone());
    let mut told = parameters(0);
    if script.sealed {
        let device = SecretKey::from_bytes(&[5; 32]);
        match replay_keys(volume, Path::new(ROOT), told.flight_id, &device) {
            Ok(keys) => told.keys = Some(keys),
            Err(_) => return Ending::NotBegun,
        }
    }
    let begun = Machines::begin(sim, Path::new(ROOT), told.clone(), &sizes(script), 1, None);
    match begun {
        Ok(machines) => Process::new(volume, machines, told, [0; 2]).run(script),
        Err(_) => Ending::NotBegun,
    }
}

/// Goes on, after a restart, with the flight that is on the disk; `before` is what the process before this
/// one promised.
pub fn fly_on(volume: &SimVolume, script: &Script, before: [u64; 2], now_ns: u64) -> Ending {
    volume.promise(before);
    let mut told = parameters(now_ns);
    if script.other_boot {
        told.boot_id = BootId([8; 16]);
    }
    let situation = Situation {
        boot_id: told.boot_id,
        monotonic_ns: now_ns,
        unix_ns: told.clock.unix_ns,
        armed: true,
    };
    let Ok(Some(_)) = find_flight(volume, Path::new(ROOT), &situation) else {
        return Ending::NothingToGoOnWith;
    };
    if script.sealed {
        let device = SecretKey::from_bytes(&[5; 32]);
        match flight_keys(volume, Path::new(ROOT), told.flight_id, Some(&device)) {
            Ok(keys) => told.keys = Some(keys),
            Err(_) => return Ending::NotBegun,
        }
    }
    let sim = Arc::new(volume.clone());
    let resumed = Machines::resume(sim, Path::new(ROOT), told.clone(), &sizes(script), 1);
    match resumed {
        Ok(machines) => Process::new(volume, machines, told, before).run(script),
        Err(_) => Ending::NotBegun,
    }
}

impl Process {
    fn new(
        volume: &SimVolume,
        machines: Machines<SimVolume>,
        parameters: FlightParameters,
        before: [u64; 2],
    ) -> Self {
        let Machines {
            mut senders,
            collector,
            writer,
            keeper,
            shared,
        } = machines;
        let process = Self {
            volume: volume.clone(),
            before,
            sender: senders.pop(),
            notices: shared.notices,
            collector: Some(collector),
            writer,
            keeper,
            now: parameters.clock.monotonic_ns,
            parameters,
        };
        process.promise();
        process
    }

    fn run(mut self, script: &Script) -> Ending {
        let mut dice = Dice(script.seed);
        for step in 0..script.steps {
            if script.freezes_at == Some(step) {
                self.notices.order(Order::Freeze(FreezeReason::Command));
            }
            self.append(&mut dice, script.stalls && step % 16 == 7);
            self.now += dice.below(150) * MS;
            self.collect();
            if dice.below(3) > 0 {
                self.keep();
            }
            if dice.below(4) > 0 {
                self.write(1 + dice.below(4));
            }
        }
        if !script.ends {
            return Ending::Killed;
        }
        self.volume.repair();
        self.sender = None;
        self.end()
    }

    fn end(mut self) -> Ending {
        for step in 0..END_STEPS {
            self.now += 1000 * MS;
            self.keep();
            self.collect();
            if step == END_STEPS / 2
                && let Some(collector) = self.collector.take()
            {
                collector.finish(self.now);
            }
            self.write(u64::MAX);
        }
        let closed = close_flight(&mut self.writer, &mut self.keeper, &self.parameters);
        match closed {
            Ok(summary) if summary.clean_shutdown => Ending::Closed,
            _ => Ending::Stuck,
        }
    }

    fn collect(&mut self) {
        if let Some(collector) = &mut self.collector {
            while collector.drain(self.now) > 0 {}
        }
    }

    fn keep(&mut self) {
        for _ in 0..KEEPER_STEPS {
            if self.keeper.step(self.now) == KeeperStep::Idle {
                return;
            }
        }
        panic!("the keeper comes to no end");
    }

    fn promise(&self) {
        let streams = [Stream::Bulk, Stream::Essential];
        let now = streams.map(|stream| self.writer.promised(stream));
        let promised = [0, 1].map(|stream| now[stream].max(self.before[stream]));
        self.volume.promise(promised);
    }

    fn append(&mut self, dice: &mut Dice, much: bool) {
        let Some(sender) = &mut self.sender else {
            return;
        };
        let records = if much { 5000 } else { dice.below(24) };
        let bytes = [0x5A; 1200];
        for nth in 0..records {
            let time_ns = self.now + nth;
            let length = if much { 400 } else { dice.below(1200) as usize };
            let record = match dice.below(6) {
                0 => Record::from(NavigatorEvent {
                    time_ns,
                    severity: Severity::Notice,
                    kind: NavigatorEventKind::FcGpsLost,
                    value: nth as f64,
                }),
                _ => Record::from(SentFcBytes {
                    time_ns,
                    link: 0,
                    bytes: Bytes(&bytes[..length]),
                }),
            };
            // What a full ring refuses was never numbered.
            let _ = sender.append(&record, time_ns);
        }
    }

    /// Lets the writer write so many blocks.
    fn write(&mut self, blocks: u64) {
        for _ in 0..blocks {
            self.keep();
            let now = self.now;
            if self.writer.step(&mut || now) != WriterStep::Done {
                return;
            }
            self.promise();
        }
    }
}
