//! What happens next?
//!
//! One queue for the whole world, ordered by time and then by the order in
//! which events were put in, so that two events of one instant never depend on
//! chance. Events that lost their meaning stay in the queue and are recognized
//! by their stamp when they reach its head. Read `world` next.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use quorumscope_core::types::{Incarnation, RequestNumber, Time};

/// Something that is due. Nodes and clients are named by their position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A node's deadline.
    Deadline {
        /// Which node.
        node: u32,
    },
    /// A message reaches its receiver.
    Arrive {
        /// Where the network keeps it.
        slot: u32,
    },
    /// A node's disk has synced.
    Synced {
        /// Which node.
        node: u32,
        /// A sync of an earlier incarnation means nothing.
        incarnation: Incarnation,
    },
    /// A node's snapshot is made.
    SnapshotMade {
        /// Which node.
        node: u32,
        /// A snapshot of an earlier incarnation means nothing.
        incarnation: Incarnation,
    },
    /// The part of a node's state that an edge needs is made.
    ProjectionMade {
        /// Which node.
        node: u32,
        /// One of an earlier incarnation means nothing.
        incarnation: Incarnation,
    },
    /// A request of a client has waited long enough.
    Request {
        /// Which client.
        client: u32,
        /// Which request.
        number: RequestNumber,
    },
    /// A client starts its next operation.
    Think {
        /// Which client.
        client: u32,
    },
}

/// An event with its place in the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    /// When.
    pub(crate) at: Time,
    /// Its place among the events of one instant, and its name.
    pub(crate) stamp: u64,
    /// What.
    pub(crate) event: Event,
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.stamp).cmp(&(other.at, other.stamp))
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The events to come.
#[derive(Clone, Debug, Default)]
pub(crate) struct Queue {
    heap: BinaryHeap<Reverse<Due>>,
    stamps: u64,
}

impl Queue {
    /// Puts an event in and returns its stamp.
    pub(crate) fn push(&mut self, at: Time, event: Event) -> u64 {
        self.stamps += 1;
        self.heap.push(Reverse(Due { at, stamp: self.stamps, event }));
        self.stamps
    }

    /// The next event, without taking it.
    pub(crate) fn peek(&self) -> Option<Due> {
        self.heap.peek().map(|due| due.0)
    }

    /// Takes the next event.
    pub(crate) fn pop(&mut self) -> Option<Due> {
        self.heap.pop().map(|due| due.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_of_one_instant_come_in_the_order_in_which_they_were_put_in() {
        let mut queue = Queue::default();
        queue.push(Time(5), Event::Think { client: 0 });
        queue.push(Time(3), Event::Think { client: 1 });
        queue.push(Time(3), Event::Think { client: 2 });
        let order: Vec<_> = std::iter::from_fn(|| queue.pop()).map(|due| due.event).collect();
        assert_eq!(order, [1, 2, 0].map(|client| Event::Think { client }));
    }
}
