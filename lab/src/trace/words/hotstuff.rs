//! In which words is told what happens in HotStuff?
//!
//! One template or more for each event; which one fits is decided in
//! `why::hotstuff` and `narrate::hotstuff`.

/// Where a rule stands in the papers.
pub(crate) mod paper {
    pub(crate) const CHAINED: &str = "HotStuff §5";
    pub(crate) const SAFE_NODE: &str = "HotStuff §5, Algorithm 1";
    pub(crate) const CERTIFICATE: &str = "HotStuff §4.2";
    pub(crate) const COMMIT: &str = "HotStuff §5, Theorem 2";
    pub(crate) const PACEMAKER: &str = "HotStuff §4.4; DiemBFT v4 §3.3";
    pub(crate) const TIMEOUTS: &str = "DiemBFT v4 §3.3";
    pub(crate) const DURABLE: &str = "HotStuff §5; DiemBFT v4, Safety";
    pub(crate) const CHECKPOINT: &str = "PBFT §4.3";
    pub(crate) const NONE: &str = "";
}

/// What a rule is for, in one sentence each.
pub(crate) mod principle {
    pub(crate) const DURABLE: &str = "The last vote, the lock, the highest certificate and the blocks survive a crash: a replica that forgot them could vote twice in a view, or past its lock.";
    pub(crate) const ROTATE: &str =
        "Every view has another leader, so that a bad one costs a view and not the cluster.";
    pub(crate) const CHAIN: &str =
        "Each block carries the certificate of its parent: one vote serves three phases of three blocks.";
    pub(crate) const VOTE: &str = "A replica votes once a view, and only for what its lock allows, so that no two blocks of a view get a certificate.";
    pub(crate) const LOCK: &str = "Whoever has seen a certified block with a certified child votes for nothing else, unless a later certificate proves that it may.";
    pub(crate) const ONE_VOTE: &str = "Two votes in one view could certify two blocks.";
    pub(crate) const CERTIFICATE: &str =
        "While at most f lie, two quorums share an honest replica, and that one votes once a view.";
    pub(crate) const COMMIT: &str = "Three certified blocks in three views that follow each other: no other branch can be certified past their lock.";
    pub(crate) const CONSECUTIVE: &str = "With a view between them another branch could have been certified there.";
    pub(crate) const TIMEOUT: &str =
        "A view that brings nothing is given up by a quorum, and the time doubles, up to a bound.";
    pub(crate) const LAST_VOTE: &str = "A timeout carries its sender's last vote and highest certificate, so that a leader that fell silent loses nothing.";
    pub(crate) const FETCH: &str = "A certificate proves that honest replicas have the block: whoever lacks it asks.";
    pub(crate) const CHECKPOINT: &str = "A state that a quorum has signed is right, and nobody needs what led to it.";
    pub(crate) const SIGNATURE: &str = "A message whose signature does not hold proves nothing, not even who sent it.";
    pub(crate) const LOG_TIME: &str = "A leader that lies about time would end other people's sessions and values.";
    pub(crate) const BOUNDED: &str =
        "Blocks that are not committed are kept in memory: empty ones must commit them first.";
    pub(crate) const NONE: &str = "";
}

/// Sentences about what a replica did or noticed.
pub(crate) mod event {
    pub(crate) const ENTERED_STARTED: &str = "{node} starts in view {view}, led by {leader}.";
    pub(crate) const ENTERED_CERTIFIED: &str =
        "{node} entered view {view}, led by {leader}: the view before has a certificate.";
    pub(crate) const ENTERED_TIMEOUT: &str =
        "{node} entered view {view}, led by {leader}: a quorum has given up the view before.";
    pub(crate) const ENTERED_ALONE: &str = "{node} entered view {view}, led by {leader}, by its own timer alone.";
    pub(crate) const PROPOSED: &str = "{node}, the leader of view {view}, proposed block {block} with {requests}; its parent is certified in view {justify}.";
    pub(crate) const VOTED: &str = "{node} voted for block {block} of view {view}: its parent's certificate is of view {justify}, the lock of view {lock}.";
    pub(crate) const REFUSED: &str = "{node} did not vote for block {block} of view {view}: {reason}.";
    pub(crate) const REFUSED_VOTED: &str = "it votes in no view up to {voted} any more";
    pub(crate) const REFUSED_UNSAFE: &str = "the block does not follow what it is locked on (view {lock}), and its certificate of view {justify} is no later";
    pub(crate) const REFUSED_TIME: &str = "its log time {stamp} µs is not believed at {clock} µs";
    pub(crate) const REFUSED_TWICE: &str = "the leader has proposed another block in this view";
    pub(crate) const REFUSED_LONG: &str = "it has requests, and too many blocks before it are not committed";
    pub(crate) const COUNTED: &str =
        "{node} has the vote of {voter} for block {block} of view {view}: {have} of {needed}.";
    pub(crate) const COUNTED_LATE: &str =
        "{node} has the vote of {voter} for block {block} of view {view} out of a timeout: {have} of {needed}.";
    pub(crate) const CERTIFIED: &str =
        "{node} has a certificate for block {block} of view {view}: {voters} voted for it.";
    pub(crate) const HIGH: &str = "The highest certificate that {node} knows is that of block {block}, view {view}.";
    pub(crate) const LOCKED: &str = "{node} is locked on block {block} of view {view}: it has a certified child.";
    pub(crate) const COMMITTED: &str =
        "{node} committed block {block} of view {view}, {blocks} at once: its log ends at index {index} now.";
    pub(crate) const HELD: &str = "{node} commits nothing: three certified blocks follow each other, of views {first}, {second} and {third}, which do not.";
    pub(crate) const TIMED_OUT: &str = "{node} gave view {view} up after {waited}.";
    pub(crate) const TIMED_OUT_JOINED: &str = "{node} gave view {view} up after {waited}: {others} others had done so.";
    pub(crate) const TIMEOUT_COUNTED: &str = "{node} has the timeout of {voter} for view {view}: {have} of {needed}.";
    pub(crate) const TIMEOUT_CERTIFIED: &str =
        "{node} has the timeouts of a quorum for view {view}; the highest certificate among them is of view {highest}.";
    pub(crate) const FETCH_BEGAN: &str =
        "{node} lacks block {block}, certified in view {view}, and asked {from} for it.";
    pub(crate) const FETCHED: &str = "{node} got {blocks} that it lacked, the newest of view {view}.";
    pub(crate) const CHECKPOINT_STABLE: &str =
        "The state after entry {index} is proven at {node}: {signers} have signed it.";
    pub(crate) const TRANSFER_BEGAN: &str = "{node} fetches the proven state after entry {index} from {from}: {bytes}.";
    pub(crate) const TRANSFER_SPOILT: &str = "What {node} fetched does not have the proven hash, and is thrown away.";
    pub(crate) const TRANSFER_SPOILT_BY: &str =
        "What {by} sent {node} does not have the proven hash, and is thrown away.";
    pub(crate) const INSTALLED: &str = "{node} took over the proven state after entry {index}.";
    pub(crate) const IGNORED: &str = "{node} ignored a message of {from}: {reason}.";
    pub(crate) const NOT_A_VOTER: &str = "it does not vote";
    pub(crate) const OUTDATED: &str = "it is about a view that is over";
    pub(crate) const MALFORMED: &str = "no honest replica says such a thing";
    pub(crate) const NOT_LEADER: &str = "it does not lead that view";
    pub(crate) const OTHER_VIEW: &str = "its certificate is of another view than the block";
    pub(crate) const NOT_ASKED: &str = "it was not asked for";
    pub(crate) const FORGED: &str = "{node} threw a message of {from} away: a signature in it does not hold.";
}

/// Lines of the list of events.
pub(crate) mod line {
    pub(crate) const PROPOSED: &str = "{node} proposed block {block} in view {view}";
    pub(crate) const REFUSED: &str = "{node} did not vote for {block}";
    pub(crate) const CERTIFIED: &str = "{node} certified block {block} of view {view}";
    pub(crate) const LOCKED: &str = "{node} is locked on view {view}";
    pub(crate) const COMMITTED: &str = "{node} committed block {block} of view {view}";
    pub(crate) const HELD: &str = "{node}: three blocks, and a view between them";
    pub(crate) const TIMED_OUT: &str = "{node} gave view {view} up";
    pub(crate) const TIMEOUT_CERTIFIED: &str = "{node}: a quorum has given view {view} up";
    pub(crate) const FETCH_BEGAN: &str = "{node} asked {from} for block {block}";
    pub(crate) const STABLE: &str = "{node}: the state after entry {index} is proven";
    pub(crate) const TRANSFER_BEGAN: &str = "{node} fetches the state after entry {index} from {from}";
    pub(crate) const TRANSFER_SPOILT: &str = "{node} threw a false state away";
    pub(crate) const INSTALLED: &str = "{node} took over the state after entry {index}";
    pub(crate) const FORGED: &str = "{node} refused a forged message on {from}'s channel";
}
