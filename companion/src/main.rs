//! `companion`: tells an aircraft where it is when GPS is jammed or spoofed.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run(std::env::args_os())
}
