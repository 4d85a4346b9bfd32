//! Claims of the Raft paper and the thesis, and bugs that others have shipped, as tests.
//!
//! Each test names its section. A small cluster in one thread delivers, loses
//! and delays by hand; the laboratory does the same at random and at length.

mod arbitrary;
mod cluster;
mod early;
mod edges;
mod election;
mod feeders;
mod flow;
mod immediate;
mod joint;
mod lease;
mod members;
mod observers;
mod paper;
mod prefer;
mod properties;
mod reads;
mod replication;
mod snapshot;
mod ticks;
mod transfer;
mod traps;
