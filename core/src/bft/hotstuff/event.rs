//! What happened in HotStuff, and why?
//!
//! Typed events in the past tense, each with the values that decided. They are
//! for people: dropping every one changes nothing else.

use serde::{Deserialize, Serialize};

use crate::crypto::Hash256;
use crate::types::{LogIndex, NodeId, Span, Term, Wall};

/// Something that a replica did or noticed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Event {
    /// The replica is in another view.
    ViewEntered {
        /// Which.
        view: Term,
        /// Who leads it.
        leader: NodeId,
        /// Why.
        reason: ViewReason,
    },
    /// The leader proposed a block (§5).
    Proposed {
        /// Its view.
        view: Term,
        /// The block.
        block: Hash256,
        /// The view of its parent, which its certificate certifies.
        justify: Term,
        /// How many requests it has.
        requests: u64,
    },
    /// A replica voted (§5).
    Voted {
        /// In this view.
        view: Term,
        /// For this block.
        block: Hash256,
        /// The view of the block's parent.
        justify: Term,
        /// The view of what the voter is locked on.
        lock: Term,
    },
    /// A replica did not vote.
    VoteRefused {
        /// In this view.
        view: Term,
        /// For this block.
        block: Hash256,
        /// Why.
        reason: VoteRefusal,
    },
    /// A vote arrived.
    VoteCounted {
        /// Its view.
        view: Term,
        /// For this block.
        block: Hash256,
        /// Whose.
        voter: NodeId,
        /// How many are here.
        have: u32,
        /// How many must be.
        needed: u32,
        /// Whether it came inside a timeout.
        in_timeout: bool,
    },
    /// Enough votes are here (§4.2, "QC").
    CertificateFormed {
        /// The block's view.
        view: Term,
        /// The block.
        block: Hash256,
        /// Who voted.
        voters: Vec<NodeId>,
    },
    /// The highest certificate is another one.
    HighCertificate {
        /// Its block's view.
        view: Term,
        /// Its block.
        block: Hash256,
    },
    /// A certified block has a certified child: the replica is locked on it (§5).
    Locked {
        /// Its view.
        view: Term,
        /// The block.
        block: Hash256,
    },
    /// A block has two certified descendants in the two views that follow: it is committed, with all before it (§5).
    Committed {
        /// Its view.
        view: Term,
        /// The block.
        block: Hash256,
        /// How many blocks were committed at once.
        blocks: u64,
        /// The last entry of the log now.
        index: LogIndex,
    },
    /// Three certified blocks follow each other, and yet nothing is committed: their views do not (§5).
    CommitHeld {
        /// Their views, the oldest first.
        views: [Term; 3],
    },
    /// A view has brought nothing in time, or enough others say so.
    TimedOut {
        /// Which.
        view: Term,
        /// How long it was waited for.
        waited: Span,
        /// How many others had given it up before.
        others: u32,
    },
    /// A timeout arrived.
    TimeoutCounted {
        /// Of this view.
        view: Term,
        /// Whose.
        voter: NodeId,
        /// How many are here.
        have: u32,
        /// How many must be.
        needed: u32,
    },
    /// Enough timeouts are here (DiemBFT v4, "TC").
    TimeoutCertificateFormed {
        /// Which view is given up.
        view: Term,
        /// The view of the highest certificate that they tell of.
        highest: Term,
    },
    /// A certified block is not here: it was asked for.
    FetchBegan {
        /// Which.
        block: Hash256,
        /// Of which view its certificate is.
        view: Term,
        /// Who was asked.
        from: NodeId,
    },
    /// Missing blocks are here.
    Fetched {
        /// How many.
        blocks: u64,
        /// The view of the newest.
        view: Term,
    },
    /// A state is proven by a quorum: what is before it may go.
    CheckpointStable {
        /// The last entry in it.
        index: LogIndex,
        /// Who signed.
        signers: Vec<NodeId>,
    },
    /// What is missing is gone everywhere: the proven state is fetched instead.
    TransferBegan {
        /// The last entry in it.
        index: LogIndex,
        /// From whom.
        from: NodeId,
        /// Its length in bytes.
        bytes: u64,
    },
    /// The bytes that arrived are not the proven state.
    TransferSpoilt {
        /// Who sent them all; `None` where they came from several.
        by: Option<NodeId>,
    },
    /// A proven state takes the place of log and state.
    StateInstalled {
        /// The last entry in it.
        index: LogIndex,
    },
    /// A message was of no use.
    Ignored {
        /// From whom.
        from: NodeId,
        /// Why.
        reason: IgnoreReason,
    },
    /// A message came with a signature that does not hold.
    Forged {
        /// On whose channel.
        from: NodeId,
    },
}

/// Why a view was entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ViewReason {
    /// The node started.
    Started,
    /// The view before has a certificate.
    Certificate,
    /// The view before was given up by a quorum.
    TimeoutCertificate,
    /// The replica's own timer ran out, and nobody was asked (the rule of timeout certificates is off).
    Alone,
}

/// Why a replica did not vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum VoteRefusal {
    /// It has voted in that view, or has given it up.
    Voted {
        /// No vote up to this view any more.
        voted: Term,
    },
    /// The block neither follows the locked one nor brings a later certificate (Algorithm 1, "safeNode").
    Unsafe {
        /// The view of the block's certificate.
        justify: Term,
        /// The view of the lock.
        lock: Term,
    },
    /// The block's log time is not believed.
    LogTime {
        /// What the leader stamped.
        stamp: Wall,
        /// The voter's own clock.
        clock: Wall,
    },
    /// The leader has proposed two blocks in one view.
    Equivocation,
    /// It has requests, and too many blocks before it are not committed.
    TooLong,
}

/// Why a message was ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum IgnoreReason {
    /// Its sender does not vote.
    NotAVoter,
    /// It is of a view that is over.
    Outdated,
    /// No honest replica sends it.
    Malformed,
    /// Its sender does not lead that view.
    NotTheLeader,
    /// Its certificate is of another view than its block.
    CertificateOfAnotherView,
    /// It was not asked for.
    NotAsked,
}
