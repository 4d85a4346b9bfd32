//! Claims of the paper.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::cluster::{Cluster, n, settings};
use crate::bft::Signers;
use crate::bft::pbft::{Event, HardState, Message, Pbft, Phase};
use crate::bft::testing::{TestSigner, bundle};
use crate::crypto::{Identity, Signature, Signer, Statement};
use crate::membership::Membership;
use crate::protocol::{Effect, Effects, Input, Outcome, Protocol as _};
use crate::rules::Switches;
use crate::storage::{DiskImage, Format};
use crate::types::{LogIndex, Mono, NodeId, Now, Wall};

/// §4.2: "a request is executed by a replica once it is committed-local and all requests with lower numbers are
/// executed", and §4.1: the client waits for f+1 replies.
#[test]
fn requests_are_executed_in_one_order_and_answered_by_all() {
    let mut cluster = Cluster::new(4, 1);
    for number in 1..=20 {
        cluster.ask(1, &[number]);
        cluster.run(3);
    }
    assert!(cluster.run_until(1_000, Cluster::all_done), "executed: {}", cluster.executed(1));
    cluster.run(100);
    cluster.assert_agreement();
    assert_eq!(cluster.states().len(), 1);
    assert_eq!((1..=4).map(|node| cluster.view(node)).collect::<Vec<_>>(), [0; 4]);
}

/// §4.4: a silent primary costs a view, and nothing that was asked.
#[test]
fn a_silent_primary_is_replaced() {
    let mut cluster = Cluster::new(4, 1);
    cluster.crash(1);
    cluster.ask(1, &[1]);
    assert!(cluster.run_until(3_000, Cluster::all_done), "views: {:?}", [2, 3, 4].map(|node| cluster.view(node)));
    assert!(cluster.noted(2, |event| matches!(event, Event::NewViewMade { .. })));
    cluster.ask_at(&[n(2)], 1, &[2]);
    assert!(cluster.run_until(100, Cluster::all_done), "the new primary orders at once");
    cluster.assert_agreement();
}

/// §4.2: n−1 pre-prepares, (n−1)² prepares and n(n−1) commits order a batch: 2n(n−1) messages.
#[test]
fn a_batch_takes_twice_n_times_n_minus_one_messages() {
    for (nodes, expected) in [(1, 0), (2, 4), (4, 24), (7, 84), (10, 180)] {
        let mut cluster = Cluster::new(nodes, 1);
        cluster.ask(1, &[1, 2, 3]);
        cluster.run(60);
        assert_eq!(cluster.sent, expected, "{nodes} replicas");
        assert!((1..=nodes).all(|node| cluster.executed(node) == 1));
    }
}

/// Signs, and counts how often.
#[derive(Debug)]
struct Counted(TestSigner, Arc<AtomicU64>);

impl Signer for Counted {
    fn identity(&self) -> Identity {
        self.0.identity()
    }

    fn sign(&self, statement: &Statement) -> Signature {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.sign(statement)
    }
}

/// Counts the signatures of all replicas.
#[derive(Debug)]
struct CountedKeys(Arc<AtomicU64>);

impl Signers for CountedKeys {
    fn signer(&self, node: NodeId) -> Option<Arc<dyn Signer>> {
        Some(Arc::new(Counted(TestSigner(Identity::Node(node)), Arc::clone(&self.0))))
    }
}

/// A pre-prepare or prepare, a commit, and a reply to each request: no replica signs anything else, or twice.
#[test]
fn each_replica_signs_two_statements_a_batch_and_one_reply_a_request() {
    for (nodes, requests) in [(4, 1), (4, 5), (7, 3)] {
        let count = Arc::new(AtomicU64::new(0));
        let mut cluster = Cluster::new(nodes, 1);
        cluster.config.signers = Arc::new(CountedKeys(Arc::clone(&count)));
        (1..=nodes).for_each(|node| cluster.restart(node));
        cluster.ask(1, &(1..=requests).collect::<Vec<_>>());
        cluster.run(60);
        assert_eq!(count.load(Ordering::Relaxed), u64::from(nodes) * (2 + requests));
    }
}

/// Who waits for nothing says seldom where it stands, and nothing else.
#[test]
fn an_idle_cluster_is_quiet() {
    let mut cluster = Cluster::new(4, 1);
    for number in 1..=9 {
        cluster.ask(1, &[number]);
        cluster.run(20);
    }
    cluster.run(1_000);
    let before = cluster.sent;
    cluster.run(10_000);
    assert!(cluster.sent - before <= 12 * 21, "{} messages in ten seconds", cluster.sent - before);
    assert_eq!(cluster.view(1), 0);
}

/// §4.3: what a stable checkpoint covers is forgotten, in memory and on the disk.
#[test]
fn checkpoints_keep_the_log_and_the_store_short() {
    let mut cluster = Cluster::new(4, 1);
    for number in 1..=60 {
        cluster.ask(1, &[number]);
        cluster.run(8);
    }
    assert!(cluster.run_until(1_000, Cluster::all_done));
    cluster.run(100);
    for node in 1..=4 {
        let (replica, image) = (&cluster.node(node).replica, &cluster.node(node).image);
        assert!(replica.log().iter().count() < 16, "the log of {node}");
        assert!(image.hard.slots.len() < 16 && image.log.len() < 16, "the store of {node}");
        assert_eq!(image.snapshot.as_ref().map(|snapshot| snapshot.meta.index), Some(image.base.index));
    }
    cluster.assert_agreement();
}

/// A replica that was away while all others forgot what it lacks gets the proven state, in chunks.
#[test]
fn a_replica_that_was_away_for_long_fetches_a_proven_state() {
    let mut cluster = Cluster::new(4, 1);
    cluster.crash(4);
    for number in 1..=60 {
        cluster.ask(1, &[number]);
        cluster.run(8);
    }
    assert!(cluster.run_until(1_000, Cluster::all_done));
    cluster.restart(4);
    cluster.run(2_000);
    assert!(cluster.noted(4, |event| matches!(event, Event::Transferred { .. })));
    assert_eq!((cluster.executed(4), cluster.states().len()), (cluster.executed(1), 1));
    assert_eq!(cluster.node(4).replica.replica().phase, Phase::Normal);
    cluster.assert_agreement();
}

/// A replica alone with an executor that does everything at once, without a store: it answers, forgets, and starts
/// again from what it holds.
#[test]
fn an_executor_without_a_store_needs_no_reports() {
    let config = Cluster::with(settings(1), Switches::all_on(), 1).config;
    let format = Arc::new(Format { cluster: 1, node: n(1), members: Membership::of(vec![n(1)]) });
    let image = DiskImage::<HardState> { format: Some(Arc::clone(&format)), ..DiskImage::empty() };
    let now = Now { mono: Mono(1_000_000), wall: Wall(1_000_000) };
    let mut replica = Pbft::recover(&config, n(1), &image, 0, now);
    let mut answered = Vec::new();
    for number in 1..=9 {
        let mut out = Effects::<Message, HardState>::in_memory();
        replica.step(now, Input::Requests(vec![bundle(1, &[number], 3)]), &mut out);
        let effects: Vec<_> = out.drain().collect();
        assert!(!effects.iter().any(|effect| matches!(effect, Effect::Write(_) | Effect::Broken(_))));
        let applied = effects.iter().find_map(|effect| match effect {
            Effect::Apply { through, .. } => Some(*through),
            _ => None,
        });
        let through = applied.expect("applied at once");
        assert_eq!(through, LogIndex(number));
        let snapshot = effects.iter().any(|effect| matches!(effect, Effect::Snapshot { .. }));
        assert_eq!(snapshot, number % 4 == 0);
        if snapshot {
            let (digest, data) = (crate::types::Digest(number), bytes::Bytes::from_static(b"state"));
            replica.step(now, Input::SnapshotTaken { index: through, digest, data }, &mut out);
        }
        let entry = replica.log().get(through).cloned();
        let (client, number) = (crate::types::ClientId(1), crate::types::RequestNumber(number));
        assert_eq!(entry.map(|entry| entry.number), (through.0 % 4 != 0).then_some(number), "or it is in the snapshot");
        let results = vec![crate::protocol::Applied { index: through, client, number, result: bytes::Bytes::new() }];
        replica.step(now, Input::Applied { through, results }, &mut out);
        answered.extend(out.drain().filter(|effect| {
            matches!(effect, Effect::Answer { outcome: Outcome::Replied(reply), .. } if reply.index == through)
        }));
    }
    assert_eq!(answered.len(), 9);
    assert_eq!(replica.log().base().index, LogIndex(8));
    let again = Pbft::recover(&config, n(1), &replica.image(format), 0, now);
    assert_eq!((again.executed(), again.log()), (replica.executed(), replica.log()));
}
