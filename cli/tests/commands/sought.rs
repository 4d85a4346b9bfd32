//! Do `run` and `explore` say what came to nothing, and find what is looked for?

use std::fs;

use quorumscope_lab::scenario::{Run, share};
use quorumscope_lab::trace::face;
use serde_json::Value;

use super::{folder, quorumscope, refused, text};

/// Where voters change by epochs, whoever executes a request finds that nothing comes of it.
#[test]
fn a_change_of_voters_that_comes_to_nothing_is_said_with_who_when_and_why() {
    let step = |at: &str, rest: &str| format!("[[step]]\nat = \"{at}\"\nmembers = {{ {rest} }}\n");
    let steps = [
        step("1s", "to = \"n2\", promote = \"n4\""),
        step("2s", "to = \"n5\", promote = \"n5\""),
        step("3s", "to = \"n2\", remove = [\"n1\", \"n2\", \"n3\", \"n4\"]"),
        step("4s", "to = \"n2\", promote = \"n5\", remove = \"n4\""),
        step("4s", "to = \"n2\", promote = \"n5\", remove = \"n4\""),
        step("6s", "to = \"n4\", promote = \"n4\""),
    ];
    let folder = folder("changes");
    for protocol in ["pbft", "hotstuff", "hybrid"] {
        let path = folder.join(format!("{protocol}.toml"));
        let head = format!("protocol = \"{protocol}\"\nsigner = \"cheap\"\nnodes = 5\nvoters = 4\nuntil = \"8s\"\n");
        fs::write(&path, head + &steps.concat()).expect("it is written");
        let path = path.display().to_string();
        let output = quorumscope(&["run", &path]);
        let told = text(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{told}");
        assert!(told.contains("4 nodes and 1 spare"), "{told}");
        for reason in [
            "n4 votes already; the same at ",
            "refused at 2000 ms: n5 does nothing with a change of members: it has no vote",
            "no voter would be left",
            "it was meant for epoch 0, and this is epoch 1",
            "refused at 6000 ms: n4 does nothing with a change of members: it has no vote",
        ] {
            assert!(told.contains(reason), "{protocol}: {reason}\n{told}");
        }
        let report: Value = serde_json::from_slice(&quorumscope(&["run", &path, "--json"]).stdout).expect("JSON");
        assert_eq!(report["refused"].as_array().map(Vec::len), Some(5), "{report}");
        assert_eq!((&report["nodes"], &report["spares"]), (&Value::from(5), &Value::from(1)));
    }
}

/// Seed 0 of two liars among four replicas of HotStuff breaks liveness and nothing else.
#[test]
fn explore_looks_for_one_property_and_counts_what_else_broke() {
    let liars = ["explore", "--protocol", "hotstuff", "--nodes", "4", "--faults", "byzantine", "--liars", "2"];
    let look = |more: &[&str]| quorumscope(&[&liars[..], &["--seeds", "0..8"], more].concat());
    let report: Value = serde_json::from_slice(&look(&["--json"]).stdout).expect("JSON");
    assert_eq!(report["first_failure"]["violations"][0]["property"], "Liveness after calm");
    let output = look(&["--json", "--property", "agreement"]);
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let found = &report["first_failure"];
    assert_eq!(found["violations"][0]["property"], "Agreement", "{report}");
    let command = found["command"].as_str().expect("a command");
    assert!(command.ends_with(" --property agreement"), "{command}");
    let again: Vec<&str> = command.split(' ').skip(1).collect();
    assert!(text(&quorumscope(&again).stdout).contains("Agreement broke at"));
    let none = look(&["--property", "validity"]);
    assert_eq!(none.status.code(), Some(0), "{}", text(&none.stdout));
    assert!(text(&none.stdout).contains("broken  liveness-after-calm in "), "{}", text(&none.stdout));
    // One misspelt, one of Raft alone.
    for word in ["agreemnt", "election-safety"] {
        let line = refused(&[&liars[..], &["--property", word]].concat());
        let told = format!("--property {word}: hotstuff has no such property; it has ");
        assert!(line.contains(&told) && line.contains("agreement, ") && !line.contains("leader-"), "{line}");
    }
}

#[test]
fn a_sweep_that_keeps_going_counts_by_property_and_names_the_first_seed_of_each() {
    let sweep = ["explore", "--protocol", "hotstuff", "--nodes", "4", "--faults", "byzantine", "--liars", "2"];
    let output = quorumscope(&[&sweep[..], &["--seeds", "0..8", "--keep-going", "--json"]].concat());
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    for broken in report["broken"].as_array().expect("a list") {
        let (name, runs, first) = (&broken["property"], broken["runs"].as_u64(), broken["first_seed"].as_u64());
        let breaks = |seed: u64| {
            let seeds = format!("{seed}..{}", seed + 1);
            let one = quorumscope(&[&sweep[..], &["--seeds", &seeds, "--json"]].concat());
            let one: Value = serde_json::from_slice(&one.stdout).expect("JSON");
            one["broken"].as_array().is_some_and(|list| list.iter().any(|other| other["property"] == *name))
        };
        let seeds: Vec<u64> = (0..8).filter(|seed| breaks(*seed)).collect();
        assert_eq!((runs, first), (Some(seeds.len() as u64), seeds.first().copied()), "{name}");
    }
    assert!(report["broken"].as_array().is_some_and(|list| list.len() >= 2), "{report}");
}

/// What the README shows: two honest nodes hold different requests at one place.
#[test]
fn the_readmes_example_of_too_many_liars_shows_what_anybody_can_see() {
    let readme = include_str!("../../../README.md");
    let line = readme.lines().find(|line| line.contains("--liars 2")).expect("the example");
    let (_, arguments) = line.split_once(" -- ").expect("its arguments");
    let output = quorumscope(&[&arguments.split(' ').collect::<Vec<_>>()[..], &["--json"]].concat());
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let detail = report["first_failure"]["violations"][0]["detail"].as_str().expect("what contradicts it");
    let decided: Vec<&str> = detail.split(" decided ").skip(1).filter_map(|rest| rest.split(" (").next()).collect();
    assert!(matches!(decided.as_slice(), [one, other] if one != other && one.starts_with('c')), "{detail}");
    // The page at the link marks both: there two honest nodes hold entries that look different.
    let (_, link) = report["first_failure"]["replay"].as_str().and_then(|link| link.split_once('#')).expect("a link");
    let link = share::decode(link).expect("it can be read");
    let mut run = Run::new(&link.scenario).expect("it can run");
    run.run_until(link.cursor);
    let conflict = face::conflict(&run.simulation().view()).expect("they differ");
    assert!(conflict.sides.len() > 1, "{}", conflict.words);
}
