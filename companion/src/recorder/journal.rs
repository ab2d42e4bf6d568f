//! `drops.log` on the device: room for the next lines is reserved before they are needed, so that a full
//! disk cannot silence them, and a line is durable before its segment goes.
//!
//! | state | a line | an error |
//! |---|---|---|
//! | open | written behind the last, synced | the file is not trusted again: **doubtful** |
//! | doubtful | the whole log is written to a new file in its place, then as open | stays doubtful |

use std::io;
use std::path::{Path, PathBuf};

use fdr_format::{DROPS_FILE, DropLine, DropLog};

use super::volume::{FileUse, Volume, VolumeFile, remove_durably, sync_folder_of};

/// Room that is kept behind the last line.
const ROOM_AHEAD: u64 = 64 << 10;
/// Longest journal that is taken over: some hundred thousand drops.
pub(super) const JOURNAL_MAX: usize = 64 << 20;

/// The drop journal of a flight.
#[derive(Debug)]
pub struct Journal<F> {
    path: PathBuf,
    file: Option<F>,
    lines: String,
    reserved: u64,
}

impl<F: VolumeFile> Journal<F> {
    /// Makes the journal of the flight in folder `flight`, or goes on with the one that is there.
    ///
    /// # Errors
    /// When it cannot be read or made.
    pub fn open<V: Volume<File = F>>(volume: &V, flight: &Path) -> io::Result<Self> {
        let path = flight.join(DROPS_FILE);
        let mut journal = Self {
            lines: String::new(),
            path,
            file: None,
            reserved: 0,
        };
        match volume.read(&journal.path, 0, JOURNAL_MAX) {
            Ok(bytes) => {
                let lines = DropLog::parse(&bytes).lines;
                journal.lines = lines.iter().map(DropLine::encode).collect();
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        journal.renew(volume)?;
        Ok(journal)
    }

    /// Adds a line, durably.
    ///
    /// # Errors
    /// When it is not on the device; it may be added again.
    pub fn add<V: Volume<File = F>>(&mut self, volume: &V, line: &DropLine) -> io::Result<()> {
        let text = line.encode();
        if self.file.is_none() {
            self.renew(volume)?;
        }
        let end = self.lines.len() as u64;
        let Some(file) = &mut self.file else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let written = file
            .write_at(end, text.as_bytes())
            .and_then(|()| file.sync());
        if let Err(error) = written {
            self.file = None;
            return Err(error);
        }
        self.lines.push_str(&text);
        if self.lines.len() as u64 + ROOM_AHEAD / 2 > self.reserved {
            self.reserve();
        }
        Ok(())
    }

    /// Gives back the room that was not needed; a journal without a line goes.
    ///
    /// # Errors
    /// As the file system has them.
    pub fn finish<V: Volume<File = F>>(&mut self, volume: &V) -> io::Result<()> {
        if self.lines.is_empty() {
            self.file = None;
            return remove_durably(volume, &self.path);
        }
        match &mut self.file {
            Some(file) => {
                file.cut(self.lines.len() as u64)?;
                file.sync()
            }
            None => Ok(()),
        }
    }

    /// Puts a new file with all lines in the place of the old one.
    fn renew<V: Volume<File = F>>(&mut self, volume: &V) -> io::Result<()> {
        let beside = self.path.with_extension("new");
        match volume.remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = volume.create_file(&beside, FileUse::Small)?;
        let room = self.lines.len() as u64 + ROOM_AHEAD;
        file.reserve(room)?;
        if !self.lines.is_empty() {
            file.write_at(0, self.lines.as_bytes())?;
        }
        file.sync()?;
        volume.rename(&beside, &self.path)?;
        sync_folder_of(volume, &self.path)?;
        self.reserved = room;
        self.file = Some(file);
        Ok(())
    }

    /// Room for the lines to come. A disk that has none is asked again with the next line.
    fn reserve(&mut self) {
        let room = self.lines.len() as u64 + ROOM_AHEAD;
        if let Some(file) = &mut self.file
            && file.reserve(room).is_ok()
        {
            self.reserved = room;
        }
    }
}
