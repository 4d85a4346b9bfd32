//! Log compaction: Raft paper §7 and Figure 13, thesis chapter 5.

use bytes::Bytes;

use super::cluster::{Cluster, n};
use crate::event::{Event, IgnoreReason, SnapshotReason};
use crate::membership::Membership;
use crate::protocol::{Input, Protocol as _};
use crate::raft::{InstallOutcome, InstallSnapshot, InstallSnapshotReply, Message, Rule};
use crate::record::Role;
use crate::rng::Rng;
use crate::snapshot::{Base, SnapshotMeta};
use crate::types::{Digest, LogIndex, NodeId, Span, Term, Wall};

/// Snapshots by hand only, parts of three bytes, no tail.
fn cluster(rules_off: &[Rule]) -> Cluster {
    Cluster::with(3, |config| {
        config.snapshots.chunk_bytes = 3;
        config.snapshots.retained_entries = 0;
        config.rules = rules_off.iter().fold(config.rules, |rules, rule| rules.without(*rule));
    })
}

/// n1 leads; n3 heard nothing of `entries` entries, which n1 has compacted away.
fn with_a_follower_left_behind(rules_off: &[Rule], entries: u32) -> Cluster {
    let mut cluster = cluster(rules_off);
    cluster.elect(1);
    for _ in 0..entries {
        cluster.propose(1);
    }
    cluster.deliver_among(&[1, 2]);
    cluster.snapshot(1);
    cluster
}

/// Heartbeats, with all messages delivered.
fn heartbeats(cluster: &mut Cluster, count: u32) {
    for _ in 0..count {
        cluster.advance(Span::from_millis(50));
        cluster.time_out(1);
        cluster.deliver();
    }
}

fn is_part(message: &Message) -> bool {
    matches!(message, Message::InstallSnapshot(install) if !install.data.is_empty())
}

pub(super) fn install(term: u64, last: (u64, u64), data: &'static [u8]) -> Message {
    let membership = Membership::of(vec![n(1), n(2), n(3)]);
    let (index, last) = (LogIndex(last.0), Term(last.1));
    let meta =
        SnapshotMeta { index, term: last, log_time: Wall(0), membership, digest: Digest(index.0), subscription: None };
    let (total, data) = (data.len() as u64, Bytes::from_static(data));
    Message::InstallSnapshot(Box::new(InstallSnapshot { term: Term(term), meta, total, offset: 0, data, round: 0 }))
}

/// §7: "each server takes snapshots independently, covering just the committed entries in its log".
#[test]
fn a_snapshot_covers_what_was_applied_and_no_more() {
    let mut cluster = cluster(&[]);
    cluster.elect(1);
    cluster.propose(1);
    cluster.deliver();
    cluster.propose(1); // not committed
    cluster.snapshot(1);
    assert_eq!((cluster.stored_snapshot(1), cluster.extent(1)), (2, (2, 3)));
    assert_eq!((cluster.stored_snapshot(2), cluster.extent(2).0), (0, 0));
}

/// §7: "once a server completes writing a snapshot, it may delete all log entries up through the last included
/// index, as well as any prior snapshot".
#[test]
fn a_newer_snapshot_takes_the_place_of_the_one_before() {
    let mut cluster = cluster(&[]);
    cluster.elect(1);
    for index in 2..5 {
        cluster.propose(1);
        cluster.deliver();
        cluster.snapshot(1);
        assert_eq!((cluster.stored_snapshot(1), cluster.extent(1)), (index, (index, index)));
        assert_eq!(cluster.node(1).image.log.len(), 0);
    }
}

/// §7: "take a snapshot when the log reaches a fixed size"; a tail stays for followers that are a little slow.
#[test]
fn a_snapshot_is_made_at_the_threshold_and_keeps_the_retained_tail() {
    let mut cluster = Cluster::with(3, |config| {
        (config.snapshots.threshold, config.snapshots.retained_entries) = (5, 2);
    });
    cluster.elect(1);
    for _ in 0..4 {
        assert_eq!(cluster.stored_snapshot(1), 0);
        cluster.propose(1);
        cluster.deliver();
    }
    assert_eq!((cluster.stored_snapshot(1), cluster.extent(1)), (5, (3, 5)));
    assert!(cluster.noted(1, |e| matches!(e, Event::SnapshotStarted { reason: SnapshotReason::Entries(5), .. })));
}

#[test]
fn a_snapshot_is_made_where_the_log_grows_large_and_where_the_last_one_grows_old() {
    let large = |config: &mut crate::raft::Config<_>| config.snapshots.threshold_bytes = 3;
    let old = |config: &mut crate::raft::Config<_>| config.snapshots.interval = Span::from_secs(5);
    for (bytes, mut cluster) in [(true, Cluster::with(3, large)), (false, Cluster::with(3, old))] {
        cluster.elect(1);
        (0..3).for_each(|_| _ = cluster.propose(1));
        cluster.deliver();
        cluster.advance(Span::from_secs(6));
        heartbeats(&mut cluster, 1);
        let wanted = |e: &Event| match e {
            Event::SnapshotStarted { reason: SnapshotReason::Bytes(3), .. } => bytes,
            Event::SnapshotStarted { reason: SnapshotReason::Interval(_), .. } => !bytes,
            _ => false,
        };
        assert!(cluster.noted(1, wanted), "{bytes}");
    }
}

/// §7: "the leader must occasionally send snapshots to followers that lag behind".
#[test]
fn a_follower_that_needs_what_is_gone_is_sent_the_snapshot_in_parts() {
    let mut cluster = with_a_follower_left_behind(&[], 4);
    heartbeats(&mut cluster, 4);
    cluster.propose(1);
    heartbeats(&mut cluster, 2);
    assert_eq!((cluster.stored_snapshot(3), cluster.extent(3)), (5, (5, 6)));
    assert_eq!(cluster.node(3).restored, [LogIndex(5)]);
    assert_eq!(cluster.node(3).applied, [(LogIndex(6), Term(1))], "what the snapshot holds is not applied again");
    assert_eq!(cluster.node(3).image.snapshot, cluster.node(1).image.snapshot);
    assert!(cluster.noted(1, |e| matches!(e, Event::SnapshotTransferEnded { follower: NodeId(3), .. })));
}

/// A restart finds the snapshot and the log that belongs to it, and the machine that starts from it goes on after it.
#[test]
fn a_restarted_node_goes_on_after_its_snapshot() {
    let mut cluster = with_a_follower_left_behind(&[], 4);
    heartbeats(&mut cluster, 4);
    cluster.restart(n(3));
    assert_eq!((cluster.commit(3), cluster.extent(3)), (5, (5, 5)));
    cluster.propose(1);
    heartbeats(&mut cluster, 2);
    assert_eq!(cluster.node(3).applied, [(LogIndex(6), Term(1))]);
}

/// TRAPS: a restart between installing the snapshot and truncating the log.
#[test]
fn a_snapshot_beside_a_log_that_it_supersedes_is_recovered_and_mended() {
    let mut cluster = with_a_follower_left_behind(&[], 4);
    let snapshot = cluster.node(1).image.snapshot.clone();
    for left in [&[1u64, 1][..], &[1, 1, 1, 1, 9, 9]] {
        let node = cluster.nodes.get_mut(&n(3)).expect("a member");
        node.image.base = Base::NONE;
        node.image.log = crate::raft::testing::log_of_terms(left).iter().cloned().collect();
        node.image.snapshot.clone_from(&snapshot);
        cluster.restart(n(3));
        assert_eq!((cluster.commit(3), cluster.extent(3)), (5, (5, 5)));
    }
    cluster.propose(1);
    heartbeats(&mut cluster, 3);
    assert_eq!(cluster.node(3).image.base, Base { index: LogIndex(5), term: Term(1) });
    assert_eq!((cluster.node(3).image.log.len(), cluster.node(3).broken), (1, None));
}

/// Entries that follow the snapshot's last entry in the store stay.
#[test]
fn a_log_that_holds_the_snapshots_last_entry_is_recovered_whole() {
    let mut cluster = cluster(&[]);
    cluster.elect(1);
    (0..4).for_each(|_| _ = cluster.propose(1));
    cluster.deliver();
    cluster.snapshot(1);
    let snapshot = cluster.node(1).image.snapshot.clone();
    cluster.propose(1);
    heartbeats(&mut cluster, 2);
    cluster.nodes.get_mut(&n(2)).expect("a member").image.snapshot = snapshot;
    cluster.restart(n(2));
    assert_eq!((cluster.extent(2), cluster.commit(2)), ((0, 6), 5));
}

/// A log whose beginning stands in no snapshot is a lost one.
#[test]
fn a_store_without_the_snapshot_of_its_logs_beginning_stays_silent() {
    let mut cluster = with_a_follower_left_behind(&[], 4);
    cluster.nodes.get_mut(&n(1)).expect("a member").image.snapshot = None;
    cluster.restart(n(1));
    assert_eq!(cluster.node(1).raft.status().role, Role::Learner);
}

/// Figure 13, step 6: "If existing log entry has same index and term as snapshot's last included entry, retain log
/// entries following it and reply".
#[test]
fn entries_that_follow_the_snapshots_last_entry_stay() {
    for rule_on in [true, false] {
        let mut cluster = Cluster::with_logs(1, &[&[], &[1, 1, 1, 1]], |config| {
            if !rule_on {
                config.rules = config.rules.without(Rule::SnapshotKeepsNewerLog);
            }
        });
        cluster.hand(1, 2, install(1, (2, 1), b"state"));
        assert_eq!(cluster.extent(2).1 == 4, rule_on, "the rule is what keeps them");
        let reply = cluster.network.pop_back().expect("an answer").message;
        let outcome = InstallOutcome::Installed;
        let installed = InstallSnapshotReply { term: Term(1), index: LogIndex(2), outcome, round: 0 };
        assert_eq!(reply, Message::InstallSnapshotReply(installed));
    }
}

/// Figure 13, step 7: "Discard the entire log" where it does not hold the snapshot's last entry.
#[test]
fn a_log_that_conflicts_with_the_snapshot_is_discarded() {
    let mut cluster = Cluster::with_logs(3, &[&[], &[1, 2, 2, 2]], |_| {});
    cluster.hand(1, 2, install(3, (3, 3), b"state"));
    assert_eq!((cluster.extent(2), cluster.commit(2), cluster.stored_snapshot(2)), ((3, 3), 3, 3));
    assert_eq!(cluster.node(2).applied, [], "entries that conflict are not applied on the way");
}

/// Thesis §5.1: a snapshot that is no newer than what is committed here describes a prefix, and is ignored.
#[test]
fn a_late_copy_of_an_old_snapshot_changes_nothing() {
    for rule_on in [true, false] {
        let mut cluster = cluster(if rule_on { &[] } else { &[Rule::StaleSnapshotIgnored] });
        cluster.elect(1);
        (0..4).for_each(|_| _ = cluster.propose(1));
        heartbeats(&mut cluster, 2);
        cluster.snapshot(2);
        cluster.hand(1, 2, install(1, (2, 1), b"state"));
        assert_eq!(cluster.extent(2) == (5, 5), rule_on, "the rule is what keeps the newer state");
    }
}

/// Figure 13: the state is replaced once the snapshot is durable, and only then the leader hears of it.
#[test]
fn a_snapshot_is_durable_before_its_receiver_says_so() {
    for rule_on in [true, false] {
        let mut cluster = cluster(if rule_on { &[] } else { &[Rule::SnapshotDurableBeforeReply] });
        cluster.slow_disks = vec![n(2)];
        cluster.step(n(2), Input::Receive { from: n(1), message: install(0, (0, 0), b"") });
        cluster.hand(1, 2, install(1, (1, 1), b"st"));
        cluster.sync(n(2)); // the term, which any answer waits for
        cluster.network.clear();
        cluster.hand(1, 2, install(1, (7, 1), b"state"));
        assert_eq!(cluster.network.is_empty(), rule_on, "the rule is what holds the answer back");
        cluster.sync(n(2));
        assert_eq!(cluster.node(2).restored.last(), Some(&LogIndex(7)));
    }
}

/// TRAPS: a follower stuck in snapshot state after lost messages.
#[test]
fn a_transfer_goes_on_after_any_part_or_answer_is_lost() {
    for rule_on in [true, false] {
        let rules: &[Rule] = if rule_on { &[] } else { &[Rule::SnapshotRetry] };
        let mut cluster = with_a_follower_left_behind(rules, 4);
        heartbeats_losing_one(&mut cluster, is_part);
        heartbeats_losing_one(&mut cluster, |message| matches!(message, Message::InstallSnapshotReply(_)));
        heartbeats(&mut cluster, 6);
        assert_eq!(cluster.stored_snapshot(3) == 5, rule_on, "the rule is what mends the loss");
        let resumed = |e: &Event| matches!(e, Event::SnapshotTransferResumed { .. });
        assert_eq!(cluster.noted(1, resumed), rule_on);
    }
}

/// One heartbeat whose first message of a kind is lost, and what follows from it.
fn heartbeats_losing_one(cluster: &mut Cluster, kind: impl Fn(&Message) -> bool) {
    let lost = std::cell::Cell::new(false);
    cluster.advance(Span::from_millis(50));
    cluster.time_out(1);
    cluster.deliver_where(|envelope| !kind(&envelope.message) || lost.replace(true));
}

/// A receiver that restarts has none of the parts, and says so.
#[test]
fn a_transfer_starts_over_where_the_receiver_lost_its_parts() {
    let mut cluster = with_a_follower_left_behind(&[], 4);
    heartbeats_losing_one(
        &mut cluster,
        |message| matches!(message, Message::InstallSnapshot(install) if install.offset > 3),
    );
    cluster.restart(n(3));
    heartbeats(&mut cluster, 6);
    assert_eq!((cluster.stored_snapshot(3), cluster.extent(3)), (5, (5, 5)));
}

/// Begun anew with each newer snapshot, a slow transfer would never end.
#[test]
fn a_newer_snapshot_does_not_abort_a_transfer() {
    let mut cluster = with_a_follower_left_behind(&[], 4);
    heartbeats_losing_one(
        &mut cluster,
        |message| matches!(message, Message::InstallSnapshot(install) if install.offset > 3),
    );
    cluster.propose(1);
    cluster.deliver_among(&[1, 2]);
    cluster.snapshot(1);
    assert_eq!(cluster.stored_snapshot(1), 6);
    heartbeats(&mut cluster, 8);
    assert_eq!(cluster.node(3).restored, [LogIndex(5), LogIndex(6)]);
}

/// The same snapshot goes on under a new leader, which holds the same bytes.
#[test]
fn a_new_leader_goes_on_where_the_old_one_stopped() {
    let mut cluster = with_a_follower_left_behind(&[], 4);
    heartbeats_losing_one(
        &mut cluster,
        |message| matches!(message, Message::InstallSnapshot(install) if install.offset > 3),
    );
    cluster.time_out(1);
    cluster.deliver_among(&[1, 2]);
    cluster.snapshot(2);
    cluster.network.clear();
    cluster.advance(Span::from_millis(400));
    cluster.time_out(2);
    let first = std::cell::Cell::new(None);
    cluster.deliver_where(|envelope| {
        if let Message::InstallSnapshot(install) = &envelope.message
            && !install.data.is_empty()
            && install.offset > 0
            && first.get().is_none()
        {
            first.set(Some(install.offset));
        }
        true
    });
    assert_eq!((cluster.role(2), first.get(), cluster.stored_snapshot(3)), (Role::Leader, Some(6), 5));
}

/// A receiver holds no more than it was told to: memory is bounded, whatever a peer claims.
#[test]
fn a_snapshot_that_is_too_large_is_not_taken_in() {
    let mut cluster = Cluster::with(3, |config| config.snapshots.max_bytes = 4);
    cluster.hand(1, 2, install(1, (7, 1), b"state"));
    let too_large = Event::MessageIgnored { from: n(1), reason: IgnoreReason::TooLarge };
    assert!(cluster.noted(2, |e| *e == too_large));
    assert_eq!(cluster.extent(2), (0, 0));
}

/// An append that was on its way while the snapshot overtook it neither leaves a gap nor removes anything.
#[test]
fn a_late_append_below_the_snapshot_is_answered_with_what_is_known() {
    let mut cluster = cluster(&[]);
    cluster.elect(1);
    cluster.propose(1);
    cluster.propose(1);
    let late = cluster.network.iter().find(|envelope| envelope.to == n(2)).expect("an append").message.clone();
    heartbeats(&mut cluster, 2);
    cluster.snapshot(2);
    cluster.hand(1, 2, late);
    assert_eq!((cluster.extent(2), cluster.node(2).broken), ((3, 3), None));
    let reply = cluster.network.pop_back().expect("an answer").message;
    assert!(matches!(reply, Message::AppendEntriesReply(reply) if reply.outcome
        == crate::raft::AppendOutcome::Matched(LogIndex(3))));
}

/// Loss, doubles, reordering and newer snapshots in the middle: once the network is calm the follower has the state.
#[test]
fn any_disturbed_transfer_ends_once_the_network_is_calm() {
    let mut transfers = 0;
    for seed in 0..300 {
        let mut rng = Rng::new(seed, 3);
        let mut cluster = with_a_follower_left_behind(&[], 2 + rng.below(6) as u32);
        cluster.snapshot_bytes = rng.below(40) as usize;
        for _ in 0..30 {
            match rng.below(8) {
                0 => _ = cluster.propose(1),
                1 => cluster.snapshot(1 + rng.below(3) as u32),
                2 if rng.below(4) == 0 => cluster.restart(n(3)),
                _ => {}
            }
            cluster.advance(Span::from_millis(50));
            cluster.time_out(1);
            for _ in 0..rng.below(60) {
                let Some(envelope) = cluster.network.pop_front() else { break };
                match rng.below(10) {
                    0 => {}
                    1 => cluster.network.extend([envelope.clone(), envelope]),
                    2 => cluster.network.push_back(envelope),
                    _ => cluster.step(envelope.to, Input::Receive { from: envelope.from, message: envelope.message }),
                }
            }
            cluster.network.clear();
        }
        heartbeats(&mut cluster, 60);
        assert!((1..=3).all(|node| cluster.node(node).broken.is_none()), "seed {seed}");
        let last = cluster.extent(1).1;
        assert!((1..=3).all(|node| cluster.commit(node) == last), "seed {seed}");
        transfers += cluster.node(3).restored.len();
        assert_eq!(cluster.node(3).raft.snapshot().is_some(), cluster.stored_snapshot(3) > 0, "seed {seed}");
    }
    assert!(transfers > 100, "{transfers} installed snapshots");
}

/// §7: a snapshot "also includes" the newest configuration of its index; thesis §5.1.
#[test]
fn a_snapshot_carries_the_members_of_its_index() {
    let mut cluster = Cluster::with_spares(3, 5, |config| config.snapshots.retained_entries = 0);
    cluster.elect(1);
    cluster.reconfigure(1, &[4], &[], &[]);
    cluster.deliver();
    cluster.snapshot(1);
    cluster.propose(1);
    cluster.reconfigure(1, &[5], &[], &[]);
    cluster.deliver_among(&[1, 2]);
    // What the log holds after the snapshot acts on top of it, also after a restart.
    cluster.restart(n(1));
    assert_eq!(cluster.members(1), [vec![1, 2, 3], vec![], vec![4, 5]]);
    assert_eq!(cluster.node(1).image.snapshot.as_ref().map(|held| held.meta.membership.learners.len()), Some(1));
}

/// A configuration may be committed while an older snapshot is still being made.
#[test]
fn a_snapshot_that_is_being_made_keeps_the_members_of_its_own_index() {
    let mut cluster = Cluster::with_spares(3, 5, |config| config.snapshots.retained_entries = 0);
    cluster.elect(1);
    cluster.propose(1);
    cluster.deliver();
    cluster.snapshots_wait = true;
    cluster.snapshot(1);
    cluster.reconfigure(1, &[4], &[], &[]);
    cluster.deliver();
    cluster.finish_snapshot();
    assert_eq!(cluster.node(1).image.snapshot.as_ref().map(|held| held.meta.membership.learners.len()), Some(0));
}

/// Who is given a snapshot in the place of the log learns from it who the members are.
#[test]
fn a_node_learns_the_members_from_a_snapshot() {
    let mut cluster = Cluster::with_spares(3, 5, |config| config.snapshots.retained_entries = 0);
    cluster.elect(1);
    cluster.reconfigure(1, &[4], &[], &[]);
    cluster.deliver_among(&[1, 2, 4]);
    cluster.snapshot(1);
    heartbeats(&mut cluster, 4);
    assert_eq!((cluster.extent(3).0, cluster.members(3)), (cluster.extent(1).0, [vec![1, 2, 3], vec![], vec![4]]));
}

/// The first bytes of a longer snapshot, or what follows them.
fn part(term: u64, last: (u64, u64), offset: u64, data: &'static [u8]) -> Message {
    let Message::InstallSnapshot(mut install) = install(term, last, data) else { unreachable!("it is one") };
    (install.offset, install.total) = (offset, 5);
    Message::InstallSnapshot(install)
}

/// n2 has three of five bytes of the snapshot through index 7, from n1 in term 1.
fn with_parts() -> Cluster {
    let mut cluster = cluster(&[]);
    cluster.hand(1, 2, part(1, (7, 1), 0, b"sta"));
    cluster
}

fn dropped(cluster: &Cluster) -> Vec<(LogIndex, u64, Option<LogIndex>)> {
    let parts = cluster.node(2).events.iter().filter_map(|event| match event {
        Event::SnapshotPartsDropped { index, received, by, .. } => Some((*index, *received, *by)),
        _ => None,
    });
    parts.collect()
}

#[test]
fn a_part_of_an_older_snapshot_does_not_take_the_place_of_a_newer_one() {
    let mut cluster = with_parts();
    cluster.hand(1, 2, part(1, (6, 1), 0, b"old"));
    assert!(cluster.noted(2, |e| matches!(e, Event::MessageIgnored { reason: IgnoreReason::Outdated, .. })));
    assert_eq!(dropped(&cluster), []);
    cluster.hand(1, 2, part(1, (7, 1), 3, b"te"));
    cluster.sync(n(2));
    assert_eq!(cluster.stored_snapshot(2), 7, "what had arrived of the newer one is still there");
}

#[test]
fn a_newer_snapshot_and_one_of_a_newer_leader_supersede_the_one_that_arrives_and_say_so() {
    for (from, term, index) in [(1, 1, 9), (3, 2, 6), (3, 2, 9)] {
        let mut cluster = with_parts();
        cluster.hand(from, 2, part(term, (index, 1), 0, b"ne"));
        assert_eq!(dropped(&cluster), [(LogIndex(7), 3, Some(LogIndex(index)))]);
        cluster.hand(from, 2, part(term, (index, 1), 2, b"wer"));
        cluster.sync(n(2));
        assert_eq!(cluster.stored_snapshot(2), index);
    }
}

#[test]
fn parts_are_of_no_use_once_a_snapshot_is_not_needed_and_are_dropped_then() {
    let mut cluster = with_a_follower_left_behind(&[], 4);
    cluster.hand(1, 2, part(1, (7, 1), 0, b"sta"));
    cluster.hand(1, 2, install(1, (5, 1), b"state"));
    assert_eq!(dropped(&cluster), [(LogIndex(7), 3, None)]);
}
