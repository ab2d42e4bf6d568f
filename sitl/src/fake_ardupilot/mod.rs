//! A fake ArduPlane: what the real one was measured or read to do with a companion, as a machine without I/O.
//!
//! It streams nothing that it was not asked for but a message or two a second, believes a position only as far
//! as the real filter does, forwards what the real router forwards, and refuses what the real one refuses.
//! What it cannot show is how a real filter flies: its aircraft follows the truth whatever it believes.
//!
//! | part | what |
//! |---|---|
//! | [`Motion`] | the truth |
//! | `gps` | the MAVLink receiver, a receiver of its own, which of them is followed |
//! | [`Filter`] | start, gates, rejection, loss, return |
//! | [`Port`] | framing, signatures, streams, routes |
//! | here | commands, parameters, TIMESYNC, routing, reboot |

#[expect(deprecated, reason = "autopilots know the old way of asking too")]
mod commands;
mod ekf;
mod gps;
mod motion;
mod parameters;
mod port;
mod shell;
mod streams;
mod terminal;

use std::sync::Arc;

use companion::autopilot::mavlink::{
    FrameSigner, KEY_BYTES, Sender, Signing, SigningClock, SigningKey,
};
use companion::navigator::MonotonicNs;
use mavlink::dialects::ardupilotmega::{MavMessage, MavSeverity, STATUSTEXT_DATA};
use nalgebra::Vector2;

pub use ekf::{Aiding, FLAG_GLITCH, FLAGS_GOOD, FLAGS_LOST, FLAGS_UNAIDED, Filter};
pub use gps::{Choice, MavReceiver, Report};
pub use motion::{Moment, Motion};
pub use parameters::Parameters;
pub use port::{Interval, Port};
pub use shell::{Shell, ShellError};
pub use terminal::Terminal;

use crate::world::Place;

/// Who the autopilot is.
pub const AUTOPILOT: Sender = Sender {
    system: 1,
    component: 1,
};
/// The port that is USB: unsigned packets are always taken there.
pub const USB: usize = 0;
/// The companion's port.
pub const COMPANION: usize = 1;
/// The telemetry radio's port.
pub const RADIO: usize = 2;
const PORTS: usize = 3;
const OWN_PERIOD_US: u64 = 200_000;
const HEARTBEAT_US: u64 = 1_000_000;
const TIMESYNC_US: u64 = 10_000_000;
const MAVLINK_RECEIVER: f32 = 14.0;

/// What the autopilot's own receiver does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum OwnReceiver {
    /// There is none.
    Absent,
    /// It works.
    Good,
    /// It is jammed.
    Jammed,
    /// It is spoofed by so many metres north and east.
    Spoofed([f64; 2]),
}

/// The fake autopilot.
#[derive(Debug)]
pub struct FakeArduPilot {
    /// The truth.
    pub motion: Motion,
    /// Its parameters. Receiver types count from the next reboot on.
    pub parameters: Parameters,
    /// Its own receiver.
    pub own: OwnReceiver,
    /// Whether it is armed.
    pub armed: bool,
    /// Its ports.
    pub ports: [Port; PORTS],
    /// Messages that the companion has no use for, a second: load.
    pub chatter_hz: u32,
    chatter_due_us: u64,
    types: [f32; 2],
    boot: MonotonicNs,
    now: MonotonicNs,
    ours: [Option<MavReceiver>; 2],
    own_report: Report,
    own_due_us: u64,
    choice: Choice,
    followed: u8,
    filter: Filter,
    last_used_us: u64,
    source_set: u8,
    signing: Option<Arc<Signing>>,
    signer: FrameSigner,
    heartbeat_due_us: u64,
    timesync_due_us: u64,
    time_offset_ms: u32,
    told: Vec<String>,
}

impl FakeArduPilot {
    /// A vehicle that was just switched on.
    #[must_use]
    pub fn new(motion: Motion, parameters: Parameters, now: MonotonicNs) -> Self {
        let mut fake = Self {
            motion,
            parameters,
            own: OwnReceiver::Good,
            armed: false,
            ports: [
                Port::new(true, false),
                Port::new(false, false),
                Port::new(false, false),
            ],
            chatter_hz: 0,
            chatter_due_us: 0,
            types: [0.0; 2],
            boot: now,
            now,
            ours: [None, None],
            own_report: Report::default(),
            own_due_us: 0,
            choice: Choice::default(),
            followed: 0,
            filter: Filter::default(),
            last_used_us: 0,
            source_set: 1,
            signing: None,
            signer: FrameSigner::default(),
            heartbeat_due_us: 0,
            timesync_due_us: TIMESYNC_US,
            time_offset_ms: 0,
            told: Vec::new(),
        };
        fake.boot_up();
        fake
    }

    /// The motion of the measured flights with recommended parameters.
    #[must_use]
    pub fn flying(now: MonotonicNs) -> Self {
        let start = Place {
            lat_rad: 50.45_f64.to_radians(),
            lon_rad: 30.5_f64.to_radians(),
            alt_msl_m: 250.0,
        };
        Self::new(Motion::loiter(start), Parameters::default(), now)
    }

    /// Everything that a reboot forgets is forgotten; parameters and the signing key stay.
    pub fn reboot(&mut self) {
        self.boot = self.now;
        self.boot_up();
        self.ports.iter_mut().for_each(Port::reboot);
    }

    fn boot_up(&mut self) {
        let kind = |name: &str| self.parameters.get(name).unwrap_or(0.0);
        self.types = [kind("GPS1_TYPE"), kind("GPS2_TYPE")];
        for (index, kind) in self.types.into_iter().enumerate() {
            let ours = kind == MAVLINK_RECEIVER;
            self.ours[index] = ours.then(|| MavReceiver::new(index as u8));
        }
        self.own_report = Report::default();
        self.own_due_us = 0;
        self.choice = Choice::default();
        self.followed = 0;
        self.filter = Filter::default();
        self.last_used_us = 0;
        self.source_set = 1;
        self.heartbeat_due_us = 0;
        self.timesync_due_us = TIMESYNC_US;
        self.chatter_due_us = 0;
        self.armed = false;
    }

    /// Its time since boot starts from here: to show how its 32 bits of milliseconds wrap.
    pub fn set_boot_offset_ms(&mut self, offset_ms: u32) {
        self.time_offset_ms = offset_ms;
    }

    /// Microseconds since boot.
    #[must_use]
    pub fn boot_us(&self) -> u64 {
        self.now.0.saturating_sub(self.boot.0) / 1_000
    }

    fn boot_ms(&self) -> u32 {
        ((self.boot_us() / 1_000) as u32).wrapping_add(self.time_offset_ms)
    }

    fn now_s(&self) -> f64 {
        self.boot_us() as f64 * 1e-6
    }

    /// The truth now.
    #[must_use]
    pub fn truth(&self) -> Moment {
        self.motion.at(self.now.0 as f64 * 1e-9)
    }

    /// Its filter.
    #[must_use]
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Flags of EKF_STATUS_REPORT.
    #[must_use]
    pub fn flags(&self) -> u16 {
        self.filter.flags(self.now_s())
    }

    /// The source set at work.
    #[must_use]
    pub fn source_set(&self) -> u8 {
        self.source_set
    }

    /// The receiver instance that is followed.
    #[must_use]
    pub fn followed(&self) -> u8 {
        self.followed
    }

    /// What the receiver of an instance delivers; `None` where there is none.
    #[must_use]
    pub fn report(&self, instance: u8) -> Option<Report> {
        let index = usize::from(instance);
        match &self.ours[index] {
            Some(receiver) => Some(*receiver.report()),
            None if self.types[index] != 0.0 => Some(self.own_report),
            None => None,
        }
    }

    /// Whether the followed receiver delivers steadily.
    #[must_use]
    pub fn gps_is_healthy(&self) -> bool {
        match &self.ours[usize::from(self.followed)] {
            Some(receiver) => receiver.is_healthy(self.boot_us()) && receiver.report().is_3d(),
            None => self.own_report.is_3d(),
        }
    }

    /// Its signing key's user, when there is a key.
    #[must_use]
    pub fn signing(&self) -> Option<&Arc<Signing>> {
        self.signing.as_ref()
    }

    /// It holds a key already, whose clock says `ticks`.
    pub fn hold_key(&mut self, key: [u8; KEY_BYTES], ticks: u64) {
        let key = SigningKey::from_bytes(&key);
        let clock = SigningClock::starting_at(ticks, self.now);
        self.signing = Some(Arc::new(Signing::new(key, 1, clock)));
        self.signer.set(self.signing.clone());
    }

    /// Its signing clock is set, as by a satellite receiver.
    pub fn set_signing_clock(&mut self, ticks: u64) {
        if let Some(signing) = self.signing.clone() {
            self.hold_key(*signing.key().secret_bytes(), ticks);
        }
    }

    /// Every text that it said.
    #[must_use]
    pub fn told(&self) -> &[String] {
        &self.told
    }

    /// What is to go out on a port.
    pub fn take_output(&mut self, port: usize) -> Vec<u8> {
        self.ports[port].take_output()
    }

    /// Bytes that came on a port.
    pub fn receive(&mut self, port: usize, bytes: &[u8], now: MonotonicNs) {
        self.now = self.now.max(now);
        let signing = self.signing.clone();
        let frames = self.ports[port].receive(bytes, signing.as_deref(), self.now);
        for (sender, message, frame) in frames {
            self.route(port, sender, &message, &frame);
            self.handle(port, sender, &message);
        }
    }

    /// Passes a message on to the other ports, as the router does.
    fn route(&mut self, from: usize, sender: Sender, message: &MavMessage, frame: &[u8]) {
        use mavlink::Message;
        // RADIO and RADIO_STATUS.
        let radio_made = matches!(message.message_id(), 109 | 166);
        let key = matches!(message, MavMessage::SETUP_SIGNING(_));
        if radio_made || key || self.ports[from].private {
            return;
        }
        let target = message.target_system_id().unwrap_or(0);
        if target == AUTOPILOT.system && message.target_component_id() == Some(1) {
            return;
        }
        for (index, port) in self.ports.iter_mut().enumerate() {
            let reachable = target == 0 || port.is_routed();
            let heartbeat = matches!(message, MavMessage::HEARTBEAT(_));
            let wanted = if heartbeat {
                !port.has_heard(sender)
            } else {
                port.is_routed()
            };
            if index != from && !port.private && reachable && wanted {
                port.forward(frame);
            }
        }
    }

    /// Does what is due up to `now`.
    pub fn advance(&mut self, now: MonotonicNs) {
        self.now = self.now.max(now);
        let now_us = self.boot_us();
        for receiver in self.ours.iter_mut().flatten() {
            receiver.advance(now_us);
        }
        if now_us >= self.own_due_us {
            self.own_due_us = now_us + OWN_PERIOD_US;
            self.own_report = self.own_fix(now_us);
        }
        self.follow(now_us);
        self.stream(now_us);
        self.chatter(now_us);
        if now_us >= self.heartbeat_due_us {
            self.heartbeat_due_us = now_us + HEARTBEAT_US;
            let heartbeat = self.heartbeat();
            self.send_all(&heartbeat);
        }
        if now_us >= self.timesync_due_us {
            self.timesync_due_us = now_us + TIMESYNC_US;
            let request = self.timesync_request();
            for index in 0..PORTS {
                if !self.ports[index].private {
                    self.send(index, &request);
                }
            }
        }
    }

    /// What its own receiver reports.
    fn own_fix(&self, now_us: u64) -> Report {
        let truth = self.truth();
        let offset = match self.own {
            OwnReceiver::Absent | OwnReceiver::Jammed => return Report::default(),
            OwnReceiver::Good => [0.0; 2],
            OwnReceiver::Spoofed(offset) => offset,
        };
        let place = truth
            .place
            .moved(&nalgebra::Vector3::new(offset[0], offset[1], 0.0));
        Report {
            fix: 3,
            lat_e7: (place.lat_rad.to_degrees() * 1e7).round() as i32,
            lon_e7: (place.lon_rad.to_degrees() * 1e7).round() as i32,
            alt_cm: (place.alt_msl_m * 100.0).round() as i32,
            velocity_mps: truth.velocity_ned_mps.into(),
            satellites: 10,
            hdop_x100: 90,
            vdop_x100: 140,
            horiz_accuracy_m: 1.2,
            vert_accuracy_m: 2.0,
            speed_accuracy_mps: 0.3,
            time_us: now_us,
        }
    }

    /// The filter hears the receiver that is followed.
    fn follow(&mut self, now_us: u64) {
        let reports = [self.report(0), self.report(1)];
        let value = |name: &str| self.parameters.get(name).unwrap_or(0.0) as u8;
        let (switch, primary) = (value("GPS_AUTO_SWITCH"), value("GPS_PRIMARY").min(1));
        let both = reports.iter().all(Option::is_some);
        let followed = match (both, reports[0].is_some()) {
            (true, _) => self.choice.follow(switch, primary, &reports, now_us),
            (false, true) => 0,
            (false, false) => 1,
        };
        let changed = std::mem::replace(&mut self.followed, followed) != followed;
        let Some(report) = reports[usize::from(followed)] else {
            return;
        };
        let now_s = self.now_s();
        let truth = self.truth();
        let there = Place {
            lat_rad: report.place().lat_rad,
            lon_rad: report.place().lon_rad,
            alt_msl_m: truth.place.alt_msl_m,
        };
        let offset = truth.place.ned_to(&there).xy();
        if changed && report.is_3d() {
            self.filter.receiver_changed(offset);
        }
        let fresh = report.time_us > self.last_used_us;
        let told = if fresh && self.has_position_source() {
            self.last_used_us = report.time_us;
            let [north, east, _] = report.velocity_mps;
            let error = if self.has_velocity_source() {
                Vector2::new(north, east) - truth.velocity_ned_mps.xy()
            } else {
                Vector2::zeros()
            };
            self.filter.report(&report, offset, error, now_s)
        } else if now_us.saturating_sub(self.last_used_us) > 300_000 {
            self.filter.silence(now_s)
        } else {
            None
        };
        if let Some(text) = told {
            self.tell(MavSeverity::MAV_SEVERITY_INFO, &text);
        }
    }

    fn has_position_source(&self) -> bool {
        let name = format!("EK3_SRC{}_POSXY", self.source_set);
        self.parameters.get(&name) == Some(3.0)
    }

    fn has_velocity_source(&self) -> bool {
        let name = format!("EK3_SRC{}_VELXY", self.source_set);
        self.parameters.get(&name) == Some(3.0)
    }

    fn tell(&mut self, severity: MavSeverity, text: &str) {
        self.told.push(text.to_owned());
        let mut bytes = [0; 50];
        for (to, from) in bytes.iter_mut().zip(text.bytes()) {
            *to = from;
        }
        let message = MavMessage::STATUSTEXT(STATUSTEXT_DATA {
            severity,
            text: bytes.into(),
            id: 0,
            chunk_seq: 0,
        });
        self.send_all(&message);
    }

    fn send(&mut self, port: usize, message: &MavMessage) {
        self.ports[port].send(message, &self.signer, self.now);
    }

    fn send_all(&mut self, message: &MavMessage) {
        for port in 0..PORTS {
            self.send(port, message);
        }
    }
}
