//! What does a run start from?

use quorumscope_core::bft::{hotstuff, hybrid, pbft};
use quorumscope_core::entry::Class;
use quorumscope_core::machine::any::MachineKind;
use quorumscope_core::protocol::ReadHow;
use quorumscope_core::raft;
use quorumscope_core::rules::Switches;
use quorumscope_core::types::{ClientId, NodeId, Span};

pub use super::network::{Between, Network};
use crate::keys::Scheme;

/// The protocol of a run, with its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProtocolSetup {
    /// Raft, with rules that can be switched off.
    Raft(raft::Config<Switches>),
    /// PBFT, with rules that can be switched off.
    Pbft(pbft::Settings, Switches),
    /// HotStuff among these voters, with rules that can be switched off.
    HotStuff(Vec<NodeId>, hotstuff::Settings, Switches),
    /// The hybrid, with rules that can be switched off.
    Hybrid(hybrid::Settings, Switches),
}

/// Everything a run starts from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    /// What people call it.
    pub name: String,
    /// The protocol.
    pub protocol: ProtocolSetup,
    /// How nodes and clients sign, where they do.
    pub signer: Scheme,
    /// Which node stands in which zone, sorted.
    pub zones: Vec<(NodeId, u32)>,
    /// The nodes.
    pub nodes: Vec<NodeId>,
    /// The clients; operations by hand go through the first one without a workload, else through the first.
    pub clients: Vec<ClientSetup>,
    /// Decides every draw of the run.
    pub seed: u64,
    /// What messages meet on their way.
    pub network: Network,
    /// How long a sync takes, uniform between two values.
    pub disk: (Span, Span),
    /// What the log drives.
    pub machine: MachineSetup,
}

/// What the log drives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MachineSetup {
    /// Which machine.
    pub kind: MachineKind,
    /// After how much log time an unused session expires; `None` for the usual time.
    pub session_timeout: Option<Span>,
}

/// A client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientSetup {
    /// Its name.
    pub id: ClientId,
    /// What it does by itself; `None` where it acts by hand only.
    pub workload: Option<Workload>,
    /// How long it waits for an answer before it tries another node.
    pub timeout: Span,
    /// How long it waits after a refusal before it tries again.
    pub pause: Span,
    /// After how many tries it gives up; 0 for never.
    pub attempts: u32,
    /// Whether what it writes may be answered before a quorum has it. What it reads has no early answer.
    pub class: Class,
}

impl ClientSetup {
    /// A client that acts by hand only.
    #[must_use]
    pub fn by_hand(id: ClientId) -> Self {
        let (timeout, pause) = (Span::from_millis(500), Span::from_millis(50));
        Self { id, workload: None, timeout, pause, attempts: 0, class: Class::Critical }
    }
}

/// What a client does by itself: one operation after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workload {
    /// How many operations.
    pub operations: u32,
    /// Over how many keys.
    pub keys: u32,
    /// How long it thinks between two operations, uniform between two values.
    pub think: (Span, Span),
    /// How it reads; `None` through the log, as it writes.
    pub reads: Option<ReadHow>,
    /// How long some of its values live, uniform between two values; `None` where all stay.
    pub ttl: Option<(Span, Span)>,
    /// Whether each write draws its class.
    pub mixed: bool,
}

impl Workload {
    /// So many operations over so many keys, through the log, of the client's class, and values that stay.
    #[must_use]
    pub fn of(operations: u32, keys: u32, think: (Span, Span)) -> Self {
        Self { operations, keys, think, reads: None, ttl: None, mixed: false }
    }
}

/// A setup that cannot run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// Nobody would do anything.
    #[error("a run needs at least one node")]
    NoNodes,
    /// Zero stands for the world.
    #[error("nodes and clients are numbered from 1")]
    Zero,
    /// A node or client is named twice.
    #[error("{0} is named twice")]
    Twice(String),
    /// Only a listed node can vote.
    #[error("{0} is a voter and not one of the run's nodes: add it to the nodes")]
    UnknownVoter(NodeId),
    /// The shortest is longer than the longest.
    #[error("{what} must be a range, shortest first, and is {low} to {high} microseconds")]
    Range {
        /// Of what.
        what: &'static str,
        /// Shortest.
        low: Span,
        /// Longest.
        high: Span,
    },
    /// More than all.
    #[error("{what} is at most 1,000,000 parts per million")]
    Rate {
        /// Of what.
        what: &'static str,
    },
    /// The client could not wait.
    #[error("timeout and pause of {0} must be above zero")]
    Impatient(ClientId),
    /// A lease rests on voters that keep still.
    #[error("{0} reads by lease, and a lease needs check_quorum = true")]
    LeaseWithoutCheckQuorum(ClientId),
    /// The protocol's settings make no sense.
    #[error(transparent)]
    Raft(#[from] raft::ConfigError),
    /// The protocol's settings make no sense.
    #[error(transparent)]
    Pbft(#[from] pbft::ConfigError),
    /// The protocol's settings make no sense.
    #[error(transparent)]
    HotStuff(#[from] hotstuff::ConfigError),
    /// What nodes that may lie read of themselves proves nothing.
    #[error(
        "{0} reads beside the log, and {1} answers through the log alone: f+1 laggards and liars could agree on an old value"
    )]
    ReadsBesideLog(ClientId, &'static str),
}

/// Refuses a range whose shortest is longer than its longest.
pub(crate) fn check_range(what: &'static str, (low, high): (Span, Span)) -> Result<(), SetupError> {
    if low > high { Err(SetupError::Range { what, low, high }) } else { Ok(()) }
}

impl Setup {
    /// Refuses what cannot run.
    ///
    /// # Errors
    /// The first thing that makes no sense, and what to do about it.
    pub fn validate(&self) -> Result<(), SetupError> {
        if self.nodes.is_empty() {
            return Err(SetupError::NoNodes);
        }
        let mut names = std::collections::BTreeSet::new();
        let nodes = self.nodes.iter().map(|node| (u64::from(node.0), node.to_string()));
        for (number, name) in nodes.chain(self.clients.iter().map(|client| (client.id.0, client.id.to_string()))) {
            if number == 0 {
                return Err(SetupError::Zero);
            }
            if !names.insert(name.clone()) {
                return Err(SetupError::Twice(name));
            }
        }
        check_range("network latency", self.network.latency)?;
        for pair in &self.network.between {
            check_range("network latency", pair.latency)?;
        }
        check_range("disk latency", self.disk)?;
        for (what, ppm) in [("loss", self.network.drop_ppm), ("duplication", self.network.duplicate_ppm)] {
            if ppm > 1_000_000 {
                return Err(SetupError::Rate { what });
            }
        }
        for client in &self.clients {
            if client.timeout == Span(0) || client.pause == Span(0) {
                return Err(SetupError::Impatient(client.id));
            }
            if let Some(workload) = client.workload {
                check_range("think time", workload.think)?;
                workload.ttl.map_or(Ok(()), |ttl| check_range("time to live", ttl))?;
            }
        }
        match &self.protocol {
            ProtocolSetup::Raft(config) => {
                config.validate()?;
                let by_lease = |client: &&ClientSetup| {
                    client.workload.is_some_and(|workload| workload.reads == Some(ReadHow::Lease))
                };
                if let Some(client) = self.clients.iter().find(by_lease).filter(|_| !config.check_quorum) {
                    return Err(SetupError::LeaseWithoutCheckQuorum(client.id));
                }
                self.knows(&config.voters)
            }
            ProtocolSetup::Pbft(settings, _) => {
                settings.validate()?;
                self.reads_through_the_log("pbft")?;
                self.knows(&settings.voters)
            }
            ProtocolSetup::Hybrid(settings, _) => {
                settings.bft.validate()?;
                self.reads_through_the_log("hybrid")?;
                self.knows(&settings.bft.voters)
            }
            ProtocolSetup::HotStuff(voters, settings, _) => {
                settings.validate()?;
                self.reads_through_the_log("hotstuff")?;
                self.knows(voters)
            }
        }
    }

    fn knows(&self, voters: &[NodeId]) -> Result<(), SetupError> {
        match voters.iter().find(|voter| !self.nodes.contains(voter)) {
            Some(voter) => Err(SetupError::UnknownVoter(*voter)),
            None => Ok(()),
        }
    }

    fn reads_through_the_log(&self, protocol: &'static str) -> Result<(), SetupError> {
        let beside = |client: &&ClientSetup| client.workload.is_some_and(|workload| workload.reads.is_some());
        match self.clients.iter().find(beside) {
            Some(client) => Err(SetupError::ReadsBesideLog(client.id, protocol)),
            None => Ok(()),
        }
    }
}
