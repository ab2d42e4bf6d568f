#![no_main]

#[path = "../entries/navigator.rs"]
#[allow(dead_code, reason = "the list of types is for the seeds")]
mod entry;

libfuzzer_sys::fuzz_target!(|input: &[u8]| entry::navigator(input));
