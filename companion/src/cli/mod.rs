//! The command line: arguments to library calls, results to text and exit codes.
//!
//! | exit code | meaning |
//! |---|---|
//! | 0 | done |
//! | 1 | failed, or done only in part; stderr says why |
//! | 64 | wrong usage |
//! | 130, 143 | ended by SIGINT (Ctrl-C) or SIGTERM, in order |

mod device_key;
mod overwrite;
mod progress;
mod qualify;
mod record_bench;
mod recording;
mod replay;
mod signals;
mod table;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use companion::command_line::CommandLine;

const EXIT_CODES: &str = "Exit codes: 0 done, 1 failed or done only in part (stderr says why), \
    64 wrong usage,\n130 or 143 interrupted (SIGINT, SIGTERM).";

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
    /// Learn from photographs of a sector whether vision will hold over it
    Qualify(qualify::Arguments),
    /// Drive the flight data recorder with made-up records and measure it
    RecordBench(record_bench::Arguments),
    /// Freeze, thaw or pin the recording of a flight
    Recording(recording::Arguments),
    /// Make the key with which this device certifies its recordings
    DeviceKey(device_key::Arguments),
}

/// Runs the program.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    signals::report_file_size_limit_as_error();
    let line = CommandLine::new(arguments);
    match line.parse::<Arguments>() {
        Ok(arguments) => match arguments.command {
            Command::Replay(arguments) => replay::run(&line, &arguments),
            Command::Qualify(arguments) => qualify::run(&line, &arguments),
            Command::RecordBench(arguments) => record_bench::run(&line, &arguments),
            Command::Recording(arguments) => recording::run(&line, &arguments),
            Command::DeviceKey(arguments) => device_key::run(&line, &arguments),
        },
        Err(code) => code,
    }
}
