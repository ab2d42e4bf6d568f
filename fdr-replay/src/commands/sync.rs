//! `sync`: puts positions, events and statistics of a verified flight into a sink, each once.
//!
//! Rows go through an edge spine of the flight's own: its store remembers what was taken and what the sink
//! has, so that a command that was interrupted goes on, and one that is repeated changes nothing. A row is
//! known by vehicle, time and recorder sequence. The receipt is signed with the store's key.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use edge_spine::config::Config;
use edge_spine::intake::{Intake, Receipt as Taken};
use edge_spine::row::{Fields, Name, Row, RowKey, Scalar, hex};
use edge_spine::shell::{Clock, DrainOptions, drain};
use edge_spine::sink;
use edge_spine::store::{Role, RoleLock, Store};
use fdr_format::{ClockAnchor, FlightItem, FlightReader, RawRecord, Record, Stream, Verification};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::cli::SyncArguments;
use crate::outcome::Outcome;
use crate::table::{Table, grouped, print_json};

/// Rows of one durable commit.
const GROUP: usize = 500;
/// Findings of the verification that a receipt lists.
const FINDINGS: usize = 100;

/// What was put where; signed.
#[derive(Debug, Serialize)]
struct Receipt {
    flight_id: String,
    vehicle: String,
    rows: u64,
    bytes: u64,
    /// SHA-256 of the rows' lines, each with its newline, hex.
    sha256: String,
    records: u64,
    missing_records: u64,
    damaged_bytes: u64,
    gaps: Vec<String>,
    clean_shutdown: bool,
    /// Why a flight was taken that is not whole.
    override_reason: Option<String>,
    delivered: i64,
    dead_lettered: i64,
    public_key: String,
}

#[derive(Debug, Serialize)]
struct SignedReceipt {
    receipt: Receipt,
    /// The receipt as compact JSON: the text that is signed.
    signed: String,
    /// Ed25519 over that text, hex.
    signature: String,
}

/// Verifies the flight, takes its rows, sends them, and prints the receipt.
pub fn run(arguments: &SyncArguments) -> anyhow::Result<Outcome> {
    let flight = &arguments.flight.flight;
    let verdict = fdr_format::verify(flight)?;
    let whole = verdict.exit_code == 0 && verdict.clean_shutdown;
    if !whole && arguments.even_if_not_whole.is_none() {
        bail!(
            "{}: the flight is not whole (verify says {}, clean shutdown: {}); see `fdr-replay verify`, or \
             sync it all the same with --even-if-not-whole REASON, which the receipt will say",
            flight.display(),
            verdict.exit_code,
            verdict.clean_shutdown
        );
    }
    let vehicle = Name::new(&arguments.vehicle).context("--vehicle must have 1 to 64 bytes")?;
    let config = Arc::new(settings(arguments, &verdict)?);
    // Before anything is touched: a sink that cannot be opened is a usage error.
    let sink = sink::open(&config.sink).map_err(|error| anyhow::anyhow!("--sink: {error}"))?;
    let mut rows = Taker::new(&config, vehicle)?;
    rows.take_flight(flight)?;
    rows.take_statistics(&verdict, arguments.even_if_not_whole.as_deref())?;
    let (count, bytes, sha256) = rows.finish()?;
    let options = DrainOptions {
        give_up_after: Some(Duration::from_secs(arguments.give_up_after)),
        ..DrainOptions::default()
    };
    let sent = drain((*config).clone(), None, sink, &options, Clock::new(0))?;
    if sent.waiting > 0 {
        let why = sent.error.unwrap_or_else(|| "no answer".into());
        bail!(
            "{} rows still wait for the sink: {why}; repeat the command to go on",
            sent.waiting
        );
    }
    let signed = sign(arguments, &config, &verdict, (count, bytes, sha256))?;
    if signed.receipt.dead_lettered > 0 {
        bail!(
            "{} rows were refused; {} keeps them as dead letters (`spine dlq list`), and there is no receipt",
            signed.receipt.dead_lettered,
            config.directory.display()
        );
    }
    report(arguments, &signed)?;
    Ok(Outcome::Clean)
}

/// The settings of the flight's own spine: nothing is pruned, so that every repeat is known.
fn settings(arguments: &SyncArguments, verdict: &Verification) -> anyhow::Result<Config> {
    let folder = arguments.store.clone().unwrap_or_else(|| {
        let parent = arguments.flight.flight.parent();
        parent.unwrap_or(Path::new(".")).join(".sync")
    });
    // Another sink has another store, or it would be told that everything is there.
    let store = folder.join(format!(
        "{}-{}",
        verdict.flight_id,
        &hex(&Sha256::digest(&arguments.sink))[..8]
    ));
    std::fs::create_dir_all(&store).with_context(|| store.display().to_string())?;
    let own = &arguments.sink;
    let sink = if own.starts_with("redis://") {
        format!("kind = \"redis\"\nurl = {}", toml_text(own))
    } else if own.starts_with("http://") || own.starts_with("https://") {
        let ca = arguments.ca_file.as_ref().map_or(String::new(), |path| {
            format!("\nca_file = {}", toml_text(&absolute(path)))
        });
        let token = arguments.token_file.as_ref().map_or(String::new(), |path| {
            format!("\ntoken_file = {}", toml_text(&absolute(path)))
        });
        format!("kind = \"http\"\nurl = {}{ca}{token}", toml_text(own))
    } else {
        let path = own.strip_prefix("file:").unwrap_or(own);
        format!(
            "kind = \"file\"\npath = {}",
            toml_text(&absolute(Path::new(path)))
        )
    };
    let text = format!(
        "directory = \"store\"\n[sink]\n{sink}\n[buffer]\nretain_rows = 1000000000\nreserve_bytes = 4194304\n\
         [channels.position]\nother_fields = \"allow\"\nreversed = \"allow\"\n\
         [channels.position.fields]\nlat_deg = {{ type = \"float\", min = -90, max = 90 }}\n\
         lon_deg = {{ type = \"float\", min = -180, max = 180 }}\n\
         [channels.event]\nreversed = \"allow\"\n[channels.event.fields]\n\
         type = {{ type = \"text\" }}\nrecord = {{ type = \"text\", max = 60000 }}\n\
         [channels.statistics]\nother_fields = \"allow\"\nreversed = \"allow\"\n"
    );
    Ok(Config::parse(&text, &store.join("spine.toml"))?)
}

fn absolute(path: &Path) -> String {
    let own = std::path::absolute(path).unwrap_or_else(|_| PathBuf::from(path));
    own.display().to_string()
}

/// A TOML basic string; JSON's escapes are TOML's.
fn toml_text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Takes rows in durable groups, and sums up what it took.
struct Taker {
    intake: Intake,
    _role: RoleLock,
    vehicle: Name,
    group: Vec<String>,
    sum: Sha256,
    rows: u64,
    bytes: u64,
}

impl Taker {
    fn new(config: &Arc<Config>, vehicle: Name) -> anyhow::Result<Self> {
        let role = RoleLock::take(&config.directory, Role::Ingest)?;
        let store = Store::open(config)?;
        Ok(Self {
            intake: Intake::new(store, Arc::clone(config), Clock::new(0).now())?,
            _role: role,
            vehicle,
            group: Vec::with_capacity(GROUP),
            sum: Sha256::new(),
            rows: 0,
            bytes: 0,
        })
    }

    fn take_flight(&mut self, flight: &Path) -> anyhow::Result<()> {
        // The essential stream repeats what this one holds, under numbers of its own.
        let mut reader = FlightReader::open_stream(flight, Stream::Bulk)?;
        let clock = reader.description().map_or(
            ClockAnchor {
                monotonic_ns: 0,
                unix_ns: None,
            },
            |about| about.clock,
        );
        while let Some(item) = reader.next_item()? {
            // What is damaged or missing stands in the verdict, and so in the receipt.
            if let FlightItem::Record { record, .. } = item {
                self.take_record(&record, clock)?;
            }
        }
        Ok(())
    }

    fn take_record(&mut self, raw: &RawRecord<'_>, clock: ClockAnchor) -> anyhow::Result<()> {
        let Ok(record) = raw.decode() else {
            return Ok(());
        };
        let (channel, time_ns, fields) = match &record {
            Record::EmittedExternalPosition(own) => {
                let number = |name: &str, value: f64| (name.to_owned(), Scalar::Float(value));
                let fields = vec![
                    number("lat_deg", own.lat_rad.to_degrees()),
                    number("lon_deg", own.lon_rad.to_degrees()),
                    number("alt_msl_m", own.alt_msl_m),
                    number("vel_north_mps", own.vel_ned_mps[0]),
                    number("vel_east_mps", own.vel_ned_mps[1]),
                    number("vel_down_mps", own.vel_ned_mps[2]),
                    number("ellipse_semi_major_m", own.ellipse_semi_major_m),
                    number("ellipse_semi_minor_m", own.ellipse_semi_minor_m),
                    number("horiz_accuracy_m", own.horiz_accuracy_m),
                    number("vert_accuracy_m", own.vert_accuracy_m),
                    (
                        "source_label".to_owned(),
                        Scalar::Text(plain(&own.source_label)?),
                    ),
                    ("fix_type".to_owned(), Scalar::Text(plain(&own.fix_type)?)),
                ];
                ("position", own.time_ns, fields)
            }
            Record::NavigatorEvent(_)
            | Record::SourceLabelTransition(_)
            | Record::ComponentLifecycleEvent(_) => {
                let fields = vec![
                    ("type".to_owned(), Scalar::Text(raw.record_type.to_string())),
                    (
                        "record".to_owned(),
                        Scalar::Text(serde_json::to_string(&record)?),
                    ),
                ];
                ("event", raw.monotonic_ms * 1_000_000, fields)
            }
            _ => return Ok(()),
        };
        let since_ns = i128::from(time_ns) - i128::from(clock.monotonic_ns);
        let ts_ns = i64::try_from(i128::from(clock.unix_ns.unwrap_or(0)) + since_ns)?;
        self.take(channel, ts_ns, i64::try_from(raw.sequence)?, Fields(fields))
    }

    /// One row that sums the flight up, keyed by its own hash and not by a record's number.
    fn take_statistics(&mut self, verdict: &Verification, why: Option<&str>) -> anyhow::Result<()> {
        let number = |value: u64| Scalar::Integer(i64::try_from(value).unwrap_or(i64::MAX));
        let seconds = verdict.time.map_or(0.0, |time| time.seconds());
        let fields = vec![
            (
                "flight_id".to_owned(),
                Scalar::Text(verdict.flight_id.to_string()),
            ),
            ("duration_s".to_owned(), Scalar::Float(seconds)),
            ("segments".to_owned(), number(verdict.segments)),
            ("records".to_owned(), number(verdict.records)),
            ("bytes".to_owned(), number(verdict.bytes)),
            (
                "missing_records".to_owned(),
                number(verdict.missing_records),
            ),
            ("damaged_bytes".to_owned(), number(verdict.damaged_bytes)),
            (
                "clean_shutdown".to_owned(),
                Scalar::Bool(verdict.clean_shutdown),
            ),
            (
                "override_reason".to_owned(),
                Scalar::Text(why.unwrap_or("").to_owned()),
            ),
        ];
        let digest = Sha256::digest(serde_json::to_vec(verdict)?);
        let mut own = [0; 8];
        own.copy_from_slice(&digest[..8]);
        self.take(
            "statistics",
            0,
            i64::from_le_bytes(own) & i64::MAX,
            Fields(fields),
        )
    }

    fn take(&mut self, channel: &str, ts_ns: i64, seq: i64, fields: Fields) -> anyhow::Result<()> {
        let device = self.vehicle.clone();
        let channel = Name::new(channel).context("a channel without a name")?;
        let line = Row::new(RowKey { device, ts_ns, seq }, channel, fields).to_line();
        self.sum.update(&line);
        self.sum.update(b"\n");
        self.rows += 1;
        self.bytes += line.len() as u64 + 1;
        self.group.push(line);
        if self.group.len() == GROUP {
            self.commit()?;
        }
        Ok(())
    }

    fn commit(&mut self) -> anyhow::Result<()> {
        let taken = self.intake.commit(&self.group, Clock::new(0).now())?;
        if let Some(Taken::Refused(why)) = taken.last() {
            bail!("the store takes no more rows: {}", why.advice());
        }
        self.group.clear();
        Ok(())
    }

    fn finish(mut self) -> anyhow::Result<(u64, u64, String)> {
        self.commit()?;
        self.intake.store().checkpoint_log()?;
        Ok((self.rows, self.bytes, hex(&self.sum.finalize())))
    }
}

/// The name of an enumeration's value.
fn plain(value: &impl Serialize) -> anyhow::Result<String> {
    let value = serde_json::to_value(value)?;
    Ok(value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned))
}

fn sign(
    arguments: &SyncArguments,
    config: &Config,
    verdict: &Verification,
    (rows, bytes, sha256): (u64, u64, String),
) -> anyhow::Result<SignedReceipt> {
    let store = Store::open(config)?;
    let counts = store.counts()?;
    let findings = verdict.findings.iter().filter(|finding| finding.code > 0);
    let receipt = Receipt {
        flight_id: verdict.flight_id.to_string(),
        vehicle: arguments.vehicle.clone(),
        rows,
        bytes,
        sha256,
        records: verdict.records,
        missing_records: verdict.missing_records,
        damaged_bytes: verdict.damaged_bytes,
        gaps: findings
            .take(FINDINGS)
            .map(|finding| finding.text.clone())
            .collect(),
        clean_shutdown: verdict.clean_shutdown,
        override_reason: arguments.even_if_not_whole.clone(),
        delivered: counts.tally.delivered,
        dead_lettered: counts.dead,
        public_key: store.public_key(),
    };
    let signed = serde_json::to_string(&receipt)?;
    let signature = store.sign(&signed);
    Ok(SignedReceipt {
        receipt,
        signed,
        signature,
    })
}

fn report(arguments: &SyncArguments, signed: &SignedReceipt) -> anyhow::Result<()> {
    if let Some(path) = &arguments.receipt {
        std::fs::write(path, serde_json::to_string_pretty(signed)? + "\n")
            .with_context(|| path.display().to_string())?;
    }
    if arguments.flight.json {
        print_json(signed)?;
        return Ok(());
    }
    let own = &signed.receipt;
    Table::default()
        .row("flight", &own.flight_id)
        .row("rows", grouped(own.rows))
        .row("delivered", own.delivered)
        .row("bytes", grouped(own.bytes))
        .row("sha256", &own.sha256)
        .row("records missing", grouped(own.missing_records))
        .row("signed by", &own.public_key)
        .row("signature", &signed.signature)
        .print()?;
    Ok(())
}
