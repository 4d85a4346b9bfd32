//! What does a scenario say?
//!
//! A scenario is plain data: where a run starts from, what is done to it and
//! when, and what is expected of it. The same document is a lesson's run, a
//! test, a bug report and the content of a share link, so whatever can happen
//! to a run by hand or by chance can be written here. What is done is in
//! `action`, what is expected in `expect`. Read `read` for how it is read from
//! TOML, `print` for the way back, `run` for what it does.

mod action;
mod expect;

use quorumscope_core::bft::hybrid::threat;
use quorumscope_core::bft::{hotstuff, pbft};
use quorumscope_core::raft::{self, Rule, Snapshots};
use quorumscope_core::types::{ClientId, NodeId, Span, Time};

pub use action::{Action, MessageKind, MessageVerb, NodeVerb, Pattern, READS, Which, read_name};
pub use expect::{Bound, Commit, Expect, Fact, Told, When};

use crate::keys::Scheme;
use crate::sim::{ClientSetup, MachineSetup, Network};

/// Most nodes that one run may have: quorums and pictures beyond that teach nothing new.
pub const MAX_NODES: u32 = 99;

/// Most clients that one run may have.
pub const MAX_CLIENTS: u64 = 999;

/// A run, written down.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// What people call it.
    pub name: String,
    /// What there is to see, in a sentence or two; may be empty.
    pub about: String,
    /// Which protocol runs.
    pub protocol: ProtocolName,
    /// The nodes, sorted.
    pub nodes: Vec<NodeId>,
    /// Those of them that vote at first, sorted; the others belong to nothing until they are added.
    pub voters: Vec<NodeId>,
    /// Which nodes stand near each other; each stands in one zone at most.
    pub zones: Vec<Vec<NodeId>>,
    /// Decides every draw of the run.
    pub seed: u64,
    /// When the run ends.
    pub until: Time,
    /// What messages meet on their way.
    pub network: Network,
    /// How long a sync takes, uniform between two values.
    pub disk: (Span, Span),
    /// What the log drives.
    pub machine: MachineSetup,
    /// Raft's settings.
    pub raft: RaftSettings,
    /// Settings of PBFT and of the hybrid, which goes over to it, but for the voters, which are the run's.
    pub pbft: pbft::Settings,
    /// HotStuff's settings.
    pub hotstuff: hotstuff::Settings,
    /// When replicas of the hybrid feel threatened.
    pub threat: threat::Settings,
    /// How nodes and clients sign, where they do.
    pub signer: Scheme,
    /// Rules that are switched off, sorted.
    pub rules_off: Vec<Rule>,
    /// The clients.
    pub clients: Vec<ClientSetup>,
    /// What is done, in the order of time; equal times in the order of the document.
    pub steps: Vec<Step>,
    /// What is expected.
    pub expect: Vec<Expect>,
}

/// A protocol by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolName {
    /// Raft.
    Raft,
    /// PBFT.
    Pbft,
    /// Chained HotStuff.
    HotStuff,
    /// Two signed rounds, which go over to PBFT under threat.
    Hybrid,
}

impl ProtocolName {
    /// All protocols that can run.
    pub const ALL: [Self; 4] = [Self::Raft, Self::Pbft, Self::HotStuff, Self::Hybrid];

    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Raft => "raft",
            Self::Pbft => "pbft",
            Self::HotStuff => "hotstuff",
            Self::Hybrid => "hybrid",
        }
    }

    /// Whether a run of it can switch this rule off: it is one of its own, or of what it shares with others.
    #[must_use]
    pub fn has(self, rule: Rule) -> bool {
        let family = rule.name().split('.').next();
        family == Some("session") || family == Some(self.name()) || (family == Some("epoch") && self.has_epochs())
    }

    /// Whether its voters change by epochs: at an operator's signed request, which ends one instance and begins the next.
    #[must_use]
    pub fn has_epochs(self) -> bool {
        match self {
            Self::Pbft | Self::HotStuff | Self::Hybrid => true,
            Self::Raft => false,
        }
    }

    /// The protocol whose runs show best what breaks without a rule.
    #[must_use]
    pub fn of_rule(rule: Rule) -> Self {
        Self::ALL.into_iter().find(|protocol| protocol.has(rule)).unwrap_or(Self::Raft)
    }

    /// The rules that some protocol's run can switch off.
    pub fn switchable() -> impl Iterator<Item = Rule> {
        Rule::ALL.into_iter().filter(|rule| Self::ALL.into_iter().any(|protocol| protocol.has(*rule)))
    }

    /// Whether its nodes sign, because some of them may lie.
    #[must_use]
    pub fn signs(self) -> bool {
        match self {
            Self::Raft => false,
            Self::Pbft | Self::HotStuff | Self::Hybrid => true,
        }
    }

    /// The protocol of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|protocol| protocol.name() == name)
    }
}

/// Raft's settings apart from voters and rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RaftSettings {
    /// Which profile stands behind them: what is not said is as there.
    pub profile: raft::Profile,
    /// Election timeouts are drawn between these.
    pub election_timeout: (Span, Span),
    /// A leader shows that it lives at least this often.
    pub heartbeat: Span,
    /// Ask whether an election could be won before starting one.
    pub pre_vote: bool,
    /// Most entries in one append.
    pub max_entries_per_append: u32,
    /// Most entries on their way to one follower without an answer.
    pub max_entries_in_flight: u32,
    /// Most uncommitted entries.
    pub max_uncommitted: u32,
    /// Most bytes in one append.
    pub max_bytes_per_append: u32,
    /// Most bytes on their way to one follower without an answer.
    pub max_bytes_in_flight: u32,
    /// Most uncommitted bytes.
    pub max_uncommitted_bytes: u32,
    /// Most bytes of one entry.
    pub max_entry_bytes: u32,
    /// When snapshots are made, and how they travel.
    pub snapshots: Snapshots,
    /// A leader that hears from no quorum steps down, and who hears a leader votes for nobody.
    pub check_quorum: bool,
    /// How far clocks' rates may be from true time, in parts per million.
    pub drift_bound_ppm: u32,
    /// Zones in the order in which their nodes are to lead.
    pub leader_zones: Vec<Vec<NodeId>>,
}

/// Something that is done to the run.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// When.
    pub at: Time,
    /// After how many events of the run, where several fall on the same microsecond: steps by hand say so.
    pub after: Option<u64>,
    /// Names for this step and later ones.
    pub bind: Vec<(String, Selector)>,
    /// What; `None` where the step only binds names.
    pub action: Option<Action>,
}

/// A word for nodes or clients, resolved when the step runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// This node.
    Node(NodeId),
    /// This client.
    Client(ClientId),
    /// The live leader of the highest term.
    Leader,
    /// The same, in the words of protocols with views.
    Primary,
    /// The live followers.
    Followers,
    /// The first of the live followers.
    AnyFollower,
    /// The live leader, else the live node of the highest term: names somebody wherever a node lives.
    Foremost,
    /// Nodes that are down.
    Down,
    /// All nodes.
    All,
    /// All nodes that the step does not name otherwise.
    Rest,
    /// What an earlier step bound to this name.
    Bound(String),
}

impl Selector {
    /// The words that are selectors by themselves.
    pub const WORDS: [&'static str; 8] =
        ["leader", "primary", "followers", "any-follower", "foremost", "down", "all", "rest"];
}

/// One or more selectors; together they name all that each names.
pub type Targets = Vec<Selector>;
