//! What a program that runs a node asks of it and hears, over a single node or one that is alone.

use std::sync::{Arc, Mutex};

use quorumscope_core::entry::{Class, Tags};
use quorumscope_core::machine::kv::Operation;
use quorumscope_core::machine::session::{Payload, SessionAnswer};
use quorumscope_core::membership::Membership;
use quorumscope_core::record::Role;
use quorumscope_core::storage::{Gap, Write};
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
    fn on_settings_differ(&mut self, why: &str) {
        self.push(why.into());
    }

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
    Node::start_with(settings(voters), store.clone(), heard.clone()).expect("a formatted store")
}

fn settings(voters: u32) -> NodeSettings {
    let role = Joins::Node(N1);
    let hello = Hello { role, room: "room".into(), token: "token".into(), cluster: Some(9) };
    NodeSettings {
        node: N1,
        cluster: 9,
        config: Config::new((1..=voters).map(NodeId).collect(), AllOn),
        relay: Address { url: "ws://127.0.0.1:1/peer".into(), hello },
        seed: 1,
        clock: Clock::since_epoch(0),
    }
}

fn proposal(number: u64, payload: Payload) -> Proposal {
    let (client, number, class) = (ClientId(7), RequestNumber(number), Class::Critical);
    Proposal { client, number, class, tags: Tags::new(), payload: payload.encode() }
}

fn set(number: u64, value: &str) -> Proposal {
    let command = Operation::Set { key: "x".into(), value: value.into() }.encode();
    proposal(number, Payload::Command { session: LogIndex(2), acknowledged: RequestNumber(0), command })
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
    let (store, heard) = (MemoryStore::formatted(9, N1, &[N1]), Heard::default());
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
    let (store, heard) = (MemoryStore::formatted(9, N1, &[N1, NodeId(2)]), Heard::default());
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
    let (store, heard) = (MemoryStore::formatted(9, N1, &[N1]), Heard::default());
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

/// A store that takes this many writes and then fails, once it is told to go on.
struct FailingStore {
    image: DiskImage<HardState>,
    takes: u32,
    go_on: Arc<tokio::sync::Semaphore>,
}

impl Store<HardState> for FailingStore {
    fn open(&mut self) -> Result<DiskImage<HardState>, StoreError> {
        Ok(self.image.clone())
    }

    async fn write(&mut self, batch: &[Write<HardState>]) -> Result<(), StoreError> {
        for write in batch {
            if self.takes == 0 {
                let _waited = self.go_on.acquire().await;
                return Err(FULL.into());
            }
            self.takes -= 1;
            self.image.apply(write)?;
        }
        Ok(())
    }
}

const FULL: Gap = Gap { expected: LogIndex(3), found: LogIndex(9) };

/// TRAPS: a full disk or a failed fsync taken for success. Nobody has to wait for a timeout to hear of it.
#[tokio::test]
async fn a_store_that_fails_answers_all_who_wait_at_once_and_says_why() {
    let go_on = Arc::new(tokio::sync::Semaphore::new(0));
    let image = DiskImage::formatted(9, N1, Membership::of(vec![N1]));
    // The term and vote, the leader's own entry, and the session.
    let store = FailingStore { image, takes: 3, go_on: Arc::clone(&go_on) };
    let node = Node::start(settings(1), store).expect("a formatted store");
    opened(&node).await;
    let began = std::time::Instant::now();
    let (first, second, ()) = tokio::join!(node.propose(set(2, "1"), LONG), node.propose(set(3, "2"), LONG), async {
        // Both are on their way to the store.
        while node.report().await.is_none_or(|report| report.log.len() < 4) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        go_on.add_permits(1);
    });
    let failed = ProposeError::Storage(FULL.into());
    assert_eq!((first, second), (Err(failed.clone()), Err(failed.clone())));
    assert_eq!(node.propose(set(4, "3"), LONG).await, Err(failed.clone()), "and whoever comes later");
    assert!(!failed.is_refusal() && began.elapsed() < LONG);
    assert!(failed.to_string().starts_with("the write starts at index 9"), "{failed}");
}

#[tokio::test]
async fn a_node_does_not_start_with_settings_that_cannot_work() {
    let mut settings = settings(1);
    settings.config.heartbeat = settings.config.election_timeout.0;
    let refused =
        Node::start(settings, MemoryStore::formatted(9, N1, &[N1])).expect_err("a heartbeat that is too long");
    assert!(matches!(refused, StartError::Config(ConfigError::Heartbeat { .. })), "{refused}");
}

/// The store's members count, and whoever runs the node is told that its settings name others.
#[tokio::test]
async fn a_node_whose_settings_name_other_voters_goes_on_with_those_of_its_store_and_says_so() {
    let (store, heard) = (MemoryStore::formatted(9, N1, &[N1]), Heard::default());
    let node = start(3, &store, &heard);
    opened(&node).await; // alone, as its store says
    let said = "the settings name the voters n1, n2, n3, and the store was made with n1: the store counts; to change \
                members, ask the leader";
    assert_eq!(heard.all().first().map(String::as_str), Some(said));
    node.kill().await;
    let heard = Heard::default();
    start(1, &store, &heard).kill().await;
    assert!(heard.all().iter().all(|said| !said.contains("settings")));
}
