//! Every scenario of the project holds; equal seeds leave equal bytes; files that make no sense are
//! refused with one message.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use companion::navigator::NavigatorConfig;
use sitl::scenario::{Script, load_all, render_run, run};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

/// Every file below `folder` with its content, by name.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_owned();
                files.push((name, fs::read(&path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

#[test]
fn every_scenario_holds() {
    let scripts = load_all(&folder()).unwrap();
    let root = tempfile::tempdir().unwrap();
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(script) = scripts.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = run(script, root.path(), &mut |_| {}).unwrap();
                    fs::remove_dir_all(&outcome.recording).unwrap();
                    outcomes.lock().unwrap().push(outcome);
                }
            });
        }
    });
    let mut outcomes = outcomes.into_inner().unwrap();
    outcomes.sort_by(|a, b| a.name.cmp(&b.name));
    let text = render_run(&outcomes, &[]);
    println!("{text}");
    let sound = outcomes.iter().all(|outcome| outcome.verdict().is_sound());
    assert!(sound, "{text}");
}

/// Breaks one rule of the companion at a time, as far as its settings allow: the scenario that proves it must
/// notice.
#[test]
fn a_broken_companion_fails_the_scenario_that_proves_what_was_broken() {
    type Mutation = (&'static str, fn(&mut NavigatorConfig));
    let mutations: [Mutation; 6] = [
        // A gate that never closes swallows the forgery.
        ("ac-3-5-blackout-spoof", |navigator| {
            navigator.spoof_gate.jump_m = 500.0;
            navigator.spoof_gate.velocity_mps = 50.0;
            navigator.gates.gps_horizontal_nis = 1000.0;
        }),
        // An operator who is asked too late.
        ("ac-3-4-operator-is-asked", |navigator| {
            navigator.sight.request_s = 12.0;
        }),
        // A coarse position that is never withdrawn.
        ("ac-new-8-ladder", |navigator| {
            navigator.fix.three_d_max_radius_m = 2000.0;
            navigator.fix.two_d_max_radius_m = 10_000.0;
        }),
        // A machine that may burn.
        ("ac-new-5-hot", |navigator| {
            navigator.thermal.hot_c = 110.0;
        }),
        // A GPS that is believed again at once.
        ("spoof-gate-opens-again", |navigator| {
            navigator.spoof_gate.stable_s = 1.0;
        }),
        // A map that is believed whatever it says.
        ("ac-new-7-poisoned-map", |navigator| {
            navigator.gates.anchor_nis = 1000.0;
            navigator.vision.confirm_above_m = 1000.0;
        }),
    ];
    for (name, mutate) in mutations {
        let mut script = Script::load(&folder().join(format!("{name}.toml"))).unwrap();
        mutate(&mut script.configuration.navigator);
        let root = tempfile::tempdir().unwrap();
        let outcome = run(&script, root.path(), &mut |_| {}).unwrap();
        assert!(
            !outcome.passed,
            "{name} does not notice what was broken:\n{}",
            render_run(&[outcome], &[])
        );
    }
}

#[test]
fn two_flights_of_one_seed_leave_the_same_bytes_and_of_another_seed_others() {
    let script = Script::load(&folder().join("ac-5-1-cold-start.toml")).unwrap();
    let fly = |seed| {
        let root = tempfile::tempdir().unwrap();
        let script = Script {
            seed,
            ..script.clone()
        };
        let outcome = run(&script, root.path(), &mut |_| {}).unwrap();
        contents(&outcome.recording)
    };
    let first = fly(1);
    assert!(first == fly(1));
    assert!(first != fly(2));
}

/// What a scenario is refused with when `from` in a sound file is replaced by `to`.
fn refusal(from: &str, to: &str) -> String {
    let sound = "proves = [\"AC-3.5\"]\nabout = \"a\"\nseed = 1\nduration_s = 100.0\ncamera = true\n\
                 [[event]]\nat_s = 50.0\nuntil_s = 60.0\nsight = \"cloud\"\n\
                 [[event]]\nat_s = 70.0\ngps = \"jammed\"\n\
                 [[expect]]\nerror = { below_m = 20.0 }\n";
    assert!(Script::parse(Path::new("x.toml"), sound).is_ok());
    assert!(sound.contains(from), "{from}");
    Script::parse(Path::new("x.toml"), &sound.replace(from, to))
        .unwrap_err()
        .to_string()
}

#[test]
fn a_file_that_makes_no_sense_is_refused_with_the_reason() {
    for (from, to, reason) in [
        ("gps = \"jammed\"", "gps = \"jamed\"", "jamed"),
        ("gps = \"jammed\"", "gsp = \"jammed\"", "gsp"),
        ("sight = \"cloud\"", "", "says nothing"),
        (
            "sight = \"cloud\"",
            "sight = \"cloud\"\nlink = \"cut\"",
            "says two things",
        ),
        ("at_s = 70.0", "at_s = 170.0", "`at_s` is 170"),
        ("until_s = 60.0", "until_s = 40.0", "`until_s` is 40"),
        (
            "at_s = 70.0\ngps = \"jammed\"",
            "at_s = 55.0\nsight = \"no-map\"",
            "at the same time",
        ),
        ("camera = true", "camera = false", "`camera`"),
        ("seed = 1", "seed = 9007199254740993", "`seed`"),
        ("seed = 1", "seed = -1", "seed"),
        ("duration_s = 100.0", "duration_s = 1.0", "`duration_s`"),
        ("error = { below_m = 20.0 }", "", "claims nothing"),
        (
            "error = { below_m = 20.0 }",
            "error = { below_m = 20.0 }\nradius_grows = true",
            "claims two things",
        ),
        (
            "error = { below_m = 20.0 }",
            "from_s = 90.0\nto_s = 80.0\nerror = { below_m = 20.0 }",
            "span",
        ),
        ("proves = [\"AC-3.5\"]", "proves = []", "`proves`"),
    ] {
        let refusal = refusal(from, to);
        assert!(refusal.contains(reason), "{to}: {refusal}");
        assert!(refusal.contains("x.toml"), "{refusal}");
    }
}

fn sitl(arguments: &[&str]) -> std::process::Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    Command::new(env!("CARGO_BIN_EXE_sitl"))
        .args(arguments)
        .current_dir(root)
        .output()
        .unwrap()
}

#[test]
fn the_command_lists_flies_and_refuses_with_its_exit_codes() {
    let listed = sitl(&["scenario", "list", "--json"]);
    assert!(listed.status.success());
    let document: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert!(document["scenarios"].as_array().unwrap().len() > 15);

    let flown = sitl(&["scenario", "run", "ac-5-1-cold-start", "--json"]);
    assert!(flown.status.success());
    let document: serde_json::Value = serde_json::from_slice(&flown.stdout).unwrap();
    assert_eq!(document["passed"], 1);
    assert_eq!(document["scenarios"][0]["proves"][0], "AC-5.1");

    let unknown = sitl(&["scenario", "run", "no-such-thing"]);
    assert_eq!(unknown.status.code(), Some(1));
    let message = String::from_utf8(unknown.stderr).unwrap();
    assert!(message.contains("ac-5-1-cold-start"), "{message}");
    assert_eq!(sitl(&["scenario", "run"]).status.code(), Some(64));
}
