//! On what does that which every run has rest, in each protocol: disks, the network, clients, commits?
//!
//! Records of a world's own say nothing of a protocol, and the rule behind them
//! is another one in each: what survives a crash is Raft's Figure 2 in Raft alone.
//! Words are in `words::rule` and in those of each protocol.

use quorumscope_core::rules::Rule;

use super::Explanation;
use crate::scenario::ProtocolName;
use crate::trace::words::{hotstuff, hybrid, paper, pbft, principle};

/// What of a node's state survives a restart, why, and which rules see to it.
pub(super) fn survives(start: Explanation, protocol: ProtocolName) -> Explanation {
    let (principle, rules): (_, &[Rule]) = match protocol {
        ProtocolName::Raft => (principle::PERSISTENT, &[Rule::PersistVoteBeforeReply, Rule::PersistAppendBeforeReply]),
        ProtocolName::Pbft => (
            pbft::principle::DURABLE,
            &[Rule::PbftPersistBeforePrepare, Rule::PbftPersistBeforeCommit, Rule::PbftPersistBeforeViewChange],
        ),
        ProtocolName::HotStuff => (hotstuff::principle::DURABLE, &[Rule::HotStuffPersistBeforeVote]),
        ProtocolName::Hybrid => (
            hybrid::principle::DURABLE,
            &[Rule::HybridPersistBeforeAck, Rule::HybridPersistBeforeVote, Rule::HybridPersistBeforeStop],
        ),
    };
    start.because(principle, disk(protocol)).by(rules)
}

/// Where it is written what has to be on disk.
pub(super) fn disk(protocol: ProtocolName) -> &'static str {
    match protocol {
        ProtocolName::Raft => paper::PERSISTENT,
        ProtocolName::Pbft => pbft::paper::NORMAL,
        ProtocolName::HotStuff => hotstuff::paper::DURABLE,
        ProtocolName::Hybrid => hybrid::paper::DURABLE,
    }
}

/// Where it is written what the network may do.
pub(super) fn network(protocol: ProtocolName) -> &'static str {
    if protocol.signs() { pbft::paper::MODEL } else { paper::NETWORK }
}

/// Where it is written what clients do; with a retry, and without.
pub(super) fn clients(protocol: ProtocolName) -> [&'static str; 2] {
    if protocol.signs() { [paper::REPLIES; 2] } else { [paper::SESSIONS, paper::CLIENTS] }
}

/// Where it is written that a state takes the place of a log.
pub(super) fn snapshot(protocol: ProtocolName) -> &'static str {
    if protocol.signs() { pbft::paper::CHECKPOINT } else { paper::COMPACTION }
}

/// What a commit rests on, and where that is written.
pub(super) fn commit(protocol: ProtocolName) -> (&'static str, &'static str) {
    match protocol {
        ProtocolName::Raft => (principle::COMMIT, paper::COMMIT),
        ProtocolName::Pbft => (pbft::principle::COMMITTED, pbft::paper::NORMAL),
        ProtocolName::HotStuff => (hotstuff::principle::COMMIT, hotstuff::paper::COMMIT),
        ProtocolName::Hybrid => (principle::IN_LOG_IS_COMMITTED, paper::NONE),
    }
}
