//! How a wrong companion fails on the fake, and what each row of the degradation table does to it.

use companion::autopilot::{AutopilotConfig, Emitter};
use companion::navigator::{
    Covariance6, Ellipse95, EmittedExternalPosition, FixType, MonotonicNs, SourceLabel,
};
use mavlink::dialects::ardupilotmega::{GPS_INPUT_DATA, GpsInputIgnoreFlags, MavMessage};
use sitl::fake_ardupilot::{
    Aiding, COMPANION, FLAG_GLITCH, FLAGS_LOST, FakeArduPilot, OwnReceiver, Parameters,
};

use crate::rig::{MS, S};

/// A companion that sends what a test says.
struct Hand {
    fake: FakeArduPilot,
    emitter: Emitter,
    now: u64,
    period_ms: u64,
}

/// What it says beside the truth.
#[derive(Clone, Copy)]
struct Say {
    offset_m: f64,
    accuracy_m: f64,
    speed_accuracy_mps: f64,
    velocity_factor: f64,
    fix: FixType,
}

const RIGHT: Say = Say {
    offset_m: 0.0,
    accuracy_m: 5.0,
    speed_accuracy_mps: 0.5,
    velocity_factor: 1.0,
    fix: FixType::ThreeD,
};

impl Hand {
    /// Ours is the only receiver.
    fn new() -> Self {
        let mut parameters = Parameters::default();
        parameters.set("GPS1_TYPE", 0.0);
        let mut fake = FakeArduPilot::flying(MonotonicNs(0));
        fake.own = OwnReceiver::Absent;
        fake.parameters = parameters;
        fake.reboot();
        Self {
            fake,
            emitter: Emitter::new(&AutopilotConfig::default()),
            now: 0,
            period_ms: 100,
        }
    }

    fn started() -> Self {
        let mut hand = Self::new();
        hand.say(RIGHT, 15.0);
        assert_eq!(hand.fake.filter().aiding(), Aiding::Aided);
        hand
    }

    fn position(&self, say: Say) -> EmittedExternalPosition {
        let truth = self.fake.truth();
        let offset = nalgebra::Vector3::new(say.offset_m, 0.0, 0.0);
        let place = truth.place.moved(&offset);
        EmittedExternalPosition {
            time: MonotonicNs(self.now),
            lat_rad: place.lat_rad,
            lon_rad: place.lon_rad,
            alt_msl_m: place.alt_msl_m,
            vel_ned_mps: (truth.velocity_ned_mps * say.velocity_factor).into(),
            covariance: Covariance6([1.0; 21]),
            ellipse_95: Ellipse95 {
                semi_major_m: 1.0,
                semi_minor_m: 1.0,
                orientation_rad: 0.0,
            },
            horiz_accuracy_m: say.accuracy_m,
            vert_accuracy_m: 4.0,
            speed_accuracy_mps: say.speed_accuracy_mps,
            source_label: SourceLabel::DeadReckoned,
            last_satellite_anchor_age_ms: None,
            fix_type: say.fix,
        }
    }

    fn say(&mut self, say: Say, s: f64) {
        for _ in 0..(s * 1e3) as u64 / self.period_ms {
            let bytes = self.emitter.emit(&self.position(say));
            self.fake
                .receive(COMPANION, bytes.as_slice(), MonotonicNs(self.now));
            self.pass(self.period_ms * MS);
        }
    }

    fn be_silent(&mut self, s: f64) {
        self.pass((s * 1e9) as u64);
    }

    fn pass(&mut self, ns: u64) {
        let end = self.now + ns;
        while self.now < end {
            self.now += 5 * MS;
            self.fake.advance(MonotonicNs(self.now));
        }
    }

    fn packet(&mut self, change: impl FnOnce(&mut GPS_INPUT_DATA)) {
        let position = self.position(RIGHT);
        let mut data = companion::autopilot::ardupilot::gps_input(&position, 1);
        change(&mut data);
        let us = companion::autopilot::mavlink::Sender {
            system: 1,
            component: 191,
        };
        let message = MavMessage::GPS_INPUT(data);
        let class = companion::link::FrameClass::Ordinary;
        let frame = companion::link::OutgoingFrame::mavlink(&message, us, class);
        self.fake
            .receive(COMPANION, frame.bytes(), MonotonicNs(self.now));
    }

    fn offset_m(&self) -> f64 {
        self.fake.filter().shown_offset().norm()
    }

    fn was_told(&self, part: &str) -> bool {
        self.fake.told().iter().any(|text| text.contains(part))
    }
}

#[test]
fn the_right_place_is_repeated_exactly_and_used_after_eleven_to_thirteen_seconds() {
    let mut hand = Hand::new();
    let sent = hand.position(RIGHT);
    hand.say(RIGHT, 0.1);
    let report = hand.fake.report(1).unwrap();
    assert_eq!(
        report.lat_e7,
        (sent.lat_rad.to_degrees() * 1e7).round() as i32
    );
    assert_eq!((report.fix, report.satellites), (3, 10));
    hand.say(RIGHT, 10.0);
    assert_eq!(hand.fake.filter().aiding(), Aiding::Unaided);
    hand.say(RIGHT, 3.0);
    assert!(hand.was_told("EKF3 IMU0 is using GPS"));
}

#[test]
fn another_instance_or_the_autopilots_own_identity_is_dropped_without_a_word() {
    let mut hand = Hand::new();
    hand.packet(|data| data.gps_id = 0);
    assert!(!hand.was_told("detected"));
    hand.packet(|data| data.gps_id = 1);
    assert!(hand.was_told("GPS 2: detected MAV"));
}

#[test]
fn coarse_or_poor_positions_never_start_it_and_the_text_says_why() {
    for (accuracy_m, speed, text) in [(8.0, 0.5, "GPS horiz error"), (5.0, 1.5, "GPS speed error")]
    {
        let mut hand = Hand::new();
        let say = Say {
            accuracy_m,
            speed_accuracy_mps: speed,
            ..RIGHT
        };
        hand.say(say, 30.0);
        assert_eq!(hand.fake.filter().aiding(), Aiding::Unaided);
        assert!(hand.was_told(text), "{:?}", hand.fake.told());
    }
    let mut hand = Hand::new();
    for _ in 0..200 {
        hand.packet(|data| data.satellites_visible = 5);
        hand.pass(100 * MS);
    }
    assert!(hand.was_told("GPS numsats 5 (needs 6)"));
}

#[test]
fn two_hertz_is_unhealthy_and_silence_is_noticed_only_after_four_seconds() {
    let mut hand = Hand::started();
    assert!(hand.fake.gps_is_healthy());
    hand.period_ms = 500;
    hand.say(RIGHT, 10.0);
    assert!(!hand.fake.gps_is_healthy());
    hand.be_silent(3.0);
    assert_eq!(
        hand.fake.report(1).unwrap().fix,
        3,
        "a silent companion is still believed"
    );
    hand.be_silent(1.5);
    let report = hand.fake.report(1).unwrap();
    assert_eq!((report.fix, report.satellites), (1, 0));
}

#[test]
fn an_ignored_velocity_is_the_last_one_for_ever_and_an_ignored_hdop_unknown_after_a_gap() {
    let mut hand = Hand::started();
    let before = hand.fake.report(1).unwrap().velocity_mps;
    hand.pass(20 * S);
    let ignore = GpsInputIgnoreFlags::GPS_INPUT_IGNORE_FLAG_VEL_HORIZ
        | GpsInputIgnoreFlags::GPS_INPUT_IGNORE_FLAG_HDOP
        | GpsInputIgnoreFlags::GPS_INPUT_IGNORE_FLAG_ALT;
    hand.packet(|data| data.ignore_flags = ignore);
    let report = hand.fake.report(1).unwrap();
    assert_eq!(
        report.velocity_mps, [0.0; 3],
        "forgotten in the gap, never given again"
    );
    assert_ne!(before, report.velocity_mps);
    assert_eq!(report.hdop_x100, u16::MAX);
    assert_eq!(report.alt_cm, 0);
}

#[test]
fn degradation_up_to_the_cap_a_coarse_honest_fix_is_followed_gently_and_harmless() {
    let mut hand = Hand::started();
    hand.say(
        Say {
            offset_m: 90.0,
            accuracy_m: 90.0,
            ..RIGHT
        },
        40.0,
    );
    assert_eq!(hand.fake.flags() & FLAG_GLITCH, 0);
    assert!(hand.offset_m() < 30.0, "{} m", hand.offset_m());
}

#[test]
fn degradation_fix_2_or_fix_1_withdraws_and_the_autopilot_dead_reckons() {
    for fix in [FixType::TwoD, FixType::None] {
        let mut hand = Hand::started();
        hand.say(Say { fix, ..RIGHT }, 0.2);
        assert!(!hand.fake.gps_is_healthy(), "health falls at once");
        hand.say(Say { fix, ..RIGHT }, 12.0);
        assert_eq!(hand.fake.flags(), FLAGS_LOST);
        assert!(hand.was_told("stopped aiding"));
    }
}

#[test]
fn degradation_a_withdrawn_fix_is_taken_back_only_when_fine_and_then_without_a_gate() {
    let mut hand = Hand::started();
    let withdrawn = Say {
        fix: FixType::None,
        ..RIGHT
    };
    hand.say(withdrawn, 15.0);
    hand.say(
        Say {
            accuracy_m: 20.0,
            ..RIGHT
        },
        20.0,
    );
    assert_eq!(
        hand.fake.filter().aiding(),
        Aiding::Lost,
        "a coarse one is never taken back"
    );
    let resets = hand.fake.filter().resets();
    hand.say(
        Say {
            offset_m: 400.0,
            accuracy_m: 7.0,
            ..RIGHT
        },
        0.5,
    );
    assert_eq!(hand.fake.filter().aiding(), Aiding::Aided);
    assert_eq!(hand.fake.filter().resets(), resets + 1);
    assert!(hand.offset_m() > 390.0, "it was set onto ours, however far");
}

#[test]
fn degradation_a_short_withdrawal_is_smooth() {
    let mut hand = Hand::started();
    let resets = hand.fake.filter().resets();
    hand.say(
        Say {
            fix: FixType::None,
            ..RIGHT
        },
        4.0,
    );
    hand.say(RIGHT, 5.0);
    assert_eq!(hand.fake.filter().resets(), resets);
    assert!(hand.offset_m() < 5.0);
}

#[test]
fn a_wrong_position_is_rejected_for_four_seconds_and_then_believed() {
    let wrong = Say {
        offset_m: 200.0,
        ..RIGHT
    };
    let mut hand = Hand::started();
    hand.say(wrong, 3.0);
    assert_ne!(hand.fake.flags() & FLAG_GLITCH, 0);
    assert!(hand.offset_m() < 5.0, "outliers up to 3 s do no harm");
    hand.say(RIGHT, 2.0);
    assert!(hand.offset_m() < 5.0);
    hand.say(wrong, 5.0);
    assert!(
        hand.offset_m() > 190.0,
        "what is not withdrawn within 4 s is shown"
    );
    hand.say(wrong, 6.0);
    assert_eq!(
        hand.fake.flags() & FLAG_GLITCH,
        0,
        "and at 10 s the filter starts on it"
    );
}

#[test]
fn zero_velocity_raises_the_glitch_bit() {
    let mut hand = Hand::started();
    hand.say(
        Say {
            velocity_factor: 0.0,
            ..RIGHT
        },
        5.0,
    );
    assert_ne!(hand.fake.flags() & FLAG_GLITCH, 0);
    assert!(hand.offset_m() < 5.0);
}

#[test]
fn a_slow_drift_is_followed_when_we_claim_5_m_and_resisted_when_we_admit_30() {
    for (accuracy_m, low, high) in [(5.0, 60.0, 110.0), (30.0, 5.0, 35.0)] {
        let mut hand = Hand::started();
        for step in 0..400 {
            let offset_m = 0.3 * f64::from(step);
            hand.say(
                Say {
                    offset_m,
                    accuracy_m,
                    ..RIGHT
                },
                0.1,
            );
        }
        assert_eq!(hand.fake.flags() & FLAG_GLITCH, 0);
        let offset = hand.offset_m();
        assert!(
            (low..high).contains(&offset),
            "{offset} of 120 m at {accuracy_m} m"
        );
    }
}

#[test]
fn a_spoofed_primary_receiver_is_followed_until_the_switch_is_made() {
    for (switch, primary, followed) in [(0.0, 0.0, 0), (4.0, 1.0, 1)] {
        let mut hand = Hand::new();
        hand.fake.parameters.set("GPS1_TYPE", 1.0);
        hand.fake.parameters.set("GPS_AUTO_SWITCH", switch);
        hand.fake.parameters.set("GPS_PRIMARY", primary);
        hand.fake.own = OwnReceiver::Good;
        hand.fake.reboot();
        hand.say(RIGHT, 15.0);
        hand.fake.own = OwnReceiver::Spoofed([200.0, 0.0]);
        hand.say(RIGHT, 15.0);
        assert_eq!(hand.fake.followed(), followed);
        assert_eq!(
            hand.offset_m() > 100.0,
            followed == 0,
            "{} m",
            hand.offset_m()
        );
    }
}
