//! In which words does the laboratory speak to people?
//!
//! The one catalogue: every sentence is a template with named places
//! (`{node}`), so that a translation replaces this file and nothing else.
//! Which template belongs to what is decided in `why`, `face` and `narrate`.
//! Names of the papers (`AppendEntries`, `prevLogIndex`) are not translated.

use core::fmt::{Display, Write as _};

use quorumscope_core::membership::{Membership, MembershipChange};
use quorumscope_core::types::{LogIndex, NodeId, Span, Term};

/// Where a rule stands in the literature.
pub mod paper {
    /// Terms.
    pub const TERMS: &str = "Raft §5.1";
    /// Elections.
    pub const ELECTION: &str = "Raft §5.2";
    /// Votes, and who may have them.
    pub const VOTE: &str = "Raft §5.2, §5.4.1";
    /// Which log is more up to date.
    pub const UP_TO_DATE: &str = "Raft §5.4.1";
    /// Replication and repair of logs.
    pub const REPLICATION: &str = "Raft §5.3";
    /// What may be committed.
    pub const COMMIT: &str = "Raft §5.3, §5.4.2";
    /// Entries of older terms.
    pub const OLDER_TERMS: &str = "Raft §5.4.2, Figure 8";
    /// What survives a crash.
    pub const PERSISTENT: &str = "Raft Figure 2, persistent state";
    /// Clients.
    pub const CLIENTS: &str = "Raft §8";
    /// Sessions of clients.
    pub const SESSIONS: &str = "Raft §8; thesis §6.3";
    /// Pre-votes.
    pub const PRE_VOTE: &str = "thesis §9.6";
    /// Changes of members.
    pub const MEMBERS: &str = "Raft §6; thesis §4.1, §4.3";
    /// Learners, and leaders that leave.
    pub const LEARNERS: &str = "thesis §4.2";
    /// Votes that are kept back while a leader is heard.
    pub const VOTE_LEASE: &str = "thesis §4.2.3";
    /// Leaders that hear from no quorum.
    pub const CHECK_QUORUM: &str = "thesis §6.2";
    /// Reads beside the log.
    pub const READS: &str = "thesis §6.4";
    /// Leases.
    pub const LEASE: &str = "thesis §6.4.1";
    /// Transfer of leadership.
    pub const TRANSFER: &str = "thesis §3.10";
    /// The network that Raft expects.
    pub const NETWORK: &str = "Raft §5.1, §5.5";
    /// Compaction of logs.
    pub const COMPACTION: &str = "Raft §7; thesis §5.1";
    /// Snapshots for followers.
    pub const INSTALL: &str = "Raft §7, Figure 13";
    /// Nothing to cite.
    pub const NONE: &str = "";
}

/// What a rule is for, in one sentence each.
pub mod principle {
    pub(crate) const PERSISTENT: &str = "Term, vote and log survive a crash; role, commit index and timers start anew.";
    pub(crate) const RANDOM_TIMEOUT: &str =
        "Timeouts are drawn at random, so that seldom two nodes compete in one election.";
    pub(crate) const HIGHER_TERM: &str =
        "Whoever learns of a higher term adopts it, and a leader or candidate becomes a follower.";
    pub(crate) const ONE_LEADER: &str = "A term has at most one leader; a candidate that hears from it follows.";
    pub(crate) const PRE_VOTE: &str =
        "Asking first keeps a node that cannot win from disturbing the others with a new term.";
    pub(crate) const CANDIDATE: &str = "A candidate votes for itself and asks all other voters.";
    pub(crate) const MAJORITY: &str = "Two majorities share a node, and that node votes only once in a term.";
    pub(crate) const VOTE: &str =
        "A node votes for one candidate in a term, and only for a log that is at least as up to date as its own.";
    pub(crate) const UP_TO_DATE: &str =
        "The later last term wins; with equal terms the longer log: so a leader holds all that is committed.";
    pub(crate) const ONE_VOTE: &str = "A second vote in one term could elect two leaders.";
    pub(crate) const STALE_TERM: &str = "A request of an older term is refused; the answer carries the newer term.";
    pub(crate) const LEADER_ALIVE: &str = "Who hears from a leader sees no need for an election.";
    pub(crate) const STORE_LOST: &str =
        "A node that lost its store cannot know what it promised, so it promises nothing more.";
    pub(crate) const APPEND_ONLY: &str = "A leader only ever adds to its own log.";
    pub(crate) const CONSISTENCY: &str =
        "A follower takes entries only after the very entry that precedes them in the leader's log.";
    pub(crate) const CONFLICT: &str =
        "Where logs differ the leader's counts, and what follows the difference is removed.";
    pub(crate) const BACK_UP: &str = "The leader goes back until both logs agree, and sends from there.";
    pub(crate) const COMMIT: &str =
        "An entry of the leader's own term is committed once a majority has stored it, and so is all before it.";
    pub(crate) const LEADER_COMMIT: &str =
        "A follower commits what its leader has committed, as far as their logs are known to agree.";
    pub(crate) const OLDER_TERM: &str =
        "An entry of an older term is never committed by counting: a later leader could still remove it.";
    pub(crate) const NOT_LEADER: &str = "Only the leader appends; other nodes name the leader they know.";
    pub(crate) const EXACTLY_ONCE: &str = "A retry has the same number, so that it is applied once.";
    pub(crate) const UNRELIABLE: &str =
        "Messages may be lost, repeated and overtaken; who needs an answer sends again.";
    pub(crate) const JOINT: &str =
        "While members change, both the old and the new half must agree: so two leaders never have a quorum each.";
    pub(crate) const ONE_CHANGE: &str = "Members change one step at a time, and only on ground that is committed.";
    pub(crate) const CAUGHT_UP: &str = "Who votes before it has the log holds up every commit.";
    pub(crate) const OBSERVER: &str = "An observer gets what is committed and answers reads; it never votes, and what it answers its leader proves nothing.";
    pub(crate) const REMOVED: &str = "A leader manages its own removal, without counting itself, and then steps down.";
    pub(crate) const UNSYNCED: &str = "What was not on disk is lost in a crash, and what waited for it is never sent.";
    pub(crate) const SNAPSHOT: &str = "What is applied stands in the state: a snapshot of it, with the clients' sessions, takes the place of the log.";
    pub(crate) const INSTALL: &str =
        "A follower that needs entries which the leader has compacted away gets the leader's snapshot instead.";
    pub(crate) const RESUME: &str =
        "A part that is lost is asked for again, and the transfer goes on where the follower stands.";
    pub(crate) const INSTALLED: &str =
        "A snapshot is on disk before its receiver says so, and only then it takes the place of the state.";
    pub(crate) const KEEP_LOG: &str =
        "A snapshot tells nothing new to a log that holds its last entry; what follows that entry stays.";
    pub(crate) const CHECK_QUORUM: &str =
        "A leader that cannot reach a quorum can commit nothing; stepping down lets clients look for another.";
    pub(crate) const VOTE_LEASE: &str = "Who hears a leader gives nobody else a vote for the shortest election timeout, so that the leader can rely on it.";
    pub(crate) const READ_INDEX: &str =
        "A round that a quorum answers proves that no newer leader had been elected when the read came.";
    pub(crate) const OWN_TERM_FIRST: &str =
        "Until a new leader has committed in its term, it may not know how far earlier leaders committed.";
    pub(crate) const LEASE: &str =
        "No other leader can be elected within the shortest election timeout of a round that a quorum answered.";
    pub(crate) const STALE: &str = "A stale read asks nobody: newer values may exist.";
    pub(crate) const TRANSFER: &str =
        "The target must hold the whole log before it campaigns, and new proposals would keep it behind.";
    pub(crate) const PREFERENCE: &str =
        "Whoever can win may lead; in calm, leadership goes to a node of the zone that is to lead.";
    pub(crate) const EARLY: &str =
        "An early answer promises that its leader does not forget the command; with another leader it may be lost.";
    pub(crate) const NONE: &str = "";
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
    pub const TRANSFER_RESUMED: &str = "{node} goes on sending {follower} the snapshot through index {index} at byte {offset}: this is how much {follower} has.";
    pub const TRANSFER_ENDED: &str =
        "{node} knows that {follower} holds all up to index {index}, and sends entries again.";
    pub const ACCEPTED: &str =
        "{node} has all of {leader}'s snapshot through index {index} and writes it in the place of its log.";
    pub const STALE: &str =
        "{node} does not need {leader}'s snapshot through index {index}: its own commit index is {commit}.";
    pub const HELD: &str = "{node} does not need {leader}'s snapshot through index {index}: its log holds that entry.";
    pub const RESTORED: &str = "{node} restored its state from the snapshot through index {index}.";
}

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
    pub const FOLLOWER_LEADER: &str = "{node} became a follower in term {term}: {leader} leads this term.";
    pub const FOLLOWER_OTHER: &str = "{node} became a follower in term {term}: another node leads this term.";
    pub const FOLLOWER_PRE_VOTE: &str = "{node} became a follower again in term {term}: too many refused its pre-vote.";
    pub const FOLLOWER_REMOVED: &str = "{node} leads no longer in term {term}: its removal is committed.";
    pub const FOLLOWER_SILENT: &str = "{node} hears from no leader any more; without a vote it waits for the next one.";
    pub const MEMBERS_ACT: &str = "{node} acts on the configuration at index {index}: {members}.";
    pub const MEMBERS_OBSERVE: &str =
        "{node} acts on the configuration at index {index}, in which it observes: {members}.";
    pub const MEMBERS_FIRST: &str = "{node} acts on the configuration that it started with: {members}.";
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

/// Sentences about the rest of what is recorded.
pub(crate) mod record {
    pub const BEGAN: &str = "The run “{name}” began with {nodes}.";
    pub const STARTED: &str = "{node} started; this is start {count} from its store.";
    pub const DELIVERED: &str = "{message} from {from} reached {node}.";
    pub const DELIVERED_UNKNOWN: &str = "A message reached {node}; the record of its sending is missing here.";
    pub const DEADLINE: &str = "{node}'s timer ran out.";
    pub const WRITTEN: &str = "{node}'s disk has stored all writes up to number {ticket}.";
    pub const PROPOSED: &str = "Request {number} of {client} reached {node}.";
    pub const APPLIED: &str = "{node} applied its log up to index {index} to its state machine.";
    pub const SENT: &str = "{node} sent {message} to {to}.";
    pub const SENT_AFTER: &str = "{node} has {message} for {to}, which leaves once write {ticket} is on disk.";
    pub const WRITE: &str = "{node} began to write {parts} (write {ticket}).";
    pub const WRITE_HARD: &str = "its term and vote";
    pub const WRITE_TRUNCATE: &str = "the removal of all from index {index} on";
    pub const WRITE_SNAPSHOT: &str = "a snapshot through index {index}";
    pub const WRITE_COMPACT: &str = "the removal of all up to index {index}";
    pub const WRITE_NOTHING: &str = "nothing new";
    pub const ANSWERED: &str = "{node} answered request {number} of {client}: {outcome}.";
    pub const STATUS: &str = "{node} is a {role} in term {term}, commit index {commit}.";
    pub const BROKE: &str = "{node} stopped by itself, because this does not hold: {fact}.";
    pub const NODE_STATE: &str = "{node} reported its whole state.";
    pub const DEPARTED: &str = "{message} from {from} to {to} is on its way.";
    pub const DEPARTED_TWICE: &str = "A second copy of {message} from {from} to {to} is on its way.";
    pub const DROPPED: &str = "{message} from {from} to {to} was lost: {reason}.";
    pub const LOST_LOSS: &str = "the network dropped it at random";
    pub const LOST_CUT: &str = "the link from {from} to {to} is cut";
    pub const LOST_DOWN: &str = "{to} is down";
    pub const LOST_SENDER: &str = "{from} crashed before the write that it waited for was on disk";
    pub const LOST_HAND: &str = "it was dropped by hand";
    pub const HELD: &str = "{message} from {from} to {to} was stopped by hand.";
    pub const ASKED: &str = "{client} asked {to} to {operation} (request {number}).";
    pub const ASKED_AGAIN: &str = "{client} asked again, now {to}, to {operation} (request {number}, try {attempt}).";
    pub const TOLD_OK: &str = "{client} was told that request {number} is done{result}.";
    pub const TOLD_FAILED: &str = "{client} was told that request {number} failed{result}.";
    pub const TOLD_UNKNOWN: &str = "{client} cannot know what became of request {number}{result}.";
    pub const TOLD_EARLY: &str = "{client} was told that one node has request {number}{result}.";
    pub const EARLY_OPEN: &str = "Request {number} of {client} is not yet safe.";
    pub const EARLY_SAFE: &str =
        "Request {number} of {client}, answered early as entry {index} of term {term}, is committed: it is safe now.";
    pub const EARLY_LOST: &str = "Request {number} of {client} was answered early as entry {index} of term {term}, and it is lost: another entry is committed at that index.";
    pub const RESULT: &str = ": {result}";
    pub const CRASHED: &str = "{node} crashed.";
    pub const CRASHED_PENDING: &str = "{node} crashed; its writes up to number {ticket} survived.";
    pub const PAUSED: &str = "{node} was paused.";
    pub const CLOCK_CHANGED: &str =
        "The clock of {node} was set; from here on it runs at {rate} parts per million of global time.";
    pub const RESUMED: &str = "{node} goes on.";
    pub const LINKS_MENDED: &str = "All links are whole.";
    pub const LINKS_CUT: &str = "These links are cut now: {links}.";
    pub const DECIDED: &str = "Entry {entry} is committed: a quorum has held it durably in its term.";
    pub const VIOLATED: &str = "{property} does not hold: {detail}.";
    pub const GAP: &str = "{count} records are missing here.";
    pub const GAP_UNKNOWN: &str = "Records are missing here, nobody counted how many.";
    pub const ENDED: &str = "The run ended.";
    pub const SNAPSHOT_TAKEN: &str = "{node}'s snapshot through index {index} is made: {bytes} bytes.";
    pub const SNAPSHOT_ASKED: &str = "{node} was asked for a snapshot.";
}

/// Answers to questions about a vote or an entry.
pub(crate) mod question {
    pub const ANSWER_LEFT: &str = " The answer left after write {ticket} was on disk.";
    pub const ANSWER_WAITS: &str = " The answer waits until write {ticket} is on disk.";
    pub const ANSWER_AT_ONCE: &str = " The answer waited for no write.";
    pub const COMMITTED_LEARNED: &str =
        "Entry {entry} is committed, and {node} knows it: its commit index is {commit}.";
    pub const COMMITTED_UNLEARNED: &str =
        "Entry {entry} is committed, but {node} has not learned it: its commit index is {commit}.";
    pub const OTHER_COMMITTED: &str =
        "Entry {entry} of {node} cannot be committed any more: at this index the entry of term {other} is.";
    pub const TOO_FEW: &str = "Entry {entry} is not committed: {have} of the {needed} needed hold it on disk{who}.";
    pub const WHO: &str = " ({nodes})";
    pub const UNSYNCED: &str = " In memory only: {nodes}.";
    pub const LACKING: &str = " Without it: {nodes}.";
    pub const OLDER_TERM: &str = "Entry {entry} is not committed although {have} hold it on disk ({nodes}): it is of an older term than {leader}'s, who leads term {term}.";
    pub const NOT_IN_TERM: &str = "Entry {entry} is not committed although {have} hold it on disk now ({nodes}): a copy counts only from a holder that is still in term {term}, and nobody's commit index covers it.";
    pub const COMPACTED: &str = "Entry {index} is committed: {node} has applied it, and a snapshot has taken the place of its log up to index {base}.";
    pub const NOT_HELD: &str = "{node} holds no entry at index {index}: its log ends at {last}.";
}

/// Lines for the list of events and for readers of the screen.
pub(crate) mod line {
    pub const STARTED: &str = "{node} started";
    pub const RESTARTED: &str = "{node} restarted from its store";
    pub const FOLLOWER: &str = "{node} became follower in term {term}";
    pub const PRE_CANDIDATE: &str = "{node} asks whether it could win term {term}";
    pub const CANDIDATE: &str = "{node} became candidate in term {term}";
    pub const LEADER: &str = "{node} became leader in term {term} with {count}";
    pub const VOTED: &str = "{node} voted for {candidate} in term {term}";
    pub const REFUSED: &str = "{node} refused {candidate} its vote in term {term}";
    pub const PRE_VOTED: &str = "{node} would vote for {candidate} in term {term}";
    pub const PRE_REFUSED: &str = "{node} would not vote for {candidate} in term {term}";
    pub const MEMBERS: &str = "{node} acts on {members}";
    pub const CHANGE_REFUSED: &str = "{node} refused to change the members";
    pub const REMOVED: &str = "{node} stepped down: its removal is committed";
    pub const TRUNCATED: &str = "{node} removed {entries}";
    pub const APPEND_REFUSED: &str = "{node} refused an append of {leader}";
    pub const COMMIT_HELD: &str = "{node} holds the commit at an older term's entry back";
    pub const APPENDED: &str = "{node} appended {entries}";
    pub const COMPACTED: &str = "{node} stores a snapshot through index {index}";
    pub const TRANSFER_STARTED: &str = "{node} sends {follower} its snapshot through index {index}";
    pub const TRANSFER_RESUMED: &str = "{node} goes on with {follower}'s snapshot at byte {offset}";
    pub const INSTALLED: &str = "{node} restored its state from the snapshot through index {index}";
    pub const QUORUM_LOST: &str = "{node} stopped leading term {term}: it heard from no quorum";
    pub const TRANSFER_BEGAN: &str = "{node} hands leadership to {to}";
    pub const PREFERRED: &str = "{to} is to lead, in zone {zone}";
    pub const TIMEOUT_NOW_TAKEN: &str = "{node} campaigns because {from} asked for it";
    pub const TRANSFER_ABORTED: &str = "{node} leads on: {to} did not take over";
    pub const TRANSFER_REFUSED: &str = "{node} does not hand leadership to {to}";
    pub const READ_CONFIRMED: &str = "{node} still leads: a quorum answered for {reads}";
    pub const READ_LEASE: &str = "{node} answers a read by its lease";
    pub const DECIDED: &str = "entry {index} of term {term} is committed";
    pub const CRASHED: &str = "{node} crashed";
    pub const PAUSED: &str = "{node} paused";
    pub const CLOCK_CHANGED: &str = "the clock of {node} was set";
    pub const RESUMED: &str = "{node} goes on";
    pub const BROKE: &str = "{node} stopped: {fact}";
    pub const DROPPED: &str = "{message} from {from} to {to} lost";
    pub const HELD: &str = "{message} from {from} to {to} held";
    pub const LINKS_CUT: &str = "{count} cut: {links}";
    pub const LINKS_MENDED: &str = "all links whole";
    pub const ASKED: &str = "{client}: {operation}";
    pub const ASKED_AGAIN: &str = "{client} tries again at {to}: {operation}";
    pub const TOLD_OK: &str = "{client}: request {number} is done{result}";
    pub const TOLD_FAILED: &str = "{client}: request {number} failed{result}";
    pub const TOLD_UNKNOWN: &str = "{client}: request {number} unknown{result}";
    pub const TOLD_EARLY: &str = "{client}: request {number} is at one node{result}";
    pub const EARLY_SAFE: &str = "request {number} of {client}, answered early, is safe now";
    pub const EARLY_LOST: &str = "request {number} of {client}, answered early, is lost";
    pub const VIOLATED: &str = "broken: {property}, {detail}";
    pub const GAP: &str = "records are missing";
    pub const ENDED: &str = "end of the run";
    pub const BEGAN: &str = "{name}: {nodes}";
}

/// Words for what is drawn.
pub(crate) mod face {
    pub const APPEND: &str = "append";
    pub const APPEND_REPLY: &str = "its answer";
    pub const HEARTBEAT: &str = "heartbeat";
    pub const VOTE_REQUEST: &str = "vote request";
    pub const VOTE_REPLY: &str = "its answer";
    pub const PRE_VOTE: &str = "pre-vote";
    pub const PRE_VOTE_REPLY: &str = "its answer";
    pub const SNAPSHOT: &str = "part of a snapshot";
    pub const SNAPSHOT_REPLY: &str = "its answer";
    pub const CLIENT_REQUEST: &str = "client's request";
    pub const CLIENT_ANSWER: &str = "answer to a client";
    pub const READ_INDEX: &str = "read index wanted";
    pub const READ_INDEX_REPLY: &str = "its answer";
    pub const TIMEOUT_NOW: &str = "order to campaign";
    pub const STALE_VALUE: &str = "{value} (stale)";
    pub const FOLLOWER: &str = "follower";
    pub const PRE_CANDIDATE: &str = "pre-candidate";
    pub const CANDIDATE: &str = "candidate";
    pub const LEADER: &str = "leader";
    pub const LEARNER: &str = "learner";
    /// Gets what is committed and answers reads.
    pub const OBSERVER: &str = "observer";
    pub const SPARE: &str = "not a member";
    pub const VOTER: &str = "voter";
    pub const JOINING_VOTER: &str = "voter of the new half";
    pub const LEAVING_VOTER: &str = "voter of the old half";
    pub const JOINING: &str = "{role}, joining";
    pub const LEAVING: &str = "{role}, leaving";
    pub const DOWN: &str = "not started";
    pub const PAUSED: &str = "paused";
    pub const CRASHED: &str = "crashed";
    pub const BROKEN: &str = "stopped by itself";
    pub const ELECTION_TIMER: &str = "election timeout";
    pub const HEARTBEAT_TIMER: &str = "next heartbeat";
    pub const NO_OP: &str = "no-op";
    pub const TICK: &str = "tick";
    pub const TICK_TEXT: &str = "tick: lets log time pass, so that what is due expires on all replicas at this entry";
    pub const NO_OP_TEXT: &str = "no-op: a new leader appends it to commit in its own term";
    pub const CONFIGURATION: &str = "members";
    pub const JOINT: &str = "joint";
    pub const CONFIGURATION_TEXT: &str = "a change of the members";
    pub const MEMBERS_TEXT: &str = "the members from here on: {members}";
    pub const OPEN: &str = "open {client}";
    pub const OPEN_TEXT: &str = "{client} opens its session";
    pub const CLOSE: &str = "close {client}";
    pub const CLOSE_TEXT: &str = "{client} closes its session";
    pub const COMMAND_TEXT: &str = "{operation} (request {number} of {client})";
    pub const BYTES: &str = "{count} B";
    pub const BYTES_TEXT: &str = "{count} bytes of {client} that are no known operation";
    pub const DONE: &str = "done";
    pub const NOT_LEADER: &str = "not the leader";
    pub const NOT_LEADER_HINT: &str = "not the leader, {leader} may be";
    pub const OVERLOADED: &str = "too much is waiting";
    pub const TOO_LARGE: &str = "{bytes} bytes are too many, {limit} are allowed";
    pub const UNKNOWN: &str = "unknown";
    pub const ACCEPTED: &str = "entry {index} of term {term}, not yet safe";
    pub const NOT_YET_SAFE: &str = "not yet safe";
    pub const SAFE_BY_NOW: &str = "told early, safe by now";
    pub const LOST: &str = "told early, and lost";
    pub const FAILED: &str = "failed";
    pub const PENDING: &str = "waits for an answer";
    pub const OPENED: &str = "session opened";
    pub const CLOSED: &str = "session closed";
    pub const NO_SESSION: &str = "no session, nothing was executed";
    pub const FORGOTTEN: &str = "acknowledged before, result forgotten";
    pub const TOO_MANY: &str = "too many unanswered requests";
    pub const REFUSED: &str = "refused: {reason}";
    /// How every text of [`REFUSED`] begins: by it a refusal is known among answers.
    pub const REFUSED_BEGINS: &str = "refused: ";
    pub const MALFORMED: &str = "could not be read";
    pub const NOTHING: &str = "nothing";
}

/// Puts values into the named places of a template.
pub(crate) fn fill(template: &str, values: &[(&str, &dyn Display)]) -> String {
    let mut text = String::with_capacity(template.len() + 16);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let Some((name, tail)) = after.split_once('}') else {
            text.push('{');
            rest = after;
            continue;
        };
        match values.iter().find(|(known, _)| *known == name) {
            Some((_, value)) => write!(text, "{value}").expect("writing to a string does not fail"),
            None => write!(text, "{{{name}}}").expect("writing to a string does not fail"),
        }
        rest = tail;
    }
    text.push_str(rest);
    text
}

/// `212 ms`, `1.5 ms`, `300 µs`.
pub(crate) fn span(span: Span) -> String {
    match (span.0 / 1_000, span.0 % 1_000 / 100) {
        (0, _) => format!("{} µs", span.0),
        (millis, 0) => format!("{millis} ms"),
        (millis, tenths) => format!("{millis}.{tenths} ms"),
    }
}

/// An entry as position and term: `(7, t1)`.
pub(crate) fn pair(index: LogIndex, term: Term) -> String {
    format!("({index}, {term})")
}

/// A log's last entry: `(7, t1)`, or `(empty)`.
pub(crate) fn last_entry((index, term): (LogIndex, Term)) -> String {
    if index == LogIndex::ZERO { "(empty)".into() } else { pair(index, term) }
}

/// `entry 6`, `entries 6–8`.
pub(crate) fn entries(first: LogIndex, last: LogIndex) -> String {
    if first == last { format!("entry {first}") } else { format!("entries {first}–{last}") }
}

/// `1 entry`, `3 entries`.
pub(crate) fn count_of_entries(count: u64) -> String {
    if count == 1 { "1 entry".into() } else { format!("{count} entries") }
}

/// `1 byte`, `3 bytes`.
pub(crate) fn bytes(count: u64) -> String {
    if count == 1 { "1 byte".into() } else { format!("{count} bytes") }
}

/// `1 read`, `3 reads`.
pub(crate) fn reads(count: u32) -> String {
    if count == 1 { "1 read".into() } else { format!("{count} reads") }
}

/// `1 vote`, `3 votes`.
pub(crate) fn votes(count: usize) -> String {
    if count == 1 { "1 vote".into() } else { format!("{count} votes") }
}

/// `1 link`, `6 links`.
pub(crate) fn links(count: usize) -> String {
    if count == 1 { "1 link".into() } else { format!("{count} links") }
}

/// `voters n1, n2; together with voters n3; learners n4; observers n5`.
pub(crate) fn members(members: &Membership) -> String {
    let Membership { voters, outgoing, learners, observers } = members;
    let part = |name: &str, nodes: &[NodeId]| (!nodes.is_empty()).then(|| format!("{name} {}", list(nodes)));
    let outgoing = part("together with voters", outgoing);
    let parts = [part("voters", voters), outgoing, part("learners", learners), part("observers", observers)];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// What an operator asks for: `ask n1 to add n4, promote n3, remove n2`.
pub(crate) fn change_of_members(node: NodeId, change: &MembershipChange) -> String {
    let MembershipChange { add, promote, remove, observe } = change;
    let part = |verb: &str, nodes: &[NodeId]| (!nodes.is_empty()).then(|| format!("{verb} {}", list(nodes)));
    let observe = part("observe with", observe);
    let parts = [part("add", add), part("promote", promote), part("remove", remove), observe];
    let parts = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
    format!("{node} is asked to change the members: {parts}")
}

/// `n1, n2, n4`; `nobody` where the list is empty.
pub(crate) fn list(nodes: &[NodeId]) -> String {
    if nodes.is_empty() {
        return "nobody".into();
    }
    nodes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled_once_and_values_are_not_read_again() {
        assert_eq!(fill("{a} and {b}", &[("a", &"{b}"), ("b", &2)]), "{b} and 2");
    }

    #[test]
    fn a_place_without_a_value_and_a_lonely_brace_stay_as_they_are() {
        assert_eq!(fill("{a} {", &[]), "{a} {");
    }

    #[test]
    fn spans_are_read_in_the_unit_that_fits() {
        assert_eq!(span(Span(212_000)), "212 ms");
        assert_eq!(span(Span(1_560)), "1.5 ms");
        assert_eq!(span(Span(300)), "300 µs");
    }
}
