//! Any inputs leave a node that halts or goes on, with a log that is one.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    quorumscope_fuzz::step(bytes);
});
