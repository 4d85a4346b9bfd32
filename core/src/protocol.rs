//! How does a protocol meet the world?
//!
//! A protocol is a deterministic state machine and plain data. One way in,
//! [`Protocol::step`]; one way out, [`Effects`]. Time and randomness come in with
//! the step and the configuration; nothing is read from outside.
//!
//! **Promises are data.** A send that promises something durable names the
//! write that makes it true (`after`), and the executor may not overtake it.
//!
//! The executor's part of the contract:
//! 1. writes complete in the order of their tickets and are reported once, by
//!    [`Input::Written`], after they are durable;
//! 2. a send with `after: Some(t)` leaves once `t` is durable, never before;
//! 3. `Apply` ranges are applied in order and reported by [`Input::Applied`];
//! 4. a machine starts from the snapshot of the disk image; [`Effect::Restore`] puts the durable one in its place
//!    and is reported like an application; [`Effect::Snapshot`] may take its time and is reported by
//!    [`Input::SnapshotTaken`], for the state as it was when the effect's turn came; so may [`Effect::Project`],
//!    reported by [`Input::Projected`], one at a time;
//! 5. [`Input::DeadlineReached`] comes once the node's clock reaches
//!    [`Protocol::next_deadline`]; an early or repeated one is harmless;
//! 6. after [`Effect::Broken`] the node is stopped and not stepped again;
//! 7. where the cluster has edges, a proposal's tags are set by [`edge::tagged`](crate::edge::tagged) before it is
//!    handed in, whatever its client has set;
//! 8. entries of all kinds let the machine's log time pass, and where its next expiry changes, [`Input::ExpiryAt`]
//!    says so; it has no effects by itself;
//! 9. a message or request is handed in once all signatures hold that [`Protocol::claims`] and
//!    [`Protocol::request_claims`] list at that moment: who verifies ahead of a step asks anew where the members
//!    ([`epoch`](crate::bft::epoch)) have changed; of one that fails, [`Input::Forged`] tells whose channel it came on.
//!
//! Read `effects` next: the buffer; then `raft`, or `record` for what executors publish.

mod effects;

use core::fmt::Debug;
use core::hash::Hash;

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::bft::evidence::Conviction;
use crate::bft::{Bundle, Reply};
use crate::crypto::Claim;
use crate::edge::Edge;
use crate::entry::Proposal;
use crate::event::Event;
use crate::membership::MembershipChange;
use crate::record::{AnyHard, AnyMessage, NodeStatus};
use crate::storage::{DiskImage, Hard, Write};
use crate::types::{ClientId, Digest, LogIndex, Mono, NodeId, Now, RequestNumber, Term, Ticket, Wall};

pub use effects::{Effects, Mail};

/// A deterministic protocol: the same inputs at the same times give the same effects.
pub trait Protocol: Clone {
    /// What its nodes say to each other.
    type Message: Clone + Debug + PartialEq + Hash + Serialize + for<'de> Deserialize<'de> + Into<AnyMessage>;
    /// What it must not forget apart from the log.
    type Hard: Hard + Debug + PartialEq + Hash + Serialize + for<'de> Deserialize<'de> + Into<AnyHard>;
    /// Validated settings, shared by all nodes.
    type Config: Clone + Debug;

    /// Starts `node` from what its store holds. `seed` feeds its own generator and must differ
    /// between nodes and between incarnations (timeouts would repeat otherwise).
    fn recover(config: &Self::Config, node: NodeId, image: &DiskImage<Self::Hard>, seed: u64, now: Now) -> Self;

    /// Takes one input and writes down what follows from it.
    fn step(&mut self, now: Now, input: Input<Self::Message>, out: &mut Effects<Self::Message, Self::Hard>);

    /// When it wants to be woken, on its own monotonic clock. One deadline a node, no ticks.
    fn next_deadline(&self) -> Option<Mono>;

    /// What an observer may know of it now; a projection, without influence.
    fn status(&self) -> NodeStatus;

    /// The signatures that have to hold before a message of `from` is handed in, those inside of certificates
    /// included. A protocol whose nodes believe each other has none.
    fn claims(&self, from: NodeId, message: &Self::Message, claims: &mut Vec<Claim>) {
        let _ = (from, message, claims);
    }

    /// The signatures that have to hold before a client's requests are handed in.
    fn request_claims(&self, bundle: &Bundle, claims: &mut Vec<Claim>) {
        let _ = (bundle, claims);
    }
}

/// What comes in.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Input<M> {
    /// A verified message of a peer.
    Receive {
        /// Who sent it.
        from: NodeId,
        /// What it says.
        message: M,
    },
    /// The node's clock has reached the deadline.
    DeadlineReached,
    /// Commands of clients, in order.
    Propose(Vec<Proposal>),
    /// Commands of clients under their signatures, which hold; for protocols that order no others.
    Requests(Vec<Arc<Bundle>>),
    /// A message of this peer came with a signature that does not hold; it is not handed in. Whether the peer has
    /// forged it or was sent it is not known.
    Forged {
        /// Whose channel it came on.
        from: NodeId,
    },
    /// The write of this ticket, and all before it, are durable.
    Written(Ticket),
    /// The state machine has applied everything up to and including `through`.
    Applied {
        /// Last applied index.
        through: LogIndex,
        /// Results of the applied commands of clients, in log order.
        results: Vec<Applied>,
    },
    /// An operator asks for other members.
    Reconfigure(MembershipChange),
    /// The snapshot that [`Effect::Snapshot`] asked for is made.
    SnapshotTaken {
        /// The last entry applied to the state that it holds.
        index: LogIndex,
        /// Digest of that state.
        digest: Digest,
        /// State and sessions, as the machine writes them.
        #[serde(with = "crate::readable")]
        data: Bytes,
    },
    /// The part of the state that [`Effect::Project`] asked for.
    Projected {
        /// The last entry applied to the state that it is a part of.
        index: LogIndex,
        /// Digest of the part.
        digest: Digest,
        /// State and sessions, as the machine writes them.
        #[serde(with = "crate::readable")]
        data: Bytes,
    },
    /// Somebody asks for a snapshot now.
    TakeSnapshot,
    /// The state machine's next expiry is another one now: nothing in it expires before this log time.
    ExpiryAt(Option<Wall>),
    /// All whom the state machine's sessions record as convicted of lies: handed in where that has become more.
    Convicted(Vec<Conviction>),
    /// Reads of clients beside the log, in order.
    Read(Vec<ReadRequest>),
    /// Hand leadership over to this node; refused where the node does not lead.
    TransferLeadership {
        /// The next leader.
        to: NodeId,
    },
}

impl<M> Input<M> {
    /// The same input to a protocol with other messages; `None` where `own` makes none of this one's message.
    pub fn with_message<N>(self, own: impl FnOnce(M) -> Option<N>) -> Option<Input<N>> {
        Some(match self {
            Self::Receive { from, message } => Input::Receive { from, message: own(message)? },
            Self::DeadlineReached => Input::DeadlineReached,
            Self::Propose(proposals) => Input::Propose(proposals),
            Self::Requests(bundles) => Input::Requests(bundles),
            Self::Forged { from } => Input::Forged { from },
            Self::Written(ticket) => Input::Written(ticket),
            Self::Applied { through, results } => Input::Applied { through, results },
            Self::Reconfigure(change) => Input::Reconfigure(change),
            Self::SnapshotTaken { index, digest, data } => Input::SnapshotTaken { index, digest, data },
            Self::Projected { index, digest, data } => Input::Projected { index, digest, data },
            Self::TakeSnapshot => Input::TakeSnapshot,
            Self::ExpiryAt(at) => Input::ExpiryAt(at),
            Self::Convicted(convictions) => Input::Convicted(convictions),
            Self::Read(reads) => Input::Read(reads),
            Self::TransferLeadership { to } => Input::TransferLeadership { to },
        })
    }
}

/// A client's question that changes nothing, so that it needs no place in the log.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ReadRequest {
    /// Who asks.
    pub client: ClientId,
    /// The client's number for it.
    pub number: RequestNumber,
    /// What the answer must rest on.
    pub how: ReadHow,
    /// For the state machine.
    #[serde(with = "crate::readable")]
    pub query: Bytes,
}

/// What a read beside the log rests on (thesis §6.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ReadHow {
    /// A round of messages proves that the leader still leads. Linearizable.
    Index,
    /// The leader's lease proves it, as long as clocks keep their bound. Linearizable; a round where the lease
    /// has run out.
    Lease,
    /// Nothing: what this node has applied, however old that is.
    Stale,
}

/// The result of one applied command.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Applied {
    /// Its index.
    pub index: LogIndex,
    /// Whose command it was.
    pub client: ClientId,
    /// The client's number for it.
    pub number: RequestNumber,
    /// What the state machine answered.
    #[serde(with = "crate::readable")]
    pub result: Bytes,
}

/// What a client is told.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Outcome {
    /// Committed and applied; the state machine's answer.
    Applied {
        /// Where it stands in the log.
        index: LogIndex,
        /// What the state machine answered.
        #[serde(with = "crate::readable")]
        result: Bytes,
    },
    /// Refused before anything was appended: it has not happened and will not.
    NotLeader {
        /// Who may know better.
        leader: Option<NodeId>,
    },
    /// Refused before anything was appended: too much is waiting already.
    Overloaded,
    /// Appended, then the node lost its leadership: it may still happen.
    Unknown,
    /// Read beside the log.
    Read {
        /// The state machine had applied everything up to this index.
        index: LogIndex,
        /// What the answer rests on; `Stale` says that newer values may exist.
        how: ReadHow,
        /// What the state machine answered.
        #[serde(with = "crate::readable")]
        result: Bytes,
    },
    /// Refused before anything was appended, for good: the payload is longer than any entry may be.
    TooLarge {
        /// The payload's length in bytes.
        bytes: u64,
        /// What an entry may have.
        limit: u32,
    },
    /// A relaxed command is durable at its leader, and at nobody else for certain: not yet safe, and without a
    /// result. It may still be lost with its leader. [`Outcome::Applied`] follows where it is not.
    Accepted {
        /// Where it stands in that leader's log.
        index: LogIndex,
        /// The leader's term: the entry is lost where another term is committed at that index.
        term: Term,
    },
    /// Executed by this replica, which answers for itself alone: the client believes f+1 that agree.
    Replied(Box<Reply>),
}

/// What goes out, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect<M, H> {
    /// Send a message to a peer, not before `after` is durable.
    Send {
        /// To whom.
        to: NodeId,
        /// What.
        message: M,
        /// The write that makes the message true.
        after: Option<Ticket>,
    },
    /// Write to the store; report by [`Input::Written`].
    Write(Write<H>),
    /// Apply the committed entries from `from` to `through`, both included; report by [`Input::Applied`].
    Apply {
        /// First index to apply.
        from: LogIndex,
        /// Last index to apply.
        through: LogIndex,
    },
    /// Make a snapshot of the state as it is now, without stopping; report by [`Input::SnapshotTaken`].
    Snapshot {
        /// The last entry applied to that state.
        index: LogIndex,
    },
    /// Put the durable snapshot in the place of the state; report by [`Input::Applied`], without results.
    Restore {
        /// The snapshot's index.
        index: LogIndex,
    },
    /// Make a snapshot of these ranges of the state as it is now; report by [`Input::Projected`].
    Project {
        /// The last entry applied to that state.
        index: LogIndex,
        /// For whom.
        edge: Arc<Edge>,
    },
    /// Answer a client.
    Answer {
        /// Whom.
        client: ClientId,
        /// Which of its requests.
        number: RequestNumber,
        /// What.
        outcome: Outcome,
    },
    /// An invariant of our own does not hold: stop the node.
    Broken(&'static str),
    /// What happened, for people. Dropping it changes nothing.
    Note(Event),
    /// Ask the state machine, which has applied everything up to `index`, and answer the client by
    /// [`Outcome::Read`].
    Read {
        /// The question.
        request: ReadRequest,
        /// What must be applied before it is asked, and is.
        index: LogIndex,
        /// What the answer rests on.
        how: ReadHow,
    },
}
