//! The live link to iNav.

use super::delivery::Delivery;
use super::rates::BodyRates;
use super::replies::Reply;
use super::schedule::{Ask, Schedule, request};
use super::sensor_gps::MSP2_SENSOR_GPS;
use super::settings::{Finding, SettingValues, judge_settings};
use crate::autopilot::live::{AutopilotLink, LinkOutput, LinkOutputs};
use crate::autopilot::mavlink::{Framer, Received, Sender};
use crate::autopilot::msp::{Direction, MspFrame, MspFramer, OVERHEAD, checksum};
use crate::link::{FrameBytes, FrameClass, Heard, OutgoingFrame, Protocol};
use crate::navigator::{
    AirData, Airframe, Attitude, Barometer, FlightState, Input, MonotonicNs, Output, Severity,
};

/// Without an answer for so long the autopilot may have been started anew: its settings are read again.
const SILENCE_NS: u64 = 2_000_000_000;
/// Where a position's frame holds its fix type.
const FIX_TYPE_AT: usize = 8 + 7;
const FIX_NONE: u8 = 0;
const FIX_3D: u8 = 3;
/// Withdrawn positions that a clean end sends: one may be lost. Together they fit iNav's buffer.
const FAREWELLS: usize = 3;
/// What iNav prints when its command line opens on the port.
const COMMAND_LINE: &[u8] = b"Entering CLI";

/// The live link to iNav.
#[derive(Debug)]
pub struct INavLink {
    framer: MspFramer,
    /// Listens for the other protocol until MSP is heard.
    foreign: Framer,
    work: Work,
}

#[derive(Debug)]
struct Work {
    open: bool,
    heard: Heard,
    schedule: Schedule,
    rates: BodyRates,
    values: SettingValues,
    findings: Vec<Finding>,
    judged: bool,
    delivery: Delivery,
    pitot: bool,
    last_answer: Option<MonotonicNs>,
    now: MonotonicNs,
    last_position: Option<OutgoingFrame>,
    /// The end of what came last, in which the command line's greeting may have begun.
    tail: Vec<u8>,
    bad_answers: u64,
    outputs: LinkOutputs,
}

impl Default for INavLink {
    fn default() -> Self {
        Self {
            framer: MspFramer::default(),
            foreign: Framer::default(),
            work: Work {
                open: false,
                heard: Heard::default(),
                schedule: Schedule::default(),
                rates: BodyRates::default(),
                values: SettingValues::default(),
                findings: Vec::new(),
                judged: false,
                delivery: Delivery::default(),
                pitot: false,
                last_answer: None,
                now: MonotonicNs(0),
                last_position: None,
                tail: Vec::with_capacity(COMMAND_LINE.len()),
                bad_answers: 0,
                outputs: LinkOutputs::default(),
            },
        }
    }
}

impl INavLink {
    /// What is set wrongly on the autopilot; `None` until everything was read.
    #[must_use]
    pub fn findings(&self) -> Option<&[Finding]> {
        self.work.judged.then_some(&self.work.findings)
    }

    /// Whether the autopilot is known to use our positions.
    #[must_use]
    pub fn is_delivering(&self) -> bool {
        self.work.delivery.is_proven()
    }

    /// Answers that said nothing, and questions that were never answered.
    #[must_use]
    pub fn failures(&self) -> (u64, u64) {
        (self.work.bad_answers, self.work.schedule.unanswered())
    }
}

impl AutopilotLink for INavLink {
    fn protocol(&self) -> Protocol {
        Protocol::Msp
    }

    fn opened(&mut self, now: MonotonicNs) {
        self.framer = MspFramer::default();
        self.work.open = true;
        self.work.now = now;
        self.work.begin_anew();
    }

    fn closed(&mut self, _: MonotonicNs) {
        self.work.open = false;
    }

    fn receive(&mut self, bytes: &[u8], time: MonotonicNs) {
        let work = &mut self.work;
        work.now = work.now.max(time);
        work.heard.bytes += bytes.len() as u64;
        work.listen_for_command_line(bytes, time);
        let mut rest = bytes;
        while !rest.is_empty() {
            let taken = self.framer.push(rest);
            rest = rest.get(taken.max(1)..).unwrap_or_default();
            while let Some(frame) = self.framer.receive() {
                work.frame(&frame, time);
            }
        }
        if work.heard.frames == 0 {
            listen_for_mavlink(&mut self.foreign, bytes, &mut work.heard);
        }
    }

    fn position(&mut self, frame: &[u8], now: MonotonicNs) {
        let work = &mut self.work;
        let Some(frame) = OutgoingFrame::of(frame, FrameClass::Position) else {
            return;
        };
        work.now = work.now.max(now);
        work.schedule.position_sent(now);
        work.delivery
            .sent(frame.bytes().get(FIX_TYPE_AT) == Some(&FIX_3D));
        work.last_position = Some(frame);
        work.outputs.push(LinkOutput::Send(frame));
    }

    fn heed(&mut self, _: &Output, _: MonotonicNs) {
        // iNav has no source sets, and nothing else that the navigator says is for it.
    }

    fn poll(&mut self, now: MonotonicNs) {
        let work = &mut self.work;
        work.now = work.now.max(now);
        if !work.open {
            return;
        }
        work.notice_silence(now);
        if let Some(frame) = work.schedule.next(now).and_then(request) {
            work.outputs.push(LinkOutput::Send(frame));
        }
        work.judge(now);
        work.delivery.poll(now, &mut work.outputs);
    }

    fn next_deadline(&self) -> MonotonicNs {
        let now = self.work.now;
        if self.work.open {
            self.work.schedule.next_deadline(now)
        } else {
            MonotonicNs(now.0.saturating_add(SILENCE_NS))
        }
    }

    fn end(&mut self, _: MonotonicNs) {
        let work = &mut self.work;
        if let Some(frame) = work.last_position.and_then(withdrawn) {
            for _ in 0..FAREWELLS {
                work.outputs.push(LinkOutput::Send(frame));
            }
        }
    }

    fn next_output(&mut self) -> Option<LinkOutput> {
        self.work.outputs.take()
    }

    fn heard(&self) -> Heard {
        self.work.heard
    }

    fn ground_route(&self) -> Option<Sender> {
        None
    }
}

impl Work {
    fn begin_anew(&mut self) {
        self.schedule.begin_anew();
        self.delivery.begin_anew();
        self.values = SettingValues::default();
        self.findings.clear();
        self.judged = false;
        self.pitot = false;
        self.last_answer = None;
        self.rates = BodyRates::default();
    }

    fn notice_silence(&mut self, now: MonotonicNs) {
        let silent = self
            .last_answer
            .is_some_and(|last| now.0.saturating_sub(last.0) > SILENCE_NS);
        if silent {
            let text = "iNav is silent; its settings are read again when it is back";
            self.outputs.tell(now, Severity::Warning, text);
            self.begin_anew();
        }
    }

    fn frame(&mut self, frame: &MspFrame<'_>, time: MonotonicNs) {
        self.heard.frames += 1;
        self.record(frame, time);
        let ask = match frame.direction {
            Direction::Request => return,
            Direction::Reply => self.schedule.answered(frame.command, time),
            Direction::Error => {
                self.schedule.refused(frame.command, time);
                None
            }
        };
        self.heard.vehicle += 1;
        self.last_answer = Some(time);
        let Some(ask) = ask else { return };
        match Reply::decode(frame.command, frame.payload) {
            Ok(reply) => self.reply(ask, reply, time),
            Err(_) => self.bad_answers += 1,
        }
    }

    fn record(&mut self, frame: &MspFrame<'_>, time: MonotonicNs) {
        let mut bytes = [0; crate::autopilot::msp::FRAME_MAX];
        let recorded = frame
            .encode(&mut bytes)
            .ok()
            .and_then(|length| FrameBytes::of(bytes.get(..length)?));
        if let Some(frame) = recorded {
            self.outputs.push(LinkOutput::Received { time, frame });
        }
    }

    fn reply(&mut self, ask: Ask, reply: Reply, time: MonotonicNs) {
        match reply {
            Reply::Attitude {
                roll_rad,
                pitch_rad,
                yaw_rad,
            } => {
                let angular_rate_frd_radps = self.rates.rates(time, roll_rad, pitch_rad, yaw_rad);
                self.input(Input::Attitude(Attitude {
                    time,
                    roll_rad,
                    pitch_rad,
                    yaw_rad,
                    angular_rate_frd_radps,
                }));
            }
            Reply::Altitude { baro_m } => self.input(Input::Barometer(standard_air(baro_m, time))),
            Reply::Airspeed { indicated_mps } => {
                let measured = self.pitot
                    && self.values.measures_airspeed()
                    && self.values.airframe() == Airframe::FixedWing;
                if measured {
                    self.input(Input::AirData(AirData {
                        time,
                        indicated_airspeed_mps: indicated_mps,
                    }));
                }
            }
            Reply::Status {
                gps_sensor,
                pitot_sensor,
                armed,
            } => {
                self.pitot = pitot_sensor;
                self.delivery.evidence().sensor_bit = Some(gps_sensor);
                // Asking for it makes iNav believe that a configurator is there.
                let wanted = !armed || !self.delivery.is_proven();
                self.schedule.set_asked(Ask::SensorStatus, wanted);
                let airframe = self.values.airframe();
                self.input(Input::FlightState(FlightState {
                    time,
                    armed,
                    airframe,
                }));
            }
            Reply::RawGps { fix, .. } => self.delivery.evidence().fix = Some(fix),
            Reply::GpsStatistics { last_dt_ms, .. } => {
                self.delivery.evidence().last_dt_ms = Some(last_dt_ms);
            }
            Reply::SensorStatus { gps } => self.delivery.evidence().sensor_status = Some(gps),
            Reply::Feature { gps } => self.values.gps_feature = Some(gps),
            Reply::Setting { bytes, length } => {
                if let Ask::Setting(setting) = ask {
                    self.values.set(setting, bytes, length);
                }
            }
        }
    }

    fn input(&mut self, input: Input) {
        self.outputs.push(LinkOutput::Input(input));
    }

    fn judge(&mut self, now: MonotonicNs) {
        if self.judged || !self.schedule.has_read_settings() {
            return;
        }
        self.judged = true;
        self.findings = judge_settings(&self.values);
        for finding in &self.findings {
            let text = format!("iNav: {}", finding.text);
            self.outputs.tell(now, finding.severity, text);
        }
    }

    fn listen_for_command_line(&mut self, bytes: &[u8], time: MonotonicNs) {
        let mut text = std::mem::take(&mut self.tail);
        text.extend_from_slice(bytes);
        if text
            .windows(COMMAND_LINE.len())
            .any(|window| window == COMMAND_LINE)
        {
            let problem = "iNav's command line is open on this port: a foreign byte was written to it, \
                           and it answers nothing until it is started anew";
            self.outputs.tell(time, Severity::Critical, problem);
            text.clear();
        }
        let keep = text.len().saturating_sub(COMMAND_LINE.len() - 1);
        text.drain(..keep);
        self.tail = text;
    }
}

fn listen_for_mavlink(foreign: &mut Framer, bytes: &[u8], heard: &mut Heard) {
    let mut rest = bytes;
    while !rest.is_empty() {
        let taken = foreign.push(rest);
        rest = rest.get(taken.max(1)..).unwrap_or_default();
        while let Some(received) = foreign.receive() {
            if let Received::Frame(_) = received {
                heard.foreign += 1;
            }
        }
    }
}

/// Static pressure and temperature of the standard atmosphere at a height: iNav tells neither. The height
/// counts from where it was switched on; the navigator learns the offset, as it does the weather's.
fn standard_air(height_m: f64, time: MonotonicNs) -> Barometer {
    const LAPSE_K_PER_M: f64 = 0.0065;
    const SEA_LEVEL_K: f64 = 288.15;
    const SEA_LEVEL_PA: f64 = 101_325.0;
    const EXPONENT: f64 = 5.255_88;
    let temperature_k = SEA_LEVEL_K - LAPSE_K_PER_M * height_m;
    Barometer {
        time,
        static_pressure_pa: SEA_LEVEL_PA * libm::pow(temperature_k / SEA_LEVEL_K, EXPONENT),
        temperature_k,
    }
}

/// The same position, not to be used: the last word of a companion that ends.
fn withdrawn(position: OutgoingFrame) -> Option<OutgoingFrame> {
    let mut bytes = position.bytes().to_vec();
    let command = bytes.get(4..6)?;
    if command != MSP2_SENSOR_GPS.to_le_bytes() || bytes.len() <= OVERHEAD {
        return None;
    }
    *bytes.get_mut(FIX_TYPE_AT)? = FIX_NONE;
    let end = bytes.len() - 1;
    bytes[end] = checksum(&bytes[3..end]);
    OutgoingFrame::of(&bytes, FrameClass::Ordinary)
}
