//! In which words is told what happened round the nodes, and what a person asked?
//!
//! Disks, messages, clients and faults, and the answers about one vote or entry.
//! Which template fits is decided in `why::record` and `why::question`; what the
//! nodes themselves did is in `node`, the same in short lines in `screen`.

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
    pub const WRITE_PROMISES: &str = "what it has promised";
    pub const WRITE_TRUNCATE: &str = "the removal of all from index {index} on";
    pub const WRITE_SNAPSHOT: &str = "a snapshot through index {index}";
    pub const WRITE_COMPACT: &str = "the removal of all up to index {index}";
    pub const WRITE_NOTHING: &str = "nothing new";
    pub const ANSWERED: &str = "{node} answered request {number} of {client}: {outcome}.";
    pub const NOTHING_THERE: &str = "done; nothing stood there";
    pub const STATUS: &str = "{node} is a {role} in {era} {term}, commit index {commit}.";
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
    pub const TOLD_OK: &str = "{client} was told that request {number} {result}.";
    pub const IS_DONE: &str = "is done";
    pub const FOUND_NOTHING: &str = "is done; nothing stood there";
    pub const IS_REFUSED: &str = "was {result}";
    pub const ANSWERED_WITH: &str = "is done, with the answer {result}";
    pub const TOLD_FAILED: &str = "{client} was told that request {number} failed{result}.";
    pub const TOLD_UNKNOWN: &str = "{client} cannot know what became of request {number}{result}.";
    pub const TOLD_EARLY: &str = "{client} was told that one node has request {number}{result}.";
    pub const HEARD: &str = "{by} told {client} under its signature that request {number} {result}. {equal} of the {needed} replies that have to agree do: this is told, not proven, for those who say so may all lie.";
    pub const HEARD_PROVEN: &str = "{by} told {client} under its signature that request {number} {result}. {equal} replies agree by now, and {needed} are enough: one of them is honest.";
    pub const EARLY_OPEN: &str = "Request {number} of {client} is not yet safe.";
    pub const EARLY_SAFE: &str =
        "Request {number} of {client}, answered early as entry {index} of term {term}, is committed: it is safe now.";
    pub const EARLY_LOST: &str = "Request {number} of {client} was answered early as entry {index} of term {term}, and it is lost: another entry is committed at that index.";
    pub const RESULT: &str = ": {result}";
    pub const CRASHED: &str = "{node} crashed.";
    pub const CRASHED_PENDING: &str = "{node} crashed; its writes up to number {ticket} survived.";
    pub const PAUSED: &str = "{node} was paused.";
    pub const LIES: &str = "{node} lies from now on: {tricks}. It is meant for {against}.";
    pub const CLOCK_CHANGED: &str =
        "The clock of {node} was set; from here on it runs at {rate} parts per million of global time.";
    pub const RESUMED: &str = "{node} goes on.";
    pub const LINKS_MENDED: &str = "All links are whole.";
    pub const LINKS_CUT: &str = "These links are cut now: {links}.";
    pub const DECIDED: &str = "Entry {entry} is committed: a quorum has held it durably in its term.";
    pub const DECIDED_BY_CERTIFICATES: &str =
        "Entry {index} is committed: an honest replica has it in its log, on certificates.";
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
        "Entry {entry} of {node} cannot be committed any more: at this index the entry of {era} {other} is.";
    pub const NOBODY_ELSE_YET: &str =
        "Entry {entry} is committed for {node}, which holds the certificates; no honest replica has applied it yet.";
    pub const TOO_FEW: &str = "Entry {entry} is not committed: {have} of the {needed} needed hold it on disk{who}.";
    pub const TOO_FEW_JOINT: &str = "Entry {entry} is not committed: two halves decide together, and {have} of the {needed} needed of the incoming one and {old} of the {most} needed of the outgoing one hold it on disk{who}.";
    pub const WHO: &str = " ({nodes})";
    pub const UNSYNCED: &str = " In memory only: {nodes}.";
    pub const LACKING: &str = " Without it: {nodes}.";
    pub const VOTELESS: &str = " Copies without a vote, which do not count: {nodes}.";
    pub const OLDER_TERM: &str = "Entry {entry} is not committed although {have} hold it on disk ({nodes}): it is of an older term than {leader}'s, who leads term {term}.";
    pub const NOT_IN_TERM: &str = "Entry {entry} is not committed although {have} hold it on disk now ({nodes}): a copy counts only from a holder that is still in term {term}, and nobody's commit index covers it.";
    pub const STANDS_BY: &str = "{node} stands by: the run began with the votes of {voters}.";
    pub const COMPACTED: &str = "Entry {index} is committed: {node} has applied it, and a snapshot has taken the place of its log up to index {base}.";
    pub const NOT_HELD: &str = "{node} holds no entry at index {index}: its log ends at {last}.";
}
