//! The command line: arguments to library calls, results to text and exit codes.
//!
//! | exit code | meaning |
//! |---|---|
//! | 0 | done |
//! | 1 | failed, or done only in part; stderr says why |
//! | 2 | not fit to fly; nothing was sent (`fly`, `check`) |
//! | 64 | wrong usage |
//! | 130, 143 | ended by SIGINT (Ctrl-C) or SIGTERM, in order |

mod check;
mod device_key;
mod fly;
mod map;
mod overwrite;
mod progress;
mod protection;
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

/// Exit code: not fit to fly; nothing was sent.
const UNFIT: u8 = 2;

/// Tells an aircraft where it is when GPS is jammed or spoofed, and records why.
#[derive(Debug, Parser)]
#[command(name = "companion", version, after_help = EXIT_CODES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Fly: tell the autopilot where it is until asked to end
    Fly(fly::Arguments),
    /// Look whether a configuration is fit to fly on this machine: devices, disk, protection
    Check(check::Arguments),
    /// Replay a MAVLink log through the pipeline that flies, and record it
    Replay(replay::Arguments),
    /// Learn from photographs of a sector whether vision will hold over it
    Qualify(qualify::Arguments),
    /// Drive the flight data recorder with made-up records and measure it
    RecordBench(record_bench::Arguments),
    /// Freeze, thaw or pin the recording of a flight, or say what holds
    Recording(recording::Arguments),
    /// Make or check the signed map package of a sector
    Map(map::Arguments),
    /// Make the key with which this device certifies its recordings
    DeviceKey(device_key::Arguments),
}

/// Runs the program.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    signals::report_file_size_limit_as_error();
    let line = CommandLine::new(arguments);
    match line.parse::<Arguments>() {
        Ok(arguments) => match arguments.command {
            Command::Fly(arguments) => fly::run(&line, &arguments),
            Command::Check(arguments) => check::run(&line, &arguments),
            Command::Replay(arguments) => replay::run(&line, &arguments),
            Command::Qualify(arguments) => qualify::run(&line, &arguments),
            Command::RecordBench(arguments) => record_bench::run(&line, &arguments),
            Command::Recording(arguments) => recording::run(&line, &arguments),
            Command::Map(arguments) => map::run(&line, &arguments),
            Command::DeviceKey(arguments) => device_key::run(&line, &arguments),
        },
        Err(code) => code,
    }
}
