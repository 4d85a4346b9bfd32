//! In which words is told what happens in the two rounds of the hybrid?

/// What a rule is for, in one sentence each.
pub(crate) mod principle {
    pub(crate) const DURABLE: &str = "What was acknowledged, and every certificate, survives a crash.";
    pub(crate) const ONE_HISTORY: &str =
        "A follower takes one history of a leader in a term, whatever a lying leader sends later.";
    pub(crate) const PREPARED: &str =
        "Two quorums share an honest replica, so no other history is prepared at these places in that term.";
    pub(crate) const COMMITTED: &str =
        "A quorum holds the prepare certificate, so every quorum of votes shows it, or a higher one that continues it.";
    pub(crate) const WISH: &str = "A wish is no vote: whoever wishes goes on. Of f+1 that wish one is honest.";
    pub(crate) const VOTE: &str = "A vote ends all acknowledgements in older terms and shows what was prepared.";
    pub(crate) const ENTERED: &str =
        "A term goes on from the highest certificate among its votes; nothing that is committed lies above it.";
    pub(crate) const CHECKPOINT: &str = "A state that a quorum has signed is right, and nobody needs what led to it.";
    pub(crate) const STOPPED: &str =
        "Whoever stops helps to commit nothing more: what it says it holds is all that it ever will.";
    pub(crate) const MISSING: &str = "Messages are lost; who waits asks for what it lacks.";
    pub(crate) const SIGNATURE: &str = "A message whose signature does not hold proves nothing, not even who sent it.";
}

/// Sentences about what a replica did or noticed.
pub(crate) mod event {
    pub(crate) const RECOVERED: &str = "{node} started from its store: term {term}, committed up to {sequence}.";
    pub(crate) const RELAYED: &str = "{node} passed {bundles} on to {leader}, the leader.";
    pub(crate) const PROPOSED: &str = "{node}, the leader of term {term}, put {requests} at {sequence}.";
    pub(crate) const ACCEPTED: &str = "{node} took what the leader of term {term} put at {sequence}.";
    pub(crate) const REFUSED: &str = "{node} refused what the leader of term {term} put at {sequence}.";
    pub(crate) const PREPARED: &str =
        "{node} holds a prepare certificate of term {term} up to {sequence}: {by} have that history.";
    pub(crate) const COMMITTED: &str =
        "All up to {sequence} is committed at {node}: in term {term} {by} named its prepare certificate.";
    pub(crate) const EXECUTED: &str = "{node} executes {sequence}: {entries}, its log ends at index {last} now.";
    pub(crate) const CAUGHT_UP: &str = "{from} proved to {node} what is committed up to {sequence}.";
    pub(crate) const WISHED: &str = "{node} wishes for term {term}.";
    pub(crate) const ADOPTED: &str = "{node} left term {from} for term {term}.";
    pub(crate) const VOTED: &str = "{node} counts the vote of {from} for term {term}: {count} of {needed}.";
    pub(crate) const ENTERED: &str = "{node} takes part in term {term}, which {leader} leads.";
    pub(crate) const CHECKPOINT_TAKEN: &str = "{node} signed its state after {sequence} (entry {index}).";
    pub(crate) const CHECKPOINT_STABLE: &str = "The checkpoint at {sequence} is stable at {node}: {by} have signed it.";
    pub(crate) const TRANSFER_BEGAN: &str = "{node} fetches the state of {sequence} from {from}.";
    pub(crate) const TRANSFER_SPOILT: &str =
        "What {node} fetched for {sequence} was not the proven state; it begins anew.";
    pub(crate) const TRANSFERRED: &str = "{node} has the state of {sequence} and goes on after index {index}.";
    pub(crate) const ASKED: &str = "{node} has committed up to {sequence} and asks for what it lacks.";
    pub(crate) const STOPPED: &str = "{node} has stopped: it acknowledges nothing more in this instance.";
    pub(crate) const FORGED: &str =
        "A message on the channel of {from} came to {node} with a signature that does not hold.";
    pub(crate) const IGNORED: &str = "{node} had no use for a message of {from}.";
}
