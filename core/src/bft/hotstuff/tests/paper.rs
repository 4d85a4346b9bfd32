//! Claims of the HotStuff paper, each with the rule that it rests on switched off too.

use std::sync::Arc;

use super::super::{Event, IgnoreReason, Message, QuorumCertificate, VoteRefusal};
use super::cluster::{Weather, World, ms, n};
use super::craft::{
    ALONE, alone, batch, block, certificate_of, certified, certified_as, chain, genesis, given_up, leader, proposal,
    propose, stamped, timeout, vote, votes,
};
use crate::bft::testing::bundle;
use crate::crypto::Signature;
use crate::protocol::Input;
use crate::rules::{Rule, RuleKind};
use crate::types::{Span, Term, Wall};

fn without(rule: Rule, off: bool) -> World {
    alone(|config| {
        if off {
            config.rules = config.rules.without(rule);
        }
    })
}

fn refusals(world: &World) -> Vec<VoteRefusal> {
    let of = |event: &Event| match event {
        Event::VoteRefused { reason, .. } => Some(*reason),
        _ => None,
    };
    world.node(ALONE).events.iter().filter_map(of).collect()
}

fn committed(world: &World) -> u64 {
    world.node(ALONE).instance().committed().view.0
}

/// §4, Algorithm 1: "the branch of m.node extends from the currently locked node lockedQC.node" (safety).
#[test]
fn a_block_that_leaves_the_locked_one_gets_no_vote() {
    for off in [false, true] {
        let mut world = without(Rule::HotStuffSafeNode, off);
        chain(&mut world, &[1, 2, 3]);
        let other = block(5, &genesis(), batch(&world, 9));
        let entered_by = given_up(&world, 4, 0);
        propose(&mut world, &other, Some(entered_by));
        assert_eq!(votes(&world).contains(&(5, other.hash())), off);
        let refused = VoteRefusal::Unsafe { justify: Term(0), lock: Term(1) };
        assert_eq!(refusals(&world).contains(&refused), !off);
    }
}

/// §4, Algorithm 1: or "m.justify has a higher view number than the current lockedQC" (liveness).
#[test]
fn a_later_certificate_frees_a_locked_replica() {
    let mut world = alone(|_| {});
    chain(&mut world, &[1, 2, 3]);
    let other = block(5, &genesis(), batch(&world, 8));
    let (by, later) = (certified(&world, &other), given_up(&world, 4, 0));
    propose(&mut world, &other, Some(later));
    let next = block(6, &by, batch(&world, 9));
    propose(&mut world, &next, None);
    assert!(votes(&world).contains(&(6, next.hash())));
}

/// §4: a replica votes once a view; the vote for another block of that view is refused.
#[test]
fn of_two_blocks_in_one_view_one_gets_a_vote() {
    for off in [false, true] {
        let mut world = without(Rule::HotStuffVoteOncePerView, off);
        let two = [1, 2].map(|number| block(1, &genesis(), batch(&world, number)));
        for block in &two {
            propose(&mut world, block, None);
        }
        assert_eq!(votes(&world).len(), 1 + usize::from(off));
    }
}

/// §5: "b is committed" once a three-chain with direct parents follows it (TRAPS: without *consecutive* views).
#[test]
fn three_certified_blocks_commit_only_where_their_views_follow_each_other() {
    for (views, off, expected) in [
        (&[1, 2, 3, 5][..], false, 1),
        (&[1, 2, 5, 6], false, 0),
        (&[1, 2, 5, 6], true, 1),
        (&[1, 3, 5, 6, 7, 9], false, 5),
    ] {
        let mut world = without(Rule::HotStuffConsecutiveViews, off);
        chain(&mut world, views);
        assert_eq!(committed(&world), expected, "{views:?}, without the rule: {off}");
    }
}

/// §4: a certificate needs n−f votes: two quorums share an honest voter.
#[test]
fn a_certificate_of_fewer_than_a_quorum_is_refused() {
    for off in [false, true] {
        let mut world = without(Rule::HotStuffQuorum, off);
        let first = chain(&mut world, &[1]).remove(0);
        let weak = certified_as(&world, 1, first.hash(), &[2, 3]);
        let next = block(2, &weak, batch(&world, 2));
        propose(&mut world, &next, None);
        assert_eq!(votes(&world).len(), 1 + usize::from(off));
    }
}

/// TRAPS: a certificate whose view differs from its block's. A liar takes that of view 1 for one of view 7.
#[test]
fn a_certificate_cannot_be_renamed_to_a_later_view() {
    for off in [false, true] {
        let mut world = without(Rule::HotStuffCertificateNamesView, off);
        let first = chain(&mut world, &[1]).remove(0);
        // Without the rule the statement that is signed has no view either.
        let signed_as = if off { 0 } else { 1 };
        let honest = certified_as(&world, signed_as, first.hash(), &[2, 3, 4]);
        let renamed = Arc::new(QuorumCertificate { view: Term(7), ..(*honest).clone() });
        world.deliver(n(2), n(ALONE), Message::Certificate(renamed));
        assert_eq!(world.node(ALONE).instance().view(), if off { Term(8) } else { Term(1) });
        assert_eq!(world.forged, u64::from(!off));
    }
}

#[test]
fn even_a_quorum_cannot_certify_a_block_in_another_view() {
    let mut world = alone(|_| {});
    let first = chain(&mut world, &[1]).remove(0);
    let lie = certified_as(&world, 7, first.hash(), &[2, 3, 4]);
    world.deliver(n(2), n(ALONE), Message::Certificate(lie));
    let refused = Event::Ignored { from: n(2), reason: IgnoreReason::CertificateOfAnotherView };
    assert_eq!((world.noted(ALONE, |event| *event == refused), world.node(ALONE).instance().view()), (1, Term(1)));
}

/// TRAPS: certificates that are not verified when they come inside another message.
#[test]
fn a_forged_certificate_inside_another_message_is_found() {
    for off in [false, true] {
        let mut world = without(Rule::HotStuffVerifyCertificates, off);
        let first = chain(&mut world, &[1]).remove(0);
        let forged = [2, 3, 4].map(|voter| (n(voter), Signature([9; 64])));
        let (view, certificate) = (Term(1), certificate_of(&forged));
        let forged = Arc::new(QuorumCertificate { view, block: first.hash(), certificate });
        let next = block(2, &forged, batch(&world, 2));
        let inside = [
            (3, proposal(&world, &next, None)),
            (4, timeout(&world, 4, 2, &forged, None, None)),
            (2, Message::Certificate(Arc::clone(&forged))),
        ];
        for (from, message) in inside {
            world.deliver(n(from), n(ALONE), message);
        }
        assert_eq!(world.forged, if off { 0 } else { 3 });
        assert_eq!(world.node(ALONE).instance().view() > Term(1), off);
    }
}

/// TRAPS: duplicate signers counted twice.
#[test]
fn a_signer_that_is_named_three_times_is_one() {
    for off in [false, true] {
        let mut world = without(Rule::HotStuffDistinctSigners, off);
        let first = chain(&mut world, &[1]).remove(0);
        let own = vote(&world, 4, 1, first.hash()).signature;
        let (view, certificate) = (Term(1), certificate_of(&[(n(4), own); 3]));
        let thrice = QuorumCertificate { view, block: first.hash(), certificate };
        world.deliver(n(4), n(ALONE), Message::Certificate(Arc::new(thrice)));
        assert_eq!(world.node(ALONE).instance().view() > Term(1), off);
    }
}

/// §4: what a vote rests on survives a crash (TRAPS: the lock or the last voted view not durable).
#[test]
fn a_vote_leaves_after_what_it_promises_is_durable() {
    for off in [false, true] {
        let mut world = without(Rule::HotStuffPersistBeforeVote, off);
        world.weather.disk = (ms(5), ms(5));
        let two = [1, 2].map(|number| block(1, &genesis(), batch(&world, number)));
        propose(&mut world, &two[0], None);
        assert_eq!(votes(&world).len(), usize::from(off), "the write is on its way");
        world.crash_without_luck(n(ALONE));
        world.start(n(ALONE));
        world.weather.disk = (Span(1), Span(1));
        propose(&mut world, &two[1], None);
        assert_eq!(votes(&world).len(), 1 + usize::from(off), "two votes in one view only without the rule");
    }
}

#[test]
fn a_log_time_that_is_far_from_the_voters_clock_gets_no_vote() {
    for off in [false, true] {
        let mut world = without(Rule::HotStuffLogTime, off);
        let far = Wall(world.clock().wall.0 + Span::from_secs(60).0);
        let stamped = block(1, &genesis(), stamped(far, 1));
        propose(&mut world, &stamped, None);
        assert_eq!(votes(&world).len(), usize::from(off));
    }
}

/// DiemBFT v4, "Safety": a timeout is the end of voting in its view.
#[test]
fn whoever_has_given_a_view_up_does_not_vote_in_it() {
    let mut world = alone(|_| {});
    world.ask(1, 1);
    world.run(ms(200));
    let timed_out = |message: &Message| matches!(message, Message::Timeout(timeout) if timeout.view == Term(1));
    assert!(world.sent.iter().any(|(.., message)| timed_out(message)));
    let late = block(1, &genesis(), batch(&world, 1));
    propose(&mut world, &late, None);
    assert_eq!(votes(&world), []);
    assert!(refusals(&world).contains(&VoteRefusal::Voted { voted: Term(1) }));
}

/// TRAPS: a leader that got votes and fell silent. The next one completes its certificate from the timeouts.
#[test]
fn votes_in_timeouts_complete_the_certificate_of_a_silent_leader() {
    for off in [false, true] {
        let mut world = without(Rule::HotStuffVotesInTimeouts, off);
        let mut blocks = chain(&mut world, &[1, 2, 3]);
        let last = blocks.pop().expect("three");
        let high = certified(&world, &blocks[1]);
        world.ask(2, 1);
        world.run(ms(10));
        for other in [2, 3, 4] {
            let vote = vote(&world, other, 3, last.hash());
            let message = timeout(&world, other, 3, &high, None, (other != 4).then_some(vote));
            world.deliver(n(other), n(ALONE), message);
            world.run(ms(2));
        }
        let extends = |message: &Message| match message {
            Message::Proposal(proposal) => Some(proposal.block.parent() == last.hash()),
            _ => None,
        };
        let next = world.sent.iter().find_map(|(.., message)| extends(message));
        assert_eq!(next, Some(!off), "the leader of view 4 follows the block of view 3");
    }
}

/// The same at length: one of four is silent, and one link is cut, so that the leader of each fourth view never gets
/// a quorum's votes by itself.
#[test]
fn without_votes_in_timeouts_one_silent_replica_and_one_cut_link_stop_everything() {
    for off in [false, true] {
        let mut world = World::new(4, 3, |config| {
            if off {
                config.rules = config.rules.without(Rule::HotStuffVotesInTimeouts);
            }
        });
        world.crash(n(4));
        world.cut_votes = Some((n(1), n(2)));
        world.ask(1, 1);
        world.run(Span::from_secs(20));
        assert_eq!(world.unanswered() > 0, off);
    }
}

/// DiemBFT v4, "Pacemaker": timeout certificates bring replicas into one view. Without them one that waits alone goes views
/// ahead, and the others, who need it, never meet it.
#[test]
fn without_timeout_certificates_views_that_were_apart_stay_apart() {
    for off in [false, true] {
        let mut world = World::new(4, 3, |config| {
            if off {
                config.rules = config.rules.without(Rule::HotStuffTimeoutCertificates);
            }
        });
        world.crash(n(4));
        // Somebody asks one of them alone, and nobody else has anything to wait for.
        world.step(n(3), Input::Requests(vec![bundle(9, &[1], 1)]));
        world.run(Span::from_secs(10));
        world.ask(1, 1);
        world.run(Span::from_secs(20));
        assert_eq!(world.unanswered() > 0, off);
    }
}

/// TRAPS: a pacemaker that doubles its timer can be held back by whoever makes views fail.
#[test]
fn without_a_cap_one_silent_leader_makes_everybody_wait_ever_longer() {
    for off in [false, true] {
        let mut world = World::new(4, 3, |config| {
            if off {
                config.rules = config.rules.without(Rule::HotStuffTimerIsCapped);
            }
        });
        world.crash(n(2));
        for number in 1..=40 {
            world.ask(1, number);
            world.run(ms(1_000));
        }
        assert_eq!(world.unanswered() > 0, off);
    }
}

#[test]
fn a_leader_proposes_once_in_a_view_also_after_a_restart() {
    let mut world = alone(|_| {});
    chain(&mut world, &[1, 2, 3]);
    let before = world.sent.len();
    world.ask(2, 1);
    let third = {
        let blocks = world.node(ALONE).instance().blocks();
        certified(&world, blocks.iter().find(|block| block.view() == Term(3)).expect("proposed"))
    };
    world.deliver(n(leader(3)), n(ALONE), Message::Certificate(third));
    world.run(ms(3));
    world.crash(n(ALONE));
    world.start(n(ALONE));
    world.ask(2, 2);
    world.run(ms(20));
    let proposed = |message: &Message| match message {
        Message::Proposal(proposal) => Some(proposal.block.hash()),
        _ => None,
    };
    let mut proposed: Vec<_> = world.sent[before..].iter().filter_map(|(.., message)| proposed(message)).collect();
    proposed.dedup();
    assert_eq!(proposed.len(), 1, "one block of view 4");
}

#[test]
fn every_rule_of_hotstuff_has_a_test_here() {
    let ours = Rule::ALL.into_iter().filter(|rule| rule.name().starts_with("hotstuff."));
    let (live, safe): (Vec<_>, Vec<_>) = ours.partition(|rule| rule.kind() == RuleKind::Liveness);
    assert_eq!((safe.len(), live.len()), (9, 3));
    let tests = include_str!("paper.rs");
    for rule in safe.iter().chain(&live) {
        assert!(tests.contains(&format!("Rule::{rule:?}")), "{rule:?}");
    }
}

/// What a decision takes without faults: a proposal, votes to the leader of their own view, one certificate.
#[test]
fn a_decision_takes_two_n_minus_one_plus_one_messages() {
    for nodes in [4, 7, 10] {
        let mut world = World::new(nodes, 1, |_| {});
        world.weather = Weather::CALM;
        world.keep_sent = true;
        for number in 1..=400 {
            world.ask(1 + number % 8, number);
            world.run(ms(2));
        }
        world.run(ms(100));
        assert_eq!(world.unanswered(), 0);
        let mut counts = std::collections::BTreeMap::<u64, [u32; 3]>::new();
        for (.., message) in &world.sent {
            let (view, kind) = match message {
                Message::Proposal(proposal) => (proposal.block.view(), 0),
                Message::Vote(vote) => (vote.view, 1),
                Message::Certificate(certificate) => (certificate.view, 2),
                other => panic!("nothing else is needed: {other:?}"),
            };
            counts.entry(view.0).or_default()[kind] += 1;
        }
        assert!(counts.len() > 50, "{nodes}: {} views", counts.len());
        assert!(counts.values().all(|count| *count == [nodes - 1, nodes - 1, 1]), "{nodes}: {counts:?}");
    }
}

/// TRAPS: votes for future views kept without a bound; a replica led into a far view by a claim.
#[test]
fn of_each_peer_one_vote_is_kept_and_no_claim_leads_into_a_far_view() {
    let mut world = alone(|_| {});
    let first = chain(&mut world, &[1]).remove(0);
    let high = certified(&world, &first);
    for view in 2..200 {
        let vote = vote(&world, 2, view, first.hash());
        world.deliver(n(2), n(ALONE), Message::Vote(vote));
        let claim = timeout(&world, 2, view + 1, &high, None, None);
        world.deliver(n(2), n(ALONE), claim);
    }
    let replica = &world.node(ALONE).instance();
    assert_eq!((replica.votes.len(), replica.pacemaker.len(), replica.view()), (2, 0, Term(1)));
    let refused = Event::Ignored { from: n(2), reason: IgnoreReason::Malformed };
    assert_eq!(world.noted(ALONE, |event| *event == refused), 198);
    let proven = timeout(&world, 2, 40, &high, Some(given_up(&world, 39, 1)), None);
    world.deliver(n(2), n(ALONE), proven);
    assert_eq!(world.node(ALONE).instance().view(), Term(40), "one message with its proof is enough");
}

/// A replica whose certificate is of a block that it lacks says so in its timeouts, and is believed: were it not, one
/// silent replica more would stop everything.
#[test]
fn whoever_lacks_a_certified_block_still_gives_views_up() {
    let mut world = alone(|_| {});
    let lost = block(2, &certified(&world, &block(1, &genesis(), batch(&world, 1))), batch(&world, 2));
    let unknown = certified(&world, &lost);
    world.deliver(n(3), n(ALONE), Message::Certificate(Arc::clone(&unknown)));
    world.ask(1, 1);
    world.run(ms(300));
    let told = |message: &Message| match message {
        Message::Timeout(timeout) => Some((timeout.view, timeout.high.view)),
        _ => None,
    };
    assert_eq!(world.sent.iter().find_map(|(.., message)| told(message)), Some((Term(3), Term(2))));
    let asked = world.sent.iter().filter(|(.., message)| matches!(message, Message::Fetch(_)));
    let asked: std::collections::BTreeSet<_> = asked.map(|(_, to, _)| *to).collect();
    assert_eq!(asked.len(), 3, "all are asked for the block, one after the other");
}
