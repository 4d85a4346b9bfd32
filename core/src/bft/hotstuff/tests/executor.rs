//! The executor of the small world: effects become messages, writes and answers, as the contract says.

use std::sync::Arc;

use bytes::Bytes;

use super::super::{HardState, Message};
use super::cluster::{Happening, State, World, ms};
use crate::bft::testing::CLUSTER;
use crate::event::Event as AnyEvent;
use crate::protocol::{Applied, Effect, Effects, Input, Outcome, Protocol as _};
use crate::quorum;
use crate::types::{ClientId, Digest, LogIndex, NodeId, RequestNumber, Span};

impl World {
    /// Hands a message over, as an executor does: its signatures are verified first.
    pub(super) fn deliver(&mut self, from: NodeId, to: NodeId, message: Message) {
        let Some(member) = self.nodes.get(&to) else { return };
        let mut claims = Vec::new();
        member.replica.claims(from, &message, &mut claims);
        if self.ring.verify(&claims).is_ok() {
            self.step(to, Input::Receive { from, message });
        } else {
            self.forged += 1;
            self.step(to, Input::Forged { from });
        }
    }

    pub(super) fn step(&mut self, node: NodeId, input: Input<Message>) {
        let now = self.clock();
        let Some(member) = self.nodes.get_mut(&node) else { return };
        if member.broken.is_some() {
            return;
        }
        let mut out = Effects::listening();
        member.replica.step(now, input, &mut out);
        let effects: Vec<_> = out.drain().collect();
        self.depth += 1;
        for effect in effects {
            self.carry_out(node, effect);
        }
        self.depth -= 1;
        self.tell_convicted(node);
        while self.depth == 0
            && let Some((node, input)) = self.taken.pop_front()
        {
            self.step(node, input);
        }
        self.plan_wake(node);
        if let Some((doomed, steps)) = &mut self.crash_after
            && *doomed == node
        {
            *steps = steps.saturating_sub(1);
            if *steps == 0 {
                self.crash_after = None;
                self.crash(node);
                self.start_in(node, ms(5));
            }
        }
    }

    /// Tells a replica whom its machine records as convicted, where that has become more.
    fn tell_convicted(&mut self, node: NodeId) {
        let Some(member) = self.nodes.get_mut(&node) else { return };
        let all = &member.state.convicted;
        if all.len() > member.told {
            member.told = all.len();
            let all = all.clone();
            self.step(node, Input::Convicted(all));
        }
    }

    /// Starts a node that is down, a little later.
    pub(super) fn start_in(&mut self, node: NodeId, after: Span) {
        self.plan(after, Happening::Start { node });
    }

    /// What leaves a replica must not contradict what left it before, also before a crash.
    fn watch(&mut self, from: NodeId, epoch: u64, message: &Message) {
        let (is_vote, view, block) = match message {
            Message::Vote(vote) => (true, vote.view, vote.block),
            Message::Proposal(proposal) => (false, proposal.block.view(), proposal.block.hash()),
            Message::Later { epoch, message } => return self.watch(from, *epoch, message),
            Message::Timeout(timeout) => {
                let last = self.given_up.entry((from, epoch)).or_default();
                *last = timeout.view.max(*last);
                return;
            }
            _ => return,
        };
        let before = *self.promised.entry((from, epoch, is_vote, view)).or_insert(block);
        let late = is_vote && self.given_up.get(&(from, epoch)).is_some_and(|given_up| view <= *given_up);
        if before != block || late {
            self.perjury = Some(format!("{from} in {view}: {message:?}"));
        }
    }

    fn carry_out(&mut self, node: NodeId, effect: Effect<Message, HardState>) {
        let disk = self.rng.span(self.weather.disk);
        let Some(member) = self.nodes.get_mut(&node) else { return };
        match effect {
            Effect::Send { to, message, after } => match after {
                Some(ticket) if ticket.sequence > member.durable => member.waiting.push((to, message, ticket)),
                Some(_) | None => self.send(node, to, message),
            },
            Effect::Write(write) => {
                member.writes.push(write);
                let incarnation = member.image.incarnation;
                self.plan(disk, Happening::Written { node, incarnation });
            }
            Effect::Apply { from, through } => self.apply(node, from, through),
            Effect::Snapshot { index } => {
                assert_eq!(member.applied, index, "a snapshot is of what is applied");
                let data = Bytes::from(member.state.encode());
                let digest = Digest(member.state.sum);
                self.taken.push_back((node, Input::SnapshotTaken { index, digest, data }));
            }
            Effect::Restore { index } => {
                let snapshot = member.image.snapshot.clone().expect("what is restored is durable");
                assert_eq!(snapshot.meta.index, index);
                member.state = State::decode(&snapshot.data);
                member.applied = index;
                self.step(node, Input::Applied { through: index, results: Vec::new() });
            }
            Effect::Answer { client, number, outcome } => self.answered(client, number, outcome),
            Effect::Note(AnyEvent::HotStuff(event)) => member.events.push(event),
            Effect::Note(AnyEvent::Epoch(event)) => member.of_epochs.push(event),
            Effect::Broken(fact) => member.broken = Some(fact),
            Effect::Note(_) | Effect::Project { .. } | Effect::Read { .. } => {}
        }
    }

    fn send(&mut self, from: NodeId, to: NodeId, message: Message) {
        self.watch(from, 0, &message);
        for message in self.lie(from, to, message) {
            self.carry(from, to, message);
        }
    }

    fn carry(&mut self, from: NodeId, to: NodeId, message: Message) {
        if self.keep_sent {
            self.sent.push((from, to, message.clone()));
        }
        let said = match &message {
            Message::Later { message, .. } => &**message,
            message => message,
        };
        let (is_vote, is_chunk) = (matches!(said, Message::Vote(_)), matches!(said, Message::Chunk(_)));
        let lost = self.rng.chance_ppm(self.weather.loss_ppm)
            || self.cut.contains(&(from, to))
            || (is_chunk && self.drop_chunks)
            || (matches!(message, Message::Epoch(_)) && self.drop_words)
            || (is_vote && self.cut_votes == Some((from, to)));
        let after = self.rng.span(self.weather.delay);
        if !lost {
            self.plan(after, Happening::Message { from, to, message });
        }
    }

    /// Makes the oldest pending write of a node durable.
    pub(super) fn sync_one(&mut self, node: NodeId) {
        let Some(member) = self.nodes.get_mut(&node) else { return };
        if member.writes.is_empty() {
            return;
        }
        let write = member.writes.remove(0);
        member.image.apply(&write).expect("a write continues the log");
        member.durable = write.ticket.sequence;
        let durable = member.durable;
        let (ready, waiting): (Vec<_>, Vec<_>) =
            std::mem::take(&mut member.waiting).into_iter().partition(|(.., ticket)| ticket.sequence <= durable);
        member.waiting = waiting;
        for (to, message, _) in ready {
            self.send(node, to, message);
        }
        self.step(node, Input::Written(write.ticket));
    }

    fn apply(&mut self, node: NodeId, from: LogIndex, through: LogIndex) {
        let Some(member) = self.nodes.get_mut(&node) else { return };
        let entries: Vec<_> = member.image.entries(from, through).to_vec();
        assert_eq!(entries.len() as u64, through.0 + 1 - from.0, "what is applied is durable");
        let mut results = Vec::new();
        for entry in entries {
            assert_eq!(entry.index, member.applied.next(), "entries are applied in order");
            member.applied = entry.index;
            member.state.apply(&entry);
            let first = self.agreed.entry(entry.index).or_insert_with(|| Arc::clone(&entry));
            if *first != entry {
                self.disagreement = Some(format!("{node} applied {entry:?}, another one {first:?}"));
            }
            if entry.client != ClientId(0) {
                let (index, client, number) = (entry.index, entry.client, entry.number);
                results.push(Applied { index, client, number, result: Bytes::from_static(b"done") });
            }
        }
        self.step(node, Input::Applied { through, results });
    }

    fn answered(&mut self, client: ClientId, number: RequestNumber, outcome: Outcome) {
        let Outcome::Replied(reply) = outcome else { return };
        let key = (client.0, number.0);
        let Some((_, replies, asked)) = self.pending.get_mut(&key) else { return };
        self.ring.verify(&[reply.claim(CLUSTER)]).expect("replicas sign what they answer");
        let needed = quorum::one_honest(self.config.voters.len() as u32);
        if replies.take(*reply, needed).is_some() {
            self.told.insert(key, (*asked, self.now));
            self.pending.remove(&key);
        }
    }
}
