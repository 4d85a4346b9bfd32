//! The peer loop for JavaScript: `bench-peers` of `xtask` runs it in Node.

use wasm_bindgen::prelude::wasm_bindgen;

use crate::{CONTENDERS, Race, Setup};

/// A contender on its way through the loop.
#[wasm_bindgen]
pub struct Loop(Race);

#[wasm_bindgen]
impl Loop {
    /// A cluster of the contender at `position` of the list.
    #[wasm_bindgen(constructor)]
    pub fn new(position: usize, nodes: u32, payload_bytes: usize, compact_every: Option<u32>) -> Result<Self, String> {
        let contender = CONTENDERS.get(position).ok_or("there is no such contender")?;
        let setup = Setup { nodes, payload_bytes, compact_every: compact_every.map(u64::from) };
        Ok(Self(Race::start(contender, &setup)))
    }

    /// Commits commands in batches; returns how many it were.
    pub fn run(&mut self, commands: usize, batch: usize) -> f64 {
        self.0.run(commands, batch) as f64
    }

    /// Fails unless every node has applied every command once and in order.
    pub fn finish(&mut self) -> Result<(), String> {
        self.0.finish()
    }
}

/// Who takes part.
#[wasm_bindgen]
pub fn contenders() -> Vec<String> {
    CONTENDERS.iter().map(|contender| contender.name.to_owned()).collect()
}
