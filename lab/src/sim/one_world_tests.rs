//! Is a run the same in the world of all protocols as in its protocol's own?
//!
//! The page is built with the former, everything else with the latter. Records
//! are held against each other after every event, everything else at the end,
//! and heavy runs against the digests that are kept.

use super::Simulation;
use crate::keys::Scheme;
use crate::scenario::profile::{Plan, Profile, SHORTEST_RUN, generate};
use crate::scenario::{ProtocolName, Run};

/// Each protocol with its nodes, how many seeds of each profile, and the digests of heavy runs.
const SWEEPS: [(ProtocolName, u32, u64, &str); 3] = [
    (ProtocolName::Raft, 5, 6, include_str!("../../../tests/golden/digests-raft.txt")),
    (ProtocolName::Pbft, 4, 3, include_str!("../../../tests/golden/digests-pbft.txt")),
    (ProtocolName::HotStuff, 4, 3, include_str!("../../../tests/golden/digests-hotstuff.txt")),
];

/// Lets the run of a plan happen in both worlds; its line in a file of digests.
fn compare(protocol: ProtocolName, nodes: u32, seed: u64, plan: &Plan) -> String {
    let scenario = generate(protocol, nodes, seed, plan, SHORTEST_RUN, &[]);
    let mut own = Run::new(&scenario).expect("generated scenarios can run");
    let mut any = Run::by(Simulation::in_one_world, &scenario).expect("they can run here too");
    loop {
        let name = format!("{} seed {seed} after {} events", protocol.name(), own.simulation().events());
        assert!(own.take_records() == any.take_records(), "{name}: other records");
        assert_eq!(own.simulation().next_event_at(), any.simulation().next_event_at(), "{name}: another time");
        let went_on = own.step();
        assert_eq!(went_on, any.step(), "{name}: another end");
        if !went_on {
            break;
        }
    }
    let (own, any) = (own.simulation(), any.simulation());
    let name = format!("{} seed {seed}", protocol.name());
    assert!(own.view() == any.view(), "{name}: another view");
    assert_eq!(own.violations(), any.violations(), "{name}");
    assert_eq!(own.coverage(), any.coverage(), "{name}");
    assert_eq!(own.decided(), any.decided(), "{name}");
    assert_eq!((own.digest(), own.events()), (any.digest(), any.events()), "{name}");
    format!("{seed} {} {} {}", plan.signer.name(), any.digest(), any.events())
}

#[test]
fn heavy_runs_are_the_same_in_one_world_and_have_the_digests_that_are_kept() {
    for (protocol, nodes, seeds, kept) in SWEEPS {
        for seed in 0..seeds {
            let line = compare(protocol, nodes, seed, &Profile::Heavy.plan());
            assert!(kept.lines().any(|kept| kept == line), "{}: {line} is not kept", protocol.name());
        }
    }
}

#[test]
fn liars_lie_the_same_in_one_world() {
    for (protocol, nodes, seeds, _) in SWEEPS {
        if protocol != ProtocolName::Raft {
            for seed in 0..2 * seeds {
                compare(protocol, nodes, seed, &Profile::Byzantine.plan());
            }
        }
    }
}

#[test]
fn real_signatures_are_the_same_in_one_world() {
    for (protocol, nodes, ..) in SWEEPS {
        if protocol != ProtocolName::Raft {
            let plan = Plan { signer: Scheme::Real, operations: 20, ..Profile::Light.plan() };
            compare(protocol, nodes, 1, &plan);
        }
    }
}
