//! What may be said about a row, by the place it comes from.
//!
//! | policy | device | position | other fields |
//! |---|---|---|---|
//! | full | as it is | as it is | as they are |
//! | coarsen | as it is | rounded to the grid | as they are |
//! | pseudonymise | HMAC-SHA-256 of its name | as it is | as they are |
//! | metadata_only | HMAC-SHA-256 of its name | removed | removed |
//!
//! Each line is stricter than the one before. Where zones overlap the strictest rules; an unknown
//! place gets the strictest policy of the whole fence. A pseudonym is keyed, so that nobody can find
//! the device by trying names; the correlation id, which is made from the device's name, is keyed with it.

mod geojson;
mod polygon;

use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

pub use polygon::{Place, Polygon};

use crate::config::GeofenceConfig;
use crate::row::{Correlation, Fields, Scalar, first_16, hex, unhex};

/// What may be said; each stricter than the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// Everything.
    Full,
    /// The position only roughly.
    Coarsen,
    /// The device under a keyed pseudonym.
    Pseudonymise,
    /// That there was a row, of which channel and when.
    MetadataOnly,
}

impl Policy {
    /// Its name in the audit log and in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Coarsen => "coarsen",
            Self::Pseudonymise => "pseudonymise",
            Self::MetadataOnly => "metadata_only",
        }
    }
}

/// One zone.
#[derive(Debug, Clone)]
pub struct Zone {
    /// Its name.
    pub name: String,
    /// Whose rules hold in it.
    pub jurisdiction: String,
    /// What may be said.
    pub policy: Policy,
    /// Where it is.
    pub polygons: Vec<Polygon>,
}

/// What was decided about a row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decision {
    /// Whose rules were followed.
    pub jurisdiction: String,
    /// In which zone; `outside`, `unknown` or `no_fence` where none is.
    pub zone: String,
    /// What may be said.
    pub policy: Policy,
}

/// Why there is no fence.
#[derive(Debug, thiserror::Error)]
#[error("geofence {path}: {message}")]
pub struct FenceError {
    /// Which file.
    pub path: PathBuf,
    /// Where in it, and why.
    pub message: String,
}

/// The zones, and what holds between them.
#[derive(Debug, Clone)]
pub struct Fence {
    zones: Vec<Zone>,
    outside: Decision,
    unknown: Decision,
    grid_deg: f64,
    key: [u8; 32],
}

/// A row as it may leave.
#[derive(Debug, Clone, PartialEq)]
pub struct Disclosed {
    /// The device's name, or its pseudonym.
    pub device: String,
    /// The row's correlation id, or its pseudonym.
    pub correlation: Correlation,
    /// The fields as a JSON object.
    pub fields: String,
}

impl Fence {
    /// Reads the zones and the key.
    ///
    /// # Errors
    /// When either cannot be read or is not what it should be.
    pub fn load(config: &GeofenceConfig) -> Result<Self, FenceError> {
        let at = |path: &Path, message: String| FenceError {
            path: path.to_owned(),
            message,
        };
        let text =
            std::fs::read_to_string(&config.file).map_err(|e| at(&config.file, e.to_string()))?;
        let zones = geojson::zones(&text).map_err(|message| at(&config.file, message))?;
        let key_file = config
            .key_file
            .as_deref()
            .unwrap_or(Path::new("(geofence.key_file)"));
        let key = std::fs::read_to_string(key_file).map_err(|e| at(key_file, e.to_string()))?;
        let key = unhex::<32>(&key)
            .ok_or_else(|| at(key_file, "the pseudonym key must be 64 hex digits".into()))?;
        Ok(Self::new(
            zones,
            config.outside,
            &config.outside_jurisdiction,
            config.grid_deg,
            key,
        ))
    }

    /// A fence of these zones; `outside` holds between them.
    #[must_use]
    pub fn new(
        zones: Vec<Zone>,
        outside: Policy,
        jurisdiction: &str,
        grid_deg: f64,
        key: [u8; 32],
    ) -> Self {
        let mut unknown = Decision {
            jurisdiction: jurisdiction.into(),
            zone: "unknown".into(),
            policy: outside,
        };
        for zone in zones.iter().filter(|zone| zone.policy > outside) {
            if zone.policy > unknown.policy {
                unknown.policy = zone.policy;
                unknown.jurisdiction.clone_from(&zone.jurisdiction);
            }
        }
        let outside = Decision {
            jurisdiction: jurisdiction.into(),
            zone: "outside".into(),
            policy: outside,
        };
        Self {
            zones,
            outside,
            unknown,
            grid_deg,
            key,
        }
    }

    /// What holds at a place; nowhere known is the strictest of all.
    #[must_use]
    pub fn decide(&self, place: Option<Place>) -> Decision {
        let Some(place) = place.filter(Place::is_on_earth) else {
            return self.unknown.clone();
        };
        self.zones
            .iter()
            .filter(|zone| zone.polygons.iter().any(|polygon| polygon.contains(place)))
            .reduce(|strictest, zone| {
                if zone.policy > strictest.policy {
                    zone
                } else {
                    strictest
                }
            })
            .map_or_else(
                || self.outside.clone(),
                |zone| Decision {
                    jurisdiction: zone.jurisdiction.clone(),
                    zone: zone.name.clone(),
                    policy: zone.policy,
                },
            )
    }

    /// The row as `policy` lets it leave; `fields` is the JSON object of the row.
    #[must_use]
    pub fn disclose(
        &self,
        policy: Policy,
        device: &str,
        own: Correlation,
        fields: &str,
    ) -> Disclosed {
        let shown = |device: String, correlation, fields: String| Disclosed {
            device,
            correlation,
            fields,
        };
        let hidden_device = || format!("p-{}", hex(&self.keyed(b"device", device.as_bytes())));
        let hidden = || Correlation(self.keyed(b"correlation", &own.0));
        match policy {
            Policy::Full => shown(device.into(), own, fields.into()),
            Policy::Coarsen => shown(device.into(), own, self.coarse(fields)),
            Policy::Pseudonymise => shown(hidden_device(), hidden(), fields.into()),
            Policy::MetadataOnly => shown(hidden_device(), hidden(), "{}".into()),
        }
    }

    fn coarse(&self, fields: &str) -> String {
        // What cannot be read cannot be made coarse, and then nothing is said.
        let Ok(mut fields) = serde_json::from_str::<Fields>(fields) else {
            return "{}".into();
        };
        for (name, value) in &mut fields.0 {
            if !is_position(name) {
                continue;
            }
            *value = match value {
                Scalar::Integer(number) => self.rounded(*number as f64),
                Scalar::Float(number) => self.rounded(*number),
                _ => Scalar::Null,
            };
        }
        fields.to_json()
    }

    fn rounded(&self, degrees: f64) -> Scalar {
        let cell = (degrees / self.grid_deg).round() * self.grid_deg;
        Scalar::Float((cell * 1e7).round() / 1e7)
    }

    fn keyed(&self, what: &[u8], name: &[u8]) -> [u8; 16] {
        // HMAC takes keys of any length, so that there is no error to report.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.key) else {
            return [0; 16];
        };
        mac.update(what);
        mac.update(&[0]);
        mac.update(name);
        first_16(&mac.finalize().into_bytes())
    }
}

/// Names that hold a latitude or longitude.
fn is_position(name: &str) -> bool {
    LATITUDE.contains(&name) || LONGITUDE.contains(&name)
}

const LATITUDE: [&str; 3] = ["lat", "lat_deg", "latitude"];
const LONGITUDE: [&str; 4] = ["lon", "lon_deg", "longitude", "lng"];

/// The place that a row names.
#[must_use]
pub fn place_of(fields: &Fields) -> Option<Place> {
    let any = |names: &[&str]| names.iter().find_map(|name| fields.number(name));
    let place = Place {
        lat_deg: any(&LATITUDE)?,
        lon_deg: any(&LONGITUDE)?,
    };
    place.is_on_earth().then_some(place)
}
