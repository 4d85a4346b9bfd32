//! What is a rule for, and where is it written?
//!
//! Sections of the papers, and one sentence for each rule. Which of them stands
//! beside what happened is decided in `why`; read that next.

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
    /// What a client believes where replicas may lie.
    pub const REPLIES: &str = "PBFT §4.1";
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
    pub(crate) const IN_LOG_IS_COMMITTED: &str = "A replica puts into its log only what a quorum has committed by certificates; whoever else holds it on disk plays no part.";
    pub(crate) const TWO_DECIDED: &str =
        "No two honest replicas put different entries at one index while no more lie than the protocol bears.";
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
    pub(crate) const FEEDER: &str =
        "A feeder sends committed entries only, and only where its log equals its leader's up to the last of them.";
    pub(crate) const EDGE: &str = "An edge holds a part of the state: it begins with that part as a snapshot, and of all other commands it gets place, term and digest.";
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
