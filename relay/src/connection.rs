//! What does one connection live through?
//!
//! Hello within a few seconds, or a problem and the end; then two loops in one
//! task, so that neither waits for the other: one reads, checks and hands frames
//! to the room, the other writes what is queued and, for observers, a batch of
//! records at most 20 times a second. Whatever ends it is said in a last frame.

use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use quorumscope_core::wire::{BATCHES_PER_SECOND, Code, Frame, Hello, Problem, Role};
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::limits::{
    HELLO_WITHIN, MAX_HELLO_BYTES, PING_EVERY, QUEUE_FRAMES, Rate, SILENT_FOR, WRITE_WITHIN, frame_rate, largest_frame,
};
use crate::room::{Peer, Room, Rooms};
use crate::stream::Cursor;

type Sink = SplitSink<WebSocket, Message>;
type Source = SplitStream<WebSocket>;

/// Why a connection ends: a problem that the other side is told, or `None` where it left by itself.
type Ending = Option<Problem>;

static CONNECTIONS: AtomicU64 = AtomicU64::new(1);

/// Serves one connection until it ends. `may_be_node` tells the two doors apart: only one takes large frames.
pub(crate) async fn serve(socket: WebSocket, rooms: Rooms, may_be_node: bool, mut stop: watch::Receiver<bool>) {
    let (mut sink, mut source) = socket.split();
    let ending = tokio::select! {
        ending = converse(&mut sink, &mut source, &rooms, may_be_node) => ending,
        _ = stop.wait_for(|stop| *stop) => Some(Code::ShuttingDown.with("the relay is stopping")),
    };
    // Whoever does not take its farewell in time goes without.
    let _ = timeout(Duration::from_secs(1), say_goodbye(&mut sink, ending)).await;
}

async fn say_goodbye(sink: &mut Sink, ending: Ending) {
    let close = match ending {
        Some(problem) => {
            let code = match problem.code {
                Code::ShuttingDown => close_code::AWAY,
                Code::TooLarge => close_code::SIZE,
                _ => close_code::POLICY,
            };
            let reason = problem.code.name().into();
            if sink.send(Message::Binary(Frame::Problem(problem).encode())).await.is_err() {
                return;
            }
            CloseFrame { code, reason }
        }
        None => CloseFrame { code: close_code::NORMAL, reason: "".into() },
    };
    let _ = sink.send(Message::Close(Some(close))).await;
}

async fn converse(sink: &mut Sink, source: &mut Source, rooms: &Rooms, may_be_node: bool) -> Ending {
    let (hello, room) = match admit(source, rooms, may_be_node).await {
        Ok(admitted) => admitted,
        Err(ending) => return ending,
    };
    let (queue, queued) = mpsc::channel(QUEUE_FRAMES);
    let (end, ended) = watch::channel(None);
    let peer = Peer { id: CONNECTIONS.fetch_add(1, Ordering::Relaxed), queue, end };
    let id = peer.id;
    if let Err(problem) = room.join(&hello, peer) {
        return Some(problem);
    }
    let member = Membership { room, role: hello.role, id };
    let cursor = Mutex::new(Cursor::New);
    tokio::select! {
        ending = read(source, &member, &cursor) => ending,
        ending = write(sink, &member, &cursor, queued) => ending,
        ending = told_to_end(ended) => ending,
    }
}

/// Leaves the room however the connection ends, also where its task is dropped.
struct Membership<'a> {
    room: &'a Room,
    role: Role,
    id: u64,
}

impl Drop for Membership<'_> {
    fn drop(&mut self) {
        self.room.leave(self.role, self.id);
    }
}

async fn told_to_end(mut ended: watch::Receiver<Ending>) -> Ending {
    match ended.wait_for(Option::is_some).await {
        Ok(problem) => problem.clone(),
        Err(_) => None,
    }
}

/// Waits for the hello and checks it.
async fn admit<'a>(source: &mut Source, rooms: &'a Rooms, may_be_node: bool) -> Result<(Hello, &'a Room), Ending> {
    let late = || Some(Code::HelloExpected.with("the first frame must be a hello, and must come within 5 seconds"));
    let bytes = match timeout(HELLO_WITHIN, next_frame(source)).await {
        Ok(ControlFlow::Continue(Some(bytes))) => bytes,
        Ok(ControlFlow::Continue(None)) | Err(_) => return Err(late()),
        Ok(ControlFlow::Break(ending)) => return Err(ending),
    };
    match Frame::decode_within(&bytes, MAX_HELLO_BYTES) {
        Ok(Frame::Hello(hello)) => {
            let right_door = match hello.role {
                Role::Node(_) | Role::Host => may_be_node,
                Role::Observer | Role::Controller => true,
            };
            // One answer for an unknown room and a wrong token: which rooms there are is nobody's business.
            let room = rooms.get(&hello.room).filter(|room| right_door && room.admits(&hello));
            let refused = || Some(Code::NotAdmitted.with("room and token do not fit; open the URL that serve printed"));
            room.map(|room| (hello, room)).ok_or_else(refused)
        }
        Ok(_) => Err(late()),
        Err(error) => Err(Some(error.code().with(error.to_string()))),
    }
}

/// The next binary message; `None` for one that only shows that the other side is there.
async fn next_frame(source: &mut Source) -> ControlFlow<Ending, Option<Bytes>> {
    match source.next().await {
        Some(Ok(Message::Binary(bytes))) => ControlFlow::Continue(Some(bytes)),
        Some(Ok(Message::Ping(_) | Message::Pong(_))) => ControlFlow::Continue(None),
        Some(Ok(Message::Text(_))) => {
            ControlFlow::Break(Some(Code::Malformed.with("frames are binary messages, and this one is text")))
        }
        Some(Ok(Message::Close(_))) | None => ControlFlow::Break(None),
        // Too large for this door, or not a WebSocket any more.
        Some(Err(error)) => {
            ControlFlow::Break(Some(Code::TooLarge.with(format!("the connection was given up: {error}"))))
        }
    }
}

async fn read(source: &mut Source, member: &Membership<'_>, cursor: &Mutex<Cursor>) -> Ending {
    let mut rate: Rate = frame_rate(member.role);
    let limit = largest_frame(member.role);
    loop {
        let bytes = match timeout(SILENT_FOR, next_frame(source)).await {
            Err(_) => return Some(Code::TooSlow.with("nothing was heard for 30 seconds")),
            Ok(ControlFlow::Break(ending)) => return ending,
            Ok(ControlFlow::Continue(None)) => continue,
            Ok(ControlFlow::Continue(Some(bytes))) => bytes,
        };
        if !rate.allows(Instant::now()) {
            return Some(Code::TooFast.with("frames come faster than this role may send them"));
        }
        let handled = match Frame::decode_within(&bytes, limit) {
            Ok(frame) => member.room.handle(member.role, member.id, frame, cursor),
            Err(error) => Err(error.code().with(error.to_string())),
        };
        if let Err(problem) = handled {
            return Some(problem);
        }
    }
}

async fn write(
    sink: &mut Sink,
    member: &Membership<'_>,
    cursor: &Mutex<Cursor>,
    mut queued: mpsc::Receiver<Bytes>,
) -> Ending {
    let observes = match member.role {
        Role::Observer | Role::Controller => true,
        Role::Node(_) | Role::Host => false,
    };
    let mut batches = interval(Duration::from_secs(1) / BATCHES_PER_SECOND);
    batches.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut pings = interval(PING_EVERY);
    loop {
        let sent = tokio::select! {
            biased;
            Some(frame) = queued.recv() => send_all(sink, [frame], &mut queued).await,
            _ = batches.tick(), if observes => send_all(sink, member.room.next(cursor), &mut queued).await,
            _ = pings.tick() => within(sink.send(Message::Ping(Bytes::new()))).await,
        };
        if let ControlFlow::Break(ending) = sent {
            return ending;
        }
    }
}

/// Sends these and what else is queued by now, then flushes once.
async fn send_all(
    sink: &mut Sink,
    frames: impl IntoIterator<Item = Bytes>,
    queued: &mut mpsc::Receiver<Bytes>,
) -> ControlFlow<Ending> {
    for frame in frames {
        within(sink.feed(Message::Binary(frame))).await?;
    }
    while let Ok(frame) = queued.try_recv() {
        within(sink.feed(Message::Binary(frame))).await?;
    }
    within(sink.flush()).await
}

async fn within(sending: impl Future<Output = Result<(), axum::Error>>) -> ControlFlow<Ending> {
    match timeout(WRITE_WITHIN, sending).await {
        Ok(Ok(())) => ControlFlow::Continue(()),
        Ok(Err(_)) => ControlFlow::Break(None),
        Err(_) => ControlFlow::Break(Some(Code::TooSlow.with("a frame was not taken within 10 seconds"))),
    }
}
