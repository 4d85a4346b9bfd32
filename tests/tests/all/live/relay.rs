//! What the relay refuses, and what it does about those who do not read.

use futures_util::SinkExt as _;
use quorumscope_core::record::{AnyHard, Body, NodeState, NodeStatus, Record};
use quorumscope_core::rng::Rng;
use quorumscope_core::types::{Incarnation, Mono, NodeId, RecordId, Term, Time};
use quorumscope_core::wire::{Cluster, Code, Frame, MAX_REQUEST_BYTES, Records, Role, StoreKind, VERSION};
use quorumscope_core::{raft, types::ClientId};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::harness::{Hub, Watcher, Wire, tokens, within};

const N1: NodeId = NodeId(1);

#[tokio::test]
async fn a_wrong_token_a_wrong_room_and_a_wrong_door_look_the_same() {
    let hub = Hub::start().await;
    for (url, role, token) in [
        (hub.live(), Role::Controller, "observer"),
        (hub.live(), Role::Observer, ""),
        (hub.live(), Role::Node(N1), "node"),
        (hub.peer(), Role::Host, "controller"),
    ] {
        let problem = Wire::join(&url, role, token).await.farewell().await;
        assert_eq!(problem.map(|problem| problem.code), Some(Code::NotAdmitted), "{role:?}");
    }
    hub.stop().await;
}

#[tokio::test]
async fn a_foreign_page_and_a_rebound_name_are_refused_before_the_handshake() {
    let hub = Hub::start().await;
    for (name, value) in [("Origin", "http://evil.example"), ("Origin", "null"), ("Host", "evil.example:80")] {
        for url in [hub.live(), hub.peer()] {
            let mut request = url.into_client_request().unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
            let refused = within("an answer", tokio_tungstenite::connect_async(request)).await;
            let Err(Error::Http(answer)) = refused else { panic!("{name}: {value} was let in") };
            assert_eq!(answer.status(), 403);
        }
    }
    let mut own = hub.live().into_client_request().unwrap();
    own.headers_mut().insert("Origin", format!("http://{}", hub.address).parse().unwrap());
    assert!(tokio_tungstenite::connect_async(own).await.is_ok());
    hub.stop().await;
}

#[tokio::test]
async fn random_bytes_end_the_connection_that_sent_them_with_a_code_and_no_other() {
    let hub = Hub::start().await;
    let mut host = fake_host(&hub).await;
    let mut watcher = Watcher::observer(&hub).await;
    let mut rng = Rng::new(5, 5);
    for round in 0..50 {
        let mut wire = if round % 2 == 0 {
            Wire::connect(&hub.peer()).await
        } else {
            Wire::join(&hub.live(), Role::Controller, &tokens().controller).await
        };
        // Ten bytes that claim to be of our version, and no frame of a few bytes that one may send unasked.
        let mut bytes = vec![VERSION, 0xFF];
        bytes.extend((0..rng.below(100)).map(|_| rng.bits() as u8));
        within("send", wire.0.send(Message::Binary(bytes.into()))).await.unwrap();
        assert_eq!(wire.farewell().await.map(|problem| problem.code), Some(Code::Malformed));
    }
    let mut text = Wire::join(&hub.live(), Role::Controller, &tokens().controller).await;
    within("send", text.0.send(Message::Text("hello".into()))).await.unwrap();
    assert_eq!(text.farewell().await.map(|problem| problem.code), Some(Code::Malformed));
    let mut old = Wire::connect(&hub.live()).await;
    within("send", old.0.send(Message::Binary(vec![VERSION + 1, 0].into()))).await.unwrap();
    assert_eq!(old.farewell().await.map(|problem| problem.code), Some(Code::WrongVersion));
    let mut large = Wire::join(&hub.live(), Role::Controller, &tokens().controller).await;
    // The relay may hang up before all of it is sent.
    let _ = within("send", large.0.send(Message::Binary(vec![VERSION; MAX_REQUEST_BYTES + 1].into()))).await;
    large.farewell().await;

    host.send(&records(None, vec![record(NodeId(0), None, 1, Body::Ended)])).await;
    watcher.until("the others are served", |view| view.ended).await;
    hub.stop().await;
}

#[tokio::test]
async fn whoever_sends_too_fast_is_told_so() {
    let hub = Hub::start().await;
    let mut wire = Wire::join(&hub.live(), Role::Observer, &tokens().observer).await;
    for _ in 0..1_000 {
        if wire.0.feed(Message::Binary(Frame::Resync { round: 0 }.encode())).await.is_err() {
            break;
        }
    }
    let _ = within("send", wire.0.flush()).await;
    assert_eq!(wire.farewell().await.map(|problem| problem.code), Some(Code::TooFast));
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_observer_starts_over_behind_a_gap_and_holds_nobody_up() {
    let hub = Hub::start().await;
    let _host = fake_host(&hub).await;
    let mut node = Wire::join(&hub.peer(), Role::Node(N1), &tokens().node).await;
    let mut slow = Watcher::observer(&hub).await;
    slow.until("it is in", |view| view.nodes.contains_key(&N1)).await;
    let mut fast = Watcher::observer(&hub).await;

    // More than any socket holds, from a node that answers for its state as nodes do.
    let text = "x".repeat(8 << 10);
    let mut sequence = 0;
    for _ in 0..5 {
        for _ in 0..40 {
            let batch = (0..64).map(|_| {
                sequence += 1;
                record(N1, Some(N1), sequence, Body::ConditionChanged { text: text.clone() })
            });
            node.send(&records(None, batch.collect())).await;
        }
        let last = RecordId { origin: N1, sequence };
        fast.until_record("the fast one keeps up", |record| record.id == last).await;
        fast.records.clear();
    }
    let answering = tokio::spawn(async move {
        while let Some(frame) = node.next().await {
            if let Frame::Resync { round } = frame {
                sequence += 1;
                let state = record(N1, Some(N1), sequence, state());
                node.send(&records(Some(round), vec![state])).await;
            }
        }
    });
    assert_eq!(fast.view.gaps, 0);
    slow.until_record("a gap", |record| matches!(record.body, Body::Gap { .. })).await;
    slow.until("the state of the node", |view| view.nodes[&N1].incarnation == Incarnation(7)).await;
    assert!(slow.view.gaps > 0);
    answering.abort();
    hub.stop().await;
}

#[tokio::test]
async fn a_message_to_nobody_comes_back_and_a_foreign_record_ends_its_sender() {
    let hub = Hub::start().await;
    let _host = fake_host(&hub).await;
    let mut node = Wire::join(&hub.peer(), Role::Node(N1), &tokens().node).await;
    let id = RecordId { origin: N1, sequence: 3 };
    let envelope =
        quorumscope_core::wire::Envelope { from: N1, to: NodeId(2), id, cause: None, message: Vec::new().into() };
    node.send(&Frame::Peer(envelope)).await;
    loop {
        match node.next().await.expect("an answer") {
            Frame::Returned { message, .. } => break assert_eq!(message, id),
            Frame::Welcome(_) | Frame::Cluster(_) | Frame::Resync { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    node.send(&records(None, vec![record(NodeId(2), Some(NodeId(2)), 1, Body::Paused)])).await;
    assert_eq!(node.farewell().await.map(|problem| problem.code), Some(Code::NotAllowed));
    hub.stop().await;
}

#[tokio::test]
async fn a_second_node_of_one_name_is_refused_until_the_first_is_gone() {
    let hub = Hub::start().await;
    let mut first = Wire::join(&hub.peer(), Role::Node(N1), &tokens().node).await;
    assert_eq!(first.next().await, Some(Frame::Welcome(Role::Node(N1))));
    let second = Wire::join(&hub.peer(), Role::Node(N1), &tokens().node).await.farewell().await;
    assert_eq!(second.map(|problem| problem.code), Some(Code::Taken));
    drop(first);
    within("the name is free", async {
        loop {
            let mut third = Wire::join(&hub.peer(), Role::Node(N1), &tokens().node).await;
            if let Some(Frame::Welcome(_)) = third.next().await {
                break;
            }
        }
    })
    .await;
    hub.stop().await;
}

async fn fake_host(hub: &Hub) -> Wire {
    let mut host = Wire::join(&hub.peer(), Role::Host, &tokens().host).await;
    let cluster = Cluster {
        id: 1,
        name: "test".into(),
        protocol: "raft".into(),
        nodes: vec![N1],
        voters: vec![N1],
        clients: vec![ClientId(1)],
        epoch_unix_us: 0,
        abilities: Vec::new(),
        store: StoreKind::Memory,
    };
    host.send(&Frame::Cluster(cluster)).await;
    assert_eq!(host.next().await, Some(Frame::Welcome(Role::Host)));
    host
}

fn records(round: Option<u64>, records: Vec<Record>) -> Frame {
    Frame::Records(Records { round, at: Time(0), records })
}

fn record(origin: NodeId, node: Option<NodeId>, sequence: u64, body: Body) -> Record {
    Record { id: RecordId { origin, sequence }, cause: None, at: Time(sequence), node, mono: Mono(0), body }
}

fn state() -> Body {
    let hard = AnyHard::Raft(raft::HardState { current_term: Term(3), voted_for: None });
    let state = NodeState {
        incarnation: Incarnation(7),
        up: true,
        status: NodeStatus::default(),
        hard,
        log: Vec::new(),
        base: quorumscope_core::snapshot::Base::NONE,
        snapshot: None,
    };
    Body::NodeState(Box::new(state))
}
