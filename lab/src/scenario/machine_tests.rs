//! Can scenarios ask the workflow and the cluster what stands under a name?

use quorumscope_core::machine::any::{AnyCommand, MachineKind};
use quorumscope_core::record::Command;

use super::*;

const CASES: &str = "protocol = \"raft\"\nmachine = \"workflow\"\nnodes = 3\nuntil = \"3s\"\n\
    [[step]]\nat = \"1s\"\npropose = { to = \"leader\", command = \"create case c1 open\" }\n\
    [[step]]\nat = \"2s\"\nread = { to = \"any-follower\", key = \"c1\" }\n\
    [[step]]\nat = \"2100ms\"\npropose = { command = \"get c1/owner\" }\n\
    [[expect]]\nat = \"3s\"\ntold = { operation = \"get c1 (read index)\", is = \"open v1\" }\n\
    [[expect]]\nat = \"3s\"\ntold = { operation = \"get c1/owner\", is = \"nothing\" }\n";

fn run(text: &str) -> Run {
    let mut run = Run::new(&Scenario::from_toml(text).expect("it is right")).expect("it can run");
    run.run_to_end();
    assert!(run.error().is_none(), "{:?}", run.error());
    run
}

#[test]
fn a_case_is_read_by_name_beside_the_log_and_through_it() {
    let whole = run(CASES);
    assert!(whole.succeeded(), "{:?}", whole.expectations());
    let never_made = CASES.replace("create case c1 open", "create case c2 open");
    assert!(!run(&never_made).succeeded(), "the answer is the machine's");
    let read_beside = "read = { to = \"any-follower\", key = \"c1\" }";
    let last = |run: &Run| run.simulation().decided().keys().next_back().copied();
    let without = run(&CASES.replace(read_beside, "heal = true").replace("get c1 (read index)", "get c1/owner"));
    assert_eq!(last(&whole), last(&without), "a read beside the log leaves nothing in it");
}

#[test]
fn a_read_by_name_survives_print_and_read_and_is_asked_for_by_hand() {
    let scenario = Scenario::from_toml(CASES).expect("it is right");
    let printed = scenario.to_toml();
    assert_eq!(Scenario::from_toml(&printed).as_ref(), Ok(&scenario));
    let mut by_hand = Run::new(&scenario).expect("it can run");
    by_hand.run_until(Time(2_500_000));
    let Some(Action::Read { query, how, .. }) = scenario.steps[1].action.clone() else { panic!("the second reads") };
    by_hand.command(Command::Read { to: None, how, query: query.encode() }).expect("a client can ask");
    let elsewhere = AnyCommand::look(MachineKind::Cluster, "epoch").expect("a name").encode();
    let changes = AnyCommand::read(MachineKind::Workflow, "update case c1 v2 done").expect("a command").encode();
    for query in [elsewhere, changes] {
        assert!(by_hand.command(Command::Read { to: None, how, query }).is_err(), "it is no question to this machine");
    }
    by_hand.run_to_end();
    let written = by_hand.scenario().to_toml();
    assert_eq!(run(&written).simulation().digest(), by_hand.simulation().digest());
}

#[test]
fn a_name_that_nothing_can_have_is_refused_with_its_line() {
    let refusal = |text: &str| Scenario::from_toml(text).expect_err("it is wrong").to_string();
    assert_eq!(
        refusal(&CASES.replace("key = \"c1\"", "key = \"c1/\"")),
        "line 10: write \"c1\" for a case, \"c1/owner\", \"c1/policies\" or \"c1/overlays\" for what stands in it"
    );
    let cluster = "protocol = \"raft\"\nmachine = \"cluster\"\nnodes = 3\n[[step]]\nat = \"1s\"\n";
    let kinds = "write \"epoch\", \"node/n1\", \"agent/a1\", \"resource/r1\", \"setting/size\" or \"evidence/e1\"";
    for step in ["read = { key = \"n1\" }", "propose = { command = \"get nodes/n1\" }"] {
        assert_eq!(refusal(&format!("{cluster}{step}")), format!("line 6: {kinds}"));
    }
}
