//! Any bytes give a frame, a message, a configuration, or an error.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quorumscope_fuzz::decode(bytes));
