//! What did a run exercise?
//!
//! Named counters. A sweep of runs whose counter stays at zero has not tested
//! what it claims to test.

use crate::adversary::Trick;

/// Defines the counters once, with their names in print.
macro_rules! counters {
    ($($(#[$doc:meta])* $field:ident = $name:literal,)*) => {
        /// How often each thing happened in a run.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct Coverage {
            $($(#[$doc])* pub $field: u64,)*
        }

        impl Coverage {
            /// The names of all counters, in a fixed order.
            pub const NAMES: &'static [&'static str] = &[$($name),*];

            /// All counters with their names, in a fixed order.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
                [$(($name, self.$field),)*].into_iter()
            }

            /// Adds the counters of another run.
            pub fn add(&mut self, other: &Self) {
                $(self.$field += other.$field;)*
            }
        }
    };
}

counters! {
    /// Nodes crashed.
    crashes = "crashes",
    /// Crashed nodes started again.
    restarts = "restarts",
    /// Nodes paused.
    pauses = "pauses",
    /// Writes that a crash lost.
    lost_writes = "lost unsynced writes",
    /// Stores lost.
    lost_disks = "lost disks",
    /// Messages lost for any reason.
    dropped = "messages dropped",
    /// Second copies of messages.
    duplicated = "messages duplicated",
    /// Messages that arrived after one that was sent later on the same link.
    reordered = "messages reordered",
    /// Messages that arrived.
    delivered = "messages delivered",
    /// Partitions.
    partitions = "partitions",
    /// Links that were cut in one direction only, when the cut was made.
    one_way_cuts = "one-way cuts",
    /// Clocks moved or set to another rate.
    clock_faults = "clock faults",
    /// Disks set to another latency.
    disk_faults = "disk faults",
    /// Completed syncs.
    syncs = "syncs",
    /// Nodes that asked whether they could win.
    pre_votes = "pre-votes",
    /// Nodes that became candidates for a term.
    elections = "elections",
    /// Nodes that became leaders.
    leaders = "leaders elected",
    /// Entries that the oracle counts as committed.
    commits = "commits",
    /// Contradictions that nodes found in what others said.
    evidence_found = "evidence found",
    /// Evidence that nodes got from others.
    evidence_heard = "evidence heard",
    /// Words that nodes got for evidence and that convict nobody.
    evidence_unfounded = "evidence unfounded",
    /// Convictions that honest nodes applied.
    convictions = "convictions applied",
    /// Commits that a leader knew of before its own disk had the entry.
    ahead_of_disk = "commits ahead of the leader's disk",
    /// Entries that went in one message with others.
    batched = "entries sent in batches",
    /// Messages that held as many entries as may be, and more were to go.
    full_by_count = "appends full by count",
    /// Messages that could not hold the next entry's bytes.
    full_by_bytes = "appends full by bytes",
    /// Next indexes that a refusal moved back.
    back_ups = "next indexes moved back",
    /// Logs that lost entries which conflict with the leader's.
    truncations = "logs truncated",
    /// Entries that nodes applied.
    applied = "entries applied",
    /// Ticks, each counted once.
    ticks = "ticks",
    /// Entries by whose log time values expired.
    values_expired = "values expired",
    /// Sessions that nobody had used for too long.
    sessions_expired = "sessions expired",
    /// Clients that opened another session because theirs was gone.
    sessions_reopened = "sessions opened again",
    /// Commands that were in the log a second time and were answered from the session.
    duplicates = "duplicates suppressed",
    /// Commands of the workflow.
    workflow_commands = "workflow commands",
    /// Commands of the cluster state.
    cluster_commands = "cluster commands",
    /// Operations that clients believe done.
    operations_ok = "client operations ok",
    /// Operations that clients know refused.
    operations_failed = "client operations failed",
    /// Operations that clients gave up without knowing.
    operations_unknown = "client operations unknown",
    /// Requests sent again.
    retries = "client retries",
    /// Learners that got a vote.
    promoted = "learners promoted",
    /// Leaders that a configuration takes the vote from.
    leaders_removed = "leaders removed",
    /// Joint configurations.
    joint = "joint configurations",
    /// Nodes that were no voters at first and got a vote after somebody had lost its store.
    replaced = "nodes replaced",
    /// Snapshots that nodes made of their own state.
    snapshots_taken = "snapshots taken",
    /// Snapshots asked for because so many entries were applied.
    snapshots_by_entries = "snapshots by entries",
    /// Snapshots asked for because the log had grown.
    snapshots_by_bytes = "snapshots by bytes",
    /// Snapshots asked for because the last one was old.
    snapshots_by_interval = "snapshots by interval",
    /// Parts of snapshots sent to followers.
    snapshot_parts = "snapshot parts sent",
    /// States restored from a leader's snapshot.
    snapshots_installed = "snapshots installed",
    /// Transfers of a snapshot that went on after a loss.
    transfers_resumed = "snapshot transfers resumed",
    /// Transfers of a snapshot that another snapshot took the place of.
    transfers_superseded = "snapshot transfers superseded",
    /// Transfers of a snapshot that ended because its entries had come otherwise.
    transfers_not_needed = "snapshot transfers not needed",
    /// Leaders that stepped down because they heard from no quorum.
    quorums_lost = "check-quorum step-downs",
    /// Reads that a round confirmed.
    index_reads = "index reads",
    /// Reads that a lease covered.
    lease_reads = "lease reads",
    /// Reads that promise nothing.
    stale_reads = "stale reads",
    /// Campaigns that the leader asked for.
    transfers = "transfers",
    /// Leaders that began to hand over to a node of a preferred zone.
    preferred = "hand-overs to preferred zones",
    /// Entries that observers applied.
    observer_entries = "entries at observers",
    /// Reads by the leader's read index that observers answered.
    observer_reads = "index reads at observers",
    /// Entries that edges applied.
    edge_entries = "entries at edges",
    /// Of them, those whose body was left out.
    bodies_left_out = "bodies left out",
    /// Appends that feeders sent for their leaders.
    relayed = "appends by feeders",
    /// Parts of the state that leaders made for edges.
    projections = "projections made",
    /// Requests that a node refused because too much was waiting.
    overloaded = "requests refused as overloaded",
    /// Times that a follower's window was full.
    windows_full = "windows full",
    /// Requests that clients were told to be at one node, before a quorum had them.
    answered_early = "answered early",
    /// Early answers whose request was lost, as far as anybody knew at that time.
    early_lost = "early answers lost",
    /// Batches that primaries proposed.
    proposals = "batches proposed",
    /// Batches of more than one request.
    shared_batches = "batches of several requests",
    /// Times that a replica left its view.
    view_changes = "view changes",
    /// Views that a primary began.
    new_views = "views begun",
    /// Sequence numbers that a new view ordered again.
    reordered_again = "batches ordered again in a new view",
    /// Checkpoints that became stable at a replica.
    stable_checkpoints = "checkpoints stable",
    /// Certificates that leaders formed.
    certificates = "certificates formed",
    /// Votes that counted because a timeout carried them.
    late_votes = "votes counted out of timeouts",
    /// Views that replicas gave up.
    views_given_up = "views given up",
    /// Quorums that gave a view up.
    timeout_certificates = "timeout certificates formed",
    /// Three certified blocks whose views do not follow each other.
    commits_held = "commits held for a missing view",
    /// Blocks fetched by hash.
    blocks_fetched = "blocks fetched",
    /// Terms of the two rounds that replicas entered.
    terms_entered = "terms entered",
    /// Replicas that felt a low threat.
    threat_low = "threat levels: low",
    /// Replicas that felt a medium threat.
    threat_medium = "threat levels: medium",
    /// Replicas that felt a high threat.
    threat_high = "threat levels: high",
    /// Replicas that knew of a liar.
    threat_critical = "threat levels: critical",
    /// Replicas that said that they felt threatened.
    alarms = "alarms",
    /// Replicas that ended their part in the two rounds.
    stops = "stops",
    /// Replicas that learnt what PBFT begins with.
    openings = "openings decided",
    /// Replicas that went over to PBFT.
    switches = "switches to PBFT",
    /// Of them, those that waited for a later state, for what it begins with was gone.
    rescues = "switches by a later state",
    /// Replicas that went back from PBFT to two rounds.
    returns = "returns to two rounds",
    /// Batches that a replica got with a proof, for it had missed the votes.
    caught_up = "batches caught up by proof",
    /// Epochs that honest nodes began: changes of voters where nodes may lie.
    epochs = "changes of voters",
    /// Voters that began an epoch without its state.
    epochs_without_state = "epochs begun without the state",
    /// Nodes that lost their vote.
    retired = "voters retired",
    /// Messages, requests and replies whose signatures did not hold.
    forged = "forged signatures refused",
    /// Results that clients believed because f+1 replicas told them.
    replies_believed = "results believed by equal replies",
    /// Nodes that began to lie.
    liars = "liars",
    /// Messages of the second copies of twins.
    twins = "lies: twins",
    /// Messages kept from some.
    withheld = "lies: withhold",
    /// Messages that a liar delayed.
    delayed = "lies: delay",
    /// Messages that a liar said again long after.
    replayed = "lies: replay",
    /// Messages signed for another cluster.
    elsewhere = "lies: other-cluster",
    /// Messages with flipped bytes.
    corrupted = "lies: corrupt",
    /// Messages that a liar repeated.
    repeated = "lies: repeat",
    /// Messages that a silent liar never said.
    silenced = "lies: silent",
    /// Requests of a client that a liar did not take.
    censored = "lies: censor",
    /// Views far ahead.
    inflated = "lies: inflate",
    /// Certificates with made-up signatures.
    made_up = "lies: forge",
    /// Clients told something else than came out.
    false_replies = "lies: false-reply",
    /// View changes that said nothing of what was prepared.
    hidden = "lies: hide-prepared",
    /// New views that did not follow.
    false_new_views = "lies: false-new-view",
    /// Alarms without a threat.
    false_alarms = "lies: false-alarm",
    /// Blocks on a wrong parent.
    bad_parents = "lies: bad-parent",
    /// Second votes in one view.
    second_votes = "lies: vote-twice",
    /// Votes for whatever was proposed.
    blind_votes = "lies: vote-all",
    /// Blocks that followed nothing, with made-up signatures.
    forged_rivals = "lies: forge-rival",
    /// Blocks that followed nothing, with one signature several times.
    thrice_signed = "lies: sign-thrice",
    /// Old certificates under later views.
    renamed = "lies: rename",
    /// Blocks from the beginning of time.
    false_times = "lies: false-time",
    /// Openings without stop statements.
    false_openings = "lies: false-opening",
    /// Ends of PBFT that were none.
    false_ends = "lies: false-end",
}

impl Coverage {
    /// A liar did a trick.
    pub(crate) fn lied(&mut self, trick: Trick) {
        *match trick {
            Trick::Twins => &mut self.twins,
            Trick::Withhold => &mut self.withheld,
            Trick::Delay => &mut self.delayed,
            Trick::Replay => &mut self.replayed,
            Trick::OtherCluster => &mut self.elsewhere,
            Trick::Corrupt => &mut self.corrupted,
            Trick::Repeat => &mut self.repeated,
            Trick::Silent => &mut self.silenced,
            Trick::Censor => &mut self.censored,
            Trick::Inflate => &mut self.inflated,
            Trick::Forge => &mut self.made_up,
            Trick::FalseReply => &mut self.false_replies,
            Trick::HidePrepared => &mut self.hidden,
            Trick::FalseNewView => &mut self.false_new_views,
            Trick::FalseAlarm => &mut self.false_alarms,
            Trick::BadParent => &mut self.bad_parents,
            Trick::VoteTwice => &mut self.second_votes,
            Trick::VoteAll => &mut self.blind_votes,
            Trick::ForgeRival => &mut self.forged_rivals,
            Trick::SignThrice => &mut self.thrice_signed,
            Trick::Rename => &mut self.renamed,
            Trick::FalseTime => &mut self.false_times,
            Trick::FalseOpening => &mut self.false_openings,
            Trick::FalseEnd => &mut self.false_ends,
        } += 1;
    }
}
