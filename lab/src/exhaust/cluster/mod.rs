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
//!
//! Here is what is kept; what follows from a world is in `step`, and which
//! worlds count as the same in `alike`.

mod alike;
mod step;

use std::sync::Arc;

use quorumscope_core::protocol::Protocol as _;
use quorumscope_core::raft::{Config, Message, Rule, Switches};
use quorumscope_core::record::Role;
use quorumscope_core::types::NodeId;

use super::bounds::Bounds;
use super::check::{Committed, Finding, Past};
use super::hash::{Hash128, Index};
use super::local::{Brief, Disk, Happening, Local, Outcome, small};
use super::moves::{Act, Move};
use alike::{orders, place_of};

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

fn outcome_key(local: u32, act: Act) -> u128 {
    let mut key = Hash128::new();
    key.word(u64::from(local) << 32 | u64::from(act.0));
    key.value()
}
