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
//!    [`Protocol::request_claims`] list; of one that fails, [`Input::Forged`] tells whose channel it came on.
//!
//! Read `raft` next, or `record` for what executors publish.

use core::fmt::Debug;
use core::hash::Hash;

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::bft::evidence::Conviction;
use crate::bft::{Bundle, Reply, request};
use crate::crypto::Claim;
use crate::edge::Edge;
use crate::entry::Proposal;
use crate::event::Event;
use crate::membership::MembershipChange;
use crate::record::{AnyHard, AnyMessage, NodeStatus};
use crate::storage::{DiskImage, Hard, Write};
use crate::types::{ClientId, Digest, LogIndex, Mono, NodeId, Now, RequestNumber, Term, Ticket, Wall};

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

/// A message that leaves at once.
#[derive(Clone, Debug, PartialEq)]
pub struct Mail<M> {
    /// To whom.
    pub to: NodeId,
    /// What.
    pub message: M,
}

/// A reused buffer of effects.
#[derive(Clone, Debug)]
pub struct Effects<M, H> {
    list: Vec<Effect<M, H>>,
    /// What an executor without a store sends: it waits for nothing.
    mail: Vec<Mail<M>>,
    listening: bool,
    executor: Executor,
}

/// What the executor of a buffer promises beyond the contract.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Executor {
    /// Nothing: it reports what it has done.
    #[default]
    Reports,
    /// It does everything at once.
    Immediate,
    /// It does, and keeps nothing: what a node holds in memory is its store.
    InMemory,
}

impl<M, H> Default for Effects<M, H> {
    fn default() -> Self {
        Self { list: Vec::new(), mail: Vec::new(), listening: false, executor: Executor::Reports }
    }
}

impl<M, H> Effects<M, H> {
    /// An empty buffer that drops notes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty buffer that keeps notes.
    #[must_use]
    pub fn listening() -> Self {
        Self { listening: true, ..Self::default() }
    }

    /// An empty buffer for an executor that carries out what a step writes, applies and restores at once: before it
    /// sends, answers, or steps again. All of that counts as done when the step ends and is not reported, save for the
    /// results that clients wait for, by [`Input::Applied`].
    #[must_use]
    pub fn immediate() -> Self {
        Self { executor: Executor::Immediate, ..Self::default() }
    }

    /// An empty buffer for an executor without a store, which is [immediate](Effects::immediate) in all else: nothing
    /// is handed out to be written, and what is to be applied is read from the node. Messages, which wait for nothing,
    /// are collected apart, in [`Effects::mail`]. A cluster that lives and dies with its process needs no second copy of
    /// every log.
    #[must_use]
    pub fn in_memory() -> Self {
        Self { executor: Executor::InMemory, ..Self::default() }
    }

    /// An empty buffer for the same executor, for a protocol that runs inside of another one.
    #[must_use]
    pub fn alike<N, I>(&self) -> Effects<N, I> {
        Effects { list: Vec::new(), mail: Vec::new(), listening: self.listening, executor: self.executor }
    }

    /// Whether what a step asks for counts as done when the step ends.
    #[inline]
    #[must_use]
    pub fn is_immediate(&self) -> bool {
        self.executor != Executor::Reports
    }

    /// Whether it was made by [`Effects::in_memory`].
    #[inline]
    #[must_use]
    pub fn is_in_memory(&self) -> bool {
        self.executor == Executor::InMemory
    }

    /// Room is made first, so that the effect is put together where it stays: pushed as a value it would be copied,
    /// and the copy would wait for stores that have just been made. For what each commit needs; the rest is pushed
    /// as usual, which is less code.
    #[inline(always)]
    fn push(&mut self, effect: impl FnOnce() -> Effect<M, H>) {
        self.list.extend(core::iter::once_with(effect));
    }

    /// Queues a message that promises nothing that is not durable yet, or names the write that it waits for.
    #[inline]
    pub fn send(&mut self, to: NodeId, message: M, after: Option<Ticket>) {
        if self.is_in_memory() {
            return self.mail.extend(core::iter::once_with(|| Mail { to, message }));
        }
        self.push(|| Effect::Send { to, message, after });
    }

    /// Messages to others, in order, for the executor of [`Effects::in_memory`] to take.
    pub fn mail(&mut self) -> &mut Vec<Mail<M>> {
        &mut self.mail
    }

    /// Queues a write, which is put together where it stays.
    #[inline]
    pub fn write(&mut self, write: impl FnOnce() -> Write<H>) {
        self.push(|| Effect::Write(write()));
    }

    /// Queues the application of committed entries.
    #[inline]
    pub fn apply(&mut self, from: LogIndex, through: LogIndex) {
        self.push(|| Effect::Apply { from, through });
    }

    /// Asks for a snapshot of the state as it is now.
    #[inline]
    pub fn snapshot(&mut self, index: LogIndex) {
        self.list.push(Effect::Snapshot { index });
    }

    /// Puts the durable snapshot in the place of the state.
    #[inline]
    pub fn restore(&mut self, index: LogIndex) {
        self.list.push(Effect::Restore { index });
    }

    /// Asks for a snapshot of a part of the state as it is now.
    pub fn project(&mut self, index: LogIndex, edge: Arc<Edge>) {
        self.list.push(Effect::Project { index, edge });
    }

    /// Queues an answer to a client.
    #[inline]
    pub fn answer(&mut self, client: ClientId, number: RequestNumber, outcome: Outcome) {
        // Replicas that ask like clients see by themselves what comes of it.
        if !request::is_node(client) {
            self.push(|| Effect::Answer { client, number, outcome });
        }
    }

    /// Queues a read of the state machine.
    #[inline]
    pub fn read(&mut self, request: ReadRequest, index: LogIndex, how: ReadHow) {
        self.list.push(Effect::Read { request, index, how });
    }

    /// Notes an event; the closure runs only where somebody listens.
    #[inline]
    pub fn note(&mut self, event: impl FnOnce() -> Event) {
        if self.listening {
            self.list.push(Effect::Note(event()));
        }
    }

    /// Halts the node where one fact of ours does not hold. Returns whether it holds.
    #[inline]
    pub fn check(&mut self, holds: bool, fact: &'static str) -> bool {
        if !holds {
            self.list.push(Effect::Broken(fact));
        }
        holds
    }

    /// Takes the effects in order and leaves the buffer empty with its memory.
    pub fn drain(&mut self) -> std::vec::Drain<'_, Effect<M, H>> {
        self.list.drain(..)
    }

    /// The effects in order, for an executor that takes from them what it needs and then [clears](Self::clear) the
    /// buffer: nothing is copied that stays.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Effect<M, H>> {
        self.list.iter_mut()
    }

    /// Empties the buffer and keeps its memory.
    pub fn clear(&mut self) {
        self.list.clear();
    }

    /// The effects so far.
    #[must_use]
    pub fn as_slice(&self) -> &[Effect<M, H>] {
        &self.list
    }

    /// Whether nothing was written down.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}
