//! What a machine is given to run the program: the unit of the service manager.

#![allow(clippy::expect_used, clippy::panic, reason = "a test may fail")]

use std::fs;
use std::process::Command;

const UNIT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../deploy/systemd/gps-denied-companion.service"
);
/// Exposure of 10 that is too much, in tenths.
const EXPOSURE_MAX_TENTHS: u32 = 15;

/// Whether the tool is there; in CI it is.
fn has_systemd_analyze() -> bool {
    let found = Command::new("systemd-analyze")
        .arg("--version")
        .output()
        .is_ok();
    assert!(
        found || std::env::var_os("CI").is_none(),
        "systemd-analyze is missing: run `just setup`"
    );
    found
}

#[test]
fn the_unit_is_understood_by_systemd() {
    if !has_systemd_analyze() {
        return println!("skipped: systemd-analyze is missing");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let unit = folder.path().join("gps-denied-companion.service");
    // The program must exist where the unit says.
    let text = fs::read_to_string(UNIT)
        .expect("the unit")
        .replace("/usr/bin/companion", env!("CARGO_BIN_EXE_companion"));
    fs::write(&unit, text).expect("a copy");
    let output = Command::new("systemd-analyze")
        .args(["verify", "--man=no", "--recursive-errors=no"])
        .arg(&unit)
        .output()
        .expect("systemd-analyze");
    let told = String::from_utf8_lossy(&output.stderr);
    let about_us: Vec<_> = told
        .lines()
        .filter(|line| line.contains("gps-denied-companion"))
        .collect();
    assert!(output.status.success() && about_us.is_empty(), "{told}");
}

#[test]
fn the_unit_leaves_the_service_next_to_nothing() {
    if !has_systemd_analyze() {
        return println!("skipped: systemd-analyze is missing");
    }
    let output = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--no-pager"])
        .arg(format!("--threshold={EXPOSURE_MAX_TENTHS}"))
        .arg(UNIT)
        .output()
        .expect("systemd-analyze");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{told}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(told.contains("Overall exposure level"), "{told}");
}

#[test]
fn exit_codes_of_the_program_are_those_of_the_unit() {
    let unit = fs::read_to_string(UNIT).expect("the unit");
    let restart = companion::hardening::panic_dump::RESTART;
    assert!(unit.contains(&format!("\nRestartForceExitStatus={restart}\n")));
    assert!(unit.contains("\nRestartPreventExitStatus=2 64\n"));
    assert!(unit.contains("\nType=notify\n") && unit.contains("\nWatchdogSec="));
}
