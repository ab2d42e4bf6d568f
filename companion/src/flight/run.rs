//! Starts the parts, runs their threads, ends them in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

use fdr_format::Record;

use super::cockpit::{Cockpit, CockpitCounts, Departures};
use super::error::FlightError;
use super::options::FlightOptions;
use super::recording::{Opened, open_recording};
use super::signing::KeyStore;
use super::summary::{FlightReport, LinkReport};
use super::watch::Watch;
use crate::autopilot::ardupilot::{ArduPilotLink, SigningStart};
use crate::autopilot::inav::INavLink;
use crate::autopilot::live::AutopilotLink;
use crate::autopilot::mavlink::{FrameSigner, Sender};
use crate::autopilot::{AutopilotConfig, AutopilotKind, COMPANION_COMPONENT};
use crate::config::Configuration;
use crate::ground_station::GroundLink;
use crate::link::{
    FC_LINK, Finisher, GCS_LINK, Inbox, LINKS, Line, LinkAddress, Outbox, OutgoingFrame, Taken,
    Writing, read_link, write_link,
};
use crate::navigator::{Input, MonotonicNs};
use crate::pipeline::Pipeline;
use crate::recorder::{Clock, Notices, RecordSender, Recorder};

/// The navigator looks around this often at least.
const LOOK: Duration = Duration::from_millis(50);
/// Shortest wait: a deadline that is not met by polling must not spin a core.
const SHORTEST: Duration = Duration::from_micros(50);
/// How often the main thread looks whether the flight is to end.
const MAIN_NAP: Duration = Duration::from_millis(20);
/// Producers of records: navigator, log, and one writer for each link.
const PRODUCERS: usize = 2 + LINKS;

/// A link with its threads' shared parts.
#[derive(Debug)]
struct Wire {
    line: Line,
    outbox: Outbox,
}

impl Wire {
    fn new(number: u8, address: LinkAddress) -> Self {
        Self {
            line: Line::new(number, address),
            outbox: Outbox::default(),
        }
    }
}

/// Flies until `stop` says so.
///
/// # Errors
/// When there is no flight, or its recording did not end in order.
pub fn fly(
    options: &FlightOptions,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<FlightReport, FlightError> {
    fly_watched(options, &Watch::default(), stop)
}

/// As [`fly`], under a watch that others look at as well.
///
/// # Errors
/// As [`fly`].
pub fn fly_watched(
    options: &FlightOptions,
    watch: &Watch,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<FlightReport, FlightError> {
    let needed = options.needed()?;
    let configuration = &options.configuration;
    let mut keys = KeyStore::take_up();
    let opened = open_recording(configuration, &needed, PRODUCERS)?;
    let clock = opened.recorder.clock();
    let signer = Arc::new(FrameSigner::default());
    let signing = if configuration.autopilot.signing {
        Some(keys.start(&signer, MonotonicNs(clock.now_ns()))?)
    } else {
        None
    };
    let us = Sender {
        system: configuration.autopilot.system_id.unwrap_or(1),
        component: COMPANION_COMPONENT,
    };
    let ground_wire = configuration
        .ground_station
        .address
        .clone()
        .map(|address| Wire::new(GCS_LINK, address));
    let hints = !configuration.autopilot.signing || configuration.autopilot.unsigned_hints;
    let ground = ground_wire
        .as_ref()
        .map(|_| GroundLink::new(&configuration.ground_station, us, hints));
    let mut cockpit = Cockpit::new(
        configuration,
        Pipeline::new(configuration),
        autopilot_link(&configuration.autopilot, signing),
        ground,
    );
    cockpit.count_in(watch.progress.clone(), Arc::clone(&watch.metrics));
    let fc = Wire::new(FC_LINK, needed.autopilot.clone());
    let flight = Threads {
        fc: &fc,
        ground: ground_wire.as_ref(),
        clock,
        dry_run: options.dry_run,
        inbox: &Inbox::default(),
        ending: &AtomicBool::new(false),
        configuration,
        watch,
    };
    let Opened {
        recorder,
        senders,
        restart,
        resumed,
    } = opened;
    let began_ns = clock.now_ns();
    let flown = flight.run(cockpit, senders, &recorder, restart, keys, signer, stop);
    let duration_s = MonotonicNs(clock.now_ns()).seconds_since(MonotonicNs(began_ns));
    let flight_dir = recorder.folder().to_owned();
    let status = Arc::clone(recorder.status());
    watch.recorded();
    let finished = recorder.finish().map_err(FlightError::Recording);
    let counts = flown?;
    let finished = finished?;
    let wires = std::iter::once(&fc).chain(&ground_wire);
    Ok(FlightReport {
        flight_dir,
        resumed,
        dry_run: options.dry_run,
        duration_s,
        positions: counts.positions,
        first_position_s: counts
            .first_sample
            .zip(counts.first_position)
            .map(|(sample, position)| position.seconds_since(sample)),
        deadlines_missed: counts.deadlines_missed,
        links: wires
            .map(|wire| {
                let index = usize::from(wire.line.number());
                LinkReport::new(wire.line.address().to_string(), index, &counts)
            })
            .collect(),
        records: finished.records,
        records_refused: status.records_refused(),
        clean_shutdown: finished.clean_shutdown,
    })
}

/// The link in the language of the configured autopilot.
fn autopilot_link(
    config: &AutopilotConfig,
    signing: Option<SigningStart>,
) -> Box<dyn AutopilotLink> {
    match config.kind {
        AutopilotKind::ArduPilot => Box::new(ArduPilotLink::new(config, signing)),
        AutopilotKind::INav => Box::new(INavLink::default()),
    }
}

/// What the threads share.
#[derive(Clone, Copy)]
struct Threads<'a> {
    fc: &'a Wire,
    ground: Option<&'a Wire>,
    clock: Clock,
    dry_run: bool,
    inbox: &'a Inbox,
    ending: &'a AtomicBool,
    configuration: &'a Configuration,
    watch: &'a Watch,
}

impl Threads<'_> {
    #[expect(clippy::too_many_arguments, reason = "the composition root")]
    fn run(
        self,
        cockpit: Cockpit,
        senders: Vec<RecordSender>,
        recorder: &Recorder,
        restart: Option<Input>,
        keys: KeyStore,
        signer: Arc<FrameSigner>,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<CockpitCounts, FlightError> {
        let mut senders = senders.into_iter();
        let mut sender = || senders.next().ok_or(FlightError::Thread("recorder"));
        let outgoing = Outgoing {
            threads: self,
            records: sender()?,
            keys,
        };
        self.watch.recording(recorder, sender()?);
        let notices = Arc::clone(recorder.notices());
        let fc_records = sender()?;
        let ground_records = sender()?;
        thread::scope(|scope| {
            let fc_finisher = match self.configuration.autopilot.kind {
                AutopilotKind::ArduPilot => Finisher::Mavlink {
                    sequence: 0,
                    signer,
                },
                AutopilotKind::INav => Finisher::AsIs,
            };
            let fc_tx = spawn(scope, "fc-tx", move || {
                write_link(self.writing(self.fc, fc_records), fc_finisher);
            })?;
            let ground_tx = self.ground.map(|wire| {
                spawn(scope, "gcs-tx", move || {
                    let signer = Arc::default();
                    let finisher = Finisher::Mavlink {
                        sequence: 0,
                        signer,
                    };
                    write_link(self.writing(wire, ground_records), finisher);
                })
            });
            let navigator = spawn(scope, "navigator", move || {
                self.navigate(cockpit, outgoing, &notices, restart)
            });
            let readers: Vec<_> = [Some(self.fc), self.ground]
                .into_iter()
                .flatten()
                .map(|wire| {
                    let name = ["fc-rx", "gcs-rx"][usize::from(wire.line.number())];
                    spawn(scope, name, move || {
                        read_link(&wire.line, self.inbox, self.clock);
                    })
                })
                .collect();
            let health = spawn(scope, "health", move || {
                let config = &self.configuration.health;
                let folder = recorder.folder();
                self.watch
                    .watch(config, folder, self.inbox, self.clock, self.ending);
            });
            if let Ok(navigator) = &navigator {
                self.watch.ready();
                while !stop() && !navigator.is_finished() {
                    thread::sleep(MAIN_NAP);
                }
            }
            self.watch.stopping();
            self.ending.store(true, Ordering::Release);
            self.inbox.close();
            let flown = join("navigator", navigator);
            for wire in [Some(self.fc), self.ground].into_iter().flatten() {
                wire.outbox.close();
            }
            let mut ended = vec![join("fc-tx", Ok(fc_tx)), join("health", health)];
            ended.extend(ground_tx.map(|thread| join("gcs-tx", thread)));
            for wire in [Some(self.fc), self.ground].into_iter().flatten() {
                wire.line.stop();
            }
            ended.extend(readers.into_iter().map(|thread| join("fc-rx", thread)));
            let counts = flown?;
            ended.into_iter().collect::<Result<Vec<()>, _>>()?;
            Ok(counts)
        })
    }

    fn writing<'a>(self, wire: &'a Wire, records: RecordSender) -> Writing<'a>
    where
        Self: 'a,
    {
        Writing {
            line: &wire.line,
            outbox: &wire.outbox,
            inbox: self.inbox,
            clock: self.clock,
            records,
            dry_run: self.dry_run,
        }
    }

    /// The navigator thread.
    fn navigate(
        self,
        mut cockpit: Cockpit,
        mut out: Outgoing<'_>,
        notices: &Notices,
        restart: Option<Input>,
    ) -> CockpitCounts {
        let now = || MonotonicNs(self.clock.now_ns());
        cockpit.begin(now(), restart.is_some(), &mut out);
        if let Some(input) = restart {
            cockpit.input(&input, &mut out);
        }
        let mut looked = now();
        while !self.ending.load(Ordering::Acquire) {
            let wait = cockpit.next_deadline().0.saturating_sub(now().0);
            let wait = Duration::from_nanos(wait).clamp(SHORTEST, LOOK);
            match self.inbox.take(wait) {
                Some(Taken::Bytes(chunk)) => {
                    cockpit.bytes(chunk.link, chunk.bytes(), chunk.time, &mut out);
                    self.inbox.give_back(chunk);
                }
                Some(Taken::Notice(notice)) => cockpit.notice(&notice, &mut out),
                Some(Taken::Input(input)) => cockpit.input(&input, &mut out),
                None => {}
            }
            let time = now();
            if time >= cockpit.next_deadline() {
                cockpit.poll(time, &mut out);
            }
            if time.0.saturating_sub(looked.0) >= LOOK.as_nanos() as u64 {
                looked = time;
                cockpit.losses(&self.inbox.take_losses(), time, &mut out);
                for event in notices.take().0 {
                    cockpit.recorder_event(&event);
                }
            }
        }
        cockpit.end(now(), &mut out);
        cockpit.counts()
    }
}

fn spawn<'scope, T: Send + 'scope>(
    scope: &'scope thread::Scope<'scope, '_>,
    name: &'static str,
    work: impl FnOnce() -> T + Send + 'scope,
) -> Result<ScopedJoinHandle<'scope, T>, FlightError> {
    let builder = thread::Builder::new().name(name.to_owned());
    builder
        .spawn_scoped(scope, work)
        .map_err(|source| FlightError::Machine { what: name, source })
}

fn join<T>(
    name: &'static str,
    thread: Result<ScopedJoinHandle<'_, T>, FlightError>,
) -> Result<T, FlightError> {
    thread?.join().map_err(|_| FlightError::Thread(name))
}

/// Where the navigator thread's decisions go.
struct Outgoing<'a> {
    threads: Threads<'a>,
    records: RecordSender,
    keys: KeyStore,
}

impl Outgoing<'_> {
    fn wire(&self, link: u8) -> Option<&Wire> {
        if link == FC_LINK {
            Some(self.threads.fc)
        } else {
            self.threads.ground
        }
    }
}

impl Departures for Outgoing<'_> {
    fn record(&mut self, record: &Record<'_>, now: MonotonicNs) {
        // A loss is counted by the ring, and recorded.
        let _ = self.records.append(record, now.0);
    }

    fn send(&mut self, link: u8, frame: OutgoingFrame) {
        if let Some(wire) = self.wire(link) {
            wire.outbox.put(frame);
        }
    }

    fn reconnect(&mut self, link: u8) {
        if let Some(wire) = self.wire(link) {
            wire.line.reconnect();
        }
    }

    fn keep_key(&mut self, keep: bool) {
        self.keys.keep(keep);
    }
}
