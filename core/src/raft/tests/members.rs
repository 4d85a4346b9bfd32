//! Claims about changes of members: Raft paper §6, thesis chapter 4.

use super::cluster::{Cluster, n};
use crate::event::{ChangeRefusal, Event, FollowerReason};
use crate::membership::Nonsense;
use crate::protocol::Protocol as _;
use crate::raft::{Config, Message, Rule, Switches};
use crate::record::Role;
use crate::types::LogIndex;

const NONE: [u32; 0] = [];

/// Switches a rule off, unless it is to be on.
fn rule(rule: Rule, on: bool) -> impl FnOnce(&mut Config<Switches>) {
    move |config| {
        if !on {
            config.rules = config.rules.without(rule);
        }
    }
}

fn refused(cluster: &Cluster, node: u32) -> Option<ChangeRefusal> {
    cluster.node(node).events.iter().rev().find_map(|event| match event {
        Event::ChangeRefused { reason } => Some(*reason),
        _ => None,
    })
}

/// n1 leads three voters, and n4 has caught up as a learner.
fn with_learner(change: impl FnOnce(&mut Config<Switches>)) -> Cluster {
    let mut cluster = Cluster::with_spares(3, 5, change);
    cluster.elect(1);
    cluster.reconfigure(1, &[4], &NONE, &NONE);
    cluster.deliver();
    cluster
}

/// Thesis §4.2.1: a new server gets the log and does not count yet.
#[test]
fn a_learner_gets_the_log_and_has_no_vote() {
    let mut cluster = with_learner(|_| {});
    assert_eq!(cluster.members(1), [vec![1, 2, 3], vec![], vec![4]]);
    assert_eq!(cluster.terms(4), cluster.terms(1));
    assert_eq!(cluster.role(4), Role::Learner);
    // With both other voters gone the learner's copy commits nothing.
    cluster.propose(1);
    cluster.deliver_among(&[1, 4]);
    assert_eq!((cluster.terms(4).len(), cluster.commit(1)), (3, 2));
}

/// Who was removed and hears nothing more must not send clients to its last leader for ever.
#[test]
fn a_node_without_a_vote_forgets_a_silent_leader() {
    let mut cluster = with_learner(|_| {});
    assert_eq!(cluster.node(4).raft.leader(), Some(n(1)));
    cluster.advance(crate::types::Span::from_millis(400));
    cluster.time_out(4);
    assert_eq!((cluster.role(4), cluster.node(4).raft.leader()), (Role::Learner, None));
    assert_eq!(cluster.node(4).raft.next_deadline(), None);
}

/// A node outside of all configurations waits in silence.
#[test]
fn a_spare_node_never_runs_for_election() {
    let cluster = Cluster::with_spares(3, 4, |_| {});
    assert_eq!((cluster.role(4), cluster.node(4).raft.next_deadline()), (Role::Learner, None));
}

/// Paper §6: from the old configuration through a joint one to the new one, by itself.
#[test]
fn a_promotion_passes_through_a_joint_configuration_and_leaves_it() {
    let mut cluster = with_learner(|_| {});
    cluster.reconfigure(1, &NONE, &[4], &NONE);
    assert_eq!(cluster.members(1), [vec![1, 2, 3, 4], vec![1, 2, 3], vec![]], "it acts at append");
    cluster.deliver();
    for node in 1..=4 {
        assert_eq!(cluster.members(node), [vec![1, 2, 3, 4], vec![], vec![]], "n{node}");
    }
    assert_eq!(cluster.role(4), Role::Follower);
}

/// Paper §6: a commit needs separate majorities of both configurations.
#[test]
fn a_joint_commit_needs_both_halves() {
    for rule_on in [true, false] {
        let mut cluster = Cluster::with_spares(3, 5, rule(Rule::JointConsensus, rule_on));
        cluster.elect(1);
        cluster.reconfigure(1, &[4, 5], &NONE, &NONE);
        cluster.deliver();
        let before = cluster.commit(1);
        cluster.reconfigure(1, &NONE, &[4, 5], &[2, 3]);
        // The new half has it, the old half hears nothing.
        cluster.deliver_among(&[1, 4, 5]);
        assert_eq!(cluster.commit(1) == before, rule_on, "the rule is what asks the old half");
    }
}

/// Thesis §4.1: at most one change at a time.
#[test]
fn a_change_waits_for_the_one_before_it() {
    for rule_on in [true, false] {
        let mut cluster = Cluster::with_spares(3, 5, rule(Rule::OneChangeAtATime, rule_on));
        cluster.elect(1);
        cluster.reconfigure(1, &[4], &NONE, &NONE);
        cluster.reconfigure(1, &[5], &NONE, &NONE);
        let pending = Some(ChangeRefusal::Pending { index: LogIndex(2) });
        assert_eq!(refused(&cluster, 1) == pending, rule_on, "the rule is what refuses");
    }
}

/// TRAPS: a leader changes members before it has committed in its own term.
#[test]
fn a_new_leader_changes_members_only_after_a_commit_of_its_own() {
    for rule_on in [true, false] {
        let mut cluster = Cluster::with_spares(3, 4, rule(Rule::ChangeAfterOwnCommit, rule_on));
        cluster.time_out(1);
        let is_vote = |m: &Message| !matches!(m, Message::AppendEntries(_));
        cluster.deliver_where(|envelope| is_vote(&envelope.message));
        assert_eq!(cluster.role(1), Role::Leader);
        cluster.reconfigure(1, &[4], &NONE, &NONE);
        let early = refused(&cluster, 1) == Some(ChangeRefusal::NothingCommittedInTerm);
        assert_eq!(early, rule_on, "the rule is what refuses");
    }
}

/// Thesis §4.2.1: a learner that lags would hold up every commit.
#[test]
fn only_a_learner_that_caught_up_is_promoted() {
    for rule_on in [true, false] {
        let mut cluster = Cluster::with_spares(3, 4, |config| {
            config.max_entries_per_append = 1;
            rule(Rule::PromoteCaughtUp, rule_on)(config);
        });
        cluster.elect(1);
        cluster.reconfigure(1, &[4], &NONE, &NONE);
        cluster.deliver_among(&[1, 2, 3]);
        cluster.reconfigure(1, &NONE, &[4], &NONE);
        assert_eq!(refused(&cluster, 1) == Some(ChangeRefusal::NotCaughtUp(n(4))), rule_on, "the rule refuses");
    }
}

#[test]
fn a_change_that_makes_no_sense_is_refused_with_the_reason() {
    let mut cluster = with_learner(|_| {});
    cluster.reconfigure(1, &[2], &NONE, &NONE);
    assert_eq!(refused(&cluster, 1), Some(ChangeRefusal::Nonsense(Nonsense::IsMember(n(2)))));
    cluster.reconfigure(1, &NONE, &NONE, &[1, 2, 3]);
    assert_eq!(refused(&cluster, 1), Some(ChangeRefusal::Nonsense(Nonsense::NobodyVotes)));
    cluster.reconfigure(2, &NONE, &[4], &NONE);
    assert_eq!(refused(&cluster, 2), Some(ChangeRefusal::NotLeader { leader: Some(n(1)) }));
}

/// Thesis §4.2.2; TRAPS: a removed leader keeps leading.
#[test]
fn a_leader_steps_down_once_its_own_removal_is_committed_and_not_before() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.reconfigure(1, &NONE, &NONE, &[1]);
    assert_eq!(cluster.role(1), Role::Leader, "it manages the cluster until then");
    cluster.deliver();
    let removed = |event: &Event| matches!(event, Event::BecameFollower { reason: FollowerReason::Removed, .. });
    assert!(cluster.noted(1, removed));
    assert_eq!((cluster.role(1), cluster.node(1).raft.next_deadline()), (Role::Learner, None));
    assert_eq!(cluster.members(2), [vec![2, 3], vec![], vec![]]);
    assert_eq!(cluster.commit(2), cluster.commit(1), "those who stay know of the commit");
    cluster.elect(2);
}

/// TRAPS: removing one of two nodes strands the other.
#[test]
fn the_last_of_two_goes_on_alone_after_the_other_was_removed() {
    for leader in [1, 2] {
        let mut cluster = Cluster::new(2);
        cluster.elect(leader);
        cluster.reconfigure(leader, &NONE, &NONE, &[1]);
        cluster.deliver();
        if leader == 1 {
            cluster.elect(2);
        }
        let before = cluster.commit(2);
        cluster.propose(2);
        assert_eq!(cluster.commit(2), before + 1, "leader n{leader}");
        assert_eq!(cluster.members(1), [vec![2], vec![], vec![]], "who leaves learns of it");
    }
}

/// Thesis §4.2.2; TRAPS: removing one of two nodes strands the other. The leader that leaves is the only one with
/// the entry that removes it, and steps down before it is committed: nobody else can win.
#[test]
fn a_node_whose_removal_is_not_committed_still_runs_for_election() {
    for rule_on in [true, false] {
        let mut cluster = Cluster::with_spares(2, 2, rule(Rule::LeavingMayCampaign, rule_on));
        cluster.elect(2);
        cluster.reconfigure(2, &NONE, &NONE, &[2]);
        // The joint entry is committed by both; the one after it stays with n2.
        cluster.deliver_where(|envelope| match &envelope.message {
            Message::AppendEntries(append) => append.prev_log_index < LogIndex(2),
            _ => true,
        });
        assert_eq!((cluster.terms(1).len(), cluster.terms(2).len()), (2, 3));
        cluster.restart(n(2));
        for node in [1, 2] {
            cluster.advance(crate::types::Span::from_millis(400));
            if cluster.node(node).raft.next_deadline().is_some() {
                cluster.time_out(node);
                cluster.deliver();
            }
        }
        assert_eq!(cluster.commit(1) == cluster.terms(2).len() as u64, rule_on, "the rule is what saves n1");
    }
}

/// TRAPS: the automatic leave of a joint configuration is lost when the leader steps down.
#[test]
fn the_next_leader_leaves_the_joint_configuration_of_the_one_before() {
    for rule_on in [true, false] {
        let mut cluster = with_learner(rule(Rule::AutoLeave, rule_on));
        cluster.reconfigure(1, &NONE, &[4], &NONE);
        // The joint entry reaches everybody, and its leader hears no answer any more.
        cluster.deliver_where(|envelope| envelope.from == n(1));
        cluster.elect(2);
        assert_eq!(cluster.members(2)[1].is_empty(), rule_on, "the rule is what leaves it");
    }
}

/// Thesis §4.1: a configuration that is cut from the log gives way to the one before it.
#[test]
fn a_configuration_that_is_cut_off_acts_no_longer() {
    for rule_on in [true, false] {
        let mut cluster = Cluster::with_spares(3, 4, rule(Rule::ConfigurationFollowsLog, rule_on));
        cluster.elect(1);
        cluster.reconfigure(1, &[4], &NONE, &NONE);
        cluster.network.clear();
        assert_eq!(cluster.members(1)[2], [4]);
        cluster.advance(crate::types::Span::from_millis(400));
        cluster.time_out(2);
        cluster.deliver_among(&[2, 3]);
        cluster.propose(2);
        cluster.deliver();
        cluster.time_out(2);
        cluster.deliver();
        assert_eq!(cluster.terms(1), cluster.terms(2));
        assert_eq!(cluster.members(1)[2].is_empty(), rule_on, "the rule is what takes it back");
    }
}

/// Paper §6: a server uses the latest configuration in its log, after a restart too.
#[test]
fn a_configuration_is_found_again_after_a_crash() {
    let mut cluster = with_learner(|_| {});
    cluster.reconfigure(1, &NONE, &[4], &[3]);
    cluster.deliver();
    for node in [1, 2, 4] {
        cluster.restart(n(node));
        assert_eq!(cluster.members(node), [vec![1, 2, 4], vec![], vec![]], "n{node}");
    }
}

/// The store says who the first members were, and not the settings of a later start: two nodes that were started with
/// different ones would each have a majority of its own.
#[test]
fn a_restart_with_other_settings_acts_on_the_members_of_the_store() {
    let mut cluster = Cluster::new(3);
    for named in [&[1][..], &[1, 2, 3, 4, 5]] {
        cluster.restart_with_voters(n(1), named);
        assert_eq!(cluster.members(1), [vec![1, 2, 3], vec![], vec![]], "{named:?}");
    }
    cluster.restart_with_voters(n(1), &[1]);
    cluster.advance(crate::types::Span::from_millis(400));
    cluster.time_out(1);
    assert_eq!(cluster.role(1), Role::PreCandidate, "it is not enough by itself");
    cluster.deliver();
    assert_eq!(cluster.role(1), Role::Leader);
    // A newer configuration of the log counts more than either.
    cluster.reconfigure(1, &NONE, &NONE, &[3]);
    cluster.deliver();
    cluster.restart_with_voters(n(1), &[1, 2, 3]);
    assert_eq!(cluster.members(1), [vec![1, 2], vec![], vec![]]);
}

/// TRAPS: a learner that does not know yet that it is a voter must vote.
#[test]
fn a_voter_that_takes_itself_for_a_learner_votes() {
    let mut cluster = with_learner(|_| {});
    cluster.reconfigure(1, &NONE, &[4], &NONE);
    // n2 and n3 have the joint entry; n4 does not know of it, and n1 is gone.
    cluster.deliver_where(|envelope| envelope.from == n(1) && envelope.to != n(4));
    cluster.advance(crate::types::Span::from_millis(400));
    cluster.time_out(2);
    cluster.deliver_among(&[2, 4, 3]);
    let by_learner = |e: &Event| matches!(e, Event::VoteDecided { pre_vote: false, refusal: None, .. });
    assert!(cluster.noted(4, by_learner));
    assert_eq!(cluster.role(2), Role::Leader);
}

/// A payload that is no configuration is refused as malformed, and nothing is taken over.
#[test]
fn an_append_with_a_broken_configuration_is_refused() {
    let mut cluster = Cluster::new(2);
    let mut entry = crate::raft::testing::entry(1, 1);
    entry.kind = crate::entry::EntryKind::Configuration;
    let append = crate::raft::AppendEntries {
        term: crate::types::Term(1),
        prev_log_index: LogIndex(0),
        prev_log_term: crate::types::Term(0),
        entries: [std::sync::Arc::new(entry)].into_iter().collect(),
        leader_commit: LogIndex(0),
        round: 0,
    };
    cluster.hand(1, 2, Message::AppendEntries(append));
    assert_eq!(cluster.terms(2), NONE.map(u64::from));
}
