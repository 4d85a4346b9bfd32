//! Claims about sessions, one each. Those against a model stand in `machine/session_tests`.

use super::*;
use crate::machine::kv::{Answer, KeyValue, Operation};

const CLIENT: ClientId = ClientId(7);

/// A command of the first session.
fn set(value: &str, acknowledged: u64) -> Bytes {
    set_in(LogIndex(1), value, acknowledged)
}

fn set_in(session: LogIndex, value: &str, acknowledged: u64) -> Bytes {
    let command = Operation::Set { key: "x".into(), value: value.into() }.encode();
    Payload::Command { session, acknowledged: RequestNumber(acknowledged), command }.encode()
}

fn opened() -> Sessions<KeyValue> {
    let mut sessions = Sessions::default();
    assert_eq!(
        sessions.apply(LogIndex(1), Wall(0), CLIENT, RequestNumber(1), &Payload::Open.encode()),
        SessionAnswer::Opened(LogIndex(1))
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

/// TRAPS: `number ≤ last → duplicate` swallows a lost or reordered command under pipelining.
#[test]
fn pipelined_commands_may_arrive_out_of_order_and_none_is_swallowed() {
    for rule_on in [true, false] {
        let mut sessions = if rule_on { opened() } else { opened().swallowing_late_numbers() };
        assert_eq!(before(sessions.apply(LogIndex(2), Wall(0), CLIENT, RequestNumber(3), &set("3", 0))), None);
        let late = before(sessions.apply(LogIndex(3), Wall(0), CLIENT, RequestNumber(2), &set("2", 0)));
        assert_eq!(late == Some("3".into()), rule_on, "the rule is what executes it");
        assert_eq!(sessions.machine().get("x"), Some(if rule_on { "2" } else { "3" }));
    }
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
    let gone = sessions.apply(LogIndex(5), Wall(161), other, RequestNumber(2), &set_in(LogIndex(2), "2", 0));
    assert_eq!(gone, SessionAnswer::NoSession);
    let late = sessions.apply(LogIndex(6), Wall(199), CLIENT, RequestNumber(3), &set("3", 0));
    assert_eq!(late, SessionAnswer::NoSession);
    assert_eq!(sessions.machine().get("x"), Some("1"));
}

/// A copy of a command that comes late, when its session is gone and its client has another one.
#[test]
fn what_was_asked_for_in_an_expired_session_is_not_executed_in_the_next_one() {
    let mut sessions = opened().with_idle_limit(Span(100));
    sessions.apply(LogIndex(2), Wall(0), CLIENT, RequestNumber(2), &set("1", 0));
    sessions.apply(LogIndex(3), Wall(0), CLIENT, RequestNumber(3), &set("2", 0));
    assert_eq!(
        sessions.apply(LogIndex(4), Wall(200), CLIENT, RequestNumber(4), &set("3", 0)),
        SessionAnswer::NoSession
    );
    sessions.apply(LogIndex(5), Wall(200), CLIENT, RequestNumber(5), &Payload::Open.encode());
    for (number, late) in [(2, "1"), (4, "3")] {
        let answer = sessions.apply(LogIndex(6), Wall(200), CLIENT, RequestNumber(number), &set(late, 0));
        assert_eq!(answer, SessionAnswer::NoSession);
    }
    assert_eq!(sessions.machine().get("x"), Some("2"));
    let next = sessions.apply(LogIndex(7), Wall(200), CLIENT, RequestNumber(6), &set_in(LogIndex(5), "4", 0));
    assert_eq!(before(next), Some("2".into()));
}

/// Copies of two requests come late, in their order, when the session that the first one opened is gone.
#[test]
fn an_opening_that_comes_again_opens_a_session_in_which_nothing_old_is_executed() {
    for rule_on in [true, false] {
        let mut sessions = if rule_on { opened() } else { opened().taking_any_session() }.with_idle_limit(Span(100));
        sessions.apply(LogIndex(2), Wall(0), CLIENT, RequestNumber(2), &set("1", 0));
        let again = sessions.apply(LogIndex(3), Wall(50), CLIENT, RequestNumber(1), &Payload::Open.encode());
        assert_eq!(again, SessionAnswer::Opened(LogIndex(1)), "the session goes on");
        let copy = sessions.apply(LogIndex(4), Wall(200), CLIENT, RequestNumber(1), &Payload::Open.encode());
        assert_eq!(copy, SessionAnswer::Opened(LogIndex(4)));
        sessions.apply(LogIndex(5), Wall(200), CLIENT, RequestNumber(9), &set_in(LogIndex(4), "2", 0));
        let late = sessions.apply(LogIndex(6), Wall(200), CLIENT, RequestNumber(2), &set("1", 0));
        assert_eq!(late == SessionAnswer::NoSession, rule_on, "the rule is what refuses it: {late:?}");
        assert_eq!(sessions.machine().get("x"), Some(if rule_on { "2" } else { "1" }));
    }
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
    let named = set_in(LogIndex(2), "1", 0);
    let kept = sessions.apply(LogIndex(9_001), Wall(0), ClientId(100), RequestNumber(2), &named);
    assert!(matches!(kept, SessionAnswer::Result(_)));
}

#[test]
fn a_session_bounds_its_unacknowledged_results() {
    let mut sessions = opened();
    for number in 0..MAX_RESULTS as u64 {
        sessions.apply(LogIndex(2 + number), Wall(0), CLIENT, RequestNumber(2 + number), &set("1", 0));
    }
    let next = RequestNumber(2 + MAX_RESULTS as u64);
    assert_eq!(sessions.apply(LogIndex(5_000), Wall(0), CLIENT, next, &set("2", 0)), SessionAnswer::TooManyOutstanding);
    assert!(matches!(sessions.apply(LogIndex(5_001), Wall(0), CLIENT, next, &set("2", 10)), SessionAnswer::Result(_)));
}
