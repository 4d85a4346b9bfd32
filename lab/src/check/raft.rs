//! Do the five properties of the Raft paper's Figure 3 hold after each event?
//!
//! Each is checked where it can first break: Election Safety and Leader
//! Completeness when a node becomes leader, Leader Append-Only and Log Matching
//! when a log changes, State Machine Safety when an entry is applied and when a
//! snapshot is made or installed (states at one index are equal). Beside
//! them, what nodes believe committed is held against the oracle (`oracle`).
//!
//! Log Matching is checked against every entry that any log ever held, not only
//! against the logs of this moment: an entry, named by index and term, has one
//! content and one predecessor for ever. That is what the paper's induction
//! shows, and it costs one look-up an entry. An entry's log time is held against
//! its one predecessor's in the same way.

use litemap::LiteMap;
use std::sync::Arc;

use quorumscope_core::edge::without_body;
use quorumscope_core::entry::{Entry, EntryKind};
use quorumscope_core::log::Log;
use quorumscope_core::machine::any::AnyMachine;
use quorumscope_core::machine::session::Sessions;
use quorumscope_core::raft::MAX_LOG_TIME_JUMP;
use quorumscope_core::record::Role;
use quorumscope_core::storage::{DiskImage, Hard};
use quorumscope_core::types::{Digest, LogIndex, NodeId, Term, Time};

use super::early::{Committed, Name};
use super::edge::Shadow;
use super::execution::{Execution, describe, describe_both};
use super::oracle::{Finding, Oracle, position};
use super::property::{
    COMMIT_IS_DECIDED, ELECTION_SAFETY, LEADER_APPEND_ONLY, LEADER_COMPLETENESS, LOG_MATCHING, LOG_TIME,
};
use super::{Checks, Standing};
use crate::trace::view::Violation;

/// An entry as some log held it first.
#[derive(Clone, Debug)]
struct Seen {
    entry: Arc<Entry>,
    /// Term of the entry before it.
    before: Term,
    by: NodeId,
}

/// The Raft properties of one run.
#[derive(Clone, Debug)]
pub struct RaftChecks {
    oracle: Oracle,
    /// Who was elected in each term first.
    leaders: LiteMap<Term, NodeId>,
    /// The term that a node leads.
    leading: LiteMap<NodeId, Term>,
    /// By index: every entry that any log ever held.
    seen: Arc<Vec<Vec<Seen>>>,
    execution: Execution,
    /// The whole state where each edge stands.
    edges: LiteMap<NodeId, Arc<Shadow>>,
}

impl RaftChecks {
    /// Checkers for a cluster of these voters, before anything happened.
    #[must_use]
    pub fn new(voters: &[NodeId]) -> Self {
        Self {
            oracle: Oracle::new(voters),
            leaders: LiteMap::new(),
            leading: LiteMap::new(),
            seen: Arc::default(),
            execution: Execution::default(),
            edges: LiteMap::new(),
        }
    }
}

impl Checks for RaftChecks {
    fn log_changed(&mut self, seen: &Standing<'_>, truncate: Option<LogIndex>, append: &[Arc<Entry>]) {
        let Standing { at, node, leads: is_leader, term, log, members } = *seen;
        if let Some(from) = truncate
            && is_leader
        {
            let detail = format!("{node} leads {term} and removed its own entries from index {from} on");
            self.report(at, Some(node), (LEADER_APPEND_ONLY, detail));
        }
        for entry in append {
            let before = log.term_at(entry.index.previous()).unwrap_or_default();
            if let Some(finding) = self.match_entry(node, entry, before) {
                self.report(at, Some(node), finding);
            }
        }
        if let Some(finding) = self.oracle.taken(node, term, log.base(), truncate, append) {
            self.report(at, Some(node), finding);
        }
        if let Some(members) = members.filter(|_| is_leader) {
            let findings = self.oracle.configured(term, members, log);
            findings.into_iter().for_each(|finding| self.report(at, Some(node), finding));
        }
    }

    fn status_changed(&mut self, at: Time, node: NodeId, role: Role, term: Term, log: &Log) {
        if role != Role::Leader {
            self.leading.remove(&node);
            return;
        }
        if self.leading.insert(node, term) == Some(term) {
            return;
        }
        match self.leaders.get(&term) {
            None => {
                self.leaders.insert(term, node);
            }
            Some(first) => {
                let detail = if *first == node {
                    format!("{node} was elected a second time in {term}")
                } else {
                    format!("{first} and {node} were both elected in {term}")
                };
                self.report(at, Some(node), (ELECTION_SAFETY, detail));
            }
        }
        if let Some(finding) = self.missing_at_leader(node, term, log) {
            self.report(at, Some(node), finding);
        }
    }

    fn commit_changed(&mut self, at: Time, node: NodeId, commit: LogIndex, log: &Log) {
        let believed = log.term_at(commit);
        let decided = self.oracle.decided();
        let counted = decided.get(position(commit)).map(|decided| decided.entry.term);
        if commit == LogIndex::ZERO || (counted.is_some() && counted == believed) {
            return;
        }
        let believed = believed.map_or_else(|| "no entry".to_owned(), |term| term.to_string());
        let detail = match counted {
            Some(term) => format!("{node} believes index {commit} committed with {believed}, and it is {term} there"),
            None => format!(
                "{node} believes index {commit} ({believed}) committed, and a quorum has held durably in its term \
                 only what goes up to index {}",
                decided.len()
            ),
        };
        self.report(at, Some(node), (COMMIT_IS_DECIDED, detail));
    }

    fn durable<H: Hard>(&mut self, at: Time, node: NodeId, image: &DiskImage<H>, from: LogIndex) {
        let findings = self.oracle.durable(node, image, from);
        findings.into_iter().for_each(|finding| self.report(at, Some(node), finding));
    }

    fn crashed<H: Hard>(&mut self, at: Time, node: NodeId, image: &DiskImage<H>) {
        self.leading.remove(&node);
        let findings = self.oracle.crashed(node, image);
        findings.into_iter().for_each(|finding| self.report(at, Some(node), finding));
    }

    fn store_lost(&mut self, node: NodeId) {
        self.oracle.store_lost(node);
    }

    fn applied(&mut self, at: Time, node: NodeId, entry: &Arc<Entry>) {
        self.execution.applied(at, node, entry);
    }

    fn state(&mut self, at: Time, node: NodeId, index: LogIndex, state: Digest) {
        self.execution.state(at, node, index, state);
    }

    fn edge(
        &mut self,
        at: Time,
        node: NodeId,
        through: LogIndex,
        state: &Sessions<AnyMachine>,
        empty: impl FnOnce() -> Sessions<AnyMachine>,
    ) {
        let known = self.edges.remove(&node).filter(|shadow| shadow.is_before(through));
        let mut shadow = known.unwrap_or_else(|| Arc::new(Shadow::new(empty())));
        // Where the oracle knows less than the edge, that is a finding of its own.
        if Arc::make_mut(&mut shadow).advance(self.oracle.decided(), through)
            && let Some(finding) = shadow.compare(node, state)
        {
            self.report(at, Some(node), finding);
        }
        self.edges.insert(node, shadow);
    }

    fn decided_entry(&self, index: LogIndex) -> Option<&Entry> {
        self.oracle.decided().get(position(index)).map(|decided| decided.entry.as_ref())
    }

    fn take_decided(&mut self) -> Vec<(LogIndex, Term)> {
        self.oracle.take_fresh()
    }

    fn take_findings(&mut self) -> Vec<Violation> {
        self.execution.take_findings()
    }
}

impl RaftChecks {
    fn report(&mut self, at: Time, node: Option<NodeId>, finding: Finding) {
        self.execution.report(at, node, finding);
    }

    /// Compares an entry with the one of the same index and term that some log held before.
    fn match_entry(&mut self, node: NodeId, entry: &Arc<Entry>, before: Term) -> Option<Finding> {
        let slot = position(entry.index);
        let known = self.seen.get(slot).and_then(|seen| seen.iter().find(|seen| seen.entry.term == entry.term));
        let Some(known) = known else {
            let seen = Arc::make_mut(&mut self.seen);
            if seen.len() <= slot {
                seen.resize_with(slot + 1, Vec::new);
            }
            seen[slot].push(Seen { entry: Arc::clone(entry), before, by: node });
            return self.log_time_after(node, entry, before);
        };
        let (index, term, by) = (entry.index, entry.term, known.by);
        if known.before != before {
            let detail = format!(
                "index {index} ({term}) follows {before} in the log of {node}, and {} in that of {by}",
                known.before
            );
            return Some((LOG_MATCHING, detail));
        }
        let elided = || entry.kind == EntryKind::Elided && without_body(&known.entry).as_ref() == Some(&**entry);
        if Arc::ptr_eq(&known.entry, entry) || known.entry == *entry || elided() {
            return None;
        }
        let (here, there) = describe_both(entry, &known.entry);
        Some((LOG_MATCHING, format!("index {index} is {here} in the log of {node}, and {there} in that of {by}")))
    }

    /// Log time after the entry's one predecessor, where some log held that one.
    fn log_time_after(&self, node: NodeId, entry: &Entry, before: Term) -> Option<Finding> {
        let earlier = self.seen.get(position(entry.index).checked_sub(1)?)?;
        let previous = earlier.iter().find(|seen| seen.entry.term == before)?.entry.log_time;
        if previous <= entry.log_time && entry.log_time <= previous + MAX_LOG_TIME_JUMP {
            return None;
        }
        let (index, at) = (entry.index, entry.log_time);
        let detail = format!(
            "index {index} in the log of {node} has log time {at} µs, and the entry before it {previous} µs: log time \
             never falls, and rises by {} µs at the most",
            MAX_LOG_TIME_JUMP.0
        );
        Some((LOG_TIME, detail))
    }

    /// The first entry that was committed in an earlier term and that the new leader lacks.
    fn missing_at_leader(&self, node: NodeId, term: Term, log: &Log) -> Option<Finding> {
        let base = log.base().index;
        // What the leader's log has no longer stands in its snapshot, which is checked where it is written.
        let decided = self.oracle.decided().iter().skip_while(|decided| decided.entry.index < base);
        let mut earlier = decided.take_while(|decided| decided.in_term < term);
        let missing = earlier.find(|decided| log.term_at(decided.entry.index) != Some(decided.entry.term))?;
        let index = missing.entry.index;
        let found = log.term_at(index).map_or_else(|| "nothing".to_owned(), |term| term.to_string());
        let detail = format!(
            "{node} leads {term} with {found} at index {index}, where {} was committed in {}",
            describe(&missing.entry),
            missing.in_term
        );
        Some((LEADER_COMPLETENESS, detail))
    }
}

impl Committed for RaftChecks {
    fn name_at(&self, index: LogIndex) -> Option<Name> {
        self.decided_entry(index).map(|entry| (entry.client, entry.number))
    }

    fn through(&self) -> LogIndex {
        LogIndex(self.oracle.decided().len() as u64)
    }
}

#[cfg(test)]
#[path = "raft_tests.rs"]
pub(super) mod testing;
