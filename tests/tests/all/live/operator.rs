//! What an operator asks of native nodes over the relay: other members, and reads beside the log.

use quorumscope_core::entry::EntryKind;
use quorumscope_core::machine::kv::Operation;
use quorumscope_core::membership::{Membership, MembershipChange};
use quorumscope_core::protocol::ReadHow;
use quorumscope_core::record::{Command, Role, Verdict};
use quorumscope_core::types::{LogIndex, NodeId};
use quorumscope_core::wire::{Ability, Code, Problem};
use quorumscope_lab::trace::view::View;

use super::harness::{Hub, Watcher};

/// The newest configuration in a node's log, and whether it is committed there.
fn members(view: &View, node: NodeId) -> Option<(Membership, bool)> {
    let node = &view.nodes[&node];
    let entry = node.log.iter().rev().find(|entry| entry.kind == EntryKind::Configuration)?;
    Some((Membership::decode(&entry.payload)?, entry.index <= node.status.commit))
}

async fn change(watcher: &mut Watcher, node: NodeId, change: MembershipChange) -> Result<(), Problem> {
    watcher.command(Command::Reconfigure { node, change }).await
}

/// Reads until the leader has committed a configuration with these voters and learners, joint no more.
async fn settled(watcher: &mut Watcher, leader: NodeId, voters: &[NodeId], learners: &[NodeId]) {
    watcher
        .until("the change is over", |view| {
            members(view, leader).is_some_and(|(members, committed)| {
                committed && !members.is_joint() && (&*members.voters, &*members.learners) == (voters, learners)
            })
        })
        .await;
}

fn one(node: NodeId) -> Vec<NodeId> {
    vec![node]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_voter_leaves_comes_back_as_a_learner_and_is_promoted_and_refusals_are_told() {
    let hub = Hub::start().await;
    let host = hub.host(3);
    let mut watcher = Watcher::controller(&hub).await;
    let leader = watcher.elect().await;
    watcher.set("1").await;
    assert!(watcher.cluster.as_ref().is_some_and(|cluster| cluster.abilities.contains(&Ability::Members)));
    let nodes = [1, 2, 3].map(NodeId);
    let others: Vec<NodeId> = nodes.into_iter().filter(|node| *node != leader).collect();
    let (stays, goes) = (others[0], others[1]);
    let none = MembershipChange::default;

    let refused = change(&mut watcher, stays, MembershipChange { remove: one(goes), ..none() }).await.unwrap_err();
    assert_eq!(refused.code, Code::WrongState);
    assert!(refused.text.ends_with(&format!("it does not lead; ask {leader}")), "{refused}");
    let nonsense = change(&mut watcher, leader, MembershipChange { promote: one(goes), ..none() }).await.unwrap_err();
    assert_eq!(nonsense.code, Code::WrongState, "{nonsense}");
    let stranger = change(&mut watcher, leader, MembershipChange { add: one(NodeId(9)), ..none() }).await.unwrap_err();
    assert_eq!(stranger.code, Code::UnknownNode);

    change(&mut watcher, leader, MembershipChange { remove: one(goes), ..none() }).await.unwrap();
    let mut voters = vec![leader, stays];
    voters.sort();
    settled(&mut watcher, leader, &voters, &[]).await;
    change(&mut watcher, leader, MembershipChange { add: one(goes), ..none() }).await.unwrap();
    settled(&mut watcher, leader, &voters, &[goes]).await;
    watcher.until("it learns", |view| view.nodes[&goes].status.role == Role::Learner).await;
    // Until it has caught up it gets no vote, and the operator is told.
    while let Err(problem) = change(&mut watcher, leader, MembershipChange { promote: one(goes), ..none() }).await {
        assert_eq!(problem.code, Code::WrongState, "{problem}");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    settled(&mut watcher, leader, &nodes, &[]).await;
    watcher.set("2").await;
    host.stop().await;
    hub.stop().await;
}

/// A spare node runs from the start, is shown as no member, and is one once somebody has added it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spare_node_waits_outside_until_it_is_added_and_promoted() {
    let hub = Hub::start().await;
    let host = hub.host_with(3, 1);
    let mut watcher = Watcher::controller(&hub).await;
    let (voters, spare) = ([1, 2, 3].map(NodeId), NodeId(4));
    let leads = |view: &View| voters.into_iter().find(|node| view.nodes[node].status.role == Role::Leader);
    watcher
        .until("a leader that the voters know", |view| {
            view.nodes.len() == 4
                && leads(view).is_some_and(|leader| voters.iter().all(|n| view.nodes[n].status.leader == Some(leader)))
        })
        .await;
    assert_eq!(watcher.view.voters, voters, "who votes is said at the beginning");
    assert_eq!(watcher.cluster.as_ref().map(|cluster| cluster.nodes.len()), Some(4));
    let leader = leads(&watcher.view).expect("a leader");
    watcher.set("1").await;
    let report = host.report(spare).await.expect("it runs");
    assert_eq!((report.status.role, report.status.term.0, report.log.len()), (Role::Learner, 0, 0), "it waits");

    let none = MembershipChange::default;
    change(&mut watcher, leader, MembershipChange { add: one(spare), ..none() }).await.unwrap();
    settled(&mut watcher, leader, &voters, &[spare]).await;
    while let Err(problem) = change(&mut watcher, leader, MembershipChange { promote: one(spare), ..none() }).await {
        assert_eq!(problem.code, Code::WrongState, "{problem}");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    settled(&mut watcher, leader, &[1, 2, 3, 4].map(NodeId), &[]).await;
    watcher.until("it follows", |view| view.nodes[&spare].status.role == Role::Follower).await;
    host.stop().await;
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_beside_the_log_are_answered_and_leave_no_entry() {
    let hub = Hub::start().await;
    let host = hub.host(3);
    let mut watcher = Watcher::controller(&hub).await;
    let leader = watcher.elect().await;
    watcher.set("1").await;
    let follower = [1, 2, 3].map(NodeId).into_iter().find(|node| *node != leader).unwrap();
    let query = Operation::Get { key: "x".into() }.encode();
    for (to, how, asked, wanted) in [
        (follower, ReadHow::Index, "get x (read index)", "1"),
        (leader, ReadHow::Lease, "get x (lease)", "1 (by lease)"),
    ] {
        watcher.command(Command::Read { to: Some(to), how, query: query.clone() }).await.unwrap();
        watcher
            .until(asked, |view| {
                let mut operations = view.clients.values().flat_map(|client| &client.operations);
                operations.any(|seen| {
                    seen.operation == asked
                        && matches!(&seen.told, Some((_, Verdict::Ok, told)) if told.starts_with("1"))
                })
            })
            .await;
        let told =
            watcher.view.clients.values().flat_map(|client| &client.operations).find(|seen| seen.operation == asked);
        let told = told.and_then(|seen| seen.told.clone()).map(|(_, _, told)| told);
        // A leader whose lease has run out for a moment asks the others.
        assert!(told.as_deref() == Some(wanted) || how == ReadHow::Lease && told.as_deref() == Some("1"), "{told:?}");
    }
    let last = |view: &View| view.nodes[&leader].last_index();
    // The no-op, the session and the one command: reads leave nothing.
    assert_eq!(last(&watcher.view), LogIndex(3));
    let set = Operation::Set { key: "x".into(), value: "2".into() }.encode();
    let how = ReadHow::Index;
    let refused = watcher.command(Command::Read { to: None, how, query: set }).await.unwrap_err();
    assert_eq!(refused.code, Code::Malformed);
    host.stop().await;
    hub.stop().await;
}
