//! Any sequence of inputs at any times: no panic, and no number in an emitted position that is none.
//!
//! The bytes are a row of inputs as the recorder holds them: one byte chooses the type, its body follows.

use companion::navigator::{Input, Navigator, NavigatorConfig, Output, Outputs, Tick};
use companion::recorder::input_from_record;
use fdr_format::{Record, RecordType};

/// Every type of input, in the order of the choosing byte.
pub const INPUTS: [RecordType; 17] = [
    RecordType::IMU_TRACE,
    RecordType::ATTITUDE,
    RecordType::AIR_DATA,
    RecordType::BAROMETER,
    RecordType::FC_GPS,
    RecordType::FLIGHT_STATE,
    RecordType::TICK,
    RecordType::VISUAL_ODOMETRY,
    RecordType::VISUAL_ODOMETRY_REFUSED,
    RecordType::SATELLITE_ANCHOR,
    RecordType::FRAME_EXPOSED,
    RecordType::OPERATOR_HINT,
    RecordType::TAKEOFF_ORIGIN,
    RecordType::TRUSTED_STATE,
    RecordType::RESTART_STATE,
    RecordType::GPS_INTEGRITY,
    RecordType::SYSTEM_HEALTH,
];

pub fn navigator(input: &[u8]) {
    let mut config = NavigatorConfig::default();
    config.sight.enabled = true;
    let mut navigator = Navigator::new(&config);
    let mut outputs = Outputs::default();
    // The first byte is that of every stream target: where they cut, which means nothing here.
    let mut rest = input.get(1..).unwrap_or_default();
    while let Some((&kind, behind)) = rest.split_first() {
        rest = behind;
        let record_type = INPUTS[usize::from(kind) % INPUTS.len()];
        let Ok(record) = Record::decode(record_type, rest) else {
            continue;
        };
        let mut body = [0; 1024];
        let Ok(length) = record.encode_body(&mut body) else {
            panic!("an input's body is short: {record_type}");
        };
        rest = &rest[length..];
        let Some(input) = input_from_record(&record) else {
            continue;
        };
        let due = navigator.next_deadline().filter(|due| *due <= input.time());
        if let Some(time) = due {
            navigator.handle(&Input::Tick(Tick { time }), &mut outputs);
            check(&outputs);
        }
        navigator.handle(&input, &mut outputs);
        check(&outputs);
    }
}

fn check(outputs: &Outputs) {
    for output in outputs.iter() {
        let Output::Position(position) = output else {
            continue;
        };
        let numbers = [
            position.lat_rad,
            position.lon_rad,
            position.alt_msl_m,
            position.horiz_accuracy_m,
            position.vert_accuracy_m,
            position.speed_accuracy_mps,
            position.ellipse_95.semi_major_m,
            position.ellipse_95.semi_minor_m,
        ];
        let all = numbers
            .iter()
            .chain(&position.vel_ned_mps)
            .chain(&position.covariance.0);
        assert!(all.into_iter().all(|number| number.is_finite()));
    }
}
