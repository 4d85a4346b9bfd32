//! How does a liar make an honest node look like one?
//!
//! It signs words in another's name that contradict each other, with its own
//! key: the form is that of evidence, and the signatures do not hold. It does
//! so only where nodes look for evidence at all.

use std::sync::Arc;

use quorumscope_core::bft::evidence::{Evidence, Signed, Word};
use quorumscope_core::crypto::Domain;
use quorumscope_core::protocol::Protocol;
use quorumscope_core::types::NodeId;

use super::{Means, pick};

/// Evidence of these words against some honest voter. `None` where they contradict nothing.
pub(super) fn frame<P: Protocol>(domain: &Domain, words: [Word; 2], means: &mut Means<'_, P>) -> Option<Arc<Evidence>> {
    let honest = |voter: &&NodeId| !means.plan.liars.contains(voter);
    let honest: Vec<NodeId> = means.plan.quorum.voters().iter().filter(honest).copied().collect();
    let victim = *pick(means.rng, &honest)?;
    let [one, other] = words.map(|word| {
        let signature = means.sign(&word.statement(domain));
        Signed { word, signature }
    });
    Evidence::of(victim, domain, one, Some(other)).map(Arc::new)
}
