//! The keys that seal a flight: its own, made when it begins, and the device's, installed once.
//!
//! The flight's secret half lies in its folder (`seal.key`, mode 0600), because a recorder that is started
//! again in flight needs it, until the recording is retrieved. The device's certifies the public half
//! before the first record. No key byte goes into any record, message or log.
//!
//! | recorded | flight's secret | where it lies |
//! |---|---|---|
//! | a flight | random | in its folder, until retrieval |
//! | a replay, with a device key | derived from the device's secret and the flight's id | in its folder, until the replay ends |
//! | a replay, without | none: it is not sealed | nowhere |

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use fdr_format::{
    DeviceCertificate, FlightId, FlightKeys, FlightParameters, SEAL_FILE, SEAL_KEY_FILE, Seal,
    SealedStream, SecretKey, Stream,
};

use super::segment_files::SegmentFiles;
use super::volume::{
    DiskVolume, FileUse, Volume, VolumeFile, make_folders, remove_durably, replace_file,
    sync_folder_of,
};

/// Bytes of a secret key.
const KEY_BYTES: usize = 32;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or written.
    #[error("{path}: {source}; check the path and its permissions")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is no key.
    #[error(
        "{path}: is no key: it has {length} bytes, a key has 32; make one with: companion device-key new FILE"
    )]
    Length {
        /// The file.
        path: PathBuf,
        /// Its length, as far as it was read.
        length: usize,
    },
}

/// Makes the key of a device in a new file that only its owner can read.
///
/// # Errors
/// When it cannot be written; also when the file exists.
pub fn make_device_key(path: &Path) -> Result<SecretKey, KeyError> {
    make_key(&DiskVolume, path)
}

/// Reads the key of a device.
///
/// # Errors
/// When the file cannot be read or is no key.
pub fn read_device_key(path: &Path) -> Result<SecretKey, KeyError> {
    read_key(&DiskVolume, path)
}

/// Gives the flight that is about to be recorded in `folder` a key of its own, or takes up the one that it
/// has; what comes back belongs into its parameters, and then it is sealed at its end.
///
/// # Errors
/// When the key cannot be made or read.
pub fn flight_keys<V: Volume>(
    volume: &V,
    folder: &Path,
    flight_id: FlightId,
    device: Option<&SecretKey>,
) -> Result<FlightKeys, KeyError> {
    let flight = folder.join(flight_id.to_string());
    let path = flight.join(SEAL_KEY_FILE);
    let failed = |source| KeyError::Io {
        path: path.clone(),
        source,
    };
    make_folders(volume, &flight).map_err(failed)?;
    let key = match read_key(volume, &path) {
        Err(KeyError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            make_key(volume, &path)?
        }
        key => key?,
    };
    Ok(certified(flight_id, &key, device))
}

/// Gives the replay that is about to be recorded in `folder` its key, which the device's secret and the
/// flight's id determine: equal replays leave equal bytes. [`forget_flight_key`] ends its time on disk.
///
/// # Errors
/// When the key cannot be written; also when the flight has one already.
pub fn replay_keys<V: Volume>(
    volume: &V,
    folder: &Path,
    flight_id: FlightId,
    device: &SecretKey,
) -> Result<FlightKeys, KeyError> {
    let flight = folder.join(flight_id.to_string());
    let path = flight.join(SEAL_KEY_FILE);
    let key = device.derive_flight_key(flight_id);
    let written =
        make_folders(volume, &flight).and_then(|()| write_key(volume, &path, key.secret_bytes()));
    written.map_err(|source| KeyError::Io { path, source })?;
    Ok(certified(flight_id, &key, Some(device)))
}

/// Removes the secret key from a flight's folder, in which nothing will be sealed any more.
///
/// # Errors
/// When it cannot be removed; that it is not there is none.
pub fn forget_flight_key<V: Volume>(volume: &V, flight: &Path) -> Result<(), KeyError> {
    let path = flight.join(SEAL_KEY_FILE);
    remove_durably(volume, &path).map_err(|source| KeyError::Io { path, source })
}

fn certified(flight_id: FlightId, key: &SecretKey, device: Option<&SecretKey>) -> FlightKeys {
    FlightKeys {
        flight: key.public(),
        device: device.map(|device| device.certify(flight_id, key.public())),
    }
}

/// The secret key in a flight's folder; `None` when it is there no more.
///
/// # Errors
/// When it cannot be read or is no key.
pub fn read_flight_key<V: Volume>(
    volume: &V,
    flight: &Path,
) -> Result<Option<SecretKey>, KeyError> {
    match read_key(volume, &flight.join(SEAL_KEY_FILE)) {
        Err(KeyError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        key => key.map(Some),
    }
}

/// Seals a flight whose last footers, those of `streams`, are on the device.
///
/// # Errors
/// When the seal cannot be written.
pub fn seal_flight<V: Volume>(
    volume: &V,
    flight: &Path,
    flight_id: FlightId,
    streams: Vec<SealedStream>,
    key: &SecretKey,
    device: Option<DeviceCertificate>,
) -> Result<(), KeyError> {
    let seal = Seal::new(flight_id, streams, key, device);
    let path = flight.join(SEAL_FILE);
    let text = serde_json::to_vec_pretty(&seal).map_err(io::Error::from);
    let written = text.and_then(|text| replace_file(volume, &path, &text));
    written.map_err(|source| KeyError::Io { path, source })
}

/// Seals what was just recorded, if the flight has a key.
pub(super) fn seal<V: Volume>(
    volume: &V,
    flight: &Path,
    files: &SegmentFiles<V::File>,
    parameters: &FlightParameters,
) -> Result<(), KeyError> {
    let Some(keys) = parameters.keys else {
        return Ok(());
    };
    let key = read_key(volume, &flight.join(SEAL_KEY_FILE))?;
    let streams = [Stream::Bulk, Stream::Essential].into_iter();
    let streams = streams.filter_map(|stream| {
        let written = files.written(stream);
        let (_, last_segment) = Stream::of(written.last_closed?);
        Some(SealedStream {
            stream,
            last_segment,
            chain: written.chain,
        })
    });
    let flight_id = parameters.flight_id;
    seal_flight(
        volume,
        flight,
        flight_id,
        streams.collect(),
        &key,
        keys.device,
    )
}

fn make_key<V: Volume>(volume: &V, path: &Path) -> Result<SecretKey, KeyError> {
    let made = || -> io::Result<SecretKey> {
        let mut bytes = [0; KEY_BYTES];
        File::open("/dev/urandom")?.read_exact(&mut bytes)?;
        let key = SecretKey::from_bytes(&bytes);
        bytes.fill(0);
        write_key(volume, path, key.secret_bytes())?;
        Ok(key)
    };
    made().map_err(|source| KeyError::Io {
        path: path.to_owned(),
        source,
    })
}

fn write_key<V: Volume>(volume: &V, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = volume.create_file(path, FileUse::Secret)?;
    file.write_at(0, bytes)?;
    file.sync()?;
    sync_folder_of(volume, path)
}

fn read_key<V: Volume>(volume: &V, path: &Path) -> Result<SecretKey, KeyError> {
    let read = volume.read(path, 0, KEY_BYTES + 1);
    let mut bytes = read.map_err(|source| KeyError::Io {
        path: path.to_owned(),
        source,
    })?;
    let key = bytes.as_slice().try_into().map(SecretKey::from_bytes);
    let length = bytes.len();
    bytes.fill(0);
    key.map_err(|_| KeyError::Length {
        path: path.to_owned(),
        length,
    })
}
