//! Known good and bad histories, and the search against brute force.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;

use quorumscope_core::types::{ClientId, RequestNumber, Time};

use super::*;

const BUDGET: u64 = 1_000_000;

/// A history as a script: operations of clients on key `x`, opened and closed by hand.
#[derive(Default)]
struct Script {
    history: History,
    last: u64,
}

impl Script {
    fn begin(&mut self, client: u64, operation: &Operation) -> (ClientId, RequestNumber) {
        self.last += 1;
        let name = (ClientId(client), RequestNumber(self.last));
        self.history.invoke(Time(self.last), name.0, name.1, operation.clone().into());
        name
    }

    fn end(&mut self, (client, number): (ClientId, RequestNumber), before: Option<&str>) {
        self.history.answer(Time(self.last), client, number, before);
    }

    fn whole(&mut self, client: u64, operation: &Operation, before: Option<&str>) -> &mut Self {
        let name = self.begin(client, operation);
        self.end(name, before);
        self
    }

    #[track_caller]
    fn fails_with(&self, words: &str) {
        let verdict = check(&self.history, BUDGET);
        assert!(matches!(&verdict, Verdict::NotLinearizable(detail) if detail.contains(words)), "{verdict:?}");
    }

    #[track_caller]
    fn holds(&self) {
        assert_eq!(check(&self.history, BUDGET), Verdict::Linearizable);
    }
}

fn set(value: &str) -> Operation {
    Operation::Set { key: "x".into(), value: value.into() }
}

fn get() -> Operation {
    Operation::Get { key: "x".into() }
}

/// Of which the log time is not known unless a test says so.
fn set_for(value: &str) -> Operation {
    Operation::SetFor { key: "x".into(), value: value.into(), ttl: Span(1) }
}

fn delete() -> Operation {
    Operation::Delete { key: "x".into() }
}

#[test]
fn one_after_the_other_each_sees_the_one_before() {
    let mut script = Script::default();
    script.whole(1, &set("1"), None).whole(2, &set("2"), Some("1")).whole(1, &get(), Some("2"));
    script.whole(1, &delete(), Some("2")).whole(2, &get(), None).holds();
}

#[test]
fn a_stale_read_is_found_and_named() {
    let mut script = Script::default();
    script.whole(1, &set("1"), None).whole(1, &set("2"), Some("1")).whole(2, &get(), Some("1"));
    script.fails_with("c2#3 get x answered \"1\", and in every order that explains what came before, x held \"2\"");
}

#[test]
fn a_read_beside_a_write_may_see_either_side_of_it() {
    for seen in [None, Some("1")] {
        let mut script = Script::default();
        let write = script.begin(1, &set("1"));
        script.whole(2, &get(), seen);
        script.end(write, None);
        script.holds();
    }
}

#[test]
fn two_reads_beside_a_write_may_not_go_back() {
    let mut script = Script::default();
    let write = script.begin(1, &set("1"));
    script.whole(2, &get(), Some("1")).whole(3, &get(), None);
    script.end(write, None);
    script.fails_with("c3#3 get x answered nothing");
}

#[test]
fn a_lost_update_is_found() {
    let mut script = Script::default();
    let (a, b) = (script.begin(1, &set("1")), script.begin(2, &set("2")));
    script.end(a, None);
    script.end(b, None);
    script.fails_with("answered nothing");
}

#[test]
fn a_command_applied_twice_is_found() {
    let mut script = Script::default();
    script.whole(1, &set("1"), Some("1"));
    script
        .fails_with("c1#1 set x = 1 answered \"1\", and in every order that explains what came before, x held nothing");
}

#[test]
fn an_unknown_write_may_take_effect_late_and_only_once() {
    let mut script = Script::default();
    script.begin(1, &set("1"));
    script.whole(2, &get(), None).whole(2, &set("2"), None).whole(2, &get(), Some("1"));
    script.holds();
    script.whole(2, &set("3"), Some("1")).whole(2, &get(), Some("1"));
    script.fails_with("answered \"1\"");
}

#[test]
fn an_unknown_write_may_never_take_effect() {
    let mut script = Script::default();
    script.begin(1, &set("1"));
    script.begin(1, &delete());
    script.whole(2, &set("2"), None).whole(2, &get(), Some("2")).holds();
}

#[test]
fn a_refused_write_did_not_happen() {
    let mut script = Script::default();
    let (client, number) = script.begin(1, &set("1"));
    script.history.refuse(client, number);
    script.whole(2, &get(), Some("1"));
    script.fails_with("c2#2 get x answered \"1\", and in every order that explains what came before, x held nothing");
}

#[test]
fn keys_are_judged_apart() {
    let mut script = Script::default();
    let other = |value: &str| Operation::Set { key: "y".into(), value: value.into() };
    script.whole(1, &set("1"), None).whole(1, &other("2"), None).whole(2, &get(), Some("1")).holds();
    script.whole(1, &other("3"), None).fails_with("set y = 3 answered nothing");
}

#[test]
fn out_of_budget_is_undecided() {
    let mut script = Script::default();
    script.whole(1, &set("1"), None).whole(2, &get(), Some("1"));
    assert_eq!(check(&script.history, 1), Verdict::Undecided);
}

#[test]
fn a_value_with_a_time_to_live_may_go_once_and_takes_no_other_with_it() {
    let verdict = |moves: &[(Operation, Option<&str>)]| {
        let mut script = Script::default();
        for (operation, before) in moves {
            script.whole(1, operation, *before);
        }
        check(&script.history, 10_000)
    };
    let good = |moves: &[(Operation, Option<&str>)]| verdict(moves) == Verdict::Linearizable;
    assert!(good(&[(set_for("1"), None), (get(), Some("1")), (get(), None)]));
    assert!(!good(&[(set("1"), None), (get(), None)]));
    assert!(!good(&[(set_for("1"), None), (get(), None), (get(), Some("1"))]));
    assert!(!good(&[(set_for("1"), None), (set("2"), Some("1")), (get(), None)]));
    assert!(good(&[(set_for("1"), None), (set("2"), None), (get(), Some("2"))]));
}

#[test]
fn a_write_whose_answer_was_lost_may_have_come_and_expired() {
    let mut script = Script::default();
    script.whole(1, &set("1"), None);
    script.begin(2, &set_for("2"));
    script.whole(1, &get(), Some("1")).whole(1, &get(), None);
    assert_eq!(check(&script.history, 10_000), Verdict::Linearizable);
}

/// An operation on its own, at this log time in microseconds; values live for 5 µs.
fn dated(script: &mut Script, at: u64, operation: &Operation, before: Option<&str>) {
    let operation = match operation.clone() {
        Operation::SetFor { key, value, .. } => Operation::SetFor { key, value, ttl: Span(5) },
        other => other,
    };
    let name = script.begin(1, &operation);
    script.history.executed(name.0, name.1, Wall(at));
    script.end(name, before);
}

fn dated_verdict(operations: &[(u64, Operation, Option<&str>)]) -> Verdict {
    let mut script = Script::default();
    operations.iter().for_each(|(at, operation, before)| dated(&mut script, *at, operation, *before));
    check(&script.history, BUDGET)
}

#[test]
fn where_log_time_is_known_a_value_goes_at_its_time_and_neither_before_nor_after() {
    let good = |at, found| dated_verdict(&[(10, set_for("1"), None), (at, get(), found)]) == Verdict::Linearizable;
    assert!(good(14, Some("1")) && !good(14, None), "it lives for 5 µs");
    assert!(good(15, None) && !good(15, Some("1")), "and not longer");
    let set_again = |at, before| {
        let operations = [(10, set_for("1"), None), (at, set("2"), before), (99, get(), Some("2"))];
        dated_verdict(&operations) == Verdict::Linearizable
    };
    assert!(set_again(14, Some("1")) && set_again(15, None) && !set_again(14, None) && !set_again(15, Some("1")));
}

#[test]
fn log_time_never_falls_along_the_order_of_operations() {
    let forth = [(1, set("1"), None), (2, get(), Some("1")), (30, set_for("2"), Some("1"))];
    assert_eq!(dated_verdict(&forth), Verdict::Linearizable);
    let back = [(1, set("1"), None), (30, get(), Some("1")), (29, set_for("2"), Some("1"))];
    assert!(matches!(dated_verdict(&back), Verdict::NotLinearizable(_)));
}

#[test]
fn an_open_write_of_known_log_time_may_have_come_and_expired_and_one_of_none_never_came() {
    for executed in [true, false] {
        let mut script = Script::default();
        dated(&mut script, 10, &set("1"), None);
        let open = script.begin(2, &set_for("2"));
        if executed {
            script.history.executed(open.0, open.1, Wall(20));
        }
        dated(&mut script, 30, &get(), None);
        assert_eq!(check(&script.history, BUDGET) == Verdict::Linearizable, executed);
    }
}

#[test]
fn a_command_takes_effect_once_and_its_first_log_time_counts() {
    let mut script = Script::default();
    let name = script.begin(1, &set_for("1"));
    let executed = |script: &mut Script, at| script.history.executed(name.0, name.1, Wall(at));
    assert_eq!([10, 90].map(|at| executed(&mut script, at)), [Some(false), Some(true)]);
    assert_eq!(script.history.executed(ClientId(9), RequestNumber(9), Wall(1)), None);
    script.end(name, None);
    dated(&mut script, 90, &get(), Some("1"));
    script.fails_with("answered \"1\"");
}

/// Ten thousand operations of three clients that overlap all the time.
#[test]
fn a_long_history_needs_few_steps_an_operation() {
    let mut script = Script::default();
    let mut value = None;
    let mut open = Vec::new();
    for number in 0..10_000_u64 {
        let text = number.to_string();
        let name = script.begin(number % 3, &set(&text));
        open.push((name, value.replace(text)));
        if open.len() == 3 {
            open.rotate_left(usize::from(number % 2 == 0));
            let (name, before) = open.remove(0);
            script.end(name, before.as_deref());
        }
    }
    assert_eq!(check(&script.history, 200_000), Verdict::Linearizable);
}

/// Tries every order of every choice of open operations.
fn brute_force(operations: &[Invoked]) -> bool {
    fn extend(operations: &[Invoked], done: &mut Vec<usize>, value: Option<&str>) -> bool {
        let is_open = |invoked: &Invoked| invoked.outcome == Outcome::Open;
        let left: Vec<usize> = (0..operations.len()).filter(|at| !done.contains(at)).collect();
        if left.iter().all(|at| is_open(&operations[*at])) {
            return true;
        }
        let must_come_first = |at: usize| {
            left.iter().any(|other| {
                matches!(operations[*other].outcome, Outcome::Answered { order, .. } if order < operations[at].order)
            })
        };
        left.iter().any(|at| {
            let invoked = &operations[*at];
            let fits = match &invoked.outcome {
                Outcome::Answered { before, .. } => before.as_deref() == value,
                Outcome::Open | Outcome::Refused => true,
            };
            if !fits || must_come_first(*at) {
                return false;
            }
            let after = written(invoked).unwrap_or(value);
            done.push(*at);
            let found = extend(operations, done, after);
            done.pop();
            found
        })
    }
    extend(operations, &mut Vec::new(), None)
}

/// One client's move: which, what, which value, and what became of it.
fn moves() -> impl Strategy<Value = Vec<(u64, u8, u8, u8, u8)>> {
    proptest::collection::vec((1..4_u64, 0..3_u8, 1..4_u8, 0..5_u8, 0..4_u8), 1..7)
}

/// Operations overlap: each is answered `delay` moves after it began, with an answer that is often right.
fn history_of(moves: &[(u64, u8, u8, u8, u8)]) -> History {
    let mut script = Script::default();
    let mut waiting: Vec<(usize, (ClientId, RequestNumber), Option<String>)> = Vec::new();
    let mut value: Option<String> = None;
    for (at, (client, kind, text, fate, delay)) in moves.iter().enumerate() {
        let operation = match kind {
            0 => get(),
            1 => delete(),
            _ => set(&text.to_string()),
        };
        let name = script.begin(*client, &operation);
        let answer = if *fate == 1 { Some(text.to_string()) } else { value.clone() };
        match &operation {
            Operation::Set { value: new, .. } if *fate != 3 => value = Some(new.clone()),
            Operation::Delete { .. } if *fate != 3 => value = None,
            Operation::Set { .. } | Operation::SetFor { .. } | Operation::Delete { .. } | Operation::Get { .. } => {}
        }
        if *fate != 0 && *fate != 3 {
            waiting.push((at + usize::from(*delay), name, answer));
        }
        let due: Vec<_> = waiting.extract_if(.., |(when, ..)| *when <= at).collect();
        due.into_iter().for_each(|(_, name, answer)| script.end(name, answer.as_deref()));
    }
    waiting.into_iter().for_each(|(_, name, answer)| script.end(name, answer.as_deref()));
    script.history
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_search_agrees_with_brute_force(moves in moves()) {
        let history = history_of(&moves);
        let expected = brute_force(&history.operations);
        let verdict = check(&history, BUDGET);
        prop_assert_eq!(verdict == Verdict::Linearizable, expected, "{:?}", verdict);
    }
}

/// The property above would say little if random histories were nearly all good or all bad.
#[test]
fn random_histories_are_good_and_bad() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut good = 0;
    for _ in 0..500 {
        let moves = moves().new_tree(&mut runner).expect("a tree").current();
        good += u32::from(brute_force(&history_of(&moves).operations));
    }
    assert!((100..400).contains(&good), "{good} of 500 are linearizable");
}
