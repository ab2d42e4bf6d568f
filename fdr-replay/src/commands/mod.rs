//! One module per subcommand.

pub mod alerts;
pub mod cat;
pub mod explain;
pub mod follow;
pub mod info;
pub mod list;
pub mod recover;
pub mod report;
pub mod rerun;
pub mod retrieve;
pub mod several;
pub mod smooth;
#[cfg(feature = "sync")]
pub mod sync;
pub mod verify;
pub mod what_if;
