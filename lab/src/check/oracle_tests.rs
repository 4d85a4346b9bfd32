//! What the oracle counts as committed, and what it takes for lost.

use quorumscope_core::snapshot::{Snapshot, SnapshotMeta};

use super::super::raft::testing::{image, log_of, run};
use quorumscope_core::raft::HardState;

use super::*;

const VOTERS: [NodeId; 3] = [NodeId(1), NodeId(2), NodeId(3)];

fn take_and_sync(oracle: &mut Oracle, node: u32, node_term: u64, from: u64, terms: &[u64]) -> Vec<Finding> {
    let log = log_of(terms);
    let new = &log[usize::try_from(from - 1).expect("small")..];
    let lost = oracle.taken(NodeId(node), Term(node_term), Base::NONE, Some(LogIndex(from)), new);
    lost.into_iter().chain(oracle.durable(NodeId(node), &image(node_term, terms), LogIndex(from))).collect()
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
    oracle.taken(NodeId(2), Term(1), Base::NONE, None, &log_of(&[1]));
    oracle.taken(NodeId(3), Term(1), Base::NONE, None, &log_of(&[1]));
    assert_eq!(oracle.crashed(NodeId(2), &image(1, &[])), []);
    assert_eq!(oracle.take_fresh(), []);
}

#[test]
fn an_unsynced_entry_that_outlives_the_crash_counts() {
    let mut oracle = Oracle::new(&VOTERS);
    take_and_sync(&mut oracle, 1, 1, 1, &[1]);
    oracle.taken(NodeId(2), Term(1), Base::NONE, None, &log_of(&[1]));
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
    oracle.taken(NodeId(2), Term(1), Base::NONE, None, &log_of(&[1]));
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
    let membership = Membership::default();
    let (log_time, digest) = Default::default();
    let meta = SnapshotMeta { index, term, log_time, membership, digest, subscription: None };
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
        oracle.taken(NodeId(node), Term(1), Base { index: LogIndex(base), term: Term(1) }, None, &log[3..]);
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
    assert!(matches!(findings.as_slice(), [(DURABILITY, detail)] if detail.contains("index 2 (t1)")), "{findings:?}");
    losing.store_lost(NodeId(2));
    assert_eq!(losing.crashed(NodeId(2), &image(0, &[])), []);
}

/// PROTOCOLS.md: a quorum of each half, while the configuration of the entry's leader is joint.
#[test]
fn while_members_change_both_halves_must_hold_an_entry() {
    let mut oracle = Oracle::new(&VOTERS);
    let joint = Membership { voters: vec![NodeId(4), NodeId(5)], outgoing: VOTERS.to_vec(), ..Membership::default() };
    assert_eq!(oracle.configured(Term(1), &joint, &Log::new(&log_of(&[1]))), []);
    for (node, decided) in [(1, false), (2, false), (4, false), (5, true)] {
        take_and_sync(&mut oracle, node, 1, 1, &[1]);
        assert_eq!(oracle.take_fresh(), if decided { run(&[1]) } else { vec![] }, "n{node}");
    }
}

#[test]
fn a_smaller_configuration_decides_what_enough_of_its_voters_hold_already() {
    let mut oracle = Oracle::new(&VOTERS);
    take_and_sync(&mut oracle, 1, 1, 1, &[1, 1]);
    assert_eq!(oracle.take_fresh(), []);
    assert_eq!(oracle.configured(Term(1), &Membership::of(vec![NodeId(1)]), &Log::new(&log_of(&[1, 1]))), []);
    assert_eq!(oracle.take_fresh(), run(&[1, 1]));
}

/// On the minority's side of a cut a leader of an older term goes on; what it replaces there may be committed on
/// the other side.
#[test]
fn what_a_leader_of_an_older_term_replaces_is_not_lost() {
    let mut oracle = Oracle::new(&VOTERS);
    for node in 1..=3 {
        take_and_sync(&mut oracle, node, 1, 1, &[1]);
    }
    // The leader of term 3 commits on n1 and n2; n3 still follows the leader of term 2.
    let mut decide = |of: u64, term: u64| {
        take_and_sync(&mut oracle, 1, 3, of, &[1, 1, 3][..usize::try_from(term).expect("small")]);
        take_and_sync(&mut oracle, 2, 3, of, &[1, 1, 3][..usize::try_from(term).expect("small")])
    };
    assert_eq!(decide(2, 3), []);
    oracle.taken(NodeId(3), Term(1), Base::NONE, None, &log_of(&[1, 1])[1..]);
    assert_eq!(oracle.taken(NodeId(3), Term(2), Base::NONE, Some(LogIndex(2)), &log_of(&[1, 2])[1..]), None);
    // A leader of term 3 or later has the entry.
    oracle.taken(NodeId(1), Term(3), Base::NONE, None, &[]);
    assert!(oracle.taken(NodeId(1), Term(3), Base::NONE, Some(LogIndex(2)), &log_of(&[1, 3])[1..]).is_some());
}

/// A follower may cut an entry that is not committed; that it is committed elsewhere before the disk has cut it
/// as well is no loss.
#[test]
fn what_was_cut_before_it_was_committed_elsewhere_is_not_lost() {
    let mut oracle = Oracle::new(&VOTERS);
    take_and_sync(&mut oracle, 3, 1, 1, &[1]);
    assert_eq!(oracle.taken(NodeId(3), Term(2), Base::NONE, Some(LogIndex(1)), &log_of(&[2])), None);
    take_and_sync(&mut oracle, 1, 1, 1, &[1]);
    assert_eq!(take_and_sync(&mut oracle, 2, 1, 1, &[1]), []);
    assert_eq!(oracle.durable(NodeId(3), &image(2, &[2]), LogIndex(1)), []);
}
