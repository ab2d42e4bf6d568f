//! What Foxglove shows without being told: `LocationFix`, `Log` and `PoseInFrame`, by its own schemas
//! (github.com/foxglove/foxglove-sdk, `schemas/proto`; the fields that are used here).

use companion::navigator::Geodetic;
use fdr_format::records::{Attitude, EmittedExternalPosition, FcGps, Severity};

use super::descriptor::{Count, FieldType, MessageType, Type, set};
use super::proto::{bytes, double, doubles, fixed32, message, number, timestamp};

/// The frame of poses: east, north, up from the first emitted position.
const LOCAL: &str = "local";
const TIMESTAMP: &str = "google/protobuf/timestamp.proto";

fn field(number: u32, name: &str, of: Type) -> FieldType {
    FieldType {
        name: name.to_owned(),
        number,
        of,
        count: Count::One,
    }
}

fn time(number: u32) -> FieldType {
    field(
        number,
        "timestamp",
        Type::Message("google.protobuf.Timestamp".to_owned()),
    )
}

fn plain(name: &str, fields: Vec<FieldType>) -> MessageType {
    MessageType {
        name: name.to_owned(),
        fields,
        ..MessageType::default()
    }
}

fn timestamp_type() -> MessageType {
    plain(
        "Timestamp",
        vec![
            field(1, "seconds", Type::Int64),
            field(2, "nanos", Type::Int64),
        ],
    )
}

fn with_values(mut own: MessageType, name: &str, values: &[&str]) -> MessageType {
    let values = (0..)
        .zip(values)
        .map(|(code, value)| ((*value).to_owned(), code));
    own.enumerations.push((name.to_owned(), values.collect()));
    own
}

fn file(name: &str, messages: &[MessageType]) -> Vec<u8> {
    set(&[
        (TIMESTAMP, "google.protobuf", &[], &[timestamp_type()]),
        (name, "foxglove", &[TIMESTAMP], messages),
    ])
}

/// Schema of `foxglove.LocationFix`.
pub fn location_fix_schema() -> Vec<u8> {
    let covariance = FieldType {
        count: Count::Many,
        ..field(4, "position_covariance", Type::Double)
    };
    let kind = Type::Enumeration("foxglove.LocationFix.PositionCovarianceType".to_owned());
    let own = plain(
        "LocationFix",
        vec![
            time(6),
            field(7, "frame_id", Type::Text),
            field(1, "latitude", Type::Double),
            field(2, "longitude", Type::Double),
            field(3, "altitude", Type::Double),
            covariance,
            field(5, "position_covariance_type", kind),
        ],
    );
    let values = ["UNKNOWN", "APPROXIMATED", "DIAGONAL_KNOWN", "KNOWN"];
    let own = with_values(own, "PositionCovarianceType", &values);
    file("foxglove/LocationFix.proto", &[own])
}

/// Schema of `foxglove.Log`.
pub fn log_schema() -> Vec<u8> {
    let level = Type::Enumeration("foxglove.Log.Level".to_owned());
    let own = plain(
        "Log",
        vec![
            time(1),
            field(2, "level", level),
            field(3, "message", Type::Text),
            field(4, "name", Type::Text),
            field(5, "file", Type::Text),
            field(6, "line", Type::Fixed32),
        ],
    );
    let values = ["UNKNOWN", "DEBUG", "INFO", "WARNING", "ERROR", "FATAL"];
    file("foxglove/Log.proto", &[with_values(own, "Level", &values)])
}

/// Schema of `foxglove.PoseInFrame`.
pub fn pose_schema() -> Vec<u8> {
    let of = |name: &str| Type::Message(format!("foxglove.{name}"));
    let axes = |names: &[&str]| -> Vec<FieldType> {
        (1..)
            .zip(names)
            .map(|(number, name)| field(number, name, Type::Double))
            .collect()
    };
    file(
        "foxglove/PoseInFrame.proto",
        &[
            plain("Vector3", axes(&["x", "y", "z"])),
            plain("Quaternion", axes(&["x", "y", "z", "w"])),
            plain(
                "Pose",
                vec![
                    field(1, "position", of("Vector3")),
                    field(2, "orientation", of("Quaternion")),
                ],
            ),
            plain(
                "PoseInFrame",
                vec![
                    time(1),
                    field(2, "frame_id", Type::Text),
                    field(3, "pose", of("Pose")),
                ],
            ),
        ],
    )
}

/// An emitted position as `LocationFix`, with its whole position covariance.
pub fn emitted(out: &mut Vec<u8>, unix_ns: u64, own: &EmittedExternalPosition) {
    // Upper triangle of the 6x6 matrix, row by row: NN NE ND . . . | EE ED . . . | DD.
    let [nn, ne, nd, _, _, _, ee, ed, _, _, _, dd, ..] = own.covariance;
    let enu = [ee, ne, -ed, ne, nn, -nd, -ed, -nd, dd];
    fix(
        out,
        unix_ns,
        [own.lat_rad, own.lon_rad, own.alt_msl_m],
        &enu,
        3,
    );
}

/// What the autopilot's receiver says as `LocationFix`.
pub fn receiver(out: &mut Vec<u8>, unix_ns: u64, own: &FcGps) {
    let place = [own.lat_rad, own.lon_rad, own.alt_msl_m];
    let Some(horizontal) = own.horiz_accuracy_m else {
        return fix(out, unix_ns, place, &[0.0; 9], 0);
    };
    let (h2, v2) = (
        horizontal.powi(2),
        own.vert_accuracy_m.unwrap_or(horizontal).powi(2),
    );
    fix(
        out,
        unix_ns,
        place,
        &[h2, 0.0, 0.0, 0.0, h2, 0.0, 0.0, 0.0, v2],
        1,
    );
}

fn fix(
    out: &mut Vec<u8>,
    unix_ns: u64,
    [lat, lon, alt]: [f64; 3],
    covariance: &[f64; 9],
    kind: u64,
) {
    double(out, 1, lat.to_degrees());
    double(out, 2, lon.to_degrees());
    double(out, 3, alt);
    doubles(out, 4, covariance);
    number(out, 5, kind);
    timestamp(out, 6, unix_ns);
    bytes(out, 7, b"wgs84");
}

/// A line of the log.
pub fn log(out: &mut Vec<u8>, unix_ns: u64, severity: Severity, name: &str, text: &str) {
    let level = match severity {
        Severity::Debug => 1,
        Severity::Info | Severity::Notice => 2,
        Severity::Warning => 3,
        Severity::Error => 4,
        Severity::Critical | Severity::Alert | Severity::Emergency => 5,
    };
    timestamp(out, 1, unix_ns);
    number(out, 2, level);
    bytes(out, 3, text.as_bytes());
    bytes(out, 4, name.as_bytes());
    bytes(out, 5, b"");
    fixed32(out, 6, 0);
}

/// Place and attitude in a local frame.
#[derive(Debug, Default)]
pub struct Poses {
    origin: Option<Geodetic>,
    place_enu_m: [f64; 3],
}

impl Poses {
    /// A position was emitted; the first is the origin.
    pub fn moved(&mut self, own: &EmittedExternalPosition) {
        let here = Geodetic {
            lat_rad: own.lat_rad,
            lon_rad: own.lon_rad,
            alt_msl_m: own.alt_msl_m,
        };
        let origin = *self.origin.get_or_insert(here);
        let ned = origin.displacement_to(here);
        self.place_enu_m = [ned.y, ned.x, -ned.z];
    }

    /// The pose with this attitude; none before the first position.
    pub fn turned(&self, out: &mut Vec<u8>, unix_ns: u64, own: &Attitude) -> bool {
        if self.origin.is_none() {
            return false;
        }
        let quaternion = enu_from_flu(own.roll_rad, own.pitch_rad, own.yaw_rad);
        timestamp(out, 1, unix_ns);
        bytes(out, 2, LOCAL.as_bytes());
        message(out, 3, |pose| {
            message(pose, 1, |out| axes(out, &self.place_enu_m));
            message(pose, 2, |out| axes(out, &quaternion));
        });
        true
    }
}

fn axes(out: &mut Vec<u8>, values: &[f64]) {
    for (number, value) in (1..).zip(values) {
        double(out, number, *value);
    }
}

/// The rotation from a body frame of forward, left, up to east, north, up, as (x, y, z, w), of Euler angles from
/// forward, right, down to north, east, down.
fn enu_from_flu(roll: f64, pitch: f64, yaw: f64) -> [f64; 4] {
    let half = |angle: f64| (0.5 * angle).sin_cos();
    let (sr, cr) = half(roll);
    let (sp, cp) = half(-pitch);
    let (sy, cy) = half(std::f64::consts::FRAC_PI_2 - yaw);
    [
        sr * cp * cy - cr * sp * sy,
        cr * sp * cy + sr * cp * sy,
        cr * cp * sy - sr * sp * cy,
        cr * cp * cy + sr * sp * sy,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rotate([x, y, z, w]: [f64; 4], v: [f64; 3]) -> [f64; 3] {
        let cross = |a: [f64; 3], b: [f64; 3]| {
            [
                a[1] * b[2] - a[2] * b[1],
                a[2] * b[0] - a[0] * b[2],
                a[0] * b[1] - a[1] * b[0],
            ]
        };
        let u = [x, y, z];
        let t = cross(u, v).map(|own| 2.0 * own);
        let s = cross(u, t);
        [0, 1, 2].map(|i| v[i] + w * t[i] + s[i])
    }

    #[test]
    fn north_nose_up_and_right_wing_down_are_where_they_belong() {
        let near = |a: [f64; 3], b: [f64; 3]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12);
        let forward = [1.0, 0.0, 0.0];
        assert!(near(
            rotate(enu_from_flu(0.0, 0.0, 0.0), forward),
            [0.0, 1.0, 0.0]
        ));
        let east = std::f64::consts::FRAC_PI_2;
        assert!(near(
            rotate(enu_from_flu(0.0, 0.0, east), forward),
            [1.0, 0.0, 0.0]
        ));
        let up = rotate(enu_from_flu(0.0, 0.3, 0.0), forward);
        assert!(near(up, [0.0, 0.3_f64.cos(), 0.3_f64.sin()]));
        // Heading north, right wing down: the left wing points west and up.
        let left = rotate(enu_from_flu(0.3, 0.0, 0.0), [0.0, 1.0, 0.0]);
        assert!(near(left, [-0.3_f64.cos(), 0.0, 0.3_f64.sin()]));
    }
}
