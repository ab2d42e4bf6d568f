//! What the process gives up before it flies, so that a fault in it, or a stranger through it, can do less.
//!
//! | measure | what it takes away | where it is missing |
//! |---|---|---|
//! | [`seccomp`] | listening, sockets of other families, other programs, `io_uring`, the kernel's tools | never: no flight |
//! | [`landlock`] | every file but those of the flight | kernels without it: said, and flown without |
//! | [`memory`] | swapping of keys and of the recorder's room, core dumps | no right to lock memory: said |
//! | [`panic_dump`] | going on after a broken promise: the process ends with a code that restarts it | never |
//!
//! `systemd` asks for the same from outside (`deploy/systemd`); neither relies on the other.
//! [`notify`] and [`watchdog`] tell it that the navigator is making progress.

pub mod armour;
pub mod landlock;
pub mod memory;
pub mod notify;
pub mod panic_dump;
pub mod seccomp;
pub mod watchdog;

/// Whether a measure is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Protection {
    /// It is.
    InForce,
    /// Only in part: what this machine cannot do is missing.
    Partly(String),
    /// It is not, and why.
    Missing(String),
}

impl std::fmt::Display for Protection {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::InForce => write!(formatter, "in force"),
            Self::Partly(what) => write!(formatter, "in force in part: {what}"),
            Self::Missing(why) => write!(formatter, "not in force: {why}"),
        }
    }
}
