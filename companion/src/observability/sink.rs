//! Where lines end: the journal, stdout, and the recording.

use std::io::{self, Write};

use fdr_format::records::Log;
use fdr_format::{Record, records};
use tracing::{Dispatch, Level};
use tracing_subscriber::layer::SubscriberExt;

use super::line::{Line, SERVICE};
use super::log_thread::LogPlace;
use crate::recorder::RecordSender;

/// Longest text of a line in the recording, bytes.
const RECORDED_MAX: usize = 1024;

/// Where people read the log.
pub(super) enum Sink {
    /// The system's journal.
    Journal(Dispatch),
    /// JSON, a line each.
    Json(Box<dyn Write + Send>),
}

impl Sink {
    /// # Errors
    /// When there is no journal.
    pub(super) fn open(place: LogPlace) -> io::Result<Self> {
        Ok(match place {
            LogPlace::Journal => {
                let layer = tracing_journald::layer()?
                    .with_syslog_identifier(SERVICE.to_owned())
                    .with_field_prefix(None);
                Self::Journal(Dispatch::new(tracing_subscriber::registry().with(layer)))
            }
            LogPlace::Stdout => Self::Json(Box::new(io::stdout())),
            LogPlace::Stderr => Self::Json(Box::new(io::stderr())),
        })
    }

    pub(super) fn write(&mut self, line: &Line, flight_id: Option<&str>) -> io::Result<()> {
        match self {
            Self::Journal(journal) => {
                tracing::dispatcher::with_default(journal, || journal_line(line, flight_id));
                Ok(())
            }
            Self::Json(out) => {
                let mut text = line.json(flight_id);
                text.push('\n');
                out.write_all(text.as_bytes())?;
                out.flush()
            }
        }
    }
}

/// The journal's layer takes events of `tracing`, whose level stands in the code.
fn journal_line(line: &Line, flight_id: Option<&str>) {
    macro_rules! tell {
        ($level:expr) => {
            tracing::event!(
                $level,
                service = SERVICE,
                component = line.component.as_str(),
                flight_id = flight_id.unwrap_or_default(),
                cycle = line.cycle,
                monotonic_ms = line.monotonic_ns / 1_000_000,
                context = serde_json::Value::from(line.context.clone()).to_string(),
                "{}",
                line.message
            )
        };
    }
    match line.level {
        Level::ERROR => tell!(Level::ERROR),
        Level::WARN => tell!(Level::WARN),
        Level::INFO => tell!(Level::INFO),
        _ => tell!(Level::DEBUG),
    }
}

/// Puts a line of WARN and above into the recording, unless what it says is there already; says whether it
/// is lost.
pub(super) fn record(line: &Line, sender: &mut RecordSender) -> bool {
    if line.recorded {
        return false;
    }
    let severity = match line.level {
        Level::ERROR => records::Severity::Error,
        Level::WARN => records::Severity::Warning,
        _ => return false,
    };
    let mut text = line.message.clone();
    for (name, value) in &line.context {
        text.push_str(&format!(" {name}={value}"));
    }
    let mut end = RECORDED_MAX.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let log = Log {
        time_ns: line.monotonic_ns,
        severity,
        target: &line.component,
        text: &text[..end],
    };
    sender.append(&Record::Log(log), line.monotonic_ns).is_err()
}
