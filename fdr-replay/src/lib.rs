//! The operator's program after landing: what a recording holds, whether it is whole, and whether
//! the core still says the same about it.
//!
//! | module | what |
//! |---|---|
//! | `cli` | arguments and help |
//! | `commands` | one module per subcommand |
//! | `outcome` | what an outcome is as an exit code |
//! | `table`, `progress` | how people see it |

mod cli;
mod commands;
mod outcome;
mod progress;
mod table;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use cli::{Arguments, Command};

/// Runs the program with its arguments, the program's own name first.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let parsed = match Arguments::try_parse_from(arguments) {
        Ok(parsed) => parsed,
        Err(message) => return outcome::usage(&message),
    };
    let done = match parsed.command {
        Command::Info(arguments) => commands::info::run(&arguments),
        Command::Verify(arguments) => commands::verify::run(&arguments),
        Command::Cat(arguments) => commands::cat::run(&arguments),
        Command::Rerun(arguments) => commands::rerun::run(&arguments),
    };
    outcome::exit_code(done)
}
