//! What can a person or a scenario ask for?
//!
//! The one way back from what is shown to what runs: each command is recorded
//! like everything else. The simulated world carries out all of them; a native
//! host those that a real machine can, and refuses the others by name.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::Endpoint;
use crate::entry::Class;
use crate::membership::MembershipChange;
use crate::protocol::ReadHow;
use crate::types::{NodeId, RecordId, Span};

/// What a person or a scenario asks the world, or a live cluster, to do.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Command {
    /// A client proposes an operation, at this node or where it believes the leader to be.
    Propose {
        /// Where; `None` leaves it to the client.
        to: Option<NodeId>,
        /// The operation, encoded for the state machine.
        #[serde(with = "crate::readable")]
        operation: Bytes,
    },
    /// Crash a node.
    Crash(NodeId),
    /// Start a crashed node from its store.
    Restart(NodeId),
    /// Stop a node from reacting.
    Pause(NodeId),
    /// Let a paused node go on.
    Resume(NodeId),
    /// Fire a node's timer now.
    Timeout(NodeId),
    /// Cut one direction of a link.
    Cut {
        /// From.
        from: Endpoint,
        /// To.
        to: Endpoint,
    },
    /// Mend one direction of a link.
    Mend {
        /// From.
        from: Endpoint,
        /// To.
        to: Endpoint,
    },
    /// Only nodes of one group hear each other; clients hear all. Replaces all cuts.
    Partition(Vec<Vec<NodeId>>),
    /// Mend all links.
    Heal,
    /// Stop a message on its way.
    Hold(RecordId),
    /// Lose a message on its way.
    Drop(RecordId),
    /// Deliver a message now.
    Deliver(RecordId),
    /// Send a second copy of a message on its way.
    Duplicate(RecordId),
    /// Move a node's clocks forward.
    Skew {
        /// Which node.
        node: NodeId,
        /// By how much.
        by: Span,
    },
    /// Set a node's clock rate, in parts per million of global time.
    Drift {
        /// Which node.
        node: NodeId,
        /// The rate.
        rate_ppm: u32,
    },
    /// Set the write latency of a node's disk, uniform between two values.
    Disk {
        /// Which node.
        node: NodeId,
        /// Shortest and longest.
        latency: (Span, Span),
    },
    /// Set the loss rate of all links, in parts per million.
    Loss {
        /// The rate.
        ppm: u32,
    },
    /// Set the duplication rate of all links, in parts per million.
    Duplication {
        /// The rate.
        ppm: u32,
    },
    /// Set the one-way latency of all links, uniform between two values.
    Latency {
        /// Shortest and longest.
        between: (Span, Span),
    },
    /// A node's store is gone; it must be down.
    LoseDisk(NodeId),
    /// An operator asks a node for other members.
    Reconfigure {
        /// Which node; only the leader changes anything.
        node: NodeId,
        /// What.
        change: MembershipChange,
    },
    /// Nodes join as edges.
    Subscribe {
        /// Which node is asked: it refuses where it does not lead.
        node: NodeId,
        /// Who joins.
        edges: Vec<NodeId>,
        /// What they hold: the ranges of these names.
        keys: Vec<String>,
    },
    /// A node makes a snapshot of its state now.
    Snapshot(NodeId),
    /// A leader hands its leadership over.
    Transfer {
        /// Which node is asked: it refuses where it does not lead.
        from: NodeId,
        /// The next leader.
        to: NodeId,
    },
    /// A client reads beside the log, at this node or where it believes the leader to be.
    Read {
        /// Where; `None` leaves it to the client.
        to: Option<NodeId>,
        /// What the answer must rest on.
        how: ReadHow,
        /// The question, encoded for the state machine.
        #[serde(with = "crate::readable")]
        query: Bytes,
    },
    /// A client proposes an operation of another class than its own.
    ProposeAs {
        /// Where; `None` leaves it to the client.
        to: Option<NodeId>,
        /// The operation, encoded for the state machine.
        #[serde(with = "crate::readable")]
        operation: Bytes,
        /// Its class.
        class: Class,
    },
    /// Nodes lie from now on; several of them do it together.
    Byzantine {
        /// Who lies.
        nodes: Vec<NodeId>,
        /// How, by name, in the order in which what they send passes through it.
        tricks: Vec<String>,
        /// Whom it is meant for, nodes and clients; nobody named: the run's seed decides.
        against: Vec<Endpoint>,
    },
}
