//! Claims of the Raft paper and the thesis, and bugs that others have shipped, as tests.
//!
//! Each test names its section. A small cluster in one thread delivers, loses
//! and delays by hand; the laboratory does the same at random and at length.

mod arbitrary;
mod cluster;
mod edges;
mod election;
mod feeders;
mod flow;
mod lease;
mod members;
mod observers;
mod properties;
mod reads;
mod replication;
mod snapshot;
mod ticks;
mod transfer;
mod traps;
