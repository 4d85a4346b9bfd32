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
//! elsewhere. Membership of the protocol itself is not this module's matter. Read
//! `command` next: what a command looks like.

use std::hash::{Hash as _, Hasher as _};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::any::MachineKind;
use super::expiry::{Due, Expiry};
use super::kv::Answer;
use super::look::Look;
use super::table::Table;
use super::{NotAState, Refusal, StateMachine, read_state};
use crate::bft::evidence::Conviction;
use crate::entry::Tags;
use crate::types::{Digest, LogIndex, Span, Wall};

mod command;

pub use command::{Command, MARK, NotACommand, Verb};

/// The kinds of things that have names; a name follows its kind after a `/`.
pub const KINDS: [&str; 5] = ["node", "agent", "resource", "setting", "evidence"];

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

/// What a node loses that is convicted of a lie.
pub const SLASHED: u64 = 100;

/// What the cluster is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cluster {
    state: State,
    expiry: Expiry,
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
            None => return self.query(command),
            Some(command) => match self.execute(index, log_time, command) {
                Ok(()) => Answer::Value(None),
                Err(refusal) => Answer::Refused(refusal),
            },
        };
        answer.encode()
    }

    /// The node stands in quarantine, for the offence, and loses [`SLASHED`] for the evidence. Nothing where nobody has
    /// joined under its name: it is convicted all the same.
    fn convicted(&mut self, log_time: Wall, conviction: &Conviction) {
        self.advance(log_time);
        let name = conviction.culprit.to_string();
        let Some(node) = self.state.nodes.get_mut(&name) else { return };
        node.quarantine = Some(conviction.offence.name().to_owned());
        let known = self.slash(name, conviction.name(), SLASHED);
        debug_assert!(known.is_ok(), "the node is there, and each piece of evidence is decided once");
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

    fn query(&self, question: &[u8]) -> Bytes {
        let look = Look::decode(question).filter(|look| look.machine() == MachineKind::Cluster);
        look.map_or(Answer::Malformed, |look| Answer::Value(self.look(look.name()))).encode()
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
    fn everything_with_a_name_is_asked_for_by_it_beside_the_log_and_through_it() {
        let mut machine = with_agent();
        say(&mut machine, 0, "allocate resource r1 a1 5 for 1");
        say(&mut machine, 0, "epoch 2 configure setting size big 1");
        let ask = |machine: &Cluster, name: &str| {
            let look = Look::new(MachineKind::Cluster, name).expect("a name").encode();
            Answer::decode(&machine.query(&look)).expect("an answer")
        };
        let known = [
            ("epoch", "2"),
            ("node/n1", "zone-a 5/8"),
            ("agent/a1", "n1"),
            ("resource/r1", "a1 5"),
            ("setting/size", "big v1"),
        ];
        for (name, held) in known {
            assert_eq!(ask(&machine, name), Answer::Value(Some(held.into())));
        }
        assert_eq!(ask(&machine, "node/n2"), DONE);
        let kinds = KINDS.map(|kind| machine.names().iter().any(|name| name.starts_with(kind)));
        assert_eq!(kinds, [true, true, true, true, false]);
        // Through the log it meets what expires before it, and no epoch fences it off.
        let look = Look::new(MachineKind::Cluster, "resource/r1").expect("a name").encode();
        assert_eq!(machine.apply(LogIndex(9), Wall(1_000), &look), DONE.encode());
        let changes = "kill agent a1".parse::<Command>().expect("a command").encode();
        assert_eq!(machine.query(&changes), Answer::Malformed.encode());
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
}
