//! What does a decided piece of evidence change, and what changes nothing?

use super::*;
use crate::bft::evidence::{Offence, Signed, Word};
use crate::bft::pbft::Subject;
use crate::bft::request::client_of;
use crate::bft::testing::TestSigner;
use crate::crypto::{Domain, Family, Hash256, Identity, Signer as _};
use crate::machine::cluster::{Cluster, Command, SLASHED};
use crate::machine::kv::KeyValue;
use crate::types::{NodeId, Sequence, Term};

/// Two commits of one node at one place, of values that these bytes stand for.
fn two_commits(culprit: u32, bytes: [u8; 2]) -> Evidence {
    let domain = Domain { cluster: 1, configuration: 0, instance: 4, family: Family::Pbft };
    let [one, other] = bytes.map(|byte| {
        let word = Word::Commit(Subject { view: Term(1), sequence: Sequence(2), hash: Hash256([byte; 32]) });
        let signature = TestSigner(Identity::Node(NodeId(culprit))).sign(&word.statement(&domain));
        Signed { word, signature }
    });
    Evidence::of(NodeId(culprit), &domain, one, Some(other)).expect("a contradiction")
}

fn decide<S: StateMachine>(sessions: &mut Sessions<S>, index: u64, client: ClientId, payload: &[u8]) -> SessionAnswer {
    sessions.apply(LogIndex(index), Wall(index), client, RequestNumber(index), payload)
}

fn of_a_node(node: u32) -> ClientId {
    client_of(NodeId(node))
}

#[test]
fn the_first_piece_against_a_node_convicts_it_and_the_second_changes_nothing() {
    let mut sessions = Sessions::<KeyValue>::default();
    let first = two_commits(1, [1, 2]);
    decide(&mut sessions, 1, of_a_node(2), &decided::payload(&first));
    let verdict = Conviction { culprit: NodeId(1), offence: Offence::TwoValues, evidence: first.hash(), instance: 4 };
    assert_eq!(sessions.convicted(), [verdict]);
    let before = sessions.digest();
    decide(&mut sessions, 1, of_a_node(3), &decided::payload(&two_commits(1, [3, 4])));
    assert_eq!((sessions.convicted().len(), sessions.digest()), (1, before));
    decide(&mut sessions, 1, of_a_node(3), &decided::payload(&two_commits(2, [3, 4])));
    assert_eq!(sessions.convicted().len(), 2, "another one is news");
    assert_ne!(sessions.digest(), before, "a state with another list is another state");
}

#[test]
fn what_convicts_nobody_changes_nothing() {
    let mut sessions = Sessions::<KeyValue>::default();
    let before = sessions.digest();
    let sound = decided::payload(&two_commits(1, [1, 2]));
    // A client, and no node.
    assert_eq!(decide(&mut sessions, 1, ClientId(7), &sound), SessionAnswer::Malformed);
    // Bytes that are no evidence, and evidence with bytes behind it.
    assert_eq!(decide(&mut sessions, 1, of_a_node(2), b"evidence"), SessionAnswer::Malformed);
    assert_eq!(decide(&mut sessions, 1, of_a_node(2), &[&sound[..], b"!"].concat()), SessionAnswer::Malformed);
    // The two words in the other order: evidence has one form.
    let bytes = two_commits(1, [1, 2]).encode();
    let mut turned = bytes.to_vec();
    let at = turned.windows(32).position(|window| window == [1; 32]).expect("the first value");
    turned[at..at + 32].fill(3);
    let turned = [b"evidence", &turned[..]].concat();
    assert_eq!(decide(&mut sessions, 1, of_a_node(2), &turned), SessionAnswer::Malformed);
    assert_eq!((sessions.convicted(), sessions.digest()), (&[][..], before));
}

#[test]
fn snapshots_carry_the_convicted_and_are_as_before_where_there_are_none() {
    let mut sessions = Sessions::<KeyValue>::default();
    let none = sessions.snapshot();
    decide(&mut sessions, 1, of_a_node(2), &decided::payload(&two_commits(1, [1, 2])));
    for whole in [sessions.clone(), sessions.project(&[5, 9])] {
        let mut restored = Sessions::<KeyValue>::default();
        restored.restore(&whole.snapshot()).expect("a state");
        assert_eq!(restored.convicted(), whole.convicted());
        assert_eq!(restored.subscription(), whole.subscription());
        assert_eq!(restored.snapshot_digest(), whole.snapshot_digest());
    }
    let mut restored = sessions.clone();
    restored.restore(&none).expect("a state");
    assert_eq!((restored.convicted(), restored.snapshot()), (&[][..], none));
}

#[test]
fn a_cluster_records_it_as_quarantine_and_a_slashing() {
    let mut sessions = Sessions::<Cluster>::default();
    let join: Command = "join node n1 zone-a 8".parse().expect("a command");
    sessions.machine.apply(LogIndex(1), Wall(0), &join.encode());
    let evidence = two_commits(1, [1, 2]);
    decide(&mut sessions, 1, of_a_node(2), &decided::payload(&evidence));
    decide(&mut sessions, 1, of_a_node(3), &decided::payload(&two_commits(1, [3, 4])));
    decide(&mut sessions, 1, of_a_node(2), &decided::payload(&two_commits(2, [1, 2])));
    let node = sessions.machine().look("node/n1");
    assert_eq!(node, Some(format!("zone-a 0/8 slashed {SLASHED} quarantined two-values")));
    let name = evidence.verified().expect("a verdict").name();
    assert_eq!(sessions.machine().look(&format!("evidence/{name}")), Some(format!("n1 {SLASHED}")));
    assert_eq!((sessions.machine().look("node/n2"), sessions.convicted().len()), (None, 2), "nobody knows that one");
}
