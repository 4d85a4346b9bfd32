//! How do the two rounds end an epoch, and begin one?
//!
//! **The end.** The first link in the history that holds a change of voters which
//! makes sense is the last one that is executed, in a commit or in the
//! conclusion of a history that was stopped. What is ordered behind it is void:
//! the history goes on, so that proofs of it stay what they are, and nothing of
//! that becomes an entry. Its requests wait for the next epoch. The state there is
//! made whatever the interval, with the new members, and is no checkpoint of this
//! instance. Which link it is can be read from the links, so nothing is written.
//! Whoever is there votes and acknowledges on, so that others get there; it
//! proposes nothing and loses no patience.
//!
//! **When one is proposed.** Not while its replica feels threatened: then a change
//! waits in the pool, and does not run the timer. A change that waits too long for
//! a leader that is threatened costs that one its term, and is no sign of a
//! threat by itself.
//!
//! **The beginning.** The state that the epoch begins with is its stable checkpoint.
//! Whoever lacks it acknowledges nothing, and fetches it from those who have
//! signed it, whether they vote or not.

use std::sync::Arc;

use super::link::Link;
use super::message::{Message, Stable};
use super::{Effects, Event, Rounds};
use crate::bft::epoch::change::{self, Nonsense};
use crate::bft::epoch::{self, Root};
use crate::bft::hybrid::config::{MAX_ERA, era_of};
use crate::bft::{Bundle, Checkpoint, Transfer};
use crate::crypto::Hash256;
use crate::membership::Membership;
use crate::rules::{Rule, Rules};
use crate::snapshot::Snapshot;
use crate::types::{NodeId, Sequence, Wall};

impl<R: Rules> Rounds<R> {
    /// Where the epoch has ended, and who votes from there on.
    #[must_use]
    pub fn ended(&self) -> Option<(Sequence, &Membership)> {
        self.ended.as_ref().map(|(sequence, members)| (*sequence, members))
    }

    /// The state there, once it is made.
    #[must_use]
    pub fn final_state(&self) -> Option<(Checkpoint, Arc<Snapshot>)> {
        let made = self.snapshots.end.as_ref()?;
        Some((made.sealed.checkpoint, Arc::clone(&made.snapshot)))
    }

    /// Whether nothing more is executed.
    pub(super) fn is_over(&self) -> bool {
        self.ended.is_some() && self.on(Rule::EpochEndsAtChange)
    }

    /// Whether the epoch ends here.
    pub(super) fn is_end(&self, sequence: Sequence) -> bool {
        self.ended.as_ref().is_some_and(|(end, _)| *end == sequence)
    }

    /// Takes note of a link that is executed, or was before a restart: it may be the end.
    pub(super) fn look_for_change(&mut self, link: &Link, void: impl FnMut(Nonsense)) {
        let bundles = link.batch().bundles();
        let looks = self.config.epoch.is_some() && era_of(self.domain.instance) < MAX_ERA;
        if self.ended.is_none() && looks && bundles.iter().any(|bundle| change::asks(bundle)) {
            let (epoch, by_anybody) = (self.domain.configuration, !self.on(Rule::EpochChangeByOperatorOnly));
            let bundles = bundles.iter().map(|bundle| &**bundle);
            let next = change::first(bundles, epoch, &self.members, by_anybody, void);
            self.ended = next.map(|members| (link.sequence(), members));
        }
    }

    /// The same, told to people.
    pub(super) fn execute_change(&mut self, link: &Link, out: &mut Effects) {
        let was_over = self.ended.is_some();
        self.look_for_change(link, |reason| out.note(|| epoch::Event::ChangeVoid { reason }.into()));
        if let Some((sequence, members)) = self.ended.as_ref().filter(|_| !was_over) {
            let (epoch, sequence) = (self.domain.configuration, *sequence);
            out.note(|| epoch::Event::Ended { epoch, sequence, voters: members.voters.clone() }.into());
        }
    }

    /// Whether changes of voters wait from now on.
    pub fn hold_changes(&mut self, holds: bool) {
        self.holds_changes = holds;
    }

    /// Whether this request waits for calm.
    pub(super) fn holds(&self, bundle: &Bundle) -> bool {
        self.holds_changes && change::asks(bundle)
    }

    /// Whether it leads, and a change of voters waits here for calm.
    #[must_use]
    pub fn keeps_change(&self) -> bool {
        self.holds_changes && self.leads() && self.pool.has_unproposed_but(|bundle| !change::asks(bundle))
    }

    /// The requests that wait, executed nowhere as far as this replica knows.
    pub fn waiting(&self) -> impl Iterator<Item = &Arc<Bundle>> {
        self.pool.waiting()
    }

    /// Nothing in the state machine expires before this log time.
    pub fn expires_at(&mut self, expiry: Option<Wall>) {
        self.expiry = expiry;
    }

    /// What it begins with, where its epoch does so with it.
    #[must_use]
    pub fn epoch_root(&self) -> Option<&Stable> {
        self.root.as_deref()
    }

    /// Whether it waits for the state that its epoch begins with.
    pub(super) fn lacks_root(&self) -> bool {
        self.root.as_ref().is_some_and(|root| self.committed < root.proof.checkpoint.sequence)
    }

    /// Whether it may have the state that this epoch begins with, although it may have no vote any more.
    #[must_use]
    pub fn is_source(&self, node: NodeId) -> bool {
        self.config.root().is_some_and(|root| root.sources.contains(&node))
    }

    /// Who may have the state that is being fetched.
    pub(super) fn sources(&self) -> Vec<NodeId> {
        let of = self.transfer.as_ref().map(|transfer| &transfer.proof().checkpoint);
        Root::sources(self.config.root().map(|root| &**root), of, self.quorum.voters())
    }

    /// Whoever begins an epoch without its state fetches that: it knows the proof, and who has signed it.
    pub(super) fn fetch_root(&mut self, out: &mut Effects) {
        let Some(root) = self.root.clone().filter(|_| self.lacks_root()) else { return };
        let idle = self.transfer.is_none() && self.arrived.is_none() && self.installing.is_none();
        let known = self.stable.as_ref() == Some(&root);
        let of_root = self.config.root().filter(|_| known && idle);
        let source = of_root.and_then(|root| root.sources.iter().find(|source| **source != self.id).copied());
        if let Some(source) = source {
            self.begin_transfer(source, &root, out);
        }
    }

    /// Begins to fetch a state.
    pub(super) fn begin_transfer(&mut self, from: NodeId, stable: &Stable, out: &mut Effects) {
        let Checkpoint { sequence, bytes, .. } = stable.proof.checkpoint;
        let limit = self.config.settings.max_snapshot_bytes;
        let Some(transfer) = Transfer::new(stable.proof.clone(), self.members.clone(), from, limit) else { return };
        out.note(|| Event::TransferBegan { sequence, from, bytes }.into());
        out.send(from, Message::FetchChunk(transfer.request()), None);
        (self.transfer, self.transferred_chain) = (Some(transfer), stable.chain);
    }

    /// For a restart: the end is among what is committed after the stable checkpoint, if anywhere.
    pub(super) fn recall_end(&mut self) {
        let committed = self.committed;
        let links: Vec<Arc<Link>> = self.chain.following(self.low()).cloned().collect();
        for link in links.iter().take_while(|link| link.sequence() <= committed) {
            self.look_for_change(link, |_| ());
        }
    }

    /// The newest proven state that is here, and the hash of its bytes.
    #[must_use]
    pub fn newest_state(&self) -> Option<(Hash256, &Arc<Snapshot>)> {
        self.snapshots.newest_made().map(|made| (made.sealed.checkpoint.snapshot, &made.snapshot))
    }
}
