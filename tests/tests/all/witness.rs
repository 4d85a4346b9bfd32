//! Does each rule guard what it says?
//!
//! A rule's witness is a scenario that switches it off and breaks a property.
//! The same scenario with the rule on must break nothing: then it is the rule
//! that makes the difference, and the checker that sees it.

use std::path::{Path, PathBuf};

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
        // A leader has to follow the highest certificate that a quorum has told of.
        Rule::HotStuffSafeNode | Rule::HotStuffVoteOncePerView | Rule::HotStuffPersistBeforeVote => {
            &[Rule::HotStuffTimeoutCertificates]
        }
        _ => &[],
    }
}

/// Rules that no run has shown yet, or can show, and the test in `core` that does; `docs/rules.md` says why.
const IN_CORE_ALONE: [(Rule, &str); 10] = [
    (Rule::HotStuffVotesInTimeouts, "votes_in_timeouts_complete_the_certificate_of_a_silent_leader"),
    (Rule::PbftNullRequests, "a_gap_before_what_was_prepared_is_filled_in_a_new_view"),
    (Rule::HybridCommitOwnTerm, "a_certificate_of_an_older_term_is_not_committed_by_being_named"),
    (Rule::HybridAlarmsOfSeveral, "one_alarm_would_be_enough_without_the_rule"),
    (Rule::HybridLeaveOnWordsOfQuorum, "one_replica_that_says_that_it_is_calm_ends_nothing"),
    (Rule::HybridDwellDoubles, "the_second_return_takes_twice_as_long"),
    (Rule::HybridConvictedNeverLeads, "a_convicted_replica_does_not_lead"),
    (Rule::HybridWishesOfSeveral, "one_liars_wishes_move_nobody"),
    (Rule::EpochChangeByOperatorOnly, "without_the_operators_key_any_client_replaces_the_voters"),
    (Rule::EpochLinkOfQuorum, "without_a_quorum_of_the_old_voters_one_liar_makes_an_epoch"),
];

/// The rules that a scenario shows.
fn witnessed() -> impl Iterator<Item = Rule> {
    ProtocolName::switchable().filter(|rule| IN_CORE_ALONE.iter().all(|(alone, _)| alone != rule))
}

fn kind(rule: Rule) -> &'static str {
    match rule.kind() {
        RuleKind::Safety => "safety",
        RuleKind::Liveness => "liveness",
    }
}

/// The one row of a rule in `docs/rules.md`, in its cells.
fn row(text: &str, rule: Rule) -> Vec<String> {
    let begin = format!("| `{}` |", rule.name());
    let rows: Vec<_> = text.lines().filter(|line| line.starts_with(&begin)).collect();
    let [row] = rows.as_slice() else { panic!("one row of {} in docs/rules.md, not {}", rule.name(), rows.len()) };
    row.split('|').map(|cell| cell.trim().to_owned()).collect()
}

fn list_of_rules() -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/rules.md");
    std::fs::read_to_string(&path).expect("docs/rules.md")
}

/// All source files of `core`.
fn sources(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder of sources").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            sources(&entry, found);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            found.push(std::fs::read_to_string(&entry).expect("a source file"));
        }
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
    for rule in witnessed() {
        let scenario = witness(rule);
        let mut off: Vec<_> = masks(rule).iter().copied().chain([rule]).collect();
        off.sort_unstable();
        assert_eq!(scenario.rules_off, off, "{}", scenario.name);
        let facts = || scenario.expect.iter().flat_map(|expect| &expect.facts);
        let names = facts().all(|fact| matches!(fact, Fact::Violation(Some(_))));
        assert!(names && facts().count() > 0, "{} names the property that breaks", scenario.name);
    }
    let files = std::fs::read_dir(folder()).expect("the folder of witnesses").count();
    assert_eq!(files, witnessed().count(), "a file for each rule and no other");
}

/// A row names the rule, its kind, its witness and what that one breaks; what a hunt found stands behind it.
#[test]
fn every_rule_has_one_row_in_the_list_of_rules_that_tells_of_its_witness() {
    let text = list_of_rules();
    for rule in witnessed() {
        let cells = row(&text, rule);
        let name = short_name(rule);
        let expect = witness(rule).expect;
        let broken = expect.iter().flat_map(|expect| &expect.facts).find_map(|fact| match fact {
            Fact::Violation(Some(property)) => Some(property.to_lowercase().replace(' ', "-")),
            _ => None,
        });
        let link = format!("[{name}](../tests/scenarios/witness/{name}.toml)");
        let told = [kind(rule), link.as_str(), broken.as_deref().unwrap_or("")];
        assert_eq!(cells.get(2..5).expect("cells"), told, "{cells:?}");
        assert_eq!(cells.len(), 9, "a row has seven cells: {cells:?}");
        assert!(cells[6] == "witness only" || cells[6].starts_with(|c: char| c.is_ascii_digit()), "{cells:?}");
    }
}

#[test]
fn whatever_rule_no_scenario_shows_a_test_beside_its_protocol_does_and_the_list_says_why() {
    let text = list_of_rules();
    let mut core = Vec::new();
    sources(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../core/src"), &mut core);
    for (rule, test) in IN_CORE_ALONE {
        // Of one protocol, or of several.
        let begins = [format!("fn {test}("), format!("fn {test}<")];
        let is_there = |source: &String| begins.iter().any(|begin| source.contains(begin));
        let holds = |source: &String| is_there(source) && source.contains(&format!("Rule::{rule:?}"));
        assert!(core.iter().any(holds), "{test} and {} in one file", rule.name());
        let cells = row(&text, rule);
        assert_eq!((cells.len(), cells[2].as_str()), (6, kind(rule)), "{cells:?}");
        assert_eq!(cells[3], format!("`{test}`"));
        assert!(!cells[4].is_empty(), "{} says why", rule.name());
    }
}

/// The section of the list with this heading, as the cells of its rows.
fn section(text: &str, heading: &str) -> Vec<Vec<String>> {
    let (_, after) = text.split_once(heading).expect("the section is there");
    let lines = after.lines().take_while(|line| !line.starts_with("## "));
    let rows = lines.filter(|line| line.starts_with("| ")).skip(2);
    rows.map(|row| row.split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

#[test]
fn every_mistake_of_others_names_a_rule_or_a_test_that_there_is() {
    let text = list_of_rules();
    let mut core = Vec::new();
    sources(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../core/src"), &mut core);
    let rows = section(&text, "## Mistakes that others have made where nodes may lie");
    assert!(rows.len() > 20, "{} rows", rows.len());
    for cells in rows {
        let [_, mistake, guards, _] = cells.as_slice() else { panic!("two cells: {cells:?}") };
        for guard in guards.split(", ") {
            let name = guard.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')).expect("a name in backticks");
            let begins = [format!("fn {name}("), format!("fn {name}<")];
            let is_test = || core.iter().any(|source| begins.iter().any(|begin| source.contains(begin)));
            assert!(Rule::named(name).is_some() || is_test(), "{mistake}: there is no {name}");
        }
    }
}

#[test]
fn without_its_rule_each_witness_breaks_the_property_it_names() {
    for rule in witnessed() {
        let scenario = witness(rule);
        let run = run(&scenario);
        let failed: Vec<_> = run.expectations().iter().filter(|result| result.held != Some(true)).collect();
        assert!(run.succeeded(), "{} off: {failed:?}; broken: {:#?}", rule.name(), run.simulation().violations());
    }
}

#[test]
fn with_its_rule_no_witness_breaks_anything() {
    for rule in witnessed() {
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
    for rule in witnessed().filter(|rule| rule.kind() == RuleKind::Liveness) {
        let mut scenario = witness(rule);
        let named: Vec<_> = scenario.expect.iter().flat_map(|expect| expect.facts.clone()).collect();
        assert_eq!(named, [Fact::Violation(Some(property::LIVENESS.into()))], "{}", rule.name());
        scenario.rules_off = masks(rule).to_vec();
        scenario.expect.iter_mut().for_each(|expect| expect.facts = vec![Fact::Live]);
        let run = run(&scenario);
        assert!(run.until() >= run.calm().deadline(), "{} is judged after the bound", rule.name());
        assert!(run.succeeded(), "{} on: {:?}", rule.name(), run.expectations());
    }
}

#[test]
fn the_witnesses_of_safety_rules_name_safety_properties() {
    for rule in witnessed().filter(|rule| rule.kind() == RuleKind::Safety) {
        let scenario = witness(rule);
        let liveness = Fact::Violation(Some(property::LIVENESS.into()));
        assert!(scenario.expect.iter().all(|expect| !expect.facts.contains(&liveness)), "{}", rule.name());
    }
}
