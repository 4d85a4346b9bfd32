//! How does one simulated run work, from outside?
//!
//! A [`Simulation`] is a cluster with its clients in virtual time: one queue of
//! events, a network and disks with faults, clocks of their own for all nodes,
//! and one seed that decides every draw. The same setup and the same commands
//! give the same run, recorded or not, natively and in wasm. Cloning one forks
//! it. No I/O, no threads, no clocks. Read `world` next.

#[cfg(any(test, feature = "one-world"))]
mod any_subject;
mod client;
mod clock;
mod count;
mod coverage;
mod disk;
mod epochs;
mod execute;
mod fault;
mod lie;
mod network;
#[cfg(all(test, not(feature = "one-world")))]
mod one_world_tests;
mod queue;
mod recorder;
mod serve;
mod setup;
mod snapshot;
mod standing;
mod subject;
#[cfg(test)]
mod tests;
mod transit;
mod trust;
mod watch;
mod workload;
mod world;

use std::sync::Arc;

#[cfg(not(feature = "one-world"))]
use quorumscope_core::bft::{epoch::Epochs, hotstuff::HotStuff, hybrid::Hybrid, pbft::Pbft};
use quorumscope_core::bft::{hotstuff, hybrid, pbft};
use quorumscope_core::entry::Entry;
use quorumscope_core::log::Log;
use quorumscope_core::machine::any::AnyMachine;
use quorumscope_core::machine::session::Sessions;
use quorumscope_core::membership::Membership;
use quorumscope_core::raft;
#[cfg(not(feature = "one-world"))]
use quorumscope_core::raft::Raft;
use quorumscope_core::record::{Command, NodeStatus, Record};
use quorumscope_core::rules::Switches;
use quorumscope_core::types::{Digest, Incarnation, LogIndex, NodeId, Term, Time};

#[cfg(any(test, feature = "one-world"))]
use any_subject::{AnyConfig, AnyProtocol};
pub(crate) use client::{see_asked, see_heard};
pub use clock::TRUE_RATE_PPM;
pub use coverage::Coverage;
pub(crate) use disk::lowest_changed;
pub use fault::CommandError;
pub(crate) use network::choose_copy;
pub use setup::{Between, ClientSetup, MachineSetup, Network, ProtocolSetup, Setup, SetupError, Workload};
pub use standing::Standing;
pub(crate) use subject::Subject;
use trust::Trust;
pub(crate) use trust::signers_of;
use world::World;
pub(crate) use world::{CLUSTER, MAX_VIOLATIONS};

use crate::check::Checks as _;
use crate::check::linearizable::History;
use crate::trace::view::{Liveness, OperationView, View, Violation};

/// One run. Cloning it forks it; what did not change is shared.
#[derive(Clone)]
pub struct Simulation(Inner);

/// A world for each protocol, or one for all of them (`any_subject`).
#[derive(Clone)]
enum Inner {
    #[cfg(not(feature = "one-world"))]
    Raft(Box<World<Raft<Switches>>>),
    #[cfg(not(feature = "one-world"))]
    Pbft(Box<World<Epochs<Pbft<Switches>>>>),
    #[cfg(not(feature = "one-world"))]
    HotStuff(Box<World<Epochs<HotStuff<Switches>>>>),
    #[cfg(not(feature = "one-world"))]
    Hybrid(Box<World<Epochs<Hybrid<Switches>>>>),
    #[cfg(any(test, feature = "one-world"))]
    Any(Box<World<AnyProtocol>>),
}

/// One node, for expectations and checkers.
#[derive(Clone, Debug)]
pub struct NodeFace<'a> {
    /// Whether it reacts.
    pub liveness: Liveness,
    /// Whether it lies: what it holds says nothing.
    pub lies: bool,
    /// How often it has started.
    pub incarnation: Incarnation,
    /// What an observer may know; the default while it is down.
    pub status: NodeStatus,
    /// Its log in memory; `None` while it is down.
    pub log: Option<&'a Log>,
    /// The configuration that acts at it; `None` while it is down.
    pub members: Option<&'a Membership>,
    /// Highest index that it believes committed; 0 while it is down.
    pub commit: LogIndex,
    /// Last index that it applied since it started.
    pub applied: LogIndex,
    /// Its state machine.
    pub machine: &'a Sessions<AnyMachine>,
    /// What is durable of its log.
    pub stored: &'a [Arc<Entry>],
    /// The last entry that its newest durable snapshot holds; 0 where it has none.
    pub snapshot: LogIndex,
}

/// What a world is made of, once its setup is valid.
enum Start {
    Raft(raft::Config<Switches>),
    Pbft(pbft::Config<Switches>, Trust),
    HotStuff(hotstuff::Config<Switches>, Trust),
    Hybrid(hybrid::Config<Switches>, Trust),
}

impl Start {
    fn of(setup: &Setup) -> Result<Self, SetupError> {
        setup.validate()?;
        Ok(match setup.protocol.clone() {
            ProtocolSetup::Raft(config) => Self::Raft(config),
            ProtocolSetup::Pbft(settings, rules) => {
                let trust = Trust::new(setup, settings.cluster);
                Self::Pbft(pbft::Config::new(settings, rules, trust.signers())?, trust)
            }
            ProtocolSetup::HotStuff(voters, settings, rules) => {
                let trust = Trust::new(setup, CLUSTER);
                let config =
                    hotstuff::Config { settings, ..hotstuff::Config::new(CLUSTER, voters, trust.signers(), rules) };
                config.validate()?;
                Self::HotStuff(config, trust)
            }
            ProtocolSetup::Hybrid(settings, rules) => {
                let trust = Trust::new(setup, settings.bft.cluster);
                Self::Hybrid(hybrid::Config::new(settings, rules, trust.signers())?, trust)
            }
        })
    }
}

/// Does one thing to whichever world it is.
macro_rules! world {
    ($self:ident, $world:ident => $do:expr) => {
        match &$self.0 {
            #[cfg(not(feature = "one-world"))]
            Inner::Raft($world) => $do,
            #[cfg(not(feature = "one-world"))]
            Inner::Pbft($world) => $do,
            #[cfg(not(feature = "one-world"))]
            Inner::HotStuff($world) => $do,
            #[cfg(not(feature = "one-world"))]
            Inner::Hybrid($world) => $do,
            #[cfg(any(test, feature = "one-world"))]
            Inner::Any($world) => $do,
        }
    };
    (mut $self:ident, $world:ident => $do:expr) => {
        match &mut $self.0 {
            #[cfg(not(feature = "one-world"))]
            Inner::Raft($world) => $do,
            #[cfg(not(feature = "one-world"))]
            Inner::Pbft($world) => $do,
            #[cfg(not(feature = "one-world"))]
            Inner::HotStuff($world) => $do,
            #[cfg(not(feature = "one-world"))]
            Inner::Hybrid($world) => $do,
            #[cfg(any(test, feature = "one-world"))]
            Inner::Any($world) => $do,
        }
    };
}

impl Simulation {
    /// A run at time 0. It records until it is told not to.
    ///
    /// # Errors
    /// The first thing in the setup that cannot run.
    #[cfg(not(feature = "one-world"))]
    pub fn new(setup: Setup) -> Result<Self, SetupError> {
        Ok(Self(match Start::of(&setup)? {
            Start::Raft(config) => Inner::Raft(Box::new(World::new(config, setup, None))),
            Start::Pbft(config, trust) => Inner::Pbft(Box::new(World::new(config, setup, Some(trust)))),
            Start::HotStuff(config, trust) => Inner::HotStuff(Box::new(World::new(config, setup, Some(trust)))),
            Start::Hybrid(config, trust) => Inner::Hybrid(Box::new(World::new(config, setup, Some(trust)))),
        }))
    }

    /// A run at time 0. It records until it is told not to.
    ///
    /// # Errors
    /// The first thing in the setup that cannot run.
    #[cfg(feature = "one-world")]
    pub fn new(setup: Setup) -> Result<Self, SetupError> {
        Self::in_one_world(setup)
    }

    /// The same run in the world of all protocols.
    ///
    /// # Errors
    /// The first thing in the setup that cannot run.
    #[cfg(any(test, feature = "one-world"))]
    pub(crate) fn in_one_world(setup: Setup) -> Result<Self, SetupError> {
        let (config, trust) = match Start::of(&setup)? {
            Start::Raft(config) => (AnyConfig::Raft(config), None),
            Start::Pbft(config, trust) => (AnyConfig::Pbft(config), Some(trust)),
            Start::HotStuff(config, trust) => (AnyConfig::HotStuff(config), Some(trust)),
            Start::Hybrid(config, trust) => (AnyConfig::Hybrid(config), Some(trust)),
        };
        Ok(Self(Inner::Any(Box::new(World::new(config, setup, trust)))))
    }

    /// Lets nodes and clients believe signatures as this verifier does: for tests of a cluster that is deceived.
    #[cfg(test)]
    pub(crate) fn believe(&mut self, verifier: Arc<dyn quorumscope_core::crypto::Verifier>) {
        if let Some(trust) = world!(mut self, world => world.trust.as_mut()) {
            trust.believe(verifier);
        }
    }

    /// Makes records, or makes none; the run and its digest are the same. Records that were not taken are dropped
    /// when it is switched off.
    pub fn set_recording(&mut self, on: bool) {
        world!(mut self, world => world.recorder.set(on));
    }

    /// Lets the checkers look, or not; they look until they are told not to. What they did not see they cannot
    /// judge later, so it is switched off before the first step or not at all.
    pub fn set_checking(&mut self, on: bool) {
        world!(mut self, world => world.checking = on);
    }

    /// The global time.
    #[must_use]
    pub fn now(&self) -> Time {
        world!(self, world => world.now)
    }

    /// What it started from.
    #[must_use]
    pub fn setup(&self) -> &Setup {
        world!(self, world => &world.setup)
    }

    /// When the next event is due.
    #[must_use]
    pub fn next_event_at(&self) -> Option<Time> {
        world!(self, world => world.next_event_at())
    }

    /// Lets exactly one event happen; false where none is to come.
    pub fn step(&mut self) -> bool {
        world!(mut self, world => world.step())
    }

    /// Lets every event up to `until` happen, and time reach it.
    pub fn run_until(&mut self, until: Time) {
        world!(mut self, world => world.run_until(until));
    }

    /// Carries out a fault or a proposal, now. It is recorded and part of the digest.
    ///
    /// # Errors
    /// A command that cannot be carried out changes nothing and says why.
    pub fn command(&mut self, command: &Command) -> Result<(), CommandError> {
        world!(mut self, world => world.command(command))
    }

    /// The records since the last call.
    pub fn take_records(&mut self) -> Vec<Record> {
        world!(mut self, world => world.recorder.take())
    }

    /// A digest of all inputs, effects and faults so far.
    #[must_use]
    pub fn digest(&self) -> Digest {
        world!(self, world => world.digest())
    }

    /// How many events have happened.
    #[must_use]
    pub fn events(&self) -> u64 {
        world!(self, world => world.events)
    }

    /// The view of this instant, straight from the world: for the test that a fold of the records says the same.
    #[must_use]
    pub fn view(&self) -> View {
        world!(self, world => world.view())
    }

    /// Properties that were broken so far.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        world!(self, world => &world.violations)
    }

    /// What the run exercised so far.
    #[must_use]
    pub fn coverage(&self) -> &Coverage {
        world!(self, world => &world.coverage)
    }

    /// What clients asked for and were told, for the linearizability check.
    #[must_use]
    pub fn history(&self) -> &History {
        world!(self, world => &world.history)
    }

    /// How many requests wait for an answer, those that open a session among them.
    #[must_use]
    pub fn waiting(&self) -> usize {
        let clients = world!(self, world => world.clients.as_slice());
        clients.iter().flat_map(|client| &client.outstanding).filter(|open| open.waits != client::Waits::Result).count()
    }

    /// What clients asked for lately, as they know it.
    pub fn operations(&self) -> impl Iterator<Item = &OperationView> {
        world!(self, world => world.clients.as_slice()).iter().flat_map(|client| &client.view.operations)
    }

    /// What the oracle counts as committed: index to term.
    #[must_use]
    pub fn decided(&self) -> &litemap::LiteMap<LogIndex, Term> {
        world!(self, world => &world.decided)
    }

    /// The entry that the oracle counts as committed at `index`, whoever holds it still.
    #[must_use]
    pub fn decided_entry(&self, index: LogIndex) -> Option<&Entry> {
        world!(self, world => world.checks.decided_entry(index))
    }

    /// The faults that stand now.
    #[must_use]
    pub fn standing(&self) -> Standing {
        world!(self, world => world.standing())
    }

    /// Who votes, as the clients' directory says; `None` where nodes believe each other and configurations stand in logs.
    #[must_use]
    pub fn directory(&self) -> Option<&[NodeId]> {
        world!(self, world => world.trust.as_ref().map(|_| world.voters()))
    }

    /// One node.
    #[must_use]
    pub fn node(&self, node: NodeId) -> Option<NodeFace<'_>> {
        world!(self, world => world.face(node))
    }

    /// The messages on their way, by the record that sent them.
    pub fn messages(&self) -> impl Iterator<Item = quorumscope_core::types::RecordId> {
        world!(self, world => world.links.ids()).into_iter()
    }
}
