//! Was anybody convicted who has not lied?
//!
//! The laboratory knows who lies; the nodes know only what was signed.

use quorumscope_core::bft::evidence::Conviction;
use quorumscope_core::types::NodeId;

/// What is wrong with a conviction that `node` has applied: it is of an honest one.
pub(crate) fn conviction_of_the_honest(
    node: NodeId,
    conviction: &Conviction,
    is_honest: impl Fn(NodeId) -> bool,
) -> Option<String> {
    let Conviction { culprit, offence, .. } = conviction;
    is_honest(*culprit).then(|| format!("{node} records {culprit} as convicted ({}), which is honest", offence.name()))
}

#[cfg(test)]
#[path = "conviction_tests.rs"]
mod tests;
