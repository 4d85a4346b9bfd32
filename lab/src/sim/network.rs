//! Which message arrives, when, and how often?
//!
//! Links are directed; client links are links like others. A message may be
//! cut off, lost, doubled, and takes a time of its own, so that messages
//! overtake each other. Messages on their way stand in slots, by which events
//! name them; a slot's stamp tells a live event from one whose message is gone.

use std::collections::BTreeSet;
use std::sync::Arc;

use quorumscope_core::bft::Bundle;
use quorumscope_core::entry::Proposal;
use quorumscope_core::protocol::{Outcome, ReadRequest};
use quorumscope_core::record::Endpoint;
use quorumscope_core::rng::Rng;
use quorumscope_core::types::{NodeId, RecordId, RequestNumber, Span, Time};

/// What messages meet on their way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// One-way latency, uniform between two values.
    pub latency: (Span, Span),
    /// Pairs of zones with a latency of their own. Clients stand in no zone.
    pub between: Vec<Between>,
    /// Messages lost, in parts per million.
    pub drop_ppm: u32,
    /// Messages doubled, in parts per million.
    pub duplicate_ppm: u32,
}

/// How long messages take from either of two zones to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Between {
    /// The zones, by their places in the list of zones; the lower one first.
    pub zones: (u32, u32),
    /// One-way latency, uniform between two values.
    pub latency: (Span, Span),
}

impl Default for Network {
    /// 5 to 15 ms everywhere, nothing lost, nothing doubled.
    fn default() -> Self {
        let latency = (Span::from_millis(5), Span::from_millis(15));
        Self { latency, between: Vec::new(), drop_ppm: 0, duplicate_ppm: 0 }
    }
}

/// What a message carries.
#[derive(Clone, Debug)]
pub(crate) enum Parcel<M> {
    /// Between nodes.
    Peer(M),
    /// Of the second copy of a twin: only liars can tell.
    Twin(M),
    /// From a client.
    Request {
        /// The command.
        proposal: Proposal,
        /// As people read it.
        text: Arc<str>,
    },
    /// From a client, under its signature.
    Signed {
        /// The commands.
        bundle: Arc<Bundle>,
        /// As people read it.
        text: Arc<str>,
    },
    /// From a client, beside the log.
    Read {
        /// The question.
        request: ReadRequest,
        /// As people read it.
        text: Arc<str>,
    },
    /// To a client.
    Answer {
        /// The client's number.
        number: RequestNumber,
        /// What.
        outcome: Outcome,
    },
}

/// A message on its way.
#[derive(Clone, Debug)]
pub(crate) struct Flight<M> {
    /// The record that sent it.
    pub(crate) id: RecordId,
    /// Counts messages in the order in which they left; names the message in the run's digest.
    pub(crate) number: u64,
    /// 0 for the first copy.
    pub(crate) copy: u32,
    /// From.
    pub(crate) from: Endpoint,
    /// To.
    pub(crate) to: Endpoint,
    /// What.
    pub(crate) parcel: Parcel<M>,
    /// When it left.
    pub(crate) departed: Time,
    /// When it arrives.
    pub(crate) arrives: Time,
    /// Whether it was stopped by hand.
    pub(crate) held: bool,
    /// Whether there are, or were, other copies.
    pub(crate) doubled: bool,
    /// The event that delivers it.
    pub(crate) stamp: u64,
}

/// The state of the network.
#[derive(Clone, Debug)]
pub(crate) struct Links<M> {
    /// Chances and latencies.
    pub(crate) conditions: Network,
    /// Nodes and their zones, sorted.
    zones: Vec<(NodeId, u32)>,
    /// Cut links, each in one direction.
    pub(crate) cut: BTreeSet<(Endpoint, Endpoint)>,
    rng: Rng,
    slots: Vec<Option<Flight<M>>>,
    free: Vec<u32>,
    numbers: u64,
}

/// What the network decides when a message leaves.
pub(crate) enum Fate {
    /// The link is cut.
    Cut,
    /// It is lost on the way.
    Lost,
    /// It arrives after this time, and perhaps once more after another.
    Arrives(Span, Option<Span>),
}

impl<M: Clone> Links<M> {
    /// A network without messages.
    pub(crate) fn new(conditions: Network, zones: Vec<(NodeId, u32)>, rng: Rng) -> Self {
        Self { conditions, zones, cut: BTreeSet::new(), rng, slots: Vec::new(), free: Vec::new(), numbers: 0 }
    }

    /// Whether the link is cut.
    pub(crate) fn is_cut(&self, from: Endpoint, to: Endpoint) -> bool {
        !self.cut.is_empty() && self.cut.contains(&(from, to))
    }

    /// Decides about a message.
    pub(crate) fn decide(&mut self, from: Endpoint, to: Endpoint) -> Fate {
        if self.is_cut(from, to) {
            return Fate::Cut;
        }
        if self.conditions.drop_ppm > 0 && self.rng.chance_ppm(self.conditions.drop_ppm) {
            return Fate::Lost;
        }
        let latency = self.latency(from, to);
        let first = self.rng.span(latency);
        let doubled = self.conditions.duplicate_ppm > 0 && self.rng.chance_ppm(self.conditions.duplicate_ppm);
        Fate::Arrives(first, doubled.then(|| self.rng.span(latency)))
    }

    /// A latency for a copy that was made by hand.
    pub(crate) fn draw_latency(&mut self, from: Endpoint, to: Endpoint) -> Span {
        self.rng.span(self.latency(from, to))
    }

    /// How long messages take on a link.
    fn latency(&self, from: Endpoint, to: Endpoint) -> (Span, Span) {
        let Network { latency, between, .. } = &self.conditions;
        if between.is_empty() {
            return *latency;
        }
        let zones = self.zone(from).zip(self.zone(to)).map(|(one, other)| (one.min(other), one.max(other)));
        let own = between.iter().find(|pair| Some(pair.zones) == zones);
        own.map_or(*latency, |pair| pair.latency)
    }

    fn zone(&self, end: Endpoint) -> Option<u32> {
        let Endpoint::Node(node) = end else { return None };
        let at = self.zones.binary_search_by(|(zoned, _)| zoned.cmp(&node)).ok()?;
        self.zones.get(at).map(|(_, zone)| *zone)
    }

    /// All links have this latency from here on, those between zones too.
    pub(crate) fn set_latency(&mut self, latency: (Span, Span)) {
        (self.conditions.latency, self.conditions.between) = (latency, Vec::new());
    }

    /// The number of the next message to leave.
    pub(crate) fn next_number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// A slot that `put` will fill.
    pub(crate) fn reserve(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            u32::try_from(self.slots.len() - 1).expect("fewer messages on their way than fit in memory")
        })
    }

    /// Puts a message into a reserved slot.
    pub(crate) fn put(&mut self, slot: u32, flight: Flight<M>) {
        if let Some(place) = self.slots.get_mut(slot as usize) {
            *place = Some(flight);
        }
    }

    /// The message in a slot.
    pub(crate) fn get(&self, slot: u32) -> Option<&Flight<M>> {
        self.slots.get(slot as usize)?.as_ref()
    }

    /// The message in a slot, to change it.
    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut Flight<M>> {
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    /// Takes the message out of a slot.
    pub(crate) fn take(&mut self, slot: u32) -> Option<Flight<M>> {
        let flight = self.slots.get_mut(slot as usize)?.take()?;
        self.free.push(slot);
        Some(flight)
    }

    /// The messages on their way, by the record that sent them.
    pub(crate) fn ids(&self) -> Vec<RecordId> {
        self.iter().map(|(_, flight)| flight.id).collect()
    }

    /// All messages on their way.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Flight<M>)> {
        (0u32..).zip(&self.slots).filter_map(|(slot, flight)| Some((slot, flight.as_ref()?)))
    }

    /// The copy of a message that "the message" means at `now`, by [`choose_copy`].
    pub(crate) fn copy_meant(&self, id: RecordId, now: Time) -> Option<u32> {
        let copies = self.iter().filter(|(_, flight)| flight.id == id);
        choose_copy(now, copies.map(|(slot, flight)| (Some(flight.arrives), flight.copy, flight.held, slot)))
    }

    /// The number for a further copy of a message.
    pub(crate) fn next_copy(&self, id: RecordId) -> u32 {
        self.iter().filter(|(_, flight)| flight.id == id).map(|(_, flight)| flight.copy + 1).max().unwrap_or(0)
    }

    /// Lets two copies of one message change places: each takes the other's number and time.
    pub(crate) fn exchange(&mut self, one: u32, other: u32) {
        let Some((copy, arrives)) = self.get(one).map(|flight| (flight.copy, flight.arrives)) else { return };
        let Some(second) = self.get_mut(other) else { return };
        let taken = (std::mem::replace(&mut second.copy, copy), std::mem::replace(&mut second.arrives, arrives));
        if let Some(first) = self.get_mut(one) {
            (first.copy, first.arrives) = taken;
        }
    }
}

/// Which copy of a message a record means that names only the message: one that is due and not held, the
/// earliest first; else a held one; else the next to arrive. World and fold follow the same rule.
pub(crate) fn choose_copy<T>(now: Time, copies: impl Iterator<Item = (Option<Time>, u32, bool, T)>) -> Option<T> {
    copies
        .map(|(arrives, copy, held, name)| {
            let arrives = arrives.unwrap_or(Time(u64::MAX));
            let class = if held {
                1u8
            } else if arrives <= now {
                0
            } else {
                2
            };
            ((class, if held { Time(0) } else { arrives }, copy), name)
        })
        .min_by_key(|(key, _)| *key)
        .map(|(_, name)| name)
}
