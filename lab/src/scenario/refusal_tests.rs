//! Is what another protocol has, and a lie that could do nothing, refused at the line of the wrong word?

use super::{Run, Scenario};

/// The line of a step's or an expectation's only word comes after these.
fn head(protocol: &str, nodes: &str) -> String {
    format!("protocol = \"{protocol}\"\nnodes = {nodes}\nuntil = \"2s\"\n")
}

fn refused(text: &str) -> String {
    Scenario::from_toml(text).map(|_| "it is read".to_owned()).unwrap_or_else(|error| error.to_string())
}

fn expecting(protocol: &str, fact: &str) -> String {
    refused(&format!("{}[[expect]]\nat = \"1s\"\n{fact}\n", head(protocol, "4")))
}

#[test]
fn an_expectation_in_words_of_another_protocol_is_refused_with_what_there_is() {
    let pbft = "line 6: pbft has no property \"election-safety\"; it has: state-machine-safety, commit-is-decided, \
                durability, log-time-passes, agreement, validity, integrity, no-conviction-of-the-honest, \
                linearizability, liveness-after-calm, somebody-asks-after-calm, writes-continue-the-log, \
                a-promise-waits-for-its-write, broken-invariant";
    assert_eq!(expecting("pbft", "invariant = \"election-safety\""), pbft);
    let roles = "line 6: pbft has no role \"candidate\"; it has: primary, leader, backup, follower, learner";
    assert_eq!(expecting("pbft", "role = { node = \"n1\", is = \"candidate\" }"), roles);
    let starts = [
        ("raft", "violation = \"agreement\"", "line 6: raft has no property \"agreement\"; it has: election-safety, "),
        (
            "raft",
            "role = { node = \"n1\", is = \"primary\" }",
            "line 6: raft has no role \"primary\"; it has: follower, pre-candidate, candidate, leader, ",
        ),
        (
            "hotstuff",
            "role = { node = \"n1\", is = \"backup\" }",
            "line 6: hotstuff has no role \"backup\"; it has: leader, replica, follower, learner",
        ),
        (
            "hotstuff",
            "role = { node = \"n1\", is = \"leadr\" }",
            "line 6: unknown role \"leadr\"; did you mean \"leader\"?",
        ),
        (
            "pbft",
            "counted = { what = \"elections\", is = 0 }",
            "line 6: pbft has no counter \"elections\"; it has: crashes, restarts, ",
        ),
        (
            "raft",
            "counted = { what = \"lies: twins\", is = 0 }",
            "line 6: raft has no counter \"lies: twins\"; it has: crashes, ",
        ),
        (
            "hotstuff",
            "counted = { what = \"lies: hide-prepared\", is = 0 }",
            "line 6: hotstuff has no counter \"lies: hide-prepared\"; it has: ",
        ),
        ("raft", "convicted = \"nobody\"", "line 6: raft convicts nobody: its nodes believe each other"),
        ("pbft", "convicted = []", "line 6: where nobody is convicted, write convicted = \"nobody\""),
    ];
    for (protocol, fact, start) in starts {
        let message = expecting(protocol, fact);
        assert!(message.starts_with(start), "{fact}: {message}");
    }
}

/// The words that people use for each protocol mean what the run has.
#[test]
fn a_primary_is_a_leader_and_nobody_is_convicted_where_nobody_lies() {
    for (protocol, leads, follows) in
        [("pbft", "primary", "backup"), ("hotstuff", "leader", "replica"), ("hybrid", "primary", "backup")]
    {
        let text = format!(
            "{}signer = \"cheap\"\n[[expect]]\nat = \"1s\"\nconvicted = \"nobody\"\n[[expect]]\nby = \"1s\"\n\
             role = {{ node = \"n1\", is = \"{leads}\" }}\n[[expect]]\nby = \"1s\"\nrole = {{ node = \"n3\", is = \"{follows}\" }}\n",
            head(protocol, "4")
        );
        let scenario = Scenario::from_toml(&text).expect("words of this protocol");
        assert_eq!(Scenario::from_toml(&scenario.to_toml()).as_ref(), Ok(&scenario), "{}", scenario.to_toml());
        let mut run = Run::new(&scenario).expect("it can run");
        run.run_to_end();
        assert!(run.succeeded(), "{protocol}: {:?}", run.expectations());
    }
}

#[test]
fn somebody_convicted_is_more_than_nobody() {
    let text = include_str!("../../../tests/scenarios/pbft-convicted.toml");
    let scenario = Scenario::from_toml(text).expect("a scenario");
    let end = scenario.until.0;
    let expect = format!("\n[[expect]]\nat = \"{end}us\"\nconvicted = \"nobody\"\n");
    let mut run = Run::new(&Scenario::from_toml(&format!("{text}{expect}")).expect("a scenario")).expect("it can run");
    run.run_to_end();
    let result = run.expectations().last().expect("the one that was added");
    assert!(result.held == Some(false) && result.detail.ends_with("was convicted"), "{result:?}");
}

fn lying(protocol: &str, nodes: &str, keys: &str) -> String {
    let step = format!("[[step]]\nat = \"1s\"\n[step.byzantine]\n{keys}\n");
    refused(&format!("{}{step}", head(protocol, nodes)))
}

#[test]
fn a_lie_that_can_do_nothing_is_refused_at_the_line_of_the_wrong_word() {
    let cases = [
        (
            "node = \"n1\"\nas = [\"twins\"]\nagainst = \"c1\"",
            "line 9: \"against\" names c1, and none of these tricks is against single clients: \"censor\" is",
        ),
        (
            "node = \"n1\"\nas = [\"twins\"]\nagainst = \"rest\"",
            "line 9: twins part the other nodes, and \"against\" names all of them: leave one out",
        ),
        (
            "node = \"n1\"\nas = [\"twins\"]\nagainst = [\"n2\", \"n3\", \"n4\"]",
            "line 9: twins part the other nodes, and \"against\" names all of them: leave one out",
        ),
        (
            "node = \"n1\"\nas = [\"censor\"]\nagainst = \"n2\"",
            "line 9: \"against\" names n2, and none of these tricks is against single nodes: \"twins\" and \"withhold\" are",
        ),
        (
            "node = \"n1\"\nas = [\"silent\"]\nagainst = \"followers\"",
            "line 9: \"against\" names followers, and none of these tricks is against single nodes: \"twins\" and \"withhold\" are",
        ),
        (
            "node = \"n1\"\nas = [\"twins\", \"censor\"]\nagainst = \"n2\"",
            "line 9: \"censor\" is against clients, and \"against\" names no client",
        ),
        (
            "node = \"n1\"\nas = [\"twins\", \"censor\"]\nagainst = \"c1\"",
            "line 9: \"twins\" is against nodes, and \"against\" names no node",
        ),
        (
            "node = \"n1\"\nas = [\"withhold\"]\nagainst = [\n\"n2\",\n\"n1\"]",
            "line 11: n1 lies itself: \"against\" names others",
        ),
        (
            "node = \"n1\"\nas = [\"withhold\"]\nagainst = \"all\"",
            "line 9: \"all\" names the liar too; \"rest\" names all others",
        ),
        (
            "node = \"leader\"\nas = [\"withhold\"]\nagainst = \"leader\"",
            "line 9: leader lies itself: \"against\" names others",
        ),
        ("node = \"n1\"\nas = []", "line 8: a liar needs a trick at least, as [\"twins\"]"),
        ("node = \"n1\"\nas = [\"twinz\"]", "line 8: unknown trick \"twinz\"; did you mean \"twins\"?"),
    ];
    for (keys, message) in cases {
        assert_eq!(lying("pbft", "4", keys), message, "{keys}");
    }
    let foreign = lying("pbft", "4", "node = \"n1\"\nas = [\"twins\",\n\"bad-parent\"]");
    assert!(foreign.starts_with("line 9: pbft has no trick \"bad-parent\"; it has: twins, withhold, "), "{foreign}");
    let raft = lying("raft", "4", "node = \"n1\"\nas = [\"twins\"]");
    assert!(raft.ends_with(": raft has no liars: its nodes believe each other"), "{raft}");
}

/// A node without a vote says nothing that counts. Where voters change by epochs it may get one.
#[test]
fn a_spare_lies_only_where_it_may_get_a_vote() {
    let spare = "voters = 4\n[[step]]\nat = \"1s\"\n[step.byzantine]\nas = [\"silent\"]\nnode = [\"n1\",\n\"n5\"]\n";
    let text = |protocol: &str| format!("{}{spare}", head(protocol, "5"));
    for protocol in ["pbft", "hotstuff", "hybrid"] {
        let help = "name a voter; promote it by a \"members\" step";
        let expected = format!("line 10: n5 has no vote and gets none here, so its lies mean nothing: {help}");
        assert_eq!(refused(&text(protocol)), expected);
    }
    let joins = "[[step]]\nat = \"1s\"\nmembers = { promote = \"n5\", remove = \"n4\" }\n";
    for protocol in ["pbft", "hotstuff", "hybrid"] {
        assert_eq!(refused(&format!("{}{joins}", text(protocol))), "it is read");
    }
}

/// Who leads is known only when the step runs.
#[test]
fn what_a_word_stands_for_is_judged_when_the_step_runs() {
    let text = format!(
        "{}[[step]]\nat = \"1s\"\nbyzantine = {{ node = \"leader\", as = [\"twins\"], against = \"followers\" }}\n",
        head("pbft", "4")
    );
    let mut run = Run::new(&Scenario::from_toml(&text).expect("a scenario")).expect("it can run");
    run.run_to_end();
    let error = run.error().map(|error| error.message.clone()).unwrap_or_default();
    assert_eq!(error, "twins part the other nodes, and \"against\" names all of them: leave one out");
}

#[test]
fn a_step_that_is_missing_in_a_protocol_is_refused_where_it_stands() {
    let text = format!(
        "{}[[step]]\nat = \"1s\"\nbind = {{ old = \"leader\" }}\ntransfer = {{ to = \"n2\" }}\n",
        head("pbft", "4")
    );
    assert!(refused(&text).starts_with("line 7: pbft has no transfer of leadership"), "{}", refused(&text));
    let two = format!("{}[[step]]\nat = \"1s\"\ncrash = \"n1\"\npause = \"n2\"\n", head("pbft", "4"));
    assert!(refused(&two).starts_with("line 7: a step does one thing"), "{}", refused(&two));
    let late = format!("{}[[step]]\ncrash = \"n1\"\nat = \"3s\"\n", head("pbft", "4"));
    assert!(refused(&late).starts_with("line 6: this step is at 3s, after the end of the run"), "{}", refused(&late));
}
