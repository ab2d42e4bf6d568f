//! MCAP: chunks without compression, flushed and synced by the thread that writes.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::time::Instant;

use mcap::WriteOptions;
use mcap::records::MessageHeader;

use super::{SYNC_INTERVAL, Writer};

pub struct McapFile {
    writer: mcap::Writer<BufWriter<File>>,
    file: File,
    channel: u16,
    sequence: u32,
    synced: Instant,
}

impl McapFile {
    pub fn new(folder: &Path) -> anyhow::Result<Self> {
        let file = File::create(folder.join("flight.mcap"))?;
        let writer = BufWriter::new(file.try_clone()?);
        let mut writer = WriteOptions::new().compression(None).create(writer)?;
        let channel = writer.add_channel(0, "bytes", "", &Default::default())?;
        Ok(Self {
            writer,
            file,
            channel,
            sequence: 0,
            synced: Instant::now(),
        })
    }
}

impl Writer for McapFile {
    fn append(&mut self, time_ns: u64, record: &[u8]) -> anyhow::Result<bool> {
        let header = MessageHeader {
            channel_id: self.channel,
            sequence: self.sequence,
            log_time: time_ns,
            publish_time: time_ns,
        };
        self.writer.write_to_known_channel(&header, record)?;
        self.sequence = self.sequence.wrapping_add(1);
        if self.synced.elapsed() >= SYNC_INTERVAL {
            self.writer.flush()?;
            self.file.sync_data()?;
            self.synced = Instant::now();
        }
        Ok(true)
    }

    fn finish(mut self) -> anyhow::Result<()> {
        self.writer.finish()?;
        Ok(self.file.sync_data()?)
    }
}
