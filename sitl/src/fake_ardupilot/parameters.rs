//! The fake's parameters, as ArduPlane 4.7 names them. A name that it does not have is not answered.

use std::collections::BTreeMap;

/// Parameters by name.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameters(BTreeMap<String, f32>);

impl Default for Parameters {
    /// A vehicle set up as the guide recommends: ours is the second receiver and the primary one.
    fn default() -> Self {
        let set = [
            ("GPS1_TYPE", 1.0),
            ("GPS2_TYPE", 14.0),
            ("GPS1_DELAY_MS", 0.0),
            ("GPS2_DELAY_MS", 60.0),
            ("GPS_AUTO_SWITCH", 4.0),
            ("GPS_PRIMARY", 1.0),
            ("AHRS_EKF_TYPE", 3.0),
            ("EK3_ENABLE", 1.0),
            ("EK3_SRC1_POSXY", 3.0),
            ("EK3_SRC1_VELXY", 3.0),
            ("EK3_SRC1_POSZ", 1.0),
            ("EK3_SRC1_YAW", 1.0),
            ("EK3_SRC2_POSXY", 3.0),
            ("EK3_SRC2_VELXY", 0.0),
            ("EK3_SRC2_POSZ", 1.0),
            ("EK3_SRC2_YAW", 1.0),
            ("EK3_SRC3_POSXY", 0.0),
            ("EK3_SRC3_VELXY", 0.0),
            ("EK3_SRC3_POSZ", 1.0),
            ("EK3_SRC3_YAW", 0.0),
            ("EK3_SRC_OPTIONS", 0.0),
            ("BRD_RTC_TYPES", 2.0),
            ("MAV1_OPTIONS", 0.0),
            ("MAV2_OPTIONS", 0.0),
        ];
        Self(set.map(|(name, value)| (name.to_owned(), value)).into())
    }
}

impl Parameters {
    /// The value of `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<f32> {
        self.0.get(name).copied()
    }

    /// Sets a parameter.
    pub fn set(&mut self, name: &str, value: f32) {
        self.0.insert(name.to_owned(), value);
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, f32)> {
        self.0.iter().map(|(name, value)| (name.as_str(), *value))
    }

    /// Number of a parameter in the list.
    #[must_use]
    pub fn index(&self, name: &str) -> Option<usize> {
        self.0.keys().position(|known| known == name)
    }
}
