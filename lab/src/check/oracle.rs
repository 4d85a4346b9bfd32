//! When is an entry committed, whatever the nodes believe?
//!
//! An entry of term t is *decided* once a quorum has held it durably, each
//! member having taken it while its own term was still t, and so is all before
//! it. A bare count of durable copies is not enough: in Figure 8 of the Raft
//! paper a majority stores an entry of term 2 after term 3 has begun elsewhere,
//! and it is lost all the same.
//!
//! Why the term counts when the entry is *taken*, and not when the disk
//! confirms it: every vote in a later term is given after that, by a node whose
//! log holds the entry, so a leader without it cannot be elected; and an answer
//! that waits for the disk may rightly leave after the node has moved on. What a
//! crash drops before it is durable was never counted.

use std::collections::BTreeSet;

use litemap::LiteMap;
use std::sync::Arc;

use quorumscope_core::entry::Entry;
use quorumscope_core::log::Log;
use quorumscope_core::membership::Membership;
use quorumscope_core::quorum::{Majority, QuorumSystem as _};
use quorumscope_core::snapshot::Base;
use quorumscope_core::storage::{DiskImage, Hard};
use quorumscope_core::types::{LogIndex, NodeId, Term};

use super::property::{COMMIT_IS_DECIDED, DECIDED_IS_FINAL, DURABILITY};

/// An entry that counts as committed.
#[derive(Clone, Debug)]
pub(super) struct Decided {
    pub(super) entry: Arc<Entry>,
    /// The term in which it was committed; that of the entry itself or, behind a later entry, that one's.
    pub(super) in_term: Term,
}

/// What the oracle knows of one voter.
#[derive(Clone, Debug, Default)]
struct Member {
    /// Entries taken into the log in their own term and not durable yet.
    taken: BTreeSet<(LogIndex, Term)>,
    /// Terms of the durable log; what a snapshot has taken the place of stays as it was, or as it was committed.
    held: Arc<Vec<Term>>,
    /// Terms of the log in memory. What was cut from it before it was committed elsewhere may leave the disk later.
    memory: Arc<Vec<Term>>,
    /// Index of the durable snapshot.
    snapshot: LogIndex,
}

/// Counts who holds what.
#[derive(Clone, Debug)]
pub(super) struct Oracle {
    /// The quorums of each term: those of the configuration that acts at its leader.
    quorums: LiteMap<Term, Majority>,
    first: Majority,
    members: LiteMap<NodeId, Member>,
    /// Who has held an entry in the way that counts; entries that are decided are left out.
    attested: LiteMap<(LogIndex, Term), BTreeSet<NodeId>>,
    decided: Arc<Vec<Decided>>,
    /// Decided and not yet told.
    fresh: Vec<(LogIndex, Term)>,
}

/// A contradiction: property and sentence.
pub(super) type Finding = (&'static str, String);

/// The position of an index in a table that starts at index 1.
pub(super) fn position(index: LogIndex) -> usize {
    usize::try_from(index.0.saturating_sub(1)).unwrap_or(usize::MAX)
}

impl Oracle {
    pub(super) fn new(voters: &[NodeId]) -> Self {
        Self {
            quorums: LiteMap::new(),
            first: Majority::of(&Membership::of(voters.to_vec()), false),
            members: LiteMap::new(),
            attested: LiteMap::new(),
            decided: Arc::default(),
            fresh: Vec::new(),
        }
    }

    /// The committed entries, from index 1.
    pub(super) fn decided(&self) -> &[Decided] {
        &self.decided
    }

    pub(super) fn take_fresh(&mut self) -> Vec<(LogIndex, Term)> {
        std::mem::take(&mut self.fresh)
    }

    /// A node of this term let its log go on after `base`, cut it from `truncate` on and put entries into it.
    pub(super) fn taken(
        &mut self,
        node: NodeId,
        term: Term,
        base: Base,
        truncate: Option<LogIndex>,
        entries: &[Arc<Entry>],
    ) -> Option<Finding> {
        let member = self.members.entry(node).or_default();
        let memory = Arc::make_mut(&mut member.memory);
        let compacted = position(base.index.next());
        if compacted > 0 && memory.get(compacted - 1) != Some(&base.term) {
            // A snapshot took the place of a log that did not hold its last entry.
            *memory = covered(&self.decided).take(compacted).collect();
        }
        let cut = truncate.map_or(Vec::new(), |from| memory.split_off(position(from).min(memory.len())));
        let first = LogIndex(memory.len() as u64).next();
        memory.extend(entries.iter().map(|entry| entry.term));
        let mut committed = self.decided.iter().skip(position(first)).zip(&cut);
        // Leaders of terms before that of the commit may not know of it and still replace their followers' entries.
        let finding = committed.find(|(decided, cut)| {
            let known = decided.in_term <= term;
            known && decided.entry.term == **cut && memory.get(position(decided.entry.index)) != Some(*cut)
        });
        let finding = finding.map(|(decided, _)| lost(decided, "the node has removed it"));
        let own = entries.iter().filter(|entry| entry.term == term);
        member.taken.extend(own.map(|entry| (entry.index, entry.term)));
        finding
    }

    /// The leader of `term` acts on this configuration from here on, and its log is `log`. What it has in common
    /// with enough others counts from here on as well.
    pub(super) fn configured(&mut self, term: Term, members: &Membership, log: &Log) -> Vec<Finding> {
        let quorum = Majority::of(members, false);
        if self.quorums.get(&term).unwrap_or(&self.first) == &quorum {
            return Vec::new();
        }
        let enough = |(index, of): &(LogIndex, Term), by: &BTreeSet<NodeId>| {
            *of == term && log.term_at(*index) == Some(term) && quorum.is_quorum(|voter| by.contains(&voter))
        };
        let last = self.attested.iter().rev().find(|(key, by)| enough(key, by)).map(|((index, _), _)| *index);
        self.quorums.insert(term, quorum);
        let entry = last.and_then(|index| log.get(index)).cloned();
        entry.and_then(|entry| self.decide(&entry, log.base(), |index| log.get(index))).into_iter().collect()
    }

    /// A node's disk holds `image` now; from index `from` on it may differ from before.
    pub(super) fn durable<H: Hard>(&mut self, node: NodeId, image: &DiskImage<H>, from: LogIndex) -> Vec<Finding> {
        let mut findings = Vec::new();
        let member = self.members.entry(node).or_default();
        findings.extend(lost_decided(&self.decided, member, image, from));
        let snapshot = image.snapshot.as_ref().map_or(LogIndex::ZERO, |snapshot| snapshot.meta.index);
        if snapshot != member.snapshot || image.base.index > snapshot {
            member.snapshot = snapshot;
            findings.extend(false_snapshot(&self.decided, image));
        }
        let base = position(image.base.index.next());
        let held = Arc::make_mut(&mut member.held);
        held.extend(covered(&self.decided).take(base).skip(held.len()));
        let start = position(from).min(held.len()).max(base);
        held.truncate(start);
        let mut counted = Vec::new();
        for entry in image.log.iter().skip(start - base) {
            held.push(entry.term);
            if member.taken.remove(&(entry.index, entry.term)) {
                counted.push(entry);
            }
        }
        if image.snapshot.as_ref().is_some_and(|snapshot| snapshot.meta.subscription.is_some()) {
            counted.clear(); // A store with holes is no copy.
        }
        for entry in counted {
            findings.extend(self.attest(node, entry, image));
        }
        findings
    }

    /// A node crashed, and this is left: what was lucky counts, what was not written never will.
    pub(super) fn crashed<H: Hard>(&mut self, node: NodeId, image: &DiskImage<H>) -> Vec<Finding> {
        let Some(member) = self.members.get(&node) else { return Vec::new() };
        let base = position(image.base.index.next());
        let pairs = image.log.iter().zip(member.held.iter().skip(base));
        let same = pairs.take_while(|(entry, term)| entry.term == **term).count();
        let changed = same < image.log.len() || base + same != member.held.len();
        let from = LogIndex((base + same) as u64).next();
        let findings = if changed { self.durable(node, image, from) } else { Vec::new() };
        if let Some(member) = self.members.get_mut(&node) {
            member.taken.clear();
            member.memory = Arc::clone(&member.held);
        }
        findings
    }

    /// A node's store is gone: no write of the protocol's took anything away.
    pub(super) fn store_lost(&mut self, node: NodeId) {
        if let Some(member) = self.members.get_mut(&node) {
            *member = Member::default();
        }
    }

    /// One more voter holds the entry in the way that counts.
    fn attest<H: Hard>(&mut self, node: NodeId, entry: &Arc<Entry>, image: &DiskImage<H>) -> Option<Finding> {
        let known = self.decided.get(position(entry.index));
        if known.is_some_and(|known| known.entry.term == entry.term) {
            return None;
        }
        let by = self.attested.entry((entry.index, entry.term)).or_default();
        by.insert(node);
        if !self.quorums.get(&entry.term).unwrap_or(&self.first).is_quorum(|voter| by.contains(&voter)) {
            return None;
        }
        self.decide(entry, image.base, |index| image.entries(index, index).first())
    }

    /// Decides the entry and all before it in the log of the node that completed the quorum.
    fn decide<'a>(
        &mut self,
        entry: &Arc<Entry>,
        base: Base,
        held: impl Fn(LogIndex) -> Option<&'a Arc<Entry>>,
    ) -> Option<Finding> {
        let (count, start) = (self.decided.len(), position(base.index.next()));
        if count < start {
            return None; // A snapshot of what is not committed was found when it was written.
        }
        let term_at = |index| if index == base.index { Some(base.term) } else { held(index).map(|held| held.term) };
        // Logs that share an entry are equal up to it, so comparing the last entry compares all.
        let last_matches = self.decided.last().is_none_or(|known| term_at(known.entry.index) == Some(known.entry.term));
        if !last_matches {
            let known = self.decided.iter().skip(start);
            let mut pairs = known.map_while(|known| Some((known, held(known.entry.index)?)));
            let (known, held) = pairs.find(|(known, held)| known.entry.term != held.term)?;
            let detail = format!(
                "index {} was committed with {} in {}, and a quorum now holds {} there, committed with {} in {}",
                held.index, known.entry.term, known.in_term, held.term, entry.index, entry.term
            );
            return Some((DECIDED_IS_FINAL, detail));
        }
        let decided = Arc::make_mut(&mut self.decided);
        let next = LogIndex(count as u64).next();
        for held in (next.0..=entry.index.0).map_while(|index| held(LogIndex(index))) {
            self.attested.remove(&(held.index, held.term));
            self.fresh.push((held.index, held.term));
            decided.push(Decided { entry: Arc::clone(held), in_term: entry.term });
        }
        None
    }
}

/// The terms of what is committed, for what a snapshot stands for.
fn covered(decided: &[Decided]) -> impl Iterator<Item = Term> {
    decided.iter().map(|decided| decided.entry.term).chain(core::iter::repeat(Term(0)))
}

/// The term at `index` of a store; known at its base.
fn term_in<H: Hard>(image: &DiskImage<H>, index: LogIndex) -> Option<Term> {
    if index == image.base.index {
        return Some(image.base.term);
    }
    image.entries(index, index).first().map(|entry| entry.term)
}

/// A snapshot holds what is committed, and nothing else; no log starts after it.
fn false_snapshot<H: Hard>(decided: &[Decided], image: &DiskImage<H>) -> Option<Finding> {
    let (index, term) = image.snapshot.as_ref().map_or_else(Default::default, |snapshot| {
        let meta = &snapshot.meta;
        (meta.index, meta.term)
    });
    if image.base.index > index {
        let base = image.base.index;
        return Some((DURABILITY, format!("the log starts after index {base}, and the snapshot ends at {index}")));
    }
    let committed = decided.get(position(index)).map(|decided| decided.entry.term);
    if index == LogIndex::ZERO || committed == Some(term) {
        return None;
    }
    let found = committed.map_or_else(|| "nothing".to_owned(), |term| term.to_string());
    Some((COMMIT_IS_DECIDED, format!("the snapshot ends with index {index} ({term}), where {found} is committed")))
}

/// The first committed entry that the store held and holds no longer, although the node means to keep it.
fn lost_decided<H: Hard>(
    decided: &[Decided],
    member: &Member,
    image: &DiskImage<H>,
    from: LogIndex,
) -> Option<Finding> {
    let before = decided.iter().zip(member.held.iter().zip(member.memory.iter())).skip(position(from));
    let mut kept = before.filter(|(decided, (held, memory))| decided.entry.term == **held && held == memory);
    let is_lost = |decided: &Decided| {
        // What stands before the base is in the snapshot, and that is checked by itself.
        decided.entry.index >= image.base.index && term_in(image, decided.entry.index) != Some(decided.entry.term)
    };
    let (found, _) = kept.find(|(decided, _)| is_lost(decided))?;
    let now = match term_in(image, found.entry.index) {
        Some(term) => format!("the store holds {term} there now"),
        None => format!("the store ends at index {} now", image.last_index()),
    };
    Some(lost(found, &now))
}

fn lost(decided: &Decided, now: &str) -> Finding {
    let (index, term) = (decided.entry.index, decided.entry.term);
    (DURABILITY, format!("index {index} ({term}) was committed in {} and durable here; {now}", decided.in_term))
}

#[cfg(test)]
#[path = "oracle_tests.rs"]
mod tests;
