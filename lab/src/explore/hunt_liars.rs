//! Which runs are likely to miss a rule of PBFT, HotStuff or the hybrid that is switched off?
//!
//! Most of their rules keep away what a node does that lies, so some node lies in
//! each run. Runs have every other fault too: a batch that is committed at one
//! replica alone, which most rules are about, takes a cut or a crash.

use quorumscope_core::rules::Rule;

use crate::scenario::profile::{Liars, Plan, Profile};

/// The plan of the runs that hunt for the absence of `rule`.
pub(super) fn plan(rule: Rule) -> Plan {
    let liars = Profile::Byzantine.plan();
    if rule == Rule::HotStuffQuorum {
        // Whoever lies takes a replica away whose vote is one too few.
        return Plan { liars: Liars::None, partitions: 8, one_way_cuts: 0, ..liars };
    }
    liars
}
