//! What do nodes, the relay and the page say to each other over a WebSocket?
//!
//! One frame is one binary message: a version byte, then the frame in postcard's
//! encoding. Decoding is total: any bytes give a frame or an error, in memory
//! that [`MAX_EXPANSION`] bounds by the size of the input; nothing is trusted
//! that has not been checked here. Sending, rooms and queues are the relay's and
//! the node's; the page's live source uses this same module.
//!
//! The order of one connection, seen from whoever joins:
//! 1. it sends [`Frame::Hello`], and the relay answers [`Frame::Welcome`] and, as soon as it is
//!    known, [`Frame::Cluster`]; or [`Frame::Problem`], and closes;
//! 2. observers and controllers receive [`Frame::Records`] from then on, 20 times a second at
//!    most. The stream starts with `Began` and the state of all nodes; where records had to be
//!    dropped it holds a `Gap` and starts over with the state of all nodes. Records come in
//!    causal order, and `at` steps back only where the clocks of machines differ by a second or more;
//! 3. a controller sends [`Frame::Command`]; each is answered by one [`Frame::Done`].

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::entry::Proposal;
use crate::protocol::{Outcome, ReadRequest};
use crate::record::{Command, DropReason, Endpoint, Record};
use crate::types::{ClientId, NodeId, RecordId, RequestNumber, Time};

/// The first byte of every frame. Version N also reads N−1; this is the first.
pub const VERSION: u8 = 1;

/// Largest frame that anybody reads: the state of a node with a full log fits.
pub const MAX_FRAME_BYTES: usize = 4 << 20;

/// Largest frame that an observer or a controller may send: commands are small.
pub const MAX_REQUEST_BYTES: usize = 64 << 10;

/// Largest encoded operation of one proposal; an append of 64 of them stays far below a frame.
pub const MAX_OPERATION_BYTES: usize = 4 << 10;

/// Largest name, token or room, in bytes.
pub const MAX_NAME_BYTES: usize = 128;

/// Longest sentence in a problem, in bytes.
pub const MAX_TEXT_BYTES: usize = 1_024;

/// Most nodes or clients that one cluster describes, and most groups of a partition.
pub const MAX_MEMBERS: usize = 64;

/// Most links that one frame cuts: both directions between all members, and their clients.
pub const MAX_LINKS: usize = MAX_MEMBERS * MAX_MEMBERS * 2;

/// A decoded frame takes at most this many times the memory of its bytes (a list may hold twice what it needs
/// while it grows, and the smallest record is seven bytes).
pub const MAX_EXPANSION: usize = 160;

/// The relay's own name as the origin of a record: it records gaps, and nothing else.
pub const RELAY: NodeId = NodeId(u32::MAX);

/// Number of batches a second that the relay sends to one observer at most.
pub const BATCHES_PER_SECOND: u32 = 20;

/// One message of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Frame {
    /// The first frame of every connection: who asks to join what.
    Hello(Hello),
    /// The relay lets the connection in, with this role.
    Welcome(Role),
    /// What the room shows: from the host to the relay, and from there to all.
    Cluster(Cluster),
    /// A message between nodes.
    Peer(Envelope),
    /// A client's request on its way to a node.
    Request(Request),
    /// A node's answer on its way to the client.
    Answer(Answer),
    /// The relay could not, or was told not to, carry this message; its sender records the loss.
    Returned {
        /// The record that sent it.
        message: RecordId,
        /// Why.
        reason: DropReason,
    },
    /// What happened: from nodes and the host to the relay, in batches from there to observers.
    Records(Records),
    /// Send the state of all that you own as records, and name this round in the batch. An
    /// observer asks the relay the same, with round 0, where it wants to start over.
    Resync {
        /// Which request this is.
        round: u64,
    },
    /// A controller's wish, to the relay, and from there to the host.
    Command {
        /// Chosen by the sender; the answer names it.
        number: u64,
        /// What to do.
        command: Command,
    },
    /// A command was carried out, or why not.
    Done {
        /// Which.
        number: u64,
        /// Why it was not carried out; `None` where it was.
        problem: Option<Problem>,
    },
    /// From the host to the relay: carry nothing over these links, each in one direction. Replaces all cuts.
    Links {
        /// From, to; sorted.
        cut: Vec<(Endpoint, Endpoint)>,
    },
    /// From the relay to the host: a node joined the room.
    Joined(NodeId),
    /// From the relay to the host: a node's connection is over, and all that it published is in the stream.
    Left(NodeId),
    /// Something is wrong; the relay closes the connection after it.
    Problem(Problem),
    /// A client's question beside the log, on its way to a node.
    Read(Question),
}

/// What a connection may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role {
    /// Takes part in the protocol and publishes records. One connection a node.
    Node(NodeId),
    /// Reads records.
    Observer,
    /// Reads records and sends commands.
    Controller,
    /// Owns the cluster: carries out commands, speaks for clients. One connection a room.
    Host,
}

/// Who asks to join what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// As what.
    pub role: Role,
    /// The room's name.
    pub room: String,
    /// The secret of that role in that room.
    pub token: String,
    /// The cluster that the sender belongs to; `None` for those who only look or command.
    pub cluster: Option<u64>,
}

/// What a room shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// Refuses to mix two clusters.
    pub id: u64,
    /// As people call it.
    pub name: String,
    /// `raft`.
    pub protocol: String,
    /// Its nodes, sorted.
    pub nodes: Vec<NodeId>,
    /// Who of them voted when the cluster began, sorted; the others wait to be added.
    pub voters: Vec<NodeId>,
    /// Clients that the host speaks for, sorted.
    pub clients: Vec<ClientId>,
    /// Where global time starts: microseconds of unix time.
    pub epoch_unix_us: u64,
    /// Which commands can be carried out, sorted.
    pub abilities: Vec<Ability>,
    /// What its nodes remember.
    pub store: StoreKind,
}

/// A family of commands that a source may be able to carry out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Ability {
    /// Propose.
    Propose,
    /// Crash and restart.
    Crash,
    /// Pause and resume.
    Pause,
    /// Fire a timer.
    Timeout,
    /// Cut, mend, partition and heal links.
    Links,
    /// Make a snapshot.
    Snapshot,
    /// Hand leadership over.
    Transfer,
    /// Change members.
    Members,
    /// Read beside the log.
    Read,
}

/// What a cluster's nodes remember.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum StoreKind {
    /// In the memory of the process that serves them: it outlives a node's crash and restart, and ends with the process.
    Memory,
    /// On disk.
    Disk,
}

/// A message between nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// From.
    pub from: NodeId,
    /// To.
    pub to: NodeId,
    /// The record that sent it: the message's name.
    pub id: RecordId,
    /// What brought it about at the sender.
    pub cause: Option<RecordId>,
    /// An encoded [`AnyMessage`](crate::record::AnyMessage); the relay does not look into it.
    pub message: Bytes,
}

/// A client's request on its way to a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// To whom.
    pub to: NodeId,
    /// The record that asked: the request's name.
    pub id: RecordId,
    /// What; client and number stand in it.
    pub proposal: Proposal,
}

/// A client's question beside the log, on its way to a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// To whom.
    pub to: NodeId,
    /// The record that asked: the question's name.
    pub id: RecordId,
    /// What; client and number stand in it.
    pub request: ReadRequest,
}

/// A node's answer on its way to a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// From.
    pub from: NodeId,
    /// To whom.
    pub client: ClientId,
    /// To which of its requests.
    pub number: RequestNumber,
    /// The record that answered: the answer's name.
    pub id: RecordId,
    /// What.
    pub outcome: Outcome,
}

/// A batch of records, in causal order. The list is the last field, so that a relay may join encoded records.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Records {
    /// The round of [`Frame::Resync`] that the sender has answered with the end of this batch.
    pub round: Option<u64>,
    /// When the sender made it, on its own estimate of the cluster's time.
    pub at: Time,
    /// What happened.
    pub records: Vec<Record>,
}

/// What is wrong, for programs and for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{text}")]
pub struct Problem {
    /// For programs.
    pub code: Code,
    /// One sentence for people that says what to do.
    pub text: String,
}

/// Every way in which a frame or a command can be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Code {
    /// The bytes are not a frame.
    Malformed,
    /// The frame is of another version of the wire format.
    WrongVersion,
    /// The frame, or a part of it, is longer than allowed.
    TooLarge,
    /// Frames come faster than allowed.
    TooFast,
    /// The connection does not read what it is sent.
    TooSlow,
    /// The first frame must be a hello, and must come soon.
    HelloExpected,
    /// Room and token do not fit.
    NotAdmitted,
    /// The node belongs to another cluster than the room.
    WrongCluster,
    /// A node of this name, or a host, is in the room already.
    Taken,
    /// The relay or the room has as many connections as it takes.
    Full,
    /// This role may not send this frame.
    NotAllowed,
    /// Nobody in the room can carry the command out.
    NoHost,
    /// This source cannot carry out this kind of command.
    NotSupported,
    /// The command names a node that is not in the cluster.
    UnknownNode,
    /// The command does not fit the node's state: it is down, runs already, or is not paused.
    WrongState,
    /// Too much is waiting already.
    Busy,
    /// The relay is stopping.
    ShuttingDown,
}

impl Code {
    /// The name that JavaScript and logs see.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::WrongVersion => "wrong-version",
            Self::TooLarge => "too-large",
            Self::TooFast => "too-fast",
            Self::TooSlow => "too-slow",
            Self::HelloExpected => "hello-expected",
            Self::NotAdmitted => "not-admitted",
            Self::WrongCluster => "wrong-cluster",
            Self::Taken => "taken",
            Self::Full => "full",
            Self::NotAllowed => "not-allowed",
            Self::NoHost => "no-host",
            Self::NotSupported => "not-supported",
            Self::UnknownNode => "unknown-node",
            Self::WrongState => "wrong-state",
            Self::Busy => "busy",
            Self::ShuttingDown => "shutting-down",
        }
    }

    /// The problem with this code and a sentence for people.
    #[must_use]
    pub fn with(self, text: impl Into<String>) -> Problem {
        Problem { code: self, text: text.into() }
    }
}

/// Why bytes are not a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Nothing was sent.
    #[error("an empty message is not a frame")]
    Empty,
    /// The first byte names another version.
    #[error("frame of wire version {found}, this side speaks {VERSION}: load the page that the relay serves")]
    Version {
        /// What it names.
        found: u8,
    },
    /// The bytes are too many.
    #[error("a frame may hold {limit} bytes and holds {found}")]
    TooLarge {
        /// The limit.
        limit: u64,
        /// How many there are.
        found: u64,
    },
    /// A part of the frame is longer than allowed.
    #[error("{part} is longer than allowed")]
    PartTooLarge {
        /// Which part.
        part: &'static str,
    },
    /// The bytes end early, or mean nothing.
    #[error("the bytes are not a frame")]
    Malformed,
    /// The frame is followed by bytes that do not belong to it.
    #[error("the frame is followed by more bytes")]
    Trailing,
}

impl WireError {
    /// The code that answers it.
    #[must_use]
    pub fn code(self) -> Code {
        match self {
            Self::Version { .. } => Code::WrongVersion,
            Self::TooLarge { .. } | Self::PartTooLarge { .. } => Code::TooLarge,
            Self::Empty | Self::Malformed | Self::Trailing => Code::Malformed,
        }
    }
}

mod codec;
pub use codec::{Batch, decode_message, encode_message};
