//! How is a command applied exactly once?
//!
//! Each client has a session (thesis §6.3): results are kept for every number
//! above the client's acknowledged low-water mark, so a retried command is
//! answered from memory, and pipelined commands may arrive in any order. Open
//! and close are log entries; a full table evicts the session that was used
//! least recently, at the log entry that opens a new one, alike on all replicas.
//! A session that nobody has used for long expires at the first entry whose log
//! time is late enough; a local clock would expire it on one replica only.
//! A command of a session that is not open is an error and is never executed;
//! its client opens another session and goes on with higher numbers. A session's
//! name is the index of the entry that opened it, and each command says it: a copy
//! of the request that opened one may come late and open another, in which nothing
//! is executed that was asked for in the first.
//!
//! What replicas ask for under their own keys needs no session: that somebody is
//! convicted of a lie ([`decided`]). Whoever was stays in this state,
//! whatever the machine makes of it. Nor does a change of members, which the
//! protocols look at and the machine does not ([`change`]).
//!
//! Read `payload` next: what a client says, and what it hears.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher as _};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::bft::epoch::change;
use crate::bft::evidence::{Conviction, Evidence, decided};
use crate::edge::LeftOut;
use crate::machine::{NotAState, StateMachine};
use crate::types::{ClientId, Digest, LogIndex, RequestNumber, Span, Wall};

mod payload;
mod rest;

pub use payload::{Payload, SessionAnswer, ranges, standing};
use rest::Rest;

/// How many sessions one cluster keeps: each costs every replica memory.
pub const MAX_SESSIONS: usize = 4_096;

/// How many unacknowledged results one session keeps: a client may not have more outstanding.
pub const MAX_RESULTS: usize = 1_024;

/// How long an unused session stays open, in log time, where nothing else is said.
pub const SESSION_IDLE_LIMIT: Span = Span::from_secs(600);

/// One client's session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Session {
    /// The entry that opened it.
    opened: LogIndex,
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
    /// Whom the cluster has convicted of lies, in the order of the log, each once.
    #[serde(default)]
    convicted: Vec<Conviction>,
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
    /// Whether a number below the highest is taken for a retry; on only where a lesson shows why it must not be.
    #[serde(default)]
    swallows_late: bool,
    /// Whether a command is taken whichever session it names; on only where a lesson shows why it must not be.
    #[serde(default)]
    any_session: bool,
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

    /// Whom the cluster has convicted of lies, in the order of the log.
    #[must_use]
    pub fn convicted(&self) -> &[Conviction] {
        &self.convicted
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
            convicted: self.convicted.clone(),
            ..*self
        }
    }

    /// Switches recognition of retries off (rule `session.exactly-once`).
    pub fn without_deduplication(mut self) -> Self {
        self.deduplication_off = true;
        self
    }

    /// Takes whatever comes after a higher number for a retry (rule `session.each-number-by-itself`).
    pub fn swallowing_late_numbers(mut self) -> Self {
        self.swallows_late = true;
        self
    }

    /// Takes a command whichever session of its client it names (rule `session.named-by-its-opening`).
    pub fn taking_any_session(mut self) -> Self {
        self.any_session = true;
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
        let rest = Rest { ranges: self.subscription.as_deref(), convicted: &self.convicted };
        rest.write(whole).into()
    }

    /// The digest that a machine has after it is restored from [`Sessions::snapshot`].
    #[must_use]
    pub fn snapshot_digest(&self) -> Digest {
        if self.snapshots_without_sessions {
            let (machine, convicted) = (self.machine.clone(), self.convicted.clone());
            return Self { machine, convicted, ..Self::default() }.digest();
        }
        self.digest()
    }

    /// Takes the place of state and sessions with what [`Sessions::snapshot`] wrote.
    ///
    /// # Errors
    /// Bytes that are no state of this machine change nothing.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), NotAState> {
        let ((sessions, machine), rest): ((_, &[u8]), _) = postcard::take_from_bytes(bytes).map_err(|_| NotAState)?;
        let (subscription, convicted) = Rest::read(rest)?;
        self.machine.restore(machine)?;
        (self.subscription, self.convicted) = (subscription, convicted);
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
        if decided::is_marked(payload) {
            return self.judge(log_time, decided::in_payload(client, payload));
        }
        if change::is_marked(payload) {
            return SessionAnswer::Result(Bytes::new());
        }
        match Payload::decode(payload) {
            None => SessionAnswer::Malformed,
            Some(Payload::Open) => SessionAnswer::Opened(self.open(client, number, index, log_time)),
            Some(Payload::Close) => match self.sessions.remove(&client) {
                Some(_) => SessionAnswer::Closed,
                None => SessionAnswer::NoSession,
            },
            Some(Payload::Command { session, acknowledged, command }) => {
                self.command(index, log_time, client, number, (session, acknowledged), Some(&command))
            }
        }
    }

    /// A replica asks for a conviction. Its signatures were verified by all who took part in ordering it; the words are
    /// judged again, and the first piece against somebody counts.
    fn judge(&mut self, log_time: Wall, evidence: Option<Evidence>) -> SessionAnswer {
        let Some(conviction) = evidence.and_then(|evidence| evidence.verified().ok()) else {
            return SessionAnswer::Malformed;
        };
        if self.convicted.iter().all(|known| known.culprit != conviction.culprit) {
            self.convicted.push(conviction);
            self.machine.convicted(log_time, &conviction);
        }
        SessionAnswer::Result(Bytes::new())
    }

    /// Applies a command entry whose body was left out: it concerns other ranges, and the session all the same.
    pub fn skip(&mut self, index: LogIndex, log_time: Wall, client: ClientId, number: RequestNumber, payload: &[u8]) {
        self.advance(log_time);
        if let Some(LeftOut { session, acknowledged, .. }) = LeftOut::decode(payload) {
            self.command(index, log_time, client, number, (session, acknowledged), None);
        }
    }

    /// What the client asked for before it asked for this session belongs to an earlier one, whose results are gone:
    /// such a number is never executed here, as nobody could tell it from one that was executed there.
    fn open(&mut self, client: ClientId, number: RequestNumber, index: LogIndex, log_time: Wall) -> LogIndex {
        if let Some(session) = self.sessions.get_mut(&client) {
            (session.last_used, session.last_used_at) = (index, log_time);
            return session.opened;
        }
        if self.sessions.len() >= MAX_SESSIONS
            && let Some(idlest) =
                self.sessions.iter().min_by_key(|(id, session)| (session.last_used, **id)).map(|(id, _)| *id)
        {
            self.sessions.remove(&idlest);
        }
        let acknowledged = RequestNumber(number.0.saturating_sub(1));
        let results = BTreeMap::new();
        let session = Session { opened: index, acknowledged, last_used: index, last_used_at: log_time, results };
        self.sessions.insert(client, session);
        index
    }

    fn command(
        &mut self,
        index: LogIndex,
        log_time: Wall,
        client: ClientId,
        number: RequestNumber,
        (named, acknowledged): (LogIndex, RequestNumber),
        command: Option<&[u8]>,
    ) -> SessionAnswer {
        let any = self.any_session;
        let Some(session) = self.sessions.get_mut(&client).filter(|session| any || session.opened == named) else {
            return SessionAnswer::NoSession;
        };
        (session.last_used, session.last_used_at) = (index, log_time);
        if acknowledged > session.acknowledged {
            session.acknowledged = acknowledged;
            session.results = session.results.split_off(&RequestNumber(acknowledged.0.saturating_add(1)));
        }
        if !self.deduplication_off {
            if let Some(result) = session.results.get(&number) {
                return SessionAnswer::Result(result.clone());
            }
            if self.swallows_late
                && let Some((_, newest)) = session.results.last_key_value().filter(|(highest, _)| number < **highest)
            {
                return SessionAnswer::Result(newest.clone());
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
        if !self.convicted.is_empty() {
            self.convicted.hash(&mut chain);
        }
        Digest(chain.finish())
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod verdict_tests;
