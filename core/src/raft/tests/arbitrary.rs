//! Whatever a peer sends, a node neither panics nor answers without bound.

use std::sync::Arc;

use super::super::testing::entry;
use super::cluster::{Cluster, n};
use crate::edge::Edge;
use crate::entry::Entries;
use crate::membership::{Membership, MembershipChange};
use crate::protocol::{Input, Protocol as _, ReadHow};
use crate::raft::{
    AppendEntries, AppendEntriesReply, AppendOutcome, FeedEdge, InstallOutcome, InstallSnapshot, InstallSnapshotReply,
    Message, ReadIndex, ReadIndexReply, ReadToken, Relay, Relayed, RequestVote, RequestVoteReply, TimeoutNow,
};
use crate::rng::Rng;
use crate::snapshot::{Base, SnapshotMeta};
use crate::types::{Digest, Incarnation, LogIndex, Term, Ticket, Wall};

/// Mostly small numbers, so that messages fit the node's state; sometimes the largest ones.
fn number(rng: &mut Rng) -> u64 {
    match rng.below(16) {
        0 => u64::MAX,
        1 => u64::MAX - rng.below(3),
        2 => rng.bits(),
        _ => rng.below(7),
    }
}

fn entries(rng: &mut Rng, prev: u64) -> Entries {
    let orderly = rng.below(4) > 0;
    let first = if orderly { prev.wrapping_add(1) } else { number(rng) };
    (0..rng.below(4)).map(|offset| Arc::new(entry(first.wrapping_add(offset), number(rng)))).collect()
}

/// Some three nodes, seldom nobody.
fn members(rng: &mut Rng) -> Membership {
    match rng.below(16) {
        0 => Membership::default(),
        1..=12 => Membership::of((0..3).map(|_| n(1 + rng.below(5) as u32)).collect()),
        _ => Membership { observers: vec![n(2), n(5)], ..Membership::of(vec![n(1), n(3)]) },
    }
}

fn change(rng: &mut Rng) -> MembershipChange {
    let mut list = || (0..rng.below(3)).map(|_| n(1 + rng.below(5) as u32)).collect();
    let (add, promote, remove, observe): (_, _, _, Vec<crate::types::NodeId>) = (list(), list(), list(), list());
    let edge = list().into_iter().map(|node| Edge::new(node, [u64::from(node.0) % 2])).collect();
    MembershipChange { add, promote, remove, observe, edge }
}

fn install(rng: &mut Rng, term: Term, index: LogIndex, last: Term) -> InstallSnapshot {
    let membership = members(rng);
    let subscription = (rng.below(4) == 0).then(|| Edge::new(n(1), [rng.below(2)]).subscription());
    let meta = SnapshotMeta { index, term: last, log_time: Wall(0), membership, digest: Digest(0), subscription };
    let (total, offset) = (number(rng), if rng.below(2) == 0 { 0 } else { number(rng) });
    InstallSnapshot { term, meta, total, offset, data: vec![1; rng.below(6) as usize].into(), round: number(rng) }
}

fn token(rng: &mut Rng) -> ReadToken {
    ReadToken { incarnation: Incarnation(rng.below(3) as u32), sequence: number(rng) }
}

fn append(rng: &mut Rng, term: Term, prev_log_index: LogIndex, prev_log_term: Term) -> AppendEntries {
    let entries = entries(rng, prev_log_index.0);
    let (leader_commit, round) = (LogIndex(number(rng)), number(rng));
    AppendEntries { term, prev_log_index, prev_log_term, entries, leader_commit, round }
}

/// An append on its way to an edge, as an order to a feeder, or from one.
fn of_edges_and_feeders(rng: &mut Rng, append: AppendEntries) -> Message {
    let subscription = Edge::new(n(1), [rng.below(2)]).subscription();
    match rng.below(3) {
        0 => Message::FeedEdge(Box::new(FeedEdge { subscription, append })),
        1 => {
            let last = Base { index: LogIndex(number(rng)), term: Term(number(rng)) };
            let append = AppendEntries { entries: Entries::new(), ..append };
            let subscription = (rng.below(2) == 0).then_some(subscription);
            Message::Relay(Box::new(Relay { to: n(1 + rng.below(4) as u32), subscription, append, last }))
        }
        _ => {
            let (leader, subscription) = (n(1 + rng.below(4) as u32), (rng.below(2) == 0).then_some(subscription));
            Message::Relayed(Box::new(Relayed { leader, subscription, append }))
        }
    }
}

fn message(rng: &mut Rng) -> Message {
    let term = Term(number(rng));
    let index = LogIndex(number(rng));
    let other = Term(number(rng));
    let vote_granted = rng.below(2) == 0;
    let transfer = rng.below(4) == 0;
    match rng.below(14) {
        11..=13 => {
            let append = append(rng, term, index, other);
            of_edges_and_feeders(rng, append)
        }
        9 => Message::InstallSnapshot(Box::new(install(rng, term, index, other))),
        10 => {
            let outcome = match rng.below(3) {
                0 => InstallOutcome::Received { offset: number(rng) },
                1 => InstallOutcome::Installed,
                _ => InstallOutcome::StaleTerm,
            };
            Message::InstallSnapshotReply(InstallSnapshotReply { term, index, outcome, round: number(rng) })
        }
        0 => Message::PreVote(RequestVote { term, last_log_index: index, last_log_term: other, transfer }),
        1 => Message::PreVoteReply(RequestVoteReply { term, vote_granted }),
        2 => Message::RequestVote(RequestVote { term, last_log_index: index, last_log_term: other, transfer }),
        3 => Message::RequestVoteReply(RequestVoteReply { term, vote_granted }),
        4 => Message::AppendEntries(append(rng, term, index, other)),
        5 => Message::TimeoutNow(TimeoutNow { term }),
        6 => Message::ReadIndex(ReadIndex { term, token: token(rng) }),
        7 => {
            let index = (rng.below(2) == 0).then_some(index);
            Message::ReadIndexReply(ReadIndexReply { term, token: token(rng), index })
        }
        _ => {
            let outcome = match rng.below(4) {
                3 => AppendOutcome::OtherSubscription,
                0 => AppendOutcome::Matched(index),
                1 => AppendOutcome::StaleTerm,
                _ => {
                    let term = (rng.below(2) == 0).then_some(other);
                    AppendOutcome::Conflict { refused: index, term, first: LogIndex(number(rng)) }
                }
            };
            Message::AppendEntriesReply(AppendEntriesReply { term, outcome, round: number(rng) })
        }
    }
}

/// A run of 300 arbitrary inputs, from 2,000 seeds. A node may halt (two leaders of one term are impossible among
/// honest nodes), but it never panics, and its log stays a log.
#[test]
fn no_sequence_of_messages_panics_or_leaves_a_gap() {
    let mut halted = 0;
    for seed in 0..2_000 {
        let mut rng = Rng::new(seed, 1);
        let mut cluster = Cluster::new(3);
        for _ in 0..300 {
            match rng.below(12) {
                0 if rng.below(4) == 0 => cluster.step(n(1), Input::TakeSnapshot),
                0 if rng.below(4) == 0 => cluster.step(n(1), Input::Reconfigure(change(&mut rng))),
                0 if cluster.node(1).raft.next_deadline().is_some() => cluster.time_out(1),
                0 => {}
                1 => drop(cluster.propose(1)),
                2 => {
                    let ticket = Ticket { incarnation: Incarnation(rng.below(3) as u32), sequence: number(&mut rng) };
                    cluster.step(n(1), Input::Written(ticket));
                }
                3 => drop(cluster.read(1, ReadHow::Index)),
                4 => cluster.transfer(1, 1 + rng.below(4) as u32),
                _ => {
                    let from = 1 + rng.below(4) as u32;
                    cluster.hand(from, 1, message(&mut rng));
                }
            }
            assert!(cluster.network.len() <= 3 * 4 * 64, "seed {seed}: one input has few effects");
            cluster.network.clear();
            if cluster.node(1).broken.is_some() {
                halted += 1;
                break;
            }
        }
        let log = cluster.node(1).raft.log();
        let indexes = log.iter().zip(log.base().index.0 + 1..);
        assert!(indexes.into_iter().all(|(entry, index)| entry.index.0 == index), "seed {seed}");
    }
    assert!(halted < 2_000, "some runs go to their end");
}
