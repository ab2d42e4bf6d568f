//! The machine's state: a Jetson's `sysfs` as files, and whatever machine the tests run on.

#![allow(clippy::expect_used, reason = "a test may fail")]

use std::fs;
use std::path::{Path, PathBuf};

use companion::health::{BoardReader, HealthConfig, HealthReader};
use companion::navigator::{Input, MonotonicNs, Navigator, NavigatorConfig, Output, Outputs};

const ORIN: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../fixtures/jetson-orin-nano/sys"
);

/// A copy of the fixture that a test may change.
fn board() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = folder.path().join("sys");
    copy(Path::new(ORIN), &root);
    (folder, root)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("the fixture") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a copy");
        }
    }
}

fn set(root: &Path, attribute: &str, value: &str) {
    fs::write(root.join(attribute), format!("{value}\n")).expect("an attribute");
}

#[test]
fn an_orin_nano_tells_load_heat_and_supply() {
    let readings = BoardReader::new(Path::new(ORIN)).read();
    assert_eq!(readings.gpu_percent, Some(34.7));
    assert_eq!(readings.temperature_c(), Some(51.843));
    let names: Vec<_> = readings.zones.iter().map(|zone| &*zone.name).collect();
    assert_eq!(
        names,
        [
            "cpu-thermal",
            "gpu-thermal",
            "soc0-thermal",
            "soc1-thermal",
            "soc2-thermal",
            "tj-thermal"
        ],
        "zones that are switched off say -256 degrees and are left out"
    );
    let rails: Vec<_> = readings
        .rails
        .iter()
        .map(|rail| (&*rail.name, (rail.power_w * 1e3).round()))
        .collect();
    assert_eq!(
        rails,
        [
            ("VDD_IN", 6998.0),
            ("VDD_CPU_GPU_CV", 1575.0),
            ("VDD_SOC", 1494.0)
        ]
    );
    assert_eq!(readings.over_current_events, 3);
    assert!(
        !readings.throttled,
        "neither a fan nor an alarm slows a processor"
    );
}

#[test]
fn a_slowed_clock_and_a_starved_supply_are_throttling() {
    let (_folder, root) = board();
    let mut reader = BoardReader::new(&root);
    assert!(!reader.read().throttled, "old events do not count");
    set(&root, "class/hwmon/hwmon2/oc1_event_cnt", "1");
    assert!(reader.read().throttled);
    assert!(!reader.read().throttled, "an event is told once");
    for device in [1, 3, 4] {
        let state = format!("class/thermal/cooling_device{device}/cur_state");
        set(&root, &state, "2");
        assert!(reader.read().throttled, "{state}");
        set(&root, &state, "0");
    }
    assert!(!reader.read().throttled);
}

#[test]
fn what_cannot_be_read_is_absent_and_never_zero() {
    let nothing = BoardReader::new(Path::new("/nonexistent")).read();
    assert_eq!(nothing.gpu_percent, None);
    assert_eq!(nothing.temperature_c(), None);
    assert!(!nothing.throttled);

    let (_folder, root) = board();
    set(&root, "class/devfreq/17000000.gpu/device/load", "N/A");
    set(&root, "class/thermal/thermal_zone0/temp", "hot");
    set(
        &root,
        "class/thermal/thermal_zone8/temp",
        "999999999999999999999",
    );
    fs::write(root.join("class/hwmon/hwmon1/in1_input"), [0xFF; 4096]).expect("an attribute");
    let readings = BoardReader::new(&root).read();
    assert_eq!(readings.gpu_percent, None);
    assert_eq!(readings.temperature_c(), Some(51.187));
    assert_eq!(readings.rails.len(), 2);
}

#[test]
fn a_hot_board_lightens_the_load_of_vision_within_a_sample() {
    let (folder, root) = board();
    let config = HealthConfig {
        sysfs: root.clone(),
    };
    let mut reader = HealthReader::new(&config, folder.path());
    let mut navigator = Navigator::new(&NavigatorConfig::default());
    let mut switches = Vec::new();
    for second in 0..40 {
        let hot = (10..12).contains(&second);
        let temperature = if hot { "91000" } else { "51000" };
        set(&root, "class/thermal/thermal_zone8/temp", temperature);
        let sample = reader.sample(MonotonicNs(second * 1_000_000_000)).health;
        let mut outputs = Outputs::default();
        navigator.handle(&Input::SystemHealth(sample), &mut outputs);
        switches.extend(outputs.iter().filter_map(|output| match output {
            Output::Thermal(switch) => Some((second, switch.from_k, switch.to_k)),
            _ => None,
        }));
    }
    assert_eq!(switches, [(10, 3, 2), (22, 2, 3)]);
}

#[test]
fn this_machine_has_a_processor_memory_and_a_disk() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut reader = HealthReader::new(&HealthConfig::default(), folder.path());
    std::thread::sleep(std::time::Duration::from_millis(250));
    let health = reader.sample(MonotonicNs(1)).health;
    assert!((0.0..=100.0).contains(&health.cpu_percent));
    assert!(health.ram_used_bytes > 0 && health.ram_used_bytes <= health.ram_total_bytes);
    assert!(health.nvm_total_bytes > 0 && health.nvm_free_bytes <= health.nvm_total_bytes);
}

#[test]
fn a_recording_folder_that_is_gone_counts_as_full() {
    let mut reader = HealthReader::new(&HealthConfig::default(), Path::new("/nonexistent"));
    let health = reader.sample(MonotonicNs(1)).health;
    assert_eq!((health.nvm_free_bytes, health.nvm_total_bytes), (0, 0));
}
