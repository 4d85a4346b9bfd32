//! How is a command applied exactly once?
//!
//! Each client has a session (thesis §6.3): results are kept for every number
//! above the client's acknowledged low-water mark, so a retried command is
//! answered from memory, and pipelined commands may arrive in any order. Open
//! and close are log entries; a full table evicts the session that was used
//! least recently, at the log entry that opens a new one, alike on all replicas.
//! A command of a session that is not open is an error and is never executed.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher as _};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::machine::StateMachine;
use crate::types::{ClientId, Digest, LogIndex, RequestNumber, Wall};

/// How many sessions one cluster keeps: each costs every replica memory.
pub const MAX_SESSIONS: usize = 4_096;

/// How many unacknowledged results one session keeps: a client may not have more outstanding.
pub const MAX_RESULTS: usize = 1_024;

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
    results: BTreeMap<RequestNumber, Bytes>,
}

/// A state machine behind client sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sessions<S> {
    sessions: BTreeMap<ClientId, Session>,
    machine: S,
    /// Whether retries are recognized; off only where a lesson shows why they must be.
    #[serde(default)]
    deduplication_off: bool,
}

impl<S: StateMachine> Sessions<S> {
    /// The machine behind the sessions.
    pub fn machine(&self) -> &S {
        &self.machine
    }

    /// Answers a read beside the log. It changes nothing, so it needs no session.
    pub fn read(&self, query: &[u8]) -> SessionAnswer {
        SessionAnswer::Result(self.machine.read(query))
    }

    /// Switches recognition of retries off (rule `session.exactly-once`).
    pub fn without_deduplication(mut self) -> Self {
        self.deduplication_off = true;
        self
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
        match Payload::decode(payload) {
            None => SessionAnswer::Malformed,
            Some(Payload::Open) => {
                self.open(client, index);
                SessionAnswer::Opened
            }
            Some(Payload::Close) => match self.sessions.remove(&client) {
                Some(_) => SessionAnswer::Closed,
                None => SessionAnswer::NoSession,
            },
            Some(Payload::Command { acknowledged, command }) => {
                self.command(index, log_time, client, number, acknowledged, &command)
            }
        }
    }

    fn open(&mut self, client: ClientId, index: LogIndex) {
        if let Some(session) = self.sessions.get_mut(&client) {
            session.last_used = index;
            return;
        }
        if self.sessions.len() >= MAX_SESSIONS
            && let Some(idlest) =
                self.sessions.iter().min_by_key(|(id, session)| (session.last_used, **id)).map(|(id, _)| *id)
        {
            self.sessions.remove(&idlest);
        }
        self.sessions.insert(client, Session { last_used: index, ..Session::default() });
    }

    fn command(
        &mut self,
        index: LogIndex,
        log_time: Wall,
        client: ClientId,
        number: RequestNumber,
        acknowledged: RequestNumber,
        command: &[u8],
    ) -> SessionAnswer {
        let Some(session) = self.sessions.get_mut(&client) else { return SessionAnswer::NoSession };
        session.last_used = index;
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
        let result = self.machine.apply(index, log_time, command);
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

    #[test]
    fn without_a_session_nothing_is_executed() {
        let mut sessions = Sessions::<KeyValue>::default();
        let answer = sessions.apply(LogIndex(1), Wall(0), CLIENT, RequestNumber(1), &set("1", 0));
        assert_eq!(answer, SessionAnswer::NoSession);
        assert_eq!(sessions.machine().get("x"), None);
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
