//! Which shape, letter and name has each kind of message?
//!
//! A kind stands for a purpose and not for a type of one protocol, so that a
//! legend fits all of them. Which message is of which kind, and what is told of
//! it, is in `messages`.

use quorumscope_core::types::Term;

use crate::trace::words::face as words;

/// What a message is for. The order is that of a legend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MessageKind {
    /// Carries entries.
    Append,
    /// Answers an append or a heartbeat.
    AppendReply,
    /// Says that the leader lives.
    Heartbeat,
    /// Asks for a vote.
    VoteRequest,
    /// Answers a vote request.
    VoteReply,
    /// Asks for a vote that would be given.
    PreVoteRequest,
    /// Answers a pre-vote.
    PreVoteReply,
    /// A client asks.
    ClientRequest,
    /// A client is answered.
    ClientAnswer,
    /// Carries a part of a snapshot.
    Snapshot,
    /// Says how much of a snapshot has arrived.
    SnapshotReply,
    /// A follower asks its leader for a read index.
    ReadIndex,
    /// Answers that.
    ReadIndexReply,
    /// The leader asks a follower to campaign.
    TimeoutNow,
    /// Requests that a node passes on to whoever leads.
    Forwarded,
    /// Gives requests their place; nodes that may lie vote on it.
    Proposal,
    /// The first vote.
    Prepare,
    /// The second vote.
    Commit,
    /// Proves that a quorum has voted.
    Certificate,
    /// Says which state a node has.
    Checkpoint,
    /// Leaves a view.
    ViewChange,
    /// Begins a view.
    NewView,
    /// Asks for what is missing.
    Question,
    /// Proves what somebody has missed.
    Proof,
    /// Says that nodes feel threatened.
    Alarm,
    /// Ends an instance of a protocol.
    Stop,
}

/// The outline of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shape {
    /// Carries entries.
    Square,
    /// Votes.
    Diamond,
    /// Pre-votes.
    Triangle,
    /// Small: heartbeats.
    Dot,
    /// Clients.
    Pill,
    /// Snapshots.
    Block,
}

/// What a reply says, in one sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sign {
    /// Yes.
    Plus,
    /// No.
    Minus,
    /// Nobody knows.
    Question,
}

impl Sign {
    /// The sign as a character.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Plus => "+",
            Self::Minus => "−",
            Self::Question => "?",
        }
    }
}

/// A message as it is drawn and inspected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageFace {
    /// What it is for.
    pub kind: MessageKind,
    /// Its outline.
    pub shape: Shape,
    /// Its letter; empty for heartbeats. A sign, where there is one, takes the letter's place.
    pub letter: &'static str,
    /// Filled for requests, hollow for replies and heartbeats.
    pub filled: bool,
    /// What a reply says.
    pub sign: Option<Sign>,
    /// The term that gives the hue; `None` for clients.
    pub term: Option<Term>,
    /// `AppendEntries 3–5`.
    pub name: String,
    /// Its fields under the paper's names.
    pub fields: Vec<(&'static str, String)>,
}

impl MessageKind {
    /// All kinds, in the order of a legend.
    pub const ALL: [Self; 26] = [
        Self::Append,
        Self::AppendReply,
        Self::Heartbeat,
        Self::VoteRequest,
        Self::VoteReply,
        Self::PreVoteRequest,
        Self::PreVoteReply,
        Self::ClientRequest,
        Self::ClientAnswer,
        Self::Snapshot,
        Self::SnapshotReply,
        Self::ReadIndex,
        Self::ReadIndexReply,
        Self::TimeoutNow,
        Self::Forwarded,
        Self::Proposal,
        Self::Prepare,
        Self::Commit,
        Self::Certificate,
        Self::Checkpoint,
        Self::ViewChange,
        Self::NewView,
        Self::Question,
        Self::Proof,
        Self::Alarm,
        Self::Stop,
    ];

    /// What people call it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Append => words::APPEND,
            Self::AppendReply => words::APPEND_REPLY,
            Self::Heartbeat => words::HEARTBEAT,
            Self::VoteRequest => words::VOTE_REQUEST,
            Self::VoteReply => words::VOTE_REPLY,
            Self::PreVoteRequest => words::PRE_VOTE,
            Self::PreVoteReply => words::PRE_VOTE_REPLY,
            Self::ClientRequest => words::CLIENT_REQUEST,
            Self::ClientAnswer => words::CLIENT_ANSWER,
            Self::Snapshot => words::SNAPSHOT,
            Self::SnapshotReply => words::SNAPSHOT_REPLY,
            Self::ReadIndex => words::READ_INDEX,
            Self::ReadIndexReply => words::READ_INDEX_REPLY,
            Self::TimeoutNow => words::TIMEOUT_NOW,
            Self::Forwarded => words::FORWARDED,
            Self::Proposal => words::PROPOSAL,
            Self::Prepare => words::PREPARE,
            Self::Commit => words::COMMIT,
            Self::Certificate => words::CERTIFICATE,
            Self::Checkpoint => words::CHECKPOINT,
            Self::ViewChange => words::VIEW_CHANGE,
            Self::NewView => words::NEW_VIEW,
            Self::Question => words::QUESTION,
            Self::Proof => words::PROOF,
            Self::Alarm => words::ALARM,
            Self::Stop => words::STOP,
        }
    }

    /// Outline, letter, and whether it is filled.
    #[must_use]
    pub fn look(self) -> (Shape, &'static str, bool) {
        match self {
            Self::Append => (Shape::Square, "A", true),
            Self::AppendReply => (Shape::Square, "A", false),
            Self::Heartbeat => (Shape::Dot, "", false),
            Self::VoteRequest => (Shape::Diamond, "V", true),
            Self::VoteReply => (Shape::Diamond, "V", false),
            Self::PreVoteRequest => (Shape::Triangle, "P", true),
            Self::PreVoteReply => (Shape::Triangle, "P", false),
            Self::ClientRequest => (Shape::Pill, "C", true),
            Self::ClientAnswer => (Shape::Pill, "C", false),
            Self::Snapshot => (Shape::Block, "S", true),
            Self::SnapshotReply => (Shape::Block, "S", false),
            Self::ReadIndex => (Shape::Pill, "R", true),
            Self::ReadIndexReply => (Shape::Pill, "R", false),
            Self::TimeoutNow => (Shape::Diamond, "T", true),
            Self::Forwarded => (Shape::Pill, "F", true),
            Self::Proposal => (Shape::Square, "P", true),
            Self::Prepare => (Shape::Diamond, "p", false),
            Self::Commit => (Shape::Diamond, "c", true),
            Self::Certificate => (Shape::Square, "Q", false),
            Self::Checkpoint => (Shape::Block, "K", false),
            Self::ViewChange => (Shape::Triangle, "V", true),
            Self::NewView => (Shape::Triangle, "N", true),
            Self::Question => (Shape::Dot, "", false),
            Self::Proof => (Shape::Square, "D", false),
            Self::Alarm => (Shape::Triangle, "!", true),
            Self::Stop => (Shape::Square, "X", true),
        }
    }

    /// Whether it answers another one: an answer shows its sign, where it has one, in the place of its letter.
    #[must_use]
    pub fn is_answer(self) -> bool {
        match self {
            Self::AppendReply
            | Self::VoteReply
            | Self::PreVoteReply
            | Self::ClientAnswer
            | Self::SnapshotReply
            | Self::ReadIndexReply => true,
            Self::Append
            | Self::Heartbeat
            | Self::VoteRequest
            | Self::PreVoteRequest
            | Self::ClientRequest
            | Self::Snapshot
            | Self::ReadIndex
            | Self::TimeoutNow
            | Self::Forwarded
            | Self::Proposal
            | Self::Prepare
            | Self::Commit
            | Self::Certificate
            | Self::Checkpoint
            | Self::ViewChange
            | Self::NewView
            | Self::Question
            | Self::Proof
            | Self::Alarm
            | Self::Stop => false,
        }
    }

    /// A message of this kind.
    pub(super) fn face(
        self,
        sign: Option<Sign>,
        term: Option<Term>,
        name: String,
        fields: Vec<(&'static str, String)>,
    ) -> MessageFace {
        let (shape, letter, filled) = self.look();
        MessageFace { kind: self, shape, letter, filled, sign, term, name, fields }
    }
}
