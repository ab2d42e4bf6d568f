//! The machine: what protects the process on it, and what it can say of itself.

use std::fs;
use std::path::Path;
use std::thread;

use rustix::process::{Resource, getrlimit};

use super::report::{CheckReport, Finding};
use crate::config::{Configuration, Profile};
use crate::hardening::Protection;
use crate::hardening::landlock::{self, Reach};
use crate::health::BoardReader;

const SUBJECT: &str = "machine";
/// Keys, rings and staging of a flight, with room.
const LOCKED_BYTES: u64 = 256 << 20;
const JOURNAL: &str = "/run/systemd/journal/socket";

pub(super) fn check(configuration: &Configuration, report: &mut CheckReport) {
    report.add(system_call_filter());
    report.add(files());
    report.add(locked_memory());
    report.add(sensors(configuration));
    if configuration.profile == Profile::Production {
        report.add(journal());
    }
}

fn system_call_filter() -> Finding {
    let actions = fs::read_to_string("/proc/sys/kernel/seccomp/actions_avail").unwrap_or_default();
    if actions.split_whitespace().any(|action| action == "errno") {
        return Finding::good(SUBJECT, "the kernel filters system calls");
    }
    Finding::unfit(
        SUBJECT,
        "the kernel filters no system calls: nothing would keep the program from listening; it needs \
         CONFIG_SECCOMP_FILTER",
    )
}

/// Tried on a thread that ends with it.
fn files() -> Finding {
    let tried = thread::spawn(|| landlock::restrict(&Reach::default())).join();
    match tried.unwrap_or_else(|_| Protection::Missing("it could not be tried".to_owned())) {
        Protection::InForce => Finding::good(SUBJECT, "the kernel restricts files (Landlock)"),
        Protection::Partly(what) | Protection::Missing(what) => Finding::warning(
            SUBJECT,
            format!("files are not restricted as they could be: {what}"),
        ),
    }
}

fn locked_memory() -> Finding {
    let limit = getrlimit(Resource::Memlock).current;
    if rustix::process::geteuid().is_root() || limit.is_none_or(|bytes| bytes >= LOCKED_BYTES) {
        return Finding::good(SUBJECT, "keys and records can be kept in memory");
    }
    let text = format!(
        "{} KiB of memory may be locked: keys and records may be swapped out; give the service \
         LimitMEMLOCK=512M",
        limit.unwrap_or_default() >> 10
    );
    Finding::warning(SUBJECT, text)
}

fn sensors(configuration: &Configuration) -> Finding {
    let readings = BoardReader::new(&configuration.health.sysfs).read();
    let hot_c = configuration.navigator.thermal.hot_c;
    match readings.temperature_c() {
        None => Finding::warning(
            SUBJECT,
            "no temperature sensor can be read: heat is noticed by throttling alone (health.sysfs)",
        ),
        Some(celsius) if celsius >= hot_c => Finding::warning(
            SUBJECT,
            format!("{celsius:.0} degrees already: vision will fly at reduced load"),
        ),
        Some(celsius) => Finding::good(
            SUBJECT,
            format!(
                "{} sensors, the hottest at {celsius:.0} degrees",
                readings.zones.len()
            ),
        ),
    }
}

fn journal() -> Finding {
    if Path::new(JOURNAL).exists() {
        return Finding::good(SUBJECT, "the journal takes the log");
    }
    Finding::warning(
        SUBJECT,
        "there is no journal: the recording alone will hold warnings; start systemd-journald",
    )
}
