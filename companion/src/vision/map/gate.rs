//! The content-hash gate: a package is believed whole or not at all.
//!
//! | step | refuses with |
//! |---|---|
//! | the manifest is read, its signature is one of a trusted key | `Unreadable`, `Missing`, `Signature` |
//! | its values, paths and origin | `Unreadable`, `Path`, `Bounds` |
//! | the age of every region | `Stale` |
//! | every file is there, inside the package, with the length and the hash of the manifest | `Missing`, `Path`, `Hash` |
//! | the files are what they are said to be | `Unreadable` |
//!
//! Hashing 10 GB takes longer than a start in flight may. What a file was found to be is therefore noted in a
//! stamp outside the package, and believed again as long as device, inode, size and time of change are the
//! same; and every tile is hashed when it is first used, stamp or not.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use fdr_format::records::{ContentHashGateFail, GateFailure};
use fdr_format::{Digest, PublicKey, Record, Signature};
use serde::{Deserialize, Serialize};

use super::date::Date;
use super::layer::digest_of;
use super::manifest::{
    FileEntry, LayerFiles, MANIFEST_BYTES_MAX, MANIFEST_FILE, Manifest, ManifestError, RegionClass,
    SIGNATURE_FILE, is_signed,
};
use super::mbtiles::MbTiles;
use super::package::MapPackage;
use super::tile_hashes::{TABLE_BYTES_MAX, TileHashes};

/// Imagery of an active-conflict region is refused beyond this age.
const ACTIVE_CONFLICT_MONTHS: u32 = 6;
/// Imagery of a stable region is worth less beyond this age.
const STABLE_MONTHS: u32 = 12;
/// What old imagery adds to its georeferencing error, 1 sigma, m: the ground itself has changed.
const OLD_IMAGERY_SIGMA_M: f64 = 2.5;
/// Largest stamp that is read, bytes.
const STAMP_BYTES_MAX: u64 = 64 << 10;

/// What is asked of a package.
#[derive(Debug, Clone, Copy)]
pub struct GateRules<'a> {
    /// Whose signature is believed; empty when none is needed, which is for the ground only.
    pub trusted: &'a [PublicKey],
    /// The day.
    pub today: Date,
    /// Where it is noted what was found; nowhere when absent.
    pub stamp: Option<&'a Path>,
}

/// Why a package is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("map package {package}: {text}", package = package.display())]
pub struct GateRefusal {
    /// The package.
    pub package: Box<Path>,
    /// Why, as it is recorded.
    pub reason: GateFailure,
    /// File of the package.
    pub file: Box<str>,
    /// Hash in the manifest, where one was compared.
    pub expected: Option<Digest>,
    /// Hash of what was found, where one was compared.
    pub found: Option<Digest>,
    /// Why, for people.
    pub text: Box<str>,
}

impl GateRefusal {
    /// Its record.
    #[must_use]
    pub fn record(&self, time_ns: u64) -> Record<'_> {
        Record::ContentHashGateFail(ContentHashGateFail {
            time_ns,
            reason: self.reason,
            expected: self.expected,
            found: self.found,
            path: &self.file,
        })
    }
}

/// A package that passed.
#[derive(Debug)]
pub struct Admitted {
    /// It.
    pub package: MapPackage,
    /// What its manifest says.
    pub manifest: Manifest,
    /// Whose signature it bears; absent for an unsigned one.
    pub signer: Option<PublicKey>,
    /// Regions that are used with a larger error, for their age; one text each.
    pub downgraded: Vec<String>,
    /// Whether every file was believed by its stamp, and none was hashed.
    pub by_stamp: bool,
}

/// Opens a package.
///
/// # Errors
/// The first step that it does not pass.
pub fn admit(package: &Path, rules: &GateRules<'_>) -> Result<Admitted, GateRefusal> {
    Gate { package, rules }.admit()
}

struct Gate<'a> {
    package: &'a Path,
    rules: &'a GateRules<'a>,
}

impl Gate<'_> {
    fn admit(&self) -> Result<Admitted, GateRefusal> {
        let bytes = self.read(MANIFEST_FILE, MANIFEST_BYTES_MAX)?;
        let signer = self.signer(&bytes)?;
        let manifest = Manifest::parse(&bytes).map_err(|error| self.manifest_refusal(&error))?;
        let (sigmas, downgraded) = self.fresh(&manifest)?;
        let by_stamp = self.check_files(&manifest, digest_of(&bytes))?;
        let imagery = self.layer(&manifest.imagery.tiles, &manifest.imagery.hashes)?;
        let elevation = manifest.elevation.as_ref();
        let elevation = elevation
            .map(|layer| self.layer(&layer.tiles, &layer.hashes))
            .transpose()?;
        Ok(Admitted {
            package: MapPackage::new(manifest.clone(), sigmas, imagery, elevation),
            manifest,
            signer,
            downgraded,
            by_stamp,
        })
    }

    fn signer(&self, manifest: &[u8]) -> Result<Option<PublicKey>, GateRefusal> {
        if self.rules.trusted.is_empty() {
            return Ok(None);
        }
        let refused = |text: &str| self.refusal(GateFailure::Signature, SIGNATURE_FILE, text);
        let bytes = self.read(SIGNATURE_FILE, 256)?;
        let text = String::from_utf8(bytes).ok();
        let signature = text.and_then(|text| text.trim().parse::<Signature>().ok());
        let signature = signature
            .ok_or_else(|| refused("manifest.sig is no signature: 128 hex digits are expected"))?;
        let mut trusted = self.rules.trusted.iter().copied();
        let signer = trusted.find(|key| is_signed(manifest, *key, signature));
        signer.map(Some).ok_or_else(|| {
            refused("the signature of manifest.json is not that of a trusted key; sign it anew with: companion map build, or trust its key")
        })
    }

    /// The georeferencing errors of the regions with their age, and what is to be said of it.
    fn fresh(&self, manifest: &Manifest) -> Result<(Vec<f64>, Vec<String>), GateRefusal> {
        let today = self.rules.today;
        let mut sigmas = Vec::new();
        let mut downgraded = Vec::new();
        for region in &manifest.regions {
            let (name, captured) = (&region.name, region.captured);
            let stale = |text: String| self.refusal(GateFailure::Stale, MANIFEST_FILE, &text);
            if captured > today {
                return Err(stale(format!(
                    "region `{name}` was taken on {captured}, and the clock says {today}: its age cannot be known; set the clock"
                )));
            }
            let sigma_m = region.bias_sigma_m;
            sigmas.push(match region.class {
                RegionClass::ActiveConflict
                    if captured.is_older_than(ACTIVE_CONFLICT_MONTHS, today) =>
                {
                    return Err(stale(format!(
                        "region `{name}` is of active conflict and was taken on {captured}, more than {ACTIVE_CONFLICT_MONTHS} months before {today}; build the package with newer imagery"
                    )));
                }
                RegionClass::Stable if captured.is_older_than(STABLE_MONTHS, today) => {
                    let larger_m = libm::hypot(sigma_m, OLD_IMAGERY_SIGMA_M);
                    downgraded.push(format!(
                        "region `{name}` was taken on {captured}, more than {STABLE_MONTHS} months before {today}: its map error is taken as {larger_m:.1} m instead of {sigma_m:.1} m"
                    ));
                    larger_m
                }
                RegionClass::ActiveConflict | RegionClass::Stable => sigma_m,
            });
        }
        Ok((sigmas, downgraded))
    }

    /// Whether every file was believed by its stamp.
    fn check_files(&self, manifest: &Manifest, digest: Digest) -> Result<bool, GateRefusal> {
        let known = self.rules.stamp.and_then(read_stamp);
        let known = known.filter(|stamp| stamp.manifest == digest);
        let mut stamp = Stamp {
            manifest: digest,
            files: Vec::new(),
        };
        let mut by_stamp = true;
        for entry in manifest.files() {
            let path = self.path_of(entry)?;
            let state = FileState::of(&path).map_err(|error| self.io(&entry.file, &error))?;
            if state.bytes != entry.bytes {
                let (found, expected) = (state.bytes, entry.bytes);
                let text = format!("{} has {found} bytes, not {expected}", entry.file);
                return Err(self.refusal(GateFailure::Hash, &entry.file, &text));
            }
            let seen = |stamp: &Stamp| stamp.files.contains(&(entry.file.clone(), state.clone()));
            if !known.as_ref().is_some_and(seen) {
                by_stamp = false;
                self.check_content(entry, &path)?;
            }
            stamp.files.push((entry.file.clone(), state));
        }
        if let Some(path) = self.rules.stamp.filter(|_| !by_stamp) {
            // Without a stamp the next start takes longer, and nothing else.
            let _ = write_stamp(path, &stamp);
        }
        Ok(by_stamp)
    }

    fn check_content(&self, entry: &FileEntry, path: &Path) -> Result<(), GateRefusal> {
        let found = hash_file(path).map_err(|error| self.io(&entry.file, &error))?;
        if found == entry.blake3 {
            return Ok(());
        }
        let text = format!(
            "{} is not the file that was signed: its hash differs",
            entry.file
        );
        Err(GateRefusal {
            expected: Some(entry.blake3),
            found: Some(found),
            ..self.refusal(GateFailure::Hash, &entry.file, &text)
        })
    }

    /// The file itself, behind every link: inside the package, or refused.
    fn path_of(&self, entry: &FileEntry) -> Result<PathBuf, GateRefusal> {
        let failed = |error: io::Error| self.io(&entry.file, &error);
        let folder = self.package.canonicalize().map_err(failed)?;
        let path = folder.join(&entry.file).canonicalize().map_err(failed)?;
        if path.starts_with(&folder) {
            Ok(path)
        } else {
            let text = format!("{} leads out of the package", entry.file);
            Err(self.refusal(GateFailure::Path, &entry.file, &text))
        }
    }

    fn layer(
        &self,
        tiles: &FileEntry,
        hashes: &FileEntry,
    ) -> Result<(MbTiles, TileHashes), GateRefusal> {
        let unreadable =
            |file: &FileEntry, text: &str| self.refusal(GateFailure::Unreadable, &file.file, text);
        let table = self.read(&hashes.file, TABLE_BYTES_MAX)?;
        // The stamp may be older than the bytes that were just read.
        let found = digest_of(&table);
        if found != hashes.blake3 {
            let text = format!(
                "{} is not the file that was signed: its hash differs",
                hashes.file
            );
            return Err(GateRefusal {
                expected: Some(hashes.blake3),
                found: Some(found),
                ..self.refusal(GateFailure::Hash, &hashes.file, &text)
            });
        }
        let table = TileHashes::read(&table)
            .ok_or_else(|| unreadable(hashes, &format!("{} is no table of hashes", hashes.file)))?;
        let file = MbTiles::open(&self.path_of(tiles)?)
            .map_err(|error| unreadable(tiles, &error.to_string()))?;
        Ok((file, table))
    }

    fn read(&self, name: &str, limit: u64) -> Result<Vec<u8>, GateRefusal> {
        let read = || {
            let mut bytes = Vec::new();
            let file = File::open(self.package.join(name))?;
            file.take(limit + 1).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let bytes = read().map_err(|error| self.io(name, &error))?;
        if bytes.len() as u64 > limit {
            let text = format!("{name} is longer than {limit} bytes");
            return Err(self.refusal(GateFailure::Unreadable, name, &text));
        }
        Ok(bytes)
    }

    fn manifest_refusal(&self, error: &ManifestError) -> GateRefusal {
        let (reason, file) = match error {
            ManifestError::Syntax(_) | ManifestError::Value { .. } => {
                (GateFailure::Unreadable, MANIFEST_FILE)
            }
            ManifestError::Path { path } => (GateFailure::Path, path.as_str()),
            ManifestError::OriginOutside { .. } => (GateFailure::Bounds, MANIFEST_FILE),
        };
        self.refusal(reason, file, &error.to_string())
    }

    fn io(&self, file: &str, error: &io::Error) -> GateRefusal {
        let reason = if error.kind() == io::ErrorKind::NotFound {
            GateFailure::Missing
        } else {
            GateFailure::Unreadable
        };
        self.refusal(reason, file, &format!("{file}: {error}"))
    }

    fn refusal(&self, reason: GateFailure, file: &str, text: &str) -> GateRefusal {
        GateRefusal {
            package: self.package.into(),
            reason,
            // The file system limits names to this, and the record is one of those that go first.
            file: file.chars().take(255).collect::<String>().into(),
            expected: None,
            found: None,
            text: text.into(),
        }
    }
}

/// What a file was when it was hashed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct FileState {
    device: u64,
    inode: u64,
    bytes: u64,
    modified_ns: i64,
    changed_ns: i64,
}

impl FileState {
    fn of(path: &Path) -> io::Result<Self> {
        let state = fs::metadata(path)?;
        if !state.is_file() {
            return Err(io::Error::other("is no file"));
        }
        let ns = |seconds: i64, nanoseconds: i64| {
            seconds
                .saturating_mul(1_000_000_000)
                .saturating_add(nanoseconds)
        };
        Ok(Self {
            device: state.dev(),
            inode: state.ino(),
            bytes: state.size(),
            modified_ns: ns(state.mtime(), state.mtime_nsec()),
            changed_ns: ns(state.ctime(), state.ctime_nsec()),
        })
    }
}

/// The files of a package as they were when they were hashed and found right.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    manifest: Digest,
    files: Vec<(String, FileState)>,
}

fn read_stamp(path: &Path) -> Option<Stamp> {
    let mut bytes = Vec::new();
    let file = File::open(path).ok()?;
    file.take(STAMP_BYTES_MAX).read_to_end(&mut bytes).ok()?;
    serde_json::from_slice(&bytes).ok()
}

fn write_stamp(path: &Path, stamp: &Stamp) -> io::Result<()> {
    let fresh = path.with_extension("new");
    fs::write(&fresh, serde_json::to_vec(stamp)?)?;
    fs::rename(&fresh, path)
}

/// BLAKE3 of a file.
///
/// # Errors
/// When it cannot be read.
pub fn hash_file(path: &Path) -> io::Result<Digest> {
    let mut file = File::open(path)?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(Digest(hasher.finalize().into())),
            length => hasher.update(&buffer[..length]),
        };
    }
}

/// The entry of a file of the package in `folder`.
///
/// # Errors
/// When it cannot be read.
pub fn file_entry(folder: &Path, name: &str) -> io::Result<FileEntry> {
    let path = folder.join(name);
    Ok(FileEntry {
        file: name.to_owned(),
        bytes: fs::metadata(&path)?.len(),
        blake3: hash_file(&path)?,
    })
}

/// The entries of a layer's two files.
///
/// # Errors
/// When one cannot be read.
pub fn layer_entries(folder: &Path, tiles: &str, hashes: &str) -> io::Result<LayerFiles> {
    Ok(LayerFiles {
        tiles: file_entry(folder, tiles)?,
        hashes: file_entry(folder, hashes)?,
    })
}
