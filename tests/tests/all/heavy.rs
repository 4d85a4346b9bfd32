//! Which runs do the claims about heavy faults speak of?
//!
//! Five nodes, seeds 0 to 199, everything at once: the runs of
//! `quorumscope explore --protocol raft --nodes 5 --seeds 0..200 --faults heavy`.

use quorumscope_lab::scenario::profile::{Profile, SHORTEST_RUN, generate};
use quorumscope_lab::scenario::{ProtocolName, Run};

/// How many seeds.
pub const SEEDS: u64 = 200;

/// The run of one seed at time 0.
pub fn run(seed: u64) -> Run {
    let scenario = generate(ProtocolName::Raft, 5, seed, &Profile::Heavy.plan(), SHORTEST_RUN, &[]);
    Run::new(&scenario).expect("generated scenarios can run")
}
