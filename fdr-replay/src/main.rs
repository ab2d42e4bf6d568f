//! `fdr-replay`: what an operator does with a recording after landing.

use std::process::ExitCode;

fn main() -> ExitCode {
    fdr_replay::run(std::env::args_os())
}
