//! Whether the seal holds for what is there.

use std::io;

use serde::Serialize;

use super::FindingKind;
use super::findings::Findings;
use super::stream::StreamJudge;
use crate::flight::FlightDescription;
use crate::flight::parameters::FlightKeys;
use crate::flight::reader::FlightReader;
use crate::identity::{PublicKey, Stream};
use crate::seal::{DeviceCertificate, Seal};

/// What `seal.json` proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SealState {
    /// Was not looked at.
    #[default]
    Unchecked,
    /// There is none, or it cannot be read.
    Unsealed,
    /// The recording is what the flight's key sealed.
    Sealed,
    /// It does not hold.
    Wrong,
}

/// The verdict on the seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct SealVerdict {
    /// What it proves.
    pub state: SealState,
    /// The device that certified the flight's key; `None` when that is not known.
    pub device_key: Option<PublicKey>,
}

/// Judges the seal. `expected` is the device that must have recorded the flight, when the caller knows it.
pub(super) fn judge_seal(
    reader: &FlightReader,
    flight: Option<&FlightDescription>,
    streams: &[StreamJudge],
    expected: Option<PublicKey>,
    findings: &mut Findings,
) -> SealVerdict {
    let seal = match reader.seal() {
        Ok(Some(seal)) => seal,
        Ok(None) => return unsealed(expected, "the flight is not sealed", findings),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            let text = format!("seal.json is no seal: {error}");
            findings.of_flight(4, FindingKind::SealWrong, text);
            return wrong();
        }
        Err(error) => {
            let text = format!("seal.json cannot be read: {error}");
            return unsealed(expected, &text, findings);
        }
    };
    let mut problems = problems(&seal, reader, flight, streams, expected);
    if let Some(stream) = undecided(&seal, streams) {
        let text = format!("the end of the {stream} stream is damaged and the seal says nothing");
        findings.of_flight(0, FindingKind::Unsealed, text);
    }
    problems.dedup();
    for text in &problems {
        findings.of_flight(4, FindingKind::SealWrong, text.clone());
    }
    match problems.is_empty() {
        true => SealVerdict {
            state: SealState::Sealed,
            device_key: seal.device_key,
        },
        false => wrong(),
    }
}

fn wrong() -> SealVerdict {
    SealVerdict {
        state: SealState::Wrong,
        device_key: None,
    }
}

fn unsealed(expected: Option<PublicKey>, text: &str, findings: &mut Findings) -> SealVerdict {
    let code = if expected.is_some() { 4 } else { 0 };
    findings.of_flight(code, FindingKind::Unsealed, text);
    SealVerdict {
        state: SealState::Unsealed,
        device_key: None,
    }
}

fn problems(
    seal: &Seal,
    reader: &FlightReader,
    flight: Option<&FlightDescription>,
    streams: &[StreamJudge],
    expected: Option<PublicKey>,
) -> Vec<String> {
    let mut problems = Vec::new();
    if let Err(problem) = seal.check(reader.flight_id()) {
        problems.push(format!("seal.json: {problem}"));
        return problems;
    }
    let device = seal.device_key.zip(seal.certificate);
    let keys = FlightKeys {
        flight: seal.flight_key,
        device: device.map(|(key, certificate)| DeviceCertificate { key, certificate }),
    };
    if flight.is_some_and(|flight| flight.keys != Some(keys)) {
        problems.push("the seal is made with other keys than the headers name".to_owned());
    }
    if let Some(expected) = expected.filter(|&expected| seal.device_key != Some(expected)) {
        problems.push(format!("the seal is not of device {expected}"));
    }
    problems.extend(
        streams
            .iter()
            .filter_map(|stream| end_problem(seal, stream)),
    );
    problems
}

/// How the end of a stream is not the one that was sealed.
fn end_problem(seal: &Seal, stream: &StreamJudge) -> Option<String> {
    let name = stream.stream;
    let (sealed, last) = match (seal.stream(name), stream.seen.last()) {
        (None, None) => return None,
        (None, Some(_)) => return Some(format!("the {name} stream is not in the seal")),
        (Some(_), None) => return Some(format!("the {name} stream that was sealed is gone")),
        (Some(sealed), Some(last)) => (sealed, last),
    };
    let (_, number) = Stream::of(last.segment);
    if number != sealed.last_segment {
        return Some(format!(
            "the {name} stream ends with segment {number}, {} was sealed",
            sealed.last_segment
        ));
    }
    match last.footer {
        Some(footer) if footer.chain == sealed.chain => None,
        Some(footer) => Some(format!(
            "the {name} stream ends in chain {}, {} was sealed",
            footer.chain, sealed.chain
        )),
        None if last.damaged => None,
        None => Some(format!(
            "the footer of the last segment of the {name} stream, which was sealed, is gone"
        )),
    }
}

/// The stream whose last footer is among damaged bytes.
fn undecided(seal: &Seal, streams: &[StreamJudge]) -> Option<Stream> {
    let undecided = |stream: &&StreamJudge| {
        let last = stream.seen.last();
        seal.stream(stream.stream).is_some()
            && last.is_some_and(|last| last.footer.is_none() && last.damaged)
    };
    streams.iter().find(undecided).map(|stream| stream.stream)
}
