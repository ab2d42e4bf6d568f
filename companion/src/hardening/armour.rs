//! Everything that the process gives up, put on in the one order that works: files before there are threads,
//! system calls when every listener of the bench is up.

use std::io;
use std::path::{Path, PathBuf};

use super::landlock::{self, Reach};
use super::seccomp::{self, FilterError, Sockets};
use super::{Protection, memory};
use crate::config::Configuration;
use crate::link::LinkAddress;

/// Why a flight is not protected as it must be.
#[derive(Debug, thiserror::Error)]
pub enum ArmourError {
    /// The kernel takes no filter.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// The recording's folder cannot be made; without one there is no flight.
    #[error(
        "{path}: the folder for recordings cannot be made: {source}; without a recorder there is no flight"
    )]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// What came of each measure.
pub type Measures = Vec<(&'static str, Protection)>;

/// The measures for files and memory images. To be called before there are threads.
///
/// # Errors
/// When the folder for recordings, which is the only one that may be written afterwards, cannot be made.
pub fn restrict_files(configuration: &Configuration) -> Result<Measures, ArmourError> {
    let images = memory::never_dump();
    if let Some(folder) = &configuration.recorder.folder {
        std::fs::create_dir_all(folder).map_err(|source| ArmourError::Folder {
            path: folder.clone(),
            source,
        })?;
    }
    let files = landlock::restrict(&reach(configuration));
    Ok(vec![("core dumps", images), ("files", files)])
}

/// The measure for system calls. From now on nothing is listened on.
///
/// # Errors
/// When the kernel does not take it. Nothing may fly then.
pub fn restrict_calls(configuration: &Configuration) -> Result<Measures, ArmourError> {
    let sockets = if cfg!(feature = "production") {
        Sockets::Local
    } else if configuration.metrics.listen.is_some() {
        Sockets::ClientsAndOneListener
    } else {
        Sockets::Clients
    };
    seccomp::restrict(sockets)?;
    Ok(vec![("system calls", Protection::InForce)])
}

/// What the configuration names.
fn reach(configuration: &Configuration) -> Reach {
    let mut reach = Reach::of_every_flight();
    let recorder = &configuration.recorder;
    reach.write.extend(recorder.folder.clone());
    reach.read.extend(recorder.device_key.clone());
    reach.read.push(configuration.health.sysfs.clone());
    reach.devices.push(PathBuf::from("/dev"));
    for address in [
        &configuration.autopilot.address,
        &configuration.ground_station.address,
    ] {
        if let Some(LinkAddress::Serial { device, .. }) = address {
            // A name by which udev calls it may lie elsewhere.
            reach.devices.extend(device.parent().map(Path::to_owned));
        }
    }
    reach.connects = !cfg!(feature = "production");
    if reach.connects {
        // The C library looks names up with code that it loads.
        reach
            .read
            .extend(["/lib", "/usr/lib", "/run/systemd/resolve"].map(PathBuf::from));
    }
    reach
}
