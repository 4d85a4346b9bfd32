//! How is one scenario carried out?
//!
//! All copies are what `adversary` has as a twin's second half: honest nodes
//! that do everything at once, with stores of their own. A message takes one
//! millisecond, and arrives where the two copies are on one side in the view
//! that its sender is in. Signatures are not verified, for every copy is honest and
//! signs by its own key. Clients ask everybody at the beginning, and wait.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use quorumscope_core::bft::Bundle;
use quorumscope_core::crypto::Identity;
use quorumscope_core::entry::{Class, Entry, Proposal, Tags};
use quorumscope_core::membership::Membership;
use quorumscope_core::protocol::Input;
use quorumscope_core::storage::DiskImage;
use quorumscope_core::types::{ClientId, Mono, NodeId, Now, RequestNumber, Span, Term, Wall};

use super::Parting;
use crate::adversary::{Copy, Spoken};
use crate::keys::{Keys, Scheme};
use crate::sim::{CLUSTER, MachineSetup, Subject};

/// How long a message takes.
const DELAY: Span = Span::from_millis(1);

/// How far the clock of a twin's second copy is from the first one's: what the two propose differs.
const APART: Span = Span::from_millis(7);

/// How many clients ask.
const CLIENTS: u64 = 3;

/// Most that happens in one scenario: a protocol that is broken may never rest.
const MOST: u64 = 20_000;

/// What happens.
enum Event<M> {
    Message { from: usize, to: usize, message: M },
    Deadline { at: usize },
}

/// All copies, and what is on its way between them.
pub(super) struct World<P: Subject> {
    copies: Vec<(NodeId, Copy<P>)>,
    parting: Parting,
    first_view: Term,
    now: Mono,
    events: BTreeMap<(Mono, u64), Event<P::Message>>,
    /// What each copy is waked for.
    armed: Vec<Option<(Mono, u64)>>,
    count: u64,
    until: Mono,
}

impl<P: Subject> World<P> {
    /// `first_view` is the first view of the protocol.
    pub(super) fn new(config: &P::Config, parting: &Parting, first_view: Term) -> Self {
        let voters = P::voters(config).to_vec();
        let first = Membership::of(voters.clone());
        let ids: Vec<NodeId> = voters.iter().copied().chain([parting.twin]).collect();
        let machine = P::machine(config, MachineSetup::default());
        let now = Mono(0);
        let copy = |(place, id): (usize, &NodeId)| {
            let image = DiskImage::formatted(CLUSTER, *id, first.clone());
            let seed = place as u64;
            (*id, Copy::recover(config, *id, &image, machine.clone(), seed, clock(now, place, voters.len())))
        };
        let copies: Vec<_> = ids.iter().enumerate().map(copy).collect();
        let armed = copies.iter().map(|_| None).collect();
        let views = parting.sides.len() as u64 + 8;
        let until = now + Span(super::VIEW.0 * views);
        let parting = parting.clone();
        let mut world = Self { copies, parting, first_view, now, events: BTreeMap::new(), armed, count: 0, until };
        let bundles: Vec<_> = (1..=CLIENTS).map(request).collect();
        for at in 0..world.copies.len() {
            world.step(at, Input::Requests(bundles.clone()));
        }
        world
    }

    /// Until everybody rests, or time is over.
    pub(super) fn run(&mut self) {
        while self.count < MOST
            && let Some(((at, _), event)) = self.events.pop_first()
            && at <= self.until
        {
            self.now = at;
            match event {
                Event::Message { from, to, message } => {
                    let Some((from, _)) = self.copies.get(from) else { continue };
                    let from = *from;
                    self.step(to, Input::Receive { from, message });
                }
                Event::Deadline { at } => {
                    self.armed[at] = None;
                    self.step(at, Input::DeadlineReached);
                }
            }
        }
    }

    fn step(&mut self, at: usize, input: Input<P::Message>) {
        let nodes = self.copies.len() - 1;
        let now = clock(self.now, at, nodes);
        let Some((_, copy)) = self.copies.get_mut(at) else { return };
        let spoken = copy.step(now, input);
        let (_, view) = copy.protocol.standing();
        let deadline = copy.deadline();
        let sides = view.0.checked_sub(self.first_view.0).and_then(|place| usize::try_from(place).ok());
        let sides = sides.and_then(|place| self.parting.sides.get(place)).copied().unwrap_or_default();
        for said in spoken {
            let Spoken::Message(to, message) = said else { continue };
            for (place, (node, _)) in self.copies.iter().enumerate() {
                if *node == to && place != at && sides >> place & 1 == sides >> at & 1 {
                    self.count += 1;
                    let event = Event::Message { from: at, to: place, message: message.clone() };
                    self.events.insert((self.now + DELAY, self.count), event);
                }
            }
        }
        if let Some(known) = self.armed[at].take() {
            self.events.remove(&known);
        }
        if let Some(deadline) = deadline {
            self.count += 1;
            let key = (deadline.max(self.now + Span(1)), self.count);
            self.events.insert(key, Event::Deadline { at });
            self.armed[at] = Some(key);
        }
    }

    /// Copies of nodes that are there once.
    fn honest(&self) -> impl Iterator<Item = Vec<&Arc<Entry>>> {
        let honest = self.copies.iter().filter(|(node, _)| *node != self.parting.twin);
        honest.map(|(_, copy)| copy.protocol.log().iter().collect())
    }

    pub(super) fn has_committed(&self) -> bool {
        self.honest().any(|log| !log.is_empty())
    }

    /// Whether the logs of honest nodes, which hold what is committed, are equal as far as they go.
    pub(super) fn agrees(&self) -> bool {
        let logs: Vec<_> = self.honest().collect();
        let longest = logs.iter().max_by_key(|log| log.len());
        longest.is_none_or(|longest| logs.iter().all(|log| log.iter().zip(longest).all(|(one, other)| one == other)))
    }
}

/// A copy's clocks: a second copy's wall clock is a little off.
fn clock(now: Mono, place: usize, nodes: usize) -> Now {
    let off = if place < nodes { Span(0) } else { APART };
    Now { mono: now, wall: Wall(1_000_000 + now.0) + off }
}

fn request(client: u64) -> Arc<Bundle> {
    let client = ClientId(client);
    let (number, tags, payload) = (RequestNumber(1), Tags::new(), Bytes::from_static(b"asked"));
    let proposal = Proposal { client, number, class: Class::Critical, tags, payload };
    let signer = Keys::new(0, Scheme::Cheap).signer(Identity::Client(client));
    Arc::new(Bundle::signed(CLUSTER, core::iter::once(proposal).collect(), signer.as_ref()))
}
