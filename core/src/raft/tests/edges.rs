//! Claims about edges: they hold their part of the state, all of it, and never a vote.

use super::cluster::{Cluster, n};
use crate::entry::EntryKind;
use crate::event::{ChangeRefusal, Event, IgnoreReason};
use crate::membership::Nonsense;
use crate::protocol::ReadHow;
use crate::raft::{AppendEntries, Config, Message, Rule, Switches};
use crate::record::Role;
use crate::types::{LogIndex, Term};

/// n1 leads three voters, and n4 holds range 7. n5 belongs to nothing yet.
fn with_edge(change: impl FnOnce(&mut Config<Switches>)) -> Cluster {
    let mut cluster = Cluster::with_spares(3, 5, change);
    cluster.elect(1);
    cluster.propose_in(1, 7);
    cluster.deliver();
    subscribe(&mut cluster, 4, 7);
    cluster
}

/// The edge joins, and gets its snapshot after a heartbeat.
fn subscribe(cluster: &mut Cluster, edge: u32, range: u64) {
    cluster.subscribe(1, edge, range);
    cluster.deliver();
    cluster.time_out(1);
    cluster.deliver();
}

fn kinds(cluster: &Cluster, node: u32) -> Vec<EntryKind> {
    cluster.node(node).raft.log().iter().map(|entry| entry.kind).collect()
}

fn snapshots_sent(cluster: &Cluster) -> usize {
    let is_sent = |event: &&Event| matches!(event, Event::ProjectionSent { .. });
    cluster.node(1).events.iter().filter(is_sent).count()
}

#[test]
fn an_edge_starts_from_its_part_of_the_state_and_gets_what_it_subscribes_to() {
    let mut cluster = with_edge(|_| {});
    assert_eq!(cluster.role(4), Role::Edge);
    assert_eq!((cluster.node(4).restored.as_slice(), snapshots_sent(&cluster)), ([LogIndex(3)].as_slice(), 1));
    for range in [7, 8, 7] {
        cluster.propose_in(1, range);
        cluster.deliver();
    }
    assert_eq!(kinds(&cluster, 4), [EntryKind::Command, EntryKind::Elided, EntryKind::Command]);
    assert_eq!((cluster.commit(4), cluster.commit(1)), (6, 6));
    assert_eq!(cluster.terms(4), [1, 1, 1], "an entry without a body has its term");
    assert_eq!(kinds(&cluster, 2).last(), Some(&EntryKind::Command), "followers get all of it");
}

#[test]
fn an_edge_counts_for_no_commit_and_gets_nothing_that_could_be_taken_back() {
    let mut cluster = with_edge(|_| {});
    let before = cluster.commit(1);
    cluster.propose_in(1, 7);
    cluster.deliver_among(&[1, 4]);
    cluster.time_out(1);
    cluster.deliver_among(&[1, 4]);
    assert_eq!((cluster.commit(1), cluster.extent(4).1), (before, before));
}

#[test]
fn an_edge_reads_what_the_leader_says_is_committed() {
    let mut cluster = with_edge(|_| {});
    cluster.propose_in(1, 8);
    cluster.deliver();
    let number = cluster.read(4, ReadHow::Index);
    cluster.deliver();
    assert_eq!(cluster.read_at(4, number), Some(4));
}

#[test]
fn an_edge_is_never_promoted_and_changes_its_ranges_by_leaving() {
    let mut cluster = with_edge(|_| {});
    cluster.reconfigure(1, &[], &[4], &[]);
    let refused = ChangeRefusal::Nonsense(Nonsense::IsObserver(n(4)));
    assert!(cluster.noted(1, |event| *event == Event::ChangeRefused { reason: refused }));
    cluster.subscribe(1, 4, 8);
    let refused = ChangeRefusal::Nonsense(Nonsense::IsMember(n(4)));
    assert!(cluster.noted(1, |event| *event == Event::ChangeRefused { reason: refused }));
}

#[test]
fn an_edge_that_leaves_and_comes_back_with_the_same_ranges_goes_on_where_it_was() {
    let mut cluster = with_edge(|_| {});
    cluster.reconfigure(1, &[], &[], &[4]);
    cluster.deliver();
    assert_eq!(cluster.role(4), Role::Learner, "it heard that it left");
    cluster.propose_in(1, 7);
    cluster.deliver();
    subscribe(&mut cluster, 4, 7);
    assert_eq!((cluster.commit(4), snapshots_sent(&cluster)), (cluster.commit(1), 1));
    assert_eq!(cluster.role(4), Role::Edge);
}

/// What another subscription holds is in no entry that was kept for this one.
#[test]
fn another_subscription_is_another_snapshot() {
    for rule_on in [true, false] {
        let mut cluster = with_edge(|config| {
            if !rule_on {
                config.rules = config.rules.without(Rule::EdgeStartsAnew);
            }
        });
        cluster.propose_in(1, 8);
        cluster.deliver();
        cluster.reconfigure(1, &[], &[], &[4]);
        cluster.deliver();
        subscribe(&mut cluster, 4, 8);
        let last = cluster.node(4).restored.last().copied();
        let expected = if rule_on { LogIndex(6) } else { LogIndex(3) };
        assert_eq!(last, Some(expected), "the rule is what brings the new part");
        assert_eq!(cluster.commit(4), cluster.commit(1));
    }
}

#[test]
fn a_store_of_a_whole_log_takes_no_log_with_holes_before_its_snapshot() {
    let mut cluster = Cluster::with_spares(3, 5, |_| {});
    cluster.elect(1);
    cluster.observe(1, &[4]);
    cluster.deliver();
    cluster.propose_in(1, 8);
    cluster.deliver();
    cluster.reconfigure(1, &[], &[], &[4]);
    cluster.deliver();
    assert_eq!(kinds(&cluster, 4).len(), 4);
    subscribe(&mut cluster, 4, 7);
    assert_eq!((cluster.node(4).restored.as_slice(), cluster.role(4)), ([LogIndex(5)].as_slice(), Role::Edge));
    assert!(!kinds(&cluster, 4).contains(&EntryKind::Elided));
}

/// A part of the state must not become the whole by the back door.
#[test]
fn a_store_with_holes_takes_no_whole_log_and_is_never_promoted() {
    let mut cluster = with_edge(|_| {});
    cluster.propose_in(1, 8);
    cluster.deliver();
    cluster.reconfigure(1, &[], &[], &[4]);
    cluster.deliver();
    cluster.reconfigure(1, &[4], &[], &[]);
    cluster.deliver();
    let before = cluster.extent(4);
    cluster.time_out(1);
    cluster.deliver();
    let refused = |e: &Event| matches!(e, Event::MessageIgnored { reason: IgnoreReason::PartialStore, .. });
    assert!(cluster.noted(4, refused));
    cluster.reconfigure(1, &[], &[4], &[]);
    assert!(cluster.noted(1, |e| *e == Event::ChangeRefused { reason: ChangeRefusal::NotCaughtUp(n(4)) }));
    cluster.snapshot(1);
    cluster.time_out(1);
    cluster.deliver();
    assert_eq!(cluster.extent(4), before);
    assert!(kinds(&cluster, 4).contains(&EntryKind::Elided));
}

/// An edge goes on after a restart, and a leader that is new feeds it on.
#[test]
fn an_edge_restarts_with_its_part_and_follows_another_leader() {
    let mut cluster = with_edge(|_| {});
    cluster.propose_in(1, 8);
    cluster.deliver();
    cluster.restart(n(4));
    cluster.elect(2);
    cluster.propose_in(2, 8);
    cluster.deliver();
    assert_eq!((cluster.commit(4), cluster.role(4)), (cluster.commit(2), Role::Edge));
    assert_eq!(kinds(&cluster, 4), [EntryKind::Elided, EntryKind::NoOp, EntryKind::Elided]);
    assert_eq!(cluster.node(4).restored, [], "its own snapshot is all that it needs");
}

/// A projection is made for a configuration that is committed: one that is cut from the log again leaves its node
/// as it was.
#[test]
fn an_edge_that_never_joined_keeps_what_it_had() {
    let mut cluster = Cluster::with_spares(3, 5, |_| {});
    cluster.elect(1);
    cluster.subscribe(1, 4, 7);
    cluster.deliver_among(&[1, 4]);
    cluster.time_out(1);
    cluster.deliver_among(&[1, 4]);
    assert_eq!((snapshots_sent(&cluster), cluster.node(4).restored.len()), (0, 0));
    assert_eq!(cluster.node(4).raft.leader(), Some(n(1)), "it hears the leader all the same");
}

#[test]
fn an_edge_whose_entries_were_compacted_away_gets_its_part_anew() {
    let mut cluster = with_edge(|config| config.snapshots.retained_entries = 0);
    for _ in 0..3 {
        cluster.propose_in(1, 7);
        cluster.deliver_among(&[1, 2, 3]);
    }
    cluster.snapshot(1);
    assert_eq!(cluster.extent(1).0, 6);
    cluster.time_out(1);
    cluster.deliver();
    cluster.time_out(1);
    cluster.deliver();
    assert_eq!((cluster.commit(4), snapshots_sent(&cluster)), (6, 2));
    assert_eq!(cluster.node(4).restored, [LogIndex(3), LogIndex(6)]);
}

#[test]
fn a_stale_leader_feeds_an_edge_nothing() {
    let mut cluster = with_edge(|_| {});
    let (term, prev_log_term) = (Term(0), Term(0));
    let append = AppendEntries {
        term,
        prev_log_index: LogIndex(0),
        prev_log_term,
        entries: crate::entry::Entries::new(),
        leader_commit: LogIndex(9),
        round: 0,
    };
    let subscription = crate::edge::Edge::new(n(4), [7]).subscription();
    cluster.hand(3, 4, Message::FeedEdge(Box::new(crate::raft::FeedEdge { subscription, append })));
    let stale = |e: &Event| matches!(e, Event::MessageIgnored { reason: IgnoreReason::StaleTerm, .. });
    assert!(cluster.noted(4, stale));
    assert_eq!(cluster.node(4).raft.leader(), Some(n(1)));
}
