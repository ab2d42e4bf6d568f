//! The complete state of the deterministic machine as bytes, and back.
//!
//! A checkpoint holds the navigator (filter with its clones, labels, gates, clocks, settings) and the
//! emitter (link sequence, latest position), so that a re-run can begin at any of them. The bytes are
//! derived from the structures themselves: a field that is added is in the checkpoint too. Floating point
//! numbers are kept bit for bit.
//!
//! | bytes | what |
//! |---|---|
//! | 4 | version of the core that wrote it and alone can read it, little-endian |
//! | the rest | the state, in the encoding of `postcard` |
//!
//! Source: the postcard wire format, version 1.

use serde::{Deserialize, Serialize};

use crate::autopilot::Emitter;
use crate::navigator::{CORE_VERSION, Navigator};

/// Room for a checkpoint; a state that does not fit is a mistake in the program, and no checkpoint is
/// taken then.
pub const CHECKPOINT_MAX: usize = 60 << 10;

/// Bytes in front of the state.
const HEAD: usize = 4;

/// Everything that outputs depend on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) navigator: Navigator,
    pub(crate) emitter: Emitter,
}

/// Why a checkpoint cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Written by another version of the core.
    #[error(
        "the checkpoint was written by version {found} of the core, this is version {CORE_VERSION}; re-run the flight from its start"
    )]
    Version {
        /// The version.
        found: u32,
    },
    /// Not a state.
    #[error("the checkpoint's {bytes} bytes are not a state of this core: {problem}")]
    Damaged {
        /// How many bytes there are.
        bytes: usize,
        /// What is wrong with them.
        problem: postcard::Error,
    },
    /// A state whose parts contradict each other: no core wrote it.
    #[error(
        "the checkpoint's {bytes} bytes contradict each other: the covariance is not that of the exposures remembered; re-run the flight from another checkpoint"
    )]
    Contradiction {
        /// How many bytes there are.
        bytes: usize,
    },
    /// Shorter than its head, or longer than what was read.
    #[error("the checkpoint's {bytes} bytes are not one whole state")]
    Length {
        /// How many bytes there are.
        bytes: usize,
    },
}

/// Writes `state` into `buffer`; how many bytes it took, `None` when they do not fit.
pub(crate) fn write(state: &State, buffer: &mut [u8]) -> Option<usize> {
    let (head, rest) = buffer.split_at_mut_checked(HEAD)?;
    head.copy_from_slice(&CORE_VERSION.to_le_bytes());
    let written = postcard::to_slice(state, rest).ok()?;
    Some(HEAD + written.len())
}

/// Reads what [`write`] wrote.
pub(crate) fn read(bytes: &[u8]) -> Result<State, CheckpointError> {
    let length = bytes.len();
    let (version, rest) = bytes
        .split_first_chunk::<HEAD>()
        .ok_or(CheckpointError::Length { bytes: length })?;
    let found = u32::from_le_bytes(*version);
    if found != CORE_VERSION {
        return Err(CheckpointError::Version { found });
    }
    let (state, left): (State, _) =
        postcard::take_from_bytes(rest).map_err(|problem| CheckpointError::Damaged {
            bytes: length,
            problem,
        })?;
    if !left.is_empty() {
        return Err(CheckpointError::Length { bytes: length });
    }
    if !state.navigator.is_coherent() {
        return Err(CheckpointError::Contradiction { bytes: length });
    }
    Ok(state)
}
