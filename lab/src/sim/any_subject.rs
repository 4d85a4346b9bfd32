//! How does one world run every protocol?
//!
//! [`World`](super::world::World) is compiled once for each protocol that it is
//! asked to run. That is fast, and much to download: the page asks for one
//! protocol that is any of them, and pays with a few moves of messages a step.
//! Messages and hard states are those that records carry, which are hashed as
//! the protocol's own, so a run has the same digest and the same records here
//! and there. The list of protocols stands at the end, and nowhere else.

use std::marker::PhantomData;
use std::sync::Arc;

use quorumscope_core::bft::Bundle;
use quorumscope_core::bft::epoch::Epochs;
use quorumscope_core::bft::hotstuff::HotStuff;
use quorumscope_core::bft::hybrid::Hybrid;
use quorumscope_core::bft::pbft::Pbft;
use quorumscope_core::crypto::Claim;
use quorumscope_core::entry::{Entry, Proposal};
use quorumscope_core::log::Log;
use quorumscope_core::machine::any::AnyMachine;
use quorumscope_core::machine::session::Sessions;
use quorumscope_core::membership::Membership;
use quorumscope_core::protocol::{Effect, Effects, Input, Protocol};
use quorumscope_core::raft::Raft;
use quorumscope_core::record::{AnyHard, AnyMessage, NodeStatus, Role};
use quorumscope_core::rng::Rng;
use quorumscope_core::rules::Switches;
use quorumscope_core::storage::{DiskImage, Hard, Write};
use quorumscope_core::types::{ClientId, Digest, LogIndex, Mono, NodeId, Now, Term, Time};

use super::coverage::Coverage;
use super::setup::MachineSetup;
use super::subject::{Asks, Subject};
use crate::adversary::{Deceive, Means, Memory, Trick};
use crate::check::early::{Committed, Name};
use crate::check::{ByzantineChecks, Checks, RaftChecks, Standing};
use crate::trace::view::Violation;

/// A protocol that is one of the list.
trait Listed: Subject<Checks: Into<AnyChecks>> {
    /// Its message; `None` for one of another protocol, which no node of its cluster sends.
    fn own(message: AnyMessage) -> Option<Self::Message>;

    /// The same, to look at.
    fn seen(message: &AnyMessage) -> Option<&Self::Message>;

    /// Its hard state; `None` where nothing was written yet.
    fn held(hard: &AnyHard) -> Option<&Self::Hard>;
}

fn recover<P: Listed>(config: &P::Config, node: NodeId, image: &DiskImage<AnyHard>, seed: u64, now: Now) -> Box<P> {
    let DiskImage { format, incarnation, hard, log, base, snapshot } = image.clone();
    let hard = P::held(&hard).cloned().unwrap_or_default();
    let image = DiskImage { format, incarnation, hard, log, base, snapshot };
    Box::new(P::recover(config, node, &image, seed, now))
}

fn step<P: Listed>(protocol: &mut P, now: Now, input: Input<AnyMessage>, out: &mut Effects<AnyMessage, AnyHard>) {
    let Some(input) = input.with_message(P::own) else { return };
    let mut inner = out.alike();
    protocol.step(now, input, &mut inner);
    for effect in inner.drain() {
        match effect {
            Effect::Send { to, message, after } => out.send(to, message.into(), after),
            Effect::Write(write) => out.write(|| any_write(write)),
            Effect::Apply { from, through } => out.apply(from, through),
            Effect::Snapshot { index } => out.snapshot(index),
            Effect::Restore { index } => out.restore(index),
            Effect::Project { index, edge } => out.project(index, edge),
            Effect::Answer { client, number, outcome } => out.answer(client, number, outcome),
            Effect::Broken(fact) => {
                out.check(false, fact);
            }
            Effect::Note(event) => out.note(|| event),
            Effect::Read { request, index, how } => out.read(request, index, how),
        }
    }
}

fn any_write<H: Hard + Into<AnyHard>>(write: Write<H>) -> Write<AnyHard> {
    let Write { ticket, hard, truncate, append, snapshot, compact } = write;
    Write { ticket, hard: hard.map(Into::into), truncate, append, snapshot, compact }
}

/// What a liar remembers, as its protocol's own.
struct Recalled<'a, P>(&'a dyn Memory<AnyMessage>, PhantomData<P>);

impl<P: Listed> Memory<P::Message> for Recalled<'_, P> {
    fn at(&self, place: usize) -> Option<&P::Message> {
        self.0.at(place).and_then(P::seen)
    }
}

/// Lets the protocol itself make a lie of its own message, with the same draws.
fn with_own<P: Listed, T>(
    config: &P::Config,
    means: &mut Means<'_, AnyProtocol>,
    make: impl FnOnce(&mut Means<'_, P>) -> T,
) -> T {
    let memory = &Recalled(means.memory, PhantomData::<P>);
    make(&mut Means { config, plan: means.plan, me: means.me, rng: means.rng, memory })
}

/// Any checkers.
#[derive(Clone, Debug)]
pub(crate) enum AnyChecks {
    Raft(Box<RaftChecks>),
    Byzantine(Box<ByzantineChecks>),
}

impl From<RaftChecks> for AnyChecks {
    fn from(checks: RaftChecks) -> Self {
        Self::Raft(Box::new(checks))
    }
}

impl From<ByzantineChecks> for AnyChecks {
    fn from(checks: ByzantineChecks) -> Self {
        Self::Byzantine(Box::new(checks))
    }
}

/// Asks whichever checkers they are.
macro_rules! checks {
    ($self:ident, $checks:ident => $do:expr) => {
        match $self {
            AnyChecks::Raft($checks) => $do,
            AnyChecks::Byzantine($checks) => $do,
        }
    };
}

impl Committed for AnyChecks {
    fn name_at(&self, index: LogIndex) -> Option<Name> {
        checks!(self, checks => checks.name_at(index))
    }

    fn through(&self) -> LogIndex {
        checks!(self, checks => checks.through())
    }

    fn holds(&self, name: Name) -> bool {
        checks!(self, checks => checks.holds(name))
    }
}

impl Checks for AnyChecks {
    fn asked(&mut self, proposal: &Proposal) {
        checks!(self, checks => checks.asked(proposal));
    }

    fn log_changed(&mut self, seen: &Standing<'_>, truncate: Option<LogIndex>, append: &[Arc<Entry>]) {
        checks!(self, checks => checks.log_changed(seen, truncate, append));
    }

    fn status_changed(&mut self, at: Time, node: NodeId, role: Role, term: Term, log: &Log) {
        checks!(self, checks => checks.status_changed(at, node, role, term, log));
    }

    fn commit_changed(&mut self, at: Time, node: NodeId, commit: LogIndex, log: &Log) {
        checks!(self, checks => checks.commit_changed(at, node, commit, log));
    }

    fn durable<H: Hard>(&mut self, at: Time, node: NodeId, image: &DiskImage<H>, from: LogIndex) {
        checks!(self, checks => checks.durable(at, node, image, from));
    }

    fn crashed<H: Hard>(&mut self, at: Time, node: NodeId, image: &DiskImage<H>) {
        checks!(self, checks => checks.crashed(at, node, image));
    }

    fn store_lost(&mut self, node: NodeId) {
        checks!(self, checks => checks.store_lost(node));
    }

    fn applied(&mut self, at: Time, node: NodeId, entry: &Arc<Entry>) {
        checks!(self, checks => checks.applied(at, node, entry));
    }

    fn state(&mut self, at: Time, node: NodeId, index: LogIndex, state: Digest) {
        checks!(self, checks => checks.state(at, node, index, state));
    }

    fn edge(
        &mut self,
        at: Time,
        node: NodeId,
        through: LogIndex,
        state: &Sessions<AnyMachine>,
        empty: impl FnOnce() -> Sessions<AnyMachine>,
    ) {
        checks!(self, checks => checks.edge(at, node, through, state, empty));
    }

    fn decided_entry(&self, index: LogIndex) -> Option<&Entry> {
        checks!(self, checks => checks.decided_entry(index))
    }

    fn take_decided(&mut self) -> Vec<(LogIndex, Term)> {
        checks!(self, checks => checks.take_decided())
    }

    fn take_findings(&mut self) -> Vec<Violation> {
        checks!(self, checks => checks.take_findings())
    }
}

/// Makes one protocol of those that are listed: the name of the variant, in messages and hard states too, and the type.
macro_rules! one_of {
    ($($name:ident: $protocol:ty),+ $(,)?) => {
        /// Any protocol.
        #[derive(Clone)]
        pub(crate) enum AnyProtocol {
            $($name(Box<$protocol>),)+
        }

        /// Its settings; all nodes of a run have the same.
        #[derive(Clone, Debug)]
        pub(crate) enum AnyConfig {
            $($name(<$protocol as Protocol>::Config),)+
        }

        $(
            impl Listed for $protocol {
                fn own(message: AnyMessage) -> Option<Self::Message> {
                    if let AnyMessage::$name(message) = message { Some(message) } else { None }
                }

                fn seen(message: &AnyMessage) -> Option<&Self::Message> {
                    if let AnyMessage::$name(message) = message { Some(message) } else { None }
                }

                fn held(hard: &AnyHard) -> Option<&Self::Hard> {
                    if let AnyHard::$name(hard) = hard { Some(hard) } else { None }
                }
            }
        )+

        impl Protocol for AnyProtocol {
            type Message = AnyMessage;
            type Hard = AnyHard;
            type Config = AnyConfig;

            fn recover(config: &AnyConfig, node: NodeId, image: &DiskImage<AnyHard>, seed: u64, now: Now) -> Self {
                match config {
                    $(AnyConfig::$name(config) => Self::$name(recover(config, node, image, seed, now)),)+
                }
            }

            fn step(&mut self, now: Now, input: Input<AnyMessage>, out: &mut Effects<AnyMessage, AnyHard>) {
                match self {
                    $(Self::$name(protocol) => step(protocol.as_mut(), now, input, out),)+
                }
            }

            fn next_deadline(&self) -> Option<Mono> {
                match self {
                    $(Self::$name(protocol) => protocol.next_deadline(),)+
                }
            }

            fn status(&self) -> NodeStatus {
                match self {
                    $(Self::$name(protocol) => protocol.status(),)+
                }
            }

            fn claims(&self, from: NodeId, message: &AnyMessage, claims: &mut Vec<Claim>) {
                match self {
                    $(Self::$name(protocol) => {
                        if let Some(message) = <$protocol>::seen(message) {
                            protocol.claims(from, message, claims);
                        }
                    })+
                }
            }

            fn request_claims(&self, bundle: &Bundle, claims: &mut Vec<Claim>) {
                match self {
                    $(Self::$name(protocol) => protocol.request_claims(bundle, claims),)+
                }
            }
        }

        impl Subject for AnyProtocol {
            type Checks = AnyChecks;

            fn name(config: &AnyConfig) -> &'static str {
                match config {
                    $(AnyConfig::$name(config) => <$protocol>::name(config),)+
                }
            }

            fn asks(config: &AnyConfig) -> Asks {
                match config {
                    $(AnyConfig::$name(config) => <$protocol>::asks(config),)+
                }
            }

            fn checks(config: &AnyConfig) -> AnyChecks {
                match config {
                    $(AnyConfig::$name(config) => <$protocol>::checks(config).into(),)+
                }
            }

            fn machine(config: &AnyConfig, setup: MachineSetup) -> Sessions<AnyMachine> {
                match config {
                    $(AnyConfig::$name(config) => <$protocol>::machine(config, setup),)+
                }
            }

            fn voters(config: &AnyConfig) -> &[NodeId] {
                match config {
                    $(AnyConfig::$name(config) => <$protocol>::voters(config),)+
                }
            }

            fn primary(config: &AnyConfig, voters: &[NodeId], view: Term) -> Option<NodeId> {
                match config {
                    $(AnyConfig::$name(config) => <$protocol as Subject>::primary(config, voters, view),)+
                }
            }

            fn epoch(&self) -> Option<u64> {
                match self {
                    $(Self::$name(protocol) => Subject::epoch(protocol.as_ref()),)+
                }
            }

            fn standing(&self) -> (Role, Term) {
                match self {
                    $(Self::$name(protocol) => protocol.standing(),)+
                }
            }

            fn commit(&self) -> LogIndex {
                match self {
                    $(Self::$name(protocol) => Subject::commit(protocol.as_ref()),)+
                }
            }

            fn log(&self) -> &Log {
                match self {
                    $(Self::$name(protocol) => Subject::log(protocol.as_ref()),)+
                }
            }

            fn members(&self) -> Option<&Membership> {
                match self {
                    $(Self::$name(protocol) => Subject::members(protocol.as_ref()),)+
                }
            }

            fn count_sent(&self, message: &AnyMessage, config: &AnyConfig, coverage: &mut Coverage) {
                match self {
                    $(Self::$name(protocol) => {
                        if let (AnyMessage::$name(message), AnyConfig::$name(config)) = (message, config) {
                            protocol.count_sent(message, config, coverage);
                        }
                    })+
                }
            }
        }

        impl Deceive for AnyProtocol {
            fn lie(trick: Trick, message: &AnyMessage, means: &mut Means<'_, Self>) -> Option<Vec<AnyMessage>> {
                match means.config {
                    $(AnyConfig::$name(config) => {
                        let message = <$protocol>::seen(message)?;
                        let lies = with_own(config, means, |means| <$protocol>::lie(trick, message, means))?;
                        Some(lies.into_iter().map(Into::into).collect())
                    })+
                }
            }

            fn retort(trick: Trick, heard: &AnyMessage, means: &mut Means<'_, Self>) -> Vec<(NodeId, AnyMessage)> {
                match means.config {
                    $(AnyConfig::$name(config) => {
                        let Some(heard) = <$protocol>::seen(heard) else { return Vec::new() };
                        let said = with_own(config, means, |means| <$protocol>::retort(trick, heard, means));
                        said.into_iter().map(|(to, message)| (to, message.into())).collect()
                    })+
                }
            }

            fn without(message: AnyMessage, censored: &dyn Fn(ClientId) -> bool) -> Option<AnyMessage> {
                match message {
                    $(AnyMessage::$name(message) => <$protocol>::without(message, censored).map(Into::into),)+
                }
            }

            fn is_memorable(heard: &AnyMessage) -> bool {
                match heard {
                    $(AnyMessage::$name(heard) => <$protocol>::is_memorable(heard),)+
                }
            }

            fn corrupted(message: &AnyMessage, rng: &mut Rng) -> Option<AnyMessage> {
                match message {
                    $(AnyMessage::$name(message) => <$protocol>::corrupted(message, rng).map(Into::into),)+
                }
            }
        }
    };
}

one_of! {
    Raft: Raft<Switches>,
    Pbft: Epochs<Pbft<Switches>>,
    HotStuff: Epochs<HotStuff<Switches>>,
    Hybrid: Epochs<Hybrid<Switches>>,
}
