//! Does any quorum of stop statements hold all that is committed?

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Cluster;
use super::liars::lies;
use super::safety::{domain, sign};
use crate::bft::hybrid::history::{Stop, begin, is_enough};
use crate::bft::hybrid::rounds::Link;
use crate::bft::hybrid::testing::{ROUGH, n};
use crate::crypto::Hash256;
use crate::protocol::Effects;
use crate::quorum::Byzantine;
use crate::rules::Rule;
use crate::types::{Mono, NodeId, Now, Sequence, Wall};

/// All links that anybody holds, by hash.
fn links(cluster: &Cluster) -> BTreeMap<Hash256, Arc<Link>> {
    let held = |member: &crate::bft::hybrid::testing::Node<
        crate::bft::hybrid::rounds::Rounds<crate::rules::Switches>,
    >| member.replica.chain.all().cloned().collect::<Vec<_>>();
    cluster.nodes.values().flat_map(held).map(|link| (link.hash(), link)).collect()
}

/// Whether the history of `end` holds the one of (`sequence`, `hash`).
fn holds(links: &BTreeMap<Hash256, Arc<Link>>, end: Option<(Sequence, Hash256)>, at: (Sequence, Hash256)) -> bool {
    let Some((mut sequence, mut hash)) = end else { return false };
    while sequence > at.0 {
        let Some(link) = links.get(&hash) else { return false };
        (sequence, hash) = (Sequence(link.sequence().0 - 1), link.previous());
    }
    (sequence, hash) == at
}

fn stop(cluster: &mut Cluster, node: NodeId) -> Option<Arc<Stop>> {
    let now = Now { mono: Mono(cluster.now), wall: Wall(cluster.now) };
    let replica = &mut cluster.nodes.get_mut(&node).expect("a member").replica;
    let mut out = Effects::listening();
    replica.stop(now, &mut out);
    let statement = replica.statement();
    cluster.take(node, out);
    statement
}

/// What the honest have executed of this instance: all of it has commit certificates.
fn executed(cluster: &Cluster) -> Vec<(Sequence, Hash256)> {
    let honest = cluster.nodes.iter().filter(|(node, _)| !cluster.liars.contains(node));
    let ends = honest.map(|(_, member)| &member.replica);
    let end = |replica: &crate::bft::hybrid::rounds::Rounds<crate::rules::Switches>| {
        Some((replica.committed, replica.chain.hash_at(replica.committed)?))
    };
    ends.filter_map(end).filter(|(sequence, _)| *sequence > Sequence(0)).collect()
}

/// Every set of so many of these.
fn subsets(stops: &[Arc<Stop>], needed: usize) -> Vec<Vec<Arc<Stop>>> {
    let all = 0..1u32 << stops.len();
    let of = |set: u32| {
        stops.iter().enumerate().filter(move |(at, _)| set & (1 << at) != 0).map(|(_, stop)| Arc::clone(stop))
    };
    all.filter(|set| set.count_ones() as usize == needed).map(|set| of(set).collect()).collect()
}

/// A liar's statement: well formed and as poor as it likes.
fn poor(of: NodeId, mut stop: Stop) -> Arc<Stop> {
    (stop.prepared, stop.stable) = (None, None);
    stop.signature = sign(of, &stop.statement(&domain()));
    Arc::new(stop)
}

/// One random run with a liar that is stopped somewhere, at each replica at another time. Returns how much was
/// committed.
fn stopped_run(mut cluster: Cluster, seed: u64) -> u64 {
    let nodes = cluster.settings.voters.len() as u32;
    let liar = n(1 + (seed % u64::from(nodes)) as u32);
    cluster.liars.insert(liar);
    cluster.tamper = Some(lies(seed, vec![liar]));
    cluster.network = ROUGH;
    for number in 1..=12 {
        let to = n(1 + cluster.rng.below(u64::from(nodes)) as u32);
        cluster.ask_at(&[to], 1 + number % 3, &[number]);
        let pause = cluster.rng.below(120);
        cluster.run(pause);
    }
    let mut stops = Vec::new();
    for node in (1..=nodes).map(n) {
        stops.extend(stop(&mut cluster, node));
        let pause = cluster.rng.below(60);
        cluster.run(pause);
    }
    // What was on its way arrives; it changes nothing any more.
    cluster.run(1_000);
    cluster.assert_agreement();
    let lied = |stop: Arc<Stop>| if stop.replica == liar { poor(liar, (*stop).clone()) } else { stop };
    let stops: Vec<Arc<Stop>> = stops.into_iter().map(lied).collect();
    let quorum = Byzantine::of(&cluster.settings.voters, false);
    let (links, executed) = (links(&cluster), executed(&cluster));
    for set in subsets(&stops, quorum.needed() as usize) {
        assert!(is_enough(&set, &quorum, None));
        let beginning = begin(&set);
        let mut backwards = set.clone();
        backwards.reverse();
        assert_eq!(begin(&backwards).end(), beginning.end(), "the order of the statements makes no difference");
        for at in &executed {
            assert!(holds(&links, beginning.end(), *at), "seed {seed}: {at:?} is lost by {beginning:?}");
        }
    }
    executed.iter().map(|(sequence, _)| sequence.0).max().unwrap_or(0)
}

/// PROTOCOLS, "Hybrid", 4 and 7; TRAPS 38.
#[test]
fn any_quorum_of_stop_statements_holds_every_committed_entry_whatever_f_of_them_say() {
    let committed: u64 = (0..300).map(|seed| stopped_run(Cluster::new(4, seed), seed)).sum();
    assert!(committed > 1_000, "{committed} links in 300 runs");
    let committed: u64 = (0..40).map(|seed| stopped_run(Cluster::new(7, seed), seed)).sum();
    assert!(committed > 100, "{committed} links in 40 runs");
}

/// A replica says what it holds, and then helps to commit more.
#[test]
fn a_replica_that_has_stopped_acknowledges_nothing_more() {
    let run = |mut cluster: Cluster| {
        let stops: Vec<Arc<Stop>> = [2, 3, 4].map(n).into_iter().filter_map(|node| stop(&mut cluster, node)).collect();
        cluster.ask(1, &[1]);
        cluster.run(200);
        let links = links(&cluster);
        executed(&cluster).iter().all(|at| holds(&links, begin(&stops).end(), *at))
    };
    assert!(run(Cluster::new(4, 1)));
    assert!(!run(Cluster::without(4, 1, Rule::HybridStopEndsAcks)));
}

/// PROTOCOLS, "Hybrid", 4: it "ends all acknowledgements of that instance, also after a restart".
#[test]
fn nor_does_it_after_a_restart() {
    let mut cluster = Cluster::new(4, 1);
    for node in [2, 3, 4].map(n) {
        stop(&mut cluster, node);
    }
    cluster.run(50);
    [2, 3, 4].iter().for_each(|node| cluster.restart(*node));
    cluster.ask_at(&[1, 2, 3, 4].map(n), 1, &[1]);
    cluster.run(5_000);
    assert!((1..=4).all(|node| cluster.node(node).replica.committed() == Sequence(0)));
    assert!((2..=4).all(|node| cluster.node(node).replica.has_stopped()));
    let acknowledged = |from: u32| cluster.said.keys().any(|(node, about)| *node == n(from) && about[0] < 3);
    assert!((2..=4).all(|node| !acknowledged(node)));
}

/// A certificate or a checkpoint that is not proven is not taken from a stop statement, and no replica counts twice.
#[test]
fn a_set_of_statements_is_of_a_quorum_and_proves_what_it_says() {
    let mut cluster = Cluster::new(4, 1);
    for number in 1..=5 {
        cluster.ask(1, &[number]);
    }
    cluster.run(300);
    let stops: Vec<Arc<Stop>> = (1..=4).map(n).filter_map(|node| stop(&mut cluster, node)).collect();
    let quorum = Byzantine::of(&cluster.settings.voters, false);
    assert!(
        is_enough(&stops, &quorum, None)
            && is_enough(&stops[..3], &quorum, None)
            && !is_enough(&stops[..2], &quorum, None)
    );
    let twice = [&stops[0], &stops[0], &stops[1]].map(Arc::clone);
    assert!(!is_enough(&twice, &quorum, None));
    let mut thin = (*stops[2]).clone();
    let mut prepared = (**thin.prepared.as_ref().expect("something is prepared")).clone();
    prepared.acks.pop();
    thin.prepared = Some(Arc::new(prepared));
    assert!(!is_enough(&[Arc::clone(&stops[0]), Arc::clone(&stops[1]), Arc::new(thin)], &quorum, None));
    let mut claims = Vec::new();
    stops[0].claims(&domain(), &mut claims);
    assert!(claims.len() > 3, "the statement and each signature in its certificates");
}
