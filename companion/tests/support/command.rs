//! Runs the real `companion` binary.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What a run of the program left.
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    /// Stdout as the one JSON document that it must be.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("stdout is not one JSON document: {error}\n{self}"))
    }

    /// Checks the exit code and that stderr is one line that holds all of `parts`.
    #[track_caller]
    pub fn fails(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, code, "{self}");
        let lines: Vec<_> = self.stderr.lines().collect();
        assert_eq!(lines.len(), 1, "not one clear message: {self}");
        for part in parts {
            assert!(lines[0].contains(part), "no {part:?} in {self}");
        }
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "exit code {}\nstdout: {}\nstderr: {}",
            self.code, self.stdout, self.stderr
        )
    }
}

pub fn companion<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Run {
    run(Command::new(env!("CARGO_BIN_EXE_companion")).args(arguments))
}

/// Runs any command to its end.
pub fn run(command: &mut Command) -> Run {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    Run {
        code: status.code().unwrap(),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

/// `companion replay --json` of `log` into `fdr` with further arguments.
pub fn replay(log: &Path, fdr: &Path, more: &[&str]) -> Run {
    let mut arguments = vec!["replay", "--json", "--log", log.to_str().unwrap()];
    arguments.extend(["--fdr", fdr.to_str().unwrap()]);
    arguments.extend(more);
    companion(arguments)
}

/// The recording that a JSON report names, verified clean and re-run identically.
#[track_caller]
pub fn sound_recording(report: &serde_json::Value) -> PathBuf {
    let folder = PathBuf::from(report["flight_dir"].as_str().unwrap());
    sound(&folder);
    folder
}

/// Checks that a recording verifies clean and re-runs identically.
#[track_caller]
pub fn sound(folder: &Path) {
    let verification = fdr_format::verify(folder).unwrap();
    assert_eq!(verification.exit_code, 0, "{:?}", verification.findings);
    let rerun = companion::rerun::rerun(folder).unwrap();
    assert!(
        rerun.identical(),
        "{:?} {:?}",
        rerun.difference,
        rerun.cut_short
    );
}

/// Writes `bytes` to `name` in `folder`.
pub fn file(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}
