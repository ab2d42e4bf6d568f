//! The copy itself: in chunks, each hashed as it is read and again as it is read back.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use companion::recorder::{FileUse, Volume, VolumeFile, make_folders, sync_folder_of};
use fdr_format::{Digest, FlightId, ReceiptFile};

use super::journal::{self, Chunk, Chunks, Journal};
use super::{Retrieval, RetrieveError, SourceFile, at};

/// Bytes of a chunk.
pub const CHUNK: usize = 4 << 20;
/// Chunks between two syncs.
const SYNC_CHUNKS: usize = 16;

/// A copy under way.
pub struct Copier<'r, 'a, S: Volume, D: Volume> {
    retrieval: &'r Retrieval<'a, S, D>,
    part: PathBuf,
    files: &'r [SourceFile],
    journal: Journal<D::File>,
    /// Chunks that are in the copy.
    there: Chunks,
    there_bytes: u64,
}

impl<'r, 'a, S: Volume, D: Volume> Copier<'r, 'a, S, D> {
    /// Takes up what an earlier run left, as far as it is still what its journal says.
    pub fn open(
        retrieval: &'r Retrieval<'a, S, D>,
        part: &Path,
        flight_id: FlightId,
        files: &'r [SourceFile],
    ) -> Result<Self, RetrieveError> {
        let destination = retrieval.destination;
        make_folders(destination, part).map_err(at(part))?;
        let opened = journal::open(destination, retrieval.to, flight_id);
        let (journal, mut there) = opened.map_err(at(retrieval.to))?;
        let lengths: HashMap<&str, u64> = files
            .iter()
            .map(|file| (file.path.as_str(), file.bytes))
            .collect();
        there.retain(|(path, _), chunk| {
            lengths.get(path.as_str()) == Some(&chunk.file_bytes)
                && is_there(destination, part, chunk)
        });
        let there_bytes = there.values().map(|chunk| chunk.bytes).sum();
        Ok(Self {
            retrieval,
            part: part.to_owned(),
            files,
            journal,
            there,
            there_bytes,
        })
    }

    /// Bytes that need not be copied again.
    pub fn there_bytes(&self) -> u64 {
        self.there_bytes
    }

    fn total(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// Copies what is not there.
    pub fn copy(&mut self, progress: &mut dyn FnMut(u64, u64)) -> Result<(), RetrieveError> {
        let total = self.total();
        let mut done = 0;
        for file in self.files {
            self.copy_file(file, &mut |bytes| progress(done + bytes, total))?;
            done += file.bytes;
        }
        Ok(())
    }

    fn copy_file(
        &mut self,
        file: &SourceFile,
        tell: &mut dyn FnMut(u64),
    ) -> Result<(), RetrieveError> {
        let (from, to) = (
            self.retrieval.flight.join(&file.path),
            self.part.join(&file.path),
        );
        let destination = self.retrieval.destination;
        let mut out = open_or_make(destination, &to).map_err(at(&to))?;
        // Shorter than before, or with a tail of another file: never. And holes stay holes.
        out.cut(file.bytes).map_err(at(&to))?;
        let mut pending = Vec::new();
        let mut offset = 0;
        while offset < file.bytes {
            tell(offset);
            let bytes = (file.bytes - offset).min(CHUNK as u64);
            if !self.there.contains_key(&(file.path.clone(), offset)) {
                let chunk = self.copy_chunk(file, &from, &to, &mut out, offset, bytes)?;
                pending.push(chunk);
            }
            offset += bytes;
            if pending.len() >= SYNC_CHUNKS {
                self.settle(&mut out, &to, &mut pending)?;
            }
        }
        self.settle(&mut out, &to, &mut pending)
    }

    fn copy_chunk(
        &self,
        file: &SourceFile,
        from: &Path,
        to: &Path,
        out: &mut D::File,
        offset: u64,
        bytes: u64,
    ) -> Result<Chunk, RetrieveError> {
        // At most CHUNK.
        let content = self
            .retrieval
            .source
            .read(from, offset, bytes as usize)
            .map_err(at(from))?;
        if content.len() as u64 != bytes {
            let source = io::Error::new(io::ErrorKind::UnexpectedEof, "it became shorter");
            return Err(at(from)(source));
        }
        let blank = content.iter().all(|byte| *byte == 0);
        // What an earlier run left there is not in the journal and may be anything.
        if !blank || !self.is_blank(to, offset, bytes)? {
            out.write_at(offset, &content).map_err(at(to))?;
        }
        Ok(Chunk {
            path: file.path.clone(),
            file_bytes: file.bytes,
            offset,
            bytes,
            blake3: Digest(*blake3::hash(&content).as_bytes()),
        })
    }

    fn is_blank(&self, path: &Path, offset: u64, bytes: u64) -> Result<bool, RetrieveError> {
        let read = self
            .retrieval
            .destination
            .read(path, offset, bytes as usize);
        let content = read.map_err(at(path))?;
        Ok(content.len() as u64 == bytes && content.iter().all(|byte| *byte == 0))
    }

    fn settle(
        &mut self,
        out: &mut D::File,
        path: &Path,
        pending: &mut Vec<Chunk>,
    ) -> Result<(), RetrieveError> {
        out.sync().map_err(at(path))?;
        self.journal.add(pending).map_err(at(self.journal.path()))?;
        let settled = pending.drain(..);
        self.there
            .extend(settled.map(|chunk| ((chunk.path.clone(), chunk.offset), chunk)));
        Ok(())
    }

    /// Reads the whole copy back and compares it with what was read at the source.
    pub fn read_back(
        &self,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Vec<ReceiptFile>, RetrieveError> {
        let total = self.total();
        let mut done = 0;
        let mut hashed = Vec::with_capacity(self.files.len());
        for file in self.files {
            let path = self.part.join(&file.path);
            let mut hasher = blake3::Hasher::new();
            let mut offset = 0;
            while offset < file.bytes {
                progress(done + offset, total);
                let content = self
                    .retrieval
                    .destination
                    .read(&path, offset, CHUNK)
                    .map_err(at(&path))?;
                let there = self.there.get(&(file.path.clone(), offset));
                let same = there.is_some_and(|chunk| is_same(chunk, &content));
                if !same {
                    return Err(RetrieveError::ReadBack { path, offset });
                }
                hasher.update(&content);
                offset += content.len() as u64;
            }
            done += file.bytes;
            hashed.push(ReceiptFile {
                path: file.path.clone(),
                bytes: file.bytes,
                blake3: Digest(*hasher.finalize().as_bytes()),
            });
        }
        Ok(hashed)
    }
}

fn is_same(chunk: &Chunk, content: &[u8]) -> bool {
    chunk.bytes == content.len() as u64 && chunk.blake3.0 == *blake3::hash(content).as_bytes()
}

fn is_there<V: Volume>(volume: &V, part: &Path, chunk: &Chunk) -> bool {
    let length = usize::try_from(chunk.bytes)
        .unwrap_or(usize::MAX)
        .min(CHUNK);
    let read = volume.read(&part.join(&chunk.path), chunk.offset, length);
    read.is_ok_and(|content| is_same(chunk, &content))
}

fn open_or_make<V: Volume>(volume: &V, path: &Path) -> io::Result<V::File> {
    match volume.open_file(path, FileUse::Small) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if let Some(folder) = path.parent() {
                make_folders(volume, folder)?;
            }
            let file = volume.create_file(path, FileUse::Small)?;
            sync_folder_of(volume, path)?;
            Ok(file)
        }
        opened => opened,
    }
}

/// Length and BLAKE3 of a file.
pub fn hash_file<V: Volume>(
    volume: &V,
    path: &Path,
    tell: &mut dyn FnMut(u64),
) -> io::Result<(u64, Digest)> {
    let mut hasher = blake3::Hasher::new();
    let mut offset = 0;
    loop {
        let content = volume.read(path, offset, CHUNK)?;
        if content.is_empty() {
            return Ok((offset, Digest(*hasher.finalize().as_bytes())));
        }
        hasher.update(&content);
        offset += content.len() as u64;
        tell(offset);
    }
}
