//! Do the commands keep their contracts, as processes: exit codes, one clear line for bad input, JSON?

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

mod sought;

fn quorumscope(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_quorumscope")).args(arguments).output().expect("the binary starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A folder of its own for one test, emptied.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder of its own");
    folder
}

fn scenarios() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/scenarios")
}

fn shipped(name: &str) -> String {
    scenarios().join(name).display().to_string()
}

/// Runs what must be refused, and returns its one line.
#[track_caller]
fn refused(arguments: &[&str]) -> String {
    let output = quorumscope(arguments);
    let line = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {line}");
    assert_eq!(line.trim_end().lines().count(), 1, "{arguments:?}: {line}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    line
}

#[test]
fn every_shipped_scenario_holds() {
    let mut seen = 0;
    for entry in fs::read_dir(scenarios()).expect("the folder of scenarios") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let output = quorumscope(&["run", &path.display().to_string()]);
            assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
            seen += 1;
        }
    }
    assert!(seen >= 10);
}

#[test]
fn explore_runs_each_profile_of_settings_and_names_it_and_serve_knows_the_same_ones() {
    let explore = ["explore", "--protocol", "raft", "--nodes", "3", "--seeds", "0..3", "--faults", "light", "--json"];
    for profile in ["lan", "wan", "throughput"] {
        let output = quorumscope(&[&explore[..], &["--profile", profile]].concat());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
        let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(report["profile"], profile);
    }
    let line = refused(&[&explore[..], &["--profile", "wam"]].concat());
    assert!(line.contains("unknown profile \"wam\"; did you mean \"wan\"?"), "{line}");
    let line = refused(&["serve", "--profile", "wam"]);
    assert!(line.contains("did you mean \"wan\"?"), "{line}");
    assert!(refused(&["serve", "--spares", "17"]).contains("--spares"));
    let hunt = ["explore", "--protocol", "raft", "--rule-off", "raft.majority-quorum", "--profile", "wan"];
    assert!(refused(&hunt).contains("name the --faults too"));
}

#[test]
fn run_prints_one_json_object_of_the_documented_shape() {
    let output = quorumscope(&["run", &shipped("first-election.toml"), "--json", "--seed", "5"]);
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    for key in [
        "protocol",
        "nodes",
        "seed",
        "virtual_ms",
        "events",
        "committed",
        "digest",
        "violations",
        "expectations",
        "refused",
        "voters",
        "coverage",
        "replay",
    ] {
        assert!(report.get(key).is_some(), "{key}");
    }
    assert_eq!(report["seed"], 5);
    assert_eq!(report["expectations"][0]["held"], true);
    assert!(report["replay"].as_str().is_some_and(|link| link.starts_with("http://127.0.0.1:8080/#v1.")));
}

#[test]
fn an_expectation_that_does_not_hold_is_exit_code_1() {
    let path = folder("fails").join("fails.toml");
    fs::write(&path, "protocol = \"raft\"\nnodes = 3\nuntil = \"1s\"\n[[expect]]\nat = \"900ms\"\nleaders = 2\n")
        .expect("it is written");
    let output = quorumscope(&["run", &path.display().to_string()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("FAILED  at 900ms: leaders = 2"), "{}", text(&output.stdout));
    assert!(text(&output.stdout).contains("again:   quorumscope run "));
}

#[test]
fn a_removal_after_which_more_lie_than_may_is_said_with_a_warning() {
    let path = folder("fewer").join("fewer.toml");
    let steps = "[[step]]\nat = \"500ms\"\nbyzantine = { node = \"n2\", as = [\"repeat\"] }\n\
                 [[step]]\nat = \"1s\"\nmembers = { to = \"n1\", remove = \"n4\" }\n";
    fs::write(&path, format!("protocol = \"hybrid\"\nnodes = 4\nseed = 3\nuntil = \"4s\"\n{steps}"))
        .expect("it is written");
    let path = path.display().to_string();
    let told = text(&quorumscope(&["run", &path]).stdout);
    assert!(told.contains("epoch 1: n1, n2, n3 vote; none of them may lie"), "{told}");
    assert!(told.contains("  warning: at ") && told.contains("n2 lies, and at most 0 of 3 may"), "{told}");
    let report: Value = serde_json::from_slice(&quorumscope(&["run", &path, "--json"]).stdout).expect("JSON");
    let warns = |at: usize| report["voters"][at]["warning"].as_bool();
    assert_eq!((warns(0), warns(1), warns(2)), (Some(false), Some(true), None), "{report}");
}

#[test]
fn what_a_step_asked_for_and_a_node_refused_is_said() {
    let path = folder("asks").join("asks.toml");
    let steps =
        "[[step]]\nat = \"1s\"\nmembers = { add = \"n1\" }\n[[step]]\nat = \"2s\"\ntransfer = { to = \"n4\" }\n";
    fs::write(&path, format!("protocol = \"raft\"\nnodes = 4\nvoters = 3\nuntil = \"3s\"\n{steps}"))
        .expect("it is written");
    let path = path.display().to_string();
    let output = quorumscope(&["run", &path]);
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(
        told.contains("refused at 1000 ms: ") && told.contains(" refused to change the members: n1 is a member"),
        "{told}"
    );
    assert!(told.contains("refused at 2000 ms: ") && told.contains(" does not hand leadership to n4: "), "{told}");
    let report: Value = serde_json::from_slice(&quorumscope(&["run", &path, "--json"]).stdout).expect("JSON");
    assert_eq!(report["refused"].as_array().map(Vec::len), Some(2), "{report}");
}

#[test]
fn a_scenario_that_is_wrong_names_its_file_its_line_and_the_nearest_name() {
    let folder = folder("wrong");
    for (name, content, expected) in [
        ("key", "protocol = \"raft\"\nnods = 3\n", ":2: unknown key \"nods\"; did you mean \"nodes\"?"),
        ("protocol", "protocol = \"raff\"\nnodes = 3\n", ":1: unknown protocol \"raff\"; did you mean \"raft\"?"),
        (
            "rule",
            "protocol = \"raft\"\nnodes = 3\n[rules]\n\"raft.up-to-date\" = false\n",
            ":4: unknown rule \"raft.up-to-date\"; did you mean \"raft.up-to-date-check\"?",
        ),
        (
            "node",
            "protocol = \"raft\"\nnodes = 3\n[[step]]\nat = \"1s\"\ncrash = \"n9\"\n",
            ":5: there is no node n9 in this scenario; its nodes: n1, n2, n3",
        ),
        (
            "voters",
            "protocol = \"raft\"\nnodes = 3\nvoters = 5\n",
            ":3: n4 votes and is not one of the nodes: add it to \"nodes\"",
        ),
        (
            "drift",
            "protocol = \"raft\"\nnodes = 3\n[[step]]\nat = \"1s\"\ndrift = { node = \"n1\", rate = 0 }\n",
            ":5: a clock that stands still is a pause: write a rate above 0, as 1.0002",
        ),
        (
            "late",
            "protocol = \"raft\"\nnodes = 3\nuntil = \"3s\"\n[[expect]]\nat = \"9s\"\nleaders = 1\n",
            ": an expectation at 9s is after the end of the run: until = \"3s\"",
        ),
        ("syntax", "protocol = \"raft\nnodes = 3\n", ":1: "),
    ] {
        let path = folder.join(format!("{name}.toml"));
        fs::write(&path, content).expect("it is written");
        let path = path.display().to_string();
        let line = refused(&["run", &path]);
        assert!(line.contains(&format!("{path}{expected}")), "{line}");
    }
    let binary = folder.join("binary.toml");
    fs::write(&binary, [0xFF, 0xFE, 0x00]).expect("it is written");
    assert!(refused(&["run", &binary.display().to_string()]).contains("no text"));
}

#[test]
fn bad_arguments_are_one_line_that_says_what_would_be_right() {
    let explore = |more: &[&str]| refused(&[&["explore"], more].concat());
    for (line, expected) in [
        (refused(&["run", "/nonexistent/x.toml"]), "there is no such file"),
        (refused(&["run"]), "SCENARIO.toml"),
        (refused(&["rum"]), "run"),
        (refused(&["run", &shipped("first-election.toml"), "--seed", "x"]), "for '--seed <N>': a seed is"),
        (refused(&["run", &shipped("first-election.toml"), "--seed", "-1"]), "a seed is a whole number"),
        (explore(&[]), "--protocol"),
        (explore(&["--protocol", "raft", "--seeds", "-1..5"]), "write a range as 0..100"),
        (explore(&["--protocol", "rafft"]), "did you mean \"raft\"?"),
        (explore(&["--protocol", "raft", "--seeds", "5..5"]), "is empty"),
        (explore(&["--protocol", "raft", "--seeds", "9..5"]), "is empty"),
        (explore(&["--protocol", "raft", "--seeds", "5"]), "write a range as 0..100"),
        (explore(&["--protocol", "raft", "--seeds", "0..99999999999999999999"]), "seeds are below 2^53"),
        (explore(&["--protocol", "raft", "--nodes", "0"]), "1 to 99 nodes"),
        (explore(&["--protocol", "raft", "--faults", "byzantine"]), "nodes of raft believe each other"),
        (explore(&["--protocol", "pbft", "--liars", "1"]), "--liars needs --faults byzantine"),
        (explore(&["--protocol", "raft", "--faults", "heavvy"]), "did you mean \"heavy\"?"),
        (explore(&["--protocol", "raft", "--until", "5s"]), "30s to 3600s"),
        (explore(&["--protocol", "raft", "--until", "soon"]), "is not a duration"),
        (
            explore(&["--protocol", "raft", "--rule-off", "raft.one-vote-per-trem"]),
            "did you mean \"raft.one-vote-per-term\"?",
        ),
        (explore(&["--protocol", "raft", "--jobs", "0"]), "--jobs"),
        (explore(&["--protocol", "raft", "--liars", "1"]), "--liars"),
    ] {
        assert!(line.contains(expected), "{line}");
    }
}

#[test]
fn honest_sweeps_succeed_and_print_the_documented_shape() {
    let output = quorumscope(&["explore", "--protocol", "raft", "--seeds", "0..100", "--faults", "heavy", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    for key in ["protocol", "nodes", "runs", "seeds_failed", "first_failure", "events", "events_per_second", "coverage"]
    {
        assert!(report.get(key).is_some(), "{key}");
    }
    assert_eq!(report["runs"], 100);
    assert!(report["first_failure"].is_null());
    let count = |name: &str| report["coverage"][name].as_u64().unwrap_or_default();
    for (name, a_run) in [
        ("crashes", 3),
        ("restarts", 3),
        ("lost unsynced writes", 3),
        ("partitions", 2),
        ("one-way cuts", 2),
        ("client operations ok", 200),
        ("clock faults", 1),
        ("disk faults", 1),
        ("messages duplicated", 1),
    ] {
        assert!(count(name) >= 100 * a_run, "{name}: {} in 100 runs", count(name));
    }
}

#[test]
fn a_rule_switched_off_is_found_and_the_printed_link_and_command_replay_it() {
    let arguments = ["explore", "--protocol", "raft", "--rule-off", "raft.majority-quorum", "--seeds", "0..20"];
    let output = quorumscope(&[&arguments[..], &["--json", "--shrink"]].concat());
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let failure = &report["first_failure"];
    let property = failure["violations"][0]["property"].as_str().expect("a property");

    let link = failure["replay"].as_str().expect("a link");
    let link = quorumscope_lab::scenario::share::decode(link).expect("it can be read");
    let outcome = quorumscope_lab::explore::explore(&link.scenario).expect("it can run");
    assert!(outcome.breaks(property));
    assert_eq!(Some(outcome.digest), link.digest);
    assert_eq!(Some(link.cursor), outcome.first().map(|finding| finding.at));

    let command = failure["command"].as_str().expect("a command");
    let again: Vec<&str> = command.split(' ').skip(1).collect();
    let again = quorumscope(&again);
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stdout).contains("FAILED  seed"));
}

#[test]
fn a_trace_is_written_whole_shown_and_verified() {
    let folder = folder("trace");
    let trace = folder.join("run.jsonl").display().to_string();
    let output = quorumscope(&["run", &shipped("leader-lost.toml"), "--trace", &trace]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(fs::read_dir(&folder).expect("the folder").count(), 1, "nothing is left beside the trace");
    let verified = quorumscope(&["trace", "verify", &trace]);
    assert_eq!(verified.status.code(), Some(0), "{}", text(&verified.stderr));
    assert!(text(&verified.stdout).contains("replays with the same digest"));
    let shown = quorumscope(&["trace", "show", &trace]);
    assert_eq!(shown.status.code(), Some(0));
    assert!(text(&shown.stdout).lines().count() > 10);

    let whole = fs::read_to_string(&trace).expect("the trace");
    let broken = folder.join("broken.jsonl");
    let mut lines: Vec<&str> = whole.lines().collect();
    let half = &lines[6][..lines[6].len() / 2];
    lines[6] = half;
    fs::write(&broken, lines.join("\n")).expect("it is written");
    let line = refused(&["trace", "verify", &broken.display().to_string()]);
    assert!(line.contains("line 7"), "{line}");
    fs::write(&broken, &whole[..whole.len() / 2]).expect("it is written");
    refused(&["trace", "show", &broken.display().to_string()]);
    fs::write(&broken, "").expect("it is written");
    refused(&["trace", "verify", &broken.display().to_string()]);
    refused(&["trace", "verify", "/nonexistent/trace.jsonl"]);
}

#[test]
fn a_trace_that_cannot_be_written_leaves_nothing_behind() {
    let missing = folder("missing").join("no/such/folder/run.jsonl").display().to_string();
    let line = refused(&["run", &shipped("first-election.toml"), "--trace", &missing]);
    assert!(line.contains("its folder does not exist"), "{line}");
}

#[test]
fn help_and_version_are_answers() {
    for arguments in [&["--help"][..], &["--version"], &["run", "--help"], &["explore", "--help"]] {
        let output = quorumscope(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(!output.stdout.is_empty());
    }
}

#[test]
fn exhaust_sees_every_state_of_a_small_world() {
    let output = quorumscope(&["exhaust", "--terms", "1", "--commands", "0", "--crashes", "1", "--json"]);
    let report: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    assert_eq!(output.status.code(), Some(0), "{report}");
    assert_eq!((&report["ended"], &report["waiting"]), (&Value::from("exhausted"), &Value::from(0)));
    assert!(report["states"].as_u64() > Some(10_000) && report["counterexample"].is_null(), "{report}");
}

#[test]
fn exhaust_tells_a_shortest_counterexample_step_by_step() {
    let output = quorumscope(&["exhaust", "--terms", "2", "--rule-off", "raft.up-to-date-check"]);
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("FAILED  Leader completeness breaks after 8 steps: "), "{told}");
    assert_eq!(told.lines().filter(|line| line.starts_with("  ")).count(), 8, "{told}");
}

#[test]
fn exhaust_says_which_rules_play_no_part_in_its_worlds() {
    let told = |rule| {
        let small = ["exhaust", "--terms", "1", "--commands", "0", "--rule-off", rule];
        text(&quorumscope(&small).stdout)
    };
    let outside = "plays no part in these worlds";
    for rule in ["session.exactly-once", "raft.lease-from-send", "raft.check-quorum"] {
        assert!(told(rule).contains(&format!("{rule} {outside}")), "{rule}");
    }
    assert!(!told("raft.commit-own-term-only").contains(outside));
}

#[test]
fn exhaust_stops_where_it_was_told_to_and_says_how_far_it_came() {
    let output = quorumscope(&["exhaust", "--terms", "3", "--max-states", "20000"]);
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.contains("stopped by max-states before the end: all states less than "), "{told}");
}

#[test]
fn exhaust_refuses_bounds_that_are_none() {
    assert!(refused(&["exhaust", "--terms", "9"]).contains("--terms is 1 to 7, and 9 was asked for"));
    assert!(refused(&["exhaust", "--lost-stores", "1"]).contains("--lost-stores is 0 to 0, and 1 was asked for"));
    assert!(refused(&["exhaust", "--rule-off", "raft.one-vote-per-trem"]).contains("raft.one-vote-per-term"));
    assert!(refused(&["exhaust", "--max-seconds", "0"]).contains("at least 1"));
}
