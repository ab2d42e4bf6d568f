//! One module per subcommand.

pub mod cat;
pub mod info;
pub mod verify;
