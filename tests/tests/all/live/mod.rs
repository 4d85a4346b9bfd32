//! Native nodes behind the relay, over real sockets on loopback.

mod harness;
mod nodes;
mod operator;
mod relay;

use quorumscope_core::machine::kv::Operation;
use quorumscope_core::record::{Body, Command, DropReason};
use quorumscope_core::types::{LogIndex, NodeId};
use quorumscope_core::wire::Code;
use quorumscope_lab::trace::view::Liveness;

use harness::{Hub, Watcher};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_leader_is_replaced_and_returns_with_its_log() {
    let hub = Hub::start().await;
    let host = hub.host(3);
    let mut watcher = Watcher::controller(&hub).await;
    let first = watcher.elect().await;
    watcher.set("1").await;

    let killed = std::time::Instant::now();
    watcher.command(Command::Crash(first)).await.unwrap();
    watcher.until("the crash", |view| view.nodes[&first].liveness == Liveness::Crashed).await;
    assert_eq!(watcher.view.nodes[&first].log.len(), watcher.view.nodes[&first].stored.len());
    let old_term = watcher.view.nodes[&first].durable_hard.clone();
    watcher.until("a new leader", |view| Watcher::leader(view).is_some_and(|leader| leader != first)).await;
    println!("a new leader was seen {:?} after the kill was asked for", killed.elapsed());
    watcher.set("2").await;

    let again = watcher.command(Command::Crash(first)).await.unwrap_err();
    assert_eq!(again.code, Code::WrongState);
    watcher.command(Command::Restart(first)).await.unwrap();
    watcher.until("the restart", |view| view.nodes[&first].liveness == Liveness::Up).await;
    assert_eq!(watcher.view.nodes[&first].incarnation.0, 2);
    watcher
        .until("the log is back", |view| {
            let logs: Vec<_> = view.nodes.values().map(|node| &node.log).collect();
            logs.windows(2).all(|pair| pair[0] == pair[1])
                && view.nodes.values().all(|node| node.status.applied >= LogIndex(5))
        })
        .await;
    assert_ne!(watcher.view.nodes[&first].durable_hard, old_term);
    watcher.agree_with(&host, 3).await;
    for node in (1..=3).map(NodeId) {
        assert_eq!(host.report(node).await.unwrap().machine.get("x"), Some("2"));
    }
    assert_eq!(watcher.view.gaps, 0, "an observer that reads misses nothing");
    host.stop().await;
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_joiner_sees_what_the_nodes_say_of_themselves() {
    let hub = Hub::start().await;
    let host = hub.host(3);
    let mut early = Watcher::controller(&hub).await;
    early.elect().await;
    early.set("1").await;
    let mut late = Watcher::observer(&hub).await;
    late.agree_with(&host, 3).await;
    assert_eq!(late.cluster.as_ref().map(|cluster| cluster.nodes.len()), Some(3));
    let refused = late.wire.send(&quorumscope_core::wire::Frame::Command { number: 1, command: Command::Heal });
    refused.await;
    assert_eq!(late.wire.farewell().await.map(|problem| problem.code), Some(Code::NotAllowed));
    early.set("2").await;
    host.stop().await;
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_is_cut_off_is_replaced_and_follows_once_the_cut_is_healed() {
    let hub = Hub::start().await;
    let host = hub.host(3);
    let mut watcher = Watcher::controller(&hub).await;
    let first = watcher.elect().await;
    watcher.command(Command::Partition(vec![vec![first]])).await.unwrap();
    watcher.until("the cut", |view| view.cut.len() == 4).await;
    watcher
        .until_record("a message is lost to it", |record| {
            matches!(record.body, Body::Dropped { reason: DropReason::Cut, .. })
        })
        .await;
    watcher
        .until("a leader of the others", |view| {
            let of = |leader| view.nodes.values().filter(|node| node.status.leader == Some(leader)).count();
            view.nodes.keys().any(|node| *node != first && of(*node) == 2)
        })
        .await;
    watcher.command(Command::Heal).await.unwrap();
    watcher.until("one leader for all", |view| Watcher::leader(view).is_some_and(|leader| leader != first)).await;
    watcher.set("1").await;
    watcher.agree_with(&host, 3).await;
    host.stop().await;
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_leader_is_replaced_and_steps_down_when_it_goes_on() {
    let hub = Hub::start().await;
    let host = hub.host(3);
    let mut watcher = Watcher::controller(&hub).await;
    let first = watcher.elect().await;
    watcher.command(Command::Pause(first)).await.unwrap();
    watcher.until("the pause", |view| view.nodes[&first].liveness == Liveness::Paused).await;
    watcher.until("a new leader", |view| Watcher::leader(view).is_some_and(|leader| leader != first)).await;
    watcher.command(Command::Resume(first)).await.unwrap();
    watcher
        .until("one leader for all", |view| {
            view.nodes[&first].liveness == Liveness::Up && Watcher::leader(view).is_some_and(|leader| leader != first)
        })
        .await;
    host.stop().await;
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_that_make_no_sense_are_answered_by_code() {
    let hub = Hub::start().await;
    let mut alone = Watcher::controller(&hub).await;
    let nobody = alone.command(Command::Heal).await.unwrap_err();
    assert_eq!(nobody.code, Code::NoHost);
    let host = hub.host(3);
    let mut watcher = Watcher::controller(&hub).await;
    watcher.elect().await;
    let operation = Operation::Get { key: "x".into() }.encode();
    for (command, code) in [
        (Command::Crash(NodeId(9)), Code::UnknownNode),
        (Command::Restart(NodeId(1)), Code::WrongState),
        (Command::Resume(NodeId(1)), Code::WrongState),
        (Command::Loss { ppm: 5 }, Code::NotSupported),
        (Command::Propose { to: Some(NodeId(9)), operation }, Code::UnknownNode),
        (Command::Propose { to: None, operation: vec![255, 255].into() }, Code::Malformed),
        (Command::Partition(vec![vec![NodeId(7)]]), Code::UnknownNode),
    ] {
        assert_eq!(watcher.command(command.clone()).await.unwrap_err().code, code, "{command:?}");
    }
    host.stop().await;
    hub.stop().await;
}
