//! What several tests share.
#![allow(dead_code, missing_docs, clippy::unwrap_used)]

use fdr_format::records::{FlightSource, ImuTrace, Log, Severity};
use fdr_format::{
    BootId, ClockAnchor, Digest, FOOTER_ROOM, FlightId, FlightParameters, FooterParameters, Record,
    SegmentIdentity, SegmentSummary,
};

pub const FLIGHT: FlightId =
    FlightId(*b"\x2f\x6c\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd");

pub fn parameters() -> FlightParameters {
    FlightParameters {
        flight_id: FLIGHT,
        boot_id: BootId([7; 16]),
        software_version: "0.1.0-test".to_owned(),
        core_version: 3,
        configuration: "[navigator]\n".to_owned(),
        source: FlightSource::Simulation,
        source_name: "a test".to_owned(),
        clock: ClockAnchor {
            monotonic_ns: 1_000_000_000,
            unix_ns: Some(1_700_000_000_000_000_000),
        },
        keys: None,
        recovered: false,
        segment_bytes: 64 << 10,
    }
}

pub fn imu(time_ns: u64) -> Record<'static> {
    let x = time_ns as f64;
    ImuTrace {
        time_ns,
        specific_force_frd_mps2: [x, -x, -9.81],
        angular_rate_frd_radps: [x * 1e-9, 0.5, -0.0],
    }
    .into()
}

pub fn log(time_ns: u64, text: &str) -> Record<'_> {
    Log {
        time_ns,
        severity: Severity::Warning,
        target: "test",
        text,
    }
    .into()
}

/// Puts the footer behind the records of a stream's only segment.
pub fn end_segment(bytes: &mut Vec<u8>, identity: SegmentIdentity, sequence: u64, now_ns: u64) {
    let mut summary = SegmentSummary::new(identity);
    summary.add(bytes);
    let footer = FooterParameters {
        sequence,
        monotonic_ns: now_ns,
        last: true,
        previous_chain: Digest::default(),
    };
    let mut buffer = vec![0; FOOTER_ROOM];
    let (length, _) = summary.footer(&footer, &mut buffer).unwrap();
    bytes.extend_from_slice(&buffer[..length]);
}
