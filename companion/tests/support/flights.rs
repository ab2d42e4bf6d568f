//! The real flights, which live outside the repository.

use std::path::PathBuf;

/// The path of a real flight, or `None` (said plainly) when the data is not on this machine. Under
/// `CI=true` its absence fails the test.
pub fn flight(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("FLIGHT_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/flights"),
        PathBuf::from,
    );
    let found = [folder.join(name), folder.join("flights").join(name)]
        .into_iter()
        .find(|path| path.is_file());
    if found.is_none() {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "{name} is not in {} and must not be skipped in CI; set FLIGHT_DATA",
            folder.display()
        );
        eprintln!(
            "SKIPPED: {name} is not in {}; set FLIGHT_DATA to the folder of the real flights",
            folder.display()
        );
    }
    found
}

pub fn bytes(name: &str) -> Option<Vec<u8>> {
    flight(name).map(|path| std::fs::read(path).unwrap())
}
