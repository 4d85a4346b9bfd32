//! Does the reference of scenario files say what the reader does?
//!
//! `docs/scenarios.md` is read here: its examples are carried out, and every
//! word that the reader knows must stand in it. Prose is not judged.

use super::document::{MessageKind, Selector};
use super::{
    ProtocolName, Run, Scenario, has, network, properties, read, read_expect, read_step, settings, settings_hotstuff,
    settings_hybrid, settings_pbft,
};
use crate::adversary::Trick;

const REFERENCE: &str = include_str!("../../../docs/scenarios.md");

/// What an example that shows only a part is put after.
const HEAD: &str = "protocol = \"raft\"\nnodes = 5\nseed = 11\nuntil = \"5s\"\n";

/// The fenced TOML of the reference, each with what it lacks to be a scenario.
fn examples() -> Vec<String> {
    let blocks = REFERENCE.split("```toml\n").skip(1);
    let blocks = blocks.map(|rest| rest.split("```").next().expect("split gives at least one part"));
    blocks
        .map(|block| if block.contains("protocol = ") { block.to_owned() } else { format!("{HEAD}{block}") })
        .collect()
}

#[test]
fn every_example_of_the_reference_is_read_and_does_what_it_expects() {
    let examples = examples();
    assert!(examples.len() >= 5, "the reference has lost its examples");
    for example in examples {
        let scenario = Scenario::from_toml(&example).unwrap_or_else(|error| panic!("{error:?}\n{example}"));
        let mut run = Run::new(&scenario).unwrap_or_else(|error| panic!("{error:?}\n{example}"));
        run.run_to_end();
        assert!(run.error().is_none(), "{:?}\n{example}", run.error());
        assert!(run.succeeded(), "{:?}\n{example}", run.expectations());
    }
}

#[test]
fn every_word_of_a_scenario_stands_in_the_reference() {
    let words = read::KEYS
        .into_iter()
        .chain(settings::SETTINGS)
        .chain(settings_pbft::SETTINGS)
        .chain(settings_hotstuff::SETTINGS)
        .chain(settings_hybrid::THREAT)
        .chain(network::KEYS)
        .chain(read::CLIENT)
        .chain(read_step::KEYS)
        .chain(read_expect::KEYS)
        .chain(Selector::WORDS);
    let words = words.chain(Trick::ALL.into_iter().map(Trick::name));
    let words = words.chain(MessageKind::ALL.into_iter().map(MessageKind::name));
    let roles = ProtocolName::ALL.into_iter().flat_map(|protocol| has::roles(protocol).iter().map(|(name, _)| *name));
    let words = words.chain(roles).chain([read_expect::NOBODY]).map(String::from);
    for word in words.chain(properties::all().map(properties::slug)) {
        assert!(REFERENCE.contains(&format!("`{word}`")), "docs/scenarios.md does not say what `{word}` is");
    }
}
