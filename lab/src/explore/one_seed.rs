//! What does one run say?
//!
//! The world checks the protocol's properties after every event; what needs the whole
//! run is checked here: progress once the calm has lasted long enough, and an
//! order for what the clients saw. A run that is too short, or whose timeouts are
//! too close to each other, promises no progress and is not judged for it. A search that ends without an answer is
//! *undecided*, counts as such, and fails the run.

use quorumscope_core::types::{Digest, Time};

use crate::check::linearizable::{self, Verdict};
use crate::check::property;
use crate::scenario::{LINEARIZABILITY_BUDGET, ProtocolName, Run, Scenario, ScenarioError};
use crate::sim::{Coverage, Standing};
use crate::trace::view::Violation;

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Properties that were broken, in the order in which they were seen.
    pub violations: Vec<Violation>,
    /// Whether the search for an order of the clients' operations ended without an answer.
    pub undecided: bool,
    /// How many events happened.
    pub events: u64,
    /// How long the run was in virtual time.
    pub virtual_time: Time,
    /// How many entries the oracle counts as committed.
    pub committed: u64,
    /// The digest of the run.
    pub digest: Digest,
    /// What the run exercised.
    pub coverage: Coverage,
    /// The faults that stood when the calm had lasted as long as progress may take; `None` where nothing was judged.
    pub in_calm: Option<Standing>,
}

/// What went wrong first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which property.
    pub property: String,
    /// When.
    pub at: Time,
}

impl Outcome {
    /// Whether the run failed.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.undecided || !self.violations.is_empty()
    }

    /// The first property that was broken.
    #[must_use]
    pub fn first(&self) -> Option<Finding> {
        self.violations.first().map(|found| Finding { property: found.property.clone(), at: found.at })
    }

    /// Whether this property was broken.
    #[must_use]
    pub fn breaks(&self, property: &str) -> bool {
        self.violations.iter().any(|found| found.property == property)
    }
}

/// Carries a scenario out and checks all that can be checked.
///
/// # Errors
/// Settings that cannot run.
pub fn explore(scenario: &Scenario) -> Result<Outcome, ScenarioError> {
    let mut run = Run::new(scenario)?;
    run.set_recording(false);
    let (mut at_the_end, mut in_calm) = (Vec::new(), None);
    let calm = run.calm();
    if calm.deadline() < scenario.until && promises_progress(scenario) {
        run.run_until(calm.deadline());
        in_calm = Some(run.simulation().standing());
        // Leadership may be on its way from one node to the next at that very instant.
        let goes_on = !run.finished();
        if let Some(hand_over) = calm.hand_over {
            let handed_over = calm.deadline() + hand_over;
            while run.leader().is_none() && run.simulation().now() < handed_over && run.step() {}
        }
        if goes_on && run.error().is_none() {
            at_the_end.extend(calm.judge(run.leader(), run.simulation().history(), run.simulation().waiting()));
        }
    }
    run.run_to_end();
    let simulation = run.simulation();
    let now = simulation.now();
    let mut undecided = false;
    match linearizable::check(simulation.history(), LINEARIZABILITY_BUDGET) {
        Verdict::Linearizable => {}
        Verdict::NotLinearizable(detail) => {
            at_the_end.push(Violation { at: now, node: None, property: property::LINEARIZABILITY.into(), detail });
        }
        Verdict::Undecided => undecided = true,
    }
    let mut violations = simulation.violations().to_vec();
    // A step that a broken node makes impossible is no finding of its own.
    if let Some(error) = run.error().filter(|_| violations.is_empty()) {
        at_the_end.push(Violation { at: now, node: None, property: UNPLAYABLE.into(), detail: error.to_string() });
    }
    violations.extend(at_the_end);
    Ok(Outcome {
        violations,
        undecided,
        events: simulation.events(),
        virtual_time: now,
        committed: simulation.decided().len() as u64,
        digest: simulation.digest(),
        coverage: simulation.coverage().clone(),
        in_calm,
    })
}

/// Whether the papers promise progress here. In Raft election timeouts must be spread wider than a message takes, or
/// candidates meet again and again (§9.3). Hunts for lost votes choose a narrow spread on purpose.
fn promises_progress(scenario: &Scenario) -> bool {
    match scenario.protocol {
        ProtocolName::Raft => {
            let (low, high) = scenario.raft.election_timeout;
            high.0 - low.0 > scenario.network.latency.1.0
        }
        ProtocolName::Pbft | ProtocolName::HotStuff | ProtocolName::Hybrid => true,
    }
}

/// A scenario with a step that cannot be carried out.
const UNPLAYABLE: &str = "steps can be carried out";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::profile::{Profile, SHORTEST_RUN, generate};
    use quorumscope_core::raft::Rule;

    fn outcome(profile: Profile, seed: u64, off: &[Rule]) -> Outcome {
        of(ProtocolName::Raft, 5, profile, seed, off)
    }

    fn of(protocol: ProtocolName, nodes: u32, profile: Profile, seed: u64, off: &[Rule]) -> Outcome {
        explore(&generate(protocol, nodes, seed, &profile.plan(), SHORTEST_RUN, off)).expect("it can run")
    }

    #[test]
    fn honest_runs_break_nothing_and_cover_what_their_profile_promises() {
        for protocol in ProtocolName::ALL {
            let nodes = if protocol.signs() { 4 } else { 5 };
            for profile in [Profile::None, Profile::Light, Profile::Heavy] {
                let run = format!("{} {}", protocol.name(), profile.name());
                let mut coverage = Coverage::default();
                for seed in 0..20 {
                    let outcome = of(protocol, nodes, profile, seed, &[]);
                    assert!(!outcome.failed(), "{run} seed {seed}: {:?}", outcome.violations);
                    coverage.add(&outcome.coverage);
                }
                for name in profile.must_cover(protocol) {
                    let count = coverage.iter().find(|(counter, _)| *counter == name).map(|(_, count)| count);
                    assert!(count.is_some_and(|count| count > 0), "{run}: {name}");
                }
            }
        }
    }

    #[test]
    fn a_run_is_the_same_each_time() {
        assert_eq!(outcome(Profile::Heavy, 3, &[]).digest, outcome(Profile::Heavy, 3, &[]).digest);
    }

    #[test]
    fn without_majorities_heavy_faults_break_safety_soon() {
        let broken = (0..20).find(|seed| outcome(Profile::Heavy, *seed, &[Rule::MajorityQuorum]).failed());
        assert!(broken.is_some());
    }
}
