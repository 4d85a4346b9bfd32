//! How does a node or a host stay connected to the relay?
//!
//! One task keeps one connection: it says hello, passes frames both ways through
//! bounded queues, and connects again when the connection breaks. Pauses grow to
//! a cap and are random within it, so that many nodes do not return as one.
//! Frames that wait while there is no connection are dropped: their owner is
//! told when the connection is back, and says then what is true by then.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use quorumscope_core::rng::Rng;
use quorumscope_core::types::Span;
use quorumscope_core::wire::{Frame, Hello, MAX_FRAME_BYTES};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Frames that wait on either side: a second of a busy node's.
const QUEUE_FRAMES: usize = 4_096;

/// A connection is made, and its hello answered, within this time.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// A frame is taken by the relay's machine within this time, or the connection is given up.
const WRITE_WITHIN: Duration = Duration::from_secs(10);

/// The relay pings every 10 seconds; one that says nothing for this long is gone.
const SILENT_FOR: Duration = Duration::from_secs(30);

/// Shortest and longest pause between two tries.
const PAUSES: (Span, Span) = (Span::from_millis(20), Span::from_secs(2));

/// Where a relay is and how to join a room there.
#[derive(Clone, Debug)]
pub struct Address {
    /// `ws://host:port/peer`.
    pub url: String,
    /// What to say there.
    pub hello: Hello,
}

/// What the link tells its owner.
#[derive(Debug)]
pub(crate) enum LinkEvent {
    /// The relay has let us in. What was sent before may not have arrived.
    Up,
    /// A frame arrived.
    Frame(Frame),
    /// The connection is over; another try follows.
    Down,
}

/// A connection that is kept up until it is dropped.
#[derive(Debug)]
pub(crate) struct Link {
    /// Frames to send; full means that the relay does not read.
    pub(crate) out: mpsc::Sender<Bytes>,
    /// What arrives.
    pub(crate) events: mpsc::Receiver<LinkEvent>,
    task: JoinHandle<()>,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Link {
    /// Connects, and keeps connecting.
    pub(crate) fn keep(address: Address, seed: u64) -> Self {
        let (out, outgoing) = mpsc::channel(QUEUE_FRAMES);
        let (incoming, events) = mpsc::channel(QUEUE_FRAMES);
        let task = tokio::spawn(keep_connected(address, Rng::new(seed, 0x11), outgoing, incoming));
        Self { out, events, task }
    }
}

async fn keep_connected(
    address: Address,
    mut rng: Rng,
    mut outgoing: mpsc::Receiver<Bytes>,
    incoming: mpsc::Sender<LinkEvent>,
) {
    let mut pause = PAUSES.0;
    loop {
        if let Ok(Some(mut socket)) = timeout(CONNECT_WITHIN, connect(&address)).await {
            // Nothing that was queued for an older connection goes out over this one.
            while outgoing.try_recv().is_ok() {}
            let heard = converse(&mut socket, &mut outgoing, &incoming).await;
            if incoming.send(LinkEvent::Down).await.is_err() {
                return;
            }
            if heard {
                pause = PAUSES.0;
            }
        }
        let between = (Span(pause.0 / 2), pause);
        tokio::time::sleep(Duration::from_micros(rng.span(between).0)).await;
        pause = Span(pause.0.saturating_mul(2)).min(PAUSES.1);
        if incoming.is_closed() {
            return;
        }
    }
}

async fn connect(address: &Address) -> Option<Socket> {
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_FRAME_BYTES))
        .max_frame_size(Some(MAX_FRAME_BYTES))
        .max_write_buffer_size(2 * MAX_FRAME_BYTES + 64 * 1024);
    // Small frames that wait for each other would cost an election its time: no delay.
    let (mut socket, _) = connect_async_with_config(&address.url, Some(config), true).await.ok()?;
    socket.send(Message::Binary(Frame::Hello(address.hello.clone()).encode())).await.ok()?;
    Some(socket)
}

/// Passes frames until the connection ends. Returns whether the relay ever let us in.
async fn converse(
    socket: &mut Socket,
    outgoing: &mut mpsc::Receiver<Bytes>,
    incoming: &mpsc::Sender<LinkEvent>,
) -> bool {
    let (mut sink, mut source) = socket.split();
    let mut welcome = false;
    let reading = async {
        while let Ok(Some(Ok(message))) = timeout(SILENT_FOR, source.next()).await {
            match message {
                Message::Binary(bytes) => match Frame::decode(&bytes) {
                    // Refused, or on another side of an update: try again later.
                    Ok(Frame::Problem(_)) | Err(_) => return,
                    Ok(frame) => {
                        let event = match frame {
                            Frame::Welcome(_) => LinkEvent::Up,
                            frame => LinkEvent::Frame(frame),
                        };
                        welcome = true;
                        if incoming.send(event).await.is_err() {
                            return;
                        }
                    }
                },
                Message::Ping(_) | Message::Pong(_) => {}
                Message::Close(_) | Message::Text(_) | Message::Frame(_) => return,
            }
        }
    };
    let writing = async {
        while let Some(first) = outgoing.recv().await {
            let sending = async {
                sink.feed(Message::Binary(first)).await?;
                while let Ok(next) = outgoing.try_recv() {
                    sink.feed(Message::Binary(next)).await?;
                }
                sink.flush().await
            };
            if !matches!(timeout(WRITE_WITHIN, sending).await, Ok(Ok(()))) {
                break;
            }
        }
    };
    tokio::select! { () = reading => {}, () = writing => {} }
    welcome
}
