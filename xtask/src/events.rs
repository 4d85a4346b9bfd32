//! How much slower is the laboratory in wasm than natively?
//!
//! The same heavy seeds, checks on and records off: the release build of this
//! machine, and the package as it ships, under Node and in headless Chromium.
//! They take turns, so that a busy minute hurts all alike; the medians are
//! compared. Each also tells its digests, and all must agree. Read next:
//! `host.rs`, which serves the browser.

use crate::{host, package, place};
use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Wasm may take at most this many times native's time.
const RATIO_MAX: f64 = 1.6;

/// Scenarios that are run before the clock counts: wasm engines compile twice, and a user's run outlives that.
const WARM_UP: usize = 20;

type Measure = fn(&Bench) -> Result<Value>;

const PLACES: [(&str, Measure); 3] =
    [("native", Bench::native), ("wasm, Node", Bench::node), ("wasm, Chromium", Bench::chromium)];

struct Bench {
    folder: PathBuf,
    binary: PathBuf,
}

/// Measures `rounds` times over `seeds` heavy seeds, and prints the medians.
pub fn run(seeds: u64, rounds: usize) -> Result<()> {
    if seeds == 0 || rounds == 0 {
        bail!("give at least one seed and one round");
    }
    let bench = prepare(seeds)?;
    let mut speeds = [const { Vec::new() }; PLACES.len()];
    let mut first: Option<Value> = None;
    for round in 1..=rounds {
        for ((name, measure), speeds) in PLACES.iter().zip(&mut speeds) {
            let seen = measure(&bench).with_context(|| format!("{name}, round {round}"))?;
            let speed = events_per_second(&seen)?;
            eprintln!("round {round}: {name}: {speed:.0} events/s");
            speeds.push(speed);
            let digests = first.get_or_insert_with(|| seen["digests"].clone());
            if *digests != seen["digests"] {
                bail!("{name} has other digests than native");
            }
        }
    }
    let events = bench.native()?["events"].clone();
    println!("\n{seeds} heavy seeds, {events} events, {rounds} rounds, the same digests everywhere");
    println!("{:<16} {:>12} {:>8} {:>24}", "", "events/s", "time", "slowest to fastest");
    let medians = speeds.each_mut().map(|speeds| median(speeds));
    for (((name, _), speeds), median) in PLACES.iter().zip(&speeds).zip(medians) {
        let (slowest, fastest) = (speeds.first().unwrap_or(&median), speeds.last().unwrap_or(&median));
        let ratio = medians[0] / median;
        println!("{name:<16} {median:>12.0} {ratio:>7.2}x {:>24}", format!("{slowest:.0} to {fastest:.0}"));
    }
    let slowest = medians.iter().map(|median| medians[0] / median).fold(0.0, f64::max);
    if slowest > RATIO_MAX {
        bail!("wasm takes {slowest:.2} times native's time; at most {RATIO_MAX} is allowed");
    }
    Ok(())
}

fn prepare(seeds: u64) -> Result<Bench> {
    let example = ["build", "--locked", "--release", "-p", "quorumscope-wasm", "--example", "events"];
    place::run(&mut place::cargo(&example))?;
    package::build()?;
    let binary = place::target().join("release/examples/events").with_extension(std::env::consts::EXE_EXTENSION);
    let folder = place::root().join("target/bench-events");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(folder.join("package"))?;
    package::copy_files(&package::folder(), &folder.join("package"))?;
    package::copy_files(&package::sources().join("bench"), &folder)?;
    let written = place::output(Command::new(&binary).args(["write", &seeds.to_string()]))?;
    let scenarios: Value = serde_json::from_slice(&written)?;
    fs::write(folder.join("scenarios.json"), json!({ "scenarios": scenarios, "warmUp": WARM_UP }).to_string())?;
    Ok(Bench { folder, binary })
}

impl Bench {
    fn native(&self) -> Result<Value> {
        let mut command = Command::new(&self.binary);
        seen(command.args(["run", &WARM_UP.to_string()]).arg(self.folder.join("scenarios.json")))
    }

    fn node(&self) -> Result<Value> {
        seen(Command::new("node").arg(self.folder.join("node.mjs")))
    }

    fn chromium(&self) -> Result<Value> {
        let answer = host::browse(Path::new(&self.folder), "browser.html")?;
        let outcome: Value = serde_json::from_slice(&answer)?;
        match outcome["error"].as_str() {
            Some(error) => bail!("{error}"),
            None => Ok(outcome),
        }
    }
}

fn seen(command: &mut Command) -> Result<Value> {
    Ok(serde_json::from_slice(&place::output(command)?)?)
}

fn events_per_second(seen: &Value) -> Result<f64> {
    let number = |name: &str| seen[name].as_f64().with_context(|| format!("it tells no {name}"));
    Ok(number("events")? / number("seconds")?)
}

/// Sorts, and takes the middle one, or the lower of the two.
fn median(speeds: &mut [f64]) -> f64 {
    speeds.sort_by(f64::total_cmp);
    speeds.get(speeds.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_not_moved_by_one_slow_round() {
        assert!((median(&mut [3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(&mut [9.0, 0.1, 9.0, 8.0, 9.0]) - 9.0).abs() < f64::EPSILON);
    }
}
