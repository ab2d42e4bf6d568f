//! Makes the golden segments and the seeds of the fuzz targets:
//! `cargo run -p fdr-format --example make_golden`.
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
    write("fixtures/golden", golden::files());
    write("fuzz/seeds/record_decoder", golden::record_seeds());
    write("fuzz/seeds/segment_reader", golden::segment_seeds());
    write("fuzz/seeds/segment_footer", golden::footer_seeds());
    write("fuzz/seeds/drop_journal", golden::journal_seeds());
    write("fuzz/seeds/seal_file", golden::seal_seeds());
}

fn write<N: AsRef<str>>(folder: &str, files: impl IntoIterator<Item = (N, Vec<u8>)>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(folder);
    fs::create_dir_all(&folder).unwrap();
    for (name, bytes) in files {
        let path = folder.join(name.as_ref());
        fs::write(&path, &bytes).unwrap();
        println!("{} bytes into {}", bytes.len(), path.display());
    }
}
