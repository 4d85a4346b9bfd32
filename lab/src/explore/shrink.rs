//! Which is the shortest scenario that still breaks the same property?
//!
//! Steps are dropped in halves, quarters and so on down to one, then in pairs
//! (a crash goes with its restart), clients and their operations are reduced,
//! and what happens after the violation is cut off. A candidate counts only if
//! all its steps can be carried out and the same property breaks. Progress is
//! promised once the faults are over, so where there is none a candidate counts
//! only if no fault stands in its calm that did not stand in that of the run to
//! be shrunk: the step that heals a partition stays, or goes with the partition.

use quorumscope_core::types::Time;

use super::one_seed::explore;
use crate::check::property;
use crate::scenario::Scenario;
use crate::sim::Standing;

/// Most runs that one shrinking may take.
const MAX_RUNS: u32 = 1_000;

/// A shrunken scenario.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The shortest found.
    pub scenario: Scenario,
    /// How many runs it took.
    pub runs: u32,
}

/// Shortens a scenario that breaks `property`.
#[must_use]
pub fn shrink(scenario: &Scenario, property: &str) -> Shrunk {
    let of_progress = [property::LIVENESS, property::SOMEBODY_ASKS].contains(&property);
    let in_calm = if of_progress { explore(scenario).ok().and_then(|outcome| outcome.in_calm) } else { None };
    let mut search = Search { best: scenario.clone(), property, in_calm, runs: 0 };
    loop {
        let before = search.best.clone();
        search.cut_tail();
        search.drop_runs_of_steps();
        search.drop_pairs_of_steps();
        search.fewer_clients();
        search.calmer_network();
        if search.best == before || search.runs >= MAX_RUNS {
            break;
        }
    }
    Shrunk { scenario: search.best, runs: search.runs }
}

struct Search<'a> {
    best: Scenario,
    property: &'a str,
    /// Where it is about progress: the faults that may stand in the calm.
    in_calm: Option<Standing>,
    runs: u32,
}

impl Search<'_> {
    /// Takes the candidate where it breaks the same property.
    fn takes(&mut self, candidate: Scenario) -> bool {
        if self.runs >= MAX_RUNS || candidate == self.best {
            return false;
        }
        self.runs += 1;
        let counts = explore(&candidate).is_ok_and(|outcome| {
            let stands = outcome.in_calm.zip(self.in_calm);
            outcome.breaks(self.property) && stands.is_none_or(|(found, may)| found.is_within(&may))
        });
        if counts {
            self.best = candidate;
        }
        counts
    }

    /// Ends the run right after the violation. What is judged at the end of a run keeps its time.
    fn cut_tail(&mut self) {
        if [property::LIVENESS, property::SOMEBODY_ASKS, property::LINEARIZABILITY].contains(&self.property) {
            return;
        }
        let Ok(outcome) = explore(&self.best) else { return };
        let Some(found) = outcome.violations.iter().find(|found| found.property == self.property) else { return };
        let until = Time(found.at.0.saturating_add(1));
        if until < self.best.until {
            let mut candidate = self.best.clone();
            candidate.until = until;
            candidate.steps.retain(|step| step.at <= until);
            self.takes(candidate);
        }
    }

    fn drop_runs_of_steps(&mut self) {
        let mut length = self.best.steps.len();
        while length > 0 {
            let mut start = 0;
            while start < self.best.steps.len() {
                let mut candidate = self.best.clone();
                let end = (start + length).min(candidate.steps.len());
                candidate.steps.drain(start..end);
                if !self.takes(candidate) {
                    start += length;
                }
            }
            length /= 2;
        }
    }

    fn drop_pairs_of_steps(&mut self) {
        let mut first = 0;
        while first < self.best.steps.len() {
            let mut second = first + 1;
            while second < self.best.steps.len() {
                let mut candidate = self.best.clone();
                candidate.steps.remove(second);
                candidate.steps.remove(first);
                if !self.takes(candidate) {
                    second += 1;
                }
            }
            first += 1;
        }
    }

    fn fewer_clients(&mut self) {
        let mut place = 0;
        while place < self.best.clients.len() {
            if self.best.clients.len() > 1 {
                let mut candidate = self.best.clone();
                candidate.clients.remove(place);
                if self.takes(candidate) {
                    continue;
                }
            }
            self.fewer_operations(place);
            place += 1;
        }
    }

    /// Halves a client's operations as long as that works.
    fn fewer_operations(&mut self, place: usize) {
        loop {
            let mut candidate = self.best.clone();
            let Some(client) = candidate.clients.get_mut(place) else { return };
            let Some(workload) = client.workload.as_mut().filter(|workload| workload.operations > 0) else { return };
            workload.operations /= 2;
            if !self.takes(candidate) {
                return;
            }
        }
    }

    fn calmer_network(&mut self) {
        for quiet in [(true, false), (false, true)] {
            let mut candidate = self.best.clone();
            if quiet.0 {
                candidate.network.drop_ppm = 0;
            }
            if quiet.1 {
                candidate.network.duplicate_ppm = 0;
            }
            self.takes(candidate);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::ProtocolName;
    use crate::scenario::profile::{Profile, SHORTEST_RUN, generate};
    use quorumscope_core::raft::Rule;

    #[test]
    fn a_shrunken_scenario_is_shorter_and_breaks_the_same_property() {
        let plan = Profile::Heavy.plan();
        let failing = (0..50)
            .map(|seed| generate(ProtocolName::Raft, 5, seed, &plan, SHORTEST_RUN, &[Rule::MajorityQuorum]))
            .find_map(|scenario| Some((explore(&scenario).ok()?.first()?, scenario)));
        let (finding, scenario) = failing.expect("without majorities something breaks");
        let shrunk = shrink(&scenario, &finding.property).scenario;
        assert!(explore(&shrunk).expect("it can run").breaks(&finding.property));
        assert!(shrunk.steps.len() < scenario.steps.len() / 2, "{}", shrunk.to_toml());
        assert!(shrunk.until < scenario.until);
    }

    #[test]
    fn a_shrunken_run_without_progress_is_one_in_which_somebody_waits_for_it() {
        let plan = crate::explore::hunt::plan(Rule::HotStuffTimeoutCertificates);
        let off = [Rule::HotStuffTimeoutCertificates];
        let failing = (0..20)
            .map(|seed| generate(ProtocolName::HotStuff, 4, seed, &plan, SHORTEST_RUN, &off))
            .find(|scenario| explore(scenario).is_ok_and(|outcome| outcome.breaks(property::LIVENESS)));
        let shrunk = shrink(&failing.expect("without them nothing goes on"), property::LIVENESS).scenario;
        assert!(explore(&shrunk).expect("it can run").breaks(property::LIVENESS), "{}", shrunk.to_toml());
        let mut sound = shrunk.clone();
        sound.rules_off.clear();
        assert!(!explore(&sound).expect("it can run").breaks(property::LIVENESS), "{}", shrunk.to_toml());
    }

    /// Where the step is dropped that mends the client's links, nothing is answered either, and the rule has no part in it.
    #[test]
    fn a_shrunken_run_without_progress_is_one_whose_faults_are_over() {
        let witness = include_str!("../../../tests/scenarios/witness/hotstuff-timeout-certificates.toml");
        let noise = "[[step]]\nat = \"2s\"\nduplication = 0.1\n[[step]]\nat = \"3s\"\nduplication = 0\n\n[[expect]]";
        let text = witness.replace("[[expect]]", noise);
        let scenario =
            Scenario { signer: crate::keys::Scheme::Cheap, ..Scenario::from_toml(&text).expect("a scenario") };
        let before = explore(&scenario).expect("it can run");
        assert!(before.breaks(property::LIVENESS), "{:?}", before.violations);
        let shrunk = shrink(&scenario, property::LIVENESS).scenario;
        assert!(shrunk.steps.len() + 2 <= scenario.steps.len(), "{}", shrunk.to_toml());
        let outcome = explore(&shrunk).expect("it can run");
        assert!(outcome.breaks(property::LIVENESS), "{}", shrunk.to_toml());
        let stands = outcome.in_calm.expect("it was judged");
        assert_eq!((stands.cut, stands.duplicate_ppm), (0, 0), "{}", shrunk.to_toml());
        assert!(stands.away <= 1, "n4 has crashed for good: {}", shrunk.to_toml());
        let mut sound = shrunk.clone();
        sound.rules_off.clear();
        assert!(!explore(&sound).expect("it can run").breaks(property::LIVENESS), "{}", shrunk.to_toml());
    }
}
