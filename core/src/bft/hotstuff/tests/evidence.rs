//! Nobody is convicted of what honest replicas say, also across crashes and restarts (TRAPS 37); liars are.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::Message;
use super::cluster::World;
use super::{liars, random};
use crate::bft::evidence::tests::Gathered;
use crate::bft::evidence::{Offence, said_in_hotstuff};

/// All that was said in a run.
fn gather(world: &World) -> Gathered {
    let (domain, mut gathered) = (world.config.domain(), Gathered::default());
    for (from, _, message) in &world.sent {
        if let Message::Proposal(proposal) = message {
            gathered.show(proposal.block.header());
        }
        said_in_hotstuff(message, *from, &mut |by, signed| gathered.take(&domain, by, signed));
    }
    gathered
}

#[test]
fn liars_are_convicted_and_nobody_else() {
    let mut words = 0;
    let (mut offences, mut convicted, mut watched): (BTreeMap<Offence, u64>, u64, u64) = Default::default();
    let mut decided = 0;
    for seed in 0..100 {
        let (nodes, count) = if seed % 3 == 2 { (7, 2) } else { (4, 1) };
        let world = liars::run(nodes, count, seed, true);
        let (domain, names) = (world.config.domain(), &world.liars.names);
        let gathered = gather(&world);
        words += gathered.words();
        let verdicts = gathered.convicted(&domain);
        assert!(verdicts.keys().all(|node| names.contains(node)), "seed {seed}: {verdicts:?} of {names:?}");
        let found = gathered.watched(&domain, 64);
        assert!(found.iter().all(|node| verdicts.contains_key(node)), "seed {seed}: {found:?}");
        for node in world.nodes.values().filter(|node| !names.contains(&node.instance().id())) {
            let known: Vec<_> = node.state.convicted.iter().map(|conviction| conviction.culprit).collect();
            let told = node.instance().accuser.convictions().iter().map(|conviction| conviction.culprit);
            assert_eq!(told.collect::<Vec<_>>(), known, "seed {seed}");
            assert!(known.iter().all(|culprit| names.contains(culprit)), "seed {seed}: {known:?} of {names:?}");
            decided += known.len();
        }
        convicted += verdicts.len() as u64;
        watched += found.len() as u64;
        verdicts.values().flatten().for_each(|offence| *offences.entry(*offence).or_default() += 1);
    }
    assert!(offences.contains_key(&Offence::TwoBlocks), "{offences:?}");
    assert!(decided > 100, "the cluster has decided it {decided} times");
    assert!(convicted > 100, "{convicted} of 133 liars: {offences:?}");
    assert!(words > 20_000, "{words}");
    assert!(watched * 10 >= convicted * 9, "a watch finds {watched} of {convicted}");
}

proptest! {
    #[test]
    fn no_two_words_of_honest_replicas_convict_them(seed in any::<u64>(), seven in 0..4u32, lying in any::<bool>()) {
        let (nodes, count) = if seven == 0 { (7, 2) } else { (4, 1) };
        let world = if lying { liars::run(nodes, count, seed, true) } else { random::run(nodes, seed, true) };
        let (gathered, names) = (gather(&world), &world.liars.names);
        prop_assert!(gathered.words() > 0);
        let verdicts = gathered.convicted(&world.config.domain());
        prop_assert!(verdicts.keys().all(|node| names.contains(node)), "{verdicts:?} of {names:?}");
    }
}
