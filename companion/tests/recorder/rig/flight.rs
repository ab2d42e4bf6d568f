//! A recorded flight, read back.

use std::collections::BTreeMap;
use std::path::Path;

use fdr_format::records::{ComponentLifecycleEvent, LifecycleEvent};
use fdr_format::{
    FlightItem, FlightReader, Record, RecordType, SegmentReader, Stream, Verification, verify,
};
use tempfile::TempDir;

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
