//! Does the core count the same in Node as natively?
#![cfg(target_arch = "wasm32")]

mod parity;
