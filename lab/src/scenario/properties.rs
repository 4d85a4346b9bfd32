//! Which properties can an expectation name?
//!
//! Those of the checkers, and the contracts that the world itself holds its
//! nodes to. Scenarios write them in lower case with hyphens.

use crate::check::property;

/// Stands for any property.
pub const ANY: &str = "any";

/// What the world itself checks.
const WORLD: [&str; 3] = ["writes continue the log", "a promise waits for its write", "broken invariant"];

/// All properties, as violations name them.
pub fn all() -> impl Iterator<Item = &'static str> {
    property::ALL.into_iter().chain(WORLD)
}

/// As scenarios write it.
#[must_use]
pub fn slug(property: &str) -> String {
    property.to_lowercase().replace(' ', "-")
}

/// The property that is meant.
#[must_use]
pub fn named(word: &str) -> Option<&'static str> {
    property::named(word).or_else(|| WORLD.into_iter().find(|known| slug(known) == slug(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_property_is_found_by_the_name_that_scenarios_write() {
        for property in all() {
            assert_eq!(named(&slug(property)), Some(property));
        }
        assert_eq!(named("election-safty"), None);
    }
}
