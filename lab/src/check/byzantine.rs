//! Do honest nodes agree, on what clients asked for, and for good?
//!
//! Agreement, validity and integrity, as every protocol owes them whose nodes
//! may lie. Only honest nodes are watched; what liars hold or say is no matter.
//! An entry counts as decided once an honest node believes it committed, or has
//! it in its log: it has put it there on a certificate. Logs of honest nodes are equal as far as they
//! go, hold nothing that no client sent, and lose nothing.

use std::sync::Arc;

use litemap::LiteMap;
use quorumscope_core::bft::request::identity;
use quorumscope_core::crypto::{Hash256, Identity};
use quorumscope_core::entry::{Entry, EntryKind, Proposal};
use quorumscope_core::log::Log;
use quorumscope_core::machine::any::AnyMachine;
use quorumscope_core::machine::session::Sessions;
use quorumscope_core::record::Role;
use quorumscope_core::storage::{DiskImage, Hard};
use quorumscope_core::types::{ClientId, Digest, LogIndex, NodeId, RequestNumber, Term, Time};

use super::early::{Committed, Name};
use super::execution::{Execution, describe, describe_both};
use super::oracle::{Finding, position};
use super::property::{AGREEMENT, COMMIT_IS_DECIDED, DURABILITY, INTEGRITY, LOG_TIME, VALIDITY};
use super::{Checks, Standing};
use crate::trace::view::Violation;

/// An entry as an honest node put it into its log first.
#[derive(Clone, Debug)]
struct Decided {
    entry: Arc<Entry>,
    by: NodeId,
}

/// The properties of one run in which nodes may lie.
#[derive(Clone, Debug, Default)]
pub struct ByzantineChecks {
    /// From index 1.
    decided: Arc<Vec<Decided>>,
    /// Decided and not yet told.
    fresh: Vec<(LogIndex, Term)>,
    /// What clients sent, by a hash of the payload: a client may send a number again, and never with other bytes.
    asked: Arc<LiteMap<(ClientId, RequestNumber), Hash256>>,
    /// The last index that a node's disk has held.
    durable: LiteMap<NodeId, LogIndex>,
    execution: Execution,
}

impl ByzantineChecks {
    fn report(&mut self, at: Time, node: NodeId, finding: Finding) {
        self.execution.report(at, Some(node), finding);
    }

    /// Compares an entry of an honest log with what is decided there, or decides it.
    fn take(&mut self, node: NodeId, entry: &Arc<Entry>) -> Option<Finding> {
        if let Some(known) = self.decided.get(position(entry.index)) {
            if Arc::ptr_eq(&known.entry, entry) || known.entry == *entry {
                return None;
            }
            let (here, there) = describe_both(entry, &known.entry);
            let detail = format!("{node} decided {here} at index {}, where {} decided {there}", entry.index, known.by);
            return Some((AGREEMENT, detail));
        }
        if self.decided.len() != position(entry.index) {
            let detail = format!("{node} decided index {}, and nobody has decided what comes before it", entry.index);
            return Some((INTEGRITY, detail));
        }
        let finding = self.unasked(node, entry).or_else(|| self.log_time_fell(node, entry));
        Arc::make_mut(&mut self.decided).push(Decided { entry: Arc::clone(entry), by: node });
        self.fresh.push((entry.index, entry.term));
        finding
    }

    /// A command that its client has not sent. What replicas ask for themselves is not looked at here.
    fn unasked(&self, node: NodeId, entry: &Entry) -> Option<Finding> {
        if entry.kind != EntryKind::Command || matches!(identity(entry.client), Identity::Node(_)) {
            return None;
        }
        let asked = self.asked.get(&(entry.client, entry.number));
        let same = asked.is_some_and(|asked| *asked == Hash256::of(&entry.payload));
        let detail =
            || format!("{node} decided {} at index {}, which its client never sent", describe(entry), entry.index);
        (!same).then(|| (VALIDITY, detail()))
    }

    fn log_time_fell(&self, node: NodeId, entry: &Entry) -> Option<Finding> {
        let before = self.decided.last()?.entry.log_time;
        let detail = || {
            let (index, at) = (entry.index, entry.log_time);
            format!("index {index} in the log of {node} has log time {at} µs, and the entry before it {before} µs")
        };
        (entry.log_time < before).then(|| (LOG_TIME, detail()))
    }

    /// What a disk holds now against what it held: nothing is lost, and all of it is decided.
    fn stored<H: Hard>(&mut self, at: Time, node: NodeId, image: &DiskImage<H>, from: LogIndex) {
        let last = image.last_index();
        let held = self.durable.insert(node, last).unwrap_or_default();
        if last < held {
            let detail = format!("{node} had what goes up to index {held} on its disk, and now only {last}");
            self.report(at, node, (DURABILITY, detail));
        }
        let from = from.0.max(image.base.index.next().0);
        let entries = image.entries(LogIndex(from), last).to_vec();
        for entry in &entries {
            if let Some(finding) = self.take(node, entry) {
                self.report(at, node, finding);
            }
        }
    }
}

impl Checks for ByzantineChecks {
    fn asked(&mut self, proposal: &Proposal) {
        let key = (proposal.client, proposal.number);
        if self.asked.get(&key).is_none() {
            Arc::make_mut(&mut self.asked).insert(key, Hash256::of(&proposal.payload));
        }
    }

    fn log_changed(&mut self, seen: &Standing<'_>, truncate: Option<LogIndex>, append: &[Arc<Entry>]) {
        let Standing { at, node, .. } = *seen;
        if let Some(from) = truncate {
            let detail = format!("{node} removed what it had decided from index {from} on");
            self.report(at, node, (INTEGRITY, detail));
        }
        for entry in append {
            if let Some(finding) = self.take(node, entry) {
                self.report(at, node, finding);
            }
        }
    }

    fn status_changed(&mut self, _at: Time, _node: NodeId, _role: Role, _term: Term, _log: &Log) {}

    fn commit_changed(&mut self, at: Time, node: NodeId, commit: LogIndex, log: &Log) {
        // What it believes committed it is about to write; nothing of it is taken back.
        let ahead = LogIndex(self.decided.len() as u64).next();
        for entry in log.between(ahead.max(log.base().index.next()), commit).cloned().collect::<Vec<_>>() {
            if let Some(finding) = self.take(node, &entry) {
                self.report(at, node, finding);
            }
        }
        let believed = log.term_at(commit);
        let decided = self.decided.get(position(commit)).map(|decided| decided.entry.term);
        if commit == LogIndex::ZERO || (decided.is_some() && decided == believed) {
            return;
        }
        let detail = format!("{node} believes what goes up to index {commit} committed, and no log holds it so");
        self.report(at, node, (COMMIT_IS_DECIDED, detail));
    }

    fn durable<H: Hard>(&mut self, at: Time, node: NodeId, image: &DiskImage<H>, from: LogIndex) {
        self.stored(at, node, image, from);
    }

    fn crashed<H: Hard>(&mut self, at: Time, node: NodeId, image: &DiskImage<H>) {
        self.stored(at, node, image, image.base.index.next());
    }

    fn store_lost(&mut self, node: NodeId) {
        self.durable.remove(&node);
    }

    fn applied(&mut self, at: Time, node: NodeId, entry: &Arc<Entry>) {
        self.execution.applied(at, node, entry);
    }

    fn state(&mut self, at: Time, node: NodeId, index: LogIndex, state: Digest) {
        self.execution.state(at, node, index, state);
    }

    /// There are no edges yet where nodes may lie.
    fn edge(
        &mut self,
        _at: Time,
        _node: NodeId,
        _through: LogIndex,
        _state: &Sessions<AnyMachine>,
        _empty: impl FnOnce() -> Sessions<AnyMachine>,
    ) {
    }

    fn decided_entry(&self, index: LogIndex) -> Option<&Entry> {
        self.decided.get(position(index)).map(|decided| decided.entry.as_ref())
    }

    fn take_decided(&mut self) -> Vec<(LogIndex, Term)> {
        std::mem::take(&mut self.fresh)
    }

    fn take_findings(&mut self) -> Vec<Violation> {
        self.execution.take_findings()
    }
}

impl Committed for ByzantineChecks {
    fn name_at(&self, index: LogIndex) -> Option<Name> {
        self.decided_entry(index).map(|entry| (entry.client, entry.number))
    }

    fn through(&self) -> LogIndex {
        LogIndex(self.decided.len() as u64)
    }
}

#[cfg(test)]
#[path = "byzantine_tests.rs"]
mod tests;
