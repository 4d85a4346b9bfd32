//! What the world does for a replica: sends, disks, machines, clocks.

use super::{Cluster, Happening, Subject};
use crate::bft::testing::TestRing;
use crate::crypto::Hash256;
use crate::entry::EntryKind;
use crate::event::Event;
use crate::protocol::{Applied, Effect, Effects, Input};
use crate::types::{LogIndex, Mono, NodeId};

impl<S: Subject> Cluster<S> {
    pub(in crate::bft) fn step(&mut self, node: NodeId, input: Input<S::Message>) {
        let Some(skew) = self.nodes.get(&node).filter(|node| !node.is_down && node.broken.is_none()).map(|n| n.skew)
        else {
            return;
        };
        let now = self.clock(skew);
        let mut out = Effects::listening();
        self.nodes.get_mut(&node).expect("a member").replica.step(now, input, &mut out);
        self.take(node, out);
    }

    /// Carries out what a replica has asked for.
    pub(in crate::bft) fn take(&mut self, node: NodeId, mut out: Effects<S::Message, S::Hard>) {
        for effect in out.drain() {
            self.carry_out(node, effect);
        }
        self.plan_wake(node);
    }

    fn carry_out(&mut self, node: NodeId, effect: Effect<S::Message, S::Hard>) {
        let member = self.nodes.get_mut(&node).expect("a member");
        match effect {
            Effect::Send { to, message, after } => match after.filter(|ticket| ticket.sequence > member.durable) {
                Some(ticket) => member.waiting.push((to, message, ticket)),
                None => self.leaves(node, to, message),
            },
            Effect::Write(write) => {
                member.writes.push_back(write);
                let incarnation = member.image.incarnation;
                let delay = self.network.sync.0 + self.rng.below(self.network.sync.1 - self.network.sync.0);
                let delay = if self.slow.contains(&node) { 10_000_000 } else { delay };
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
                member.machine.restore(&snapshot.data).expect("a proven snapshot is a state");
                let convicted = member.machine.convicted().to_vec();
                if !convicted.is_empty() {
                    self.report(node, Input::Convicted(convicted));
                }
                self.report(node, Input::Applied { through: index, results: Vec::new() });
            }
            Effect::Answer { client, number, outcome } => self.answer(client, number, outcome),
            Effect::Broken(fact) => member.broken = Some(fact),
            Effect::Note(event) => {
                let kind = match &event {
                    Event::Rounds(event) => format!("{event:?}"),
                    event => format!("{event:?}"),
                };
                self.seen.insert(kind.split([' ', '{']).next().unwrap_or_default().to_owned());
                member.events.push(event);
            }
            Effect::Read { .. } | Effect::Project { .. } => {}
        }
    }

    pub(super) fn report(&mut self, node: NodeId, input: Input<S::Message>) {
        let delay = 10 + self.rng.below(400);
        let member = self.nodes.get_mut(&node).expect("a member");
        member.reported_at = (self.now + delay).max(member.reported_at + 1);
        let (at, incarnation) = (member.reported_at - self.now, member.image.incarnation);
        self.after(at, Happening::Reports { node, incarnation, input: Box::new(input) });
    }

    fn apply(&mut self, node: NodeId, from: LogIndex, through: LogIndex) {
        let is_honest = !self.liars.contains(&node);
        let member = self.nodes.get_mut(&node).expect("a member");
        let (mut results, known_liars) = (Vec::new(), member.machine.convicted().len());
        let entries = member.image.entries(from, through).to_vec();
        assert_eq!(entries.len() as u64, through.0 + 1 - from.0, "what is applied is durable");
        for entry in entries {
            let (client, number) = (entry.client, entry.number);
            let bytes = postcard::to_allocvec(&*entry).expect("an entry");
            let seen = (entry.term, Hash256::of(&bytes));
            let known = if is_honest { *self.applied.entry(entry.index).or_insert(seen) } else { seen };
            if is_honest {
                self.ordered.entry(entry.index).or_insert((client.0, number.0));
            }
            if known != seen {
                self.contradictions.push(format!("{node} applied something else at {}", entry.index));
            }
            if entry.kind == EntryKind::Command {
                let answer = member.machine.apply(entry.index, entry.log_time, client, number, &entry.payload);
                results.push(Applied { index: entry.index, client, number, result: answer.encode() });
            } else {
                member.machine.advance(entry.log_time);
            }
        }
        let convicted = member.machine.convicted().to_vec();
        self.report(node, Input::Applied { through, results });
        if convicted.len() > known_liars {
            self.report(node, Input::Convicted(convicted));
        }
    }

    /// A message leaves: what it promises is durable.
    fn leaves(&mut self, from: NodeId, to: NodeId, message: S::Message) {
        self.sent += 1;
        if let Some((about, what)) = S::says(&message) {
            let known = *self.said.entry((from, about)).or_insert(what);
            if known != what && !self.liars.contains(&from) {
                self.contradictions.push(format!("{from} said two things: {message:?}"));
            }
        }
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

    pub(in crate::bft) fn post(&mut self, from: NodeId, to: NodeId, message: S::Message) {
        let copies = 1 + u64::from(self.rng.chance_ppm(self.network.twice_ppm));
        for _ in 0..copies {
            let lost = self.rng.chance_ppm(self.network.loss_ppm) || self.cut.contains(&(from, to));
            let delay = self.network.delay.0 + self.rng.below(self.network.delay.1 - self.network.delay.0);
            if !lost {
                self.after(delay, Happening::Arrives { from, to, message: message.clone() });
            }
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

    fn deliver(&mut self, from: NodeId, to: NodeId, message: S::Message) {
        let Some(member) = self.nodes.get_mut(&to).filter(|node| !node.is_down) else { return };
        let mut claims = Vec::new();
        member.replica.claims(from, &message, &mut claims);
        match member.verified.check(&TestRing, &claims) {
            Ok(()) => self.step(to, Input::Receive { from, message }),
            Err(_) => self.step(to, Input::Forged { from }),
        }
    }

    /// Lets one thing happen.
    pub(in crate::bft) fn tick(&mut self) {
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
            Happening::Retries { client, number } => self.retry(client, number),
            Happening::Restarts { node } => self.restart(node.0),
        }
    }
}
