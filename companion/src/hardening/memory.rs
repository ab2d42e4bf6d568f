//! Memory that holds keys and records: never on a swap device, never in a core dump.

use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

use super::Protection;

/// Locks everything that the process has mapped so far, once it is touched. To be called when keys and the
/// recorder's room are there, and before a map package is opened, which may be larger than the memory.
#[must_use]
pub fn lock() -> Protection {
    match mlockall(MlockAllFlags::CURRENT | MlockAllFlags::ONFAULT) {
        Ok(()) => Protection::InForce,
        Err(error) => Protection::Missing(format!(
            "memory cannot be locked: {error}; give the service LimitMEMLOCK=256M"
        )),
    }
}

/// From now on neither the kernel nor another process of the same user gets an image of this one.
#[must_use]
pub fn never_dump() -> Protection {
    let nothing = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    let refused = setrlimit(Resource::Core, nothing)
        .and_then(|()| set_dumpable_behavior(DumpableBehavior::NotDumpable));
    match refused {
        Ok(()) => Protection::InForce,
        Err(error) => Protection::Missing(format!("core dumps cannot be switched off: {error}")),
    }
}
