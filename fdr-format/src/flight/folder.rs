//! Finds a flight's files and which flight they belong to.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::manifest::Manifest;
use super::open::{open_regular, read_limited};
use super::parameters::{ClockAnchor, FEATURE_RECOVERED, FlightKeys, MAX_CONFIGURATION};
use crate::identity::{BootId, FlightId, Stream};
use crate::record::{FlightSource, Record};
use crate::seal::{SEAL_FILE, SEAL_MAX, Seal};
use crate::segment::SegmentReader;

/// Name of the manifest inside a flight's folder.
pub(super) const MANIFEST: &str = "manifest.json";
/// Bytes at the start of a segment that are read to learn the flight: the longest configuration, and
/// room for the texts of at most 64 KiB beside it and for the table of types.
const HEADER_BYTES: u64 = MAX_CONFIGURATION as u64 + (256 << 10);
/// Bytes that are looked at in one step when a file may be blank.
const BLANK_STEP: usize = 64 << 10;
/// Largest manifest that is read.
const MANIFEST_LIMIT: u64 = 64 << 20;

/// Why there is no flight to read.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder, or something in it, cannot be read.
    #[error("{path}: {source}; check the path and its permissions")]
    Io {
        /// What cannot be read.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no recording.
    #[error(
        "{path}: holds no recording; give a flight folder (with segments in `segments/`) or a folder that holds one"
    )]
    NoFlight {
        /// Where it was searched.
        path: PathBuf,
    },
    /// There are several recordings.
    #[error("{path}: holds {} flights; name one of: {}", candidates.len(), names(candidates))]
    SeveralFlights {
        /// Where it was searched.
        path: PathBuf,
        /// The flights found.
        candidates: Vec<PathBuf>,
    },
    /// No segment tells the flight, and neither manifest nor folder name do.
    #[error(
        "{path}: no segment header, manifest or folder name tells the flight; rename the folder to the flight's id"
    )]
    NoIdentity {
        /// The flight's folder.
        path: PathBuf,
    },
}

fn names(candidates: &[PathBuf]) -> String {
    let names: Vec<String> = candidates
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    names.join(", ")
}

/// One segment file, by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SegmentPath {
    /// What stands for it in its header.
    pub segment: u32,
    pub path: PathBuf,
    pub bytes: u64,
}

/// The name of the file of a stream's segment.
fn segment_name(number: u32) -> String {
    format!("seg_{number:05}.bin")
}

/// Where a segment's file is inside its flight's folder, as the manifest names it; for `segment` see
/// [`Stream::segment`].
#[must_use]
pub fn segment_file(segment: u32) -> String {
    let (stream, number) = Stream::of(segment);
    format!("{}/{}", stream.folder(), segment_name(number))
}

/// Where a segment of the flight in folder `flight` is; for `segment` see [`Stream::segment`].
#[must_use]
pub fn segment_path(flight: &Path, segment: u32) -> PathBuf {
    flight.join(segment_file(segment))
}

fn segment_number(name: &str) -> Option<u32> {
    let digits = name.strip_prefix("seg_")?.strip_suffix(".bin")?;
    let number = digits.parse().ok()?;
    let fits = Stream::of(number) == (Stream::Bulk, number);
    (fits && segment_name(number) == name).then_some(number)
}

/// The flight folder that `path` is, or those that it holds, in the order of their names.
///
/// # Errors
/// When there is none, or the folder cannot be read.
pub fn find_flights(path: &Path) -> Result<Vec<PathBuf>, OpenError> {
    if is_flight(path) {
        return Ok(vec![path.to_owned()]);
    }
    let mut found: Vec<PathBuf> = list(path)?
        .into_iter()
        .filter(|entry| is_flight(entry))
        .collect();
    found.sort();
    // Several names of one folder are one flight.
    let mut real = Vec::new();
    found.retain(|candidate| {
        let canonical = fs::canonicalize(candidate).unwrap_or_else(|_| candidate.clone());
        let is_new = !real.contains(&canonical);
        real.push(canonical);
        is_new
    });
    match found.is_empty() {
        false => Ok(found),
        true => Err(OpenError::NoFlight {
            path: path.to_owned(),
        }),
    }
}

/// The flight folder that `path` is, or the only one that it holds.
pub(super) fn find_flight(path: &Path) -> Result<PathBuf, OpenError> {
    let mut found = find_flights(path)?;
    match found.len() {
        1 => Ok(found.remove(0)),
        _ => Err(OpenError::SeveralFlights {
            path: path.to_owned(),
            candidates: found,
        }),
    }
}

fn is_flight(path: &Path) -> bool {
    Stream::ALL
        .iter()
        .any(|stream| path.join(stream.folder()).is_dir())
}

/// The segment files of a flight.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct FlightFiles {
    bulk: Vec<SegmentPath>,
    essential: Vec<SegmentPath>,
    /// Files behind the last segment of their stream that hold nothing but zeros.
    pub made_ahead: Vec<SegmentPath>,
}

impl FlightFiles {
    /// Finds them, in the order of their numbers.
    pub fn find(flight: &Path) -> Result<Self, OpenError> {
        let mut files = Self::default();
        for stream in Stream::ALL {
            let mut found = find_segments(flight, stream)?;
            // The one that stays, if all are empty, says that the flight has nothing.
            while found.len() > 1 && found.last().is_some_and(|last| is_blank(&last.path)) {
                files.made_ahead.extend(found.pop());
            }
            match stream {
                Stream::Bulk => files.bulk = found,
                Stream::Essential => files.essential = found,
            }
        }
        match files.bulk.is_empty() && files.essential.is_empty() {
            false => Ok(files),
            true => Err(OpenError::NoFlight {
                path: flight.to_owned(),
            }),
        }
    }

    /// Those of a stream that were begun.
    pub fn of(&self, stream: Stream) -> &[SegmentPath] {
        match stream {
            Stream::Bulk => &self.bulk,
            Stream::Essential => &self.essential,
        }
    }

    /// Those of both streams.
    pub fn all(&self) -> impl Iterator<Item = &SegmentPath> {
        self.bulk.iter().chain(&self.essential)
    }
}

fn find_segments(flight: &Path, stream: Stream) -> Result<Vec<SegmentPath>, OpenError> {
    let folder = flight.join(stream.folder());
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut segments = Vec::new();
    for path in list(&folder)? {
        let number = path
            .file_name()
            .and_then(|name| name.to_str())
            .and_then(segment_number);
        if let Some(number) = number {
            // What cannot be read is found, and said, when its turn comes.
            let bytes = fs::metadata(&path).map_or(0, |about| about.len());
            segments.push(SegmentPath {
                segment: stream.segment(number),
                path,
                bytes,
            });
        }
    }
    segments.sort_by_key(|segment| segment.segment);
    Ok(segments)
}

/// Whether a file holds nothing but zeros, or nothing.
fn is_blank(path: &Path) -> bool {
    let Ok(mut file) = open_regular(path) else {
        return false;
    };
    let mut buffer = vec![0; BLANK_STEP];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return true,
            Ok(length) if buffer[..length].iter().all(|&byte| byte == 0) => {}
            Ok(_) | Err(_) => return false,
        }
    }
}

/// What the first readable segment header says of the flight, and the flight header if it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlightDescription {
    /// The flight.
    pub flight_id: FlightId,
    /// The boot in which its monotonic times count.
    pub boot_id: BootId,
    /// Version of the program.
    pub software_version: String,
    /// Version of the navigator's core.
    pub core_version: u32,
    /// The full configuration in its canonical text.
    pub configuration: String,
    /// Monotonic and Unix time of the start.
    pub clock: ClockAnchor,
    /// What fed the navigator, and its name; `None` when the flight header is damaged or dropped.
    pub source: Option<(FlightSource, String)>,
    /// The public keys of the flight, where it has any.
    pub keys: Option<FlightKeys>,
    /// Whether `recover` made the recording from a damaged one.
    pub recovered: bool,
}

/// What the first readable segment header says.
pub(super) fn find_description(files: &FlightFiles) -> Option<FlightDescription> {
    files.all().find_map(|segment| describe(&segment.path))
}

fn describe(path: &Path) -> Option<FlightDescription> {
    let mut start = Vec::new();
    let file = open_regular(path).ok()?;
    file.take(HEADER_BYTES).read_to_end(&mut start).ok()?;
    let reader = SegmentReader::open(&start, None).ok()?;
    let header = reader.header()?;
    Some(FlightDescription {
        flight_id: header.flight_id,
        boot_id: header.boot_id,
        software_version: header.software_version.to_owned(),
        core_version: header.core_version,
        configuration: header.configuration.0.to_owned(),
        clock: ClockAnchor {
            monotonic_ns: header.anchor_monotonic_ns,
            unix_ns: header.anchor_unix_ns,
        },
        keys: FlightKeys::of_header(&header),
        recovered: header.compatible_features & FEATURE_RECOVERED != 0,
        source: flight_source(reader),
    })
}

/// The flight header is the second record of the first segment.
fn flight_source(reader: SegmentReader<'_>) -> Option<(FlightSource, String)> {
    match reader.flatten().nth(1)?.decode().ok()? {
        Record::FlightHeader(header) => Some((header.source, header.source_name.to_owned())),
        _ => None,
    }
}

/// Which flight it is when no segment header tells: the manifest decides, then the folder's name.
pub(super) fn identity_without_header(flight: &Path) -> Result<FlightId, OpenError> {
    let manifest = read_manifest(flight).ok().flatten();
    let from_manifest = manifest.map(|manifest| manifest.flight_id);
    let from_name = || flight.file_name()?.to_str()?.parse().ok();
    from_manifest
        .or_else(from_name)
        .ok_or_else(|| OpenError::NoIdentity {
            path: flight.to_owned(),
        })
}

/// The manifest, when there is one.
pub(super) fn read_manifest(flight: &Path) -> io::Result<Option<Manifest>> {
    read_json(&flight.join(MANIFEST), MANIFEST_LIMIT)
}

/// The seal, when there is one.
pub(super) fn read_seal(flight: &Path) -> io::Result<Option<Seal>> {
    read_json(&flight.join(SEAL_FILE), SEAL_MAX)
}

/// A small JSON file; an error of kind `InvalidData` when it is something else.
fn read_json<T: serde::de::DeserializeOwned>(path: &Path, limit: u64) -> io::Result<Option<T>> {
    let Some(text) = read_limited(path, limit)? else {
        return Ok(None);
    };
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

fn list(path: &Path) -> Result<Vec<PathBuf>, OpenError> {
    let failed = |source| OpenError::Io {
        path: path.to_owned(),
        source,
    };
    fs::read_dir(path)
        .map_err(failed)?
        .map(|entry| entry.map(|entry| entry.path()).map_err(failed))
        .collect()
}
