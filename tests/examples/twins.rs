//! What do two copies of one node break, with all rules on and with one off?
//!
//! `cargo run --release -p quorumscope-tests --example twins -- [SCENARIOS]` prints the table of `docs/rules.md`: for each row how
//! many scenarios there are within the bounds, how many were carried out, how long that took, and after how many of them
//! honest nodes did not agree.

use std::time::Instant;

use quorumscope_core::raft::Rule;
use quorumscope_lab::scenario::ProtocolName;
use quorumscope_lab::twins::{Bounds, enumerate};

/// Most scenarios of one row.
const SCENARIOS: u64 = 20_000;

/// What is off, and in how many views the copies are parted.
const ROWS: [(ProtocolName, &[Rule], u32); 14] = [
    (ProtocolName::HotStuff, &[], 3),
    (ProtocolName::HotStuff, &[], 12),
    (ProtocolName::HotStuff, &[Rule::HotStuffTimeoutCertificates], 12),
    (ProtocolName::HotStuff, &[Rule::HotStuffSafeNode], 12),
    (ProtocolName::HotStuff, &[Rule::HotStuffSafeNode, Rule::HotStuffTimeoutCertificates], 12),
    (ProtocolName::HotStuff, &[Rule::HotStuffConsecutiveViews], 12),
    (ProtocolName::HotStuff, &[Rule::HotStuffConsecutiveViews, Rule::HotStuffTimeoutCertificates], 12),
    (ProtocolName::HotStuff, &[Rule::HotStuffVoteOncePerView, Rule::HotStuffTimeoutCertificates], 12),
    (ProtocolName::HotStuff, &[Rule::HotStuffQuorum], 12),
    (ProtocolName::Pbft, &[], 3),
    (ProtocolName::Pbft, &[], 12),
    (ProtocolName::Pbft, &[Rule::PbftVotesMatchDigest], 12),
    (ProtocolName::Pbft, &[Rule::PbftViewChangeKeepsPrepared], 12),
    (ProtocolName::Pbft, &[Rule::PbftNewViewFollows], 12),
];

fn main() {
    let most = std::env::args().nth(1).and_then(|word| word.parse().ok()).unwrap_or(SCENARIOS);
    println!(
        "| protocol | off | views | scenarios within the bounds | carried out | something committed | seconds | breaks after |"
    );
    println!("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    for (protocol, off, views) in ROWS {
        let begin = Instant::now();
        let bounds = Bounds { views, scenarios: most, seed: 1 };
        let report = enumerate(protocol, off, bounds).expect("a protocol whose nodes may lie");
        let names: Vec<String> = off.iter().map(|rule| format!("`{}`", rule.name())).collect();
        let names = if names.is_empty() { "nothing".into() } else { names.join(", ") };
        let broken = report.broken.map_or("no".into(), |(after, _)| after.to_string());
        let (seconds, all, run, committed) = (begin.elapsed().as_secs_f64(), report.all, report.run, report.committed);
        println!("| {} | {names} | {views} | {all} | {run} | {committed} | {seconds:.1} | {broken} |", protocol.name());
    }
}
