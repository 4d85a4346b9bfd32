//! What does the page say?
//!
//! Every word for people that is not a protocol's own stands here, so that it
//! can be translated in one place. What a message, a role or an event is called
//! comes from the lab (`trace::face`, `trace::why`).

/// The product's name.
pub const NAME: &str = "Quorumscope";

/// The names of the regions, for screen readers.
pub mod regions {
    /// The bar at the top.
    pub const BAR: &str = "Scenario and view";
    /// The panel at the left.
    pub const LESSON: &str = "Scenario";
    /// The stage.
    pub const STAGE: &str = "Cluster";
    /// The drawing on the stage.
    pub const RING: &str = "Ring of nodes with the messages between them";
    /// The log table.
    pub const LOG: &str = "Logs of all nodes";
    /// The panel at the right.
    pub const INSPECTOR: &str = "Inspector";
    /// The bar at the bottom.
    pub const TIMELINE: &str = "Timeline";
}

/// The bar at the top.
pub mod bar {
    /// The list of scenarios.
    pub const SCENARIO: &str = "Scenario";
    /// Beside the seed.
    pub const SEED: &str = "seed";
    /// Another seed.
    pub const NEXT_SEED: &str = "Try another seed";
    /// Ring and log.
    pub const BOTH: &str = "Both";
    /// The ring alone.
    pub const RING: &str = "Ring";
    /// The log alone.
    pub const LOG: &str = "Log";
    /// Which views.
    pub const VIEWS: &str = "Views";
    /// Copies the link.
    pub const SHARE: &str = "Share";
    /// What it does.
    pub const SHARE_TITLE: &str = "Copy a link to this very moment";
    /// Help.
    pub const HELP: &str = "Keys and help";
    /// To the light theme.
    pub const TO_LIGHT: &str = "Light theme";
    /// To the dark theme.
    pub const TO_DARK: &str = "Dark theme";
    /// Beside the name of a live cluster.
    pub const LIVE: &str = "live";
    /// The live cluster's own caveat.
    pub const LIVE_NOTE: &str = "Native nodes behind the relay. Their stores are in memory: they outlive a kill and a restart, but not the end of serve.";
    /// The panel of the scenario, on a phone.
    pub const OPEN_LESSON: &str = "Scenario";
    /// The inspector, on a phone.
    pub const OPEN_INSPECTOR: &str = "Inspector";
}

/// The timeline.
pub mod time {
    /// Play.
    pub const PLAY: &str = "Play";
    /// Pause.
    pub const PAUSE: &str = "Pause";
    /// One event forward.
    pub const FORWARD: &str = "One event forward";
    /// One event back.
    pub const BACK: &str = "One event back";
    /// To the next mark.
    pub const NEXT: &str = "To the next mark";
    /// To the mark before.
    pub const PREVIOUS: &str = "To the mark before";
    /// Speed.
    pub const SPEED: &str = "Speed";
    /// The fastest speed.
    pub const FASTEST: &str = "as fast as it goes";
    /// The cursor.
    pub const CURSOR: &str = "Time";
    /// No leader in this stretch.
    pub const NO_LEADER: &str = "no leader";
    /// A wider window.
    pub const WIDER: &str = "Show more time";
    /// A narrower window.
    pub const NARROWER: &str = "Show less time";
    /// Follow the live cluster again.
    pub const FOLLOW: &str = "Follow live";
    /// Which marks to jump between.
    pub const MARKS: &str = "Marks";
}

/// What can be done.
pub mod act {
    /// Crash.
    pub const CRASH: &str = "Crash";
    /// Restart.
    pub const RESTART: &str = "Restart";
    /// Pause a node.
    pub const PAUSE: &str = "Pause";
    /// Let it go on.
    pub const RESUME: &str = "Resume";
    /// Fire its timer.
    pub const TIMEOUT: &str = "Time out now";
    /// Split the cluster.
    pub const PARTITION: &str = "Partition";
    /// While choosing.
    pub const PARTITION_HINT: &str = "Choose the nodes of one side: click them, or draw round them.";
    /// Do it.
    pub const SPLIT: &str = "Split off";
    /// Leave it.
    pub const CANCEL: &str = "Cancel";
    /// Mend everything.
    pub const HEAL: &str = "Heal all links";
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
    pub const TO_ANY: &str = "to the leader that the client knows";
}

/// The inspector.
pub mod inspect {
    /// Nothing is selected.
    pub const NOTHING: &str = "Click a node, a link, a message or a log entry to see what it knows and why.";
    /// Row: role.
    pub const ROLE: &str = "role";
    /// Row: term.
    pub const TERM: &str = "term";
    /// Row: vote.
    pub const VOTED_FOR: &str = "voted for";
    /// Row: leader.
    pub const LEADER: &str = "leader";
    /// Row: log.
    pub const LOG: &str = "log";
    /// Row: timer.
    pub const TIMER: &str = "timer";
    /// Row: disk.
    pub const DISK: &str = "disk";
    /// Row: starts.
    pub const STARTS: &str = "starts";
    /// Nobody.
    pub const NOBODY: &str = "nobody";
    /// Unknown.
    pub const UNKNOWN: &str = "unknown";
    /// Links of a node.
    pub const LINKS: &str = "Links";
    /// What a leader knows.
    pub const PROGRESS: &str = "Knows of its followers";
    /// Last events of a node.
    pub const WHY: &str = "Why?";
    /// The chain behind it.
    pub const CHAIN: &str = "What led to it";
    /// Client operations.
    pub const CLIENTS: &str = "Client operations";
    /// Ask something of the cluster.
    pub const PROPOSE: &str = "Ask as a client";
    /// Checks.
    pub const CHECKS: &str = "Checks, after every event";
    /// A check that holds.
    pub const HOLDS: &str = "holds so far";
    /// Violations.
    pub const VIOLATED: &str = "violated";
    /// No operations yet.
    pub const NO_OPERATIONS: &str = "None yet. Ask for something below.";
    /// Rules that are off.
    pub const EXPECTED: &str = "This scenario expects";
    /// Message: from.
    pub const FROM: &str = "from";
    /// Message: to.
    pub const TO: &str = "to";
    /// Message: left.
    pub const LEFT: &str = "left";
    /// Message: arrives.
    pub const ARRIVES: &str = "arrives";
    /// Message: held.
    pub const HELD: &str = "held by hand";
    /// The message is no longer on its way.
    pub const ARRIVED: &str = "No longer on its way.";
    /// Entry: where it is.
    pub const ON: &str = "on";
    /// Entry: durable on.
    pub const DURABLE_ON: &str = "durable on";
    /// Entry: known committed on.
    pub const COMMITTED_ON: &str = "known committed on";
    /// Entry: the oracle.
    pub const DECIDED: &str = "decided";
    /// Back to nothing.
    pub const CLOSE: &str = "Close";
}

/// Notices that pass.
pub mod notice {
    /// The link was copied.
    pub const COPIED: &str = "Link copied. It opens this run at this moment.";
    /// The link could not be copied.
    pub const NOT_COPIED: &str = "The browser did not let the page copy. The link is in the address bar.";
    /// Something was done in the past.
    pub const FUTURE_REPLACED: &str = "The run goes on differently from here. Undo brings the old future back.";
    /// Opened from a link that another version made.
    pub const OTHER_ENGINE: &str = "Another version of Quorumscope made this link; the run may differ from the one that was shared.";
    /// Connection to the live cluster.
    pub const DISCONNECTED: &str = "The connection to the live cluster is gone. What was recorded stays here.";
}

/// The help sheet.
pub mod help {
    /// Title.
    pub const TITLE: &str = "Keys";
    /// What the page is, in one line.
    pub const ABOUT: &str = "Every picture, panel and mark shows one instant of one recorded run. Move the cursor and all of them follow.";
    /// Key and what it does.
    pub const KEYS: [(&str, &str); 18] = [
        ("Space", "play, pause"),
        ("→  ←", "one event forward, back"),
        ("Shift → ←", "to the next mark, the mark before"),
        ("Home  End", "to the beginning, to the end of what is known"),
        ("−  +", "slower, faster"),
        ("1 … 9", "select a node"),
        ("K", "crash the selected node, or restart it"),
        ("Z", "pause the selected node, or let it go on"),
        ("T", "time out the selected node"),
        ("X", "choose nodes to partition; Enter splits"),
        ("H", "heal all links"),
        ("P", "ask as a client"),
        ("V", "both views, ring, log"),
        ("S", "copy a link to this moment"),
        ("Ctrl Z, Ctrl Y", "undo, redo"),
        ("D", "dark or light"),
        ("Esc", "close, deselect"),
        ("?", "this sheet"),
    ];
}

/// The stage.
pub mod stage {
    use std::collections::BTreeSet;

    use quorumscope_core::types::{LogIndex, NodeId, Term};

    /// The legend.
    pub const LEGEND: &str = "What the shapes mean";
    /// A timer.
    pub const TIMER: &str = "timer";
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

    /// A term's name.
    #[must_use]
    pub fn term(term: Term) -> String {
        format!("term {}", term.0)
    }

    /// An entry was decided.
    #[must_use]
    pub fn decided(index: LogIndex) -> String {
        format!("entry {} committed", index.0)
    }

    /// The button that splits the chosen nodes off.
    #[must_use]
    pub fn split(chosen: &BTreeSet<NodeId>) -> String {
        if chosen.is_empty() {
            return super::act::SPLIT.into();
        }
        let names: Vec<String> = chosen.iter().map(ToString::to_string).collect();
        format!("{} {}", super::act::SPLIT, names.join(", "))
    }
}

/// What to try next, a line each.
pub mod hints {
    use quorumscope_core::types::NodeId;

    /// Nothing is there yet.
    pub const WAITING: &str = "Waiting for the first records.";
    /// An election, standing still.
    pub const ELECTION_PAUSED: &str = "An election is on. Press play, or step with → and watch the dots fill: each is a vote.";
    /// An election, running.
    pub const ELECTION: &str = "An election is on. The dots are votes: full is granted, dashed is on its way.";
    /// Soon.
    pub const ELECTION_SOON: &str = "Nobody leads. The first timer to run out asks for votes.";
    /// Crashed, and nobody leads.
    pub const NO_LEADER: &str = "Nobody leads now. The next timer to run out starts an election. Too few nodes for a majority? Restart one.";
    /// Partitioned.
    pub const PARTITIONED: &str = "The cluster is split. Ask for something on each side and see which can commit; then heal the links.";

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

    /// Something broke.
    #[must_use]
    pub fn violated(property: &str) -> String {
        format!("{property} is broken. Step back with ← to the event that broke it, and ask why.")
    }
}
