//! A recorded flight through the smoother.

use fdr_format::{DecodeError, FlightId, FlightItem, FlightReader};

use super::{Settings, SmoothedPosition, Smoother};
use crate::config::{ConfigError, Configuration};
use crate::recorder::input_from_record;

/// What became of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Smoothing {
    /// The flight.
    pub flight_id: FlightId,
    /// Inputs that went through the core.
    pub inputs: u64,
    /// Positions of the smoothed track.
    pub positions: u64,
    /// Why the track ends before the recording does.
    pub cut_short: Option<String>,
}

/// Why a recording cannot be smoothed.
#[derive(Debug, thiserror::Error)]
pub enum SmoothError {
    /// The recording cannot be read on.
    #[error(transparent)]
    Read(#[from] fdr_format::ReadError),
    /// No readable segment header, so that the configuration of the flight is unknown.
    #[error(
        "flight {flight_id}: no readable segment header holds its configuration; judge it with: fdr-replay verify"
    )]
    NoConfiguration {
        /// The flight.
        flight_id: FlightId,
    },
    /// The recorded configuration is not one of this version.
    #[error(
        "flight {flight_id}: its recorded configuration cannot be used by this version: {source}"
    )]
    Configuration {
        /// The flight.
        flight_id: FlightId,
        /// Why.
        source: ConfigError,
    },
    /// A body of a known type cannot be read although its checksum holds.
    #[error("flight {flight_id}, record {sequence}: {source}; it was written by another version")]
    Body {
        /// The flight.
        flight_id: FlightId,
        /// The record.
        sequence: u64,
        /// Why.
        source: DecodeError,
    },
}

/// Smooths a flight from its first record on; the track ends where inputs are missing. `done` hears every
/// position in order of time, `progress` bytes read and bytes in all, now and then.
///
/// # Errors
/// When the recording cannot be read, or holds a configuration or body that this version cannot read.
pub fn smooth_flight(
    mut reader: FlightReader,
    settings: Settings,
    mut done: impl FnMut(SmoothedPosition),
    mut progress: impl FnMut(u64, u64),
) -> Result<Smoothing, SmoothError> {
    const PROGRESS_EVERY: u64 = 1 << 12;
    let flight_id = reader.flight_id();
    let mut smoother = Smoother::new(&configuration(&reader)?.navigator, settings);
    let mut smoothing = Smoothing {
        flight_id,
        inputs: 0,
        positions: 0,
        cut_short: None,
    };
    let bytes_total = reader.bytes_total();
    let mut positions = 0;
    let mut count = |position| {
        positions += 1;
        done(position);
    };
    loop {
        let bytes_read = reader.bytes_read();
        let input = match reader.next_item()? {
            Some(FlightItem::Record { record, .. }) => {
                let sequence = record.sequence;
                let record = record.decode().map_err(|source| SmoothError::Body {
                    flight_id,
                    sequence,
                    source,
                })?;
                input_from_record(&record)
            }
            // Inputs may be missing from here on.
            Some(FlightItem::Damage { segment, damage }) => {
                smoothing.cut_short = Some(format!("segment {segment}: {damage}"));
                break;
            }
            Some(FlightItem::Refused { segment, error }) => {
                smoothing.cut_short = Some(format!("segment {segment}: {error}"));
                break;
            }
            None => break,
        };
        if let Some(input) = input {
            if smoothing.inputs.is_multiple_of(PROGRESS_EVERY) {
                progress(bytes_read, bytes_total);
            }
            smoothing.inputs += 1;
            smoother.handle(&input, &mut count);
        }
    }
    smoother.finish(&mut count);
    smoothing.positions = positions;
    Ok(smoothing)
}

fn configuration(reader: &FlightReader) -> Result<Configuration, SmoothError> {
    let flight_id = reader.flight_id();
    let flight = reader
        .description()
        .ok_or(SmoothError::NoConfiguration { flight_id })?;
    Configuration::parse(&flight.configuration)
        .map_err(|source| SmoothError::Configuration { flight_id, source })
}
