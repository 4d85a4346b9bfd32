//! What must pass before a change is merged?
//!
//! A list of steps from cheap to dear, each timed; a failing one names the
//! command that repeats it, and the others still run. Clippy, the tests and the
//! documentation share one profile, and the wasm tests another target of it, so
//! that little is compiled twice. Left out: a check against the database of
//! advisories, which lives on a host that a build without network cannot ask.

use crate::{house, licences, package, page, place, size, tools};
use anyhow::{Result, bail};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

/// One thing that is checked: its name, what it shows, and how.
struct Step {
    name: &'static str,
    shows: &'static str,
    check: fn() -> Result<()>,
}

const STEPS: [Step; 11] = [
    Step { name: "house", shows: "crates use only what they may, files stay short", check: house::check },
    Step { name: "licences", shows: "every dependency's licence is allowed", check: licences::check },
    Step { name: "format", shows: "the code is formatted", check: format },
    Step { name: "clippy", shows: "no lint fires natively", check: clippy },
    Step { name: "clippy-wasm", shows: "no lint fires for wasm", check: clippy_wasm },
    Step { name: "docs", shows: "the documentation builds without warnings", check: docs },
    Step { name: "page", shows: "the page builds and keeps to its size", check: page_in_budget },
    Step { name: "package", shows: "the npm package builds and works in Node", check: package::test },
    Step { name: "tests", shows: "native, cross-crate and page tests pass", check: tests },
    Step { name: "wasm-node", shows: "the wasm tests pass in Node", check: wasm_in_node },
    Step { name: "wasm-browser", shows: "the wasm tests pass in headless Chromium", check: wasm_in_browser },
];

/// Runs the named steps, or all, and prints a table of what passed.
pub fn run(names: &[String]) -> Result<ExitCode> {
    if let Some(unknown) = names.iter().find(|name| STEPS.iter().all(|step| step.name != **name)) {
        let known: Vec<_> = STEPS.iter().map(|step| step.name).collect();
        bail!("there is no step `{unknown}`; the steps are {}", known.join(", "));
    }
    let chosen = |step: &&Step| names.is_empty() || names.iter().any(|name| name == step.name);
    let outcomes: Vec<_> = STEPS.iter().filter(chosen).map(perform).collect();

    println!("\n{:<14} {:>8}  {:<7} shows that", "step", "seconds", "");
    for (step, seconds, passed) in &outcomes {
        let word = if *passed { "passed" } else { "FAILED" };
        println!("{:<14} {:>8.1}  {word:<7} {}", step.name, seconds.as_secs_f64(), step.shows);
    }
    let total: Duration = outcomes.iter().map(|(_, time, _)| *time).sum();
    println!("{:<14} {:>8.1}", "all", total.as_secs_f64());
    let failed = outcomes.iter().filter(|(_, _, passed)| !passed).count();
    println!("{} passed, {failed} failed", outcomes.len() - failed);
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn perform(step: &'static Step) -> (&'static Step, Duration, bool) {
    println!("\n== {}: {}", step.name, step.shows);
    let start = Instant::now();
    let outcome = (step.check)();
    let time = start.elapsed();
    if let Err(error) = &outcome {
        println!("{error:#}\nto repeat this step alone: ./test {}", step.name);
    }
    println!("== {}: {} in {:.1} s", step.name, outcome.as_ref().map_or("FAILED", |()| "passed"), time.as_secs_f64());
    (step, time, outcome.is_ok())
}

fn format() -> Result<()> {
    place::run(&mut place::cargo(&["fmt", "--all", "--check"]))
}

fn clippy() -> Result<()> {
    place::run(&mut place::cargo(&["clippy", "--locked", "--all-targets", "--", "-D", "warnings"]))
}

fn clippy_wasm() -> Result<()> {
    let crates = ["quorumscope-core", "quorumscope-lab", "quorumscope-wasm", "quorumscope-web"];
    let mut command = place::cargo(&["clippy", "--locked", "--target", "wasm32-unknown-unknown"]);
    command.args(crates.iter().flat_map(|name| ["-p", name])).args(["--", "-D", "warnings"]);
    place::run(&mut command)
}

fn docs() -> Result<()> {
    place::run(place::cargo(&["doc", "--locked", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))
}

fn page_in_budget() -> Result<()> {
    page::build(page::Build::Release)?;
    size::check(&size::measure(&place::dist())?)
}

/// The tests that start processes and browsers find what they start in the
/// environment: `QUORUMSCOPE_BIN`, `QUORUMSCOPE_PAGE`, and `chromedriver` in PATH.
fn tests() -> Result<()> {
    if !place::dist().join("index.html").exists() {
        page::build(page::Build::Release)?;
    }
    place::run(&mut place::cargo(&["build", "--locked", "-p", "quorumscope"]))?;
    let binary = place::target().join("debug/quorumscope").with_extension(std::env::consts::EXE_EXTENSION);
    let mut command = place::cargo(&["test", "--locked", "--no-fail-fast"]);
    place::run(command.env("QUORUMSCOPE_BIN", binary).env("QUORUMSCOPE_PAGE", place::dist()))
}

fn wasm_in_node() -> Result<()> {
    wasm_pack("node", &["--node"])
}

fn wasm_in_browser() -> Result<()> {
    wasm_pack("chromedriver", &["--headless", "--chrome"])
}

fn wasm_pack(needed: &str, place_to_run: &[&str]) -> Result<()> {
    if !tools::has(needed) {
        bail!("`{needed}` is not in PATH; ./test says how to install it");
    }
    let mut command: Command = tools::command("wasm-pack")?;
    place::run(command.args(["test", "--mode", "no-install"]).args(place_to_run).args(["wasm", "--locked"]))
}
