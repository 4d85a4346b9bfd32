//! Where is everything, and how is another program run from there?
//!
//! Every command is printed before it runs, in a form that can be pasted into a
//! shell at the root of the repository.

use anyhow::{Context as _, Result, bail};
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the repository").to_path_buf()
}

/// Where cargo puts what it builds.
pub fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |folder| root().join(folder))
}

/// The finished page.
pub fn dist() -> PathBuf {
    root().join("dist")
}

/// The cargo that started this program, run at the root with the locked versions.
pub fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    command
}

/// Prints a command, runs it, and says how it failed.
pub fn run(command: &mut Command) -> Result<()> {
    let line = shown(command);
    eprintln!("$ {line}");
    let status = command.status().with_context(|| format!("cannot start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` ended with {status}");
    }
    Ok(())
}

/// Runs a command and returns what it printed.
pub fn output(command: &mut Command) -> Result<Vec<u8>> {
    let line = shown(command);
    let output = command.output().with_context(|| format!("cannot start `{line}`"))?;
    if !output.status.success() {
        bail!("`{line}` ended with {}:\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(output.stdout)
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_stem().unwrap_or_default();
    let set = command.get_envs().filter(|(name, _)| *name != "PATH");
    let set = set.filter_map(|(name, value)| Some(format!("{}={:?} ", name.to_string_lossy(), value?)));
    let arguments = command.get_args().map(|argument| format!(" {}", argument.to_string_lossy()));
    format!("{}{}{}", set.collect::<String>(), program.to_string_lossy(), arguments.collect::<String>())
}
