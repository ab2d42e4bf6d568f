//! Copies a flight off the companion, proves the copy, signs a receipt, and only then ends the life of the
//! flight's key.
//!
//! | step | durable behind it | killed here, the next run |
//! |---|---|---|
//! | lock the flight | nothing | begins |
//! | copy in chunks to `ID.part` | chunks and their hashes in `ID.journal` | checks those chunks, copies the rest |
//! | read the whole copy back, judge it | nothing | does it again |
//! | sign `receipt.json` in `ID.part` | the receipt | checks the copy against it |
//! | rename `ID.part` to `ID` | the copy | goes on behind it |
//! | seal the flight at the source, if its recorder could not | `seal.json`, there and here | goes on |
//! | put the receipt at the source | the flight counts as retrieved | goes on |
//! | remove the flight's secret key at the source | nothing can be sealed any more | nothing is left to do |
//!
//! What is read and written goes through [`Volume`], so that a test can end it at any call.

mod copy;
mod journal;
mod listing;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use companion::recorder::{
    KeyError, Volume, forget_flight_key, make_folders, read_flight_key, replace_file, seal_flight,
};
use fdr_format::{
    DropLog, FlightId, FlightReader, PublicKey, RECEIPT_FILE, Receipt, ReceiptFile, ReceiptStream,
    SEAL_FILE, SealedStream, SecretKey, SignedReceipt, Stream, Verification, VerifyOptions,
    verify_with,
};
use serde::Serialize;

use copy::Copier;
use listing::{SourceFile, list_flight};

/// Room that is left on the destination, beyond what is copied.
const ROOM_LEFT: u64 = 16 << 20;
/// Largest small file that is copied from one side to the other.
const SMALL_MAX: usize = 64 << 10;

/// Why a flight was not retrieved, or not to the end.
#[derive(Debug, thiserror::Error)]
pub enum RetrieveError {
    /// Something at the source or the destination cannot be read or written.
    #[error("{path}: {source}; what was copied is kept, repeat the command to go on")]
    Io {
        /// What.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The flight is being recorded.
    #[error("{path}: the flight is being recorded; retrieve it when the recorder has ended")]
    Recorded {
        /// Its lock.
        path: PathBuf,
    },
    /// There is no flight.
    #[error(transparent)]
    Open(#[from] fdr_format::OpenError),
    /// There is no record to read.
    #[error(transparent)]
    Verify(#[from] fdr_format::VerifyError),
    /// The flight's key cannot be read or removed.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The destination is too small.
    #[error(
        "{path}: {needed} more bytes are needed and {free} are free; make room, or choose another place"
    )]
    Room {
        /// The destination.
        path: PathBuf,
        /// Bytes still to be copied.
        needed: u64,
        /// Bytes free.
        free: u64,
    },
    /// Another operator's receipt lies in the copy.
    #[error(
        "{path}: signed by operator key {found}, not by {expected}; give that operator's --key, or another destination"
    )]
    OtherOperator {
        /// The receipt.
        path: PathBuf,
        /// Who signed it.
        found: PublicKey,
        /// Whose key was given.
        expected: PublicKey,
    },
    /// The copy is not what the receipt says.
    #[error(
        "{path}: is not what its receipt says; nothing at the source was touched: keep the source, and retrieve it to another place"
    )]
    CopyAltered {
        /// The file, or the receipt.
        path: PathBuf,
    },
    /// The copy differs from what was read.
    #[error(
        "{path}: what was written at byte {offset} was read back differently; the disk is not to be trusted: choose another place"
    )]
    ReadBack {
        /// The file.
        path: PathBuf,
        /// Where.
        offset: u64,
    },
    /// Something else is in the way.
    #[error(
        "{path}: exists and holds no receipt of this flight; move it away, or choose another place"
    )]
    InTheWay {
        /// What.
        path: PathBuf,
    },
    /// The folder holds what no recorder writes.
    #[error("{path}: is not what a flight's folder holds; remove it, or retrieve by hand")]
    Foreign {
        /// What.
        path: PathBuf,
    },
}

/// How the flight is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sealed {
    /// When it was recorded.
    ByRecorder,
    /// Now, because its recorder was ended between the last footer and the seal.
    AtRetrieval,
    /// Not: the recorder was not closed, or the flight has no key. The receipt stands for it.
    No,
    /// The source was to be left as it is.
    SourceLeft,
}

/// What was done.
#[derive(Debug, Serialize)]
pub struct Retrieved {
    /// The flight.
    pub flight_id: FlightId,
    /// Its copy.
    pub folder: PathBuf,
    /// Bytes that an earlier run had copied.
    pub resumed_bytes: u64,
    /// How it is sealed.
    pub sealed: Sealed,
    /// The signed receipt.
    #[serde(flatten)]
    pub signed: SignedReceipt,
}

/// Who retrieves from where to where.
#[derive(Debug)]
pub struct Retrieval<'a, S, D> {
    /// File system of the companion.
    pub source: &'a S,
    /// The flight's folder there.
    pub flight: &'a Path,
    /// File system of the ground.
    pub destination: &'a D,
    /// Folder of flights there.
    pub to: &'a Path,
    /// The operator's key.
    pub operator: &'a SecretKey,
    /// Copy and receipt only: neither seal nor key removal nor lock.
    pub leave_source: bool,
}

impl<S: Volume, D: Volume> Retrieval<'_, S, D> {
    /// Retrieves the flight, from wherever an earlier run was ended. `progress` is told bytes done and in all.
    ///
    /// # Errors
    /// What is copied is kept; repeating it goes on.
    pub fn run(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<Retrieved, RetrieveError> {
        let _lock = self.lock()?;
        let flight_id = FlightReader::open(self.flight)?.flight_id();
        make_folders(self.destination, self.to).map_err(at(self.to))?;
        let folder = self.to.join(flight_id.to_string());
        let part = self.to.join(format!("{flight_id}.part"));
        let mut resumed_bytes = 0;
        let signed = match self.receipt_in(&folder, flight_id)? {
            Some(signed) => {
                self.check_copy(&folder, &signed, progress)?;
                signed
            }
            None if exists(self.destination, &folder)? => {
                return Err(RetrieveError::InTheWay { path: folder });
            }
            None => {
                let signed = self.copy(&part, flight_id, &mut resumed_bytes, progress)?;
                let renamed = self.destination.rename(&part, &folder);
                renamed
                    .and_then(|()| self.destination.sync_folder(self.to))
                    .map_err(at(&folder))?;
                signed
            }
        };
        journal::remove(self.destination, self.to, flight_id).map_err(at(self.to))?;
        Ok(Retrieved {
            flight_id,
            resumed_bytes,
            sealed: self.settle(&folder, &signed)?,
            folder,
            signed,
        })
    }

    /// Nobody may go on with the flight while it is copied.
    fn lock(&self) -> Result<Option<S::Lock>, RetrieveError> {
        if self.leave_source {
            return Ok(None);
        }
        let path = self.flight.join("lock");
        match self.source.lock(&path) {
            Ok(lock) => Ok(Some(lock)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                Err(RetrieveError::Recorded { path })
            }
            Err(source) => Err(RetrieveError::Io { path, source }),
        }
    }

    /// The receipt in a copy, when there is one of this flight and this operator.
    fn receipt_in(
        &self,
        folder: &Path,
        flight_id: FlightId,
    ) -> Result<Option<SignedReceipt>, RetrieveError> {
        let path = folder.join(RECEIPT_FILE);
        let Some(signed) = SignedReceipt::read(folder).map_err(at(&path))? else {
            return Ok(None);
        };
        let (found, expected) = (signed.receipt.operator_key, self.operator.public());
        if !signed.is_signed() || signed.receipt.flight_id != flight_id {
            return Err(RetrieveError::CopyAltered { path });
        }
        if found != expected {
            return Err(RetrieveError::OtherOperator {
                path,
                found,
                expected,
            });
        }
        Ok(Some(signed))
    }

    /// Copies what is missing, proves it and signs for it.
    fn copy(
        &self,
        part: &Path,
        flight_id: FlightId,
        resumed_bytes: &mut u64,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<SignedReceipt, RetrieveError> {
        if let Some(signed) = self.receipt_in(part, flight_id)? {
            self.check_copy(part, &signed, progress)?;
            return Ok(signed);
        }
        let files = list_flight(self.source, self.flight)?;
        let mut copier = Copier::open(self, part, flight_id, &files)?;
        *resumed_bytes = copier.there_bytes();
        self.check_room(&files, *resumed_bytes)?;
        copier.copy(progress)?;
        let hashed = copier.read_back(progress)?;
        let verdict = self.judge(part)?;
        let receipt = self.receipt(part, &verdict, hashed)?;
        let signed = SignedReceipt::new(receipt, self.operator);
        let path = part.join(RECEIPT_FILE);
        let text = serde_json::to_vec_pretty(&signed).map_err(io::Error::from);
        let written = text.and_then(|text| replace_file(self.destination, &path, &text));
        written.map_err(at(&path))?;
        Ok(signed)
    }

    fn check_room(&self, files: &[SourceFile], there: u64) -> Result<(), RetrieveError> {
        let total: u64 = files.iter().map(|file| file.bytes).sum();
        let needed = total.saturating_sub(there) + ROOM_LEFT;
        let free = self
            .destination
            .space(self.to)
            .map_err(at(self.to))?
            .free_bytes;
        match needed <= free {
            true => Ok(()),
            false => Err(RetrieveError::Room {
                path: self.to.to_owned(),
                needed,
                free,
            }),
        }
    }

    fn judge(&self, part: &Path) -> Result<Verification, RetrieveError> {
        let reader = FlightReader::open(part)?;
        Ok(verify_with(&reader, &VerifyOptions::default(), |_, _| {})?)
    }

    fn receipt(
        &self,
        part: &Path,
        verdict: &Verification,
        files: Vec<ReceiptFile>,
    ) -> Result<Receipt, RetrieveError> {
        let drops = DropLog::read(part).map_err(at(part))?;
        let streams = verdict.streams.iter().map(|stream| ReceiptStream {
            stream: stream.stream,
            records: stream.records,
            missing_records: stream.missing_records,
            next_sequence: stream.next_sequence,
            last_chain: stream.last_chain,
        });
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Ok(Receipt {
            flight_id: verdict.flight_id,
            exit_code: verdict.exit_code,
            clean_shutdown: verdict.clean_shutdown,
            records: verdict.records,
            missing_records: verdict.missing_records,
            damaged_bytes: verdict.damaged_bytes,
            dropped_segments: drops.lines.len() as u64,
            bytes: files.iter().map(|file| file.bytes).sum(),
            streams: streams.collect(),
            files,
            software_version: env!("CARGO_PKG_VERSION").to_owned(),
            retrieved_unix_ns: now
                .map_or(0, |now| u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)),
            operator_key: self.operator.public(),
        })
    }

    /// Whether every byte of the copy is still what the receipt says.
    fn check_copy(
        &self,
        folder: &Path,
        signed: &SignedReceipt,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<(), RetrieveError> {
        let (mut done, total) = (0, signed.receipt.bytes);
        for file in &signed.receipt.files {
            let path = folder.join(&file.path);
            let mut tell = |bytes: u64| progress(done + bytes, total);
            let found = copy::hash_file(self.destination, &path, &mut tell).map_err(at(&path))?;
            if found != (file.bytes, file.blake3) {
                return Err(RetrieveError::CopyAltered { path });
            }
            done += file.bytes;
        }
        Ok(())
    }

    /// What happens at the source once the copy is proven. Every step may be repeated.
    fn settle(&self, copy: &Path, signed: &SignedReceipt) -> Result<Sealed, RetrieveError> {
        if self.leave_source {
            return Ok(Sealed::SourceLeft);
        }
        let sealed = self.seal(copy, signed)?;
        let path = self.flight.join(RECEIPT_FILE);
        let text = serde_json::to_vec_pretty(signed).map_err(io::Error::from);
        let written = text.and_then(|text| replace_file(self.source, &path, &text));
        written.map_err(at(&path))?;
        forget_flight_key(self.source, self.flight)?;
        Ok(sealed)
    }

    fn seal(&self, copy: &Path, signed: &SignedReceipt) -> Result<Sealed, RetrieveError> {
        let (here, there) = (self.flight.join(SEAL_FILE), copy.join(SEAL_FILE));
        let by_recorder = signed
            .receipt
            .files
            .iter()
            .any(|file| file.path == SEAL_FILE);
        if by_recorder {
            return Ok(Sealed::ByRecorder);
        }
        if !exists(self.source, &here)? && !self.make_seal(signed)? {
            return Ok(Sealed::No);
        }
        let seal = self.source.read(&here, 0, SMALL_MAX).map_err(at(&here))?;
        replace_file(self.destination, &there, &seal).map_err(at(&there))?;
        Ok(Sealed::AtRetrieval)
    }

    /// Seals a flight that ended in order and whose recorder had no time to.
    fn make_seal(&self, signed: &SignedReceipt) -> Result<bool, RetrieveError> {
        let receipt = &signed.receipt;
        let Some(key) = read_flight_key(self.source, self.flight)? else {
            return Ok(false);
        };
        if !receipt.clean_shutdown || receipt.exit_code != 0 {
            return Ok(false);
        }
        let mut streams = Vec::new();
        for stream in &receipt.streams {
            let reader = FlightReader::open_stream(self.flight, stream.stream)?;
            match (reader.last_segment(), stream.last_chain) {
                (Some(last_segment), Some(chain)) => streams.push(SealedStream {
                    stream: stream.stream,
                    last_segment,
                    chain,
                }),
                _ => return Ok(false),
            }
        }
        let reader = FlightReader::open_stream(self.flight, Stream::Bulk)?;
        let keys = reader.description().and_then(|about| about.keys);
        let Some(keys) = keys.filter(|keys| keys.flight == key.public()) else {
            return Ok(false);
        };
        seal_flight(
            self.source,
            self.flight,
            receipt.flight_id,
            streams,
            &key,
            keys.device,
        )?;
        Ok(true)
    }
}

fn exists<V: Volume>(volume: &V, path: &Path) -> Result<bool, RetrieveError> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Ok(false);
    };
    let entries = volume.list(folder).map_err(at(folder))?;
    Ok(entries.iter().any(|entry| entry.name == name))
}

/// An error that names the path.
fn at(path: &Path) -> impl FnOnce(io::Error) -> RetrieveError + use<> {
    let path = path.to_owned();
    move |source| RetrieveError::Io { path, source }
}
