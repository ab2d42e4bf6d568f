#![no_main]

#[path = "../entries/drop_journal.rs"]
mod entry;

libfuzzer_sys::fuzz_target!(|input: &[u8]| entry::check(input));
