//! Events of `tracing` become lines in a bounded queue.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

use super::coordinates::{names_coordinates, shows_coordinates};
use super::line::{Line, component_of};
use super::log_thread::Message;
use crate::hardening::watchdog::Progress;
use crate::recorder::Clock;

/// Longest text of a line or of a field of it, bytes; the rest is cut off.
const TEXT_MAX: usize = 4096;
/// Fields of a line beside its message.
const FIELDS_MAX: usize = 32;

/// Lines that no log has.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) lost: AtomicU64,
    pub(super) withheld: AtomicU64,
}

/// The layer of `tracing` that fills the queue.
pub(super) struct Capture {
    pub(super) level: LevelFilter,
    pub(super) queue: SyncSender<Message>,
    pub(super) counters: Arc<Counters>,
    pub(super) clock: Clock,
    pub(super) progress: Progress,
}

impl<S: Subscriber> Layer<S> for Capture {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        *metadata.level() <= self.level
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let level = *event.metadata().level();
        if level > Level::WARN && fields.coordinates {
            self.counters.withheld.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let line = Line {
            level,
            component: fields
                .component
                .unwrap_or_else(|| component_of(event.metadata().target()).to_owned()),
            cycle: fields.cycle.unwrap_or_else(|| self.progress.count()),
            monotonic_ns: self.clock.now_ns(),
            // Five hundred years fit.
            unix_ns: since.unwrap_or_default().as_nanos() as u64,
            message: fields.message,
            recorded: fields.recorded,
            context: fields.context,
        };
        match self.queue.try_send(Message::Line(line)) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.counters.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    component: Option<String>,
    cycle: Option<u64>,
    recorded: bool,
    context: Map<String, Value>,
    coordinates: bool,
}

impl Fields {
    fn text(&mut self, field: &Field, mut text: String) {
        let mut end = TEXT_MAX.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        self.coordinates |= shows_coordinates(&text);
        match field.name() {
            "message" => self.message = text,
            "component" => self.component = Some(text),
            _ => self.put(field, text.into()),
        }
    }

    fn put(&mut self, field: &Field, value: Value) {
        self.coordinates |= names_coordinates(field.name());
        if self.context.len() < FIELDS_MAX {
            self.context.insert(field.name().to_owned(), value);
        }
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "cycle" => self.cycle = Some(value),
            _ => self.put(field, value.into()),
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        match field.name() {
            "recorded" => self.recorded = value,
            _ => self.put(field, value.into()),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.text(field, format!("{value:?}"));
    }
}
