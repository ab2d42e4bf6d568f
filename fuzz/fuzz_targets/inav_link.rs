#![no_main]

#[path = "../entries/inav_link.rs"]
mod entry;

libfuzzer_sys::fuzz_target!(|input: &[u8]| entry::inav_link(input));
