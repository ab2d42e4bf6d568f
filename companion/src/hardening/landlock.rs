//! The files that the process may still reach.

use std::path::PathBuf;

use ::landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, path_beneath_rules,
};

use super::Protection;

/// The newest rules that are asked for; a kernel that knows fewer enforces those it knows.
const RULES: ABI = ABI::V5;

/// What a flight needs. A path that does not exist is not opened either.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reach {
    /// Folders and files that are read.
    pub read: Vec<PathBuf>,
    /// Folders in which files are made, written and removed.
    pub write: Vec<PathBuf>,
    /// Folders of devices that are read, written and set up: a serial line that was unplugged comes back
    /// as another file of the same folder.
    pub devices: Vec<PathBuf>,
    /// Whether connections over TCP may be opened.
    pub connects: bool,
}

impl Reach {
    /// What every flight reads: the kernel's figures of the machine, and time zones, names and
    /// certificates of the system.
    #[must_use]
    pub fn of_every_flight() -> Self {
        let mut read: Vec<_> = ["/proc", "/sys", "/etc", "/usr/share/zoneinfo"]
            .map(PathBuf::from)
            .to_vec();
        // What a panic's backtrace is named from.
        read.extend(std::env::current_exe());
        Self {
            read,
            ..Self::default()
        }
    }
}

/// Restricts this thread and every thread that it starts from now on: call it before there are others.
#[must_use]
pub fn restrict(reach: &Reach) -> Protection {
    match enforce(reach) {
        Ok(RulesetStatus::FullyEnforced) => Protection::InForce,
        Ok(RulesetStatus::PartiallyEnforced) => {
            Protection::Partly("this kernel knows an older set of Landlock's rules".to_owned())
        }
        Ok(RulesetStatus::NotEnforced) => {
            Protection::Missing("this kernel is built or started without Landlock".to_owned())
        }
        Err(error) => Protection::Missing(error.to_string()),
    }
}

fn enforce(reach: &Reach) -> Result<RulesetStatus, RulesetError> {
    let mut net: BitFlags<AccessNet> = AccessNet::BindTcp.into();
    if !reach.connects {
        net |= AccessNet::ConnectTcp;
    }
    let keeps = AccessFs::from_all(RULES) & !AccessFs::Execute & !device_only();
    let devices = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::ReadDir | device_only();
    let reads = AccessFs::ReadFile | AccessFs::ReadDir;
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(RULES))?
        .handle_access(net)?
        .create()?
        .add_rules(path_beneath_rules(&reach.read, reads))?
        .add_rules(path_beneath_rules(&reach.write, keeps))?
        .add_rules(path_beneath_rules(&reach.devices, devices))?
        .restrict_self()?;
    Ok(status.ruleset)
}

fn device_only() -> BitFlags<AccessFs> {
    AccessFs::IoctlDev.into()
}
