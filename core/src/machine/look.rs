//! How are cases and the cluster asked for what stands in them?
//!
//! Each of their commands changes something; this question changes nothing, so
//! it may go beside the log as a read, or through it like a command. It names
//! one thing, as [`StateMachine::look`](super::StateMachine::look) knows it, and
//! the answer is its text. The key-value store has `get` for that, and no need
//! of this. Read `kv` next, or `cluster`, whose names have kinds.

use core::fmt;

use bytes::Bytes;

use super::any::MachineKind;
use super::{cluster, is_word, workflow};

/// The first byte of every question: tells it from all commands.
pub const MARK: u8 = 0x4C;

/// What stands under a name?
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Look {
    machine: MachineKind,
    name: String,
}

/// A name under which the machine never has anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAName {
    /// The store is asked otherwise.
    #[error("the key-value store takes get = \"x\"")]
    Store,
    /// No case can have it.
    #[error("write \"c1\" for a case, \"c1/owner\", \"c1/policies\" or \"c1/overlays\" for what stands in it")]
    Case,
    /// Nothing of a cluster can have it.
    #[error("write \"epoch\", \"node/n1\", \"agent/a1\", \"resource/r1\", \"setting/size\" or \"evidence/e1\"")]
    Cluster,
}

impl Look {
    /// A question to this machine.
    ///
    /// # Errors
    /// A name that nothing in this machine can have: its answer would be *nothing* for ever, and say nothing.
    pub fn new(machine: MachineKind, name: &str) -> Result<Self, NotAName> {
        let (kind, own) = name.split_once('/').unwrap_or((name, ""));
        let wrong = match machine {
            MachineKind::Kv => Some(NotAName::Store),
            MachineKind::Workflow => {
                let sound = is_word(name) && !kind.is_empty() && !name.ends_with('/');
                (!sound).then_some(NotAName::Case)
            }
            MachineKind::Cluster => {
                let sound = name == "epoch" || (is_word(own) && cluster::KINDS.contains(&kind));
                (!sound).then_some(NotAName::Cluster)
            }
        };
        wrong.map_or_else(|| Ok(Self { machine, name: name.into() }), Err)
    }

    /// Which machine is asked.
    #[must_use]
    pub fn machine(&self) -> MachineKind {
        self.machine
    }

    /// What it asks for.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The question as bytes, for a log entry or for a read.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let machine = match self.machine {
            MachineKind::Kv => 0,
            MachineKind::Workflow => workflow::MARK,
            MachineKind::Cluster => cluster::MARK,
        };
        [&[MARK, machine], self.name.as_bytes()].concat().into()
    }

    /// Reads a question back.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (machine, name) = bytes.strip_prefix(&[MARK])?.split_first()?;
        let machine = match *machine {
            cluster::MARK => MachineKind::Cluster,
            workflow::MARK => MachineKind::Workflow,
            _ => return None,
        };
        Self::new(machine, core::str::from_utf8(name).ok()?).ok()
    }

    /// Short text for a log cell.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{}?", self.name)
    }
}

impl fmt::Display for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "get {}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_something_could_have_are_asked_for() {
        let workflow = |name| Look::new(MachineKind::Workflow, name).err();
        assert_eq!(["c1", "c1/owner", "node/n1"].map(workflow), [None; 3]);
        assert_eq!(["", "c 1", "/owner", "c1/"].map(workflow), [Some(NotAName::Case); 4]);
        let cluster = |name| Look::new(MachineKind::Cluster, name).err();
        assert_eq!(["epoch", "node/n1", "agent/a1", "resource/r1", "setting/s", "evidence/e"].map(cluster), [None; 6]);
        assert_eq!(["", "n1", "epoch/1", "node/", "node/ n1", "case/c1"].map(cluster), [Some(NotAName::Cluster); 6]);
        assert_eq!(Look::new(MachineKind::Kv, "x"), Err(NotAName::Store));
    }

    #[test]
    fn bytes_of_another_machine_or_of_none_are_no_question() {
        let look = Look::new(MachineKind::Cluster, "node/n1").expect("a name");
        let mut bytes = look.encode().to_vec();
        assert_eq!(Look::decode(&bytes), Some(look));
        bytes[1] = 0;
        assert_eq!(Look::decode(&bytes), None);
        assert_eq!(Look::decode(&[MARK, cluster::MARK, b'n', 0xff]), None);
        assert_eq!(Look::decode(&[MARK]), None);
    }
}
