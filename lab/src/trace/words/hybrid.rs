//! In which words is told what happens in the hybrid: in its two rounds, and on its way to PBFT?
//!
//! One template or more for each event; which one fits is decided in
//! `why::hybrid`, `why::switch` and `narrate::hybrid`.

use quorumscope_core::bft::hybrid::threat::Level;

/// What may become of a change of voters that is asked for.
pub(crate) const CHANGE_WAITS: &str =
    "It waits while the leader's threat is medium or above, and while PBFT orders requests.";

/// What a threat level is called.
pub(crate) fn level(level: Level) -> &'static str {
    match level {
        Level::None => "none",
        Level::Low => "low",
        Level::Medium => "medium",
        Level::High => "high",
        Level::Critical => "critical",
    }
}

/// What counts for a threat level.
pub(crate) mod meter {
    pub(crate) const SIGN: &str = "{count} sign of a lie on the channel of {peer}";
    pub(crate) const SIGNS: &str = "{count} signs of lies on the channel of {peer}";
    pub(crate) const NOTHING: &str = "no signs of lies";
    pub(crate) const OTHER: &str = "terms in a row without a result, or a conviction";
    pub(crate) const ALARMS: &str = "{by} said that the threat is high";
}

/// What phases are called.
pub(crate) mod phase {
    pub(crate) const ROUNDS: &str = "two rounds";
    pub(crate) const STOPPED: &str = "stopped";
    pub(crate) const OPENED: &str = "fetches its beginning";
    pub(crate) const BFT: &str = "PBFT";
}

/// Where a rule stands.
pub(crate) mod paper {
    pub(crate) const ROUNDS: &str = "Hybrid, 1";
    pub(crate) const DURABLE: &str = "Hybrid, 1, 2 and 4";
    pub(crate) const TERMS: &str = "Hybrid, 2";
    pub(crate) const SWITCH: &str = "Hybrid, 4; Abstract §4";
    pub(crate) const FAST: &str = "Hybrid, 1; Revisiting Fast Practical BFT";
    pub(crate) const STATE: &str = "Hybrid, 6";
    pub(crate) const THREAT: &str = "Hybrid, 4";
    pub(crate) const RETURN: &str = "Hybrid, 5";
    pub(crate) const NONE: &str = "";
}

/// What a rule is for, in one sentence each.
pub(crate) mod principle {
    pub(crate) const DURABLE: &str = "Term, acknowledgements, certificates and stop statements survive a crash: whoever has voted or stopped acknowledges nothing older after a restart.";
    pub(crate) const ONE_HISTORY: &str =
        "A follower takes one history of a leader in a term, whatever a lying leader sends later.";
    pub(crate) const PREPARED: &str = "While at most f lie, two quorums share an honest replica: no other history is prepared at these places in that term.";
    pub(crate) const COMMITTED: &str =
        "A quorum holds the prepare certificate, so every quorum of votes shows it, or a higher one that continues it.";
    pub(crate) const WISH: &str = "A wish is no vote: whoever wishes goes on. Of f+1 that wish one is honest.";
    pub(crate) const VOTE: &str = "A vote ends all acknowledgements in older terms and shows what was prepared.";
    pub(crate) const ENTERED: &str =
        "A term goes on from the highest certificate among its votes; nothing that is committed lies above it.";
    pub(crate) const CHECKPOINT: &str = "A state that a quorum has signed is right, and nobody needs what led to it.";
    pub(crate) const STOPPED: &str =
        "Whoever stops helps to commit nothing more: what it says it holds is all that it ever will.";
    pub(crate) const THREAT: &str = "Signs of lies are counted for each peer and forgotten with time: they say when to be careful and convict nobody.";
    pub(crate) const ALARM: &str =
        "f+1 alarms end the two rounds, for one of them is honest: a liar alone can neither end them nor hold them up.";
    pub(crate) const OPENED: &str = "What is committed was named by a quorum before any of it stopped, so a quorum of stop statements shows it, or a higher certificate that continues it.";
    pub(crate) const SWITCHED: &str =
        "Everybody computes the same beginning from the statements that were decided: what was proven keeps its index.";
    pub(crate) const RETURNED: &str = "A quorum was calm for long enough, and PBFT decided to end: the state there, which a quorum has signed, is all that the next two rounds begin with.";
    pub(crate) const CHANGE_IN_CALM: &str = "Voters change in the two rounds alone, and nobody proposes a change under threat; in a history that was stopped it counts.";
    pub(crate) const MISSING: &str = "Messages are lost; who waits asks for what it lacks.";
    pub(crate) const SIGNATURE: &str = "A message whose signature does not hold proves nothing, not even who sent it.";
}

/// Sentences about what a replica did or noticed.
pub(crate) mod event {
    pub(crate) const RECOVERED: &str =
        "{node} begins in term {term} with what its store holds: committed up to sequence number {sequence}.";
    pub(crate) const RELAYED: &str = "{node} passed {bundles} on to {leader}, the leader.";
    pub(crate) const PROPOSED: &str =
        "{node}, the leader of term {term}, put {requests} at sequence number {sequence}.";
    pub(crate) const ACCEPTED: &str = "{node} took what the leader of term {term} put at sequence number {sequence}.";
    pub(crate) const REFUSED: &str = "{node} refused what the leader of term {term} put at sequence number {sequence}.";
    pub(crate) const PREPARED: &str =
        "{node} holds a prepare certificate of term {term} up to sequence number {sequence}: {by} have that history.";
    pub(crate) const COMMITTED: &str = "All up to sequence number {sequence} is committed at {node}: in term {term} {by} named its prepare certificate.";
    pub(crate) const EXECUTED: &str =
        "{node} executes sequence number {sequence}: {entries}, its log ends at index {last} now.";
    pub(crate) const CAUGHT_UP: &str = "{from} proved to {node} what is committed up to sequence number {sequence}.";
    pub(crate) const WISHED: &str = "{node} wishes for term {term}.";
    pub(crate) const ADOPTED: &str = "{node} left term {from} for term {term}.";
    pub(crate) const VOTED: &str = "{node} counts the vote of {from} for term {term}: {count} of {needed}.";
    pub(crate) const ENTERED: &str = "{node} takes part in term {term}, which {leader} leads.";
    pub(crate) const CHECKPOINT_TAKEN: &str =
        "{node} signed its state after sequence number {sequence} (index {index} of its log).";
    pub(crate) const CHECKPOINT_STABLE: &str =
        "The checkpoint at sequence number {sequence} is stable at {node}: {by} have signed it.";
    pub(crate) const TRANSFER_BEGAN: &str = "{node} fetches the state after sequence number {sequence} from {from}.";
    pub(crate) const TRANSFER_SPOILT: &str =
        "What {node} fetched for sequence number {sequence} was not the proven state; it begins anew.";
    pub(crate) const TRANSFERRED: &str =
        "{node} has the state after sequence number {sequence} and goes on after index {index}.";
    pub(crate) const ASKED: &str = "{node} has committed up to sequence number {sequence} and asks for what it lacks.";
    pub(crate) const STOPPED: &str = "{node} has stopped: it acknowledges nothing more in this instance.";
    pub(crate) const THREAT_RISES: &str = "{node} feels threatened: its level is {level} now, and was {before}.";
    pub(crate) const THREAT_OF: &str =
        "{node} feels threatened: its level is {level} now, and was {before}; the worst signs came from {worst}.";
    pub(crate) const THREAT_FALLS: &str = "{node} feels less threatened: its level is {level} now, and was {before}.";
    pub(crate) const ALARMED: &str =
        "{node} says that it feels threatened: {count} have said so, and {needed} end the two rounds.";
    pub(crate) const ALARM_HEARD: &str =
        "{from} feels threatened, hears {node}: {count} have said so, and {needed} end the two rounds.";
    pub(crate) const STOPPED_BY_ALARMS: &str = "{node} ends its part in the two rounds: {by} feel threatened.";
    pub(crate) const STOPPED_BY_OTHERS: &str = "{node} ends its part in the two rounds: {by} have ended theirs.";
    pub(crate) const STOPPED_BY_DECISION: &str =
        "{node} ends its part in the two rounds: it is decided already what PBFT begins with.";
    pub(crate) const STOP_HEARD: &str =
        "{node} has the stop statement of {from}, which shows {shows}: {count} of {needed}.";
    pub(crate) const SHOWS: &str = "a prepare certificate of term {term} up to {sequence}";
    pub(crate) const SHOWS_NONE: &str = "no certificate";
    pub(crate) const OPENED: &str =
        "It is decided, knows {node}: the statements of {by} count, and PBFT begins after {end}.";
    pub(crate) const FROM_NOTHING: &str = "nothing, for nothing was prepared";
    pub(crate) const SWITCHED: &str = "{node} goes on with PBFT after index {last}.";
    pub(crate) const SWITCHED_HELD: &str = "{node} goes on with PBFT after index {last}: what that begins with is gone everywhere, so it waits for a later state.";
    pub(crate) const RETURNED: &str = "{node} is back in two rounds (return {era}) and goes on after index {last}.";
    pub(crate) const CHANGE_WAITS_CALM: &str =
        "{node} leads, feels threatened, and proposes no change of voters: that waits until its level is below medium.";
    pub(crate) const CHANGE_WAITS_ROUNDS: &str =
        "{node} puts a change of voters aside: PBFT orders none, so it waits until the two rounds are back.";
    pub(crate) const CHANGE_FREE: &str = "The change of voters waits at {node} no longer: the two rounds may order it.";
    pub(crate) const ENDED_BY_CONCLUSION: &str = "{node} found a change of voters at {sequence} in the history of the stopped rounds that goes on: the epoch ends there, and PBFT does not begin.";
    pub(crate) const FORGED: &str =
        "A message on the channel of {from} came to {node} with a signature that does not hold.";
    pub(crate) const IGNORED: &str = "{node} had no use for a message of {from}.";
}

/// Lines of the list of events.
pub(crate) mod line {
    pub(crate) const THREAT: &str = "{node}: threat level {level}";
    pub(crate) const ALARMED: &str = "{node} feels threatened and says so: {count} of {needed}";
    pub(crate) const STOPPED: &str = "{node} ended its part in the two rounds";
    pub(crate) const OPENED: &str = "{node} knows what PBFT begins with";
    pub(crate) const SWITCHED: &str = "{node} went over to PBFT after index {last}";
    pub(crate) const RETURNED: &str = "{node} is back in two rounds after index {last}";
    pub(crate) const CHANGE_WAITS_CALM: &str = "{node}: a change of voters waits until the threat is below medium";
    pub(crate) const CHANGE_WAITS_ROUNDS: &str = "{node}: a change of voters waits until the two rounds are back";
    pub(crate) const CHANGE_FREE: &str = "{node}: the change of voters waits no longer";
    pub(crate) const ENDED_BY_CONCLUSION: &str =
        "{node}: the epoch ends with {sequence} of the stopped rounds, PBFT does not begin";
    pub(crate) const PROPOSED: &str = "{node} puts {requests} at {sequence}";
    pub(crate) const REFUSED: &str = "{node} refuses what the leader put at {sequence}";
    pub(crate) const PREPARED: &str = "{node}: {sequence} is prepared";
    pub(crate) const COMMITTED: &str = "{node}: {sequence} is committed";
    pub(crate) const STABLE: &str = "{node}: checkpoint {sequence} is stable";
    pub(crate) const WISHED: &str = "{node} wishes for term {term}";
    pub(crate) const LEADS: &str = "{node} leads term {term}";
    pub(crate) const ENTERED: &str = "{node} takes part in term {term}, which {leader} leads";
    pub(crate) const TRANSFER_BEGAN: &str = "{node} fetches the state at {sequence} from {from}";
    pub(crate) const TRANSFER_SPOILT: &str = "{node} threw a false state away";
    pub(crate) const TRANSFERRED: &str = "{node} took over the state at {sequence}";
    pub(crate) const FORGED: &str = "{node} refused a forged message on {from}'s channel";
}
