//! How is an expectation told to people who do not write scenarios?
//!
//! As a sentence without quotes, brackets and field names. What a scenario file
//! says of it is in `print`, whether it holds is found in `facts`.

use core::fmt::Display;

use quorumscope_core::record::Fate;
use quorumscope_core::types::Span;

use super::document::{Bound, Commit, Expect, Fact, Selector, Told, When};
use super::read_expect::role_name;
use super::units::print_span;
use crate::trace::words;

/// The whole expectation: when, and what.
pub(super) fn expectation(expect: &Expect) -> String {
    let when = match expect.when {
        When::At(time) => format!("At {}", time_text(Span(time.0))),
        When::By(time) => format!("By {} at the latest", time_text(Span(time.0))),
        When::Always => "All the time".into(),
    };
    let facts: Vec<String> = expect.facts.iter().map(fact).collect();
    format!("{when}: {}.", facts.join("; "))
}

/// A span with a blank between number and unit.
fn time_text(span: Span) -> String {
    let text = print_span(span);
    let unit = text.find(|letter: char| letter.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit);
    format!("{number} {unit}")
}

fn fact(fact: &Fact) -> String {
    match fact {
        Fact::Leaders(0) => "nobody leads".into(),
        Fact::Leaders(1) => "one node leads".into(),
        Fact::Leaders(count) => format!("{count} nodes lead"),
        Fact::Leader(node) => format!("{} leads", one(node)),
        Fact::NotLeader(node) => format!("somebody leads, and not {}", one(node)),
        Fact::Role(nodes, role) => format!("{}: {}", all_of(nodes, "all nodes"), role_name(*role)),
        Fact::Term { node, is } => {
            let whose = if node.is_empty() { String::new() } else { format!(" of {}", all_of(node, "")) };
            format!("term{whose}: {}", bound(is, |term| term.0))
        }
        Fact::Committed(wanted) => format!("{} is committed", commit(wanted)),
        Fact::NotCommitted(wanted) => format!("{} is not committed", commit(wanted)),
        Fact::State { key, value: Some(value), on } => {
            format!("{key} is “{value}” at {}", all_of(on, "every running node"))
        }
        Fact::State { key, value: None, on } => format!("{key} is nowhere at {}", all_of(on, "any running node")),
        Fact::Members { at, voters, learners, observers, joint } => {
            let mut text = format!("to {}, voters are {}", all_of(at, "the leader"), all_of(voters, "nobody"));
            for (name, list) in [("learners", learners), ("observers", observers)] {
                if !list.is_empty() {
                    text.push_str(&format!(", {name} {}", all_of(list, "")));
                }
            }
            if *joint {
                text.push_str(", and old voters decide with them");
            }
            text
        }
        Fact::Agree(on) => format!("the logs of {} are equal", all_of(on, "all running members")),
        Fact::AppliedEqual => "all running members have come equally far, to equal states".into(),
        Fact::Invariant(None) => "nothing that is checked breaks".into(),
        Fact::Invariant(Some(name)) => format!("{} holds", property(name)),
        Fact::Violation(None) => "something that is checked breaks".into(),
        Fact::Violation(Some(name)) => format!("{} breaks", property(name)),
        Fact::Linearizable => "what clients saw fits one order of all operations".into(),
        Fact::AllAnswered => "every request has an answer that its client believes".into(),
        Fact::Live => "once all is calm, somebody leads and something is committed in time".into(),
        Fact::Snapshot { node, is } => {
            format!(
                "the snapshots of {} end at entry {}",
                all_of(node, "all running nodes"),
                bound(is, |index| index.0)
            )
        }
        Fact::Convicted(nodes) => format!("convicted of lies: {}, and nobody else", all_of(nodes, "nobody")),
        Fact::Told { operation, is } => match is {
            Told::Nothing => format!("{operation} has no answer"),
            Told::Text(text) => format!("{operation} was answered: {}", words::answered(text)),
            Told::Failed => format!("{operation} has failed for certain"),
            Told::Unknown => format!("nobody can tell whether {operation} happened"),
            Told::Early => format!("{operation} was answered early"),
        },
        Fact::Counted { what, is } => format!("{what}: {}", bound(is, |count| *count)),
        Fact::Early { operation, is } => match is {
            Fate::Open => format!("{operation} was answered early, and it is open what becomes of it"),
            Fate::Safe => format!("{operation} was answered early, and is safe"),
            Fate::Lost => format!("{operation} was answered early, and is lost"),
        },
    }
}

fn bound<T, N: Display>(is: &Bound<T>, number: impl Fn(&T) -> N) -> String {
    match is {
        Bound::Exactly(wanted) => number(wanted).to_string(),
        Bound::AtLeast(wanted) => format!("{} or more", number(wanted)),
        Bound::AtMost(wanted) => format!("{} or less", number(wanted)),
    }
}

fn commit(commit: &Commit) -> String {
    match commit {
        Commit::Operation(operation) => operation.to_string(),
        Commit::Index(index) => format!("entry {index}"),
    }
}

/// A property by its own name.
fn property(name: &str) -> String {
    format!("“{}”", name.to_lowercase())
}

fn one(selector: &Selector) -> String {
    match selector {
        Selector::Node(node) => node.to_string(),
        Selector::Client(client) => client.to_string(),
        Selector::Leader => "the leader".into(),
        Selector::Primary => "the primary".into(),
        Selector::Followers => "the followers".into(),
        Selector::AnyFollower => "a follower".into(),
        Selector::Foremost => "the leader, or who is furthest".into(),
        Selector::Down => "whoever is down".into(),
        Selector::All => "all nodes".into(),
        Selector::Rest => "all others".into(),
        Selector::Bound(name) => name.clone(),
    }
}

/// All that are named, or these words where nobody is.
fn all_of(targets: &[Selector], nobody: &str) -> String {
    if targets.is_empty() { nobody.to_owned() } else { targets.iter().map(one).collect::<Vec<_>>().join(", ") }
}

#[cfg(test)]
mod tests {
    use crate::scenario::{Run, Scenario};

    fn sentences(scenario: &str) -> Vec<String> {
        let run = Run::new(&Scenario::from_toml(scenario).expect("it is a scenario")).expect("it can run");
        run.expectations().iter().map(|expectation| expectation.sentence.clone()).collect()
    }

    #[test]
    fn expectations_are_sentences() {
        let told = sentences(include_str!("../../../tests/scenarios/pbft-members.toml"));
        assert_eq!(told[0], "At 1900 ms: to n1, n2, n3, voters are n1, n2, n3, n4.");
        assert!(told[1].starts_with("By 4 s at the latest: ") && told[1].contains("x is “1” at n5"), "{}", told[1]);
        assert!(
            told[2].contains("the logs of n2, n3, n5 are equal; ") && told[2].contains("changes of voters: 1 or more"),
            "{}",
            told[2]
        );
        assert_eq!(told.last().expect("there are some"), "All the time: nothing that is checked breaks.");
        let broken = sentences(include_str!("../../../tests/scenarios/pbft-two-liars.toml"));
        assert!(broken.iter().any(|text| text == "At 6 s: “agreement” breaks."), "{broken:?}");
    }

    #[test]
    fn no_sentence_reads_like_a_file() {
        for scenario in [
            include_str!("../../../tests/scenarios/members.toml"),
            include_str!("../../../tests/scenarios/fast-path.toml"),
            include_str!("../../../tests/scenarios/unknown-outcome.toml"),
            include_str!("../../../tests/scenarios/snapshot.toml"),
            include_str!("../../../tests/scenarios/reads.toml"),
            include_str!("../../../tests/scenarios/leader-lost.toml"),
            include_str!("../../../tests/scenarios/hybrid-convicted.toml"),
        ] {
            for told in sentences(scenario) {
                let of_a_file = ['{', '}', '[', ']', '"', '_'].iter().any(|sign| told.contains(*sign));
                assert!(!of_a_file, "{told}");
            }
        }
    }
}
