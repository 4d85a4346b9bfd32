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

use quorumscope_core::few;
use std::collections::BTreeSet;

use litemap::LiteMap;
use std::sync::Arc;

use quorumscope_core::entry::Entry;
use quorumscope_core::quorum::{Majority, QuorumSystem as _};
use quorumscope_core::raft::HardState;
use quorumscope_core::storage::DiskImage;
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
    /// Index of the durable snapshot.
    snapshot: LogIndex,
}

/// Counts who holds what.
#[derive(Clone, Debug)]
pub(super) struct Oracle {
    quorum: Majority,
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
        let voters = few::distinct(voters.iter().copied());
        Self {
            quorum: Majority::of(&voters, false),
            members: few::map(voters.into_iter().map(|voter| (voter, Member::default()))),
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

    /// A node of this term put entries into its log.
    pub(super) fn taken(&mut self, node: NodeId, term: Term, entries: &[Arc<Entry>]) {
        let Some(member) = self.members.get_mut(&node) else { return };
        let own = entries.iter().filter(|entry| entry.term == term);
        member.taken.extend(own.map(|entry| (entry.index, entry.term)));
    }

    /// A node's disk holds `image` now; from index `from` on it may differ from before.
    pub(super) fn durable(&mut self, node: NodeId, image: &DiskImage<HardState>, from: LogIndex) -> Vec<Finding> {
        let mut findings = Vec::new();
        let Some(member) = self.members.get_mut(&node) else { return findings };
        findings.extend(lost_decided(&self.decided, &member.held, image, from));
        let snapshot = image.snapshot.as_ref().map_or(LogIndex::ZERO, |snapshot| snapshot.meta.index);
        if snapshot != member.snapshot || image.base.index > snapshot {
            member.snapshot = snapshot;
            findings.extend(false_snapshot(&self.decided, image));
        }
        let base = position(image.base.index.next());
        let held = Arc::make_mut(&mut member.held);
        let covered = self.decided.iter().map(|decided| decided.entry.term).chain(core::iter::repeat(Term(0)));
        held.extend(covered.take(base).skip(held.len()));
        let start = position(from).min(held.len()).max(base);
        held.truncate(start);
        let mut counted = Vec::new();
        for entry in image.log.iter().skip(start - base) {
            held.push(entry.term);
            if member.taken.remove(&(entry.index, entry.term)) {
                counted.push(entry);
            }
        }
        for entry in counted {
            findings.extend(self.attest(node, entry, image));
        }
        findings
    }

    /// A node crashed, and this is left: what was lucky counts, what was not written never will.
    pub(super) fn crashed(&mut self, node: NodeId, image: &DiskImage<HardState>) -> Vec<Finding> {
        let Some(member) = self.members.get(&node) else { return Vec::new() };
        let base = position(image.base.index.next());
        let pairs = image.log.iter().zip(member.held.iter().skip(base));
        let same = pairs.take_while(|(entry, term)| entry.term == **term).count();
        let changed = same < image.log.len() || base + same != member.held.len();
        let from = LogIndex((base + same) as u64).next();
        let findings = if changed { self.durable(node, image, from) } else { Vec::new() };
        if let Some(member) = self.members.get_mut(&node) {
            member.taken.clear();
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
    fn attest(&mut self, node: NodeId, entry: &Arc<Entry>, image: &DiskImage<HardState>) -> Option<Finding> {
        let known = self.decided.get(position(entry.index));
        if known.is_some_and(|known| known.entry.term == entry.term) {
            return None;
        }
        let by = self.attested.entry((entry.index, entry.term)).or_default();
        by.insert(node);
        if !self.quorum.is_quorum(|voter| by.contains(&voter)) {
            return None;
        }
        self.attested.remove(&(entry.index, entry.term));
        self.decide(entry, image)
    }

    /// Decides the entry and all before it in the log of the node that completed the quorum.
    fn decide(&mut self, entry: &Arc<Entry>, image: &DiskImage<HardState>) -> Option<Finding> {
        let (count, base) = (self.decided.len(), position(image.base.index.next()));
        if count < base {
            return None; // A snapshot of what is not committed was found when it was written.
        }
        // Logs that share an entry are equal up to it, so comparing the last entry compares all.
        let last_matches = match self.decided.last() {
            Some(known) => term_in(image, known.entry.index) == Some(known.entry.term),
            None => true,
        };
        if !last_matches {
            let mut pairs = self.decided.iter().skip(base).zip(&image.log);
            let (known, held) = pairs.find(|(known, held)| known.entry.term != held.term)?;
            let detail = format!(
                "index {} was committed with {} in {}, and a quorum now holds {} there, committed with {} in {}",
                held.index, known.entry.term, known.in_term, held.term, entry.index, entry.term
            );
            return Some((DECIDED_IS_FINAL, detail));
        }
        let decided = Arc::make_mut(&mut self.decided);
        for held in image.entries(LogIndex(count as u64).next(), entry.index) {
            self.attested.remove(&(held.index, held.term));
            self.fresh.push((held.index, held.term));
            decided.push(Decided { entry: Arc::clone(held), in_term: entry.term });
        }
        None
    }
}

/// The term at `index` of a store; known at its base.
fn term_in(image: &DiskImage<HardState>, index: LogIndex) -> Option<Term> {
    if index == image.base.index {
        return Some(image.base.term);
    }
    image.entries(index, index).first().map(|entry| entry.term)
}

/// A snapshot holds what is committed, and nothing else; no log starts after it.
fn false_snapshot(decided: &[Decided], image: &DiskImage<HardState>) -> Option<Finding> {
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

/// The first committed entry that the store held and holds no longer.
fn lost_decided(decided: &[Decided], held: &[Term], image: &DiskImage<HardState>, from: LogIndex) -> Option<Finding> {
    let before = decided.iter().zip(held).skip(position(from));
    let mut kept = before.filter(|(decided, held)| decided.entry.term == **held);
    let is_lost = |decided: &Decided| {
        // What stands before the base is in the snapshot, and that is checked by itself.
        decided.entry.index >= image.base.index && term_in(image, decided.entry.index) != Some(decided.entry.term)
    };
    let (lost, _) = kept.find(|(decided, _)| is_lost(decided))?;
    let (index, term) = (lost.entry.index, lost.entry.term);
    let now = match term_in(image, index) {
        Some(term) => format!("holds {term} there now"),
        None => format!("ends at index {} now", image.last_index()),
    };
    Some((
        DURABILITY,
        format!("index {index} ({term}) was committed in {} and durable here; the store {now}", lost.in_term),
    ))
}

#[cfg(test)]
mod tests {
    use quorumscope_core::snapshot::{Snapshot, SnapshotMeta};

    use super::super::raft::testing::{image, log_of, run};
    use super::*;

    const VOTERS: [NodeId; 3] = [NodeId(1), NodeId(2), NodeId(3)];

    fn take_and_sync(oracle: &mut Oracle, node: u32, node_term: u64, from: u64, terms: &[u64]) -> Vec<Finding> {
        let log = log_of(terms);
        oracle.taken(NodeId(node), Term(node_term), &log[usize::try_from(from - 1).expect("small")..]);
        oracle.durable(NodeId(node), &image(node_term, terms), LogIndex(from))
    }

    #[test]
    fn an_entry_counts_once_a_majority_holds_it_durably_in_its_term() {
        let mut oracle = Oracle::new(&VOTERS);
        take_and_sync(&mut oracle, 1, 1, 1, &[1]);
        assert_eq!(oracle.take_fresh(), []);
        take_and_sync(&mut oracle, 2, 1, 1, &[1]);
        assert_eq!(oracle.take_fresh(), run(&[1]));
    }

    #[test]
    fn what_is_only_in_memory_does_not_count() {
        let mut oracle = Oracle::new(&VOTERS);
        take_and_sync(&mut oracle, 1, 1, 1, &[1]);
        oracle.taken(NodeId(2), Term(1), &log_of(&[1]));
        oracle.taken(NodeId(3), Term(1), &log_of(&[1]));
        assert_eq!(oracle.crashed(NodeId(2), &image(1, &[])), []);
        assert_eq!(oracle.take_fresh(), []);
    }

    #[test]
    fn an_unsynced_entry_that_outlives_the_crash_counts() {
        let mut oracle = Oracle::new(&VOTERS);
        take_and_sync(&mut oracle, 1, 1, 1, &[1]);
        oracle.taken(NodeId(2), Term(1), &log_of(&[1]));
        assert_eq!(oracle.crashed(NodeId(2), &image(1, &[1])), []);
        assert_eq!(oracle.take_fresh(), run(&[1]));
    }

    /// Figure 8: S1 copies its old entry of term 2 to a majority in term 4. It is not committed by that.
    #[test]
    fn copies_of_an_old_entry_do_not_commit_it() {
        let mut oracle = Oracle::new(&VOTERS);
        take_and_sync(&mut oracle, 1, 2, 1, &[2]);
        take_and_sync(&mut oracle, 2, 4, 1, &[2]);
        take_and_sync(&mut oracle, 3, 4, 1, &[2]);
        assert_eq!(oracle.take_fresh(), []);
        take_and_sync(&mut oracle, 1, 4, 2, &[2, 4]);
        take_and_sync(&mut oracle, 2, 4, 2, &[2, 4]);
        assert_eq!(oracle.take_fresh(), run(&[2, 4]), "an entry of its own term takes it along");
    }

    #[test]
    fn a_disk_that_confirms_after_the_term_has_moved_on_still_counts() {
        let mut oracle = Oracle::new(&VOTERS);
        take_and_sync(&mut oracle, 1, 1, 1, &[1]);
        oracle.taken(NodeId(2), Term(1), &log_of(&[1]));
        assert_eq!(oracle.durable(NodeId(2), &image(2, &[1]), LogIndex(1)), []);
        assert_eq!(oracle.take_fresh(), run(&[1]));
    }

    #[test]
    fn another_entry_committed_at_a_committed_index_is_found() {
        let mut oracle = Oracle::new(&VOTERS);
        take_and_sync(&mut oracle, 1, 1, 1, &[1]);
        take_and_sync(&mut oracle, 2, 1, 1, &[1]);
        assert_eq!(take_and_sync(&mut oracle, 3, 2, 1, &[2]), []);
        let findings = take_and_sync(&mut oracle, 1, 2, 1, &[2]);
        let names: Vec<_> = findings.iter().map(|(property, _)| *property).collect();
        assert_eq!(names, [DURABILITY, DECIDED_IS_FINAL]);
    }

    /// The store of a node that has put a snapshot in the place of its log up to `base`.
    fn compacted(terms: &[u64], base: (u64, u64)) -> DiskImage<HardState> {
        let (index, term) = (LogIndex(base.0), Term(base.1));
        let membership = quorumscope_core::membership::Membership::default();
        let (log_time, digest) = Default::default();
        let meta = SnapshotMeta { index, term, log_time, membership, digest };
        let mut image = image(2, terms);
        image.log.drain(..usize::try_from(base.0).expect("small").min(image.log.len()));
        image.base = meta.base();
        image.snapshot = Some(Arc::new(Snapshot { meta, data: bytes::Bytes::new() }));
        image
    }

    #[test]
    fn what_a_snapshot_takes_the_place_of_is_not_lost_and_later_entries_still_count() {
        let mut oracle = Oracle::new(&VOTERS);
        take_and_sync(&mut oracle, 1, 1, 1, &[1, 1, 1]);
        take_and_sync(&mut oracle, 2, 1, 1, &[1, 1, 1]);
        oracle.take_fresh();
        // n2 compacts its own log; n3 had nothing and gets the snapshot; both take an entry after it.
        assert_eq!(oracle.durable(NodeId(2), &compacted(&[1, 1, 1], (2, 1)), LogIndex(3)), []);
        assert_eq!(oracle.durable(NodeId(3), &compacted(&[], (3, 1)), LogIndex(4)), []);
        let log = log_of(&[1, 1, 1, 1]);
        for (node, base) in [(2, 2), (3, 3)] {
            oracle.taken(NodeId(node), Term(1), &log[3..]);
            let image = compacted(&[1, 1, 1, 1], (base, 1));
            assert_eq!(oracle.durable(NodeId(node), &image, LogIndex(4)), []);
            assert_eq!(oracle.crashed(NodeId(node), &image), []);
        }
        assert_eq!(oracle.take_fresh(), [(LogIndex(4), Term(1))]);
    }

    #[test]
    fn a_snapshot_of_what_is_not_committed_and_a_log_beyond_its_snapshot_are_found() {
        let mut oracle = Oracle::new(&VOTERS);
        take_and_sync(&mut oracle, 1, 1, 1, &[1, 1]);
        take_and_sync(&mut oracle, 2, 1, 1, &[1, 1]);
        let mut names = Vec::new();
        for base in [(2, 2), (3, 1)] {
            names.extend(oracle.durable(NodeId(3), &compacted(&[], base), LogIndex(base.0 + 1)));
        }
        let mut beyond = compacted(&[], (1, 1));
        beyond.base.index = LogIndex(2);
        names.extend(oracle.durable(NodeId(3), &beyond, LogIndex(3)));
        let names: Vec<_> = names.into_iter().map(|(property, _)| property).collect();
        assert_eq!(names, [COMMIT_IS_DECIDED, COMMIT_IS_DECIDED, DURABILITY]);
    }

    #[test]
    fn a_store_that_goes_back_to_an_older_snapshot_is_found() {
        let mut oracle = Oracle::new(&VOTERS);
        take_and_sync(&mut oracle, 1, 1, 1, &[1, 1, 1]);
        take_and_sync(&mut oracle, 2, 1, 1, &[1, 1, 1]);
        assert_eq!(oracle.durable(NodeId(2), &compacted(&[], (3, 1)), LogIndex(4)), []);
        let findings = oracle.durable(NodeId(2), &compacted(&[], (1, 1)), LogIndex(2));
        assert!(matches!(findings.as_slice(), [(DURABILITY, _)]), "{findings:?}");
    }

    #[test]
    fn a_store_that_drops_a_committed_entry_is_found_and_a_lost_store_is_not() {
        let mut oracle = Oracle::new(&VOTERS);
        take_and_sync(&mut oracle, 1, 1, 1, &[1, 1]);
        take_and_sync(&mut oracle, 2, 1, 1, &[1, 1]);
        let (mut crashing, mut losing) = (oracle.clone(), oracle);
        let findings = crashing.crashed(NodeId(2), &image(1, &[1]));
        assert!(
            matches!(findings.as_slice(), [(DURABILITY, detail)] if detail.contains("index 2 (t1)")),
            "{findings:?}"
        );
        losing.store_lost(NodeId(2));
        assert_eq!(losing.crashed(NodeId(2), &image(0, &[])), []);
    }
}
