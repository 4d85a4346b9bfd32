//! What does the laboratory ask of a protocol?
//!
//! Everything else in `sim` is generic over this trait, and instantiated here,
//! so that the optimization level chosen for this crate applies.

use quorumscope_core::bft::epoch::{Epochs, Instance as _, Seen};
use quorumscope_core::bft::hotstuff::{self, HotStuff};
use quorumscope_core::bft::hybrid::{self, Hybrid, rounds};
use quorumscope_core::bft::pbft::{self, Pbft};
use quorumscope_core::log::Log;
use quorumscope_core::machine::any::AnyMachine;
use quorumscope_core::machine::session::Sessions;
use quorumscope_core::membership::Membership;
use quorumscope_core::quorum::Byzantine;
use quorumscope_core::raft::{Message, Raft};
use quorumscope_core::record::Role;
use quorumscope_core::rules::{Rule, Rules as _, Switches};
use quorumscope_core::types::{LogIndex, NodeId, Term};

use super::coverage::Coverage;
use super::setup::MachineSetup;
use crate::adversary::Deceive;
use crate::check::{ByzantineChecks, Checks, RaftChecks};

/// Whom a client asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asks {
    /// The node that it believes to lead; it believes what that one answers.
    Believed,
    /// The primary, and after a while everybody; it believes what f+1 answer alike.
    Primary,
    /// Everybody, for everybody leads in turn; it believes what f+1 answer alike.
    All,
}

/// A protocol that the laboratory can observe.
pub(crate) trait Subject: Deceive {
    /// What is checked of it.
    type Checks: Checks;

    /// Its name in records.
    fn name(config: &Self::Config) -> &'static str;

    /// Whom its clients ask.
    fn asks(config: &Self::Config) -> Asks;

    /// Its checkers, before anything happened.
    fn checks(config: &Self::Config) -> Self::Checks;

    /// The machine that its log drives.
    fn machine(config: &Self::Config, machine: MachineSetup) -> Sessions<AnyMachine>;

    /// Who votes at first.
    fn voters(config: &Self::Config) -> &[NodeId];

    /// Whose turn it is among these to lead in a view, where that is settled beforehand.
    fn primary(config: &Self::Config, voters: &[NodeId], view: Term) -> Option<NodeId>;

    /// Its epoch, where an operator's signed request changes who votes; `None` where a change is no request, or voters
    /// stay.
    fn epoch(&self) -> Option<u64>;

    /// Its role and term.
    fn standing(&self) -> (Role, Term);

    /// Highest index that it believes committed.
    fn commit(&self) -> LogIndex;

    /// Its log in memory.
    fn log(&self) -> &Log;

    /// The configuration that acts at it; `None` where members never change.
    fn members(&self) -> Option<&Membership>;

    /// Counts what a message that it sends exercises.
    fn count_sent(&self, message: &Self::Message, config: &Self::Config, coverage: &mut Coverage);
}

/// The machine that a log drives, with the session rules that hold.
fn machine(rules: Switches, setup: MachineSetup) -> Sessions<AnyMachine> {
    let mut machine = Sessions::of(AnyMachine::new(setup.kind));
    if let Some(limit) = setup.session_timeout {
        machine = machine.with_idle_limit(limit);
    }
    if !rules.on(Rule::ExactlyOnce) {
        machine = machine.without_deduplication();
    }
    if !rules.on(Rule::EachNumberByItself) {
        machine = machine.swallowing_late_numbers();
    }
    if !rules.on(Rule::NamedByItsOpening) {
        machine = machine.taking_any_session();
    }
    if rules.on(Rule::SnapshotCarriesSessions) { machine } else { machine.without_sessions_in_snapshots() }
}

impl Subject for Raft<Switches> {
    type Checks = RaftChecks;

    fn name(_config: &Self::Config) -> &'static str {
        "raft"
    }

    fn asks(_config: &Self::Config) -> Asks {
        Asks::Believed
    }

    fn checks(config: &Self::Config) -> Self::Checks {
        RaftChecks::new(&config.voters)
    }

    fn machine(config: &Self::Config, setup: MachineSetup) -> Sessions<AnyMachine> {
        machine(config.rules, setup)
    }

    fn voters(config: &Self::Config) -> &[NodeId] {
        &config.voters
    }

    fn primary(_config: &Self::Config, _voters: &[NodeId], _view: Term) -> Option<NodeId> {
        None // Whoever is elected.
    }

    fn epoch(&self) -> Option<u64> {
        None
    }

    fn standing(&self) -> (Role, Term) {
        (self.role(), self.current_term())
    }

    fn commit(&self) -> LogIndex {
        self.commit_index()
    }

    fn log(&self) -> &Log {
        self.log()
    }

    fn members(&self) -> Option<&Membership> {
        Some(self.membership())
    }

    fn count_sent(&self, message: &Message, config: &Self::Config, coverage: &mut Coverage) {
        coverage.sent(message, self.log(), config);
    }
}

impl Subject for Epochs<Pbft<Switches>> {
    type Checks = ByzantineChecks;

    fn name(_config: &Self::Config) -> &'static str {
        "pbft"
    }

    fn asks(_config: &Self::Config) -> Asks {
        Asks::Primary
    }

    fn checks(_config: &Self::Config) -> Self::Checks {
        ByzantineChecks::default()
    }

    fn machine(config: &Self::Config, setup: MachineSetup) -> Sessions<AnyMachine> {
        machine(config.rules, setup)
    }

    fn voters(config: &Self::Config) -> &[NodeId] {
        &config.settings.voters
    }

    fn primary(_config: &Self::Config, voters: &[NodeId], view: Term) -> Option<NodeId> {
        Byzantine::of(voters, false).in_turn(view)
    }

    fn epoch(&self) -> Option<u64> {
        Some(self.epoch())
    }

    fn standing(&self) -> (Role, Term) {
        (self.instance().role(), self.instance().term())
    }

    fn commit(&self) -> LogIndex {
        self.instance().log().last_index()
    }

    fn log(&self) -> &Log {
        self.instance().log()
    }

    fn members(&self) -> Option<&Membership> {
        Some(Epochs::members(self))
    }

    fn count_sent(&self, message: &pbft::Message, _config: &Self::Config, coverage: &mut Coverage) {
        let is_part = match Pbft::<Switches>::see(message) {
            Seen::Own(message) | Seen::Later(_, message) => matches!(message, pbft::Message::Chunk(_)),
            Seen::Epoch(_) => false,
        };
        coverage.snapshot_parts += u64::from(is_part);
    }
}

impl Subject for Epochs<HotStuff<Switches>> {
    type Checks = ByzantineChecks;

    fn name(_config: &Self::Config) -> &'static str {
        "hotstuff"
    }

    fn asks(_config: &Self::Config) -> Asks {
        Asks::All
    }

    fn checks(_config: &Self::Config) -> Self::Checks {
        ByzantineChecks::default()
    }

    fn machine(config: &Self::Config, setup: MachineSetup) -> Sessions<AnyMachine> {
        machine(config.rules, setup)
    }

    fn voters(config: &Self::Config) -> &[NodeId] {
        &config.voters
    }

    fn primary(_config: &Self::Config, voters: &[NodeId], view: Term) -> Option<NodeId> {
        Byzantine::of(voters, false).in_turn(view)
    }

    fn epoch(&self) -> Option<u64> {
        Some(self.epoch())
    }

    fn standing(&self) -> (Role, Term) {
        (self.instance().role(), self.instance().term())
    }

    fn commit(&self) -> LogIndex {
        self.instance().log().last_index()
    }

    fn log(&self) -> &Log {
        self.instance().log()
    }

    fn members(&self) -> Option<&Membership> {
        Some(Epochs::members(self))
    }

    fn count_sent(&self, message: &hotstuff::Message, _config: &Self::Config, coverage: &mut Coverage) {
        let is_part = match HotStuff::<Switches>::see(message) {
            Seen::Own(message) | Seen::Later(_, message) => matches!(message, hotstuff::Message::Chunk(_)),
            Seen::Epoch(_) => false,
        };
        coverage.snapshot_parts += u64::from(is_part);
    }
}

impl Subject for Epochs<Hybrid<Switches>> {
    type Checks = ByzantineChecks;

    fn name(_config: &Self::Config) -> &'static str {
        "hybrid"
    }

    fn asks(_config: &Self::Config) -> Asks {
        Asks::Primary
    }

    fn checks(_config: &Self::Config) -> Self::Checks {
        ByzantineChecks::default()
    }

    fn machine(config: &Self::Config, setup: MachineSetup) -> Sessions<AnyMachine> {
        machine(config.rules, setup)
    }

    fn voters(config: &Self::Config) -> &[NodeId] {
        &config.settings.bft.voters
    }

    /// Leaders of the two rounds and primaries of PBFT take turns alike.
    fn primary(_config: &Self::Config, voters: &[NodeId], view: Term) -> Option<NodeId> {
        Byzantine::of(voters, false).in_turn(view.within_instance())
    }

    fn epoch(&self) -> Option<u64> {
        Some(self.epoch())
    }

    fn standing(&self) -> (Role, Term) {
        (self.instance().role(), self.instance().term())
    }

    fn commit(&self) -> LogIndex {
        self.instance().log().last_index()
    }

    fn log(&self) -> &Log {
        self.instance().log()
    }

    fn members(&self) -> Option<&Membership> {
        Some(Epochs::members(self))
    }

    fn count_sent(&self, message: &hybrid::Message, _config: &Self::Config, coverage: &mut Coverage) {
        let is_part = match Hybrid::<Switches>::see(message) {
            Seen::Own(message) | Seen::Later(_, message) => is_chunk(message),
            Seen::Epoch(_) => false,
        };
        coverage.snapshot_parts += u64::from(is_part);
    }
}

fn is_chunk(message: &hybrid::Message) -> bool {
    let message = if let hybrid::Message::Later { message, .. } = message { message } else { message };
    matches!(
        message,
        hybrid::Message::Rounds(rounds::Message::Chunk(_)) | hybrid::Message::Bft(pbft::Message::Chunk(_))
    )
}
