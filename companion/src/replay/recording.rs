//! Watches a feed: records it, writes the positions, measures the windows.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use fdr_format::{Bytes, List, Record, records};

use super::error::ReplayError;
use super::feed::Observer;
use super::positions::{PositionLine, PositionsFile};
use super::progress::{Stopped, Told};
use super::truth::Truth;
use crate::autopilot::mavlink::{Frame, Refusal};
use crate::navigator::{FcGps, GpsFix, Input, MonotonicNs, Output};
use crate::pipeline::{FC_LINK, Product};
use crate::recorder::{RecordSender, Recorder, RecorderEvent, RecorderEventKind, Refused};

/// Name of this part of the program in records.
const COMPONENT: &str = "replay";
/// Message ids that refusals are counted for one by one; further ones are only in the total.
const REFUSED_IDS_MAX: usize = 256;
/// How long a full ring is waited for: a disk that takes nothing for so long takes no more.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long the recorder is waited for to say why a record was lost.
const REASON_PATIENCE: Duration = Duration::from_millis(500);
/// Time between two looks at a full ring.
const ROOM_NAP: Duration = Duration::from_micros(200);

/// What went by.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) positions: u64,
    pub(super) attitudes: u64,
    pub(super) gps_reports: u64,
    /// Those with a 3D fix that no window hides.
    pub(super) gps_fixes: u64,
    pub(super) refused_ids: BTreeMap<u32, u64>,
    pub(super) was_armed: bool,
    pub(super) is_armed: bool,
}

/// An open recording with everything else that a replay writes or measures on the way.
pub(super) struct Recording<'a> {
    pub(super) recorder: Recorder,
    pub(super) sender: RecordSender,
    pub(super) positions: Option<PositionsFile>,
    /// Why the positions file is not written any more. The replay ends before the next frame, so that
    /// everything that an input led to is recorded.
    pub(super) positions_failed: Option<ReplayError>,
    pub(super) truth: Truth<'a>,
    pub(super) seen: Seen,
    pub(super) start_us: u64,
    pub(super) now: MonotonicNs,
    pub(super) told: Told<'a>,
    pub(super) log: &'a Path,
    /// Why records were lost, once that is known.
    pub(super) trouble: Option<String>,
    /// What the recorder told of it.
    pub(super) told_events: Vec<RecorderEvent>,
}

impl Recording<'_> {
    /// Records that the replay started, ended or failed.
    pub(super) fn lifecycle(
        &mut self,
        event: records::LifecycleEvent,
        severity: records::Severity,
        text: &str,
    ) -> Result<(), ReplayError> {
        self.append(&Record::ComponentLifecycleEvent(
            records::ComponentLifecycleEvent {
                time_ns: self.now.0,
                severity,
                event,
                segment: None,
                first_sequence: None,
                last_sequence: None,
                first_time_ns: None,
                last_time_ns: None,
                bytes: 0,
                digest: None,
                component: COMPONENT,
                cause: "",
                text,
                counts: List::default(),
            },
        ))
    }

    /// Waits for room instead of losing the record; a loss behind the ring ends the replay.
    fn append(&mut self, record: &Record<'_>) -> Result<(), ReplayError> {
        let mut waiting = None;
        loop {
            match self.sender.offer(record, self.now.0) {
                Ok(()) => break,
                Err(Refused::TooLong) => return Err(self.not_recorded()),
                Err(Refused::RingFull) => {
                    let since = *waiting.get_or_insert_with(Instant::now);
                    if self.recorder.status().is_troubled() || since.elapsed() > PATIENCE {
                        return Err(self.not_recorded());
                    }
                    std::thread::sleep(ROOM_NAP);
                }
            }
        }
        if self.recorder.status().is_troubled() && self.trouble.is_none() {
            return Err(self.not_recorded());
        }
        Ok(())
    }

    /// What the recorder says of its trouble: the reason, which it may still be about to tell, rather
    /// than the loss.
    fn not_recorded(&mut self) -> ReplayError {
        let asked = Instant::now();
        let mut text = "a record was lost".to_owned();
        while asked.elapsed() < REASON_PATIENCE {
            let (events, _) = self.recorder.notices().take();
            let reason = events
                .iter()
                .find(|event| matches!(event.kind, RecorderEventKind::Degraded { .. }));
            if let Some(event) = reason.or(events.first()) {
                text.clone_from(&event.text);
            }
            let known = reason.is_some();
            self.told_events.extend(events);
            if known {
                break;
            }
            std::thread::sleep(ROOM_NAP);
        }
        self.trouble = Some(text.clone());
        ReplayError::NotRecorded { text }
    }

    fn output(&mut self, output: &Output) {
        let Output::Position(position) = output else {
            return;
        };
        self.seen.positions += 1;
        self.truth.position(position);
        if self.positions_failed.is_none()
            && let Some(file) = &mut self.positions
        {
            let line = PositionLine::new(position, self.start_us);
            self.positions_failed = file.write(&line).err();
        }
    }

    fn input(&mut self, input: &Input) {
        self.now = self.now.max(input.time());
        match input {
            Input::Attitude(_) => self.seen.attitudes += 1,
            Input::FlightState(state) => {
                self.seen.was_armed |= state.armed;
                self.seen.is_armed = state.armed;
            }
            _ => {}
        }
    }
}

impl Observer for Recording<'_> {
    type Error = ReplayError;

    fn frame(&mut self, time: MonotonicNs, frame: &Frame<'_>) -> Result<(), ReplayError> {
        if let Some(error) = self.positions_failed.take() {
            return Err(error);
        }
        self.now = self.now.max(time);
        let record = Record::ReceivedMavlinkRaw(records::ReceivedMavlinkRaw {
            time_ns: time.0,
            link: FC_LINK,
            bytes: Bytes(frame.bytes()),
        });
        self.append(&record)
    }

    fn refused(&mut self, _: Refusal, message_id: Option<u32>) {
        let ids = &mut self.seen.refused_ids;
        if let Some(id) = message_id
            && (ids.len() < REFUSED_IDS_MAX || ids.contains_key(&id))
        {
            *ids.entry(id).or_default() += 1;
        }
    }

    fn product(&mut self, product: Product<'_>) -> Result<(), ReplayError> {
        match product {
            Product::Input(input) => self.input(input),
            Product::Output(output) => self.output(output),
            Product::SentFcBytes { .. } | Product::Checkpoint { .. } => {}
        }
        self.append(&product.record())
    }

    fn record(&mut self, record: &Record<'_>) -> Result<(), ReplayError> {
        self.append(record)
    }

    fn gps(&mut self, report: &FcGps, window: Option<usize>) {
        self.seen.gps_reports += 1;
        self.seen.gps_fixes += u64::from(window.is_none() && report.fix == GpsFix::ThreeD);
        self.truth.gps(report, window);
    }

    fn progress(&mut self, bytes: u64) -> Result<(), ReplayError> {
        self.told
            .tell(bytes)
            .map_err(|Stopped| ReplayError::Interrupted {
                path: self.log.to_owned(),
                replayed_s: self.now.seconds_since(MonotonicNs(0)),
            })
    }
}
