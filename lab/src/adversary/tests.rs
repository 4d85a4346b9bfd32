//! What liars can do, and what they cannot.

use quorumscope_core::crypto::{Claim, Domain, Family, Identity, Statement};
use quorumscope_core::quorum::Byzantine;
use quorumscope_core::record::{Body, Endpoint};
use quorumscope_core::rng::Rng;
use quorumscope_core::types::{ClientId, NodeId};

use super::{Plan, Trick, made_up};
use crate::check::property::AGREEMENT;
use crate::explore::explore;
use crate::keys::{Keys, Scheme};
use crate::scenario::profile::{Liars, Plan as Faults, Profile, SHORTEST_RUN, generate};
use crate::scenario::{ProtocolName, Run, Scenario};
use crate::sim::Coverage;
use crate::trace::view::View;

const PROTOCOLS: [ProtocolName; 3] = [ProtocolName::Pbft, ProtocolName::HotStuff, ProtocolName::Hybrid];

fn drawn(protocol: ProtocolName, liars: Liars, seed: u64) -> Scenario {
    let plan = Faults { liars, ..Profile::Byzantine.plan() };
    generate(protocol, 4, seed, &plan, SHORTEST_RUN, &[])
}

#[test]
fn with_f_liars_of_every_kind_nothing_breaks_and_every_trick_is_done() {
    for protocol in PROTOCOLS {
        let mut coverage = Coverage::default();
        for seed in 0..60 {
            let outcome = explore(&drawn(protocol, Liars::UpToFaulty, seed)).expect("it can run");
            assert!(!outcome.failed(), "{} seed {seed}: {:?}", protocol.name(), outcome.violations);
            coverage.add(&outcome.coverage);
        }
        let is_done = |trick: Trick, coverage: &Coverage| {
            let name = format!("lies: {}", trick.name());
            coverage.iter().any(|(counter, count)| counter == name && count > 0)
        };
        // What few draws lead to, is looked for by itself.
        for trick in Trick::of(protocol).filter(|trick| !is_done(*trick, &coverage)) {
            let plan = Faults { tricks: vec![trick], ..Profile::Byzantine.plan() };
            let done = (0..60).any(|seed| {
                let outcome = explore(&generate(protocol, 4, seed, &plan, SHORTEST_RUN, &[])).expect("it can run");
                assert!(!outcome.failed(), "{} {} seed {seed}", protocol.name(), trick.name());
                is_done(trick, &outcome.coverage)
            });
            assert!(done, "{}: {}", protocol.name(), trick.name());
        }
    }
}

#[test]
fn with_one_liar_more_that_is_a_twin_honest_nodes_do_not_agree() {
    for protocol in PROTOCOLS {
        let breaks = |seed: &u64| {
            explore(&drawn(protocol, Liars::Exactly(2), *seed)).is_ok_and(|outcome| outcome.breaks(AGREEMENT))
        };
        assert!((0..20).find(breaks).is_some(), "{}", protocol.name());
    }
}

#[test]
fn a_run_with_liars_is_the_same_each_time_recorded_or_not_and_its_records_show_what_is() {
    for protocol in PROTOCOLS {
        for seed in 0..4 {
            let scenario = drawn(protocol, Liars::UpToFaulty, seed);
            let unrecorded = explore(&scenario).expect("it can run").digest;
            let mut run = Run::new(&scenario).expect("it can run");
            let mut view = View::default();
            let mut said = false;
            loop {
                for record in run.take_records() {
                    view.fold(&record);
                    said |= matches!(&record.body, Body::Lies { tricks, .. } if !tricks.is_empty());
                }
                let world = run.simulation().view();
                assert_eq!(view.nodes, world.nodes, "{} seed {seed}", protocol.name());
                assert_eq!(view.convicted, world.convicted, "{} seed {seed}", protocol.name());
                if !run.step() {
                    break;
                }
            }
            assert_eq!(run.simulation().digest(), unrecorded);
            assert!(said, "whoever begins to lie is told of");
        }
    }
}

/// A signature of an honest node cannot be made by whoever lacks its key.
#[test]
fn what_a_liar_signs_for_another_does_not_hold() {
    let domain = Domain { cluster: 1, configuration: 0, instance: 0, family: Family::Pbft };
    let statement = Statement::new(&domain, 1).number(7);
    let mut rng = Rng::new(1, 1);
    for scheme in Scheme::ALL {
        let verifier = Keys::new(7, scheme).verifier([NodeId(1), NodeId(2)], [ClientId(1)]);
        for _ in 0..100 {
            let (by, signature) = (Identity::Node(NodeId(2)), made_up(&mut rng));
            assert!(verifier.verify(&[Claim { by, statement: statement.clone(), signature }]).is_err());
        }
    }
}

#[test]
fn victims_are_some_of_the_others_and_one_client_and_the_seed_decides() {
    let others: Vec<NodeId> = (2..=4).map(NodeId).collect();
    let clients = [ClientId(1), ClientId(2)];
    for seed in 0..50 {
        let drawn = Plan::victims(&others, &clients, &mut Rng::new(seed, 1));
        assert_eq!(drawn, Plan::victims(&others, &clients, &mut Rng::new(seed, 1)));
        let nodes = drawn.iter().filter(|victim| matches!(victim, Endpoint::Node(_))).count();
        assert!((1..others.len()).contains(&nodes), "some, and not all: {drawn:?}");
        assert_eq!(drawn.len() - nodes, 1);
    }
}

#[test]
fn each_trick_has_one_name_and_raft_has_no_liars() {
    for trick in Trick::ALL {
        assert_eq!(Trick::named(trick.name()), Some(trick));
        assert!(PROTOCOLS.into_iter().any(|protocol| trick.fits(protocol)));
        assert!(!trick.fits(ProtocolName::Raft));
    }
    assert_eq!(Byzantine::of(&[1, 2, 3, 4].map(NodeId), false).faulty(), 1);
}

fn read(protocol: &str, step: &str) -> Result<Scenario, String> {
    let text = format!(
        "name = \"x\"\nprotocol = \"{protocol}\"\nnodes = 4\nseed = 1\nuntil = \"5s\"\n[[step]]\nat = \"1s\"\n{step}\n"
    );
    Scenario::from_toml(&text).map_err(|error| error.to_string())
}

#[test]
fn a_step_that_makes_liars_is_printed_as_it_is_read() {
    let step = "byzantine = { node = \"n1\", as = [\"twins\", \"withhold\"], against = [\"n3\", \"n4\"] }";
    let scenario = read("pbft", step).expect("it can be read");
    assert!(scenario.to_toml().contains(step), "{}", scenario.to_toml());
    assert_eq!(Scenario::from_toml(&scenario.to_toml()).as_ref(), Ok(&scenario));
}

#[test]
fn a_trick_that_nobody_knows_is_an_error_that_names_the_nearest() {
    let step = |trick: &str| format!("byzantine = {{ node = \"n1\", as = [\"{trick}\"] }}");
    for (protocol, trick, expected) in [
        ("pbft", "twin", "did you mean \"twins\"?"),
        ("pbft", "vote-twice", "pbft has no trick \"vote-twice\"; it has: twins, "),
        ("raft", "twins", "raft has no liars"),
    ] {
        let error = read(protocol, &step(trick)).expect_err("nobody can do that");
        assert!(error.contains(expected), "{error}");
    }
}

/// The sides of a twin in one run, before and after they are changed: whom the second copy's messages reach.
#[test]
fn twins_that_are_named_once_more_change_sides_and_live_on() {
    let text = r#"
protocol = "hotstuff"
nodes = 4
until = "2s"

[[client]]
id = "c1"
operations = 40
think = "10ms"

[[step]]
at = "0s"
byzantine = { node = "n3", as = ["twins"], against = ["n1"] }

[[step]]
at = "1s"
byzantine = { node = "n3", as = ["twins"], against = ["n2", "n4"] }
"#;
    let mut run = Run::new(&Scenario::from_toml(text).expect("a scenario")).expect("it can run");
    run.run_to_end();
    assert_eq!((run.error(), run.simulation().violations()), (None, &[][..]));
    assert_eq!(run.simulation().coverage().liars, 1, "it is one liar, and not two");
    assert!(run.simulation().coverage().twins > 0);
}
