//! `manifest.json`: what a map package holds, where it may be believed, and for which flight it was made.
//!
//! `manifest.sig` beside it is the Ed25519 signature, as 128 hex digits, of the bytes
//! `GPS-denied map manifest 1`, one zero, and the manifest's own bytes as they lie in the file.

use std::path::{Component, Path};

use fdr_format::{Digest, FlightId, PublicKey, SecretKey, Signature};
use serde::{Deserialize, Serialize};

use super::date::Date;
use crate::navigator::{MonotonicNs, TakeoffOrigin};

/// Name of the manifest inside a package's folder.
pub const MANIFEST_FILE: &str = "manifest.json";
/// Name of its signature.
pub const SIGNATURE_FILE: &str = "manifest.sig";
/// Longest manifest that is read, bytes.
pub const MANIFEST_BYTES_MAX: u64 = 1 << 20;

const CONTEXT: &[u8] = b"GPS-denied map manifest 1";
const FORMAT: &str = "gps-denied-map";
const VERSION: u32 = 1;
/// Most regions of a package.
const REGIONS_MAX: usize = 1_000;
/// Longest file name in a package.
const NAME_MAX: usize = 128;

/// The manifest of a package.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Always `gps-denied-map`.
    pub format: String,
    /// Version of the format.
    pub version: u32,
    /// What people call it.
    pub name: String,
    /// The flight that it was made for; absent when it may serve any.
    #[serde(default)]
    pub flight_id: Option<FlightId>,
    /// Where that flight begins.
    #[serde(default)]
    pub takeoff_origin: Option<Origin>,
    /// West, south, east, north, degrees.
    pub bounds_deg: [f64; 4],
    /// The picture of the ground.
    pub imagery: LayerFiles,
    /// Its height, Terrarium-encoded; without it the ground is flat, at the origin's height.
    #[serde(default)]
    pub elevation: Option<ElevationFiles>,
    /// What the imagery is worth, part by part. The first that holds a place counts; where none does, there
    /// is no map.
    pub regions: Vec<Region>,
}

/// A place of take-off.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// Geodetic latitude, WGS84.
    pub lat_deg: f64,
    /// Longitude, WGS84.
    pub lon_deg: f64,
    /// Height above mean sea level.
    pub alt_msl_m: f64,
}

impl Origin {
    /// What the navigator is told of it, with the accuracies that requirement AC-5.1 gives it.
    #[must_use]
    pub fn as_input(&self) -> TakeoffOrigin {
        TakeoffOrigin {
            time: MonotonicNs(0),
            lat_rad: self.lat_deg.to_radians(),
            lon_rad: self.lon_deg.to_radians(),
            alt_msl_m: self.alt_msl_m,
            horiz_accuracy_m: 5.0,
            vert_accuracy_m: 10.0,
        }
    }
}

/// One file of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Its path inside the package's folder.
    pub file: String,
    /// Its length.
    pub bytes: u64,
    /// Its content.
    pub blake3: Digest,
}

/// A file of tiles, and the hashes of its tiles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerFiles {
    /// The MBTiles file.
    pub tiles: FileEntry,
    /// The table of [`super::tile_hashes`].
    pub hashes: FileEntry,
}

/// The elevation layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ElevationFiles {
    /// The MBTiles file.
    pub tiles: FileEntry,
    /// The table of [`super::tile_hashes`].
    pub hashes: FileEntry,
    /// 1-sigma error of its heights, m.
    pub sigma_m: f64,
}

/// How fast the ground of a region changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegionClass {
    /// Imagery serves for 12 months, and less exactly afterwards.
    Stable,
    /// Imagery older than 6 months is refused.
    ActiveConflict,
}

/// A part of the imagery that was taken on one day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Region {
    /// What people call it.
    pub name: String,
    /// West, south, east, north, degrees.
    pub bounds_deg: [f64; 4],
    /// When it was taken.
    pub captured: Date,
    /// How fast it changes.
    pub class: RegionClass,
    /// 1-sigma georeferencing error per axis, m.
    pub bias_sigma_m: f64,
}

/// What is wrong with a manifest.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ManifestError {
    /// It is no manifest.
    #[error("{MANIFEST_FILE}: {0}")]
    Syntax(String),
    /// A value is not allowed.
    #[error("{MANIFEST_FILE}: {field} is {value}, allowed is {allowed}")]
    Value {
        /// Its name.
        field: String,
        /// Its value.
        value: String,
        /// What is allowed.
        allowed: &'static str,
    },
    /// A path leaves the package.
    #[error("{MANIFEST_FILE}: `{path}` leads out of the package")]
    Path {
        /// The path.
        path: String,
    },
    /// The origin lies outside the map.
    #[error("{MANIFEST_FILE}: the take-off origin {lat_deg}, {lon_deg} lies outside bounds_deg")]
    OriginOutside {
        /// Its latitude.
        lat_deg: f64,
        /// Its longitude.
        lon_deg: f64,
    },
}

impl Manifest {
    /// A manifest of this version with one layer and nothing else.
    #[must_use]
    pub fn new(name: &str, bounds_deg: [f64; 4], imagery: LayerFiles) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            name: name.to_owned(),
            flight_id: None,
            takeoff_origin: None,
            bounds_deg,
            imagery,
            elevation: None,
            regions: Vec::new(),
        }
    }

    /// Reads and checks a manifest.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        let manifest: Self = serde_json::from_slice(bytes)
            .map_err(|error| ManifestError::Syntax(error.to_string()))?;
        manifest.check()?;
        Ok(manifest)
    }

    /// Its bytes, to be signed and written.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// Every file that it names.
    pub fn files(&self) -> impl Iterator<Item = &FileEntry> {
        let elevation = self.elevation.as_ref();
        let elevation = elevation.map(|layer| [&layer.tiles, &layer.hashes]);
        [&self.imagery.tiles, &self.imagery.hashes]
            .into_iter()
            .chain(elevation.into_iter().flatten())
    }

    /// Number and content of the region that holds a place.
    #[must_use]
    pub fn region_at(&self, lat_rad: f64, lon_rad: f64) -> Option<(usize, &Region)> {
        let place = [lat_rad.to_degrees(), lon_rad.to_degrees()];
        let mut regions = self.regions.iter().enumerate();
        regions.find(|(_, region)| holds(&region.bounds_deg, place))
    }

    fn check(&self) -> Result<(), ManifestError> {
        let wrong = |field: &str, value: String, allowed| ManifestError::Value {
            field: field.to_owned(),
            value,
            allowed,
        };
        if self.format != FORMAT {
            return Err(wrong("format", self.format.clone(), FORMAT));
        }
        if self.version != VERSION {
            return Err(wrong("version", self.version.to_string(), "1"));
        }
        check_bounds("bounds_deg", &self.bounds_deg)?;
        for file in self.files() {
            if !is_inside(&file.file) {
                let path = file.file.clone();
                return Err(ManifestError::Path { path });
            }
        }
        if self.regions.is_empty() || self.regions.len() > REGIONS_MAX {
            let count = self.regions.len().to_string();
            return Err(wrong("number of regions", count, "1 to 1000"));
        }
        for (index, region) in self.regions.iter().enumerate() {
            check_bounds(&format!("regions[{index}].bounds_deg"), &region.bounds_deg)?;
            let field = format!("regions[{index}].bias_sigma_m");
            check_sigma(&field, region.bias_sigma_m)?;
        }
        if let Some(elevation) = &self.elevation {
            check_sigma("elevation.sigma_m", elevation.sigma_m)?;
        }
        match &self.takeoff_origin {
            Some(origin) => check_origin(origin, &self.bounds_deg),
            None => Ok(()),
        }
    }
}

/// The signature of a manifest's bytes.
#[must_use]
pub fn sign(manifest: &[u8], key: &SecretKey) -> Signature {
    key.sign_apart(CONTEXT, manifest)
}

/// Whether a manifest's bytes were signed by the holder of `key`.
#[must_use]
pub fn is_signed(manifest: &[u8], key: PublicKey, signature: Signature) -> bool {
    key.has_signed_apart(CONTEXT, manifest, signature)
}

/// Whether a place (latitude, longitude) lies within west, south, east, north.
fn holds([west, south, east, north]: &[f64; 4], [lat, lon]: [f64; 2]) -> bool {
    (*south..=*north).contains(&lat) && (*west..=*east).contains(&lon)
}

/// Whether a path of a manifest stays in the package: names only, no root, no way up.
fn is_inside(path: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
    let names = |part| matches!(part, Component::Normal(_));
    (1..=NAME_MAX).contains(&path.len())
        && path.bytes().all(plain)
        && Path::new(path).components().all(names)
}

fn check_bounds(field: &str, bounds: &[f64; 4]) -> Result<(), ManifestError> {
    let [west, south, east, north] = *bounds;
    // Also false for NaN.
    let sensible = west >= -180.0
        && east <= 180.0
        && south >= -85.0
        && north <= 85.0
        && west < east
        && south < north;
    if sensible {
        return Ok(());
    }
    Err(ManifestError::Value {
        field: field.to_owned(),
        value: format!("{bounds:?}"),
        allowed: "west < east and south < north, within -180, -85, 180, 85",
    })
}

fn check_sigma(field: &str, sigma_m: f64) -> Result<(), ManifestError> {
    if sigma_m > 0.0 && sigma_m <= 100.0 {
        return Ok(());
    }
    Err(ManifestError::Value {
        field: field.to_owned(),
        value: sigma_m.to_string(),
        allowed: "above 0 and at most 100 m",
    })
}

fn check_origin(origin: &Origin, bounds: &[f64; 4]) -> Result<(), ManifestError> {
    if !(origin.alt_msl_m >= -500.0 && origin.alt_msl_m <= 9_000.0) {
        return Err(ManifestError::Value {
            field: "takeoff_origin.alt_msl_m".to_owned(),
            value: origin.alt_msl_m.to_string(),
            allowed: "-500 to 9000 m",
        });
    }
    let (lat_deg, lon_deg) = (origin.lat_deg, origin.lon_deg);
    if holds(bounds, [lat_deg, lon_deg]) {
        Ok(())
    } else {
        Err(ManifestError::OriginOutside { lat_deg, lon_deg })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn manifest() -> Manifest {
        let entry = |file: &str| FileEntry {
            file: file.to_owned(),
            bytes: 7,
            blake3: Digest([7; 32]),
        };
        let layer = LayerFiles {
            tiles: entry("imagery.mbtiles"),
            hashes: entry("imagery.tiles"),
        };
        let bounds = [7.0, 46.0, 8.0, 47.0];
        let mut manifest = Manifest::new("valley", bounds, layer);
        manifest.regions.push(Region {
            name: "all".to_owned(),
            bounds_deg: bounds,
            captured: Date::new(2026, 5, 1).unwrap(),
            class: RegionClass::Stable,
            bias_sigma_m: 2.5,
        });
        manifest.takeoff_origin = Some(Origin {
            lat_deg: 46.5,
            lon_deg: 7.5,
            alt_msl_m: 500.0,
        });
        manifest
    }

    #[test]
    fn a_manifest_is_read_as_it_was_written_and_its_signature_holds_for_its_bytes_only() {
        let manifest = manifest();
        let mut bytes = manifest.to_bytes();
        assert_eq!(Manifest::parse(&bytes).unwrap(), manifest);
        let key = SecretKey::from_bytes(&[5; 32]);
        let signature = sign(&bytes, &key);
        assert!(is_signed(&bytes, key.public(), signature));
        assert!(!is_signed(
            &bytes,
            SecretKey::from_bytes(&[6; 32]).public(),
            signature
        ));
        bytes[40] ^= 1;
        assert!(!is_signed(&bytes, key.public(), signature));
    }

    #[test]
    fn what_is_not_allowed_is_named() {
        type Change = fn(&mut Manifest);
        let changes: [(Change, &str); 9] = [
            (|m| m.version = 2, "version is 2"),
            (|m| m.format = "zip".to_owned(), "format is zip"),
            (|m| m.bounds_deg[0] = 9.0, "bounds_deg"),
            (|m| m.regions.clear(), "number of regions is 0"),
            (
                |m| m.regions[0].bias_sigma_m = 0.0,
                "regions[0].bias_sigma_m is 0",
            ),
            (
                |m| m.imagery.tiles.file = "../x".to_owned(),
                "`../x` leads out",
            ),
            (
                |m| m.imagery.hashes.file = "/etc/passwd".to_owned(),
                "leads out",
            ),
            (|m| m.imagery.tiles.file = String::new(), "leads out"),
            (
                |m| m.takeoff_origin.as_mut().unwrap().lat_deg = 48.0,
                "origin 48, 7.5 lies outside",
            ),
        ];
        for (change, part) in changes {
            let mut changed = manifest();
            change(&mut changed);
            let error = Manifest::parse(&changed.to_bytes())
                .unwrap_err()
                .to_string();
            assert!(error.contains(part), "no {part:?} in {error:?}");
        }
        let unknown = br#"{"format": "gps-denied-map", "colour": 3}"#;
        assert!(
            Manifest::parse(unknown)
                .unwrap_err()
                .to_string()
                .contains("colour")
        );
    }

    #[test]
    fn the_first_region_that_holds_a_place_counts() {
        let mut manifest = manifest();
        let mut inner = manifest.regions[0].clone();
        inner.bounds_deg = [7.4, 46.4, 7.6, 46.6];
        manifest.regions.insert(0, inner);
        let at = |lat: f64, lon: f64| {
            let region = manifest.region_at(lat.to_radians(), lon.to_radians());
            region.map(|region| region.0)
        };
        assert_eq!(at(46.5, 7.5), Some(0));
        assert_eq!(at(46.9, 7.5), Some(1));
        assert_eq!(at(47.1, 7.5), None);
        assert_eq!(at(f64::NAN, 7.5), None);
    }
}
