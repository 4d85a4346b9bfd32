//! Whoever lies in the hybrid is found out, convicted by the cluster and never leads again; nobody honest is.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use super::liars::lies;
use super::returning::calm;
use super::switching::run_with_switch;
use super::{Cluster, Message};
use crate::bft::evidence::tests::Gathered;
use crate::bft::evidence::{Evidence, Offence, Signed, Word, said_in_rounds, said_in_stop};
use crate::bft::hybrid::Phase;
use crate::bft::hybrid::rounds::Mark;
use crate::bft::hybrid::testing::{n, settings};
use crate::bft::testing::TestSigner;
use crate::crypto::{Domain, Family, Hash256, Identity, Signer as _};
use crate::protocol::{Input, Protocol as _};
use crate::types::{NodeId, Sequence, Term};

fn domain(instance: u64) -> Domain {
    Domain { instance, family: Family::Hybrid, ..settings(4).domain() }
}

/// Two histories at one place of an instance's first term, under the key of `signer`.
fn two_histories(culprit: NodeId, signer: NodeId, instance: u64) -> Arc<Evidence> {
    let domain = domain(instance);
    let said = |byte: u8| {
        let word = Word::Acknowledged {
            mark: Mark { term: Term(0), sequence: Sequence(1), hash: Hash256([byte; 32]) },
            named: None,
        };
        let signature = TestSigner(Identity::Node(signer)).sign(&word.statement(&domain));
        Signed { word, signature }
    };
    Arc::new(Evidence::of(culprit, &domain, said(1), Some(said(2))).expect("a contradiction"))
}

/// All that was said in the rounds of the first era and in stop statements, in a rough run with a switch.
fn run(nodes: u32, seed: u64, liars: &[NodeId]) -> Gathered {
    let mut cluster = Cluster::new(nodes, seed);
    cluster.liars.extend(liars.iter().copied());
    let mut lie = lies(seed, liars.to_vec());
    let gathered = Rc::new(RefCell::new(Gathered::default()));
    let kept = Rc::clone(&gathered);
    cluster.tamper = Some(Box::new(move |from, to, message| {
        let messages = lie(from, to, message);
        let mut kept = kept.borrow_mut();
        for message in &messages {
            match message {
                Message::Rounds(message) => {
                    said_in_rounds(message, from, &mut |by, signed| kept.take(&domain(0), by, signed));
                }
                Message::Stop(stop) => said_in_stop(stop, &mut |by, signed| kept.take(&domain(0), by, signed)),
                _ => {}
            }
        }
        messages
    }));
    run_with_switch(&mut cluster, seed);
    cluster.tamper = None;
    Rc::into_inner(gathered).expect("the run is over").into_inner()
}

#[test]
fn liars_in_the_rounds_are_found_out_and_nobody_else() {
    let (mut words, mut convicted, mut watched) = (0, 0, 0);
    let mut offences: BTreeMap<Offence, u64> = BTreeMap::new();
    for seed in 0..100 {
        let nodes = if seed % 5 == 4 { 7 } else { 4 };
        let liars = if seed % 3 == 2 { vec![] } else { vec![n(1 + (seed % 4) as u32)] };
        let gathered = run(nodes, seed, &liars);
        words += gathered.words();
        let verdicts = gathered.convicted(&domain(0));
        assert!(verdicts.keys().all(|node| liars.contains(node)), "seed {seed}: {verdicts:?} of {liars:?}");
        let found = gathered.watched(&domain(0), 64);
        assert!(found.iter().all(|node| verdicts.contains_key(node)), "seed {seed}: {found:?}");
        convicted += verdicts.len();
        watched += found.len();
        verdicts.values().flatten().for_each(|offence| *offences.entry(*offence).or_default() += 1);
    }
    let wanted = [Offence::TwoHistories, Offence::HidHistory, Offence::TwoStops];
    let seen: BTreeSet<Offence> = offences.keys().copied().collect();
    assert_eq!(seen, wanted.into_iter().collect(), "{offences:?}");
    assert!(convicted > 40 && words > 4_000, "{convicted} liars convicted in {words} words: {offences:?}");
    assert!(watched * 10 >= convicted * 9, "a watch finds {watched} of {convicted}");
}

fn convicted(cluster: &Cluster, node: u32) -> Vec<NodeId> {
    cluster.node(node).machine.convicted().iter().map(|conviction| conviction.culprit).collect()
}

fn in_calm(seed: u64) -> Cluster {
    let mut cluster = calm(4, seed);
    for number in 1..=5 {
        cluster.ask(1, &[number]);
    }
    cluster.run(100);
    cluster
}

/// PROTOCOLS, "Hybrid", 4 and 5: one piece of evidence ends the rounds wherever it gets to, is decided, and the rounds
/// that follow have another leader.
#[test]
fn one_piece_of_evidence_switches_convicts_and_returns_without_the_liar_leading() {
    let mut cluster = in_calm(3);
    let evidence = two_histories(n(1), n(1), 0);
    cluster.step(n(2), Input::Receive { from: n(3), message: Message::Evidence(Arc::clone(&evidence)) });
    let all = |cluster: &Cluster| (1..=4).all(|node| convicted(cluster, node) == [n(1)]);
    assert!(cluster.run_until(20_000, all), "{:?}", (1..=4).map(|node| convicted(&cluster, node)).collect::<Vec<_>>());
    assert!((1..=4).all(|node| cluster.node(node).replica.phase() == Phase::Bft));
    let back = |cluster: &Cluster| (1..=4).all(|node| cluster.node(node).replica.instance() == 3);
    assert!(cluster.run_until(60_000, back), "the rounds go on");
    cluster.ask(1, &[100]);
    assert!(cluster.run_until(20_000, |cluster| cluster.all_done()));
    assert!((1..=4).all(|node| cluster.node(node).replica.status().leader != Some(n(1))), "it never leads");
    // The same again is no news, also from an older era, and neither is more of it.
    for instance in [0, 3] {
        let evidence = two_histories(n(1), n(1), instance);
        let message = Message::Later { era: 1, message: Box::new(Message::Evidence(evidence)) };
        cluster.step(n(3), Input::Receive { from: n(1), message });
    }
    cluster.run(3_000);
    assert!((1..=4).all(|node| cluster.node(node).replica.instance() == 3), "nobody switches for what is decided");
    cluster.assert_agreement();
    // Whoever was restarted knows it from its store.
    cluster.restart(4);
    assert!(cluster.run_until(20_000, |cluster| {
        let told = cluster.node(4).replica.replica().convictions;
        told.iter().map(|conviction| conviction.culprit).eq([n(1)])
    }));
    assert_eq!(convicted(&cluster, 4), [n(1)]);
}

/// Evidence of an older era ends no rounds: they decide it themselves.
#[test]
fn evidence_of_an_older_era_is_decided_in_the_rounds() {
    let mut cluster = in_calm(4);
    cluster.step(n(2), Input::Receive { from: n(3), message: Message::Evidence(two_histories(n(1), n(1), 0)) });
    let back = |cluster: &Cluster| (1..=4).all(|node| cluster.node(node).replica.instance() == 3);
    assert!(cluster.run_until(60_000, back));
    let late = Message::Evidence(two_histories(n(4), n(4), 2));
    cluster.step(n(2), Input::Receive { from: n(4), message: Message::Later { era: 1, message: Box::new(late) } });
    let both = |cluster: &Cluster| (1..=4).all(|node| convicted(cluster, node) == [n(1), n(4)]);
    assert!(cluster.run_until(20_000, both), "{:?}", convicted(&cluster, 2));
    assert!((1..=4).all(|node| cluster.node(node).replica.instance() == 3), "without a switch");
    cluster.assert_agreement();
}

/// A liar signs what it accuses another of: the executor finds the signature forged, and nothing changes.
#[test]
fn nobody_is_framed() {
    let mut cluster = in_calm(5);
    for node in 1..=3 {
        cluster.post(n(4), n(node), Message::Evidence(two_histories(n(2), n(4), 0)));
    }
    cluster.run(5_000);
    assert!((1..=4).all(|node| convicted(&cluster, node).is_empty()));
    assert!((1..=4).all(|node| cluster.node(node).replica.phase() == Phase::Rounds));
}
