//! A map for work on the ground: a package, signed or not, or a bare file of tiles. What is not checked of it is
//! said.

use std::path::Path;

use fdr_format::PublicKey;
use fdr_format::records::GateFailure;

use super::date::Date;
use super::gate::{GateRefusal, GateRules, admit};
use super::manifest::MANIFEST_FILE;
use super::mbtiles::MbTiles;
use super::package::MapPackage;

/// A map, and what is to be said of it.
#[derive(Debug)]
pub struct OpenedMap {
    /// It.
    pub package: MapPackage,
    /// Whose signature it bears; absent when nobody's was asked for.
    pub signer: Option<PublicKey>,
    /// What a person should know before believing it.
    pub warnings: Vec<String>,
}

/// Opens a package's folder, its manifest, or a bare file of tiles. Without `keys` nobody's signature is asked
/// for.
///
/// # Errors
/// What a flight would refuse, but for the signature.
pub fn open_on_the_ground(path: &Path, keys: &[PublicKey]) -> Result<OpenedMap, GateRefusal> {
    let mut warnings = Vec::new();
    if keys.is_empty() {
        warnings.push(format!(
            "{}: nobody's signature was asked for (--map-key): a flight would refuse this map",
            path.display()
        ));
    }
    let is_manifest = path.file_name().is_some_and(|name| name == MANIFEST_FILE);
    let folder = match path.parent() {
        Some(folder) if is_manifest => folder,
        _ => path,
    };
    if folder.is_dir() {
        let rules = GateRules {
            trusted: keys,
            today: Date::today(),
            stamp: None,
        };
        let admitted = admit(folder, &rules)?;
        warnings.extend(admitted.downgraded);
        return Ok(OpenedMap {
            package: admitted.package,
            signer: admitted.signer,
            warnings,
        });
    }
    let refused = |reason, text: String| GateRefusal {
        package: path.into(),
        reason,
        file: path
            .file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned())
            .into(),
        expected: None,
        found: None,
        text: text.into(),
    };
    if !path.exists() {
        let text = "no such file or folder".to_owned();
        return Err(refused(GateFailure::Missing, text));
    }
    if !keys.is_empty() {
        let text = "a bare file of tiles bears no signature; make a package of it with: companion map build --tiles FILE";
        return Err(refused(GateFailure::Signature, text.to_owned()));
    }
    let tiles = MbTiles::open(path);
    let tiles = tiles.map_err(|error| refused(GateFailure::Unreadable, error.to_string()))?;
    Ok(OpenedMap {
        package: MapPackage::bare(tiles),
        signer: None,
        warnings,
    })
}
