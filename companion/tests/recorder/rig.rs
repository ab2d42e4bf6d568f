//! The recorder's machines without its threads: the test says who runs when, and what time it is.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use companion::recorder::{
    Collector, FileProblem, RecordSender, SegmentFiles, Staging, Status, record_ring,
};
use fdr_format::records::{
    ComponentLifecycleEvent, FlightSource, ImuTrace, LifecycleEvent, NavigatorEvent,
    NavigatorEventKind, Severity,
};
use fdr_format::{
    BootId, ClockAnchor, FlightId, FlightItem, FlightParameters, FlightReader, Record, RecordType,
    Verification, verify,
};
use tempfile::TempDir;

use super::hooked::{Call, Hook, Hooked};

pub const MS: u64 = 1_000_000;
pub const SYNC_INTERVAL: u64 = 100 * MS;

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

/// What the next calls to the disk come to.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<Pending>>);

#[derive(Debug, Default)]
struct Pending {
    sync: Option<io::ErrorKind>,
    write: Option<io::ErrorKind>,
    create: Option<io::ErrorKind>,
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
            Call::CreateFile(_) => self.take(|pending| &mut pending.create),
            Call::Write => self.take(|pending| &mut pending.write),
            Call::Sync => self.take(|pending| &mut pending.sync),
            _ => Ok(()),
        }
    }
}

/// The real file system with faults on demand.
pub type FaultyVolume = Hooked<Faults>;

/// One producer, the collector, staging and the files.
pub struct Rig {
    pub folder: TempDir,
    pub sender: RecordSender,
    pub status: Arc<Status>,
    pub staging: Arc<Staging>,
    pub faults: Faults,
    pub now: u64,
    collector: Collector,
    files: SegmentFiles<FaultyVolume>,
}

impl Rig {
    pub fn new(segment_bytes: u64, blocks: usize, ring_bytes: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let faults = Faults::default();
        let status = Arc::new(Status::default());
        let staging = Arc::new(Staging::new(blocks));
        let (sender, receiver) = record_ring(ring_bytes, 0);
        let parameters = parameters(segment_bytes);
        let volume = Hooked(faults.clone());
        let files = SegmentFiles::create(
            volume,
            folder.path(),
            parameters.clone(),
            Arc::clone(&status),
        );
        let collector = Collector::new(
            parameters,
            SYNC_INTERVAL,
            vec![receiver],
            Arc::clone(&staging),
            Arc::clone(&status),
        );
        Self {
            folder,
            sender,
            status,
            staging,
            faults,
            now: 0,
            collector: collector.unwrap(),
            files: files.unwrap(),
        }
    }

    pub fn collect(&mut self) {
        while self.collector.drain(self.now) > 0 {}
    }

    pub fn flush(&mut self) {
        self.collector.flush(self.now);
    }

    /// Lets the I/O thread write one block; says whether there was one.
    pub fn write_one(&mut self) -> bool {
        let Some(mut block) = self.staging.queue().oldest() else {
            return false;
        };
        let now = self.now;
        loop {
            match self.files.write(&mut block, &mut || now) {
                Ok(()) => break,
                Err(FileProblem::GivenUp { in_doubt, .. }) => {
                    self.staging.queue().fail_segment(*in_doubt);
                    break;
                }
                // The disk was asked too early; ask again until it agrees.
                Err(FileProblem::NotCreated { .. }) => {}
            }
        }
        self.staging.queue().give_back(block);
        true
    }

    pub fn write_all(&mut self) {
        while self.write_one() {}
    }

    /// What a power cut now would leave for certain: everything before this number.
    pub fn promised(&self) -> u64 {
        let durable = self.files.durable().before;
        self.staging.queue().durable_before(durable)
    }

    /// Ends the flight and reads it back.
    pub fn finish(mut self) -> Flight {
        drop(self.sender);
        while self.collector.drain(self.now) > 0 {}
        self.collector.flush(self.now);
        let mut rest = Rest {
            files: self.files,
            staging: Arc::clone(&self.staging),
            now: self.now,
        };
        rest.write();
        self.collector.finish(self.now);
        rest.write();
        assert!(rest.files.summary().clean_shutdown);
        rest.files.write_manifest(true).unwrap();
        Flight::read(self.folder)
    }
}

struct Rest {
    files: SegmentFiles<FaultyVolume>,
    staging: Arc<Staging>,
    now: u64,
}

impl Rest {
    fn write(&mut self) {
        loop {
            let Some(mut block) = self.staging.queue().oldest() else {
                return;
            };
            let now = self.now;
            self.files.write(&mut block, &mut || now).unwrap();
            self.staging.queue().give_back(block);
        }
    }
}

/// A recorded flight, read back.
pub struct Flight {
    pub verdict: Verification,
    /// Type and `time_ns` of every record, in order.
    pub records: Vec<(u64, RecordType, u64)>,
    /// What loss records say is lost, by cause and type.
    pub lost: BTreeMap<(String, RecordType), u64>,
}

impl Flight {
    pub fn read(folder: TempDir) -> Self {
        let verdict = verify(folder.path()).unwrap();
        let mut reader = FlightReader::open(folder.path()).unwrap();
        let (mut records, mut lost) = (Vec::new(), BTreeMap::new());
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
            }
        }
        Self {
            verdict,
            records,
            lost,
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
