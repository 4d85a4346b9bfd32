//! How do a few replicas agree on one order although some of them lie?
//!
//! Practical Byzantine Fault Tolerance, after Castro and Liskov (OSDI '99), with
//! the view change of §4.4, in which every message is signed.
//!
//! Time is cut into *views*; the *primary* of a view gives batches of requests
//! their sequence numbers, and three phases make sure that no two honest
//! replicas ever execute different batches under one number: *pre-prepare* and
//! *prepare* within a view, *prepare* and *commit* across views (§4.2). Where the
//! primary is silent or lies, its requests wait, and the replicas move to the
//! next view with proofs of all that may have been committed (§4.4). Checkpoints
//! that a quorum has signed let them forget (§4.3).
//!
//! Where this implementation makes a choice that the paper leaves open:
//! * what a replica says is durable before it is said: the paper has replicas
//!   that never forget, ours restart;
//! * a sequence number orders a [`Value`]: a batch, and the view in which it was
//!   proposed first, which is the term of its entries at all replicas;
//! * pre-prepares are accepted in the order of their numbers, because the log
//!   time of each is judged by the one before it;
//! * batches that are committed travel with their proof to whoever missed them,
//!   and a state that a quorum has proven to whoever fell far behind;
//! * no reads beside the log: f+1 slow replicas and f liars can agree on a stale
//!   answer (§5.1.3 needs a quorum; it is left out).
//!
//! Left out: change of members within an instance, MACs (§5), and executors that
//! do everything at once ([`Effects::immediate`](crate::protocol::Effects)).
//!
//! Read `message` and `normal_case` next, then `execute`, `checkpoint`,
//! `view_change`, `timers` and `catch_up`.

mod catch_up;
mod checkpoint;
mod config;
pub mod event;
mod execute;
mod hard;
mod message;
mod normal_case;
mod persist;
mod slots;
mod status;
#[cfg(test)]
mod tests;
mod timers;
mod view_change;

use std::sync::Arc;

pub use config::{Config, ConfigError, Settings};
pub use event::{Event, Ignored, NewViewRefusal, Refusal, ViewChangeReason};
pub use hard::{HardSlot, HardState};
pub use message::{
    Assigned, Committed, Decided, Message, NewView, PrePrepare, Prepared, Relayed, Stable, Stage, Standing, Subject,
    Value, ViewChange, Vote,
};
pub use status::{Phase, Replica, SlotStatus};
pub use view_change::{Follows, follows};

use crate::bft::{Bundle, Checkpoints, Pool, StableCheckpoint, Transfer};
use crate::crypto::{Claim, Domain, Signer};
use crate::entry::Proposal;
use crate::log::Log;
use crate::membership::Membership;
use crate::protocol::{self, Input, Outcome, Protocol};
use crate::quorum::Byzantine;
use crate::record::NodeStatus;
use crate::rules::{AllOn, Rule, Rules};
use crate::storage::DiskImage;
use crate::types::{LogIndex, Mono, NodeId, Now, Sequence, Term, Ticket, Wall};
use catch_up::{Installing, Pace};
use checkpoint::{Made, Snapshots};
use execute::{Applying, Execution};
use normal_case::Order;
use persist::Persist;
use slots::Slots;
use timers::Timers;
use view_change::ViewChanges;

type Effects = protocol::Effects<Message, HardState>;

/// One PBFT replica.
#[derive(Clone, Debug)]
pub struct Pbft<R: Rules = AllOn> {
    id: NodeId,
    config: Arc<Config<R>>,
    domain: Domain,
    members: Membership,
    quorum: Byzantine,
    /// `None` where it has no key, no vote or no store: such a replica is silent.
    signer: Option<Arc<dyn Signer>>,
    null: Arc<Value>,

    view: Term,
    changing: bool,
    new_view: Option<Arc<NewView>>,
    view_changes: ViewChanges,

    stable: Option<Arc<StableCheckpoint>>,
    checkpoints: Checkpoints,
    snapshots: Snapshots,

    slots: Slots,
    order: Order,
    executed: Sequence,
    /// Log time after it; `None` before the first.
    executed_time: Option<Wall>,
    log: Log,
    applying: Applying,
    pool: Pool,

    persist: Persist,
    timers: Timers,
    /// Nothing in the state machine expires before this log time.
    expiry: Option<Wall>,
    /// Who asked where it stands, and who asked for bodies, and when.
    answered: Pace,
    bodies: Pace,
    transfer: Option<Transfer>,
    arrived: Option<Made>,
    installing: Option<Installing>,
}

impl<R: Rules> Protocol for Pbft<R> {
    type Message = Message;
    type Hard = HardState;
    type Config = Config<R>;

    fn recover(config: &Config<R>, node: NodeId, image: &DiskImage<HardState>, _seed: u64, now: Now) -> Self {
        let settings = &config.settings;
        // What the store was made with outlives a change of settings.
        let members = image.first_members().cloned().unwrap_or_else(|| Membership::of(settings.voters.clone()));
        let quorum = Byzantine::of(&members.voters, !config.rules.on(Rule::PbftQuorum));
        let speaks = image.format.is_some() && quorum.is_voter(node);
        let snapshot = image.snapshot.as_ref();
        let restored = snapshot.map_or(LogIndex::ZERO, |snapshot| snapshot.meta.index);
        let log = Log::after(image.base, &image.log);
        let hard = &image.hard;
        let time = log.last().map(|last| last.log_time).or_else(|| Some(snapshot?.meta.log_time));
        let mut replica = Self {
            id: node,
            domain: settings.domain(),
            signer: if speaks { config.signers.signer(node) } else { None },
            null: Arc::new(Value::null()),
            view: hard.view,
            changing: hard.changing,
            new_view: hard.new_view.clone(),
            view_changes: ViewChanges::default(),
            stable: hard.stable.clone(),
            checkpoints: Checkpoints::default(),
            snapshots: Snapshots::after(snapshot.map(|snapshot| snapshot.meta.log_time)),
            slots: Slots::after(hard.low().min(hard.executed)),
            order: Order::default(),
            executed: hard.executed,
            executed_time: time,
            applying: Applying::after(restored),
            pool: Pool::new(settings.limits),
            persist: Persist::new(image.incarnation, log.last_index()),
            timers: Timers::new(now, settings, *hard == HardState::default(), config.rules.on(Rule::PbftTimerGrows)),
            expiry: None,
            answered: Pace::default(),
            bodies: Pace::default(),
            transfer: None,
            arrived: None,
            installing: None,
            config: Arc::new(config.clone()),
            members,
            quorum,
            log,
        };
        replica.recall(image);
        replica
    }

    fn step(&mut self, now: Now, input: Input<Message>, out: &mut Effects) {
        if self.signer.is_none() {
            return;
        }
        match input {
            Input::Receive { from, message } => self.receive(now, from, message, out),
            Input::DeadlineReached => self.on_deadline(now, out),
            Input::Requests(bundles) => self.on_requests(now, bundles, out),
            Input::Written(ticket) => self.persist.complete(ticket),
            Input::Applied { through, results } => self.on_applied(through, results, out),
            Input::SnapshotTaken { index, digest, data } => self.on_snapshot_taken(now, index, digest, data, out),
            Input::ExpiryAt(at) => self.expiry = at,
            Input::Forged { from } => out.note(|| Event::Forged { from }.into()),
            // Unsigned commands, and reads beside the log, are not for liars' ears: nobody can vouch for either.
            Input::Propose(proposals) => refuse(&proposals, out),
            Input::Read(reads) => {
                for read in reads {
                    out.answer(read.client, read.number, Outcome::NotLeader { leader: None });
                }
            }
            // Snapshots are of checkpoints; members stay; nobody hands over what views decide.
            Input::TakeSnapshot
            | Input::Reconfigure(_)
            | Input::Projected { .. }
            | Input::TransferLeadership { .. } => {}
        }
        self.follow_up(now, out);
    }

    fn next_deadline(&self) -> Option<Mono> {
        self.signer.is_some().then(|| self.timers.next())
    }

    fn status(&self) -> NodeStatus {
        self.node_status()
    }

    fn claims(&self, from: NodeId, message: &Message, claims: &mut Vec<Claim>) {
        if !self.is_moot(message) {
            message.claims(&self.domain, &self.quorum, from, claims);
        }
    }

    fn request_claims(&self, bundle: &Bundle, claims: &mut Vec<Claim>) {
        claims.push(bundle.claim(self.domain.cluster));
    }
}

fn refuse(proposals: &[Proposal], out: &mut Effects) {
    for proposal in proposals {
        out.answer(proposal.client, proposal.number, Outcome::NotLeader { leader: None });
    }
}

impl<R: Rules> Pbft<R> {
    /// Who it is.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.id
    }

    /// Its view.
    #[must_use]
    pub fn view(&self) -> Term {
        self.view
    }

    /// The last sequence number that it has executed.
    #[must_use]
    pub fn executed(&self) -> Sequence {
        self.executed
    }

    /// Its log in memory.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The primary of its view (§4.1).
    #[must_use]
    pub fn primary(&self) -> Option<NodeId> {
        self.quorum.in_turn(self.view)
    }

    /// How much it holds of others' words: slots, view changes, words for checkpoints.
    #[cfg(test)]
    fn held(&self) -> (usize, usize, usize) {
        (self.slots.len(), self.view_changes.len(), self.checkpoints.len())
    }

    fn leads(&self) -> bool {
        !self.changing && self.primary() == Some(self.id)
    }

    fn on(&self, rule: Rule) -> bool {
        self.config.rules.on(rule)
    }

    /// h: the sequence number of the stable checkpoint (§4.3).
    fn low(&self) -> Sequence {
        self.stable.as_ref().map_or(Sequence(0), |stable| stable.checkpoint.sequence)
    }

    /// L (§4.3).
    fn window(&self) -> u64 {
        u64::from(self.config.settings.window)
    }

    /// Whether a sequence number may be used now (§4.2: between h and H).
    fn is_in_window(&self, sequence: Sequence) -> bool {
        let low = self.low();
        low < sequence && sequence.0 - low.0 <= self.window() && sequence < Sequence::MAX
    }

    fn place_of(&self, voter: NodeId) -> Option<usize> {
        self.quorum.voters().binary_search(&voter).ok()
    }

    /// Sends to all other replicas.
    fn broadcast(&self, message: &Message, after: Option<Ticket>, out: &mut Effects) {
        for to in self.quorum.voters().iter().filter(|voter| **voter != self.id) {
            out.send(*to, message.clone(), after);
        }
    }

    fn ignore(&self, from: NodeId, reason: Ignored, out: &mut Effects) {
        out.note(|| Event::Ignored { from, reason }.into());
    }

    /// Takes up what the store holds of slots, votes and checkpoints.
    fn recall(&mut self, image: &DiskImage<HardState>) {
        let HardState { slots, stable, executed, .. } = &image.hard;
        let low = self.low();
        if let (Some(snapshot), Some(stable)) = (&image.snapshot, stable)
            && stable.checkpoint.index == snapshot.meta.index
        {
            self.serve(Made { checkpoint: stable.checkpoint, snapshot: Arc::clone(snapshot) });
        } else if let Some(stable) = stable.as_ref().filter(|stable| stable.checkpoint.sequence <= *executed) {
            // Its state is made again once the log is applied up to there.
            let (last, value) = (stable.checkpoint.index, stable.checkpoint.snapshot);
            self.applying.queue.push_back(Execution { sequence: low, last, value });
        }
        for (sequence, hard) in slots.iter().filter(|(sequence, _)| *sequence > low) {
            if let (Some(last), Some(decided)) = (hard.last, &hard.decided)
                && sequence <= executed
            {
                let value = decided.subject.hash;
                self.applying.queue.push_back(Execution { sequence: *sequence, last, value });
            }
            if let Some(slot) = self.slots.at(*sequence) {
                slot.hard = hard.clone();
            }
            self.recall_votes(*sequence);
        }
        if self.changing
            && let Some(own) = self.own_view_change()
        {
            self.view_changes.put(self.place_of(self.id), self.quorum.voters().len(), own);
        }
    }

    fn follow_up(&mut self, now: Now, out: &mut Effects) {
        self.restore_ready(out);
        self.execute_ready(out);
        self.order_ready(now, out);
        // The only replica of a cluster commits what it proposes.
        self.execute_ready(out);
        self.install_ready(out);
        self.apply_ready(out);
        self.tend_timers(now, out);
        let (view, changing, executed) = (self.view, self.changing, self.executed);
        let numbers = |hard: &mut HardState| (hard.view, hard.changing, hard.executed) = (view, changing, executed);
        self.persist.flush(numbers, self.log.last_index(), out);
    }

    /// Clients' requests (§4.1). A backup that gets one passes it on: its client has not heard from the primary.
    fn on_requests(&mut self, now: Now, bundles: Vec<Arc<Bundle>>, out: &mut Effects) {
        if self.leads() || self.changing {
            return self.pool.take_in(now.mono, bundles, out);
        }
        let is_new = |bundle: &&Arc<Bundle>| self.pool.get(&bundle.hash()).is_none();
        let new: Vec<Arc<Bundle>> = bundles.iter().filter(is_new).cloned().collect();
        self.pool.take_in(now.mono, bundles, out);
        let waits = |bundle: &Arc<Bundle>| self.pool.get(&bundle.hash()).is_some();
        self.relay(new.into_iter().filter(waits).collect(), false, out);
    }

    /// Requests that a peer passes on.
    fn on_relayed(&mut self, now: Now, Relayed { bundles, anew }: Relayed) {
        for bundle in bundles {
            if anew {
                self.pool.admit_again(now.mono, bundle)
            } else {
                self.pool.admit(now.mono, bundle)
            };
        }
    }

    fn receive(&mut self, now: Now, from: NodeId, message: Message, out: &mut Effects) {
        if self.place_of(from).is_none() || from == self.id {
            return self.ignore(from, Ignored::NotAVoter, out);
        }
        if self.is_moot(&message) {
            return self.ignore(from, Ignored::NotNeeded, out);
        }
        match message {
            Message::Requests(relayed) => self.on_relayed(now, relayed),
            Message::PrePrepare(pre_prepare) => self.on_pre_prepare(now, from, pre_prepare, out),
            Message::Prepare(vote) => self.on_prepare(from, &vote, out),
            Message::Commit(vote) => self.on_commit(from, &vote, out),
            Message::Checkpoint(said) => self.on_checkpoint(now, from, said.0, said.1, out),
            Message::ViewChange(change) => self.on_view_change(now, from, &change, out),
            Message::NewView(new_view) => self.on_new_view(now, from, &new_view, out),
            Message::Standing(standing) => self.on_standing(now, from, &standing, out),
            Message::Committed(committed) => self.on_committed(from, &committed, out),
            Message::Stable(stable) => self.on_stable(now, from, &stable, out),
            Message::FetchValues(wanted) => self.on_fetch_values(now, from, &wanted, out),
            Message::Body(sequence, value) => self.on_body(from, sequence, &value, out),
            Message::FetchChunk(fetch) => self.on_fetch_chunk(from, &fetch, out),
            Message::Chunk(chunk) => self.on_chunk(from, &chunk, out),
        }
    }

    /// Whether a message is of no use, and never will be: its signatures need no look. What makes it so stays true
    /// until it is handed in: views, checkpoints and what is executed only rise.
    fn is_moot(&self, message: &Message) -> bool {
        let is_over = |sequence: Sequence| !(self.low() < sequence && sequence < Sequence::MAX);
        let left = |view: Term| view < self.view || (view == self.view && !self.changing);
        match message {
            Message::PrePrepare(said) => said.view < self.view || is_over(said.sequence),
            Message::Prepare(Vote { subject, .. }) => {
                let known = || self.slots.get(subject.sequence).is_some_and(|slot| slot.is_prepared_in(subject.view));
                subject.view < self.view || is_over(subject.sequence) || known()
            }
            Message::Commit(Vote { subject, .. }) => {
                let known = || self.slots.get(subject.sequence).is_some_and(|slot| slot.hard.decided.is_some());
                is_over(subject.sequence) || known()
            }
            Message::Checkpoint(said) => is_over(said.0.sequence),
            Message::ViewChange(change) => {
                left(change.view) || change.prepared.len() as u64 > self.window() || change.view > Term::MAX
            }
            Message::NewView(new_view) => {
                let voters = self.quorum.voters().len();
                left(new_view.view)
                    || new_view.view > Term::MAX
                    || new_view.view_changes.len() > voters
                    || new_view.pre_prepares.len() as u64 > self.window()
                    || new_view.view_changes.iter().any(|change| change.prepared.len() as u64 > self.window())
            }
            Message::Committed(committed) => committed.decided.subject.sequence <= self.executed,
            Message::Stable(stable) => {
                let sequence = stable.proof.checkpoint.sequence;
                sequence < self.low() || sequence <= self.executed && sequence == self.low()
            }
            Message::Requests(_)
            | Message::Standing(_)
            | Message::FetchValues(_)
            | Message::Body(..)
            | Message::FetchChunk(_)
            | Message::Chunk(_) => false,
        }
    }
}

impl From<Event> for crate::event::Event {
    fn from(event: Event) -> Self {
        Self::Pbft(event)
    }
}
