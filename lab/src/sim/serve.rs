//! How do clients ask, wait, retry and make up their minds?

use std::hash::Hash;
use std::sync::Arc;

use quorumscope_core::entry::{Proposal, Tags};
use quorumscope_core::machine::any::AnyCommand;
use quorumscope_core::machine::kv::{Answer, Operation};
use quorumscope_core::machine::session::SessionAnswer;
use quorumscope_core::protocol::{Outcome, ReadHow, ReadRequest};
use quorumscope_core::record::{Body, Endpoint, Fate, Verdict};
use quorumscope_core::types::{LogIndex, NodeId, RecordId, RequestNumber, Term};

use super::client::{Client, Waits, Wish, read_result, see_asked};
use super::execute::tag;
use super::network::{Flight, Parcel};
use super::queue::Event;
use super::recorder::Stamp;
use super::subject::{Asks, Subject};
use super::world::{World, number};
use crate::trace::view::OperationView;

impl<P: Subject> World<P> {
    /// A client's first request, and its next one once its session is gone: without a session nothing is executed.
    pub(crate) fn open_session(&mut self, index: usize, cause: Option<RecordId>) {
        let Some(client) = self.clients.get_mut(index) else { return };
        let to = client.believed;
        let request = client.begin(None, None, None, to, false);
        (client.open, client.session) = (false, request);
        self.ask(index, request, cause);
    }

    /// A client hears that a request was not executed because its session is gone: it opens another one, unless it has
    /// done so since.
    fn session_gone(&mut self, index: usize, request: RequestNumber) {
        let Some(client) = self.clients.get(index) else { return };
        if client.open && request > client.session {
            let cause = client.acted;
            self.coverage.sessions_reopened += 1;
            self.open_session(index, cause);
        }
    }

    /// Which client acts by hand: the first without a workload, else the first.
    pub(crate) fn hand(&self) -> Option<usize> {
        let idle = self.clients.iter().position(|client| client.setup.workload.is_none());
        idle.or((!self.clients.is_empty()).then_some(0))
    }

    /// A client asks for an operation, now or once its session is open.
    pub(crate) fn wish(&mut self, index: usize, wish: Wish, cause: Option<RecordId>) {
        let Some(client) = self.clients.get_mut(index) else { return };
        if !client.open {
            client.wishes.push_back(wish);
            return;
        }
        let to = wish.to.unwrap_or(client.believed);
        let (id, operation) = (client.setup.id, wish.operation.clone());
        let request = client.begin(Some(wish.operation), wish.how, wish.class, to, wish.of_workload);
        // A stale read promises nothing that an order of all operations could contradict.
        if wish.how != Some(ReadHow::Stale) {
            self.watch_invoked(id, request, &operation);
        }
        self.ask(index, request, cause);
    }

    /// Sends a request, for the first time or again.
    fn ask(&mut self, index: usize, request: RequestNumber, cause: Option<RecordId>) {
        let now = self.now;
        let Some(client) = self.clients.get_mut(index) else { return };
        let (id, timeout) = (client.setup.id, client.setup.timeout);
        let Some(open) = client.request(request) else { return };
        open.attempt += 1;
        open.waits = Waits::Answer;
        open.stamp = self.queue.push(now + timeout, Event::Request { client: number(index), number: request });
        let (to, attempt, text) = (open.to, open.attempt, Arc::clone(&open.text));
        let payload = open.payload.clone();
        let (how, class) = (open.how, open.class);
        if attempt > 1 {
            self.coverage.retries += 1;
        }
        (tag::ASKED, to).hash(&mut self.chain);
        let parcel = match how {
            Some(how) => {
                let read = ReadRequest { client: id, number: request, how, query: payload };
                read.hash(&mut self.chain);
                Parcel::Read { request: read, text: Arc::clone(&text) }
            }
            None => {
                let tags = Tags::new();
                let proposal = Proposal { client: id, number: request, class, tags, payload };
                proposal.hash(&mut self.chain);
                self.watch_asked(&proposal);
                self.request(proposal, &text)
            }
        };
        for to in self.asked(to, attempt) {
            let stamp = Stamp { at: now, cause, node: None };
            let operation = text.to_string();
            let said = || Body::Asked { client: id, number: request, to, operation: text.to_string(), attempt };
            let asked = self.recorder.emit(stamp, said);
            if let Some(client) = self.clients.get_mut(index) {
                client.acted = Some(asked);
                let (number, attempts) = (request, attempt);
                let (heard, told, early) = (Vec::new(), None, None);
                let seen = OperationView { number, operation, asked: now, attempts, to, heard, told, early };
                see_asked(&mut client.view, seen);
            }
            self.depart(asked, Endpoint::Client(id), Endpoint::Node(to), parcel.clone(), asked);
        }
    }

    /// A request has waited long enough for its answer, or for the end of its pause.
    pub(crate) fn on_request_timer(&mut self, index: usize, request: RequestNumber) {
        let ids: Vec<NodeId> = self.nodes.iter().map(|node| node.id).collect();
        let Some(client) = self.clients.get_mut(index) else { return };
        let cause = client.acted;
        let (limit, id) = (client.setup.attempts, client.setup.id);
        (tag::ASKED, id, request).hash(&mut self.chain);
        let Some(open) = client.request(request) else { return };
        if open.waits == Waits::Answer && P::asks(&self.config) != Asks::Believed {
            // All are asked now; whoever leads is learned from their replies.
            open.refused_so_far = false;
        } else if open.waits == Waits::Answer {
            open.refused_so_far = false;
            open.to = Client::node_after(&ids, open.to);
            let to = open.to;
            client.believed = to;
        }
        let Some(open) = client.request(request) else { return };
        if limit > 0 && open.attempt >= limit && open.operation.is_some() {
            let verdict = if open.refused_so_far { Verdict::Failed } else { Verdict::Unknown };
            return self.tell(index, request, verdict, "gave up".into(), None, cause);
        }
        self.ask(index, request, cause);
    }

    /// An answer arrived.
    pub(crate) fn on_answer(&mut self, index: usize, request: RequestNumber, outcome: Outcome, first: RecordId) {
        let Some(client) = self.clients.get_mut(index) else { return };
        if client.request(request).is_none() {
            return; // A late answer to a request whose outcome is known.
        }
        let client_id = client.setup.id;
        match outcome {
            Outcome::Applied { result, .. } => self.on_result(index, request, &result, first),
            Outcome::Replied(reply) => self.on_reply(index, request, *reply, first),
            Outcome::NotLeader { leader } => self.pause(index, request, leader, true),
            Outcome::Overloaded => self.pause(index, request, None, true),
            Outcome::Unknown => self.pause(index, request, None, false),
            // Nobody would take it: trying again is of no use.
            Outcome::TooLarge { bytes, limit } => {
                let refused = client.request(request).is_some_and(|open| open.refused_so_far);
                let verdict = if refused { Verdict::Failed } else { Verdict::Unknown };
                let text = format!("too large: {bytes} bytes, and an entry has at most {limit}");
                self.tell(index, request, verdict, text, None, Some(first));
            }
            Outcome::Accepted { index: place, term } => self.tell_early(index, request, place, term, first),
            Outcome::Read { index: applied, how, result } => {
                let (verdict, mut text, answer) = read_result(&result);
                self.watch_read(client_id, request, applied);
                match how {
                    ReadHow::Index => {}
                    ReadHow::Lease => text.push_str(" (by lease)"),
                    ReadHow::Stale => text.push_str(" (stale)"),
                }
                self.tell(index, request, verdict, text, answer, Some(first));
            }
        }
    }

    /// A request was executed, and this is what came of it.
    pub(super) fn on_result(&mut self, index: usize, request: RequestNumber, result: &[u8], first: RecordId) {
        let Some(client) = self.clients.get_mut(index) else { return };
        let id = client.setup.id;
        let (verdict, mut text, answer) = read_result(result);
        let said = SessionAnswer::decode(result);
        let gone = said == Some(SessionAnswer::NoSession);
        if let (Some(SessionAnswer::Opened(entry)), true) = (said, client.session == request) {
            client.opened = entry;
        }
        // Of its own state a cluster tells what is asked for by name; all else is done.
        let changes = client.request(request).is_some_and(|open| {
            matches!(open.operation, Some(AnyCommand::Cluster(_))) && answer == Some(Answer::Value(None))
        });
        if changes {
            text = "done".into();
        }
        self.watch_heard(id, request);
        self.tell(index, request, verdict, text, answer, Some(first));
        if gone {
            self.session_gone(index, request);
        }
    }

    /// A refusal: the request is tried again after a pause, at the node that was named or at the next one.
    fn pause(&mut self, index: usize, request: RequestNumber, leader: Option<NodeId>, refused: bool) {
        let ids: Vec<NodeId> = self.nodes.iter().map(|node| node.id).collect();
        let Some(client) = self.clients.get_mut(index) else { return };
        let pause = client.setup.pause;
        let Some(open) = client.request(request).filter(|open| open.waits == Waits::Answer) else { return };
        open.refused_so_far &= refused;
        open.waits = Waits::Pause;
        open.to = leader.filter(|leader| ids.contains(leader)).unwrap_or(Client::node_after(&ids, open.to));
        open.stamp = self.queue.push(self.now + pause, Event::Request { client: number(index), number: request });
        let to = open.to;
        client.believed = to;
    }

    /// A client hears that one node has its request: it goes on, and asks for this one no more. The result may come
    /// later, or never.
    fn tell_early(&mut self, index: usize, request: RequestNumber, place: LogIndex, term: Term, cause: RecordId) {
        let now = self.now;
        let Some(client) = self.clients.get_mut(index) else { return };
        let id = client.setup.id;
        let Some(open) = client.request(request).filter(|open| open.waits != Waits::Result) else { return };
        (open.waits, open.stamp, open.refused_so_far) = (Waits::Result, 0, false);
        let (to, of_workload) = (open.to, std::mem::take(&mut open.of_workload));
        client.believed = to;
        client.forget_early();
        let verdict = Verdict::Early;
        let result = format!("entry {place} of term {}, not yet safe", term.0);
        if let Some(seen) = client.view.operations.iter_mut().rev().find(|seen| seen.number == request) {
            seen.told = Some((now, verdict, result.clone()));
            seen.early = Some(Fate::Open);
        }
        let stamp = Stamp { at: now, cause: Some(cause), node: None };
        let told = self.recorder.emit(stamp, || Body::Told { client: id, number: request, verdict, result });
        if let Some(client) = self.clients.get_mut(index) {
            client.acted = Some(told);
        }
        self.coverage.answered_early += 1;
        self.watch_told_early((id, request), place, term, told);
        if of_workload {
            self.think(index);
        }
    }

    /// A client makes up its mind about a request.
    fn tell(
        &mut self,
        index: usize,
        request: RequestNumber,
        verdict: Verdict,
        result: String,
        answer: Option<Answer>,
        cause: Option<RecordId>,
    ) {
        let now = self.now;
        let Some(client) = self.clients.get_mut(index) else { return };
        let id = client.setup.id;
        let Some(position) = client.outstanding.iter().position(|open| open.number == request) else { return };
        let open = client.outstanding.remove(position);
        if let (Some(operation), Some(answer)) = (&open.operation, &answer) {
            client.learn(operation, answer);
        }
        // A read that any node could answer says nothing about who leads.
        if !matches!(open.how, Some(ReadHow::Index | ReadHow::Stale)) {
            client.believed = open.to;
        }
        if let Some(seen) = client.view.operations.iter_mut().rev().find(|seen| seen.number == request) {
            seen.told = Some((now, verdict, result.clone()));
        }
        let stamp = Stamp { at: now, cause, node: None };
        let told = Some(self.recorder.emit(stamp, || Body::Told { client: id, number: request, verdict, result }));
        if let Some(client) = self.clients.get_mut(index) {
            client.acted = told;
        }
        if open.operation.is_none() {
            return self.opened(index, told);
        }
        match verdict {
            Verdict::Ok => self.coverage.operations_ok += 1,
            Verdict::Failed => self.coverage.operations_failed += 1,
            Verdict::Unknown | Verdict::Early => self.coverage.operations_unknown += 1,
        }
        self.watch_told(id, request, verdict, answer.as_ref());
        if open.of_workload {
            self.think(index);
        }
    }

    /// The session is open: what waited for it is asked now, and the workload begins, unless it goes on.
    fn opened(&mut self, index: usize, cause: Option<RecordId>) {
        let Some(client) = self.clients.get_mut(index) else { return };
        client.open = true;
        for wish in std::mem::take(&mut client.wishes) {
            self.wish(index, wish, cause);
        }
        let goes_on = |client: &Client| client.think != 0 || client.outstanding.iter().any(|open| open.of_workload);
        if !self.clients.get(index).is_some_and(goes_on) {
            self.think(index);
        }
    }

    /// The workload's next operation comes after some thought.
    fn think(&mut self, index: usize) {
        let Some(client) = self.clients.get_mut(index) else { return };
        let Some(workload) = client.setup.workload.filter(|_| client.left > 0) else { return };
        let span = client.rng.span(workload.think);
        client.think = self.queue.push(self.now + span, Event::Think { client: number(index) });
    }

    /// The workload's next operation is due.
    pub(crate) fn on_think(&mut self, index: usize) {
        let Some(client) = self.clients.get_mut(index) else { return };
        let Some(workload) = client.setup.workload.filter(|_| client.left > 0) else { return };
        client.left -= 1;
        client.think = 0;
        let operation = client.draw_command(self.setup.machine.kind, &workload);
        let how = workload.reads.filter(|_| matches!(operation, AnyCommand::Kv(Operation::Get { .. })));
        let class = if workload.mixed { client.draw_class() } else { client.setup.class };
        // Any node answers these: half of the read indexes, and all stale reads, are asked of one at random.
        let anywhere = match how {
            Some(ReadHow::Stale) => true,
            Some(ReadHow::Index) => client.rng.below(2) == 0,
            Some(ReadHow::Lease) | None => false,
        };
        let to = if anywhere {
            let drawn = client.rng.below(self.nodes.len() as u64);
            usize::try_from(drawn).ok().and_then(|drawn| self.nodes.get(drawn)).map(|node| node.id)
        } else {
            None
        };
        let wish = Wish { operation, how, to, class: Some(class), of_workload: true };
        let cause = client.acted;
        self.wish(index, wish, cause);
    }

    /// A message of a request was doubled: a refusal of one copy says nothing about the other.
    pub(crate) fn doubt(&mut self, flight: &Flight<P::Message>) {
        let (client, request) = match (&flight.parcel, flight.to) {
            (Parcel::Request { proposal, .. }, _) => (proposal.client, proposal.number),
            (Parcel::Read { request, .. }, _) => (request.client, request.number),
            // A replica's refusal is not believed anyway.
            (Parcel::Signed { .. }, _) => return,
            (Parcel::Answer { number, .. }, Endpoint::Client(client)) => (client, *number),
            (Parcel::Answer { .. }, Endpoint::Node(_)) | (Parcel::Peer(_) | Parcel::Twin(_), _) => return,
        };
        if let Ok(index) = self.clients.binary_search_by_key(&client, |client| client.setup.id)
            && let Some(open) = self.clients[index].request(request)
        {
            open.refused_so_far = false;
        }
    }
}
