//! How does PBFT serve as one epoch of a cluster whose voters change?
//!
//! It ends at the batch with the first change of members that makes sense; what
//! else is in that batch is executed, and nothing behind it. It begins behind a
//! root, which is its stable checkpoint: with the state, or without, and then it
//! is like any replica that knows a proof and has fetched nothing yet. Read
//! [`epoch`](crate::bft::epoch) for what is between two of them.

use std::sync::Arc;

use super::config::{Config, Epoch, Settings};
use super::hard::HardState;
use super::message::Message;
use super::value::Value;
use super::{Effects, Pbft};
use crate::bft::epoch::{Event, Instance, Root, Setting, change, in_epochs};
use crate::bft::{Bundle, Checkpoint, Chunk, FetchChunk, Signers};
use crate::crypto::{Domain, Hash256};
use crate::membership::Membership;
use crate::protocol::Input;
use crate::rules::{Rule, Rules};
use crate::snapshot::{Base, Snapshot};
use crate::storage::DiskImage;
use crate::types::{Incarnation, LogIndex, NodeId, Sequence, Ticket};

in_epochs!(Message::Later, HardState);

impl Settings {
    /// What epochs need to know of them, where statements are of this domain.
    pub(in crate::bft) fn for_epochs(&self, domain: Domain, signers: &Arc<dyn Signers>) -> Setting {
        let Self { retransmit, idle_status, chunk_bytes, .. } = *self;
        Setting { domain, signers: Arc::clone(signers), pause: retransmit, idle: idle_status, chunk_bytes }
    }
}

impl<R: Rules> Instance for Pbft<R> {
    fn setting(config: &Config<R>) -> Setting {
        config.settings.for_epochs(config.settings.domain(), &config.signers)
    }

    fn on(config: &Config<R>, rule: Rule) -> bool {
        config.rules.on(rule)
    }

    fn first_voters(config: &Config<R>) -> &[NodeId] {
        &config.settings.voters
    }

    fn in_epoch(config: &Config<R>, epoch: u64, voters: &[NodeId], root: Option<Arc<Root>>) -> Config<R> {
        let (configuration, instance, voters) = (epoch, epoch, voters.to_vec());
        let settings = Settings { configuration, instance, voters, ..config.settings.clone() };
        Config { settings, epoch: Some(Epoch { root }), ..config.clone() }
    }

    fn begin(_config: &Config<R>, root: &Root, state: Option<&Arc<Snapshot>>, before: &Self) -> DiskImage<HardState> {
        let hard = HardState { stable: Some(Arc::clone(&root.stable)), ..HardState::default() };
        let (format, incarnation) = (None, Incarnation(0));
        match state {
            Some(state) => {
                let hard = HardState { executed: root.stable.checkpoint.sequence, ..hard };
                let (base, snapshot) = (state.meta.base(), Some(Arc::clone(state)));
                DiskImage { format, incarnation, hard, log: Vec::new(), base, snapshot }
            }
            None => {
                let hard = HardState { executed: before.executed, ..hard };
                let (log, base): (_, Base) = (before.log.iter().cloned().collect(), before.log.base());
                DiskImage { format, incarnation, hard, log, base, snapshot: before.snapshots.newest().cloned() }
            }
        }
    }

    fn succeed(&mut self, before: &Self) {
        self.persist = before.persist.clone();
        (self.applying.asked, self.applying.applied) = (before.applying.asked, before.applying.applied);
        self.installing = before.installing;
        self.expiry = before.expiry;
        self.accuser.succeed(&before.accuser);
    }

    fn issue(&mut self, is_done: bool) -> Ticket {
        let ticket = self.persist.issue();
        if is_done {
            self.persist.complete(ticket);
        }
        ticket
    }

    fn ended(&self) -> Option<(Sequence, &Membership)> {
        Some((self.ended?, self.successors.as_ref()?))
    }

    fn final_state(&self) -> Option<(Checkpoint, Arc<Snapshot>)> {
        self.final_state()
    }

    fn waiting(&self) -> Vec<Arc<Bundle>> {
        self.waiting().cloned().collect()
    }

    fn last_index(&self) -> LogIndex {
        self.log.last_index()
    }

    fn newest_state(&self) -> Option<(Hash256, &Arc<Snapshot>)> {
        self.snapshots.served.last().map(|made| (made.checkpoint.snapshot, &made.snapshot))
    }

    fn as_fetch(message: &Message) -> Option<&FetchChunk> {
        if let Message::FetchChunk(fetch) = message { Some(fetch) } else { None }
    }

    fn chunk(&self, chunk: Chunk) -> Message {
        Message::Chunk(Box::new(chunk))
    }
}

impl<R: Rules> Pbft<R> {
    /// Takes note of the first change of members that makes sense: the epoch ends with this batch.
    pub(super) fn look_for_change(&mut self, sequence: Sequence, value: &Value, out: &mut Effects) {
        let bundles = value.batch().bundles();
        if !bundles.iter().any(|bundle| change::asks(bundle)) {
            return;
        }
        let (epoch, by_anybody) = (self.domain.configuration, !self.on(Rule::EpochChangeByOperatorOnly));
        let void = |reason| out.note(|| Event::ChangeVoid { reason }.into());
        let bundles = bundles.iter().map(|bundle| &**bundle);
        let Some(members) = change::first(bundles, epoch, &self.members, by_anybody, void) else { return };
        out.note(|| Event::Ended { epoch, sequence, voters: members.voters.clone() }.into());
        (self.ended, self.successors) = (Some(sequence), Some(members));
    }

    /// What its writes say of the epoch.
    pub(super) fn ended_with(&self) -> Option<Box<(Sequence, Membership)>> {
        Some(Box::new((self.ended?, self.successors.clone()?)))
    }

    /// One without a vote says nothing; it may get one later, so it notices what is done.
    pub(super) fn step_silently(&mut self, input: Input<Message>, out: &mut Effects) {
        match input {
            Input::Written(ticket) => self.persist.complete(ticket),
            Input::Applied { through, results } => self.on_applied(through, results, out),
            Input::ExpiryAt(at) => self.expiry = at,
            Input::Convicted(convictions) => drop(self.accuser.decided(&convictions, out)),
            Input::Receive { .. }
            | Input::DeadlineReached
            | Input::Propose(_)
            | Input::Requests(_)
            | Input::Forged { .. }
            | Input::Reconfigure(_)
            | Input::SnapshotTaken { .. }
            | Input::Projected { .. }
            | Input::TakeSnapshot
            | Input::Read(_)
            | Input::TransferLeadership { .. } => {}
        }
    }
}
