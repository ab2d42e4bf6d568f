#![no_main]

#[path = "../entries/seal_file.rs"]
mod entry;

libfuzzer_sys::fuzz_target!(|input: &[u8]| entry::check(input));
