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
mod tests {
    use quorumscope_core::bft::evidence::Offence;
    use quorumscope_core::crypto::Hash256;

    use super::*;

    #[test]
    fn a_conviction_of_an_honest_node_is_a_finding_and_that_of_a_liar_is_none() {
        let evidence = Hash256::of(b"two words");
        let conviction = Conviction { culprit: NodeId(2), offence: Offence::TwoValues, evidence, instance: 0 };
        let judged = |liar: u32| conviction_of_the_honest(NodeId(1), &conviction, |node| node != NodeId(liar));
        assert_eq!(judged(2), None);
        assert_eq!(judged(3).as_deref(), Some("n1 records n2 as convicted (two-values), which is honest"));
    }
}
