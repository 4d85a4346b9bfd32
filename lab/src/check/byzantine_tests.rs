//! Each property breaks where it should, and nowhere else.

use quorumscope_core::entry::{Class, Tags};
use quorumscope_core::membership::Membership;
use quorumscope_core::raft::HardState;
use quorumscope_core::types::Wall;

use super::*;

const AT: Time = Time(7);

fn proposal(number: u64, payload: &'static [u8]) -> Proposal {
    let (client, number) = (ClientId(1), RequestNumber(number));
    Proposal { client, number, class: Class::Critical, tags: Tags::new(), payload: payload.into() }
}

fn entry(index: u64, number: u64, payload: &'static [u8]) -> Arc<Entry> {
    let Proposal { client, number, class, tags, payload } = proposal(number, payload);
    let (index, term, log_time, kind) = (LogIndex(index), Term(0), Wall(index * 10), EntryKind::Command);
    Arc::new(Entry { index, term, kind, log_time, client, number, class, tags, payload })
}

/// Honest nodes that decide; a client has sent `a` as its first request and `b` as its second.
struct Story(ByzantineChecks);

impl Story {
    fn new() -> Self {
        let mut checks = ByzantineChecks::default();
        checks.asked(&proposal(1, b"a"));
        checks.asked(&proposal(2, b"b"));
        Self(checks)
    }

    fn decides(&mut self, node: u32, entries: &[Arc<Entry>]) -> &mut Self {
        let log = Log::new(entries);
        let (node, term) = (NodeId(node), Term(0));
        let seen = Standing { at: AT, node, leads: false, term, log: &log, members: None };
        self.0.log_changed(&seen, None, entries);
        self
    }

    fn stores(&mut self, node: u32, entries: &[Arc<Entry>]) -> &mut Self {
        let mut image = DiskImage::<HardState>::formatted(1, NodeId(node), Membership::default());
        image.log = entries.to_vec();
        self.0.durable(AT, NodeId(node), &image, LogIndex(1));
        self
    }

    fn breaks_only(&mut self, property: &str, word: &str) {
        let found = self.0.take_findings();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].property, property);
        assert!(found[0].detail.contains(word), "{}", found[0].detail);
    }

    fn holds(&mut self) {
        assert_eq!(self.0.take_findings(), []);
    }
}

#[test]
fn equal_logs_of_what_was_asked_hold() {
    let log = [entry(1, 1, b"a"), entry(2, 2, b"b"), entry(3, 1, b"a")];
    let mut story = Story::new();
    story.decides(1, &log).decides(2, &log[..2]).stores(1, &log[..1]).stores(1, &log).holds();
    assert_eq!(story.0.take_decided(), [1, 2, 3].map(|index| (LogIndex(index), Term(0))));
}

#[test]
fn two_entries_at_one_index_break_agreement() {
    let mut story = Story::new();
    story.decides(1, &[entry(1, 1, b"a")]).decides(2, &[entry(1, 2, b"b")]);
    story.breaks_only(AGREEMENT, "n2 decided c1 #2 (t0) at index 1, where n1 decided c1 #1 (t0)");
}

#[test]
fn what_no_client_sent_breaks_validity_also_under_a_number_that_was_sent() {
    Story::new().decides(1, &[entry(1, 3, b"c")]).breaks_only(VALIDITY, "never sent");
    Story::new().decides(1, &[entry(1, 1, b"x")]).breaks_only(VALIDITY, "never sent");
}

#[test]
fn a_gap_and_a_truncation_break_integrity() {
    Story::new().decides(1, &[entry(2, 1, b"a")]).breaks_only(INTEGRITY, "nobody has decided what comes before");
    let mut story = Story::new();
    let log = Log::default();
    let seen = Standing { at: AT, node: NodeId(1), leads: false, term: Term(0), log: &log, members: None };
    story.0.log_changed(&seen, Some(LogIndex(1)), &[]);
    story.breaks_only(INTEGRITY, "removed");
}

#[test]
fn a_disk_that_lost_what_it_held_breaks_durability_and_a_lost_disk_does_not() {
    let log = [entry(1, 1, b"a"), entry(2, 2, b"b")];
    let mut story = Story::new();
    story.decides(1, &log).stores(1, &log).stores(1, &log[..1]);
    story.breaks_only(DURABILITY, "now only 1");
    story.stores(1, &log).0.store_lost(NodeId(1));
    story.stores(1, &[]).holds();
}

#[test]
fn a_commit_beyond_the_log_is_not_decided_and_one_within_it_decides() {
    let mut story = Story::new();
    let log = Log::new(&[entry(1, 1, b"a")]);
    story.0.commit_changed(AT, NodeId(1), LogIndex(1), &log);
    story.holds();
    story.0.commit_changed(AT, NodeId(1), LogIndex(2), &log);
    story.breaks_only(COMMIT_IS_DECIDED, "no log holds it so");
    story.decides(2, &[entry(1, 2, b"b")]);
    story.breaks_only(AGREEMENT, "where n1 decided");
}
