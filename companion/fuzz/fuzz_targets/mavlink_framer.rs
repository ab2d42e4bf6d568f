#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| companion_fuzz::mavlink_framer(bytes));
