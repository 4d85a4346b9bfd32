//! What surrounds an executor while its node runs?
//!
//! Three tasks: the loop, the writer, the link. The loop is the only one that
//! touches the executor. The writer takes whatever writes have gathered as one
//! batch, so one sync covers them all, and reports the last ticket. Killing a
//! node drops all three, and with them the protocol's value and the writes that
//! the store has not taken: only the store is left.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use quorumscope_core::raft::{AllOn, Config, HardState, Raft};
use quorumscope_core::record::{AnyMessage, DropReason, Record};
use quorumscope_core::storage::{Format, Write};
use quorumscope_core::types::{NodeId, Ticket};
use quorumscope_core::wire::{Batch, Frame, Records, decode_message};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::executor::{Executor, Made, Output, Report};
use crate::link::{Address, Link, LinkEvent};
use crate::store::{Store, StoreError};

/// Writes that wait for the store; beyond it the loop waits, which a store that works ends.
const WRITE_QUEUE: usize = 1_024;

/// Most writes that one sync covers.
const WRITE_BATCH: usize = 256;

/// Messages that a paused node keeps for later, as its machine's buffers would.
const MAX_STALLED: usize = 1_024;

/// Records that wait for a connection; beyond it they are dropped and said to be missing.
const MAX_UNPUBLISHED: usize = 4_096;

/// The clock is looked at again after this time at the latest: a sleep does not count suspend, the clock does.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

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
    pub fn start(settings: NodeSettings, mut store: impl Store<HardState>) -> Result<Self, StoreError> {
        let image = store.open()?;
        let NodeSettings { node, cluster, config, relay, seed, clock } = settings;
        image.belongs_to(&Format { cluster, node })?;
        let executor = Executor::start(&config, node, &image, seed, clock);
        let (control, controls) = mpsc::channel(16);
        let task = tokio::spawn(async move {
            let (writes, queued) = mpsc::channel(WRITE_QUEUE);
            let (report, written) = watch::channel(Written::default());
            // A node makes one snapshot at a time.
            let (made, snapshots) = mpsc::channel(1);
            let life = Life {
                executor,
                clock,
                link: Link::keep(relay, seed),
                writes,
                paused: false,
                up: false,
                lost: false,
                unpublished: Vec::new(),
                stalled: VecDeque::new(),
                made,
            };
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

    /// What it says of itself; `None` where it does not run.
    pub async fn report(&self) -> Option<Report> {
        let (ask, answer) = oneshot::channel();
        self.control.send(Control::Report(ask)).await.ok()?;
        answer.await.ok()
    }
}

/// What the writer says: the last durable ticket, or why there will be none any more.
#[derive(Clone, Debug, Default)]
struct Written {
    through: Option<Ticket>,
    failed: Option<StoreError>,
}

/// Hands writes to the store in batches. Ends with the first failure: a failed sync is never tried again.
async fn write_batches(
    mut store: impl Store<HardState>,
    mut queued: mpsc::Receiver<Write<HardState>>,
    report: watch::Sender<Written>,
) {
    let mut batch = Vec::new();
    while queued.recv_many(&mut batch, WRITE_BATCH).await > 0 {
        match store.write(&batch).await {
            Ok(()) => report.send_modify(|written| written.through = batch.last().map(|write| write.ticket)),
            Err(error) => {
                report.send_modify(|written| written.failed = Some(error));
                break;
            }
        }
        batch.clear();
    }
    // The loop notices, publishes, and ends; this task must not end before it.
    report.closed().await;
}

/// A node between its start and its end.
struct Life {
    executor: Executor<Raft>,
    clock: Clock,
    link: Link,
    writes: mpsc::Sender<Write<HardState>>,
    paused: bool,
    /// Whether the relay has let us in.
    up: bool,
    /// Whether records were dropped since the relay last knew everything.
    lost: bool,
    unpublished: Vec<Record>,
    stalled: VecDeque<Frame>,
    made: mpsc::Sender<Made>,
}

impl Life {
    async fn run(
        mut self,
        mut controls: mpsc::Receiver<Control>,
        mut written: watch::Receiver<Written>,
        mut snapshots: mpsc::Receiver<Made>,
    ) {
        self.carry_out().await;
        while !self.executor.is_broken() {
            let wake = self.executor.next_deadline().map(|deadline| self.clock.until(deadline).min(LONGEST_SLEEP));
            let runs = !self.paused;
            tokio::select! {
                control = controls.recv() => match control {
                    Some(control) => self.on_control(control),
                    None => return,
                },
                event = self.link.events.recv() => match event {
                    Some(event) => self.on_link(event),
                    None => return,
                },
                Ok(()) = written.changed(), if runs => self.on_written(&written.borrow_and_update().clone()),
                Some(made) = snapshots.recv(), if runs => self.executor.on_snapshot_made(made),
                () = sleep(wake), if runs && wake.is_some() => self.executor.on_wake(),
            }
            self.carry_out().await;
        }
        self.linger(controls).await;
    }

    /// A broken node still says what broke it, and answers for its state until its owner removes it.
    async fn linger(mut self, mut controls: mpsc::Receiver<Control>) {
        loop {
            tokio::select! {
                control = controls.recv() => match control {
                    Some(Control::Report(ask)) => drop(ask.send(self.executor.report())),
                    Some(
                        Control::SetPaused(_) | Control::Timeout | Control::Snapshot | Control::Transfer(_),
                    ) => {}
                    None => return,
                },
                event = self.link.events.recv() => match event {
                    Some(LinkEvent::Frame(frame)) if !matches!(frame, Frame::Resync { .. }) => {}
                    Some(event) => self.on_link(event),
                    None => return,
                },
            }
            self.carry_out().await;
        }
    }

    fn on_control(&mut self, control: Control) {
        match control {
            Control::SetPaused(paused) if paused == self.paused => {}
            Control::SetPaused(paused) => {
                self.paused = paused;
                self.executor.on_paused(paused);
                while !self.paused
                    && let Some(frame) = self.stalled.pop_front()
                {
                    self.on_frame(frame);
                }
            }
            Control::Timeout | Control::Snapshot | Control::Transfer(_) if self.paused => {}
            Control::Timeout => self.executor.on_timeout_asked(),
            Control::Snapshot => self.executor.on_snapshot_asked(),
            Control::Transfer(to) => self.executor.on_transfer_asked(to),
            // Whoever asked may have gone.
            Control::Report(ask) => drop(ask.send(self.executor.report())),
        }
    }

    fn on_written(&mut self, written: &Written) {
        if let Some(ticket) = written.through {
            self.executor.on_written(ticket);
        }
        if let Some(error) = &written.failed {
            self.executor.on_store_failed(error);
        }
    }

    fn on_link(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Up => {
                self.up = true;
                if self.lost {
                    self.lost = false;
                    self.executor.record_state(true, self.paused);
                }
            }
            LinkEvent::Down => {
                // What was on its way out may not have arrived.
                self.lost |= self.up;
                self.up = false;
            }
            LinkEvent::Frame(Frame::Resync { round }) => {
                self.publish();
                self.executor.record_state(false, self.paused);
                let records = self.executor.take_output().records;
                let at = self.executor.global_time();
                self.push(Frame::Records(Records { round: Some(round), at, records }).encode());
            }
            LinkEvent::Frame(frame) if self.paused => {
                self.stalled.push_back(frame);
                if self.stalled.len() > MAX_STALLED
                    && let Some(Frame::Peer(lost)) = self.stalled.pop_front()
                {
                    self.executor.on_returned(lost.id, DropReason::ReceiverDown);
                }
            }
            LinkEvent::Frame(frame) => self.on_frame(frame),
        }
    }

    fn on_frame(&mut self, frame: Frame) {
        match frame {
            Frame::Peer(envelope) => match decode_message(&envelope.message) {
                Ok(AnyMessage::Raft(message)) => self.executor.on_message(envelope.from, envelope.id, message),
                // Whoever sends such bytes is not of our version; to the protocol the message is lost.
                Err(_) => self.executor.on_returned(envelope.id, DropReason::Loss),
            },
            Frame::Request(request) => self.executor.on_request(request.id, request.proposal),
            Frame::Returned { message, reason } => self.executor.on_returned(message, reason),
            Frame::Hello(_)
            | Frame::Welcome(_)
            | Frame::Cluster(_)
            | Frame::Answer(_)
            | Frame::Records(_)
            | Frame::Resync { .. }
            | Frame::Command { .. }
            | Frame::Done { .. }
            | Frame::Links { .. }
            | Frame::Joined(_)
            | Frame::Left(_)
            | Frame::Problem(_) => {}
        }
    }

    /// Does what the executor asks for: publish, begin the writes, send. Records go first, so that nobody can
    /// record the arrival of a message whose departure is not in the stream.
    async fn carry_out(&mut self) {
        let Output { records, writes, frames, snapshot } = self.executor.take_output();
        self.unpublished.extend(records);
        if let Some(state) = snapshot {
            let made = self.made.clone();
            // The node may be gone by then.
            tokio::task::spawn_blocking(move || drop(made.blocking_send(state.make())));
        }
        for write in writes {
            if self.writes.send(write).await.is_err() {
                return; // The writer is over, and says why.
            }
        }
        self.publish();
        for frame in frames {
            let message = match &frame {
                Frame::Peer(envelope) => Some(envelope.id),
                Frame::Answer(answer) => Some(answer.id),
                _ => None,
            };
            if !(self.up && self.push(frame.encode()))
                && let Some(message) = message
            {
                self.executor.on_returned(message, DropReason::ReceiverDown);
            }
        }
        // What did not get away was recorded just now.
        self.unpublished.extend(self.executor.take_output().records);
        self.publish();
    }

    /// Publishes what has been recorded, or keeps it while there is no connection.
    fn publish(&mut self) {
        self.unpublished.extend(self.executor.take_output().records);
        if !self.up {
            if self.unpublished.len() > MAX_UNPUBLISHED {
                self.unpublished.clear();
                self.lost = true;
            }
            return;
        }
        let at = self.executor.global_time();
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

    /// Hands a frame to the link. A full link means that the relay does not read: what is lost is made good by the
    /// state that follows once it does.
    fn push(&mut self, frame: Bytes) -> bool {
        match self.link.out.try_send(frame) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Closed(_)) => {
                self.lost = true;
                false
            }
        }
    }
}

async fn sleep(wake: Option<Duration>) {
    match wake {
        Some(wake) => tokio::time::sleep(wake).await,
        None => std::future::pending().await,
    }
}
