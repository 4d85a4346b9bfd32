//! What must a replica not forget of epochs?
//!
//! Which one it is in, by which links it got there, and that it has ended. The
//! first two are written when an epoch begins, in one write with all that the
//! protocol begins it with; the last with the execution of its last place. Any
//! other write says nothing of epochs.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::link::Link;
use crate::membership::Membership;
use crate::types::Sequence;

/// A part of the protocol's hard state; in a write, what has changed of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HardState {
    /// The epoch; 0 in a write that says nothing of it.
    pub number: u64,
    /// How it got there: all links of the past, in order; in a write, the new ones.
    pub links: Vec<Arc<Link>>,
    /// Where the epoch has ended, and who votes in the next one.
    pub ended: Option<Box<(Sequence, Membership)>>,
}

/// A run in which voters stay has the digest that it had before they could change: what says nothing adds nothing.
impl Hash for HardState {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self { number, links, ended } = self;
        if *self != Self::default() {
            (number, links, ended).hash(state);
        }
    }
}

impl HardState {
    /// Whether a later write begins another epoch: then nothing else of the protocol's hard state stays.
    #[must_use]
    pub fn ends_with(&self, later: &Self) -> bool {
        later.number > self.number
    }

    /// Takes what a later write says.
    pub fn absorb(&mut self, later: Self) {
        let Self { number, links, ended } = later;
        if number > self.number {
            self.number = number;
            self.links.extend(links);
            self.ended = ended;
        } else if ended.is_some() {
            self.ended = ended;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::NodeId;

    fn ended(at: u64) -> HardState {
        let next = Membership::of(vec![NodeId(1)]);
        HardState { ended: Some(Box::new((Sequence(at), next))), ..HardState::default() }
    }

    #[test]
    fn a_write_that_says_nothing_of_epochs_changes_nothing_and_one_that_begins_one_ends_the_one_before() {
        let mut hard = HardState::default();
        hard.absorb(ended(4));
        hard.absorb(HardState::default());
        assert_eq!(hard, ended(4));
        let begins = HardState { number: 1, ..HardState::default() };
        assert!(hard.ends_with(&begins) && !hard.ends_with(&HardState::default()));
        hard.absorb(begins.clone());
        assert_eq!(hard, begins);
        hard.absorb(HardState::default());
        assert_eq!(hard, begins);
    }
}
