//! Does the replica do what the paper says?

mod cluster;
mod liveness;
mod paper;
mod runs;
mod safety;
