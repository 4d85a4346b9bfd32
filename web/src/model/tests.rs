//! Claims about the reducer, with the real engine behind it and no browser.

use std::collections::VecDeque;

use quorumscope_core::machine::any::AnyCommand;
use quorumscope_core::machine::kv::Operation;
use quorumscope_core::membership::MembershipChange;
use quorumscope_core::record::{Body, Record, Role};
use quorumscope_core::types::{Mono, RecordId};
use quorumscope_lab::scenario::Scenario;
use quorumscope_lab::trace::view::Liveness;

use super::playing::BEFORE_DEADLINE;
use super::*;
use crate::link;
use crate::scenarios;
use crate::source::simulation::Engine;

/// A model with an engine that answers at once.
pub(super) struct Page {
    pub(super) model: Model,
    pub(super) engine: Engine,
}

impl Page {
    pub(super) fn open() -> Self {
        let mut page = Self { model: Model::new(Offers::SIMULATION, true, Pace::Smooth), engine: Engine::default() };
        page.run(Action::Open { scenario: scenarios::FIRST[0].toml.into(), at: None });
        page
    }

    pub(super) fn run(&mut self, action: Action) {
        // Answers arrive in the order in which they were given, as from a worker.
        let mut actions = VecDeque::from([action]);
        while let Some(action) = actions.pop_front() {
            for effect in self.model.update(action) {
                if let Effect::Ask(request) = effect {
                    self.engine.handle(request, &mut |answer| actions.push_back(Action::Answered(answer)));
                }
            }
        }
    }

    /// Goes to a time that may lie beyond what is known.
    pub(super) fn seek(&mut self, time: Micros) {
        while self.model.cursor.known < time && !self.model.finished {
            self.run(Action::Seek(self.model.cursor.known));
        }
        self.run(Action::Seek(time));
    }

    fn liveness(&self, node: u32) -> Liveness {
        self.model.cursor.view.nodes[&NodeId(node)].liveness
    }

    fn mark_times(&self) -> Vec<u64> {
        self.model.cursor.marks.marks.iter().map(|mark| mark.at.0).collect()
    }
}

#[test]
fn a_first_visit_stands_just_before_the_first_timer_ends() {
    let page = Page::open();
    let deadline = page.model.cursor.first_deadline().expect("a timer ends in the first second and a half");
    assert!((deadline - page.model.cursor.time - BEFORE_DEADLINE).abs() < 1.0);
    assert!(!page.model.playing);
    assert_eq!(page.model.cursor.view.nodes.len(), 5);
}

#[test]
fn a_step_forward_and_a_step_back_end_where_they_began() {
    let mut page = Page::open();
    page.run(Action::StepForward);
    let (position, view) = (page.model.cursor.position, page.model.cursor.view.clone());
    page.run(Action::StepForward);
    assert!(page.model.cursor.position > position);
    page.run(Action::StepBack);
    assert_eq!(page.model.cursor.position, position);
    assert!(*page.model.cursor.view == *view);
}

#[test]
fn acting_in_the_past_replaces_the_future_and_undo_brings_it_back() {
    let mut page = Page::open();
    let before = page.mark_times();
    page.run(Action::Seek(300_000.0));
    page.run(Action::Act(Command::Crash(NodeId(1))));
    assert_eq!(page.liveness(1), Liveness::Crashed);
    assert_ne!(page.mark_times(), before);
    assert!(page.model.notice.as_ref().is_some_and(|notice| notice.undo) || before.iter().all(|at| *at <= 300_000));
    page.run(Action::Undo);
    assert_eq!(page.liveness(1), Liveness::Up);
    assert_eq!(page.mark_times()[..before.len()], before);
    page.run(Action::Redo);
    assert_eq!(page.liveness(1), Liveness::Crashed);
}

#[test]
fn what_was_done_earlier_is_still_done_when_something_is_done_later() {
    let mut page = Page::open();
    page.run(Action::Seek(300_000.0));
    page.run(Action::Act(Command::Crash(NodeId(1))));
    page.run(Action::Seek(340_000.0));
    page.run(Action::Act(Command::Crash(NodeId(2))));
    page.run(Action::Seek(400_000.0));
    assert_eq!((page.liveness(1), page.liveness(2)), (Liveness::Crashed, Liveness::Crashed));
}

#[test]
fn a_refused_command_changes_nothing_and_says_why() {
    let mut page = Page::open();
    let records = page.model.cursor.marks.records;
    page.run(Action::Act(Command::Restart(NodeId(1))));
    assert_eq!(page.model.cursor.marks.records, records);
    assert!(page.model.notice.as_ref().is_some_and(|notice| notice.bad));
    assert!(!page.model.can_undo());
}

#[test]
fn jumps_go_from_mark_to_mark() {
    let mut page = Page::open();
    page.run(Action::Seek(0.0));
    let marks = page.mark_times();
    page.run(Action::NextMark);
    page.run(Action::NextMark);
    page.run(Action::PreviousMark);
    assert_eq!(page.model.cursor.time, marks[0] as f64);
}

#[test]
fn a_jump_beyond_what_is_known_makes_more_of_the_run_and_gets_there() {
    let mut page = opened("members", 100_000.0);
    for _ in 0..20 {
        let before = (page.model.cursor.position, page.model.cursor.time);
        page.run(Action::NextMark);
        let after = (page.model.cursor.position, page.model.cursor.time);
        assert!(after.0 > before.0 && after.1 >= before.1, "{before:?}, {after:?}");
    }
    assert!(page.model.cursor.time > 2_000_000.0);
}

#[test]
fn a_chosen_side_is_split_off_and_healed() {
    let mut page = Page::open();
    page.run(Action::Tool(Tool::Partition(std::collections::BTreeSet::new())));
    page.run(Action::Choose(NodeId(1)));
    page.run(Action::Choose(NodeId(2)));
    page.run(Action::Split);
    assert_eq!(crate::scene::ring::groups(&page.model.cursor.view).len(), 2);
    page.run(Action::Act(Command::Heal));
    assert_eq!(crate::scene::ring::groups(&page.model.cursor.view).len(), 1);
}

#[test]
fn every_scenario_of_the_page_opens_under_its_own_name() {
    for built in scenarios::all() {
        let mut page = Page::open();
        page.run(Action::Open { scenario: built.toml.into(), at: Some(1_500_000.0) });
        assert_eq!(page.model.cursor.view.name, built.title);
        assert_eq!(page.model.notice, None, "{}", built.id);
    }
}

/// Every step of every scenario of the page has run by then.
const AFTER_ALL_STEPS: &str = "4s";

#[test]
fn no_seed_and_no_crash_by_hand_ends_a_scenario_of_the_page_early() {
    for built in scenarios::all() {
        for seed in 1..=40 {
            for crash in [None, Some(430_000.0), Some(1_000_000.0)] {
                let toml = built.toml.replace("until = \"600s\"", &format!("until = \"{AFTER_ALL_STEPS}\""));
                let mut page = Page::open();
                let scenario = link::reseeded(&toml, Some(seed)).expect("it is a scenario");
                page.run(Action::Open { scenario, at: crash });
                let view = page.model.cursor.view.clone();
                let leader = view.nodes.iter().find(|(_, node)| node.status.role == Role::Leader).map(|(id, _)| *id);
                if let (Some(_), Some(leader)) = (crash, leader) {
                    page.run(Action::Act(Command::Crash(leader)));
                }
                page.run(Action::Seek(page.model.cursor.known));
                while !page.model.finished {
                    page.run(Action::Seek(page.model.cursor.known));
                }
                let bad = page.model.notice.as_ref().filter(|notice| notice.bad);
                assert_eq!(bad, None, "{} with seed {seed}, a crash at {crash:?}", built.id);
                let until = Scenario::from_toml(&toml).expect("it is a scenario").until.0 as f64;
                assert!(page.model.cursor.known >= until, "{} with seed {seed}", built.id);
            }
        }
    }
}

#[test]
fn a_step_without_a_leader_is_skipped_and_said_when_the_cursor_passes_it() {
    let mut page = Page::open();
    page.run(Action::Open {
        scenario: scenarios::by_id("leader-lost").expect("it is there").toml.into(),
        at: Some(410_000.0),
    });
    let view = page.model.cursor.view.clone();
    let leader = view.nodes.iter().find(|(_, node)| node.status.role == Role::Leader).map(|(id, _)| *id);
    page.run(Action::Act(Command::Crash(leader.expect("somebody leads"))));
    page.run(Action::Notice(None));
    page.run(Action::Seek(415_000.0));
    assert_eq!(page.model.notice, None);
    page.run(Action::Seek(425_000.0));
    let notice = page.model.notice.clone().expect("the step was passed");
    assert!(notice.text.contains("420") && notice.text.contains("no live node leads") && !notice.bad, "{notice:?}");
}

#[test]
fn an_operation_shows_as_waiting_before_its_client_has_a_session() {
    let mut page = Page::open();
    let operation = Operation::Set { key: "x".into(), value: "1".into() };
    page.run(Action::Act(Command::Propose { to: None, operation: operation.encode() }));
    assert_eq!(page.model.pending(), [operation.to_string()]);
    page.run(Action::Seek(1_400_000.0));
    assert_eq!(page.model.pending(), Vec::<String>::new(), "the client has sent it");
}

/// A live cluster whose first record is as old as that.
fn live() -> Model {
    let mut model = Model::new(Offers::LIVE, true, Pace::Smooth);
    let offers = Offers { crash: true, ..Offers::LIVE };
    model.update(Action::Answered(Answer::Attached { offers, in_memory: true }));
    let record = |sequence, at| Record {
        id: RecordId { origin: NodeId(1), sequence },
        cause: None,
        at: Time(at),
        node: Some(NodeId(1)),
        mono: Mono(at),
        body: Body::Paused,
    };
    let records = vec![record(1, 50_000_000), record(2, 52_000_000)];
    model.update(Action::Answered(Answer::Records { records, known: Time(53_000_000) }));
    model
}

#[test]
fn a_live_timeline_begins_at_its_first_record() {
    let mut model = live();
    assert_eq!(model.shown(), (50_000_000.0, 53_000_000.0));
    model.update(Action::Seek(0.0));
    assert_eq!((model.cursor.time, model.cursor.position), (50_000_000.0, 1));
}

#[test]
fn what_is_done_while_the_past_of_a_live_cluster_is_seen_is_said() {
    let mut model = live();
    model.update(Action::Seek(51_000_000.0));
    model.update(Action::Act(Command::Crash(NodeId(2))));
    model.update(Action::Answered(Answer::Acted { at: Time(53_000_000), scenario: String::new() }));
    let notice = model.notice.clone().expect("it was done");
    assert!(notice.text.contains("n2 was crashed now") && notice.text.contains("51.000 s"), "{notice:?}");
    model.update(Action::ToEnd);
    assert_eq!((model.following, model.notice), (true, None), "the past is not looked at any more");
}

#[test]
fn a_live_cluster_that_is_gone_offers_nothing() {
    let mut model = live();
    model.update(Action::Answered(Answer::Detached { refused: false, reason: "gone".into() }));
    assert_eq!((model.gone, model.offers), (Some(false), Offers::LIVE));
}

pub(super) fn opened(id: &str, at: Micros) -> Page {
    let mut page = Page::open();
    let scenario = scenarios::by_id(id).expect("it is there").toml.into();
    page.run(Action::Open { scenario, at: Some(at) });
    page
}

#[test]
fn a_command_of_another_machine_waits_until_a_client_sends_it() {
    let mut page = opened("workflow", 100_000.0);
    assert_eq!(page.model.machine, MachineKind::Workflow);
    let command = AnyCommand::read(MachineKind::Workflow, "update case c1 v9 open").expect("a command");
    page.run(Action::Act(Command::Propose { to: None, operation: command.encode() }));
    assert_eq!(page.model.pending(), ["update case c1 v9 open"]);
    page.seek(1_990_000.0);
    assert!(page.model.pending().is_empty());
}

#[test]
fn the_state_of_a_selected_node_is_that_of_the_cursor() {
    let mut page = opened("ttl", 1_500_000.0);
    let names = |page: &Page| {
        let state = page.model.insight.state.as_ref().expect("it can be told");
        state.1.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>()
    };
    page.run(Action::Select(Some(Selection::Node(NodeId(1)))));
    assert_eq!(names(&page), ["x", "y"]);
    page.seek(2_900_000.0);
    assert_eq!(names(&page), ["y"]);
    page.run(Action::Seek(1_500_000.0));
    assert_eq!(names(&page), ["x", "y"]);
}

#[test]
fn members_change_by_hand_and_undo_brings_the_old_ones_back() {
    let mut page = opened("members", 900_000.0);
    let leader = page.model.cursor.view.leader().expect("somebody leads");
    let change = MembershipChange { observe: vec![NodeId(5)], ..MembershipChange::default() };
    page.run(Action::Act(Command::Reconfigure { node: leader, change }));
    page.run(Action::Seek(990_000.0));
    assert_eq!(page.model.cursor.view.members().observers, [NodeId(5)]);
    page.run(Action::Undo);
    page.run(Action::Seek(990_000.0));
    assert!(page.model.cursor.view.members().observers.is_empty());
}

#[test]
fn an_edge_asked_for_by_hand_is_a_step_that_names_its_keys_and_undo_forgets_them() {
    let mut page = Page::open();
    page.run(Action::Open {
        scenario: scenarios::by_id("members").expect("it is there").toml.into(),
        at: Some(900_000.0),
    });
    let leader = page.model.cursor.view.leader().expect("somebody leads");
    assert!(page.model.subscribed.is_empty());
    let keys = vec!["cart/1".to_owned(), "user".to_owned()];
    page.run(Action::Act(Command::Subscribe { node: leader, edges: vec![NodeId(4)], keys }));
    page.run(Action::Seek(980_000.0));
    assert!(page.model.cursor.view.members().edge(NodeId(4)).is_some());
    assert_eq!(*page.model.subscribed, ["cart", "user"]);
    page.run(Action::Undo);
    assert!(page.model.subscribed.is_empty());
}

#[test]
fn a_run_of_pbft_offers_nothing_of_raft_but_votes_and_lists_its_own_checks() {
    let page = opened("pbft-silent-primary", 600_000.0);
    let offered = page.model.offered();
    assert!(offered.crash && offered.propose);
    assert!(!(offered.reads || offered.transfer || offered.snapshot));
    assert!(offered.members, "voters change by epochs");
    let checked = page.model.cursor.view.checked();
    assert!(checked.contains(&"Agreement") && !checked.contains(&"Election safety"), "{checked:?}");
    let raft = opened("leader-lost", 600_000.0);
    assert!(raft.model.offered().reads && raft.model.cursor.view.checked().contains(&"Election safety"));
}

/// The jump lands behind the event, where the node is in the state that the line above the picture tells of.
#[test]
fn at_a_mark_of_the_hybrid_the_feed_and_the_picture_tell_the_same() {
    use quorumscope_lab::trace::face::{Board, board};
    use quorumscope_lab::trace::timeline::MarkKind;
    let mut page = opened("hybrid-members", 20_000_000.0);
    page.seek(20_000_000.0);
    let marks = page.model.cursor.marks.marks.clone();
    let told = |page: &Page, node: NodeId| {
        let Some(Board::Grids(grids)) = board(&page.model.cursor.view, 8) else { panic!("the hybrid has grids") };
        grids.into_iter().find(|grid| grid.node == node).expect("a grid each").words
    };
    let mut seen = std::collections::BTreeMap::new();
    page.run(Action::Seek(0.0));
    while page.model.cursor.time < 20_000_000.0 {
        let before = page.model.cursor.position;
        page.run(Action::NextMark);
        let position = page.model.cursor.position;
        assert!(position > before);
        for mark in marks.iter().filter(|mark| mark.position > before && mark.position <= position) {
            let Some(node) = mark.node.filter(|node| !page.model.cursor.view.nodes[node].lies) else { continue };
            let words = told(&page, node);
            match mark.kind {
                MarkKind::Switch => assert!(words.starts_with("PBFT:"), "{words}"),
                MarkKind::Return => assert!(!words.contains("PBFT") && !words.contains("stopped"), "{words}"),
                MarkKind::Epoch => assert!(words.starts_with("epoch 1"), "{words}"),
                _ => continue,
            }
            *seen.entry(mark.kind).or_insert(0) += 1;
        }
    }
    assert_eq!(seen.len(), 3, "{seen:?}");
    let (position, time) = (page.model.cursor.position, page.model.cursor.time);
    page.run(Action::PreviousMark);
    assert!(page.model.cursor.position < position && page.model.cursor.time <= time, "it goes on back");
    let switch = marks.iter().find(|mark| mark.kind == MarkKind::Switch).expect("there is one");
    page.model.cursor.go_to(switch.position, 0.0);
    let early = told(&page, switch.node.expect("a node has switched"));
    assert!(early.starts_with("opening"), "the note stands before the status in its event: {early}");
}
