//! The recorder's machines without its threads: the test says who runs when, and what time it is.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use companion::recorder::{
    BLOCK_BYTES, Collector, Keeper, KeeperStep, Machines, Notices, RecordSender, RecorderSizes,
    Status, Writer, WriterStep, close_flight,
};
use fdr_format::records::{
    Airframe, Attitude, ComponentLifecycleEvent, EmittedExternalPosition, FixType, FlightSource,
    FlightState, ImuTrace, LifecycleEvent, NavigatorEvent, NavigatorEventKind, Severity,
    SourceLabel,
};
use fdr_format::{
    BootId, ClockAnchor, FlightId, FlightItem, FlightParameters, FlightReader, Record, RecordType,
    SegmentReader, Stream, Verification, verify,
};
use tempfile::TempDir;

use super::hooked::{Call, Hook, Hooked, HookedFile};

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

pub fn imu(time_ns: u64) -> Record<'static> {
    ImuTrace {
        time_ns,
        specific_force_frd_mps2: [0.0, 0.0, -9.81],
        angular_rate_frd_radps: [0.0; 3],
    }
    .into()
}

pub fn event(time_ns: u64) -> Record<'static> {
    NavigatorEvent {
        time_ns,
        severity: Severity::Notice,
        kind: NavigatorEventKind::FcGpsLost,
        value: 0.0,
    }
    .into()
}

pub fn attitude(time_ns: u64) -> Record<'static> {
    Attitude {
        time_ns,
        roll_rad: 0.1,
        pitch_rad: 0.0,
        yaw_rad: 1.0,
        angular_rate_frd_radps: [0.0; 3],
    }
    .into()
}

pub fn flight_state(time_ns: u64, armed: bool) -> Record<'static> {
    FlightState {
        time_ns,
        armed,
        airframe: Airframe::FixedWing,
    }
    .into()
}

pub fn impact(time_ns: u64) -> Record<'static> {
    ImuTrace {
        time_ns,
        specific_force_frd_mps2: [-90.0, 0.0, -40.0],
        angular_rate_frd_radps: [0.0; 3],
    }
    .into()
}

pub fn position(time_ns: u64) -> Record<'static> {
    EmittedExternalPosition {
        time_ns,
        lat_rad: 0.8,
        lon_rad: 0.6,
        alt_msl_m: 300.0,
        vel_ned_mps: [20.0, 0.0, 0.0],
        covariance: [1.0; 21],
        ellipse_semi_major_m: 10.0,
        ellipse_semi_minor_m: 5.0,
        ellipse_orientation_rad: 0.0,
        horiz_accuracy_m: 4.0,
        vert_accuracy_m: 4.0,
        speed_accuracy_mps: 0.5,
        source_label: SourceLabel::DeadReckoned,
        last_satellite_anchor_age_ms: None,
        fix_type: FixType::ThreeD,
    }
    .into()
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
        while self.keeping && self.keeper.step(self.now) == KeeperStep::Again {}
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

/// A recorded flight, read back.
pub struct Flight {
    pub verdict: Verification,
    /// Type and `time_ns` of every record, in order.
    pub records: Vec<(u64, RecordType, u64)>,
    /// What loss records say is lost, by cause and type.
    pub lost: BTreeMap<(String, RecordType), u64>,
    /// Valid bytes and last number of segments that were read again after a restart.
    pub recovered: Vec<(u64, u64)>,
}

impl Flight {
    pub fn read(folder: TempDir) -> Self {
        Self::read_in(folder.path())
    }

    /// The essential stream of the flight in folder `flight`, as a flight of its own.
    pub fn essential(flight: &Path) -> Essential {
        let folder = flight.join(Stream::Essential.folder());
        let mut segments: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        segments.sort();
        let mut records = Vec::new();
        for path in segments {
            let bytes = std::fs::read(path).unwrap();
            for record in SegmentReader::open(&bytes, None).unwrap() {
                let record = record.unwrap();
                records.push((
                    record.sequence,
                    record.record_type,
                    record.decode().unwrap().time_ns().unwrap(),
                ));
            }
        }
        let first = records.first().map_or(0, |record| record.0);
        let numbers = records.iter().map(|record| record.0);
        assert!(
            numbers.eq(first..first + records.len() as u64),
            "a number is missing"
        );
        Essential { records }
    }

    fn read_in(folder: &Path) -> Self {
        let verdict = verify(folder).unwrap();
        let mut reader = FlightReader::open(folder).unwrap();
        let (mut records, mut lost, mut recovered) = (Vec::new(), BTreeMap::new(), Vec::new());
        while let Some(item) = reader.next_item().unwrap() {
            let FlightItem::Record { record, .. } = item else {
                continue;
            };
            let decoded = record.decode().unwrap();
            records.push((
                record.sequence,
                record.record_type,
                decoded.time_ns().unwrap(),
            ));
            if let Record::ComponentLifecycleEvent(event) = decoded {
                count_losses(&event, &mut lost);
                if event.event == LifecycleEvent::FdrSegmentRecovered {
                    recovered.push((event.bytes, event.last_sequence.unwrap()));
                }
            }
        }
        Self {
            verdict,
            records,
            lost,
            recovered,
        }
    }

    pub fn times(&self, record_type: RecordType) -> Vec<u64> {
        let wanted = self.records.iter().filter(|record| record.1 == record_type);
        wanted.map(|record| record.2).collect()
    }

    pub fn lost(&self, cause: &str, record_type: RecordType) -> u64 {
        let key = (cause.to_owned(), record_type);
        self.lost.get(&key).copied().unwrap_or(0)
    }
}

/// What the essential stream holds.
pub struct Essential {
    /// Number, type and `time_ns` of every record, in order.
    pub records: Vec<(u64, RecordType, u64)>,
}

impl Essential {
    pub fn times(&self, record_type: RecordType) -> Vec<u64> {
        let wanted = self.records.iter().filter(|record| record.1 == record_type);
        wanted.map(|record| record.2).collect()
    }
}

fn count_losses(
    event: &ComponentLifecycleEvent<'_>,
    lost: &mut BTreeMap<(String, RecordType), u64>,
) {
    if matches!(
        event.event,
        LifecycleEvent::FdrSegmentDropped | LifecycleEvent::FdrRecordsRefused
    ) {
        for count in event.counts.iter() {
            *lost
                .entry((event.cause.to_owned(), count.record_type))
                .or_default() += count.count;
        }
    }
}
