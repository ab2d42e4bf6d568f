//! `spine`: takes rows, keeps them, and sees them off the vehicle exactly once.

use std::process::ExitCode;

fn main() -> ExitCode {
    edge_spine::cli::run(std::env::args_os())
}
