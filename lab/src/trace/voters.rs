//! Who came to vote in a run, and did more of them lie than may?
//!
//! For whoever does not watch the run: each change of voters with how many liars
//! they bear, and the moment from which more lie than that. Only the records
//! that say so are folded. Read `members` for one instant.

use quorumscope_core::bft::epoch;
use quorumscope_core::event::Event;
use quorumscope_core::record::{Body, Record};
use quorumscope_core::types::Time;

use super::view::View;
use super::{face, narrate};

/// Something that changed for the voters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// When.
    pub at: Time,
    /// Whether nothing is promised any more: more lie than may.
    pub too_many: bool,
    /// In words.
    pub text: String,
}

/// All of it, in order: where an honest node is the first to begin an epoch, and where too many begin to lie.
#[must_use]
pub fn changes(records: &[Record]) -> Vec<Told> {
    let (mut view, mut told, mut too_many) = (View::default(), Vec::new(), false);
    let tells = |body: &Body| {
        matches!(body, Body::Began(_) | Body::Lies { .. } | Body::Noted(Event::Epoch(epoch::Event::Begun { .. })))
    };
    for record in records.iter().filter(|record| tells(&record.body)) {
        let (before, at) = (view.epoch, record.at);
        view.fold(record);
        if let Some(line) = narrate::line(record, |_| None).filter(|_| view.epoch > before) {
            told.push(Told { at, too_many: false, text: line.text });
        }
        let liars = face::liars(&view).filter(|liars| liars.too_many);
        let begins = liars.is_some() && !too_many;
        too_many = liars.is_some();
        told.extend(liars.filter(|_| begins).map(|liars| Told { at, too_many, text: liars.words }));
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Run, Scenario};

    fn told(toml: &str) -> Vec<(u64, bool, String)> {
        let mut run = Run::new(&Scenario::from_toml(toml).expect("it is a scenario")).expect("it can run");
        run.run_to_end();
        let told = changes(&run.take_records());
        told.into_iter().map(|told| (told.at.0 / 1_000_000, told.too_many, told.text)).collect()
    }

    #[test]
    fn a_removal_that_leaves_too_few_voters_for_their_liar_is_told_with_what_they_bear() {
        for protocol in ["pbft", "hotstuff", "hybrid"] {
            let toml = format!(
                "name = \"fewer\"\nprotocol = \"{protocol}\"\nnodes = 4\nseed = 3\nuntil = \"4s\"\n\
                 [[step]]\nat = \"500ms\"\nbyzantine = {{ node = \"n2\", as = [\"repeat\"] }}\n\
                 [[step]]\nat = \"1s\"\nmembers = {{ remove = \"n4\" }}\n"
            );
            let told = told(&toml);
            let [(1 | 2, false, begun), (1 | 2, true, warned)] = told.as_slice() else {
                panic!("{protocol}: {told:?}")
            };
            assert!(begun.ends_with("epoch 1: n1, n2, n3 vote; none of them may lie"), "{begun}");
            assert!(warned.starts_with("n2 lies, and at most 0 of 3 may: nothing is promised"), "{warned}");
        }
    }

    #[test]
    fn as_many_liars_as_may_lie_and_a_change_that_keeps_the_number_of_voters_warn_of_nothing() {
        for toml in [
            include_str!("../../../tests/scenarios/hybrid-members.toml"),
            include_str!("../../../tests/scenarios/pbft-replaces-convicted.toml"),
        ] {
            let told = told(toml);
            let [(_, false, begun)] = told.as_slice() else { panic!("{told:?}") };
            assert!(begun.ends_with("vote; 1 of them may lie"), "{begun}");
        }
        let many = told(include_str!("../../../tests/scenarios/pbft-two-liars.toml"));
        assert_eq!(many.iter().filter(|(_, too_many, _)| *too_many).count(), 1, "{many:?}");
    }
}
