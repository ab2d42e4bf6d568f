//! One module per subcommand.

pub mod cat;
pub mod info;
pub mod rerun;
pub mod smooth;
pub mod verify;
