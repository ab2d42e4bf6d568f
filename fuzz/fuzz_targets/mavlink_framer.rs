#![no_main]

#[path = "../entries/link_framers.rs"]
#[allow(dead_code, reason = "each target uses its own part")]
mod entry;

libfuzzer_sys::fuzz_target!(|input: &[u8]| entry::mavlink_framer(input));
