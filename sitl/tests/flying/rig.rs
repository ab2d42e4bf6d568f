//! Companion and fake autopilot in one simulated time.

use std::sync::Arc;

use companion::autopilot::ardupilot::{ArduPilotLink, Install, SigningStart};
use companion::autopilot::mavlink::{
    Frame, FrameSigner, Framer, Received, Sender, Signing, SigningClock, SigningKey, finish_frame,
};
use companion::config::Configuration;
use companion::flight::{Cockpit, Departures};
use companion::link::{FC_LINK, FRAME_ROOM, FrameClass, Notice, OutgoingFrame};
use companion::navigator::MonotonicNs;
use companion::pipeline::Pipeline;
use fdr_format::{Record, RecordType};
use mavlink::dialects::ardupilotmega::MavMessage;
use sitl::fake_ardupilot::{COMPANION, FakeArduPilot, RADIO};

pub const MS: u64 = 1_000_000;
pub const S: u64 = 1_000 * MS;
/// The companion's clock is not the autopilot's.
const START: u64 = 500 * S;
pub const OPERATOR: Sender = Sender {
    system: 255,
    component: 190,
};

/// What the companion decided.
#[derive(Default)]
pub struct Out {
    pub frames: Vec<OutgoingFrame>,
    pub logs: Vec<String>,
    pub records: Vec<RecordType>,
    pub source_sets: Vec<(u8, u8, Option<u8>)>,
    pub rotations: Vec<bool>,
    pub clock_offset_ns: Option<i64>,
    pub kept: Vec<bool>,
    pub reconnects: u32,
}

impl Departures for Out {
    fn record(&mut self, record: &Record<'_>, _: MonotonicNs) {
        self.records.push(record.record_type());
        match record {
            Record::Log(body) => self.logs.push(body.text.to_owned()),
            Record::ComponentLifecycleEvent(body) => self.logs.push(body.text.to_owned()),
            Record::EkfSourceSetCommand(body) => {
                self.source_sets
                    .push((body.source_set, body.attempt, body.result));
            }
            Record::MavlinkSigningKeyRotated(body) => self.rotations.push(body.accepted),
            Record::ClockSync(body) => self.clock_offset_ns = Some(body.offset_ns),
            _ => {}
        }
    }

    fn send(&mut self, link: u8, frame: OutgoingFrame) {
        assert_eq!(link, FC_LINK);
        self.frames.push(frame);
    }

    fn reconnect(&mut self, _: u8) {
        self.reconnects += 1;
    }

    fn keep_key(&mut self, keep: bool) {
        self.kept.push(keep);
    }
}

pub struct Rig {
    pub fake: FakeArduPilot,
    pub cockpit: Cockpit,
    pub out: Out,
    pub signer: Arc<FrameSigner>,
    /// What reached the radio, message by message, with its sender.
    pub radio: Vec<(u64, Sender, MavMessage)>,
    /// Every frame that the companion sent, as it went out.
    pub sent: Vec<(u64, Vec<u8>)>,
    pub mute: bool,
    sequence: u8,
    radio_framer: Framer,
    now: u64,
}

pub fn settings(text: &str) -> Configuration {
    Configuration::parse(text).unwrap()
}

impl Rig {
    pub fn new(configuration: &Configuration) -> Self {
        Self::with_signing(configuration, None)
    }

    /// With a key of the companion's; `ticks` is what its signing clock begins at.
    pub fn signed(configuration: &Configuration, ticks: u64, install: Install) -> Self {
        let key = SigningKey::from_bytes(&[7; 32]);
        let clock = SigningClock::starting_at(ticks, MonotonicNs(START));
        let signing = Arc::new(Signing::new(key, 0, clock));
        Self::with_signing(configuration, Some((signing, install)))
    }

    fn with_signing(
        configuration: &Configuration,
        signing: Option<(Arc<Signing>, Install)>,
    ) -> Self {
        let signer = Arc::new(FrameSigner::default());
        let start = signing.map(|(signing, install)| SigningStart {
            signing,
            signer: Arc::clone(&signer),
            install,
        });
        let link = ArduPilotLink::new(&configuration.autopilot, start);
        let pipeline = Pipeline::new(configuration);
        let mut rig = Self {
            fake: FakeArduPilot::flying(MonotonicNs(START)),
            cockpit: Cockpit::new(configuration, pipeline, Box::new(link), None),
            out: Out::default(),
            signer,
            radio: Vec::new(),
            sent: Vec::new(),
            mute: false,
            sequence: 0,
            radio_framer: Framer::default(),
            now: START,
        };
        rig.open();
        rig
    }

    /// The companion's process is started again with the key that was kept; `ticks` is what its signing
    /// clock begins at.
    pub fn restart(&mut self, ticks: u64) {
        let configuration = settings("[autopilot]\nsigning = true");
        let mut again = Self::signed(&configuration, ticks, Install::Resumed);
        std::mem::swap(&mut self.cockpit, &mut again.cockpit);
        self.signer = again.signer;
        self.sequence = 0;
        self.open();
    }

    pub fn open(&mut self) {
        let opened = Notice::Opened {
            link: FC_LINK,
            time: self.time(),
        };
        self.cockpit.notice(&opened, &mut self.out);
    }

    pub fn time(&self) -> MonotonicNs {
        MonotonicNs(self.now)
    }

    /// Everything runs for so long.
    pub fn run(&mut self, s: f64) {
        let end = self.now + (s * 1e9) as u64;
        while self.now < end {
            self.now += MS;
            self.step();
        }
    }

    fn step(&mut self) {
        let time = self.time();
        self.fake.advance(time);
        let heard = self.fake.take_output(COMPANION);
        if !heard.is_empty() {
            self.cockpit.bytes(FC_LINK, &heard, time, &mut self.out);
        }
        if time >= self.cockpit.next_deadline() {
            self.cockpit.poll(time, &mut self.out);
        }
        let frames = std::mem::take(&mut self.out.frames);
        for frame in frames {
            let mut room = [0; FRAME_ROOM];
            let bytes = finish_frame(&frame, self.sequence, &self.signer, time, &mut room).to_vec();
            self.sequence = self.sequence.wrapping_add(1);
            if !self.mute {
                self.fake.receive(COMPANION, &bytes, time);
            }
            self.sent.push((self.now, bytes));
        }
        let radio = self.fake.take_output(RADIO);
        for piece in radio.chunks(1024) {
            self.radio_framer.push(piece);
            while let Some(received) = self.radio_framer.receive() {
                if let Received::Frame(frame) = received
                    && let Ok(message) = frame.message()
                {
                    self.radio.push((self.now, frame.sender(), message));
                }
            }
        }
    }

    /// The ground station says something over the radio.
    pub fn operator_says(&mut self, message: &MavMessage) {
        let frame = OutgoingFrame::mavlink(message, OPERATOR, FrameClass::Ordinary);
        let time = self.time();
        self.fake.receive(RADIO, frame.bytes(), time);
    }

    /// What the companion sent since `from_s`.
    pub fn messages(&self, from_s: f64) -> Vec<(f64, MavMessage)> {
        let sent = self.sent.iter();
        sent.map(|(at, bytes)| ((*at - START) as f64 * 1e-9, bytes))
            .filter(|(at_s, _)| *at_s >= from_s)
            .map(|(at_s, bytes)| (at_s, Frame::parse(bytes).unwrap().message().unwrap()))
            .collect()
    }

    /// What the companion wrote down.
    pub fn has_logged(&self, part: &str) -> bool {
        self.out.logs.iter().any(|text| text.contains(part))
    }

    /// What the autopilot said.
    pub fn was_told(&self, part: &str) -> bool {
        self.fake.told().iter().any(|text| text.contains(part))
    }
}
