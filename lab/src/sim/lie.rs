//! How does a liar's node differ from the others?
//!
//! What its protocol says passes through its tricks and waits for no disk; what
//! comes in may be for the second copy of a twin. What it holds is judged by
//! nobody, and where its own invariants break, it falls silent. The tricks are
//! in `adversary`; who becomes a liar, is a command's concern (`fault`).

use std::hash::Hash;

use quorumscope_core::bft::Reply;
use quorumscope_core::protocol::{Input, Outcome};
use quorumscope_core::record::{Body, Endpoint};
use quorumscope_core::rng::Rng;
use quorumscope_core::types::{ClientId, Mono, NodeId, RecordId, Span};

use super::epochs::is_operator;
use super::execute::tag;
use super::network::Parcel;
use super::subject::Subject;
use super::world::{Node, World, concern, number};
use crate::adversary::{Copy, Liar, Said, Spoken, Trick};

impl<P: Subject> Node<P> {
    /// When it wants to be woken: either copy of a twin.
    pub(super) fn wanted(&self) -> Option<Mono> {
        let own = self.protocol.as_ref().and_then(|protocol| protocol.next_deadline());
        let Some(liar) = &self.liar else { return own };
        let own = own.filter(|_| !liar.broken);
        let second = liar.copy.as_ref().and_then(Copy::deadline);
        own.into_iter().chain(second).min()
    }

    /// Whether its protocol is not to be asked any more.
    pub(super) fn is_broken_liar(&self) -> bool {
        self.liar.as_ref().is_some_and(|liar| liar.broken)
    }
}

impl<P: Subject> World<P> {
    /// Whether a node lies.
    pub(crate) fn lies(&self, index: usize) -> bool {
        self.nodes.get(index).is_some_and(|node| node.liar.is_some())
    }

    /// Asks the liar in a node, and counts the tricks that it does.
    fn liar<T>(
        &mut self,
        index: usize,
        ask: impl FnOnce(&mut Liar<P>, &P::Config, &mut dyn FnMut(Trick)) -> T,
    ) -> Option<T> {
        let (config, coverage) = (self.config.as_ref(), &mut self.coverage);
        let liar = self.nodes.get_mut(index)?.liar.as_mut()?;
        Some(ask(liar, config, &mut |trick| coverage.lied(trick)))
    }

    /// A liar's node starts, or begins to lie: the second copy of a twin starts from the disk of the first.
    pub(crate) fn start_liar(&mut self, index: usize) {
        let blank = P::machine(&self.config, self.setup.machine);
        let Some(node) = self.nodes.get_mut(index) else { return };
        let Some(liar) = &mut node.liar else { return };
        let seed =
            Rng::new(self.setup.seed, concern::LIARS + u64::from(node.id.0)).bits() ^ u64::from(node.incarnation.0);
        let now = node.clock.read(self.now);
        liar.broken = false;
        liar.copy = liar
            .plan
            .has(Trick::Twins)
            .then(|| Copy::recover(self.config.as_ref(), node.id, &node.disk.image, blank, seed, now));
    }

    /// An invariant of a liar's protocol does not hold: nobody is surprised.
    pub(crate) fn silence(&mut self, index: usize) -> bool {
        let liar = self.nodes.get_mut(index).and_then(|node| node.liar.as_mut());
        liar.map(|liar| liar.broken = true).is_some()
    }

    /// One of a liar's copies would say this.
    pub(super) fn say_as_liar(&mut self, index: usize, first: RecordId, to: NodeId, message: P::Message, second: bool) {
        let said = Said { to, message, late: Span(0), second };
        let saying = self.liar(index, |liar, config, done| liar.says(config, said, done));
        self.utter(index, first, saying.unwrap_or_default());
    }

    /// These leave a liar.
    fn utter(&mut self, index: usize, first: RecordId, saying: Vec<Said<P::Message>>) {
        let Some(from) = self.nodes.get(index).map(|node| Endpoint::Node(node.id)) else { return };
        for Said { to, message, late, second } in saying {
            (tag::SEND, number(index), to, late, second).hash(&mut self.chain);
            message.hash(&mut self.chain);
            let said = &message;
            let id = self.recorder.emit(self.stamp(index, Some(first)), || Body::Sent {
                to,
                message: said.clone().into(),
                after: None,
            });
            let parcel = if second { Parcel::Twin(message) } else { Parcel::Peer(message) };
            self.depart_late(id, from, Endpoint::Node(to), parcel, late, first);
        }
    }

    /// A message of a peer, for whoever is meant in this node.
    pub(super) fn receive_peer(
        &mut self,
        index: usize,
        from: NodeId,
        message: P::Message,
        of_second: bool,
        first: RecordId,
    ) {
        if !self.lies(index) {
            return self.receive_verified(index, from, message, first);
        }
        let heard = self.liar(index, |liar, config, done| liar.hears(config, from, message, of_second, done));
        let Some(heard) = heard else { return };
        self.utter(index, first, heard.retorts);
        match heard.message {
            Some(message) if heard.second => self.receive_second(index, from, message, first),
            Some(message) => self.receive_verified(index, from, message, first),
            None => {}
        }
    }

    /// The second copy hears a message, where its signatures hold: it is an honest node.
    fn receive_second(&mut self, index: usize, from: NodeId, message: P::Message, first: RecordId) {
        let mut claims = Vec::new();
        let copy = self.nodes.get(index).and_then(|node| node.liar.as_ref()?.copy.as_ref());
        if let Some(copy) = copy {
            copy.protocol.claims(from, &message, &mut claims);
        }
        let input = if self.verify(index, &claims) { Input::Receive { from, message } } else { Input::Forged { from } };
        self.step_second(index, first, input);
    }

    /// Gives the second copy of a twin an input, where there is one.
    pub(super) fn step_second(&mut self, index: usize, first: RecordId, input: Input<P::Message>) {
        let Some(node) = self.nodes.get_mut(index) else { return };
        let now = node.clock.read(self.now);
        let Some(copy) = node.liar.as_mut().and_then(|liar| liar.copy.as_mut()) else { return };
        for spoken in copy.step(now, input) {
            match spoken {
                Spoken::Message(to, message) => self.say_as_liar(index, first, to, message, true),
                Spoken::Answer(client, ..) if is_operator(client) => {}
                Spoken::Answer(client, request, outcome) => self.answer(index, first, client, request, outcome),
            }
        }
        if let Some(node) = self.nodes.get_mut(index) {
            node.armed_by = first;
        }
        self.arm(index);
    }

    /// The node's clock has reached the deadline of one of its copies.
    pub(super) fn wake_second(&mut self, index: usize, first: RecordId) {
        let now = self.now;
        let due = |node: &Node<P>| {
            let deadline = node.liar.as_ref()?.copy.as_ref()?.deadline()?;
            (node.clock.when(deadline) <= now).then_some(())
        };
        if self.nodes.get(index).and_then(due).is_some() {
            self.step_second(index, first, Input::DeadlineReached);
        }
    }

    /// What a client is told: the truth, unless a liar says otherwise.
    pub(super) fn told(&mut self, index: usize, outcome: Outcome) -> Outcome {
        let (Some(cluster), Outcome::Replied(reply)) = (self.trust.as_ref().map(|trust| trust.cluster()), &outcome)
        else {
            return outcome;
        };
        let lie: Option<Reply> = self
            .liar(index, |liar, _, done| {
                let lie = liar.replies(cluster, reply);
                lie.iter().for_each(|_| done(Trick::FalseReply));
                lie
            })
            .flatten();
        lie.map_or(outcome, |lie| Outcome::Replied(Box::new(lie)))
    }

    /// A client's request: a twin's second copy hears it too, and whoever censors the client hears nothing.
    pub(super) fn request_of(&mut self, index: usize, client: ClientId) -> bool {
        let takes = |liar: &mut Liar<P>, _: &P::Config, done: &mut dyn FnMut(Trick)| {
            let takes = liar.takes(client);
            if !takes {
                done(Trick::Censor);
            }
            takes
        };
        self.liar(index, takes).unwrap_or(true)
    }
}
