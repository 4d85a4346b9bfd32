//! Log time passes by entries alone (PROTOCOLS: "a leader with a due expiry appends a tick").

use super::cluster::{Cluster, n};
use crate::entry::EntryKind;
use crate::protocol::Input;
use crate::raft::MAX_LOG_TIME_JUMP;
use crate::types::{Span, Wall};

/// A cluster whose leader goes on although time passes in leaps, with nobody heard in between.
fn patient() -> Cluster {
    Cluster::with(3, |config| config.check_quorum = false)
}

fn ticks(cluster: &Cluster, node: u32) -> usize {
    cluster.node(node).raft.log().iter().filter(|entry| entry.kind == EntryKind::Tick).count()
}

/// A leader whose machine has something that expires 500 ms from now, told to all nodes.
fn expecting() -> Cluster {
    let mut cluster = patient();
    cluster.elect(1);
    let last = cluster.node(1).raft.log().last().expect("a no-op").log_time;
    for node in 1..=3 {
        cluster.step(n(node), Input::ExpiryAt(Some(last + Span::from_millis(500))));
    }
    cluster
}

#[test]
fn a_leader_appends_one_tick_once_something_is_due_and_all_apply_it() {
    let mut cluster = expecting();
    cluster.advance(Span::from_millis(499));
    cluster.time_out(1);
    cluster.deliver();
    assert_eq!(ticks(&cluster, 1), 0, "it is not due yet");
    cluster.advance(Span::from_millis(1));
    cluster.time_out(1);
    cluster.deliver();
    assert_eq!((ticks(&cluster, 1), ticks(&cluster, 2)), (1, 1));
    // The machines have not said yet that nothing more expires, and still one tick is enough.
    cluster.advance(Span::from_millis(60));
    cluster.time_out(1);
    cluster.deliver();
    assert_eq!(ticks(&cluster, 1), 1);
    assert_eq!((cluster.commit(1), cluster.commit(2)), (2, 2));
    assert_eq!(cluster.node(3).applied.len(), 2);
}

#[test]
fn a_command_that_comes_late_enough_spares_the_tick() {
    let mut cluster = expecting();
    cluster.advance(Span::from_millis(500));
    cluster.propose(1);
    cluster.time_out(1);
    cluster.deliver();
    assert_eq!(ticks(&cluster, 1), 0);
}

#[test]
fn a_leader_that_cannot_commit_keeps_one_tick_in_its_log_and_no_more() {
    let mut cluster = expecting();
    for _ in 0..20 {
        cluster.advance(MAX_LOG_TIME_JUMP);
        cluster.time_out(1);
        cluster.deliver_among(&[1]);
    }
    assert_eq!(ticks(&cluster, 1), 1);
}

#[test]
fn a_leader_whose_clock_jumped_moves_log_time_by_one_jump_a_tick() {
    let mut cluster = patient();
    cluster.elect(1);
    let before = cluster.node(1).raft.log().last().expect("a no-op").log_time;
    cluster.advance(Span(3 * MAX_LOG_TIME_JUMP.0 + 1));
    for jumps in 1..=3 {
        cluster.time_out(1);
        cluster.deliver();
        let last = cluster.node(1).raft.log().last().expect("a tick").log_time;
        assert_eq!(last, Wall(before.0 + jumps * MAX_LOG_TIME_JUMP.0));
    }
    cluster.time_out(1);
    assert_eq!(ticks(&cluster, 1), 3, "log time has caught up");
}

#[test]
fn a_follower_appends_no_ticks() {
    let mut cluster = expecting();
    cluster.advance(MAX_LOG_TIME_JUMP);
    cluster.step(n(2), Input::DeadlineReached);
    assert_eq!(ticks(&cluster, 2), 0);
}
