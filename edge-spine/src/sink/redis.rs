//! Redis streams as a sink: `telemetry:t:{partition}`, the partition being the CRC-32 of the device's
//! name modulo their number.
//!
//! One server-side script checks that the batch arrived whole, looks whether it knows the batch's id, and
//! appends every entry together with that knowledge, so that a repeated batch changes nothing. The
//! connection has no checksum of its own: the script compares SHA-1 sums of what it was given, and the
//! answer names the batch, so that a link that flips bits can neither spoil an entry nor feign an answer.
//!
//! What a server acknowledges must be durable: `appendfsync always`. A server that says that it is set
//! otherwise is refused; one that will not say is believed.

use std::time::Duration;

use redis::{Client, Connection, ErrorKind, RedisError, Script, ServerErrorKind, Value};

use super::{Label, Sink, SinkError, Withdrawal};
use crate::batch::BatchId;
use crate::store::Outgoing;

const DELIVER: &str = r"
local whole = table.concat(KEYS, '\n') .. '\n' .. table.concat(ARGV, '\n', 2)
if redis.sha1hex(whole) ~= ARGV[1] then return {'garbled', '', 0} end
local known = redis.call('GET', KEYS[1])
if known == 'withdrawn' then return {'withdrawn', ARGV[1], 0} end
if known then return {'stored', ARGV[1], 0} end
local count = 0
for i = 5, #ARGV, 7 do
  redis.call('XADD', KEYS[tonumber(ARGV[i]) + 2], '*', 'device', ARGV[i + 1], 'ts', ARGV[i + 2],
    'seq', ARGV[i + 3], 'channel', ARGV[i + 4], 'correlation', ARGV[i + 5], 'fields', ARGV[i + 6],
    'batch', ARGV[4])
  count = count + 1
end
redis.call('SET', KEYS[1], ARGV[3], 'EX', ARGV[2])
return {'stored', ARGV[1], count}
";

const WITHDRAW: &str = r"
if redis.sha1hex(KEYS[1] .. '\n' .. ARGV[2]) ~= ARGV[1] then return {'garbled', '', 0} end
local known = redis.call('GET', KEYS[1])
if known and known ~= 'withdrawn' then return {'stored', ARGV[1], 0} end
redis.call('SET', KEYS[1], 'withdrawn', 'EX', ARGV[2])
return {'withdrawn', ARGV[1], 0}
";

/// Redis streams.
pub struct RedisSink {
    client: Client,
    connection: Option<Connection>,
    partitions: u32,
    remember_s: u64,
    timeout: Duration,
    deliver: Script,
    withdraw: Script,
}

impl std::fmt::Debug for RedisSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisSink")
            .field("partitions", &self.partitions)
            .finish_non_exhaustive()
    }
}

impl RedisSink {
    /// A sink at `url`; connected when it is needed.
    ///
    /// # Errors
    /// When the address is none.
    pub fn new(
        url: &str,
        partitions: u32,
        remember_s: u64,
        timeout_s: f64,
    ) -> Result<Self, SinkError> {
        let client = Client::open(url)
            .map_err(|error| SinkError::Configuration(format!("sink.url: {error}")))?;
        Ok(Self {
            client,
            connection: None,
            partitions,
            remember_s,
            timeout: Duration::from_secs_f64(timeout_s),
            deliver: Script::new(DELIVER),
            withdraw: Script::new(WITHDRAW),
        })
    }

    fn connect(&mut self) -> Result<&mut Connection, SinkError> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let mut connection = self
                    .client
                    .get_connection_with_timeout(self.timeout)
                    .map_err(explain)?;
                connection
                    .set_read_timeout(Some(self.timeout))
                    .map_err(explain)?;
                connection
                    .set_write_timeout(Some(self.timeout))
                    .map_err(explain)?;
                require_durable(&mut connection)?;
                connection
            }
        };
        Ok(self.connection.insert(connection))
    }

    fn answered(
        &mut self,
        answer: Result<Value, RedisError>,
        token: &str,
    ) -> Result<String, SinkError> {
        let answer = answer.and_then(|value| {
            redis::from_redis_value::<(String, String, i64)>(value).map_err(RedisError::from)
        });
        match answer {
            Ok((verdict, own, _)) if own == token => Ok(verdict),
            Ok(_) => {
                self.connection = None;
                Err(SinkError::Unreachable(
                    "the link garbled the batch or the answer".into(),
                ))
            }
            Err(error) => {
                self.connection = None;
                Err(explain(error))
            }
        }
    }
}

impl Sink for RedisSink {
    fn deliver(&mut self, batch: &Outgoing) -> Result<(), SinkError> {
        let id = batch.batch.id.to_string();
        let marker = marker(&id);
        let label = serde_json::to_string(&Label::of(batch))
            .map_err(|error| SinkError::Configuration(error.to_string()))?;
        let mut streams: Vec<u32> = Vec::new();
        let mut arguments = vec![self.remember_s.to_string(), label, id];
        for row in &batch.rows {
            let partition = crc32fast::hash(row.device.as_bytes()) % self.partitions;
            let index = streams
                .iter()
                .position(|own| *own == partition)
                .unwrap_or_else(|| {
                    streams.push(partition);
                    streams.len() - 1
                });
            arguments.extend([
                index.to_string(),
                row.device.clone(),
                row.ts_ns.to_string(),
                row.seq.to_string(),
                row.channel.clone(),
                row.correlation.to_string(),
                row.fields.clone(),
            ]);
        }
        let mut keys = vec![marker];
        keys.extend(
            streams
                .iter()
                .map(|partition| format!("telemetry:t:{partition}")),
        );
        let token = sum(keys.iter().chain(&arguments));
        let script = self.deliver.clone();
        let mut call = script.prepare_invoke();
        for key in &keys {
            call.key(key);
        }
        call.arg(&token);
        for argument in &arguments {
            call.arg(argument);
        }
        let answer = call.invoke(self.connect()?);
        match self.answered(answer, &token)?.as_str() {
            "stored" => Ok(()),
            other => Err(SinkError::Refused(format!("the batch was {other}"))),
        }
    }

    fn withdraw(&mut self, id: BatchId) -> Result<Withdrawal, SinkError> {
        let marker = marker(&id.to_string());
        let remember_s = self.remember_s.to_string();
        let token = sum([&marker, &remember_s].into_iter());
        let script = self.withdraw.clone();
        let answer = script
            .key(&marker)
            .arg(&token)
            .arg(remember_s)
            .invoke(self.connect()?);
        match self.answered(answer, &token)?.as_str() {
            "withdrawn" => Ok(Withdrawal::Withdrawn),
            _ => Ok(Withdrawal::WasStored),
        }
    }

    fn ping(&mut self) -> Result<(), SinkError> {
        let answer: Result<String, _> = redis::cmd("PING").query(self.connect()?);
        answer.map(|_| ()).map_err(|error| {
            self.connection = None;
            explain(error)
        })
    }
}

fn marker(id: &str) -> String {
    format!("telemetry:batch:{id}")
}

/// The sum that the script makes as well; no part holds a newline.
fn sum<'a>(parts: impl Iterator<Item = &'a String>) -> String {
    let mut hash = sha1_smol::Sha1::new();
    for (index, part) in parts.enumerate() {
        if index > 0 {
            hash.update(b"\n");
        }
        hash.update(part.as_bytes());
    }
    hash.digest().to_string()
}

fn require_durable(connection: &mut Connection) -> Result<(), SinkError> {
    let setting = |connection: &mut Connection, name: &str| -> Result<Option<String>, RedisError> {
        let pair: Vec<String> = redis::cmd("CONFIG")
            .arg("GET")
            .arg(name)
            .query(connection)?;
        Ok(pair.into_iter().nth(1))
    };
    for (name, wanted) in [("appendonly", "yes"), ("appendfsync", "always")] {
        match setting(connection, name) {
            Ok(Some(value)) if value != wanted => {
                return Err(SinkError::Configuration(format!(
                    "the Redis server has {name} {value}, and would lose what it acknowledged; set {name} {wanted}"
                )));
            }
            Ok(_) => {}
            Err(error) => match error.code() {
                // A server that keeps its settings to itself is believed.
                Some("NOPERM" | "ERR") => {}
                _ => return Err(explain(error)),
            },
        }
    }
    Ok(())
}

fn explain(error: RedisError) -> SinkError {
    let text = format!("redis: {error}");
    match error.kind() {
        ErrorKind::AuthenticationFailed | ErrorKind::InvalidClientConfig => {
            SinkError::Configuration(format!("{text}; check sink.url and the server's users"))
        }
        ErrorKind::Server(ServerErrorKind::NoPerm) => {
            SinkError::Configuration(format!("{text}; check the server's users"))
        }
        _ if error.code() == Some("NOAUTH") || error.code() == Some("WRONGPASS") => {
            SinkError::Configuration(format!("{text}; check the password in sink.url"))
        }
        _ => SinkError::Unreachable(text),
    }
}
