#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| companion_fuzz::msp_framer(bytes));
