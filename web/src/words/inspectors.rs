//! What does the panel at the right say?

/// The inspector.
pub mod inspect {
    /// Nothing is selected.
    pub const NOTHING: &str = "Click a node, a link, a message or a log entry to see what it knows and why.";
    /// Row: role.
    pub const ROLE: &str = "role";
    /// Row: vote.
    pub const VOTED_FOR: &str = "voted for";
    /// Row: how threatened it feels.
    pub const THREAT: &str = "threat";
    /// Row: what the cluster has decided of its lies.
    pub const CONVICTED: &str = "convicted";
    /// Row: how it lies.
    pub const LIES: &str = "lies";
    /// Row: what others hold instead.
    pub const DIFFERS: &str = "differs";
    /// Row: which epoch it is in.
    pub const EPOCH: &str = "epoch";
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
    /// Row: what an edge subscribes to.
    pub const HOLDS: &str = "subscribes to";
    /// Row: what an edge got without its body.
    pub const LEFT_OUT: &str = "left out";
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
    /// The message waits for a disk.
    pub const WAITS: &str = "Not sent yet: it waits until what it promises is on its sender's disk.";

    /// The message leaves later than the moment that is seen.
    #[must_use]
    pub fn unsent(at: quorumscope_core::types::Time) -> String {
        format!("Not sent yet at this moment: it leaves at {}.", super::inspector::at(at))
    }
    /// Entry: where it is.
    pub const ON: &str = "on";
    /// Entry: durable on.
    pub const DURABLE_ON: &str = "durable on";
    /// Entry: known committed on.
    pub const COMMITTED_ON: &str = "known committed on";
    /// Back to nothing.
    pub const CLOSE: &str = "Close";
}

/// The inspector's lines.
pub mod inspector {
    use quorumscope_core::record::{Endpoint, Progress, Timer};
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

    /// Since when a node lies, and since when as it does now.
    #[must_use]
    pub fn since(since: Time, at: Time) -> String {
        match since == at {
            true => format!("since {}, and for good", self::at(since)),
            false => format!("since {}, and for good; since {} like this", self::at(since), self::at(at)),
        }
    }

    /// Whom a liar deceives.
    #[must_use]
    pub fn against(against: &[Endpoint]) -> String {
        let names = against.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        if names.is_empty() { String::new() } else { format!("It picks out {names}.") }
    }

    /// Which epoch a node is in.
    #[must_use]
    pub fn epoch(own: u64, newest: u64, up: bool) -> String {
        match up {
            false => format!("not running; the newest is {newest}"),
            true if own < newest => format!("{own}, behind: the newest is {newest}"),
            true => own.to_string(),
        }
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

    /// What an edge subscribes to: names where they are known, and how many are not.
    #[must_use]
    pub fn holds(names: &[&str], others: usize) -> String {
        let unnamed = match others {
            0 => None,
            1 => Some("1 range".to_owned()),
            _ => Some(format!("{others} ranges")),
        };
        names.iter().map(|name| (*name).to_owned()).chain(unnamed).collect::<Vec<_>>().join(", ")
    }

    /// What of its log an edge got without its body.
    #[must_use]
    pub fn left_out(left_out: usize, commands: usize) -> String {
        match (left_out, commands) {
            (0, _) => "nothing".into(),
            _ => format!("{left_out} of {commands} commands in its log: it has place, term and digest of each"),
        }
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
        crate::words::marks::clock(time.0 as f64)
    }
}

/// Questions that the inspector answers.
pub mod insight {
    use quorumscope_core::types::{LogIndex, NodeId};
    use quorumscope_lab::trace::face::{self, Ring};
    use quorumscope_lab::trace::members::Part;
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
        let Some(shown) = view.nodes.get(&node) else { return String::new() };
        let (look, part) = (view.role_face(shown), view.part(node));
        if matches!((look.ring, part), (Ring::Small, Part::StandsBy | Part::Retired)) {
            return format!("Why has {node} no vote?");
        }
        let role = face::standing(look, part);
        let article = match look.ring {
            Ring::Paused | Ring::Crossed => "",
            Ring::Small if part == Part::Spare => "",
            Ring::Plain | Ring::Dashed | Ring::Crowned | Ring::Small if role.starts_with(['e', 'o']) => "an ",
            Ring::Plain | Ring::Dashed | Ring::Crowned | Ring::Small => "a ",
        };
        format!("Why is {node} {article}{role}?")
    }

    /// Why these vote and no others.
    #[must_use]
    pub fn voters(view: &View) -> String {
        let names = view.voters.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        format!("Why do {names} vote?")
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

/// Checks and clients.
pub mod checks {
    use quorumscope_core::types::{NodeId, Span};

    /// The property that says something only while there are edges.
    pub const EDGE_STATE: &str = "Edge state";
    /// An expectation that is settled later than the moment that is seen, or not at all yet.
    pub const OPEN: &str = "not settled at this moment";
    /// A run that is not there yet has no verdicts.
    pub const COMPUTING: &str = "No verdict yet: the run is being computed.";
    /// A live cluster is not checked.
    pub const LIVE: &str = "A live cluster is watched, not checked: only a simulation sees every disk.";
    /// An operation waits.
    pub const WAITS: &str = "waits";

    /// What single replicas have told of an operation, which proves nothing yet.
    #[must_use]
    pub fn not_proven(verdict: &str, by: NodeId, equal: u32, needed: u32) -> String {
        format!("{verdict} · {by}: {equal} of {needed} equal replies")
    }

    /// An operation's fate in words, and how long it took to learn it.
    #[must_use]
    pub fn told(what: &str, took: Span) -> String {
        let ms = took.0 as f64 / 1_000.0;
        // A live cluster may tell of question and answer in one report: that is no measured time.
        if ms < 0.5 {
            return what.into();
        }
        // Longer texts would read as if the time belonged to their last word.
        let comma = if what.contains(' ') { "," } else { "" };
        if ms < 10_000.0 {
            format!("{what}{comma} after {ms:.0} ms")
        } else {
            format!("{what}{comma} after {:.1} s", ms / 1_000.0)
        }
    }

    /// Tries.
    #[must_use]
    pub fn attempts(count: u32) -> String {
        if count > 1 { format!(", {count} tries") } else { String::new() }
    }
}
