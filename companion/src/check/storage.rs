//! The recording: no room for a whole flight, no flight. Flights that nobody has retrieved are never deleted
//! to make room.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::report::{CheckReport, Finding};
use crate::recorder::{RecorderConfig, read_device_key};

const SUBJECT: &str = "recorder";
/// Files of a flight, and as many again.
const INODES_MIN: u64 = 4096;
const GB: f64 = 1e9;
/// Permissions of everybody but the owner.
const OTHERS: u32 = 0o077;

pub(super) fn check(config: &RecorderConfig, report: &mut CheckReport) {
    let Some(folder) = &config.folder else {
        let text = "recorder.folder is missing: no recorder, no flight; set it, for example to \
                    \"/var/lib/gps-denied/fdr\"";
        return report.add(Finding::unfit(SUBJECT, text));
    };
    report.add(writable(folder));
    report.add(room(folder, config.cap_bytes));
    report.add(device_key(config.device_key.as_deref()));
}

/// The folder, or the nearest above it that exists; a file in its place is no folder.
fn existing(folder: &Path) -> PathBuf {
    folder
        .ancestors()
        .find(|folder| folder.exists())
        .map_or_else(|| PathBuf::from("."), Path::to_owned)
}

fn writable(folder: &Path) -> Finding {
    let place = existing(folder);
    let shown = folder.display();
    if !place.is_dir() {
        let text = format!(
            "{shown} cannot be written: {} is no folder; name another in recorder.folder",
            place.display()
        );
        return Finding::unfit(SUBJECT, text);
    }
    let probe = place.join(format!(".check-{}", std::process::id()));
    let tried = fs::write(&probe, b"room").and_then(|()| fs::remove_file(&probe));
    match tried {
        Ok(()) if place == folder => Finding::good(SUBJECT, format!("{shown} can be written")),
        Ok(()) => Finding::good(SUBJECT, format!("{shown} will be made")),
        Err(error) => Finding::unfit(
            SUBJECT,
            format!("{shown} cannot be written: {error}; give it to the user of the program"),
        ),
    }
}

fn room(folder: &Path, cap_bytes: u64) -> Finding {
    let place = existing(folder);
    let space = match rustix::fs::statvfs(&place) {
        Ok(space) => space,
        Err(error) => return Finding::unfit(SUBJECT, format!("{}: {error}", place.display())),
    };
    let free_bytes = space.f_bavail.saturating_mul(space.f_frsize);
    let flights = fs::read_dir(folder).map_or(0, |entries| {
        entries
            .filter_map(Result::ok)
            .filter(|entry| entry.path().join("manifest.json").is_file())
            .count()
    });
    let (free, needed) = (free_bytes as f64 / GB, cap_bytes as f64 / GB);
    if free_bytes < cap_bytes {
        let text = format!(
            "{}: {free:.1} GB free, a flight may take {needed:.1} GB (recorder.cap_bytes); retrieve and \
             remove some of the {flights} flights there",
            place.display()
        );
        return Finding::unfit(SUBJECT, text);
    }
    // File systems that make inodes as needed tell none.
    if space.f_files > 0 && space.f_favail < INODES_MIN {
        let text = format!(
            "{}: {} files may still be made, {INODES_MIN} are needed; remove files",
            place.display(),
            space.f_favail
        );
        return Finding::unfit(SUBJECT, text);
    }
    let text = format!(
        "{free:.1} GB free for a flight of at most {needed:.1} GB; {flights} flights there"
    );
    Finding::good(SUBJECT, text)
}

fn device_key(path: Option<&Path>) -> Finding {
    let Some(path) = path else {
        let text = "recorder.device_key is missing: the flight is sealed by an unknown device; make one \
                    with `companion device-key new FILE`";
        return Finding::warning(SUBJECT, text);
    };
    if let Err(error) = read_device_key(path) {
        return Finding::unfit(SUBJECT, error.to_string());
    }
    let mode = fs::metadata(path).map_or(0, |metadata| metadata.permissions().mode());
    let shown = path.display();
    if mode & OTHERS != 0 {
        let text = format!("{shown} may be read by others: chmod 600 it");
        return Finding::warning(SUBJECT, text);
    }
    Finding::good(
        SUBJECT,
        format!("the flight is sealed with the key of {shown}"),
    )
}
