//! What a program that runs a node asks of it and hears, over a single node or one that is alone.

use std::sync::{Arc, Mutex};

use quorumscope_core::entry::{Class, Tags};
use quorumscope_core::machine::kv::Operation;
use quorumscope_core::machine::session::{Payload, SessionAnswer};
use quorumscope_core::record::Role;
use quorumscope_core::types::{ClientId, LogIndex, RequestNumber, Term};
use quorumscope_core::wire::{Hello, Role as Joins};

use super::*;
use crate::store::MemoryStore;

const N1: NodeId = NodeId(1);
const LONG: Duration = Duration::from_secs(20);

#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    fn push(&self, what: String) {
        self.0.lock().unwrap().push(what);
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Hooks for Heard {
    fn on_state(&mut self, role: Role, term: Term) {
        self.push(format!("{role:?} in {term}"));
    }

    fn on_leader(&mut self, leader: Option<NodeId>, _term: Term) {
        self.push(format!("led by {leader:?}"));
    }

    fn on_commit(&mut self, from: LogIndex, through: LogIndex) {
        self.push(format!("committed {from} to {through}"));
    }

    fn on_apply(&mut self, from: LogIndex, through: LogIndex) {
        self.push(format!("applied {from} to {through}"));
    }
}

/// A node of a cluster of so many, without a relay.
fn start(voters: u32, store: &MemoryStore<HardState>, heard: &Heard) -> Node {
    let role = Joins::Node(N1);
    let hello = Hello { role, room: "room".into(), token: "token".into(), cluster: Some(9) };
    let settings = NodeSettings {
        node: N1,
        cluster: 9,
        config: Config::new((1..=voters).map(NodeId).collect(), AllOn),
        relay: Address { url: "ws://127.0.0.1:1/peer".into(), hello },
        seed: 1,
        clock: Clock::since_epoch(0),
    };
    Node::start_with(settings, store.clone(), heard.clone()).expect("a formatted store")
}

fn proposal(number: u64, payload: Payload) -> Proposal {
    let (client, number, class) = (ClientId(7), RequestNumber(number), Class::Critical);
    Proposal { client, number, class, tags: Tags::new(), payload: payload.encode() }
}

fn set(number: u64, value: &str) -> Proposal {
    let command = Operation::Set { key: "x".into(), value: value.into() }.encode();
    proposal(number, Payload::Command { acknowledged: RequestNumber(0), command })
}

/// Proposes until the node leads.
async fn opened(node: &Node) -> Placed {
    loop {
        match node.propose(proposal(1, Payload::Open), LONG).await {
            Ok(placed) => return placed,
            Err(ProposeError::NotLeader { leader: None }) => tokio::time::sleep(Duration::from_millis(10)).await,
            Err(other) => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn a_proposal_yields_its_index_its_term_and_its_result_and_the_hooks_hear_of_all() {
    let (store, heard) = (MemoryStore::formatted(9, N1), Heard::default());
    let node = start(1, &store, &heard);
    let placed = opened(&node).await;
    assert_eq!((placed.index, placed.term), (LogIndex(2), Term(1)));
    let placed = node.propose(set(2, "1"), LONG).await.expect("it leads");
    assert_eq!((placed.index, placed.term), (LogIndex(3), Term(1)));
    let answer = placed.result.as_deref().and_then(SessionAnswer::decode);
    assert!(matches!(answer, Some(SessionAnswer::Result(_))), "{answer:?}");
    let heard = heard.all();
    for said in ["Leader in t1", "led by Some(NodeId(1))", "committed 2 to 3", "applied 2 to 3"] {
        assert_eq!(heard.iter().filter(|heard| *heard == said).count(), 1, "{said}: {heard:?}");
    }
}

#[tokio::test]
async fn a_node_without_a_leader_refuses_and_a_paused_one_does_not_answer() {
    let (store, heard) = (MemoryStore::formatted(9, N1), Heard::default());
    let node = start(2, &store, &heard);
    let refused = node.propose(set(1, "1"), LONG).await.expect_err("nobody leads");
    assert_eq!(refused, ProposeError::NotLeader { leader: None });
    assert!(refused.is_refusal());
    assert!(node.set_paused(true).await);
    let late = node.propose(set(2, "1"), Duration::from_millis(20)).await.expect_err("it is paused");
    assert_eq!(late, ProposeError::TimedOut);
    assert!(!late.is_refusal(), "it may still happen, for all that is known");
}

#[tokio::test]
async fn a_node_that_stops_leaves_nothing_unwritten_and_starts_again_with_all_of_it() {
    let (store, heard) = (MemoryStore::formatted(9, N1), Heard::default());
    let node = start(1, &store, &heard);
    opened(&node).await;
    node.propose(set(2, "1"), LONG).await.expect("it leads");
    tokio::time::timeout(LONG, node.stop()).await.expect("a lone leader waits for nobody");
    assert_eq!(store.image().last_index(), LogIndex(3));
    let again = start(1, &store, &Heard::default());
    let placed = loop {
        match again.propose(set(2, "1"), LONG).await {
            Err(ProposeError::NotLeader { .. }) => tokio::time::sleep(Duration::from_millis(10)).await,
            placed => break placed.expect("it leads"),
        }
    };
    assert_eq!((placed.index, placed.term), (LogIndex(5), Term(2)));
    again.kill().await;
}
