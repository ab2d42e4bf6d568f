//! What every program of the workspace does the same way on its command line: usage errors, failures,
//! and `--json`.
//!
//! A failure is one message on stderr. With `--json` anywhere among the arguments it is also one JSON
//! document on stdout, `{"error": "..."}`, and nothing else is: a script that asked for JSON gets JSON,
//! whatever goes wrong.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use serde_json::json;

/// Exit code: it failed, or was done only in part.
pub const FAILED: u8 = 1;
/// Exit code: wrong usage, as `sysexits.h` has it.
pub const USAGE: u8 = 64;

/// The command line of one run of a program.
#[derive(Debug)]
pub struct CommandLine {
    arguments: Vec<OsString>,
    json: bool,
}

impl CommandLine {
    /// The arguments of a program, its own name first.
    #[must_use]
    pub fn new(arguments: impl IntoIterator<Item = OsString>) -> Self {
        let arguments: Vec<_> = arguments.into_iter().collect();
        let json = arguments
            .iter()
            .take_while(|argument| *argument != "--")
            .any(|argument| argument == "--json");
        Self { arguments, json }
    }

    /// The arguments as `A`; otherwise the code to end with: help and version were printed to stdout,
    /// or wrong usage was reported.
    ///
    /// # Errors
    /// When there is nothing to run.
    pub fn parse<A: Parser>(&self) -> Result<A, ExitCode> {
        A::try_parse_from(&self.arguments).map_err(|message| {
            // Nobody is left to tell when the terminal is gone.
            let _ = message.print();
            if !message.use_stderr() {
                return ExitCode::SUCCESS;
            }
            let text = message.render().to_string();
            let text = text.trim();
            self.failure_document(text.strip_prefix("error: ").unwrap_or(text));
            ExitCode::from(USAGE)
        })
    }

    /// Reports that the program failed, and how; nothing else may have been printed to stdout.
    pub fn fail(&self, message: impl std::fmt::Display, code: u8) -> ExitCode {
        let message = message.to_string();
        tell(&format!("error: {message}"));
        self.failure_document(&message);
        ExitCode::from(code)
    }

    fn failure_document(&self, message: &str) {
        if self.json {
            // The exit code says all that is left to say when stdout is gone.
            let _ = print(&format!("{:#}\n", json!({ "error": message })));
        }
    }
}

/// One line on stderr.
pub fn tell(line: &str) {
    // Nobody is left to tell when stderr is gone.
    let _ = writeln!(io::stderr(), "{line}");
}

/// The whole of a report on stdout.
///
/// # Errors
/// When stdout cannot be written.
pub fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}
