//! A flight that weaves over the ground with a camera: every sensor consistent with one analytic
//! trajectory, seeded noise on top.

#![allow(dead_code, reason = "each test binary uses its own part")]

use companion::navigator::{
    AirData, Airframe, Attitude, Barometer, Displacement, FcGps, FlightState, FrameExposed,
    FrameOutcome, Geodetic, GpsFix, ImuSample, Input, MonotonicNs, SatelliteAnchor, VisualOdometry,
};
use nalgebra::{UnitQuaternion, Vector3};

pub const SECOND: u64 = 1_000_000_000;
pub const ORIGIN: Geodetic = Geodetic {
    lat_rad: 0.85,
    lon_rad: 0.3,
    alt_msl_m: 420.0,
};
pub const AGL_M: f64 = 120.0;
const SPEED_MPS: f64 = 20.0;
const STEPS_PER_SECOND: u64 = 600;

/// How a flight is flown and measured.
#[derive(Debug, Clone, Copy)]
pub struct Flight {
    pub seconds: u64,
    pub gps_until_s: u64,
    /// Frames per second; 0 leaves the camera out.
    pub frame_hz: u64,
    /// All random errors are multiplied by this.
    pub noise: f64,
    /// Constant error of the map, north and east, m.
    pub map_bias_ne_m: [f64; 2],
    /// What the matches claim of it, m.
    pub map_bias_sigma_m: f64,
    /// Relative error of the height above ground.
    pub scale_error: f64,
    /// Relative error that the airspeed takes on when GPS is lost.
    pub airspeed_error: f64,
    pub seed: u64,
}

impl Default for Flight {
    fn default() -> Self {
        Self {
            seconds: 120,
            gps_until_s: 40,
            frame_hz: 3,
            noise: 1.0,
            map_bias_ne_m: [0.0; 2],
            map_bias_sigma_m: 0.0,
            scale_error: 0.0,
            airspeed_error: 0.0,
            seed: 1,
        }
    }
}

/// Roughly normal numbers from integer arithmetic alone.
#[derive(Debug, Clone)]
pub struct Noise(u64);

impl Noise {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// One sigma is one: the sum of twelve uniform numbers less six.
    pub fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

/// Straight until then.
pub const WEAVE_FROM_S: f64 = 30.0;

fn yaw(t: f64) -> f64 {
    0.5 * (1.0 - (0.15 * (t - WEAVE_FROM_S).max(0.0)).cos())
}

fn yaw_rate(t: f64) -> f64 {
    0.5 * 0.15 * (0.15 * (t - WEAVE_FROM_S).max(0.0)).sin()
}

pub fn velocity(t: f64) -> Vector3<f64> {
    Vector3::new(SPEED_MPS * yaw(t).cos(), SPEED_MPS * yaw(t).sin(), 0.0)
}

fn acceleration(t: f64) -> Vector3<f64> {
    Vector3::new(-yaw(t).sin(), yaw(t).cos(), 0.0) * (SPEED_MPS * yaw_rate(t))
}

pub fn attitude(t: f64) -> UnitQuaternion<f64> {
    let roll = (SPEED_MPS * yaw_rate(t) / 9.81).atan();
    UnitQuaternion::from_euler_angles(roll, 0.0, yaw(t))
}

/// The true track, integrated by Simpson's rule at the generator's step.
pub struct Track(Vec<Geodetic>);

impl Track {
    pub fn new(seconds: u64) -> Self {
        let dt = 1.0 / STEPS_PER_SECOND as f64;
        let mut place = ORIGIN;
        let mut places = vec![place];
        for step in 0..seconds * STEPS_PER_SECOND {
            let t = step as f64 * dt;
            let mean = (velocity(t) + velocity(t + 0.5 * dt) * 4.0 + velocity(t + dt)) / 6.0;
            place = place.displaced(mean * dt);
            places.push(place);
        }
        Self(places)
    }

    /// Where the aircraft truly is; times between two steps of 1/600 s take the nearer one.
    pub fn at(&self, time: MonotonicNs) -> Geodetic {
        let step = (time.0 as f64 * 1e-9 * STEPS_PER_SECOND as f64).round() as usize;
        self.0[step.min(self.0.len() - 1)]
    }
}

pub fn at(step: u64) -> MonotonicNs {
    MonotonicNs((step as f64 * (SECOND as f64 / STEPS_PER_SECOND as f64)).round() as u64)
}

/// Every input but those of the vision's results, in order; frames are announced.
pub fn sensors(flight: &Flight, track: &Track) -> Vec<Input> {
    let mut noise = Noise::new(flight.seed);
    let mut draw = |sigma: f64| noise.normal() * sigma * flight.noise;
    let mut inputs = Vec::new();
    for step in 1..=flight.seconds * STEPS_PER_SECOND {
        let time = at(step);
        let t = time.0 as f64 * 1e-9;
        let every = |hz: u64| hz > 0 && step.is_multiple_of(STEPS_PER_SECOND / hz);
        if every(1) {
            inputs.push(Input::FlightState(FlightState {
                time,
                armed: true,
                airframe: Airframe::FixedWing,
            }));
        }
        if every(100) {
            let dt = 0.01;
            let turned = attitude(t - dt).inverse() * attitude(t);
            let middle = attitude(t - dt) * turned.powf(0.5);
            let gravity = Vector3::new(0.0, 0.0, track.at(time).gravity_mps2());
            let force = middle.inverse() * (acceleration(t - 0.5 * dt) - gravity);
            inputs.push(Input::Imu(ImuSample {
                time,
                specific_force_frd_mps2: force.map(|v| v + draw(0.1)).into(),
                angular_rate_frd_radps: (turned.scaled_axis() / dt).map(|v| v + draw(0.005)).into(),
            }));
        }
        if every(50) {
            let (roll, pitch, yaw) = attitude(t).euler_angles();
            inputs.push(Input::Attitude(Attitude {
                time,
                roll_rad: roll + draw(0.005),
                pitch_rad: pitch + draw(0.005),
                yaw_rad: yaw + draw(0.01),
                angular_rate_frd_radps: [0.0; 3],
            }));
        }
        if every(10) {
            // The standard atmosphere at this height.
            let temperature_ratio = 1.0 - 6.5e-3 / 288.15 * track.at(time).alt_msl_m;
            let wrong = if step > flight.gps_until_s * STEPS_PER_SECOND {
                flight.airspeed_error
            } else {
                0.0
            };
            let speed = SPEED_MPS * (1.0 + wrong);
            let density_ratio = temperature_ratio.powf(4.255_879_7);
            inputs.push(Input::AirData(AirData {
                time,
                indicated_airspeed_mps: speed * density_ratio.sqrt() + draw(0.5),
            }));
            inputs.push(Input::Barometer(Barometer {
                time,
                static_pressure_pa: 101_325.0 * temperature_ratio.powf(5.255_879_7) + draw(5.0),
                temperature_k: 285.0,
            }));
        }
        if every(5) && step <= flight.gps_until_s * STEPS_PER_SECOND {
            let late = MonotonicNs(time.0.saturating_sub(150_000_000));
            let error = Vector3::new(draw(1.0), draw(1.0), draw(2.0));
            let place = track.at(late).displaced(error);
            let v = velocity(late.0 as f64 * 1e-9);
            inputs.push(Input::FcGps(FcGps {
                time,
                instance: 0,
                fix: GpsFix::ThreeD,
                lat_rad: place.lat_rad,
                lon_rad: place.lon_rad,
                alt_msl_m: place.alt_msl_m,
                velocity_ne_mps: Some([v.x + draw(0.2), v.y + draw(0.2)]),
                horiz_accuracy_m: Some(1.5),
                vert_accuracy_m: Some(2.5),
                speed_accuracy_mps: Some(0.3),
                satellites: Some(11),
            }));
        }
        if every(flight.frame_hz) {
            let (frame, exposure) = (step, time);
            inputs.push(Input::FrameExposed(FrameExposed {
                time,
                frame,
                exposure,
            }));
        }
    }
    inputs
}

/// Frames per keyframe.
const KEYFRAME_EVERY: usize = 8;

/// What the odometry makes of every frame; `time` is the exposure, delays are the test's.
pub fn odometry(flight: &Flight, track: &Track, sensors: &[Input]) -> Vec<VisualOdometry> {
    let mut noise = Noise::new(flight.seed ^ 0xA5A5);
    let frames = frames(sensors);
    let result = |(index, frame): (usize, &FrameExposed)| {
        let keyframe = frames[(index.max(1) - 1) / KEYFRAME_EVERY * KEYFRAME_EVERY];
        let moved = track
            .at(keyframe.exposure)
            .displacement_to(track.at(frame.exposure));
        let mut draw = || noise.normal() * 0.3 * flight.noise;
        let displacement_ne_m = [moved.x, moved.y].map(|d| d * (1.0 + flight.scale_error) + draw());
        let outcome = if index == 0 {
            FrameOutcome::Refused(companion::navigator::FrameRefusal::FirstOfSegment)
        } else {
            FrameOutcome::Registered(Displacement {
                keyframe: keyframe.frame,
                keyframe_exposure: keyframe.exposure,
                displacement_ne_m,
                covariance_ne_m2: [0.09, 0.01, 0.09],
                agl_m: AGL_M,
                rotation_rad: 0.0,
                scale: 1.0,
                overlap: 0.7,
                quality: 0.9,
            })
        };
        VisualOdometry {
            time: frame.exposure,
            frame: frame.frame,
            exposure: frame.exposure,
            outcome,
        }
    };
    frames.iter().enumerate().map(result).collect()
}

/// A match for every frame; `time` is the exposure, delays are the test's.
pub fn anchors(flight: &Flight, track: &Track, sensors: &[Input]) -> Vec<SatelliteAnchor> {
    let mut noise = Noise::new(flight.seed ^ 0x5A5A);
    frames(sensors)
        .iter()
        .map(|frame| {
            let [north, east] = flight
                .map_bias_ne_m
                .map(|bias| bias + noise.normal() * 2.0 * flight.noise);
            let place = track
                .at(frame.exposure)
                .displaced(Vector3::new(north, east, 0.0));
            SatelliteAnchor {
                time: frame.exposure,
                frame: frame.frame,
                exposure: frame.exposure,
                lat_rad: place.lat_rad,
                lon_rad: place.lon_rad,
                covariance_ne_m2: [4.0, 0.5, 4.0],
                score: 0.6,
                peak_ratio: 2.0,
                yaw_offset_rad: 0.0,
                scale: 1.0,
                agl_m: AGL_M,
                map_area: 1,
                map_bias_sigma_m: flight.map_bias_sigma_m,
            }
        })
        .collect()
}

fn frames(sensors: &[Input]) -> Vec<FrameExposed> {
    sensors
        .iter()
        .filter_map(|input| match input {
            Input::FrameExposed(frame) => Some(*frame),
            _ => None,
        })
        .collect()
}

/// Everything in the order of arrival; inputs that arrive together keep the order in which they stand.
pub fn merged(parts: impl IntoIterator<Item = Input>) -> Vec<Input> {
    let mut inputs: Vec<Input> = parts.into_iter().collect();
    inputs.sort_by_key(Input::time);
    inputs
}

/// The whole flight with odometry 0.1 s and matches 0.3 to 3 s late, the latter for every frame after GPS
/// is gone.
pub fn with_late_results(flight: &Flight) -> Vec<Input> {
    let track = Track::new(flight.seconds + 1);
    let sensors = sensors(flight, &track);
    let mut noise = Noise::new(flight.seed ^ 0x3C3C);
    let odometry = odometry(flight, &track, &sensors)
        .into_iter()
        .map(|mut result| {
            result.time = result.time.plus_ns(SECOND / 10);
            Input::VisualOdometry(result)
        });
    let anchors: Vec<Input> = anchors(flight, &track, &sensors)
        .into_iter()
        .filter(|anchor| anchor.exposure.0 > flight.gps_until_s * SECOND)
        .map(|mut anchor| {
            let delay_s = 0.3 + 2.7 * noise.uniform();
            anchor.time = anchor.time.plus_ns((delay_s * SECOND as f64) as u64);
            Input::SatelliteAnchor(anchor)
        })
        .collect();
    merged(sensors.iter().copied().chain(odometry).chain(anchors))
}
