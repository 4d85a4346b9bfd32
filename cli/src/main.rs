//! `quorumscope`: one binary for everything that runs natively.
//!
//! Exit codes: 0, done, and all that was expected held; 1, an expectation or an
//! invariant failed, or an exploration found a violation; 2, bad input, with one
//! line that says what to do; 3, the environment.

mod exhaust;
mod explore;
mod failure;
mod refused;
mod report;
mod run;
mod serve;
mod sweep;
mod trace;

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

use failure::Failure;

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
    Run(run::Arguments),
    Explore(explore::Arguments),
    Exhaust(exhaust::Arguments),
    Trace(trace::Arguments),
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return refuse(&error),
    };
    let done = match &arguments.command {
        Command::Serve(arguments) => Ok(serve::run(arguments)),
        Command::Run(arguments) => run::run(arguments),
        Command::Explore(arguments) => explore::run(arguments),
        Command::Exhaust(arguments) => exhaust::run(arguments),
        Command::Trace(arguments) => trace::run(arguments),
    };
    done.unwrap_or_else(|failure| failure.report())
}

/// Help and version are answers; anything else is one line and bad input.
fn refuse(error: &clap::Error) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            // Where nobody reads the help there is nothing to do about it.
            let _ = error.print();
            if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
                return ExitCode::from(2);
            }
            ExitCode::SUCCESS
        }
        _ => {
            let text = error.to_string();
            let parts = text.lines().map(str::trim).filter(|part| !part.is_empty() && !part.starts_with("Usage:"));
            let line: Vec<&str> = parts.filter(|part| !part.starts_with("For more information")).collect();
            let line = line.join("; ").replace(":; ", ": ");
            Failure::input(format!("{} (see --help)", line.trim_start_matches("error: "))).report()
        }
    }
}
