//! Copper's unified log: sections of a mapped file, as its runtime writes them.

use std::path::Path;
use std::sync::{Arc, Mutex};

use anyhow::{anyhow, bail};
use cu29_traits::{CuError, UnifiedLogType, WriteStream};
use cu29_unifiedlog::{UnifiedLogger, UnifiedLoggerBuilder, stream_write};

use super::Writer;

/// One file of the log, made in one piece.
const SLAB_BYTES: usize = 256 << 20;
/// What the stream asks the log for at a time.
const SECTION_BYTES: usize = 1 << 20;

pub struct UnifiedLog {
    stream: Box<dyn WriteStream<Vec<u8>>>,
    record: Vec<u8>,
}

impl UnifiedLog {
    pub fn new(folder: &Path) -> anyhow::Result<Self> {
        let built = UnifiedLoggerBuilder::new()
            .write(true)
            .create(true)
            .file_base_name(&folder.join("flight.copper"))
            .preallocated_size(SLAB_BYTES)
            .capacity(64 << 30, cu29_unifiedlog::CapacityPolicy::Grow)
            .build()?;
        let UnifiedLogger::Write(logger) = built else {
            bail!("a log for writing was opened for reading");
        };
        let logger = Arc::new(Mutex::new(logger));
        let stream = stream_write(logger, UnifiedLogType::CopperList, SECTION_BYTES);
        Ok(Self {
            stream: Box::new(stream.map_err(plain)?),
            record: Vec::new(),
        })
    }
}

impl Writer for UnifiedLog {
    fn append(&mut self, _: u64, record: &[u8]) -> anyhow::Result<bool> {
        if self.record.len() != record.len() {
            self.record = record.to_vec();
        }
        self.stream.log(&self.record).map_err(plain)?;
        Ok(true)
    }

    fn finish(mut self) -> anyhow::Result<()> {
        self.stream.flush().map_err(plain)
    }
}

fn plain(error: CuError) -> anyhow::Error {
    anyhow!("{error}")
}
