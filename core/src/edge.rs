//! How does a node hold a part of the state, and know that it is the whole part?
//!
//! An *edge* subscribes to ranges. It gets every entry of the log, so that its
//! log matches the others' index by index, and the body only where a tag says
//! that the entry touches its ranges. In the place of another body stands a
//! digest of the whole entry, and what the client's session needs: sessions are
//! the same everywhere, or a retry would be done at some nodes and not at others.
//! Log time is told with every entry, so that values expire alike.
//!
//! Tags are set by the leader's executor, the one place that knows both the
//! machine and what becomes an entry ([`tagged`]); what a client says does not count.
//! An entry without tags goes to everybody as it is, and an edge's machine decides
//! by itself what of it concerns it, so a missing tag costs bytes and nothing else.
//! A command over several ranges must apply to each alone.
//!
//! Who feeds edges stands in `raft/edges`, what their machines do in `machine/session`.

use std::hash::{Hash as _, Hasher as _};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::digest::Chain;
use crate::entry::{Entry, EntryKind, Proposal};
use crate::machine::StateMachine;
use crate::machine::session;
use crate::types::{Digest, LogIndex, NodeId, RequestNumber};

/// Most ranges that one node subscribes to: they travel in each configuration.
pub const MAX_RANGES: usize = 256;

/// A node with a subscription.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Edge {
    /// Who.
    pub node: NodeId,
    /// What of the state it holds, as [`range_of`](crate::machine::range_of) names it; sorted, each once.
    pub ranges: Vec<u64>,
}

impl Edge {
    /// A node that holds these ranges.
    #[must_use]
    pub fn new(node: NodeId, ranges: impl IntoIterator<Item = u64>) -> Self {
        Self { node, ranges: crate::few::distinct(ranges) }
    }

    /// Names the subscription: nodes with the same ranges have the same one.
    #[must_use]
    pub fn subscription(&self) -> Digest {
        let mut chain = Chain::new();
        self.ranges.hash(&mut chain);
        Digest(chain.finish())
    }

    /// Whether there are ranges, and not too many, sorted and each once.
    #[must_use]
    pub fn is_well_formed(&self) -> bool {
        !self.ranges.is_empty() && self.ranges.len() <= MAX_RANGES && self.ranges.is_sorted_by(|a, b| a < b)
    }
}

/// What stands in the place of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LeftOut {
    /// Digest of the whole entry.
    pub entry: Digest,
    /// The session that the client's command names.
    pub session: LogIndex,
    /// The low-water mark that the client's command carries.
    pub acknowledged: RequestNumber,
}

impl LeftOut {
    /// What the payload of an entry of kind [`EntryKind::Elided`] says; `None` where it says nothing.
    #[must_use]
    pub fn decode(payload: &[u8]) -> Option<Self> {
        postcard::from_bytes(payload).ok()
    }
}

/// The entry as it goes to a node that holds these ranges.
#[must_use]
pub fn entry_for(ranges: &[u64], entry: &Arc<Entry>) -> Arc<Entry> {
    let concerns = entry.tags.is_empty() || entry.tags.iter().any(|tag| ranges.binary_search(tag).is_ok());
    let elided = if concerns { None } else { without_body(entry) };
    elided.map_or_else(|| Arc::clone(entry), Arc::new)
}

/// The entry without its body; `None` where it is no command of a session, which everybody gets.
#[must_use]
pub fn without_body(entry: &Entry) -> Option<Entry> {
    if entry.kind != EntryKind::Command {
        return None;
    }
    let (session, acknowledged) = session::standing(&entry.payload)?;
    let mut chain = Chain::new();
    entry.hash(&mut chain);
    let left_out = LeftOut { entry: Digest(chain.finish()), session, acknowledged };
    let payload = postcard::to_allocvec(&left_out).ok()?.into();
    Some(Entry { kind: EntryKind::Elided, payload, ..entry.clone() })
}

/// Sets a proposal's tags, where anybody needs them: the ranges that its command touches.
pub fn tagged<S: StateMachine>(proposal: &mut Proposal) {
    proposal.tags = session::ranges::<S>(&proposal.payload);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::kv::{KeyValue, Operation};
    use crate::machine::range_of;
    use crate::machine::session::Payload;
    use crate::raft::testing::entry;

    fn set(key: &str, value: &str) -> Arc<Entry> {
        let command = Operation::Set { key: key.into(), value: value.into() }.encode();
        let payload = Payload::Command { session: LogIndex(2), acknowledged: RequestNumber(4), command }.encode();
        let tags = session::ranges::<KeyValue>(&payload);
        Arc::new(Entry { payload, tags, ..entry(3, 2) })
    }

    #[test]
    fn a_body_goes_where_a_tag_matches_and_a_digest_of_the_entry_elsewhere() {
        let whole = set("x/1", "a");
        assert!(Arc::ptr_eq(&entry_for(&[range_of("x")], &whole), &whole), "keys of one range share it");
        let elided = entry_for(&[range_of("y")], &whole);
        assert_eq!((elided.index, elided.term, elided.kind), (whole.index, whole.term, EntryKind::Elided));
        assert_eq!((elided.log_time, elided.client, elided.number), (whole.log_time, whole.client, whole.number));
        let left_out = LeftOut::decode(&elided.payload).expect("what was left out");
        assert_eq!((left_out.session, left_out.acknowledged), (LogIndex(2), RequestNumber(4)));
        assert_ne!(
            entry_for(&[range_of("y")], &set("x/1", "b")).payload,
            elided.payload,
            "another body, another digest"
        );
    }

    #[test]
    fn what_has_no_tags_and_what_is_no_command_of_a_session_goes_whole() {
        let untagged = Arc::new(Entry { tags: crate::entry::Tags::new(), ..Entry::clone(&set("x", "a")) });
        let opens = Arc::new(Entry { payload: Payload::Open.encode(), ..Entry::clone(&set("x", "a")) });
        let noise = Arc::new(Entry { payload: vec![9; 3].into(), ..Entry::clone(&set("x", "a")) });
        let tick = Arc::new(Entry { kind: EntryKind::Tick, ..Entry::clone(&set("x", "a")) });
        for whole in [untagged, opens, noise, tick] {
            assert!(Arc::ptr_eq(&entry_for(&[range_of("y")], &whole), &whole), "{whole:?}");
        }
    }

    /// A client that names a wrong range must not be able to keep an entry from those whom it concerns.
    #[test]
    fn tags_say_what_the_command_touches_whatever_the_client_said() {
        let Entry { client, number, class, payload, .. } = Entry::clone(&set("x", "a"));
        let mut proposal = Proposal { client, number, class, tags: [7].into_iter().collect(), payload };
        tagged::<KeyValue>(&mut proposal);
        assert_eq!(proposal.tags.as_slice(), [range_of("x")]);
        proposal.payload = Payload::Open.encode();
        tagged::<KeyValue>(&mut proposal);
        assert!(proposal.tags.is_empty());
    }

    #[test]
    fn a_subscription_is_named_by_its_ranges_alone() {
        let (one, two) = (Edge::new(NodeId(1), [2, 1, 2]), Edge::new(NodeId(2), [1, 2]));
        assert_eq!((one.subscription(), one.is_well_formed()), (two.subscription(), true));
        assert_ne!(Edge::new(NodeId(1), [1]).subscription(), two.subscription());
        assert!(!Edge::new(NodeId(1), []).is_well_formed());
        assert!(!Edge { node: NodeId(1), ranges: vec![2, 1] }.is_well_formed());
        assert!(!Edge::new(NodeId(1), 0..=MAX_RANGES as u64).is_well_formed());
    }
}
