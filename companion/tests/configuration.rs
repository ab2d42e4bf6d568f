//! Configuration files: what is accepted, what is refused and how it is said.

use companion::autopilot::AutopilotKind;
use companion::config::{Configuration, RANGES, Range};

#[test]
fn an_empty_file_is_the_default_configuration() {
    assert_eq!(Configuration::parse("").unwrap(), Configuration::default());
}

/// The example is made by `UPDATE_EXAMPLE=1 cargo test -p companion --test configuration`.
#[test]
fn the_documented_example_names_every_setting_with_its_default() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../docs/companion.example.toml"
    );
    let mut configuration = Configuration::default();
    configuration.autopilot.system_id = Some(1);
    let expected = format!(
        "# Every setting of `companion` with its default (autopilot.system_id has none: without it\n\
         # the first autopilot heard is the vehicle). docs/configuration.md says what they mean.\n\n{}",
        configuration.canonical().unwrap()
    );
    if std::env::var_os("UPDATE_EXAMPLE").is_some() {
        std::fs::write(path, &expected).unwrap();
    }
    let example = std::fs::read_to_string(path).unwrap();
    assert_eq!(
        example, expected,
        "make it anew: see the comment on this test"
    );
    assert_eq!(Configuration::parse(&example).unwrap(), configuration);
}

#[test]
fn the_page_describes_every_setting_with_its_default() {
    let page = include_str!("../../docs/configuration.md");
    let text = Configuration::default().canonical().unwrap();
    let mut section = page;
    for line in text.lines().filter(|line| !line.is_empty()) {
        if line.starts_with('[') {
            let heading = format!("## `{line}`");
            section = page
                .split_once(&heading)
                .unwrap_or_else(|| panic!("docs/configuration.md has no section {line}"))
                .1;
            continue;
        }
        let (name, value) = line.split_once(" = ").unwrap();
        let row = section
            .lines()
            .skip(1)
            .take_while(|line| !line.starts_with('#'))
            .find(|line| line.starts_with(&format!("| `{name}` |")))
            .unwrap_or_else(|| panic!("docs/configuration.md does not describe `{name}`"));
        let default = row.split('|').nth(2).unwrap().trim().trim_matches('`');
        let same = default == value
            || default
                .parse::<f64>()
                .is_ok_and(|default| Ok(default) == value.parse::<f64>());
        assert!(
            same,
            "docs/configuration.md says {name} = {default}, it is {value}"
        );
        let Some(range) = RANGES
            .iter()
            .find(|range| range.name == name && section_is(section, range))
        else {
            continue;
        };
        let allowed = row.split('|').nth(3).unwrap().trim();
        let (low, high) = allowed.split_once(" to ").unwrap();
        let page = (low.parse(), high.parse());
        assert_eq!(page, (Ok(range.low), Ok(range.high)), "{}", range.setting());
    }
}

/// Whether `text`, the page behind a heading, belongs to the section of `range`.
fn section_is(text: &str, range: &Range) -> bool {
    let page = include_str!("../../docs/configuration.md");
    page.ends_with(&format!("[navigator.{}]`{text}", range.section))
}

#[test]
fn every_number_of_the_navigator_has_a_range_that_holds_its_default() {
    let numbers = toml::Value::try_from(Configuration::default().navigator).unwrap();
    let mut found = 0;
    for (section, settings) in numbers.as_table().unwrap() {
        for (name, value) in settings.as_table().unwrap() {
            let Some(value) = value.as_float() else {
                continue;
            };
            let range = RANGES
                .iter()
                .find(|range| range.section == section && range.name == name)
                .unwrap_or_else(|| panic!("navigator.{section}.{name} has no range"));
            assert!((range.low..=range.high).contains(&value), "{range:?}");
            found += 1;
        }
    }
    assert_eq!(found, RANGES.len());
}

#[test]
fn a_number_outside_its_range_is_refused_with_setting_value_and_range() {
    for range in RANGES {
        for value in [
            range.low - 1e-9,
            range.high * 1.001,
            f64::INFINITY,
            f64::NAN,
        ] {
            let value = toml::Value::from(value);
            let text = format!("[navigator.{}]\n{} = {value}", range.section, range.name);
            let message = Configuration::parse(&text).unwrap_err().to_string();
            let allowed = format!("{} to {}", range.low, range.high);
            assert!(
                message.contains(&range.setting()) && message.contains(&allowed),
                "{message}"
            );
        }
    }
}

#[test]
fn the_canonical_text_gives_the_same_configuration_again() {
    let mut configuration = Configuration::default();
    configuration.autopilot.kind = AutopilotKind::INav;
    configuration.autopilot.system_id = Some(42);
    configuration.navigator.process.wind = 0.1 + 0.2;
    let text = configuration.canonical().unwrap();
    assert_eq!(Configuration::parse(&text).unwrap(), configuration);
}

#[test]
fn what_is_not_allowed_is_refused_by_name_value_and_limit() {
    for (text, parts) in [
        (
            "[autopilot]\ngps_id = 2",
            &["autopilot.gps_id", "2", "0 or 1"][..],
        ),
        (
            "[autopilot]\nsystem_id = 0",
            &["autopilot.system_id", "0", "1 to 255"],
        ),
        ("[autopilot]\nkind = \"px4\"", &["px4", "ardupilot", "inav"]),
        (
            "[recorder]\nsegment_bytes = 1",
            &["recorder.segment_bytes", "1", "1048576"],
        ),
        (
            "[navigator.process]\nwind = -0.1",
            &["navigator.process.wind", "-0.1", "0.001 to 5"],
        ),
        (
            "[navigator.process]\nwind = nan",
            &["navigator.process.wind", "NaN", "0.001 to 5"],
        ),
        (
            "[navigator.fix]\ntwo_d_max_radius_m = 100.0",
            &["navigator.fix.two_d_max_radius_m", "100", "245"],
        ),
        ("[navigator]\nfancy = 1", &["fancy"]),
        ("[autopilt]\ngps_id = 1", &["autopilt", "autopilot"]),
        ("gps_id =", &["line 1"]),
        (
            "[autopilot]\ngps_ids = 1",
            &["line 2", "`gps_ids`", "nearest known name is `gps_id`"],
        ),
        ("gps_id = 1", &["it exists as autopilot.gps_id"]),
        (
            "[autopilot]\nsigning_key = \"00\"",
            &["`signing_key`", "no static signing key", "fresh one"],
        ),
        (
            "profile = \"production\"\n[log]\nlevel = \"debug\"",
            &["log.level", "\"debug\"", "\"info\"", "production"],
        ),
        (
            "profile = \"production\"\n[log]\nform = \"json\"",
            &["log.form", "\"json\"", "\"journald\""],
        ),
        (
            "profile = \"production\"\n[metrics]\nlisten = \"127.0.0.1:9464\"",
            &["metrics.listen", "127.0.0.1:9464", "leave it out"],
        ),
        (
            "profile = \"staging\"",
            &["staging", "production", "tier1", "tier2"],
        ),
        (
            "[autopilot]\nkind = \"inav\"\n[navigator.spoof_gate]\nsource_set_denied = 2",
            &[
                "navigator.spoof_gate.source_set_denied",
                "inav",
                "no source sets",
            ],
        ),
    ] {
        let message = Configuration::parse(text).unwrap_err().to_string();
        for part in parts {
            assert!(
                message.contains(part),
                "{text:?} gives {message:?} without {part:?}"
            );
        }
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let missing = std::path::Path::new("/nonexistent/companion.toml");
    let message = Configuration::load(missing).unwrap_err().to_string();
    assert!(message.contains("/nonexistent/companion.toml"), "{message}");
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_allowed_number_survives_the_canonical_text(number in 0.1_f64..100.0) {
            let mut configuration = Configuration::default();
            configuration.navigator.sensors.baro_m = number;
            let text = configuration.canonical().unwrap();
            let back = Configuration::parse(&text).unwrap();
            prop_assert_eq!(back.navigator.sensors.baro_m.to_bits(), number.to_bits());
        }
    }
}

#[test]
fn a_map_that_nobody_need_sign_is_refused() {
    let error = Configuration::parse("[map]\npackage = \"/map\"").unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("map.trusted_keys") && text.contains("unsigned"),
        "{text}"
    );
    let key = "ab".repeat(32);
    let text = format!("[map]\npackage = \"/map\"\ntrusted_keys = [\"{key}\"]");
    let configuration = Configuration::parse(&text).unwrap();
    assert_eq!(configuration.map.trusted_keys.len(), 1);
    let again = Configuration::parse(&configuration.canonical().unwrap()).unwrap();
    assert_eq!(again, configuration);
    assert!(Configuration::parse("[map]\ntrusted_keys = [\"12\"]").is_err());
}
