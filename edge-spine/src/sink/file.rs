//! A folder as a sink: one file per batch, whole or not there.
//!
//! ```text
//! path/batches/000000000000/000000000001-{batch id}.ndjson     label, then the rows, one per line
//! path/withdrawn/{batch id}                                    this batch never comes
//! ```
//!
//! A batch is written beside its place, synced, and renamed into it; then its folder is synced. The name
//! holds the batch's id, so that the folder is the ledger: a batch that is there changes nothing. The
//! folder in between holds a thousand batches' worth of row numbers.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::{Label, Sink, SinkError, Withdrawal};
use crate::batch::BatchId;
use crate::store::Outgoing;

/// Row numbers of one folder.
const FOLDER_ROWS: i64 = 500_000;

/// A folder with one file per batch.
#[derive(Debug, Clone)]
pub struct FileSink {
    path: PathBuf,
    turns: Arc<Turns>,
    /// Folders of row numbers that are there for good.
    folders: Arc<Mutex<BTreeSet<i64>>>,
}

/// One at a time for each batch: one that arrives late must not be stored while it is withdrawn, nor be written
/// by two connections at once. Different batches go side by side, so that one sync of the disk serves many.
#[derive(Debug, Default)]
struct Turns {
    taken: Mutex<BTreeSet<String>>,
    given_back: Condvar,
}

struct Turn<'a> {
    turns: &'a Turns,
    batch: String,
}

impl Turns {
    fn take(&self, batch: &str) -> Turn<'_> {
        let mut taken = unpoisoned(&self.taken);
        while taken.contains(batch) {
            taken = self
                .given_back
                .wait(taken)
                .unwrap_or_else(PoisonError::into_inner);
        }
        taken.insert(batch.to_owned());
        Turn {
            turns: self,
            batch: batch.to_owned(),
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        unpoisoned(&self.turns.taken).remove(&self.batch);
        self.turns.given_back.notify_all();
    }
}

/// The sets are right after every change; a panic of another thread leaves nothing half-done.
fn unpoisoned<T>(own: &Mutex<T>) -> MutexGuard<'_, T> {
    own.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FileSink {
    /// A sink in the folder `path`, which is made when it is not there.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn open(path: &Path) -> Result<Self, SinkError> {
        for own in ["batches", "withdrawn"] {
            let folder = path.join(own);
            std::fs::create_dir_all(&folder).map_err(|error| {
                SinkError::Configuration(format!("sink folder {}: {error}", folder.display()))
            })?;
        }
        Ok(Self {
            path: path.to_owned(),
            turns: Arc::default(),
            folders: Arc::default(),
        })
    }

    /// Stores a batch.
    ///
    /// # Errors
    /// When it is withdrawn, or the disk fails.
    pub fn store(&self, label: &Label, body: &[u8]) -> Result<(), SinkError> {
        let _turn = self.turns.take(&label.batch);
        if self.withdrawn_path(&label.batch).exists() {
            return Err(SinkError::Refused(format!(
                "batch {} was withdrawn",
                label.batch
            )));
        }
        self.write(label, body).map_err(|error| {
            SinkError::Unreachable(format!("sink folder {}: {error}", self.path.display()))
        })
    }

    fn write(&self, label: &Label, body: &[u8]) -> io::Result<()> {
        let folder = self.folder(label.first / FOLDER_ROWS)?;
        let path = folder.join(format!("{:012}-{}.ndjson", label.first, label.batch));
        if path.exists() {
            // Whoever put it there may have lost its power before the folder was synced.
            return sync_folder(&folder);
        }
        let head = serde_json::to_string(label)? + "\n";
        let half = self.path.join(format!("{}.half", label.batch));
        let written = (|| {
            let mut file = File::create(&half)?;
            file.write_all(head.as_bytes())?;
            file.write_all(body)?;
            file.sync_all()?;
            std::fs::rename(&half, &path)?;
            sync_folder(&folder)
        })();
        if written.is_err() {
            // A half that stays would only take room; the next attempt begins it anew.
            let _ = std::fs::remove_file(&half);
        }
        written
    }

    /// A folder of row numbers, made and synced before anything is put there.
    fn folder(&self, number: i64) -> io::Result<PathBuf> {
        let batches = self.path.join("batches");
        let folder = batches.join(format!("{number:012}"));
        let mut known = unpoisoned(&self.folders);
        if !known.contains(&number) {
            std::fs::create_dir_all(&folder)?;
            sync_folder(&batches)?;
            known.insert(number);
        }
        Ok(folder)
    }

    /// Makes sure that a batch is not stored.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn refuse(&self, batch: &str) -> Result<Withdrawal, SinkError> {
        let wrap = |error: io::Error| {
            SinkError::Unreachable(format!("sink folder {}: {error}", self.path.display()))
        };
        let _turn = self.turns.take(batch);
        if self.find(batch).map_err(wrap)?.is_some() {
            return Ok(Withdrawal::WasStored);
        }
        let mark = self.withdrawn_path(batch);
        File::create(&mark)
            .and_then(|file| file.sync_all())
            .map_err(wrap)?;
        sync_folder(&self.path.join("withdrawn")).map_err(wrap)?;
        Ok(Withdrawal::Withdrawn)
    }

    /// The files of all batches, in the order of their rows.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn batches(&self) -> io::Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for folder in std::fs::read_dir(self.path.join("batches"))? {
            for file in std::fs::read_dir(folder?.path())? {
                files.push(file?.path());
            }
        }
        files.sort();
        Ok(files)
    }

    /// The label and the lines of a batch's file.
    ///
    /// # Errors
    /// When it cannot be read or holds no label.
    pub fn read(path: &Path) -> io::Result<(Label, Vec<String>)> {
        let mut lines = BufReader::new(File::open(path)?).lines();
        let label = lines.next().ok_or(io::ErrorKind::UnexpectedEof)??;
        Ok((
            serde_json::from_str(&label)?,
            lines.collect::<io::Result<_>>()?,
        ))
    }

    fn find(&self, batch: &str) -> io::Result<Option<PathBuf>> {
        let name = format!("-{batch}.ndjson");
        let is_it = |path: &PathBuf| path.to_string_lossy().ends_with(&name);
        Ok(self.batches()?.into_iter().find(is_it))
    }

    fn withdrawn_path(&self, batch: &str) -> PathBuf {
        self.path.join("withdrawn").join(batch)
    }
}

impl Sink for FileSink {
    fn deliver(&mut self, batch: &Outgoing) -> Result<(), SinkError> {
        self.store(&Label::of(batch), batch.body.as_bytes())
    }

    fn withdraw(&mut self, id: BatchId) -> Result<Withdrawal, SinkError> {
        self.refuse(&id.to_string())
    }

    fn ping(&mut self) -> Result<(), SinkError> {
        std::fs::metadata(self.path.join("batches"))
            .map(|_| ())
            .map_err(|error| SinkError::Unreachable(error.to_string()))
    }
}

fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
