//! Claims about who is counted where all are to agree.

use crate::scenario::{Run, Scenario};

/// Whether each expectation of a run held, and why not.
fn judged(text: &str) -> Vec<(bool, String)> {
    let mut run = Run::new(&Scenario::from_toml(text).expect("a scenario")).expect("it can run");
    run.run_to_end();
    run.expectations().iter().map(|result| (result.held == Some(true), result.detail.clone())).collect()
}

/// Four vote and n5 stands by; n5 gets n4's vote. Steps and expectations follow.
fn with_a_change(protocol: &str, rest: &str) -> Vec<(bool, String)> {
    judged(&format!(
        "protocol = \"{protocol}\"\nsigner = \"cheap\"\nnodes = 5\nvoters = 4\nuntil = \"6s\"\n\
         [[step]]\nat = \"500ms\"\npropose = {{ set = {{ key = \"x\", value = \"1\" }} }}\n\
         [[step]]\nat = \"1500ms\"\nmembers = {{ to = \"n2\", promote = \"n5\", remove = \"n4\" }}\n\
         [[step]]\nat = \"3s\"\npropose = {{ set = {{ key = \"y\", value = \"2\" }} }}\n{rest}"
    ))
}

const BOTH: &str = "agree = true\napplied_equal = true\nconvicted = \"nobody\"\n";

#[test]
fn who_stands_by_and_who_is_retired_is_not_counted() {
    for protocol in ["pbft", "hotstuff", "hybrid"] {
        let rest = format!(
            "[[expect]]\nat = \"1400ms\"\n{BOTH}[[expect]]\nat = \"6s\"\n{BOTH}\
             [[expect]]\nat = \"1400ms\"\nagree = [\"n1\", \"n5\"]\n[[expect]]\nat = \"6s\"\nagree = [\"n1\", \"n4\"]\n\
             [[expect]]\nat = \"6s\"\nmembers = {{ at = [\"n1\", \"n5\"], voters = [\"n1\", \"n2\", \"n3\", \"n5\"] }}\n"
        );
        let results = with_a_change(protocol, &rest);
        let held: Vec<bool> = results.iter().map(|(held, _)| *held).collect();
        let facts = [true, true, false, false, true];
        assert_eq!(held, facts, "{protocol}: {results:?}");
    }
}

#[test]
fn a_voter_that_is_behind_is_counted_also_a_new_one() {
    let cut = "[[step]]\nat = \"2900ms\"\npartition = [[\"n5\"], [\"rest\"]]\n";
    let rest = format!("{cut}[[expect]]\nat = \"6s\"\nagree = true\n[[expect]]\nat = \"6s\"\napplied_equal = true\n");
    for protocol in ["pbft", "hotstuff", "hybrid"] {
        let results = with_a_change(protocol, &rest);
        assert!(results.iter().all(|(held, detail)| !held && detail.contains("n5")), "{protocol}: {results:?}");
    }
}

#[test]
fn whoever_has_no_vote_agrees_with_nobody_alone() {
    let down = "[[step]]\nat = \"3500ms\"\ncrash = [\"n1\", \"n2\", \"n3\", \"n5\"]\n";
    let rest = format!(
        "{down}[[expect]]\nat = \"6s\"\nagree = true\n[[expect]]\nat = \"6s\"\napplied_equal = true\n\
                        [[expect]]\nat = \"6s\"\nconvicted = \"nobody\"\n"
    );
    let results = with_a_change("pbft", &rest);
    assert_eq!(results, vec![(false, "no honest member is up".to_owned()); 3]);
}

#[test]
fn in_raft_a_spare_is_not_counted_and_a_learner_is() {
    let of = |steps: &str| {
        judged(&format!(
            "protocol = \"raft\"\nnodes = 4\nvoters = 3\nuntil = \"5s\"\n\
             [[step]]\nat = \"1500ms\"\npropose = {{ set = {{ key = \"x\", value = \"1\" }} }}\n{steps}\
             [[expect]]\nat = \"5s\"\nagree = true\n[[expect]]\nat = \"5s\"\napplied_equal = true\n"
        ))
    };
    assert!(of("").iter().all(|(held, _)| *held));
    let learns = "[[step]]\nat = \"2s\"\nmembers = { add = \"n4\" }\n";
    assert!(of(learns).iter().all(|(held, _)| *held), "it has caught up");
    let behind = format!("[[step]]\nat = \"1s\"\npartition = [[\"n4\"], [\"rest\"]]\n{learns}");
    let results = of(&behind);
    assert!(results.iter().all(|(held, detail)| !held && detail.contains("n4")), "{results:?}");
}
