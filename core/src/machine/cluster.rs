//! How does a cluster agree on who is in it and what runs where?
//!
//! Nodes join and leave, agents are spawned on nodes, agents hold resources for
//! a while or for good, settings have versions, and misbehaviour is recorded.
//! Each command names the epoch of the controller that sent it: a higher one
//! takes over, and whoever still acts under a lower one is fenced off. A
//! controller that was asleep cannot undo what its successor did.
//!
//! A command that is repeated says what it said before: joins, spawns and
//! allocations of what is there already are done, not doubled; an allocation
//! that is repeated is renewed. The whole state goes to everybody: placement
//! needs all of it, so there are no ranges. Where to place an agent is decided
//! elsewhere. Membership of the protocol itself is not this module's matter.

use core::fmt;
use core::str::FromStr;
use std::hash::{Hash as _, Hasher as _};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::expiry::{Due, Expiry};
use super::kv::Answer;
use super::table::Table;
use super::{NotAState, Refusal, StateMachine, is_word, read_state};
use crate::entry::Tags;
use crate::types::{Digest, LogIndex, Span, Wall};

/// The first byte of every command: tells it from those of other machines in the same log.
pub const MARK: u8 = 0x43;

/// What a controller wants done.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Command {
    /// The controller's epoch.
    pub epoch: u64,
    /// What kind of thing it is about, and what happens to it.
    pub verb: Verb,
    /// The thing's name.
    pub name: String,
    /// A second name: the zone, node, agent, value, reason or evidence. Empty where there is none.
    pub word: String,
    /// A number: the capacity, amount or version. 0 where there is none.
    pub number: u64,
    /// How long an allocation lives; 0 for good.
    pub ttl: Span,
}

/// What happens to what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Verb {
    /// A node joins in a zone, with a capacity.
    Join,
    /// A node leaves; refused while agents run there.
    Leave,
    /// An agent starts on a node.
    Spawn,
    /// An agent ends, and what it holds is free.
    Kill,
    /// A resource of the agent's node is the agent's, so much of it.
    Allocate,
    /// It is free again.
    Free,
    /// A setting gets a value; the number is the version that this makes.
    Configure,
    /// Nothing new is placed on the node, for a reason.
    Quarantine,
    /// The quarantine is over.
    Release,
    /// A node loses an amount, for a piece of evidence; each piece counts once.
    Slash,
}

/// What a command's text looks like: verb, kind of thing, whether a word and a number follow its name.
const FORMS: [(Verb, &str, &str, bool, bool); 10] = [
    (Verb::Join, "join", "node", true, true),
    (Verb::Leave, "leave", "node", false, false),
    (Verb::Spawn, "spawn", "agent", true, false),
    (Verb::Kill, "kill", "agent", false, false),
    (Verb::Allocate, "allocate", "resource", true, true),
    (Verb::Free, "free", "resource", false, false),
    (Verb::Configure, "configure", "setting", true, true),
    (Verb::Quarantine, "quarantine", "node", true, false),
    (Verb::Release, "release", "node", false, false),
    (Verb::Slash, "slash", "node", true, true),
];

/// A text that is no command of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "write \"join node n1 zone-a 8\", \"leave node n1\", \"spawn agent a1 n1\", \"kill agent a1\", \
     \"allocate resource r1 a1 3\" (and \"for 500\" milliseconds), \"free resource r1\", \
     \"configure setting size big 1\", \"quarantine node n1 reason\", \"release node n1\" or \
     \"slash node n1 evidence 5\", after \"epoch 2\" where there is one"
)]
pub struct NotACommand;

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Node {
    zone: String,
    capacity: u64,
    used: u64,
    slashed: u64,
    quarantine: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Resource {
    agent: String,
    amount: u64,
    expires: Option<Due>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct State {
    epoch: u64,
    nodes: Table<Node>,
    /// Agents and their nodes.
    agents: Table<String>,
    resources: Table<Resource>,
    /// Settings and their versions.
    settings: Table<(String, u64)>,
    /// Evidence, the node that it is against, and what that cost.
    evidence: Table<(String, u64)>,
}

/// What the cluster is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cluster {
    state: State,
    expiry: Expiry,
}

impl Verb {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Join,
        Self::Leave,
        Self::Spawn,
        Self::Kill,
        Self::Allocate,
        Self::Free,
        Self::Configure,
        Self::Quarantine,
        Self::Release,
        Self::Slash,
    ];

    fn form(self) -> (&'static str, &'static str, bool, bool) {
        let found = FORMS.iter().find(|form| form.0 == self);
        found.map_or(("", "", false, false), |(_, verb, kind, word, number)| (verb, kind, *word, *number))
    }
}

impl Command {
    /// The command as bytes for a log entry.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        postcard::to_extend(self, vec![MARK]).expect("strings always encode").into()
    }

    /// Reads a command back; names that are no words are refused.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let command: Self = postcard::from_bytes(bytes.strip_prefix(&[MARK])?).ok()?;
        let (_, _, word, number) = command.verb.form();
        let fits = is_word(&command.name)
            && (if word { is_word(&command.word) } else { command.word.is_empty() })
            && (number || command.number == 0)
            && (command.verb == Verb::Allocate || command.ttl == Span(0));
        fits.then_some(command)
    }

    /// Short text for a log cell.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{} {}", self.verb.form().0, self.name)
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verb, kind, word, number) = self.verb.form();
        if self.epoch > 0 {
            write!(f, "epoch {} ", self.epoch)?;
        }
        write!(f, "{verb} {kind} {}", self.name)?;
        if word {
            write!(f, " {}", self.word)?;
        }
        if number {
            write!(f, " {}", self.number)?;
        }
        if self.ttl > Span(0) {
            write!(f, " for {}", self.ttl.0 / 1_000)?;
        }
        Ok(())
    }
}

impl FromStr for Command {
    type Err = NotACommand;

    fn from_str(text: &str) -> Result<Self, NotACommand> {
        let mut words = text.split_whitespace();
        let mut next = || words.next().ok_or(NotACommand);
        let number = |word: &str| word.parse::<u64>().map_err(|_| NotACommand);
        let mut verb = next()?;
        let mut epoch = 0;
        if verb == "epoch" {
            epoch = number(next()?)?;
            verb = next()?;
        }
        let kind = next()?;
        let form = FORMS.iter().find(|form| form.1 == verb && form.2 == kind).ok_or(NotACommand)?;
        let name = next()?.into();
        let word = if form.3 { next()?.into() } else { String::new() };
        let amount = if form.4 { number(next()?)? } else { 0 };
        let ttl = match next() {
            Ok("for") if form.0 == Verb::Allocate => Span(number(next()?)?.checked_mul(1_000).ok_or(NotACommand)?),
            Ok(_) => return Err(NotACommand),
            Err(_) => Span(0),
        };
        if next().is_ok() {
            return Err(NotACommand);
        }
        Ok(Self { epoch, verb: form.0, name, word, number: amount, ttl })
    }
}

impl Cluster {
    /// All names under which something stands, kind by kind.
    pub(super) fn names(&self) -> Vec<String> {
        let State { nodes, agents, resources, settings, evidence, .. } = &self.state;
        let mut names = vec!["epoch".to_owned()];
        let mut take = |kind: &str, name: &String| names.push(format!("{kind}/{name}"));
        nodes.iter().for_each(|(name, _)| take("node", name));
        agents.iter().for_each(|(name, _)| take("agent", name));
        resources.iter().for_each(|(name, _)| take("resource", name));
        settings.iter().for_each(|(name, _)| take("setting", name));
        evidence.iter().for_each(|(name, _)| take("evidence", name));
        names
    }

    /// Frees what an agent holds, or one resource; nothing happens where it is free.
    fn free(&mut self, name: &str) -> bool {
        let Some(resource) = self.state.resources.remove(name) else { return false };
        self.expiry.cancel(resource.expires);
        let node = self.state.agents.get(&resource.agent).and_then(|node| self.state.nodes.get_mut(node));
        if let Some(node) = node {
            node.used = node.used.saturating_sub(resource.amount);
        }
        true
    }

    fn execute(&mut self, index: LogIndex, log_time: Wall, command: Command) -> Result<(), Refusal> {
        if command.epoch < self.state.epoch {
            return Err(Refusal::Epoch(self.state.epoch));
        }
        self.state.epoch = command.epoch;
        let Command { verb, name, word, number, ttl, .. } = command;
        let state = &mut self.state;
        match verb {
            Verb::Join => match state.nodes.get(&name) {
                Some(node) if node.zone == word && node.capacity == number => {}
                Some(_) => return Err(Refusal::Taken),
                None => {
                    state
                        .nodes
                        .insert(name, Node { zone: word, capacity: number, used: 0, slashed: 0, quarantine: None });
                }
            },
            Verb::Leave => {
                if state.agents.iter().any(|(_, node)| *node == name) {
                    return Err(Refusal::InUse);
                }
                state.nodes.remove(&name).ok_or(Refusal::Unknown)?;
            }
            Verb::Spawn => match state.agents.get(&name) {
                Some(node) if *node == word => {}
                Some(_) => return Err(Refusal::Taken),
                None => {
                    let node = state.nodes.get(&word).ok_or(Refusal::Unknown)?;
                    if node.quarantine.is_some() {
                        return Err(Refusal::Quarantined);
                    }
                    state.agents.insert(name, word);
                }
            },
            Verb::Kill => return self.kill(&name),
            Verb::Allocate => {
                let due = (ttl > Span(0)).then(|| Due { at: log_time + ttl, by: index });
                return self.allocate(name, word, number, due);
            }
            Verb::Free => return if self.free(&name) { Ok(()) } else { Err(Refusal::Unknown) },
            Verb::Configure => return self.configure(name, word, number),
            Verb::Quarantine => state.nodes.get_mut(&name).ok_or(Refusal::Unknown)?.quarantine = Some(word),
            Verb::Release => state.nodes.get_mut(&name).ok_or(Refusal::Unknown)?.quarantine = None,
            Verb::Slash => return self.slash(name, word, number),
        }
        Ok(())
    }

    fn kill(&mut self, agent: &str) -> Result<(), Refusal> {
        let mut held = Vec::new();
        for (name, resource) in self.state.resources.iter() {
            if resource.agent == agent {
                held.push(name.clone());
            }
        }
        for name in held {
            self.free(&name);
        }
        self.state.agents.remove(agent).map(drop).ok_or(Refusal::Unknown)
    }

    fn allocate(&mut self, name: String, agent: String, amount: u64, expires: Option<Due>) -> Result<(), Refusal> {
        let node = self.state.agents.get(&agent).and_then(|node| self.state.nodes.get_mut(node));
        let node = node.ok_or(Refusal::Unknown)?;
        match self.state.resources.get_mut(&name) {
            Some(resource) if resource.agent == agent && resource.amount == amount => {
                self.expiry.cancel(resource.expires);
                resource.expires = expires;
            }
            Some(_) => return Err(Refusal::Taken),
            None => {
                let free = node.capacity.saturating_sub(node.used);
                if amount > free {
                    return Err(Refusal::Full(free));
                }
                if node.quarantine.is_some() {
                    return Err(Refusal::Quarantined);
                }
                node.used += amount;
                self.state.resources.insert(name.clone(), Resource { agent, amount, expires });
            }
        }
        self.expiry.plan(expires, &name);
        Ok(())
    }

    fn configure(&mut self, name: String, value: String, version: u64) -> Result<(), Refusal> {
        let known = self.state.settings.get(&name);
        let now = known.map_or(0, |(_, version)| *version);
        if known.is_some_and(|(held, made)| *held == value && *made == version) {
            return Ok(());
        }
        if now.checked_add(1) != Some(version) {
            return Err(Refusal::Version(now));
        }
        self.state.settings.insert(name, (value, version));
        Ok(())
    }

    fn slash(&mut self, name: String, evidence: String, amount: u64) -> Result<(), Refusal> {
        let node = self.state.nodes.get_mut(&name).ok_or(Refusal::Unknown)?;
        match self.state.evidence.get(&evidence) {
            Some((against, cost)) if *against == name && *cost == amount => {}
            Some(_) => return Err(Refusal::Taken),
            None => {
                node.slashed = node.slashed.saturating_add(amount);
                self.state.evidence.insert(evidence, (name, amount));
            }
        }
        Ok(())
    }
}

impl StateMachine for Cluster {
    fn apply(&mut self, index: LogIndex, log_time: Wall, command: &[u8]) -> Bytes {
        self.advance(log_time);
        let answer = match Command::decode(command) {
            None => Answer::Malformed,
            Some(command) => match self.execute(index, log_time, command) {
                Ok(()) => Answer::Value(None),
                Err(refusal) => Answer::Refused(refusal),
            },
        };
        answer.encode()
    }

    fn digest(&self) -> Digest {
        let mut chain = crate::digest::Chain::new();
        self.state.hash(&mut chain);
        Digest(chain.finish())
    }

    fn snapshot(&self) -> Bytes {
        postcard::to_allocvec(&self.state).expect("strings always encode").into()
    }

    fn restore(&mut self, bytes: &[u8]) -> Result<(), NotAState> {
        let state: State = read_state(bytes)?;
        let State { epoch: _, nodes, agents, resources, settings, evidence } = &state;
        let sorted = nodes.is_sorted() && agents.is_sorted() && resources.is_sorted();
        if !(sorted && settings.is_sorted() && evidence.is_sorted()) {
            return Err(NotAState);
        }
        let expiry = Expiry::of(resources.iter().map(|(name, resource)| (name, resource.expires)));
        *self = Self { state, expiry };
        Ok(())
    }

    fn advance(&mut self, log_time: Wall) {
        while let Some(name) = self.expiry.take(log_time) {
            self.free(&name);
        }
    }

    fn next_expiry(&self) -> Option<Wall> {
        self.expiry.next()
    }

    /// Every command changes something; what is known is asked by name, through [`StateMachine::look`].
    fn query(&self, _command: &[u8]) -> Bytes {
        Answer::Malformed.encode()
    }

    /// `epoch`, `node/n1`, `agent/a1`, `resource/r1`, `setting/size` and `evidence/e1` answer what is known of them.
    fn look(&self, name: &str) -> Option<String> {
        let state = &self.state;
        match name.split_once('/') {
            None => (name == "epoch").then(|| state.epoch.to_string()),
            Some(("node", node)) => state.nodes.get(node).map(|node| {
                let mut text = format!("{} {}/{}", node.zone, node.used, node.capacity);
                if node.slashed > 0 {
                    text += &format!(" slashed {}", node.slashed);
                }
                if let Some(reason) = &node.quarantine {
                    text += &format!(" quarantined {reason}");
                }
                text
            }),
            Some(("agent", agent)) => state.agents.get(agent).cloned(),
            Some(("resource", resource)) => {
                state.resources.get(resource).map(|resource| format!("{} {}", resource.agent, resource.amount))
            }
            Some(("setting", setting)) => {
                state.settings.get(setting).map(|(value, version)| format!("{value} v{version}"))
            }
            Some(("evidence", evidence)) => {
                state.evidence.get(evidence).map(|(node, amount)| format!("{node} {amount}"))
            }
            Some(_) => None,
        }
    }

    fn ranges(_command: &[u8]) -> Tags {
        Tags::new()
    }

    fn project(&self, _ranges: &[u64]) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(machine: &mut Cluster, at: u64, text: &str) -> Answer {
        let command: Command = text.parse().expect("a command");
        Answer::decode(&machine.apply(LogIndex(1 + at), Wall(at), &command.encode())).expect("an answer")
    }

    const DONE: Answer = Answer::Value(None);

    fn with_agent() -> Cluster {
        let mut machine = Cluster::default();
        assert_eq!(say(&mut machine, 0, "join node n1 zone-a 8"), DONE);
        assert_eq!(say(&mut machine, 0, "spawn agent a1 n1"), DONE);
        machine
    }

    #[test]
    fn a_controller_of_an_older_epoch_is_fenced_off() {
        let mut machine = with_agent();
        assert_eq!(say(&mut machine, 0, "epoch 2 configure setting size big 1"), DONE);
        let before = machine.digest();
        assert_eq!(say(&mut machine, 0, "epoch 1 kill agent a1"), Answer::Refused(Refusal::Epoch(2)));
        assert_eq!(say(&mut machine, 0, "kill agent a1"), Answer::Refused(Refusal::Epoch(2)));
        assert_eq!(machine.digest(), before);
        assert_eq!(machine.look("epoch").as_deref(), Some("2"));
    }

    #[test]
    fn an_allocation_expires_by_log_time_unless_it_is_renewed() {
        let mut machine = with_agent();
        assert_eq!(say(&mut machine, 0, "allocate resource r1 a1 5 for 1"), DONE);
        assert_eq!(say(&mut machine, 500, "allocate resource r2 a1 4"), Answer::Refused(Refusal::Full(3)));
        assert_eq!(say(&mut machine, 500, "allocate resource r1 a1 5 for 1"), DONE);
        machine.advance(Wall(1_499));
        assert_eq!(machine.look("node/n1").as_deref(), Some("zone-a 5/8"));
        assert_eq!(machine.next_expiry(), Some(Wall(1_500)));
        assert_eq!(say(&mut machine, 1_500, "allocate resource r2 a1 4"), DONE);
        assert_eq!((machine.look("resource/r1"), machine.look("resource/r2")), (None, Some("a1 4".into())));
    }

    #[test]
    fn a_killed_agent_holds_nothing_and_its_node_may_leave() {
        let mut machine = with_agent();
        say(&mut machine, 0, "allocate resource r1 a1 5 for 9");
        assert_eq!(say(&mut machine, 0, "leave node n1"), Answer::Refused(Refusal::InUse));
        assert_eq!(say(&mut machine, 0, "kill agent a1"), DONE);
        assert_eq!((machine.look("node/n1").as_deref(), machine.next_expiry()), (Some("zone-a 0/8"), None));
        assert_eq!(say(&mut machine, 0, "leave node n1"), DONE);
        assert_eq!(machine, Cluster::default());
    }

    #[test]
    fn a_setting_takes_the_next_version_only() {
        let mut machine = Cluster::default();
        assert_eq!(say(&mut machine, 0, "configure setting size big 2"), Answer::Refused(Refusal::Version(0)));
        assert_eq!(say(&mut machine, 0, "configure setting size big 1"), DONE);
        assert_eq!(say(&mut machine, 0, "configure setting size big 1"), DONE);
        assert_eq!(say(&mut machine, 0, "configure setting size small 1"), Answer::Refused(Refusal::Version(1)));
        assert_eq!(machine.look("setting/size").as_deref(), Some("big v1"));
    }

    #[test]
    fn nothing_new_is_placed_in_quarantine_and_evidence_counts_once() {
        let mut machine = with_agent();
        say(&mut machine, 0, "quarantine node n1 lied");
        assert_eq!(say(&mut machine, 0, "spawn agent a2 n1"), Answer::Refused(Refusal::Quarantined));
        assert_eq!(say(&mut machine, 0, "allocate resource r1 a1 1"), Answer::Refused(Refusal::Quarantined));
        assert_eq!(say(&mut machine, 0, "slash node n1 e1 5"), DONE);
        assert_eq!(say(&mut machine, 0, "slash node n1 e1 5"), DONE);
        assert_eq!(say(&mut machine, 0, "slash node n1 e1 6"), Answer::Refused(Refusal::Taken));
        assert_eq!(machine.look("node/n1").as_deref(), Some("zone-a 0/8 slashed 5 quarantined lied"));
        assert_eq!(say(&mut machine, 0, "release node n1"), DONE);
        assert_eq!(say(&mut machine, 0, "spawn agent a2 n1"), DONE);
    }

    #[test]
    fn texts_that_are_no_commands_are_refused() {
        for text in
            ["", "epoch", "epoch x join node n1 z 1", "join agent n1 z 1", "join node n1 z", "free resource r1 x"]
        {
            assert_eq!(text.parse::<Command>(), Err(NotACommand), "{text}");
        }
    }
}
