//! What do the bar at the top, the notices and the help sheet say?

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
    /// What was typed there is none.
    pub const NO_SEED: &str = "A seed is a whole number below 2^53; the run has kept its own.";
    /// Another seed.
    pub const NEXT_SEED: &str = "Try another seed";
    /// Ring and log.
    pub const BOTH: &str = "Both";
    /// The ring alone.
    pub const RING: &str = "Ring";
    /// Lanes over time.
    pub const LANES: &str = "Lanes";
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
    pub const UNKNOWN_ADDRESS: &str = "the address names no run that this page knows";
    /// What is seen in the place of a run that cannot be opened, as a visit begins.
    pub const FIRST_INSTEAD: &str = "This is the first run.";
    /// And later.
    pub const GOES_ON: &str = "The run that you see goes on.";

    /// Why a run cannot be opened, and what is seen instead.
    #[must_use]
    pub fn and(reason: &str, instead: &str) -> String {
        let mut letters = reason.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        format!("{}{}. {instead}", first.map(String::from).unwrap_or_default(), letters.as_str())
    }

    /// A step of the scenario was skipped.
    #[must_use]
    pub fn skipped(at: Time, reason: &str) -> String {
        let reason = reason.replace("nobody: ", "nobody, as ");
        format!("Skipped the scenario's step at {}: {reason}.", crate::words::marks::clock(at.0 as f64))
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
        format!("{who} {what} now; you are looking at {}.", crate::words::marks::clock(looked_at))
    }

    /// Connection to the live cluster.
    pub const DISCONNECTED: &str = "The connection to the live cluster is gone. What was recorded stays here.";
}

/// The help sheet.
pub mod help {
    use quorumscope_lab::trace::face::MessageKind;

    /// Title.
    pub const TITLE: &str = "Keys and signs";
    /// What the page is, in one line.
    pub const ABOUT: &str =
        "Every picture, panel and mark shows one instant of one recorded run. Move the cursor and all of them follow.";
    /// Key and what it does.
    pub const KEYS: [(&str, &str); 20] = [
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
        ("V", "both views, ring, lanes, log, votes or blocks"),
        ("[  ]", "more, less time in the lanes"),
        ("↑  ↓", "in the lanes, the message before, after"),
        ("S", "copy a link to this moment"),
        ("Ctrl Z  Ctrl Y", "undo, redo"),
        ("D", "dark or light"),
        ("Esc", "close, deselect"),
        ("?", "this sheet"),
    ];
    /// Over the signs.
    pub const SIGNS_TITLE: &str = "Signs";
    /// Sign and what it means.
    pub const SIGNS: [(&str, &str); 26] = [
        ("△ on the timeline", "a node asks for votes; red with a mark in it: a check failed"),
        ("♛", "a node leads"),
        ("● green", "an entry is committed"),
        ("✕ red", "a node crashed; on the stage, a message was lost"),
        ("↻", "a node started again"),
        ("⇄  ↩", "a replica goes over to PBFT, or is back in two rounds"),
        ("⚑", "another epoch begins: others vote from here on"),
        (
            "squiggle",
            "what else was done to the run: a pause, a cut link, a held message, another network, other voters asked for",
        ),
        ("‖", "records are missing here"),
        ("arc round a node", "the time until its timer runs out"),
        ("dots in a node", "votes: full granted, dashed on its way, crossed refused"),
        ("small ring", "a learner; with an eye, an observer; dotted, not a member"),
        ("+ − at a node", "members change: it has its vote in the new half alone, or in the old half alone"),
        ("E at a node", "an edge: it holds the part of the state that it subscribes to"),
        ("striped entry", "a command that an edge does not hold: its place, term and digest"),
        ("hatched block", "a snapshot in the place of entries; dashed: on its way"),
        (
            "horned mask",
            "a node that lies: the run made it so; on the timeline, where it begins to, or lies in another way",
        ),
        ("≠ at a node", "honest nodes disagree for good: what this one holds at that place"),
        ("A, B in the grids", "different batches at one place: a vote counts for its own letter alone"),
        ("§ at a node", "convicted: the cluster has decided that it lied"),
        ("bars under a node", "how threatened it feels: of four, none to critical"),
        ("platter under a node", "its disk: filled while it writes, dashed while the node is down"),
        ("dotted ring, bars", "the node is paused"),
        ("log entry", "full: committed. Dashed: not known to be. Faint: not on its disk yet"),
        ("underlined entry", "the leader knows that the follower holds it"),
        ("bar between entries", "what the leader sends that follower next"),
    ];
    /// Over the messages.
    pub const MESSAGES_TITLE: &str = "Messages";
    /// Kind and what is drawn as one, protocol by protocol where they call it differently.
    pub const MESSAGES: [(MessageKind, &str); 26] = [
        (MessageKind::Append, "Raft, hybrid: append with entries"),
        (MessageKind::AppendReply, "its answer; hybrid: the acknowledgement"),
        (MessageKind::Heartbeat, "append without entries: a heartbeat, or certificates"),
        (MessageKind::VoteRequest, "Raft: asks for a vote"),
        (MessageKind::VoteReply, "its answer; hybrid: a vote for the next term"),
        (MessageKind::PreVoteRequest, "Raft: would you vote for me?"),
        (MessageKind::PreVoteReply, "its answer"),
        (MessageKind::ClientRequest, "a client's request"),
        (MessageKind::ClientAnswer, "its answer: +, −, or ? where nobody knows"),
        (MessageKind::Snapshot, "a part of a snapshot, or of a proven state"),
        (MessageKind::SnapshotReply, "how much of it has come, or which part is wanted"),
        (MessageKind::ReadIndex, "Raft: asks for a read index"),
        (MessageKind::ReadIndexReply, "its answer"),
        (MessageKind::TimeoutNow, "Raft: order to campaign at once"),
        (MessageKind::Forwarded, "requests that a node passes on to whoever leads"),
        (MessageKind::Proposal, "PBFT: pre-prepare; HotStuff: proposal of a block"),
        (MessageKind::Prepare, "PBFT: prepare; HotStuff: vote"),
        (MessageKind::Commit, "PBFT: commit"),
        (MessageKind::Certificate, "HotStuff: a quorum's votes for a block (QC)"),
        (MessageKind::Checkpoint, "checkpoint: which state a replica has; also how an epoch or PBFT has ended"),
        (MessageKind::ViewChange, "PBFT: view change; HotStuff: timeout; hybrid: wish for a later term"),
        (MessageKind::NewView, "PBFT: new view; HotStuff: a quorum's timeouts (TC); hybrid: a term begins"),
        (MessageKind::Question, "where a replica stands, or what it lacks"),
        (MessageKind::Proof, "what somebody lacks, with its proof; evidence of a lie; how epochs have ended"),
        (MessageKind::Alarm, "hybrid: alarms of replicas that feel threatened, or their word that all is calm"),
        (MessageKind::Stop, "hybrid: stop statement, the end of the two rounds"),
    ];

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn every_kind_of_message_is_explained_once_here_and_with_its_letter_in_the_manual() {
            let explained = MESSAGES.map(|(kind, _)| kind);
            assert_eq!(explained, MessageKind::ALL);
            let manual = include_str!("../../../docs/picture.md");
            let has = |shape: &str, letter: &str| {
                manual.lines().any(|line| line.starts_with(&format!("| {shape} | {letter} |")))
            };
            for kind in MessageKind::ALL {
                let (shape, letter, _) = kind.look();
                let shape = format!("{shape:?}").to_lowercase();
                assert!(letter.is_empty() || has(&shape, letter), "{kind:?}: {shape} {letter}");
            }
        }
    }
}
