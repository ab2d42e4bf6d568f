//! The recording of a flight: a new one, or the one that a restarted process goes on with.
//!
//! | found in the folder | the vehicle | flight |
//! |---|---|---|
//! | a flight of this boot, younger than ten minutes | whatever | goes on |
//! | a flight of another boot, younger than ten minutes | armed, heard within three seconds | goes on |
//! | anything else | whatever | a new one |

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fdr_format::records::FlightSource;
use fdr_format::{
    ClockAnchor, FlightId, FlightParameters, Record, RecordType, SegmentIdentity, SegmentReader,
    Stream, segment_path,
};

use super::error::FlightError;
use super::identity::{monotonic_ns, new_flight_id, situation};
use super::options::Needed;
use crate::autopilot::ardupilot::VehicleLock;
use crate::autopilot::mavlink::{Framer, Received};
use crate::config::Configuration;
use crate::link::{Connection, LinkAddress, ReadOutcome};
use crate::navigator::{CORE_VERSION, Input, MonotonicNs, RestartState};
use crate::recorder::{
    DiskVolume, RecordSender, Recorder, RecorderError, find_flight, flight_keys, read_device_key,
    read_flight,
};
use mavlink::dialects::ardupilotmega::{MavMessage, MavModeFlag};

/// How long the vehicle is listened for before a flight of another boot is given up.
const LISTEN: Duration = Duration::from_secs(3);
const LISTEN_WAIT: Duration = Duration::from_millis(100);

/// A recording that has begun.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) recorder: Recorder,
    pub(super) senders: Vec<RecordSender>,
    /// The last position of the flight that goes on.
    pub(super) restart: Option<Input>,
    /// Whether a flight goes on.
    pub(super) resumed: bool,
}

/// Begins the recording of a flight, or goes on with one.
pub(super) fn open_recording(
    configuration: &Configuration,
    needed: &Needed,
    producers: usize,
) -> Result<Opened, FlightError> {
    let going_on = flight_that_goes_on(needed, configuration)?;
    let restart = going_on.as_ref().and_then(|(flight, flight_id)| {
        let last = last_position(flight, *flight_id)?;
        Some(Input::RestartState(last))
    });
    let flight_id = match &going_on {
        Some((_, flight_id)) => *flight_id,
        None => new_flight_id()?,
    };
    let device = match &configuration.recorder.device_key {
        Some(path) => Some(read_device_key(path)?),
        None => None,
    };
    let folder = &needed.recordings;
    let keys = flight_keys(&DiskVolume, folder, flight_id, device.as_ref())
        .map_err(|error| FlightError::NoRecorder(RecorderError::from(error)))?;
    let now = situation(false)?;
    let parameters = FlightParameters {
        flight_id,
        boot_id: now.boot_id,
        software_version: env!("CARGO_PKG_VERSION").to_owned(),
        core_version: CORE_VERSION,
        configuration: configuration.canonical()?,
        source: FlightSource::Flight,
        source_name: String::new(),
        clock: ClockAnchor {
            monotonic_ns: monotonic_ns(),
            unix_ns: now.unix_ns,
        },
        keys: Some(keys),
        recovered: false,
        segment_bytes: configuration.recorder.segment_bytes,
    };
    let sizes = configuration.recorder.sizes();
    let started = match &going_on {
        Some((flight, _)) => Recorder::resume_in(DiskVolume, flight, parameters, sizes, producers),
        None => Recorder::start(folder, parameters, sizes, producers),
    };
    let (recorder, senders) = started.map_err(FlightError::NoRecorder)?;
    Ok(Opened {
        recorder,
        senders,
        restart,
        resumed: going_on.is_some(),
    })
}

fn flight_that_goes_on(
    needed: &Needed,
    configuration: &Configuration,
) -> Result<Option<(PathBuf, FlightId)>, FlightError> {
    let find = |armed| -> Result<Option<PathBuf>, FlightError> {
        let situation = situation(armed)?;
        find_flight(&DiskVolume, &needed.recordings, &situation).map_err(|source| {
            FlightError::NoRecorder(RecorderError::Write {
                path: needed.recordings.clone(),
                source,
            })
        })
    };
    let mut found = find(false)?;
    if found.is_none() && find(true)?.is_some() {
        let armed = hears_armed(&needed.autopilot, configuration.autopilot.system_id);
        found = if armed { find(true)? } else { None };
    }
    Ok(found.and_then(|flight| {
        let name = flight.file_name()?.to_str()?;
        let flight_id = name.parse().ok()?;
        Some((flight, flight_id))
    }))
}

/// Whether the autopilot says within three seconds that the vehicle is armed.
fn hears_armed(address: &LinkAddress, system: Option<u8>) -> bool {
    let began = Instant::now();
    let mut lock = VehicleLock::new(system);
    let mut framer = Framer::default();
    let mut buffer = [0; 1024];
    let Ok(connection) = Connection::open(address) else {
        return false;
    };
    while began.elapsed() < LISTEN {
        let Ok(ReadOutcome::Bytes(count)) = connection.read(&mut buffer, LISTEN_WAIT) else {
            continue;
        };
        framer.push(&buffer[..count]);
        while let Some(received) = framer.receive() {
            if let Received::Frame(frame) = received
                && let Ok(message) = frame.message()
                && lock.admits(frame.sender(), &message)
                && let MavMessage::HEARTBEAT(heartbeat) = message
            {
                let armed = MavModeFlag::MAV_MODE_FLAG_SAFETY_ARMED;
                return heartbeat.base_mode.contains(armed);
            }
        }
    }
    false
}

/// The last position that is left of a flight, as old as it is now.
fn last_position(flight: &Path, flight_id: FlightId) -> Option<RestartState> {
    let left = read_flight(&DiskVolume, flight, flight_id).ok()?;
    let mut segments: Vec<_> = left
        .closed
        .iter()
        .filter(|closed| Stream::of(closed.segment).0 == Stream::Bulk)
        .map(|closed| closed.segment)
        .collect();
    segments.sort_unstable();
    let segments = segments.into_iter().rev();
    let position = segments
        .take(2)
        .find_map(|segment| last_position_in(&segment_path(flight, segment), flight_id, segment))?;
    let now_ns = monotonic_ns();
    Some(RestartState {
        time: MonotonicNs(now_ns),
        age_s: MonotonicNs(now_ns)
            .seconds_since(MonotonicNs(position.time_ns))
            .max(0.0),
        lat_rad: position.lat_rad,
        lon_rad: position.lon_rad,
        alt_msl_m: position.alt_msl_m,
        velocity_ned_mps: position.vel_ned_mps,
        horiz_accuracy_m: position.horiz_accuracy_m,
        vert_accuracy_m: position.vert_accuracy_m,
    })
}

fn last_position_in(
    path: &Path,
    flight_id: FlightId,
    segment: u32,
) -> Option<fdr_format::records::EmittedExternalPosition> {
    let bytes = std::fs::read(path).ok()?;
    let identity = SegmentIdentity { flight_id, segment };
    let reader = SegmentReader::open(&bytes, Some(identity)).ok()?;
    let mut last = None;
    for record in reader.flatten() {
        if record.record_type == RecordType::EMITTED_EXTERNAL_POSITION
            && let Ok(Record::EmittedExternalPosition(position)) = record.decode()
        {
            last = Some(position);
        }
    }
    last
}
