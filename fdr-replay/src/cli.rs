//! Arguments and help texts.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use fdr_format::{Policy, PublicKey, RecordType};

/// Reads, verifies and re-runs what the flight data recorder holds.
#[derive(Debug, Parser)]
#[command(
    name = "fdr-replay",
    version,
    max_term_width = 100,
    subcommand_required = true
)]
#[command(
    after_help = "Exit codes shared by all commands: 1 the recording cannot be read, 64 wrong usage.\n\
    FLIGHT is a flight's folder, or a folder that holds it. Of a folder of several all commands but\n\
    report, smooth and sync take each in turn, and the greatest code counts."
)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the flights in a folder
    #[command(after_help = LIST_HELP)]
    List(ListArguments),
    /// Copy a flight off the companion, prove the copy, sign a receipt; only then remove the flight's key
    #[command(after_help = RETRIEVE_HELP)]
    Retrieve(RetrieveArguments),
    /// Make the key that an operator signs receipts with
    OperatorKey(OperatorKeyArguments),
    /// Write one HTML file that shows a flight: verdict, map, timeline, charts, findings, statistics
    #[command(after_help = REPORT_HELP)]
    Report(ReportArguments),
    /// Say what somebody must look at, how soon, and where it shows
    #[command(after_help = ALERTS_HELP)]
    Alerts(AlertsArguments),
    /// Show what a recording holds: flight, versions, duration, records by type
    #[command(after_help = INFO_HELP)]
    Info(FlightArguments),
    /// Judge a recording: is every byte accounted for, is every record there?
    #[command(after_help = VERIFY_HELP)]
    Verify(VerifyArguments),
    /// Print records as JSON lines
    #[command(after_help = CAT_HELP)]
    Cat(CatArguments),
    /// Make a new recording of what is valid in a damaged one, and say what is lost
    #[command(after_help = RECOVER_HELP)]
    Recover(RecoverArguments),
    /// Recompute every output from the recorded inputs and compare it with the recorded one
    #[command(after_help = RERUN_HELP)]
    Rerun(RerunArguments),
    /// Compute the track as it is known after landing, from what was measured behind each position
    #[command(after_help = SMOOTH_HELP)]
    Smooth(SmoothArguments),
    /// Put positions, events and statistics into a sink, each once; ends with a signed receipt
    #[cfg(feature = "sync")]
    #[command(after_help = SYNC_HELP)]
    Sync(SyncArguments),
}

/// What goes where.
#[cfg(feature = "sync")]
#[derive(Debug, Args)]
pub struct SyncArguments {
    #[command(flatten)]
    pub flight: FlightArguments,
    /// A folder, redis://…, or https://…
    #[arg(long, value_name = "SINK")]
    pub sink: String,
    /// Name of the vehicle: with time and record number it is the key of a row
    #[arg(long, value_name = "NAME")]
    pub vehicle: String,
    /// Where the store of this synchronisation is kept [default: .sync beside the flight]
    #[arg(long, value_name = "FOLDER")]
    pub store: Option<PathBuf>,
    /// Write the receipt there as well
    #[arg(long, value_name = "FILE")]
    pub receipt: Option<PathBuf>,
    /// PEM file of the authority that the server's certificate comes from
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// File with a bearer token
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Sync a flight that is damaged or was not closed in order; row and receipt say why
    #[arg(long, value_name = "REASON")]
    pub even_if_not_whole: Option<String>,
    /// Give up when the sink took nothing for so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub give_up_after: u64,
}

/// Which recording, and how to report.
#[derive(Debug, Args)]
pub struct FlightArguments {
    /// A flight's folder, or a folder that holds one flight
    #[arg(value_name = "FLIGHT")]
    pub flight: PathBuf,
    /// Print one JSON document instead of a table
    #[arg(long)]
    pub json: bool,
}

/// Which folder.
#[derive(Debug, Args)]
pub struct ListArguments {
    /// A folder of flights, or a flight's folder
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,
    /// Print one JSON document instead of a table
    #[arg(long)]
    pub json: bool,
}

/// From where to where, and who signs.
#[derive(Debug, Args)]
pub struct RetrieveArguments {
    /// A flight's folder on the companion, or a folder of flights
    #[arg(value_name = "SRC")]
    pub source: PathBuf,
    /// Folder of flights on the ground; the flight goes into a folder of its own in it
    #[arg(value_name = "DST")]
    pub to: PathBuf,
    /// The operator's key (`fdr-replay operator-key new FILE`)
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
    /// Neither seal nor remove the key at the source: for a disk that is mounted read-only
    #[arg(long)]
    pub leave_source: bool,
    /// Print one JSON document instead of a table
    #[arg(long)]
    pub json: bool,
}

/// An operator's key.
#[derive(Debug, Args)]
pub struct OperatorKeyArguments {
    #[command(subcommand)]
    pub command: OperatorKeyCommand,
}

/// What to do with it.
#[derive(Debug, Subcommand)]
pub enum OperatorKeyCommand {
    /// Make a new key in a file that only its owner can read, and print its public half
    New {
        /// The file; it must not exist
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Print one JSON document
        #[arg(long)]
        json: bool,
    },
    /// Print the public half of a key
    Show {
        /// The file
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Print one JSON document
        #[arg(long)]
        json: bool,
    },
}

/// Which flight, what to draw beside it, and where to.
#[derive(Debug, Args)]
pub struct ReportArguments {
    #[command(flatten)]
    pub flight: FlightArguments,
    /// Write the report to this file
    #[arg(short = 'o', long, value_name = "FILE")]
    pub output: PathBuf,
    /// Replace the file when it exists
    #[arg(long)]
    pub force: bool,
    /// A map package, or its MBTiles file: footprint and imagery under the track
    #[arg(long, value_name = "PACKAGE")]
    pub map: Option<PathBuf>,
    /// A GeoJSON file with the geofence's polygons
    #[arg(long, value_name = "FILE")]
    pub geofence: Option<PathBuf>,
    /// An earlier flight, or a folder of them, to compare with; may be given several times
    #[arg(long, value_name = "FLIGHT")]
    pub compare: Vec<PathBuf>,
    /// The receipt of `fdr-replay sync`
    #[arg(long, value_name = "FILE")]
    pub sync_receipt: Option<PathBuf>,
    /// Leave the smoothed track out
    #[arg(long)]
    pub no_smoothing: bool,
}

/// Which flights, and who is told.
#[derive(Debug, Args)]
pub struct AlertsArguments {
    /// Flights, or folders of flights
    #[arg(value_name = "FLIGHT", required = true)]
    pub flights: Vec<PathBuf>,
    /// Print one JSON document instead of a table
    #[arg(long)]
    pub json: bool,
    /// Show the rules that hold, too
    #[arg(long)]
    pub all: bool,
    /// Tell the sinks of this TOML file; without it nobody is told
    #[arg(long, value_name = "FILE")]
    pub sinks: Option<PathBuf>,
}

/// Which recording, and where to begin.
#[derive(Debug, Args)]
pub struct RerunArguments {
    #[command(flatten)]
    pub flight: FlightArguments,
    /// Begin with the first checkpoint in this segment or behind it; 0 is the start of the flight
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub from_segment: u32,
    /// Explain the position in force at this time: seconds from the start, or h:mm:ss
    #[arg(long, value_name = "TIME", value_parser = crate::commands::explain::time_of, conflicts_with_all = ["from_segment", "with"])]
    pub at: Option<f64>,
    /// Run the inputs under this configuration too, and show what would have differed
    #[arg(long, value_name = "CONFIG", conflicts_with = "from_segment")]
    pub with: Option<PathBuf>,
}

/// Which records.
#[derive(Debug, Args)]
pub struct CatArguments {
    #[command(flatten)]
    pub flight: FlightArguments,
    /// Only records of this type, by name or number; may be given several times
    #[arg(short = 't', long = "type", value_name = "TYPE")]
    pub types: Vec<RecordType>,
    /// Only records from this time on, in seconds from the start of the flight
    #[arg(long, value_name = "SECONDS", value_parser = seconds, allow_negative_numbers = true)]
    pub from: Option<f64>,
    /// Only records up to this time, in seconds from the start of the flight
    #[arg(long, value_name = "SECONDS", value_parser = seconds, allow_negative_numbers = true)]
    pub to: Option<f64>,
    /// Only the record of this number, or those of FIRST..LAST, ends included
    #[arg(long, value_name = "NUMBER", value_parser = numbers)]
    pub sequence: Option<Numbers>,
    /// The essential stream instead of the bulk stream
    #[arg(long)]
    pub essential: bool,
    /// Which recordings are read out
    #[arg(long, value_enum, default_value_t)]
    pub policy: PolicyName,
    /// Go on with what is being recorded, until the flight ends
    #[arg(long, conflicts_with_all = ["json", "policy", "sequence", "from", "to"])]
    pub follow: bool,
}

/// Sequence numbers, ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbers {
    /// The least.
    pub first: u64,
    /// The greatest.
    pub last: u64,
}

fn numbers(text: &str) -> Result<Numbers, String> {
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let end = |text: &str, open: u64| match text {
        "" => Some(open),
        digits => digits.parse().ok(),
    };
    let range = end(first, 0).zip(end(last, u64::MAX));
    range
        .filter(|(first, last)| first <= last && !text.is_empty())
        .map(|(first, last)| Numbers { first, last })
        .ok_or_else(|| "write a number, such as 1200, or a range, such as 1200..1300".to_owned())
}

/// Which recordings are read out; the verdict and the exit code do not depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum PolicyName {
    /// Only one that is clean
    Strict,
    /// Also one whose tail is torn or missing
    TornTail,
    /// Everything that is valid, whatever is wrong with the rest
    #[default]
    Salvage,
}

impl From<PolicyName> for Policy {
    fn from(name: PolicyName) -> Self {
        match name {
            PolicyName::Strict => Self::Strict,
            PolicyName::TornTail => Self::TornTail,
            PolicyName::Salvage => Self::Salvage,
        }
    }
}

/// What to recover, and where to.
#[derive(Debug, Args)]
pub struct RecoverArguments {
    #[command(flatten)]
    pub flight: FlightArguments,
    /// Folder for the new recording; it must not exist, or be empty
    #[arg(short = 'o', long = "to", value_name = "FOLDER")]
    pub to: PathBuf,
    /// The essential stream instead of the bulk stream
    #[arg(long)]
    pub essential: bool,
    /// Which recordings are read out
    #[arg(long, value_enum, default_value_t)]
    pub policy: PolicyName,
}

/// What to judge, and how closely.
#[derive(Debug, Args)]
pub struct VerifyArguments {
    #[command(flatten)]
    pub flight: FlightArguments,
    /// Look at checksums, framing and sequence numbers only: codes 0, 2 and 3
    #[arg(long, conflicts_with = "device_key")]
    pub fast: bool,
    /// The device that must have sealed the flight: its public key, 64 hex digits
    #[arg(long, value_name = "KEY")]
    pub device_key: Option<PublicKey>,
    /// Segments judged at once; as many as there are processors, at most 8, unless this is given
    #[arg(long, value_name = "COUNT")]
    pub threads: Option<NonZeroUsize>,
}

/// How to smooth.
#[derive(Debug, Args)]
pub struct SmoothArguments {
    #[command(flatten)]
    pub flight: FlightArguments,
    /// Write the track to this file as CSV; it must not exist
    #[arg(short = 'o', long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// How far to look ahead of each position, in seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "300")]
    pub lag: f64,
    /// Time between two positions of the track, in seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "1")]
    pub period: f64,
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds.is_finite() => Ok(seconds),
        _ => Err("write a number of seconds, such as 12.5".to_owned()),
    }
}

const LIST_HELP: &str = "\
Examples:
  fdr-replay list /var/lib/gps-denied/fdr
  fdr-replay list --json /mnt/archive | jq -r '.[] | select(.retrieved | not) | .folder'

What it says comes from headers and footers: `verify` proves it.

Exit codes:
   0  every flight was listed
   1  there is none, or one of them cannot be read
  64  wrong usage";

const RETRIEVE_HELP: &str = "\
Interrupted at any moment, the same command goes on: chunks that are there are checked and not copied again.
The receipt (receipt.json, in the copy and then at the source) lists every file with its BLAKE3, the sequence
ranges and what was dropped. The flight's secret key never leaves the companion; it is removed there when
the copy is proven and the receipt is on the disk, and not before.

Examples:
  fdr-replay operator-key new ~/operator.key
  fdr-replay retrieve /mnt/companion/fdr/2f6c0011-2233-4455-6677-8899aabbccdd archive --key ~/operator.key

Exit codes: that of `verify` for the copy
   0  clean
   1  not retrieved, or not to the end: the message says what to do
   2  the tail is torn or missing
   3  damaged, or records are missing
   4  altered
  64  wrong usage";

const REPORT_HELP: &str = "\
The file holds everything that it shows and opens without a network, in any browser. It replaces nothing unless
--force is given, and has its name only when it is whole.

Examples:
  fdr-replay report recordings -o report.html
  fdr-replay report recordings -o report.html --map package --geofence fence.geojson --compare archive

Exit codes: that of `verify` for the flight, so that a script cannot take a damaged one for a sound one
   0  clean
   1  the recording cannot be read, or the file cannot be written
   2  the tail is torn or missing
   3  damaged, or records are missing
   4  altered
  64  wrong usage";

const ALERTS_HELP: &str = "\
The rules are those of `src/alerts/rules.rs`. With --sinks a webhook and a mail program are told as its file
says: critical and high ones at once, medium ones together once a week (docs/after-landing.md).

Examples:
  fdr-replay alerts recordings
  fdr-replay alerts --json archive | jq '.flights[].alerts[] | select(.urgency == \"critical\")'

Exit codes:
   0  no rule is broken
   1  a flight cannot be read, or a sink could not be told
   7  medium: look within a week
   8  high: look the next day
   9  critical: look the same day
  64  wrong usage";

const INFO_HELP: &str = "\
Examples:
  fdr-replay info /var/lib/gps-denied/fdr/2f6c0011-2233-4455-6677-8899aabbccdd
  fdr-replay info --json recordings | jq .duration_s

Exit codes:
   0  the recording was read (`verify` says whether it is whole)
   1  it cannot be read
  64  wrong usage";

const VERIFY_HELP: &str = "\
Examples:
  fdr-replay verify recordings
  fdr-replay verify --json recordings | jq .completeness
  fdr-replay verify --fast recordings

Exit codes:
   0  clean: every byte accounted for, no record missing (notices may be listed)
   1  it cannot be read
   2  only the tail of the last segment is torn or missing; everything in front of it is whole
   3  a record fails checksum, length or framing, a segment cannot be read, or records are missing
      and neither a loss record nor drops.log says why
   4  every checksum holds, but headers, footers, records, hash chain, manifest or seal do not agree:
      altered or cut after it was closed
  64  wrong usage
With several findings the highest of 2, 3 and 4 decides; all of them are listed. A recording without a
seal is judged all the same, and a notice says so. --device-key makes the absence of that device's seal
a finding of code 4.";

const CAT_HELP: &str = "\
Records of a time or number are found by the index of their segments; what lies outside is not read
and not judged. Without such a limit the whole recording is judged first.

Each line is one record: segment, sequence, monotonic_ms, time_s (from the start of the flight), type,
type_number, body. Byte strings are hex; a number that is not finite is null. With --json the lines
are the elements of one array.

Examples:
  fdr-replay cat recordings --type EmittedExternalPosition --from 60 --to 90
  fdr-replay cat recordings -t Log -t 0x000F | jq -r .body.text
  fdr-replay cat recordings --sequence 120000..120100
  fdr-replay cat /var/lib/gps-denied/fdr --follow --type NavigatorEvent

Exit codes:
   0  every record that was asked for was printed
   1  the recording cannot be read
   2  the tail of the last segment is torn or missing; what is in front of it was printed
   3  damage was passed over on the way; it is named on stderr
   4  headers, footers, hash chain, manifest or seal do not agree; stderr names what does not
Under a --policy that does not admit the recording nothing is printed.
  64  wrong usage";

const RECOVER_HELP: &str = "\
The new recording is a flight with an id of its own. Records keep body and time; a RecoveredRun record says for
each row of them where it stands in the source. What is missing or damaged is said in its place, and `verify`
never judges the new recording better than the source: recovering repairs nothing.

Examples:
  fdr-replay recover damaged -o recovered
  fdr-replay recover --policy torn-tail damaged -o recovered && fdr-replay rerun recovered

Exit codes: that of `verify` for the source
   0  the source is clean
   1  it cannot be read, the policy does not admit it, or the new recording cannot be written
   2  the tail of the source is torn or missing
   3  the source is damaged, or records are missing
   4  the source was altered
  64  wrong usage";

const RERUN_HELP: &str = "\
The recorded configuration and inputs go through the navigator and the emitter of this program again.
Each position, label transition, event and frame for the flight controller must come out as it was
recorded, byte for byte. The comparison ends at the first difference, or at the first damage that may
have cost an input. Where the first segments are gone it begins with the first checkpoint that is left.

Examples:
  fdr-replay rerun recordings
  fdr-replay rerun recordings --from-segment 12
  fdr-replay rerun --json recordings | jq .difference
  fdr-replay rerun recordings --at 5:21.5
  fdr-replay rerun recordings --with proposed.toml

With --at nothing is compared but that position: the inputs since the last map match, the gates that passed
and failed, and why the label was what it was. With --with the code is 0 when nothing would have differed,
5 when something would, 3 when inputs are missing.

Exit codes:
   0  identical
   1  the recording cannot be read, or its configuration is not one of this version
   2  identical as far as it goes: the tail is torn or missing, or the recorder was not closed
   3  identical up to damage or a gap; or identical, and the recording is damaged elsewhere
   4  identical, but headers, footers, records and manifest do not agree
   5  different
   6  different, and recorded by another version of the core
  64  wrong usage";

const SMOOTH_HELP: &str = "\
The recorded inputs go through the navigator of this program again; every position of the track is moved
by what was measured during the seconds behind it (fixed-lag smoothing). The track is for people: no
autopilot ever receives it.

Columns: time_ns (the recording's clock), lat_deg, lon_deg, cov_nn_m2, cov_ne_m2, cov_ee_m2,
emitted_lat_deg, emitted_lon_deg, emitted_horiz_accuracy_m, lag_s (how far ahead was looked).

Examples:
  fdr-replay smooth recordings -o track.csv
  fdr-replay smooth --json --lag 60 recordings | jq .moved_p50_m

Exit codes:
   0  the whole flight was smoothed
   1  the recording cannot be read, or the track cannot be written
   3  inputs are missing from some place on: the track ends there
  64  wrong usage";

#[cfg(feature = "sync")]
const SYNC_HELP: &str = "\
Examples:
  fdr-replay sync recordings --vehicle uav-7 --sink /mnt/archive/telemetry
  fdr-replay sync recordings --vehicle uav-7 --sink redis://ground:6379 --json | jq .receipt

Repeating it changes nothing; after an interruption, repeating it goes on.

Exit codes:
   0  every row is in the sink, durably; the receipt says which
   1  not whole without --even-if-not-whole, rows refused, or the sink does not answer
  64  wrong usage";
