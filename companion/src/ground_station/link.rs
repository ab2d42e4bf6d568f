//! Our own link to a ground station, where there is one: HEARTBEAT, GPS_RAW_INT, the operator's commands.
//!
//! GPS_RAW_INT is sent here alone: through the autopilot a ground station would see two receivers under one
//! system and flicker between them.

use mavlink::dialects::ardupilotmega::{
    GPS_RAW_INT_DATA, GpsFixType, HEARTBEAT_DATA, MavAutopilot, MavMessage, MavModeFlag, MavState,
    MavType,
};
use serde::{Deserialize, Serialize};

use super::Commands;
use crate::autopilot::live::{LinkOutput, LinkOutputs};
use crate::autopilot::mavlink::{Frame, Framer, Received, Refusal, Sender};
use crate::link::{FrameBytes, FrameClass, GCS_LINK, Heard, LinkAddress};
use crate::navigator::{EmittedExternalPosition, FixType, Input, MonotonicNs};

const HEARTBEAT_PERIOD_NS: u64 = 1_000_000_000;
const NS_PER_S: u64 = 1_000_000_000;

/// Settings of what the ground station hears.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GroundConfig {
    /// Where our own link to the ground station leads; without it texts and values go through the
    /// autopilot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<LinkAddress>,
    /// How often GPS_RAW_INT is sent on our own link, Hz; 0 for never.
    pub gps_raw_int_hz: u8,
}

impl Default for GroundConfig {
    fn default() -> Self {
        Self {
            address: None,
            gps_raw_int_hz: 2,
        }
    }
}

/// Our own link to a ground station.
#[derive(Debug)]
pub struct GroundLink {
    framer: Framer,
    work: Work,
}

#[derive(Debug)]
struct Work {
    us: Sender,
    open: bool,
    hints: bool,
    heard: Heard,
    commands: Commands,
    gps_period_ns: Option<u64>,
    heartbeat_due: MonotonicNs,
    gps_due: MonotonicNs,
    outputs: LinkOutputs,
}

impl GroundLink {
    /// A link that has not been opened yet. `hints` says whether an operator's unsigned command is taken.
    #[must_use]
    pub fn new(config: &GroundConfig, us: Sender, hints: bool) -> Self {
        let hz = u64::from(config.gps_raw_int_hz);
        Self {
            framer: Framer::default(),
            work: Work {
                us,
                open: false,
                hints,
                heard: Heard::default(),
                commands: Commands::new(GCS_LINK),
                gps_period_ns: NS_PER_S.checked_div(hz),
                heartbeat_due: MonotonicNs(0),
                gps_due: MonotonicNs(0),
                outputs: LinkOutputs::default(),
            },
        }
    }

    /// Who we are on this link.
    #[must_use]
    pub fn us(&self) -> Sender {
        self.work.us
    }

    /// The vehicle's system id is known now.
    pub fn set_us(&mut self, us: Sender) {
        self.work.us = us;
    }

    /// The connection came about.
    pub fn opened(&mut self, now: MonotonicNs) {
        self.work.open = true;
        self.work.heartbeat_due = now;
    }

    /// The connection is gone.
    pub fn closed(&mut self) {
        self.work.open = false;
    }

    /// Bytes arrived.
    pub fn receive(&mut self, bytes: &[u8], time: MonotonicNs) {
        self.work.heard.bytes += bytes.len() as u64;
        let mut rest = bytes;
        while !rest.is_empty() {
            let taken = self.framer.push(rest);
            rest = rest.get(taken.max(1)..).unwrap_or_default();
            loop {
                let problem = match self.framer.receive() {
                    None => break,
                    Some(Received::Refused(_)) => continue,
                    Some(Received::Frame(frame)) => self.work.frame(&frame, time).err(),
                };
                if let Some(refusal) = problem {
                    self.framer.refuse_message(refusal);
                }
            }
        }
    }

    /// Does what is due; `position` is the last one.
    pub fn poll(&mut self, now: MonotonicNs, position: Option<&EmittedExternalPosition>) {
        let work = &mut self.work;
        if work.open && now >= work.heartbeat_due {
            work.heartbeat_due = MonotonicNs(now.0.saturating_add(HEARTBEAT_PERIOD_NS));
            let us = work.us;
            work.outputs.send(&heartbeat(), us, FrameClass::Ordinary);
        }
        let Some((period_ns, position)) = work.gps_period_ns.zip(position) else {
            return;
        };
        if work.open && now >= work.gps_due {
            work.gps_due = MonotonicNs(now.0.saturating_add(period_ns));
            let us = work.us;
            work.outputs
                .send(&gps_raw_int(position), us, FrameClass::Ordinary);
        }
    }

    /// When the next duty is due.
    #[must_use]
    pub fn next_deadline(&self) -> MonotonicNs {
        let work = &self.work;
        match work.gps_period_ns {
            _ if !work.open => MonotonicNs(u64::MAX),
            Some(_) => work.heartbeat_due.min(work.gps_due),
            None => work.heartbeat_due,
        }
    }

    /// The next output.
    pub fn next_output(&mut self) -> Option<LinkOutput> {
        self.work.outputs.take()
    }

    /// What was heard so far, for the diagnosis.
    #[must_use]
    pub fn heard(&self) -> Heard {
        self.work.heard
    }
}

impl Work {
    fn frame(&mut self, frame: &Frame<'_>, time: MonotonicNs) -> Result<(), Refusal> {
        self.heard.frames += 1;
        self.heard.vehicle += 1;
        if let Some(frame) = FrameBytes::of(frame.bytes()) {
            self.outputs.push(LinkOutput::Received { time, frame });
        }
        let message = frame.message()?;
        if !self.hints {
            return Ok(());
        }
        if let Some(answer) = self
            .commands
            .handle(frame.sender(), &message, self.us, time)
        {
            if let Some(hint) = answer.hint {
                self.outputs
                    .push(LinkOutput::Input(Input::OperatorHint(hint)));
            }
            self.outputs
                .send(&answer.acknowledgement, self.us, FrameClass::Ordinary);
        }
        Ok(())
    }
}

fn heartbeat() -> MavMessage {
    MavMessage::HEARTBEAT(HEARTBEAT_DATA {
        custom_mode: 0,
        mavtype: MavType::MAV_TYPE_ONBOARD_CONTROLLER,
        autopilot: MavAutopilot::MAV_AUTOPILOT_INVALID,
        base_mode: MavModeFlag::empty(),
        system_status: MavState::MAV_STATE_ACTIVE,
        mavlink_version: 3,
    })
}

fn gps_raw_int(position: &EmittedExternalPosition) -> MavMessage {
    let [north, east, _] = position.vel_ned_mps;
    let course = libm::atan2(east, north).to_degrees().rem_euclid(360.0);
    let milli = |metres: f64| (metres * 1e3).round() as u32;
    MavMessage::GPS_RAW_INT(GPS_RAW_INT_DATA {
        time_usec: position.time.0 / 1000,
        fix_type: match position.fix_type {
            FixType::None => GpsFixType::GPS_FIX_TYPE_NO_FIX,
            FixType::TwoD => GpsFixType::GPS_FIX_TYPE_2D_FIX,
            FixType::ThreeD => GpsFixType::GPS_FIX_TYPE_3D_FIX,
        },
        lat: (position.lat_rad.to_degrees() * 1e7).round() as i32,
        lon: (position.lon_rad.to_degrees() * 1e7).round() as i32,
        alt: (position.alt_msl_m * 1e3).round() as i32,
        eph: 100,
        epv: 150,
        vel: (libm::sqrt(north * north + east * east) * 1e2).round() as u16,
        cog: (course * 1e2).round() as u16 % 36_000,
        satellites_visible: 10,
        h_acc: milli(position.horiz_accuracy_m),
        v_acc: milli(position.vert_accuracy_m),
        vel_acc: milli(position.speed_accuracy_mps),
        ..GPS_RAW_INT_DATA::default()
    })
}
