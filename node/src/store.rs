//! What outlives a node?
//!
//! Its store: hard state, snapshot and log as far as they were synced. A store takes
//! writes in batches, in the order of their tickets, and what it has taken is
//! durable once the call returns: so one sync covers a whole batch. A write
//! that fails is never tried again, since what the disk holds after a failed
//! sync is unknown: the node stops.
//!
//! [`MemoryStore`] outlives its node, not its process.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quorumscope_core::membership::Membership;
use quorumscope_core::storage::{DiskImage, Hard, Write};
use quorumscope_core::types::{Incarnation, NodeId, Ticket};

/// The store of one node.
pub trait Store<H>: Send + 'static {
    /// Reads what is there, and counts this start: the incarnation in the image is new and durable.
    ///
    /// # Errors
    /// The store cannot be read or written.
    fn open(&mut self) -> Result<DiskImage<H>, StoreError>;

    /// Makes a batch durable, in order.
    ///
    /// # Errors
    /// Nothing is known about the batch; the node stops.
    fn write(&mut self, batch: &[Write<H>]) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Why a store failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// A write does not continue the log.
    #[error(transparent)]
    Gap(#[from] quorumscope_core::storage::Gap),
    /// It is not this node's.
    #[error(transparent)]
    Foreign(#[from] quorumscope_core::storage::Foreign),
}

/// A store in memory that several starts of one node share.
#[derive(Clone, Debug)]
pub struct MemoryStore<H>(Arc<Mutex<Kept<H>>>);

#[derive(Debug)]
struct Kept<H> {
    image: DiskImage<H>,
    last: Option<Ticket>,
}

impl<H: Hard> MemoryStore<H> {
    /// A store that bootstrap has formatted for `node`, in a cluster that begins with these voters.
    #[must_use]
    pub fn formatted(cluster: u64, node: NodeId, voters: &[NodeId]) -> Self {
        let image = DiskImage::formatted(cluster, node, Membership::of(voters.to_vec()));
        Self(Arc::new(Mutex::new(Kept { image, last: None })))
    }

    /// No write leaves half an image behind, so a poisoned lock still guards a whole one.
    fn kept(&self) -> MutexGuard<'_, Kept<H>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the store holds now.
    #[must_use]
    pub fn image(&self) -> DiskImage<H> {
        self.kept().image.clone()
    }

    /// The last write that it holds.
    #[must_use]
    pub fn last_ticket(&self) -> Option<Ticket> {
        self.kept().last
    }
}

impl<H: Hard + Send + Sync + 'static> Store<H> for MemoryStore<H> {
    fn open(&mut self) -> Result<DiskImage<H>, StoreError> {
        let mut kept = self.kept();
        kept.image.incarnation = Incarnation(kept.image.incarnation.0.saturating_add(1));
        Ok(kept.image.clone())
    }

    async fn write(&mut self, batch: &[Write<H>]) -> Result<(), StoreError> {
        let mut kept = self.kept();
        for write in batch {
            kept.image.apply(write)?;
            kept.last = Some(write.ticket);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Address, Clock, Node, NodeSettings};
    use quorumscope_core::raft::{AllOn, Config, HardState};
    use quorumscope_core::types::Term;
    use quorumscope_core::wire::{Hello, Role};

    fn write(sequence: u64, term: u64) -> Write<HardState> {
        Write {
            ticket: Ticket { incarnation: Incarnation(1), sequence },
            hard: Some(HardState { current_term: Term(term), voted_for: None }),
            truncate: None,
            append: [].into_iter().collect(),
            snapshot: None,
            compact: None,
        }
    }

    #[tokio::test]
    async fn a_second_start_finds_what_the_first_wrote_and_counts_itself() {
        let mut store = MemoryStore::formatted(9, NodeId(1), &[NodeId(1), NodeId(2)]);
        assert_eq!(store.open().unwrap().incarnation, Incarnation(1));
        store.write(&[write(1, 4), write(2, 5)]).await.unwrap();
        let image = store.clone().open().unwrap();
        assert_eq!((image.incarnation, image.hard.current_term), (Incarnation(2), Term(5)));
        assert_eq!(store.last_ticket().map(|ticket| ticket.sequence), Some(2));
    }
    #[tokio::test]
    async fn a_node_does_not_start_on_the_store_of_another_cluster_or_node() {
        let settings = |cluster, node| NodeSettings {
            node: NodeId(node),
            cluster,
            config: Config::lan(vec![NodeId(1), NodeId(2)], AllOn),
            relay: Address {
                url: "ws://127.0.0.1:1/peer".into(),
                hello: Hello {
                    role: Role::Node(NodeId(node)),
                    room: "room".into(),
                    token: "token".into(),
                    cluster: Some(cluster),
                },
            },
            seed: 1,
            clock: Clock::since_epoch(0),
        };
        let store = MemoryStore::formatted(9, NodeId(1), &[NodeId(1), NodeId(2)]);
        for (cluster, node, starts) in [(9, 1, true), (8, 1, false), (9, 2, false)] {
            let started = Node::start(settings(cluster, node), store.clone());
            assert_eq!(started.is_ok(), starts, "cluster {cluster}, node {node}");
        }
    }
}
