//! What happens between the members of one room?
//!
//! Envelopes go from node to node, requests and answers between host and nodes,
//! commands from controllers to the host, records into the stream. Whatever
//! cannot be carried is returned to its sender, who records the loss: so the
//! picture never keeps a message in flight that is gone.
//!
//! The state is behind one lock that is held for short, synchronous steps only.
//! Connections are `connection`'s, the stream is `stream`'s.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use quorumscope_core::record::{Began, Body, DropReason, Endpoint, Record};
use quorumscope_core::types::{Mono, NodeId, RecordId, Time};
use quorumscope_core::wire::{
    Answer, Batch, Cluster, Code, Envelope, Frame, Hello, Problem, Question, RELAY, Records, Request, Role,
};
use subtle::ConstantTimeEq as _;
use tokio::sync::{mpsc, watch};

use crate::limits::{MAX_IN_FLIGHT, MAX_OBSERVERS, MAX_ORDERS};
use crate::stream::{Cursor, Next, Stream};

/// What a room is called and who may join it.
#[derive(Clone, Debug)]
pub struct RoomSettings {
    /// Stands in the page's URL.
    pub name: String,
    /// The secrets of its roles.
    pub tokens: Tokens,
}

/// The secret of each role. Long and random: nothing else keeps strangers out.
#[derive(Clone)]
pub struct Tokens {
    /// For nodes.
    pub node: String,
    /// For those who only look.
    pub observer: String,
    /// For those who may command.
    pub controller: String,
    /// For the one that owns the cluster.
    pub host: String,
}

/// Says nothing: secrets do not belong in logs.
impl core::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Tokens(…)")
    }
}

impl Tokens {
    /// Whether `token` is the secret of `role`, in a time that does not depend on where they differ.
    fn admit(&self, role: Role, token: &str) -> bool {
        let secret = match role {
            Role::Node(_) => &self.node,
            Role::Observer => &self.observer,
            Role::Controller => &self.controller,
            Role::Host => &self.host,
        };
        !secret.is_empty() && bool::from(secret.as_bytes().ct_eq(token.as_bytes()))
    }
}

/// One room.
#[derive(Debug)]
pub(crate) struct Room {
    settings: RoomSettings,
    state: Mutex<State>,
}

/// The way to one connection.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    /// Tells connections apart.
    pub(crate) id: u64,
    /// Frames that wait for it.
    pub(crate) queue: mpsc::Sender<Bytes>,
    /// Ends it with a problem.
    pub(crate) end: watch::Sender<Option<Problem>>,
}

impl Peer {
    /// Queues a frame; a connection whose queue is full does not read, and is ended.
    fn send(&self, frame: &Frame) -> bool {
        let sent = self.queue.try_send(frame.encode()).is_ok();
        if !sent {
            let text = "the connection reads more slowly than it is sent frames";
            self.end.send_replace(Some(Code::TooSlow.with(text)));
        }
        sent
    }
}

#[derive(Debug)]
struct State {
    cluster: Option<Cluster>,
    nodes: BTreeMap<NodeId, Member>,
    host: Option<Peer>,
    watchers: BTreeMap<u64, Peer>,
    cut: BTreeSet<(Endpoint, Endpoint)>,
    stream: Stream,
    /// Commands that the host has not answered: who asked, and by which number.
    orders: BTreeMap<u64, (u64, u64)>,
    next_order: u64,
    /// Records of the relay's own: gaps and beginnings.
    own_records: u64,
}

#[derive(Debug)]
struct Member {
    peer: Peer,
    /// Messages that were sent to it and have not arrived, and who sent them.
    in_flight: BTreeMap<RecordId, Role>,
}

impl Room {
    /// An empty room.
    pub(crate) fn new(settings: RoomSettings) -> Self {
        let state = State {
            cluster: None,
            nodes: BTreeMap::new(),
            host: None,
            watchers: BTreeMap::new(),
            cut: BTreeSet::new(),
            stream: Stream::new(),
            orders: BTreeMap::new(),
            next_order: 1,
            own_records: 0,
        };
        Self { settings, state: Mutex::new(state) }
    }

    /// No step panics half way, so a poisoned lock still guards a whole state.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the hello's token is that of its role.
    pub(crate) fn admits(&self, hello: &Hello) -> bool {
        self.settings.tokens.admit(hello.role, &hello.token)
    }

    /// Lets a connection in.
    pub(crate) fn join(&self, hello: &Hello, peer: Peer) -> Result<(), Problem> {
        let mut state = self.state();
        if let (Some(own), Some(theirs)) = (state.cluster.as_ref().map(|cluster| cluster.id), hello.cluster)
            && own != theirs
        {
            return Err(Code::WrongCluster.with("this room shows another cluster"));
        }
        match hello.role {
            Role::Node(node) if state.nodes.contains_key(&node) => {
                return Err(Code::Taken.with(format!("{node} is in the room already")));
            }
            Role::Node(node) if node.0 == 0 || node == RELAY => {
                return Err(Code::NotAdmitted.with("nodes are numbered from 1"));
            }
            Role::Node(node) if state.cluster.as_ref().is_some_and(|cluster| !cluster.nodes.contains(&node)) => {
                return Err(Code::WrongCluster.with(format!("{node} is not a node of this room's cluster")));
            }
            Role::Node(_) if state.nodes.len() >= quorumscope_core::wire::MAX_MEMBERS => {
                return Err(Code::Full.with("the room has as many nodes as it takes"));
            }
            Role::Host if state.host.is_some() => return Err(Code::Taken.with("the room has a host already")),
            Role::Observer | Role::Controller if state.watchers.len() >= MAX_OBSERVERS => {
                return Err(Code::Full.with("the room has as many observers as it takes"));
            }
            Role::Node(_) | Role::Host | Role::Observer | Role::Controller => {}
        }
        peer.send(&Frame::Welcome(hello.role));
        if let Some(cluster) = &state.cluster {
            peer.send(&Frame::Cluster(cluster.clone()));
        }
        match hello.role {
            Role::Node(node) => {
                state.nodes.insert(node, Member { peer, in_flight: BTreeMap::new() });
                state.tell_host(&Frame::Joined(node));
            }
            Role::Host => {
                for node in state.nodes.keys() {
                    peer.send(&Frame::Joined(*node));
                }
                state.host = Some(peer);
            }
            Role::Observer | Role::Controller => {
                state.watchers.insert(peer.id, peer);
            }
        }
        Ok(())
    }

    /// A connection is over.
    pub(crate) fn leave(&self, role: Role, id: u64) {
        let mut state = self.state();
        match role {
            Role::Node(node) => {
                if let Some(member) = state.nodes.remove(&node) {
                    for (message, sender) in member.in_flight {
                        state.give_back(sender, message, DropReason::ReceiverDown);
                    }
                }
                state.tell_host(&Frame::Left(node));
            }
            Role::Host => {
                state.host = None;
                for (watcher, number) in std::mem::take(&mut state.orders).into_values() {
                    state.tell_watcher(watcher, number, Some(Code::NoHost.with("the host has left the room")));
                }
            }
            Role::Observer | Role::Controller => {
                state.watchers.remove(&id);
                state.orders.retain(|_, (watcher, _)| *watcher != id);
            }
        }
        state.stream.left(role, Instant::now());
    }

    /// Handles one frame of a member. An error ends that member's connection.
    pub(crate) fn handle(&self, role: Role, id: u64, frame: Frame, cursor: &Mutex<Cursor>) -> Result<(), Problem> {
        let mut state = self.state();
        match (role, frame) {
            (Role::Node(node), Frame::Peer(envelope)) if envelope.from == node => state.carry(envelope),
            (Role::Node(node), Frame::Answer(answer)) if answer.from == node => state.carry_answer(answer),
            (Role::Node(_) | Role::Host, Frame::Records(records)) => return state.publish(role, records),
            (Role::Host, Frame::Request(request)) => state.carry_request(request),
            (Role::Host, Frame::Read(question)) => state.carry_question(question),
            (Role::Host, Frame::Cluster(cluster)) => {
                state.tell_all(&Frame::Cluster(cluster.clone()));
                state.cluster = Some(cluster);
            }
            (Role::Host, Frame::Links { cut }) => state.cut = cut.into_iter().collect(),
            (Role::Host, Frame::Done { number, problem }) => {
                if let Some((watcher, number)) = state.orders.remove(&number) {
                    state.tell_watcher(watcher, number, problem);
                }
            }
            (Role::Controller, Frame::Command { number, command }) => {
                if let Err(problem) = state.order(id, number, command) {
                    state.tell_watcher(id, number, Some(problem));
                }
            }
            (Role::Observer | Role::Controller, Frame::Resync { .. }) => {
                state.stream.start_over(&mut cursor.lock().unwrap_or_else(PoisonError::into_inner));
                state.begin_round();
            }
            (Role::Node(_) | Role::Observer | Role::Controller | Role::Host, _) => {
                return Err(Code::NotAllowed.with("this role may not send this frame"));
            }
        }
        Ok(())
    }

    /// What an observer gets now, as frames; empty where there is nothing new.
    pub(crate) fn next(&self, cursor: &Mutex<Cursor>) -> Vec<Bytes> {
        let mut state = self.state();
        if state.cluster.is_none() {
            return Vec::new(); // nobody could say what the records are about
        }
        let mut cursor = cursor.lock().unwrap_or_else(PoisonError::into_inner);
        let new = *cursor == Cursor::New;
        match state.stream.next(&mut cursor, Instant::now()) {
            Next::Nothing => Vec::new(),
            Next::NeedsRound => {
                state.begin_round();
                Vec::new()
            }
            Next::Start { at, missing } => {
                let mut frames: Vec<Bytes> = Vec::new();
                frames.extend(state.start_marks(at, new, missing));
                if let Next::Records(batch) = state.stream.next(&mut cursor, Instant::now()) {
                    frames.push(batch.finish(state.now()));
                }
                frames
            }
            Next::Records(batch) => vec![batch.finish(state.now())],
        }
    }
}

impl State {
    /// The cluster's time by the clock of the relay's machine.
    fn now(&self) -> Time {
        let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let epoch = self.cluster.as_ref().map_or(0, |cluster| cluster.epoch_unix_us);
        Time(u64::try_from(unix.as_micros()).unwrap_or(u64::MAX).saturating_sub(epoch))
    }

    fn tell_host(&self, frame: &Frame) {
        if let Some(host) = &self.host {
            host.send(frame);
        }
    }

    fn tell_all(&self, frame: &Frame) {
        let nodes = self.nodes.values().map(|member| &member.peer);
        for peer in nodes.chain(self.watchers.values()) {
            peer.send(frame);
        }
    }

    fn tell_watcher(&self, watcher: u64, number: u64, problem: Option<Problem>) {
        if let Some(peer) = self.watchers.get(&watcher) {
            peer.send(&Frame::Done { number, problem });
        }
    }

    /// Tells the sender of a message that it is lost; where the sender is gone, the host.
    fn give_back(&self, sender: Role, message: RecordId, reason: DropReason) {
        let frame = Frame::Returned { message, reason };
        match sender {
            Role::Node(node) if self.nodes.contains_key(&node) => {
                if let Some(member) = self.nodes.get(&node) {
                    member.peer.send(&frame);
                }
            }
            Role::Node(_) | Role::Host | Role::Observer | Role::Controller => self.tell_host(&frame),
        }
    }

    /// Sends a message to a node, or gives it back.
    fn forward(&mut self, sender: Role, link: (Endpoint, NodeId), message: RecordId, frame: &Frame) {
        let (from, to) = link;
        if self.cut.contains(&(from, Endpoint::Node(to))) {
            return self.give_back(sender, message, DropReason::Cut);
        }
        let Some(member) = self.nodes.get_mut(&to) else {
            return self.give_back(sender, message, DropReason::ReceiverDown);
        };
        if member.peer.send(frame) {
            member.in_flight.insert(message, sender);
            if member.in_flight.len() > MAX_IN_FLIGHT {
                member.in_flight.pop_first();
            }
        } else {
            self.give_back(sender, message, DropReason::ReceiverDown);
        }
    }

    fn carry(&mut self, envelope: Envelope) {
        let link = (Endpoint::Node(envelope.from), envelope.to);
        self.forward(Role::Node(envelope.from), link, envelope.id, &Frame::Peer(envelope));
    }

    fn carry_request(&mut self, request: Request) {
        let link = (Endpoint::Client(request.proposal.client), request.to);
        self.forward(Role::Host, link, request.id, &Frame::Request(request));
    }

    fn carry_question(&mut self, question: Question) {
        let link = (Endpoint::Client(question.request.client), question.to);
        self.forward(Role::Host, link, question.id, &Frame::Read(question));
    }

    fn carry_answer(&mut self, answer: Answer) {
        let (sender, message) = (Role::Node(answer.from), answer.id);
        let link = (Endpoint::Node(answer.from), Endpoint::Client(answer.client));
        if self.cut.contains(&link) {
            self.give_back(sender, message, DropReason::Cut);
        } else if self.host.is_none() {
            self.give_back(sender, message, DropReason::ReceiverDown);
        } else {
            self.tell_host(&Frame::Answer(answer));
        }
    }

    /// Passes a command on to the host under a number of the relay's own.
    fn order(&mut self, watcher: u64, number: u64, command: quorumscope_core::record::Command) -> Result<(), Problem> {
        let Some(host) = &self.host else {
            return Err(Code::NoHost.with("nobody in this room can carry commands out"));
        };
        if self.orders.len() >= MAX_ORDERS {
            return Err(Code::Busy.with("too many commands wait for an answer; try again"));
        }
        let order = self.next_order;
        self.next_order += 1;
        self.orders.insert(order, (watcher, number));
        host.send(&Frame::Command { number: order, command });
        Ok(())
    }

    /// Takes a member's records into the stream.
    fn publish(&mut self, role: Role, records: Records) -> Result<(), Problem> {
        for mut record in records.records {
            let own = match role {
                Role::Node(node) => record.id.origin == node && record.node == Some(node),
                Role::Host => record.id.origin == NodeId(0),
                Role::Observer | Role::Controller => false,
            };
            if !own {
                return Err(Code::NotAllowed.with("records of others may not be published"));
            }
            record.at = self.stream.time_of(record.at);
            self.settle_message(&record);
            self.stream.push(record.at, Batch::encode(&record));
        }
        if let Some(round) = records.round {
            self.stream.answered(role, round, Instant::now());
        }
        if self.stream.wants_round() {
            self.begin_round();
        }
        Ok(())
    }

    /// A message that has arrived, or is lost, is not on its way any more.
    fn settle_message(&mut self, record: &Record) {
        if let Body::Delivered { message } | Body::Dropped { message, .. } = &record.body
            && let Some(member) = record.node.and_then(|node| self.nodes.get_mut(&node))
        {
            member.in_flight.remove(message);
        }
    }

    /// Asks nodes and host for their state.
    fn begin_round(&mut self) {
        let members = self.nodes.keys().map(|node| Role::Node(*node)).chain(self.host.iter().map(|_| Role::Host));
        if let Some(round) = self.stream.begin_round(members.collect(), Instant::now()) {
            let frame = Frame::Resync { round };
            for member in self.nodes.values() {
                member.peer.send(&frame);
            }
            self.tell_host(&frame);
        }
    }

    /// What stands before the first record of a stretch: a beginning for who is new, a gap where records are missing.
    fn start_marks(&mut self, at: Time, new: bool, missing: u64) -> Option<Bytes> {
        let mut marks = Batch::default();
        if new && let Some(cluster) = &self.cluster {
            let began = Began {
                protocol: cluster.protocol.clone(),
                name: cluster.name.clone(),
                nodes: cluster.nodes.clone(),
                voters: cluster.voters.clone(),
                clients: cluster.clients.clone(),
                seed: None,
            };
            marks.push(&self.own_record(at, Body::Began(began)));
        }
        if missing > 0 {
            marks.push(&self.own_record(at, Body::Gap { missing: Some(missing) }));
        }
        (!marks.is_empty()).then(|| marks.finish(at))
    }

    fn own_record(&mut self, at: Time, body: Body) -> Bytes {
        self.own_records += 1;
        let id = RecordId { origin: RELAY, sequence: self.own_records };
        Batch::encode(&Record { id, cause: None, at, node: None, mono: Mono(0), body })
    }
}

/// All rooms of a relay.
pub(crate) type Rooms = Arc<BTreeMap<String, Room>>;
