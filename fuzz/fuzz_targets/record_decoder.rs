#![no_main]

#[path = "../entries/record_decoder.rs"]
mod entry;

libfuzzer_sys::fuzz_target!(|input: &[u8]| entry::check(input));
