//! In which words is told what a node did or noticed?
//!
//! One template or more for each event of the protocol. Which one fits, and what
//! fills its places, is decided in `why::event`, `why::lead` and `why::snapshot`;
//! what happened round the nodes is in `run`.

/// Sentences about what a node did or noticed.
pub(crate) mod event {
    pub const RECOVERED: &str = "{node} started from its store: term {term}, {vote}, last entry at index {index}.";
    pub const HAD_VOTED: &str = "a vote for {candidate}";
    pub const HAD_NOT_VOTED: &str = "no vote in it";
    pub const TIMER_STARTED: &str = "{node} set its election timer to {timeout} because it has just started.";
    pub const TIMER_HEARD: &str = "{node} set its election timer anew, to {timeout}, because it heard from the leader.";
    pub const TIMER_GRANTED: &str = "{node} set its election timer anew, to {timeout}, because it granted a vote.";
    pub const TIMER_ELECTION: &str = "{node} set its election timer to {timeout} for the election that it began.";
    pub const TIMER_STEPPED_DOWN: &str =
        "{node} set its election timer to {timeout} because it stopped leading or competing.";
    pub const TERM_SEEN: &str =
        "{node} went from term {from} to term {to}: a message of {peer} carried the higher term.";
    pub const TERM_OWN: &str = "{node} went from term {from} to term {to} by itself, to start an election.";
    pub const FOLLOWER_HIGHER: &str = "{node} became a follower in term {term}: it saw a higher term.";
    pub const FOLLOWER_LEADER: &str = "{node} follows {leader}, which leads term {term}.";
    pub const FOLLOWER_OTHER: &str = "{node} became a follower in term {term}: another node leads this term.";
    pub const FOLLOWER_PRE_VOTE: &str = "{node} became a follower again in term {term}: too many refused its pre-vote.";
    pub const FOLLOWER_REMOVED: &str = "{node} leads no longer in term {term}: its removal is committed.";
    pub const FOLLOWER_SILENT: &str = "{node} hears from no leader any more; without a vote it waits for the next one.";
    pub const MEMBERS_ACT: &str = "{node} acts on the configuration {which}{part}: {members}.";
    pub const MEMBERS_AT: &str = "at index {index}";
    pub const MEMBERS_FIRST: &str = "that it started with";
    pub const MEMBERS_LEARNS: &str = ", in which it learns and has no vote yet";
    pub const MEMBERS_OBSERVES: &str = ", in which it observes";
    pub const MEMBERS_EDGE: &str = ", in which it holds a part of the state";
    pub const MEMBERS_SPARE: &str = ", in which it is no member";
    pub const CHANGE_REFUSED: &str = "{node} refused to change the members: {reason}.";
    pub const CHANGE_NOT_LEADER: &str = "it does not lead; the leader that it knows: {leader}";
    pub const CHANGE_PENDING: &str = "the change at index {index} is not over yet";
    pub const CHANGE_TOO_EARLY: &str = "it has committed nothing in its own term yet";
    pub const CHANGE_BEHIND: &str = "{other} has not caught up";
    pub const PRE_CANDIDATE: &str =
        "{node}'s election timeout passed, and it asks whether it could win term {term} before it starts it.";
    pub const CANDIDATE: &str = "{node} became a candidate in term {term}.";
    pub const LEADER: &str = "{node} won the election of term {term} with {count}: {votes}.";
    pub const VOTED: &str = "{node} voted for {candidate} in term {term}: {comparison}.";
    pub const PRE_VOTED: &str = "{node} would vote for {candidate} in term {term}: {comparison}.";
    pub const UP_TO_DATE: &str =
        "{candidate}'s log is at least as up to date as its own, last entry {theirs} against {own}";
    pub const LESS_UP_TO_DATE: &str =
        "and that although {candidate}'s log is less up to date than its own, last entry {theirs} against {own}";
    pub const REFUSED: &str = "{node} did not vote for {candidate} in term {term}: {reason}.";
    pub const PRE_REFUSED: &str = "{node} would not vote for {candidate} in term {term}: {reason}.";
    pub const REFUSED_STALE: &str = "the request is of an older term than its own";
    pub const REFUSED_VOTED: &str = "it has voted for {other} in this term";
    pub const REFUSED_BEHIND: &str =
        "{candidate}'s log is less up to date than its own, last entry {theirs} against {own}";
    pub const REFUSED_LEADER: &str = "it hears from {other}, the leader";
    pub const REFUSED_LEADS: &str = "it is the leader itself";
    pub const REFUSED_RESTARTED: &str = "it restarted a moment ago, and may have heard a leader right before";
    pub const QUORUM_UNHEARD: &str = "{node} has heard from {heard} alone for {span}, which is no quorum.";
    pub const FOLLOWER_QUORUM: &str = "{node} stopped leading term {term}: it heard from no quorum.";
    pub const READS_FORWARDED: &str =
        "{node} asked {leader} up to which index it must apply before it answers {reads}.";
    pub const READS_HELD: &str = "{node} keeps {reads} back: it has committed nothing in term {term} yet.";
    pub const READ_ROUND: &str =
        "{node} began round {round} to prove that it still leads; {reads} at index {index} wait for it.";
    pub const READ_CONFIRMED: &str =
        "{node} still led when round {round} began: a quorum answered it, so {reads} may be answered at index {index}.";
    pub const READ_LEASE: &str = "{node} answers a read at index {index} by its lease, which lasts {left} more.";
    pub const READ_INDEX_SERVED: &str =
        "{node} answered a read from its state machine, which had to reach index {index}.";
    pub const READ_LEASE_SERVED: &str =
        "{node} answered a read by its lease, from a state that had to reach index {index}.";
    pub const READ_STALE_SERVED: &str = "{node} answered a stale read from what it had applied, index {index}.";
    pub const READS_REFUSED: &str = "{node} refused {reads}: it does not lead, and knows no leader.";
    pub const READS_REFUSED_LEADER: &str = "{node} refused {reads}: {leader} leads as far as it knows.";
    pub const TRANSFER_BEGAN: &str =
        "{node} hands leadership to {to}, which lacks {entries}; it gives up after {span}.";
    pub const PREFERRED: &str = "{node} wants {to} to lead, which is in zone {zone} of those that are preferred, and {node} itself in {own}: {to} answers and has the log, and all has been calm for {span}.";
    pub const ZONE: &str = "zone {zone}";
    pub const NO_ZONE: &str = "none";
    pub const TIMEOUT_NOW_SENT: &str = "{node} told {to} to campaign at once: {to} holds the whole log.";
    pub const TIMEOUT_NOW_TAKEN: &str = "{node} campaigns at once because {to}, the leader, asked for it.";
    pub const TRANSFER_ABORTED: &str = "{node} gave up handing leadership to {to}, and leads on.";
    pub const TRANSFER_REFUSED: &str = "{node} does not hand leadership to {to}: {reason}.";
    pub const TRANSFER_NOT_LEADER: &str = "it does not lead";
    pub const TRANSFER_LEADS: &str = "it leads itself";
    pub const TRANSFER_NO_VOTE: &str = "{to} has no vote";
    pub const TRANSFER_UNDER_WAY: &str = "leadership is on its way to {other}";
    pub const REFUSED_PROPOSAL_TRANSFER: &str =
        "{node} refused a client's proposal: it hands leadership to {to} just now.";
    pub const REFUSED_STORE: &str = "its store is lost, so what it once promised is unknown";
    pub const COUNTED_YES: &str = "{voter} said yes to {node}'s {kind} for term {term}: {have} of the {needed} needed.";
    pub const COUNTED_NO: &str =
        "{voter} said no to {node}'s {kind} for term {term}: still {have} of the {needed} needed.";
    pub const REQUEST: &str = "vote request";
    pub const PRE_REQUEST: &str = "pre-vote";
    pub const APPENDED: &str = "{node} appended {entries} in term {term} to its own log.";
    pub const ACCEPTED: &str = "{node} took {entries} from {leader}; their logs agree up to index {matched}.";
    pub const ACCEPTED_NOTHING: &str =
        "{node} found nothing new in {leader}'s append; their logs agree up to index {matched}.";
    pub const TRUNCATED: &str = "{node} removed {entries} from its log: the log of {leader} differs there.";
    pub const REFUSED_APPEND_SHORT: &str =
        "{node} refused {leader}'s append: it follows entry {expected}, and {node}'s log ends before that.";
    pub const REFUSED_APPEND_TERM: &str =
        "{node} refused {leader}'s append: it follows entry {expected}, and {node} holds one of term {found} there.";
    pub const NEXT_INDEX: &str = "{node} will send {follower} entries from index {to} on, no longer from {from}.";
    pub const COMMIT_QUORUM: &str =
        "{node} moved its commit index from {from} to {to}: it counts a quorum that holds this much durably.";
    pub const COMMIT_LEADER: &str = "{node} moved its commit index from {from} to {to}: {leader} said so.";
    pub const COMMIT_HELD: &str = "{node} does not commit up to index {index} although a quorum holds it: the entry is of term {entry_term}, and {node} leads term {term}.";
    pub const IGNORED: &str = "{node} ignored a message of {from}: {reason}.";
    pub const IGNORED_STALE: &str = "it is of an older term";
    pub const IGNORED_ROLE: &str = "it does not fit the role of {node}";
    pub const IGNORED_OUTDATED: &str = "it answers something that has been answered since";
    pub const IGNORED_STRANGER: &str = "{from} is not a member";
    pub const IGNORED_MALFORMED: &str = "what it says cannot be";
    pub const IGNORED_TOO_LARGE: &str = "its snapshot is longer than {node} takes in";
    pub const IGNORED_PARTIAL: &str = "{node} holds a part of the state and never becomes whole again";
    pub const REFUSED_PROPOSAL: &str = "{node} refused a client's proposal: it does not lead, and knows no leader.";
    pub const REFUSED_PROPOSAL_LEADER: &str =
        "{node} refused a client's proposal: it does not lead, {leader} does as far as it knows.";
    pub const REFUSED_PROPOSAL_LOAD: &str =
        "{node} refused a client's proposal: too much is waiting for its commit already{limit}.";
    pub const LIMIT: &str = ", and {limit} may";
    pub const REFUSED_PROPOSAL_LARGE: &str =
        "{node} refused a client's proposal for good: it has {bytes}, and an entry has at most {limit}.";
    pub const ANSWERED_EARLY: &str = "{node} answered a relaxed command early, entry {index} of term {term}: it is on {node}'s own disk, and committed is what goes up to index {commit}.";
    pub const WINDOW_FULL: &str =
        "{node} holds entries back: as much is on its way to {follower} as may be, {limit} without an answer.";
}

/// Sentences about snapshots.
pub(crate) mod snapshot {
    pub const STARTED: &str = "{node} began to make a snapshot of its state at index {index}: {reason}.";
    pub const BY_ENTRIES: &str = "{count} applied since the last one";
    pub const BY_BYTES: &str = "its log has grown by {bytes} bytes since the last one";
    pub const BY_INTERVAL: &str = "the last one is {age} old";
    pub const BY_HAND: &str = "somebody asked for it";
    pub const COMPACTED: &str = "{node} writes its snapshot through index {index} ({bytes} bytes) and drops {entries}: its log goes on after index {base}.";
    pub const COMPACTED_NOTHING: &str =
        "{node} writes its snapshot through index {index} ({bytes} bytes); its log is short enough to stay.";
    pub const TRANSFER_STARTED: &str = "{node} sends {follower} its snapshot through index {index} ({bytes} bytes): {follower} needs entry {next}, and {node}'s log goes on after index {base}.";
    pub const FEEDER_CHOSEN: &str =
        "{leader} has {fed} fed by {feeder}, which stands near it; the answers come to {leader} itself.";
    pub const FEEDER_GONE: &str =
        "{leader} feeds {fed} itself: no voter near it is heard and holds what is to be sent.";
    pub const PROJECTION: &str = "{node} sends {edge} its part of the state at index {index} ({bytes} bytes): {edge}'s store was made for something else, or it lacks entries that {node}'s log holds no longer.";
    pub const TRANSFER_RESUMED: &str = "{node} goes on sending {follower} the snapshot through index {index} at byte {offset}: this is how much {follower} has.";
    pub const PARTS_SUPERSEDED: &str = "{node} throws away {bytes} bytes that it had of the snapshot through index {index}: {leader} sends the one through index {by} in its place.";
    pub const PARTS_NOT_NEEDED: &str = "{node} throws away {bytes} bytes that it had of the snapshot through index {index}: what it stands for has come by {leader}'s entries.";
    pub const TRANSFER_ENDED: &str =
        "{node} knows that {follower} holds all up to index {index}, and sends entries again.";
    pub const ACCEPTED: &str =
        "{node} has all of {leader}'s snapshot through index {index} and writes it in the place of its log.";
    pub const STALE: &str =
        "{node} does not need {leader}'s snapshot through index {index}: its own commit index is {commit}.";
    pub const HELD: &str = "{node} does not need {leader}'s snapshot through index {index}: its log holds that entry.";
    pub const RESTORED: &str = "{node} restored its state from the snapshot through index {index}.";
}
