//! Does the check find a conviction of an honest node, in a whole run too?
//!
//! No run has one: evidence rests on signatures, and nobody signs for another.
//! So here is a cluster whose nodes do not look at signatures. In it a liar that
//! frames others succeeds. Honest is who runs the protocol as it is, and the
//! victim does: that it is deceived like all others makes no liar of it.

use std::sync::Arc;

use quorumscope_core::bft::evidence::Offence;
use quorumscope_core::crypto::{Claim, Forged, Hash256, Verifier};

use super::*;
use crate::check::property::NO_HONEST_CONVICTED;
use crate::scenario::{Run, Scenario};
use crate::sim::Simulation;
use crate::trace::view::View;

#[test]
fn a_conviction_of_an_honest_node_is_a_finding_and_that_of_a_liar_is_none() {
    let evidence = Hash256::of(b"two words");
    let conviction = Conviction { culprit: NodeId(2), offence: Offence::TwoValues, evidence, instance: 0 };
    let judged = |liar: u32| conviction_of_the_honest(NodeId(1), &conviction, |node| node != NodeId(liar));
    assert_eq!(judged(2), None);
    assert_eq!(judged(3).as_deref(), Some("n1 records n2 as convicted (two-values), which is honest"));
}

/// Believes whatever it is shown.
#[derive(Debug)]
struct Gullible;

impl Verifier for Gullible {
    fn verify(&self, _: &[Claim]) -> Result<(), Forged> {
        Ok(())
    }
}

/// Soon n2 passes on evidence against others under signatures that it has made up.
fn framing(protocol: &str) -> Scenario {
    let text = format!(
        "protocol = \"{protocol}\"\nnodes = 4\nseed = 3\nuntil = \"10s\"\nsigner = \"cheap\"\n\
         [[client]]\nid = \"c1\"\noperations = 100\nkeys = 2\nthink = \"50ms\"\n\
         [[step]]\nat = \"500ms\"\nbyzantine = {{ node = \"n2\", as = [\"forge\"] }}\n"
    );
    Scenario::from_toml(&text).expect("it is a scenario")
}

#[test]
fn whoever_is_framed_is_convicted_where_nobody_looks_at_signatures_and_the_check_says_so() {
    for protocol in ["pbft", "hotstuff", "hybrid"] {
        let scenario = framing(protocol);
        let mut honest = Run::new(&scenario).expect("it can run");
        honest.run_to_end();
        let coverage = honest.simulation().coverage();
        assert!(coverage.made_up > 0 && coverage.forged > 0, "{protocol}: it forges, and in vain");
        assert_eq!((honest.simulation().violations(), coverage.convictions), (&[][..], 0), "{protocol}");

        let deceived = |setup| {
            let mut simulation = Simulation::new(setup)?;
            simulation.believe(Arc::new(Gullible));
            Ok(simulation)
        };
        let mut run = Run::by(deceived, &scenario).expect("it can run");
        run.run_to_end();
        let mut found = run.simulation().violations().iter();
        let found = found.find(|violation| violation.property == NO_HONEST_CONVICTED);
        let found = found.unwrap_or_else(|| panic!("{protocol}: {:?}", run.simulation().violations()));
        assert!(found.detail.ends_with("which is honest"), "{protocol}: {}", found.detail);
        assert!(!found.detail.contains("records n2"), "{protocol}: n2 lies: {}", found.detail);
    }
}

#[test]
fn what_records_tell_of_verdicts_is_what_honest_nodes_hold() {
    let scenarios = [
        include_str!("../../../tests/scenarios/pbft-convicted.toml"),
        include_str!("../../../tests/scenarios/hotstuff-convicted.toml"),
        include_str!("../../../tests/scenarios/hybrid-convicted.toml"),
    ];
    for text in scenarios {
        let mut run = Run::new(&Scenario::from_toml(text).expect("it is a scenario")).expect("it can run");
        let mut view = View::default();
        loop {
            run.take_records().iter().for_each(|record| view.fold(record));
            assert_eq!(view.convicted, run.simulation().view().convicted, "{} at {}", view.name, view.at);
            if !run.step() {
                break;
            }
        }
        assert!(view.convicted.keys().eq([&NodeId(1)]), "{}: {:?}", view.name, view.convicted);
    }
}
