//! Drawn runs with switches and returns: whatever the weather, and whatever f replicas say.

use std::collections::BTreeMap;

use super::Cluster;
use super::liars::lies;
use super::returning::{alarm, calm, instances};
use super::switching::{assert_kept, believed};
use crate::bft::hybrid::Phase;
use crate::bft::hybrid::testing::{CALM, ROUGH, n};

/// All honest replicas are in the rounds of one era.
fn is_back(cluster: &Cluster) -> bool {
    let honest = cluster.nodes.iter().filter(|(node, member)| !member.is_down && !cluster.liars.contains(node));
    let mut honest = honest.map(|(_, member)| &member.replica);
    let all = instances(cluster);
    all.windows(2).all(|pair| pair[0] == pair[1]) && honest.all(|replica| replica.phase() == Phase::Rounds)
}

/// Random runs, some of them calm for long enough to return, some alarmed again and again. Returns how many switches
/// and returns there were.
fn wander(mut cluster: Cluster, seed: u64) -> u64 {
    let nodes = cluster.settings.voters.len() as u64;
    let mut before = BTreeMap::new();
    for number in 1..=24 {
        let to = n(1 + cluster.rng.below(nodes) as u32);
        cluster.ask_at(&[to], 1 + number % 3, &[number, number + 1_000]);
        cluster.network = if cluster.rng.below(3) == 0 { ROUGH } else { CALM };
        if number == 1 || cluster.rng.below(5) == 0 {
            (1..=nodes as u32).for_each(|node| alarm(&mut cluster, node));
        }
        match cluster.rng.below(9) {
            0 | 1 => {
                let node = 1 + cluster.rng.below(nodes) as u32;
                if !cluster.node(node).is_down {
                    let delay = cluster.rng.below(2_500_000);
                    cluster.restart_later(node, delay);
                }
            }
            2 => {
                let mut pair = || n(1 + cluster.rng.below(nodes) as u32);
                let (from, to) = (pair(), pair());
                cluster.cut.insert((from, to));
            }
            3 => cluster.cut.clear(),
            _ => {}
        }
        if number == 16 {
            before = believed(&cluster);
        }
        let pause = cluster.rng.below(700);
        cluster.run(pause);
    }
    cluster.assert_agreement();
    let last = believed(&cluster);
    cluster.clear_up();
    cluster.answer_all();
    // Liars that go on lying make it switch and return for ever; somebody may be fetching a state at any moment.
    let alike = cluster.run_until(20_000, |cluster| cluster.states().len() == 1);
    assert!(alike, "seed {seed}: states stay different, {:?}", instances(&cluster));
    let done = cluster.run_until(30_000, |cluster| is_back(cluster) && cluster.all_done());
    let honest = cluster.liars.is_empty();
    assert!(!honest || done, "seed {seed}: {:?}", instances(&cluster));
    cluster.run(1_500);
    let alike = cluster.run_until(20_000, |cluster| cluster.states().len() == 1);
    assert!(alike, "seed {seed}: states stay different, {:?}", instances(&cluster));
    cluster.assert_agreement();
    assert_kept(&cluster, &before);
    assert_kept(&cluster, &last);
    // Each era has one switch, and a return but for the last.
    let farthest = instances(&cluster).into_iter().max().unwrap_or_default();
    farthest / 3 * 2 + u64::from(!farthest.is_multiple_of(3))
}

/// How many runs; for a long search it is built with another number in `WANDER`.
fn runs(usual: u64) -> std::ops::Range<u64> {
    0..option_env!("WANDER").and_then(|text| text.parse().ok()).unwrap_or(usual)
}

#[test]
fn four_replicas_go_there_and_back_in_any_weather_and_lose_nothing() {
    let changes: u64 = runs(200).map(|seed| wander(calm(4, seed), seed)).sum();
    assert!(changes > 3 * runs(200).end, "{changes}");
}

#[test]
fn seven_replicas_go_there_and_back_in_any_weather_and_lose_nothing() {
    let changes: u64 = runs(40).map(|seed| wander(calm(7, seed), seed)).sum();
    assert!(changes > 3 * runs(40).end, "{changes}");
}

/// TRAPS 38.
#[test]
fn whatever_one_of_four_says_there_and_back_nothing_is_lost() {
    let with_liar = |seed: u64| {
        let (mut cluster, liar) = (calm(4, seed), n(1 + (seed % 4) as u32));
        cluster.liars.insert(liar);
        cluster.tamper = Some(lies(seed, vec![liar]));
        wander(cluster, seed)
    };
    let changes: u64 = runs(200).map(with_liar).sum();
    assert!(changes > 2 * runs(200).end, "{changes}");
}

#[test]
fn whatever_two_of_seven_say_there_and_back_nothing_is_lost() {
    let with_liars = |seed: u64| {
        let mut cluster = calm(7, seed);
        let liars = vec![n(1 + (seed % 7) as u32), n(1 + ((seed + 1 + seed / 7 % 5) % 7) as u32)];
        cluster.liars.extend(liars.iter().copied());
        cluster.tamper = Some(lies(seed, liars));
        wander(cluster, seed)
    };
    let changes: u64 = runs(40).map(with_liars).sum();
    assert!(changes > 2 * runs(40).end, "{changes}");
}
