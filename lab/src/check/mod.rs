//! Does what happened keep what the protocol promises?
//!
//! Checkers are pure and incremental: the world feeds them states, disk images
//! and apply effects after each event, never notes, so a node cannot talk them
//! into anything. What they find is a [`Violation`]
//! with the property, the node and the values that contradict each other.
//!
//! * [`RaftChecks`]: the five safety properties of the Raft paper's Figure 3,
//!   and what nodes believe against the oracle of `oracle`;
//! * [`ByzantineChecks`]: agreement, validity and integrity among honest nodes;
//! * what edges hold against the whole state (`edge`);
//! * [`linearizable`]: what clients saw against one store;
//! * [`early`]: what became of commands that were answered before a quorum had them;
//! * [`liveness`]: a leader and a commit soon after the faults end.

mod byzantine;
mod conviction;
pub mod early;
mod edge;
mod execution;
mod history;
pub mod linearizable;
pub mod liveness;
mod oracle;
pub mod property;
mod raft;

use std::sync::Arc;

pub use byzantine::ByzantineChecks;
pub(crate) use conviction::conviction_of_the_honest;
pub use raft::RaftChecks;

use quorumscope_core::entry::{Entry, Proposal};
use quorumscope_core::log::Log;
use quorumscope_core::machine::any::AnyMachine;
use quorumscope_core::machine::session::Sessions;
use quorumscope_core::membership::Membership;
use quorumscope_core::record::Role;
use quorumscope_core::storage::{DiskImage, Hard};
use quorumscope_core::types::{Digest, LogIndex, NodeId, Term, Time};

use crate::trace::view::Violation;

/// A node after a step.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    /// When.
    pub at: Time,
    /// Which node.
    pub node: NodeId,
    /// Whether it leads.
    pub leads: bool,
    /// In this term or view.
    pub term: Term,
    /// Its log in memory.
    pub log: &'a Log,
    /// The configuration that acts at it, where members change.
    pub members: Option<&'a Membership>,
}

/// The checkers of a protocol, fed after each event.
pub trait Checks: Clone + early::Committed {
    /// A client sends this for the first time or again. Where clients are believed, nobody asks.
    fn asked(&mut self, proposal: &Proposal) {
        let _ = proposal;
    }

    /// After a step that began a write: what it did to the node's log in memory.
    fn log_changed(&mut self, seen: &Standing<'_>, truncate: Option<LogIndex>, append: &[Arc<Entry>]);

    /// After a step in which role or term changed.
    fn status_changed(&mut self, at: Time, node: NodeId, role: Role, term: Term, log: &Log);

    /// After a step in which the node's commit index rose.
    fn commit_changed(&mut self, at: Time, node: NodeId, commit: LogIndex, log: &Log);

    /// Completed writes were applied to the node's disk image; `from` is the lowest index that may have changed.
    fn durable<H: Hard>(&mut self, at: Time, node: NodeId, image: &DiskImage<H>, from: LogIndex);

    /// The node crashed, and this is left on its disk.
    fn crashed<H: Hard>(&mut self, at: Time, node: NodeId, image: &DiskImage<H>);

    /// The store of a node that is down is gone.
    fn store_lost(&mut self, node: NodeId);

    /// The node applied an entry.
    fn applied(&mut self, at: Time, node: NodeId, entry: &Arc<Entry>);

    /// The node's state at `index` is this: it made a snapshot of it, or installed one.
    fn state(&mut self, at: Time, node: NodeId, index: LogIndex, state: Digest);

    /// An edge has applied what goes up to `through`, or restored it, and its state is this. `empty` is the machine
    /// before the first entry.
    fn edge(
        &mut self,
        at: Time,
        node: NodeId,
        through: LogIndex,
        state: &Sessions<AnyMachine>,
        empty: impl FnOnce() -> Sessions<AnyMachine>,
    );

    /// The entry that counts as committed at `index`.
    fn decided_entry(&self, index: LogIndex) -> Option<&Entry>;

    /// Newly committed, in the order of indexes.
    fn take_decided(&mut self) -> Vec<(LogIndex, Term)>;

    /// Newly broken.
    fn take_findings(&mut self) -> Vec<Violation>;
}
