//! Configuration files: what is accepted, what is refused and how it is said.

use companion::autopilot::AutopilotKind;
use companion::config::Configuration;
use proptest::prelude::*;

#[test]
fn an_empty_file_is_the_default_configuration() {
    assert_eq!(Configuration::parse("").unwrap(), Configuration::default());
}

#[test]
fn the_documented_example_is_accepted_and_names_every_setting_with_its_default() {
    let example = include_str!("../../docs/companion.example.toml");
    let configuration = Configuration::parse(example).unwrap();
    let written = |configuration: &Configuration| {
        toml::from_str::<toml::Table>(&configuration.canonical().unwrap()).unwrap()
    };
    // The example also sets `system_id`, which has no default.
    let mut expected = written(&Configuration::default());
    expected["autopilot"]
        .as_table_mut()
        .unwrap()
        .insert("system_id".to_owned(), toml::Value::Integer(1));
    assert_eq!(written(&configuration), expected);
    let named: toml::Table = toml::from_str(example).unwrap();
    assert_eq!(
        settings(&named),
        settings(&expected),
        "every setting is named"
    );
}

fn settings(table: &toml::Table) -> Vec<String> {
    let mut names: Vec<String> = table
        .iter()
        .flat_map(|(key, value)| match value {
            toml::Value::Table(inner) => settings(inner)
                .into_iter()
                .map(|name| format!("{key}.{name}"))
                .collect(),
            _ => vec![key.clone()],
        })
        .collect();
    names.sort();
    names
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
            &["navigator.process.wind", "-0.1", "above 0"],
        ),
        (
            "[navigator.process]\nwind = nan",
            &["navigator.process.wind", "NaN", "above 0"],
        ),
        (
            "[navigator.fix]\ntwo_d_max_radius_m = 100.0",
            &["navigator.fix.two_d_max_radius_m", "100", "245"],
        ),
        ("[navigator]\nfancy = 1", &["fancy"]),
        ("[autopilt]\ngps_id = 1", &["autopilt", "autopilot"]),
        ("gps_id =", &["line 1"]),
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

proptest! {
    #[test]
    fn any_allowed_number_survives_the_canonical_text(number in 1e-12_f64..1e6) {
        let mut configuration = Configuration::default();
        configuration.navigator.sensors.baro_m = number;
        let text = configuration.canonical().unwrap();
        let back = Configuration::parse(&text).unwrap();
        prop_assert_eq!(back.navigator.sensors.baro_m.to_bits(), number.to_bits());
    }
}
