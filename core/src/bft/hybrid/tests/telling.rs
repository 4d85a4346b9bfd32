//! What others see of a switch: terms, statuses, events, and no signs of lies where nobody lies.

use super::switching::{all_in_bft, convict};
use super::{Cluster, Hybrid};
use crate::bft::hybrid::testing::{CALM, ROUGH, n};
use crate::bft::hybrid::{Event, Phase, StopReason, threat};
use crate::protocol::Protocol as _;
use crate::record::{Detail, Role};
use crate::rules::Switches;
use crate::types::{Mono, NodeId, Term};

fn replica(cluster: &Cluster, node: u32) -> &Hybrid<Switches> {
    &cluster.node(node).replica
}

/// The hybrid's own events at a node, in order.
fn told(cluster: &Cluster, node: u32) -> Vec<Event> {
    let events = cluster.node(node).events.iter();
    events
        .filter_map(|event| if let crate::event::Event::Hybrid(event) = event { Some(event.clone()) } else { None })
        .collect()
}

fn switched(seed: u64) -> Cluster {
    let mut cluster = Cluster::new(4, seed);
    for number in 1..=10 {
        cluster.ask(1, &[number]);
    }
    assert!(cluster.run_until(200, Cluster::all_done));
    [2, 3].iter().for_each(|node| convict(&mut cluster, *node));
    assert!(cluster.run_until(1_000, all_in_bft));
    for number in 11..=20 {
        cluster.ask(1, &[number]);
    }
    assert!(cluster.run_until(1_000, Cluster::all_done));
    cluster
}

/// (instance, term) compares lexicographically: whoever is further has the higher term, in its status and its log.
#[test]
fn terms_of_nodes_and_entries_rise_over_the_phases() {
    let cluster = switched(1);
    let terms: Vec<Term> = cluster.applied.values().map(|(term, _)| *term).collect();
    let expected: Vec<Term> = (0..20).map(|at| Term(0).in_instance(if at < 10 { 0 } else { 2 })).collect();
    assert_eq!(terms, expected);
    for node in 1..=4 {
        let replica = replica(&cluster, node);
        assert_eq!(
            (replica.log().last_term(), replica.status().term),
            (Term(0).in_instance(2), Term(0).in_instance(2))
        );
    }
}

#[test]
fn a_status_shows_phase_and_threat_and_one_node_leads_in_each_phase() {
    let leaders =
        |cluster: &Cluster| (1..=4).filter(|node| replica(cluster, *node).status().role == Role::Leader).count();
    let calm = Cluster::new(4, 1);
    let cluster = switched(1);
    assert_eq!((leaders(&calm), leaders(&cluster)), (1, 1));
    for (cluster, phase, threat) in
        [(&calm, Phase::Rounds, threat::Level::None), (&cluster, Phase::Bft, threat::Level::Critical)]
    {
        let Some(Detail::Hybrid(shown)) = replica(cluster, 2).status().detail.map(|detail| *detail) else {
            panic!("a part of its own")
        };
        assert_eq!(
            (shown.phase, shown.threat, shown.rounds.is_some(), shown.bft.is_some()),
            (phase, threat, phase == Phase::Rounds, phase == Phase::Bft)
        );
    }
}

#[test]
fn a_switch_is_told_step_by_step_with_its_reasons() {
    let told = told(&switched(1), 2);
    let critical = Event::ThreatChanged { from: threat::Level::None, to: threat::Level::Critical, worst: None };
    assert_eq!(told[..2], [critical, Event::Alarmed { count: 1, needed: 2 }]);
    let by = |event: &Event| matches!(event, Event::Stopped { reason: StopReason::Alarms(by) } if *by == [2, 3].map(n));
    let places: Vec<Option<usize>> = vec![
        told.iter().position(|event| *event == Event::AlarmHeard { from: n(3), count: 2, needed: 2 }),
        told.iter().position(by),
        told.iter().position(|event| matches!(event, Event::StopHeard { count: 3, needed: 3, shows: Some(_), .. })),
        told.iter().position(|event| matches!(event, Event::Opened { goes_on: Some((Term(0), _)), .. })),
        told.iter()
            .position(|event| matches!(event, Event::Switched { last: crate::types::LogIndex(10), held: false })),
    ];
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?}: {told:?}");
}

#[test]
fn a_return_is_told_and_statuses_and_terms_go_on_above_what_was() {
    let mut cluster = super::returning::calm(4, 1);
    cluster.ask(1, &[1]);
    assert!(cluster.run_until(200, Cluster::all_done));
    super::returning::switch(&mut cluster, 0);
    let before = replica(&cluster, 2).status().term;
    assert!(cluster.run_until(6_000, |cluster| super::returning::all_in(cluster, 3)));
    let returned = |event: &Event| matches!(event, Event::Returned { era: 1, .. });
    assert_eq!(told(&cluster, 2).iter().filter(|event| returned(event)).count(), 1);
    assert!(replica(&cluster, 2).status().term > before);
    super::returning::switch(&mut cluster, 1);
    let switches = told(&cluster, 2).iter().filter(|event| matches!(event, Event::Switched { .. })).count();
    assert_eq!(switches, 2, "each era tells its own switch");
}

/// Signs are for lies: who is honest gives none, however the messages of a switch overtake each other.
#[test]
fn a_switch_among_honest_replicas_leaves_no_signs() {
    for seed in 0..100 {
        let mut cluster = Cluster::new(4, seed);
        cluster.network = ROUGH;
        cluster.ask(1, &[1]);
        cluster.run(100);
        (1..=4).for_each(|node| convict(&mut cluster, node));
        cluster.run(500);
        cluster.network = CALM;
        cluster.run_until(5_000, all_in_bft);
        let now = Mono(cluster.now);
        for (node, member) in &cluster.nodes {
            let suspects: Vec<NodeId> = (1..=4)
                .map(n)
                .filter(|peer| member.replica.monitor.level_of(*peer, now) > threat::Level::None)
                .collect();
            assert_eq!(suspects, [], "seed {seed}: {node} suspects them");
        }
    }
}

/// What is shown of a place is what certificates prove: a quorum acknowledged what is prepared, and named what is
/// committed. Nothing is shown of places that are not held.
#[test]
fn a_status_shows_who_acknowledged_and_who_named_what_is_prepared_and_committed() {
    let mut cluster = Cluster::new(4, 3);
    let (mut prepared, mut committed) = (0, 0);
    for number in 1..=6 {
        cluster.ask(1, &[number]);
        assert!(cluster.run_until(200, Cluster::all_done));
        for node in 1..=4 {
            let Some(rounds) = replica(&cluster, node).replica().rounds else { panic!("it is in two rounds") };
            for link in &rounds.links {
                assert!(!link.prepared || link.acknowledged.len() >= 3, "{link:?}");
                assert!(!link.committed || link.named.len() >= 3, "{link:?}");
                assert!(link.acknowledged.is_sorted() && link.named.is_sorted());
                prepared += u32::from(link.prepared);
                committed += u32::from(link.committed);
            }
            assert!(rounds.links.last().is_none_or(|link| link.sequence == rounds.last));
        }
    }
    assert!(prepared > 0 && committed > 0, "{prepared} prepared, {committed} committed");
}
