//! Watches a feed: records it, writes the positions, measures the windows.

use std::collections::BTreeMap;
use std::path::Path;

use fdr_format::{Bytes, FlightWriter, List, Record, WriteError, records};

use super::error::ReplayError;
use super::feed::Observer;
use super::positions::{PositionLine, PositionsFile};
use super::progress::{Stopped, Told};
use super::truth::Truth;
use crate::autopilot::mavlink::{Frame, Refusal};
use crate::navigator::{FcGps, GpsFix, Input, MonotonicNs, Output};
use crate::pipeline::{FC_LINK, Product};

/// Name of this part of the program in records.
const COMPONENT: &str = "replay";
/// Message ids that refusals are counted for one by one; further ones are only in the total.
const REFUSED_IDS_MAX: usize = 256;

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
    pub(super) writer: FlightWriter,
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
}

impl Recording<'_> {
    /// Records that the replay started, ended or failed.
    pub(super) fn lifecycle(
        &mut self,
        event: records::LifecycleEvent,
        severity: records::Severity,
        text: &str,
    ) -> Result<(), WriteError> {
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

    fn append(&mut self, record: &Record<'_>) -> Result<(), WriteError> {
        self.writer.append(record, self.now.0).map(drop)
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
        Ok(self.append(&record)?)
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
            Product::SentFcBytes { .. } => {}
        }
        Ok(self.append(&product.record())?)
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
