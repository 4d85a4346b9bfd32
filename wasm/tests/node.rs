//! Does the laboratory work in Node?
#![cfg(target_arch = "wasm32")]

mod shared;
