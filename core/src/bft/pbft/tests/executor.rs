//! What the world does for a replica: sends, disks, machines, clocks.

use std::sync::Arc;

use super::cluster::{Cluster, Happening};
use crate::bft::pbft::{HardState, Message};
use crate::crypto::Hash256;
use crate::entry::EntryKind;
use crate::protocol::{Applied, Effect, Effects, Input, Protocol as _};
use crate::types::{LogIndex, Mono, NodeId, Now, Term, Wall};

impl Cluster {
    pub(super) fn step(&mut self, node: NodeId, input: Input<Message>) {
        let Some(member) = self.nodes.get_mut(&node).filter(|node| !node.is_down && node.broken.is_none()) else {
            return;
        };
        let now = Now { mono: Mono(self.now), wall: Wall(self.now + member.skew) };
        let mut out = Effects::listening();
        member.replica.step(now, input, &mut out);
        for effect in out.drain() {
            self.carry_out(node, effect);
        }
        self.tell_convicted(node);
        self.plan_wake(node);
    }

    /// Tells a replica whom its machine records as convicted, where that has become more.
    fn tell_convicted(&mut self, node: NodeId) {
        let member = self.nodes.get_mut(&node).expect("a member");
        let all = member.machine.convicted();
        if all.len() > member.told {
            member.told = all.len();
            let all = all.to_vec();
            self.report(node, Input::Convicted(all));
        }
    }

    /// One step whose effects go nowhere; messages are counted.
    pub(super) fn step_alone(&mut self, node: NodeId, input: Input<Message>) {
        let Some(member) = self.nodes.get_mut(&node).filter(|node| node.broken.is_none()) else { return };
        let now = Now { mono: Mono(self.now), wall: Wall(self.now + member.skew) };
        let mut out = Effects::listening();
        member.replica.step(now, input, &mut out);
        for effect in out.drain() {
            match effect {
                Effect::Send { .. } => self.sent += 1,
                Effect::Broken(fact) => member.broken = Some(fact),
                _ => {}
            }
        }
    }

    pub(super) fn carry_out(&mut self, node: NodeId, effect: Effect<Message, HardState>) {
        let member = self.nodes.get_mut(&node).expect("a member");
        match effect {
            Effect::Send { to, message, after } => match after.filter(|ticket| ticket.sequence > member.durable) {
                Some(ticket) => member.waiting.push((to, message, ticket)),
                None => self.leaves(node, to, message),
            },
            Effect::Write(write) => {
                let is_first = write.ticket.sequence == 1;
                member.writes.push_back(write);
                let incarnation = member.image.incarnation;
                let is_slow = self.slow.contains(&node) && !(is_first && self.slow_after_first_write);
                let delay = self.network.sync.0 + self.rng.below(self.network.sync.1 - self.network.sync.0);
                let delay = if is_slow { 10_000_000 } else { delay };
                self.after(delay, Happening::Synced { node, incarnation });
            }
            Effect::Apply { from, through } => self.apply(node, from, through),
            Effect::Snapshot { index } => {
                let (digest, data) = (member.machine.snapshot_digest(), member.machine.snapshot());
                self.report(node, Input::SnapshotTaken { index, digest, data });
            }
            Effect::Restore { index } => {
                let snapshot = member.image.snapshot.clone().expect("a durable snapshot");
                assert_eq!(snapshot.meta.index, index);
                if member.machine.restore(&snapshot.data).is_err() && !self.config.rules.off().any(|_| true) {
                    panic!("a proven snapshot is a state");
                }
                self.report(node, Input::Applied { through: index, results: Vec::new() });
            }
            Effect::Answer { client, number, outcome } => self.answer(client, number, outcome),
            Effect::Broken(fact) => member.broken = Some(fact),
            Effect::Note(crate::event::Event::Pbft(event)) => {
                let kind = format!("{event:?}");
                self.seen.insert(kind.split([' ', '{']).next().unwrap_or_default().to_owned());
                member.events.push(event);
            }
            Effect::Note(_) | Effect::Read { .. } | Effect::Project { .. } => {}
        }
    }

    fn report(&mut self, node: NodeId, input: Input<Message>) {
        let delay = 10 + self.rng.below(400);
        let member = self.nodes.get_mut(&node).expect("a member");
        member.reported_at = (self.now + delay).max(member.reported_at + 1);
        let (at, incarnation) = (member.reported_at - self.now, member.image.incarnation);
        self.after(at, Happening::Reports { node, incarnation, input: Box::new(input) });
    }

    fn apply(&mut self, node: NodeId, from: LogIndex, through: LogIndex) {
        let is_honest = !self.liars.contains(&node);
        let member = self.nodes.get_mut(&node).expect("a member");
        let mut results = Vec::new();
        let entries = member.image.entries(from, through).to_vec();
        assert_eq!(entries.len() as u64, through.0 + 1 - from.0, "what is applied is durable");
        for entry in entries {
            let (client, number) = (entry.client, entry.number);
            let bytes = postcard::to_allocvec(&*entry).expect("an entry");
            let seen = (entry.term, Hash256::of(&bytes));
            let known = *self.applied.entry(entry.index).or_insert(seen);
            if is_honest && known != seen {
                self.contradictions.push(format!("{node} applied something else at {}", entry.index));
            }
            if entry.kind == EntryKind::Command {
                let answer = member.machine.apply(entry.index, entry.log_time, client, number, &entry.payload);
                results.push(Applied { index: entry.index, client, number, result: answer.encode() });
            } else {
                member.machine.advance(entry.log_time);
            }
        }
        self.report(node, Input::Applied { through, results });
    }

    /// A message leaves: what it promises is durable.
    fn leaves(&mut self, from: NodeId, to: NodeId, message: Message) {
        self.sent += 1;
        self.hear(from, &message);
        let messages = match self.tamper.take() {
            Some(mut tamper) => {
                let messages = tamper(from, to, message);
                self.tamper = Some(tamper);
                messages
            }
            None => vec![message],
        };
        for message in messages {
            self.post(from, to, message);
        }
    }

    pub(super) fn post(&mut self, from: NodeId, to: NodeId, message: Message) {
        let copies = 1 + u64::from(self.rng.chance_ppm(self.network.twice_ppm));
        for _ in 0..copies {
            let lost = self.rng.chance_ppm(self.network.loss_ppm) || self.cut.contains(&(from, to));
            let delay = self.network.delay.0 + self.rng.below(self.network.delay.1 - self.network.delay.0);
            if !lost {
                self.after(delay, Happening::Arrives { from, to, message: message.clone() });
            }
        }
    }

    /// No honest replica says two things of one sequence number in one view.
    fn hear(&mut self, from: NodeId, message: &Message) {
        let primary = |view: Term| {
            let voters = &self.config.settings.voters;
            voters[(view.0 % voters.len() as u64) as usize]
        };
        let (kind, subject) = match message {
            Message::PrePrepare(said) if primary(said.view) == from => (1, said.subject()),
            Message::Prepare(vote) => (2, vote.subject),
            Message::Commit(vote) => (3, vote.subject),
            _ => return,
        };
        let known = *self.said.entry((from, kind, subject.view, subject.sequence)).or_insert(subject.hash);
        if known != subject.hash && !self.liars.contains(&from) {
            self.contradictions.push(format!("{from} said two things of {} in {}", subject.sequence, subject.view));
        }
    }

    fn sync_one(&mut self, node: NodeId) {
        let member = self.nodes.get_mut(&node).expect("a member");
        let Some(write) = member.writes.pop_front() else { return };
        member.image.apply(&write).expect("a write continues the log");
        member.durable = write.ticket.sequence;
        let durable = member.durable;
        let (ready, waiting): (Vec<_>, Vec<_>) =
            std::mem::take(&mut member.waiting).into_iter().partition(|(_, _, ticket)| ticket.sequence <= durable);
        member.waiting = waiting;
        for (to, message, _) in ready {
            self.leaves(node, to, message);
        }
        self.step(node, Input::Written(write.ticket));
    }

    pub(super) fn deliver(&mut self, from: NodeId, to: NodeId, message: Message) {
        let Some(member) = self.nodes.get_mut(&to).filter(|node| !node.is_down) else { return };
        let mut claims = Vec::new();
        member.replica.claims(from, &message, &mut claims);
        match member.verified.check(&*self.verifier, &claims) {
            Ok(()) => self.step(to, Input::Receive { from, message }),
            Err(_) => self.step(to, Input::Forged { from }),
        }
    }

    /// Lets one thing happen.
    pub(super) fn tick(&mut self) {
        let Some(((at, _), happening)) = self.queue.pop_first() else { return };
        self.now = at;
        match happening {
            Happening::Arrives { from, to, message } => self.deliver(from, to, message),
            Happening::Synced { node, incarnation } => {
                if self.nodes[&node].image.incarnation == incarnation && !self.nodes[&node].is_down {
                    self.sync_one(node);
                }
            }
            Happening::Reports { node, incarnation, input } => {
                if self.nodes[&node].image.incarnation == incarnation {
                    self.step(node, *input);
                }
            }
            Happening::Wakes { node } => {
                let now = Mono(self.now);
                if self.nodes[&node].replica.next_deadline().is_some_and(|deadline| deadline <= now) {
                    self.step(node, Input::DeadlineReached);
                }
            }
            Happening::Retries { client, number } => {
                if !self.is_done(client, number) && self.clients_retry {
                    let bundle = Arc::clone(&self.asked[&(client, number)].bundle);
                    for to in self.config.settings.voters.clone() {
                        if !self.rng.chance_ppm(self.network.loss_ppm) {
                            self.request(to, &bundle);
                        }
                    }
                    self.after(200_000, Happening::Retries { client, number });
                }
            }
            Happening::Restarts { node } => self.restart(node.0),
        }
    }
}
