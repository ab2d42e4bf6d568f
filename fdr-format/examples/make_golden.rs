//! Makes the golden segments: `cargo run -p fdr-format --example make_golden`.
#![allow(
    clippy::unwrap_used,
    reason = "a tool of the developers, which may stop where it fails"
)]

#[path = "../tests/support/bodies.rs"]
mod bodies;
#[path = "../tests/support/golden.rs"]
mod golden;

use std::fs;
use std::path::Path;

fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/golden");
    fs::create_dir_all(&folder).unwrap();
    for (name, bytes) in golden::files() {
        fs::write(folder.join(name), &bytes).unwrap();
        println!("{} bytes into {}", bytes.len(), folder.join(name).display());
    }
}
