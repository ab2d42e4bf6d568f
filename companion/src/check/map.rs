//! The map package.

use super::report::Finding;
use crate::config::Configuration;
use crate::vision::map::date::Date;
use crate::vision::map::{GateRules, admit};

const SUBJECT: &str = "map";

/// Takes the package through the gate that the flight takes it through. What its files were found to be is noted
/// in the stamp, so that the flight need not hash them again.
pub(super) fn check(configuration: &Configuration) -> Finding {
    let map = &configuration.map;
    let Some(package) = &map.package else {
        let text = "no map package: positions are dead reckoned once GPS is gone";
        return Finding::warning(SUBJECT, text);
    };
    let rules = GateRules {
        trusted: &map.trusted_keys,
        today: Date::today(),
        stamp: map.stamp.as_deref(),
    };
    match admit(package, &rules) {
        Err(refusal) => Finding::unfit(SUBJECT, refusal.to_string()),
        Ok(admitted) if admitted.downgraded.is_empty() => {
            let (name, regions) = (&admitted.manifest.name, admitted.manifest.regions.len());
            let text = format!("`{name}` in {}, {regions} region(s)", package.display());
            Finding::good(SUBJECT, text)
        }
        Ok(admitted) => Finding::warning(SUBJECT, admitted.downgraded.join("; ")),
    }
}
