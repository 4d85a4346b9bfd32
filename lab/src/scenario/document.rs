//! What does a scenario say?
//!
//! A scenario is plain data: where a run starts from, what is done to it and
//! when, and what is expected of it. The same document is a lesson's run, a
//! test, a bug report and the content of a share link, so whatever can happen
//! to a run by hand or by chance can be written here. Read `read` for how it is
//! read from TOML, `print` for the way back, `run` for what it does.

use quorumscope_core::machine::any::AnyCommand;
use quorumscope_core::protocol::ReadHow;
use quorumscope_core::raft::{self, Rule, Snapshots};
use quorumscope_core::record::{Fate, Role};
use quorumscope_core::types::{ClientId, LogIndex, NodeId, Span, Term, Time};

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
}

impl ProtocolName {
    /// All protocols that can run.
    pub const ALL: [Self; 1] = [Self::Raft];

    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Raft => "raft",
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

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Only nodes of one group hear each other.
    Partition(Vec<Targets>),
    /// Mend all links.
    Heal,
    /// Something is done to nodes.
    Nodes(NodeVerb, Targets),
    /// Cut these directions of links.
    Cut {
        /// From each of these.
        from: Targets,
        /// To each of these.
        to: Targets,
    },
    /// Mend these directions of links.
    Mend {
        /// From each of these.
        from: Targets,
        /// To each of these.
        to: Targets,
    },
    /// Something is done to messages on their way.
    Messages(MessageVerb, Which),
    /// A client proposes an operation.
    Propose {
        /// Where; the client decides where nothing is said.
        to: Option<Selector>,
        /// What.
        operation: AnyCommand,
    },
    /// An operator asks a node for other members.
    Members {
        /// Which node; the leader where nothing is said.
        to: Selector,
        /// Who joins as a learner.
        add: Targets,
        /// Which learners get a vote.
        promote: Targets,
        /// Who leaves.
        remove: Targets,
        /// Who joins as an observer.
        observe: Targets,
    },
    /// An operator asks a node for edges.
    Subscribe {
        /// Which node; the leader where nothing is said.
        to: Selector,
        /// Who joins as an edge.
        node: Targets,
        /// What they hold: the ranges of these keys.
        keys: Vec<String>,
    },
    /// Moves clocks forward.
    Skew {
        /// Whose.
        node: Targets,
        /// By how much.
        by: Span,
    },
    /// Sets the rate of clocks.
    Drift {
        /// Whose.
        node: Targets,
        /// Parts per million of global time.
        rate_ppm: u32,
    },
    /// Sets the write latency of disks.
    Disk {
        /// Whose.
        node: Targets,
        /// Shortest and longest.
        latency: (Span, Span),
    },
    /// Sets the loss rate of all links, in parts per million.
    Loss(u32),
    /// Sets the duplication rate of all links, in parts per million.
    Duplication(u32),
    /// Sets the latency of all links.
    Latency((Span, Span)),
    /// Leadership is handed over.
    Transfer {
        /// By this node; by the leader where nothing is said.
        from: Option<Selector>,
        /// To this one.
        to: Selector,
    },
    /// A client reads beside the log.
    Read {
        /// Where; the client decides where nothing is said.
        to: Option<Selector>,
        /// Which key.
        key: String,
        /// What the answer rests on.
        how: ReadHow,
    },
}

/// The ways to read beside the log.
pub const READS: [ReadHow; 3] = [ReadHow::Index, ReadHow::Lease, ReadHow::Stale];

/// As it is written.
#[must_use]
pub fn read_name(how: ReadHow) -> &'static str {
    match how {
        ReadHow::Index => "index",
        ReadHow::Lease => "lease",
        ReadHow::Stale => "stale",
    }
}

/// What is done to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeVerb {
    /// It crashes.
    Crash,
    /// It starts from its store.
    Restart,
    /// It stops reacting.
    Pause,
    /// It goes on.
    Resume,
    /// Its timer fires.
    Timeout,
    /// Its store is gone.
    LoseDisk,
    /// It makes a snapshot.
    Snapshot,
}

impl NodeVerb {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Crash, Self::Restart, Self::Pause, Self::Resume, Self::Timeout, Self::LoseDisk, Self::Snapshot];

    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::Restart => "restart",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Timeout => "timeout",
            Self::LoseDisk => "lose-disk",
            Self::Snapshot => "snapshot",
        }
    }
}

/// What is done to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageVerb {
    /// It is stopped.
    Hold,
    /// It is lost.
    Drop,
    /// It arrives now.
    Deliver,
    /// A second copy is sent.
    Duplicate,
}

impl MessageVerb {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Hold, Self::Drop, Self::Deliver, Self::Duplicate];

    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Drop => "drop",
            Self::Deliver => "deliver",
            Self::Duplicate => "duplicate",
        }
    }
}

/// Which messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// The message of this record.
    Id(u64),
    /// All on their way that fit, and for a while those that leave later.
    Pattern(Pattern),
}

/// A description of messages; what is left out fits all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pattern {
    /// Sent by one of these; empty fits all.
    pub from: Targets,
    /// To one of these; empty fits all.
    pub to: Targets,
    /// Of this kind.
    pub kind: Option<MessageKind>,
    /// For how long messages that leave later are treated alike.
    pub lasting: Option<Span>,
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// A pre-vote request.
    PreVote,
    /// Its answer.
    PreVoteReply,
    /// A vote request.
    RequestVote,
    /// Its answer.
    RequestVoteReply,
    /// An append, with entries or without.
    AppendEntries,
    /// An append without entries.
    Heartbeat,
    /// An append with entries.
    Entries,
    /// The answer to an append.
    AppendEntriesReply,
    /// A client's request.
    Request,
    /// An answer to a client.
    Answer,
    /// A part of a snapshot, or a question how much of it has arrived.
    InstallSnapshot,
    /// Its answer.
    InstallSnapshotReply,
    /// A follower asks for a read index.
    ReadIndex,
    /// Its answer.
    ReadIndexReply,
    /// The leader asks a follower to campaign.
    TimeoutNow,
    /// A leader's order to a feeder.
    Relay,
}

impl MessageKind {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::PreVote,
        Self::PreVoteReply,
        Self::RequestVote,
        Self::RequestVoteReply,
        Self::AppendEntries,
        Self::Heartbeat,
        Self::Entries,
        Self::AppendEntriesReply,
        Self::Request,
        Self::Answer,
        Self::InstallSnapshot,
        Self::InstallSnapshotReply,
        Self::ReadIndex,
        Self::ReadIndexReply,
        Self::TimeoutNow,
        Self::Relay,
    ];

    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PreVote => "pre-vote",
            Self::PreVoteReply => "pre-vote-reply",
            Self::RequestVote => "request-vote",
            Self::RequestVoteReply => "request-vote-reply",
            Self::AppendEntries => "append-entries",
            Self::Heartbeat => "heartbeat",
            Self::Entries => "entries",
            Self::AppendEntriesReply => "append-entries-reply",
            Self::Request => "request",
            Self::Answer => "answer",
            Self::InstallSnapshot => "install-snapshot",
            Self::InstallSnapshotReply => "install-snapshot-reply",
            Self::ReadIndex => "read-index",
            Self::ReadIndexReply => "read-index-reply",
            Self::TimeoutNow => "timeout-now",
            Self::Relay => "relay",
        }
    }
}

/// Something that is expected of the run: all its facts together.
#[derive(Clone, Debug, PartialEq)]
pub struct Expect {
    /// When they hold.
    pub when: When,
    /// What holds.
    pub facts: Vec<Fact>,
}

/// When something is expected to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// At this instant, after all that happens in it.
    At(Time),
    /// At one instant at least, up to this one.
    By(Time),
    /// After every event of the run.
    Always,
}

/// Something that holds or does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// So many live nodes lead the highest term among live nodes.
    Leaders(u32),
    /// This node leads.
    Leader(Selector),
    /// Somebody leads, and it is not this node.
    NotLeader(Selector),
    /// These nodes have this role.
    Role(Targets, Role),
    /// The highest term among live nodes, or that of these nodes.
    Term {
        /// Whose; empty for the highest of all.
        node: Targets,
        /// How it compares.
        is: Bound<Term>,
    },
    /// This is committed, by the oracle's count.
    Committed(Commit),
    /// This is not.
    NotCommitted(Commit),
    /// The state machines hold this.
    State {
        /// Where.
        key: String,
        /// What; `None` for nothing.
        value: Option<String>,
        /// On these nodes; empty for all live ones.
        on: Targets,
    },
    /// The configuration that acts.
    Members {
        /// At these nodes; empty for the leader.
        at: Targets,
        /// Who votes; while joint, the incoming half.
        voters: Targets,
        /// Who learns; empty for nobody.
        learners: Targets,
        /// Who observes; empty for nobody.
        observers: Targets,
        /// Whether an outgoing half decides with it.
        joint: bool,
    },
    /// The logs of these nodes are equal; empty for all live ones.
    Agree(Targets),
    /// All live nodes have applied equally far, to equal states.
    AppliedEqual,
    /// This property was not broken; `None` for any.
    Invariant(Option<String>),
    /// This property was broken; `None` for any.
    Violation(Option<String>),
    /// What clients saw could have happened one operation after the other.
    Linearizable,
    /// Every request that a client sent got an answer that it believes.
    AllAnswered,
    /// Within the bound after calm there is a leader and a commit.
    Live,
    /// The durable snapshots of these nodes end at such an index; 0 where there is none.
    Snapshot {
        /// Whose; empty for all live ones.
        node: Targets,
        /// How it compares.
        is: Bound<LogIndex>,
    },
    /// A client that asked this, as people read it, was told this.
    Told {
        /// What it asked: `get x (lease)`.
        operation: String,
        /// What it was told.
        is: Told,
    },
    /// Of a request that was answered before a quorum had it, this became.
    Early {
        /// What was asked: `set x = 1`.
        operation: String,
        /// What became of it.
        is: Fate,
    },
}

/// What a client was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// Nothing yet.
    Nothing,
    /// This, as people read it: `1 (by lease)`.
    Text(String),
    /// That it has not happened and will not.
    Failed,
    /// That nobody can tell: it may have happened, or may yet.
    Unknown,
    /// That one node has it, and nothing since.
    Early,
}

/// How a number compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound<T> {
    /// Equal to it.
    Exactly(T),
    /// Equal or above.
    AtLeast(T),
    /// Equal or below.
    AtMost(T),
}

impl<T: Ord> Bound<T> {
    /// Whether a number compares like that.
    #[must_use]
    pub fn fits(&self, found: T) -> bool {
        match self {
            Self::Exactly(wanted) => found == *wanted,
            Self::AtLeast(wanted) => found >= *wanted,
            Self::AtMost(wanted) => found <= *wanted,
        }
    }
}

/// Something that may be committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Commit {
    /// An entry with this operation.
    Operation(AnyCommand),
    /// The entry at this index.
    Index(LogIndex),
}
