//! Nodes that a program runs itself, without a host, over a relay on loopback.

use std::time::Duration;

use quorumscope_core::membership::MembershipChange;
use quorumscope_core::raft::{AllOn, Config};
use quorumscope_core::record::Role as Standing;
use quorumscope_core::types::{NodeId, Term};
use quorumscope_core::wire::{Hello, Role};
use quorumscope_node::{Address, Clock, MemoryStore, Node, NodeSettings};

use super::harness::{Hub, ROOM, tokens, within};

const CLUSTER: u64 = 9;

fn start(hub: &Hub, node: NodeId) -> Node {
    let (role, token) = (Role::Node(node), tokens().node);
    let hello = Hello { role, room: ROOM.into(), token, cluster: Some(CLUSTER) };
    let settings = NodeSettings {
        node,
        cluster: CLUSTER,
        config: Config::new((1..=3).map(NodeId).collect(), AllOn),
        relay: Address { url: hub.peer(), hello },
        seed: u64::from(node.0),
        clock: Clock::since_epoch(0),
    };
    Node::start(settings, MemoryStore::formatted(CLUSTER, node, &[1, 2, 3].map(NodeId))).expect("a formatted store")
}

/// Who leads, by its own word, and in which term, once so many others have all that is committed.
async fn leader(nodes: &[(NodeId, Node)], followers: usize) -> (usize, Term) {
    loop {
        for (place, (_, node)) in nodes.iter().enumerate() {
            let Some(report) = node.report().await else { continue };
            let follows = |other: &quorumscope_core::record::Progress| other.matched >= report.status.commit;
            // All follow, so that whoever takes over is not behind.
            if report.status.role == Standing::Leader
                && report.status.commit.0 > 0
                && report.status.progress.iter().filter(|other| follows(other)).count() == followers
            {
                return (place, report.status.term);
            }
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Stops the leader; some term must begin before it is gone, so that nobody waits for an election timeout.
async fn stop_leader(mut nodes: Vec<(NodeId, Node)>) {
    let (place, term) = within("a leader", leader(&nodes, nodes.len() - 1)).await;
    let (_, first) = nodes.remove(place);
    within("the leader stops", first.stop()).await;
    let mut highest = Term(0);
    for (_, node) in &nodes {
        highest = highest.max(node.report().await.expect("it runs").status.term);
    }
    assert!(highest > term, "the next term began before the leader was gone");
    for (_, node) in nodes {
        node.kill().await;
    }
}

/// Somebody else leads as soon as the leader has stopped: nobody has to wait for an election timeout.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_stops_hands_its_leadership_over_first() {
    let hub = Hub::start().await;
    stop_leader((1..=3).map(NodeId).map(|node| (node, start(&hub, node))).collect()).await;
    hub.stop().await;
}

/// An observer has all of the log and no vote: nothing is to be handed over to it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_stops_hands_over_to_a_voter_and_not_to_an_observer() {
    let hub = Hub::start().await;
    let nodes: Vec<(NodeId, Node)> = (1..=4).map(NodeId).map(|node| (node, start(&hub, node))).collect();
    let (place, _) = within("a leader", leader(&nodes, 2)).await;
    let change = MembershipChange { observe: vec![NodeId(4)], ..MembershipChange::default() };
    assert_eq!(nodes[place].1.change_members(change).await, Some(Ok(())));
    stop_leader(nodes).await;
    hub.stop().await;
}
