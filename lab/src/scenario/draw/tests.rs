//! What drawn runs promise to whoever explores with them.

use super::*;
use crate::scenario::Run;
use crate::scenario::document::RaftSettings;
use crate::scenario::profile::{Profile, SHORTEST_RUN};
use quorumscope_core::raft;

fn heavy(seed: u64) -> Scenario {
    generate(ProtocolName::Raft, 5, seed, &Profile::Heavy.plan(), SHORTEST_RUN, &[])
}

#[test]
fn a_profile_is_written_out_the_same_way_each_time_and_can_be_read() {
    for seed in 0..50 {
        let scenario = heavy(seed);
        assert_eq!(scenario, heavy(seed));
        assert_eq!(Scenario::from_toml(&scenario.to_toml()).as_ref(), Ok(&scenario));
    }
    assert_ne!(heavy(1).steps, heavy(2).steps);
}

#[test]
fn runs_of_nodes_that_sign_are_written_out_with_their_own_settings_and_without_steps_of_raft() {
    for protocol in ProtocolName::ALL.into_iter().filter(|protocol| protocol.signs()) {
        for seed in 0..20 {
            let scenario = generate(protocol, 4, seed, &Profile::Heavy.plan(), SHORTEST_RUN, &[]);
            assert_eq!(Scenario::from_toml(&scenario.to_toml()).as_ref(), Ok(&scenario));
            assert!(scenario.steps.iter().any(|step| matches!(step.action, Some(Action::Nodes(NodeVerb::Crash, _)))));
        }
    }
}

#[test]
fn a_plan_for_another_profile_takes_its_settings_and_keeps_its_own() {
    let plan = Profile::Heavy.plan().paced(raft::Profile::Wan);
    let (own, wan) = (Profile::Heavy.plan().raft, RaftSettings::of(raft::Profile::Wan));
    let settings = &plan.raft;
    assert_eq!((settings.election_timeout, settings.heartbeat), (wan.election_timeout, wan.heartbeat));
    assert_eq!(settings.max_entries_per_append, wan.max_entries_per_append);
    assert_eq!((settings.snapshots, settings.max_bytes_in_flight), (own.snapshots, own.max_bytes_in_flight));
    let scenario = generate(ProtocolName::Raft, 5, 1, &plan, SHORTEST_RUN, &[]);
    assert_eq!(scenario.until, Time(200_000_000), "a hundred election timeouts");
    assert_eq!(Scenario::from_toml(&scenario.to_toml()).as_ref(), Ok(&scenario));
    assert_eq!(Profile::Heavy.plan().paced(raft::Profile::Lan), Profile::Heavy.plan());
}

#[test]
fn two_hundred_operations_are_shared_by_three_clients() {
    let light = generate(ProtocolName::Raft, 5, 1, &Profile::Light.plan(), SHORTEST_RUN, &[]);
    let shares: Vec<u32> = light.clients.iter().filter_map(|c| c.workload.map(|w| w.operations)).collect();
    assert_eq!(shares, [67, 67, 66]);
}

#[test]
fn heavy_runs_have_two_partitions_and_two_cuts_in_one_direction() {
    let steps = heavy(3).steps;
    let count =
        |wanted: fn(&Action) -> bool| steps.iter().filter_map(|s| s.action.as_ref()).filter(|a| wanted(a)).count();
    assert_eq!(count(|action| matches!(action, Action::Partition(_))), 2);
    assert_eq!(count(|action| matches!(action, Action::Cut { .. })), 2);
    let edge = [Selector::Node(NodeId(6))];
    let crashes = steps.iter().filter_map(|step| match &step.action {
        Some(Action::Nodes(NodeVerb::Crash, who)) => Some(who.as_slice() == edge),
        Some(_) | None => None,
    });
    let (edges, others): (Vec<bool>, Vec<bool>) = crashes.partition(|is_edge| *is_edge);
    assert_eq!((others.len(), edges.len()), (6, 2));
}

#[test]
fn the_last_four_tenths_of_a_run_are_without_faults() {
    let scenario = heavy(4);
    let is_fault = |step: &&Step| !matches!(step.action, Some(Action::Propose { .. } | Action::Members { .. }));
    let last = scenario.steps.iter().filter(is_fault);
    assert_eq!(last.map(|step| step.at).max(), Some(Time(18_000_000)));
}

#[test]
fn a_node_takes_the_place_of_one_that_lost_its_disk_and_nobody_else_leaves_in_that_run() {
    for seed in 0..40 {
        let scenario = heavy(seed);
        let lost = |step: &Step| matches!(step.action, Some(Action::Nodes(NodeVerb::LoseDisk, _)));
        let loses = scenario.steps.iter().filter(|step| lost(step)).count();
        let loses_disk = Kind::of(seed).loses_disk;
        assert_eq!((loses, scenario.nodes.len()), (usize::from(loses_disk), 6));
        assert_eq!(scenario.voters.len(), 5);
        let spare = vec![Selector::Node(NodeId(6))];
        let joins = |step: &Step| matches!(&step.action, Some(Action::Members { promote, .. }) if *promote == spare);
        assert_eq!(scenario.steps.iter().any(joins), loses_disk);
    }
}

#[test]
fn with_few_nodes_as_with_many_every_step_finds_whom_it_names() {
    for profile in Profile::ALL {
        for nodes in [1, 2, 3] {
            for seed in 0..60 {
                let scenario = generate(ProtocolName::Raft, nodes, seed, &profile.plan(), SHORTEST_RUN, &[]);
                let mut run = Run::new(&scenario).expect("a drawn scenario can run");
                run.set_recording(false);
                run.run_to_end();
                assert_eq!(run.error(), None, "{} faults, {nodes} nodes, seed {seed}", profile.name());
                assert_eq!(run.simulation().violations(), [], "{} faults, {nodes} nodes, seed {seed}", profile.name());
            }
        }
    }
}
