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
    /// Over the first scenarios.
    pub const FIRST: &str = "First steps";
    /// Over the others.
    pub const MORE: &str = "One feature each";
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
    /// The connection to it is gone.
    pub const OFFLINE: &str = "offline";
    /// It did not let the page in.
    pub const REFUSED: &str = "refused";
    /// Where to go then.
    pub const SIMULATIONS: &str = "Open the simulations";
    /// Before the names of rules.
    pub const RULE_OFF: &str = "rule off: ";
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
    pub const FASTEST: &str = "max";
    /// The cursor.
    pub const CURSOR: &str = "Time";
    /// A wider window.
    pub const WIDER: &str = "Show more time";
    /// A narrower window.
    pub const NARROWER: &str = "Show less time";
    /// Follow the live cluster again.
    pub const FOLLOW: &str = "Follow live";
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
    /// Let it make a snapshot.
    pub const SNAPSHOT: &str = "Snapshot";
    /// The leader hands over to it.
    pub const TRANSFER: &str = "Hand it the lead";
    /// Joins as a learner.
    pub const ADD: &str = "Add as learner";
    /// Joins as an observer.
    pub const OBSERVE: &str = "Add as observer";
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
    pub const TO_ANY: &str = "to the leader that the client believes in";

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

    /// A proposal needs a key.
    pub const NO_KEY: &str = "Write a key first.";

    /// A proposal to one node.
    #[must_use]
    pub fn to(node: quorumscope_core::types::NodeId) -> String {
        format!("to {node}, which is selected")
    }
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
    /// Row: what it is to the cluster.
    pub const PART: &str = "part";
    /// Row: the configuration that acts at it.
    pub const MEMBERS: &str = "members";
    /// Row: a leader's rounds.
    pub const ROUND: &str = "round";
    /// Row: log.
    pub const LOG: &str = "log";
    /// Row: snapshot.
    pub const SNAPSHOT: &str = "snapshot";
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
    /// What a node's machine holds.
    pub const STATE: &str = "State machine";
    /// Nothing stands in it.
    pub const EMPTY: &str = "empty";
    /// What a leader knows.
    pub const PROGRESS: &str = "Knows of its followers";
    /// The chain behind it.
    pub const CHAIN: &str = "What led to it";
    /// Client operations.
    pub const CLIENTS: &str = "Client operations";
    /// Ask something of the cluster.
    pub const PROPOSE: &str = "Ask as a client";
    /// Checks.
    pub const CHECKS: &str = "Checks, after every event";
    /// No operations yet.
    pub const NO_OPERATIONS: &str = "None yet. Ask for something below.";
    /// The scenario's own expectations.
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
    /// Back to nothing.
    pub const CLOSE: &str = "Close";
}

/// Notices that pass.
pub mod notice {
    use quorumscope_core::record::Command;
    use quorumscope_core::types::Time;

    /// The link was copied.
    pub const COPIED: &str = "Link copied. It opens this run at this moment.";
    /// The link could not be copied.
    pub const NOT_COPIED: &str = "The browser did not let the page copy. The link is in the address bar.";
    /// Something was done in the past.
    pub const FUTURE_REPLACED: &str = "The run goes on differently from here. Undo brings the old future back.";
    /// Opened from a link that another version made.
    pub const OTHER_ENGINE: &str =
        "Another version of Quorumscope made this link; the run may differ from the one that was shared.";
    /// A key that needs a node.
    pub const SELECT_FIRST: &str = "Select a node first: click it, or press its number.";
    /// The address names nothing that the page knows.
    pub const UNKNOWN_ADDRESS: &str = "The address names no run that this page knows. This is the first one.";

    /// A step of the scenario was skipped.
    #[must_use]
    pub fn skipped(at: Time, reason: &str) -> String {
        let reason = reason.replace("nobody: ", "nobody, as ");
        format!("Skipped the scenario's step at {}: {reason}.", super::marks::clock(at.0 as f64))
    }

    /// Something was done to a live cluster while the reader looks at its past.
    #[must_use]
    pub fn done_now(command: &Command, looked_at: f64) -> String {
        let (who, what) = match command {
            Command::Crash(node) => (node.to_string(), "was crashed"),
            Command::Restart(node) => (node.to_string(), "was restarted"),
            Command::Pause(node) => (node.to_string(), "was paused"),
            Command::Resume(node) => (node.to_string(), "goes on"),
            Command::Timeout(node) => (node.to_string(), "was timed out"),
            Command::Propose { .. } => ("The cluster".into(), "was asked"),
            _ => ("It".into(), "was done"),
        };
        format!("{who} {what} now; you are looking at {}.", super::marks::clock(looked_at))
    }

    /// Connection to the live cluster.
    pub const DISCONNECTED: &str = "The connection to the live cluster is gone. What was recorded stays here.";
}

/// The help sheet.
pub mod help {
    /// Title.
    pub const TITLE: &str = "Keys and signs";
    /// What the page is, in one line.
    pub const ABOUT: &str =
        "Every picture, panel and mark shows one instant of one recorded run. Move the cursor and all of them follow.";
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
        ("Ctrl Z  Ctrl Y", "undo, redo"),
        ("D", "dark or light"),
        ("Esc", "close, deselect"),
        ("?", "this sheet"),
    ];
    /// Over the signs.
    pub const SIGNS_TITLE: &str = "Signs";
    /// Sign and what it means.
    pub const SIGNS: [(&str, &str); 17] = [
        ("△ on the timeline", "a node asks for votes; red with a mark in it: a check failed"),
        ("♛", "a node leads"),
        ("● green", "an entry is committed"),
        ("✕ red", "a node crashed; on the stage, a message was lost"),
        ("↻", "a node started again"),
        ("broken line", "another fault: a pause, a cut link, a held message"),
        ("‖", "records are missing here"),
        ("arc round a node", "the time until its timer runs out"),
        ("dots in a node", "votes: full granted, dashed on its way, crossed refused"),
        ("small ring", "a learner; with an eye, an observer; dotted, not a member"),
        ("+ − at a node", "members change: it has its vote in the new half alone, or in the old half alone"),
        ("hatched block", "a snapshot in the place of entries; dashed: on its way"),
        ("platter under a node", "its disk: filled while it writes, dashed while the node is down"),
        ("dotted ring, bars", "the node is paused"),
        ("log entry", "full: committed. Dashed: not known to be. Faint: not on its disk yet"),
        ("underlined entry", "the leader knows that the follower holds it"),
        ("bar between entries", "what the leader sends that follower next"),
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
    use quorumscope_core::membership::Membership;
    use quorumscope_core::types::NodeId;

    /// While members change.
    #[must_use]
    pub fn joint(members: &Membership) -> String {
        let names = |nodes: &[NodeId]| nodes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let (new, old) = (names(&members.voters), names(&members.outgoing));
        format!("Joint: whatever is decided takes a majority of {new} and one of {old}.")
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
    pub fn violated(property: &str) -> String {
        format!("“{property}” does not hold. Jump back to the red triangle (Shift ←) and ask why.")
    }
}

/// Questions that the inspector answers.
pub mod insight {
    use quorumscope_core::types::{LogIndex, NodeId};
    use quorumscope_lab::trace::face;
    use quorumscope_lab::trace::view::View;

    /// A record.
    pub const HAPPENED: &str = "What happened?";
    /// The last lines.
    pub const LINES: &str = "What just happened";
    /// Nothing is worth a line.
    pub const QUIET: &str = "Only heartbeats.";

    /// Why a node is what it is.
    #[must_use]
    pub fn role(view: &View, node: NodeId) -> String {
        let role = view.nodes.get(&node).map_or("", |shown| face::role(shown.liveness, shown.status.role).words);
        format!("Why is {node} {role}?")
    }

    /// Why it voted as it did.
    #[must_use]
    pub fn vote(node: NodeId) -> String {
        format!("How did {node} vote last?")
    }

    /// Whether an entry is committed.
    #[must_use]
    pub fn committed(index: LogIndex) -> String {
        format!("Is entry {} committed?", index.0)
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
            Part::Voter | Part::Spare => None,
            Part::Joining => Some("+"),
            Part::Leaving => Some("−"),
            Part::Learner => Some("L"),
            Part::Observer => Some("O"),
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

/// The inspector's lines.
pub mod inspector {
    use quorumscope_core::record::{Progress, Timer};
    use quorumscope_core::types::{ClientId, LogIndex, NodeId, Span, Time};
    use quorumscope_lab::trace::why::rounds::Rounds;

    /// A message.
    pub const MESSAGE: &str = "Message";
    /// A record.
    pub const EVENT: &str = "Event";
    /// A column.
    pub const MATCH: &str = "match";
    /// A column.
    pub const NEXT: &str = "next";
    /// A column: when a follower answered last.
    pub const HEARD: &str = "heard";
    /// A link.
    pub const LINK_OPEN: &str = "Messages pass in this direction.";
    /// A cut link.
    pub const LINK_CUT: &str = "Cut: nothing passes in this direction.";
    /// Nothing there.
    pub const NO_ENTRY: &str = "There is no entry here at this moment.";

    /// A node's title.
    #[must_use]
    pub fn node(node: NodeId) -> String {
        format!("Node {node}")
    }

    /// A client's title.
    #[must_use]
    pub fn client(client: ClientId) -> String {
        format!("Client {client}")
    }

    /// An entry's title.
    #[must_use]
    pub fn entry(index: LogIndex, node: NodeId) -> String {
        format!("Entry {} of {node}", index.0)
    }

    /// A link's title.
    #[must_use]
    pub fn link_title(from: NodeId, to: NodeId) -> String {
        format!("Link {from} → {to}")
    }

    /// What a click on a link does.
    #[must_use]
    pub fn link(from: NodeId, to: NodeId, cut: bool) -> String {
        if cut { format!("mend {from} → {to}") } else { format!("cut {from} → {to}") }
    }

    /// A log in a few words.
    #[must_use]
    pub fn log(length: u64, base: LogIndex, commit: LogIndex, up: bool) -> String {
        let entries = if length == 1 { "entry" } else { "entries" };
        if up && base > LogIndex::ZERO {
            return format!("{length} {entries} after {}, committed through {}", base.0, commit.0);
        }
        if up { format!("{length} {entries}, {} committed", commit.0) } else { format!("{length} {entries} on disk") }
    }

    /// A node's newest snapshot.
    #[must_use]
    pub fn snapshot(index: LogIndex) -> String {
        format!("through entry {}", index.0)
    }

    /// How a leader feeds a follower.
    #[must_use]
    pub fn feeds(known: &Progress, held_back: u64) -> String {
        match known.snapshot {
            Some(sent) => format!("snapshot {}, {}/{} B", sent.index.0, sent.offset, sent.total),
            None if known.probing => "probing".into(),
            None if held_back > 0 => format!("window full, {held_back} held back"),
            None => "replicating".into(),
        }
    }

    /// How long ago.
    #[must_use]
    pub fn ago(ago: Span) -> String {
        format!("{:.0} ms ago", ago.0 as f64 / 1_000.0)
    }

    /// A leader's rounds: what its lease and check-quorum rest on.
    #[must_use]
    pub fn rounds(rounds: &Rounds, now: Time) -> String {
        match rounds.proven {
            Some((round, sent)) => format!(
                "{}; a quorum answered {round}, sent {}: its lease counts from then",
                rounds.latest,
                ago(now - sent)
            ),
            None => format!("{}; no quorum has answered one lately", rounds.latest),
        }
    }

    /// Up to where a machine has come.
    #[must_use]
    pub fn state(through: LogIndex) -> String {
        format!("{} through entry {}", super::inspect::STATE, through.0)
    }

    /// A timer's whole length.
    #[must_use]
    pub fn timer(timer: &Timer) -> String {
        format!("{:.0} ms, on its own clock", (timer.deadline.0 - timer.armed.0.min(timer.deadline.0)) as f64 / 1_000.0)
    }

    /// A disk at rest.
    #[must_use]
    pub fn synced(durable: u64) -> String {
        if durable == 0 { "synced".into() } else { format!("synced through {durable}") }
    }

    /// A busy disk.
    #[must_use]
    pub fn writing(writes: usize, durable: u64, waiting: usize) -> String {
        let held = if waiting == 0 { String::new() } else { format!(", {waiting} held back for it") };
        format!("writing ({writes}), synced through {durable}{held}")
    }

    /// The chain behind something.
    #[must_use]
    pub fn chain(length: usize) -> String {
        format!("{} ({length})", super::inspect::CHAIN)
    }

    /// Messages of a node.
    #[must_use]
    pub fn on_their_way(count: usize) -> String {
        format!("Messages on their way ({count})")
    }

    /// A time in milliseconds.
    #[must_use]
    pub fn at(time: Time) -> String {
        super::marks::clock(time.0 as f64)
    }
}

/// Checks and clients.
pub mod checks {
    use quorumscope_core::types::Span;

    /// The properties that are checked after each event, as the lab names them to people.
    pub const PROPERTIES: [&str; 8] = [
        "Election safety",
        "Leader append-only",
        "Log matching",
        "Leader completeness",
        "State machine safety",
        "Commit is decided",
        "Decided is final",
        "Durability",
    ];
    /// An expectation that the run has not come to.
    pub const NOT_REACHED: &str = "not reached";
    /// A live cluster is not checked.
    pub const LIVE: &str = "A live cluster is watched, not checked: only a simulation sees every disk.";
    /// An operation waits.
    pub const WAITS: &str = "waits";

    /// An operation's fate in words.
    #[must_use]
    pub fn told(what: &str, took: Span) -> String {
        let ms = took.0 as f64 / 1_000.0;
        if ms < 10_000.0 { format!("{what} after {ms:.0} ms") } else { format!("{what} after {:.1} s", ms / 1_000.0) }
    }

    /// Tries.
    #[must_use]
    pub fn attempts(count: u32) -> String {
        if count > 1 { format!(", {count} tries") } else { String::new() }
    }
}

/// The timeline's texts.
pub mod marks {
    use quorumscope_core::types::{NodeId, Term};

    /// The cursor's time.
    #[must_use]
    pub fn clock(micros: f64) -> String {
        if micros < 10_000_000.0 {
            format!("{:.1} ms", micros / 1_000.0)
        } else {
            format!("{:.3} s", micros / 1_000_000.0)
        }
    }

    /// Where the cursor is among the records.
    #[must_use]
    pub fn position(position: u64, records: u64) -> String {
        format!("record {position} of {records}")
    }

    /// A band.
    #[must_use]
    pub fn band(term: Term, leader: NodeId) -> String {
        format!("term {} · {leader} leads", term.0)
    }

    /// A narrow band.
    #[must_use]
    pub fn short_band(term: Term) -> String {
        format!("{}", term.0)
    }

    /// A speed.
    #[must_use]
    pub fn speed(name: &str, fastest: bool) -> String {
        if fastest { super::time::FASTEST.into() } else { format!("{name} ×") }
    }
}

/// A run of one's own.
pub mod own {
    /// Opens the form.
    pub const TITLE: &str = "Start a run of your own";
    /// What the run is called.
    pub const NAME: &str = "A run of your own";
    /// The state machine.
    pub const MACHINE: &str = "state machine";
    /// Timings.
    pub const PROFILE: &str = "profile";
    /// Who votes.
    pub const VOTERS: &str = "voters";
    /// Who may join.
    pub const SPARE: &str = "spare nodes";
    /// Begins.
    pub const START: &str = "Start";
    /// What it is.
    pub const TEXT: &str =
        "Nothing is planned in this run: do what you like with it. Spare nodes join when you add them.";
}

/// The panel at the left.
pub mod lesson {
    /// Over the title.
    pub const SCENARIO: &str = "Scenario";
    /// Over the title of a live cluster.
    pub const LIVE: &str = "Live cluster";
    /// Over the list.
    pub const TRY: &str = "Try this";
    /// A live cluster.
    pub const LIVE_TEXT: &str =
        "These are native nodes. They talk through the relay, and what you see are the records that they send.";
    /// What to try with it.
    pub const LIVE_TRIES: [&str; 3] = [
        "Select the leader and kill it. The others elect the next within a third of a second.",
        "Press Space to stand still, choose 1/40 and play it again slowly.",
        "Set a key, then read it back through another node.",
    ];
    /// A scenario from a link or a file.
    pub const OWN: &str = "This run came with a link. All that was done in it is a step of its scenario: step through it, or change it from any moment on.";
    /// What to try with it.
    pub const OWN_TRIES: [&str; 2] =
        ["Jump from mark to mark with Shift → and Shift ←.", "Select what looks odd and read why it is so."];
}
