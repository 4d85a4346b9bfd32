//! Bounds on what leaves, what waits and what is taken, in entries and in bytes. Each test shows that its bound is
//! what holds: with the bound far away the same steps end differently.

use proptest::prelude::*;

use super::cluster::{Cluster, n};
use crate::event::{Event, Limit};
use crate::protocol::{Input, Outcome, Protocol as _};
use crate::raft::{AppendEntries, Message};
use crate::record::Role;
use crate::types::{NodeId, RequestNumber};

const FAR: u32 = 1 << 20;

/// The appends with entries on their way to `node`: the lengths of their payloads.
fn on_their_way(cluster: &Cluster, node: u32) -> Vec<Vec<usize>> {
    let to = |envelope: &&super::cluster::Envelope| envelope.to == n(node);
    let appends = cluster.network.iter().filter(to).filter_map(|envelope| match &envelope.message {
        Message::AppendEntries(append) if !append.entries.is_empty() => Some(lengths(append)),
        _ => None,
    });
    appends.collect()
}

fn lengths(append: &AppendEntries) -> Vec<usize> {
    append.entries.iter().map(|entry| entry.payload.len()).collect()
}

fn refused(cluster: &Cluster, node: u32) -> Vec<u64> {
    let answers = cluster.node(node).answers.iter();
    answers.filter(|(_, outcome)| *outcome == Outcome::Overloaded).map(|(number, _)| number.0).collect()
}

#[test]
fn an_append_has_at_most_so_many_bytes_or_one_entry() {
    for (bound, expected) in
        [(100, vec![vec![40, 40], vec![40], vec![500], vec![40, 40, 0]]), (FAR, vec![vec![40, 40, 40, 500, 40, 40, 0]])]
    {
        let mut cluster = Cluster::with(3, |config| config.max_bytes_per_append = bound);
        cluster.elect(1);
        cluster.propose_batch(1, &[40, 40, 40, 500, 40, 40, 0]);
        assert_eq!(on_their_way(&cluster, 2), expected, "the bound is what cuts");
    }
}

#[test]
fn the_window_holds_bytes_back_until_an_answer_makes_room() {
    for (bound, expected) in [(100, vec![vec![40], vec![40]]), (FAR, vec![vec![40]; 5])] {
        let mut cluster = Cluster::with(3, |config| {
            (config.max_bytes_in_flight, config.max_bytes_per_append) = (bound, 40);
        });
        cluster.elect(1);
        cluster.propose_batch(1, &[40; 5]);
        assert_eq!(on_their_way(&cluster, 2), expected, "the bound is what holds back");
        cluster.deliver();
        assert_eq!((cluster.terms(2).len(), cluster.commit(1)), (6, 6));
    }
}

#[test]
fn an_entry_larger_than_the_window_goes_when_nothing_is_on_its_way() {
    let mut cluster = Cluster::with(3, |config| {
        (config.max_bytes_in_flight, config.max_bytes_per_append) = (100, 100);
    });
    cluster.elect(1);
    cluster.propose_batch(1, &[40, 500, 40]);
    assert_eq!(on_their_way(&cluster, 2), [[40]]);
    cluster.deliver();
    assert_eq!(cluster.terms(2).len(), 4);
}

/// One note as long as the follower lags, however many entries are held back; another one for the next time.
#[test]
fn a_full_window_is_told_once() {
    let mut cluster = Cluster::with(3, |config| {
        (config.max_bytes_in_flight, config.max_bytes_per_append) = (100, 40);
    });
    cluster.elect(1);
    let told = |cluster: &Cluster| {
        let full = |event: &&Event| matches!(event, Event::WindowFull { follower, .. } if *follower == n(2));
        let notes: Vec<Event> = cluster.node(1).events.iter().filter(full).cloned().collect();
        assert!(notes.iter().all(|event| *event == Event::WindowFull { follower: n(2), limit: Limit::Bytes(100) }));
        notes.len()
    };
    for _ in 0..9 {
        cluster.propose_batch(1, &[40]);
    }
    assert_eq!(told(&cluster), 1);
    cluster.deliver();
    assert_eq!((told(&cluster), cluster.terms(2).len()), (1, 10));
    cluster.propose_batch(1, &[40; 3]);
    assert_eq!(told(&cluster), 2);
}

#[test]
fn a_window_full_of_entries_is_told_too() {
    let mut cluster = Cluster::with(3, |config| config.max_entries_in_flight = 2);
    cluster.elect(1);
    cluster.propose_batch(1, &[1; 3]);
    assert!(cluster.noted(1, |event| *event == Event::WindowFull { follower: n(3), limit: Limit::Entries(2) }));
}

/// TRAPS: what is counted as uncommitted must be released by the commit, or the leader refuses for ever.
#[test]
fn too_many_uncommitted_bytes_are_refused_until_they_are_committed() {
    for (bound, expected) in [(100, vec![3]), (FAR, vec![])] {
        let mut cluster = Cluster::with(3, |config| {
            (config.max_uncommitted_bytes, config.max_entry_bytes) = (bound, 100);
        });
        cluster.elect(1);
        for _ in 0..2 {
            cluster.propose_batch(1, &[40]);
        }
        cluster.propose_batch(1, &[40]);
        assert_eq!(refused(&cluster, 1), expected, "the bound is what refuses");
        let limit = Some(Limit::Bytes(100));
        let noted = |event: &Event| matches!(event, Event::ProposalRefused { limit: found, .. } if *found == limit);
        assert_eq!(cluster.noted(1, noted), bound == 100);
        for _ in 0..5 {
            cluster.deliver();
            cluster.propose_batch(1, &[100]);
        }
        assert_eq!(refused(&cluster, 1), expected, "what is committed counts no more");
    }
}

/// What older leaders left uncommitted counts at the new one, who did not append it itself.
#[test]
fn a_new_leader_counts_what_it_finds_uncommitted() {
    let mut cluster = Cluster::with(3, |config| {
        (config.max_uncommitted_bytes, config.max_entry_bytes) = (100, 100);
    });
    cluster.elect(1);
    cluster.propose_batch(1, &[80]);
    cluster.deliver_where(|envelope| envelope.to == n(2));
    cluster.advance(crate::types::Span::from_millis(400));
    cluster.time_out(2);
    cluster.deliver_where(|envelope| !matches!(envelope.message, Message::AppendEntries(_)));
    assert_eq!((cluster.role(2), cluster.commit(2)), (Role::Leader, 1));
    let number = cluster.propose_batch(2, &[21]);
    assert_eq!(refused(&cluster, 2), [number.0]);
    cluster.time_out(2);
    cluster.deliver();
    cluster.propose_batch(2, &[100]);
    assert_eq!((refused(&cluster, 2).len(), cluster.terms(2).len()), (1, 4));
}

/// A batch larger than a bound is taken as far as it fits, in order: refused as a whole it would be refused for ever.
#[test]
fn a_batch_beyond_a_bound_is_taken_as_far_as_it_fits() {
    for (entries, bytes) in [(3, 100), (9, 35)] {
        let mut cluster = Cluster::with(3, |config| {
            (config.max_uncommitted, config.max_uncommitted_bytes, config.max_entry_bytes) = (entries, bytes, 10);
        });
        cluster.elect(1);
        cluster.propose_batch(1, &[10; 5]);
        assert_eq!((refused(&cluster, 1), cluster.terms(1).len()), (vec![4, 5], 4));
    }
}

#[test]
fn a_command_larger_than_any_entry_may_be_is_refused_for_good_and_by_itself() {
    for (bound, expected) in [(100, 3), (FAR, 4)] {
        let mut cluster = Cluster::with(3, |config| config.max_entry_bytes = bound);
        cluster.elect(1);
        cluster.propose_batch(1, &[100, 101, 7]);
        let told = [(RequestNumber(2), Outcome::TooLarge { bytes: 101, limit: 100 })];
        assert_eq!(cluster.node(1).answers, told[..usize::from(bound == 100)]);
        assert_eq!(cluster.terms(1).len(), expected, "the bound is what refuses");
    }
}

/// Something that happens to a cluster whose leader stays.
#[derive(Clone, Debug)]
enum Step {
    Propose(Vec<usize>),
    /// The message at this place arrives.
    Deliver(usize),
    Lose(usize),
    Duplicate(usize),
    Heartbeat,
    /// The leader drops most of its log.
    Compact,
    Restart(u32),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => prop::collection::vec(0_usize..60, 1..6).prop_map(Step::Propose),
        12 => (0_usize..40).prop_map(Step::Deliver),
        2 => (0_usize..40).prop_map(Step::Lose),
        1 => (0_usize..40).prop_map(Step::Duplicate),
        2 => Just(Step::Heartbeat),
        1 => Just(Step::Compact),
        1 => (2_u32..4).prop_map(Step::Restart),
    ];
    prop::collection::vec(step, 1..120)
}

fn carry_out(cluster: &mut Cluster, step: &Step) {
    let place = |place: usize, cluster: &Cluster| place % cluster.network.len().max(1);
    match step {
        Step::Propose(lengths) => {
            cluster.propose_batch(1, lengths);
        }
        Step::Deliver(at) => {
            if let Some(envelope) = cluster.network.remove(place(*at, cluster)) {
                cluster.step(envelope.to, Input::Receive { from: envelope.from, message: envelope.message });
            }
        }
        Step::Lose(at) => {
            cluster.network.remove(place(*at, cluster));
        }
        Step::Duplicate(at) => {
            let copy = cluster.network.get(place(*at, cluster)).cloned();
            cluster.network.extend(copy);
        }
        Step::Heartbeat => cluster.time_out(1),
        Step::Compact => cluster.snapshot(1),
        Step::Restart(node) => cluster.restart(NodeId(*node)),
    }
}

const WINDOW: (u64, usize) = (6, 100);
const APPEND: (usize, usize) = (4, 70);

/// Neither a window nor an append holds more than it may, or else it is one entry.
fn holds_bounds(cluster: &Cluster) -> Result<(), TestCaseError> {
    let leader = &cluster.node(1).raft;
    for progress in leader.status().progress {
        if !progress.probing && progress.snapshot.is_none() {
            let out = (progress.matched.0 + 1)..progress.next.0;
            let sizes = out.clone().filter_map(|index| leader.log().get(crate::types::LogIndex(index)));
            let bytes: usize = sizes.map(|entry| entry.payload.len()).sum();
            let entries = out.end - out.start;
            let within = entries <= WINDOW.0 && (bytes <= WINDOW.1 || alone(leader, out));
            prop_assert!(within, "{entries} entries with {bytes} bytes on their way to {}", progress.node);
        }
    }
    for envelope in &cluster.network {
        if let Message::AppendEntries(append) = &envelope.message {
            let sizes = lengths(append);
            let within = sizes.len() <= APPEND.0 && sizes.iter().sum::<usize>() <= APPEND.1;
            prop_assert!(within || sizes.len() == 1, "an append of {sizes:?}");
        }
    }
    Ok(())
}

/// Whether all bytes belong to one entry.
fn alone(leader: &crate::raft::Raft<crate::raft::Switches>, out: std::ops::Range<u64>) -> bool {
    let sizes = out.filter_map(|index| leader.log().get(crate::types::LogIndex(index)));
    sizes.filter(|entry| !entry.payload.is_empty()).count() <= 1
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is lost, doubled, late, compacted away or restarted: no bound is exceeded at any moment, and once
    /// messages arrive again, every follower gets everything.
    #[test]
    fn windows_hold_and_nothing_is_lost(steps in steps()) {
        let mut cluster = Cluster::with(3, |config| {
            config.check_quorum = false;
            (config.max_entries_in_flight, config.max_bytes_in_flight) = (WINDOW.0 as u32, WINDOW.1 as u32);
            (config.max_entries_per_append, config.max_bytes_per_append) = (APPEND.0 as u32, APPEND.1 as u32);
            (config.snapshots.retained_entries, config.snapshots.chunk_bytes) = (1, 4);
            (config.max_uncommitted_bytes, config.max_entry_bytes) = (400, 400);
        });
        cluster.elect(1);
        for step in &steps {
            carry_out(&mut cluster, step);
            holds_bounds(&cluster)?;
        }
        for _ in 0..3 {
            cluster.time_out(1);
            cluster.deliver();
        }
        prop_assert_eq!(cluster.role(1), Role::Leader);
        let last = cluster.extent(1).1;
        let status = cluster.node(1).raft.status();
        prop_assert!((1..=3).all(|node| cluster.extent(node).1 == last && cluster.commit(node) == last));
        prop_assert!(status.progress.iter().all(|progress| progress.matched.0 == last && !progress.probing));
        cluster.propose_batch(1, &[400]);
        cluster.deliver();
        prop_assert_eq!(cluster.extent(2).1, last + 1, "all bytes are released");
    }
}
