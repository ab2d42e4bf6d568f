//! One module per subcommand.

pub mod cat;
pub mod follow;
pub mod info;
pub mod recover;
pub mod rerun;
pub mod smooth;
#[cfg(feature = "sync")]
pub mod sync;
pub mod verify;
