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
//!
//! Read `commands` next for what it carries out, `records` for what it says.

use std::collections::{BTreeMap, BTreeSet};

use quorumscope_core::raft::{AllOn, Config, ConfigError, HardState};
use quorumscope_core::record::{Body, DropReason, Endpoint, Record};
use quorumscope_core::types::{ClientId, Mono, NodeId, RecordId, Span};
use quorumscope_core::wire::{Ability, Cluster, Frame, Hello, Question, Records, Request, Role, StoreKind};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::client::{Act, Asking, Client};
use crate::clock::{Clock, unix_now_us};
use crate::entropy::{NoEntropy, random_seed};
use crate::executor::Report;
use crate::link::{Address, Link, LinkEvent};
use crate::node::{Node, NodeSettings};
use crate::store::{MemoryStore, StoreError};

mod commands;
mod records;

use commands::Progress;

/// The client that people propose by.
const CLIENT: ClientId = ClientId(1);

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
                        let reason = DropReason::ReceiverDown;
                        self.record(None, Some(id), Body::Dropped { message: id, reason });
                    }
                }
                Act::Tell { number, verdict, result } => {
                    self.record(None, cause, Body::Told { client: CLIENT, number, verdict, result });
                }
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
}
