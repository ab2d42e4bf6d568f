#![no_main]

#[path = "../entries/segment_footer.rs"]
mod entry;

libfuzzer_sys::fuzz_target!(|input: &[u8]| entry::check(input));
