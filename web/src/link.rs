//! What does a link hold, and what does it open?
//!
//! The lab encodes and decodes it (`scenario::share`); here it is made from the
//! model and opened into a scenario, a moment and the views.

use quorumscope_lab::scenario::Scenario;
use quorumscope_lab::scenario::share::{self, Link};

use crate::model::Model;
use crate::model::cursor::instant;
use crate::model::selection::Views;
use crate::scenarios;
use crate::scene::motion::Micros;

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
        Self { scenario: scenarios::ALL[0].toml.to_owned(), at: None, views: Views::Both, other_engine: false }
    }
}

/// What a fragment asks for; `None` where it is not a share link, an error in one sentence where it is broken.
#[must_use]
pub fn open(fragment: &str) -> Option<Result<Opened, String>> {
    if !fragment.starts_with("#v") {
        return None;
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

/// The seed of a scenario.
#[must_use]
pub fn seed(scenario: &str) -> Option<u64> {
    Scenario::from_toml(scenario).ok().map(|scenario| scenario.seed)
}

/// The same scenario with the next seed.
#[must_use]
pub fn reseeded(scenario: &str) -> Option<String> {
    let mut scenario = Scenario::from_toml(scenario).ok()?;
    scenario.seed += 1;
    Some(scenario.to_toml())
}
