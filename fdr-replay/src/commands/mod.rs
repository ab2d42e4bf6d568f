//! One module per subcommand.

pub mod cat;
pub mod follow;
pub mod info;
pub mod recover;
pub mod rerun;
pub mod smooth;
pub mod verify;
