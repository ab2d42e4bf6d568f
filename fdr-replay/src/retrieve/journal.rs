//! Which chunks are in the copy: one line for each, durable behind the chunk itself.
//!
//! A line is a JSON object and its CRC-32; a torn last line is a chunk that is copied again.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use companion::recorder::{FileUse, Volume, VolumeFile, remove_durably, sync_folder_of};
use fdr_format::{Digest, FlightId};
use serde::{Deserialize, Serialize};

/// Bytes that are read in one step.
const STEP: usize = 4 << 20;
/// Largest journal: some 8 million chunks.
const BYTES_MAX: u64 = 1 << 30;

/// One chunk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// File that it belongs to, inside the flight's folder.
    pub path: String,
    /// Length of that file at the source.
    pub file_bytes: u64,
    /// Where the chunk begins.
    pub offset: u64,
    /// Its bytes.
    pub bytes: u64,
    /// BLAKE3 of it, as it was read at the source.
    pub blake3: Digest,
}

/// The open journal.
#[derive(Debug)]
pub struct Journal<F> {
    file: F,
    path: PathBuf,
    end: u64,
}

fn path_of(to: &Path, flight_id: FlightId) -> PathBuf {
    to.join(format!("{flight_id}.journal"))
}

/// Removes it, when the copy needs it no more.
pub fn remove<V: Volume>(volume: &V, to: &Path, flight_id: FlightId) -> io::Result<()> {
    remove_durably(volume, &path_of(to, flight_id))
}

/// Chunks by file and offset.
pub type Chunks = HashMap<(String, u64), Chunk>;

/// Opens it; also what it holds.
pub fn open<V: Volume>(
    volume: &V,
    to: &Path,
    flight_id: FlightId,
) -> io::Result<(Journal<V::File>, Chunks)> {
    let path = path_of(to, flight_id);
    let mut chunks = HashMap::new();
    let mut end = 0;
    let file = match volume.open_file(&path, FileUse::Small) {
        Ok(file) => {
            let text = read_all(volume, &path)?;
            for line in text.split_inclusive(|byte| *byte == b'\n') {
                let Some(chunk) = parse(line) else {
                    break;
                };
                end += line.len() as u64;
                chunks.insert((chunk.path.clone(), chunk.offset), chunk);
            }
            file
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let file = volume.create_file(&path, FileUse::Small)?;
            sync_folder_of(volume, &path)?;
            file
        }
        Err(error) => return Err(error),
    };
    let mut journal = Journal { file, path, end };
    journal.file.cut(end)?;
    Ok((journal, chunks))
}

fn read_all<V: Volume>(volume: &V, path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    loop {
        let part = volume.read(path, text.len() as u64, STEP)?;
        if part.is_empty() {
            return Ok(text);
        }
        if text.len() as u64 > BYTES_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        text.extend(part);
    }
}

fn parse(line: &[u8]) -> Option<Chunk> {
    let line = std::str::from_utf8(line).ok()?.strip_suffix('\n')?;
    let (text, crc) = line.rsplit_once(' ')?;
    let right = crc == format!("{:08x}", crc32fast::hash(text.as_bytes()));
    right.then(|| serde_json::from_str(text).ok()).flatten()
}

impl<F: VolumeFile> Journal<F> {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds the chunks, which are durable themselves, durably.
    pub fn add(&mut self, chunks: &[Chunk]) -> io::Result<()> {
        let mut text = String::new();
        for chunk in chunks {
            let line = serde_json::to_string(chunk)?;
            let crc = crc32fast::hash(line.as_bytes());
            text.push_str(&format!("{line} {crc:08x}\n"));
        }
        self.file.write_at(self.end, text.as_bytes())?;
        self.file.sync()?;
        self.end += text.len() as u64;
        Ok(())
    }
}
