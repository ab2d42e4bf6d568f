//! Reading the autopilot's parameters and judging them; nothing is ever changed.
//!
//! | state | event | next | effect |
//! |---|---|---|---|
//! | round r, name n | 50 ms | round r, name n + 1 | PARAM_REQUEST_READ, unless it is known |
//! | round r, no name left | a second | round r + 1 | - |
//! | round 3, no name left | a second | done | each finding is told |
//! | any | PARAM_VALUE of one of the names | the same | remembered |
//! | any | the autopilot was started anew | round 1 | what was known is forgotten |
//!
//! ArduPilot says nothing of a name that it does not have, and names change from version to version: both
//! the old and the new name are asked for.

use mavlink::dialects::ardupilotmega::{MavMessage, PARAM_REQUEST_READ_DATA, PARAM_VALUE_DATA};

use crate::autopilot::live::LinkOutputs;
use crate::autopilot::mavlink::Sender;
use crate::link::FrameClass;
use crate::navigator::{MonotonicNs, Severity};

const BETWEEN_S: f64 = 0.05;
const ROUND_S: f64 = 1.0;
const ROUNDS: u8 = 3;
const TYPE_MAVLINK: f32 = 14.0;
const SOURCE_GPS: f32 = 3.0;

const NAMES: [&str; 32] = [
    "GPS1_TYPE",
    "GPS_TYPE",
    "GPS2_TYPE",
    "GPS_TYPE2",
    "GPS1_DELAY_MS",
    "GPS_DELAY_MS",
    "GPS2_DELAY_MS",
    "GPS_DELAY_MS2",
    "GPS_AUTO_SWITCH",
    "GPS_PRIMARY",
    "AHRS_EKF_TYPE",
    "EK3_ENABLE",
    "EK3_SRC1_POSXY",
    "EK3_SRC1_VELXY",
    "EK3_SRC1_POSZ",
    "EK3_SRC1_YAW",
    "EK3_SRC2_POSXY",
    "EK3_SRC2_VELXY",
    "EK3_SRC2_POSZ",
    "EK3_SRC2_YAW",
    "EK3_SRC3_POSXY",
    "EK3_SRC3_VELXY",
    "EK3_SRC3_POSZ",
    "EK3_SRC3_YAW",
    "EK3_SRC_OPTIONS",
    "BRD_RTC_TYPES",
    "MAV1_OPTIONS",
    "MAV2_OPTIONS",
    "MAV3_OPTIONS",
    "SERIAL1_OPTIONS",
    "SERIAL2_OPTIONS",
    "MAV_OPTIONS",
];

/// Something about the autopilot's parameters that a person should know before take-off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterFinding {
    /// How much it matters.
    pub severity: Severity,
    /// What is set, and what it should be.
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Asking { round: u8, next: usize },
    Resting { round: u8 },
    Done,
}

/// The reading.
#[derive(Debug)]
pub(super) struct ParameterCheck {
    gps_id: u8,
    state: State,
    acted: Option<MonotonicNs>,
    values: [Option<f32>; NAMES.len()],
    findings: Vec<ParameterFinding>,
}

impl ParameterCheck {
    pub(super) fn new(gps_id: u8) -> Self {
        Self {
            gps_id,
            state: State::Asking { round: 1, next: 0 },
            acted: None,
            values: [None; NAMES.len()],
            findings: Vec::new(),
        }
    }

    pub(super) fn begin_anew(&mut self) {
        *self = Self::new(self.gps_id);
    }

    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    pub(super) fn findings(&self) -> &[ParameterFinding] {
        &self.findings
    }

    pub(super) fn hear(&mut self, value: &PARAM_VALUE_DATA) {
        let name = value.param_id.to_str().unwrap_or_default();
        if let Some(index) = NAMES.iter().position(|known| *known == name) {
            self.values[index] = Some(value.param_value);
        }
    }

    pub(super) fn poll(
        &mut self,
        us: Sender,
        vehicle: Sender,
        now: MonotonicNs,
        outputs: &mut LinkOutputs,
    ) {
        let since_s = self.acted.map_or(f64::INFINITY, |at| now.seconds_since(at));
        match self.state {
            State::Done => {}
            State::Asking { round, next } => {
                let unknown = (next..NAMES.len()).find(|index| self.values[*index].is_none());
                let Some(index) = unknown else {
                    self.state = State::Resting { round };
                    return;
                };
                if since_s < BETWEEN_S {
                    return;
                }
                self.acted = Some(now);
                outputs.send(&read(NAMES[index], vehicle), us, FrameClass::Ordinary);
                self.state = State::Asking {
                    round,
                    next: index + 1,
                };
            }
            State::Resting { round } if round < ROUNDS => {
                if since_s >= ROUND_S {
                    let round = round + 1;
                    self.state = State::Asking { round, next: 0 };
                }
            }
            State::Resting { .. } => {
                if since_s < ROUND_S {
                    return;
                }
                self.state = State::Done;
                self.findings = judge_parameters(self.gps_id, &|name| self.value(name));
                for finding in &self.findings {
                    outputs.tell(now, finding.severity, finding.text.clone());
                }
            }
        }
    }

    fn value(&self, name: &str) -> Option<f32> {
        let index = NAMES.iter().position(|known| *known == name)?;
        self.values[index]
    }

    /// Why the filter would have no position from source set `set`.
    pub(super) fn source_set_problem(&self, set: u8) -> Option<String> {
        let name = format!("EK3_SRC{set}_POSXY");
        match self.value(&name) {
            Some(SOURCE_GPS) => None,
            Some(value) => Some(format!("{name} is {value}, a set with our position has 3")),
            None => Some(format!("{name} could not be read")),
        }
    }
}

fn read(name: &str, vehicle: Sender) -> MavMessage {
    MavMessage::PARAM_REQUEST_READ(PARAM_REQUEST_READ_DATA {
        param_index: -1,
        target_system: vehicle.system,
        target_component: vehicle.component,
        param_id: name.into(),
    })
}

/// What is wrong with the parameters that `value` knows, for our receiver instance `gps_id`.
#[must_use]
pub fn judge_parameters(gps_id: u8, value: &dyn Fn(&str) -> Option<f32>) -> Vec<ParameterFinding> {
    let mut findings = Vec::new();
    let mut find = |severity, text: String| findings.push(ParameterFinding { severity, text });
    let either = |names: [&'static str; 2]| {
        names
            .into_iter()
            .find_map(|name| value(name).map(|value| (name, value)))
    };
    let ours = usize::from(gps_id.min(1));
    let (types, delays) = (
        [["GPS1_TYPE", "GPS_TYPE"], ["GPS2_TYPE", "GPS_TYPE2"]],
        [
            ["GPS1_DELAY_MS", "GPS_DELAY_MS"],
            ["GPS2_DELAY_MS", "GPS_DELAY_MS2"],
        ],
    );
    match either(types[ours]) {
        Some((_, TYPE_MAVLINK)) => {}
        Some((name, other)) => find(
            Severity::Error,
            format!("{name} is {other}, must be 14 (MAVLink): our positions are dropped"),
        ),
        None => find(
            Severity::Warning,
            format!("{} could not be read", types[ours][0]),
        ),
    }
    if let Some((name, 0.0)) = either(delays[ours]) {
        let text = format!("{name} is 0, which means 200 ms: set it to the true latency");
        find(Severity::Notice, text);
    }
    let other_receiver = either(types[1 - ours]).is_some_and(|(_, kind)| kind != 0.0);
    judge_choice(gps_id, other_receiver, value, &mut find);
    judge_filter(value, &mut find);
    judge_link(value, &mut find);
    findings
}

/// Which of two receivers the autopilot follows.
fn judge_choice(
    gps_id: u8,
    other_receiver: bool,
    value: &dyn Fn(&str) -> Option<f32>,
    find: &mut impl FnMut(Severity, String),
) {
    if !other_receiver {
        return;
    }
    if let Some(switch) = value("GPS_AUTO_SWITCH")
        && switch != 4.0
    {
        let text = format!(
            "GPS_AUTO_SWITCH is {switch}, recommended is 4: a spoofed receiver is not outvoted by ours"
        );
        find(Severity::Warning, text);
    }
    if let Some(primary) = value("GPS_PRIMARY")
        && primary != f32::from(gps_id)
    {
        let text = format!("GPS_PRIMARY is {primary}, ours is {gps_id}: ours is not followed");
        find(Severity::Warning, text);
    }
}

fn judge_filter(value: &dyn Fn(&str) -> Option<f32>, find: &mut impl FnMut(Severity, String)) {
    if let Some(kind) = value("AHRS_EKF_TYPE")
        && kind != 3.0
    {
        let text = format!("AHRS_EKF_TYPE is {kind}, must be 3: positions are fused by EKF3");
        find(Severity::Warning, text);
    }
    if value("EK3_ENABLE") == Some(0.0) {
        find(Severity::Warning, "EK3_ENABLE is 0, must be 1".to_owned());
    }
    let allowed: [(&str, &[f32]); 4] = [
        ("EK3_SRC1_POSXY", &[SOURCE_GPS]),
        ("EK3_SRC1_VELXY", &[SOURCE_GPS, 0.0]),
        ("EK3_SRC1_POSZ", &[1.0, SOURCE_GPS]),
        ("EK3_SRC1_YAW", &[1.0, 2.0, 3.0, 8.0]),
    ];
    for (name, allowed) in allowed {
        if let Some(value) = value(name)
            && !allowed.contains(&value)
        {
            let list: Vec<_> = allowed.iter().map(f32::to_string).collect();
            let text = format!("{name} is {value}, must be {}", list.join(" or "));
            find(Severity::Warning, text);
        }
    }
    let no_velocity = (1..=3).any(|set| value(&format!("EK3_SRC{set}_VELXY")) == Some(0.0));
    if no_velocity && has_bit(value("EK3_SRC_OPTIONS"), 0) {
        let text = "EK3_SRC_OPTIONS has bit 0: GPS velocity is fused in spite of VELXY 0";
        find(Severity::Warning, text.to_owned());
    }
}

fn judge_link(value: &dyn Fn(&str) -> Option<f32>, find: &mut impl FnMut(Severity, String)) {
    if has_bit(value("BRD_RTC_TYPES"), 0) {
        let text = "BRD_RTC_TYPES has bit 0: a spoofed receiver may set the clock and the signing time \
                    (ours never does, its week is 0)";
        find(Severity::Notice, text.to_owned());
    }
    for name in [
        "MAV1_OPTIONS",
        "MAV2_OPTIONS",
        "MAV3_OPTIONS",
        "SERIAL1_OPTIONS",
        "SERIAL2_OPTIONS",
    ] {
        let of_link = name.starts_with("MAV");
        if of_link && has_bit(value(name), 0) {
            let text = format!("{name} has bit 0: unsigned packets are taken on that link");
            find(Severity::Info, text);
        }
        if of_link && has_bit(value(name), 2) {
            let text = format!("{name} has bit 2: requests for streams are ignored on that link");
            find(Severity::Notice, text);
        }
    }
}

fn has_bit(value: Option<f32>, bit: u8) -> bool {
    value.is_some_and(|value| (value as u32) & (1 << bit) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: [(&str, f32); 12] = [
        ("GPS1_TYPE", 1.0),
        ("GPS2_TYPE", 14.0),
        ("GPS2_DELAY_MS", 60.0),
        ("GPS_AUTO_SWITCH", 4.0),
        ("GPS_PRIMARY", 1.0),
        ("AHRS_EKF_TYPE", 3.0),
        ("EK3_ENABLE", 1.0),
        ("EK3_SRC1_POSXY", 3.0),
        ("EK3_SRC1_VELXY", 3.0),
        ("EK3_SRC1_POSZ", 1.0),
        ("EK3_SRC1_YAW", 1.0),
        ("BRD_RTC_TYPES", 2.0),
    ];

    fn judge(change: Option<(&str, f32)>) -> Vec<ParameterFinding> {
        judge_parameters(1, &|name| {
            change
                .filter(|(changed, _)| *changed == name)
                .or(SOUND.into_iter().find(|(known, _)| *known == name))
                .map(|(_, value)| value)
        })
    }

    #[test]
    fn sound_parameters_give_no_finding() {
        assert_eq!(judge(None), []);
    }

    #[test]
    fn each_wrong_parameter_is_named_with_its_value_and_what_it_should_be() {
        for (name, value) in [
            ("GPS2_TYPE", 1.0),
            ("GPS2_DELAY_MS", 0.0),
            ("GPS_AUTO_SWITCH", 1.0),
            ("GPS_PRIMARY", 0.0),
            ("AHRS_EKF_TYPE", 2.0),
            ("EK3_ENABLE", 0.0),
            ("EK3_SRC1_POSXY", 0.0),
            ("EK3_SRC1_VELXY", 6.0),
            ("EK3_SRC1_POSZ", 2.0),
            ("EK3_SRC1_YAW", 6.0),
            ("BRD_RTC_TYPES", 1.0),
            ("MAV2_OPTIONS", 1.0),
        ] {
            let findings = judge(Some((name, value)));
            assert_eq!(findings.len(), 1, "{name}: {findings:?}");
            assert!(findings[0].text.starts_with(name), "{findings:?}");
        }
    }

    #[test]
    fn a_type_that_cannot_be_read_is_said_and_old_names_are_understood() {
        let findings = judge_parameters(1, &|_| None);
        assert_eq!(findings[0].text, "GPS2_TYPE could not be read");
        let old = judge_parameters(0, &|name| (name == "GPS_TYPE").then_some(14.0));
        assert_eq!(old, []);
    }
}
