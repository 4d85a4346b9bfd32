//! Nobody is convicted of what honest replicas say, also across crashes, restarts and view changes (TRAPS 37); liars are.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use proptest::prelude::*;

use super::cluster::{Cluster, Network, ROUGH, n, settings};
use super::liars::lies;
use super::runs::rough_run;
use crate::bft::evidence::tests::Gathered;
use crate::bft::evidence::{Offence, said_in_pbft};
use crate::quorum::Byzantine;
use crate::rules::Rule;
use crate::types::NodeId;

/// A rough run with these liars in it, and all that was said.
fn run(nodes: u32, seed: u64, rounds: u64, liars: &[NodeId]) -> Gathered {
    let mut cluster = Cluster::new(nodes, seed);
    listen(&mut cluster, nodes, seed, liars, |cluster| rough_run(cluster, nodes, rounds))
}

/// All that was said while something happens.
fn listen(
    cluster: &mut Cluster,
    nodes: u32,
    seed: u64,
    liars: &[NodeId],
    happens: impl FnOnce(&mut Cluster),
) -> Gathered {
    cluster.liars.extend(liars.iter().copied());
    let mut lie = lies(seed, liars.to_vec());
    let gathered = Rc::new(RefCell::new(Gathered::default()));
    let (kept, domain) = (Rc::clone(&gathered), settings(nodes).domain());
    let quorum = Byzantine::of(&settings(nodes).voters, false);
    cluster.tamper = Some(Box::new(move |from, to, message| {
        let messages = lie(from, to, message);
        let mut kept = kept.borrow_mut();
        for message in &messages {
            said_in_pbft(message, from, &quorum, &mut |by, signed| kept.take(&domain, by, signed));
        }
        messages
    }));
    happens(cluster);
    cluster.tamper = None;
    Rc::into_inner(gathered).expect("the run is over").into_inner()
}

fn liars_of(seed: u64, nodes: u32) -> Vec<NodeId> {
    let (count, first) = ((nodes - 1) / 3, (seed % u64::from(nodes)) as u32);
    (0..count).map(|at| n(1 + (first + at * 2) % nodes)).collect()
}

/// Some runs of each kind; what liars are found out of by all pairs of their words, and how many by a watch.
#[test]
fn liars_are_convicted_and_nobody_else() {
    let mut words = 0;
    let (mut offences, mut convicted, mut watched): (BTreeMap<Offence, u64>, u64, u64) = Default::default();
    for seed in 0..100 {
        let nodes = if seed % 4 == 3 { 7 } else { 4 };
        let liars = liars_of(seed, nodes);
        let gathered = run(nodes, seed, 25, &liars);
        words += gathered.words();
        let domain = settings(nodes).domain();
        let verdicts = gathered.convicted(&domain);
        assert!(verdicts.keys().all(|node| liars.contains(node)), "seed {seed}: {verdicts:?} of {liars:?}");
        let found = gathered.watched(&domain, 64);
        assert!(found.iter().all(|node| verdicts.contains_key(node)), "seed {seed}: {found:?}");
        convicted += verdicts.len() as u64;
        watched += found.len() as u64;
        verdicts.values().flatten().for_each(|offence| *offences.entry(*offence).or_default() += 1);
    }
    let wanted = [Offence::TwoValues, Offence::HidPrepared, Offence::UnfoundedNewView, Offence::TwoNewViews];
    let seen: BTreeSet<Offence> = offences.keys().copied().collect();
    assert_eq!(seen, wanted.into_iter().collect(), "{offences:?}");
    assert!(convicted > 100, "{convicted} of 125 liars: {offences:?}");
    assert!(words > 20_000, "{words}");
    assert!(watched * 10 >= convicted * 9, "a watch finds {watched} of {convicted}");
}

#[test]
fn what_the_cluster_has_decided_is_what_replicas_know() {
    let mut decided = 0;
    for seed in 0..20 {
        let (mut cluster, liars) = (Cluster::new(4, seed), liars_of(seed, 4));
        listen(&mut cluster, 4, seed, &liars, |cluster| {
            rough_run(cluster, 4, 25);
            cluster.run(3_000);
        });
        for (node, member) in cluster.nodes.iter().filter(|(node, _)| !liars.contains(node)) {
            let recorded: Vec<NodeId> = member.machine.convicted().iter().map(|known| known.culprit).collect();
            let told = member.replica.accuser.convictions();
            let known: Vec<NodeId> = told.iter().map(|conviction| conviction.culprit).collect();
            assert!(recorded.starts_with(&known), "seed {seed}: {node} knows {known:?} of {recorded:?}");
            decided += known.len();
        }
    }
    assert!(decided > 20, "{decided} times");
}

/// Without the rules that make a word durable before it leaves, crashes alone make replicas contradict themselves.
#[test]
fn whoever_forgets_its_word_convicts_itself() {
    for (rule, of) in
        [(Rule::PbftPersistBeforePrepare, Offence::TwoValues), (Rule::PbftPersistBeforeCommit, Offence::HidPrepared)]
    {
        let forgets = |seed| {
            let mut cluster = Cluster::without(4, seed, rule);
            let gathered = listen(&mut cluster, 4, seed, &[], |cluster| {
                cluster.network = Network { sync: (20_000, 400_000), ..ROUGH };
                for number in 1..=40 {
                    cluster.ask_at(&[n(1), n(2), n(3), n(4)], 1, &[number]);
                    let pause = cluster.rng.below(60);
                    cluster.run(pause);
                    if number % 4 == 0 {
                        let node = 1 + cluster.rng.below(4) as u32;
                        cluster.restart(node);
                    }
                }
            });
            gathered.convicted(&settings(4).domain()).values().any(|offences| offences.contains(&of))
        };
        assert!((0..200).any(forgets), "without {rule:?} no run is {of:?}");
    }
}

proptest! {
    #[test]
    fn no_two_words_of_honest_replicas_convict_them(seed in any::<u64>(), seven in 0..4u32, lying in any::<bool>()) {
        let nodes = if seven == 0 { 7 } else { 4 };
        let liars = if lying { liars_of(seed, nodes) } else { Vec::new() };
        let gathered = run(nodes, seed, 20, &liars);
        prop_assert!(gathered.words() > 0);
        let verdicts = gathered.convicted(&settings(nodes).domain());
        prop_assert!(verdicts.keys().all(|node| liars.contains(node)), "{verdicts:?} of {liars:?}");
    }
}
