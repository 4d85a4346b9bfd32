//! Leadership transfer: thesis §3.10.

use super::cluster::{Cluster, n};
use crate::event::{Event, TransferRefusal};
use crate::protocol::{Outcome, ReadHow};
use crate::raft::{Message, Rule, TimeoutNow};
use crate::record::Role;
use crate::types::Term;

fn led() -> Cluster {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster
}

/// §3.10: the target of a transfer wins although all others still hear the leader.
#[test]
fn leadership_goes_to_the_target_at_once() {
    let mut cluster = led();
    cluster.transfer(1, 3);
    cluster.deliver();
    assert_eq!((cluster.role(3), cluster.role(1), cluster.term(3)), (Role::Leader, Role::Follower, 2));
    assert_eq!(cluster.node(1).raft.leader(), Some(n(3)));
    assert!(!cluster.noted(3, |event| matches!(event, Event::BecamePreCandidate { .. })));
}

/// §3.10, steps 1 and 2: the leader takes no new requests, and brings the target up to date first.
#[test]
fn a_target_that_lags_is_brought_up_to_date_before_it_campaigns() {
    let mut cluster = led();
    for _ in 0..3 {
        cluster.propose(1);
    }
    cluster.deliver_among(&[1, 2]);
    cluster.transfer(1, 3);
    let told = |cluster: &Cluster| cluster.noted(1, |event| matches!(event, Event::TimeoutNowSent { .. }));
    assert!(!told(&cluster));
    cluster.time_out(1);
    cluster.deliver();
    assert!(told(&cluster));
    assert_eq!((cluster.role(3), cluster.terms(3)), (Role::Leader, vec![1, 1, 1, 1, 2]));
}

#[test]
fn proposals_are_refused_while_leadership_is_handed_over_and_were_not_appended() {
    let mut cluster = led();
    cluster.transfer(1, 3);
    let number = cluster.propose(1);
    assert_eq!(cluster.node(1).answers, [(number, Outcome::NotLeader { leader: Some(n(3)) })]);
    assert_eq!(cluster.terms(1), [1]);
}

/// §3.10: if the transfer does not complete within an election timeout, the leader resumes.
#[test]
fn a_transfer_to_a_silent_node_is_given_up_after_an_election_timeout() {
    for rule_on in [true, false] {
        let mut cluster = if rule_on { Cluster::new(3) } else { Cluster::without(3, Rule::TransferHasDeadline) };
        cluster.elect(1);
        cluster.transfer(1, 3);
        for _ in 0..8 {
            cluster.deliver_among(&[1, 2]);
            cluster.time_out(1);
        }
        assert_eq!(cluster.noted(1, |event| matches!(event, Event::TransferAborted { .. })), rule_on);
        cluster.deliver_among(&[1, 2]);
        cluster.propose(1);
        assert_eq!(cluster.terms(1).len() == 2, rule_on, "the rule is what lets the leader go on");
    }
}

/// TRAPS 19: the flag does not survive a step-down.
#[test]
fn a_leader_that_is_elected_again_takes_proposals() {
    let mut cluster = led();
    cluster.transfer(1, 3);
    cluster.deliver();
    assert_eq!(cluster.role(3), Role::Leader);
    cluster.transfer(3, 1);
    cluster.deliver();
    assert_eq!((cluster.role(1), cluster.term(1)), (Role::Leader, 3));
    let before = cluster.terms(1).len();
    cluster.propose(1);
    assert_eq!(cluster.terms(1).len(), before + 1);
}

/// TRAPS 15: a lease does not survive the order to campaign, also where the transfer is given up.
#[test]
fn a_leader_that_ordered_a_campaign_has_no_lease_in_that_term() {
    for rule_on in [true, false] {
        let mut cluster = if rule_on { Cluster::new(3) } else { Cluster::without(3, Rule::LeaseEndsAtTransfer) };
        cluster.elect(1);
        cluster.time_out(1);
        cluster.deliver();
        cluster.transfer(1, 3);
        cluster.network.clear();
        let number = cluster.read(1, ReadHow::Lease);
        assert_eq!(cluster.read_at(1, number).is_none(), rule_on, "the rule is what ends it");
        // Given up, and a quorum answers again: still no lease.
        for _ in 0..8 {
            cluster.deliver_among(&[1, 2]);
            cluster.time_out(1);
        }
        cluster.deliver_among(&[1, 2]);
        let number = cluster.read(1, ReadHow::Lease);
        assert_eq!(cluster.read_at(1, number).is_none(), rule_on);
    }
}

/// TRAPS 9: a heartbeat of the old leader does not make the target fall back.
#[test]
fn a_late_heartbeat_of_the_old_leader_does_not_stop_the_target() {
    let mut cluster = led();
    cluster.time_out(1);
    let heartbeat = cluster.network.iter().find(|envelope| envelope.to == n(3)).expect("a heartbeat").clone();
    cluster.deliver();
    cluster.transfer(1, 3);
    let order = cluster.network.pop_back().expect("the order").message;
    cluster.hand(1, 3, order);
    cluster.hand(1, 3, heartbeat.message);
    assert_eq!((cluster.role(3), cluster.term(3)), (Role::Candidate, 2));
    cluster.deliver();
    assert_eq!(cluster.role(3), Role::Leader);
}

#[test]
fn an_order_of_an_older_term_is_ignored() {
    let mut cluster = led();
    cluster.transfer(1, 3);
    cluster.deliver();
    cluster.hand(1, 2, Message::TimeoutNow(TimeoutNow { term: Term(1) }));
    assert_eq!((cluster.role(2), cluster.term(2)), (Role::Follower, 2));
}

#[test]
fn what_cannot_take_over_is_refused_and_changes_nothing() {
    let mut cluster = led();
    cluster.transfer(2, 3);
    cluster.transfer(1, 1);
    cluster.transfer(1, 9);
    cluster.transfer(1, 2);
    cluster.transfer(1, 3);
    let refused = |node, wanted| {
        cluster.noted(node, |event| matches!(event, Event::TransferRefused { reason, .. } if *reason == wanted))
    };
    assert!(refused(2, TransferRefusal::NotLeader));
    assert!(refused(1, TransferRefusal::LeadsAlready));
    assert!(refused(1, TransferRefusal::NotAVoter));
    assert!(refused(1, TransferRefusal::UnderWay(n(2))));
}
