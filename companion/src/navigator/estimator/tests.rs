//! Every linearisation against a numerical derivative of the very function it linearises.

use super::{
    state::{BASE, CLONES, N, at},
    update::{Scalar, Update},
    *,
};
use crate::navigator::input::{Displacement, FrameExposed, GpsFix, SatelliteAnchor};

const EPSILON: f64 = 1e-5;

fn fix() -> FcGps {
    FcGps {
        time: MonotonicNs(1_000_000_000),
        instance: 0,
        fix: GpsFix::ThreeD,
        lat_rad: 0.79,
        lon_rad: -1.63,
        alt_msl_m: 340.0,
        velocity_ne_mps: Some([9.0, -12.0]),
        horiz_accuracy_m: None,
        vert_accuracy_m: None,
        speed_accuracy_mps: None,
        satellites: None,
    }
}

/// In a steep climbing turn, with every state away from zero.
fn in_a_turn() -> Estimator {
    let attitude = Attitude {
        time: MonotonicNs(1_000_000_000),
        roll_rad: 0.8,
        pitch_rad: 0.15,
        yaw_rad: -0.9,
        angular_rate_frd_radps: [0.05, 0.3, 0.4],
    };
    let config = NavigatorConfig::default();
    let start = Start::at_fix(&config, &fix(), StartAttitude::Reported(attitude));
    let mut estimator = Estimator::start(&config, &start, Covariance::zeros());
    estimator.set_airframe(Airframe::FixedWing);
    estimator.nominal.velocity.z = -1.5;
    estimator.nominal.wind = Vector2::new(-1.0, 4.0);
    estimator.nominal.gust = Vector2::new(0.4, -0.3);
    estimator.nominal.airspeed_scale = 0.04;
    estimator.nominal.accel_bias = Vector3::new(0.3, -0.2, 0.1);
    estimator.nominal.gyro_bias = Vector3::new(0.01, -0.02, 0.015);
    estimator.nominal.zero_lift_alpha = 0.03;
    estimator.acceleration = Vector3::new(3.0, 4.0, -1.0);
    estimator.load = 1.4;
    estimator
}

fn assert_row_is_the_derivative(name: &str, measure: impl Fn(&Estimator) -> Scalar) {
    assert_row_is_the_derivative_at(&in_a_turn(), name, measure);
}

/// Considered errors are left out: nothing ever moves them.
fn assert_row_is_the_derivative_at(
    estimator: &Estimator,
    name: &str,
    measure: impl Fn(&Estimator) -> Scalar,
) {
    let scalar = measure(estimator);
    for index in (0..BASE).chain(CLONES..N) {
        let innovation = |step: f64| {
            let mut error = ErrorVector::zeros();
            error[index] = step;
            let mut moved = estimator.clone();
            moved.nominal.correct(&error);
            moved.clones.correct(&error);
            measure(&moved).innovation
        };
        let derivative = (innovation(-EPSILON) - innovation(EPSILON)) / (2.0 * EPSILON);
        let claimed = scalar.row[index];
        assert!(
            (derivative - claimed).abs() < 1e-4 * (1.0 + derivative.abs()),
            "{name}, state {index}: derivative {derivative}, claimed {claimed}"
        );
    }
}

#[test]
fn airflow_rows_are_the_derivatives_of_their_predictions() {
    assert_row_is_the_derivative("airspeed", |e| {
        let air = e.nominal.air_velocity();
        e.airspeed(17.0, air, air.norm())
    });
    assert_row_is_the_derivative("sideslip", |e| e.sideslip(e.nominal.air_velocity()));
}

#[test]
fn the_angle_of_attack_row_is_the_derivative_at_a_given_load_and_speed() {
    // The weak dependence of the expected angle on airspeed is left out of the row on purpose: it
    // would turn an error of the angle into one of speed.
    let held = in_a_turn().nominal.air_velocity().norm();
    assert_row_is_the_derivative("angle of attack", |e| {
        let air = e.nominal.air_velocity();
        e.angle_of_attack_at(air, held)
    });
}

#[test]
fn gps_rows_are_the_derivatives_of_their_predictions() {
    for axis in 0..3 {
        assert_row_is_the_derivative("position", |e| {
            e.position_scalars(&fix(), &e.accuracy(&fix(), 1.0))[axis].clone()
        });
    }
    for axis in 0..2 {
        assert_row_is_the_derivative("velocity", |e| {
            e.velocity_scalars([9.0, -12.0], 0.5)[axis].clone()
        });
    }
}

/// Two exposures 2 s apart, at which the autopilot's attitude is wrong in different ways.
fn with_two_exposures() -> Estimator {
    let mut estimator = in_a_turn();
    for (frame, second, error) in [
        (1, 1, Vector3::new(0.03, -0.02, 0.1)),
        (2, 3, Vector3::new(-0.01, 0.04, 0.15)),
    ] {
        estimator.advance(MonotonicNs(second * 1_000_000_000));
        estimator.nominal.fc_attitude = error;
        estimator.frame_exposed(&FrameExposed {
            time: MonotonicNs(second * 1_000_000_000),
            frame,
            exposure: MonotonicNs(second * 1_000_000_000),
        });
    }
    estimator.nominal.visual_scale = 0.03;
    estimator
}

#[test]
fn rows_of_the_camera_are_the_derivatives_of_their_predictions() {
    let estimator = with_two_exposures();
    let moved = Displacement {
        keyframe: 1,
        keyframe_exposure: MonotonicNs(1_000_000_000),
        displacement_ne_m: [18.0, -25.0],
        covariance_ne_m2: [0.1, 0.02, 0.2],
        agl_m: 300.0,
        rotation_rad: 0.0,
        scale: 1.0,
        overlap: 0.7,
        quality: 0.9,
    };
    let match_of = |clone: &super::clones::PoseClone| SatelliteAnchor {
        time: MonotonicNs(3_000_000_000),
        frame: 2,
        exposure: MonotonicNs(3_000_000_000),
        lat_rad: clone.place.lat_rad + 1e-6,
        lon_rad: clone.place.lon_rad,
        covariance_ne_m2: [4.0, 0.5, 3.0],
        score: 0.5,
        peak_ratio: 2.0,
        yaw_offset_rad: 0.0,
        scale: 1.0,
        agl_m: 300.0,
        map_area: 1,
        map_bias_sigma_m: 2.0,
    };
    let clone = |e: &Estimator, frame: u64| {
        let exposure = MonotonicNs((2 * frame - 1) * 1_000_000_000);
        e.clones.find(frame, exposure).unwrap()
    };
    let anchor = match_of(&clone(&estimator, 2).1);
    for axis in 0..2 {
        assert_row_is_the_derivative_at(&estimator, "displacement", |e| {
            e.displacement_scalars(&moved, clone(e, 1), clone(e, 2))[axis].clone()
        });
        assert_row_is_the_derivative_at(&estimator, "match", |e| {
            let (slot, own) = clone(e, 2);
            e.anchor_scalars(&anchor, slot, &own)[axis].clone()
        });
    }
}

/// The error that takes `from` to `to`.
fn difference(from: &Nominal, to: &Nominal) -> ErrorVector {
    let mut error = ErrorVector::zeros();
    let mut set = |at: usize, values: &[f64]| {
        for (offset, value) in values.iter().enumerate() {
            error[at + offset] = *value;
        }
    };
    set(
        at::POSITION,
        from.position.displacement_to(to.position).as_slice(),
    );
    set(at::VELOCITY, (to.velocity - from.velocity).as_slice());
    set(
        at::ATTITUDE,
        (to.attitude * from.attitude.inverse())
            .scaled_axis()
            .as_slice(),
    );
    set(at::GYRO_BIAS, (to.gyro_bias - from.gyro_bias).as_slice());
    set(at::ACCEL_BIAS, (to.accel_bias - from.accel_bias).as_slice());
    set(at::WIND, (to.wind - from.wind).as_slice());
    set(at::GUST, (to.gust - from.gust).as_slice());
    set(
        at::AIRSPEED_SCALE,
        &[to.airspeed_scale - from.airspeed_scale],
    );
    set(
        at::FC_ATTITUDE,
        (to.fc_attitude - from.fc_attitude).as_slice(),
    );
    set(at::BARO_BIAS, &[to.baro_bias - from.baro_bias]);
    set(
        at::ZERO_LIFT_ALPHA,
        &[to.zero_lift_alpha - from.zero_lift_alpha],
    );
    set(at::LIFT_SLOPE, &[to.lift_slope - from.lift_slope]);
    set(at::GPS_DELAY, &[to.gps_delay - from.gps_delay]);
    set(at::VISUAL_SCALE, &[to.visual_scale - from.visual_scale]);
    error
}

#[test]
fn the_covariance_follows_the_error_of_every_carrier() {
    let angular_rate = Vector3::new(0.05, 0.3, 0.4);
    let specific_force = Vector3::new(1.0, -0.5, -13.0);
    assert_covariance_follows(Carrier::Inertial {
        specific_force,
        angular_rate,
    });
    assert_covariance_follows(Carrier::AlongNose { angular_rate });
    assert_covariance_follows(Carrier::Free { angular_rate });
    assert_covariance_follows(Carrier::Blind);
}

fn assert_covariance_follows(carrier: Carrier) {
    let start = in_a_turn().nominal;
    let quiet = quiet_process();
    let dt = 0.02;
    let run = |mut nominal: Nominal| {
        propagation::step(&mut nominal, &mut Covariance::zeros(), carrier, &quiet, dt);
        nominal
    };
    let end = run(start.clone());
    for index in 0..BASE {
        let mut error = ErrorVector::zeros();
        error[index] = EPSILON;
        let mut moved = start.clone();
        moved.correct(&error);
        let expected = difference(&end, &run(moved)) / EPSILON;
        // The covariance of a single unit error, carried on, is the outer product of its column.
        let mut covariance = Covariance::zeros();
        covariance[(index, index)] = 1.0;
        propagation::step(&mut start.clone(), &mut covariance, carrier, &quiet, dt);
        let outer = expected * expected.transpose();
        let worst = (*covariance - outer).abs().max();
        assert!(worst < 5e-3, "{carrier:?}, state {index}: off by {worst}");
    }
}

#[test]
fn airspeed_does_not_grow_in_a_turn_along_the_nose() {
    let mut nominal = in_a_turn().nominal;
    nominal.gust.fill(0.0);
    let before = nominal.air_velocity().norm();
    let carrier = Carrier::AlongNose {
        angular_rate: Vector3::new(0.0, 0.3, 0.5),
    };
    for _ in 0..600 {
        propagation::step(
            &mut nominal,
            &mut Covariance::zeros(),
            carrier,
            &quiet_process(),
            0.1,
        );
    }
    assert!((nominal.air_velocity().norm() - before).abs() < 1e-9 * before);
}

fn quiet_process() -> crate::navigator::config::ProcessNoise {
    crate::navigator::config::ProcessNoise {
        inertial_velocity: 0.0,
        kinematic_velocity: 0.0,
        free_velocity: 0.0,
        kinematic_attitude: 0.0,
        blind_attitude: 0.0,
        accelerometer_scale: 0.0,
        inertial_attitude: 0.0,
        gyro_scale: 0.0,
        gyro_bias: 0.0,
        accelerometer_bias: 0.0,
        wind: 0.0,
        gust_sigma_mps: 0.0,
        airspeed_scale: 0.0,
        fc_tilt_sigma_rad: 0.0,
        fc_yaw_sigma_rad: 0.0,
        baro_bias: 0.0,
        visual_scale: 0.0,
        ..Default::default()
    }
}

#[test]
fn two_scalars_in_turn_equal_one_vector_update() {
    let mut estimator = in_a_turn();
    estimator.advance(MonotonicNs(1_050_000_000));
    let p = estimator.covariance.clone();
    let scalars = estimator.velocity_scalars([8.0, -11.0], 0.5);

    let mut sequential = p.clone();
    let mut update = Update::new(&mut sequential);
    scalars.iter().for_each(|scalar| update.fuse(scalar));
    let error = update.finish();

    let h = nalgebra::SMatrix::<f64, 2, N>::from_rows(&[
        scalars[0].row.transpose(),
        scalars[1].row.transpose(),
    ]);
    let s = h * *p * h.transpose() + nalgebra::Matrix2::identity() * 0.25;
    let gain = *p * h.transpose() * s.try_inverse().expect("positive definite");
    let innovation = Vector2::new(scalars[0].innovation, scalars[1].innovation);
    assert!((error - gain * innovation).norm() < 1e-10);
    let joint = (nalgebra::SMatrix::<f64, N, N>::identity() - gain * h) * *p;
    assert!((*sequential - joint).abs().max() < 1e-9);
    assert_eq!(*sequential, sequential.transpose());
}

#[test]
fn without_measurements_the_position_grows_only_less_certain() {
    let mut estimator = in_a_turn();
    let mut before = estimator.covariance.fixed_view::<2, 2>(0, 0).into_owned();
    for step in 1..=600u64 {
        estimator.advance(MonotonicNs(1_000_000_000 + step * 100_000_000));
        let now = estimator.covariance.fixed_view::<2, 2>(0, 0).into_owned();
        let growth = now - before;
        assert!(
            growth.trace() > 0.0 && growth.determinant() > -1e-9,
            "step {step}: {growth}"
        );
        before = now;
    }
}
