//! Does the page say of a moment what is true at it, and nothing of what comes later?

use std::collections::VecDeque;

use quorumscope_core::types::NodeId;
use quorumscope_lab::scenario::Scenario;
use quorumscope_lab::trace::lanes::Flight;
use quorumscope_lab::trace::timeline::MarkKind;

use super::tests::{Page, opened};
use super::*;
use crate::scenarios;

/// A page whose source answers only when it is told to.
struct Slow {
    page: Page,
    answers: VecDeque<Answer>,
}

impl Slow {
    fn open(scenario: &str, at: Micros) -> Self {
        let mut page = Page::open();
        let mut answers = VecDeque::new();
        for effect in page.model.update(Action::Open { scenario: scenario.into(), at: Some(at) }) {
            if let Effect::Ask(request) = effect {
                page.engine.handle(request, &mut |answer| answers.push_back(answer));
            }
        }
        Self { page, answers }
    }

    fn hear_one(&mut self) -> bool {
        let Some(answer) = self.answers.pop_front() else { return false };
        self.page.run(Action::Answered(answer));
        true
    }
}

#[test]
fn a_run_that_was_asked_for_is_computed_until_its_moment_is_there() {
    let built = scenarios::by_id("leader-lost").expect("it is there");
    let mut slow = Slow::open(built.toml, 1_100_000.0);
    assert_eq!(slow.page.model.name(), scenarios::FIRST[0].title, "another run is still seen");
    let mut heard = 0;
    while slow.page.model.cursor.view.name != built.title {
        let computing = slow.page.model.computing().expect("it is not seen yet");
        assert_eq!((computing.name.as_str(), computing.until), (built.title, 1_100_000.0));
        assert!(slow.hear_one(), "it never came");
        heard += 1;
    }
    assert!(heard > 4, "it took more than one answer");
    assert_eq!((slow.page.model.computing(), slow.page.model.cursor.time), (None, 1_100_000.0));
}

#[test]
fn a_moment_after_the_end_of_a_run_is_its_end() {
    let toml = scenarios::by_id("leader-lost").expect("it is there").toml;
    let end = Scenario::from_toml(toml).expect("it is a scenario").until.0 as f64;
    let mut page = Page::open();
    page.run(Action::Open { scenario: toml.into(), at: Some(end + 1_000_000.0) });
    assert_eq!((page.model.computing(), page.model.cursor.time), (None, end));
}

#[test]
fn what_a_scenario_expects_has_a_verdict_from_the_moment_on_at_which_it_is_settled() {
    let mut seen = (0, 0, 0);
    for built in scenarios::all() {
        let mut page = opened(built.id, 0.0);
        page.seek(4_500_000.0);
        let settled: Vec<(usize, f64, Option<bool>)> = page
            .model
            .expectations
            .iter()
            .enumerate()
            .filter_map(|(place, expected)| Some((place, expected.settled?.0 as f64, expected.held)))
            .collect();
        seen.0 += settled.len();
        for (place, at, held) in settled {
            page.run(Action::Seek(at));
            assert_eq!(page.model.verdicts()[place], held, "{}", built.id);
            seen.1 += usize::from(held == Some(true));
            page.run(Action::Seek(at - 1.0));
            if at > 0.0 {
                assert_eq!(page.model.verdicts()[place], None, "{}: no verdict before {at}", built.id);
                seen.2 += 1;
            }
        }
    }
    assert!(seen.0 > 20 && seen.1 > 20 && seen.2 > 20, "{seen:?}");
}

#[test]
fn a_message_that_leaves_later_is_not_sent_yet_and_has_no_reasons_yet() {
    let mut page = opened("pbft-silent-primary", 20_000.0);
    page.run(Action::Views(Views::Lanes));
    let flights = page.model.cursor.lanes.flights.clone();
    let waits =
        |flight: &&Flight| page.model.cursor.view.nodes.values().any(|node| node.waiting.contains_key(&flight.key.0));
    let written = flights.iter().find(waits).expect("one waits for its sender's disk").key;
    let later = flights.last().filter(|flight| flight.departed.0 > 20_000).expect("one leaves later");
    page.run(Action::Select(Some(Selection::Message(written.0, written.1))));
    assert_eq!(page.model.insight.unsent, Some(insight::Unsent::Disk));
    page.run(Action::Select(Some(Selection::Message(later.key.0, later.key.1))));
    assert_eq!(page.model.insight.unsent, Some(insight::Unsent::Until(later.departed)));
    assert!(page.model.insight.why.is_empty() && page.model.insight.chain.is_empty());
    page.run(Action::Seek(later.departed.0 as f64));
    assert_eq!(page.model.insight.unsent, None);
    assert!(page.model.cursor.view.messages.contains_key(&later.key));
    page.run(Action::Seek(1_000_000.0));
    assert!(page.model.insight.unsent.is_none() && !page.model.cursor.view.messages.contains_key(&later.key));
}

#[test]
fn the_same_run_again_leaves_nothing_to_take_back() {
    let mut page = Page::open();
    page.run(Action::Open { scenario: scenarios::FIRST[0].toml.into(), at: None });
    assert!(!page.model.can_undo());
    page.run(Action::Act(Command::Crash(NodeId(1))));
    page.run(Action::Open { scenario: scenarios::FIRST[0].toml.into(), at: None });
    assert!(page.model.can_undo());
    page.run(Action::Undo);
    assert!(page.model.scenario.contains("crash"), "what was done by hand is back");
}

#[test]
fn while_the_hybrid_goes_over_to_pbft_nobody_is_said_to_give_a_view_up() {
    let mut page = opened("hybrid-under-attack", 2_200_000.0);
    let mut said = Vec::new();
    while page.model.cursor.time < 2_330_000.0 {
        if page.model.cursor.view.leader().is_none() {
            said.push(hint::next(&page.model.cursor.view, false, page.model.offered()));
        }
        page.run(Action::StepForward);
    }
    assert!(!said.is_empty(), "it happens");
    assert!(said.iter().all(|line| *line == words::hints::OPENING), "{said:?}");
}

#[test]
fn a_liar_has_a_mark_of_its_own_on_the_timeline() {
    let mut page = opened("hybrid-under-attack", 1_400_000.0);
    page.seek(1_600_000.0);
    let kind = |page: &Page| {
        let marks = page.model.cursor.marks.marks.iter().filter(|mark| mark.at.0 == 1_500_000);
        marks.map(|mark| mark.kind).collect::<Vec<_>>()
    };
    assert!(kind(&page).contains(&MarkKind::Lie), "{:?}", kind(&page));
    page.run(Action::Act(Command::Pause(NodeId(3))));
    let marks = &page.model.cursor.marks.marks;
    assert!(marks.iter().any(|mark| mark.node == Some(NodeId(3)) && mark.kind == MarkKind::Fault), "{marks:?}");
}
