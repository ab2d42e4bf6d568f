//! The operator's program after landing: what a recording holds, whether it is whole, and whether
//! the core still says the same about it.
//!
//! | module | what |
//! |---|---|
//! | `cli` | arguments and help |
//! | `commands` | one module per subcommand |
//! | `figures` | what a flight was, gathered in one pass |
//! | `alerts` | the rules, and what they say of a flight |
//! | `report` | the HTML page |
//! | `retrieve` | a flight off the companion, proven, with a receipt |
//! | `output` | files that are whole or not there |
//! | `outcome` | what an outcome is as an exit code |
//! | `table`, `progress` | how people see it |

mod alerts;
mod cli;
mod commands;
mod figures;
mod outcome;
mod output;
mod progress;
mod report;
mod retrieve;
mod table;

use std::ffi::OsString;
use std::process::ExitCode;

use cli::{Arguments, Command};
use companion::command_line::CommandLine;

/// Runs the program with its arguments, the program's own name first.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let line = CommandLine::new(arguments);
    let Arguments { command } = match line.parse() {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    let done = match command {
        Command::List(arguments) => commands::list::run(&arguments),
        Command::Retrieve(arguments) => commands::retrieve::run(&arguments),
        Command::OperatorKey(arguments) => commands::retrieve::key(&arguments),
        Command::Report(arguments) => commands::report::run(&arguments),
        Command::Alerts(arguments) => commands::alerts::run(&arguments),
        Command::Info(arguments) => commands::info::run(&arguments),
        Command::Verify(arguments) => commands::verify::run(&arguments),
        Command::Cat(arguments) => commands::cat::run(&arguments),
        Command::Recover(arguments) => commands::recover::run(&arguments),
        Command::Rerun(arguments) => commands::rerun::run(&arguments),
        #[cfg(feature = "sync")]
        Command::Sync(arguments) => commands::sync::run(&arguments),
        Command::Smooth(arguments) => commands::smooth::run(&arguments),
    };
    outcome::exit_code(&line, done)
}
