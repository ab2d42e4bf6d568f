//! Finds a flight's files and which flight they belong to.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::manifest::Manifest;
use super::open::{open_regular, read_limited};
use super::parameters::ClockAnchor;
use crate::identity::{BootId, FlightId, Stream};
use crate::record::{FlightSource, Record};
use crate::seal::{SEAL_FILE, SEAL_MAX, Seal};
use crate::segment::SegmentReader;

/// Name of the manifest inside a flight's folder.
pub(super) const MANIFEST: &str = "manifest.json";
/// Bytes at the start of a segment that are read to learn the flight: more than any header takes.
const HEADER_BYTES: u64 = 256 << 10;
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
        "{path}: holds no recording; give a flight folder (with `segments/` in it) or a folder that holds one"
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
    pub number: u32,
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

/// The flight folder that `path` is, or the only one that it holds.
pub(super) fn find_flight(path: &Path) -> Result<PathBuf, OpenError> {
    if path.join(Stream::Bulk.folder()).is_dir() {
        return Ok(path.to_owned());
    }
    let mut candidates = Vec::new();
    for entry in list(path)? {
        if entry.join(Stream::Bulk.folder()).is_dir() {
            candidates.push(entry);
        }
    }
    candidates.sort();
    match candidates.len() {
        0 => Err(OpenError::NoFlight {
            path: path.to_owned(),
        }),
        1 => Ok(candidates.remove(0)),
        _ => Err(OpenError::SeveralFlights {
            path: path.to_owned(),
            candidates,
        }),
    }
}

/// The segment files of a flight in the order of their numbers.
pub(super) fn find_segments(flight: &Path) -> Result<Vec<SegmentPath>, OpenError> {
    let mut segments = Vec::new();
    for path in list(&flight.join(Stream::Bulk.folder()))? {
        let number = path
            .file_name()
            .and_then(|name| name.to_str())
            .and_then(segment_number);
        if let Some(number) = number {
            // What cannot be read is found, and said, when its turn comes.
            let bytes = fs::metadata(&path).map_or(0, |about| about.len());
            segments.push(SegmentPath {
                number,
                path,
                bytes,
            });
        }
    }
    if segments.is_empty() {
        return Err(OpenError::NoFlight {
            path: flight.to_owned(),
        });
    }
    segments.sort_by_key(|segment| segment.number);
    Ok(segments)
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
}

/// What the first readable segment header says.
pub(super) fn find_description(segments: &[SegmentPath]) -> Option<FlightDescription> {
    segments.iter().find_map(|segment| describe(&segment.path))
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
