//! How does a protocol run on a real machine?
//!
//! `core` says what a node does; this crate is the executor that does it: real
//! clocks, a store, connections, a process that may be killed. It keeps the same
//! contract as the simulator's executor and publishes the same records.
//!
//! * `executor`: effects become writes, messages and records. No I/O: it is told and asked.
//! * `node`: what its owner holds, and in `node/life` the loop: clock, writer, connection, and what a person asks for.
//! * `hooks`, `propose`: what a program that runs a node hears of it, and asks of it.
//! * `store`: what outlives the node. In memory for now; a durable log is one more implementation.
//! * `link`: the connection to the relay, made again when it breaks.
//! * `host`: owns several nodes of one process, speaks for a client, and in `host/commands` carries out commands.
//!
//! **Time.** A node reads two clocks of its own: a monotonic one that counts suspend, for
//! deadlines, and the wall clock, for log time. The global time of its records is its own
//! estimate: its wall clock when it started, since the cluster's epoch, carried on by the
//! monotonic clock. Nodes of one process share one estimate; those of several machines differ as
//! much as their wall clocks do.
//!
//! Left out so far: the durable log, connections from node to node without a relay.

mod client;
mod clock;
mod entropy;
mod executor;
mod hooks;
mod host;
mod link;
mod node;
mod propose;
mod store;
mod writer;

pub use clock::{Clock, unix_now_us};
pub use entropy::{NoEntropy, random_seed, random_token};
pub use executor::Report;
pub use hooks::{Hooks, NoHooks};
pub use host::{Host, HostError, HostSettings};
pub use link::Address;
pub use node::{Node, NodeSettings};
pub use propose::{Placed, ProposeError};
pub use store::{MemoryStore, Store, StoreError};
