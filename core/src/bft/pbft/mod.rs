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
//! Left out: change of members within an instance ([`epoch`](crate::bft::epoch) runs one after the other), and MACs (§5).
//!
//! Read `message` and `normal_case` next, then `execute`, `checkpoint`,
//! `view_change`, `timers`, `catch_up` and `state_transfer`; `receive` and `recall`
//! for what comes in; `accuse` for what follows from lies.

mod accuse;
mod catch_up;
mod checkpoint;
mod config;
mod epoch;
pub mod event;
mod execute;
mod hard;
mod inner;
mod message;
mod normal_case;
mod persist;
mod recall;
mod receive;
mod slots;
mod state_transfer;
mod status;
#[cfg(test)]
mod tests;
mod timers;
mod value;
mod view_change;

use std::collections::VecDeque;
use std::sync::Arc;

pub use config::{Config, ConfigError, Epoch, Settings};
pub use event::{Event, Ignored, NewViewRefusal, Refusal, ViewChangeReason};
pub use hard::{HardSlot, HardState};
pub use inner::Ending;
pub(in crate::bft) use message::new_view_statement;
pub use message::{
    Assigned, Committed, Decided, Message, NewView, PrePrepare, Prepared, Relayed, Stable, Stage, Standing, ViewChange,
    Vote,
};
pub use status::{Phase, Replica, SlotStatus};
pub use value::{Subject, Value};
pub use view_change::{Follows, follows};

use crate::bft::evidence::Accuser;
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
use catch_up::Pace;
use checkpoint::{Made, Snapshots};
use execute::Applying;
use normal_case::Order;
use persist::Persist;
use slots::Slots;
use state_transfer::Installing;
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
    /// Its own commits whose proofs are on their way to the disk.
    own_commits: VecDeque<(Ticket, Vote)>,
    timers: Timers,
    /// Nothing in the state machine expires before this log time.
    expiry: Option<Wall>,
    /// Who asked where it stands, and who asked for bodies, and when.
    answered: Pace,
    bodies: Pace,
    transfer: Option<Transfer>,
    arrived: Option<Made>,
    installing: Option<Installing>,
    accuser: Accuser,
    /// Whether it has made a step.
    has_begun: bool,
    /// Whether it executes nothing before it has a state.
    held: bool,
    /// Where a value ends the instance, and whether it does.
    ending: Option<Ending>,
    ended: Option<Sequence>,
    /// Who votes in the next epoch, where a change of members has ended this one.
    successors: Option<Membership>,
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
            // Nothing before its root is ordered in this instance.
            slots: Slots::after(if config.root().is_some() { hard.low() } else { hard.low().min(hard.executed) }),
            order: Order::default(),
            executed: hard.executed,
            executed_time: time,
            applying: Applying::after(restored),
            pool: Pool::new(settings.limits),
            persist: Persist::new(image.incarnation, log.last_index()),
            own_commits: VecDeque::new(),
            timers: Timers::new(now, settings, *hard == HardState::default(), config.rules.on(Rule::PbftTimerGrows)),
            expiry: None,
            answered: Pace::default(),
            bodies: Pace::default(),
            transfer: None,
            arrived: None,
            installing: None,
            accuser: accuse::accuser(config, node),
            has_begun: false,
            held: config.root().is_some_and(|root| hard.executed < root.stable.checkpoint.sequence),
            ending: None,
            ended: hard.epoch.ended.as_ref().map(|ended| ended.0),
            successors: hard.epoch.ended.as_ref().map(|ended| ended.1.clone()),
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
            return self.step_silently(input, out);
        }
        if !std::mem::replace(&mut self.has_begun, true) {
            let (view, changing, stable, executed) = (self.view, self.changing, self.low(), self.executed);
            out.note(|| Event::Recovered { view, changing, stable, executed }.into());
        }
        match input {
            Input::Receive { from, message } => self.receive(now, from, message, out),
            Input::DeadlineReached => self.on_deadline(now, out),
            Input::Requests(bundles) => self.on_requests(now, bundles, out),
            Input::Written(ticket) => self.persist.complete(ticket),
            Input::Applied { through, results } => self.on_applied(through, results, out),
            Input::SnapshotTaken { index, digest, data } => self.on_snapshot_taken(now, index, digest, data, out),
            Input::ExpiryAt(at) => self.expiry = at,
            Input::Convicted(convictions) => drop(self.accuser.decided(&convictions, out)),
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
        self.signer.is_some().then(|| self.accuser.deadline().into_iter().fold(self.timers.next(), Mono::min))
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
        bundle.claims(self.domain.cluster, claims);
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

    /// Its view among those of all instances: what is later is higher.
    #[must_use]
    pub fn term(&self) -> Term {
        self.view.in_instance(self.domain.instance)
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

    /// What every step ends with. For an executor that does everything at once more may follow from that.
    fn follow_up(&mut self, now: Now, out: &mut Effects) {
        self.accuse(now, out);
        loop {
            self.restore_ready(out);
            self.count_own_commits(out);
            self.execute_ready(out);
            self.order_ready(now, out);
            // The only replica of a cluster commits what it proposes.
            self.execute_ready(out);
            self.install_ready(out);
            self.apply_ready(out);
            let (view, changing, executed) = (self.view, self.changing, self.executed);
            let numbers = |hard: &mut HardState| (hard.view, hard.changing, hard.executed) = (view, changing, executed);
            let ended = self.ended_with();
            let hard = |hard: &mut HardState| {
                numbers(hard);
                hard.epoch.ended = ended;
            };
            let written = self.persist.flush(hard, self.log.last_index(), out);
            if !out.is_immediate() || !self.count_as_done(written) {
                break;
            }
        }
        self.tend_timers(now, out);
    }

    /// For an executor that does everything at once: what the step has written, applied and restored is done. Returns
    /// whether something may follow from it.
    fn count_as_done(&mut self, written: Option<Ticket>) -> bool {
        if let Some(ticket) = written {
            self.persist.complete(ticket);
        }
        let before = self.applying.applied;
        self.restored(self.applying.asked);
        if self.installing.is_none() {
            self.applying.applied = self.applying.applied.max(self.applying.asked);
        }
        written.is_some() || self.applying.applied > before
    }
}

impl From<Event> for crate::event::Event {
    fn from(event: Event) -> Self {
        Self::Pbft(event)
    }
}
