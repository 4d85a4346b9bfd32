//! What happened at a replica of the two rounds, and why?
//!
//! Typed, in the past tense, with the values that decided. Dropping every one
//! changes nothing else.

use serde::{Deserialize, Serialize};

use crate::crypto::Hash256;
use crate::types::{LogIndex, NodeId, Sequence, Span, Term};

/// Something that a replica did or noticed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Event {
    /// The replica started from its store.
    Recovered {
        /// Its term.
        term: Term,
        /// The last place whose entries are in its log.
        committed: Sequence,
    },
    /// A follower passed requests on to the leader.
    RequestsRelayed {
        /// To whom.
        leader: NodeId,
        /// How many bundles.
        bundles: u64,
    },
    /// The leader put a batch behind its history.
    Proposed {
        /// In this term.
        term: Term,
        /// Where.
        sequence: Sequence,
        /// The chain hash after it.
        hash: Hash256,
        /// How many requests it holds.
        requests: u64,
    },
    /// A follower took a link.
    LinkAccepted {
        /// In this term.
        term: Term,
        /// Where.
        sequence: Sequence,
        /// The chain hash after it.
        hash: Hash256,
    },
    /// A follower refused a link.
    LinkRefused {
        /// In this term.
        term: Term,
        /// Where.
        sequence: Sequence,
        /// Why.
        reason: Refusal,
    },
    /// The replica holds a higher prepare certificate: the first round is over for all that it covers.
    Prepared {
        /// The certificate's term.
        term: Term,
        /// Where the history ends that it covers.
        sequence: Sequence,
        /// That history.
        hash: Hash256,
        /// Who acknowledged it.
        by: Vec<NodeId>,
    },
    /// The replica holds a commit certificate: the second round is over.
    Committed {
        /// The certificate's term.
        term: Term,
        /// Where the history ends that it covers.
        sequence: Sequence,
        /// That history.
        hash: Hash256,
        /// Who named the prepare certificate.
        by: Vec<NodeId>,
    },
    /// A committed batch became entries of the log.
    Executed {
        /// Where.
        sequence: Sequence,
        /// How many entries.
        entries: u64,
        /// The log's last index after it.
        last: LogIndex,
    },
    /// Another replica proved what is committed.
    CaughtUp {
        /// Up to here.
        sequence: Sequence,
        /// Who sent it.
        from: NodeId,
    },
    /// The replica wishes for another term. It goes on in its own.
    Wished {
        /// For this one.
        term: Term,
        /// Why.
        reason: WishReason,
    },
    /// The replica left all terms before one.
    TermAdopted {
        /// The term before.
        from: Term,
        /// The one that it takes part in from here on.
        to: Term,
    },
    /// The one whose turn a term is counted a vote.
    VoteCounted {
        /// For this term.
        term: Term,
        /// Whose.
        from: NodeId,
        /// How many there are.
        count: u32,
        /// How many are needed.
        needed: u32,
    },
    /// A quorum has voted: the term begins.
    TermEntered {
        /// Which.
        term: Term,
        /// Its leader.
        leader: NodeId,
        /// The highest certificate among the votes, from which its history goes on.
        goes_on: Option<(Term, Sequence)>,
    },
    /// The state at a checkpoint was hashed and signed.
    CheckpointTaken {
        /// Where.
        sequence: Sequence,
        /// The last entry in it.
        index: LogIndex,
        /// The hash of the snapshot.
        snapshot: Hash256,
    },
    /// A quorum has signed a checkpoint.
    CheckpointStable {
        /// Where.
        sequence: Sequence,
        /// Who signed.
        by: Vec<NodeId>,
        /// Whether this replica has the state.
        held: bool,
    },
    /// The replica began to fetch the state of a checkpoint.
    TransferBegan {
        /// Of this one.
        sequence: Sequence,
        /// From whom.
        from: NodeId,
        /// How many bytes there are.
        bytes: u64,
    },
    /// A snapshot did not have the proven hash and was thrown away.
    TransferSpoilt {
        /// Of this one.
        sequence: Sequence,
        /// Who sent all of it, where it was one.
        by: Option<NodeId>,
    },
    /// The state of a checkpoint took the place of the replica's own.
    Transferred {
        /// Of this one.
        sequence: Sequence,
        /// The last entry in it.
        index: LogIndex,
    },
    /// The replica waits for something and asked for what is missing.
    AskedForMissing {
        /// The last place that it has executed.
        committed: Sequence,
    },
    /// The replica acknowledges nothing more in this instance.
    Stopped {
        /// Its highest prepare certificate.
        prepared: Option<(Term, Sequence)>,
    },
    /// A message came with a signature that does not hold.
    Forged {
        /// On whose channel.
        from: NodeId,
    },
    /// A message was of no use.
    Ignored {
        /// From whom.
        from: NodeId,
        /// Why.
        reason: Ignored,
    },
}

/// Why a replica wishes for another term.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum WishReason {
    /// A request waited for so long.
    RequestWaited(Span),
    /// The term did not begin within this time.
    LeadMissing(Span),
}

/// Why a link is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Refusal {
    /// The leader has put something else there, in the same term.
    OtherHash {
        /// What was accepted before.
        accepted: Hash256,
    },
    /// The log time is not believed.
    LogTime,
    /// No honest leader makes it.
    Malformed,
    /// It lies too far behind the stable checkpoint.
    OutsideWindow,
}

/// Why a message is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Ignored {
    /// Its sender does not vote.
    NotAVoter,
    /// Its sender does not lead the term.
    NotTheLeader,
    /// No honest replica says it.
    Malformed,
    /// It is about a term that is over.
    OldTerm,
    /// It is about a term that has not begun here.
    LaterTerm,
    /// It acknowledges a history that is not the leader's.
    OtherHistory,
    /// The history with which the term began is not here yet.
    NotRooted,
    /// It was not asked for, or is known.
    NotNeeded,
}
