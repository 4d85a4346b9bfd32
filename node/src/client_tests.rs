//! The client's requests are executed once, and its beliefs are no firmer than what it knows.

use super::*;
use quorumscope_core::types::LogIndex;

const N1: NodeId = NodeId(1);
const N2: NodeId = NodeId(2);

fn set(value: &str) -> Operation {
    Operation::Set { key: "x".into(), value: value.into() }
}

fn client() -> Client {
    Client::new(ClientId(1), vec![N1, N2])
}

fn applied(answer: &SessionAnswer) -> Outcome {
    Outcome::Applied { index: LogIndex(1), result: answer.encode() }
}

fn asked(acts: &[Act]) -> Vec<(NodeId, u64, u32)> {
    acts.iter()
        .filter_map(|act| match act {
            Act::Ask { to, attempt, request: Asking::Propose(proposal), .. } => {
                Some((*to, proposal.number.0, *attempt))
            }
            Act::Ask { to, attempt, request: Asking::Read(read), .. } => Some((*to, read.number.0, *attempt)),
            Act::Tell { .. } => None,
        })
        .collect()
}

fn with_session() -> Client {
    let mut client = client();
    assert_eq!(asked(&client.wish(Mono(0), None, set("1"))), [(N1, 1, 1)]);
    let acts = client.on_answer(Mono(1), RequestNumber(1), applied(&SessionAnswer::Opened(LogIndex(2))));
    assert_eq!(asked(&acts), [(N1, 2, 1)], "what waited for the session is asked now");
    client
}

#[test]
fn a_retry_keeps_its_number_and_its_bytes() {
    let mut client = with_session();
    let again = client.on_wake(Mono(1) + TIMEOUT);
    assert_eq!(asked(&again), [(N2, 2, 2)]);
    let (Act::Ask { request: first, .. }, Act::Ask { request: second, .. }) =
        (&again[0], &client.on_wake(Mono(1) + TIMEOUT + TIMEOUT)[0])
    else {
        panic!("both ask")
    };
    assert_eq!(first, second);
}

#[test]
fn a_refusal_leads_to_the_leader_that_it_names_after_a_pause() {
    let mut client = with_session();
    assert_eq!(client.on_answer(Mono(5), RequestNumber(2), Outcome::NotLeader { leader: Some(N2) }), []);
    assert_eq!(client.on_wake(Mono(6)), []);
    assert_eq!(asked(&client.on_wake(Mono(5) + PAUSE)), [(N2, 2, 2)]);
}

#[test]
fn an_answer_is_told_once_and_the_next_request_goes_to_who_gave_it() {
    let mut client = with_session();
    client.on_answer(Mono(5), RequestNumber(2), Outcome::NotLeader { leader: Some(N2) });
    client.on_wake(Mono(5) + PAUSE);
    let answer = applied(&SessionAnswer::Result(Answer::Value(None).encode()));
    let told = client.on_answer(Mono(9), RequestNumber(2), answer.clone());
    let expected = Act::Tell { number: RequestNumber(2), verdict: Verdict::Ok, result: "nothing".into() };
    assert_eq!(told, [expected]);
    assert_eq!(client.on_answer(Mono(9), RequestNumber(2), answer), []);
    assert_eq!(asked(&client.wish(Mono(10), None, set("2"))), [(N2, 3, 1)]);
}

fn verdict_after(mut client: Client, mut refuse: impl FnMut(&mut Client, Mono)) -> Verdict {
    let mut now = Mono(1);
    for _ in 0..=2 * MAX_ATTEMPTS {
        refuse(&mut client, now);
        now = client.next_deadline().expect("an open request");
        if let Some(Act::Tell { verdict, .. }) = client.on_wake(now).first() {
            return *verdict;
        }
    }
    panic!("the client never gives up")
}

#[test]
fn a_request_that_was_always_refused_has_failed_and_one_without_an_answer_is_unknown() {
    let refused = verdict_after(with_session(), |client, now| {
        client.on_answer(now, RequestNumber(2), Outcome::Overloaded);
    });
    assert_eq!(refused, Verdict::Failed);
    assert_eq!(verdict_after(with_session(), |_, _| {}), Verdict::Unknown);
}

#[test]
fn too_many_wishes_find_no_room() {
    let mut client = client();
    let mut taken = 0;
    while client.has_room() {
        client.wish(Mono(0), None, set("1"));
        taken += 1;
        assert!(taken <= MAX_WAITING);
    }
}

#[test]
fn a_read_beside_the_log_needs_no_session_and_says_what_it_rests_on() {
    let mut client = client();
    let act = client.read(Mono(0), Some(N2), "x", ReadHow::Stale);
    assert_eq!(asked(&[act]), [(N2, 1, 1)]);
    let answer = Answer::Value(Some("1".into())).encode();
    let (index, result) = (LogIndex(4), SessionAnswer::Result(answer).encode());
    let told = client.on_answer(Mono(1), RequestNumber(1), Outcome::Read { index, how: ReadHow::Stale, result });
    let (number, verdict, result) = (RequestNumber(1), Verdict::Ok, "1 (stale)".to_owned());
    assert_eq!(told, [Act::Tell { number, verdict, result }]);
    assert_eq!(client.believed, N1, "any node answers a stale read");
}

/// What an answer that comes early says is not yet safe: the client waits for the one that counts.
#[test]
fn an_early_answer_changes_nothing() {
    let mut client = with_session();
    let early = Outcome::Accepted { index: LogIndex(3), term: quorumscope_core::types::Term(1) };
    assert_eq!(client.on_answer(Mono(2), RequestNumber(2), early), []);
    assert_eq!(client.open.len(), 1);
}
