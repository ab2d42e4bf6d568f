//! `companion check`: what makes a machine unfit to fly, and how it is said.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// A configuration that is fit, but for what `more` says. `/dev/null` is a device like any other here.
fn text(folder: &Path, autopilot: &str, recorder: &str) -> String {
    format!(
        "[autopilot]\n{autopilot}\n[recorder]\nfolder = \"{}\"\nsegment_bytes = 1048576\nessential = false\n\
         thumbnails_bytes = 0\ntiles_bytes = 0\n{recorder}\n",
        folder.join("fdr").display()
    )
}

const NULL: &str = "address = \"serial:/dev/null:921600\"";
const SMALL: &str = "cap_bytes = 16000000";

struct Checked {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Checked {
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap()
    }

    /// The words of a subject's findings with a verdict.
    fn words(&self, subject: &str, verdict: &str) -> String {
        let json = self.json();
        let findings = json["findings"].as_array().unwrap().iter();
        findings
            .filter(|finding| finding["subject"] == subject && finding["verdict"] == verdict)
            .map(|finding| finding["text"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
            .join("\n")
    }
}

fn check(config: &str, more: &[&str]) -> Checked {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("companion.toml");
    fs::write(&path, config).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_companion"))
        .args(["check", "--config"])
        .arg(&path)
        .args(more)
        .output()
        .unwrap();
    Checked {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn a_machine_that_has_everything_is_fit_and_nothing_is_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let checked = check(&text(folder.path(), NULL, SMALL), &["--json"]);
    assert_eq!(checked.code, 0, "{}", checked.stdout);
    assert_eq!(checked.json()["fit"], true);
    for subject in ["profile", "autopilot", "recorder", "machine"] {
        assert!(!checked.words(subject, "good").is_empty(), "{subject}");
    }
    assert!(checked.words("map", "warning").contains("no map package"));
    assert!(
        checked
            .words("recorder", "warning")
            .contains("device-key new")
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn people_get_a_table_and_a_last_word() {
    let folder = tempfile::tempdir().unwrap();
    let fit = check(&text(folder.path(), NULL, SMALL), &[]);
    assert!(
        fit.stdout.trim_end().ends_with("\nfit to fly"),
        "{}",
        fit.stdout
    );
    let unfit = check(&text(folder.path(), "", SMALL), &[]);
    assert_eq!(unfit.code, 2);
    assert!(
        unfit.stdout.trim_end().ends_with("NOT fit to fly"),
        "{}",
        unfit.stdout
    );
    assert!(unfit.stdout.contains("UNFIT"));
}

#[test]
fn every_reason_not_to_fly_is_named_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let file = here.join("file");
    fs::write(&file, "no device").unwrap();
    let not_serial = format!("address = \"serial:{}:57600\"", file.display());
    let no_folder =
        "recorder.segment_bytes = 1048576\n[autopilot]\naddress = \"serial:/dev/null:57600\"\n";
    let blocked = format!(
        "[autopilot]\n{NULL}\n[recorder]\nfolder = \"{}\"\n",
        file.join("fdr").display()
    );
    let missing_key = format!(
        "{SMALL}\ndevice_key = \"{}\"",
        here.join("none.key").display()
    );
    for (config, subject, words) in [
        (
            text(here, "", SMALL),
            "autopilot",
            &["autopilot.address", "serial:"][..],
        ),
        (
            text(here, "address = \"serial:/dev/ttyNONE:57600\"", SMALL),
            "autopilot",
            &["/dev/ttyNONE", "plugged in"],
        ),
        (
            text(here, &not_serial, SMALL),
            "autopilot",
            &["no serial port"],
        ),
        (
            text(here, NULL, "cap_bytes = 17592186044416"),
            "recorder",
            &["GB free", "recorder.cap_bytes", "retrieve"],
        ),
        (
            no_folder.to_owned(),
            "recorder",
            &["recorder.folder", "no flight"],
        ),
        (blocked, "recorder", &["cannot be written"]),
        (text(here, NULL, &missing_key), "recorder", &["none.key"]),
        (
            format!("profile = \"production\"\n{}", text(here, NULL, SMALL)),
            "profile",
            &["production", "build-production"],
        ),
    ] {
        let checked = check(&config, &["--json"]);
        assert_eq!(checked.code, 2, "{config}{}", checked.stdout);
        let told = checked.words(subject, "unfit");
        for word in words {
            assert!(told.contains(word), "{told:?} without {word:?}");
        }
    }
}

#[test]
fn a_configuration_that_is_wrong_is_not_fit_either() {
    let checked = check("[autopilot]\ngps_ids = 1", &["--json"]);
    assert_eq!(checked.code, 2);
    let error = checked.json()["error"].as_str().unwrap().to_owned();
    assert!(error.contains("nearest known name is `gps_id`"), "{error}");
    assert!(checked.stderr.contains("gps_ids"));
}

#[test]
fn the_heat_of_the_board_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let fixture = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../fixtures/jetson-orin-nano/sys"
    );
    let config = format!(
        "{}[health]\nsysfs = \"{fixture}\"\n[navigator.thermal]\nhot_c = 51.0\ncool_c = 45.0\n",
        text(folder.path(), NULL, SMALL)
    );
    let checked = check(&config, &["--json"]);
    assert_eq!(checked.code, 0, "{}", checked.stdout);
    assert!(
        checked
            .words("machine", "warning")
            .contains("52 degrees already")
    );
}
