//! How does a program that runs a node learn what happens to it?
//!
//! By [`Hooks`]: the node's loop calls them after each step that changed
//! something, in its own task, so they must return soon and hand on what takes
//! longer. Several changes within one step are told as one. They know what the
//! node believes and decide nothing; whoever wants everything reads its records.

use quorumscope_core::record::{NodeStatus, Role};
use quorumscope_core::types::{LogIndex, NodeId, Term};

/// What a program wants to hear of its node. Each method does nothing unless it is written.
pub trait Hooks: Send + 'static {
    /// It starts on a store that names other first members than its settings do. The store's count.
    fn on_settings_differ(&mut self, _why: &str) {}

    /// Its role or its term changed.
    fn on_state(&mut self, _role: Role, _term: Term) {}

    /// It knows another leader, itself perhaps; `None` while it knows nobody.
    fn on_leader(&mut self, _leader: Option<NodeId>, _term: Term) {}

    /// It knows that entries after `from` and up to `through` are committed.
    fn on_commit(&mut self, _from: LogIndex, _through: LogIndex) {}

    /// Its state machine has applied entries after `from` and up to `through`.
    fn on_apply(&mut self, _from: LogIndex, _through: LogIndex) {}
}

/// Hears nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoHooks;

impl Hooks for NoHooks {}

/// Hooks, and what they were told last.
pub(crate) struct Told<H> {
    hooks: H,
    last: NodeStatus,
}

impl<H: Hooks> Told<H> {
    pub(crate) fn new(hooks: H) -> Self {
        Self { hooks, last: NodeStatus::default() }
    }

    /// Tells what is different now.
    pub(crate) fn look(&mut self, now: &NodeStatus) {
        let NodeStatus { role, term, leader, commit, applied, .. } = *now;
        let last = (self.last.role, self.last.term, self.last.leader, self.last.commit, self.last.applied);
        (self.last.role, self.last.term, self.last.leader) = (role, term, leader);
        (self.last.commit, self.last.applied) = (commit, applied);
        if (last.0, last.1) != (role, term) {
            self.hooks.on_state(role, term);
        }
        if last.2 != leader {
            self.hooks.on_leader(leader, term);
        }
        if last.3 < commit {
            self.hooks.on_commit(last.3, commit);
        }
        if last.4 < applied {
            self.hooks.on_apply(last.4, applied);
        }
    }
}
