//! The command line: arguments to library calls, results to text and exit codes.
//!
//! | exit code | meaning |
//! |---|---|
//! | 0 | done |
//! | 1 | failed, or done only in part; stderr says why |
//! | 64 | wrong usage |

mod progress;
mod replay;
mod signals;
mod table;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

const FAILED: u8 = 1;
const USAGE: u8 = 64;
const EXIT_CODES: &str =
    "Exit codes: 0 done, 1 failed or done only in part (stderr says why), 64 wrong usage.";

/// Tells an aircraft where it is when GPS is jammed or spoofed, and records why.
#[derive(Debug, Parser)]
#[command(name = "companion", version, after_help = EXIT_CODES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Replay a MAVLink log through the pipeline that flies, and record it
    Replay(replay::Arguments),
}

/// Runs the program.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    signals::report_file_size_limit_as_error();
    match Arguments::try_parse_from(arguments) {
        Ok(Arguments {
            command: Command::Replay(arguments),
        }) => replay::run(&arguments),
        Err(error) => {
            // There is nobody to tell when the terminal is gone.
            let _ = error.print();
            if error.use_stderr() {
                ExitCode::from(USAGE)
            } else {
                ExitCode::SUCCESS
            }
        }
    }
}
