//! What does the hybrid tell [`Epochs`](crate::bft::epoch::Epochs), and what becomes of an operator's request in it?
//!
//! Voters change in the two rounds alone: there an epoch ends at the first change
//! that is executed (`rounds/change`), also where that is the conclusion of a
//! history that was stopped; then PBFT does not begin. Evidence that one has lied in
//! these rounds goes along, and so do convictions; signs of lies are forgotten.
//!
//! **Under threat changes wait.** From *medium* up a leader proposes none. In PBFT
//! none is ordered: a replica keeps what it was asked for aside, and hands it to
//! the rounds when they are back. What a liar has ordered there is void.

use std::sync::Arc;

use super::config::era_of;
use super::rounds::{self, Rounds, Stable};
use super::threat::Level;
use super::{Config, Effects, HardState, Hybrid, Message, Settings};
use crate::bft::epoch::{Instance, Root, Setting, change};
use crate::bft::{Bundle, Checkpoint, Chunk, FetchChunk, pbft};
use crate::crypto::{Domain, Family, Hash256};
use crate::membership::Membership;
use crate::protocol::Input;
use crate::rules::{Rule, Rules};
use crate::snapshot::Snapshot;
use crate::storage::DiskImage;
use crate::types::{LogIndex, NodeId, Now, Sequence, Ticket};

/// Most changes that are kept aside: of those that wait one will happen, and the others were meant for its epoch too.
const KEPT: usize = 8;

impl<R: Rules> Instance for Hybrid<R> {
    fn setting(config: &Config<R>) -> Setting {
        let bft = &config.settings.bft;
        bft.for_epochs(Domain { family: Family::Hybrid, ..bft.domain() }, &config.signers)
    }

    fn on(config: &Config<R>, rule: Rule) -> bool {
        config.rules.on(rule)
    }

    fn first_voters(config: &Config<R>) -> &[NodeId] {
        &config.settings.bft.voters
    }

    fn in_epoch(config: &Config<R>, epoch: u64, voters: &[NodeId], root: Option<Arc<Root>>) -> Config<R> {
        let bft = pbft::Settings { configuration: epoch, voters: voters.to_vec(), ..config.settings.bft.clone() };
        let settings = Settings { bft, threat: config.settings.threat };
        Config { settings, epoch: Some(pbft::Epoch { root }), ..config.clone() }
    }

    fn begin(config: &Config<R>, root: &Root, state: Option<&Arc<Snapshot>>, before: &Self) -> DiskImage<HardState> {
        let era = config.first_era();
        let stable = Stable::of_epoch(root, &Rounds::domain(&config.rounds(era)));
        let (committed, committed_hash) = match state {
            Some(_) => (stable.proof.checkpoint.sequence, stable.chain),
            None => (Sequence(0), Hash256::ZERO),
        };
        let rounds = rounds::HardState {
            stable: Some(Arc::new(stable)),
            committed,
            committed_hash,
            ..rounds::HardState::default()
        };
        let convicted = before.convicted.clone();
        let hard = HardState { era, rounds: Some(Box::new(rounds)), convicted, ..HardState::default() };
        let (log, base, snapshot) = match state {
            Some(state) => (Vec::new(), state.meta.base(), Some(state)),
            None => (before.log().iter().cloned().collect(), before.log().base(), before.newest_snapshot()),
        };
        DiskImage { hard, log, base, snapshot: snapshot.cloned(), ..DiskImage::empty() }
    }

    fn succeed(&mut self, before: &Self) {
        self.tickets = before.tickets.clone();
        self.tickets.forget();
        self.rounds.resume();
        self.expiry = before.expiry;
        self.rounds.expires_at(before.expiry);
        self.accuser.succeed(&before.accuser);
    }

    fn issue(&mut self, is_done: bool) -> Ticket {
        let ticket = self.tickets.issue();
        if is_done {
            self.tickets.complete(ticket);
        }
        ticket
    }

    fn ended(&self) -> Option<(Sequence, &Membership)> {
        self.rounds.ended()
    }

    fn final_state(&self) -> Option<(Checkpoint, Arc<Snapshot>)> {
        self.rounds.final_state()
    }

    fn waiting(&self) -> Vec<Arc<Bundle>> {
        super::era::of_clients(match &self.bft {
            Some(bft) => bft.waiting().cloned().collect(),
            None => self.rounds.waiting().cloned().collect(),
        })
    }

    fn last_index(&self) -> LogIndex {
        self.log().last_index()
    }

    fn newest_state(&self) -> Option<(Hash256, &Arc<Snapshot>)> {
        self.rounds.newest_state()
    }

    fn as_fetch(message: &Message) -> Option<&FetchChunk> {
        match message {
            Message::Rounds(rounds::Message::FetchChunk(fetch)) => Some(fetch),
            Message::Later { message, .. } => Self::as_fetch(message),
            Message::Rounds(_)
            | Message::Opening(_)
            | Message::Bft(_)
            | Message::Alarms(_)
            | Message::Stop(_)
            | Message::Opened(_)
            | Message::Where(_)
            | Message::Calm(_)
            | Message::Root(_)
            | Message::Evidence(_)
            | Message::InEpoch { .. }
            | Message::Epoch(_) => None,
        }
    }

    fn chunk(&self, chunk: Chunk) -> Message {
        self.in_era(Message::Rounds(rounds::Message::Chunk(Box::new(chunk))))
    }
}

impl<R: Rules> Hybrid<R> {
    /// The newest state that is in its store, or on its way there.
    fn newest_snapshot(&self) -> Option<&Arc<Snapshot>> {
        self.bft.as_ref().and_then(|bft| bft.snapshot()).or_else(|| self.rounds.newest_snapshot())
    }

    /// Whether a message is a part of the state that this epoch begins with, from one that may have it without a vote.
    pub(super) fn is_part_of_root(&self, from: NodeId, message: &Message) -> bool {
        let message = if let Message::Later { message, .. } = message { message } else { message };
        matches!(message, Message::Rounds(rounds::Message::Chunk(_))) && self.rounds.is_source(from)
    }

    /// Tells the rounds whether changes of voters have to wait.
    pub(super) fn hold_changes(&mut self, now: Now) {
        self.rounds.hold_changes(self.monitor.level(now.mono) >= Level::Medium);
    }

    /// Keeps changes of voters aside while PBFT orders requests. Returns the others.
    pub(super) fn without_changes(&mut self, bundles: Vec<Arc<Bundle>>) -> Vec<Arc<Bundle>> {
        let (changes, others): (Vec<_>, Vec<_>) = bundles.into_iter().partition(|bundle| change::asks(bundle));
        for change in changes {
            if self.changes.iter().all(|known| known.hash() != change.hash()) && self.changes.len() < KEPT {
                self.changes.push(change);
            }
        }
        others
    }

    /// One without a vote says nothing; it may get one later, so it notices what is done.
    pub(super) fn step_silently(&mut self, input: Input<Message>, out: &mut Effects) {
        match input {
            Input::Written(ticket) => drop(self.tickets.complete(ticket)),
            Input::ExpiryAt(at) => self.expiry = at,
            Input::Convicted(convictions) => {
                for conviction in self.accuser.decided(&convictions, out) {
                    self.convicted.push((era_of(conviction.instance), conviction.culprit));
                }
            }
            Input::Receive { .. }
            | Input::DeadlineReached
            | Input::Applied { .. }
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
