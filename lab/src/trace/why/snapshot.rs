//! Which words belong to what a node noted about snapshots?
//!
//! The part of `event` that speaks of Raft paper §7; arms stand there.

use quorumscope_core::event::SnapshotReason;
use quorumscope_core::raft::Rule;
use quorumscope_core::types::{LogIndex, NodeId, Term};

use super::Explanation;
use crate::trace::words::{count_of_entries, fill, pair, paper, principle, snapshot as text, span};

pub(super) fn started(node: NodeId, index: LogIndex, previous: LogIndex, reason: SnapshotReason) -> Explanation {
    let reason = match reason {
        SnapshotReason::Entries(count) => fill(text::BY_ENTRIES, &[("count", &count_of_entries(count))]),
        SnapshotReason::Bytes(bytes) => fill(text::BY_BYTES, &[("bytes", &bytes)]),
        SnapshotReason::Interval(age) => fill(text::BY_INTERVAL, &[("age", &span(age))]),
        SnapshotReason::ByHand => text::BY_HAND.into(),
    };
    Explanation::of(fill(text::STARTED, &[("node", &node), ("index", &index), ("reason", &reason)]))
        .because(principle::SNAPSHOT, paper::COMPACTION)
        .by(&[Rule::SnapshotCarriesSessions])
        .with([("last included index", index.to_string()), ("snapshot before it", previous.to_string())])
}

pub(super) fn compacted(node: NodeId, snapshot: LogIndex, bytes: u64, base: LogIndex, dropped: u64) -> Explanation {
    let entries = count_of_entries(dropped);
    let template = if dropped == 0 { text::COMPACTED_NOTHING } else { text::COMPACTED };
    Explanation::of(fill(
        template,
        &[("node", &node), ("index", &snapshot), ("bytes", &bytes), ("entries", &entries), ("base", &base)],
    ))
    .because(principle::SNAPSHOT, paper::COMPACTION)
    .with([
        ("last included index", snapshot.to_string()),
        ("bytes", bytes.to_string()),
        ("log goes on after", base.to_string()),
    ])
}

pub(super) fn feeder(leader: NodeId, fed: NodeId, feeder: Option<NodeId>) -> Explanation {
    let (template, name) = match feeder {
        Some(feeder) => (text::FEEDER_CHOSEN, feeder),
        None => (text::FEEDER_GONE, leader),
    };
    Explanation::of(fill(template, &[("leader", &leader), ("fed", &fed), ("feeder", &name)]))
        .because(principle::FEEDER, paper::NONE)
        .by(&[Rule::FeederSendsCommitted])
}

pub(super) fn projection(node: NodeId, edge: NodeId, index: LogIndex, bytes: u64) -> Explanation {
    let values: [(&str, &dyn core::fmt::Display); 4] =
        [("node", &node), ("edge", &edge), ("index", &index), ("bytes", &bytes)];
    Explanation::of(fill(text::PROJECTION, &values))
        .because(principle::EDGE, paper::NONE)
        .by(&[Rule::EdgeStartsAnew])
        .with([("last included index", index.to_string()), ("bytes", bytes.to_string())])
}

pub(super) fn transfer_started(
    node: NodeId,
    follower: NodeId,
    next: LogIndex,
    base: LogIndex,
    index: LogIndex,
    bytes: u64,
) -> Explanation {
    Explanation::of(fill(
        text::TRANSFER_STARTED,
        &[
            ("node", &node),
            ("follower", &follower),
            ("next", &next),
            ("base", &base),
            ("index", &index),
            ("bytes", &bytes),
        ],
    ))
    .because(principle::INSTALL, paper::INSTALL)
    .with([
        ("nextIndex", next.to_string()),
        ("log starts after", base.to_string()),
        ("last included index", index.to_string()),
        ("bytes", bytes.to_string()),
    ])
}

pub(super) fn transfer_resumed(node: NodeId, follower: NodeId, index: LogIndex, offset: u64) -> Explanation {
    Explanation::of(fill(
        text::TRANSFER_RESUMED,
        &[("node", &node), ("follower", &follower), ("index", &index), ("offset", &offset)],
    ))
    .because(principle::RESUME, paper::INSTALL)
    .by(&[Rule::SnapshotRetry])
    .with([("last included index", index.to_string()), ("offset", offset.to_string())])
}

pub(super) fn transfer_ended(node: NodeId, follower: NodeId, index: LogIndex) -> Explanation {
    Explanation::of(fill(text::TRANSFER_ENDED, &[("node", &node), ("follower", &follower), ("index", &index)]))
        .because(principle::INSTALLED, paper::INSTALL)
        .by(&[Rule::SnapshotDurableBeforeReply])
        .with([("last included index", index.to_string())])
}

pub(super) fn accepted(
    node: NodeId,
    leader: NodeId,
    last: (LogIndex, Term),
    bytes: u64,
    superseded: LogIndex,
) -> Explanation {
    let (index, last) = (last.0, pair(last.0, last.1));
    Explanation::of(fill(text::ACCEPTED, &[("node", &node), ("leader", &leader), ("index", &index)]))
        .because(principle::INSTALLED, paper::INSTALL)
        .by(&[Rule::SnapshotDurableBeforeReply, Rule::StaleSnapshotIgnored])
        .with([
            ("last included", last),
            ("bytes", bytes.to_string()),
            ("last index of the log before", superseded.to_string()),
        ])
}

pub(super) fn not_needed(node: NodeId, leader: NodeId, index: LogIndex, commit: LogIndex) -> Explanation {
    let template = if index <= commit { text::STALE } else { text::HELD };
    Explanation::of(fill(template, &[("node", &node), ("leader", &leader), ("index", &index), ("commit", &commit)]))
        .because(principle::KEEP_LOG, paper::INSTALL)
        .by(&[Rule::StaleSnapshotIgnored, Rule::SnapshotKeepsNewerLog])
        .with([("last included index", index.to_string()), ("commit index", commit.to_string())])
}

pub(super) fn parts_dropped(
    node: NodeId,
    leader: NodeId,
    index: LogIndex,
    received: u64,
    by: Option<LogIndex>,
) -> Explanation {
    let (template, principle) = match by {
        Some(_) => (text::PARTS_SUPERSEDED, principle::INSTALL),
        None => (text::PARTS_NOT_NEEDED, principle::KEEP_LOG),
    };
    let by = by.unwrap_or_default();
    let values: [(&str, &dyn core::fmt::Display); 5] =
        [("node", &node), ("leader", &leader), ("index", &index), ("bytes", &received), ("by", &by)];
    Explanation::of(fill(template, &values))
        .because(principle, paper::INSTALL)
        .with([("last included index", index.to_string()), ("bytes", received.to_string())])
}

pub(super) fn restored(node: NodeId, index: LogIndex) -> Explanation {
    Explanation::of(fill(text::RESTORED, &[("node", &node), ("index", &index)]))
        .because(principle::INSTALLED, paper::INSTALL)
        .with([("last included index", index.to_string())])
}
