//! Accelerometer and gyroscope.

use nalgebra::{Matrix3, Vector3};

use super::Grade;
use crate::randomness::{GaussMarkov, Purpose, Randomness};

/// One inertial sample: the mean over the time since the last one, body frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ImuReading {
    /// Specific force.
    pub specific_force_frd_mps2: Vector3<f64>,
    /// Angular rate.
    pub angular_rate_frd_radps: Vector3<f64>,
}

/// A strapdown MEMS unit in a vibrating airframe.
#[derive(Debug, Clone)]
pub struct Imu {
    accelerometer: Triad,
    gyroscope: Triad,
    randomness: Randomness,
    force_sum: Vector3<f64>,
    rate_sum: Vector3<f64>,
    count: u32,
}

/// Three axes of one kind with their errors.
#[derive(Debug, Clone)]
struct Triad {
    turn_on_bias: Vector3<f64>,
    wander: [GaussMarkov; 3],
    /// Scale errors on the diagonal, misalignment beside it.
    distortion: Matrix3<f64>,
    /// Per square root of hertz.
    noise_density: f64,
}

impl Triad {
    fn new(bias: f64, wander: f64, noise_density: f64, randomness: &mut Randomness) -> Self {
        Self {
            turn_on_bias: Vector3::from_fn(|_, _| randomness.normal(bias)),
            wander: core::array::from_fn(|_| GaussMarkov::new(wander, 300.0, randomness)),
            distortion: Matrix3::identity() + Matrix3::from_fn(|_, _| randomness.normal(0.003)),
            noise_density,
        }
    }

    fn read(
        &mut self,
        truth: Vector3<f64>,
        dt_s: f64,
        randomness: &mut Randomness,
    ) -> Vector3<f64> {
        let noise_sigma = self.noise_density / libm::sqrt(dt_s);
        let mut reading = self.distortion * truth + self.turn_on_bias;
        for (axis, wander) in self.wander.iter_mut().enumerate() {
            reading[axis] += wander.advance(dt_s, randomness) + randomness.normal(noise_sigma);
        }
        reading
    }
}

impl Imu {
    /// The unit of the flight of `seed`.
    #[must_use]
    pub fn new(seed: u64, grade: Grade) -> Self {
        let mut randomness = Randomness::new(seed, Purpose::Imu);
        let times = grade.error_factor();
        Self {
            accelerometer: Triad::new(0.15 * times, 0.02 * times, 0.025 * times, &mut randomness),
            gyroscope: Triad::new(0.003 * times, 5e-4 * times, 1e-3 * times, &mut randomness),
            randomness,
            force_sum: Vector3::zeros(),
            rate_sum: Vector3::zeros(),
            count: 0,
        }
    }

    /// Takes in the true specific force and angular rate of one step of the simulation.
    pub fn feel(&mut self, specific_force: &Vector3<f64>, angular_rate: &Vector3<f64>) {
        self.force_sum += specific_force;
        self.rate_sum += angular_rate;
        self.count += 1;
    }

    /// The true mean since the last reading, and what the unit makes of it.
    pub fn read(&mut self, dt_s: f64) -> (ImuReading, ImuReading) {
        let share = 1.0 / f64::from(self.count.max(1));
        let truth = ImuReading {
            specific_force_frd_mps2: self.force_sum * share,
            angular_rate_frd_radps: self.rate_sum * share,
        };
        self.force_sum = Vector3::zeros();
        self.rate_sum = Vector3::zeros();
        self.count = 0;
        let measured = ImuReading {
            specific_force_frd_mps2: self.accelerometer.read(
                truth.specific_force_frd_mps2,
                dt_s,
                &mut self.randomness,
            ),
            angular_rate_frd_radps: self.gyroscope.read(
                truth.angular_rate_frd_radps,
                dt_s,
                &mut self.randomness,
            ),
        };
        (truth, measured)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_is_the_mean_of_what_was_felt_plus_errors_of_the_stated_size() {
        let truth = Vector3::new(0.5, -0.2, -9.81);
        let mut errors = Vec::new();
        for seed in 0..400 {
            let mut imu = Imu::new(seed, Grade::Standard);
            imu.feel(&(truth * 0.5), &Vector3::zeros());
            imu.feel(&(truth * 1.5), &Vector3::zeros());
            let (mean, measured) = imu.read(0.01);
            assert!((mean.specific_force_frd_mps2 - truth).norm() < 1e-12);
            errors.push(measured.specific_force_frd_mps2.x - truth.x);
        }
        let sigma = (errors.iter().map(|e| e * e).sum::<f64>() / errors.len() as f64).sqrt();
        // 0.15 bias, 0.02 wander, 0.25 noise, 0.003 x 9.81 misalignment
        assert!((sigma - 0.295).abs() < 0.04, "{sigma}");
    }
}
