//! Does each rule guard what it says?
//!
//! A rule's witness is a scenario that switches it off and breaks a property.
//! The same scenario with the rule on must break nothing: then it is the rule
//! that makes the difference, and the checker that sees it.

use std::path::PathBuf;

use quorumscope_core::raft::{Rule, RuleKind};
use quorumscope_lab::check::linearizable::{self, Verdict};
use quorumscope_lab::check::property;
use quorumscope_lab::scenario::{Fact, LINEARIZABILITY_BUDGET, ProtocolName, Run, Scenario};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scenarios/witness")
}

/// What its file is called: rules of other protocols than Raft have its name before theirs.
fn short_name(rule: Rule) -> String {
    match rule.name().split_once('.') {
        Some(("raft" | "session", name)) => name.into(),
        _ => rule.name().replace('.', "-"),
    }
}

fn witness(rule: Rule) -> Scenario {
    let path = folder().join(format!("{}.toml", short_name(rule)));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Scenario::from_toml(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Rules that hide the absence of this one: its witness switches them off in both runs.
fn masks(rule: Rule) -> &'static [Rule] {
    match rule {
        // Both configurations of a joint one need the old majority, which tells of every leader.
        Rule::ChangeAfterOwnCommit => &[Rule::JointConsensus],
        _ => &[],
    }
}

fn run(scenario: &Scenario) -> Run {
    let mut run = Run::new(scenario).expect("settings that can run");
    run.run_to_end();
    assert_eq!(run.error(), None, "{}", scenario.name);
    run
}

#[test]
fn every_rule_has_a_witness_that_switches_off_that_rule_alone_and_names_a_property() {
    for rule in ProtocolName::switchable() {
        let scenario = witness(rule);
        let off: Vec<_> = masks(rule).iter().copied().chain([rule]).collect();
        assert_eq!(scenario.rules_off, off, "{}", scenario.name);
        let facts = || scenario.expect.iter().flat_map(|expect| &expect.facts);
        let names = facts().all(|fact| matches!(fact, Fact::Violation(Some(_))));
        assert!(names && facts().count() > 0, "{} names the property that breaks", scenario.name);
    }
    let files = std::fs::read_dir(folder()).expect("the folder of witnesses").count();
    assert_eq!(files, ProtocolName::switchable().count(), "a file for each rule and no other");
}

/// A row names the rule, its kind, its witness and what that one breaks; what a hunt found stands behind it.
#[test]
fn every_rule_has_one_row_in_the_list_of_rules_that_tells_of_its_witness() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/rules.md");
    let text = std::fs::read_to_string(&path).expect("docs/rules.md");
    for rule in ProtocolName::switchable() {
        let begin = format!("| `{}` |", rule.name());
        let rows: Vec<_> = text.lines().filter(|line| line.starts_with(&begin)).collect();
        let [row] = rows.as_slice() else { panic!("one row of {} in docs/rules.md, not {}", rule.name(), rows.len()) };
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let kind = match rule.kind() {
            RuleKind::Safety => "safety",
            RuleKind::Liveness => "liveness",
        };
        let name = short_name(rule);
        let expect = witness(rule).expect;
        let broken = expect.iter().flat_map(|expect| &expect.facts).find_map(|fact| match fact {
            Fact::Violation(Some(property)) => Some(property.to_lowercase().replace(' ', "-")),
            _ => None,
        });
        let link = format!("[{name}](../tests/scenarios/witness/{name}.toml)");
        assert_eq!(cells.get(2..5), Some(&[kind, &link, broken.as_deref().unwrap_or("")][..]), "{row}");
        assert_eq!(cells.len(), 9, "a row has seven cells: {row}");
        assert!(cells[6] == "witness only" || cells[6].starts_with(|c: char| c.is_ascii_digit()), "{row}");
    }
}

#[test]
fn without_its_rule_each_witness_breaks_the_property_it_names() {
    for rule in ProtocolName::switchable() {
        let scenario = witness(rule);
        let run = run(&scenario);
        let failed: Vec<_> = run.expectations().iter().filter(|result| result.held != Some(true)).collect();
        assert!(run.succeeded(), "{} off: {failed:?}; broken: {:#?}", rule.name(), run.simulation().violations());
    }
}

#[test]
fn with_its_rule_no_witness_breaks_anything() {
    for rule in ProtocolName::switchable() {
        let mut scenario = witness(rule);
        scenario.rules_off = masks(rule).to_vec();
        scenario.expect.clear();
        let run = run(&scenario);
        assert_eq!(run.simulation().violations(), [], "{} on", rule.name());
        let order = linearizable::check(run.simulation().history(), LINEARIZABILITY_BUDGET);
        assert_eq!(order, Verdict::Linearizable, "{} on", rule.name());
    }
}

#[test]
fn with_its_rule_each_liveness_witness_makes_progress_after_calm() {
    for rule in ProtocolName::switchable().filter(|rule| rule.kind() == RuleKind::Liveness) {
        let mut scenario = witness(rule);
        let named: Vec<_> = scenario.expect.iter().flat_map(|expect| expect.facts.clone()).collect();
        assert_eq!(named, [Fact::Violation(Some(property::LIVENESS.into()))], "{}", rule.name());
        scenario.rules_off.clear();
        scenario.expect.iter_mut().for_each(|expect| expect.facts = vec![Fact::Live]);
        let run = run(&scenario);
        assert!(run.until() >= run.calm().deadline(), "{} is judged after the bound", rule.name());
        assert!(run.succeeded(), "{} on: {:?}", rule.name(), run.expectations());
    }
}

#[test]
fn the_witnesses_of_safety_rules_name_safety_properties() {
    for rule in ProtocolName::switchable().filter(|rule| rule.kind() == RuleKind::Safety) {
        let scenario = witness(rule);
        let liveness = Fact::Violation(Some(property::LIVENESS.into()));
        assert!(scenario.expect.iter().all(|expect| !expect.facts.contains(&liveness)), "{}", rule.name());
    }
}
