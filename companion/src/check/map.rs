//! The map package.

use super::report::Finding;
use crate::config::Configuration;

/// No setting names a map package yet: the flight has none.
pub(super) fn check(_: &Configuration) -> Finding {
    Finding::warning(
        "map",
        "no map package: positions are dead reckoned once GPS is gone",
    )
}
