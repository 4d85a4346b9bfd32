//! `quorumscope`: one binary for everything that runs natively.

mod serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A laboratory for consensus protocols
#[derive(Debug, Parser)]
#[command(name = "quorumscope", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Serve),
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Serve(arguments) => serve::run(&arguments),
    }
}
