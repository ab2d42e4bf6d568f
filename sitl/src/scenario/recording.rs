//! The recording of a scenario: the flight recorder, fed by somebody who waits.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use companion::config::Configuration;
use companion::navigator::CORE_VERSION;
use companion::recorder::{RecordSender, Recorder, RecorderError, RecorderSizes, Refused};
use fdr_format::records::FlightSource;
use fdr_format::{BootId, Bytes, ClockAnchor, FlightId, FlightParameters, Record, records};

use super::senses::CLOCK_OFFSET_NS;
use crate::autopilot_stream::FLIGHT_BEGINS_UNIX_US;

/// How long a full ring is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
const NAP: Duration = Duration::from_micros(200);

/// Why a scenario is not recorded.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The recorder cannot begin or end.
    #[error(transparent)]
    Recorder(#[from] RecorderError),
    /// The settings do not fit into the recording.
    #[error(transparent)]
    Settings(#[from] companion::config::ConfigError),
    /// A record was lost, although it was waited for.
    #[error("{path}: a record was lost; check that the disk is writable and has room")]
    Lost {
        /// The recording.
        path: PathBuf,
    },
}

/// An open recording.
#[derive(Debug)]
pub struct Recording {
    recorder: Recorder,
    sender: RecordSender,
}

impl Recording {
    /// Begins the recording of the scenario `name` with `seed` in a folder of `root`: both make the
    /// flight's id, so that two runs leave the same bytes.
    ///
    /// # Errors
    /// When it cannot be begun.
    pub fn begin(
        root: &Path,
        name: &str,
        seed: u64,
        configuration: &Configuration,
    ) -> Result<Self, RecordingError> {
        let flight_id = flight_id(name, seed);
        let parameters = FlightParameters {
            flight_id,
            boot_id: BootId(flight_id.0),
            software_version: env!("CARGO_PKG_VERSION").to_owned(),
            core_version: CORE_VERSION,
            configuration: configuration.canonical()?,
            source: FlightSource::Simulation,
            source_name: name.to_owned(),
            clock: ClockAnchor {
                monotonic_ns: CLOCK_OFFSET_NS,
                unix_ns: FLIGHT_BEGINS_UNIX_US.checked_mul(1_000),
            },
            keys: None,
            recovered: false,
            segment_bytes: configuration.recorder.segment_bytes,
        };
        let sizes = RecorderSizes {
            real_time: false,
            wait_for_disk: true,
            ..configuration.recorder.sizes()
        };
        let (recorder, senders) = Recorder::start(root, parameters, sizes, 1)?;
        let sender = senders
            .into_iter()
            .next()
            .ok_or(RecorderError::Lost("producer"))?;
        Ok(Self { recorder, sender })
    }

    /// Appends a record; waits for room.
    ///
    /// # Errors
    /// When it was lost.
    pub fn append(&mut self, record: &Record<'_>, time_ns: u64) -> Result<(), RecordingError> {
        let mut since = None;
        while let Err(refused) = self.sender.offer(record, time_ns) {
            let waited = since.get_or_insert_with(Instant::now).elapsed();
            let hopeless = self.recorder.status().is_troubled() || waited > PATIENCE;
            if hopeless || refused == Refused::TooLong {
                return Err(self.lost());
            }
            thread::sleep(NAP);
        }
        if self.recorder.status().is_troubled() {
            return Err(self.lost());
        }
        Ok(())
    }

    /// Appends a frame as it arrived.
    ///
    /// # Errors
    /// When it was lost.
    pub fn raw(&mut self, bytes: &[u8], time_ns: u64) -> Result<(), RecordingError> {
        let frame = records::ReceivedMavlinkRaw {
            time_ns,
            link: companion::pipeline::FC_LINK,
            bytes: Bytes(bytes),
        };
        self.append(&Record::ReceivedMavlinkRaw(frame), time_ns)
    }

    fn lost(&self) -> RecordingError {
        RecordingError::Lost {
            path: self.recorder.folder().to_owned(),
        }
    }

    /// Closes it; returns its folder.
    ///
    /// # Errors
    /// When its end cannot be written.
    pub fn close(self) -> Result<PathBuf, RecordingError> {
        let folder = self.recorder.folder().to_owned();
        drop(self.sender);
        self.recorder.finish()?;
        Ok(folder)
    }
}

/// A UUID of version 8 made of name and seed.
fn flight_id(name: &str, seed: u64) -> FlightId {
    let mut hasher = blake3::Hasher::new();
    hasher.update(name.as_bytes()).update(&seed.to_le_bytes());
    let mut bytes = [0; 16];
    hasher.finalize_xof().fill(&mut bytes);
    bytes[6] = (bytes[6] & 0x0F) | 0x80;
    bytes[8] = (bytes[8] & 0x3F) | 0x80;
    FlightId(bytes)
}
