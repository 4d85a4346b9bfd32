//! How large is the world that is explored?
//!
//! Everything that could go on for ever has a bound. What lies within all of
//! them is explored to the last state; what lies beyond is not, and nothing is
//! said of it.

use quorumscope_core::raft::{Config, Rule, RuleKind, Switches};
use quorumscope_core::types::NodeId;

/// The edges of a small world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// How many nodes, all of them voters.
    pub nodes: u8,
    /// No election begins a term above this one.
    pub terms: u8,
    /// So many commands of clients reach a leader, at any time.
    pub commands: u8,
    /// So many crashes, each followed by a restart.
    pub crashes: u8,
    /// So many of them lose the store as well.
    pub lost_stores: u8,
    /// So many messages are on their way from one node to another; what does not fit is lost, or takes the place of
    /// another.
    pub in_flight: u8,
    /// So many writes of one node wait for its disk, and one with as many does nothing until one is durable. 0: each
    /// write is durable before anything else happens to the node, unless it crashes right before.
    pub pending: u8,
    /// At most this many entries in one append.
    pub batch: u8,
    /// Guards that do not hold.
    pub rules_off: Vec<Rule>,
}

impl Default for Bounds {
    /// What is explored within seconds.
    fn default() -> Self {
        let (nodes, terms, commands, crashes) = (3, 2, 1, 0);
        Self {
            nodes,
            terms,
            commands,
            crashes,
            lost_stores: 0,
            in_flight: 1,
            pending: 0,
            batch: 1,
            rules_off: Vec::new(),
        }
    }
}

impl Bounds {
    /// Of the rules that are off, those that play no part in these worlds: nothing waits for time, members stay, there
    /// are no snapshots, sessions, reads, leases or transfers, and progress is not judged.
    pub fn outside(&self) -> impl Iterator<Item = Rule> + use<> {
        let left_out = [
            Rule::ExactlyOnce,
            Rule::EachNumberByItself,
            Rule::NamedByItsOpening,
            Rule::JointConsensus,
            Rule::OneChangeAtATime,
            Rule::ChangeAfterOwnCommit,
            Rule::ConfigurationFollowsLog,
            Rule::SnapshotCarriesSessions,
            Rule::StaleSnapshotIgnored,
            Rule::SnapshotKeepsNewerLog,
            Rule::ReadIndexConfirmsLeadership,
            Rule::ReadWaitsForOwnTermCommit,
            Rule::LeaseFromSend,
            Rule::LeaseDriftBound,
            Rule::LeaseEndsAtTransfer,
            Rule::VoteLease,
            Rule::VotersConfirm,
            Rule::EarlyAnswerIsDurable,
            Rule::EdgeStartsAnew,
            Rule::FeederSendsCommitted,
        ];
        let is_outside = move |rule: &Rule| rule.kind() == RuleKind::Liveness || left_out.contains(rule);
        self.rules_off.clone().into_iter().filter(is_outside)
    }
}

/// Bounds that are none, or too wide to be kept in a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} is {least} to {most}, and {found} was asked for")]
pub struct BoundsError {
    /// Which bound.
    pub name: &'static str,
    /// The lowest value that makes sense.
    pub least: u8,
    /// The highest value that a state can hold.
    pub most: u8,
    /// What was asked for.
    pub found: u8,
}

impl Bounds {
    /// Refuses what cannot be explored.
    ///
    /// # Errors
    /// The first bound that is out of its range.
    pub fn validate(&self) -> Result<(), BoundsError> {
        let ranges = [
            // States are compared under every order of the nodes: 120 orders for five.
            ("nodes", 1, 5, self.nodes),
            ("terms", 1, 7, self.terms),
            ("commands", 0, 15, self.commands),
            ("crashes", 0, 15, self.crashes),
            ("lost-stores", 0, self.crashes, self.lost_stores),
            ("in-flight", 1, 4, self.in_flight),
            ("pending", 0, 15, self.pending),
            ("batch", 1, 15, self.batch),
        ];
        let wrong = ranges.into_iter().find(|(_, least, most, found)| !(least..=most).contains(&found));
        wrong.map_or(Ok(()), |(name, least, most, found)| Err(BoundsError { name, least, most, found }))
    }

    /// The settings of the nodes. Leases, check-quorum and pre-vote rest on time, which these worlds do not have.
    pub(super) fn config(&self) -> Config<Switches> {
        let voters = (1..=u32::from(self.nodes)).map(NodeId).collect();
        let rules = self.rules_off.iter().fold(Switches::all_on(), |rules, rule| rules.without(*rule));
        Config {
            pre_vote: false,
            check_quorum: false,
            max_entries_per_append: u32::from(self.batch),
            // More could not be on its way anyway.
            max_entries_in_flight: u32::from(self.batch) * u32::from(self.in_flight),
            ..Config::new(voters, rules)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_that_is_out_of_range_is_named() {
        assert_eq!(Bounds::default().validate(), Ok(()));
        let error = Bounds { terms: 9, ..Bounds::default() }.validate().expect_err("nine terms");
        assert_eq!(error.to_string(), "terms is 1 to 7, and 9 was asked for");
        let lost = Bounds { lost_stores: 1, ..Bounds::default() };
        assert!(lost.validate().is_err(), "a store is lost in a crash");
    }

    #[test]
    fn every_small_world_has_valid_settings() {
        for nodes in 1..=5 {
            let bounds = Bounds { nodes, in_flight: 4, batch: 15, ..Bounds::default() };
            assert_eq!(bounds.config().validate(), Ok(()));
        }
    }
}
