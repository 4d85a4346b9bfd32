//! What of the expectations' words does a protocol have?
//!
//! Roles, properties and counters: a scenario that expects something of another
//! protocol would say nothing, or could never hold. An error lists what there is.
//! The words for roles are those that people use for each protocol.

use quorumscope_core::record::Role;

use super::document::ProtocolName;
use super::error::unknown;
use super::properties;
use crate::adversary::Trick;
use crate::check::property;
use crate::sim::Coverage;

/// Roles by the names that a protocol's papers and people give them; the first name of a role is the usual one.
pub(super) fn roles(protocol: ProtocolName) -> &'static [(&'static str, Role)] {
    const RAFT: &[(&str, Role)] = &[
        ("follower", Role::Follower),
        ("pre-candidate", Role::PreCandidate),
        ("candidate", Role::Candidate),
        ("leader", Role::Leader),
        ("learner", Role::Learner),
        ("observer", Role::Observer),
        ("edge", Role::Edge),
    ];
    const PBFT: &[(&str, Role)] = &[
        ("primary", Role::Leader),
        ("leader", Role::Leader),
        ("backup", Role::Follower),
        ("follower", Role::Follower),
        ("learner", Role::Learner),
    ];
    const HOTSTUFF: &[(&str, Role)] = &[
        ("leader", Role::Leader),
        ("replica", Role::Follower),
        ("follower", Role::Follower),
        ("learner", Role::Learner),
    ];
    const HYBRID: &[(&str, Role)] = &[
        ("leader", Role::Leader),
        ("primary", Role::Leader),
        ("follower", Role::Follower),
        ("backup", Role::Follower),
        ("learner", Role::Learner),
    ];
    match protocol {
        ProtocolName::Raft => RAFT,
        ProtocolName::Pbft => PBFT,
        ProtocolName::HotStuff => HOTSTUFF,
        ProtocolName::Hybrid => HYBRID,
    }
}

/// The role of this name, or one line that says which there are.
pub(super) fn role(protocol: ProtocolName, word: &str) -> Result<Role, String> {
    let names = || roles(protocol).iter().map(|(name, _)| *name);
    let of_another = ProtocolName::ALL.into_iter().any(|other| roles(other).iter().any(|(name, _)| *name == word));
    match roles(protocol).iter().find(|(name, _)| *name == word) {
        Some((_, role)) => Ok(*role),
        None if of_another => Err(missing(protocol, "role", word, names())),
        None => Err(unknown("role", word, names().collect::<Vec<_>>())),
    }
}

/// The property of this name, or one line that says which there are.
///
/// # Errors
/// It names the nearest one, or lists all.
pub fn property(protocol: ProtocolName, word: &str) -> Result<&'static str, String> {
    let its = || properties_of(protocol);
    match properties::named(word) {
        Some(property) if has_property(protocol, property) => Ok(property),
        Some(property) => {
            let its: Vec<String> = its().collect();
            Err(missing(protocol, "property", &properties::slug(property), its.iter().map(String::as_str)))
        }
        None => {
            let known: Vec<String> = its().chain([properties::ANY.to_owned()]).collect();
            Err(unknown("property", word, known.iter().map(String::as_str).collect::<Vec<_>>()))
        }
    }
}

/// The properties by which a run of this protocol is judged, as scenarios write them.
pub fn properties_of(protocol: ProtocolName) -> impl Iterator<Item = String> {
    properties::all().filter(move |property| has_property(protocol, property)).map(properties::slug)
}

/// The counter of this name, or one line that says which there are.
pub(super) fn counter(protocol: ProtocolName, word: &str) -> Result<&'static str, String> {
    let its = || Coverage::NAMES.iter().copied().filter(|counter| has_counter(protocol, counter));
    match Coverage::NAMES.iter().copied().find(|counter| *counter == word) {
        Some(counter) if has_counter(protocol, counter) => Ok(counter),
        Some(counter) => Err(missing(protocol, "counter", counter, its())),
        None => Err(unknown("counter", word, its().collect::<Vec<_>>())),
    }
}

fn missing<'a>(protocol: ProtocolName, what: &str, word: &str, its: impl Iterator<Item = &'a str>) -> String {
    let its: Vec<&str> = its.collect();
    format!("{} has no {what} \"{word}\"; it has: {}", protocol.name(), its.join(", "))
}

/// Whether a run of this protocol is judged by a property: those of its own, what is judged at the end of every run, and
/// what the world holds all nodes to.
fn has_property(protocol: ProtocolName, name: &str) -> bool {
    let is_of_one = ProtocolName::ALL.into_iter().any(|protocol| property::of(protocol).contains(&name));
    property::of(protocol).contains(&name) || !is_of_one
}

/// Whether a counter can rise in a run of this protocol.
fn has_counter(protocol: ProtocolName, counter: &str) -> bool {
    if let Some(trick) = counter.strip_prefix("lies: ").and_then(Trick::named) {
        return trick.fits(protocol);
    }
    match counter {
        "pre-votes"
        | "elections"
        | "entries sent in batches"
        | "appends full by count"
        | "appends full by bytes"
        | "next indexes moved back"
        | "logs truncated"
        | "learners promoted"
        | "leaders removed"
        | "joint configurations"
        | "nodes replaced"
        | "snapshots by entries"
        | "snapshots by bytes"
        | "snapshots by interval"
        | "snapshot transfers resumed"
        | "snapshot transfers superseded"
        | "snapshot transfers not needed"
        | "check-quorum step-downs"
        | "index reads"
        | "lease reads"
        | "stale reads"
        | "transfers"
        | "hand-overs to preferred zones"
        | "entries at observers"
        | "index reads at observers"
        | "entries at edges"
        | "bodies left out"
        | "projections made"
        | "appends by feeders"
        | "windows full"
        | "answered early"
        | "early answers lost" => protocol == ProtocolName::Raft,
        "evidence found"
        | "evidence heard"
        | "evidence unfounded"
        | "convictions applied"
        | "batches proposed"
        | "batches of several requests"
        | "checkpoints stable"
        | "forged signatures refused"
        | "results believed by equal replies"
        | "liars" => protocol.signs(),
        "view changes" | "views begun" | "batches ordered again in a new view" | "batches caught up by proof" => {
            matches!(protocol, ProtocolName::Pbft | ProtocolName::Hybrid)
        }
        "certificates formed"
        | "votes counted out of timeouts"
        | "views given up"
        | "timeout certificates formed"
        | "commits held for a missing view"
        | "blocks fetched" => protocol == ProtocolName::HotStuff,
        "terms entered"
        | "threat levels: low"
        | "threat levels: medium"
        | "threat levels: high"
        | "threat levels: critical"
        | "alarms"
        | "stops"
        | "openings decided"
        | "switches to PBFT"
        | "switches by a later state"
        | "returns to two rounds" => protocol == ProtocolName::Hybrid,
        "changes of voters" | "epochs begun without the state" | "voters retired" => protocol.has_epochs(),
        // What happens in every world: crashes, messages, disks, clients, machines, snapshots.
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::explore;
    use crate::scenario::profile::{Profile, SHORTEST_RUN, generate};

    /// What rises in a run is counted there, so no counter is missing from a protocol that has it.
    #[test]
    fn no_run_raises_a_counter_that_its_protocol_is_said_not_to_have() {
        for protocol in ProtocolName::ALL {
            let profile = if protocol.signs() { Profile::Byzantine } else { Profile::Heavy };
            let mut raised = Coverage::default();
            for seed in 0..6 {
                let scenario = generate(protocol, 5, seed, &profile.plan(), SHORTEST_RUN, &[]);
                raised.add(&explore(&scenario).expect("it can run").coverage);
            }
            let foreign = raised.iter().filter(|(counter, count)| *count > 0 && !has_counter(protocol, counter));
            assert_eq!(foreign.collect::<Vec<_>>(), [], "{}", protocol.name());
        }
    }

    #[test]
    fn what_a_sweep_must_raise_and_what_is_checked_is_the_protocols_own() {
        for protocol in ProtocolName::ALL {
            for profile in Profile::ALL.into_iter().filter(|profile| protocol.signs() || *profile != Profile::Byzantine)
            {
                let must = profile.must_cover(protocol);
                assert!(must.iter().all(|counter| counter_is(protocol, counter)), "{}", protocol.name());
            }
            assert!(property::of(protocol).iter().all(|name| has_property(protocol, name)));
            assert!(has_property(protocol, property::LIVENESS) && has_property(protocol, property::LINEARIZABILITY));
        }
        assert!(!has_property(ProtocolName::Pbft, property::ELECTION_SAFETY));
        assert!(!has_property(ProtocolName::Raft, property::AGREEMENT));
    }

    fn counter_is(protocol: ProtocolName, word: &str) -> bool {
        counter(protocol, word) == Ok(word)
    }

    /// A counter that a name in [`has_counter`] no longer means would count as one of every protocol.
    #[test]
    fn each_protocol_has_counters_that_another_lacks() {
        let count = |protocol| Coverage::NAMES.iter().filter(|name| has_counter(protocol, name)).count();
        let of_one = |names: [&str; 4]| {
            ProtocolName::ALL.into_iter().zip(names).all(|(protocol, name)| counter_is(protocol, name))
        };
        assert!(of_one(["elections", "views begun", "certificates formed", "switches to PBFT"]));
        assert!(ProtocolName::ALL.into_iter().all(|protocol| count(protocol) < Coverage::NAMES.len()));
    }
}
