//! What stands on the stage, in the logs and in the line that says what to try next?

/// The stage.
pub mod stage {
    use std::collections::BTreeSet;

    use quorumscope_core::types::{LogIndex, NodeId, Term};
    use quorumscope_lab::trace::face;
    use quorumscope_lab::trace::view::View;

    /// The legend.
    pub const LEGEND: &str = "What the shapes mean";
    /// A timer.
    pub const TIMER: &str = "timer";
    /// A meter.
    pub const THREAT: &str = "threat level";
    /// A seal.
    pub const CONVICTED: &str = "convicted";
    /// Lost at random.
    pub const LOST: &str = "lost";
    /// Lost at a cut link.
    pub const LOST_CUT: &str = "link is cut";
    /// Lost because nobody was there.
    pub const LOST_DOWN: &str = "receiver is down";
    /// Never left.
    pub const LOST_SENDER: &str = "sender crashed first";
    /// Lost by hand.
    pub const LOST_HAND: &str = "dropped by hand";

    /// A term's or view's name.
    #[must_use]
    pub fn term(view: &View, term: Term) -> String {
        face::term(view.era(), view.epoch_of(term), term)
    }

    /// What a node does, and how threatened it feels.
    #[must_use]
    pub fn threatened(standing: &str, level: &str) -> String {
        format!("{standing}, threat {level}")
    }

    /// An entry was decided.
    #[must_use]
    pub fn decided(index: LogIndex) -> String {
        format!("entry {} committed", index.0)
    }

    /// What a node holds at a place where others hold something else.
    #[must_use]
    pub fn differs(index: LogIndex, label: &str) -> String {
        format!("≠ place {}: {label}", index.0)
    }

    /// The button that splits the chosen nodes off.
    #[must_use]
    pub fn split(chosen: &BTreeSet<NodeId>) -> String {
        if chosen.is_empty() {
            return crate::words::act::SPLIT.into();
        }
        let names: Vec<String> = chosen.iter().map(ToString::to_string).collect();
        format!("{} {}", crate::words::act::SPLIT, names.join(", "))
    }
}

/// The log table.
pub mod log {
    use quorumscope_core::types::LogIndex;
    use quorumscope_lab::trace::members::Part;

    /// The corner.
    pub const INDEX: &str = "index";
    /// A crown.
    pub const LEADS: &str = "leads";
    /// A node's commit index.
    pub const COMMIT_INDEX: &str = "its commit index";

    /// What stands in the place of a log's beginning.
    pub const COMPACTED: &str = "a snapshot of the state has taken the place of these entries";

    /// A snapshot that comes in parts.
    pub const ARRIVING: &str = "the leader sends its snapshot, part by part";

    /// How far it has come.
    #[must_use]
    pub fn arriving(offset: u64, total: u64) -> String {
        format!("snapshot {offset}/{total} B")
    }

    /// A sign for a part that is not that of a plain voter.
    #[must_use]
    pub fn part(part: Part) -> Option<&'static str> {
        match part {
            Part::Voter | Part::Spare | Part::StandsBy | Part::Retired => None,
            Part::Joining => Some("+"),
            Part::Leaving => Some("−"),
            Part::Learner => Some("L"),
            Part::Observer => Some("O"),
            Part::Edge => Some("E"),
        }
    }

    /// The same in the table.
    #[must_use]
    pub fn compacted(through: LogIndex) -> String {
        format!("snapshot … {}", through.0)
    }

    /// Entries before the first column.
    #[must_use]
    pub fn earlier(through: LogIndex) -> String {
        format!("… {} earlier", through.0)
    }

    /// Others have committed something else there.
    pub const DIFFERS: &str = ", and others hold something else there";

    /// A node's commit index.
    #[must_use]
    pub fn commit(commit: LogIndex) -> String {
        format!("✓ {}", commit.0)
    }

    /// How an entry stands.
    #[must_use]
    pub fn state(committed: bool, durable: bool) -> &'static str {
        match (committed, durable) {
            (true, true) => "committed, on disk",
            (true, false) => "committed, not on this disk yet",
            (false, true) => "on disk, not known to be committed",
            (false, false) => "not on disk yet",
        }
    }
}

/// Who has said what.
pub mod board {
    use quorumscope_core::types::NodeId;

    /// What the marks of a grid mean.
    pub const GRID_KEY: &str = "Each grid is what one replica has heard, a row a voter. ■ heard · ◩ what was heard before counts for this too · □ awaited; below: how many have spoken, 2/3: two of the three that make a quorum, ✓4: enough, and four did. ✓ above: committed there.";
    /// What letters at the head of a grid mean, while there are any.
    pub const BATCH_KEY: &str = "A, B …: at this place replicas hold different batches, or batches after different ones; a vote counts for its own letter alone.";

    /// What stands at a place, and which of those that differ it is.
    #[must_use]
    pub fn batch(words: &str, letter: char) -> String {
        format!("{words}, {letter} of those that differ at this place")
    }

    /// What the marks of a tree mean.
    pub const TREE_KEY: &str = "A box is a block, its number the view; filled ✓: committed somewhere; ◆ a quorum has voted for it; H: whose highest certificate is for it; L: who is locked on it.";
    /// A node that does not run has heard nothing.
    pub const DOWN: &str = "does not run";
    /// Nothing yet.
    pub const NOTHING: &str = "nothing has been proposed yet";
    /// A word that has come.
    pub const HEARD: &str = "heard";
    /// A word that stands for the next one too.
    pub const COUNTS: &str = "counts from the step before";
    /// A word that has not come.
    pub const AWAITED: &str = "awaited";
    /// A word that has not come and is not needed any more.
    pub const SPARE: &str = "not heard, and not needed";
    /// None is expected.
    pub const NEVER: &str = "none expected";
    /// The tree.
    pub const TREE: &str = "Blocks, each after the one that it follows";
    /// Locked.
    pub const LOCK: &str = "L";
    /// Highest certificate.
    pub const HIGH: &str = "H";

    /// A grid's name.
    #[must_use]
    pub fn grid(node: NodeId) -> String {
        format!("What {node} has heard")
    }

    /// How many have spoken: of how many that are needed, or that it is enough. More than enough is no fraction.
    #[must_use]
    pub fn of(heard: usize, needed: u32, full: bool) -> String {
        match full {
            true if heard < needed as usize => "✓".into(),
            true => format!("✓{heard}"),
            false => format!("{}/{needed}", heard.min(needed as usize)),
        }
    }

    /// The same as a sentence.
    #[must_use]
    pub fn spoken(heard: usize, needed: u32, full: bool) -> String {
        let end = if full { ", enough" } else { "" };
        format!("{heard} have spoken, {needed} are needed{end}")
    }

    /// How many requests a box has.
    #[must_use]
    pub fn held(requests: u64) -> String {
        format!("{requests} req")
    }

    /// Who it is that a sign speaks of.
    #[must_use]
    pub fn by(sign: &str, nodes: &[NodeId], of: usize) -> String {
        match nodes.len() {
            all if all == of => format!("{sign} all"),
            1..=3 => format!("{sign} {}", nodes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")),
            some => format!("{sign} {some} of {of}"),
        }
    }
}

/// What to try next, a line each.
pub mod hints {
    use quorumscope_core::membership::Membership;
    use quorumscope_core::types::NodeId;
    use quorumscope_lab::trace::face::{Conflict, Side};

    /// While members change.
    #[must_use]
    pub fn joint(members: &Membership) -> String {
        let names = |nodes: &[NodeId]| nodes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let (new, old) = (names(&members.voters), names(&members.outgoing));
        format!("Joint: whatever is decided takes a majority of {new}, and also a majority of {old}.")
    }

    /// Nothing is there yet.
    pub const WAITING: &str = "Waiting for the first records.";
    /// An election, standing still.
    pub const ELECTION_PAUSED: &str =
        "An election is on. Press play, or step with → and watch the dots fill: each is a vote.";
    /// An election, running.
    pub const ELECTION: &str = "An election is on. The dots are votes: full is granted, dashed is on its way.";
    /// Soon.
    pub const ELECTION_SOON: &str = "Nobody leads. The first timer to run out asks for votes.";
    /// Crashed, and nobody leads.
    pub const NO_LEADER: &str = "Nobody leads now. The next timer to run out starts an election.";
    /// Too few run.
    pub const NO_MAJORITY: &str =
        "Too few nodes run for a majority: nobody can be elected and nothing is committed. Restart one.";
    /// The live cluster is gone.
    pub const GONE: &str =
        "Nothing is connected. What was recorded stays here: go back over it, or open the simulations.";
    /// The live cluster did not let the page in.
    pub const REFUSED: &str = "Nothing is connected, so there is nothing to see. Take the address that serve prints, or open the simulations.";
    /// Partitioned.
    pub const PARTITIONED: &str =
        "The cluster is split. Ask for something on each side and see which can commit; then heal the links.";

    /// HotStuff, between two leaders.
    pub const IN_TURN: &str = "Leaders take turns: the next one begins once it holds the votes of a quorum, or a quorum's word that the view has timed out.";
    /// The hybrid, between the two rounds and PBFT.
    pub const OPENING: &str = "The two rounds have ended and PBFT has not begun: each replica says what it holds, and the statements of a quorum decide what PBFT begins with.";

    /// Some are in the new epoch, others on their way.
    #[must_use]
    pub fn epoch_begins(epoch: u64) -> String {
        format!(
            "Epoch {epoch} begins: each replica goes on in it once it holds the proof of how the one before has ended."
        )
    }

    /// A view change.
    pub const VIEW_CHANGE: &str = "Nobody leads now. Whoever waits too long for a request gives the view up; once a quorum does, the next leader begins.";

    /// Too few run for a quorum among nodes that may lie.
    #[must_use]
    pub fn no_quorum(needed: u32) -> String {
        format!("Too few nodes run: a quorum is {needed}, so nothing is committed. Restart one.")
    }

    /// A leader, and operations, where nodes may lie.
    #[must_use]
    pub fn leader_and_liars(node: NodeId) -> String {
        format!("{node} leads. Select it and make it Byzantine, or crash it (K): which of the two costs more?")
    }

    /// A leader that lies already.
    #[must_use]
    pub fn leader_lies(node: NodeId) -> String {
        format!(
            "{node} leads, and lies. Select it and read how; then look at what the others have heard of each other."
        )
    }

    /// A voter is down for good, perhaps, and somebody stands by.
    #[must_use]
    pub fn down_and_spare(down: NodeId, spare: NodeId) -> String {
        format!(
            "{down} is down and {spare} has no vote. Restart {down} (K), or select {spare} and change voters: {spare} in the place of {down}."
        )
    }

    /// Before the first election.
    #[must_use]
    pub fn first(node: NodeId) -> String {
        format!("{node}'s timer is about to run out. Press ▶ or Space and watch it ask for votes.")
    }

    /// A leader, and nothing asked for.
    #[must_use]
    pub fn leader(node: NodeId) -> String {
        format!("{node} leads. Ask for something (P) and follow it into the logs, or select {node} and crash it (K).")
    }

    /// A leader, and operations.
    #[must_use]
    pub fn leader_and_clients(node: NodeId) -> String {
        format!("{node} leads. Crash it (K), or draw a partition (X) that leaves it with a minority.")
    }

    /// A leader of a live cluster.
    #[must_use]
    pub fn leader_live(node: NodeId) -> String {
        format!("{node} leads. Kill it and watch the others elect the next; pause to go back over it slowly.")
    }

    /// A leader, and a node that is down.
    #[must_use]
    pub fn leader_and_down(leader: NodeId, down: NodeId) -> String {
        format!("{leader} leads and {down} is down. Restart {down} (K) and watch its log catch up.")
    }

    /// The same line where there are no keys.
    #[must_use]
    pub fn without_keys(line: &str) -> String {
        let keys = [" (P)", " (K)", " (X)", " (Shift ←)", " or Space", ", or step with → and"];
        keys.iter().fold(line.to_owned(), |line, key| line.replace(key, if key.starts_with(',') { " and" } else { "" }))
    }

    /// Something broke.
    #[must_use]
    pub fn violated(property: &str, conflict: Option<&Conflict>, now: bool) -> String {
        if let Some(conflict) = conflict {
            let side = |side: &Side| {
                let nodes = side.nodes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                format!("{} at {nodes}", side.label)
            };
            let sides = conflict.sides.iter().map(side).collect::<Vec<_>>().join(", ");
            let differ =
                if sides.is_empty() { conflict.words.clone() } else { format!("Place {}: {sides}.", conflict.index.0) };
            return format!("{property} is broken. {differ}");
        }
        if now {
            return format!(
                "A property is broken at this very moment: {property}. Read what just happened, and select it to ask why."
            );
        }
        format!("A property is broken: {property}. Jump back to the red triangle (Shift ←) and ask why.")
    }
}
