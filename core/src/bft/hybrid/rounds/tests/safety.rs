//! Each guard: what holds with it, and breaks without it.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use super::{Cluster, Message, Rounds};
use crate::bft::Batch;
use crate::bft::hybrid::rounds::{Ack, Append, Committed, Decided, Lead, Link, Mark, Prepared, Vote, Wish};
use crate::bft::hybrid::testing::{Tamper, n, settings, test_config};
use crate::bft::testing::TestSigner;
use crate::crypto::{Domain, Hash256, Identity, Signature, Signer as _, Statement};
use crate::rules::{Rule, Switches};
use crate::types::{ClientId, NodeId, Sequence, Term, Wall};

pub(super) fn domain() -> Domain {
    Rounds::domain(&test_config(settings(4), Switches::all_on()))
}

pub(super) fn sign(by: NodeId, statement: &Statement) -> Signature {
    TestSigner(Identity::Node(by)).sign(statement)
}

fn ack(by: u32, mark: Mark, named: Option<Mark>) -> Ack {
    Ack { mark, named, signature: sign(n(by), &mark.acknowledge(&domain(), named)) }
}

fn vote(by: u32, term: u64, prepared: Option<Arc<Prepared>>) -> Arc<Vote> {
    let mut vote = Vote { term: Term(term), by: n(by), prepared, signature: Signature([0; 64]) };
    vote.signature = sign(n(by), &vote.statement(&domain()));
    Arc::new(vote)
}

fn append(by: u32, mark: Mark, links: &[&Arc<Link>]) -> Append {
    let links = links.iter().map(|link| Arc::clone(link)).collect();
    Append { ack: ack(by, mark, None), links, prepared: None, committed: None }
}

/// A link of nothing but a log time, as a liar makes it.
fn link(cluster: &Cluster, origin: u64, after: Option<&Arc<Link>>, time: u64) -> Arc<Link> {
    let batch = Batch::new(Some(Wall(cluster.now + time)), Vec::new());
    let (sequence, previous) = after.map_or((1, Hash256::ZERO), |after| (after.sequence().0 + 1, after.hash()));
    Arc::new(Link::new(Term(origin), Sequence(sequence), previous, batch))
}

fn mark(term: u64, link: &Link) -> Mark {
    Mark { term: Term(term), sequence: link.sequence(), hash: link.hash() }
}

/// What others have sent to a replica that the test plays itself.
#[derive(Clone, Default)]
struct Heard(Rc<RefCell<Vec<(NodeId, Message)>>>);

impl Heard {
    fn acks(&self, of: impl Fn(&Ack) -> bool) -> Vec<(NodeId, Ack)> {
        let mut list: Vec<(NodeId, Ack)> = Vec::new();
        for (from, message) in self.0.borrow().iter() {
            if let Message::Ack(ack) = message
                && of(ack)
                && list.iter().all(|(known, _)| known != from)
            {
                list.push((*from, **ack));
            }
        }
        list.sort_by_key(|(from, _)| *from);
        list
    }

    fn prepared(&self, own: (u32, Ack)) -> Arc<Prepared> {
        let mut acks = self.acks(|ack| ack.mark == own.1.mark);
        acks.push((n(own.0), own.1));
        acks.sort_by_key(|(from, _)| *from);
        Arc::new(Prepared { mark: own.1.mark, acks })
    }

    fn committed(&self, own: (u32, Ack)) -> Arc<Committed> {
        let named = own.1.named;
        let mut acks = self.acks(|ack| ack.named == named);
        acks.push((n(own.0), own.1));
        acks.sort_by_key(|(from, _)| *from);
        Arc::new(Committed { mark: named.expect("what is named"), acks })
    }
}

/// The test plays this replica: it hears what is sent to it, and says what it likes.
fn play(
    cluster: &mut Cluster,
    liar: u32,
    mut then: impl FnMut(NodeId, NodeId, Message) -> Vec<Message> + 'static,
) -> Heard {
    cluster.crash(liar);
    cluster.liars.insert(n(liar));
    let heard = Heard::default();
    let hears = heard.clone();
    cluster.tamper = Some(Box::new(move |from, to, message| {
        if to == n(liar) {
            hears.0.borrow_mut().push((from, message.clone()));
        }
        then(from, to, message)
    }));
    heard
}

fn cut_off(cluster: &mut Cluster, node: u32) {
    for other in (1..=4).filter(|other| *other != node) {
        cluster.cut.extend([(n(node), n(other)), (n(other), n(node))]);
    }
}

/// `rule` off breaks agreement under this script, and on it holds.
fn breaks_without(rule: Rule, script: impl Fn(Cluster) -> Cluster) {
    assert!(script(Cluster::new(4, 1)).agrees(), "{}: holds with it", rule.name());
    assert!(!script(Cluster::without(4, 1, rule)).agrees(), "{}: breaks without", rule.name());
}

/// `rule` off stops the cluster under this script, and with it all is done.
fn stops_without(rule: Rule, script: impl Fn(Cluster) -> Cluster) {
    let with = script(Cluster::new(4, 1));
    with.assert_agreement();
    assert!(with.all_done(), "{}: lives with it", rule.name());
    assert!(!script(Cluster::without(4, 1, rule)).all_done(), "{}: stops without", rule.name());
}

/// Any two quorums share an honest replica; two halves do not.
#[test]
fn halves_that_do_not_hear_each_other_are_no_quorums() {
    breaks_without(Rule::HybridQuorum, |mut cluster| {
        for (a, b) in [(1, 3), (1, 4), (2, 3), (2, 4)] {
            cluster.cut.extend([(n(a), n(b)), (n(b), n(a))]);
        }
        cluster.ask_at(&[1, 2, 3, 4].map(n), 1, &[1]);
        cluster.run(5_000);
        cluster
    });
}

/// PROTOCOLS, "Hybrid": one acknowledgement round at 2f+1 is not enough. The leader lies: what three have acknowledged
/// is shown to one of them, and the votes of the other three show nothing of it.
#[test]
fn one_round_of_acknowledgements_loses_what_it_has_committed() {
    breaks_without(Rule::HybridTwoRounds, |mut cluster| {
        let heard = play(&mut cluster, 1, |_, _, message| vec![message]);
        let first = link(&cluster, 0, None, 1);
        let top = mark(0, &first);
        for to in [2, 3] {
            cluster.post(n(1), n(to), Message::Append(Box::new(append(1, top, &[&first]))));
        }
        cluster.run(10);
        let prepared = Some(heard.prepared((1, ack(1, top, None))));
        assert_eq!(prepared.as_ref().map(|prepared| prepared.acks.len()), Some(3));
        cluster.post(n(1), n(2), Message::Append(Box::new(Append { prepared, ..append(1, top, &[]) })));
        cluster.run(10);
        cut_off(&mut cluster, 2);
        cluster.ask_at(&[3, 4].map(n), 1, &[1]);
        cluster.run_until(4_000, |cluster| cluster.node(3).replica.term() == Term(2));
        cluster.post(n(1), n(3), Message::Vote(vote(1, 2, None)));
        cluster.run(20);
        let second = heard.0.borrow().iter().find_map(|(from, message)| match message {
            Message::Append(append) if *from == n(3) && !append.links.is_empty() => Some(append.ack.mark),
            _ => None,
        });
        let second = second.expect("the third leads and has heard nothing of it");
        cluster.post(n(1), n(3), Message::Ack(Box::new(ack(1, second, None))));
        cluster.run(50);
        cluster
    });
}

/// A leader that lies gives one follower two histories, one after the other.
#[test]
fn a_follower_takes_one_history_of_a_leader_in_a_term() {
    breaks_without(Rule::HybridOneHashPerIndex, |mut cluster| {
        let heard = play(&mut cluster, 1, |_, _, message| vec![message]);
        let first = link(&cluster, 0, None, 1);
        let others = [link(&cluster, 0, None, 2)];
        let second = link(&cluster, 0, Some(&others[0]), 3);
        let say = |cluster: &mut Cluster, to: &[u32], append: &Append| {
            to.iter().for_each(|to| cluster.post(n(1), n(*to), Message::Append(Box::new(append.clone()))));
            cluster.run(10);
        };
        for (links, to, told) in [(vec![&first], [2, 3], 2), (vec![&others[0], &second], [3, 4], 4)] {
            let top = mark(0, links.last().expect("a link"));
            say(&mut cluster, &to, &append(1, top, &links));
            let prepared = heard.prepared((1, ack(1, top, None)));
            say(&mut cluster, &to, &Append { prepared: Some(prepared), ..append(1, top, &[]) });
            let committed = heard.committed((1, ack(1, top, Some(top))));
            say(&mut cluster, &[told], &Append { committed: Some(committed), ..append(1, top, &[]) });
        }
        cluster
    });
}

/// Raft paper, Figure 8, with certificates: what is prepared in term 0 is hidden from the votes for term 1, shown
/// afterwards, and named there; another history is prepared and named in term 1 by the same replicas.
#[test]
fn a_certificate_of_an_older_term_is_not_committed_by_being_named() {
    breaks_without(Rule::HybridCommitOwnTerm, |mut cluster| {
        let heard = play(&mut cluster, 2, |from, to, message| match message {
            Message::Append(mut append) if from == n(1) && to == n(3) => {
                append.prepared = None;
                vec![Message::Append(append)]
            }
            Message::Append(_) if from == n(1) && to == n(4) => vec![],
            message => vec![message],
        });
        cluster.ask(1, &[1]);
        cluster.run(10);
        let first = heard.0.borrow().iter().find_map(|(_, message)| match message {
            Message::Append(append) => append.links.first().cloned(),
            _ => None,
        });
        let first = first.expect("the leader's link");
        cluster.post(n(2), n(1), Message::Ack(Box::new(ack(2, mark(0, &first), None))));
        cluster.run(10);
        let hidden = heard.0.borrow().iter().find_map(|(_, message)| match message {
            Message::Append(append) => append.prepared.clone(),
            _ => None,
        });
        let hidden = hidden.expect("the certificate of term 0");
        cut_off(&mut cluster, 1);
        cluster.ask_at(&[3, 4].map(n), 2, &[1]);
        let voted = |(_, message): &(NodeId, Message)| matches!(message, Message::Vote(vote) if vote.term == Term(1));
        cluster.run_until(2_000, |_| heard.0.borrow().iter().filter(|said| voted(said)).count() >= 2);
        let mut votes = vec![vote(2, 1, None), vote(3, 1, None), vote(4, 1, None)];
        votes.sort_by_key(|vote| vote.by);
        let second = link(&cluster, 1, None, 5_000);
        let top = mark(1, &second);
        let say = |cluster: &mut Cluster, message: Message| {
            [3, 4].iter().for_each(|to| cluster.post(n(2), n(*to), message.clone()));
            cluster.run(10);
        };
        say(&mut cluster, Message::Lead(Arc::new(Lead { term: Term(1), votes })));
        let shown = Append { prepared: Some(Arc::clone(&hidden)), ..append(2, top, &[&second]) };
        say(&mut cluster, Message::Append(Box::new(shown)));
        let old = heard.committed((2, ack(2, top, Some(hidden.mark))));
        cluster.cut.clear();
        cluster.post(n(2), n(1), Message::Decided(Box::new(Decided { links: vec![first], committed: old })));
        cluster.run(10);
        cut_off(&mut cluster, 1);
        let prepared = heard.prepared((2, ack(2, top, None)));
        say(&mut cluster, Message::Append(Box::new(Append { prepared: Some(prepared), ..append(2, top, &[]) })));
        let committed = heard.committed((2, ack(2, top, Some(top))));
        say(&mut cluster, Message::Append(Box::new(Append { committed: Some(committed), ..append(2, top, &[]) })));
        cluster
    });
}

/// The leader tells nobody that something is committed.
fn tells_no_commits(hides_from: &'static [u32]) -> Tamper<Message> {
    Box::new(move |from, to, message| match message {
        Message::Append(mut append) if from == n(1) => {
            append.committed = None;
            if hides_from.contains(&to.0) { vec![] } else { vec![Message::Append(append)] }
        }
        Message::Decided(_) if from == n(1) => vec![],
        message => vec![message],
    })
}

/// The leader alone has executed what is committed, and is gone; its successor finds it in the votes.
fn the_leader_alone_knows(mut cluster: Cluster) -> Cluster {
    cluster.tamper = Some(tells_no_commits(&[]));
    cluster.ask(1, &[1]);
    cluster.run(60);
    cut_off(&mut cluster, 1);
    cluster.run(3_000);
    cluster
}

#[test]
fn votes_that_show_no_certificates_lose_what_is_committed() {
    breaks_without(Rule::HybridVoteShowsCertificate, the_leader_alone_knows);
}

#[test]
fn a_term_that_does_not_go_on_from_the_highest_certificate_loses_what_is_committed() {
    breaks_without(Rule::HybridGoesOnFromHighest, the_leader_alone_knows);
}

/// Two that said that they have it crash, and have it no more.
#[test]
fn what_is_acknowledged_is_durable() {
    breaks_without(Rule::HybridPersistBeforeAck, |mut cluster| {
        cluster.tamper = Some(tells_no_commits(&[4]));
        cluster.slow = [2, 3].map(n).into();
        cluster.ask(1, &[1]);
        cluster.run(40);
        cluster.slow.clear();
        for node in [2, 3] {
            cluster.crash_and_lose(node);
            cluster.restart(node);
        }
        cut_off(&mut cluster, 1);
        cluster.run(3_000);
        cluster
    });
}

/// A cluster of one needs nobody else, and still commits no more than its disk knows.
#[test]
fn what_a_leader_says_to_itself_is_durable() {
    let committed_before_the_disk = |mut cluster: Cluster| {
        cluster.slow = [n(1)].into();
        cluster.ask(1, &[1]);
        cluster.run(40);
        let committed = cluster.node(1).replica.committed();
        cluster.slow.clear();
        cluster.run(20_000);
        assert!(cluster.all_done(), "the disk has it in the end");
        committed
    };
    assert_eq!(committed_before_the_disk(Cluster::new(1, 1)), Sequence(0));
    let rule = Rule::HybridPersistBeforeAck;
    assert_eq!(committed_before_the_disk(Cluster::without(1, 1, rule)), Sequence(1));
}

/// Two that have voted crash, forget it, and acknowledge in the term that they had left.
#[test]
fn a_vote_is_durable_before_it_leaves() {
    breaks_without(Rule::HybridPersistBeforeVote, |mut cluster| {
        cluster.tamper = Some(tells_no_commits(&[]));
        cut_off(&mut cluster, 1);
        cluster.cut.extend([(n(2), n(3)), (n(2), n(4))]);
        cluster.slow = [3, 4].map(n).into();
        cluster.ask_at(&[3, 4].map(n), 1, &[1]);
        cluster.run_until(600, |cluster| cluster.node(2).replica.term() == Term(1));
        cluster.run(20);
        cluster.slow.clear();
        for node in [3, 4] {
            cluster.crash_and_lose(node);
            cluster.restart(node);
        }
        cluster.cut.clear();
        cut_off(&mut cluster, 2);
        cluster.run(260);
        cluster.cut.clear();
        cut_off(&mut cluster, 1);
        cluster.run(4_000);
        cluster
    });
}

/// What was prepared and hidden comes to light after all who had it have truncated it: its body is still somewhere.
#[test]
fn what_was_acknowledged_and_truncated_is_kept_for_a_later_certificate() {
    stops_without(Rule::HybridKeepTruncated, |mut cluster| {
        cluster.liars.insert(n(1));
        cluster.tamper = Some(Box::new(|from, to, message| match message {
            Message::Vote(vote) if from == n(4) && vote.term == Term(2) => vec![],
            Message::Append(append) if from == n(2) && append.ack.mark.term == Term(1) => vec![],
            message if from != n(1) => vec![message],
            Message::Append(mut append) if to != n(4) => {
                append.prepared = None;
                append.ack = ack(1, append.ack.mark, None);
                vec![Message::Append(append)]
            }
            Message::Vote(vote) if vote.term != Term(1) => vec![Message::Vote(vote)],
            Message::Wishes(wishes) => vec![Message::Wishes(wishes)],
            _ => vec![],
        }));
        cluster.deaf = Some((n(4), ClientId(9)));
        cluster.ask(1, &[1]);
        cluster.run_until(12_000, Cluster::all_done);
        cluster
    });
}

/// One liar wishes for ever higher terms.
#[test]
fn one_liars_wishes_move_nobody() {
    stops_without(Rule::HybridWishesOfSeveral, |mut cluster| {
        play(&mut cluster, 4, |_, _, message| vec![message]);
        cluster.ask_at(&[1, 2, 3].map(n), 1, &[1]);
        for term in 1..1_000 {
            let wish = Wish { term: Term(term), signature: sign(n(4), &Wish::statement(&domain(), Term(term))) };
            [1, 2, 3].iter().for_each(|to| cluster.post(n(4), n(*to), Message::Wishes(vec![(n(4), wish)])));
            cluster.run(1);
        }
        cluster
    });
}

/// TRAPS 31: a leader that serves one client and not another is left all the same.
#[test]
fn only_the_execution_of_the_oldest_request_moves_the_timer() {
    stops_without(Rule::HybridTimerOfOneRequest, |mut cluster| {
        cluster.liars.insert(n(1));
        cluster.deaf = Some((n(1), ClientId(1)));
        cluster.tamper = Some(Box::new(|_, to, message| match message {
            Message::Requests(mut bundles) if to == n(1) => {
                bundles.retain(|bundle| bundle.client() != ClientId(1));
                vec![Message::Requests(bundles)]
            }
            message => vec![message],
        }));
        cluster.ask_at(&[2, 3, 4].map(n), 1, &[1]);
        for number in 1..=60 {
            cluster.ask_at(&[1, 2, 3, 4].map(n), 2, &[number]);
            cluster.run(50);
        }
        cluster
    });
}

/// TRAPS 31, 35: whatever a liar floods, what is kept of it is bounded.
#[test]
fn a_flood_of_words_takes_no_memory() {
    let mut cluster = Cluster::new(4, 1);
    play(&mut cluster, 4, |_, _, message| vec![message]);
    for at in 1..3_000u64 {
        let told = Mark { term: Term(0), sequence: Sequence(0), hash: Hash256::ZERO };
        let named = Mark { term: Term(0), sequence: Sequence(at), hash: Hash256([7; 32]) };
        let wish = Wish { term: Term(at), signature: sign(n(4), &Wish::statement(&domain(), Term(at))) };
        for message in [
            Message::Ack(Box::new(ack(4, told, Some(named)))),
            Message::Wishes(vec![(n(4), wish)]),
            Message::Vote(vote(4, at, None)),
        ] {
            cluster.post(n(4), n(1), message);
        }
        cluster.run(1);
    }
    let replica = &cluster.node(1).replica;
    assert!(replica.tally.len() <= 4 * 12 && replica.ballots.len() <= 8 && replica.chain.held() == 0);
    cluster.ask(1, &[1]);
    assert!(cluster.run_until(100, Cluster::all_done));
}
