//! How does the host's client ask, wait, retry and make up its mind?
//!
//! It opens a session first; then every request has a number, and a retry keeps
//! it, so that the cluster executes it once however often it is sent. Pure: it
//! is told the time and what arrived, and says what to send and what it
//! believes ([`Act`]).

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use quorumscope_core::entry::{Class, Proposal, Tags};
use quorumscope_core::machine::kv::{Answer, Operation};
use quorumscope_core::machine::session::{Payload, SessionAnswer};
use quorumscope_core::protocol::{Outcome, ReadHow, ReadRequest};
use quorumscope_core::record::Verdict;
use quorumscope_core::types::{ClientId, LogIndex, Mono, NodeId, RequestNumber, Span};

/// How long an answer may take before the next node is asked.
const TIMEOUT: Span = Span::from_millis(500);

/// How long a refused request rests: an election takes about as long.
const PAUSE: Span = Span::from_millis(100);

/// After this many tries the client gives up.
const MAX_ATTEMPTS: u32 = 40;

/// Requests that are not answered, and those that wait for the session: people click no faster.
const MAX_WAITING: usize = 64;

/// What the client wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// Send a request.
    Ask {
        /// To whom.
        to: NodeId,
        /// As people read it.
        text: String,
        /// 1 for the first try.
        attempt: u32,
        /// What.
        request: Asking,
    },
    /// The client has made up its mind.
    Tell {
        /// About which request.
        number: RequestNumber,
        /// What it believes.
        verdict: Verdict,
        /// The result, as people read it.
        result: String,
    },
}

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asking {
    /// A command, through the log.
    Propose(Proposal),
    /// A question beside it.
    Read(ReadRequest),
}

/// A client with a session.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    id: ClientId,
    nodes: Vec<NodeId>,
    believed: NodeId,
    session: Session,
    last: RequestNumber,
    wishes: VecDeque<(Option<NodeId>, Operation)>,
    open: BTreeMap<RequestNumber, Open>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Session {
    Closed,
    Opening,
    /// By this entry, which is its name.
    Open(LogIndex),
}

/// A request without an outcome.
#[derive(Clone, Debug)]
struct Open {
    opens_session: bool,
    /// How it is read beside the log; `None` where it goes through the log.
    how: Option<ReadHow>,
    payload: Bytes,
    text: String,
    to: NodeId,
    attempt: u32,
    /// Whether an answer is awaited, or a pause is.
    asked: bool,
    /// Whether every try so far was refused: then it has certainly not happened.
    refused: bool,
    due: Mono,
}

impl Client {
    /// A client of these nodes, of which there is at least one.
    pub(crate) fn new(id: ClientId, nodes: Vec<NodeId>) -> Self {
        let believed = nodes.first().copied().unwrap_or_default();
        let session = Session::Closed;
        Self { id, nodes, believed, session, last: RequestNumber(0), wishes: VecDeque::new(), open: BTreeMap::new() }
    }

    /// Whether one more operation may wait.
    pub(crate) fn has_room(&self) -> bool {
        self.wishes.len() + self.open.len() < MAX_WAITING
    }

    /// Somebody wants an operation done, at this node or where the client believes the leader to be.
    pub(crate) fn wish(&mut self, now: Mono, to: Option<NodeId>, operation: Operation) -> Vec<Act> {
        match self.session {
            Session::Open(session) => vec![self.propose(now, to, session, &operation)],
            Session::Opening => {
                self.wishes.push_back((to, operation));
                Vec::new()
            }
            Session::Closed => {
                self.session = Session::Opening;
                self.wishes.push_back((to, operation));
                let (payload, to) = (Payload::Open.encode(), self.believed);
                vec![self.begin(now, to, payload, "open a session".into(), true, None)]
            }
        }
    }

    /// Somebody asks for a key beside the log, at this node or where the client believes the leader to be. It needs no
    /// session, for it changes nothing.
    pub(crate) fn read(&mut self, now: Mono, to: Option<NodeId>, key: &str, how: ReadHow) -> Act {
        let operation = Operation::Get { key: key.into() };
        let way = match how {
            ReadHow::Index => "read index",
            ReadHow::Lease => "lease",
            ReadHow::Stale => "stale",
        };
        let text = format!("{operation} ({way})");
        self.begin(now, to.unwrap_or(self.believed), operation.encode(), text, false, Some(how))
    }

    /// When it wants to be woken.
    pub(crate) fn next_deadline(&self) -> Option<Mono> {
        self.open.values().map(|open| open.due).min()
    }

    /// Answers that have not come in time, and pauses that are over.
    pub(crate) fn on_wake(&mut self, now: Mono) -> Vec<Act> {
        let due: Vec<RequestNumber> =
            self.open.iter().filter(|(_, open)| open.due <= now).map(|(number, _)| *number).collect();
        due.into_iter().flat_map(|number| self.again(now, number)).collect()
    }

    /// An answer arrived. A late one, to a request whose outcome is known, changes nothing.
    pub(crate) fn on_answer(&mut self, now: Mono, number: RequestNumber, outcome: Outcome) -> Vec<Act> {
        match outcome {
            Outcome::Applied { result, .. } => self.on_result(now, number, &result, ""),
            Outcome::Read { how: ReadHow::Index, result, .. } => self.on_result(now, number, &result, ""),
            Outcome::Read { how: ReadHow::Lease, result, .. } => self.on_result(now, number, &result, " (by lease)"),
            Outcome::Read { how: ReadHow::Stale, result, .. } => self.on_result(now, number, &result, " (stale)"),
            Outcome::NotLeader { leader } => {
                self.rest(now, number, leader, true);
                Vec::new()
            }
            Outcome::Overloaded => {
                self.rest(now, number, None, true);
                Vec::new()
            }
            Outcome::Unknown => {
                self.rest(now, number, None, false);
                Vec::new()
            }
            // What it asks is never relaxed; the answer that counts still comes.
            Outcome::Accepted { .. } => Vec::new(),
            // One replica's word proves nothing, and Raft's nodes give none.
            Outcome::Replied(_) => Vec::new(),
            // Nobody would take it: trying again is of no use.
            Outcome::TooLarge { bytes, limit } => {
                let Some(open) = self.open.remove(&number) else { return Vec::new() };
                let verdict = if open.refused { Verdict::Failed } else { Verdict::Unknown };
                let result = format!("too large: {bytes} bytes, and an entry has at most {limit}");
                vec![Act::Tell { number, verdict, result }]
            }
        }
    }

    /// A result came; `remark` says what it rests on.
    fn on_result(&mut self, now: Mono, number: RequestNumber, result: &[u8], remark: &str) -> Vec<Act> {
        let Some(open) = self.open.remove(&number) else { return Vec::new() };
        // A read that any node could answer says nothing about who leads.
        if !matches!(open.how, Some(ReadHow::Index | ReadHow::Stale)) {
            self.believed = open.to;
        }
        let said = SessionAnswer::decode(result);
        let opened = if let Some(SessionAnswer::Opened(entry)) = said { Some(entry) } else { None };
        let (verdict, result) = match said {
            Some(SessionAnswer::Opened(_) | SessionAnswer::Closed) => (Verdict::Ok, "done".into()),
            Some(SessionAnswer::Result(bytes)) => match Answer::decode(&bytes) {
                Some(Answer::Value(value)) => (Verdict::Ok, value.unwrap_or_else(|| "nothing".into()) + remark),
                Some(Answer::Refused(refusal)) => (Verdict::Ok, format!("refused: {refusal}")),
                Some(Answer::Malformed) | None => (Verdict::Unknown, "unreadable answer".into()),
            },
            Some(SessionAnswer::NoSession) => {
                self.session = Session::Closed; // evicted: the next wish opens a new one
                (Verdict::Unknown, "no session".into())
            }
            Some(SessionAnswer::Forgotten) => (Verdict::Unknown, "answered before and forgotten".into()),
            Some(SessionAnswer::TooManyOutstanding) => (Verdict::Unknown, "too many requests at once".into()),
            Some(SessionAnswer::NotHere) => (Verdict::Failed, "not held there".into()),
            Some(SessionAnswer::Malformed) | None => (Verdict::Unknown, "unreadable answer".into()),
        };
        let mut acts = vec![Act::Tell { number, verdict, result }];
        if open.opens_session {
            let Some(session) = opened else {
                self.session = Session::Closed; // the next wish tries again
                return acts;
            };
            self.session = Session::Open(session);
            let wishes = std::mem::take(&mut self.wishes);
            acts.extend(wishes.into_iter().map(|(to, operation)| self.propose(now, to, session, &operation)));
        }
        acts
    }

    fn propose(&mut self, now: Mono, to: Option<NodeId>, session: LogIndex, operation: &Operation) -> Act {
        // Everything below the oldest open request is answered.
        let oldest = self.open.keys().next().map_or(self.last.0 + 1, |number| number.0);
        let acknowledged = RequestNumber(oldest.saturating_sub(1));
        let payload = Payload::Command { session, acknowledged, command: operation.encode() }.encode();
        self.begin(now, to.unwrap_or(self.believed), payload, operation.to_string(), false, None)
    }

    fn begin(
        &mut self,
        now: Mono,
        to: NodeId,
        payload: Bytes,
        text: String,
        opens_session: bool,
        how: Option<ReadHow>,
    ) -> Act {
        self.last = RequestNumber(self.last.0 + 1);
        let due = now + TIMEOUT;
        let open = Open { opens_session, how, payload, text, to, attempt: 1, asked: true, refused: true, due };
        let act = self.ask(self.last, &open);
        self.open.insert(self.last, open);
        act
    }

    fn ask(&self, number: RequestNumber, open: &Open) -> Act {
        let (client, payload) = (self.id, open.payload.clone());
        let request = match open.how {
            Some(how) => Asking::Read(ReadRequest { client, number, how, query: payload }),
            None => Asking::Propose(Proposal { client, number, class: Class::Critical, tags: Tags::new(), payload }),
        };
        Act::Ask { to: open.to, text: open.text.clone(), attempt: open.attempt, request }
    }

    /// A refusal: the request rests, and goes to the node that was named or to the next one.
    fn rest(&mut self, now: Mono, number: RequestNumber, leader: Option<NodeId>, refused: bool) {
        let next = self.open.get(&number).map_or(self.believed, |open| self.node_after(open.to));
        let to = leader.filter(|leader| self.nodes.contains(leader)).unwrap_or(next);
        if let Some(open) = self.open.get_mut(&number).filter(|open| open.asked) {
            open.refused &= refused;
            open.asked = false;
            open.due = now + PAUSE;
            open.to = to;
            self.believed = to;
        }
    }

    /// Tries again, or gives up.
    fn again(&mut self, now: Mono, number: RequestNumber) -> Vec<Act> {
        let Some(mut open) = self.open.remove(&number) else { return Vec::new() };
        if open.asked {
            open.refused = false; // no answer says nothing
            open.to = self.node_after(open.to);
            self.believed = open.to;
        }
        if open.attempt >= MAX_ATTEMPTS {
            return self.give_up(number, &open);
        }
        open.attempt += 1;
        open.asked = true;
        open.due = now + TIMEOUT;
        let act = self.ask(number, &open);
        self.open.insert(number, open);
        vec![act]
    }

    fn give_up(&mut self, number: RequestNumber, open: &Open) -> Vec<Act> {
        let verdict = if open.refused { Verdict::Failed } else { Verdict::Unknown };
        let mut acts = vec![Act::Tell { number, verdict, result: "gave up".into() }];
        if open.opens_session {
            // Nothing was executed without a session: what waited for it has failed with it.
            self.session = Session::Closed;
            for _ in std::mem::take(&mut self.wishes) {
                self.last = RequestNumber(self.last.0 + 1);
                acts.push(Act::Tell { number: self.last, verdict: Verdict::Failed, result: "no session".into() });
            }
        }
        acts
    }

    fn node_after(&self, node: NodeId) -> NodeId {
        let later = self.nodes.iter().find(|other| **other > node);
        later.or(self.nodes.first()).copied().unwrap_or(node)
    }
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
