//! Do the five properties of the Raft paper's Figure 3 hold in a small world?
//!
//! Of the past a state remembers only what the properties speak of: in which
//! terms a leader was elected, and the log that counts as committed: what a
//! leader has counted as held by a quorum, or what any node has applied. That is
//! what nodes believe; the oracle of `crate::check`, which counts for itself,
//! remembers too much of the past to be part of a state.

use quorumscope_core::types::{LogIndex, NodeId};

use super::local::{Brief, Outcome};
use crate::check::property::{
    ELECTION_SAFETY, LEADER_APPEND_ONLY, LEADER_COMPLETENESS, LOG_MATCHING, STATE_MACHINE_SAFETY,
};

/// A node stopped because an invariant of its own does not hold.
pub const OWN_INVARIANT: &str = "Own invariant";

/// A contradiction: property and sentence.
pub(super) type Finding = (&'static str, String);

/// A committed entry, and the term in which it was committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Committed {
    pub(super) entry: Brief,
    pub(super) in_term: u8,
}

/// What a state remembers of its past.
#[derive(Clone, Debug, Default)]
pub(super) struct Past {
    /// One bit a term in which a leader was elected.
    pub(super) led: u8,
    pub(super) committed: Vec<Committed>,
}

fn slot(index: LogIndex) -> usize {
    usize::try_from(index.0.saturating_sub(1)).unwrap_or(usize::MAX)
}

fn describe(entry: Brief) -> String {
    let Brief { term, command } = entry;
    if command == 0 { format!("the no-op of t{term}") } else { format!("command {command} of t{term}") }
}

impl Past {
    /// What `outcome` adds at `node`, whose term is `term` and whose log is `log` now; or what contradicts it.
    pub(super) fn add(&mut self, node: NodeId, term: u8, log: &[Brief], outcome: &Outcome) -> Option<Finding> {
        if let Some(fact) = outcome.broken {
            return Some((OWN_INVARIANT, format!("{node} stops: it does not hold that {fact}")));
        }
        if let Some(from) = outcome.overwrote {
            return Some((LEADER_APPEND_ONLY, format!("{node} leads t{term} and removes its entries from {from} on")));
        }
        if let Some(term) = outcome.elected {
            if self.led & 1 << term != 0 {
                return Some((ELECTION_SAFETY, format!("{node} is elected in t{term}, and somebody was before")));
            }
            self.led |= 1 << term;
            let earlier = self.committed.iter().take_while(|committed| committed.in_term < term);
            let missing = earlier.zip(1..).find(|(known, at)| log.get(slot(LogIndex(*at))) != Some(&known.entry));
            if let Some((known, at)) = missing {
                let found = log.get(slot(LogIndex(at))).map_or_else(|| "nothing".to_owned(), |entry| describe(*entry));
                let (entry, in_term) = (describe(known.entry), known.in_term);
                let detail = format!(
                    "{node} leads t{term} with {found} at index {at}, where {entry} was committed in t{in_term}"
                );
                return Some((LEADER_COMPLETENESS, detail));
            }
        }
        let mut believed = outcome.committed.iter().chain(&outcome.applied);
        believed.find_map(|(index, entry)| self.commit(node, term, *index, *entry))
    }

    fn commit(&mut self, node: NodeId, in_term: u8, index: LogIndex, entry: Brief) -> Option<Finding> {
        match self.committed.get(slot(index)) {
            Some(known) if known.entry == entry => None,
            Some(known) => {
                let detail = format!(
                    "{node} commits or applies {} at index {index}, where {} was committed in t{}",
                    describe(entry),
                    describe(known.entry),
                    known.in_term
                );
                Some((STATE_MACHINE_SAFETY, detail))
            }
            None => {
                self.committed.push(Committed { entry, in_term });
                None
            }
        }
    }
}

/// Whether two logs that share an entry (index and term) are equal up to it.
pub(super) fn logs_match(one: (NodeId, &[Brief]), other: (NodeId, &[Brief])) -> Option<Finding> {
    let shared = one.1.iter().zip(other.1).rposition(|(a, b)| a.term == b.term)?;
    let at = one.1.iter().zip(other.1).take(shared + 1).position(|(a, b)| a != b)?;
    let detail = format!(
        "the logs of {} and {} hold an entry of t{} at index {}, and {} and {} at index {}",
        one.0,
        other.0,
        one.1[shared].term,
        shared + 1,
        describe(one.1[at]),
        describe(other.1[at]),
        at + 1
    );
    Some((LOG_MATCHING, detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(terms: &[u8]) -> Vec<Brief> {
        terms.iter().map(|term| Brief { term: *term, command: 0 }).collect()
    }

    fn past(terms: &[u8]) -> Past {
        Past {
            led: 0,
            committed: log(terms).into_iter().map(|entry| Committed { entry, in_term: entry.term }).collect(),
        }
    }

    fn property(past: &mut Past, log: &[Brief], outcome: Outcome) -> Option<&'static str> {
        past.add(NodeId(1), 3, log, &outcome).map(|(property, _)| property)
    }

    #[test]
    fn a_second_election_in_a_term_is_found() {
        let (mut past, elected) = (past(&[]), || Outcome { elected: Some(3), ..Outcome::default() });
        assert_eq!(property(&mut past, &[], elected()), None);
        assert_eq!(property(&mut past, &[], elected()), Some(ELECTION_SAFETY));
    }

    #[test]
    fn a_leader_without_a_committed_entry_is_found_and_one_of_an_older_term_is_not() {
        for (log_of, found) in
            [(vec![1, 2, 3], None), (vec![1, 3], Some(LEADER_COMPLETENESS)), (vec![1], Some(LEADER_COMPLETENESS))]
        {
            let elected = Outcome { elected: Some(3), ..Outcome::default() };
            assert_eq!(property(&mut past(&[1, 2]), &log(&log_of), elected), found, "{log_of:?}");
        }
        let elected = Outcome { elected: Some(2), ..Outcome::default() };
        assert_eq!(property(&mut past(&[1, 2]), &log(&[1, 2]), elected), None);
        let old = Outcome { elected: Some(2), ..Outcome::default() };
        assert_eq!(property(&mut past(&[1, 2]), &log(&[1]), old), None, "what its own term commits is not there yet");
    }

    #[test]
    fn a_different_entry_at_a_committed_index_is_found() {
        let applied = |term| Outcome { applied: vec![(LogIndex(2), Brief { term, command: 0 })], ..Outcome::default() };
        assert_eq!(property(&mut past(&[1, 2]), &[], applied(2)), None);
        assert_eq!(property(&mut past(&[1, 2]), &[], applied(3)), Some(STATE_MACHINE_SAFETY));
    }

    #[test]
    fn logs_that_share_an_entry_and_differ_before_it_are_found() {
        let found = |a: &[u8], b: &[u8]| logs_match((NodeId(1), &log(a)), (NodeId(2), &log(b))).is_some();
        assert!(!found(&[1, 1, 2], &[1, 1, 3]));
        assert!(!found(&[1, 2], &[1, 2, 2]));
        assert!(found(&[1, 1, 3], &[1, 2, 3]));
        let same_term = [Brief { term: 1, command: 1 }];
        assert!(logs_match((NodeId(1), &log(&[1])), (NodeId(2), &same_term)).is_some());
    }
}
