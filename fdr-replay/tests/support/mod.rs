//! What tests of the program share.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "a test fails by panicking, and uses what it needs"
)]

pub mod lively;

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

pub fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fdr-replay"))
        .args(arguments)
        .output()
        .unwrap()
}

pub fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The one JSON document that a command prints.
pub fn json(arguments: &[&str]) -> Value {
    let output = run(arguments);
    let read = serde_json::from_slice(&output.stdout);
    read.unwrap_or_else(|error| panic!("{arguments:?}: {error}: {}", stderr(&output)))
}

pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
