//! The live link to iNav against the fake: what a right companion sees, and how wrong ones fail on it.

#![allow(clippy::expect_used, clippy::panic)]

use companion::autopilot::inav::{Evidence, INavLink, SENSOR_GPS_FRAME, SensorGps};
use companion::autopilot::live::{AutopilotLink, LinkEvent, LinkOutput};
use companion::autopilot::msp::{Direction, MspFrame};
use companion::navigator::{Airframe, Input, MonotonicNs, Severity};
use sitl::fake_inav::{FakeInav, FakeSettings, Fault};

const MS: u64 = 1_000_000;
const SECOND: u64 = 1000 * MS;
const GPS_PERIOD: u64 = 100 * MS;

/// A position over Kyiv, eastbound.
fn position(fix_type: u8) -> SensorGps {
    SensorGps {
        instance: 0,
        gps_week: u16::MAX,
        ms_tow: 0,
        fix_type,
        satellites: 10,
        horizontal_accuracy_mm: 2500,
        vertical_accuracy_mm: 4000,
        velocity_accuracy_cmps: 30,
        hdop_x100: 100,
        longitude_e7: 305_000_000,
        latitude_e7: 504_500_000,
        altitude_cm: 15_000,
        velocity_ned_cmps: [0, 1500, 0],
        ground_course_cdeg: 9000,
        true_yaw_cdeg: u16::MAX,
        year: 0,
        month_to_second: [0; 5],
    }
}

struct Rig {
    fake: FakeInav,
    link: INavLink,
    now: u64,
    /// What is told ten times a second.
    told: Option<SensorGps>,
    inputs: Vec<Input>,
    events: Vec<LinkEvent>,
    sent: Vec<(u64, Vec<u8>)>,
}

impl Rig {
    fn new(settings: FakeSettings) -> Self {
        let mut link = INavLink::default();
        link.opened(MonotonicNs(0));
        Self {
            fake: FakeInav::new(settings, 1, 0),
            link,
            now: 0,
            told: Some(position(3)),
            inputs: Vec::new(),
            events: Vec::new(),
            sent: Vec::new(),
        }
    }

    fn run(&mut self, seconds: f64) {
        let end = self.now + (seconds * SECOND as f64) as u64;
        while self.now < end {
            self.now += MS;
            let now = MonotonicNs(self.now);
            if self.now.is_multiple_of(GPS_PERIOD)
                && let Some(told) = &self.told
            {
                self.link.position(&told.frame(), now);
            }
            if now >= self.link.next_deadline() {
                self.link.poll(now);
            }
            self.work_off();
            self.fake.run_to(self.now);
            let heard = self.fake.take_output(0);
            if !heard.is_empty() {
                self.link.receive(&heard, now);
            }
            self.work_off();
        }
    }

    fn work_off(&mut self) {
        while let Some(output) = self.link.next_output() {
            match output {
                LinkOutput::Send(frame) => {
                    self.fake.receive(0, frame.bytes());
                    self.sent.push((self.now, frame.bytes().to_vec()));
                }
                LinkOutput::Input(input) => self.inputs.push(input),
                LinkOutput::Event(event) => self.events.push(event),
                _ => {}
            }
        }
    }

    fn told(&self, words: &str) -> Option<&LinkEvent> {
        self.events.iter().find(|event| event.text.contains(words))
    }

    fn attitudes(&self) -> usize {
        let attitude = |input: &&Input| matches!(input, Input::Attitude(_));
        self.inputs.iter().filter(attitude).count()
    }
}

#[test]
fn an_inav_that_is_set_up_takes_every_position_and_the_link_proves_it() {
    let mut rig = Rig::new(FakeSettings::default());
    rig.run(12.0);
    assert_eq!(rig.fake.faults(), []);
    assert!(rig.fake.navigates());
    assert!(rig.link.is_delivering(), "{:?}", rig.events);
    assert_eq!(rig.link.findings(), Some(&[][..]));
    let proof = rig.told("takes our positions").expect("the proof is told");
    assert_eq!(proof.severity, Severity::Info);
    assert!(proof.time.0 < 8 * SECOND, "{:?}", proof.time);
    let (_, taken) = rig.fake.positions().last().expect("positions");
    assert_eq!(
        (taken.latitude_e7, taken.longitude_e7, taken.altitude_cm),
        (504_500_000, 305_000_000, 15_000)
    );
    assert_eq!(
        rig.fake.gps().statistics().2,
        [250, 400],
        "millimetres in, centimetres out"
    );
}

#[test]
fn the_port_is_never_asked_more_than_one_command_in_ten_milliseconds() {
    let mut rig = Rig::new(FakeSettings::default());
    rig.run(60.0);
    // Until the first position came nobody knows when the next one will.
    let begin = rig
        .sent
        .iter()
        .position(|(at, _)| *at > SECOND)
        .expect("commands");
    for pair in rig.sent[begin..].windows(2) {
        let apart = pair[1].0 - pair[0].0;
        assert!(apart >= 10 * MS, "{apart} ns apart at {} ns", pair[1].0);
    }
    assert!(rig.sent.len() <= 6000);
    let positions = rig
        .sent
        .iter()
        .filter(|(_, bytes)| bytes.len() == SENSOR_GPS_FRAME);
    assert_eq!(positions.count(), 600, "every position, at its time");
    assert!(rig.attitudes() >= 25 * 58, "{} attitudes", rig.attitudes());
    assert_eq!(rig.fake.faults(), []);
}

#[test]
fn sensors_become_inputs_and_our_own_position_never_does() {
    let mut rig = Rig::new(FakeSettings::default());
    rig.fake.sensors.attitude_deg = [10.0, 5.0, 350.0];
    rig.fake.sensors.baro_m = 300.0;
    rig.fake.sensors.airspeed_mps = 17.5;
    rig.fake.sensors.armed = true;
    rig.run(15.0);
    let mut kinds = [false; 4];
    for input in &rig.inputs {
        match input {
            Input::Attitude(attitude) => {
                kinds[0] = true;
                assert!((attitude.roll_rad.to_degrees() - 10.0).abs() < 0.06);
                assert!(
                    (attitude.pitch_rad.to_degrees() - 5.0).abs() < 0.06,
                    "nose up"
                );
                assert!((attitude.yaw_rad.to_degrees() - 350.0).abs() < 0.6);
            }
            Input::Barometer(barometer) => {
                kinds[1] = true;
                assert!((barometer.static_pressure_pa - 97_773.0).abs() < 5.0);
            }
            Input::AirData(air) => {
                kinds[2] = true;
                assert!((air.indicated_airspeed_mps - 17.5).abs() < 0.01);
            }
            Input::FlightState(state) => {
                kinds[3] |= state.armed && state.airframe == Airframe::FixedWing;
            }
            other => panic!("{other:?} is no input that iNav can give"),
        }
    }
    assert_eq!(kinds, [true; 4]);
}

#[test]
fn airspeed_that_inav_computes_from_our_own_positions_is_not_used() {
    let settings = FakeSettings {
        pitot_hardware: 4,
        ..FakeSettings::default()
    };
    let mut rig = Rig::new(settings);
    rig.fake.sensors.airspeed_mps = 17.5;
    rig.run(10.0);
    let used = rig
        .inputs
        .iter()
        .any(|input| matches!(input, Input::AirData(_)));
    assert!(!used);
    assert!(rig.told("pitot_hardware is VIRTUAL").is_some());
}

#[test]
fn decoding_alone_is_no_proof() {
    let settings = FakeSettings {
        gps_provider: 0,
        max_eph_epv_cm: 1000.0,
        ..FakeSettings::default()
    };
    let mut rig = Rig::new(settings);
    rig.run(15.0);
    assert_eq!(
        rig.fake.gps().raw_fix(),
        2,
        "the position comes back all the same"
    );
    assert!(!rig.link.is_delivering());
    let problem = rig.told("does not take our positions").expect("told");
    assert_eq!(problem.severity, Severity::Critical);
    assert!(rig.told("set gps_provider = MSP").is_some());
    assert!(rig.told("inav_max_eph_epv is 1000 cm").is_some());
    rig.told = None;
    rig.run(5.0);
    assert_eq!(rig.fake.gps().raw_fix(), 2, "and it sticks");
}

#[test]
fn lost_answers_cost_samples_and_nothing_else() {
    let mut rig = Rig::new(FakeSettings::default());
    rig.fake.loses_answer = 5;
    rig.run(30.0);
    let (bad, unanswered) = rig.link.failures();
    assert_eq!(bad, 0);
    assert!(unanswered > 100, "{unanswered}");
    assert!(rig.attitudes() > 10 * 30, "{}", rig.attitudes());
    assert!(rig.link.is_delivering());
    assert_eq!(rig.link.findings(), Some(&[][..]));
    assert_eq!(rig.fake.faults(), []);
}

#[test]
fn an_inav_that_was_started_anew_is_read_and_proven_anew() {
    let mut rig = Rig::new(FakeSettings::default());
    rig.run(10.0);
    assert!(rig.link.is_delivering());
    // Its serial task is dead while it starts.
    let port_dead_until = rig.now + 3 * SECOND;
    let fake = std::mem::replace(
        &mut rig.fake,
        FakeInav::new(FakeSettings::default(), 1, u64::MAX / 2),
    );
    rig.run(3.0);
    rig.fake = fake;
    rig.fake.reboot(port_dead_until);
    rig.events.clear();
    rig.run(12.0);
    assert!(rig.link.is_delivering());
    assert!(
        rig.told("takes our positions").is_some(),
        "{:?}",
        rig.events
    );
}

#[test]
fn a_clean_end_withdraws_the_position_and_keeps_the_sensor() {
    let mut rig = Rig::new(FakeSettings::default());
    rig.run(10.0);
    rig.link.end(MonotonicNs(rig.now));
    rig.told = None;
    rig.work_off();
    for _ in 0..100 {
        rig.now += MS;
        rig.fake.run_to(rig.now);
    }
    assert_eq!(rig.fake.gps().raw_fix(), 0);
    assert!(rig.fake.gps().sensor());
    assert_eq!(rig.fake.faults(), []);
}

#[test]
fn the_command_line_of_the_autopilot_is_noticed_and_named() {
    let mut rig = Rig::new(FakeSettings::default());
    rig.run(2.0);
    // Somebody else on the port.
    rig.told = None;
    rig.link.closed(MonotonicNs(rig.now));
    rig.fake.receive(0, b"#");
    rig.run(0.3);
    assert!(rig.fake.is_dead(0));
    let problem = rig.told("command line is open").expect("told");
    assert_eq!(problem.severity, Severity::Critical);
}

#[test]
fn every_sign_that_is_missing_has_its_own_words() {
    let all = Evidence {
        sensor_bit: Some(true),
        sensor_status: Some(1),
        last_dt_ms: Some(100),
        fix: Some(2),
    };
    assert_eq!(all.missing(), None);
    let none = Evidence::default().missing();
    let sick = Evidence {
        sensor_status: Some(3),
        ..all
    }
    .missing();
    let slow = Evidence {
        last_dt_ms: Some(400),
        ..all
    }
    .missing();
    let flat = Evidence {
        fix: Some(1),
        ..all
    }
    .missing();
    let words = [none, sick, slow, flat];
    assert!(words.iter().all(Option::is_some));
    for (index, one) in words.iter().enumerate() {
        assert!(!words[index + 1..].contains(one));
    }
}

// What follows is the fake alone: the ways in which a wrong companion fails on it.

fn fake() -> FakeInav {
    FakeInav::new(FakeSettings::default(), 2, 0)
}

/// Sends `bytes` every 100 ms on port 0, for so long.
fn feed(fake: &mut FakeInav, from: u64, seconds: u64, bytes: &[u8]) -> u64 {
    let end = from + seconds * SECOND;
    let mut now = from;
    while now < end {
        fake.receive(0, bytes);
        now += GPS_PERIOD;
        fake.run_to(now);
    }
    end
}

fn frame(command: u16, payload: &[u8]) -> Vec<u8> {
    let frame = MspFrame {
        direction: Direction::Request,
        flags: 0,
        command,
        payload,
    };
    let mut bytes = vec![0; 600];
    let length = frame.encode(&mut bytes).expect("a frame");
    bytes.truncate(length);
    bytes
}

#[test]
fn silence_ends_the_sensor_after_a_second_and_five_silences_its_health() {
    let mut fake = fake();
    let mut now = feed(&mut fake, 0, 6, &position(3).frame());
    assert!(fake.navigates());
    for silence in 1..=5 {
        let last = now;
        fake.run_to(last + 900 * MS);
        assert!(fake.gps().sensor());
        fake.run_to(last + 1200 * MS);
        assert!(!fake.gps().sensor());
        assert_eq!(fake.gps().raw_fix(), 0);
        assert_eq!(fake.gps().health(), if silence > 4 { 2 } else { 1 });
        now = feed(&mut fake, last + 1200 * MS, 2, &position(3).frame());
        assert!(fake.navigates(), "silence {silence}");
    }
}

#[test]
fn fix_types_satellites_and_accuracy_decide_what_is_navigated_on() {
    for (fix, raw) in [(3, 2), (2, 1), (0, 0)] {
        let mut fake = fake();
        feed(&mut fake, 0, 6, &position(fix).frame());
        assert_eq!((fake.gps().raw_fix(), fake.gps().sensor()), (raw, true));
        assert_eq!(fake.navigates(), fix == 3);
    }
    let few = SensorGps {
        satellites: 5,
        ..position(3)
    };
    let mut poor = fake();
    feed(&mut poor, 0, 6, &few.frame());
    assert_eq!((poor.gps().raw_fix(), poor.navigates()), (2, false));
    let coarse = SensorGps {
        horizontal_accuracy_mm: 10_000,
        ..position(3)
    };
    let mut poor = FakeInav::new(
        FakeSettings {
            max_eph_epv_cm: 1000.0,
            ..FakeSettings::default()
        },
        1,
        0,
    );
    feed(&mut poor, 0, 6, &coarse.frame());
    assert_eq!((poor.gps().raw_fix(), poor.navigates()), (2, false));
    // Centimetres in the place of millimetres: ten times too sure.
    let unit = SensorGps {
        horizontal_accuracy_mm: 1000,
        ..position(3)
    };
    let mut sure = fake();
    feed(&mut sure, 0, 6, &unit.frame());
    assert_eq!(sure.gps().statistics().2[0], 100, "10 m became 1 m");
    let estimated = SensorGps {
        satellites: 99,
        ..position(3)
    };
    let mut confused = fake();
    feed(&mut confused, 0, 6, &estimated.frame());
    assert!(!confused.navigates() && confused.gps().is_estimated());
    assert!(confused.faults().contains(&Fault::EstimatedFix));
}

#[test]
fn frames_in_the_first_seconds_give_no_fix() {
    let mut fake = fake();
    feed(&mut fake, 0, 3, &position(3).frame());
    assert_eq!(fake.gps().raw_fix(), 0);
    feed(&mut fake, 3 * SECOND, 1, &position(3).frame());
    assert_eq!(fake.gps().raw_fix(), 2);
}

#[test]
fn a_stray_hash_and_a_tenth_of_a_second_of_silence_kill_the_port() {
    let mut one = fake();
    one.receive(0, b"hello # world");
    one.run_to(200 * MS);
    assert!(one.is_dead(0) && !one.is_dead(1), "one port only");
    assert!(one.faults().contains(&Fault::CommandLine));
    assert!(String::from_utf8_lossy(&one.take_output(0)).contains("Entering CLI"));
    one.receive(0, &frame(108, &[]));
    one.run_to(SECOND);
    assert_eq!(
        one.take_output(0),
        [0_u8; 0],
        "and nothing brings it back but a new start"
    );
    one.reboot(SECOND);
    one.receive(0, &frame(108, &[]));
    one.run_to(2 * SECOND);
    assert!(!one.take_output(0).is_empty());

    // Inside a frame, before the silence is over, or while armed, it is harmless.
    let mut inside = fake();
    inside.receive(0, &frame(0x1003, b"##########\0"));
    inside.run_to(SECOND);
    assert!(!inside.is_dead(0));
    let mut busy = fake();
    busy.receive(0, b"#");
    busy.run_to(50 * MS);
    busy.receive(0, &frame(108, &[]));
    busy.run_to(SECOND);
    assert!(!busy.is_dead(0));
    let mut armed = fake();
    armed.sensors.armed = true;
    armed.receive(0, b"#");
    armed.run_to(SECOND);
    assert!(!armed.is_dead(0));
}

#[test]
fn a_truncated_frame_swallows_the_next_and_a_stray_dollar_loses_it() {
    let whole = frame(108, &[]);
    let mut one = fake();
    one.receive(0, &position(3).frame()[..30]);
    one.run_to(SECOND);
    one.receive(0, &whole);
    one.run_to(2 * SECOND);
    assert_eq!(one.take_output(0), [0_u8; 0]);

    let mut two = fake();
    two.receive(0, b"$");
    two.receive(0, &whole);
    two.run_to(SECOND);
    assert_eq!(two.take_output(0), [0_u8; 0]);
    two.receive(0, &whole);
    two.run_to(2 * SECOND);
    assert!(!two.take_output(0).is_empty());
}

#[test]
fn wrong_checksums_long_payloads_and_wrong_lengths_are_found_out() {
    let mut one = fake();
    let mut broken = position(3).frame();
    broken[60] ^= 1;
    feed(&mut one, 0, 5, &broken);
    assert_eq!(one.positions(), []);
    let mut long = fake();
    long.receive(0, &frame(0x1F03, &[0; 193]));
    long.run_to(SECOND);
    assert_eq!(long.commands(0), 0);
    let mut short = fake();
    short.receive(0, &frame(0x1F03, &[0; 51]));
    short.run_to(SECOND);
    assert!(short.faults().contains(&Fault::PositionLength(51)));
    assert_eq!(
        short.take_output(0),
        [0_u8; 0],
        "a position is never answered"
    );
}

#[test]
fn a_burst_overruns_the_buffer_and_two_frames_in_one_run_are_one() {
    let mut one = fake();
    for _ in 0..6 {
        one.receive(0, &position(3).frame());
    }
    assert!(matches!(one.faults(), [Fault::Overrun(_), ..]));
    one.run_to(39 * MS);
    assert_eq!(one.commands(0), 4, "one in ten milliseconds");
}

#[test]
fn positions_on_one_port_and_questions_on_another_work() {
    let mut one = fake();
    let mut answers = 0;
    for step in 0..60 {
        one.receive(0, &position(3).frame());
        one.receive(1, &frame(106, &[]));
        one.run_to(step * GPS_PERIOD);
        answers += usize::from(!one.take_output(1).is_empty());
    }
    assert!(one.navigates());
    assert!(answers >= 50, "{answers}");
    assert_eq!(one.take_output(0), [0_u8; 0]);
}
