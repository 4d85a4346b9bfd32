//! Claims about feeders: entries cross the border once, and nothing else changes.

use super::cluster::{Cluster, n};
use crate::entry::EntryKind;
use crate::event::{ChangeRefusal, Event, IgnoreReason};
use crate::raft::{AppendEntries, Config, Message, Relay, Rule, Switches};
use crate::snapshot::Base;
use crate::types::{LogIndex, Span, Term};

/// n1 and n2 stand here, n3 to n5 elsewhere; n1 leads n1 to n3, and n4 and n5 are spares.
fn two_zones(change: impl FnOnce(&mut Config<Switches>)) -> Cluster {
    let mut cluster = Cluster::with_spares(3, 5, |config| {
        config.zones = [(1, 0), (2, 0), (3, 1), (4, 1), (5, 1)].map(|(node, zone)| (n(node), zone)).to_vec();
        change(config);
    });
    cluster.elect(1);
    cluster.propose(1);
    cluster.deliver();
    cluster
}

/// A heartbeat and its answers: feeders are chosen, then what they need is known.
fn heartbeat(cluster: &mut Cluster) {
    cluster.time_out(1);
    cluster.deliver();
}

/// Delivers everything; returns who sent entries to `node`.
fn senders_to(cluster: &mut Cluster, node: u32) -> Vec<u32> {
    let mut senders = Vec::new();
    while let Some(envelope) = cluster.network.pop_front() {
        let carries = match &envelope.message {
            Message::AppendEntries(append) => !append.entries.is_empty(),
            Message::FeedEdge(feed) => !feed.append.entries.is_empty(),
            Message::Relayed(_) => true,
            _ => false,
        };
        if carries && envelope.to == n(node) {
            senders.push(envelope.from.0);
        }
        cluster.hand(envelope.from.0, envelope.to.0, envelope.message);
    }
    senders
}

fn feeder(cluster: &Cluster, of: u32) -> Option<u32> {
    let chosen = cluster.node(1).events.iter().rev().find_map(|event| match event {
        Event::FeederChosen { node, feeder } if *node == n(of) => Some(*feeder),
        _ => None,
    });
    chosen.flatten().map(|node| node.0)
}

#[test]
fn an_observer_elsewhere_is_fed_by_a_voter_near_it_and_answers_its_leader() {
    let mut cluster = two_zones(|_| {});
    cluster.observe(1, &[4]);
    cluster.deliver();
    heartbeat(&mut cluster);
    assert_eq!(feeder(&cluster, 4), Some(3));
    cluster.propose(1);
    assert_eq!(senders_to(&mut cluster, 4), [3]);
    assert_eq!((cluster.commit(4), cluster.terms(4)), (cluster.commit(1), cluster.terms(1)));
    let known = cluster.node(1).raft.progress_status();
    assert!(known.iter().any(|progress| progress.node == n(4) && progress.matched == LogIndex(cluster.commit(1))));
}

#[test]
fn where_nothing_is_said_of_zones_the_leader_feeds_all() {
    let mut cluster = two_zones(|config| config.zones = Vec::new());
    cluster.observe(1, &[4]);
    cluster.deliver();
    heartbeat(&mut cluster);
    cluster.propose(1);
    assert_eq!((senders_to(&mut cluster, 4), feeder(&cluster, 4)), (vec![1], None));
}

#[test]
fn an_edge_elsewhere_gets_its_part_of_the_entries_from_its_feeder() {
    let mut cluster = two_zones(|_| {});
    cluster.subscribe(1, 4, 7);
    cluster.deliver();
    heartbeat(&mut cluster);
    heartbeat(&mut cluster);
    for range in [8, 7] {
        cluster.propose_in(1, range);
        assert_eq!(senders_to(&mut cluster, 4), [3]);
    }
    let kinds: Vec<_> = cluster.node(4).raft.log().iter().map(|entry| entry.kind).collect();
    assert!(kinds.ends_with(&[EntryKind::Elided, EntryKind::Command]), "{kinds:?}");
}

/// PROTOCOLS: a follower feeds committed entries only; promotion rests on the leader's own match.
#[test]
fn a_learner_elsewhere_gets_what_is_committed_and_is_promoted_once_it_has_caught_up() {
    let mut cluster = two_zones(|config| config.max_entries_per_append = 1);
    cluster.reconfigure(1, &[4], &[], &[]);
    cluster.deliver();
    heartbeat(&mut cluster);
    cluster.propose(1);
    let to_learner = |envelope: &&super::cluster::Envelope| envelope.to == n(4);
    assert_eq!(cluster.network.iter().filter(to_learner).count(), 0, "nothing is committed yet");
    cluster.deliver();
    for _ in 0..3 {
        cluster.propose(1);
        cluster.deliver_among(&[1, 2, 3]);
    }
    cluster.reconfigure(1, &[], &[4], &[]);
    assert!(cluster.noted(1, |e| *e == Event::ChangeRefused { reason: ChangeRefusal::NotCaughtUp(n(4)) }));
    for _ in 0..3 {
        heartbeat(&mut cluster);
    }
    assert_eq!(cluster.extent(4).1, cluster.commit(1));
    cluster.reconfigure(1, &[], &[4], &[]);
    cluster.deliver();
    heartbeat(&mut cluster);
    assert_eq!(cluster.members(1)[0], [1, 2, 3, 4]);
    cluster.propose(1);
    assert_eq!(senders_to(&mut cluster, 4), [1], "a voter is fed by its leader");
}

#[test]
fn a_feeder_that_falls_silent_feeds_nobody_and_what_it_lost_comes_from_the_leader() {
    let mut cluster = two_zones(|_| {});
    cluster.observe(1, &[4]);
    cluster.deliver();
    heartbeat(&mut cluster);
    cluster.propose(1);
    cluster.deliver_among(&[1, 2, 4]);
    assert!(cluster.commit(4) < cluster.commit(1), "the order reached nobody");
    for _ in 0..8 {
        cluster.time_out(1);
        cluster.deliver_among(&[1, 2, 4]);
        cluster.advance(Span::from_millis(1));
    }
    assert_eq!((cluster.commit(4), feeder(&cluster, 4)), (cluster.commit(1), None));
    cluster.propose(1);
    cluster.deliver_among(&[1, 2, 4]);
    assert_eq!(cluster.commit(4), cluster.commit(1));
}

#[test]
fn a_feeder_that_leaves_feeds_nobody() {
    let mut cluster = two_zones(|_| {});
    cluster.observe(1, &[4]);
    cluster.deliver();
    heartbeat(&mut cluster);
    cluster.reconfigure(1, &[], &[], &[3]);
    cluster.deliver();
    cluster.propose(1);
    assert_eq!(senders_to(&mut cluster, 4), [1]);
    assert_eq!(cluster.commit(4), cluster.commit(1));
}

/// A feeder's own log may hold what its leader has replaced.
#[test]
fn a_feeder_sends_only_what_its_log_shares_with_its_leaders() {
    for rule_on in [true, false] {
        let mut cluster = Cluster::with_logs(2, &[&[1], &[1], &[1, 2]], |config| {
            if !rule_on {
                config.rules = config.rules.without(Rule::FeederSendsCommitted);
            }
        });
        let append = AppendEntries {
            term: Term(3),
            prev_log_index: LogIndex(1),
            prev_log_term: Term(1),
            entries: crate::entry::Entries::new(),
            leader_commit: LogIndex(2),
            round: 0,
        };
        let last = Base { index: LogIndex(2), term: Term(3) };
        let order = Relay { to: n(2), subscription: None, append, last };
        cluster.hand(1, 3, Message::Relay(Box::new(order)));
        let sends = cluster.network.iter().any(|envelope| matches!(envelope.message, Message::Relayed(_)));
        assert_eq!(sends, !rule_on, "the rule is what keeps it back");
        let refused = |e: &Event| matches!(e, Event::MessageIgnored { reason: IgnoreReason::Outdated, .. });
        assert_eq!(cluster.noted(3, refused), rule_on);
        assert_eq!(cluster.commit(3), 0, "and it commits nothing by it");
    }
}
