//! The fake itself.

use std::collections::VecDeque;

use super::answers::{FakeSettings, Sensors, answer_to};
use super::parser::{Parser, Step, answer};
use super::receiver::{GpsDriver, Taken};

/// The serial task runs so often, and takes one command each time.
const TASK_NS: u64 = 10_000_000;
/// What its UART holds.
const BUFFER: usize = 256;
/// A `#` and so much silence open the command line.
const COMMAND_LINE_NS: u64 = 100_000_000;
const SENSOR_GPS: u16 = 0x1F03;
const GREETING: &[u8] = b"\r\nEntering CLI Mode, type 'exit' to return, or 'help'\r\n\r\n# ";

/// What a companion did wrongly. A real iNav says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Bytes outside a frame.
    StrayBytes(Vec<u8>),
    /// The command line opened: MSP is dead on the port.
    CommandLine,
    /// A position of another length than 52 bytes, which a real iNav reads beyond.
    PositionLength(usize),
    /// So many bytes did not fit the buffer: more than one command in 10 ms, for too long.
    Overrun(usize),
    /// The satellites that stand for an estimated fix.
    EstimatedFix,
    /// A course that disagrees with the velocity.
    Course,
    /// A time, by which it would set its clock.
    Time,
}

/// One serial port: on iNav any may speak MSP, and positions on one and questions on another work.
#[derive(Debug, Clone, Default)]
pub struct Port {
    parser: Parser,
    buffer: VecDeque<u8>,
    last_activity_ns: u64,
    hash_pending: bool,
    dead: bool,
    out: Vec<u8>,
    commands: u64,
}

/// The fake.
#[derive(Debug, Clone)]
pub struct FakeInav {
    settings: FakeSettings,
    /// What its sensors say; whoever flies it sets them.
    pub sensors: Sensors,
    gps: GpsDriver,
    ports: Vec<Port>,
    next_task_ns: u64,
    faults: Vec<Fault>,
    positions: Vec<(u64, Taken)>,
    /// Answers that are lost: every so-manieth; 0: none.
    pub loses_answer: u64,
    answers: u64,
}

const FAULTS_MAX: usize = 1024;
const POSITIONS_MAX: usize = 1 << 20;
const OUT_MAX: usize = 1 << 16;

impl FakeInav {
    /// An iNav with `ports` MSP ports, switched on at `now_ns`.
    #[must_use]
    pub fn new(settings: FakeSettings, ports: usize, now_ns: u64) -> Self {
        let gps = GpsDriver::new(settings.takes_positions(), now_ns);
        Self {
            settings,
            sensors: Sensors::default(),
            gps,
            ports: vec![Port::default(); ports],
            next_task_ns: now_ns,
            faults: Vec::new(),
            positions: Vec::new(),
            loses_answer: 0,
            answers: 0,
        }
    }

    /// Switched off and on: everything but its settings is forgotten.
    pub fn reboot(&mut self, now_ns: u64) {
        let fresh = Self::new(self.settings.clone(), self.ports.len(), now_ns);
        self.gps = fresh.gps;
        self.ports = fresh.ports;
        self.next_task_ns = now_ns;
    }

    /// Bytes arrive at a port.
    pub fn receive(&mut self, port: usize, bytes: &[u8]) {
        let port = &mut self.ports[port];
        let room = BUFFER - port.buffer.len();
        port.buffer.extend(&bytes[..bytes.len().min(room)]);
        let lost = bytes.len().saturating_sub(room);
        if lost > 0 {
            self.fault(Fault::Overrun(lost));
        }
    }

    /// Lets time pass up to `now_ns`.
    pub fn run_to(&mut self, now_ns: u64) {
        while self.next_task_ns <= now_ns {
            let now = self.next_task_ns;
            for index in 0..self.ports.len() {
                self.serial_task(index, now);
            }
            self.gps.run(now);
            self.next_task_ns += TASK_NS;
        }
    }

    /// What a port sends.
    pub fn take_output(&mut self, port: usize) -> Vec<u8> {
        std::mem::take(&mut self.ports[port].out)
    }

    /// What was done wrongly so far.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// Positions that were taken, and when.
    #[must_use]
    pub fn positions(&self) -> &[(u64, Taken)] {
        &self.positions
    }

    /// The GPS driver.
    #[must_use]
    pub fn gps(&self) -> &GpsDriver {
        &self.gps
    }

    /// Whether the position estimator uses what it is told.
    #[must_use]
    pub fn navigates(&self) -> bool {
        let FakeSettings {
            min_satellites,
            max_eph_epv_cm,
            ..
        } = self.settings;
        self.gps.is_navigated_on(min_satellites, max_eph_epv_cm)
    }

    /// Whether a port is lost to the command line.
    #[must_use]
    pub fn is_dead(&self, port: usize) -> bool {
        self.ports[port].dead
    }

    /// Commands that a port took.
    #[must_use]
    pub fn commands(&self, port: usize) -> u64 {
        self.ports[port].commands
    }

    fn fault(&mut self, fault: Fault) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(fault);
        }
    }

    fn serial_task(&mut self, index: usize, now_ns: u64) {
        let port = &mut self.ports[index];
        if port.dead {
            port.buffer.clear();
            return;
        }
        if port.buffer.is_empty() {
            let silent = now_ns.saturating_sub(port.last_activity_ns) >= COMMAND_LINE_NS;
            if port.hash_pending && silent {
                port.dead = true;
                port.out.extend_from_slice(GREETING);
                self.fault(Fault::CommandLine);
            }
            return;
        }
        port.last_activity_ns = now_ns;
        port.hash_pending = false;
        let armed = self.sensors.armed;
        let mut stray = Vec::new();
        let mut found = None;
        while let Some(byte) = port.buffer.pop_front() {
            match port.parser.take(byte) {
                Step::Taken => {}
                Step::Stray => {
                    port.hash_pending |= byte == b'#' && !armed;
                    stray.push(byte);
                }
                Step::Command {
                    flags,
                    command,
                    payload,
                } => {
                    found = Some((flags, command, payload));
                    break;
                }
            }
        }
        if !stray.is_empty() {
            self.fault(Fault::StrayBytes(stray));
        }
        if let Some((flags, command, payload)) = found {
            self.ports[index].commands += 1;
            self.obey(index, flags, command, &payload, now_ns);
        }
    }

    fn obey(&mut self, index: usize, flags: u8, command: u16, payload: &[u8], now_ns: u64) {
        if command == SENSOR_GPS {
            self.position(payload, now_ns);
        }
        let known = answer_to(command, payload, &self.settings, &self.sensors, &self.gps);
        let text = match known {
            Some(text) => text,
            None if command == SENSOR_GPS => return,
            None => answer(b'!', command, &[]),
        };
        if flags & 1 != 0 {
            return;
        }
        self.answers += 1;
        let lost = self.loses_answer > 0 && self.answers.is_multiple_of(self.loses_answer);
        let out = &mut self.ports[index].out;
        if !lost && out.len() + text.len() <= OUT_MAX {
            out.extend(text);
        }
    }

    fn position(&mut self, payload: &[u8], now_ns: u64) {
        let Ok(payload) = <&[u8; 52]>::try_from(payload) else {
            return self.fault(Fault::PositionLength(payload.len()));
        };
        let position = Taken::decode(payload);
        if position.satellites == 99 {
            self.fault(Fault::EstimatedFix);
        }
        if position.year != 0 {
            self.fault(Fault::Time);
        }
        if !course_agrees(&position) {
            self.fault(Fault::Course);
        }
        if self.positions.len() < POSITIONS_MAX {
            self.positions.push((now_ns, position));
        }
        self.gps.frame(position, now_ns);
    }
}

fn course_agrees(position: &Taken) -> bool {
    let [north, east, _] = position.velocity_cmps.map(f64::from);
    if libm::hypot(north, east) < 1.0 {
        return true;
    }
    let told = f64::from(position.course_cdeg) * 0.01;
    let difference = (libm::atan2(east, north).to_degrees() - told).rem_euclid(360.0);
    difference.min(360.0 - difference) < 0.02
}
