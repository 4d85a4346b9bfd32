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
//! `simulation` for what can be done, `shapes` for what a view holds.

mod convert;
mod error;
pub mod past;
pub mod shapes;
mod simulation;

pub use error::Error;
pub use simulation::Simulation;

use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = shapes::DECLARATIONS;
