//! Does the replica do what the paper says?

mod cluster;
mod paper;
mod runs;
