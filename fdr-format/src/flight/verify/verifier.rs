//! Reads a flight and judges on the way what it reads.

use super::judge::Judge;
use super::{Verification, VerifyError};
use crate::flight::reader::{FlightItem, FlightReader, ReadError};

/// A [`FlightReader`] that judges what it reads, so that whatever is done with the records ends with
/// the same verdict as [`verify`](fn@crate::verify).
#[derive(Debug)]
pub struct Verifier {
    reader: FlightReader,
    judge: Judge,
}

impl Verifier {
    /// Begins to judge the flight that `reader` has just opened.
    #[must_use]
    pub fn new(reader: FlightReader) -> Self {
        Self {
            judge: Judge::new(&reader),
            reader,
        }
    }

    /// The next record, damage or gap; `None` at the end of the flight.
    ///
    /// # Errors
    /// When a segment's file cannot be read, which is noted; the next call goes on behind it.
    pub fn next_item(&mut self) -> Result<Option<FlightItem<'_>>, ReadError> {
        match self.reader.next_item() {
            Ok(item) => {
                if let Some(item) = &item {
                    self.judge.take(item);
                }
                Ok(item)
            }
            Err(error) => {
                self.judge.unreadable_segment(&error);
                Err(error)
            }
        }
    }

    /// The reader, for what it knows of the flight.
    #[must_use]
    pub fn reader(&self) -> &FlightReader {
        &self.reader
    }

    /// The verdict on what was read; on the flight, when it was read to its end.
    ///
    /// # Errors
    /// When there was no valid record.
    pub fn verdict(self) -> Result<Verification, VerifyError> {
        let verdict = self.judge.verdict(&self.reader);
        if verdict.records > 0 {
            return Ok(verdict);
        }
        let first = verdict.findings.into_iter().next();
        Err(VerifyError::NoRecords {
            path: self.reader.folder().to_owned(),
            why: first.map_or(String::new(), |finding| finding.text),
        })
    }
}
