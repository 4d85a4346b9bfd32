//! Does the face for JavaScript do what it says, and refuse what makes no sense?

use js_sys::{Array, Error, JSON, Reflect};
use quorumscope_wasm::Simulation;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_test::wasm_bindgen_test;

fn js(json: &str) -> JsValue {
    JSON::parse(json).expect("the test's own JSON")
}

fn get(value: &JsValue, path: &str) -> JsValue {
    path.split('.').fold(value.clone(), |value, name| Reflect::get(&value, &name.into()).expect("an object"))
}

fn text(value: &JsValue, path: &str) -> String {
    get(value, path).as_string().unwrap_or_default()
}

fn simulation(options: &str) -> Simulation {
    Simulation::new(&js(options)).unwrap_or_else(|error| panic!("{error}"))
}

fn run_until(simulation: &mut Simulation, ms: f64) {
    simulation.run_until(&ms.into()).unwrap_or_else(|error| panic!("{error}"));
}

fn leader(simulation: &Simulation) -> Option<String> {
    let nodes: Array = get(&simulation.view(), "nodes").unchecked_into();
    let leads = |node: &JsValue| text(node, "role") == "leader" && text(node, "liveness") == "up";
    nodes.iter().find(leads).map(|node| text(&node, "id"))
}

/// What JavaScript would catch.
fn caught(error: Option<quorumscope_wasm::Error>) -> (String, String) {
    let value = JsValue::from(error.expect("this must be refused"));
    let error: &Error = value.dyn_ref().expect("what is thrown is an Error");
    (text(&value, "code"), error.message().into())
}

#[wasm_bindgen_test]
fn a_crashed_leader_is_replaced_and_comes_back_as_a_follower() {
    let mut simulation = simulation(r#"{"protocol": "raft", "nodes": 5, "seed": 7}"#);
    run_until(&mut simulation, 2_000.0);
    let first = leader(&simulation).expect("a leader within two seconds");
    simulation.crash(&first.as_str().into()).unwrap_or_else(|error| panic!("{error}"));
    run_until(&mut simulation, 5_000.0);
    let second = leader(&simulation).expect("another within three more");
    assert_ne!(first, second);
    simulation.restart(&first.as_str().into()).unwrap_or_else(|error| panic!("{error}"));
    run_until(&mut simulation, 6_000.0);
    assert_eq!(leader(&simulation), Some(second));
    assert_eq!(Array::from(&simulation.violations()).length(), 0);
}

#[wasm_bindgen_test]
fn a_proposal_is_committed_by_the_side_that_has_the_majority() {
    let mut simulation = simulation(r#"{"nodes": 3, "seed": 1}"#);
    run_until(&mut simulation, 2_000.0);
    let alone = leader(&simulation).expect("a leader");
    let others: Vec<_> = ["n1", "n2", "n3"].into_iter().filter(|node| *node != alone).collect();
    let groups = js(&format!(r#"[["{alone}"], ["{}", "{}"]]"#, others[0], others[1]));
    simulation.partition(&groups).unwrap_or_else(|error| panic!("{error}"));
    run_until(&mut simulation, 5_000.0);
    let set = js(r#"{"set": {"key": "x", "value": "1"}}"#);
    simulation.propose(&set, &JsValue::UNDEFINED).unwrap_or_else(|error| panic!("{error}"));
    run_until(&mut simulation, 10_000.0);
    simulation.heal().unwrap_or_else(|error| panic!("{error}"));
    run_until(&mut simulation, 15_000.0);

    let view = simulation.view();
    assert_eq!(text(&view, "clients.0.operations.0.verdict"), "ok");
    let nodes: Array = get(&view, "nodes").unchecked_into();
    for node in nodes.iter() {
        let log: Array = get(&node, "log").unchecked_into();
        let found = log.iter().any(|entry| text(&entry, "text").contains('x') && get(&entry, "committed").is_truthy());
        assert!(found, "{} has not got it: {:?}", text(&node, "id"), log);
    }
}

#[wasm_bindgen_test]
fn wrong_arguments_are_refused_with_a_code_and_change_nothing() {
    for (json, code, says) in [
        (r#"{"sed": 1}"#, "bad-options", "did you mean \"seed\"?"),
        (r#"{"seed": -1}"#, "bad-options", "2^53"),
        (r#"{"seed": 0.5}"#, "bad-options", "0.5"),
        (r#"{"until": 0}"#, "bad-options", "above 0"),
        (r#"{"nodes": 0}"#, "bad-options", "1 to 99"),
        (r#"{"nodes": 100}"#, "bad-options", "1 to 99"),
        (r#"{"nodes": "five"}"#, "bad-options", "five"),
        (r#"{"protocol": "raff"}"#, "bad-options", "did you mean \"raft\"?"),
        (r#"{"until": -5}"#, "bad-time", "-5"),
        (r#"{"scenario": "protocol = \"raft\"\nnods = 3"}"#, "bad-scenario", "line 2"),
        (r#"{"scenario": "protocol = \"raft\"\nnodes = 3", "nodes": 5}"#, "bad-options", "leave"),
        (r#"["raft"]"#, "bad-options", ""),
        ("5", "bad-options", ""),
    ] {
        let found = Simulation::new(&js(json)).err();
        assert!(found.is_some(), "{json} is not refused");
        let (found, message) = caught(found);
        assert!(found == code && message.contains(says), "{json}: {found}: {message}");
    }

    let mut simulation = simulation(r#"{"nodes": 3}"#);
    run_until(&mut simulation, 100.0);
    let digest = simulation.digest();
    let huge = js(&format!("[{}[]{}]", "[".repeat(500), "]".repeat(500)));
    for value in [JsValue::UNDEFINED, JsValue::NULL, 5.into(), "x".into(), JsValue::symbol(None), js("{}"), huge] {
        assert_eq!(caught(simulation.crash(&value).err()).0, "bad-node");
        assert_eq!(caught(simulation.propose(&value, &JsValue::UNDEFINED).err()).0, "bad-operation");
        assert!(["bad-options", "bad-node"].contains(&caught(simulation.partition(&value).err()).0.as_str()));
        if value.as_f64().is_none() {
            assert_eq!(caught(simulation.run_until(&value).err()).0, "bad-time");
        }
    }
    for time in [f64::NAN, f64::INFINITY, -1.0, 1e300] {
        assert_eq!(caught(simulation.seek(&time.into()).err()).0, "bad-time");
    }
    assert_eq!(caught(simulation.crash(&"n9".into()).err()).0, "bad-node");
    let (code, message) = caught(simulation.restart(&"n1".into()).err());
    assert!(code == "bad-command" && message.contains("n1 is running"), "{code}: {message}");
    assert_eq!(caught(simulation.records(&js(r#"{"since": "first"}"#)).err()).0, "bad-options");
    assert_eq!(simulation.digest(), digest);
}

#[wasm_bindgen_test]
fn seeking_back_repeats_the_run_and_drops_later_commands() {
    let mut simulation = simulation(r#"{"nodes": 3, "seed": 3}"#);
    run_until(&mut simulation, 1_000.0);
    simulation.crash(&"n1".into()).unwrap_or_else(|error| panic!("{error}"));
    run_until(&mut simulation, 2_000.0);
    let (digest, events) = (simulation.digest(), simulation.events());
    let records = JSON::stringify(&simulation.records(&JsValue::UNDEFINED).unwrap_or_else(|error| panic!("{error}")));
    let fork = simulation.fork();
    run_until(&mut simulation, 3_000.0);
    simulation.restart(&"n1".into()).unwrap_or_else(|error| panic!("{error}"));
    run_until(&mut simulation, 4_000.0);
    assert!(simulation.scenario().contains("restart"));

    simulation.seek(&2_000.0.into()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((simulation.digest(), simulation.events(), simulation.now()), (digest.clone(), events, 2_000.0));
    assert_eq!((fork.digest(), fork.now()), (digest, 2_000.0));
    assert!(simulation.scenario().contains("crash") && !simulation.scenario().contains("restart"));
    let again = simulation.records(&JsValue::UNDEFINED).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(JSON::stringify(&again).ok(), records.ok());
}

#[wasm_bindgen_test]
fn a_shared_run_is_the_same_run() {
    let mut first = simulation(r#"{"nodes": 3, "seed": 11, "until": 3000}"#);
    run_until(&mut first, 1_500.0);
    first.pause(&"n2".into()).unwrap_or_else(|error| panic!("{error}"));
    while first.step() {}
    assert!(first.finished() && !first.step());
    assert_eq!(caught(first.resume(&"n2".into()).err()).0, "bad-command");

    let link = quorumscope_lab::scenario::share::decode(&first.share_link()).expect("a link");
    assert_eq!(link.digest.map(|digest| digest.to_string()), Some(first.digest()));
    let options = js("{\"records\": false}");
    Reflect::set(&options, &"scenario".into(), &first.scenario().into()).expect("an object");
    let mut second = Simulation::new(&options).unwrap_or_else(|error| panic!("{error}"));
    run_until(&mut second, 3_000.0);
    assert_eq!((second.digest(), second.events()), (first.digest(), first.events()));
    assert_eq!(Array::from(&second.records(&JsValue::UNDEFINED).unwrap_or_default()).length(), 0);
}

#[wasm_bindgen_test]
fn records_go_on_where_the_last_look_ended() {
    let mut simulation = simulation(r#"{"nodes": 3}"#);
    run_until(&mut simulation, 500.0);
    let all = Array::from(&simulation.records(&JsValue::UNDEFINED).unwrap_or_default());
    let middle = all.get(all.length() / 2);
    let options = js(&format!(r#"{{"since": "{}", "lines": true}}"#, text(&middle, "id")));
    let rest = Array::from(&simulation.records(&options).unwrap_or_default());
    assert_eq!(rest.length(), all.length() - all.length() / 2 - 1);
    let line = js(&text(&rest.get(0), "line"));
    assert_eq!(get(&line, "id.sequence").as_f64().map(|id| id.to_string()), Some(text(&rest.get(0), "id")));
    assert!(all.iter().any(|record| get(&record, "headline").is_truthy() && !text(&record, "text").is_empty()));
}

#[wasm_bindgen_test]
fn expectations_of_a_scenario_are_told() {
    let document =
        "protocol = \\\"raft\\\"\\nnodes = 3\\nuntil = \\\"3s\\\"\\n[[step]]\\nat = \\\"1s\\\"\\nrestart = \\\"n1\\\"";
    let mut simulation = simulation(&format!(r#"{{"scenario": "{document}"}}"#));
    while simulation.step() {}
    let told = simulation.expectations();
    assert_eq!(get(&told, "0.held"), JsValue::FALSE);
    assert!(text(&told, "0.detail").contains("n1 is running"), "{}", text(&told, "0.detail"));
}
