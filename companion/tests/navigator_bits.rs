//! The same inputs give the same bits on every processor: the vectors below hold on x86-64
//! (`cargo test`) and on aarch64 (`just aarch64-core`).
//!
//! Whoever changes the estimator on purpose raises `CORE_VERSION` and takes over what the test prints.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/straight_flight.rs"]
mod straight_flight;

use companion::navigator::{
    CORE_VERSION, EmittedExternalPosition, Input, Navigator, NavigatorConfig, Output, Outputs, Tick,
};
use straight_flight::{SECOND, straight_flight};

/// Core version the vectors were made with.
const VERSION: u32 = 3;
/// Second of the flight, and the digest of every position emitted until then.
const VECTORS: [(u64, u64); 4] = [
    (1, 0x2765_822d_e526_0c07),
    (30, 0x3ab7_4246_72bd_133e),
    (60, 0xbed0_652d_4e46_7d29),
    (120, 0x4368_efc9_2fee_1d7e),
];

/// Noise in [-1, 1) from integer arithmetic alone.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }
}

/// A flight that weaves and shakes, so that no matrix element stays zero.
fn shaken_flight() -> Vec<Input> {
    let mut noise = Noise(20_261_121);
    let mut inputs = straight_flight(120, 70, 100);
    for input in &mut inputs {
        // A triangle wave of 20 s: roll to 0.5 rad and back, both ways.
        let phase = (input.time().0 % (20 * SECOND)) as f64 / (20 * SECOND) as f64;
        let roll = if phase < 0.5 {
            2.0 * phase - 0.5
        } else {
            1.5 - 2.0 * phase
        };
        match input {
            Input::Imu(sample) => {
                sample.angular_rate_frd_radps = [0.02, 0.05, 0.1].map(|rate| rate * roll * 4.0);
                sample.specific_force_frd_mps2[1] += 0.3 * noise.next();
                sample.specific_force_frd_mps2[2] += 0.5 * noise.next();
            }
            Input::Attitude(sample) => {
                sample.roll_rad = roll + 0.01 * noise.next();
                sample.pitch_rad = 0.05 + 0.01 * noise.next();
                sample.yaw_rad = 0.4 * roll;
            }
            Input::AirData(sample) => sample.indicated_airspeed_mps += noise.next(),
            Input::Barometer(sample) => sample.static_pressure_pa += 20.0 * noise.next(),
            Input::FcGps(fix) => fix.lat_rad += 3e-7 * noise.next(),
            _ => {}
        }
    }
    inputs
}

/// FNV-1a over the bits of everything that a position says.
fn digest(state: u64, position: &EmittedExternalPosition) -> u64 {
    let ellipse = &position.ellipse_95;
    let numbers = [
        position.lat_rad,
        position.lon_rad,
        position.alt_msl_m,
        position.horiz_accuracy_m,
        position.vert_accuracy_m,
        position.speed_accuracy_mps,
        ellipse.semi_major_m,
        ellipse.semi_minor_m,
        ellipse.orientation_rad,
    ];
    let all = numbers
        .iter()
        .chain(&position.vel_ned_mps)
        .chain(&position.covariance.0);
    all.flat_map(|number| number.to_bits().to_le_bytes())
        .fold(state, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
}

#[test]
fn the_same_inputs_give_the_same_bits_on_every_processor() {
    let mut navigator = Navigator::new(&NavigatorConfig::default());
    let mut outputs = Outputs::default();
    let mut hash = 0xcbf2_9ce4_8422_2325;
    let mut found = Vec::new();
    for input in shaken_flight() {
        while let Some(due) = navigator.next_deadline().filter(|due| *due <= input.time()) {
            navigator.handle(&Input::Tick(Tick { time: due }), &mut outputs);
            for output in outputs.iter() {
                if let Output::Position(position) = output {
                    hash = digest(hash, position);
                    let wanted = VECTORS
                        .iter()
                        .find(|(second, _)| position.time.0 == second * SECOND);
                    found.extend(wanted.map(|(second, _)| (*second, hash)));
                }
            }
        }
        navigator.handle(&input, &mut outputs);
    }
    let text: Vec<String> = found
        .iter()
        .map(|(s, h)| format!("({s}, {h:#018x})"))
        .collect();
    println!(
        "core version {CORE_VERSION}, {}: {}",
        std::env::consts::ARCH,
        text.join(", ")
    );
    assert_eq!(
        CORE_VERSION, VERSION,
        "the vectors belong to another version of the core"
    );
    assert_eq!(found, VECTORS);
}
