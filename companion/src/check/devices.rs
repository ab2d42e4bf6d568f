//! The devices of the links. They are looked at and not opened: opening a port may reset what hangs on it.

use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use rustix::fs::Access;

use super::report::{CheckReport, Finding};
use crate::config::Configuration;
use crate::link::LinkAddress;

pub(super) fn check(configuration: &Configuration, report: &mut CheckReport) {
    let subject = "autopilot";
    report.add(match &configuration.autopilot.address {
        None => Finding::unfit(
            subject,
            "autopilot.address is missing: set it, for example to \"serial:/dev/ttyTHS1:921600\"",
        ),
        Some(address) => look(subject, address),
    });
    if let Some(address) = &configuration.ground_station.address {
        report.add(look("ground_station", address));
    }
}

fn look(subject: &'static str, address: &LinkAddress) -> Finding {
    match address {
        LinkAddress::Serial { device, .. } => serial(subject, device, &address.to_string()),
        LinkAddress::Tcp { .. } | LinkAddress::Udp { .. } => Finding::good(
            subject,
            format!("{address} is connected to when the flight begins"),
        ),
    }
}

fn serial(subject: &'static str, device: &Path, address: &str) -> Finding {
    let metadata = match std::fs::metadata(device) {
        Ok(metadata) => metadata,
        Err(error) => {
            let text = format!("{address}: {error}; is it plugged in, and is its name right?");
            return Finding::unfit(subject, text);
        }
    };
    if !metadata.file_type().is_char_device() {
        let text = format!("{address} is no serial port; give the autopilot's device");
        return Finding::unfit(subject, text);
    }
    match rustix::fs::access(device, Access::READ_OK | Access::WRITE_OK) {
        Ok(()) => Finding::good(subject, format!("{address} is there, and ours to open")),
        Err(error) => Finding::unfit(
            subject,
            format!("{address}: {error}; add the user to the device's group (dialout)"),
        ),
    }
}
