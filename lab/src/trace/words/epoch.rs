//! In which words is told how voters change where nodes may lie?
//!
//! One template or more for each event of epochs.

/// Where a rule comes from.
pub(crate) mod paper {
    pub(crate) const EPOCHS: &str = "docs/byzantine.md";
}

/// What a rule is for, in one sentence each.
pub(crate) mod principle {
    pub(crate) const OPERATOR: &str =
        "Only the operator's key changes who votes: a replica that could do it would replace the honest ones.";
    pub(crate) const ONE_EPOCH: &str = "A change is meant for one epoch: a copy that comes late changes nothing.";
    pub(crate) const END: &str = "The first change in the order ends the epoch, and nothing behind it is executed: so all honest replicas end it in the same state.";
    pub(crate) const LINK: &str = "A quorum of the old voters signs the state at the end and who votes next: whoever knew the old voters can believe the new ones.";
    pub(crate) const ROOT: &str = "An epoch begins behind the state that the link names: who has it goes on, and who has not fetches it from anybody.";
    pub(crate) const BEHIND: &str =
        "Whoever is behind gets the links from where it is, and verifies each with the voters of the one before it.";
}

/// Sentences.
pub(crate) mod event {
    pub(crate) const VOID: &str = "At {node} a change of members comes to nothing: {reason}.";
    pub(crate) const REFUSED: &str = "{node} dropped a change of members that the operator has not signed.";
    pub(crate) const UNHEARD: &str = "{node} does nothing with a change of members: {reason}. Ask one that votes.";
    pub(crate) const NO_VOTE: &str = "it has no vote, and passes nothing on";
    pub(crate) const NO_STORE: &str = "its store was lost, and it takes part no more";
    pub(crate) const ENDED: &str = "At {node} epoch {epoch} ends with {sequence}: from there on {voters} vote.";
    pub(crate) const SIGNED: &str = "{node} has made the state after {sequence} and signs the link to epoch {epoch}.";
    pub(crate) const BEGUN: &str =
        "{node} begins epoch {epoch} behind {sequence}, with the state: {voters} vote; {may}.";
    pub(crate) const BEGUN_WITHOUT: &str =
        "{node} begins epoch {epoch} behind {sequence} and has to fetch the state: {voters} vote; {may}.";
    pub(crate) const RETIRED: &str = "{node} has no vote in epoch {epoch}, which begins behind {sequence}: {voters} vote; {may}. It keeps its state for them.";
    pub(crate) const LINK_REFUSED: &str =
        "{node} refused a link of {from}: it does not follow, or too few of the voters before it have signed it.";
    pub(crate) const BEHIND: &str = "{node} heard of epoch {epoch} from {from}, and says where it is.";
}

/// Lines of the list of events.
pub(crate) mod line {
    pub(crate) const VOID: &str = "{node}: a change of members comes to nothing: {reason}";
    pub(crate) const REFUSED: &str = "{node} dropped a change that is not the operator's";
    pub(crate) const UNHEARD: &str = "{node} does nothing with a change of members";
    pub(crate) const ENDED: &str = "{node}: epoch {epoch} ends with {sequence}";
    pub(crate) const SIGNED: &str = "{node} signs the link to epoch {epoch}";
    pub(crate) const BEGUN: &str = "{node} begins epoch {epoch}: {voters} vote; {may}";
    pub(crate) const RETIRED: &str = "{node} has no vote in epoch {epoch}: {voters} vote; {may}";
    pub(crate) const LINK_REFUSED: &str = "{node} refused a link of {from}";
    pub(crate) const BEHIND: &str = "{node} is behind epoch {epoch}";
}

/// How many of the voters the protocol bears as liars.
pub(crate) const NONE_MAY_LIE: &str = "none of them may lie";
pub(crate) const MAY_LIE: &str = "{most} of them may lie";

/// Messages.
pub(crate) mod face {
    pub(crate) const WORD: &str = "End of epoch {epoch}";
    pub(crate) const LINKS: &str = "Links to epoch {epoch}";
    pub(crate) const HERE: &str = "In epoch {epoch}";
    pub(crate) const LATER: &str = "epoch";
}
