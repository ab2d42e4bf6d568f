//! The recorder's machines without its threads: the test says who runs when, and what time it is.

mod flight;
mod records;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use companion::recorder::{
    BLOCK_BYTES, Collector, Keeper, KeeperStep, Machines, Notices, RecordSender, RecorderSizes,
    Status, Writer, WriterStep, close_flight,
};
use fdr_format::records::FlightSource;
use fdr_format::{BootId, ClockAnchor, FlightId, FlightParameters, Stream};
use tempfile::TempDir;

use super::hooked::{Call, Hook, Hooked, HookedFile};

pub use flight::Flight;
pub use records::{attitude, event, flight_state, impact, imu, position};

pub const MS: u64 = 1_000_000;

pub fn parameters(segment_bytes: u64) -> FlightParameters {
    FlightParameters {
        flight_id: FlightId([0x2f; 16]),
        boot_id: BootId([7; 16]),
        software_version: "0.1.0-test".to_owned(),
        core_version: 3,
        configuration: "[recorder]\n".to_owned(),
        source: FlightSource::Simulation,
        source_name: "a test".to_owned(),
        clock: ClockAnchor::default(),
        keys: None,
        recovered: false,
        segment_bytes,
    }
}

/// What the next calls to the disk come to.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<Pending>>);

#[derive(Debug, Default)]
struct Pending {
    sync: Option<io::ErrorKind>,
    write: Option<io::ErrorKind>,
    create: Option<io::ErrorKind>,
    write_always: Option<io::ErrorKind>,
    create_always: Option<io::ErrorKind>,
}

impl Faults {
    pub fn sync(&self, kind: io::ErrorKind) {
        self.0.lock().unwrap().sync = Some(kind);
    }

    pub fn write(&self, kind: io::ErrorKind) {
        self.0.lock().unwrap().write = Some(kind);
    }

    pub fn create(&self, kind: io::ErrorKind) {
        self.0.lock().unwrap().create = Some(kind);
    }

    pub fn write_always(&self, kind: Option<io::ErrorKind>) {
        self.0.lock().unwrap().write_always = kind;
    }

    pub fn create_always(&self, kind: Option<io::ErrorKind>) {
        self.0.lock().unwrap().create_always = kind;
    }

    fn always(&self, which: impl Fn(&Pending) -> Option<io::ErrorKind>) -> io::Result<()> {
        match which(&self.0.lock().unwrap()) {
            Some(kind) => Err(kind.into()),
            None => Ok(()),
        }
    }

    pub fn clear(&self) {
        *self.0.lock().unwrap() = Pending::default();
    }

    fn take(&self, which: impl Fn(&mut Pending) -> &mut Option<io::ErrorKind>) -> io::Result<()> {
        match which(&mut self.0.lock().unwrap()).take() {
            Some(kind) => Err(kind.into()),
            None => Ok(()),
        }
    }
}

impl Hook for Faults {
    fn before(&self, call: Call, path: &Path) -> io::Result<()> {
        if path.extension().is_none_or(|extension| extension != "bin") {
            return Ok(());
        }
        match call {
            Call::CreateFile(_) => {
                self.always(|pending| pending.create_always)?;
                self.take(|pending| &mut pending.create)
            }
            Call::Write => {
                self.always(|pending| pending.write_always)?;
                self.take(|pending| &mut pending.write)
            }
            Call::Sync => self.take(|pending| &mut pending.sync),
            _ => Ok(()),
        }
    }
}

/// The real file system with faults on demand.
pub type FaultyVolume = Hooked<Faults>;

/// One producer, the collector, staging, the files, and who keeps them.
pub struct Rig {
    pub folder: TempDir,
    pub sender: RecordSender,
    pub status: Arc<Status>,
    pub notices: Arc<Notices>,
    pub faults: Faults,
    pub now: u64,
    /// Whether the keeper works beside the writer.
    pub keeping: bool,
    pub parameters: FlightParameters,
    collector: Collector,
    writer: Writer<HookedFile<Faults>>,
    pub keeper: Keeper<FaultyVolume>,
    lock: File,
}

/// The sizes of a rig: a bulk stream alone, no figures of its own.
pub fn sizes(blocks: usize, ring_bytes: usize) -> RecorderSizes {
    RecorderSizes {
        ring_bytes,
        ring_reserve_bytes: 0,
        staging_bytes: blocks * BLOCK_BYTES,
        essential: false,
        side_bytes: 0,
        telemetry: false,
        ..RecorderSizes::default()
    }
}

impl Rig {
    pub fn new(segment_bytes: u64, blocks: usize, ring_bytes: usize) -> Self {
        Self::with(segment_bytes, &sizes(blocks, ring_bytes))
    }

    pub fn with(segment_bytes: u64, sizes: &RecorderSizes) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::in_folder(folder, parameters(segment_bytes), sizes, false)
    }

    /// Begins a flight, or goes on with it.
    pub fn in_folder(
        folder: TempDir,
        parameters: FlightParameters,
        sizes: &RecorderSizes,
        goes_on: bool,
    ) -> Self {
        let faults = Faults::default();
        let volume = Arc::new(Hooked(faults.clone()));
        let (path, told) = (folder.path(), parameters.clone());
        let machines = if goes_on {
            Machines::resume(volume, path, told, sizes, 1)
        } else {
            Machines::begin(volume, path, told, sizes, 1, None)
        };
        let Machines {
            mut senders,
            collector,
            writer,
            keeper,
            shared,
        } = machines.unwrap();
        Self {
            folder,
            sender: senders.remove(0),
            status: shared.status,
            notices: shared.notices,
            faults,
            now: parameters.clock.monotonic_ns,
            keeping: true,
            parameters,
            collector,
            writer,
            keeper,
            lock: shared.lock,
        }
    }

    /// The flight's folder.
    pub fn flight(&self) -> PathBuf {
        self.keeper.folder().to_owned()
    }

    pub fn collect(&mut self) {
        while self.collector.drain(self.now) > 0 {}
    }

    pub fn flush(&mut self) {
        self.collector.flush(self.now);
    }

    /// Lets the keeper do all it can.
    pub fn keep(&mut self) {
        let mut steps = 0;
        while self.keeping && self.keeper.step(self.now) == KeeperStep::Again {
            steps += 1;
            assert!(steps < 1000, "the keeper comes to no end");
        }
    }

    /// Lets the writer write one block; says whether it did.
    pub fn write_one(&mut self) -> bool {
        self.keep();
        let now = self.now;
        let wrote = self.writer.step(&mut || now) == WriterStep::Done;
        self.keep();
        wrote
    }

    pub fn write_all(&mut self) {
        while self.write_one() {}
    }

    /// Everything that was appended goes to the disk, what that leads to included.
    pub fn settle(&mut self) {
        for _ in 0..4 {
            self.collect();
            self.flush();
            self.write_all();
        }
    }

    /// What a power cut now would leave for certain: everything before this number.
    pub fn promised(&self) -> u64 {
        self.writer.promised(Stream::Bulk)
    }

    /// Ends the process without a word.
    pub fn kill(self) -> (TempDir, FlightParameters) {
        (self.folder, self.parameters)
    }

    /// Ends the flight and reads it back.
    pub fn finish(self) -> Flight {
        self.finish_in(|_| {})
    }

    /// As [`Rig::finish`], and the folder stays.
    pub fn finish_in_place(self) -> Flight {
        self.finish_in(|folder| folder.disable_cleanup(true))
    }

    fn finish_in(mut self, folder: impl FnOnce(&mut TempDir)) -> Flight {
        self.faults.clear();
        self.now += 60_000 * MS;
        drop(self.sender);
        while self.collector.drain(self.now) > 0 {}
        self.collector.flush(self.now);
        let now = self.now;
        let write = |writer: &mut Writer<_>, keeper: &mut Keeper<_>| loop {
            while keeper.step(now) == KeeperStep::Again {}
            match writer.step(&mut || now) {
                WriterStep::Done => {}
                step => return step,
            }
        };
        write(&mut self.writer, &mut self.keeper);
        self.collector.finish(self.now);
        let end = write(&mut self.writer, &mut self.keeper);
        assert_eq!(end, WriterStep::Finished);
        let closed = close_flight(&mut self.writer, &mut self.keeper, &self.parameters);
        assert!(closed.unwrap().clean_shutdown);
        drop(self.lock);
        folder(&mut self.folder);
        let flight = Flight::read(self.folder);
        assert_eq!(flight.verdict.exit_code, 0, "{:?}", flight.verdict.findings);
        flight
    }
}
