//! Each guard of safety: what holds with it, and breaks without it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::cluster::{Cluster, Tamper, n, settings};
use crate::bft::Batch;
use crate::bft::pbft::{Event, Message, NewView, PrePrepare, Subject, Value, Vote};
use crate::bft::testing::TestSigner;
use crate::crypto::{Domain, Hash256, Identity, Signature, Signer as _, Statement};
use crate::rules::{Rule, Switches};
use crate::types::{NodeId, Sequence, Span, Term, Wall};

fn domain() -> Domain {
    settings(4).domain()
}

fn sign(by: NodeId, statement: &Statement) -> Signature {
    TestSigner(Identity::Node(by)).sign(statement)
}

/// The same requests with another log time: another value for the same number, as a lying primary makes it.
pub(super) fn other(of: &PrePrepare, primary: NodeId) -> PrePrepare {
    let time = of.value.batch().log_time().map(|time| Wall(time.0 + 1));
    let value = Value::new(of.value.origin(), Batch::new(time, of.value.batch().bundles().to_vec()));
    let subject = Subject { hash: value.hash(), ..of.subject() };
    PrePrepare { value: Arc::new(value), signature: sign(primary, &subject.pre_prepare(&domain())), ..of.clone() }
}

/// Replica 1 lies as primary: those in `second` get another batch under the same number, and commits to match.
pub(super) fn equivocates(second: &'static [u32]) -> Tamper {
    let mut others: BTreeMap<Hash256, Hash256> = BTreeMap::new();
    Box::new(move |from, to, message| {
        if from != n(1) || !second.contains(&to.0) {
            return vec![message];
        }
        match message {
            Message::PrePrepare(said) => {
                let changed = other(&said, n(1));
                others.insert(said.value.hash(), changed.value.hash());
                vec![Message::PrePrepare(changed)]
            }
            Message::Commit(vote) => match others.get(&vote.subject.hash) {
                Some(hash) => vec![commit(n(1), Subject { hash: *hash, ..vote.subject })],
                None => vec![],
            },
            message => vec![message],
        }
    })
}

fn commit(by: NodeId, subject: Subject) -> Message {
    Message::Commit(Vote { subject, signature: sign(by, &subject.commit(&domain())) })
}

/// Makes replica 1 a liar with this script and has a client ask. Returns whether honest replicas agree.
fn agree_with(mut cluster: Cluster, liar: u32, tamper: Tamper, millis: u64) -> bool {
    cluster.liars.insert(n(liar));
    cluster.tamper = Some(tamper);
    cluster.ask(1, &[1]);
    cluster.run(millis);
    let broken = cluster.nodes.values().any(|node| node.broken.is_some());
    cluster.contradictions.is_empty() && !broken
}

/// `rule` off breaks agreement under this script, and on it holds.
fn breaks_without(rule: Rule, liar: u32, millis: u64, tamper: impl Fn() -> Tamper) {
    let off = Switches::all_on().without(rule);
    assert!(agree_with(Cluster::new(4, 1), liar, tamper(), millis), "{}: holds with it", rule.name());
    assert!(!agree_with(Cluster::with(settings(4), off, 1), liar, tamper(), millis), "{}: breaks without", rule.name());
}

/// §4.2: any two quorums share an honest replica.
#[test]
fn quorums_that_share_no_honest_replica_let_a_lying_primary_split_the_others() {
    breaks_without(Rule::PbftQuorum, 1, 1_000, || equivocates(&[3, 4]));
}

/// TRAPS 29. §4.2: prepares and commits "match the pre-prepare": same view, number and digest.
#[test]
fn votes_for_another_batch_are_not_counted() {
    breaks_without(Rule::PbftVotesMatchDigest, 1, 1_000, || equivocates(&[3, 4]));
}

/// §4.2: "it has not accepted a pre-prepare message for view v and sequence number n containing a different digest".
#[test]
fn a_backup_accepts_one_batch_for_a_number() {
    breaks_without(Rule::PbftOneDigestPerSlot, 1, 1_000, || {
        // Replica 3 gets both, one after the other; replica 2 hears of the first alone, replica 4 of the second.
        let mut first: Option<PrePrepare> = None;
        let mut second: Option<PrePrepare> = None;
        Box::new(move |from, to, message| {
            let is_first = |hash: Hash256| first.as_ref().is_some_and(|said| said.value.hash() == hash);
            let passes = |hash: Hash256, to: NodeId| match to.0 {
                1 => true,
                2 => is_first(hash),
                4 => !is_first(hash),
                _ => true,
            };
            match message {
                Message::PrePrepare(said) if from == n(1) => {
                    let known = first.get_or_insert_with(|| said.clone()).clone();
                    let changed = second.get_or_insert_with(|| other(&known, n(1))).clone();
                    if said.value.hash() != known.value.hash() && to != n(4) {
                        return vec![];
                    }
                    match to.0 {
                        2 => vec![Message::PrePrepare(known)],
                        3 => vec![Message::PrePrepare(known), Message::PrePrepare(changed)],
                        _ => vec![Message::PrePrepare(changed)],
                    }
                }
                Message::Commit(vote) if from == n(1) && to != n(2) => match &second {
                    Some(second) => vec![commit(n(1), Subject { hash: second.value.hash(), ..vote.subject })],
                    None => vec![],
                },
                Message::Prepare(vote) | Message::Commit(vote) if !passes(vote.subject.hash, to) => vec![],
                Message::Standing(_) | Message::Committed(_) => vec![],
                message => vec![message],
            }
        })
    });
}

/// Only replica 1 hears commits, and then nobody hears from it: what it has committed must not be lost.
fn commits_reach_one_alone(also_lost: impl Fn(&Message) -> bool + 'static) -> Tamper {
    let mut commits = 0;
    Box::new(move |from, to, message| {
        let is_commit = matches!(message, Message::Commit(_));
        commits += u32::from(is_commit && to == n(1));
        let isolated = commits >= 3 && (from == n(1) || (to == n(1) && !is_commit));
        let lost = isolated || (is_commit && to != n(1) && commits < 4) || also_lost(&message);
        if lost { vec![] } else { vec![message] }
    })
}

/// TRAPS 29: a commit before prepared proves nothing to the next view.
#[test]
fn what_is_committed_without_being_prepared_is_lost_in_the_next_view() {
    breaks_without(Rule::PbftCommitAfterPrepared, 9, 3_000, || {
        let lost = |message: &Message| matches!(message, Message::Prepare(vote) if vote.subject.view == Term(0));
        commits_reach_one_alone(lost)
    });
}

/// §4.4: 𝒫 holds a proof of each request that was prepared.
#[test]
fn a_view_change_without_what_was_prepared_loses_what_is_committed() {
    breaks_without(Rule::PbftViewChangeKeepsPrepared, 9, 3_000, || commits_reach_one_alone(|_| false));
}

/// TRAPS 28. §4.4: backups verify 𝒪 "by performing a computation similar to the one used by the primary".
#[test]
fn a_new_view_that_leaves_out_what_is_prepared_is_refused() {
    breaks_without(Rule::PbftNewViewFollows, 2, 4_000, || {
        let mut isolates = commits_reach_one_alone(|_| false);
        let mut first: Option<PrePrepare> = None;
        Box::new(move |from, to, message| {
            if let Message::PrePrepare(said) = &message {
                first.get_or_insert_with(|| said.clone());
            }
            match message {
                Message::NewView(said) if from == n(2) && said.view == Term(1) => {
                    let said = NewView { pre_prepares: Vec::new(), ..(*said).clone() };
                    let signature = sign(n(2), &said.statement(&domain()));
                    let forged = Message::NewView(Arc::new(NewView { signature, ..said }));
                    let Some(first) = &first else { return vec![forged] };
                    let batch = Batch::new(Some(Wall(2_000_000)), first.value.batch().bundles().to_vec());
                    let value = Arc::new(Value::new(Term(1), batch));
                    let subject = Subject { view: Term(1), sequence: Sequence(1), hash: value.hash() };
                    let signature = sign(n(2), &subject.pre_prepare(&domain()));
                    let again = PrePrepare { view: Term(1), sequence: Sequence(1), value, signature };
                    if to == n(1) {
                        return vec![];
                    }
                    vec![forged, Message::PrePrepare(again), commit(n(2), subject)]
                }
                Message::PrePrepare(said) if from == n(2) && said.view == Term(1) => vec![],
                message => isolates(from, to, message),
            }
        })
    });
}

/// A disk that takes ten seconds from here on.
fn slow_disks(cluster: &mut Cluster) {
    cluster.network.sync = (10_000_000, 11_000_000);
}

/// What a primary orders is durable before it is said.
#[test]
fn a_restarted_primary_orders_nothing_else_under_a_number_that_it_has_given() {
    for on in [true, false] {
        let rule = Rule::PbftPersistBeforePrepare;
        let mut cluster = if on { Cluster::new(4, 1) } else { Cluster::without(4, 1, rule) };
        slow_disks(&mut cluster);
        cluster.ask(1, &[1]);
        cluster.run(50);
        cluster.crash_and_lose(1);
        cluster.restart(1);
        cluster.ask(2, &[2]);
        cluster.run(50);
        assert_eq!(cluster.contradictions.is_empty(), on, "{:?}", cluster.contradictions);
    }
}

/// The proof that a batch is prepared is durable before the commit leaves.
#[test]
fn restarted_replicas_still_know_what_their_commits_have_committed() {
    for on in [true, false] {
        let rule = Rule::PbftPersistBeforeCommit;
        let mut cluster = if on { Cluster::new(4, 1) } else { Cluster::without(4, 1, rule) };
        cluster.tamper = Some(commits_reach_one_alone(|_| false));
        cluster.ask(1, &[1]);
        // All have accepted; of what follows nothing is durable but at replica 1.
        let accepted = |cluster: &Cluster, node: u32| {
            cluster.noted(node, |event| matches!(event, Event::Prepared { .. })) && !cluster.has_unsynced(1)
        };
        cluster.slow = [2, 3, 4].map(n).into_iter().collect();
        cluster.slow_after_first_write = true;
        cluster.run_until(40, |cluster| (1..=4).all(|node| accepted(cluster, node)));
        cluster.run(20);
        assert_eq!(cluster.executed(1) > 0, !on, "with the rule on the commits have not left");
        for node in [2, 3, 4] {
            cluster.crash_and_lose(node);
        }
        cluster.slow.clear();
        // Replica 1 is cut off, and the others do not prepare in that view once more.
        cluster.tamper = Some(Box::new(|from, to, message| {
            let again = matches!(&message, Message::Prepare(vote) if vote.subject.view == Term(0));
            if from == n(1) || to == n(1) || again { vec![] } else { vec![message] }
        }));
        for node in [2, 3, 4] {
            cluster.restart(node);
        }
        cluster.run(3_000);
        assert_eq!(cluster.contradictions.is_empty(), on, "{:?}", cluster.contradictions);
    }
}

/// Its own commit is one of the quorum's: what it would forget in a crash it may not count either.
#[test]
fn a_replicas_own_commit_counts_once_its_disk_has_the_proof() {
    for on in [true, false] {
        let rule = Rule::PbftPersistBeforeCommit;
        let mut cluster = if on { Cluster::new(4, 1) } else { Cluster::without(4, 1, rule) };
        cluster.slow = [n(2)].into();
        // Replica 2 hears the commits of two others.
        cluster.tamper = Some(Box::new(|from, to, message| match message {
            Message::Commit(_) if (from, to) == (n(4), n(2)) => vec![],
            message => vec![message],
        }));
        cluster.ask(1, &[1]);
        cluster.run(50);
        assert!(cluster.executed(1) > 0, "a quorum has committed");
        assert_eq!(cluster.executed(2) > 0, !on);
        cluster.slow.clear();
        cluster.run(20_000);
        assert!(cluster.executed(2) > 0, "once it is durable it counts");
    }
}

/// That a replica has left a view is durable before anybody hears it: in the view that it left it would otherwise help
/// to commit what the new one has not seen.
#[test]
fn a_view_change_leaves_once_it_is_durable() {
    for on in [true, false] {
        let rule = Rule::PbftPersistBeforeViewChange;
        let mut cluster = if on { Cluster::new(4, 1) } else { Cluster::without(4, 1, rule) };
        cluster.crash(1);
        cluster.ask_at(&[2, 3, 4].map(n), 1, &[1]);
        slow_disks(&mut cluster);
        let left = |cluster: &Cluster| {
            cluster.noted(2, |event| matches!(event, Event::ViewChangeCounted { from, .. } if from.0 > 2))
        };
        assert_eq!(cluster.run_until(2_000, left), !on);
        cluster.crash_and_lose(3);
        cluster.restart(3);
        assert_eq!(cluster.view(3), 0, "it has forgotten it, and nobody knows");
    }
}

/// A fetched snapshot is what a quorum has proven, whoever sends it.
#[test]
fn a_forged_snapshot_is_thrown_away() {
    for on in [true, false] {
        let rules = Switches::all_on();
        let rules = if on { rules } else { rules.without(Rule::PbftSnapshotMatchesProof) };
        let mut cluster = Cluster::with(settings(4), rules, 1);
        cluster.liars.insert(n(1));
        cluster.crash(4);
        for number in 1..=30 {
            cluster.ask(1, &[number]);
            cluster.run(10);
        }
        assert!(cluster.run_until(1_000, Cluster::all_done));
        cluster.tamper = Some(Box::new(|from, _, message| match message {
            Message::Stable(_) if from != n(1) => vec![],
            Message::Chunk(mut chunk) if from == n(1) => {
                let flipped: Vec<u8> = chunk.data.iter().map(|byte| byte ^ 1).collect();
                chunk.data = flipped.into();
                vec![Message::Chunk(chunk)]
            }
            message => vec![message],
        }));
        cluster.restart(4);
        cluster.run(3_000);
        assert_eq!(cluster.noted(4, |event| matches!(event, Event::TransferSpoilt { .. })), on);
        assert_eq!(cluster.states().len() == 1, on);
        cluster.assert_agreement();
    }
}

/// The tolerance of these settings is far above the skew of the test's clocks.
#[test]
fn a_primary_that_stamps_the_future_is_left() {
    let mut cluster = Cluster::new(4, 1);
    cluster.liars.insert(n(1));
    cluster.tamper = Some(Box::new(|from, _, message| match message {
        Message::PrePrepare(said) if from == n(1) => {
            let late = said.value.batch().log_time().map(|time| time + Span::from_secs(30));
            let value = Arc::new(Value::new(said.view, Batch::new(late, said.value.batch().bundles().to_vec())));
            let subject = Subject { hash: value.hash(), ..said.subject() };
            let signature = sign(n(1), &subject.pre_prepare(&domain()));
            vec![Message::PrePrepare(PrePrepare { value, signature, ..said })]
        }
        message => vec![message],
    }));
    cluster.ask(1, &[1]);
    assert!(cluster.run_until(3_000, Cluster::all_done));
    assert!(cluster.view(2) > 0);
    assert!(cluster.node(2).replica.log().iter().all(|entry| entry.log_time < Wall(10_000_000)));
    cluster.assert_agreement();
}
