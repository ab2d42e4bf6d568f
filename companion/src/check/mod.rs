//! Whether a configuration is fit to fly on this machine: everything that can be known before the flight,
//! without writing a byte to a link.
//!
//! | subject | what is looked at | not fit when |
//! |---|---|---|
//! | `profile` | this build against the file | the file is for the other build |
//! | `autopilot`, `ground_station` | devices: there, serial, ours to open | one is missing or closed to us |
//! | `recorder` | folder, device key, room for a whole flight | not writable, no room, no key where one is named |
//! | `map` | the map package | it is refused |
//! | `machine` | filter, Landlock, memory lock, sensors, journal | there is no system call filter |
//! | `link` | the autopilot's own settings, read over the link when asked for | one makes our positions useless |

mod devices;
mod machine;
mod map;
mod report;
mod storage;

pub use report::{CheckReport, Finding, Verdict};

use crate::config::{Configuration, Profile};

/// Looks at everything.
#[must_use]
pub fn check(configuration: &Configuration) -> CheckReport {
    let mut report = CheckReport::default();
    report.add(profile(configuration));
    devices::check(configuration, &mut report);
    storage::check(&configuration.recorder, &mut report);
    report.add(map::check(configuration));
    machine::check(configuration, &mut report);
    report
}

fn profile(configuration: &Configuration) -> Finding {
    match fits_build(configuration) {
        Ok(text) => Finding::good("profile", text),
        Err(text) => Finding::unfit("profile", text),
    }
}

/// Whether this build may fly the configuration, in words.
///
/// # Errors
/// In words, when it may not.
pub fn fits_build(configuration: &Configuration) -> Result<String, String> {
    let (asked, build) = (configuration.profile, Profile::of_build());
    if asked.fits_build() {
        return Ok(format!("{}, in a {} build", asked.name(), build.name()));
    }
    Err(format!(
        "the file is for {}, this is a {} build; fly production with the production build (`just \
         build-production`), everything else with another",
        asked.name(),
        build.name()
    ))
}
