//! Does any sentence show a term as the whole cluster counts it?
//!
//! Terms of entries and statuses count over the instances of the hybrid: after a
//! switch they are above all those of the first one. A person is told the term within
//! its instance.

use quorumscope_core::types::Term;

use super::{explain, question};
use crate::scenario::{ProtocolName, Run, Scenario};
use crate::trace::narrate;
use crate::trace::timeline::Timeline;

const SCENARIO: &str = include_str!("../../../../tests/scenarios/hybrid-convicted.toml");

/// A whole number, in decimal, that can only be a term of a later instance. Log times stand in no sentence.
fn shows_a_raw_term(text: &str) -> bool {
    let first_of_later = Term(0).in_instance(1).0;
    let words = text.split(|c: char| !c.is_alphanumeric());
    words.filter_map(|word| word.parse::<u64>().ok()).any(|number| number >= first_of_later)
}

#[test]
fn no_sentence_shows_a_term_that_counts_over_instances() {
    let mut run = Run::new(&Scenario::from_toml(SCENARIO).expect("it is a scenario")).expect("it can run");
    run.run_to_end();
    let mut timeline = Timeline::default();
    timeline.push(run.take_records());
    let lookup = |id| timeline.find(id).and_then(|found| timeline.record(found));
    let mut told = 0;
    for record in (0..timeline.len()).filter_map(|at| timeline.record(at)) {
        let explanation = explain(record, ProtocolName::Hybrid, lookup);
        let values = explanation.values.iter().map(|(_, value)| value.as_str());
        let line = narrate::line(record, lookup);
        let lines = line.iter().map(|line| line.text.as_str());
        for text in values.chain(lines).chain([explanation.sentence.as_str()]) {
            assert!(!shows_a_raw_term(text), "{text}");
            told += 1;
        }
    }
    let view = run.simulation().view();
    let later =
        view.nodes.values().flat_map(|node| &node.log).filter(|entry| entry.term.within_instance() < entry.term);
    assert!(later.count() > 0 && told > 1_000, "entries of later instances, and {told} sentences");
    for (id, node) in &view.nodes {
        for entry in &node.log {
            let why = question::why_committed(&view, *id, entry.index).expect("it is held");
            assert!(!shows_a_raw_term(&why.sentence), "{}", why.sentence);
            let is_later = entry.term.instance() > 0;
            assert!(!is_later || !why.sentence.contains(&entry.term.to_string()), "{}", why.sentence);
        }
    }
}
