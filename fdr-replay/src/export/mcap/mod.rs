//! MCAP: each record type on a channel of its own, `/gfdr/{name}`, as a protobuf message whose fields are those
//! of `docs/fdr-format.md`; and what Foxglove shows by itself.
//!
//! | channel | schema | from |
//! |---|---|---|
//! | `/position` | `foxglove.LocationFix` | emitted positions, with their covariance |
//! | `/fc_gps` | `foxglove.LocationFix` | the autopilot's receiver |
//! | `/pose` | `foxglove.PoseInFrame` | attitude, at the last emitted position |
//! | `/log` | `foxglove.Log` | log lines, navigator events, label transitions, lifecycle events |
//!
//! Chunks are not compressed and have checksums. Log time is the time of the content. Metadata `gfdr` names the
//! flight; a record that this version does not know has no place.

mod descriptor;
mod foxglove;
mod proto;
mod transcode;

use std::collections::BTreeMap;

use fdr_format::records::Severity;
use fdr_format::{FlightReader, RawRecord, Record, RecordType};
use mcap::records::{MessageHeader, Metadata};
use mcap::{WriteOptions, Writer};

use super::Format;
use super::clock::Clock;
use crate::output::{CHECK_ROOM, NewFile, told};
use transcode::Plan;

/// The layout for Foxglove.
pub const LAYOUT: &str = include_str!("layout.json");
/// Bytes of a chunk, about.
const CHUNK: u64 = 4 << 20;

/// Record types are numbered below this; see `fdr-format`.
const TYPES: usize = 0x400;

/// An MCAP file being written.
pub struct Mcap {
    writer: Writer<NewFile>,
    plans: Vec<Planned>,
    foxglove: Channels,
    poses: foxglove::Poses,
    /// The message under way; kept for its memory.
    body: Vec<u8>,
}

/// What is known of a record type.
enum Planned {
    NotYet,
    Unknown,
    Channel(u16, Plan),
}

/// The channels of Foxglove's own schemas.
struct Channels {
    position: u16,
    fc_gps: u16,
    pose: u16,
    log: u16,
}

impl Mcap {
    /// Begins the file.
    pub fn new(file: NewFile, reader: &FlightReader) -> anyhow::Result<Self> {
        let options = WriteOptions::new()
            .compression(None)
            .chunk_size(Some(CHUNK))
            .library(concat!("fdr-replay ", env!("CARGO_PKG_VERSION")));
        let mut writer = told(options.create(file), "mcap", CHECK_ROOM)?;
        let metadata = Metadata {
            name: "gfdr".to_owned(),
            metadata: about(reader),
        };
        told(writer.write_metadata(&metadata), "mcap", CHECK_ROOM)?;
        let foxglove = told(Channels::new(&mut writer), "mcap", CHECK_ROOM)?;
        Ok(Self {
            writer,
            plans: (0..TYPES).map(|_| Planned::NotYet).collect(),
            foxglove,
            poses: foxglove::Poses::default(),
            body: Vec::with_capacity(1 << 16),
        })
    }

    /// The message in `body` goes to a channel.
    fn put(&mut self, channel_id: u16, sequence: u64, unix_ns: u64) -> anyhow::Result<()> {
        let header = MessageHeader {
            channel_id,
            // MCAP's numbers have 32 bits; these are for finding holes.
            sequence: sequence as u32,
            log_time: unix_ns,
            publish_time: unix_ns,
        };
        let written = self.writer.write_to_known_channel(&header, &self.body);
        self.body.clear();
        told(written, "mcap", CHECK_ROOM)
    }

    /// What Foxglove shows by itself.
    fn show(&mut self, raw: &RawRecord<'_>, unix_ns: u64) -> anyhow::Result<()> {
        let channel = match raw.record_type {
            RecordType::EMITTED_EXTERNAL_POSITION => self.foxglove.position,
            RecordType::FC_GPS => self.foxglove.fc_gps,
            RecordType::ATTITUDE => self.foxglove.pose,
            RecordType::LOG
            | RecordType::NAVIGATOR_EVENT
            | RecordType::SOURCE_LABEL_TRANSITION
            | RecordType::COMPONENT_LIFECYCLE_EVENT => self.foxglove.log,
            _ => return Ok(()),
        };
        let Ok(record) = raw.decode() else {
            return Ok(());
        };
        let body = &mut self.body;
        match record {
            Record::EmittedExternalPosition(own) => {
                self.poses.moved(&own);
                foxglove::emitted(body, unix_ns, &own);
            }
            Record::FcGps(own) => foxglove::receiver(body, unix_ns, &own),
            Record::Attitude(own) => {
                if !self.poses.turned(body, unix_ns, &own) {
                    return Ok(());
                }
            }
            Record::Log(own) => foxglove::log(body, unix_ns, own.severity, own.target, own.text),
            other => {
                let severity = match &other {
                    Record::NavigatorEvent(own) => own.severity,
                    _ => Severity::Notice,
                };
                let name = raw.record_type.to_string();
                let text = serde_json::to_string(&other)?;
                foxglove::log(body, unix_ns, severity, &name, &text);
            }
        }
        self.put(channel, raw.sequence, unix_ns)
    }
}

impl Format for Mcap {
    fn take(&mut self, raw: &RawRecord<'_>, clock: Clock) -> anyhow::Result<bool> {
        let Some(planned) = self.plans.get_mut(usize::from(raw.record_type.0)) else {
            return Ok(false);
        };
        if matches!(planned, Planned::NotYet) {
            *planned = match told(begin(&mut self.writer, raw.record_type), "mcap", CHECK_ROOM)? {
                Some((channel, plan)) => Planned::Channel(channel, plan),
                None => Planned::Unknown,
            };
        }
        let Planned::Channel(channel, plan) = planned else {
            return Ok(false);
        };
        let channel = *channel;
        if !plan.write(raw.body, &mut self.body) {
            self.body.clear();
            return Ok(false);
        }
        // Every known body begins with its time.
        let time_ns = raw
            .body
            .first_chunk()
            .map_or(0, |own| u64::from_le_bytes(*own));
        let unix_ns = clock.unix_ns(time_ns);
        self.put(channel, raw.sequence, unix_ns)?;
        self.show(raw, unix_ns)?;
        Ok(true)
    }

    fn finish(mut self: Box<Self>) -> anyhow::Result<NewFile> {
        told(self.writer.finish(), "mcap", CHECK_ROOM)?;
        Ok(self.writer.into_inner())
    }
}

/// The channel of a record type, and how its records become messages.
fn begin(
    writer: &mut Writer<NewFile>,
    record_type: RecordType,
) -> mcap::McapResult<Option<(u16, Plan)>> {
    let Some((plan, set)) = Plan::of(record_type) else {
        return Ok(None);
    };
    let schema = writer.add_schema(&format!("gfdr.{record_type}"), "protobuf", &set)?;
    let topic = format!("/gfdr/{record_type}");
    let channel = writer.add_channel(schema, &topic, "protobuf", &BTreeMap::new())?;
    Ok(Some((channel, plan)))
}

impl Channels {
    fn new(writer: &mut Writer<NewFile>) -> mcap::McapResult<Self> {
        let fix = writer.add_schema(
            "foxglove.LocationFix",
            "protobuf",
            &foxglove::location_fix_schema(),
        )?;
        let pose =
            writer.add_schema("foxglove.PoseInFrame", "protobuf", &foxglove::pose_schema())?;
        let log = writer.add_schema("foxglove.Log", "protobuf", &foxglove::log_schema())?;
        let mut channel =
            |schema, topic| writer.add_channel(schema, topic, "protobuf", &BTreeMap::new());
        Ok(Self {
            position: channel(fix, "/position")?,
            fc_gps: channel(fix, "/fc_gps")?,
            pose: channel(pose, "/pose")?,
            log: channel(log, "/log")?,
        })
    }
}

fn about(reader: &FlightReader) -> BTreeMap<String, String> {
    let mut about = BTreeMap::from([("flight_id".to_owned(), reader.flight_id().to_string())]);
    if let Some(own) = reader.description() {
        about.insert("software_version".to_owned(), own.software_version.clone());
        about.insert("core_version".to_owned(), own.core_version.to_string());
        about.insert("boot_id".to_owned(), own.boot_id.to_string());
        if let Some((_, name)) = &own.source {
            about.insert("source".to_owned(), name.clone());
        }
    }
    about
}
