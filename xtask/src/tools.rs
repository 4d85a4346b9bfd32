//! Where do the wasm tools come from?
//!
//! From this very program: it links itself under their names into a folder of
//! the target directory, and that folder comes first in the PATH of what it
//! starts. Only `wasm-opt` comes from npm, pinned by `xtask/package-lock.json`;
//! distributions' versions are too old for the compiler's output. A machine
//! without Node goes without: the page grows by a few percent.

use crate::place;
use anyhow::{Context as _, Result};
use clap::Parser as _;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const NAMES: [&str; 3] = ["wasm-pack", "wasm-bindgen", "wasm-bindgen-test-runner"];

/// Acts as one of the tools if this program was started under its name.
pub fn answer_to_another_name() -> Option<ExitCode> {
    let name = PathBuf::from(env::args_os().next()?);
    let outcome = match name.file_stem()?.to_str()? {
        "wasm-pack" => wasm_pack::command::run_wasm_pack(wasm_pack::Cli::parse().cmd),
        "wasm-bindgen" => wasm_bindgen_cli::wasm_bindgen::run_cli_with_args(env::args_os()),
        "wasm-bindgen-test-runner" => wasm_bindgen_cli::wasm_bindgen_test_runner::run_cli_with_args(env::args_os()),
        _ => return None,
    };
    Some(match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:?}");
            ExitCode::FAILURE
        }
    })
}

/// A command of one of the tools, with the others in its PATH.
pub fn command(name: &str) -> Result<Command> {
    let folder = link()?;
    let mut path = vec![folder.clone()];
    path.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
    let mut command = Command::new(folder.join(name).with_extension(env::consts::EXE_EXTENSION));
    command.env("PATH", env::join_paths(path)?).current_dir(place::root());
    Ok(command)
}

fn link() -> Result<PathBuf> {
    let folder = place::target().join("wasm-tools");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let this = env::current_exe()?;
    for name in NAMES {
        let link = folder.join(name).with_extension(env::consts::EXE_EXTENSION);
        if link.exists() {
            fs::remove_file(&link)?; // it may be an older build
        }
        fs::hard_link(&this, &link)
            .or_else(|_| fs::copy(&this, &link).map(drop))
            .with_context(|| format!("cannot link {}", link.display()))?;
    }
    Ok(folder)
}

/// Improves a module in place by `wasm-opt` at a level such as `-Oz`, if Node is there.
pub fn optimize(module: &Path, level: &str) -> Result<()> {
    if !has("node") || !has("npm") {
        eprintln!("note: no Node on this machine, so wasm-opt is left out; the page will be slightly larger");
        return Ok(());
    }
    let folder = place::root().join("xtask");
    let tool = folder.join("node_modules/binaryen/bin/wasm-opt");
    if !tool.exists() {
        place::run(Command::new("npm").args(["ci", "--no-audit", "--no-fund", "--prefix"]).arg(&folder))?;
    }
    let smaller = module.with_extension("opt");
    place::run(Command::new("node").arg(&tool).arg(level).arg(module).arg("-o").arg(&smaller))?;
    fs::rename(&smaller, module)?;
    Ok(())
}

/// Whether a program of this name is in PATH.
pub fn has(program: &str) -> bool {
    let name = Path::new(program).with_extension(env::consts::EXE_EXTENSION);
    env::split_paths(&env::var_os("PATH").unwrap_or_default()).any(|folder| folder.join(&name).is_file())
}
