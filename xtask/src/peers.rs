//! Is our Raft faster than other people's, and is it so in wasm?
//!
//! Runs the peer loop of `bench/`, and the same loop as a wasm module in Node.
//! Native and wasm take turns, so that a busy minute hurts both alike; the
//! medians are compared. One of the peers needs `protoc` to be compiled; another
//! brings it along. Read next: `bench/src/lib.rs` for the loop.

use crate::{place, tools};
use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Wasm may take at most this many times native's time for a commit of ours.
const RATIO_MAX: f64 = 1.3;

/// Who is measured in wasm; the others need an operating system, or threads.
const IN_WASM: [&str; 4] = ["quorumscope", "raft 0.7", "raft-io 1.0", "sailing 0.0"];

const NODES: &str = "3";
const PAYLOAD_BYTES: &str = "16";
const BATCHES: [&str; 3] = ["1", "64", "512"];
/// Commands that are committed before the clock starts: a wasm engine compiles twice, and until it has done so for all
/// of the loop a sample says how fast it compiles.
const WARM_UP: &str = "1500000";
const COMMANDS: &str = "1000000";
const COMPACT_EVERY: &str = "8192";

/// The profile of everybody who is measured natively.
const NATIVE: &str = "native-bench";
const WASM: &str = "wasm32-unknown-unknown";

/// Runs the benchmark's program with these arguments; without any, everybody in every setup.
pub fn native(arguments: &[OsString]) -> Result<()> {
    let program = build_program()?;
    let all = ["peers", "--nodes", "3,5", "--payload-bytes", "16,256"].map(OsString::from);
    place::run(Command::new(program).args(if arguments.is_empty() { &all } else { arguments }))
}

/// Measures `rounds` times natively and in Node, and prints the medians.
pub fn wasm(rounds: usize) -> Result<()> {
    if rounds == 0 {
        bail!("give at least one round");
    }
    let program = build_program()?;
    let script = build_module()?;
    println!("{:<14} {:>5} {:>12} {:>12} {:>8}", "", "batch", "native, M/s", "wasm, M/s", "time");
    let mut worst = 0.0_f64;
    for name in IN_WASM {
        for batch in BATCHES {
            let (mut native, mut wasm) = (Vec::new(), Vec::new());
            for _ in 0..rounds {
                native.push(speed(native_sample(&program, name, batch))?);
                wasm.push(speed(wasm_sample(&script, name, batch))?);
            }
            let (native, wasm) = (median(&mut native), median(&mut wasm));
            let ratio = native / wasm;
            println!("{name:<14} {batch:>5} {:>12.3} {:>12.3} {ratio:>7.2}x", native / 1e6, wasm / 1e6);
            if name == IN_WASM[0] {
                worst = worst.max(ratio);
            }
        }
    }
    if worst > RATIO_MAX {
        bail!("wasm takes {worst:.2} times native's time; at most {RATIO_MAX} is allowed");
    }
    Ok(())
}

fn native_sample(program: &Path, name: &str, batch: &str) -> Command {
    let mut command = Command::new(program);
    command.args(["native", name, "--nodes", NODES, "--payload-bytes", PAYLOAD_BYTES, "--batch", batch]);
    command.args(["--warm-up", WARM_UP, "--commands", COMMANDS]);
    command
}

fn wasm_sample(script: &Path, name: &str, batch: &str) -> Command {
    let mut command = Command::new("node");
    command.arg(script).args([name, NODES, PAYLOAD_BYTES, batch, WARM_UP, COMMANDS, COMPACT_EVERY]);
    command
}

fn speed(mut command: Command) -> Result<f64> {
    let seen: Value = serde_json::from_slice(&place::output(&mut command)?)?;
    seen["commits_per_second"].as_f64().context("it tells no commits_per_second")
}

fn build_program() -> Result<PathBuf> {
    place::run(&mut with_protoc(&[
        "build",
        "--locked",
        "--profile",
        NATIVE,
        "-p",
        "quorumscope-bench",
        "--features",
        "sailing",
    ])?)?;
    Ok(place::target().join(NATIVE).join("quorumscope-bench").with_extension(env::consts::EXE_EXTENSION))
}

/// The wasm module and what runs it, in a folder of their own; returns the script.
fn build_module() -> Result<PathBuf> {
    let profile = "wasm-bench";
    let arguments = ["build", "--locked", "-p", "quorumscope-bench", "--lib", "--features", "sailing"];
    let mut command = with_protoc(&arguments)?;
    place::run(command.args(["--target", WASM, "--profile", profile]))?;
    let module = place::target().join(WASM).join(profile).join("quorumscope_bench.wasm");
    let folder = place::root().join("target/bench-peers");
    fs::create_dir_all(&folder)?;
    let fixed = ["wasm-bindgen", "--target", "nodejs", "--no-typescript", "--out-name", "peers", "--out-dir"];
    let mut bind: Vec<OsString> = fixed.map(OsString::from).to_vec();
    bind.extend([folder.clone().into(), module.into()]);
    wasm_bindgen_cli::wasm_bindgen::run_cli_with_args(bind)?;
    tools::optimize(&folder.join("peers_bg.wasm"), "-O3")?;
    fs::rename(folder.join("peers.js"), folder.join("peers.cjs"))?;
    let script = folder.join("peers.mjs");
    fs::copy(place::root().join("bench/node/peers.mjs"), &script)?;
    Ok(script)
}

/// A cargo command that finds `protoc`: the one that is set or installed, or the one in the sources of a dependency.
fn with_protoc(arguments: &[&str]) -> Result<Command> {
    let mut command = place::cargo(arguments);
    if env::var_os("PROTOC").is_none() && !tools::has("protoc") {
        command.env("PROTOC", bundled_protoc()?);
    }
    Ok(command)
}

/// `raft` generates code as well, and its generator comes with binaries for the usual machines.
fn bundled_protoc() -> Result<PathBuf> {
    let metadata = place::output(&mut place::cargo(&["metadata", "--locked", "--format-version", "1"]))?;
    let metadata: Value = serde_json::from_slice(&metadata)?;
    let packages = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
    let generator = packages.iter().find(|package| package["name"] == "protobuf-build");
    let manifest = generator.and_then(|package| package["manifest_path"].as_str());
    let folder = manifest.and_then(|path| Path::new(path).parent()).context("no dependency brings protoc along")?;
    let name = match (env::consts::OS, env::consts::ARCH) {
        ("linux", "x86_64") => "protoc-linux-x86_64",
        ("linux", "aarch64") => "protoc-linux-aarch_64",
        ("macos", _) => "protoc-osx-x86_64",
        (system, processor) => bail!("install protoc and put it in PATH: none comes along for {system} on {processor}"),
    };
    Ok(folder.join("bin").join(name))
}

/// Sorts, and takes the middle one.
fn median(speeds: &mut [f64]) -> f64 {
    speeds.sort_by(f64::total_cmp);
    speeds.get(speeds.len() / 2).copied().unwrap_or(f64::NAN)
}
