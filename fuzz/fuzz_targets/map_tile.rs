#![no_main]

#[path = "../entries/map_files.rs"]
#[allow(dead_code, reason = "each target uses its own part")]
mod entry;

libfuzzer_sys::fuzz_target!(|input: &[u8]| entry::map_tile(input));
