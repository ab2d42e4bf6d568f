//! A folder of photographs with positions: JPEGs, `frames.csv` and `camera.toml`.
//!
//! `frames.csv` has one line per photo, header
//! `file,time_us,lat_deg,lon_deg,alt_msl_m,agl_m,roll_deg,pitch_deg,yaw_deg`; a field that is not known is
//! empty. Photos come in order of time.

use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use thiserror::Error;

use super::calibration::{Calibration, CalibrationError};
use super::image::{Gray, ImageError};
use super::jpeg;
use super::rectify::Pose;
use crate::navigator::Geodetic;

const HEADER: &str = "file,time_us,lat_deg,lon_deg,alt_msl_m,agl_m,roll_deg,pitch_deg,yaw_deg";
/// Longest `frames.csv` and `camera.toml`, bytes.
const MAX_TEXT_BYTES: u64 = 16 << 20;
/// Most photos of a folder.
const MAX_PHOTOS: usize = 100_000;

/// Why a folder of photos, or one of them, cannot be used.
#[derive(Debug, Error)]
pub enum PhotoError {
    /// It cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is longer than what is read.
    #[error("{}: longer than {limit} bytes", path.display())]
    TooLong {
        /// Where.
        path: PathBuf,
        /// The limit.
        limit: u64,
    },
    /// A line of `frames.csv` is not what it must be.
    #[error("{}: line {line}: {problem}", path.display())]
    Line {
        /// Where.
        path: PathBuf,
        /// Line, 1-based.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// The calibration cannot be used.
    #[error("{}: {source}", path.display())]
    Calibration {
        /// Where.
        path: PathBuf,
        /// Why.
        source: CalibrationError,
    },
    /// The photo cannot be decoded.
    #[error("{}: {source}", path.display())]
    Image {
        /// Where.
        path: PathBuf,
        /// Why.
        source: ImageError,
    },
    /// The photo is not the calibrated camera's.
    #[error(
        "{}: {width} x {height} pixels, but the calibration is for {} x {}",
        path.display(), expected.0, expected.1
    )]
    WrongSize {
        /// Where.
        path: PathBuf,
        /// Pixels per row.
        width: usize,
        /// Rows.
        height: usize,
        /// Size in the calibration.
        expected: (usize, usize),
    },
}

/// One line of `frames.csv`.
#[derive(Debug, Clone, PartialEq)]
pub struct Photo {
    /// File name in the folder.
    pub file: String,
    /// Unix time of the exposure, microseconds.
    pub time_us: u64,
    /// Where the camera was.
    pub position: Geodetic,
    /// Height above ground, m.
    pub agl_m: Option<f64>,
    /// Roll and pitch, rad.
    pub tilt_rad: Option<[f64; 2]>,
    /// Direction of the image's top edge, clockwise from true north, rad.
    pub yaw_rad: Option<f64>,
}

impl Photo {
    /// Attitude and height, where height and yaw are known; unknown tilt counts as none.
    #[must_use]
    pub fn pose(&self) -> Option<Pose> {
        let [roll_rad, pitch_rad] = self.tilt_rad.unwrap_or([0.0, 0.0]);
        Some(Pose {
            roll_rad,
            pitch_rad,
            yaw_rad: self.yaw_rad?,
            agl_m: self.agl_m?,
        })
    }
}

/// A folder of photos; the photos themselves are read one by one.
#[derive(Debug)]
pub struct PhotoFolder {
    folder: PathBuf,
    camera: Calibration,
    photos: Vec<Photo>,
}

impl PhotoFolder {
    /// Reads `frames.csv` and `camera.toml`.
    ///
    /// # Errors
    /// When one is missing, too long or not what it must be.
    pub fn open(folder: &Path) -> Result<Self, PhotoError> {
        let path = folder.join("camera.toml");
        let camera = Calibration::parse(&text(&path)?)
            .map_err(|source| PhotoError::Calibration { path, source })?;
        let path = folder.join("frames.csv");
        let photos = parse(&path, &text(&path)?)?;
        Ok(Self {
            folder: folder.to_owned(),
            camera,
            photos,
        })
    }

    /// The camera of all photos.
    #[must_use]
    pub fn camera(&self) -> &Calibration {
        &self.camera
    }

    /// The photos in order of time.
    #[must_use]
    pub fn photos(&self) -> &[Photo] {
        &self.photos
    }

    /// Decodes a photo.
    ///
    /// # Errors
    /// When it is missing, damaged, or of another size than the calibration says.
    pub fn load(&self, photo: &Photo) -> Result<Gray, PhotoError> {
        let path = self.folder.join(&photo.file);
        let bytes = bytes(&path, jpeg::MAX_JPEG_BYTES as u64)?;
        let image = match jpeg::decode(&bytes) {
            Ok(image) => image,
            Err(source) => return Err(PhotoError::Image { path, source }),
        };
        let expected = (self.camera.width, self.camera.height);
        if (image.width(), image.height()) == expected {
            Ok(image)
        } else {
            Err(PhotoError::WrongSize {
                path,
                width: image.width(),
                height: image.height(),
                expected,
            })
        }
    }
}

fn bytes(path: &Path, limit: u64) -> Result<Vec<u8>, PhotoError> {
    let failed = |source| PhotoError::Read {
        path: path.to_owned(),
        source,
    };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > limit {
        let path = path.to_owned();
        return Err(PhotoError::TooLong { path, limit });
    }
    Ok(bytes)
}

fn text(path: &Path) -> Result<String, PhotoError> {
    String::from_utf8(bytes(path, MAX_TEXT_BYTES)?).map_err(|_| PhotoError::Line {
        path: path.to_owned(),
        line: 1,
        problem: "not UTF-8".to_owned(),
    })
}

fn parse(path: &Path, text: &str) -> Result<Vec<Photo>, PhotoError> {
    let wrong = |line: usize, problem: String| PhotoError::Line {
        path: path.to_owned(),
        line: line + 1,
        problem,
    };
    let mut lines = text.lines().enumerate();
    if lines.next().map(|(_, header)| header.trim_end()) != Some(HEADER) {
        return Err(wrong(0, format!("the header must be {HEADER}")));
    }
    let mut photos: Vec<Photo> = Vec::new();
    for (number, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        let photo = photo(line.trim_end()).map_err(|problem| wrong(number, problem))?;
        if photos
            .last()
            .is_some_and(|last| last.time_us > photo.time_us)
        {
            return Err(wrong(number, "earlier than the line before it".to_owned()));
        }
        if photos.len() == MAX_PHOTOS {
            return Err(wrong(number, format!("more than {MAX_PHOTOS} photos")));
        }
        photos.push(photo);
    }
    Ok(photos)
}

fn photo(line: &str) -> Result<Photo, String> {
    let fields: Vec<&str> = line.split(',').collect();
    let [file, time, lat, lon, alt, agl, roll, pitch, yaw] = fields[..] else {
        return Err(format!("{} fields, 9 are expected", fields.len()));
    };
    let mut parts = Path::new(file).components();
    if !matches!(
        (parts.next(), parts.next()),
        (Some(Component::Normal(_)), None)
    ) {
        return Err(format!("file {file:?} is not a name in this folder"));
    }
    let number = |name: &str, text: &str, limit: f64| -> Result<Option<f64>, String> {
        if text.is_empty() {
            return Ok(None);
        }
        match text.parse::<f64>() {
            // Also false for NaN.
            Ok(value) if value.abs() <= limit => Ok(Some(value)),
            _ => Err(format!(
                "{name} = {text:?}, a number within +-{limit} is expected"
            )),
        }
    };
    let known = |name: &str, text, limit| {
        number(name, text, limit)?.ok_or_else(|| format!("{name} is empty"))
    };
    let tilt = (
        number("roll_deg", roll, 180.0)?,
        number("pitch_deg", pitch, 90.0)?,
    );
    Ok(Photo {
        file: file.to_owned(),
        time_us: time
            .parse()
            .map_err(|_| format!("time_us = {time:?} is not a time"))?,
        position: Geodetic {
            lat_rad: known("lat_deg", lat, 89.0)?.to_radians(),
            lon_rad: known("lon_deg", lon, 180.0)?.to_radians(),
            alt_msl_m: known("alt_msl_m", alt, 20_000.0)?,
        },
        agl_m: number("agl_m", agl, 20_000.0)?,
        tilt_rad: match tilt {
            (Some(roll), Some(pitch)) => Some([roll.to_radians(), pitch.to_radians()]),
            _ => None,
        },
        yaw_rad: number("yaw_deg", yaw, 360.0)?.map(f64::to_radians),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_line_is_named() {
        let good = "a.jpg,5,46.8,-92.0,198.3,39.8,0.0,0.1,45.0";
        let parse = |line: &str| {
            parse(
                Path::new("frames.csv"),
                &format!("{HEADER}\n{good}\n{line}"),
            )
        };
        assert_eq!(parse(good).unwrap().len(), 2);
        assert_eq!(parse("b.jpg,6,1,2,3,,,,").unwrap()[1].pose(), None);
        for (line, part) in [
            ("../b.jpg,6,1,2,3,,,,", "not a name in this folder"),
            ("b.jpg,4,1,2,3,,,,", "earlier"),
            ("b.jpg,6,nan,2,3,,,,", "lat_deg"),
            ("b.jpg,6,1,2,,,,,", "alt_msl_m is empty"),
            ("b.jpg,6,1,2,3", "5 fields"),
        ] {
            let error = parse(line).unwrap_err().to_string();
            assert!(error.contains("line 3") && error.contains(part), "{error}");
        }
    }
}
