//! How does one replica look like one although protocols run inside of it?
//!
//! Each has its own tickets, messages and hard state. What it asks for goes out
//! under the hybrid's tickets; what is durable is told to each under its own.
//! Only the one whose phase it is has entries applied and clients answered.

use std::collections::VecDeque;

use super::hard::HardState;
use super::message::Message;
use super::{Effects, Hybrid};
use crate::protocol::{self, Effect};
use crate::rules::Rules;
use crate::storage::Write;
use crate::types::{Incarnation, Ticket};

/// Who runs inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Rounds,
    Opening,
    Bft,
}

/// The writes of one replica, by whose they are.
#[derive(Clone, Debug)]
pub(super) struct Tickets {
    incarnation: Incarnation,
    issued: u64,
    completed: u64,
    /// The hybrid's number and the part's own, of writes on their way; the hybrid's own writes are nobody's.
    outstanding: VecDeque<(u64, Part, u64)>,
}

impl Tickets {
    pub(super) fn new(incarnation: Incarnation) -> Self {
        Self { incarnation, issued: 0, completed: 0, outstanding: VecDeque::new() }
    }

    fn ticket(&self, sequence: u64) -> Ticket {
        Ticket { incarnation: self.incarnation, sequence }
    }

    pub(super) fn issue(&mut self) -> Ticket {
        self.issued += 1;
        self.ticket(self.issued)
    }

    /// Whoever wrote before is no more: nobody is told.
    pub(super) fn forget(&mut self) {
        self.outstanding.clear();
    }

    /// The write to wait for before anybody may rely on what was written so far; `None` where all of it is durable.
    pub(super) fn promise(&self) -> Option<Ticket> {
        (self.issued > self.completed).then(|| self.ticket(self.issued))
    }

    /// The ticket under which a part's write went out; `None` where it is durable.
    fn of(&self, part: Part, ticket: Ticket) -> Option<Ticket> {
        let same = |(_, whose, sequence): &&(u64, Part, u64)| *whose == part && *sequence == ticket.sequence;
        self.outstanding.iter().find(same).map(|(outer, ..)| self.ticket(*outer))
    }

    /// The disk confirms all writes up to `ticket`. Returns whose they were, in order.
    pub(super) fn complete(&mut self, ticket: Ticket) -> Vec<(Part, Ticket)> {
        let mut done = Vec::new();
        if ticket.incarnation != self.incarnation {
            return done;
        }
        self.completed = self.completed.max(ticket.sequence);
        while let Some((outer, part, inner)) = self.outstanding.front().copied()
            && outer <= ticket.sequence
        {
            self.outstanding.pop_front();
            done.push((part, self.ticket(inner)));
        }
        done
    }
}

impl<R: Rules> Hybrid<R> {
    /// Passes on what a part asks for. `applies`: whether the state machine and the clients are its own.
    pub(super) fn relay<M, H>(
        &mut self,
        part: Part,
        mut inner: protocol::Effects<M, H>,
        applies: bool,
        wrap: impl Fn(M) -> Message,
        store: impl Fn(&mut HardState, H),
        out: &mut Effects,
    ) {
        for mail in inner.mail().drain(..) {
            self.tell(mail.to, wrap(mail.message), None, out);
        }
        for effect in inner.as_slice() {
            if let Effect::Write(write) = effect {
                let outer = self.tickets.issue().sequence;
                self.tickets.outstanding.push_back((outer, part, write.ticket.sequence));
            }
        }
        for effect in inner.drain() {
            match effect {
                Effect::Send { to, message, after } => {
                    let after = after.and_then(|ticket| self.tickets.of(part, ticket));
                    self.tell(to, wrap(message), after, out);
                }
                Effect::Write(write) => {
                    let Some(ticket) = self.tickets.of(part, write.ticket) else { continue };
                    let mut hard = self.numbers();
                    if let Some(inner) = write.hard {
                        store(&mut hard, inner);
                    }
                    let Write { truncate, append, snapshot, compact, .. } = write;
                    let (append, hard) = (if applies { append } else { Default::default() }, Some(hard));
                    out.write(|| Write { ticket, hard, truncate, append, snapshot, compact });
                }
                Effect::Apply { from, through } if applies => out.apply(from, through),
                Effect::Snapshot { index } if applies => out.snapshot(index),
                Effect::Restore { index } if applies => out.restore(index),
                Effect::Project { index, edge } if applies => out.project(index, edge),
                Effect::Answer { client, number, outcome } if applies => {
                    out.answer(client, number, outcome);
                }
                Effect::Read { request, index, how } if applies => out.read(request, index, how),
                Effect::Broken(fact) => drop(out.check(false, fact)),
                Effect::Note(event) => out.note(|| event),
                Effect::Apply { .. }
                | Effect::Snapshot { .. }
                | Effect::Restore { .. }
                | Effect::Project { .. }
                | Effect::Answer { .. }
                | Effect::Read { .. } => {}
            }
        }
        if out.is_immediate() {
            let all = self.tickets.ticket(self.tickets.issued);
            self.tickets.complete(all);
        }
    }

    /// The ticket of a write of its own.
    pub(super) fn issue(&mut self, out: &Effects) -> Ticket {
        let ticket = self.tickets.issue();
        if out.is_immediate() {
            self.tickets.complete(ticket);
        }
        ticket
    }

    /// Writes how far it is.
    pub(super) fn write_numbers(&mut self, out: &mut Effects) {
        let ticket = self.issue(out);
        if out.is_in_memory() {
            return;
        }
        let hard = HardState { opened: self.opened.clone(), ..self.numbers() };
        let append = Default::default();
        out.write(|| Write { ticket, hard: Some(hard), truncate: None, append, snapshot: None, compact: None });
    }

    /// What each write says anew.
    pub(super) fn numbers(&self) -> HardState {
        let ended = self.bft.as_ref().and_then(|bft| bft.ended());
        let (era, convicted) = (self.era, self.convicted.clone());
        HardState { era, begun: self.bft.is_some(), held: self.held, ended, convicted, ..HardState::default() }
    }
}
