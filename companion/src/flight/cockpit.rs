//! Everything that the navigator thread does, as one machine without threads, clocks and sockets: what the
//! links deliver in, frames and records out. Tests fly it against a fake autopilot in simulated time.
//!
//! Ticks go out before what was measured at or after their deadline. What the navigator says goes, in this
//! order, to the recorder, to the autopilot's link and to the ground station.

use std::convert::Infallible;
use std::sync::Arc;

use fdr_format::records::{self, LifecycleEvent, LossCause};
use fdr_format::{Bytes, List, Record};

use crate::autopilot::live::{AutopilotLink, LinkEvent, LinkOutput, LinkRecord};
use crate::autopilot::mavlink::Sender;
use crate::config::Configuration;
use crate::ground_station::{GroundLink, Texts, Values, wording};
use crate::hardening::watchdog::Progress;
use crate::link::{
    Diagnosis, FC_LINK, FrameClass, GCS_LINK, Heard, InboxLosses, LINKS, Notice, OutgoingFrame,
    Protocol, Verdict,
};
use crate::navigator::{Input, MonotonicNs, Output, Severity};
use crate::observability::metrics::Metrics;
use crate::pipeline::{Pipeline, Product};
use crate::recorder::RecorderEvent;

/// Name of the whole program in records.
pub const PROGRAM: &str = "companion";
/// Most links' troubles are told once; the same one again after so long, s.
const TELL_AGAIN_S: f64 = 30.0;
/// A tick this late has missed its deadline, ns.
const LATE_NS: u64 = 100_000_000;

/// Where what the cockpit decides goes.
pub trait Departures {
    /// A record.
    fn record(&mut self, record: &Record<'_>, now: MonotonicNs);
    /// A frame for a link's writer.
    fn send(&mut self, link: u8, frame: OutgoingFrame);
    /// A link that is open and dead is to be opened anew.
    fn reconnect(&mut self, link: u8);
    /// The autopilot uses our signing key: it is to be kept for a restart in flight, or forgotten.
    fn keep_key(&mut self, keep: bool);
}

/// What went by.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct CockpitCounts {
    /// Positions that were emitted.
    pub positions: u64,
    /// First sensor sample.
    pub first_sample: Option<MonotonicNs>,
    /// First position.
    pub first_position: Option<MonotonicNs>,
    /// Ticks that came later than a period.
    pub deadlines_missed: u64,
    /// What each link delivered.
    pub heard: [Heard; LINKS],
    /// Bytes of each link that were lost in front of the navigator.
    pub bytes_lost: [u64; LINKS],
    /// Frames of each link that were not sent.
    pub frames_unsent: [u64; LINKS],
    /// How often each link was lost.
    pub interruptions: [u64; LINKS],
    /// Notices and inputs that were lost in front of the navigator.
    pub notes_lost: u64,
}

/// One link's place in the cockpit.
#[derive(Debug)]
struct Port {
    place: String,
    component: &'static str,
    diagnosis: Diagnosis,
    open: bool,
    told: Option<(String, MonotonicNs)>,
}

impl Port {
    fn new(place: String, component: &'static str) -> Self {
        Self {
            place,
            component,
            diagnosis: Diagnosis::default(),
            open: false,
            told: None,
        }
    }

    /// Whether a trouble is news.
    fn is_news(&mut self, text: &str, now: MonotonicNs) -> bool {
        let known = self
            .told
            .as_ref()
            .is_some_and(|(told, at)| told == text && now.seconds_since(*at) < TELL_AGAIN_S);
        if !known {
            self.told = Some((text.to_owned(), now));
        }
        !known
    }
}

/// The navigator thread's machine.
pub struct Cockpit {
    pipeline: Pipeline,
    autopilot: Box<dyn AutopilotLink>,
    ground: Option<GroundLink>,
    ports: [Port; LINKS],
    texts: Texts,
    values: Values,
    counts: CockpitCounts,
    now: MonotonicNs,
    progress: Progress,
    metrics: Arc<Metrics>,
}

impl std::fmt::Debug for Cockpit {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Cockpit").finish_non_exhaustive()
    }
}

impl Cockpit {
    /// A cockpit in front of the first input. Without a link of its own (`ground`) the ground station is
    /// reached through the autopilot.
    #[must_use]
    pub fn new(
        configuration: &Configuration,
        pipeline: Pipeline,
        autopilot: Box<dyn AutopilotLink>,
        ground: Option<GroundLink>,
    ) -> Self {
        let place = |address: &Option<crate::link::LinkAddress>, name: &str| {
            address
                .as_ref()
                .map_or_else(|| name.to_owned(), ToString::to_string)
        };
        let fc = place(&configuration.autopilot.address, "autopilot");
        let gcs = place(&configuration.ground_station.address, "ground station");
        Self {
            pipeline,
            autopilot,
            ground,
            ports: [Port::new(fc, "autopilot"), Port::new(gcs, "ground_station")],
            texts: Texts::default(),
            values: Values::default(),
            counts: CockpitCounts::default(),
            now: MonotonicNs(0),
            progress: Progress::default(),
            metrics: Arc::default(),
        }
    }

    /// Counts, from now on, where others look.
    pub fn count_in(&mut self, progress: Progress, metrics: Arc<Metrics>) {
        self.progress = progress;
        self.metrics = metrics;
    }

    /// What went by.
    #[must_use]
    pub fn counts(&self) -> CockpitCounts {
        let mut counts = self.counts;
        counts.heard[usize::from(FC_LINK)] = self.autopilot.heard();
        if let Some(ground) = &self.ground {
            counts.heard[usize::from(GCS_LINK)] = ground.heard();
        }
        counts
    }

    /// The autopilot's link.
    #[must_use]
    pub fn autopilot(&self) -> &dyn AutopilotLink {
        &*self.autopilot
    }

    /// When something is due next.
    #[must_use]
    pub fn next_deadline(&self) -> MonotonicNs {
        let mut next = self.autopilot.next_deadline();
        if let Some(tick) = self.pipeline.next_deadline() {
            next = next.min(tick);
        }
        if self.spoken_to().is_some() {
            next = next.min(self.values.next_deadline());
            if let Some(text) = self.texts.next_deadline() {
                next = next.min(text);
            }
        }
        if let Some(ground) = &self.ground {
            next = next.min(ground.next_deadline());
        }
        next
    }

    /// Bytes of a link that arrived at `time`.
    pub fn bytes(&mut self, link: u8, bytes: &[u8], time: MonotonicNs, out: &mut impl Departures) {
        self.tick(time, out);
        if link == FC_LINK {
            self.autopilot.receive(bytes, time);
        } else if let Some(ground) = &mut self.ground {
            ground.receive(bytes, time);
        }
        self.drain(time, out);
    }

    /// Something that another part of the program measured.
    pub fn input(&mut self, input: &Input, out: &mut impl Departures) {
        self.tick(input.time(), out);
        self.consume(input, out);
        self.drain(input.time(), out);
    }

    /// What a link tells of itself.
    pub fn notice(&mut self, notice: &Notice, out: &mut impl Departures) {
        match notice {
            Notice::Opened { link, time } => self.opened(*link, *time, out),
            Notice::Failed { link, time, text } => self.failed(*link, *time, text, out),
            Notice::Unsent { link, time, frames } => {
                let index = usize::from(*link).min(LINKS - 1);
                self.counts.frames_unsent[index] += frames;
                let place = &self.ports[index].place;
                let text = format!("{place}: {frames} frames could not be sent");
                self.lifecycle(
                    *link,
                    *time,
                    LifecycleEvent::Failed,
                    "unsent",
                    &text,
                    0,
                    out,
                );
            }
        }
        self.drain(self.now, out);
    }

    fn opened(&mut self, link: u8, time: MonotonicNs, out: &mut impl Departures) {
        let index = usize::from(link).min(LINKS - 1);
        if link == FC_LINK {
            self.autopilot.opened(time);
        } else if let Some(ground) = &mut self.ground {
            ground.opened(time);
        }
        let heard = self.counts().heard[index];
        let port = &mut self.ports[index];
        port.open = true;
        port.diagnosis.opened(time, heard);
        let text = format!("{} is open", port.place);
        let event = if self.counts.interruptions[index] == 0 {
            LifecycleEvent::Started
        } else {
            LifecycleEvent::Restarted
        };
        self.lifecycle(link, time, event, "", &text, 0, out);
    }

    fn failed(&mut self, link: u8, time: MonotonicNs, text: &str, out: &mut impl Departures) {
        let index = usize::from(link).min(LINKS - 1);
        if link == FC_LINK {
            self.autopilot.closed(time);
        } else if let Some(ground) = &mut self.ground {
            ground.closed();
        }
        let port = &mut self.ports[index];
        port.diagnosis.closed();
        self.counts.interruptions[index] += u64::from(std::mem::take(&mut port.open));
        self.metrics.link_error();
        if port.is_news(text, time) {
            self.lifecycle(link, time, LifecycleEvent::Failed, "link", text, 0, out);
            say(&mut self.texts, Severity::Critical, text);
        }
    }

    /// What was lost in front of the navigator.
    pub fn losses(&mut self, losses: &InboxLosses, now: MonotonicNs, out: &mut impl Departures) {
        if losses.is_empty() {
            return;
        }
        self.counts.notes_lost += losses.notes;
        for (index, bytes) in losses
            .bytes
            .iter()
            .enumerate()
            .filter(|(_, bytes)| **bytes > 0)
        {
            self.counts.bytes_lost[index] += bytes;
            let text = format!(
                "{}: {bytes} bytes arrived while the navigator was busy, and are lost",
                self.ports[index].place
            );
            let link = index as u8;
            let failed = LifecycleEvent::Failed;
            self.lifecycle(
                link,
                now,
                failed,
                LossCause::RingFull.name(),
                &text,
                *bytes,
                out,
            );
            say(
                &mut self.texts,
                Severity::Warning,
                "link data lost: navigator late",
            );
        }
    }

    /// What the recorder has to tell.
    pub fn recorder_event(&mut self, event: &RecorderEvent) {
        let severity = match event.severity() {
            records::Severity::Emergency
            | records::Severity::Alert
            | records::Severity::Critical => Severity::Critical,
            records::Severity::Error => Severity::Error,
            records::Severity::Warning => Severity::Warning,
            records::Severity::Notice => Severity::Notice,
            records::Severity::Info | records::Severity::Debug => Severity::Info,
        };
        say(
            &mut self.texts,
            severity,
            &format!("recorder: {}", event.text),
        );
    }

    /// Does what is due at `now`.
    pub fn poll(&mut self, now: MonotonicNs, out: &mut impl Departures) {
        self.tick(now, out);
        if now >= self.autopilot.next_deadline() {
            self.autopilot.poll(now);
        }
        let route = self.autopilot.ground_route();
        if let Some(ground) = &mut self.ground {
            if let Some(us) = route {
                ground.set_us(us);
            }
            ground.poll(now, self.values.position());
        }
        self.drain(now, out);
        self.diagnose(now, out);
        self.speak(now, out);
    }

    /// The flight begins, or goes on after a restart of the process.
    pub fn begin(&mut self, now: MonotonicNs, goes_on: bool, out: &mut impl Departures) {
        self.now = now;
        let version = env!("CARGO_PKG_VERSION");
        let (event, text) = if goes_on {
            let text = format!("companion {version} was started again, the flight goes on");
            (LifecycleEvent::Restarted, text)
        } else {
            let text = format!("companion {version} started");
            (LifecycleEvent::Started, text)
        };
        out.record(&lifecycle(PROGRAM, now, event, "", &text, 0), now);
        say(&mut self.texts, Severity::Info, &text);
    }

    /// The flight ends in order.
    pub fn end(&mut self, now: MonotonicNs, out: &mut impl Departures) {
        self.autopilot.end(now);
        self.drain(now, out);
        let text = "the flight ends";
        let stopped = LifecycleEvent::Stopped;
        out.record(&lifecycle(PROGRAM, now, stopped, "", text, 0), now);
    }

    /// Sends the ticks that are due.
    fn tick(&mut self, now: MonotonicNs, out: &mut impl Departures) {
        self.now = self.now.max(now);
        let due = self.pipeline.next_deadline();
        if due.is_some_and(|due| now.0.saturating_sub(due.0) > LATE_NS) {
            self.counts.deadlines_missed += 1;
        }
        self.pipe(out, |pipeline, mut sink| {
            pipeline.advance_to(now, &mut sink)
        });
    }

    fn consume(&mut self, input: &Input, out: &mut impl Departures) {
        if input.is_sensor() {
            self.counts.first_sample.get_or_insert(input.time());
        }
        self.values.hear_input(input);
        self.pipe(out, |pipeline, mut sink| pipeline.handle(input, &mut sink));
    }

    /// Runs the pipeline; its products go where they belong.
    fn pipe<O: Departures>(
        &mut self,
        out: &mut O,
        run: impl FnOnce(
            &mut Pipeline,
            &mut dyn FnMut(Product<'_>) -> Result<(), Infallible>,
        ) -> Result<(), Infallible>,
    ) {
        let Self {
            pipeline,
            autopilot,
            texts,
            values,
            counts,
            now,
            progress,
            metrics,
            ..
        } = self;
        let mut sink = |product: Product<'_>| {
            out.record(&product.record(), *now);
            metrics.observe(&product, *now);
            match product {
                Product::Input(_) => progress.step(),
                Product::Checkpoint { .. } => {}
                Product::Output(output) => {
                    if let Output::Position(position) = output {
                        counts.positions += 1;
                        counts.first_position.get_or_insert(position.time);
                    }
                    values.hear_output(output);
                    autopilot.heed(output, *now);
                    if let Some((severity, text)) = wording::of_output(output) {
                        say(texts, severity, &text);
                    }
                }
                Product::SentFcBytes { bytes, .. } => autopilot.position(bytes, *now),
            }
            Ok(())
        };
        let Ok(()) = run(pipeline, &mut sink);
    }

    /// Works off what the links hand out, until nothing is left.
    fn drain(&mut self, now: MonotonicNs, out: &mut impl Departures) {
        loop {
            if let Some(output) = self.autopilot.next_output() {
                self.link_output(FC_LINK, output, now, out);
            } else if let Some(output) = self.ground.as_mut().and_then(GroundLink::next_output) {
                self.link_output(GCS_LINK, output, now, out);
            } else {
                return;
            }
        }
    }

    fn link_output(
        &mut self,
        link: u8,
        output: LinkOutput,
        now: MonotonicNs,
        out: &mut impl Departures,
    ) {
        match output {
            LinkOutput::Input(input) => self.consume(&input, out),
            LinkOutput::Received { time, frame } => {
                let bytes = Bytes(frame.as_slice());
                let time_ns = time.0;
                let msp = link == FC_LINK && self.autopilot.protocol() == Protocol::Msp;
                let record = if msp {
                    Record::ReceivedMsp2Raw(records::ReceivedMsp2Raw {
                        time_ns,
                        link,
                        bytes,
                    })
                } else {
                    Record::ReceivedMavlinkRaw(records::ReceivedMavlinkRaw {
                        time_ns,
                        link,
                        bytes,
                    })
                };
                out.record(&record, now);
            }
            LinkOutput::Send(frame) => out.send(link, frame),
            LinkOutput::Record(record) => {
                if let LinkRecord::KeyRotated(_) = record {
                    self.metrics.key_rotated();
                }
                out.record(&record.record(), now);
            }
            LinkOutput::Event(event) => self.event(link, &event, out),
            LinkOutput::KeyInForce => out.keep_key(true),
            LinkOutput::KeyDropped => out.keep_key(false),
        }
    }

    fn event(&mut self, link: u8, event: &LinkEvent, out: &mut impl Departures) {
        let record = Record::Log(records::Log {
            time_ns: event.time.0,
            severity: recorded(event.severity),
            target: self.ports[usize::from(link).min(LINKS - 1)].component,
            text: &event.text,
        });
        out.record(&record, self.now);
        say(&mut self.texts, event.severity, &event.text);
    }

    fn diagnose(&mut self, now: MonotonicNs, out: &mut impl Departures) {
        let counts = self.counts();
        for (index, heard) in counts.heard.into_iter().enumerate() {
            let link = index as u8;
            let protocol = if link == FC_LINK {
                self.autopilot.protocol()
            } else {
                Protocol::Mavlink
            };
            let port = &mut self.ports[index];
            let Some(verdict) = port.diagnosis.look(now, heard) else {
                continue;
            };
            let text = verdict.text(&port.place, protocol);
            let (severity, event) = match verdict {
                Verdict::Good => (Severity::Info, LifecycleEvent::Restarted),
                _ => (Severity::Critical, LifecycleEvent::Failed),
            };
            // A ground station may be silent for as long as it likes.
            let matters = link == FC_LINK || verdict != Verdict::Silent;
            if matters {
                self.lifecycle(link, now, event, "diagnosis", &text, 0, out);
                say(&mut self.texts, severity, &text);
            }
            if self.ports[index].diagnosis.is_silent() && link == FC_LINK {
                out.reconnect(link);
            }
        }
    }

    /// The open link on which the ground station is spoken to, and who we are there.
    fn spoken_to(&self) -> Option<(u8, Sender)> {
        let (link, us) = match (&self.ground, self.autopilot.ground_route()) {
            (Some(ground), _) => (GCS_LINK, ground.us()),
            (None, Some(us)) => (FC_LINK, us),
            (None, None) => return None,
        };
        self.ports[usize::from(link)].open.then_some((link, us))
    }

    /// Texts and values that are due.
    fn speak(&mut self, now: MonotonicNs, out: &mut impl Departures) {
        let Some((link, us)) = self.spoken_to() else {
            return;
        };
        let values = self.values.poll(now);
        loop {
            let messages = self.texts.poll(now);
            if messages.is_empty() {
                break;
            }
            for message in messages {
                out.send(
                    link,
                    OutgoingFrame::mavlink(&message, us, FrameClass::Ordinary),
                );
            }
        }
        for message in values {
            out.send(
                link,
                OutgoingFrame::mavlink(&message, us, FrameClass::Ordinary),
            );
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of one record")]
    fn lifecycle(
        &self,
        link: u8,
        time: MonotonicNs,
        event: LifecycleEvent,
        cause: &str,
        text: &str,
        bytes: u64,
        out: &mut impl Departures,
    ) {
        let component = self.ports[usize::from(link).min(LINKS - 1)].component;
        let record = lifecycle(component, time, event, cause, text, bytes);
        out.record(&record, self.now.max(time));
    }
}

/// Tells a person, on the ground and in the log; that it happened is recorded where it did.
fn say(texts: &mut Texts, severity: Severity, text: &str) {
    texts.say(severity, text);
    match severity {
        Severity::Critical | Severity::Error => tracing::error!(recorded = true, "{text}"),
        Severity::Warning => tracing::warn!(recorded = true, "{text}"),
        Severity::Notice | Severity::Info => tracing::info!(recorded = true, "{text}"),
    }
}

fn lifecycle<'a>(
    component: &'a str,
    time: MonotonicNs,
    event: LifecycleEvent,
    cause: &'a str,
    text: &'a str,
    bytes: u64,
) -> Record<'a> {
    let severity = match event {
        LifecycleEvent::Failed => records::Severity::Error,
        _ => records::Severity::Info,
    };
    Record::ComponentLifecycleEvent(records::ComponentLifecycleEvent {
        time_ns: time.0,
        severity,
        event,
        segment: None,
        first_sequence: None,
        last_sequence: None,
        first_time_ns: None,
        last_time_ns: None,
        bytes,
        digest: None,
        component,
        cause,
        text,
        counts: List::default(),
    })
}

fn recorded(severity: Severity) -> records::Severity {
    match severity {
        Severity::Critical => records::Severity::Critical,
        Severity::Error => records::Severity::Error,
        Severity::Warning => records::Severity::Warning,
        Severity::Notice => records::Severity::Notice,
        Severity::Info => records::Severity::Info,
    }
}
