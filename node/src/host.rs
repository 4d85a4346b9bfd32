//! Who owns the nodes of a process, and carries out what people ask for?
//!
//! The host: it starts the nodes, each on a store that outlives it, joins the
//! room itself, and turns a controller's command into what it means on a real
//! machine. A crash kills the node's task and drops all that was not in its
//! store; a restart starts it anew from there. Cuts are the relay's to apply.
//! The host also speaks for a client, by whose session people propose.
//!
//! It records what no node can: crashes, cuts, and what the client asks and is
//! told, as `NodeId(0)`, the world.

use std::collections::{BTreeMap, BTreeSet};

use quorumscope_core::event::ChangeRefusal;
use quorumscope_core::machine::kv::Operation;
use quorumscope_core::membership::MembershipChange;
use quorumscope_core::protocol::ReadHow;
use quorumscope_core::raft::{AllOn, Config, ConfigError, HardState};
use quorumscope_core::record::{Body, Command, Endpoint, NodeState, NodeStatus, Record};
use quorumscope_core::types::{ClientId, Mono, NodeId, RecordId, Span};
use quorumscope_core::wire::{
    Ability, Batch, Cluster, Code, Frame, Hello, Problem, Question, Records, Request, Role, StoreKind,
};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::client::{Act, Asking, Client};
use crate::clock::{Clock, unix_now_us};
use crate::entropy::{NoEntropy, random_seed};
use crate::executor::Report;
use crate::link::{Address, Link, LinkEvent};
use crate::node::{Node, NodeSettings};
use crate::store::{MemoryStore, StoreError};

/// The client that people propose by.
const CLIENT: ClientId = ClientId(1);

/// Records that wait for a connection; beyond it they are dropped and said to be missing.
const MAX_UNPUBLISHED: usize = 4_096;

/// How long the host waits to hear that a killed node's connection is over.
const GONE_WITHIN: Span = Span::from_secs(2);

/// What a host is started with.
#[derive(Clone, Debug)]
pub struct HostSettings {
    /// What people call the cluster.
    pub name: String,
    /// Settings of the cluster; its voters are the nodes that are started.
    pub config: Config<AllOn>,
    /// `ws://host:port/peer`.
    pub url: String,
    /// The room's name.
    pub room: String,
    /// The room's secret for nodes.
    pub node_token: String,
    /// The room's secret for the host.
    pub host_token: String,
}

/// Why a host cannot start.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The settings make no sense.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There are no random bytes.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
}

/// A running host with its nodes. Dropping it kills them all.
#[derive(Debug)]
pub struct Host {
    questions: mpsc::Sender<(NodeId, oneshot::Sender<Option<Report>>)>,
    task: JoinHandle<()>,
}

impl Drop for Host {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Host {
    /// Starts the nodes and joins the room.
    ///
    /// # Errors
    /// The settings make no sense, or there is no randomness.
    pub fn start(settings: HostSettings) -> Result<Self, HostError> {
        settings.config.validate()?;
        let mut owner = Owner::new(settings)?;
        for node in owner.cluster.nodes.clone() {
            owner.start(node)?;
        }
        let (questions, asked) = mpsc::channel(16);
        Ok(Self { questions, task: tokio::spawn(owner.run(asked)) })
    }

    /// What a node says of itself; `None` where it does not run.
    pub async fn report(&self, node: NodeId) -> Option<Report> {
        let (ask, answer) = oneshot::channel();
        self.questions.send((node, ask)).await.ok()?;
        answer.await.ok().flatten()
    }

    /// Ends host and nodes.
    pub async fn stop(mut self) {
        self.task.abort();
        // Cancelled, which is what was asked for.
        let _ = (&mut self.task).await;
    }
}

/// One node of the host's own.
struct Owned {
    store: MemoryStore<HardState>,
    state: Existence,
}

enum Existence {
    Down,
    /// Killed; its connection's end is awaited, so that nothing of it is recorded after its crash.
    Ending {
        order: u64,
        until: Mono,
    },
    Running {
        node: Node,
        paused: bool,
    },
}

struct Owner {
    settings: HostSettings,
    cluster: Cluster,
    clock: Clock,
    link: Link,
    up: bool,
    lost: bool,
    nodes: BTreeMap<NodeId, Owned>,
    client: Client,
    cut: BTreeSet<(Endpoint, Endpoint)>,
    sequence: u64,
    unpublished: Vec<Record>,
}

impl Owner {
    fn new(settings: HostSettings) -> Result<Self, HostError> {
        let epoch_unix_us = unix_now_us();
        let id = random_seed()?;
        let nodes = settings.config.voters.clone();
        let hello = Hello {
            role: Role::Host,
            room: settings.room.clone(),
            token: settings.host_token.clone(),
            cluster: Some(id),
        };
        let own = |node: &NodeId| (*node, Owned { store: MemoryStore::formatted(id, *node), state: Existence::Down });
        Ok(Self {
            clock: Clock::since_epoch(epoch_unix_us),
            link: Link::keep(Address { url: settings.url.clone(), hello }, random_seed()?),
            up: false,
            lost: false,
            nodes: nodes.iter().map(own).collect(),
            client: Client::new(CLIENT, nodes.clone()),
            cut: BTreeSet::new(),
            sequence: 0,
            unpublished: Vec::new(),
            cluster: Cluster {
                id,
                name: settings.name.clone(),
                protocol: "raft".into(),
                nodes,
                clients: vec![CLIENT],
                epoch_unix_us,
                abilities: vec![
                    Ability::Propose,
                    Ability::Crash,
                    Ability::Pause,
                    Ability::Timeout,
                    Ability::Links,
                    Ability::Snapshot,
                    Ability::Transfer,
                    Ability::Members,
                    Ability::Read,
                ],
                store: StoreKind::Memory,
            },
            settings,
        })
    }

    async fn run(mut self, mut asked: mpsc::Receiver<(NodeId, oneshot::Sender<Option<Report>>)>) {
        loop {
            let wake = self.next_deadline().map(|deadline| self.clock.until(deadline));
            tokio::select! {
                event = self.link.events.recv() => match event {
                    Some(event) => self.on_link(event).await,
                    None => return,
                },
                Some((node, answer)) = asked.recv() => {
                    let report = match self.nodes.get(&node).map(|owned| &owned.state) {
                        Some(Existence::Running { node, .. }) => node.report().await,
                        Some(Existence::Down | Existence::Ending { .. }) | None => None,
                    };
                    // Whoever asked may have gone.
                    let _ = answer.send(report);
                },
                () = async { tokio::time::sleep(wake.unwrap_or_default()).await }, if wake.is_some() => self.on_wake(),
            }
            self.publish();
        }
    }

    fn next_deadline(&self) -> Option<Mono> {
        let ending = self.nodes.values().filter_map(|owned| match owned.state {
            Existence::Ending { until, .. } => Some(until),
            Existence::Down | Existence::Running { .. } => None,
        });
        ending.chain(self.client.next_deadline()).min()
    }

    fn on_wake(&mut self) {
        let now = self.clock.now().mono;
        let late = |owned: &Owned| matches!(owned.state, Existence::Ending { until, .. } if until <= now);
        let gone: Vec<NodeId> = self.nodes.iter().filter(|(_, owned)| late(owned)).map(|(node, _)| *node).collect();
        for node in gone {
            self.on_gone(node);
        }
        let acts = self.client.on_wake(now);
        self.act(None, acts);
    }

    async fn on_link(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Up => {
                self.up = true;
                self.send(&Frame::Cluster(self.cluster.clone()));
                self.send(&Frame::Links { cut: self.cut.iter().copied().collect() });
                if std::mem::take(&mut self.lost) {
                    self.record(None, None, Body::Gap { missing: None });
                    self.record_state();
                }
            }
            LinkEvent::Down => {
                self.lost |= self.up;
                self.up = false;
            }
            LinkEvent::Frame(frame) => self.on_frame(frame).await,
        }
    }

    async fn on_frame(&mut self, frame: Frame) {
        match frame {
            Frame::Command { number, command } => match self.carry_out(number, command).await {
                Ok(Progress::Done) => self.done(number, None),
                Ok(Progress::Later) => {}
                Err(problem) => self.done(number, Some(problem)),
            },
            Frame::Answer(answer) => {
                let first = self.record(None, Some(answer.id), Body::Delivered { message: answer.id });
                let acts = self.client.on_answer(self.clock.now().mono, answer.number, answer.outcome);
                self.act(Some(first), acts);
            }
            Frame::Returned { message, reason } => {
                self.record(None, Some(message), Body::Dropped { message, reason });
            }
            Frame::Resync { round } => {
                self.publish();
                self.record_state();
                let records = std::mem::take(&mut self.unpublished);
                let at = self.clock.global(self.clock.now().mono);
                self.send(&Frame::Records(Records { round: Some(round), at, records }));
            }
            Frame::Left(node) => self.on_gone(node),
            Frame::Hello(_)
            | Frame::Welcome(_)
            | Frame::Cluster(_)
            | Frame::Peer(_)
            | Frame::Request(_)
            | Frame::Read(_)
            | Frame::Records(_)
            | Frame::Done { .. }
            | Frame::Links { .. }
            | Frame::Joined(_)
            | Frame::Problem(_) => {}
        }
    }

    async fn carry_out(&mut self, order: u64, command: Command) -> Result<Progress, Problem> {
        match command {
            Command::Propose { to, operation } => self.propose(to, &operation)?,
            Command::Crash(node) => return self.crash(node, order).await,
            Command::Restart(node) => self.restart(node)?,
            Command::Pause(node) => self.set_paused(node, true).await?,
            Command::Resume(node) => self.set_paused(node, false).await?,
            Command::Timeout(node) => self.fire_timer(node).await?,
            Command::Snapshot(node) => self.take_snapshot(node).await?,
            Command::Transfer { from, to } => self.transfer(from, to).await?,
            Command::Reconfigure { node, change } => self.change_members(node, change).await?,
            Command::Read { to, how, query } => self.read(to, how, &query)?,
            Command::Cut { from, to } => {
                self.known(from)?;
                self.known(to)?;
                self.cut.insert((from, to));
                self.record_cuts();
            }
            Command::Mend { from, to } => {
                self.cut.remove(&(from, to));
                self.record_cuts();
            }
            Command::Partition(groups) => self.partition(&groups)?,
            Command::Heal => {
                self.cut.clear();
                self.record_cuts();
            }
            Command::Hold(_)
            | Command::Drop(_)
            | Command::Deliver(_)
            | Command::Duplicate(_)
            | Command::Skew { .. }
            | Command::Drift { .. }
            | Command::Disk { .. }
            | Command::Loss { .. }
            | Command::Duplication { .. }
            | Command::Latency { .. }
            | Command::LoseDisk(_)
            | Command::ProposeAs { .. }
            | Command::Subscribe { .. } => {
                return Err(Code::NotSupported.with("native nodes cannot do this; a simulation can"));
            }
        }
        Ok(Progress::Done)
    }

    fn propose(&mut self, to: Option<NodeId>, operation: &[u8]) -> Result<(), Problem> {
        let Some(operation) = Operation::decode(operation) else {
            return Err(Code::Malformed.with("the operation cannot be read: encode it as a set, get or delete"));
        };
        if let Some(node) = to {
            self.known(Endpoint::Node(node))?;
        }
        if !self.client.has_room() {
            return Err(Code::Busy.with("too many operations wait for their answers; wait for one"));
        }
        let acts = self.client.wish(self.clock.now().mono, to, operation);
        self.act(None, acts);
        Ok(())
    }

    fn read(&mut self, to: Option<NodeId>, how: ReadHow, query: &[u8]) -> Result<(), Problem> {
        let Some(Operation::Get { key }) = Operation::decode(query) else {
            return Err(Code::Malformed.with("the question cannot be read: encode it as a get"));
        };
        if let Some(node) = to {
            self.known(Endpoint::Node(node))?;
        }
        if !self.client.has_room() {
            return Err(Code::Busy.with("too many operations wait for their answers; wait for one"));
        }
        let act = self.client.read(self.clock.now().mono, to, &key, how);
        self.act(None, vec![act]);
        Ok(())
    }

    async fn change_members(&mut self, id: NodeId, change: MembershipChange) -> Result<(), Problem> {
        for node in [&change.add, &change.promote, &change.remove, &change.observe].into_iter().flatten() {
            self.known(Endpoint::Node(*node))?;
        }
        let asked = match &owned(&mut self.nodes, id)?.state {
            Existence::Running { node, paused: false } => node.change_members(change).await,
            Existence::Running { .. } | Existence::Down | Existence::Ending { .. } => None,
        };
        match asked {
            Some(Ok(())) => Ok(()),
            Some(Err(refusal)) => Err(Code::WrongState.with(format!("{id} changes nothing: {}", why(refusal)))),
            None => {
                Err(Code::WrongState.with(format!("only a running node can change members, and {id} does not run")))
            }
        }
    }

    /// Does what the client wants done.
    fn act(&mut self, cause: Option<RecordId>, acts: Vec<Act>) {
        for act in acts {
            match act {
                Act::Ask { to, text, attempt, request } => {
                    let (client, number) = match &request {
                        Asking::Propose(proposal) => (proposal.client, proposal.number),
                        Asking::Read(read) => (read.client, read.number),
                    };
                    let body = Body::Asked { client, number, to, operation: text, attempt };
                    let id = self.record(None, cause, body);
                    self.record(None, Some(id), Body::Departed { message: id, arrives: None, duplicate: false });
                    // The record goes first: a node's answer must not be in the stream before the question.
                    self.publish();
                    let frame = match request {
                        Asking::Propose(proposal) => Frame::Request(Request { to, id, proposal }),
                        Asking::Read(request) => Frame::Read(Question { to, id, request }),
                    };
                    if !self.send(&frame) {
                        let reason = quorumscope_core::record::DropReason::ReceiverDown;
                        self.record(None, Some(id), Body::Dropped { message: id, reason });
                    }
                }
                Act::Tell { number, verdict, result } => {
                    self.record(None, cause, Body::Told { client: CLIENT, number, verdict, result });
                }
            }
        }
    }

    async fn crash(&mut self, id: NodeId, order: u64) -> Result<Progress, Problem> {
        let until = self.clock.now().mono + GONE_WITHIN;
        let owned = owned(&mut self.nodes, id)?;
        match std::mem::replace(&mut owned.state, Existence::Down) {
            Existence::Running { node, .. } => {
                owned.state = Existence::Ending { order, until };
                node.kill().await;
                Ok(Progress::Later)
            }
            state @ (Existence::Down | Existence::Ending { .. }) => {
                owned.state = state;
                Err(Code::WrongState.with(format!("{id} is down already")))
            }
        }
    }

    /// A node's connection is over. Where it was killed, all that it published stands in the stream by now.
    fn on_gone(&mut self, node: NodeId) {
        let Some(owned) = self.nodes.get_mut(&node) else { return };
        if let Existence::Ending { order, .. } = owned.state {
            owned.state = Existence::Down;
            let survived = owned.store.last_ticket();
            let crashed = self.record(Some(node), None, Body::Crashed { survived });
            self.record_down(node, Some(crashed));
            self.done(order, None);
        }
    }

    fn restart(&mut self, node: NodeId) -> Result<(), Problem> {
        match owned(&mut self.nodes, node)?.state {
            Existence::Down => {
                self.start(node).map_err(|error| Code::WrongState.with(format!("{node} cannot start: {error}")))
            }
            Existence::Ending { .. } => Err(Code::WrongState.with(format!("{node} is still going down"))),
            Existence::Running { .. } => Err(Code::WrongState.with(format!("{node} runs already"))),
        }
    }

    fn start(&mut self, node: NodeId) -> Result<(), HostError> {
        let hello = Hello {
            role: Role::Node(node),
            room: self.settings.room.clone(),
            token: self.settings.node_token.clone(),
            cluster: Some(self.cluster.id),
        };
        let settings = NodeSettings {
            node,
            cluster: self.cluster.id,
            config: self.settings.config.clone(),
            relay: Address { url: self.settings.url.clone(), hello },
            seed: random_seed()?,
            clock: self.clock,
        };
        if let Some(owned) = self.nodes.get_mut(&node) {
            let started = Node::start(settings, owned.store.clone())?;
            owned.state = Existence::Running { node: started, paused: false };
        }
        Ok(())
    }

    async fn set_paused(&mut self, id: NodeId, pause: bool) -> Result<(), Problem> {
        match &mut owned(&mut self.nodes, id)?.state {
            Existence::Running { node, paused } if *paused != pause && node.set_paused(pause).await => {
                *paused = pause;
                Ok(())
            }
            Existence::Running { .. } if pause => Err(Code::WrongState.with(format!("{id} is paused already"))),
            Existence::Running { .. } => Err(Code::WrongState.with(format!("{id} is not paused"))),
            Existence::Down | Existence::Ending { .. } => Err(Code::WrongState.with(format!("{id} is down"))),
        }
    }

    async fn fire_timer(&mut self, id: NodeId) -> Result<(), Problem> {
        match &owned(&mut self.nodes, id)?.state {
            Existence::Running { node, paused: false } if node.fire_timer().await => Ok(()),
            Existence::Running { .. } | Existence::Down | Existence::Ending { .. } => {
                Err(Code::WrongState.with(format!("only a running node's timer can fire, and {id} does not run")))
            }
        }
    }

    async fn take_snapshot(&mut self, id: NodeId) -> Result<(), Problem> {
        match &owned(&mut self.nodes, id)?.state {
            Existence::Running { node, paused: false } if node.take_snapshot().await => Ok(()),
            Existence::Running { .. } | Existence::Down | Existence::Ending { .. } => {
                Err(Code::WrongState.with(format!("only a running node can make a snapshot, and {id} does not run")))
            }
        }
    }

    async fn transfer(&mut self, from: NodeId, to: NodeId) -> Result<(), Problem> {
        self.known(Endpoint::Node(to))?;
        match &owned(&mut self.nodes, from)?.state {
            Existence::Running { node, paused: false } if node.transfer(to).await => Ok(()),
            Existence::Running { .. } | Existence::Down | Existence::Ending { .. } => {
                Err(Code::WrongState.with(format!("only a running node can hand over, and {from} does not run")))
            }
        }
    }

    fn known(&self, end: Endpoint) -> Result<(), Problem> {
        let known = match end {
            Endpoint::Node(node) => self.nodes.contains_key(&node),
            Endpoint::Client(client) => client == CLIENT,
        };
        if known { Ok(()) } else { Err(Code::UnknownNode.with(format!("there is no {end} in this cluster"))) }
    }

    /// Only nodes of one group hear each other; those that are not named form a group of their own.
    fn partition(&mut self, groups: &[Vec<NodeId>]) -> Result<(), Problem> {
        for node in groups.iter().flatten() {
            self.known(Endpoint::Node(*node))?;
        }
        let group = |node: &NodeId| groups.iter().position(|group| group.contains(node));
        let nodes = &self.cluster.nodes;
        let pairs = nodes.iter().flat_map(|a| nodes.iter().map(move |b| (a, b)));
        self.cut = pairs
            .filter(|(a, b)| group(a) != group(b))
            .map(|(a, b)| (Endpoint::Node(*a), Endpoint::Node(*b)))
            .collect();
        self.record_cuts();
        Ok(())
    }

    fn record_cuts(&mut self) {
        let cut: Vec<_> = self.cut.iter().copied().collect();
        self.record(None, None, Body::LinksCut { cut: cut.clone() });
        self.publish();
        self.send(&Frame::Links { cut });
    }

    /// What the host knows and no node says.
    fn record_state(&mut self) {
        self.record(None, None, Body::LinksCut { cut: self.cut.iter().copied().collect() });
        for node in self.cluster.nodes.clone() {
            if let Some(Existence::Down) = self.nodes.get(&node).map(|owned| &owned.state) {
                self.record_down(node, None);
            }
        }
    }

    /// What is left of a node that is down.
    fn record_down(&mut self, node: NodeId, cause: Option<RecordId>) {
        let Some(image) = self.nodes.get(&node).map(|owned| owned.store.image()) else { return };
        let state = NodeState {
            incarnation: image.incarnation,
            up: false,
            status: NodeStatus::default(),
            hard: image.hard.into(),
            log: image.log,
            base: image.base,
            snapshot: image.snapshot.map(|snapshot| snapshot.meta.clone()),
        };
        self.record(Some(node), cause, Body::NodeState(Box::new(state)));
    }

    fn record(&mut self, node: Option<NodeId>, cause: Option<RecordId>, body: Body) -> RecordId {
        self.sequence += 1;
        let id = RecordId { origin: NodeId(0), sequence: self.sequence };
        let mono = self.clock.now().mono;
        self.unpublished.push(Record { id, cause, at: self.clock.global(mono), node, mono, body });
        id
    }

    /// Publishes what has been recorded, or keeps it while there is no connection.
    fn publish(&mut self) {
        if !self.up {
            if self.unpublished.len() > MAX_UNPUBLISHED {
                self.unpublished.clear();
                self.lost = true;
            }
            return;
        }
        let at = self.clock.global(self.clock.now().mono);
        let mut batch = Batch::default();
        for record in std::mem::take(&mut self.unpublished) {
            let encoded = Batch::encode(&record);
            if !batch.push(&encoded) {
                self.push(std::mem::take(&mut batch).finish(at));
                batch.push(&encoded);
            }
        }
        if !batch.is_empty() {
            self.push(batch.finish(at));
        }
    }

    fn done(&mut self, number: u64, problem: Option<Problem>) {
        self.publish();
        self.send(&Frame::Done { number, problem });
    }

    fn send(&mut self, frame: &Frame) -> bool {
        self.up && self.push(frame.encode())
    }

    fn push(&mut self, frame: bytes::Bytes) -> bool {
        let sent = self.link.out.try_send(frame).is_ok();
        self.lost |= !sent;
        sent
    }
}

/// Whether a command is carried out already.
enum Progress {
    Done,
    Later,
}

/// Why a change of members is refused, for people.
fn why(refusal: ChangeRefusal) -> String {
    match refusal {
        ChangeRefusal::NotLeader { leader: Some(leader) } => format!("it does not lead; ask {leader}"),
        ChangeRefusal::NotLeader { leader: None } => "it does not lead, and knows no leader".into(),
        ChangeRefusal::Pending { index } => format!("the change at index {index} is not over; wait for it"),
        ChangeRefusal::NothingCommittedInTerm => "it has committed nothing in its term yet; try again".into(),
        ChangeRefusal::NotCaughtUp(node) => format!("{node} has not caught up; wait until it has"),
        ChangeRefusal::Nonsense(reason) => reason.to_string(),
    }
}

fn owned(nodes: &mut BTreeMap<NodeId, Owned>, node: NodeId) -> Result<&mut Owned, Problem> {
    nodes.get_mut(&node).ok_or_else(|| Code::UnknownNode.with(format!("there is no {node} in this cluster")))
}
