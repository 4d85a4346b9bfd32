//! Do all nodes execute the same?
//!
//! Whoever applies an entry, or stands at an index when a snapshot is made or
//! installed, is compared with whoever was there first. What is found is kept
//! here for all checkers of a run.

use std::sync::Arc;

use litemap::LiteMap;
use quorumscope_core::entry::{Entry, EntryKind};
use quorumscope_core::types::{Digest, LogIndex, NodeId, Time};

use super::oracle::{Finding, position};
use super::property::STATE_MACHINE_SAFETY;
use crate::trace::view::Violation;

/// How often one property is reported in a run: a broken world breaks at every event.
pub(super) const MAX_FINDINGS_PER_PROPERTY: u32 = 16;

/// An entry as some node applied it first.
#[derive(Clone, Debug)]
struct FirstApplied {
    entry: Arc<Entry>,
    by: NodeId,
}

/// What was executed first at each index, and what contradicts it.
#[derive(Clone, Debug, Default)]
pub(super) struct Execution {
    /// By index: what was applied first, and by whom.
    applied: Arc<Vec<Option<FirstApplied>>>,
    /// By index: the state of whoever stood there first when a snapshot was made or installed.
    states: Arc<LiteMap<LogIndex, (Digest, NodeId)>>,
    findings: Vec<Violation>,
    reported: LiteMap<&'static str, u32>,
}

impl Execution {
    /// The node applied an entry.
    pub(super) fn applied(&mut self, at: Time, node: NodeId, entry: &Arc<Entry>) {
        if entry.kind == EntryKind::Elided {
            return; // Its log and its state are compared; what it applied is another entry's digest.
        }
        let slot = position(entry.index);
        if let Some(Some(FirstApplied { entry: first, by })) = self.applied.get(slot) {
            if Arc::ptr_eq(first, entry) || first == entry {
                return;
            }
            let (here, there) = describe_both(entry, first);
            let detail = format!("{node} applied {here} at index {}, where {by} applied {there}", entry.index);
            self.report(at, Some(node), (STATE_MACHINE_SAFETY, detail));
            return;
        }
        let applied = Arc::make_mut(&mut self.applied);
        if applied.len() <= slot {
            applied.resize(slot + 1, None);
        }
        applied[slot] = Some(FirstApplied { entry: Arc::clone(entry), by: node });
    }

    /// The node's state at `index` is this: it made a snapshot of it, or installed one.
    pub(super) fn state(&mut self, at: Time, node: NodeId, index: LogIndex, state: Digest) {
        let Some((first, by)) = self.states.get(&index) else {
            Arc::make_mut(&mut self.states).insert(index, (state, node));
            return;
        };
        if *first != state {
            let detail = format!("the state of {node} at index {index} is {state}, and that of {by} was {first}");
            self.report(at, Some(node), (STATE_MACHINE_SAFETY, detail));
        }
    }

    /// Keeps a contradiction.
    pub(super) fn report(&mut self, at: Time, node: Option<NodeId>, (property, detail): Finding) {
        let count = self.reported.entry(property).or_default();
        *count += 1;
        if *count <= MAX_FINDINGS_PER_PROPERTY {
            self.findings.push(Violation { at, node, property: property.into(), detail });
        }
    }

    /// Newly broken.
    pub(super) fn take_findings(&mut self) -> Vec<Violation> {
        std::mem::take(&mut self.findings)
    }
}

/// An entry in a sentence: term and whose command it is.
pub(super) fn describe(entry: &Entry) -> String {
    let what = match entry.kind {
        EntryKind::Command => format!("{} {}", entry.client, entry.number),
        EntryKind::Configuration => "a configuration".into(),
        EntryKind::NoOp => "a no-op".into(),
        EntryKind::Tick => "a tick".into(),
        EntryKind::Elided => format!("{} {} without its body", entry.client, entry.number),
    };
    let (own, instance) = (entry.term.within_instance(), entry.term.instance());
    if instance == 0 { format!("{what} ({own})") } else { format!("{what} ({own} of instance {instance})") }
}

/// Two different entries in a sentence: what sets them apart stands in it.
pub(super) fn describe_both(one: &Entry, other: &Entry) -> (String, String) {
    let (first, second) = (describe(one), describe(other));
    if first != second {
        return (first, second);
    }
    let dated = |text: String, entry: &Entry| format!("{text} with log time {} µs", entry.log_time);
    if one.log_time != other.log_time {
        return (dated(first, one), dated(second, other));
    }
    (first, format!("another {second}"))
}
