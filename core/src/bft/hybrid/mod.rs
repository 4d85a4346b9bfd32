//! How does a cluster run like Raft while nobody lies, and lose nothing that was proven once somebody does?
//!
//! In calm it runs two pipelined rounds with a leader ([`rounds`]): few messages,
//! and what is committed is proven. Once f+1 replicas feel threatened
//! ([`threat`]) all stop, agree on what goes on ([`history`], `switch`) and go
//! over to [`pbft`].
//!
//! **PBFT and not HotStuff** takes over: it needs no leader that was sound for
//! three views to commit, its replicas hold whole batches by number, so that one
//! more instance of it, with one place, decides how the next begins; and the two
//! rounds' settings mean the same in it. It is used as it is: `relay` makes two
//! protocols look like one replica.
//!
//! Once a quorum has been calm for long enough PBFT decides to end (`leave`), and
//! two rounds go on from its state (`era`), as often as it takes.
//!
//! *Guarantee*: with at most f voters faulty in any way, every entry with commit
//! evidence keeps its index and hash in every later instance. An entry that was
//! only told may be lost. Beyond f nothing is promised.
//!
//! Voters change from one epoch to the next, by a request that is ordered in the
//! rounds (`epochs`). Who lies is found out and convicted in `accuse`.

mod accuse;
mod as_protocol;
mod config;
mod epochs;
mod era;
pub mod event;
mod hard;
pub mod history;
mod leave;
mod message;
mod receive;
mod relay;
pub mod rounds;
mod status;
mod switch;
#[cfg(test)]
pub(in crate::bft) mod testing;
#[cfg(test)]
mod tests;
pub mod threat;
mod verify;

use std::sync::Arc;

pub use config::{Config, Settings};
pub use event::{Event, StopReason, Until};
pub use hard::HardState;
pub use leave::root;
pub use message::{Message, Phase, alarm};
pub use status::Replica;

use crate::bft::Bundle;
use crate::bft::epoch::change;
use crate::bft::evidence::Accuser;
use crate::bft::pbft::{self, Pbft};
use crate::crypto::{Domain, Signature, Signer};
use crate::log::Log;
use crate::membership::Membership;
use crate::protocol::{self, Input, Protocol as _};
use crate::quorum::Byzantine;
use crate::rules::{AllOn, Rule, Rules};
use crate::snapshot::{Base, Snapshot};
use crate::storage::{DiskImage, Format};
use crate::types::{Incarnation, Mono, NodeId, Now, Ticket, Wall};
use era::Ahead;
use history::Stop;
use relay::{Part, Tickets};
use rounds::{Pace, Rounds, Sealed};
use threat::Monitor;

type Effects = protocol::Effects<Message, HardState>;

/// One replica of the hybrid.
#[derive(Clone, Debug)]
pub struct Hybrid<R: Rules = AllOn> {
    id: NodeId,
    config: Arc<Config<R>>,
    format: Option<Arc<Format>>,
    incarnation: Incarnation,
    quorum: Byzantine,
    signer: Option<Arc<dyn Signer>>,
    rounds_domain: Domain,
    /// How often it has returned to the two rounds.
    era: u64,

    /// Stopped, it serves those who lack a part of its history.
    rounds: Rounds<R>,
    opening: Option<Pbft<R>>,
    opened: Option<Arc<pbft::Committed>>,
    bft: Option<Pbft<R>>,
    /// Whether PBFT waits for a state, and executes nothing before it has one.
    held: bool,
    /// A state of PBFT to begin with, where what it began with is gone.
    rescue: Option<(NodeId, Box<pbft::Stable>)>,

    monitor: Monitor,
    /// By the voters' places.
    alarms: Vec<Option<Signature>>,
    stops: Vec<Option<Arc<Stop>>>,
    has_asked: bool,

    /// Who is calm, by the voters' places, and since when it could be that itself.
    calm: Vec<Option<Signature>>,
    calm_since: Mono,
    has_asked_to_leave: bool,
    /// With which state PBFT has ended, by the voters' places.
    roots: Vec<Option<(Sealed, Signature)>>,
    /// Proof of a later era.
    next: Option<Ahead>,
    /// Who was convicted, and in which era.
    convicted: Vec<(u64, NodeId)>,
    /// Changes of voters that wait for the rounds while PBFT orders requests.
    changes: Vec<Arc<Bundle>>,
    accuser: Accuser,

    tickets: Tickets,
    ask_at: Mono,
    asked_at: Mono,
    helped: Pace,
    expiry: Option<Wall>,
    told: event::Told,
}

impl<R: Rules> Hybrid<R> {
    /// Starts `node` from what its store holds: [`Protocol::recover`](protocol::Protocol::recover).
    #[must_use]
    pub fn recover(config: &Config<R>, node: NodeId, image: &DiskImage<HardState>, now: Now) -> Self {
        let settings = &config.settings.bft;
        let members = image.first_members().cloned().unwrap_or_else(|| Membership::of(settings.voters.clone()));
        let quorum = Byzantine::of(&members.voters, !config.rules.on(Rule::HybridQuorum));
        let speaks = image.format.is_some() && quorum.is_voter(node);
        let HardState { era, rounds, opening, opened, begun, held, bft, ended, convicted, epoch: _ } =
            image.hard.clone();
        let rounds = rounds.map(|hard| *hard).unwrap_or_default();
        let sealed = rounds.stable.as_ref().map(|stable| stable.proof.checkpoint.index);
        // Where PBFT has begun the snapshot may still be that of the rounds, for those who lack it.
        let is_of_rounds = |snapshot: &Arc<Snapshot>| !begun || Some(snapshot.meta.index) == sealed;
        let with = |hard: rounds::HardState| DiskImage {
            hard,
            format: image.format.clone(),
            incarnation: image.incarnation,
            log: if begun { Vec::new() } else { image.log.clone() },
            base: image.base,
            snapshot: image.snapshot.clone().filter(is_of_rounds),
        };
        let rounds_config = config.rounds(era);
        let voters = quorum.voters().len();
        let mut replica = Self {
            id: node,
            format: image.format.clone(),
            incarnation: image.incarnation,
            signer: if speaks { config.signers.signer(node) } else { None },
            rounds_domain: Rounds::domain(&rounds_config),
            era,
            rounds: Rounds::recover(&rounds_config, node, &with(rounds), now),
            opening: None,
            opened,
            bft: None,
            held,
            rescue: None,
            monitor: Monitor::new(config.settings.threat),
            alarms: vec![None; voters],
            stops: vec![None; voters],
            has_asked: false,
            calm: vec![None; voters],
            calm_since: now.mono,
            has_asked_to_leave: false,
            roots: vec![None; voters],
            next: None,
            convicted,
            changes: Vec::new(),
            accuser: accuse::accuser(config, node, era),
            tickets: Tickets::new(image.incarnation),
            ask_at: now.mono + settings.idle_status,
            asked_at: now.mono,
            helped: Pace::default(),
            expiry: None,
            told: event::Told::default(),
            config: Arc::new(config.clone()),
            quorum,
        };
        replica.rounds.exclude(&replica.excluded());
        if begun {
            let (log, base, snapshot) = (image.log.clone(), image.base, image.snapshot.clone());
            let hard = bft.map(|bft| *bft).unwrap_or_default();
            let image = DiskImage { hard, log, base, snapshot, ..replica.empty_image() };
            let mut bft = Pbft::recover(&replica.config.bft(era), node, &image, 0, now);
            if held {
                bft.hold();
            }
            bft.ends_with(replica.ending(), ended);
            replica.bft = Some(bft);
            replica.rounds.retire();
        } else if replica.opened.is_none() && replica.rounds.has_stopped() {
            let image = DiskImage { hard: opening.map(|hard| *hard).unwrap_or_default(), ..replica.empty_image() };
            replica.opening = Some(Pbft::recover(&replica.config.opening(era), node, &image, 0, now));
            if let Some(own) = replica.rounds.statement() {
                replica.on_stop(&own);
            }
        }
        if replica.phase() != Phase::Rounds || era > 0 {
            replica.ask_at = now.mono;
        }
        replica.note_from_here();
        replica
    }

    /// A store of this replica that holds nothing.
    fn empty_image<H: Default>(&self) -> DiskImage<H> {
        let (format, incarnation) = (self.format.clone(), self.incarnation);
        DiskImage { format, incarnation, hard: H::default(), log: Vec::new(), base: Base::NONE, snapshot: None }
    }

    /// Takes one input and writes down what follows from it: [`Protocol::step`](protocol::Protocol::step).
    pub fn step(&mut self, now: Now, input: Input<Message>, out: &mut Effects) {
        if self.signer.is_none() {
            return self.step_silently(input, out);
        }
        match input {
            Input::Receive { from, message } => self.receive(now, from, message, out),
            Input::Written(ticket) => {
                for (part, ticket) in self.tickets.complete(ticket) {
                    match part {
                        Part::Rounds => self.step_rounds(now, Input::Written(ticket), out),
                        Part::Opening => self.step_opening(now, Input::Written(ticket), out),
                        Part::Bft => self.step_bft(now, Input::Written(ticket), out),
                    }
                }
            }
            Input::DeadlineReached => self.on_deadline(now, out),
            Input::Forged { from } => {
                self.suspect(from, now);
                self.step_current(now, Input::Forged { from }, out);
            }
            Input::ExpiryAt(at) => {
                self.expiry = at;
                self.step_current(now, Input::ExpiryAt(at), out);
            }
            Input::Requests(bundles) if self.bft.is_some() && bundles.iter().any(|bundle| change::asks(bundle)) => {
                let others = self.without_changes(bundles);
                if !others.is_empty() {
                    self.step_current(now, Input::Requests(others), out);
                }
            }
            Input::Convicted(convictions) => self.on_convicted(now, &convictions, out),
            input => self.step_current(now, input, out),
        }
        self.accuse(now, out);
        self.advance(now, out);
    }

    fn on_deadline(&mut self, now: Now, out: &mut Effects) {
        let due = |deadline: Option<Mono>| deadline.is_some_and(|deadline| deadline <= now.mono);
        if self.bft.is_none() && due(self.rounds.next_deadline()) {
            self.step_rounds(now, Input::DeadlineReached, out);
        }
        if due(self.opening.as_ref().and_then(|opening| opening.next_deadline())) {
            self.step_opening(now, Input::DeadlineReached, out);
        }
        if due(self.bft.as_ref().and_then(|bft| bft.next_deadline())) {
            self.step_bft(now, Input::DeadlineReached, out);
        }
        if self.ask_at <= now.mono {
            self.ask_around(now, out);
        }
    }

    /// Hands an input to the protocol that has the state machine and the clients.
    fn step_current(&mut self, now: Now, input: Input<Message>, out: &mut Effects) {
        // Messages are handed on where they are told apart.
        if self.bft.is_some() {
            if let Some(input) = input.with_message(|_| None) {
                self.step_bft(now, input, out);
            }
        } else if let Some(input) = input.with_message(|_| None) {
            self.step_rounds(now, input, out);
        }
    }

    fn step_rounds(&mut self, now: Now, input: Input<rounds::Message>, out: &mut Effects) {
        self.hold_changes(now);
        let mut inner = out.alike();
        self.rounds.step(now, input, &mut inner);
        self.relay_rounds(inner, out);
    }

    fn relay_rounds(&mut self, inner: protocol::Effects<rounds::Message, rounds::HardState>, out: &mut Effects) {
        let store = |hard: &mut HardState, inner| hard.rounds = Some(Box::new(inner));
        self.relay(Part::Rounds, inner, self.bft.is_none(), Message::Rounds, store, out);
    }

    /// When it wants to be woken: [`Protocol::next_deadline`](protocol::Protocol::next_deadline).
    #[must_use]
    pub fn next_deadline(&self) -> Option<Mono> {
        self.signer.as_ref()?;
        let rounds = if self.bft.is_none() { self.rounds.next_deadline() } else { None };
        let others = [&self.opening, &self.bft].into_iter().flatten().filter_map(Pbft::next_deadline);
        let calm = if self.phase() == Phase::Bft { self.calm_at() } else { None };
        let accuser = self.accuser.deadline();
        Some(rounds.into_iter().chain(others).chain(calm).chain(accuser).fold(self.ask_at, Mono::min))
    }

    /// A sign of a lie. One that is convicted, or has no vote, threatens nobody any more: it could keep PBFT going for
    /// ever.
    fn suspect(&mut self, from: NodeId, now: Now) {
        if self.place_of(from).is_some() && !self.convicted.iter().any(|(_, node)| *node == from) {
            self.monitor.suspect(from, now.mono);
        }
    }

    /// How threatened it feels.
    #[must_use]
    pub fn threat(&self, now: Now) -> threat::Level {
        self.monitor.level(now.mono)
    }

    /// How far it is.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match (&self.bft, &self.opened) {
            (Some(_), _) => Phase::Bft,
            (None, Some(_)) if self.rounds.has_stopped() => Phase::Opened,
            (None, _) if self.rounds.has_stopped() => Phase::Stopped,
            (None, _) => Phase::Rounds,
        }
    }

    /// The instance that it is in: three in a row are two rounds, the opening and PBFT, and so on after each return.
    #[must_use]
    pub fn instance(&self) -> u64 {
        let phase = match self.phase() {
            Phase::Rounds => 0,
            Phase::Stopped | Phase::Opened => 1,
            Phase::Bft => 2,
        };
        config::instance(self.era, phase)
    }

    /// Its log in memory.
    #[must_use]
    pub fn log(&self) -> &Log {
        self.bft.as_ref().map_or_else(|| self.rounds.log(), Pbft::log)
    }

    fn on(&self, rule: Rule) -> bool {
        self.config.rules.on(rule)
    }

    fn place_of(&self, voter: NodeId) -> Option<usize> {
        self.quorum.voters().binary_search(&voter).ok()
    }

    fn broadcast(&self, message: &Message, after: Option<Ticket>, out: &mut Effects) {
        for to in self.quorum.voters().iter().filter(|voter| **voter != self.id) {
            self.tell(*to, message.clone(), after, out);
        }
    }

    /// Sends what is of its era.
    fn tell(&self, to: NodeId, message: Message, after: Option<Ticket>, out: &mut Effects) {
        out.send(to, self.in_era(message), after);
    }

    /// A message of its era.
    fn in_era(&self, message: Message) -> Message {
        match self.era {
            0 => message,
            era => Message::Later { era, message: Box::new(message) },
        }
    }
}
