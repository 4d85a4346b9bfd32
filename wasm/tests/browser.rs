//! Does the core count the same in a browser as natively?
#![cfg(target_arch = "wasm32")]

mod parity;

wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);
