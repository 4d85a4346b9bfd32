//! How is a command applied exactly once?
//!
//! Each client has a session (thesis §6.3): results are kept for every number
//! above the client's acknowledged low-water mark, so a retried command is
//! answered from memory, and pipelined commands may arrive in any order. Open
//! and close are log entries; a full table evicts the session that was used
//! least recently, at the log entry that opens a new one, alike on all replicas.
//! A session that nobody has used for long expires at the first entry whose log
//! time is late enough; a local clock would expire it on one replica only.
//! A command of a session that is not open is an error and is never executed.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher as _};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::edge::LeftOut;
use crate::entry::Tags;
use crate::machine::{NotAState, StateMachine};
use crate::types::{ClientId, Digest, LogIndex, RequestNumber, Span, Wall};

/// How many sessions one cluster keeps: each costs every replica memory.
pub const MAX_SESSIONS: usize = 4_096;

/// How many unacknowledged results one session keeps: a client may not have more outstanding.
pub const MAX_RESULTS: usize = 1_024;

/// How long an unused session stays open, in log time, where nothing else is said.
pub const SESSION_IDLE_LIMIT: Span = Span::from_secs(600);

/// What stands in a command entry's payload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Payload {
    /// Opens the client's session; harmless where it is open already.
    Open,
    /// Ends the client's session.
    Close,
    /// A command of an open session.
    Command {
        /// All numbers up to this one are answered: their results may be forgotten.
        acknowledged: RequestNumber,
        /// For the state machine.
        command: Bytes,
    },
}

/// What a client's request led to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SessionAnswer {
    /// The session is open.
    Opened,
    /// The session is over.
    Closed,
    /// The state machine's answer, the same for every retry.
    Result(Bytes),
    /// The session is not open (it never was, expired, or was evicted): nothing was executed.
    NoSession,
    /// The client has acknowledged this number before: its result is forgotten and nothing was executed.
    Forgotten,
    /// Too many unacknowledged results: nothing was executed.
    TooManyOutstanding,
    /// The payload could not be read: nothing was executed.
    Malformed,
    /// This node holds a part of the state, and what was asked does not lie in it.
    NotHere,
}

/// A payload as it is looked at without copying the command.
#[derive(Serialize, Deserialize)]
enum Head<'a> {
    Open,
    Close,
    Command { acknowledged: RequestNumber, command: &'a [u8] },
}

/// The low-water mark that a command of a session carries; `None` where the payload is none.
#[must_use]
pub fn acknowledged(payload: &[u8]) -> Option<RequestNumber> {
    match postcard::from_bytes(payload).ok()? {
        Head::Command { acknowledged, .. } => Some(acknowledged),
        Head::Open | Head::Close => None,
    }
}

/// Which ranges of a machine's state a payload touches; none where everybody needs it.
#[must_use]
pub fn ranges<S: StateMachine>(payload: &[u8]) -> Tags {
    match postcard::from_bytes(payload) {
        Ok(Head::Command { command, .. }) => S::ranges(command),
        Ok(Head::Open | Head::Close) | Err(_) => Tags::new(),
    }
}

impl Payload {
    /// The payload as bytes for a log entry.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        postcard::to_allocvec(self).expect("bytes always encode").into()
    }

    /// Reads a payload back.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }
}

impl SessionAnswer {
    /// The answer as bytes.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        postcard::to_allocvec(self).expect("bytes always encode").into()
    }

    /// Reads an answer back.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }
}

/// One client's session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Session {
    acknowledged: RequestNumber,
    last_used: LogIndex,
    /// Log time of that entry.
    last_used_at: Wall,
    results: BTreeMap<RequestNumber, Bytes>,
}

/// A state machine behind client sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sessions<S> {
    sessions: BTreeMap<ClientId, Session>,
    machine: S,
    /// How long an unused session stays open; `None` for the usual time.
    #[serde(default)]
    idle_limit: Option<Span>,
    /// No session expires before this log time. It is computed from sessions that were there before and only
    /// rises, as their times do, so it stays true when a later state takes the place of this one.
    #[serde(default)]
    quiet_until: Wall,
    /// Whether retries are recognized; off only where a lesson shows why they must be.
    #[serde(default)]
    deduplication_off: bool,
    /// Whether snapshots hold the sessions; off only where a lesson shows why they must.
    #[serde(default)]
    snapshots_without_sessions: bool,
    /// Which ranges this node holds; `None` where it holds all. Who holds a part answers no command, so it keeps
    /// which numbers were used and no results.
    #[serde(default)]
    subscription: Option<Vec<u64>>,
}

impl<S: StateMachine> Sessions<S> {
    /// The machine behind the sessions.
    pub fn machine(&self) -> &S {
        &self.machine
    }

    /// How many sessions are open.
    #[must_use]
    pub fn open_count(&self) -> u64 {
        self.sessions.len() as u64
    }

    /// No sessions yet, and this machine behind them.
    pub fn of(machine: S) -> Self {
        Self { machine, ..Self::default() }
    }

    /// Answers a read beside the log. It changes nothing, so it needs no session.
    pub fn read(&self, query: &[u8]) -> SessionAnswer {
        let held = |ranges: &Vec<u64>| {
            let asked = S::ranges(query);
            !asked.is_empty() && asked.iter().all(|range| ranges.contains(range))
        };
        if !self.subscription.as_ref().is_none_or(held) {
            return SessionAnswer::NotHere;
        }
        SessionAnswer::Result(self.machine.query(query))
    }

    /// The ranges that this node holds; `None` where it holds all.
    pub fn subscription(&self) -> Option<&[u64]> {
        self.subscription.as_deref()
    }

    /// The part of state and sessions that a node with these ranges holds. It commutes with applying: see
    /// [`StateMachine::project`].
    #[must_use]
    pub fn project(&self, ranges: &[u64]) -> Self {
        let numbers = |session: &Session| Session {
            results: session.results.keys().map(|number| (*number, Bytes::new())).collect(),
            ..*session
        };
        Self {
            sessions: self.sessions.iter().map(|(client, session)| (*client, numbers(session))).collect(),
            machine: self.machine.project(ranges),
            subscription: Some(ranges.to_vec()),
            ..*self
        }
    }

    /// Switches recognition of retries off (rule `session.exactly-once`).
    pub fn without_deduplication(mut self) -> Self {
        self.deduplication_off = true;
        self
    }

    /// Leaves the sessions out of snapshots (rule `raft.snapshot-carries-sessions`).
    pub fn without_sessions_in_snapshots(mut self) -> Self {
        self.snapshots_without_sessions = true;
        self
    }

    /// State and sessions as bytes; equal states give equal bytes natively and in wasm. Without the sessions a
    /// replica that starts from a snapshot would apply again what was applied before it (thesis §6.3).
    #[must_use]
    pub fn snapshot(&self) -> Bytes {
        let machine = self.machine.snapshot();
        let none = BTreeMap::new();
        let sessions = if self.snapshots_without_sessions { &none } else { &self.sessions };
        let whole = postcard::to_extend(&(sessions, &machine), Vec::with_capacity(machine.len() + 64))
            .expect("bytes always encode");
        match &self.subscription {
            None => whole.into(),
            Some(ranges) => postcard::to_extend(ranges, whole).expect("numbers always encode").into(),
        }
    }

    /// The digest that a machine has after it is restored from [`Sessions::snapshot`].
    #[must_use]
    pub fn snapshot_digest(&self) -> Digest {
        if self.snapshots_without_sessions {
            return Self { machine: self.machine.clone(), ..Self::default() }.digest();
        }
        self.digest()
    }

    /// Takes the place of state and sessions with what [`Sessions::snapshot`] wrote.
    ///
    /// # Errors
    /// Bytes that are no state of this machine change nothing.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), NotAState> {
        let ((sessions, machine), rest): ((_, &[u8]), _) = postcard::take_from_bytes(bytes).map_err(|_| NotAState)?;
        let subscription = if rest.is_empty() { None } else { Some(super::read_state(rest)?) };
        self.machine.restore(machine)?;
        self.subscription = subscription;
        self.sessions = sessions;
        self.quiet_until = self.oldest_use().unwrap_or_default() + self.limit();
        Ok(())
    }

    /// Lets unused sessions expire after this span of log time.
    pub fn with_idle_limit(mut self, limit: Span) -> Self {
        (self.idle_limit, self.quiet_until) = (Some(limit), Wall(0));
        self
    }

    /// Log time passes, by an entry that is no command: sessions and what the machine holds may expire.
    pub fn advance(&mut self, log_time: Wall) {
        self.expire_sessions(log_time);
        self.machine.advance(log_time);
    }

    /// Nothing expires before this log time.
    pub fn next_expiry(&self) -> Option<Wall> {
        let session = (!self.sessions.is_empty()).then_some(self.quiet_until);
        session.into_iter().chain(self.machine.next_expiry()).min()
    }

    /// All sessions are looked at only where one of them may be due: an active client's is due later and later.
    fn expire_sessions(&mut self, log_time: Wall) {
        if log_time < self.quiet_until {
            return;
        }
        let limit = self.limit();
        let due = |(_, session): &(&ClientId, &Session)| session.last_used_at + limit <= log_time;
        while let Some(client) = self.sessions.iter().find(due).map(|(client, _)| *client) {
            self.sessions.remove(&client);
        }
        self.quiet_until = self.oldest_use().unwrap_or(log_time) + limit;
    }

    fn limit(&self) -> Span {
        self.idle_limit.unwrap_or(SESSION_IDLE_LIMIT)
    }

    fn oldest_use(&self) -> Option<Wall> {
        self.sessions.values().map(|session| session.last_used_at).min()
    }

    /// Applies one command entry of `client` and answers.
    pub fn apply(
        &mut self,
        index: LogIndex,
        log_time: Wall,
        client: ClientId,
        number: RequestNumber,
        payload: &[u8],
    ) -> SessionAnswer {
        self.advance(log_time);
        match Payload::decode(payload) {
            None => SessionAnswer::Malformed,
            Some(Payload::Open) => {
                self.open(client, index, log_time);
                SessionAnswer::Opened
            }
            Some(Payload::Close) => match self.sessions.remove(&client) {
                Some(_) => SessionAnswer::Closed,
                None => SessionAnswer::NoSession,
            },
            Some(Payload::Command { acknowledged, command }) => {
                self.command(index, log_time, client, number, acknowledged, Some(&command))
            }
        }
    }

    /// Applies a command entry whose body was left out: it concerns other ranges, and the session all the same.
    pub fn skip(&mut self, index: LogIndex, log_time: Wall, client: ClientId, number: RequestNumber, payload: &[u8]) {
        self.advance(log_time);
        if let Some(LeftOut { acknowledged, .. }) = LeftOut::decode(payload) {
            self.command(index, log_time, client, number, acknowledged, None);
        }
    }

    fn open(&mut self, client: ClientId, index: LogIndex, log_time: Wall) {
        if let Some(session) = self.sessions.get_mut(&client) {
            (session.last_used, session.last_used_at) = (index, log_time);
            return;
        }
        if self.sessions.len() >= MAX_SESSIONS
            && let Some(idlest) =
                self.sessions.iter().min_by_key(|(id, session)| (session.last_used, **id)).map(|(id, _)| *id)
        {
            self.sessions.remove(&idlest);
        }
        self.sessions.insert(client, Session { last_used: index, last_used_at: log_time, ..Session::default() });
    }

    fn command(
        &mut self,
        index: LogIndex,
        log_time: Wall,
        client: ClientId,
        number: RequestNumber,
        acknowledged: RequestNumber,
        command: Option<&[u8]>,
    ) -> SessionAnswer {
        let Some(session) = self.sessions.get_mut(&client) else { return SessionAnswer::NoSession };
        (session.last_used, session.last_used_at) = (index, log_time);
        if acknowledged > session.acknowledged {
            session.acknowledged = acknowledged;
            session.results = session.results.split_off(&RequestNumber(acknowledged.0.saturating_add(1)));
        }
        if !self.deduplication_off {
            if let Some(result) = session.results.get(&number) {
                return SessionAnswer::Result(result.clone());
            }
            if number <= session.acknowledged {
                return SessionAnswer::Forgotten;
            }
            if session.results.len() >= MAX_RESULTS {
                return SessionAnswer::TooManyOutstanding;
            }
        }
        let concerns = |ranges: &Vec<u64>, command: &[u8]| {
            let touched = S::ranges(command);
            touched.is_empty() || touched.iter().any(|range| ranges.contains(range))
        };
        let result = match (command, &self.subscription) {
            (Some(command), None) => self.machine.apply(index, log_time, command),
            (Some(command), Some(ranges)) if concerns(ranges, command) => {
                self.machine.apply(index, log_time, command);
                Bytes::new()
            }
            (Some(_) | None, Some(_) | None) => Bytes::new(),
        };
        if !self.deduplication_off {
            session.results.insert(number, result.clone());
        }
        SessionAnswer::Result(result)
    }

    /// A digest over sessions and machine.
    pub fn digest(&self) -> Digest {
        let mut chain = crate::digest::Chain::new();
        self.sessions.hash(&mut chain);
        self.machine.digest().hash(&mut chain);
        Digest(chain.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::kv::{Answer, KeyValue, Operation};

    const CLIENT: ClientId = ClientId(7);

    fn set(value: &str, acknowledged: u64) -> Bytes {
        let command = Operation::Set { key: "x".into(), value: value.into() }.encode();
        Payload::Command { acknowledged: RequestNumber(acknowledged), command }.encode()
    }

    fn opened() -> Sessions<KeyValue> {
        let mut sessions = Sessions::default();
        assert_eq!(
            sessions.apply(LogIndex(1), Wall(0), CLIENT, RequestNumber(1), &Payload::Open.encode()),
            SessionAnswer::Opened
        );
        sessions
    }

    fn before(answer: SessionAnswer) -> Option<String> {
        let SessionAnswer::Result(bytes) = answer else { panic!("no result: {answer:?}") };
        let Some(Answer::Value(value)) = Answer::decode(&bytes) else { panic!("unreadable") };
        value
    }

    #[test]
    fn a_retry_is_answered_from_memory_and_not_executed() {
        let mut sessions = opened();
        let first = sessions.apply(LogIndex(2), Wall(0), CLIENT, RequestNumber(2), &set("1", 0));
        sessions.apply(LogIndex(3), Wall(0), CLIENT, RequestNumber(3), &set("2", 0));
        let retry = sessions.apply(LogIndex(4), Wall(0), CLIENT, RequestNumber(2), &set("1", 0));
        assert_eq!(first, retry);
        assert_eq!(sessions.machine().get("x"), Some("2"));
    }

    #[test]
    fn pipelined_commands_may_arrive_out_of_order_and_none_is_swallowed() {
        let mut sessions = opened();
        assert_eq!(before(sessions.apply(LogIndex(2), Wall(0), CLIENT, RequestNumber(3), &set("3", 0))), None);
        assert_eq!(
            before(sessions.apply(LogIndex(3), Wall(0), CLIENT, RequestNumber(2), &set("2", 0))),
            Some("3".into())
        );
    }

    #[test]
    fn an_acknowledged_number_is_forgotten_and_never_executed_again() {
        let mut sessions = opened();
        sessions.apply(LogIndex(2), Wall(0), CLIENT, RequestNumber(2), &set("1", 0));
        sessions.apply(LogIndex(3), Wall(0), CLIENT, RequestNumber(3), &set("2", 2));
        let late = sessions.apply(LogIndex(4), Wall(0), CLIENT, RequestNumber(2), &set("1", 0));
        assert_eq!(late, SessionAnswer::Forgotten);
        assert_eq!(sessions.machine().get("x"), Some("2"));
    }

    /// TRAPS: a snapshot whose session table is older than its index.
    #[test]
    fn a_replica_that_starts_from_a_snapshot_knows_what_was_applied_before_it() {
        for carried in [true, false] {
            let mut sessions = if carried { opened() } else { opened().without_sessions_in_snapshots() };
            let first = sessions.apply(LogIndex(2), Wall(0), CLIENT, RequestNumber(2), &set("1", 0));
            let mut restored = Sessions::<KeyValue>::default();
            assert_eq!(restored.restore(&sessions.snapshot()), Ok(()));
            assert_eq!(restored.digest() == sessions.digest(), carried);
            let retry = restored.apply(LogIndex(3), Wall(0), CLIENT, RequestNumber(2), &set("1", 0));
            assert_eq!(retry == first, carried, "the rule is what carries the sessions");
        }
    }

    #[test]
    fn bytes_that_are_no_state_are_refused_and_change_nothing() {
        let mut sessions = opened();
        let before = sessions.digest();
        let whole = sessions.snapshot();
        for length in 0..whole.len() {
            assert_eq!(sessions.restore(&whole[..length]), Err(NotAState));
        }
        assert_eq!(sessions.digest(), before);
    }

    #[test]
    fn without_a_session_nothing_is_executed() {
        let mut sessions = Sessions::<KeyValue>::default();
        let answer = sessions.apply(LogIndex(1), Wall(0), CLIENT, RequestNumber(1), &set("1", 0));
        assert_eq!(answer, SessionAnswer::NoSession);
        assert_eq!(sessions.machine().get("x"), None);
    }

    /// TRAPS: a session expires on one replica only.
    #[test]
    fn an_unused_session_expires_at_an_entry_and_its_command_is_not_executed() {
        let mut sessions = opened().with_idle_limit(Span(100));
        let other = ClientId(8);
        sessions.apply(LogIndex(2), Wall(60), other, RequestNumber(1), &Payload::Open.encode());
        let used = sessions.apply(LogIndex(3), Wall(99), CLIENT, RequestNumber(2), &set("1", 0));
        assert!(matches!(used, SessionAnswer::Result(_)));
        sessions.advance(Wall(160));
        let gone = sessions.apply(LogIndex(5), Wall(161), other, RequestNumber(2), &set("2", 0));
        assert_eq!(gone, SessionAnswer::NoSession);
        let late = sessions.apply(LogIndex(6), Wall(199), CLIENT, RequestNumber(3), &set("3", 0));
        assert_eq!(late, SessionAnswer::NoSession);
        assert_eq!(sessions.machine().get("x"), Some("1"));
    }

    #[test]
    fn the_next_expiry_is_never_after_the_first_session_that_goes() {
        let mut sessions = opened().with_idle_limit(Span(100));
        assert_eq!(Sessions::<KeyValue>::default().next_expiry(), None);
        sessions.apply(LogIndex(2), Wall(90), CLIENT, RequestNumber(2), &set("1", 0));
        for time in 91..190 {
            assert!(sessions.next_expiry().is_some_and(|at| at <= Wall(190)));
            sessions.advance(Wall(time));
            assert_eq!(sessions.sessions.len(), 1, "at {time}");
        }
        sessions.advance(Wall(190));
        assert_eq!((sessions.sessions.len(), sessions.next_expiry()), (0, None));
    }

    #[test]
    fn a_full_table_evicts_the_session_used_least_recently() {
        let mut sessions = opened();
        for client in 0..MAX_SESSIONS as u64 {
            let id = ClientId(100 + client);
            sessions.apply(LogIndex(2 + client), Wall(0), id, RequestNumber(1), &Payload::Open.encode());
        }
        let evicted = sessions.apply(LogIndex(9_000), Wall(0), CLIENT, RequestNumber(2), &set("1", 0));
        assert_eq!(evicted, SessionAnswer::NoSession);
        let kept = sessions.apply(LogIndex(9_001), Wall(0), ClientId(100), RequestNumber(2), &set("1", 0));
        assert!(matches!(kept, SessionAnswer::Result(_)));
    }

    #[test]
    fn a_session_bounds_its_unacknowledged_results() {
        let mut sessions = opened();
        for number in 0..MAX_RESULTS as u64 {
            sessions.apply(LogIndex(2 + number), Wall(0), CLIENT, RequestNumber(2 + number), &set("1", 0));
        }
        let next = RequestNumber(2 + MAX_RESULTS as u64);
        assert_eq!(
            sessions.apply(LogIndex(5_000), Wall(0), CLIENT, next, &set("2", 0)),
            SessionAnswer::TooManyOutstanding
        );
        assert!(matches!(
            sessions.apply(LogIndex(5_001), Wall(0), CLIENT, next, &set("2", 10)),
            SessionAnswer::Result(_)
        ));
    }
}
