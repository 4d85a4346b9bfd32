//! What surrounds an executor while its node runs?
//!
//! Three tasks: the loop, the writer, the link. The loop is the only one that
//! touches the executor. The writer takes whatever writes have gathered as one
//! batch, so one sync covers them all, and reports the last ticket. Killing a
//! node drops all three, and with them the protocol's value and the writes that
//! the store has not taken: only the store is left. Read `life` next: the loop.

use std::time::Duration;

use quorumscope_core::entry::Proposal;
use quorumscope_core::event::ChangeRefusal;
use quorumscope_core::membership::MembershipChange;
use quorumscope_core::raft::{AllOn, Config, HardState};
use quorumscope_core::storage::Format;
use quorumscope_core::types::NodeId;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::executor::{Executor, Report};
use crate::hooks::{Hooks, NoHooks};
use crate::link::{Address, Link};
use crate::propose::{Asker, Placed, ProposeError};
use crate::store::{Store, StoreError};
use crate::writer::{Written, write_batches};

mod life;

use life::Life;

/// Writes that wait for the store; beyond it the loop waits, which a store that works ends.
const WRITE_QUEUE: usize = 1_024;

/// What a node is started with.
#[derive(Clone, Debug)]
pub struct NodeSettings {
    /// Which node.
    pub node: NodeId,
    /// Of which cluster; a store of another one is refused.
    pub cluster: u64,
    /// Settings of the cluster, the same on all nodes.
    pub config: Config<AllOn>,
    /// Where to meet the others.
    pub relay: Address,
    /// For its own random choices; differs between nodes and between starts.
    pub seed: u64,
    /// Its clocks.
    pub clock: Clock,
}

/// A running node. Dropping it kills it.
#[derive(Debug)]
pub struct Node {
    control: mpsc::Sender<Control>,
    task: JoinHandle<()>,
}

/// What its owner asks of a node.
#[derive(Debug)]
enum Control {
    SetPaused(bool),
    Timeout,
    Snapshot,
    Transfer(NodeId),
    Change(MembershipChange, oneshot::Sender<Result<(), ChangeRefusal>>),
    Propose(Proposal, Asker),
    Stop,
    Report(oneshot::Sender<Report>),
}

impl Drop for Node {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Node {
    /// Starts a node from its store.
    ///
    /// # Errors
    /// The store cannot be read, or is another node's.
    pub fn start(settings: NodeSettings, store: impl Store<HardState>) -> Result<Self, StoreError> {
        Self::start_with(settings, store, NoHooks)
    }

    /// The same, with somebody who hears of what happens to it.
    ///
    /// # Errors
    /// The store cannot be read, or is another node's.
    pub fn start_with(
        settings: NodeSettings,
        mut store: impl Store<HardState>,
        hooks: impl Hooks,
    ) -> Result<Self, StoreError> {
        let image = store.open()?;
        let NodeSettings { node, cluster, config, relay, seed, clock } = settings;
        image.belongs_to(&Format { cluster, node })?;
        let executor = Executor::start(&config, node, &image, seed, clock);
        let patience = Duration::from_micros(config.election_timeout.1.0);
        let (control, controls) = mpsc::channel(16);
        let task = tokio::spawn(async move {
            let (writes, queued) = mpsc::channel(WRITE_QUEUE);
            let (report, written) = watch::channel(Written::default());
            // A node makes one snapshot at a time.
            let (made, snapshots) = mpsc::channel(1);
            let life = Life::new(executor, clock, Link::keep(relay, seed), writes, made, hooks, patience);
            tokio::select! {
                () = life.run(controls, written, snapshots) => {}
                () = write_batches(store, queued, report) => {}
            }
        });
        Ok(Self { control, task })
    }

    /// Kills the node: nothing of it runs any more once this returns.
    pub async fn kill(mut self) {
        self.task.abort();
        // Cancelled, which is what was asked for, or over already.
        let _ = (&mut self.task).await;
    }

    /// Ends the node in order: a leader hands its leadership over first, for which it takes no longer than the longest
    /// election timeout, and what was begun to be written is durable once this returns.
    pub async fn stop(mut self) {
        // Over already is what was asked for, as well.
        if self.control.send(Control::Stop).await.is_ok() {
            let _ = (&mut self.task).await;
        }
    }

    /// Proposes a command at this node and waits for its place in the log, and for its result where it is critical.
    /// Clients of the process must have other names than those that come through the relay, and open their sessions
    /// as they do. Dropping the future, or `within`, ends the waiting and not the command.
    ///
    /// # Errors
    /// It was refused, or may still happen: [`ProposeError::is_refusal`] tells the one from the other.
    pub async fn propose(&self, proposal: Proposal, within: Duration) -> Result<Placed, ProposeError> {
        let (ask, answer) = oneshot::channel();
        let asked = async {
            self.control.send(Control::Propose(proposal, ask)).await.map_err(|_| ProposeError::Stopped)?;
            answer.await.map_err(|_| ProposeError::Stopped)?
        };
        tokio::time::timeout(within, asked).await.map_err(|_| ProposeError::TimedOut)?
    }

    /// Whether it runs; it ends by itself only where an invariant or its store broke.
    #[must_use]
    pub fn is_running(&self) -> bool {
        !self.task.is_finished()
    }

    /// Stops it from reacting, or lets it go on. False where it does not run.
    pub async fn set_paused(&self, paused: bool) -> bool {
        self.control.send(Control::SetPaused(paused)).await.is_ok()
    }

    /// Fires its timer now. False where it does not run.
    pub async fn fire_timer(&self) -> bool {
        self.control.send(Control::Timeout).await.is_ok()
    }

    /// Lets it make a snapshot now. False where it does not run.
    pub async fn take_snapshot(&self) -> bool {
        self.control.send(Control::Snapshot).await.is_ok()
    }

    /// Asks it to hand its leadership over. False where it does not run.
    pub async fn transfer(&self, to: NodeId) -> bool {
        self.control.send(Control::Transfer(to)).await.is_ok()
    }

    /// Asks it for other members: whether it took the change, or why not. `None` where it does not run.
    pub async fn change_members(&self, change: MembershipChange) -> Option<Result<(), ChangeRefusal>> {
        let (ask, answer) = oneshot::channel();
        self.control.send(Control::Change(change, ask)).await.ok()?;
        answer.await.ok()
    }

    /// What it says of itself; `None` where it does not run.
    pub async fn report(&self) -> Option<Report> {
        let (ask, answer) = oneshot::channel();
        self.control.send(Control::Report(ask)).await.ok()?;
        answer.await.ok()
    }
}

#[cfg(test)]
#[path = "node_tests.rs"]
mod tests;
