//! Claims about the reducer, with the real engine behind it and no browser.

use std::collections::VecDeque;

use quorumscope_lab::trace::view::Liveness;

use super::*;
use crate::scenarios;
use crate::source::simulation::Engine;

/// A model with an engine that answers at once.
struct Page {
    model: Model,
    engine: Engine,
}

impl Page {
    fn open() -> Self {
        let mut page = Self { model: Model::new(Offers::SIMULATION, true, Pace::Smooth), engine: Engine::default() };
        page.run(Action::Open { scenario: scenarios::ALL[0].toml.into(), at: None });
        page
    }

    fn run(&mut self, action: Action) {
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
    for built in &scenarios::ALL {
        let mut page = Page::open();
        page.run(Action::Open { scenario: built.toml.into(), at: Some(1_500_000.0) });
        assert_eq!(page.model.cursor.view.name, built.title);
        assert_eq!(page.model.notice, None, "{}", built.id);
    }
}
