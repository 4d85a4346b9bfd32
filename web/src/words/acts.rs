//! What are the things called that a person can do?

/// What can be done.
pub mod act {
    /// Crash.
    pub const CRASH: &str = "Crash";
    /// Restart.
    pub const RESTART: &str = "Restart";
    /// Make a node lie.
    pub const LIE: &str = "Make Byzantine…";
    /// Make a liar lie in another way.
    pub const LIE_OTHERWISE: &str = "Lie in another way…";
    /// What comes of it.
    pub const LIE_HINT: &str = "It lies from now on, with its own key and no other; together with others, with theirs too. Against whom, the seed decides where you tick nobody. With more liars than the protocol bears, agreement may break.";
    /// Instead of the menu, where nobody counts what a node says.
    pub const LIE_NO_VOTE: &str = "It has no vote, so its lies would mean nothing: give it one first.";
    /// Before those whom a lie is meant for.
    pub const AGAINST: &str = "against ";

    /// The same, where it is read aloud alone.
    #[must_use]
    pub fn against(trick: &str) -> String {
        format!("{trick}: {AGAINST}")
    }

    /// Pause a node.
    pub const PAUSE: &str = "Pause";
    /// Let it go on.
    pub const RESUME: &str = "Resume";
    /// Fire its timer.
    pub const TIMEOUT: &str = "Time out now";
    /// Let it make a snapshot.
    pub const SNAPSHOT: &str = "Snapshot";
    /// The leader hands over to it.
    pub const TRANSFER: &str = "Hand it the lead";
    /// Joins as a learner.
    pub const ADD: &str = "Add as learner";
    /// Joins as an observer.
    pub const OBSERVE: &str = "Add as observer";
    /// Joins as an edge.
    pub const SUBSCRIBE: &str = "Add as edge";
    /// What an edge is to hold.
    pub const KEYS: &str = "Keys that it holds";
    /// An example of that.
    pub const KEYS_EXAMPLE: &str = "keys, as: x cart";
    /// How a key names more than itself.
    pub const KEYS_HINT: &str =
        "As an edge it gets what is committed of these keys. With “cart” come “cart/1”, “cart/2” and so on.";
    /// Gets a vote.
    pub const PROMOTE: &str = "Promote";
    /// Leaves.
    pub const REMOVE: &str = "Remove";
    /// Several at once.
    pub const CHANGE_MEMBERS: &str = "Change members in one step";
    /// What a node should be.
    pub const STAYS: &str = "stays";
    /// Ask for it.
    pub const PROPOSE_CHANGE: &str = "Ask the leader";
    /// Gets a vote, where voters change by epochs.
    pub const GIVE_VOTE: &str = "Give it a vote";
    /// Loses it.
    pub const TAKE_VOTE: &str = "Take its vote";
    /// Several at once, there.
    pub const CHANGE_VOTERS: &str = "Change voters in one step";
    /// Ask for it, there.
    pub const ASK_AS_OPERATOR: &str = "Ask as the operator";
    /// What comes of it.
    pub const EPOCH_HINT: &str = "The operator's request ends this epoch where it is executed; a quorum of the old voters signs the state there, and the next epoch begins with the new ones.";
    /// A change that takes every vote.
    pub const NOBODY_VOTES: &str =
        "After this change nobody would have a vote: leave at least one node its vote, or give one to another.";
    /// A form in which everything stays.
    pub const NOTHING_CHOSEN: &str = "Nothing would change: choose for at least one node what becomes of it.";
    /// Nobody honest runs.
    pub const NOBODY_TO_ASK: &str = "No honest voter runs whom the operator could ask.";
    /// Nobody can be asked.
    pub const NO_LEADER: &str = "Nobody leads: members change once somebody does.";
    /// Read beside the log.
    pub const READS: &str = "Read";
    /// By a round.
    pub const READ_INDEX: &str = "by a round";
    /// By the lease.
    pub const READ_LEASE: &str = "by lease";
    /// Whatever is there.
    pub const READ_STALE: &str = "stale";
    /// Split the cluster.
    pub const PARTITION: &str = "Partition";
    /// While choosing.
    pub const PARTITION_HINT: &str = "Choose the nodes of one side: click them, or draw round them.";
    /// Do it.
    pub const SPLIT: &str = "Split off";
    /// Leave it.
    pub const CANCEL: &str = "Cancel";
    /// Mend everything.
    pub const HEAL: &str = "Heal";
    /// Cut one direction.
    pub const CUT: &str = "Cut";
    /// Mend one direction.
    pub const MEND: &str = "Mend";
    /// Lose a message.
    pub const DROP: &str = "Drop";
    /// Stop a message.
    pub const HOLD: &str = "Hold";
    /// Deliver at once.
    pub const DELIVER: &str = "Deliver now";
    /// A second copy.
    pub const DUPLICATE: &str = "Duplicate";
    /// Undo.
    pub const UNDO: &str = "Undo";
    /// Redo.
    pub const REDO: &str = "Redo";
    /// Set.
    pub const SET: &str = "Set";
    /// Get.
    pub const GET: &str = "Get";
    /// Delete.
    pub const DELETE: &str = "Delete";
    /// The key's field.
    pub const KEY: &str = "key";
    /// The value's field.
    pub const VALUE: &str = "value";
    /// Where a proposal goes.
    #[must_use]
    pub fn to_any(protocol: quorumscope_lab::scenario::ProtocolName) -> &'static str {
        use quorumscope_lab::scenario::ProtocolName;
        match protocol {
            ProtocolName::Raft => "to the leader that the client believes in",
            ProtocolName::Pbft | ProtocolName::Hybrid => "to the leader first, and after a while to all",
            ProtocolName::HotStuff => "to all replicas",
        }
    }

    /// The field of a command.
    pub const COMMAND: &str = "command";
    /// Sends it.
    pub const ORDER: &str = "Send";

    /// A command to begin with.
    #[must_use]
    pub fn example(machine: quorumscope_core::machine::any::MachineKind) -> &'static str {
        use quorumscope_core::machine::any::MachineKind;
        match machine {
            MachineKind::Kv => "",
            MachineKind::Workflow => "create case c2 open",
            MachineKind::Cluster => "epoch 2 join node c zone-3 8",
        }
    }

    /// The field of a name that is read.
    pub const NAME: &str = "name";

    /// A name to begin with.
    #[must_use]
    pub fn example_name(machine: quorumscope_core::machine::any::MachineKind) -> &'static str {
        use quorumscope_core::machine::any::MachineKind;
        match machine {
            MachineKind::Kv => "",
            MachineKind::Workflow => "c1",
            MachineKind::Cluster => "node/a",
        }
    }

    /// A proposal needs a key.
    pub const NO_KEY: &str = "Write a key first.";

    /// Lie together with those who lie already.
    #[must_use]
    pub fn together(others: &[quorumscope_core::types::NodeId]) -> String {
        let names = others.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        format!("with {names}")
    }

    /// The same, where it is read aloud alone.
    #[must_use]
    pub fn together_in(trick: &str, others: &[quorumscope_core::types::NodeId]) -> String {
        format!("{trick} {}", together(others))
    }

    /// A proposal to one node.
    #[must_use]
    pub fn to(node: quorumscope_core::types::NodeId) -> String {
        format!("to {node}, which is selected")
    }
}
