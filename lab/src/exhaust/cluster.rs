//! What is a whole small world, and what can happen in it next?
//!
//! A world is a handful of numbers: which state each node is in, which messages
//! are on their way on each link, what the properties remember, and what is used
//! up of the bounds. Nodes' states, messages and the outcomes of inputs are kept
//! once and named by numbers, so that a step of the world is a look-up.
//!
//! **Loss** is no step of its own. A message stays on its way until it is
//! delivered, and a new one that finds its link full is lost or takes the place
//! of one that is there; both are explored. Whatever can happen without a message
//! can happen beside it, so nothing is missed.
//!
//! **Names do not matter.** A world's key is the lowest hash under all orders of
//! the nodes.

use std::sync::Arc;

use quorumscope_core::few;
use quorumscope_core::protocol::Protocol as _;
use quorumscope_core::raft::{AppendOutcome, Config, Message, Rule, Switches};
use quorumscope_core::record::Role;
use quorumscope_core::types::NodeId;

use super::bounds::Bounds;
use super::check::{Committed, Finding, Past, logs_match};
use super::hash::{Hash128, Index};
use super::local::{Brief, Disk, Happening, Local, Outcome, small};

/// After so many writes of one step a crash is tried.
const MAX_CUTS: u8 = 6;

/// What is often asked of a node's state.
struct Kept {
    /// Its hash under each order of the nodes.
    hashes: Box<[u128]>,
    /// The lowest of them: the same whatever the nodes are called.
    class: u128,
    log: Box<[Brief]>,
    term: u8,
    leads: bool,
    campaigns: bool,
    waits: bool,
    pending: u8,
    /// The term on its disk, which only a lost store takes away.
    durable_term: u8,
    /// The vote on its disk: a node's number from 1, or 0.
    durable_vote: u8,
}

impl Kept {
    /// Whether the node is in this term for good or beyond it, and `uses` nothing of it any more: a role that it has
    /// in no term that is on its disk does not come back.
    fn has_left(&self, term: u8, uses: bool) -> bool {
        self.durable_term > term || self.durable_term == term && (!uses || self.term > term)
    }
}

/// The outcome of an input, kept once.
struct Known {
    next: u32,
    /// Receiver and message.
    sends: Box<[(u8, u32)]>,
    /// Only where a property speaks of it.
    marks: Option<Box<Outcome>>,
    /// After each of so many writes a crash may come.
    syncs: u8,
}

/// How one world came from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Move {
    /// The position of the node.
    pub(super) node: u8,
    pub(super) act: Act,
    /// The position in the state of the message that was delivered.
    pub(super) slot: Option<u8>,
}

/// A happening as a number among few, so that its outcome is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Act(u32);

impl Act {
    const TIMES_OUT: Self = Self(0);
    const SYNCS: Self = Self(1);
    const LOSES_STORE: Self = Self(2);

    fn command(number: u8) -> Self {
        Self(3 | u32::from(number) << 9)
    }

    fn crashes(kept: u8) -> Self {
        Self(4 | u32::from(kept) << 9)
    }

    fn receives(from: u8, message: u32) -> Self {
        Self(5 | u32::from(from) << 3 | message << 9)
    }

    /// The same, and then a crash with this many of its writes on the disk. No step writes more than a few times.
    fn cut(self, after: u8) -> Self {
        Self(self.0 | u32::from(after + 1) << 6)
    }

    /// With how many of its writes on the disk it ends in a crash, where it does.
    pub(super) fn cut_after(self) -> Option<u8> {
        small(u64::from(self.0 >> 6 & 7)).checked_sub(1)
    }

    fn kind(self) -> u32 {
        self.0 & 7
    }
}

/// The worlds that follow one.
#[derive(Debug, Default)]
pub(super) struct Next {
    /// One after the other.
    pub(super) states: Vec<u32>,
    pub(super) moves: Vec<Move>,
    /// The first move that breaks a property.
    pub(super) broken: Option<(Move, Finding)>,
}

/// All that is known of small worlds within these bounds.
pub(super) struct Model {
    pub(super) bounds: Bounds,
    config: Config<Switches>,
    /// All orders of the nodes: the new name of each, and who has each new name.
    orders: Vec<(Vec<u8>, Vec<u8>)>,
    /// The number of an order, found by who has each new name.
    order_of: Vec<u8>,
    /// Nodes' states, and what is often asked of each.
    locals: Vec<Local>,
    kept: Vec<Kept>,
    local_index: Index,
    messages: Vec<Message>,
    message_index: Index,
    known: Vec<Known>,
    known_index: Index,
    pasts: Vec<Arc<Past>>,
    past_index: Index,
    scratch: Vec<u32>,
    /// Whether a vote that is on the disk is given for good.
    votes_last: bool,
    /// Whether messages that do nothing are kept all the same.
    pub(super) keeps_idle: bool,
}

/// All orders of `count` names.
fn orders(count: u8) -> Vec<Vec<u8>> {
    let mut all = vec![Vec::new()];
    for name in 0..count {
        let wider = |order: Vec<u8>| {
            (0..=order.len()).rev().map(move |at| {
                let mut order = order.clone();
                order.insert(at, name);
                order
            })
        };
        all = all.into_iter().flat_map(wider).collect();
    }
    all
}

impl Model {
    pub(super) fn new(bounds: Bounds) -> Self {
        let inverse = |names: &Vec<u8>| {
            let mut inverse = names.clone();
            (0..bounds.nodes).for_each(|node| inverse[usize::from(names[usize::from(node)])] = node);
            inverse
        };
        let no_past: Vec<Committed> = Vec::new();
        let mut past_index = Index::new();
        past_index.insert(Hash128::of(&no_past));
        let orders: Vec<_> = orders(bounds.nodes).into_iter().map(|names| (names.clone(), inverse(&names))).collect();
        let mut order_of = vec![0; 5_usize.pow(u32::from(bounds.nodes))];
        for ((_, who), number) in orders.iter().zip(0..) {
            order_of[place_of(who)] = number;
        }
        Self {
            config: bounds.config(),
            orders,
            order_of,
            locals: Vec::new(),
            kept: Vec::new(),
            local_index: Index::new(),
            messages: Vec::new(),
            message_index: Index::new(),
            known: Vec::new(),
            known_index: Index::new(),
            pasts: vec![Arc::default()],
            past_index,
            scratch: Vec::new(),
            votes_last: ![Rule::OneVotePerTerm, Rule::VoteKeptWithinTerm]
                .iter()
                .any(|rule| bounds.rules_off.contains(rule)),
            // A node that forgets its term has left nothing for good.
            keeps_idle: bounds.lost_stores > 0,
            bounds,
        }
    }

    fn nodes(&self) -> usize {
        usize::from(self.bounds.nodes)
    }

    /// How many numbers make a world: nodes, links, what the properties remember, what is used up.
    pub(super) fn width(&self) -> usize {
        self.nodes() + self.nodes() * (self.nodes() - 1) * usize::from(self.bounds.in_flight) + 2
    }

    /// Where the messages from one node to another stand.
    pub(super) fn link(&self, from: usize, to: usize) -> core::ops::Range<usize> {
        let each = usize::from(self.bounds.in_flight);
        let link = from * (self.nodes() - 1) + if to > from { to - 1 } else { to };
        let start = self.nodes() + link * each;
        start..start + each
    }

    /// The world before anything happened.
    pub(super) fn first(&mut self) -> Vec<u32> {
        let mut state: Vec<u32> = (1..=u32::from(self.bounds.nodes))
            .map(|node| self.keep(Local::fresh(&self.config, NodeId(node))))
            .collect();
        state.resize(self.width(), 0);
        state
    }

    pub(super) fn local(&self, number: u32) -> &Local {
        &self.locals[number as usize]
    }

    /// The message that a slot holds.
    pub(super) fn message(&self, slot: u32) -> Option<&Message> {
        self.messages.get(slot.checked_sub(1)? as usize)
    }

    fn keep(&mut self, local: Local) -> u32 {
        let status = local.raft.status();
        let hashes: Box<[u128]> = self.orders.iter().map(|(names, _)| local.projection(&status, names)).collect();
        // The first order leaves all names as they are.
        let (number, new) = self.local_index.insert(hashes[0]);
        if new {
            let class = hashes.iter().copied().min().unwrap_or_default();
            self.kept.push(Kept {
                hashes,
                class,
                log: local.log().into(),
                term: small(status.term.0),
                leads: status.role == Role::Leader,
                campaigns: status.role == Role::Candidate,
                waits: local.raft.next_deadline().is_some(),
                pending: local.pending(),
                durable_term: small(local.image.hard.current_term.0),
                durable_vote: local.image.hard.voted_for.map_or(0, |node| small(u64::from(node.0))),
            });
            self.locals.push(local);
        }
        number
    }

    /// Kept messages are numbered from 1; 0 is an empty slot.
    fn keep_message(&mut self, message: Message) -> u32 {
        let (number, new) = self.message_index.insert(Hash128::of(&message));
        if new {
            self.messages.push(message);
        }
        number + 1
    }

    pub(super) fn happening(&self, act: Act) -> Happening {
        let value = act.0 >> 9;
        match act.kind() {
            0 => Happening::TimesOut,
            1 => Happening::Syncs,
            2 => Happening::LosesStore,
            3 => Happening::Command(small(u64::from(value))),
            4 => Happening::Crashes { kept: small(u64::from(value)) },
            _ => {
                let message = self.message(value).expect("only kept messages are delivered").clone();
                Happening::Receives { from: NodeId((act.0 >> 3 & 7) + 1), message }
            }
        }
    }

    fn known(&self, local: u32, act: Act) -> Option<&Known> {
        self.known.get(self.known_index.find(outcome_key(local, act))? as usize)
    }

    /// What leaves a node in this state at `act`, as far as that was explored.
    pub(super) fn sent(&self, local: u32, act: Act) -> impl Iterator<Item = (u8, u32)> {
        self.known(local, act).into_iter().flat_map(|known| known.sends.iter().copied())
    }

    /// What becomes of a node in this state at `act`, as far as that was explored.
    pub(super) fn reached(&self, local: u32, act: Act) -> Option<&Local> {
        self.known(local, act).map(|known| self.local(known.next))
    }

    /// The number of the outcome of `act` at a node in this state.
    fn outcome(&mut self, local: u32, act: Act) -> usize {
        let (number, new) = self.known_index.insert(outcome_key(local, act));
        if new {
            let happening = self.happening(act);
            let disk = match self.bounds.pending {
                0 => Disk::Lockstep { cut: act.cut_after() },
                _ => Disk::Overlapping,
            };
            let (next, mut outcome) = self.locals[local as usize].after(&self.config, &happening, disk);
            let syncs = std::mem::take(&mut outcome.syncs).min(MAX_CUTS);
            let sends = std::mem::take(&mut outcome.sends);
            let sends = sends.into_iter().map(|(to, message)| (small(u64::from(to.0)) - 1, self.keep_message(message)));
            let sends = sends.collect();
            let next = self.keep(next);
            let marks = (outcome != Outcome::default()).then(|| Box::new(outcome));
            self.known.push(Known { next, sends, marks, syncs });
        }
        number as usize
    }

    /// Everything that can happen next.
    pub(super) fn successors(&mut self, state: &[u32], out: &mut Next) {
        out.states.clear();
        out.moves.clear();
        let used = Used::of(state[state.len() - 1]);
        for node in 0..self.bounds.nodes {
            let Kept { leads, waits, pending, term, .. } = self.kept[state[usize::from(node)] as usize];
            let stalls = self.bounds.pending > 0 && pending >= self.bounds.pending;
            if pending > 0 {
                self.go(state, Move { node, act: Act::SYNCS, slot: None }, out);
            }
            if !stalls && waits && (leads || term < self.bounds.terms) {
                self.go(state, Move { node, act: Act::TIMES_OUT, slot: None }, out);
            }
        }
        for node in 0..self.bounds.nodes {
            let Kept { leads, pending, .. } = self.kept[state[usize::from(node)] as usize];
            let stalls = self.bounds.pending > 0 && pending >= self.bounds.pending;
            if leads && !stalls && used.commands < self.bounds.commands {
                self.go(state, Move { node, act: Act::command(used.commands + 1), slot: None }, out);
            }
            for from in (0..self.bounds.nodes).filter(|from| *from != node && !stalls) {
                for slot in self.link(usize::from(from), usize::from(node)) {
                    // Slots of a link are sorted, so a second copy stands beside the first.
                    let copy =
                        slot > self.link(usize::from(from), usize::from(node)).start && state[slot - 1] == state[slot];
                    if state[slot] != 0 && !copy {
                        let act = Act::receives(from, state[slot]);
                        self.go(state, Move { node, act, slot: Some(slot as u8) }, out);
                    }
                }
            }
            if used.crashes < self.bounds.crashes {
                for kept in 0..=pending {
                    self.go(state, Move { node, act: Act::crashes(kept), slot: None }, out);
                }
                if used.lost < self.bounds.lost_stores {
                    self.go(state, Move { node, act: Act::LOSES_STORE, slot: None }, out);
                }
            }
        }
    }

    /// What follows from one move, and from a crash in the midst of it.
    fn go(&mut self, state: &[u32], step: Move, out: &mut Next) {
        self.go_one(state, step, out);
        if Used::of(state[state.len() - 1]).crashes < self.bounds.crashes {
            let syncs = self.known(state[usize::from(step.node)], step.act).map_or(0, |known| known.syncs);
            (0..syncs).for_each(|after| self.go_one(state, Move { act: step.act.cut(after), ..step }, out));
        }
    }

    /// What follows from one move, in every way in which messages find their links full.
    fn go_one(&mut self, state: &[u32], step: Move, out: &mut Next) {
        let (node, width) = (usize::from(step.node), state.len());
        let before = state[node];
        let outcome = self.outcome(before, step.act);
        let next = self.known[outcome].next;
        let mut after = std::mem::take(&mut self.scratch);
        after.clear();
        after.extend_from_slice(state);
        after[node] = next;
        if let Some(slot) = step.slot {
            after[usize::from(slot)] = 0;
        }
        let mut used = Used::of(after[width - 1]);
        used.count(step.act);
        if let Err(finding) = self.check(&mut after, &mut used, node, before, outcome) {
            out.broken.get_or_insert((step, finding));
            self.scratch = after;
            return;
        }
        after[width - 1] = used.packed();
        if next != before {
            self.forget_idle(&mut after, node);
        }
        let begin = out.states.len();
        out.states.extend_from_slice(&after);
        self.scratch = after;
        for at in 0..self.known[outcome].sends.len() {
            let (to, message) = self.known[outcome].sends[at];
            if !self.is_idle(message, node, usize::from(to), &out.states[begin..begin + width]) {
                place(&mut out.states, begin, width, self.link(node, usize::from(to)), message);
            }
        }
        for at in (begin..out.states.len()).step_by(width) {
            if step.slot.is_some() || self.bounds.in_flight > 1 {
                self.sort_links(&mut out.states[at..at + width]);
            }
            out.moves.push(step);
        }
    }

    fn sort_links(&self, state: &mut [u32]) {
        if self.bounds.in_flight > 1 {
            let end = state.len() - 2;
            for link in state[self.nodes()..end].chunks_mut(usize::from(self.bounds.in_flight)) {
                link.sort_unstable();
            }
        }
    }

    /// Whether a message can do nothing that is not possible without it, now or later, so that it is as if it were
    /// lost. Whoever is in a lower term, or has not voted, can do all that it could do in a higher one or after a
    /// vote: what only makes a node adopt a term or give its vote away is of no use to anybody.
    fn is_idle(&self, message: u32, from: usize, to: usize, state: &[u32]) -> bool {
        if self.keeps_idle {
            return false;
        }
        let (sender, receiver) = (&self.kept[state[from] as usize], &self.kept[state[to] as usize]);
        match self.message(message) {
            // The candidate can use no answer any more, or the vote is given to another one.
            Some(Message::RequestVote(request)) => {
                let term = small(request.term.0);
                let voted =
                    receiver.durable_term == term && ![0, small(from as u64) + 1].contains(&receiver.durable_vote);
                receiver.durable_term > term || sender.has_left(term, sender.campaigns) || (self.votes_last && voted)
            }
            Some(Message::RequestVoteReply(reply)) => {
                let term = small(reply.term.0);
                receiver.has_left(term, receiver.campaigns && reply.vote_granted)
            }
            Some(Message::AppendEntries(append)) => receiver.durable_term > small(append.term.0),
            Some(Message::FeedEdge(feed)) => receiver.durable_term > small(feed.append.term.0),
            Some(Message::Relayed(relayed)) => receiver.durable_term > small(relayed.append.term.0),
            Some(Message::Relay(order)) => receiver.durable_term > small(order.append.term.0),
            Some(Message::AppendEntriesReply(reply)) => {
                let asks = (receiver.leads || receiver.campaigns) && reply.outcome != AppendOutcome::StaleTerm;
                receiver.has_left(small(reply.term.0), asks)
            }
            Some(
                Message::PreVote(_)
                | Message::PreVoteReply(_)
                | Message::InstallSnapshot(_)
                | Message::InstallSnapshotReply(_)
                | Message::ReadIndex(_)
                | Message::ReadIndexReply(_)
                | Message::TimeoutNow(_),
            )
            | None => false,
        }
    }

    /// Empties the slots to and from a node whose messages do nothing any more.
    fn forget_idle(&self, state: &mut [u32], node: usize) {
        for other in (0..self.nodes()).filter(|other| *other != node) {
            for (from, to) in [(other, node), (node, other)] {
                for slot in self.link(from, to) {
                    if state[slot] != 0 && self.is_idle(state[slot], from, to, state) {
                        state[slot] = 0;
                    }
                }
            }
        }
    }

    /// Holds what happened against the properties, and remembers it.
    fn check(
        &mut self,
        after: &mut [u32],
        used: &mut Used,
        node: usize,
        before: u32,
        outcome: usize,
    ) -> Result<(), Finding> {
        let Known { next, marks, .. } = &self.known[outcome];
        let (was, is) = (&self.kept[before as usize], &self.kept[*next as usize]);
        let id = NodeId(node as u32 + 1);
        let past_at = after.len() - 2;
        if let Some(marks) = marks {
            let mut past = Past { led: used.led, committed: self.pasts[after[past_at] as usize].committed.clone() };
            let length = past.committed.len();
            if let Some(finding) = past.add(id, is.term, &is.log, marks) {
                return Err(finding);
            }
            used.led = past.led;
            if past.committed.len() != length {
                let (number, new) = self.past_index.insert(Hash128::of(&past.committed));
                if new {
                    self.pasts.push(Arc::new(past));
                }
                after[past_at] = number;
            }
        }
        if was.log != is.log {
            for other in (0..self.nodes()).filter(|other| *other != node) {
                let (other, log) = (NodeId(other as u32 + 1), &self.kept[after[other] as usize].log);
                if let Some(finding) = logs_match((id, &is.log), (other, log)) {
                    return Err(finding);
                }
            }
        }
        Ok(())
    }

    /// The world's key: the lowest hash under the orders of the nodes that put their classes in order. Mostly all
    /// classes are different, and there is only one.
    pub(super) fn key(&self, state: &[u32]) -> u128 {
        let class = |node: u8| self.kept[state[usize::from(node)] as usize].class;
        let mut sorted = [0, 1, 2, 3, 4];
        let sorted = &mut sorted[..self.nodes()];
        few::sort(sorted, |a, b| class(*a) < class(*b));
        if sorted.windows(2).all(|pair| class(pair[0]) < class(pair[1])) {
            let order = self.order_of[place_of(sorted)];
            return self.hash_in_order(state, usize::from(order), sorted);
        }
        let orders = self.orders.iter().enumerate();
        let in_order = orders.filter(|(_, (_, who))| who.is_sorted_by_key(|node| class(*node)));
        in_order.map(|(order, (_, who))| self.hash_in_order(state, order, who)).min().unwrap_or_default()
    }

    fn hash_in_order(&self, state: &[u32], order: usize, who: &[u8]) -> u128 {
        let mut hash = Hash128::new();
        for node in who {
            hash.wide(self.kept[state[usize::from(*node)] as usize].hashes[order]);
        }
        for from in who {
            for to in who.iter().filter(|to| *to != from) {
                for slot in self.link(usize::from(*from), usize::from(*to)) {
                    hash.word(u64::from(state[slot]));
                }
            }
        }
        hash.word(u64::from(state[state.len() - 2]) << 32 | u64::from(state[state.len() - 1]));
        hash.value()
    }

    /// How many states of single nodes, and how many outcomes, are kept.
    pub(super) fn kept(&self) -> (u64, u64) {
        (self.locals.len() as u64, self.known.len() as u64)
    }

    /// About how much it holds, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        // Measured: a node's state with its log, disk and hashes.
        const LOCAL: u64 = 2_500;
        const OUTCOME: u64 = 80;
        self.locals.len() as u64 * (LOCAL + self.orders.len() as u64 * 16)
            + self.known.len() as u64 * OUTCOME
            + self.local_index.bytes()
            + self.known_index.bytes()
    }
}

/// Puts a message on its link in all worlds from `begin` on: into a free slot, or, where there is none, in the place
/// of each message that is there, and of none.
fn place(states: &mut Vec<u32>, begin: usize, width: usize, link: core::ops::Range<usize>, message: u32) {
    let end = states.len();
    for at in (begin..end).step_by(width) {
        let slots = at + link.start..at + link.end;
        if states[slots.clone()].contains(&message) && link.len() == 1 {
            continue;
        }
        if let Some(free) = slots.clone().find(|slot| states[*slot] == 0) {
            states[free] = message;
            continue;
        }
        for slot in slots {
            let copy = states.len();
            states.extend_from_within(at..at + width);
            states[copy + slot - at] = message;
        }
    }
}

/// The place of an order in a table: its names as the digits of a number.
fn place_of(who: &[u8]) -> usize {
    who.iter().fold(0, |place, node| place * 5 + usize::from(*node))
}

fn outcome_key(local: u32, act: Act) -> u128 {
    let mut key = Hash128::new();
    key.word(u64::from(local) << 32 | u64::from(act.0));
    key.value()
}

/// What is used up of the bounds, and the terms that had a leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Used {
    pub(super) crashes: u8,
    pub(super) commands: u8,
    pub(super) lost: u8,
    pub(super) led: u8,
}

impl Used {
    pub(super) fn of(word: u32) -> Self {
        let [crashes, commands, lost, led] = word.to_le_bytes();
        Self { crashes, commands, lost, led }
    }

    fn packed(self) -> u32 {
        u32::from_le_bytes([self.crashes, self.commands, self.lost, self.led])
    }

    fn count(&mut self, act: Act) {
        self.commands += u8::from(act.kind() == 3);
        self.crashes += u8::from(act.kind() == 4 || act == Act::LOSES_STORE || act.cut_after().is_some());
        self.lost += u8::from(act == Act::LOSES_STORE);
    }
}
