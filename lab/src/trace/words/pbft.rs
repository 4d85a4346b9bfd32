//! In which words is told what happens in PBFT?
//!
//! One template or more for each event; which one fits is decided in
//! `why::pbft` and `narrate::pbft`.

/// Where a rule stands in the paper.
pub(crate) mod paper {
    pub(crate) const MODEL: &str = "PBFT §2";
    pub(crate) const CLIENT: &str = "PBFT §4.1";
    pub(crate) const NORMAL: &str = "PBFT §4.2";
    pub(crate) const CHECKPOINT: &str = "PBFT §4.3";
    pub(crate) const VIEW_CHANGE: &str = "PBFT §4.4";
    pub(crate) const LIVENESS: &str = "PBFT §4.5.2";
    pub(crate) const TRANSFER: &str = "PBFT §4.3, §5.3.2";
    pub(crate) const NONE: &str = "";
}

/// What a rule is for, in one sentence each.
pub(crate) mod principle {
    pub(crate) const DURABLE: &str =
        "View, accepted pre-prepares and proofs survive a crash: a replica never contradicts what it has signed.";
    pub(crate) const RELAY: &str =
        "Every replica that holds a request sees to it that the primary orders it, or is replaced.";
    pub(crate) const ORDER: &str =
        "The primary gives requests their order; the others see to it that it gives one place to one batch only.";
    pub(crate) const ONE_DIGEST: &str =
        "A replica accepts one digest for a sequence number in a view, whatever a lying primary sends later.";
    pub(crate) const PREPARED: &str = "While at most f lie, two quorums share an honest replica: no other batch is prepared at that number in that view.";
    pub(crate) const COMMITTED: &str = "A quorum has the proof that it is prepared: while at most f lie, every later view finds it and orders it there again.";
    pub(crate) const EXECUTED: &str =
        "Batches are executed in the order of their numbers, by every honest replica alike.";
    pub(crate) const CHECKPOINT: &str = "A state that a quorum has signed is right, and nobody needs what led to it.";
    pub(crate) const TIMER: &str =
        "A primary that does not order a request in time is replaced; the time doubles with each attempt.";
    pub(crate) const VIEW_CHANGE: &str =
        "Who leaves a view says what was prepared, with proof, so that nothing committed is lost.";
    pub(crate) const JOIN: &str = "Among f+1 replicas one is honest: its timer has run out in earnest.";
    pub(crate) const NEW_VIEW: &str = "A new view follows from its view changes by a rule that everybody can compute.";
    pub(crate) const TRANSFER: &str = "Bytes with the proven hash are the state, whoever sends them.";
    pub(crate) const MISSING: &str = "Messages are lost; who waits asks for what it lacks.";
    pub(crate) const SIGNATURE: &str = "A message whose signature does not hold proves nothing, not even who sent it.";
    pub(crate) const LOG_TIME: &str = "A primary that lies about time would end other people's sessions and values.";
    pub(crate) const NONE: &str = "";
}

/// Sentences about what a replica did or noticed.
pub(crate) mod event {
    pub(crate) const RECOVERED: &str = "{node} begins in view {view} with what its store holds: executed up to {executed}, stable checkpoint {stable}.";
    pub(crate) const RECOVERED_CHANGING: &str = "{node} begins, on its way to view {view}, with what its store holds: executed up to {executed}, stable checkpoint {stable}.";
    pub(crate) const RELAYED: &str = "{node} passed {bundles} on to {primary}, the primary.";
    pub(crate) const PROPOSED: &str =
        "{node}, the primary of view {view}, gave {requests} the sequence number {sequence}.";
    pub(crate) const ACCEPTED: &str = "{node} accepted what the primary of view {view} put at sequence number {sequence}, and tells the others (prepare).";
    pub(crate) const REFUSED: &str =
        "{node} refused what the primary of view {view} put at sequence number {sequence}: {reason}.";
    pub(crate) const OTHER_DIGEST: &str = "it had accepted something else there, {accepted}";
    pub(crate) const BAD_TIME: &str = "its log time is not believed";
    pub(crate) const MALFORMED: &str = "no honest primary makes such a batch";
    pub(crate) const DECIDED: &str = "something else is committed there";
    pub(crate) const PREPARED: &str =
        "Sequence number {sequence} is prepared at {node} in view {view}: {have} of {needed} say the same ({by}).";
    pub(crate) const COMMITTED: &str =
        "Sequence number {sequence} is committed at {node} in view {view}: {by} have the proof that it is prepared.";
    pub(crate) const EXECUTED: &str =
        "{node} executes sequence number {sequence}: {entries}, its log ends at index {last} now.";
    pub(crate) const EXECUTED_NULL: &str = "{node} executes sequence number {sequence}, which holds nothing.";
    pub(crate) const CAUGHT_UP: &str = "{from} proved to {node} what is committed at sequence number {sequence}.";
    pub(crate) const CHECKPOINT_TAKEN: &str =
        "{node} signed its state after sequence number {sequence} (index {index} of its log).";
    pub(crate) const CHECKPOINT_STABLE: &str =
        "The checkpoint at sequence number {sequence} is stable at {node}: {by} have signed it.";
    pub(crate) const CHECKPOINT_LACKED: &str = "The checkpoint at sequence number {sequence} is stable at {node}, which does not have that state yet: {by} have signed it.";
    pub(crate) const TIMER: &str = "{node} waits {timeout} for its oldest request.";
    pub(crate) const TIMER_AGAIN: &str =
        "{node} waits {timeout} for its oldest request, after {attempts} view changes in a row.";
    pub(crate) const LEFT: &str = "{node} left view {from} for view {to}: {reason}.";
    pub(crate) const REQUEST_WAITED: &str = "a request had waited {span}";
    pub(crate) const NEW_VIEW_MISSING: &str = "the new view had not begun within {span}";
    pub(crate) const OTHERS_LEFT: &str = "{others} others had left it";
    pub(crate) const COUNTED: &str =
        "{node} has a view change of {from} for view {view}; {count} of {needed} ask for its own view.";
    pub(crate) const MADE: &str = "{node} made view {view} out of the view changes of {by}: it begins after checkpoint {after} and orders again up to {through}.";
    pub(crate) const MADE_EMPTY: &str = "{node} made view {view} out of the view changes of {by}: it begins after checkpoint {after}, and nothing has to be ordered again.";
    pub(crate) const NEW_VIEW_REFUSED: &str = "{node} refused the new view {view}: {reason}.";
    pub(crate) const BAD_VIEW_CHANGES: &str = "its view changes are not those of a quorum for this view";
    pub(crate) const DOES_NOT_FOLLOW: &str = "it does not follow from its view changes";
    pub(crate) const ENTERED: &str =
        "{node} takes part in view {view}, whose primary is {primary}; {reordered} sequence numbers are ordered again.";
    pub(crate) const ENTERED_MISSING: &str = "{node} takes part in view {view}, whose primary is {primary}; {reordered} sequence numbers are ordered again, and it lacks the bodies of {missing}.";
    pub(crate) const TRANSFER_BEGAN: &str =
        "{node} fetches the state of the checkpoint at sequence number {sequence} from {from}: {bytes}.";
    pub(crate) const TRANSFER_SPOILT: &str =
        "What {node} fetched for the checkpoint at {sequence} does not have the proven hash, and is thrown away.";
    pub(crate) const TRANSFER_SPOILT_BY: &str =
        "What {by} sent {node} for the checkpoint at {sequence} does not have the proven hash, and is thrown away.";
    pub(crate) const TRANSFERRED: &str =
        "{node} took over the state of the checkpoint at sequence number {sequence} (index {index} of its log).";
    pub(crate) const ASKED: &str = "{node} waits for something and says where it stands: executed up to {executed}.";
    pub(crate) const FORGED: &str = "{node} threw a message of {from} away: a signature in it does not hold.";
    pub(crate) const IGNORED: &str = "{node} ignored a message of {from}: {reason}.";
    pub(crate) const NOT_A_VOTER: &str = "it does not vote";
    pub(crate) const NOT_HONEST: &str = "no honest replica says such a thing";
    pub(crate) const OLD_VIEW: &str = "it is about a view that is over";
    pub(crate) const LATER_VIEW: &str = "it is about a view that has not begun here";
    pub(crate) const OUTSIDE: &str = "its sequence number lies outside of the window";
    pub(crate) const NOT_NEEDED: &str = "it was not asked for, or is known";
}

/// Lines of the list of events.
pub(crate) mod line {
    pub(crate) const PROPOSED: &str = "{node} puts {requests} at {sequence}";
    pub(crate) const REFUSED: &str = "{node} refuses what the primary put at {sequence}";
    pub(crate) const PREPARED: &str = "{node}: {sequence} is prepared";
    pub(crate) const COMMITTED: &str = "{node}: {sequence} is committed";
    pub(crate) const STABLE: &str = "{node}: checkpoint {sequence} is stable";
    pub(crate) const LEFT: &str = "{node} left view {from} and asks for view {to}";
    pub(crate) const MADE: &str = "{node} became primary of view {view}";
    pub(crate) const ENTERED: &str = "{node} takes part in view {view}";
    pub(crate) const NEW_VIEW_REFUSED: &str = "{node} refused the new view {view}";
    pub(crate) const TRANSFER_BEGAN: &str = "{node} fetches the state at {sequence} from {from}";
    pub(crate) const TRANSFER_SPOILT: &str = "{node} threw a false state away";
    pub(crate) const TRANSFERRED: &str = "{node} took over the state at {sequence}";
    pub(crate) const FORGED: &str = "{node} refused a forged message on {from}'s channel";
}
