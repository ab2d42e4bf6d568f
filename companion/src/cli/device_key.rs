//! `companion device-key`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use companion::command_line::{CommandLine, FAILED, print};
use companion::recorder::make_device_key;
use serde_json::json;

/// Arguments of `companion device-key`.
#[derive(Debug, Args)]
#[command(after_help = super::EXIT_CODES)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a new key in a file that only its owner can read, and print its public half
    New {
        /// The file; it must not exist
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Print the public half as one JSON document
        #[arg(long)]
        json: bool,
    },
}

/// Makes the key.
pub fn run(line: &CommandLine, arguments: &Arguments) -> ExitCode {
    let Command::New { file, json } = &arguments.command;
    let key = match make_device_key(file) {
        Ok(key) => key,
        Err(error) => return line.fail(error, FAILED),
    };
    let public = key.public();
    let printed = if *json {
        print(&format!(
            "{:#}\n",
            json!({ "file": file, "public_key": public })
        ))
    } else {
        print(&format!("{public}\n"))
    };
    match printed {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(FAILED),
    }
}
