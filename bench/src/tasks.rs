//! The crate `openraft` 0.9 in the peer loop: tasks on one runtime of one thread.
//!
//! Store and network are in memory; a network call is a call of the other node's
//! handle. Ticks are off: nothing here depends on the wall clock. Commands of a
//! batch are sent without waiting (`client_write_ff`), then all answers are
//! awaited. What that means for fairness is said in the crate's header.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::io::Cursor;
use std::ops::{Bound, RangeBounds};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use openraft::error::{InstallSnapshotError, RPCError, RaftError, RemoteError};
use openraft::network::{RPCOption, RaftNetwork, RaftNetworkFactory};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, InstallSnapshotRequest, InstallSnapshotResponse, VoteRequest,
    VoteResponse,
};
use openraft::storage::{LogFlushed, RaftLogStorage, RaftStateMachine};
use openraft::{
    BasicNode, Config, Entry, EntryPayload, LogId, LogState, OptionalSend, Raft, RaftLogReader, RaftSnapshotBuilder,
    Snapshot, SnapshotMeta, SnapshotPolicy, StorageError, StoredMembership, Vote,
};
use tokio::runtime::Runtime;

use crate::{Cluster, Commands, Setup, Tally};

openraft::declare_raft_types!(
    Types: D = Bytes, R = (), SnapshotData = Cursor<Vec<u8>>
);

type NodeId = u64;
type Failure = StorageError<NodeId>;
type RpcFailure<E> = RPCError<NodeId, BasicNode, E>;

/// Entries after the last purged one, and what else a log store keeps.
#[derive(Default)]
struct Log {
    vote: Option<Vote<NodeId>>,
    purged: Option<LogId<NodeId>>,
    entries: VecDeque<Entry<Types>>,
}

impl Log {
    fn first(&self) -> u64 {
        self.purged.map_or(0, |id| id.index + 1)
    }

    fn position(&self, index: u64) -> usize {
        (index.saturating_sub(self.first()) as usize).min(self.entries.len())
    }
}

#[derive(Clone, Default)]
struct LogStore(Arc<Mutex<Log>>);

fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl RaftLogReader<Types> for LogStore {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry<Types>>, Failure> {
        let log = locked(&self.0);
        let start = match range.start_bound() {
            Bound::Included(index) => *index,
            Bound::Excluded(index) => index + 1,
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(index) => index + 1,
            Bound::Excluded(index) => *index,
            Bound::Unbounded => u64::MAX,
        };
        let (start, end) = (log.position(start), log.position(end));
        Ok(log.entries.range(start..end.max(start)).cloned().collect())
    }
}

impl RaftLogStorage<Types> for LogStore {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<Types>, Failure> {
        let log = locked(&self.0);
        let last_log_id = log.entries.back().map(|entry| entry.log_id).or(log.purged);
        Ok(LogState { last_purged_log_id: log.purged, last_log_id })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote<NodeId>) -> Result<(), Failure> {
        locked(&self.0).vote = Some(*vote);
        Ok(())
    }

    async fn read_vote(&mut self) -> Result<Option<Vote<NodeId>>, Failure> {
        Ok(locked(&self.0).vote)
    }

    async fn append<I>(&mut self, entries: I, callback: LogFlushed<Types>) -> Result<(), Failure>
    where
        I: IntoIterator<Item = Entry<Types>> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        locked(&self.0).entries.extend(entries);
        callback.log_io_completed(Ok(()));
        Ok(())
    }

    async fn truncate(&mut self, log_id: LogId<NodeId>) -> Result<(), Failure> {
        let mut log = locked(&self.0);
        let kept = log.position(log_id.index);
        log.entries.truncate(kept);
        Ok(())
    }

    async fn purge(&mut self, log_id: LogId<NodeId>) -> Result<(), Failure> {
        let mut log = locked(&self.0);
        let through = log.position(log_id.index + 1);
        log.entries.drain(..through);
        log.purged = Some(log_id);
        Ok(())
    }
}

/// What a node has applied, and its last snapshot.
#[derive(Default)]
struct State {
    tally: Tally,
    applied: Option<LogId<NodeId>>,
    membership: StoredMembership<NodeId, BasicNode>,
    snapshot: Option<Snapshot<Types>>,
}

#[derive(Clone, Default)]
struct Machine(Arc<Mutex<State>>);

impl RaftSnapshotBuilder<Types> for Machine {
    async fn build_snapshot(&mut self) -> Result<Snapshot<Types>, Failure> {
        let mut state = locked(&self.0);
        let meta = SnapshotMeta {
            last_log_id: state.applied,
            last_membership: state.membership.clone(),
            snapshot_id: state.tally.count().to_string(),
        };
        let snapshot = Snapshot { meta, snapshot: Box::default() };
        state.snapshot = Some(snapshot.clone());
        Ok(snapshot)
    }
}

impl RaftStateMachine<Types> for Machine {
    type SnapshotBuilder = Self;

    async fn applied_state(&mut self) -> Result<(Option<LogId<NodeId>>, StoredMembership<NodeId, BasicNode>), Failure> {
        let state = locked(&self.0);
        Ok((state.applied, state.membership.clone()))
    }

    async fn apply<I>(&mut self, entries: I) -> Result<Vec<()>, Failure>
    where
        I: IntoIterator<Item = Entry<Types>> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let mut state = locked(&self.0);
        let mut results = Vec::new();
        for entry in entries {
            state.applied = Some(entry.log_id);
            match entry.payload {
                EntryPayload::Blank => {}
                EntryPayload::Normal(command) => state.tally.apply(&command),
                EntryPayload::Membership(members) => {
                    state.membership = StoredMembership::new(Some(entry.log_id), members);
                }
            }
            results.push(());
        }
        Ok(results)
    }

    async fn get_snapshot_builder(&mut self) -> Self {
        self.clone()
    }

    async fn begin_receiving_snapshot(&mut self) -> Result<Box<Cursor<Vec<u8>>>, Failure> {
        Ok(Box::default())
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta<NodeId, BasicNode>,
        snapshot: Box<Cursor<Vec<u8>>>,
    ) -> Result<(), Failure> {
        // Nobody falls behind in this loop; a node that did would lack commands, and its tally would tell.
        let mut state = locked(&self.0);
        state.applied = meta.last_log_id;
        state.membership = meta.last_membership.clone();
        state.snapshot = Some(Snapshot { meta: meta.clone(), snapshot });
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot<Types>>, Failure> {
        Ok(locked(&self.0).snapshot.clone())
    }
}

/// All nodes, once they are started.
type Everybody = Arc<OnceLock<Vec<Raft<Types>>>>;

#[derive(Clone)]
struct Wire {
    everybody: Everybody,
    target: NodeId,
}

impl Wire {
    fn node(&self) -> &Raft<Types> {
        &self.everybody.get().expect("all nodes are started before the first message")[self.target as usize - 1]
    }

    fn failed<E: std::error::Error>(&self, error: E) -> RpcFailure<E> {
        RPCError::RemoteError(RemoteError::new(self.target, error))
    }
}

impl RaftNetworkFactory<Types> for Wire {
    type Network = Self;

    async fn new_client(&mut self, target: NodeId, _: &BasicNode) -> Self {
        Self { target, ..self.clone() }
    }
}

impl RaftNetwork<Types> for Wire {
    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<Types>,
        _: RPCOption,
    ) -> Result<AppendEntriesResponse<NodeId>, RpcFailure<RaftError<NodeId>>> {
        self.node().append_entries(rpc).await.map_err(|error| self.failed(error))
    }

    async fn install_snapshot(
        &mut self,
        rpc: InstallSnapshotRequest<Types>,
        _: RPCOption,
    ) -> Result<InstallSnapshotResponse<NodeId>, RpcFailure<RaftError<NodeId, InstallSnapshotError>>> {
        self.node().install_snapshot(rpc).await.map_err(|error| self.failed(error))
    }

    async fn vote(
        &mut self,
        rpc: VoteRequest<NodeId>,
        _: RPCOption,
    ) -> Result<VoteResponse<NodeId>, RpcFailure<RaftError<NodeId>>> {
        self.node().vote(rpc).await.map_err(|error| self.failed(error))
    }
}

struct Peers {
    runtime: Runtime,
    nodes: Vec<Raft<Types>>,
    machines: Vec<Machine>,
}

/// Longer than anything here takes; what takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn elected(setup: &Setup) -> Box<dyn Cluster> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime starts");
    let snapshot_policy = setup.compact_every.map_or(SnapshotPolicy::Never, SnapshotPolicy::LogsSinceLast);
    let config = Config {
        enable_tick: false,
        max_payload_entries: 512,
        snapshot_policy,
        replication_lag_threshold: u64::MAX,
        max_in_snapshot_log_to_keep: 0,
        ..Config::default()
    };
    let config = Arc::new(config.validate().expect("valid settings"));
    let everybody = Everybody::default();
    let machines: Vec<_> = (0..setup.nodes).map(|_| Machine::default()).collect();
    let nodes = runtime.block_on(async {
        let mut nodes = Vec::new();
        for (id, machine) in (1..).zip(&machines) {
            let wire = Wire { everybody: Arc::clone(&everybody), target: id };
            let node = Raft::new(id, Arc::clone(&config), wire, LogStore::default(), machine.clone()).await;
            nodes.push(node.expect("an empty store starts"));
        }
        let _ = everybody.set(nodes.clone());
        let voters = (1..=NodeId::from(setup.nodes)).map(|id| (id, BasicNode::default()));
        nodes[0].initialize(voters.collect::<std::collections::BTreeMap<_, _>>()).await.expect("logs are empty");
        nodes[0].wait(Some(PATIENCE)).current_leader(1, "the first node leads").await.expect("it is elected");
        nodes
    });
    Box::new(Peers { runtime, nodes, machines })
}

impl Cluster for Peers {
    fn round(&mut self, batch: usize, commands: &mut Commands) {
        let leader = &self.nodes[0];
        self.runtime.block_on(async {
            let mut answers = Vec::with_capacity(batch);
            for _ in 0..batch {
                let command = Bytes::copy_from_slice(commands.take());
                answers.push(leader.client_write_ff(command).await.expect("the leader takes commands"));
            }
            for answer in answers {
                answer.await.expect("the leader lives").expect("the command is committed");
            }
        });
    }

    fn finish(&mut self) -> Vec<Tally> {
        self.runtime.block_on(async {
            self.nodes[0].trigger().heartbeat().await.expect("the leader lives");
            let last = self.nodes[0].metrics().borrow().last_log_index;
            for node in &self.nodes {
                let applied = node.wait(Some(PATIENCE)).applied_index_at_least(last, "everything is applied").await;
                applied.expect("a node applies what is committed");
            }
        });
        self.machines.iter().map(|machine| locked(&machine.0).tally).collect()
    }
}

impl Drop for Peers {
    fn drop(&mut self) {
        // The nodes refer to each other; they end by being told.
        self.runtime.block_on(async {
            for node in &self.nodes {
                let _ = node.shutdown().await;
            }
        });
    }
}
