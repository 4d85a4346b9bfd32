//! What does a link hold, and what does it open?
//!
//! The lab encodes and decodes it (`scenario::share`); here it is made from the
//! model and opened into a scenario, a moment and the views.

use quorumscope_core::few;
use quorumscope_core::machine::any::MachineKind;
use quorumscope_core::types::Time;
use quorumscope_lab::scenario::share::{self, Link};
use quorumscope_lab::scenario::{Action, Scenario};

use crate::model::Model;
use crate::model::cursor::instant;
use crate::model::selection::Views;
use crate::scenarios;
use crate::scene::motion::Micros;
use crate::words::notice;

/// What an address asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Opened {
    /// The scenario as TOML.
    pub scenario: String,
    /// Where the cursor goes.
    pub at: Option<Micros>,
    /// Which views.
    pub views: Views,
    /// Whether another version made the link.
    pub other_engine: bool,
}

impl Opened {
    /// What a first visit opens.
    #[must_use]
    pub fn first() -> Self {
        Self { scenario: scenarios::FIRST[0].toml.to_owned(), at: None, views: Views::Both, other_engine: false }
    }
}

/// What a fragment asks for; `None` where there is none, an error in one sentence where it is broken.
#[must_use]
pub fn open(fragment: &str) -> Option<Result<Opened, String>> {
    if fragment.len() < 2 {
        return None;
    }
    if !fragment.starts_with("#v") {
        return Some(Err(notice::UNKNOWN_ADDRESS.into()));
    }
    let opened = share::decode(fragment).map(|link| Opened {
        other_engine: link.is_of_another_engine(),
        scenario: link.scenario.to_toml(),
        at: Some(link.cursor.0 as f64),
        views: Views::named(&link.layout),
    });
    Some(opened.map_err(|error| error.to_string()))
}

/// The link for this moment.
#[must_use]
pub fn make(model: &Model) -> Option<String> {
    let scenario = Scenario::from_toml(&model.scenario).ok()?;
    let link = Link {
        scenario,
        engine: share::ENGINE.into(),
        cursor: instant(model.cursor.time),
        layout: model.views.name().into(),
        branch: 0,
        digest: None,
    };
    Some(share::encode(&link))
}

/// What a scenario calls itself; empty where it cannot be read.
#[must_use]
pub fn name(scenario: &str) -> String {
    Scenario::from_toml(scenario).map(|scenario| scenario.name).unwrap_or_default()
}

/// A scenario as a run of it has it; as it is where it cannot be read.
#[must_use]
pub fn canonical(scenario: &str) -> String {
    Scenario::from_toml(scenario).map_or_else(|_| scenario.to_owned(), |scenario| scenario.to_toml())
}

/// The seed of a scenario.
#[must_use]
pub fn seed(scenario: &str) -> Option<u64> {
    Scenario::from_toml(scenario).ok().map(|scenario| scenario.seed)
}

/// What a scenario says about itself; empty where it says nothing.
#[must_use]
pub fn about(scenario: &str) -> String {
    Scenario::from_toml(scenario).map(|scenario| scenario.about).unwrap_or_default()
}

/// The same scenario with time to go on by hand after its last step.
#[must_use]
pub fn prolonged(scenario: &str) -> String {
    /// Longer than anybody tries something out at a stretch.
    const LONG: Time = Time(600_000_000);
    match Scenario::from_toml(scenario) {
        Ok(read) if read.until < LONG => Scenario { until: LONG, ..read }.to_toml(),
        Ok(_) | Err(_) => scenario.to_owned(),
    }
}

/// The state machine that a scenario's log drives.
#[must_use]
pub fn machine(scenario: &str) -> MachineKind {
    Scenario::from_toml(scenario).map(|scenario| scenario.machine.kind).unwrap_or_default()
}

/// The names of all that edges are asked to hold in a scenario, each once.
#[must_use]
pub fn subscribed(scenario: &str) -> Vec<String> {
    let steps = Scenario::from_toml(scenario).map(|scenario| scenario.steps).unwrap_or_default();
    let asked = steps.into_iter().filter_map(|step| match step.action {
        Some(Action::Subscribe { keys, .. }) => Some(keys),
        Some(_) | None => None,
    });
    few::distinct(asked.flatten().map(|key| key.split('/').next().unwrap_or_default().to_owned()))
}

/// The rules that are switched off in a scenario, as people read them; empty where all are on.
#[must_use]
pub fn rules_off(scenario: &str) -> String {
    let off = Scenario::from_toml(scenario).map(|scenario| scenario.rules_off).unwrap_or_default();
    off.iter().map(|rule| rule.name()).collect::<Vec<_>>().join(", ")
}

/// The same scenario with this seed, or the next.
#[must_use]
pub fn reseeded(scenario: &str, seed: Option<u64>) -> Option<String> {
    let mut scenario = Scenario::from_toml(scenario).ok()?;
    scenario.seed = seed.unwrap_or(scenario.seed + 1);
    Some(scenario.to_toml())
}
