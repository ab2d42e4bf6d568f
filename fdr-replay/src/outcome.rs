//! One place that turns what happened into an exit code.

use std::io::{self, ErrorKind};
use std::process::ExitCode;

use companion::command_line::{CommandLine, FAILED};

use crate::alerts::Urgency;

/// How a command ended, when it could do its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing to object to.
    Clean,
    /// Of several flights one cannot be read.
    Unreadable,
    /// Only the tail of the recording is torn.
    TornTail,
    /// The recording is damaged.
    Damaged,
    /// The recording was altered.
    Altered,
    /// The re-run says something else than the recording.
    Different,
    /// The same, and another version of the core made the recording.
    DifferentVersion,
    /// A rule of `alerts` is broken.
    Alert(Urgency),
}

impl Outcome {
    /// The exit code; also part of JSON reports.
    pub fn code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Unreadable => FAILED,
            Self::TornTail => 2,
            Self::Damaged => 3,
            Self::Altered => 4,
            Self::Different => 5,
            Self::DifferentVersion => 6,
            Self::Alert(Urgency::Medium) => 7,
            Self::Alert(Urgency::High) => 8,
            Self::Alert(Urgency::Critical) => 9,
        }
    }

    /// The one with the greater code.
    pub fn or_worse(self, other: Self) -> Self {
        if other.code() > self.code() {
            other
        } else {
            self
        }
    }

    /// The outcome behind the exit code of a verification.
    pub fn of_verification(code: u8) -> Self {
        match code {
            0 => Self::Clean,
            2 => Self::TornTail,
            4 => Self::Altered,
            _ => Self::Damaged,
        }
    }
}

/// Ends the program: an error is reported, an outcome becomes its code.
pub fn exit_code(line: &CommandLine, done: anyhow::Result<Outcome>) -> ExitCode {
    match done {
        Ok(outcome) => ExitCode::from(outcome.code()),
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        // Errors name their cause themselves.
        Err(error) => line.fail(error, FAILED),
    }
}

/// Whoever read our output has seen enough (`fdr-replay cat … | head`).
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}
