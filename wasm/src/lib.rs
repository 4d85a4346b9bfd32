//! The laboratory for JavaScript: a deterministic cluster without a screen.
//!
//! ```js
//! import init, { Simulation } from "quorumscope";
//! await init();
//! const sim = new Simulation({ protocol: "raft", nodes: 5, seed: 7 });
//! sim.runUntil(1000);
//! sim.crash(sim.view().nodes.find(n => n.role === "leader").id);
//! ```
//!
//! The same scenario, seed and commands give the same digest as natively. Read
//! `shapes` for what a view holds.

mod convert;
mod error;
pub mod shapes;

pub use error::Error;

use quorumscope_core::record::Command;
use quorumscope_lab::scenario::{Run, Scenario};
use quorumscope_lab::trace::narrate;
use serde::Serialize;
use shapes::{ViewShape, ViolationShape};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::JsValue;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = shapes::DECLARATIONS;
