//! Does the replica do what the paper says?

mod arbitrary;
mod clients;
mod cluster;
mod evidence;
mod executor;
mod liars;
mod liveness;
mod paper;
mod restart;
mod runs;
mod safety;
mod traps;
