//! What became of commands that were answered before a quorum had them?
//!
//! An early answer names index and term. The oracle's commits judge it: it is
//! *safe* once the request is committed, at that index or anywhere else (a copy
//! of it may have reached another leader), and *lost* once another entry is
//! committed at that index and the request nowhere. Until then it is open. A
//! late copy makes what was lost safe again, never the other way round.
//!
//! That something is lost is no violation: the client was told that it was not
//! safe. For the search of an order (`linearizable`) such an operation stays
//! open until its result comes.

use litemap::LiteMap;
use quorumscope_core::record::Fate;
use quorumscope_core::types::{ClientId, LogIndex, RequestNumber, Term};

/// A request by its client's number.
pub type Name = (ClientId, RequestNumber);

/// What the oracle counts as committed.
pub trait Committed {
    /// Whose request is committed at this index; the protocol's own entries are nobody's.
    fn name_at(&self, index: LogIndex) -> Option<Name>;

    /// The last committed index.
    fn through(&self) -> LogIndex;

    /// Whether this request is committed anywhere.
    fn holds(&self, name: Name) -> bool {
        (1..=self.through().0).rev().any(|index| self.name_at(LogIndex(index)) == Some(name))
    }
}

/// An early answer, and what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judged {
    /// Whose request.
    pub client: ClientId,
    /// Which.
    pub number: RequestNumber,
    /// Where its leader put it.
    pub index: LogIndex,
    /// In that leader's term.
    pub term: Term,
    /// What became of it.
    pub fate: Fate,
}

/// Early answers that clients believe, and that are not known to be safe.
#[derive(Clone, Debug, Default)]
pub struct EarlyAnswers {
    open: LiteMap<Name, (LogIndex, Term)>,
    lost: LiteMap<Name, (LogIndex, Term)>,
}

impl EarlyAnswers {
    /// A client was told that its request stands at `index` in the log of the leader of `term`.
    pub fn told(&mut self, name: Name, index: LogIndex, term: Term, committed: &impl Committed) -> Option<Judged> {
        self.open.insert(name, (index, term));
        let there = committed.name_at(index)?;
        self.settle(name, there, committed)
    }

    /// The entry at `index` is committed now.
    pub fn committed(&mut self, index: LogIndex, committed: &impl Committed) -> Vec<Judged> {
        if self.open.is_empty() && self.lost.is_empty() {
            return Vec::new();
        }
        let Some(there) = committed.name_at(index) else { return Vec::new() };
        let found = self.lost.remove(&there).map(|place| judged(there, place, Fate::Safe));
        let meant = |(name, place): (&Name, &(LogIndex, Term))| (*name == there || place.0 == index).then_some(*name);
        let names: Vec<Name> = self.open.iter().filter_map(meant).collect();
        found.into_iter().chain(names.into_iter().filter_map(|name| self.settle(name, there, committed))).collect()
    }

    /// Judges an open one, where `there` is committed in its place or is the request itself.
    fn settle(&mut self, name: Name, there: Name, committed: &impl Committed) -> Option<Judged> {
        let place = self.open.remove(&name)?;
        if name == there || committed.holds(name) {
            return Some(judged(name, place, Fate::Safe));
        }
        self.lost.insert(name, place);
        Some(judged(name, place, Fate::Lost))
    }
}

fn judged((client, number): Name, (index, term): (LogIndex, Term), fate: Fate) -> Judged {
    Judged { client, number, index, term, fate }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOBODY: Name = (ClientId(0), RequestNumber(0));

    impl Committed for Vec<Name> {
        fn name_at(&self, index: LogIndex) -> Option<Name> {
            self.get(usize::try_from(index.0).ok()?.checked_sub(1)?).copied()
        }

        fn through(&self) -> LogIndex {
            LogIndex(self.len() as u64)
        }
    }

    fn request(number: u64) -> Name {
        (ClientId(1), RequestNumber(number))
    }

    fn fates(judged: impl IntoIterator<Item = Judged>) -> Vec<(u64, Fate)> {
        judged.into_iter().map(|judged| (judged.number.0, judged.fate)).collect()
    }

    /// Commits one after the other, and tells what became of early answers at indexes 2 and 3 of term 1.
    fn run(entries: &[Name]) -> Vec<(u64, Fate)> {
        let mut early = EarlyAnswers::default();
        let mut committed = vec![NOBODY];
        assert_eq!(early.told(request(7), LogIndex(2), Term(1), &committed), None);
        assert_eq!(early.told(request(8), LogIndex(3), Term(1), &committed), None);
        let mut found = Vec::new();
        for entry in entries {
            committed.push(*entry);
            found.extend(fates(early.committed(committed.through(), &committed)));
        }
        found
    }

    #[test]
    fn what_is_committed_where_it_was_told_is_safe() {
        assert_eq!(run(&[request(7), request(8)]), [(7, Fate::Safe), (8, Fate::Safe)]);
    }

    #[test]
    fn another_entry_in_its_place_loses_it() {
        assert_eq!(run(&[NOBODY, request(9)]), [(7, Fate::Lost), (8, Fate::Lost)]);
    }

    #[test]
    fn a_copy_that_is_committed_elsewhere_is_safe_before_and_after_its_place_is_taken() {
        assert_eq!(run(&[request(8), request(9)]), [(7, Fate::Lost), (8, Fate::Safe)]);
        assert_eq!(run(&[NOBODY, NOBODY, request(7)]), [(7, Fate::Lost), (8, Fate::Lost), (7, Fate::Safe)]);
    }

    #[test]
    fn what_is_committed_before_its_client_is_told_is_judged_at_once() {
        let mut early = EarlyAnswers::default();
        let committed = vec![NOBODY, request(7), NOBODY];
        assert_eq!(fates(early.told(request(7), LogIndex(2), Term(1), &committed)), [(7, Fate::Safe)]);
        assert_eq!(fates(early.told(request(8), LogIndex(3), Term(1), &committed)), [(8, Fate::Lost)]);
        assert_eq!(fates(early.told(request(7), LogIndex(3), Term(1), &committed)), [(7, Fate::Safe)]);
        assert_eq!(early.told(request(9), LogIndex(4), Term(1), &committed), None);
    }
}
