//! What does a client ask for by itself?
//!
//! One command after the other, drawn for the machine of the run, so that most
//! of them can be carried out and each kind of refusal is met: names are few,
//! versions are those that the client was told of, epochs rise, and what a
//! controller of an older epoch asks for is asked as well.

use quorumscope_core::entry::Class;
use quorumscope_core::machine::Refusal;
use quorumscope_core::machine::any::{AnyCommand, MachineKind};
use quorumscope_core::machine::cluster::{self, Verb};
use quorumscope_core::machine::kv::{Answer, Operation};
use quorumscope_core::machine::workflow::{self, Change};
use quorumscope_core::types::Span;

use super::client::Client;
use super::setup::Workload;

/// How long an allocation of the workload lives.
const ALLOCATED: (Span, Span) = (Span(200_000), Span(2_000_000));

impl Client {
    /// Draws the next command of the workload.
    pub(crate) fn draw_command(&mut self, kind: MachineKind, workload: &Workload) -> AnyCommand {
        match kind {
            MachineKind::Kv => self.draw_operation(workload).into(),
            MachineKind::Workflow => AnyCommand::Workflow(self.draw_change(workload)),
            MachineKind::Cluster => AnyCommand::Cluster(self.draw_order()),
        }
    }

    /// Draws the class of a write.
    pub(crate) fn draw_class(&mut self) -> Class {
        if self.rng.below(2) == 0 { Class::Critical } else { Class::Relaxed }
    }

    /// About half of them sets, a tenth deletes, the rest gets; some values expire where that is asked for. Values
    /// are never used twice, so that every read names the write that it saw.
    fn draw_operation(&mut self, workload: &Workload) -> Operation {
        let key = self.draw_key(workload);
        match self.rng.below(10) {
            0 => Operation::Delete { key },
            drawn @ 1..=5 => {
                let value = format!("{}-{}", self.setup.id, self.last.0 + 1);
                match workload.ttl.filter(|_| drawn <= 3) {
                    Some(between) => Operation::SetFor { key, value, ttl: self.rng.span(between) },
                    None => Operation::Set { key, value },
                }
            }
            _ => Operation::Get { key },
        }
    }

    /// A change of a case; the cases are called as keys are, so that a node may hold some of them.
    fn draw_change(&mut self, workload: &Workload) -> workflow::Command {
        let case = self.draw_key(workload);
        let version = self.versions.get(&case).copied().unwrap_or(0) + 1;
        let word = format!("w{}", self.rng.below(3));
        let change = match self.rng.below(6) {
            _ if version == 1 => Change::Create(word),
            0 => Change::Create(word),
            1 | 2 => Change::Update(word),
            3 => Change::Policy(word),
            4 => Change::Overlay(word),
            _ => Change::Custom("f".into(), word),
        };
        workflow::Command { case, version, change }
    }

    /// An order of a controller. Its epoch rises now and then, and so the others are fenced off for a while.
    fn draw_order(&mut self) -> cluster::Command {
        let verb = Verb::ALL[usize::try_from(self.rng.below(Verb::ALL.len() as u64)).unwrap_or(0)];
        let mut named = |letter: char, many: u64| format!("{letter}{}", self.rng.below(many));
        let (node, agent, resource) = (named('n', 3), named('a', 4), named('r', 5));
        let (name, word, number) = match verb {
            Verb::Join => (node, "z".into(), 8),
            Verb::Leave | Verb::Release => (node, String::new(), 0),
            Verb::Spawn => (agent, node, 0),
            Verb::Kill => (agent, String::new(), 0),
            Verb::Allocate => (resource, agent, 1 + self.rng.below(4)),
            Verb::Free => (resource, String::new(), 0),
            Verb::Configure => ("s".into(), named('v', 2), self.versions.get("s").copied().unwrap_or(0) + 1),
            Verb::Quarantine => (node, "q".into(), 0),
            Verb::Slash => (node, named('e', 9), 1),
        };
        let ttl = if verb == Verb::Allocate { self.rng.span(ALLOCATED) } else { Span(0) };
        cluster::Command { epoch: self.last.0 / 16, verb, name, word, number, ttl }
    }

    fn draw_key(&mut self, workload: &Workload) -> String {
        format!("k{}", self.rng.below(u64::from(workload.keys.max(1))) + 1)
    }

    /// Remembers which version stands under a name, as an answer tells.
    pub(crate) fn learn(&mut self, command: &AnyCommand, answer: &Answer) {
        let (name, made) = match command {
            AnyCommand::Kv(_) | AnyCommand::Look(_) => return,
            AnyCommand::Workflow(command) => (&command.case, command.version),
            AnyCommand::Cluster(command) if command.verb == Verb::Configure => (&command.name, command.number),
            AnyCommand::Cluster(_) => return,
        };
        let version = match answer {
            Answer::Value(_) => made,
            Answer::Refused(Refusal::Version(version)) => *version,
            // Somebody else made the case: its version is tried from there on.
            Answer::Refused(Refusal::Taken) => self.versions.get(name).copied().unwrap_or(1),
            Answer::Refused(
                Refusal::Unknown | Refusal::Epoch(_) | Refusal::InUse | Refusal::Quarantined | Refusal::Full(_),
            )
            | Answer::Malformed => return,
        };
        self.versions.insert(name.clone(), version);
    }
}

#[cfg(test)]
mod tests {
    use quorumscope_core::machine::StateMachine as _;
    use quorumscope_core::machine::any::AnyMachine;
    use quorumscope_core::types::{ClientId, LogIndex, NodeId, RequestNumber, Wall};

    use super::*;
    use crate::sim::ClientSetup;

    /// Most commands are carried out, each kind of command that is drawn is, and refusals are met too.
    #[test]
    fn workloads_of_all_machines_are_mostly_carried_out_and_sometimes_refused() {
        for kind in MachineKind::ALL {
            let mut client = Client::new(ClientSetup::by_hand(ClientId(1)), 7, NodeId(1));
            let mut machine = AnyMachine::new(kind);
            let workload = Workload { ttl: Some((Span(1), Span(9))), ..Workload::of(0, 3, (Span(0), Span(0))) };
            let (mut done, mut refused) = (0, 0);
            for index in 1..=400 {
                client.last = RequestNumber(index);
                let command = client.draw_command(kind, &workload);
                assert_eq!(AnyCommand::decode(&command.encode()).as_ref(), Some(&command));
                let answer = machine.apply(LogIndex(index), Wall(index * 100_000), &command.encode());
                let answer = Answer::decode(&answer).expect("an answer");
                client.learn(&command, &answer);
                match answer {
                    Answer::Value(_) => done += 1,
                    Answer::Refused(_) => refused += 1,
                    Answer::Malformed => panic!("{command} cannot be read"),
                }
            }
            assert!(done > 130, "{}: {done} done", kind.name());
            assert_eq!(refused > 0, kind != MachineKind::Kv, "{}: {refused} refused", kind.name());
        }
    }
}
