//! Histories by hand, broken and correct, for each property.

use quorumscope_core::entry::{Class, EntryKind, Tags};
use quorumscope_core::types::{ClientId, RequestNumber, Wall};

use quorumscope_core::membership::Membership;
use quorumscope_core::raft::HardState;

use super::super::execution::MAX_FINDINGS_PER_PROPERTY;
use super::super::property::STATE_MACHINE_SAFETY;
use super::*;
use crate::check::property::{DECIDED_IS_FINAL, DURABILITY};

const VOTERS: [NodeId; 3] = [NodeId(1), NodeId(2), NodeId(3)];
const AT: Time = Time(5);

pub(in crate::check) fn entry(index: u64, term: u64) -> Arc<Entry> {
    Arc::new(Entry {
        index: LogIndex(index),
        term: Term(term),
        kind: EntryKind::Command,
        log_time: Wall(0),
        client: ClientId(1),
        number: RequestNumber(index),
        class: Class::Critical,
        tags: Tags::new(),
        payload: bytes::Bytes::new(),
    })
}

pub(in crate::check) fn log_of(terms: &[u64]) -> Vec<Arc<Entry>> {
    terms.iter().zip(1..).map(|(term, index)| entry(index, *term)).collect()
}

pub(in crate::check) fn image(term: u64, terms: &[u64]) -> DiskImage<HardState> {
    let mut image = DiskImage::formatted(1, NodeId(1), members());
    image.hard = HardState { current_term: Term(term), voted_for: None };
    image.log = log_of(terms);
    image
}

pub(in crate::check) fn run(terms: &[u64]) -> Vec<(LogIndex, Term)> {
    terms.iter().zip(1..).map(|(term, index)| (LogIndex(index), Term(*term))).collect()
}

fn members() -> Membership {
    Membership::of(VOTERS.to_vec())
}

fn standing<'a>(node: u32, leads: bool, term: u64, log: &'a Log, members: &'a Membership) -> Standing<'a> {
    Standing { at: AT, node: NodeId(node), leads, term: Term(term), log, members: Some(members) }
}

/// A cluster whose logs are told by their terms.
struct Story(RaftChecks);

impl Story {
    fn new() -> Self {
        Self(RaftChecks::new(&VOTERS))
    }

    /// A node of `term` has the log `terms` now; from index `from` on it is new.
    fn takes(&mut self, node: u32, term: u64, from: u64, terms: &[u64]) -> &mut Self {
        let entries = log_of(terms);
        let log = Log::new(&entries);
        let new = &entries[position(LogIndex(from))..];
        self.0.log_changed(&standing(node, false, term, &log, &members()), None, new);
        self
    }

    fn syncs(&mut self, node: u32, term: u64, from: u64, terms: &[u64]) -> &mut Self {
        let image = image(term, terms);
        self.0.durable(AT, NodeId(node), &image, LogIndex(from));
        self
    }

    fn stores(&mut self, node: u32, term: u64, from: u64, terms: &[u64]) -> &mut Self {
        self.takes(node, term, from, terms).syncs(node, term, from, terms)
    }

    fn leads(&mut self, node: u32, term: u64, terms: &[u64]) -> &mut Self {
        self.0.status_changed(AT, NodeId(node), Role::Leader, Term(term), &Log::new(&log_of(terms)));
        self
    }

    fn commits(&mut self, node: u32, through: u64, terms: &[u64]) -> &mut Self {
        self.0.commit_changed(AT, NodeId(node), LogIndex(through), &Log::new(&log_of(terms)));
        self
    }

    fn breaks(&mut self) -> Vec<(String, String)> {
        self.0.take_findings().into_iter().map(|found| (found.property, found.detail)).collect()
    }

    #[track_caller]
    fn breaks_only(&mut self, property: &str, words: &str) {
        let found = self.breaks();
        assert!(
            matches!(found.as_slice(), [(name, detail)] if name == property && detail.contains(words)),
            "{found:?}"
        );
    }

    #[track_caller]
    fn holds(&mut self) {
        assert_eq!(self.breaks(), []);
    }
}

#[test]
fn two_leaders_of_one_term_break_election_safety() {
    Story::new().leads(1, 2, &[1]).leads(3, 2, &[1]).breaks_only(ELECTION_SAFETY, "n1 and n3 were both elected in t2");
}

#[test]
fn a_leader_elected_again_in_its_term_after_a_crash_breaks_election_safety() {
    let mut story = Story::new();
    story.leads(1, 2, &[]);
    story.0.crashed(AT, NodeId(1), &image(0, &[]));
    story.leads(1, 2, &[]).breaks_only(ELECTION_SAFETY, "a second time");
}

#[test]
fn one_leader_a_term_told_twice_is_election_safety() {
    Story::new().leads(1, 2, &[1]).leads(1, 2, &[1, 2]).leads(3, 3, &[1]).leads(1, 4, &[1, 2]).holds();
}

#[test]
fn a_leader_that_removes_entries_breaks_append_only_and_a_follower_does_not() {
    let mut story = Story::new();
    let log = Log::new(&log_of(&[1]));
    story.0.log_changed(&standing(2, false, 2, &log, &members()), Some(LogIndex(2)), &[]);
    story.holds();
    story.0.log_changed(&standing(1, true, 2, &log, &members()), Some(LogIndex(2)), &[]);
    story.breaks_only(LEADER_APPEND_ONLY, "n1 leads t2 and removed its own entries from index 2 on");
}

#[test]
fn one_entry_with_two_predecessors_breaks_log_matching() {
    let mut story = Story::new();
    story.takes(1, 3, 1, &[1, 3]).takes(2, 3, 1, &[2, 3]);
    story.breaks_only(LOG_MATCHING, "index 2 (t3) follows t2 in the log of n2, and t1 in that of n1");
}

#[test]
fn two_contents_of_one_index_and_term_break_log_matching() {
    let mut story = Story::new();
    story.takes(1, 1, 1, &[1]);
    let other = Arc::new(Entry { client: ClientId(9), ..(*entry(1, 1)).clone() });
    let log = Log::new(std::slice::from_ref(&other));
    story.0.log_changed(&standing(2, false, 1, &log, &members()), None, &[other]);
    story.breaks_only(LOG_MATCHING, "c9 #1 (t1) in the log of n2, and c1 #1 (t1) in that of n1");
}

#[test]
fn logs_that_differ_in_terms_keep_log_matching() {
    Story::new().takes(1, 3, 1, &[1, 3]).takes(2, 4, 1, &[1, 2, 4]).takes(3, 4, 1, &[1, 2, 4]).holds();
}

#[test]
fn a_later_leader_without_a_committed_entry_breaks_leader_completeness() {
    let mut story = Story::new();
    story.stores(1, 1, 1, &[1]).stores(2, 1, 1, &[1]).leads(3, 2, &[]);
    story.breaks_only(LEADER_COMPLETENESS, "n3 leads t2 with nothing at index 1, where c1 #1 (t1) was committed in t1");
}

#[test]
fn a_leader_of_the_term_that_committed_or_with_the_entry_keeps_leader_completeness() {
    let mut story = Story::new();
    story.leads(1, 1, &[]).stores(1, 1, 1, &[1]).stores(2, 1, 1, &[1]);
    assert_eq!(story.0.take_decided(), run(&[1]));
    story.leads(2, 2, &[1, 2]).holds();
}

#[test]
fn two_entries_applied_at_one_index_break_state_machine_safety() {
    let mut story = Story::new();
    story.0.applied(AT, NodeId(1), &entry(1, 1));
    story.0.applied(AT, NodeId(2), &entry(1, 2));
    story.breaks_only(STATE_MACHINE_SAFETY, "n2 applied c1 #1 (t2) at index 1, where n1 applied c1 #1 (t1)");
}

#[test]
fn another_state_at_the_index_of_a_snapshot_breaks_state_machine_safety() {
    let mut story = Story::new();
    for (node, state) in [(1, 7), (2, 7), (3, 8)] {
        story.0.state(AT, NodeId(node), LogIndex(4), Digest(state));
    }
    story.breaks_only(
        STATE_MACHINE_SAFETY,
        "the state of n3 at index 4 is 0000000000000008, and that of n1 was 0000000000000007",
    );
}

#[test]
fn equal_entries_applied_everywhere_and_again_after_a_restart_keep_state_machine_safety() {
    let mut story = Story::new();
    for node in [1, 2, 1] {
        story.0.applied(AT, NodeId(node), &entry(1, 1));
        story.0.applied(AT, NodeId(node), &entry(2, 1));
    }
    story.holds();
}

#[test]
fn a_node_may_not_believe_more_than_is_decided() {
    let mut story = Story::new();
    story.stores(1, 1, 1, &[1, 1]).stores(2, 1, 1, &[1]).commits(1, 1, &[1, 1]).holds();
    story.commits(1, 2, &[1, 1]).breaks_only(COMMIT_IS_DECIDED, "n1 believes index 2 (t1) committed");
    story.commits(3, 1, &[2]).breaks_only(COMMIT_IS_DECIDED, "n3 believes index 1 committed with t2, and it is t1");
}

#[test]
fn a_committed_entry_removed_from_a_store_breaks_durability() {
    let mut story = Story::new();
    story.stores(1, 1, 1, &[1, 1]).stores(2, 1, 1, &[1, 1]).holds();
    story.syncs(2, 1, 2, &[1]).breaks_only(DURABILITY, "index 2 (t1) was committed in t1 and durable here");
}

#[test]
fn an_uncommitted_entry_may_be_replaced() {
    Story::new()
        .stores(1, 1, 1, &[1, 1])
        .stores(2, 1, 1, &[1])
        .stores(1, 2, 2, &[1, 2])
        .stores(2, 2, 2, &[1, 2])
        .holds();
}

#[test]
fn a_second_commit_at_an_index_is_found() {
    let mut story = Story::new();
    story.stores(1, 1, 1, &[1]).stores(2, 1, 1, &[1]).stores(3, 2, 1, &[2]).holds();
    story.stores(2, 2, 1, &[2]);
    let names: Vec<_> = story.breaks().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, [DURABILITY, DECIDED_IS_FINAL]);
}

#[test]
fn log_time_that_falls_or_jumps_too_far_is_found() {
    let jump = MAX_LOG_TIME_JUMP.0;
    for (first, second, breaks) in
        [(5, 5, false), (5, 4, true), (5, 5 + jump, false), (5, 6 + jump, true), (9 * jump, 9 * jump, false)]
    {
        let mut story = Story::new();
        let dated = |index: u64, at| Arc::new(Entry { log_time: Wall(at), ..(*entry(index, 1)).clone() });
        let entries = [dated(1, first), dated(2, second)];
        for (new, log) in [(&entries[..1], Log::new(&entries[..1])), (&entries[1..], Log::new(&entries))] {
            story.0.log_changed(&standing(1, false, 1, &log, &members()), None, new);
        }
        if breaks { story.breaks_only(LOG_TIME, "index 2 in the log of n1") } else { story.holds() }
    }
}

#[test]
fn a_property_that_breaks_all_the_time_is_reported_a_bounded_number_of_times() {
    let mut story = Story::new();
    for term in 0..100 {
        story.leads(1, term, &[]).leads(2, term, &[]);
    }
    assert_eq!(story.breaks().len(), MAX_FINDINGS_PER_PROPERTY as usize);
}
