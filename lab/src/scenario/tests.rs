use quorumscope_core::types::Span;

use super::*;

const FULL: &str = r#"
name = "A cut-off leader \"cannot\" commit"
about = "Everything that a document can say."
protocol = "raft"
nodes = 5
seed = 7
until = "6s"
disk = ["1ms", "3ms"]
[network]
latency = ["1ms", "2ms"]
drop = 0.01
duplicate = 0.000002
[protocol-config]
profile = "throughput"
election_timeout = ["150ms", "155ms"]
heartbeat = "20ms"
pre_vote = false
max_entries_per_append = 1
max_bytes_per_append = 1000
max_bytes_in_flight = 2000
max_uncommitted_bytes = 5000
max_entry_bytes = 500
check_quorum = false
drift_bound = 0.3
leader_zones = [["n1", "n2"], ["n3"]]
[rules]
"raft.commit-own-term-only" = false
"session.exactly-once" = true
[[client]]
[[client]]
id = "c7"
operations = 10
keys = 2
think = ["1ms", "2ms"]
reads = "index"
ttl = ["1s", "2s"]
class = "mixed"
timeout = "200ms"
pause = "10ms"
attempts = 3
[[step]]
at = "1200ms"
propose = { to = "old", set = { key = "x", value = "1" }, class = "relaxed" }
[[step]]
at = "1s"
bind = { old = "leader" }
partition = [["old", "n2"], ["rest"]]
[[step]]
at = "2s"
after = 1234
cut = { from = ["old", "c1"], to = "followers" }
[[step]]
at = "2s"
mend = { from = "old", to = "all" }
[[step]]
at = "3s"
heal = true
[[step]]
at = "3s"
crash = ["any-follower", "n5"]
[[step]]
at = "4s"
restart = "down"
[[step]]
at = "4s"
members = { to = "n1", add = "n4", promote = "n5", remove = ["n2", "n3"], observe = ["down", "n1"] }
[[step]]
at = "4s"
timeout = "n1"
[[step]]
at = "4s"
lose-disk = "n1"
[[step]]
at = "4s"
drop = { from = "old", kind = "append-entries", for = "40us" }
[[step]]
at = "4s"
hold = 77
[[step]]
at = "4s"
deliver = {}
[[step]]
at = "4s"
skew = { node = "n1", by = "1s" }
[[step]]
at = "4s"
drift = { node = "n1", rate = 1.0002 }
[[step]]
at = "4s"
disk = { node = "n1", latency = ["10ms", "50ms"] }
[[step]]
at = "4s"
loss = 0.05
[[step]]
at = "4s"
duplication = 0.02
[[step]]
at = "4s"
latency = ["5ms", "15ms"]
[[step]]
at = "5s"
transfer = { to = "n2" }
[[step]]
at = "5s"
transfer = { from = "n2", to = "any-follower" }
[[step]]
at = "5s"
read = { key = "x" }
[[step]]
at = "5s"
read = { to = "old", key = "x", how = "stale" }
[[expect]]
by = "5s"
members = { at = "n1", voters = ["n1", "n5"], learners = "n4", observers = ["n2", "n3"], joint = true }
[[expect]]
at = "3s"
leaders = 1
not_leader = "old"
role = { node = "old", is = "follower" }
term = { node = "n1", at_least = 2 }
[[expect]]
always = true
invariant = "any"
[[expect]]
by = "5s"
committed = { set = { key = "x", value = "1" } }
not_committed = { index = 9 }
state = { key = "x", absent = true, on = ["n1", "n2"] }
agree = true
applied_equal = true
violation = "state-machine-safety"
linearizable = true
live = true
all_answered = true
told = { operation = "get x (lease)", is = "1 (by lease)" }
[[expect]]
by = "5s"
told = { operation = "get x (read index)", nothing = true }
[[expect]]
by = "5s"
told = { operation = "get y", failed = true }
[[expect]]
by = "5s"
told = { operation = "get z", unknown = true }

[[expect]]
at = "5s"
told = { operation = "set z = 1", early = true }
early = { operation = "set z = 1", is = "lost" }
counted = { what = "elections", at_most = 3 }
"#;

fn refusal(text: &str) -> String {
    Scenario::from_toml(text).expect_err("it is wrong").to_string()
}

/// A small document with one more line.
fn with(line: &str) -> String {
    format!("protocol = \"raft\"\nnodes = 3\n{line}\n")
}

#[test]
fn a_document_with_everything_survives_print_and_read() {
    let scenario = Scenario::from_toml(FULL).expect("it is right");
    let printed = scenario.to_toml();
    let again = Scenario::from_toml(&printed).expect("what is printed can be read");
    assert_eq!(scenario, again);
    assert_eq!(printed, again.to_toml(), "the printed form is canonical");
    assert_eq!(scenario.steps.len(), 23);
    assert_eq!(scenario.steps[0].bind, [("old".to_owned(), Selector::Leader)], "steps are in the order of time");
    assert_eq!(scenario.rules_off, [raft::Rule::CommitOwnTermOnly]);
}

#[test]
fn a_misspelled_name_is_refused_with_its_line_and_the_nearest_one() {
    for (text, expected) in [
        (with("sed = 1"), "line 3: unknown key \"sed\"; did you mean \"seed\"? (in a scenario)"),
        (with("[netwrk]"), "line 3: unknown key \"netwrk\"; did you mean \"network\"? (in a scenario)"),
        (
            with("[rules]\n\"raft.up-to-date-chek\" = false"),
            "line 4: unknown rule \"raft.up-to-date-chek\"; did you mean \"raft.up-to-date-check\"?",
        ),
        (
            with("[[step]]\nat = \"1s\"\ncrash = \"leadr\""),
            "line 5: unknown selector \"leadr\"; did you mean \"leader\"?",
        ),
        (
            with("[[step]]\nat = \"1s\"\nbind = { old = \"n1\" }\n[[step]]\nat = \"2s\"\ncrash = \"olf\""),
            "line 8: unknown selector \"olf\"; did you mean \"old\"?",
        ),
        (
            with("[[step]]\nat = \"1s\"\ncrash = \"n4\""),
            "line 5: there is no node n4 in this scenario; its nodes: n1, n2, n3",
        ),
        (
            with("[[step]]\nat = \"1s\"\ncrsh = \"n1\""),
            "line 5: unknown key \"crsh\"; did you mean \"crash\"? (in a step)",
        ),
        (
            with("[[expect]]\nat = \"1s\"\ninvariant = \"log-maching\""),
            "line 5: unknown property \"log-maching\"; did you mean \"log-matching\"?",
        ),
        (
            with("[[step]]\nat = \"1s\"\nhold = { kind = \"apend-entries\" }"),
            "line 5: unknown kind of message \"apend-entries\"; did you mean \"append-entries\"?",
        ),
        (
            with("[[expect]]\nat = \"1s\"\ncounted = { what = \"electons\", is = 1 }"),
            "line 5: unknown counter \"electons\"; did you mean \"elections\"?",
        ),
        ("protocol = \"raff\"\nnodes = 3".into(), "line 1: unknown protocol \"raff\"; did you mean \"raft\"?"),
    ] {
        assert_eq!(refusal(&text), expected);
    }
}

#[test]
fn what_makes_no_sense_is_refused_in_one_line() {
    for text in [
        "",
        "protocol = \"raft\"",
        "protocol = \"raft\"\nnodes = 0",
        "protocol = \"raft\"\nnodes = 100",
        "protocol = \"raft\"\nnodes = -3",
        "protocol = \"raft\"\nnodes = [\"n1\", \"n1\"]",
        "protocol = \"raft\"\nnodes = [\"a\"]",
        "protocol = \"raft\nnodes = 3",
        &with("until = \"0s\""),
        &with("until = \"2h\""),
        &with("seed = 9007199254740992"),
        &with("disk = [\"2ms\", \"1ms\"]"),
        &with("[network]\ndrop = 1.5"),
        &with("[protocol-config]\nheartbeat = \"1s\""),
        &with("[protocol-config]\nleader_zones = [\"n1\"]"),
        &with("[protocol-config]\nleader_zones = [[\"n1\"], [\"n1\"]]"),
        &with("[protocol-config]\nleader_zones = [[\"n9\"]]"),
        &with("[[step]]\nat = \"1s\""),
        &with("[[step]]\nheal = true"),
        &with("[[step]]\nat = \"1s\"\nheal = false"),
        &with("[[step]]\nat = \"1s\"\nheal = true\ncrash = \"n1\""),
        &with("[[step]]\nat = \"1s\"\ncrash = []"),
        &with("[[step]]\nat = \"1s\"\ncrash = \"c1\""),
        &with("[[step]]\nat = \"1s\"\npartition = []"),
        &with("[[step]]\nat = \"1s\"\npartition = [[\"n1\"], [\"n2\", \"n1\"]]"),
        &with("[[step]]\nat = \"1s\"\npropose = { to = \"n1\" }"),
        &with("[[step]]\nat = \"1s\"\npropose = { to = \"n1\", get = \"\" }"),
        &with("[[step]]\nat = \"1s\"\npropose = { set = { key = \"\", value = \"1\" } }"),
        &with("[[step]]\nat = \"1s\"\npropose = { set = { key = \"x\", value = \"1\", ttl = \"0s\" } }"),
        &with("[[step]]\nat = \"1s\"\nbind = { leader = \"n1\" }"),
        &with("[[step]]\nat = \"1s\"\nbind = { n7 = \"n1\" }"),
        &with("[[step]]\nat = \"1s\"\nduplicate = { for = \"1s\" }"),
        &with("[[expect]]\nat = \"1s\""),
        &with("[[expect]]\nleaders = 1"),
        &with("[[expect]]\nat = \"1s\"\nby = \"1s\"\nleaders = 1"),
        &with("[[client]]\nkeys = 3"),
        &with("[[client]]\nclass = \"mixed\""),
        &with("[[expect]]\nat = \"1s\"\ncounted = { what = \"elections\" }"),
        &with("[[client]]\nid = \"c1\"\n[[client]]\nid = \"c1\""),
        &with("step = 3"),
    ] {
        let message = refusal(text);
        assert!(!message.is_empty() && !message.contains('\n'), "{text}: {message}");
    }
}

#[test]
fn settings_stand_on_a_profile_and_each_key_overrides_it() {
    let text = with("[protocol-config]\nprofile = \"wan\"\nheartbeat = \"100ms\"");
    let scenario = Scenario::from_toml(&text).expect("it is right");
    let wan = RaftSettings::of(raft::Profile::Wan);
    assert_eq!(scenario.raft, RaftSettings { heartbeat: Span::from_millis(100), ..wan });
    assert!(scenario.to_toml().contains("[protocol-config]\nprofile = \"wan\"\nheartbeat = \"100ms\"\n"));
    for (line, expected) in [
        ("profile = \"wam\"", "line 4: unknown profile \"wam\"; did you mean \"wan\"?"),
        (
            "max_bytes_in_flight = 10",
            "line 3: max_bytes_in_flight (10) must be at least max_bytes_per_append (1048576)",
        ),
        ("max_uncommitted_bytes = 10", "line 3: max_uncommitted_bytes (10) must be at least max_entry_bytes (1048576)"),
        ("max_entry_bytes = 0", "line 3: max_entry_bytes must be at least 1"),
    ] {
        assert_eq!(refusal(&with(&format!("[protocol-config]\n{line}"))), expected);
    }
}

#[test]
fn a_name_is_bound_for_later_steps_only() {
    let text = with("[[step]]\nat = \"1s\"\ncrash = \"old\"\n[[step]]\nat = \"2s\"\nbind = { old = \"leader\" }");
    assert_eq!(
        refusal(&text),
        "line 5: unknown selector \"old\"; known: leader, primary, followers, any-follower, foremost, down, all, rest"
    );
}

#[test]
fn any_prefix_of_a_document_is_read_or_refused_without_a_panic() {
    for end in (0..FULL.len()).filter(|end| FULL.is_char_boundary(*end)) {
        if let Err(error) = Scenario::from_toml(&FULL[..end]) {
            assert!(!error.to_string().contains('\n'));
        }
    }
}

/// Runs a document to its end.
fn run(text: &str) -> Run {
    let mut run = Run::new(&Scenario::from_toml(text).expect("it is right")).expect("it can run");
    run.run_to_end();
    run
}

fn failures(run: &Run) -> Vec<String> {
    let failed = run.expectations().iter().filter(|result| result.held != Some(true));
    failed.map(|result| format!("{}: {}", result.text, result.detail)).collect()
}

const CUT_OFF: &str = r#"
protocol = "raft"
nodes = 5
seed = 7
until = "4s"
[[client]]
attempts = 1
[[step]]
at = "700ms"
propose = { to = "leader", set = { key = "x", value = "0" } }
[[step]]
at = "1s"
bind = { old = "leader" }
partition = [["old"], ["rest"]]
[[step]]
at = "1200ms"
propose = { to = "old", set = { key = "x", value = "1" } }
[[step]]
at = "3s"
heal = true
[[expect]]
at = "2900ms"
leaders = 1
not_leader = "old"
role = { node = "old", is = "pre-candidate" }
not_committed = { set = { key = "x", value = "1" } }
[[expect]]
by = "4s"
role = { node = "old", is = "follower" }
agree = true
[[expect]]
always = true
invariant = "any"
linearizable = true
"#;

#[test]
fn a_cut_off_leader_is_replaced_and_commits_nothing() {
    let run = run(CUT_OFF);
    assert_eq!(failures(&run), Vec::<String>::new());
    assert!(run.succeeded());
}

#[test]
fn an_expectation_that_does_not_hold_says_what_it_found() {
    let text = "protocol = \"raft\"\nnodes = 3\nuntil = \"1s\"\n[[expect]]\nat = \"900ms\"\nleaders = 2\n";
    let run = run(text);
    assert!(run.finished() && !run.succeeded());
    let [failure] = &failures(&run)[..] else { panic!("one failure") };
    assert!(failure.starts_with("at 900ms: leaders = 2: n"), "{failure}");
}

#[test]
fn a_selector_that_names_nobody_ends_the_run_and_says_so() {
    let run = run("protocol = \"raft\"\nnodes = 3\n[[step]]\nat = \"1us\"\ncrash = \"leader\"\n");
    assert_eq!(
        run.error().map(ToString::to_string).unwrap_or_default(),
        "step 1 (at 1us: crash = \"leader\"): \"leader\" names nobody: no live node leads at that moment"
    );
    assert!(run.finished() && !run.succeeded());
}

#[test]
fn a_forgiving_run_skips_the_step_and_goes_on() {
    let scenario = Scenario::from_toml("protocol = \"raft\"\nnodes = 3\n[[step]]\nat = \"1us\"\ncrash = \"leader\"\n");
    let mut run = Run::new(&scenario.expect("it is right")).expect("it can run");
    run.set_forgiving(true);
    run.run_to_end();
    assert!(run.succeeded() && run.error().is_none());
    let skipped = run.take_skipped();
    assert_eq!(skipped.iter().map(|(at, error)| (at.0, error.number)).collect::<Vec<_>>(), [(1, 1)]);
}

#[test]
fn a_step_after_the_end_of_the_run_is_an_error_with_its_line() {
    let text = "protocol = \"raft\"\nnodes = 3\nuntil = \"1s\"\n[[step]]\nat = \"2s\"\nheal = true\n";
    let error = Scenario::from_toml(text).expect_err("it would never run").to_string();
    assert!(error.contains("line ") && error.contains("after the end of the run"), "{error}");
}

#[test]
fn a_command_by_hand_becomes_a_step_that_replays_the_run() {
    let scenario = Scenario::from_toml(CUT_OFF).expect("it is right");
    let mut by_hand = Run::new(&scenario).expect("it can run");
    by_hand.run_until(Time(1_500_000));
    while by_hand.simulation().messages().next().is_none() {
        by_hand.step();
    }
    let message = by_hand.simulation().messages().next().expect("a message is on its way");
    by_hand.command(quorumscope_core::record::Command::Drop(message)).expect("it can be lost");
    by_hand.command(quorumscope_core::record::Command::Crash(NodeId(1))).expect("it can crash");
    let refused = by_hand.command(quorumscope_core::record::Command::Crash(NodeId(1)));
    assert!(refused.is_err() && by_hand.scenario().steps.len() == scenario.steps.len() + 2);
    by_hand.run_to_end();

    let written = Scenario::from_toml(&by_hand.scenario().to_toml()).expect("it can be read");
    assert_eq!(&written, by_hand.scenario());
    let mut replayed = Run::new(&written).expect("it can run");
    replayed.run_to_end();
    assert_eq!(replayed.simulation().digest(), by_hand.simulation().digest());
    assert_ne!(replayed.simulation().digest(), run(CUT_OFF).simulation().digest());
    let undone = by_hand.rebuilt(&scenario).expect("it can run");
    assert_eq!(undone.simulation().digest(), run(CUT_OFF).simulation().digest());
}

#[test]
fn a_fork_goes_its_own_way() {
    let mut one = Run::new(&Scenario::from_toml(CUT_OFF).expect("it is right")).expect("it can run");
    one.run_until(Time(2_000_000));
    let mut other = one.clone();
    other.command(quorumscope_core::record::Command::Heal).expect("it can heal");
    one.run_to_end();
    other.run_to_end();
    assert_eq!(one.simulation().digest(), run(CUT_OFF).simulation().digest());
    assert_ne!(one.simulation().digest(), other.simulation().digest());
    assert_eq!(other.scenario().steps.len(), one.scenario().steps.len() + 1);
}

#[test]
fn a_lasting_pattern_means_messages_that_leave_later() {
    let text = "protocol = \"raft\"\nnodes = 3\nuntil = \"2s\"\n[[step]]\nat = \"0s\"\n\
                drop = { kind = \"pre-vote-reply\", for = \"1s\" }\n\
                [[expect]]\nat = \"1s\"\nleaders = 0\n[[expect]]\nby = \"2s\"\nleaders = 1\n";
    assert_eq!(failures(&run(text)), Vec::<String>::new());
}

#[test]
fn the_way_to_step_does_not_change_the_run() {
    let scenario = Scenario::from_toml(CUT_OFF).expect("it is right");
    let mut slowly = Run::new(&scenario).expect("it can run");
    slowly.set_recording(false);
    for at in (0..5_000).map(|step| Time(step * 1_000)) {
        slowly.run_until(at);
    }
    assert!(slowly.succeeded());
    assert_eq!(slowly.simulation().digest(), run(CUT_OFF).simulation().digest());
}

#[test]
fn a_client_reads_by_lease_only_where_voters_keep_still() {
    let text = "protocol = \"raft\"\nnodes = 3\n[protocol-config]\ncheck_quorum = false\n[[client]]\noperations = 3\nreads = \"lease\"\n";
    let scenario = Scenario::from_toml(text).expect("each line makes sense");
    let refused = Run::new(&scenario).err().expect("together they do not").to_string();
    assert_eq!(refused, "c1 reads by lease, and a lease needs check_quorum = true");
}

#[test]
fn a_transfer_goes_from_the_leader_to_one_node() {
    let text = with("until = \"3s\"\n[[step]]\nat = \"1s\"\ntransfer = { to = \"followers\" }");
    let run = run(&text);
    assert_eq!(run.error().map(|error| error.message.as_str()), Some("leadership goes to one node"));
}
