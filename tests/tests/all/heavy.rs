//! Which runs do the claims about heavy faults speak of?
//!
//! For each protocol some nodes and the first seeds, everything at once: those of
//! `quorumscope explore --protocol raft --nodes 5 --seeds 0..200 --faults heavy`,
//! and of the others with four nodes.

use quorumscope_lab::keys::Scheme;
use quorumscope_lab::scenario::profile::{Plan, Profile, SHORTEST_RUN, generate};
use quorumscope_lab::scenario::{ProtocolName, Run};

/// A protocol, its nodes, how many seeds, how many of them are folded, and how many are run with real signatures too.
#[derive(Clone, Copy, Debug)]
pub struct Sweep {
    pub protocol: ProtocolName,
    pub nodes: u32,
    pub seeds: u64,
    pub folded: u64,
    pub real: u64,
}

/// All of them.
pub const SWEEPS: [Sweep; 4] = [
    Sweep { protocol: ProtocolName::Raft, nodes: 5, seeds: 200, folded: 200, real: 0 },
    Sweep { protocol: ProtocolName::Pbft, nodes: 4, seeds: 40, folded: 16, real: 1 },
    Sweep { protocol: ProtocolName::HotStuff, nodes: 4, seeds: 40, folded: 16, real: 1 },
    Sweep { protocol: ProtocolName::Hybrid, nodes: 4, seeds: 40, folded: 16, real: 1 },
];

impl Sweep {
    /// The run of one seed at time 0.
    pub fn run(&self, seed: u64, signer: Scheme) -> Run {
        let plan = Plan { signer, ..Profile::Heavy.plan() };
        let scenario = generate(self.protocol, self.nodes, seed, &plan, SHORTEST_RUN, &[]);
        Run::new(&scenario).expect("generated scenarios can run")
    }

    /// The runs that golden files name: the seed, and how nodes sign.
    pub fn named(&self) -> impl Iterator<Item = (u64, Scheme)> {
        let cheap = (0..self.seeds).map(|seed| (seed, Scheme::Cheap));
        cheap.chain((0..self.real).map(|seed| (seed, Scheme::Real)))
    }
}
