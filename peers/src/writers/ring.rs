//! The ring alone: what an append would take if there were nothing behind it.

use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::anyhow;
use rtrb::{Producer, RingBuffer};

use super::Writer;

const RING_BYTES: usize = 4 << 20;

pub struct RingOnly {
    ring: Producer<u8>,
    drain: JoinHandle<()>,
}

impl RingOnly {
    pub fn new() -> Self {
        let (mut ring, mut consumer) = RingBuffer::<u8>::new(RING_BYTES);
        // As the recorder does: no page of the ring is new to the producer.
        let _written = ring.push_partial_slice(&vec![0xA5; RING_BYTES]);
        let drain = thread::spawn(move || {
            loop {
                let waiting = consumer.slots();
                if let Ok(chunk) = consumer.read_chunk(waiting)
                    && !chunk.is_empty()
                {
                    chunk.commit_all();
                } else if consumer.is_abandoned() {
                    break;
                } else {
                    thread::park_timeout(Duration::from_millis(1));
                }
            }
        });
        Self { ring, drain }
    }
}

impl Writer for RingOnly {
    fn append(&mut self, _: u64, record: &[u8]) -> anyhow::Result<bool> {
        Ok(self.ring.push_entire_slice(record).is_ok())
    }

    fn finish(self) -> anyhow::Result<()> {
        drop(self.ring);
        self.drain
            .join()
            .map_err(|_| anyhow!("the draining thread failed"))
    }
}
