//! Settings of the autopilot that decide whether our positions are used. They are read and judged; to change
//! them is the operator's business.

use super::sensor_gps::SATELLITES;
use crate::navigator::{Airframe, Severity};

/// `gps_provider`: positions come over MSP.
const PROVIDER_MSP: u8 = 1;
/// Accuracy that the wire can tell at most, cm.
const ACCURACY_MAX_CM: f32 = 6553.5;
const PITOT_VIRTUAL: u8 = 4;
const PITOT_FAKE: u8 = 5;

/// A setting that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// Where iNav's positions come from.
    GpsProvider,
    /// Accuracy from which on positions are ignored.
    MaxEphEpv,
    /// Satellites below which there is no fix.
    MinSatellites,
    /// What the airspeed comes from.
    PitotHardware,
    /// Kind of aircraft.
    PlatformType,
}

impl Setting {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::GpsProvider,
        Self::MaxEphEpv,
        Self::MinSatellites,
        Self::PitotHardware,
        Self::PlatformType,
    ];

    /// iNav's name of it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::GpsProvider => "gps_provider",
            Self::MaxEphEpv => "inav_max_eph_epv",
            Self::MinSatellites => "gps_min_sats",
            Self::PitotHardware => "pitot_hardware",
            Self::PlatformType => "platform_type",
        }
    }
}

/// What was read so far.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct SettingValues {
    /// `gps_provider`.
    pub gps_provider: Option<u8>,
    /// `inav_max_eph_epv`, cm.
    pub max_eph_epv_cm: Option<f32>,
    /// `gps_min_sats`.
    pub min_satellites: Option<u8>,
    /// `pitot_hardware`.
    pub pitot_hardware: Option<u8>,
    /// `platform_type`.
    pub platform_type: Option<u8>,
    /// Whether the feature `GPS` is switched on.
    pub gps_feature: Option<bool>,
}

impl SettingValues {
    /// Takes the value of `setting`; one of another length than known is not understood.
    pub fn set(&mut self, setting: Setting, bytes: [u8; 4], length: u8) {
        let small = (length == 1).then_some(bytes[0]);
        match setting {
            Setting::GpsProvider => self.gps_provider = small,
            Setting::MinSatellites => self.min_satellites = small,
            Setting::PitotHardware => self.pitot_hardware = small,
            Setting::PlatformType => self.platform_type = small,
            Setting::MaxEphEpv => {
                let value = f32::from_le_bytes(bytes);
                self.max_eph_epv_cm = (length == 4 && value.is_finite()).then_some(value);
            }
        }
    }

    /// What the aircraft is.
    #[must_use]
    pub fn airframe(&self) -> Airframe {
        match self.platform_type {
            Some(1) => Airframe::FixedWing,
            Some(0 | 2 | 3) => Airframe::Rotary,
            _ => Airframe::Unknown,
        }
    }

    /// Whether airspeed is measured. iNav's virtual sensor computes it from the positions that we tell.
    #[must_use]
    pub fn measures_airspeed(&self) -> bool {
        self.pitot_hardware
            .is_some_and(|kind| kind != 0 && kind != PITOT_VIRTUAL && kind != PITOT_FAKE)
    }
}

/// Something that is set wrongly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// What is set, and what to set instead.
    pub text: String,
}

/// What is wrong with the settings that were read.
#[must_use]
pub fn judge_settings(values: &SettingValues) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |severity, text: String| findings.push(Finding { severity, text });
    if values.gps_feature == Some(false) {
        let text = "feature GPS is off: positions are decoded and not used; set feature GPS";
        find(Severity::Critical, text.to_owned());
    }
    match values.gps_provider {
        Some(PROVIDER_MSP) | None => {}
        Some(other) => find(
            Severity::Critical,
            format!("gps_provider is {other}: positions are not used; set gps_provider = MSP"),
        ),
    }
    if let Some(satellites) = values.min_satellites.filter(|least| *least > SATELLITES) {
        find(
            Severity::Critical,
            format!("gps_min_sats is {satellites}, {SATELLITES} are told: set gps_min_sats = 6"),
        );
    }
    if let Some(limit_cm) = values
        .max_eph_epv_cm
        .filter(|limit| *limit <= ACCURACY_MAX_CM)
    {
        find(
            Severity::Warning,
            format!(
                "inav_max_eph_epv is {limit_cm} cm: positions less accurate than {:.0} m are ignored; \
                 set inav_max_eph_epv = 9999",
                limit_cm / 100.0
            ),
        );
    }
    if values.pitot_hardware == Some(PITOT_VIRTUAL) {
        let text =
            "pitot_hardware is VIRTUAL: airspeed comes from our own positions and is not used";
        find(Severity::Warning, text.to_owned());
    }
    if values.airframe() == Airframe::Unknown
        && let Some(kind) = values.platform_type
    {
        find(
            Severity::Warning,
            format!("platform_type is {kind}: neither aeroplane nor multicopter"),
        );
    }
    findings
}
