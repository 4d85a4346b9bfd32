//! How many events does the laboratory simulate in a second natively, checked and without records?
//!
//! The native side of `cargo xtask bench-events`. `events write SEEDS` prints
//! scenarios with heavy faults as JSON; `events run WARM_UP FILE` runs such a
//! file, after so many of its scenarios to warm up, and prints what was seen.

use std::time::{Duration, Instant};

use quorumscope_lab::scenario::profile::{Profile, SHORTEST_RUN, generate};
use quorumscope_lab::scenario::{ProtocolName, Run, Scenario};
use serde_json::json;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["write", seeds] => write(seeds.parse().expect("a number of seeds")),
        ["run", warm_up, file] => {
            let text = std::fs::read_to_string(file).expect("the file can be read");
            let read: serde_json::Value = serde_json::from_str(&text).expect("a file of `events write`");
            let documents: Vec<String> = serde_json::from_value(read["scenarios"].clone()).expect("documents");
            measure(warm_up.parse().expect("a number of scenarios"), &documents);
        }
        _ => panic!("events write SEEDS | events run WARM_UP FILE"),
    }
}

fn write(seeds: u64) {
    let heavy = |seed| generate(ProtocolName::Raft, 5, seed, &Profile::Heavy.plan(), SHORTEST_RUN, &[]).to_toml();
    println!("{}", json!((0..seeds).map(heavy).collect::<Vec<_>>()));
}

fn measure(warm_up: usize, documents: &[String]) {
    documents.iter().take(warm_up).for_each(|document| drop(run(document)));
    let (mut time, mut events, mut digests) = (Duration::ZERO, 0, Vec::new());
    for document in documents {
        let (took, run) = run(document);
        time += took;
        events += run.simulation().events();
        digests.push(run.simulation().digest().to_string());
    }
    println!("{}", json!({ "events": events, "seconds": time.as_secs_f64(), "digests": digests }));
}

fn run(document: &str) -> (Duration, Run) {
    let scenario = Scenario::from_toml(document).expect("written by `events write`");
    let mut run = Run::new(&scenario).expect("it can run");
    run.set_recording(false);
    let began = Instant::now();
    run.run_until(run.until());
    (began.elapsed(), run)
}
