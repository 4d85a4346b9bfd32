//! Which machine does a log drive, where that is known only when it runs?
//!
//! A laboratory chooses the machine by a scenario; a native node knows its own
//! type and has no need of this. Commands of different machines differ in
//! their first byte, so that bytes in a log tell by themselves what they are.

use core::fmt;

use bytes::Bytes;

use super::kv::{KeyValue, Operation};
use super::look::{self, Look};
use super::{NotAState, StateMachine, cluster, workflow};
use crate::bft::evidence::Conviction;
use crate::entry::Tags;
use crate::types::{Digest, LogIndex, Wall};

/// A machine by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MachineKind {
    /// The key-value store.
    #[default]
    Kv,
    /// Workflow cases.
    Workflow,
    /// Cluster state.
    Cluster,
}

impl MachineKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Kv, Self::Workflow, Self::Cluster];

    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Kv => "kv",
            Self::Workflow => "workflow",
            Self::Cluster => "cluster",
        }
    }
}

/// One of the machines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnyMachine {
    /// The key-value store.
    Kv(KeyValue),
    /// Workflow cases.
    Workflow(workflow::Workflow),
    /// Cluster state.
    Cluster(cluster::Cluster),
}

/// A command of one of the machines.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AnyCommand {
    /// Of the key-value store.
    Kv(Operation),
    /// Of the workflow.
    Workflow(workflow::Command),
    /// Of the cluster.
    Cluster(cluster::Command),
    /// A question to either of them.
    Look(Look),
}

impl From<Operation> for AnyCommand {
    fn from(operation: Operation) -> Self {
        Self::Kv(operation)
    }
}

impl AnyCommand {
    /// The command as bytes for a log entry.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        match self {
            Self::Kv(operation) => operation.encode(),
            Self::Workflow(command) => command.encode(),
            Self::Cluster(command) => command.encode(),
            Self::Look(look) => look.encode(),
        }
    }

    /// Reads a command of any machine back.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        match *bytes.first()? {
            workflow::MARK => workflow::Command::decode(bytes).map(Self::Workflow),
            cluster::MARK => cluster::Command::decode(bytes).map(Self::Cluster),
            look::MARK => Look::decode(bytes).map(Self::Look),
            _ => Operation::decode(bytes).map(Self::Kv),
        }
    }

    /// Reads a command's text. The key-value store's commands are written otherwise.
    ///
    /// # Errors
    /// One line that says how commands of this machine are written.
    pub fn read(kind: MachineKind, text: &str) -> Result<Self, String> {
        if let (true, Some(("get", name))) = (kind != MachineKind::Kv, text.trim().split_once(char::is_whitespace)) {
            return Look::new(kind, name.trim()).map(Self::Look).map_err(|error| error.to_string());
        }
        match kind {
            MachineKind::Kv => Err("the key-value store takes set, get and delete".into()),
            MachineKind::Workflow => {
                text.parse().map(Self::Workflow).map_err(|error: workflow::NotACommand| error.to_string())
            }
            MachineKind::Cluster => {
                text.parse().map(Self::Cluster).map_err(|error: cluster::NotACommand| error.to_string())
            }
        }
    }

    /// Whose command it is.
    #[must_use]
    pub fn kind(&self) -> MachineKind {
        match self {
            Self::Kv(_) => MachineKind::Kv,
            Self::Workflow(_) => MachineKind::Workflow,
            Self::Cluster(_) => MachineKind::Cluster,
            Self::Look(look) => look.machine(),
        }
    }

    /// What a read of this machine asks for, where somebody wants to know what stands under a name or key.
    ///
    /// # Errors
    /// One line that says which names the machine has.
    pub fn look(kind: MachineKind, name: &str) -> Result<Self, String> {
        match kind {
            MachineKind::Kv => Ok(Self::Kv(Operation::Get { key: name.into() })),
            MachineKind::Workflow | MachineKind::Cluster => {
                Look::new(kind, name).map(Self::Look).map_err(|error| error.to_string())
            }
        }
    }

    /// The name or key that it asks for, where it changes nothing: such a command may be read beside the log.
    #[must_use]
    pub fn asks_for(&self) -> Option<&str> {
        match self {
            Self::Kv(Operation::Get { key }) => Some(key),
            Self::Look(look) => Some(look.name()),
            Self::Kv(Operation::Set { .. } | Operation::SetFor { .. } | Operation::Delete { .. })
            | Self::Workflow(_)
            | Self::Cluster(_) => None,
        }
    }

    /// Short text for a log cell.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Kv(operation) => operation.label(),
            Self::Workflow(command) => command.label(),
            Self::Cluster(command) => command.label(),
            Self::Look(look) => look.label(),
        }
    }
}

impl fmt::Display for AnyCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kv(operation) => operation.fmt(f),
            Self::Workflow(command) => command.fmt(f),
            Self::Cluster(command) => command.fmt(f),
            Self::Look(look) => look.fmt(f),
        }
    }
}

impl AnyMachine {
    /// An empty machine of this kind.
    #[must_use]
    pub fn new(kind: MachineKind) -> Self {
        match kind {
            MachineKind::Kv => Self::Kv(KeyValue::default()),
            MachineKind::Workflow => Self::Workflow(workflow::Workflow::default()),
            MachineKind::Cluster => Self::Cluster(cluster::Cluster::default()),
        }
    }

    /// All that stands in it, name by name, as [`StateMachine::look`] tells each.
    #[must_use]
    pub fn rows(&self) -> Vec<(String, String)> {
        let names: Vec<String> = match self {
            Self::Kv(machine) => machine.iter().map(|(key, _)| key.to_owned()).collect(),
            Self::Workflow(machine) => machine.names(),
            Self::Cluster(machine) => machine.names(),
        };
        names.into_iter().filter_map(|name| self.look(&name).map(|value| (name, value))).collect()
    }
}

impl Default for AnyMachine {
    fn default() -> Self {
        Self::new(MachineKind::default())
    }
}

/// The same call on whichever machine it is.
macro_rules! each {
    ($self:ident, $machine:ident => $call:expr) => {
        match $self {
            Self::Kv($machine) => $call,
            Self::Workflow($machine) => $call,
            Self::Cluster($machine) => $call,
        }
    };
}

impl StateMachine for AnyMachine {
    fn apply(&mut self, index: LogIndex, log_time: Wall, command: &[u8]) -> Bytes {
        each!(self, machine => machine.apply(index, log_time, command))
    }

    fn digest(&self) -> Digest {
        each!(self, machine => machine.digest())
    }

    fn snapshot(&self) -> Bytes {
        each!(self, machine => machine.snapshot())
    }

    fn restore(&mut self, bytes: &[u8]) -> Result<(), NotAState> {
        each!(self, machine => machine.restore(bytes))
    }

    fn convicted(&mut self, log_time: Wall, conviction: &Conviction) {
        each!(self, machine => machine.convicted(log_time, conviction));
    }

    fn advance(&mut self, log_time: Wall) {
        each!(self, machine => machine.advance(log_time));
    }

    fn next_expiry(&self) -> Option<Wall> {
        each!(self, machine => machine.next_expiry())
    }

    fn query(&self, command: &[u8]) -> Bytes {
        each!(self, machine => machine.query(command))
    }

    fn look(&self, name: &str) -> Option<String> {
        each!(self, machine => machine.look(name))
    }

    fn ranges(command: &[u8]) -> Tags {
        match AnyCommand::decode(command) {
            Some(AnyCommand::Kv(_)) => KeyValue::ranges(command),
            Some(AnyCommand::Workflow(_)) => workflow::Workflow::ranges(command),
            Some(AnyCommand::Look(look)) if look.machine() == MachineKind::Workflow => {
                workflow::Workflow::ranges(command)
            }
            Some(AnyCommand::Cluster(_) | AnyCommand::Look(_)) | None => Tags::new(),
        }
    }

    fn project(&self, ranges: &[u64]) -> Self {
        match self {
            Self::Kv(machine) => Self::Kv(machine.project(ranges)),
            Self::Workflow(machine) => Self::Workflow(machine.project(ranges)),
            Self::Cluster(machine) => Self::Cluster(machine.project(ranges)),
        }
    }
}
