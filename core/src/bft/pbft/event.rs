//! What happened at a PBFT replica, and why?
//!
//! Typed events in the past tense with the values that decided, as in
//! [`event`](crate::event). Dropping every one changes nothing else.

use serde::{Deserialize, Serialize};

use crate::crypto::Hash256;
use crate::types::{LogIndex, NodeId, Sequence, Span, Term};

/// Something that a replica did or noticed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Event {
    /// The replica started from its store.
    Recovered {
        /// Its view.
        view: Term,
        /// Whether it was changing views.
        changing: bool,
        /// Its stable checkpoint.
        stable: Sequence,
        /// The last sequence number whose entries are in its log.
        executed: Sequence,
    },
    /// A backup passed requests on to the primary (§4.1).
    RequestsRelayed {
        /// To whom.
        primary: NodeId,
        /// How many bundles.
        bundles: u64,
    },
    /// The primary gave a batch its sequence number (§4.2).
    Proposed {
        /// In this view.
        view: Term,
        /// Which number.
        sequence: Sequence,
        /// The hash of batch and view.
        hash: Hash256,
        /// How many requests it holds.
        requests: u64,
    },
    /// A backup accepted a pre-prepare and said so (§4.2).
    PrePrepareAccepted {
        /// In this view.
        view: Term,
        /// Which number.
        sequence: Sequence,
        /// What stands there.
        hash: Hash256,
    },
    /// A backup refused a pre-prepare (§4.2).
    PrePrepareRefused {
        /// In this view.
        view: Term,
        /// Which number.
        sequence: Sequence,
        /// Why.
        reason: Refusal,
    },
    /// A pre-prepare and enough prepares are here (§4.2: `prepared`).
    Prepared {
        /// In this view.
        view: Term,
        /// Which number.
        sequence: Sequence,
        /// What.
        hash: Hash256,
        /// Who said so, the primary included.
        by: Vec<NodeId>,
        /// How many had to.
        needed: u32,
    },
    /// Enough commits are here (§4.2: `committed-local`).
    Committed {
        /// In this view.
        view: Term,
        /// Which number.
        sequence: Sequence,
        /// What.
        hash: Hash256,
        /// Who said so.
        by: Vec<NodeId>,
    },
    /// All before it is executed, and now so is this: its entries are in the log.
    Executed {
        /// Which number.
        sequence: Sequence,
        /// How many entries.
        entries: u64,
        /// The log's last index after it.
        last: LogIndex,
    },
    /// Another replica proved that a value is committed (the message was missed).
    CaughtUp {
        /// Which number.
        sequence: Sequence,
        /// Who sent it.
        from: NodeId,
    },
    /// The state at a checkpoint was hashed and signed (§4.3).
    CheckpointTaken {
        /// Which number.
        sequence: Sequence,
        /// The last entry in it.
        index: LogIndex,
        /// The hash of the snapshot.
        snapshot: Hash256,
    },
    /// A quorum has signed a checkpoint: the log before it may go (§4.3).
    CheckpointStable {
        /// Which number.
        sequence: Sequence,
        /// Who signed.
        by: Vec<NodeId>,
        /// Whether this replica has the state.
        held: bool,
    },
    /// The timer of the oldest request was set (§4.5.2).
    RequestTimerSet {
        /// How long it runs.
        timeout: Span,
        /// After how many view changes in a row.
        attempts: u32,
    },
    /// The replica left its view (§4.4).
    ViewChangeBegan {
        /// The view that it left.
        from: Term,
        /// The one that it asks for.
        to: Term,
        /// Why.
        reason: ViewChangeReason,
    },
    /// A view change arrived (§4.4).
    ViewChangeCounted {
        /// For this view.
        view: Term,
        /// From whom.
        from: NodeId,
        /// How many there are for the replica's own view.
        count: u32,
        /// How many make a new view.
        needed: u32,
    },
    /// The new primary has enough view changes and made a new view of them (§4.4).
    NewViewMade {
        /// The view.
        view: Term,
        /// Whose view changes it rests on.
        by: Vec<NodeId>,
        /// min-s: it begins after this checkpoint.
        after: Sequence,
        /// max-s: it orders again up to this number.
        through: Sequence,
    },
    /// A new view was refused (§4.4).
    NewViewRefused {
        /// The view.
        view: Term,
        /// Why.
        reason: NewViewRefusal,
    },
    /// The replica takes part in a new view (§4.4).
    ViewEntered {
        /// The view.
        view: Term,
        /// Its primary.
        primary: NodeId,
        /// How many values it orders again.
        reordered: u64,
        /// How many of their bodies are not here.
        missing: u64,
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
        /// The last sequence number that it has executed.
        executed: Sequence,
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

/// Why a pre-prepare is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Refusal {
    /// The primary has ordered something else there, in the same view.
    OtherDigest {
        /// What was accepted before.
        accepted: Hash256,
    },
    /// The log time is not believed.
    LogTime,
    /// No honest primary makes such a batch.
    Malformed,
    /// Something else is committed there.
    Decided,
}

/// Why a replica leaves a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ViewChangeReason {
    /// A request waited for so long.
    RequestWaited(Span),
    /// The new view did not begin within this time.
    NewViewMissing(Span),
    /// f+1 others, at least one honest among them, have left it (§4.5.2).
    OthersLeft {
        /// How many.
        others: u32,
    },
}

/// Why a new view is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum NewViewRefusal {
    /// Its view changes are not of a quorum, or not for this view, or malformed.
    ViewChanges,
    /// It does not follow from its view changes.
    DoesNotFollow,
}

/// Why a message is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Ignored {
    /// Its sender does not vote.
    NotAVoter,
    /// No honest replica says it.
    Malformed,
    /// It is about a view that is over.
    OldView,
    /// It is about a view that has not begun here.
    LaterView,
    /// Its sequence number lies outside of the window.
    OutsideWindow,
    /// It was not asked for, or is known.
    NotNeeded,
}
