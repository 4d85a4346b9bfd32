//! What does a node do between its start and its end?
//!
//! The loop: it waits for its owner, its connection, its store and its clock,
//! tells the executor, and does what that one asks for: publish, begin the
//! writes, send, in this order. What waits for a connection or for a paused node
//! to go on is bounded. Read `executor` for what happens in between.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use quorumscope_core::raft::{HardState, Raft};
use quorumscope_core::record::{AnyMessage, DropReason, Record, Role};
use quorumscope_core::storage::Write;
use quorumscope_core::types::Ticket;
use quorumscope_core::wire::{Batch, Frame, Records, decode_message};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};

use super::Control;
use crate::clock::Clock;
use crate::executor::{Executor, Made, Output};
use crate::hooks::{Hooks, Told};
use crate::link::{Link, LinkEvent};
use crate::propose::{Pending, ProposeError};
use crate::store::StoreError;
use crate::writer::Written;

/// Messages that a paused node keeps for later, as its machine's buffers would.
const MAX_STALLED: usize = 1_024;

/// Records that wait for a connection; beyond it they are dropped and said to be missing.
const MAX_UNPUBLISHED: usize = 4_096;

/// The clock is looked at again after this time at the latest: a sleep does not count suspend, the clock does.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

/// A node between its start and its end.
pub(super) struct Life<H> {
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
    pending: Pending,
    hooks: Told<H>,
    /// The last write that was begun, and the last that is durable.
    begun: Option<Ticket>,
    durable: Option<Ticket>,
    /// How long a leader that stops waits for another one.
    patience: Duration,
    /// Until when it may lead, once it is to stop.
    stops: Option<Instant>,
    /// Why its store takes no more writes.
    failed: Option<StoreError>,
}

impl<H: Hooks> Life<H> {
    pub(super) fn new(
        executor: Executor<Raft>,
        clock: Clock,
        link: Link,
        writes: mpsc::Sender<Write<HardState>>,
        made: mpsc::Sender<Made>,
        hooks: H,
        patience: Duration,
    ) -> Self {
        Self {
            executor,
            clock,
            link,
            writes,
            paused: false,
            up: false,
            lost: false,
            unpublished: Vec::new(),
            stalled: VecDeque::new(),
            made,
            pending: Pending::default(),
            hooks: Told::new(hooks),
            begun: None,
            durable: None,
            patience,
            stops: None,
            failed: None,
        }
    }

    pub(super) async fn run(
        mut self,
        mut controls: mpsc::Receiver<Control>,
        mut written: watch::Receiver<Written>,
        mut snapshots: mpsc::Receiver<Made>,
    ) {
        self.carry_out().await;
        while !self.executor.is_broken() {
            if self.may_stop() {
                return;
            }
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

    /// Whether it was told to stop and leaves nothing undone: it leads no more, or has led for long enough, and the
    /// store has what it was given. Heartbeats wake a leader that waits.
    fn may_stop(&self) -> bool {
        let Some(until) = self.stops else { return false };
        let leads = self.executor.status().role == Role::Leader;
        self.paused || (!leads || Instant::now() >= until) && self.durable >= self.begun
    }

    /// Hands leadership over where it leads and somebody can take it.
    fn begin_to_stop(&mut self) {
        self.stops = Some(Instant::now() + self.patience);
        match self.executor.heir().filter(|_| !self.paused) {
            Some(heir) => self.executor.on_transfer_asked(heir),
            // There is nobody to wait for.
            None => self.stops = Some(Instant::now()),
        }
    }

    /// A broken node still says what broke it, and answers for its state until its owner removes it. Who waits for a
    /// command, or proposes one, is told at once: nothing will come of it here.
    async fn linger(mut self, mut controls: mpsc::Receiver<Control>) {
        let over = self.failed.take().map_or(ProposeError::Stopped, ProposeError::Storage);
        self.pending.give_up(&over);
        loop {
            tokio::select! {
                control = controls.recv() => match control {
                    Some(Control::Report(ask)) => drop(ask.send(self.executor.report())),
                    // Whoever asked may have gone.
                    Some(Control::Propose(_, asker)) => drop(asker.send(Err(over.clone()))),
                    Some(
                        Control::SetPaused(_)
                        | Control::Timeout
                        | Control::Snapshot
                        | Control::Transfer(_)
                        | Control::Change(..),
                    ) => {}
                    Some(Control::Stop) | None => return,
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
            Control::Stop => self.begin_to_stop(),
            Control::Timeout | Control::Snapshot | Control::Transfer(_) | Control::Change(..) if self.paused => {}
            Control::Propose(proposal, asker) => {
                let taken = self.pending.begin(&proposal, asker);
                // A paused node hears nothing: whoever asked waits in vain.
                if taken && !self.paused {
                    self.executor.on_proposal(proposal);
                }
            }
            Control::Timeout => self.executor.on_timeout_asked(),
            Control::Snapshot => self.executor.on_snapshot_asked(),
            Control::Transfer(to) => self.executor.on_transfer_asked(to),
            // Whoever asked may have gone.
            Control::Change(change, ask) => drop(ask.send(self.executor.on_change_asked(change))),
            Control::Report(ask) => drop(ask.send(self.executor.report())),
        }
    }

    fn on_written(&mut self, written: &Written) {
        if let Some(ticket) = written.through {
            self.durable = Some(ticket);
            self.executor.on_written(ticket);
        }
        if let Some(error) = &written.failed {
            self.failed = Some(error.clone());
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
                // Whoever sends such bytes is not of our version, or of another protocol; to ours the message is lost.
                Ok(AnyMessage::Pbft(_) | AnyMessage::HotStuff(_) | AnyMessage::Hybrid(_)) | Err(_) => {
                    self.executor.on_returned(envelope.id, DropReason::Loss)
                }
            },
            Frame::Request(request) => self.executor.on_request(request.id, request.proposal),
            Frame::Read(question) => self.executor.on_question(question.id, question.request),
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
            self.begun = Some(write.ticket);
            if self.writes.send(write).await.is_err() {
                return; // The writer is over, and says why.
            }
        }
        self.publish();
        self.hooks.look(self.executor.status());
        for frame in frames {
            if self.stays_here(&frame) {
                continue;
            }
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

    /// Whether a frame is an answer for the process itself, which has it now.
    fn stays_here(&mut self, frame: &Frame) -> bool {
        let Frame::Answer(answer) = frame else { return false };
        let term_at = |index| self.executor.term_at(index);
        let taken = self.pending.answer(answer.client, answer.number, &answer.outcome, term_at);
        if taken {
            self.executor.on_answer_taken(answer.id);
        }
        taken
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
        for frame in Batch::frames(std::mem::take(&mut self.unpublished), at) {
            self.push(frame);
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
