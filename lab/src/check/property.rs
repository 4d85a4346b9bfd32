//! What are the properties called?
//!
//! These names stand in violations, scenario files and on the page.

use crate::scenario::ProtocolName;

/// At most one leader is elected in a term (Raft paper §5.2).
pub const ELECTION_SAFETY: &str = "Election safety";
/// A leader never overwrites or removes entries of its own log (§5.3).
pub const LEADER_APPEND_ONLY: &str = "Leader append-only";
/// Logs that share an entry (index and term) are equal up to it (§5.3).
pub const LOG_MATCHING: &str = "Log matching";
/// A committed entry is in the log of every leader of a later term (§5.4).
pub const LEADER_COMPLETENESS: &str = "Leader completeness";
/// No two nodes apply different entries at one index (§5.4.3).
pub const STATE_MACHINE_SAFETY: &str = "State machine safety";
/// A node believes committed only what the oracle counts as committed (§5.4.2).
pub const COMMIT_IS_DECIDED: &str = "Commit is decided";
/// What was once committed is never replaced by another commit.
pub const DECIDED_IS_FINAL: &str = "Decided is final";
/// No store that still exists loses a committed entry that it held.
pub const DURABILITY: &str = "Durability";
/// An edge holds its part of the state at the index that it has applied, and nothing else.
pub const EDGE_STATE: &str = "Edge state";
/// Log time never falls along a log, and rises by one jump at the most from one entry to the next.
pub const LOG_TIME: &str = "Log time passes";
/// No two honest nodes decide different entries at one index.
pub const AGREEMENT: &str = "Agreement";
/// What honest nodes decide was sent by the client that it names.
pub const VALIDITY: &str = "Validity";
/// An honest node decides one index after the other, each once and for good.
pub const INTEGRITY: &str = "Integrity";
/// Whom honest nodes record as convicted has lied.
pub const NO_HONEST_CONVICTED: &str = "No conviction of the honest";
/// What clients saw has an order that one store could have followed.
pub const LINEARIZABILITY: &str = "Linearizability";
/// After calm there is a leader, and requests commit.
pub const LIVENESS: &str = "Liveness after calm";

/// A run is judged for progress only where somebody asks for something after calm.
pub const SOMEBODY_ASKS: &str = "Somebody asks after calm";

/// All of them, in the order of this file.
pub const ALL: [&str; 17] = [
    ELECTION_SAFETY,
    LEADER_APPEND_ONLY,
    LOG_MATCHING,
    LEADER_COMPLETENESS,
    STATE_MACHINE_SAFETY,
    COMMIT_IS_DECIDED,
    DECIDED_IS_FINAL,
    DURABILITY,
    EDGE_STATE,
    LOG_TIME,
    AGREEMENT,
    VALIDITY,
    INTEGRITY,
    NO_HONEST_CONVICTED,
    LINEARIZABILITY,
    LIVENESS,
    SOMEBODY_ASKS,
];

/// Those that are checked after every event of a protocol's run, in the order of this file.
#[must_use]
pub fn of(protocol: ProtocolName) -> &'static [&'static str] {
    const RAFT: &[&str] = &[
        ELECTION_SAFETY,
        LEADER_APPEND_ONLY,
        LOG_MATCHING,
        LEADER_COMPLETENESS,
        STATE_MACHINE_SAFETY,
        COMMIT_IS_DECIDED,
        DECIDED_IS_FINAL,
        DURABILITY,
        EDGE_STATE,
        LOG_TIME,
    ];
    const BYZANTINE: &[&str] = &[
        STATE_MACHINE_SAFETY,
        COMMIT_IS_DECIDED,
        DURABILITY,
        LOG_TIME,
        AGREEMENT,
        VALIDITY,
        INTEGRITY,
        NO_HONEST_CONVICTED,
    ];
    match protocol {
        ProtocolName::Raft => RAFT,
        ProtocolName::Pbft | ProtocolName::HotStuff | ProtocolName::Hybrid => BYZANTINE,
    }
}

/// The property that `name` means: case, spaces, hyphens and underscores do not matter.
#[must_use]
pub fn named(name: &str) -> Option<&'static str> {
    let plain = |text: &str| -> String {
        text.chars().filter(|c| c.is_alphanumeric()).map(|c| c.to_ascii_lowercase()).collect()
    };
    let wanted = plain(name);
    ALL.into_iter().find(|property| plain(property) == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_property_is_found_however_it_is_spelled() {
        assert_eq!(named("state-machine-safety"), Some(STATE_MACHINE_SAFETY));
        assert_eq!(named("LeaderAppendOnly"), Some(LEADER_APPEND_ONLY));
        assert_eq!(named("safety"), None);
    }
}
