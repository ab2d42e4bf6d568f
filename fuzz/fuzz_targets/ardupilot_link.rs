#![no_main]

#[path = "../entries/ardupilot_link.rs"]
mod entry;

libfuzzer_sys::fuzz_target!(|input: &[u8]| entry::ardupilot_link(input));
