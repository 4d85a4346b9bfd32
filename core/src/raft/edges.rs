//! How does a node hold a part of the state and still have the whole log?
//!
//! An *edge* is an observer with a subscription (`core::edge` says what that is).
//! Its leader feeds it what is committed and leaves out the bodies of other ranges;
//! it never votes, is never promoted and feeds nobody. Its log matches the others'
//! by index and term, so that appends, conflicts and reads are those of an
//! observer.
//!
//! An edge's store is made for one subscription:
//! * it begins with a snapshot, the machine's projection at the leader. What came
//!   before the subscription is in no entry that the edge is fed;
//! * the snapshot names the subscription, and each append does. A store that was
//!   made for another one, or for none, takes nothing and says so
//!   (`raft.edge-starts-anew`); the answer brings a snapshot;
//! * the projection is made once the configuration that names the edge is committed
//!   and applied: an edge whose joining is never committed keeps what it had;
//! * a store with holes never becomes whole again: it takes no whole log and no
//!   whole snapshot. Who is to vote after that joins under a new name with an empty
//!   store. So no entry without a body ever stands in the log of a voter.
//!
//! Bounded: one projection is made at a time; other edges ask again.
//!
//! Left out: incremental projections. Bodies are left out by whoever sends them, the leader or a feeder (`feeders`).

use std::sync::Arc;

use bytes::Bytes;

use super::message::{AppendEntries, AppendOutcome, FeedEdge, Message};
use super::progress::{Mode, Progress};
use super::role::Role;
use super::{Effects, Raft};
use crate::edge::{Edge, entry_for};
use crate::entry::Entries;
use crate::event::{Event, IgnoreReason};
use crate::quorum::QuorumSystem;
use crate::rules::{Rule, Rules};
use crate::snapshot::{Snapshot, SnapshotMeta};
use crate::types::{Digest, LogIndex, NodeId, Now};

/// A part of the state that the executor makes, and for whom.
#[derive(Clone, Debug)]
pub(super) struct Projecting {
    edge: Arc<Edge>,
    /// What stands at its index; the digest comes with the bytes.
    meta: SnapshotMeta,
}

/// The entries as they go to this edge.
pub(super) fn without_bodies(edge: &Edge, entries: Entries) -> Entries {
    entries.iter().map(|entry| entry_for(&edge.ranges, entry)).collect()
}

/// The message that brings an append to a follower, an observer or an edge.
#[inline]
pub(super) fn addressed(progress: &Progress, append: AppendEntries) -> Message {
    match &progress.edge {
        None => Message::AppendEntries(append),
        Some(edge) => fed(edge, append),
    }
}

#[inline(never)]
fn fed(edge: &Edge, mut append: AppendEntries) -> Message {
    append.entries = without_bodies(edge, append.entries);
    Message::FeedEdge(Box::new(FeedEdge { subscription: edge.subscription(), append }))
}

impl<R: Rules, Q: QuorumSystem> Raft<R, Q> {
    /// What the node at this position subscribes to, where it is an edge.
    pub(super) fn edge_at(&self, position: usize) -> Option<&Arc<Edge>> {
        let Role::Leader(leader) = &self.role else { return None };
        leader.progress.get(position)?.edge.as_ref()
    }

    /// Takes an append with bodies left out, where this store was made for that very subscription.
    pub(super) fn on_feed_edge(&mut self, now: Now, leader: NodeId, feed: &mut FeedEdge, out: &mut Effects) {
        self.take_fed(now, leader, feed.subscription, &mut feed.append, out);
    }

    pub(super) fn take_fed(
        &mut self,
        now: Now,
        leader: NodeId,
        subscription: Digest,
        append: &mut AppendEntries,
        out: &mut Effects,
    ) {
        let made_for_it = match self.subscription {
            Some(own) => own == subscription || !self.on(Rule::EdgeStartsAnew),
            None => false,
        };
        if made_for_it || append.term < self.hard.current_term {
            return self.take_append(now, leader, append, out);
        }
        if self.follow(now, leader, out) {
            let after = self.persist.promise(LogIndex::ZERO);
            self.reply(leader, AppendOutcome::OtherSubscription, append.round, after, out);
        }
    }

    /// Whether this store may begin anew with such a snapshot: as the part of an edge, and from a later index than
    /// any that it knows to be committed.
    pub(super) fn may_start_anew(&self, meta: &SnapshotMeta) -> bool {
        let later = meta.index > self.commit_index && self.log.term_at(meta.index) != Some(meta.term);
        meta.subscription.is_some() && later
    }

    /// An edge's store was made for something else: it gets a snapshot of what it subscribes to.
    pub(super) fn on_other_subscription(&mut self, follower: NodeId, out: &mut Effects) {
        let Some((position, progress)) = self.progress_of(follower) else {
            out.note(|| Event::MessageIgnored { from: follower, reason: IgnoreReason::WrongRole });
            return;
        };
        match progress.mode {
            Mode::Probe { .. } | Mode::Replicate if progress.edge.is_some() => self.project_for(position, out),
            // It answers what was sent before its snapshot.
            Mode::Probe { .. } | Mode::Replicate | Mode::Snapshot(_) => {
                out.note(|| Event::MessageIgnored { from: follower, reason: IgnoreReason::Outdated });
            }
        }
    }

    /// Asks the executor for what an edge subscribes to, as the state is now. Where another projection is being
    /// made, or the edge's configuration is not applied yet, the edge's next answer asks again.
    pub(super) fn project_for(&mut self, position: usize, out: &mut Effects) {
        let Some(edge) = self.edge_at(position).cloned() else { return };
        let index = self.last_applied;
        let membership = self.members.at(index);
        if self.snapshots.projecting.is_some() || membership.edge(edge.node) != Some(&*edge) {
            return;
        }
        let held = self.snapshots.latest.as_ref().map(|snapshot| &snapshot.meta).filter(|meta| meta.index == index);
        let entry = self.log.get(index).map(|entry| (entry.term, entry.log_time));
        let Some((term, log_time)) = entry.or(held.map(|meta| (meta.term, meta.log_time))) else { return };
        let (membership, subscription) = (membership.clone(), Some(edge.subscription()));
        let meta = SnapshotMeta { index, term, log_time, membership, digest: Digest(0), subscription };
        self.snapshots.projecting = Some(Projecting { edge: Arc::clone(&edge), meta });
        out.project(index, edge);
    }

    /// The part of the state is made: it goes to the edge that needs it, if this node still leads.
    pub(super) fn on_projected(&mut self, index: LogIndex, digest: Digest, data: Bytes, out: &mut Effects) {
        let Some(Projecting { edge, meta }) = self.snapshots.projecting.take() else { return };
        if !out.check(index == meta.index, "a projection is of the state that was asked for") {
            return;
        }
        let Some((position, progress)) = self.progress_of(edge.node) else { return };
        if progress.edge.as_ref() == Some(&edge) && matches!(progress.mode, Mode::Probe { .. } | Mode::Replicate) {
            let snapshot = Snapshot { meta: SnapshotMeta { digest, ..meta }, data };
            self.transfer(position, Arc::new(snapshot), out);
        }
    }
}
