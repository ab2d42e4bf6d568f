//! What the ledger says against what was produced.

use std::collections::HashMap;
use std::path::Path;

use serde::Serialize;

use super::fleet::Server;
use super::packets::Packet;
use crate::cli::CommandError;
use crate::row::{Correlation, Row, unhex};
use crate::sink::FileSink;
use crate::store::{DeadFilter, Store};

/// Where every packet ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Balance {
    /// Packets that were sent.
    pub produced: usize,
    /// Packets that the sink has.
    pub delivered: usize,
    /// Packets in the dead letters.
    pub dead_lettered: usize,
    /// Packets that are nowhere.
    pub lost: usize,
    /// Packets that are somewhere more than once, counted per surplus copy.
    pub duplicated: usize,
    /// Packets that are in the wrong place: sound ones in the dead letters, broken ones delivered.
    pub misrouted: usize,
    /// Rows at the sink that nobody produced.
    pub invented: usize,
}

impl Balance {
    /// Whether every packet is in its place, once.
    pub fn is_even(&self) -> bool {
        self.lost + self.duplicated + self.misrouted + self.invented == 0
            && self.produced == self.delivered + self.dead_lettered
    }
}

#[derive(Default)]
struct Found {
    delivered: usize,
    dead: usize,
}

/// Strikes the balance.
pub fn strike(
    packets: &[Packet],
    store: &Store,
    server: &Server,
    address: &str,
) -> Result<Balance, CommandError> {
    let mut found: HashMap<Correlation, Found> = HashMap::with_capacity(packets.len());
    for packet in packets {
        found.entry(packet.id).or_default();
    }
    let mut balance = Balance {
        produced: packets.len(),
        ..Balance::default()
    };
    let mut see = |id: Option<Correlation>, dead: bool| match id.and_then(|id| found.get_mut(&id)) {
        None => balance.invented += 1,
        Some(own) if dead => own.dead += 1,
        Some(own) => own.delivered += 1,
    };
    match server {
        Server::Receiver { folder } => of_folder(folder, &mut |id| see(id, false))?,
        Server::Redis { .. } => of_redis(address, &mut |id| see(id, false))?,
    }
    let mut after = 0;
    loop {
        let letters = store.dead_letters(&DeadFilter::default(), after, 1000)?;
        let Some(last) = letters.last() else { break };
        after = last.id;
        for letter in &letters {
            see(
                letter
                    .correlation
                    .as_deref()
                    .and_then(unhex)
                    .map(Correlation),
                true,
            );
        }
    }
    for packet in packets {
        let Some(own) = found.get(&packet.id) else {
            continue;
        };
        let copies = own.delivered + own.dead;
        balance.delivered += usize::from(own.delivered > 0);
        balance.dead_lettered += usize::from(own.delivered == 0 && own.dead > 0);
        balance.lost += usize::from(copies == 0);
        balance.duplicated += copies.saturating_sub(1);
        let misplaced = if packet.good {
            own.dead > 0
        } else {
            own.delivered > 0
        };
        balance.misrouted += usize::from(misplaced);
    }
    Ok(balance)
}

fn of_folder(folder: &Path, see: &mut impl FnMut(Option<Correlation>)) -> Result<(), CommandError> {
    let sink = FileSink::open(folder)?;
    for file in sink.batches()? {
        let (label, lines) = FileSink::read(&file)?;
        if label.rows != lines.len() {
            return Err(CommandError::Other(format!(
                "{}: not whole",
                file.display()
            )));
        }
        for line in lines {
            see(Row::parse(&line).ok().map(|row| row.correlation));
        }
    }
    Ok(())
}

fn of_redis(address: &str, see: &mut impl FnMut(Option<Correlation>)) -> Result<(), CommandError> {
    let other = |error: redis::RedisError| CommandError::Other(format!("redis: {error}"));
    let client = redis::Client::open(format!("redis://{address}")).map_err(other)?;
    let mut connection = client.get_connection().map_err(other)?;
    let streams: Vec<String> = redis::cmd("KEYS")
        .arg("telemetry:t:*")
        .query(&mut connection)
        .map_err(other)?;
    for stream in streams {
        let entries: Vec<(String, Vec<String>)> = redis::cmd("XRANGE")
            .arg(&stream)
            .arg("-")
            .arg("+")
            .query(&mut connection)
            .map_err(other)?;
        for (_, fields) in entries {
            let id = fields
                .chunks(2)
                .find(|pair| pair[0] == "correlation")
                .map(|pair| pair[1].as_str());
            see(id.and_then(unhex).map(Correlation));
        }
    }
    Ok(())
}
