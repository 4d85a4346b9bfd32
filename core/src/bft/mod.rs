//! What do the protocols share that hold although some nodes lie?
//!
//! Up to f = ⌊(n−1)/3⌋ voters may do anything; quorums of ⌊(n+f)/2⌋ + 1 share an
//! honest one ([`quorum`](crate::quorum)). Requests are signed by their clients
//! ([`Bundle`]), ordered in batches ([`Batch`]), executed as entries of a log
//! that is alike at all honest nodes, and answered by each of them ([`Reply`]):
//! a client believes f+1 equal answers. Every statement is signed; signatures
//! are listed by [`Protocol::claims`](crate::protocol::Protocol::claims) and
//! verified by the executor before a protocol sees the message.
//!
//! Read `request` next, then `batch`, `reply` and `pool`; then `pbft` or `hotstuff`,
//! and `hybrid`, which goes over to `pbft` where it feels threatened; then `evidence`:
//! what proves that somebody has lied.

pub mod batch;
pub mod certificate;
pub mod checkpoint;
pub mod epoch;
pub mod evidence;
pub mod hotstuff;
pub mod hybrid;
pub mod log_time;
pub mod pbft;
mod persist;
pub mod pool;
pub mod reply;
pub mod request;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
pub mod transfer;

use core::fmt::Debug;
use std::sync::Arc;

pub use batch::Batch;
pub use certificate::Certificate;
pub use checkpoint::{Checkpoint, Checkpoints, StableCheckpoint};
pub use log_time::Tolerance;
pub use pool::Pool;
pub use reply::{Replies, Reply};
pub use request::Bundle;
pub use transfer::{Chunk, FetchChunk, Transfer};

use crate::crypto::{Domain, Family, Signer};
use crate::types::NodeId;

/// Where a node finds its key. The laboratory has those of all its nodes, a native node its own alone.
pub trait Signers: Debug + Send + Sync {
    /// The signer of this node; `None` where its key is not here, and then the node stays silent.
    fn signer(&self, node: NodeId) -> Option<Arc<dyn Signer>>;
}

/// What clients and replicas sign to each other belongs to a cluster, whichever protocol orders it: a request that is
/// asked again after a switch of protocols is the same request.
#[must_use]
pub fn session(cluster: u64) -> Domain {
    Domain { cluster, configuration: 0, instance: 0, family: Family::Session }
}
