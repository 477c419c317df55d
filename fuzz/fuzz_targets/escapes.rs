#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| arazzo_fuzz::escapes(bytes));
