//! Race-day packets, sound and broken, and what must become of each.
//!
//! | mode | what is broken | where it must end |
//! |---|---|---|
//! | null | a value is null | dead letters |
//! | text | text where a number must be | dead letters |
//! | high bit | a bit of the exponent is flipped | dead letters, when the value is out of range |
//! | low bit | a bit of the mantissa is flipped | delivered: nobody can tell |
//! | drift | a field has another name | dead letters |
//! | dropout | the packet is never sent | nowhere; the gap is counted |
//! | duplicate time | the timestamp of its predecessor | dead letters, when that one was good |

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::Rng;

use crate::row::{Correlation, Name, RowKey};

/// One packet.
#[derive(Debug, Clone)]
pub struct Packet {
    /// Its line.
    pub line: String,
    /// By which the ledger knows it.
    pub id: Correlation,
    /// Whether it must be delivered; otherwise it must be dead-lettered.
    pub good: bool,
}

/// Makes packets.
#[derive(Debug)]
pub struct Source {
    random: Pcg64Mcg,
    chaos: f64,
    device: String,
    tick: i64,
    seq: i64,
    last_good_ts: Option<i64>,
    last_ts: i64,
    /// Broken packets in a row that are still to come, so that a breaker opens.
    burst: u32,
}

/// First timestamp, nanoseconds since 1970.
const EPOCH_NS: i64 = 1_700_000_000_000_000_000;
const STEP_NS: i64 = 100_000_000;
/// Packets between two bursts.
const BURST_EVERY: u64 = 4_000;

/// The rules that the packets are checked by.
pub const RULES: &str = r#"
[channels.car]
same_tick = "refuse"
max_interval_ms = 150.0
fields.speed = { type = "float", min = 0.0, max = 120.0 }
fields.lap = { type = "integer", min = 0, max = 1000 }
fields.lat = { type = "float", min = -90.0, max = 90.0 }
fields.lon = { type = "float", min = -180.0, max = 180.0 }
"#;

impl Source {
    /// Packets of one car, `chaos` in 100 of them broken.
    pub fn new(random: Pcg64Mcg, device: String, chaos: f64) -> Self {
        Self {
            random,
            chaos,
            device,
            tick: 0,
            seq: 0,
            last_good_ts: None,
            last_ts: 0,
            burst: 0,
        }
    }

    /// The next packet; none when it drops out.
    pub fn next(&mut self) -> Option<Packet> {
        self.tick += 1;
        self.seq += 1;
        if self.chaos > 0.0 && self.random.next_u64().is_multiple_of(BURST_EVERY) {
            self.burst = 8;
        }
        let speed = 20.0 + self.unit() * 60.0;
        let mut ts = EPOCH_NS + self.tick * STEP_NS;
        let mode = if self.burst > 0 {
            self.burst -= 1;
            0
        } else if self.unit() * 100.0 < self.chaos {
            self.random.next_u32() % 7
        } else {
            7
        };
        let mut name = "speed";
        let (mut value, mut good) = (format!("{speed:?}"), true);
        match mode {
            0 => (value, good) = ("null".into(), false),
            1 => (value, good) = ("\"fast\"".into(), false),
            2 | 3 => {
                let bit = if mode == 2 {
                    55 + self.random.next_u32() % 7
                } else {
                    self.random.next_u32() % 20
                };
                let flipped = f64::from_bits(speed.to_bits() ^ (1 << bit));
                good = (0.0..=120.0).contains(&flipped);
                value = format!("{flipped:?}");
            }
            4 => (name, good) = ("velocity", false),
            5 => return None,
            6 => {
                self.tick -= 1;
                ts = self.last_ts.max(EPOCH_NS);
                good = self.last_good_ts != Some(ts);
            }
            _ => {}
        }
        self.last_ts = ts;
        if good {
            self.last_good_ts = Some(ts);
        }
        let key = RowKey {
            device: Name::new(&self.device)?,
            ts_ns: ts,
            seq: self.seq,
        };
        let fields = format!(
            "{{\"{name}\":{value},\"lap\":{},\"lat\":48.1,\"lon\":11.5}}",
            self.seq / 100 % 1000
        );
        let id = Correlation::of_key(&key);
        let line = crate::row::line_of(&self.device, ts, self.seq, "car", &id, &fields);
        Some(Packet { line, id, good })
    }

    /// Evenly in 0 to 1.
    fn unit(&mut self) -> f64 {
        (self.random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }
}
