//! What does a client know, and what may it believe?
//!
//! A client opens a session, then asks for one operation after the other
//! (workload) or as many as a person asks for (by hand). It retries the same
//! number until it knows the outcome. It believes *failed* only where every
//! try was refused before anything was appended; a try without an answer, or
//! one that the network doubled, may have happened. Where its session is gone
//! it opens another one, and whatever was under way stays unknown.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use litemap::LiteMap;
use quorumscope_core::bft::Replies;
use quorumscope_core::entry::Class;
use quorumscope_core::machine::any::AnyCommand;
use quorumscope_core::machine::kv::Answer;
use quorumscope_core::machine::session::{Payload, SessionAnswer};
use quorumscope_core::membership::MAX_MEMBERS;
use quorumscope_core::protocol::ReadHow;
use quorumscope_core::record::Verdict;
use quorumscope_core::rng::Rng;
use quorumscope_core::types::{LogIndex, NodeId, RecordId, RequestNumber};

use super::setup::ClientSetup;
use crate::trace::view::{ClientView, Heard, OperationView};
use crate::trace::words::face::REFUSED_BEGINS;

/// How many operations of a client stay visible.
pub(crate) const VISIBLE_OPERATIONS: usize = 1_024;

/// How many requests that were answered early a client remembers.
const MAX_EARLY: usize = 256;

/// What a request waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waits {
    /// An answer.
    Answer,
    /// The pause after a refusal.
    Pause,
    /// The result, which may never come: one node has it, and the client does not ask again.
    Result,
}

/// A request without a known outcome.
#[derive(Clone, Debug)]
pub(crate) struct Outstanding {
    /// Its number.
    pub(crate) number: RequestNumber,
    /// The operation; `None` opens the session.
    pub(crate) operation: Option<AnyCommand>,
    /// How it is read beside the log; `None` where it goes through the log.
    pub(crate) how: Option<ReadHow>,
    /// Whether it may be answered before a quorum has it.
    pub(crate) class: Class,
    /// As bytes for the log, or for the state machine where it is read beside the log.
    pub(crate) payload: Bytes,
    /// As people read it.
    pub(crate) text: Arc<str>,
    /// How often it was sent.
    pub(crate) attempt: u32,
    /// Where it was last sent.
    pub(crate) to: NodeId,
    /// Whether every try so far was surely refused, but for the one that is under way.
    pub(crate) refused_so_far: bool,
    /// What replicas that answer for themselves have told so far.
    pub(crate) replies: Replies,
    /// What it waits for.
    pub(crate) waits: Waits,
    /// The event that ends the waiting.
    pub(crate) stamp: u64,
    /// Whether the workload waits for it.
    pub(crate) of_workload: bool,
}

/// An operation that waits for the session.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    /// The operation.
    pub(crate) operation: AnyCommand,
    /// How it is read beside the log; `None` where it goes through the log.
    pub(crate) how: Option<ReadHow>,
    /// Where to send it first.
    pub(crate) to: Option<NodeId>,
    /// Whether it may be answered before a quorum has it; `None` for what the client writes otherwise.
    pub(crate) class: Option<Class>,
    /// Whether the workload waits for it.
    pub(crate) of_workload: bool,
}

/// One client.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    /// Its settings.
    pub(crate) setup: ClientSetup,
    /// Its own chance.
    pub(crate) rng: Rng,
    /// Where it sends next.
    pub(crate) believed: NodeId,
    /// Whether its session is open.
    pub(crate) open: bool,
    /// The request that opens or opened its session: what has a lower number belongs to one that is gone.
    pub(crate) session: RequestNumber,
    /// The entry that opened it, which is its name.
    pub(crate) opened: LogIndex,
    /// The number of its last request.
    pub(crate) last: RequestNumber,
    /// What it last did, as recorded: the cause of what it does of its own accord.
    pub(crate) acted: Option<RecordId>,
    /// Requests without a known outcome, oldest first.
    pub(crate) outstanding: Vec<Outstanding>,
    /// Operations that wait for the session.
    pub(crate) wishes: VecDeque<Wish>,
    /// Operations of the workload that are still to come.
    pub(crate) left: u32,
    /// The event that starts the next operation of the workload.
    pub(crate) think: u64,
    /// What people see of it.
    pub(crate) view: ClientView,
    /// The versions that it was told of, by name.
    pub(crate) versions: LiteMap<String, u64>,
}

impl Client {
    /// A client that has done nothing yet.
    pub(crate) fn new(setup: ClientSetup, seed: u64, believed: NodeId) -> Self {
        Self {
            rng: Rng::new(seed, CLIENT_CONCERN + setup.id.0),
            believed,
            open: false,
            session: RequestNumber(0),
            opened: LogIndex(0),
            last: RequestNumber(0),
            acted: None,
            outstanding: Vec::new(),
            wishes: VecDeque::new(),
            left: setup.workload.map_or(0, |workload| workload.operations),
            think: 0,
            view: ClientView::default(),
            versions: LiteMap::new(),
            setup,
        }
    }

    /// All numbers up to this one are answered.
    fn acknowledged(&self) -> RequestNumber {
        let oldest = self.outstanding.first().map_or(self.last.0, |oldest| oldest.number.0);
        RequestNumber(oldest.saturating_sub(1))
    }

    /// Makes a request of an operation, or of the wish for a session. It is not sent yet.
    pub(crate) fn begin(
        &mut self,
        operation: Option<AnyCommand>,
        how: Option<ReadHow>,
        class: Option<Class>,
        to: NodeId,
        of_workload: bool,
    ) -> RequestNumber {
        self.last = RequestNumber(self.last.0 + 1);
        let number = self.last;
        let (payload, text): (_, Arc<str>) = match (&operation, how) {
            (None, _) => (Payload::Open.encode(), "open a session".into()),
            (Some(operation), None) => {
                let (session, acknowledged) = (self.opened, self.acknowledged());
                let payload = Payload::Command { session, acknowledged, command: operation.encode() };
                (payload.encode(), operation.to_string().into())
            }
            (Some(operation), Some(how)) => (operation.encode(), read_text(operation, how).into()),
        };
        let reads = operation.as_ref().is_none_or(|operation| operation.asks_for().is_some());
        let class = if reads { Class::Critical } else { class.unwrap_or(self.setup.class) };
        self.outstanding.push(Outstanding {
            number,
            operation,
            how,
            class,
            payload,
            text,
            attempt: 0,
            to,
            refused_so_far: true,
            replies: Replies::default(),
            waits: Waits::Answer,
            stamp: 0,
            of_workload,
        });
        number
    }

    /// The request of this number, while its outcome is not known.
    pub(crate) fn request(&mut self, number: RequestNumber) -> Option<&mut Outstanding> {
        self.outstanding.iter_mut().find(|request| request.number == number)
    }

    /// Other nodes vote now: what replicas told so far does not count with what these tell.
    pub(crate) fn forget_replies(&mut self) {
        for open in &mut self.outstanding {
            open.replies = Replies::default();
        }
    }

    /// Forgets the oldest requests that were answered early, beyond as many as a person would look at: their results
    /// may never come.
    pub(crate) fn forget_early(&mut self) {
        let early = |request: &Outstanding| request.waits == Waits::Result;
        let mut surplus = self.outstanding.iter().filter(|request| early(request)).count();
        self.outstanding.retain(|request| {
            let forget = early(request) && surplus > MAX_EARLY;
            surplus -= usize::from(forget);
            !forget
        });
    }

    /// The node to try after `node`.
    pub(crate) fn node_after(nodes: &[NodeId], node: NodeId) -> NodeId {
        let next = nodes.iter().position(|candidate| *candidate == node).map_or(0, |position| position + 1);
        nodes.get(next).or(nodes.first()).copied().unwrap_or(node)
    }
}

/// A read beside the log, as people read it.
fn read_text(operation: &AnyCommand, how: ReadHow) -> String {
    match how {
        ReadHow::Index => format!("{operation} (read index)"),
        ReadHow::Lease => format!("{operation} (lease)"),
        ReadHow::Stale => format!("{operation} (stale)"),
    }
}

/// Generators of clients are numbered from here, so that no other concern shares one.
const CLIENT_CONCERN: u64 = 1 << 32;

/// What an answer of the state machine means to the client: what it believes, in words too.
pub(crate) fn read_result(bytes: &[u8]) -> (Verdict, String, Option<Answer>) {
    match SessionAnswer::decode(bytes) {
        Some(SessionAnswer::Opened(_) | SessionAnswer::Closed) => (Verdict::Ok, "done".into(), None),
        Some(SessionAnswer::Result(result)) => match Answer::decode(&result) {
            Some(Answer::Value(value)) => {
                let text = value.clone().unwrap_or_else(|| "nothing".into());
                (Verdict::Ok, text, Some(Answer::Value(value)))
            }
            Some(Answer::Refused(refusal)) => {
                (Verdict::Ok, format!("{REFUSED_BEGINS}{refusal}"), Some(Answer::Refused(refusal)))
            }
            Some(Answer::Malformed) | None => (Verdict::Unknown, "unreadable answer".into(), None),
        },
        Some(SessionAnswer::NoSession) => (Verdict::Unknown, "no session".into(), None),
        Some(SessionAnswer::Forgotten) => (Verdict::Unknown, "answered before and forgotten".into(), None),
        Some(SessionAnswer::TooManyOutstanding) => (Verdict::Unknown, "too many requests at once".into(), None),
        Some(SessionAnswer::NotHere) => (Verdict::Failed, "not held there".into(), None),
        Some(SessionAnswer::Malformed) | None => (Verdict::Unknown, "unreadable answer".into(), None),
    }
}

/// Notes what a replica has told, for people: the newest word of each.
pub(crate) fn see_heard(seen: &mut OperationView, word: Heard) {
    seen.heard.retain(|known| known.by != word.by);
    if seen.heard.len() < MAX_MEMBERS {
        seen.heard.push(word);
    }
}

/// Notes a request as sent, for people.
pub(crate) fn see_asked(view: &mut ClientView, seen: OperationView) {
    if let Some(known) = view.operations.iter_mut().rev().find(|operation| operation.number == seen.number) {
        known.attempts = seen.attempts;
        known.to = seen.to;
        return;
    }
    if view.operations.len() >= VISIBLE_OPERATIONS {
        view.operations.remove(0);
    }
    view.operations.push(seen);
}
