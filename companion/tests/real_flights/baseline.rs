//! The dead reckoning that any autopilot could do: the yardstick for ours.
//!
//! Wind is the mean of GPS velocity less airspeed along the heading (its least-squares solution) over
//! the 120 s before the window, then held; the position is integrated from airspeed, heading and wind.

use std::ops::Range;

use companion::navigator::{FcGps, Geodetic, GpsFix, Input};
use nalgebra::Vector3;

/// How far back the wind is learned, s.
const WIND_SPAN_S: f64 = 120.0;
/// Slower than this the aircraft is not flying, m/s.
const FLYING_MPS: f64 = 8.0;
/// Fewest samples that give a wind.
const SAMPLES_MIN: usize = 3;

pub fn seconds(input: &Input) -> f64 {
    input.time().0 as f64 * 1e-9
}

pub fn place(fix: &FcGps) -> Geodetic {
    Geodetic {
        lat_rad: fix.lat_rad,
        lon_rad: fix.lon_rad,
        alt_msl_m: fix.alt_msl_m,
    }
}

/// True airspeed along the heading, as the latest messages give it.
#[derive(Default)]
struct Air {
    yaw_rad: f64,
    pressure_altitude_m: f64,
    velocity: Option<Vector3<f64>>,
}

impl Air {
    fn hear(&mut self, input: &Input) {
        match input {
            Input::Attitude(sample) => self.yaw_rad = sample.yaw_rad,
            Input::Barometer(sample) => {
                let ratio = sample.static_pressure_pa / 101_325.0;
                self.pressure_altitude_m = 44_330.77 * (1.0 - ratio.powf(0.190_263));
            }
            Input::AirData(sample) => {
                let density = (1.0 - 2.255_77e-5 * self.pressure_altitude_m).powf(4.255_88);
                let tas = sample.indicated_airspeed_mps / density.sqrt();
                let (sine, cosine) = self.yaw_rad.sin_cos();
                self.velocity = Some(Vector3::new(tas * cosine, tas * sine, 0.0));
            }
            _ => {}
        }
    }
}

/// Horizontal error at the last fix of `window`, m; `None` where nothing is known of the wind.
pub fn error_at_the_end(inputs: &[Input], window: &Range<f64>) -> Option<f64> {
    let wind = wind_before(inputs, window.start)?;
    let fixes = |range: Range<f64>| {
        inputs.iter().filter_map(move |input| match input {
            Input::FcGps(fix) if fix.fix == GpsFix::ThreeD && range.contains(&seconds(input)) => {
                Some(fix)
            }
            _ => None,
        })
    };
    let start = fixes(0.0..window.start).next_back()?;
    let end = fixes(window.clone()).next_back()?;
    let (from, to) = (start.time.0 as f64 * 1e-9, end.time.0 as f64 * 1e-9);

    let mut air = Air::default();
    let mut moved = Vector3::zeros();
    let mut now = from;
    for input in inputs.iter().take_while(|input| seconds(input) < to) {
        let (before, time) = (air.velocity, seconds(input));
        air.hear(input);
        if let (Input::AirData(_), Some(velocity)) = (input, before)
            && time > from
        {
            moved += (velocity + wind) * (time - now);
            now = time;
        }
    }
    moved += (air.velocity? + wind) * (to - now);
    Some(
        (place(start).displacement_to(place(end)) - moved)
            .xy()
            .norm(),
    )
}

fn wind_before(inputs: &[Input], start: f64) -> Option<Vector3<f64>> {
    let mut air = Air::default();
    let mut samples = Vec::new();
    for input in inputs.iter().take_while(|input| seconds(input) < start) {
        air.hear(input);
        if let (Input::FcGps(fix), Some(velocity)) = (input, air.velocity)
            && let Some([north, east]) = fix.velocity_ne_mps
            && seconds(input) >= start - WIND_SPAN_S
            && velocity.norm() >= FLYING_MPS
            && fix.fix == GpsFix::ThreeD
        {
            samples.push(Vector3::new(north, east, 0.0) - velocity);
        }
    }
    let count = samples.len();
    (count >= SAMPLES_MIN).then(|| samples.iter().sum::<Vector3<f64>>() / count as f64)
}
