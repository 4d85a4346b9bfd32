//! Relays, hosts and watchers on loopback, for tests.
//!
//! Nothing here waits by sleeping: a watcher reads frames until what it waits
//! for has happened, and gives up after a time that only a fault exceeds.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use quorumscope_core::machine::kv::Operation;
use quorumscope_core::raft::{AllOn, Config};
use quorumscope_core::record::{Command, Record, Role as Standing, Verdict};
use quorumscope_core::types::NodeId;
use quorumscope_core::wire::{Cluster, Frame, Hello, Problem, Role};
use quorumscope_lab::trace::view::{Liveness, View};
use quorumscope_node::{Host, HostSettings};
use quorumscope_relay::{LIVE_PATH, PEER_PATH, Relay, RoomSettings, Settings, Tokens};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// Far beyond what any step takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// The room of every test.
pub const ROOM: &str = "main";

/// A relay that runs.
pub struct Hub {
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<()>,
}

impl Hub {
    pub async fn start() -> Self {
        let settings = Settings {
            listen: "127.0.0.1:0".parse().unwrap(),
            page: None,
            allowed_hosts: Vec::new(),
            rooms: vec![RoomSettings { name: ROOM.into(), tokens: tokens() }],
        };
        let relay = Relay::bind(settings).await.unwrap();
        let address = relay.address();
        let (stop, stopped) = oneshot::channel::<()>();
        let running = tokio::spawn(async move {
            relay.run(async { drop(stopped.await) }).await.unwrap();
        });
        Self { address, stop: Some(stop), running }
    }

    pub async fn stop(mut self) {
        drop(self.stop.take());
        within("the relay stops", &mut self.running).await.unwrap();
    }

    pub fn live(&self) -> String {
        format!("ws://{}{LIVE_PATH}", self.address)
    }

    pub fn peer(&self) -> String {
        format!("ws://{}{PEER_PATH}", self.address)
    }

    pub fn host(&self, nodes: u32) -> Host {
        self.host_with(nodes, 0)
    }

    /// So many voters, and so many nodes that belong to nothing yet.
    pub fn host_with(&self, nodes: u32, spares: u32) -> Host {
        let settings = HostSettings {
            name: "test".into(),
            config: Config::new((1..=nodes).map(NodeId).collect(), AllOn),
            spares,
            url: self.peer(),
            room: ROOM.into(),
            node_token: tokens().node,
            host_token: tokens().host,
        };
        Host::start(settings).unwrap()
    }
}

pub fn tokens() -> Tokens {
    Tokens { node: "node".into(), observer: "observer".into(), controller: "controller".into(), host: "host".into() }
}

pub async fn within<T>(what: &str, doing: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(PATIENCE, doing).await;
    done.unwrap_or_else(|_| panic!("{what}: not within {PATIENCE:?}"))
}

/// One connection, as a browser or a node would make it.
pub struct Wire(pub WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Wire {
    pub async fn connect(url: &str) -> Self {
        Self(within("connect", tokio_tungstenite::connect_async(url)).await.unwrap().0)
    }

    /// Connects and says hello.
    pub async fn join(url: &str, role: Role, token: &str) -> Self {
        let mut wire = Self::connect(url).await;
        let hello = Hello { role, room: ROOM.into(), token: token.into(), cluster: None };
        wire.send(&Frame::Hello(hello)).await;
        wire
    }

    pub async fn send(&mut self, frame: &Frame) {
        within("send", self.0.send(Message::Binary(frame.encode()))).await.unwrap();
    }

    /// The next frame; `None` once the connection is closed.
    pub async fn next(&mut self) -> Option<Frame> {
        loop {
            match within("a frame", self.0.next()).await? {
                Ok(Message::Binary(bytes)) => return Some(Frame::decode(&bytes).expect("the relay sends frames")),
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(Message::Text(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {}
            }
        }
    }

    /// Reads to the end; what the relay said was wrong.
    pub async fn farewell(&mut self) -> Option<Problem> {
        let mut last = None;
        while let Some(frame) = self.next().await {
            if let Frame::Problem(problem) = frame {
                last = Some(problem);
            }
        }
        last
    }
}

/// An observer or controller that folds what it is told.
pub struct Watcher {
    pub wire: Wire,
    pub view: View,
    pub cluster: Option<Cluster>,
    pub records: Vec<Record>,
    commands: u64,
}

impl Watcher {
    pub async fn controller(hub: &Hub) -> Self {
        Self::over(Wire::join(&hub.live(), Role::Controller, &tokens().controller).await)
    }

    pub async fn observer(hub: &Hub) -> Self {
        Self::over(Wire::join(&hub.live(), Role::Observer, &tokens().observer).await)
    }

    pub fn over(wire: Wire) -> Self {
        Self { wire, view: View::default(), cluster: None, records: Vec::new(), commands: 0 }
    }

    /// Takes one frame in.
    async fn read(&mut self) -> Frame {
        let frame = self.wire.next().await.expect("the relay keeps the connection");
        match &frame {
            Frame::Cluster(cluster) => self.cluster = Some(cluster.clone()),
            Frame::Records(records) => {
                for record in &records.records {
                    self.view.fold(record);
                    self.records.push(record.clone());
                }
            }
            Frame::Problem(problem) => panic!("{problem}"),
            _ => {}
        }
        frame
    }

    /// Reads until the view shows something.
    pub async fn until(&mut self, what: &str, mut shows: impl FnMut(&View) -> bool) {
        within(what, async {
            while !shows(&self.view) {
                self.read().await;
            }
        })
        .await;
    }

    /// Reads until a record has arrived.
    pub async fn until_record(&mut self, what: &str, mut is: impl FnMut(&Record) -> bool) {
        let mut seen = 0;
        within(what, async {
            while !self.records[seen..].iter().any(&mut is) {
                seen = self.records.len();
                self.read().await;
            }
        })
        .await;
    }

    /// Sends a command and reads until it is answered.
    pub async fn command(&mut self, command: Command) -> Result<(), Problem> {
        self.commands += 1;
        let number = self.commands;
        self.wire.send(&Frame::Command { number, command }).await;
        within("a command's answer", async {
            loop {
                if let Frame::Done { number: done, problem } = self.read().await
                    && done == number
                {
                    return problem.map_or(Ok(()), Err);
                }
            }
        })
        .await
    }

    /// The running leader of the highest term, where all that run know it.
    pub fn leader(view: &View) -> Option<NodeId> {
        let up = || view.nodes.iter().filter(|(_, node)| node.liveness == Liveness::Up);
        let leading = up().filter(|(_, node)| node.status.role == Standing::Leader);
        let (leader, _) = leading.max_by_key(|(_, node)| node.status.term)?;
        up().all(|(_, node)| node.status.leader == Some(*leader)).then_some(*leader)
    }

    /// Waits for a leader that all running nodes follow.
    pub async fn elect(&mut self) -> NodeId {
        self.until("a leader", |view| view.nodes.len() == 3 && Self::leader(view).is_some()).await;
        Self::leader(&self.view).unwrap()
    }

    /// Sets x, and reads until the client is told that it is done.
    pub async fn set(&mut self, value: &str) {
        let operation = Operation::Set { key: "x".into(), value: value.into() };
        let text = operation.to_string();
        self.command(Command::Propose { to: None, operation: operation.encode() }).await.unwrap();
        self.until(&format!("{text} is done"), |view| {
            let mut operations = view.clients.values().flat_map(|client| &client.operations);
            operations.any(|seen| seen.operation == text && matches!(seen.told, Some((_, Verdict::Ok, _))))
        })
        .await;
    }

    /// Reads until the view shows of each node what the node says of itself.
    pub async fn agree_with(&mut self, host: &Host, nodes: u32) {
        for id in (1..=nodes).map(NodeId) {
            within("the view agrees with the node", async {
                loop {
                    let report = host.report(id).await.expect("the node runs");
                    let shown = &self.view.nodes.get(&id);
                    if shown.is_some_and(|shown| {
                        let (a, b) = (&shown.status, &report.status);
                        shown.log == report.log
                            && shown.durable == b.durable
                            && shown.state == Some(report.state)
                            && (a.role, a.term, a.voted_for, a.leader, a.commit, a.applied)
                                == (b.role, b.term, b.voted_for, b.leader, b.commit, b.applied)
                    }) {
                        return;
                    }
                    self.read().await;
                }
            })
            .await;
        }
    }
}
