//! Which requests wait, and which were answered?
//!
//! A replica keeps the bundles that clients have sent it until they are
//! executed, in order of their arrival; whoever proposes takes from here what is
//! not proposed yet. It also keeps the last replies of each client, so that a
//! request that comes again is answered again and not ordered again (PBFT
//! §4.1). Both are bounded, and forgetting is always safe: what is ordered a
//! second time is known to the session layer, which executes it once.
//!
//! **No client crowds out the others.** A client gets a place as long as its
//! share, the new bundle included, is not larger than what stays free. However
//! many clients ask for more than that, something stays free for whoever has
//! nothing here yet.
//!
//! Left out: when timers fire (they ask [`Pool::oldest`]), and who proposes.
//! Read `batch` for what becomes of the bundles that are taken.

use std::collections::VecDeque;
use std::sync::Arc;

use litemap::LiteMap;
use serde::{Deserialize, Serialize};

use super::{Bundle, Reply};
use crate::crypto::Hash256;
use crate::protocol::{Effects, Outcome};
use crate::types::{ClientId, Mono, RequestNumber};

/// How much a pool holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Limits {
    /// Requests that wait. One client alone gets half of them.
    pub requests: u32,
    /// Bytes of payload that wait. One client alone gets half of them.
    pub bytes: u32,
    /// A request with a longer payload is refused for good.
    pub request_bytes: u32,
    /// Replies of one client that are remembered.
    pub replies: u32,
    /// Clients whose replies are remembered; the one that was answered longest ago is forgotten first.
    pub clients: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { requests: 16_384, bytes: 32 << 20, request_bytes: 1 << 20, replies: 64, clients: 1_024 }
    }
}

/// What becomes of a bundle that arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It waits from now on.
    Pooled,
    /// It waits already.
    Known,
    /// All of its requests were executed; these are the answers.
    Executed(Vec<Reply>),
    /// No room.
    Overloaded,
    /// This request is longer than any may be.
    TooLarge {
        /// Its number.
        number: RequestNumber,
        /// Its payload's length.
        bytes: u64,
    },
    /// No honest client sends this.
    Malformed,
}

/// A bundle that waits.
#[derive(Clone, Debug)]
struct Pending {
    /// Its place in the order of arrival.
    sequence: u64,
    bundle: Arc<Bundle>,
    arrived: Mono,
    is_proposed: bool,
}

/// What is known of one client.
#[derive(Clone, Debug, Default)]
struct Client {
    /// Requests that wait.
    requests: u64,
    /// Bytes of payload that wait.
    bytes: u64,
    /// When it was answered last, counted in answers; 0 for never.
    answered: u64,
    /// The last ones, the oldest first.
    replies: VecDeque<Reply>,
}

/// Pending requests and last replies of one replica.
#[derive(Clone, Debug)]
pub struct Pool {
    limits: Limits,
    /// Sorted by their place.
    pending: VecDeque<Pending>,
    places: LiteMap<Hash256, u64>,
    clients: LiteMap<ClientId, Client>,
    /// The place of the next one.
    next: u64,
    /// All before this place are proposed.
    proposed_before: u64,
    requests: u64,
    bytes: u64,
    /// How many clients have replies, and how many answers there were.
    answered_clients: u32,
    answers: u64,
}

impl Pool {
    /// An empty one.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            pending: VecDeque::new(),
            places: LiteMap::new(),
            clients: LiteMap::new(),
            next: 0,
            proposed_before: 0,
            requests: 0,
            bytes: 0,
            answered_clients: 0,
            answers: 0,
        }
    }

    /// Takes a verified bundle.
    pub fn admit(&mut self, now: Mono, bundle: Arc<Bundle>) -> Admission {
        match self.replies_to(&bundle) {
            Some(replies) if bundle.is_well_formed() => Admission::Executed(replies),
            Some(_) | None => self.admit_again(now, bundle),
        }
    }

    /// Takes a verified bundle even where it was executed: somebody who executes too does not remember it, and waits.
    pub fn admit_again(&mut self, now: Mono, bundle: Arc<Bundle>) -> Admission {
        if !bundle.is_well_formed() {
            return Admission::Malformed;
        }
        let length = |payload: &bytes::Bytes| payload.len() as u64;
        let longest = u64::from(self.limits.request_bytes);
        if let Some(long) = bundle.proposals().iter().find(|proposal| length(&proposal.payload) > longest) {
            return Admission::TooLarge { number: long.number, bytes: length(&long.payload) };
        }
        if self.places.contains_key(&bundle.hash()) {
            return Admission::Known;
        }
        let (requests, bytes) = (bundle.proposals().len() as u64, bundle.bytes());
        let client = self.clients.get(&bundle.client());
        let (own_requests, own_bytes) = client.map_or((0, 0), |client| (client.requests, client.bytes));
        let has_room =
            |limit: u32, held: u64, own: u64, new: u64| own + new <= u64::from(limit).saturating_sub(held + new);
        if !has_room(self.limits.requests, self.requests, own_requests, requests)
            || !has_room(self.limits.bytes, self.bytes, own_bytes, bytes)
        {
            return Admission::Overloaded;
        }
        self.requests += requests;
        self.bytes += bytes;
        let client = self.client(bundle.client());
        client.requests += requests;
        client.bytes += bytes;
        self.places.insert(bundle.hash(), self.next);
        self.pending.push_back(Pending { sequence: self.next, bundle, arrived: now, is_proposed: false });
        self.next += 1;
        Admission::Pooled
    }

    /// Takes verified bundles of clients and answers those that need no place: refused, or executed before.
    pub fn take_in<M, H>(&mut self, now: Mono, bundles: Vec<Arc<Bundle>>, out: &mut Effects<M, H>) {
        for bundle in bundles {
            match self.admit(now, Arc::clone(&bundle)) {
                Admission::Pooled | Admission::Known | Admission::Malformed => {}
                Admission::Executed(replies) => {
                    for reply in replies {
                        out.answer(reply.client, reply.number, Outcome::Replied(Box::new(reply)));
                    }
                }
                Admission::Overloaded => {
                    for proposal in bundle.proposals() {
                        out.answer(proposal.client, proposal.number, Outcome::Overloaded);
                    }
                }
                Admission::TooLarge { number, bytes } => {
                    let limit = self.limits.request_bytes;
                    out.answer(bundle.client(), number, Outcome::TooLarge { bytes, limit });
                }
            }
        }
    }

    /// Bundles that are not proposed yet, in order of arrival, and marks them as proposed. No more than these many
    /// requests and bytes of payload; one bundle goes however large it is, so that none waits for ever.
    pub fn take(&mut self, max_requests: u32, max_bytes: u32) -> Vec<Arc<Bundle>> {
        self.take_but(max_requests, max_bytes, |_| false)
    }

    /// The same, but for those that have to wait.
    pub fn take_but(&mut self, max_requests: u32, max_bytes: u32, waits: impl Fn(&Bundle) -> bool) -> Vec<Arc<Bundle>> {
        let (mut taken, mut requests, mut bytes, mut left_out) = (Vec::new(), 0, 0, false);
        let start = self.pending.partition_point(|pending| pending.sequence < self.proposed_before);
        for pending in self.pending.range_mut(start..) {
            let is_left_out = !pending.is_proposed && waits(&pending.bundle);
            left_out |= is_left_out;
            if !pending.is_proposed && !is_left_out {
                requests += pending.bundle.proposals().len() as u64;
                bytes += pending.bundle.bytes();
                if !taken.is_empty() && (requests > u64::from(max_requests) || bytes > u64::from(max_bytes)) {
                    break;
                }
                pending.is_proposed = true;
                taken.push(Arc::clone(&pending.bundle));
            }
            if !left_out {
                self.proposed_before = pending.sequence + 1;
            }
        }
        taken
    }

    /// Whether something waits that is not proposed yet.
    #[must_use]
    pub fn has_unproposed(&self) -> bool {
        self.has_unproposed_but(|_| false)
    }

    /// The same, but for those that have to wait.
    #[must_use]
    pub fn has_unproposed_but(&self, waits: impl Fn(&Bundle) -> bool) -> bool {
        let start = self.pending.partition_point(|pending| pending.sequence < self.proposed_before);
        self.pending.range(start..).any(|pending| !pending.is_proposed && !waits(&pending.bundle))
    }

    /// Somebody has proposed this bundle. Without effect where it does not wait here.
    pub fn mark(&mut self, bundle: &Hash256) {
        if let Some(at) = self.position(bundle)
            && let Some(pending) = self.pending.get_mut(at)
        {
            pending.is_proposed = true;
        }
    }

    /// The proposal of this bundle came to nothing: it may be proposed again.
    pub fn undo(&mut self, bundle: &Hash256) {
        if let Some(at) = self.position(bundle)
            && let Some(pending) = self.pending.get_mut(at)
        {
            pending.is_proposed = false;
            self.proposed_before = self.proposed_before.min(pending.sequence);
        }
    }

    /// All proposals that are not executed came to nothing.
    pub fn undo_all(&mut self) {
        for pending in &mut self.pending {
            pending.is_proposed = false;
        }
        self.proposed_before = 0;
    }

    /// This bundle is executed: it waits no more. Without effect where it does not wait here.
    pub fn executed(&mut self, bundle: &Hash256) {
        let Some(at) = self.position(bundle) else { return };
        let Some(Pending { bundle, .. }) = self.pending.remove(at) else { return };
        self.places.remove(&bundle.hash());
        let (requests, bytes) = (bundle.proposals().len() as u64, bundle.bytes());
        self.requests -= requests;
        self.bytes -= bytes;
        let client = self.client(bundle.client());
        client.requests -= requests;
        client.bytes -= bytes;
        let is_nobody = client.requests == 0 && client.replies.is_empty();
        if is_nobody {
            self.clients.remove(&bundle.client());
        }
    }

    /// Nothing waits any more; replies are remembered.
    pub fn clear(&mut self) {
        while let Some(hash) = self.pending.front().map(|pending| pending.bundle.hash()) {
            self.executed(&hash);
        }
    }

    /// Remembers the reply to an executed request, and forgets an older one where there are too many.
    pub fn remember(&mut self, reply: Reply) {
        if self.limits.replies == 0 || self.limits.clients == 0 {
            return;
        }
        let (limit, name) = (self.limits.replies as usize, reply.client);
        self.answers += 1;
        let answers = self.answers;
        let client = self.client(name);
        let is_new = client.replies.is_empty();
        client.answered = answers;
        client.replies.retain(|known| known.number != reply.number);
        client.replies.push_back(reply);
        while client.replies.len() > limit {
            client.replies.pop_front();
        }
        self.answered_clients += u32::from(is_new);
        if self.answered_clients > self.limits.clients {
            self.forget_a_client();
        }
    }

    /// Forgets the replies of the client that was answered longest ago.
    fn forget_a_client(&mut self) {
        let answered = self.clients.iter().filter(|(_, client)| !client.replies.is_empty());
        let Some(oldest) = answered.min_by_key(|(_, client)| client.answered).map(|(name, _)| *name) else { return };
        self.answered_clients -= 1;
        if let Some(client) = self.clients.get_mut(&oldest) {
            client.replies.clear();
            if client.requests == 0 {
                self.clients.remove(&oldest);
            }
        }
    }

    /// The reply to this request, where it was executed and is remembered.
    #[must_use]
    pub fn reply(&self, client: ClientId, number: RequestNumber) -> Option<&Reply> {
        self.clients.get(&client)?.replies.iter().rev().find(|reply| reply.number == number)
    }

    /// The replies to all requests of a bundle, where all are remembered.
    fn replies_to(&self, bundle: &Bundle) -> Option<Vec<Reply>> {
        let client = self.clients.get(&bundle.client())?;
        if client.replies.len() < bundle.proposals().len() {
            return None;
        }
        bundle.proposals().iter().map(|proposal| self.reply(proposal.client, proposal.number).cloned()).collect()
    }

    /// When the oldest bundle arrived that is not executed, proposed or not: what timers measure.
    #[must_use]
    pub fn oldest(&self) -> Option<Mono> {
        self.pending.front().map(|pending| pending.arrived)
    }

    /// All bundles that wait, the oldest first.
    pub fn waiting(&self) -> impl Iterator<Item = &Arc<Bundle>> {
        self.pending.iter().map(|pending| &pending.bundle)
    }

    /// The bundle of this hash, where it waits here.
    #[must_use]
    pub fn get(&self, bundle: &Hash256) -> Option<&Arc<Bundle>> {
        self.pending.get(self.position(bundle)?).map(|pending| &pending.bundle)
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// How many requests wait.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests
    }

    /// How many bytes of payload wait.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    fn position(&self, bundle: &Hash256) -> Option<usize> {
        let sequence = self.places.get(bundle)?;
        self.pending.binary_search_by_key(sequence, |pending| pending.sequence).ok()
    }

    fn client(&mut self, client: ClientId) -> &mut Client {
        self.clients.entry(client).or_default()
    }
}

#[cfg(test)]
mod tests;
