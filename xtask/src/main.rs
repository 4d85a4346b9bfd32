//! How is everything built and tested?
//!
//! `cargo xtask page` builds the page, `cargo xtask run` serves it with live
//! nodes, `cargo xtask test` is the gate. The same program also answers to the
//! names `wasm-pack`, `wasm-bindgen` and `wasm-bindgen-test-runner`: they are
//! libraries of this package, so that `Cargo.lock` pins them to the
//! `wasm-bindgen` of the workspace and nothing has to be installed. Read next:
//! `gate.rs` for what is tested, `page.rs` for what a browser downloads.

mod events;
mod gate;
mod host;
mod house;
mod licences;
mod package;
mod page;
mod peers;
mod place;
mod size;
mod tools;

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::ffi::OsString;
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Build, test and serve Quorumscope")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build the page into dist/
    Page {
        /// Quick to build, large and slow to run
        #[arg(long)]
        dev: bool,
    },
    /// Build the npm package into target/package/
    Package,
    /// Measure simulated events per second: native, and the npm package under Node and in Chromium
    BenchEvents {
        /// How many heavy seeds
        #[arg(long, default_value_t = 200)]
        seeds: u64,
        /// How often each takes its turn
        #[arg(long, default_value_t = 5)]
        rounds: usize,
    },
    /// Measure commits per second beside other Raft crates, or what a commit costs as the cluster grows (`nodes`)
    BenchPeers {
        /// Arguments of the benchmark's program; without any, everybody with 3 and 5 nodes, 16 and 256 bytes
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Measure what a commit takes in wasm (Node), relative to native
    BenchPeersWasm {
        /// How often each takes its turn
        #[arg(long, default_value_t = 5)]
        rounds: usize,
    },
    /// Build the page and serve it with live native nodes
    Run {
        /// Arguments of `quorumscope serve`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        serve: Vec<OsString>,
    },
    /// Run the gate, or only the steps named
    Test {
        /// Steps to run; all of them without a name
        steps: Vec<String>,
    },
}

fn main() -> ExitCode {
    if let Some(code) = tools::answer_to_another_name() {
        return code;
    }
    match start(Cli::parse().task) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(task: Task) -> Result<ExitCode> {
    match task {
        Task::Page { dev } => {
            page::build(if dev { page::Build::Dev } else { page::Build::Release })?;
            Ok(ExitCode::SUCCESS)
        }
        Task::Package => {
            package::build()?;
            Ok(ExitCode::SUCCESS)
        }
        Task::BenchEvents { seeds, rounds } => {
            events::run(seeds, rounds)?;
            Ok(ExitCode::SUCCESS)
        }
        Task::BenchPeers { arguments } => {
            peers::native(&arguments)?;
            Ok(ExitCode::SUCCESS)
        }
        Task::BenchPeersWasm { rounds } => {
            peers::wasm(rounds)?;
            Ok(ExitCode::SUCCESS)
        }
        Task::Run { serve } => page::serve(&serve),
        Task::Test { steps } => gate::run(&steps),
    }
}
