//! In which short words are things named on the screen?
//!
//! What is drawn, and the lines of the list of events. Which word belongs to
//! what is decided in `face` and `narrate`; read those next.

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
    pub const FORWARDED: &str = "request, passed on";
    pub const PROPOSAL: &str = "proposal";
    pub const PREPARE: &str = "prepare";
    pub const COMMIT: &str = "commit";
    pub const CERTIFICATE: &str = "certificate";
    pub const CHECKPOINT: &str = "checkpoint";
    pub const VIEW_CHANGE: &str = "view change";
    pub const NEW_VIEW: &str = "new view";
    pub const QUESTION: &str = "what is missing?";
    pub const PROOF: &str = "proof for who missed it";
    pub const ALARM: &str = "alarm";
    pub const STOP: &str = "end of an instance";
    pub const PACEMAKER_TIMER: &str = "view is given up";
    pub const REQUEST_TIMER: &str = "oldest request waits";
    pub const STALE_VALUE: &str = "{value} (stale)";
    pub const FOLLOWER: &str = "follower";
    pub const PRE_CANDIDATE: &str = "pre-candidate";
    pub const CANDIDATE: &str = "candidate";
    pub const LEADER: &str = "leader";
    pub const PRIMARY: &str = "primary";
    pub const BACKUP: &str = "backup";
    pub const REPLICA: &str = "replica";
    pub const CATCHING_UP: &str = "catching up";
    pub const NO_VOTE: &str = "no vote";
    pub const TERM: &str = "term";
    pub const VIEW: &str = "view";
    pub const OPENING: &str = "opening";
    pub const PBFT: &str = "PBFT";
    pub const LEARNER: &str = "learner";
    /// Gets what is committed and answers reads.
    pub const OBSERVER: &str = "observer";
    pub const SPARE: &str = "not a member";
    pub const VOTER: &str = "voter";
    pub const JOINING_VOTER: &str = "voter of the new half";
    pub const LEAVING_VOTER: &str = "voter of the old half";
    pub const JOINING: &str = "{role}, joining";
    pub const LEAVING: &str = "{role}, leaving";
    pub const LEFT: &str = "{role}, not a member";
    /// Holds a part of the state.
    pub const EDGE: &str = "edge";
    pub const ELIDED: &str = "·";
    pub const ELIDED_TEXT: &str =
        "a command of {client} for ranges that this node does not hold: its place, its term and a digest";
    pub const DOWN: &str = "not started";
    pub const PAUSED: &str = "paused";
    pub const LIAR: &str = "{role}, lies";
    pub const CONVICTED: &str = "{role}, convicted";
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
    pub const NOT_PROVEN: &str = "told, not proven";
    pub const OPENED: &str = "session opened";
    pub const CLOSED: &str = "session closed";
    pub const NO_SESSION: &str = "no session, nothing was executed";
    pub const FORGOTTEN: &str = "acknowledged before, result forgotten";
    pub const TOO_MANY: &str = "too many unanswered requests";
    pub const REFUSED: &str = "refused: {reason}";
    /// How every text of [`REFUSED`] begins: by it a refusal is known among answers.
    pub const REFUSED_BEGINS: &str = "refused: ";
    pub const MALFORMED: &str = "could not be read";
    pub const NOT_HERE: &str = "not held by this node";
    pub const NOTHING: &str = "nothing";
}

/// Lines for the list of events and for readers of the screen.
pub(crate) mod line {
    pub const STARTED: &str = "{node} started";
    pub const RESTARTED: &str = "{node} restarted from its store";
    pub const FOLLOWER: &str = "{node} became a follower in term {term}";
    pub const LEADER_SILENT: &str = "{node} hears from no leader any more";
    pub const FOLLOWS: &str = "{node} follows {leader} in term {term}";
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
    pub const PROJECTION: &str = "{node} sends {edge} its part of the state at index {index}";
    pub const FEEDER_CHOSEN: &str = "{node} gets what is committed from {feeder} from here on";
    pub const TRANSFER_RESUMED: &str = "{node} goes on with {follower}'s snapshot at byte {offset}";
    pub const PARTS_DROPPED: &str = "{node} throws away the parts that it had of the snapshot through index {index}";
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
    pub const LIES: &str = "{node} lies from now on: {tricks}";
    pub const CLOCK_CHANGED: &str = "the clock of {node} was set";
    pub const RESUMED: &str = "{node} goes on";
    pub const BROKE: &str = "{node} stopped: {fact}";
    pub const DROPPED: &str = "{message} from {from} to {to} lost";
    pub const HELD: &str = "{message} from {from} to {to} held";
    pub const LINKS_CUT: &str = "{count} cut: {links}";
    pub const LINKS_MENDED: &str = "all links whole";
    pub const ASKED: &str = "{client}: {operation}";
    pub const ASKED_AGAIN: &str = "{client} tries again at {to}: {operation}";
    pub const TOLD_OK: &str = "{client}: request {number} {result}";
    pub const TOLD_FAILED: &str = "{client}: request {number} failed{result}";
    pub const TOLD_UNKNOWN: &str = "{client}: request {number} unknown{result}";
    pub const TOLD_EARLY: &str = "{client}: request {number} is at one node{result}";
    pub const HEARD: &str =
        "{client}: {by} says that request {number} {result}; told, not proven ({equal} of {needed} equal replies)";
    pub const EARLY_SAFE: &str = "request {number} of {client}, answered early, is safe now";
    pub const EARLY_LOST: &str = "request {number} of {client}, answered early, is lost";
    pub const VIOLATED: &str = "broken: {property}, {detail}";
    pub const GAP: &str = "records are missing";
    pub const ENDED: &str = "end of the run";
    pub const BEGAN: &str = "{name}: {nodes}";
}
