//! Does the board show what replicas have heard, and nothing else?

use quorumscope_core::crypto::Hash256;
use quorumscope_core::record::Endpoint;
use quorumscope_core::types::{ClientId, NodeId, Time};

use super::{Board, Column, Grid, Mark, Reached, Tree, board, board_kind, picked, threat, victims};
use crate::scenario::{Run, Scenario};
use crate::trace::view::{Liveness, View};

const PBFT: &str = include_str!("../../../../tests/scenarios/pbft-silent-primary.toml");
const HOTSTUFF: &str = include_str!("../../../../tests/scenarios/hotstuff-silent-leader.toml");
const CALM: &str = include_str!("../../../../tests/scenarios/hybrid-calm.toml");
const ATTACK: &str = include_str!("../../../../tests/scenarios/hybrid-under-attack.toml");
const RAFT: &str = include_str!("../../../../tests/scenarios/reads.toml");

/// Folds a run up to a time, and lets `look` see the view after each event.
fn watch(toml: &str, until_ms: u64, mut look: impl FnMut(&View)) -> View {
    let scenario = Scenario::from_toml(toml).expect("the scenario can be read");
    let mut run = Run::new(&scenario).expect("the scenario can run");
    let mut view = View::default();
    loop {
        run.take_records().iter().for_each(|record| view.fold(record));
        look(&view);
        if run.simulation().now() >= Time(until_ms * 1_000) || !run.step() {
            return view;
        }
    }
}

fn grids(view: &View) -> Vec<Grid> {
    match board(view, 8) {
        Some(Board::Grids(grids)) => grids,
        other => panic!("PBFT has grids, and here is {other:?}"),
    }
}

fn tree(view: &View) -> Tree {
    match board(view, 8) {
        Some(Board::Tree(tree)) => tree,
        other => panic!("HotStuff has a tree, and here is {other:?}"),
    }
}

#[test]
fn a_quorum_is_full_exactly_where_so_many_were_heard() {
    let (mut partly, mut full) = (0, 0);
    let look = |view: &View| {
        for grid in grids(view) {
            for group in grid.groups.iter().filter(|group| group.columns.len() == 3 && group.reached != Reached::Done) {
                let enough = |column: &Column| column.heard() >= column.needed as usize;
                for column in &group.columns {
                    assert_eq!(column.marks.len(), 4);
                    partly += u32::from(column.heard() > 0 && !column.full);
                    full += u32::from(column.full);
                }
                let [order, prepare, _] = &group.columns[..] else { panic!("three phases") };
                assert_eq!(prepare.full, order.full && enough(prepare), "{group:?}");
                assert_eq!(group.reached == Reached::Half, prepare.full, "{group:?}");
            }
        }
    };
    watch(PBFT, 900, look);
    assert!(partly > 10 && full > 10, "the run shows quorums that grow: {partly} {full}");
}

#[test]
fn the_primarys_own_order_counts_as_its_prepare() {
    let view = watch(PBFT, 100, |_| {});
    let grids = grids(&view);
    assert_eq!(grids.len(), 4);
    for grid in &grids {
        let group = grid.groups.last().expect("one request was ordered");
        assert_eq!((group.label.as_str(), group.reached), ("s1", Reached::Done), "{}", group.words);
        assert_eq!(group.columns[0].marks, [Mark::Heard, Mark::Never, Mark::Never, Mark::Never]);
        assert_eq!(group.columns[1].marks[0], Mark::Counts);
        assert_eq!(group.columns[2].needed, 3);
    }
    assert_eq!(grids[0].words, "view 0, primary n1");
}

#[test]
fn whoever_has_left_its_view_shows_who_asks_for_the_next_one() {
    let mut asked = 0;
    let view = watch(PBFT, 3_000, |view| {
        for grid in grids(view) {
            if let Some(group) = grid.groups.iter().find(|group| group.columns.len() == 1) {
                asked = asked.max(group.columns[0].heard());
                assert_eq!(group.label, "view 1");
            }
        }
    });
    assert!(asked >= 2, "{asked} were heard to ask for view 1");
    let down = grids(&view).into_iter().find(|grid| !grid.up).expect("n1 has crashed");
    assert_eq!((down.node, down.groups.len()), (NodeId(1), 0));
}

#[test]
fn blocks_follow_each_other_and_are_locked_certified_and_committed_in_this_order() {
    let mut seen = (0, 0);
    watch(HOTSTUFF, 900, |view| {
        let Tree { blocks } = tree(view);
        for block in &blocks {
            assert!(block.parent.is_none_or(|parent| blocks[parent].term < block.term));
            if !block.locked.is_empty() || !block.committed.is_empty() {
                assert!(block.certified || block.parent.is_none(), "{}", block.words);
            }
            seen.0 += u32::from(!block.locked.is_empty());
            seen.1 += u32::from(!block.committed.is_empty());
        }
        for node in view.nodes.keys() {
            let high = blocks.iter().position(|block| block.high.contains(node));
            let locked = blocks.iter().position(|block| block.locked.contains(node));
            let committed = blocks.iter().rposition(|block| block.committed.contains(node));
            assert!(locked <= high || high.is_none(), "{node} is locked on no block after its highest certificate");
            assert!(
                committed < locked || committed.is_none() || locked.is_none(),
                "{node} has committed before its lock"
            );
        }
    });
    assert!(seen.0 > 10 && seen.1 > 10, "{seen:?}");
}

#[test]
fn what_a_node_that_is_down_knew_is_not_shown() {
    let mut view = watch(HOTSTUFF, 500, |_| {});
    for (_, node) in view.nodes.iter_mut() {
        node.liveness = Liveness::Crashed;
    }
    assert_eq!(tree(&view).blocks, []);
}

#[test]
fn in_two_rounds_the_leader_counts_and_the_others_learn_from_a_certificate() {
    let (mut growing, mut learned, mut heading) = (0, 0, String::new());
    watch(CALM, 900, |view| {
        for grid in grids(view).iter().filter(|grid| grid.up) {
            heading.clone_from(&grid.words);
            for group in grid.groups.iter().filter(|group| group.columns.len() == 3) {
                let [append, acknowledged, named] = &group.columns[..] else { panic!("three steps") };
                assert!(append.full && append.heard() == 1);
                assert!(!named.full || acknowledged.full, "no commit certificate without a prepare certificate");
                assert!(!acknowledged.full || acknowledged.heard() >= 3, "{group:?}");
                assert_eq!(group.reached == Reached::Done, named.full);
                growing += u32::from(grid.node == NodeId(1) && acknowledged.heard() == 2);
                learned += u32::from(grid.node != NodeId(1) && acknowledged.heard() == 3);
                assert!(grid.node == NodeId(1) || acknowledged.heard() != 2, "nobody tells a follower of one other");
            }
        }
    });
    assert!(growing > 0 && learned > 0, "{growing} {learned}");
    assert_eq!(heading, "two rounds, term 0, leader n1");
}

#[test]
fn the_hybrids_grids_tell_which_instance_each_replica_is_in() {
    let mut told = Vec::new();
    let (mut alarms, mut stops) = (0, 0);
    watch(ATTACK, 6_500, |view| {
        for grid in grids(view).into_iter().filter(|grid| grid.node == NodeId(2)) {
            for group in &grid.groups {
                alarms = alarms.max(if group.label == "alarm" { group.columns[0].heard() } else { 0 });
                stops = stops.max(if group.label == "stop" { group.columns[0].heard() } else { 0 });
            }
            let instance = grid.words.split([':', ',']).next().unwrap_or_default().to_owned();
            if told.last() != Some(&instance) {
                told.push(instance);
            }
        }
    });
    assert_eq!(told, ["two rounds", "opening", "PBFT"].map(String::from), "one after the other");
    assert!(alarms >= 1 && stops >= 3, "{alarms} alarms, {stops} stop statements");
}

#[test]
fn the_meter_rises_with_the_signs_on_a_liars_channel_and_says_whose_they_are() {
    let mut steps = Vec::new();
    let mut reasons = String::new();
    watch(ATTACK, 4_000, |view| {
        let Some(threat) = view.nodes.get(&NodeId(2)).and_then(threat) else { return };
        if steps.last() != Some(&threat.step) {
            steps.push(threat.step);
            reasons = threat.reasons;
        }
    });
    assert!(steps.starts_with(&[0, 1, 2, 3]), "{steps:?}");
    assert!(reasons.contains("on the channel of n1"), "{reasons}");
    let calm = watch(CALM, 900, |_| {});
    let meters: Vec<u8> = calm.nodes.values().filter_map(threat).map(|threat| threat.step).collect();
    assert_eq!(meters, [0; 3], "three run, and n1 has crashed by then");
    assert!(watch(PBFT, 100, |_| {}).nodes.values().all(|node| threat(node).is_none()), "PBFT measures no threat");
}

#[test]
fn raft_has_no_board_for_its_log_says_all() {
    let view = watch(RAFT, 500, |_| {});
    assert_eq!((board_kind(&view), board(&view, 8)), (None, None));
    assert!(board_kind(&watch(PBFT, 1, |_| {})).is_some());
}

const LIARS: &str = include_str!("../../../../tests/scenarios/pbft-two-liars.toml");
const STANDBY: &str = include_str!("../../../../tests/scenarios/hotstuff-members.toml");

/// The letters at a place: for each replica that holds something there, what it holds and under which letter.
fn letters(view: &View) -> Vec<(String, NodeId, Hash256, Option<char>)> {
    let grids = grids(view);
    let of = |grid: &Grid| {
        let told =
            grid.groups.iter().filter_map(|group| Some((group.label.clone(), grid.node, group.hash?, group.batch)));
        told.collect::<Vec<_>>()
    };
    grids.iter().flat_map(of).collect()
}

#[test]
fn different_batches_at_one_place_have_different_letters_and_equal_ones_none() {
    let hybrid = LIARS.replace("protocol = \"pbft\"", "protocol = \"hybrid\"");
    // What the scenario expects is PBFT's story.
    let hybrid = hybrid.split("[[expect]]").next().expect("there is a part before").to_owned();
    for toml in [LIARS, hybrid.as_str()] {
        let mut apart = 0;
        watch(toml, 1_500, |view| {
            let letters = letters(view);
            for (place, node, hash, letter) in &letters {
                let others = || letters.iter().filter(|(other, ..)| other == place);
                let differ = others().any(|(_, _, other, _)| other != hash);
                assert_eq!(letter.is_some(), differ, "{place} at {node}");
                for (_, _, other, its) in others() {
                    assert!(!differ || (other == hash) == (its == letter), "{place} at {node}");
                }
                apart += u32::from(differ);
            }
        });
        assert!(apart > 0, "the replicas hold different batches: {toml}");
    }
    watch(PBFT, 900, |view| assert!(letters(view).iter().all(|(.., letter)| letter.is_none())));
}

#[test]
fn who_has_no_vote_is_counted_at_no_block() {
    let mut everybody = 0;
    watch(STANDBY, 900, |view| {
        for block in tree(view).blocks {
            let named = block.committed.iter().chain(&block.locked).chain(&block.high);
            assert!(named.clone().all(|node| view.voters.contains(node)), "{}", block.words);
            everybody += u32::from(block.committed.len() == view.voters.len());
            assert!(block.committed.len() < view.voters.len() || block.words.contains("committed at all"));
        }
    });
    assert!(everybody > 0, "all four voters commit");
}

#[test]
fn a_lie_that_picks_somebody_out_can_be_meant_for_the_honest_others_or_for_clients_and_no_other_lie_for_anybody() {
    let mut view = watch(PBFT, 500, |_| {});
    view.nodes.get_mut(&NodeId(4)).expect("n4 is there").lies = true;
    let names = |trick: &str, liars: &[NodeId]| {
        victims(&view, trick, liars).iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names("withhold", &[NodeId(1)]), "n2 n3");
    assert_eq!(names("twins", &[NodeId(1), NodeId(2)]), "n3");
    assert_eq!(names("censor", &[NodeId(1)]), "c1");
    assert_eq!((names("delay", &[NodeId(1)]), names("no such trick", &[NodeId(1)])), (String::new(), String::new()));
}

#[test]
fn a_plan_picks_out_only_whom_its_tricks_are_meant_for() {
    let view = watch(PBFT, 500, |_| {});
    let against = [Endpoint::Node(NodeId(3)), Endpoint::Client(ClientId(1))];
    let of = |tricks: &[&str]| {
        let tricks: Vec<String> = tricks.iter().map(|name| (*name).to_owned()).collect();
        picked(&view, &tricks, &against)
    };
    assert_eq!((of(&["twins"]), of(&["censor"])), (against[..1].to_vec(), against[1..].to_vec()));
    assert_eq!((of(&["forge", "silent"]), of(&["censor", "withhold"])), (Vec::new(), against.to_vec()));
}
