//! How does the page come into being, and how is it served?
//!
//! The file names in `dist/` are stable: `index.html`, `quorumscope_web.js`,
//! `quorumscope_web_bg.wasm`, and whatever lies in `web/static/`. One wasm
//! module serves the page and its worker. The page is put together beside the
//! target directory and moved into place at the end, so that an interrupted
//! build leaves the old one. Read next: `size.rs` for the budget.

use crate::{place, size, tools};
use anyhow::{Context as _, Result, bail};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::ExitCode;

/// How much time the build may take for a smaller and faster page.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Build {
    /// Quick to build.
    Dev,
    /// What users get.
    Release,
}

/// Builds the page into `dist/` and prints its size.
pub fn build(build: Build) -> Result<()> {
    let profile = match build {
        Build::Dev => "dev",
        Build::Release => "wasm-page",
    };
    let wasm = "wasm32-unknown-unknown";
    let arguments = ["build", "--locked", "-p", "quorumscope-web", "--target", wasm, "--profile", profile];
    place::run(&mut place::cargo(&arguments))?;

    let folder = if build == Build::Dev { "debug" } else { profile };
    let module = place::target().join(wasm).join(folder).join("quorumscope-web.wasm");
    let staging = place::root().join("target/page.new");
    if staging.exists() {
        fs::remove_dir_all(&staging)?;
    }
    fs::create_dir_all(&staging)?;
    bind(&module, &staging, build)?;
    if build == Build::Release {
        tools::optimize(&staging.join("quorumscope_web_bg.wasm"), "-Oz")?;
    }
    let web = place::root().join("web");
    copy(&web.join("static"), &staging)?;
    let index = web.join("index.html");
    fs::copy(&index, staging.join("index.html")).with_context(|| format!("cannot read {}", index.display()))?;
    put_in_place(&staging)?;
    eprintln!("the page is in {}", place::dist().display());
    size::print(&size::measure(&place::dist())?);
    Ok(())
}

fn bind(module: &Path, folder: &Path, build: Build) -> Result<()> {
    let fixed = ["wasm-bindgen", "--target", "web", "--no-typescript", "--out-name", "quorumscope_web", "--out-dir"];
    let mut arguments: Vec<OsString> = fixed.map(OsString::from).to_vec();
    arguments.push(folder.into());
    arguments.push(match build {
        Build::Dev => "--debug".into(),
        Build::Release => "--remove-name-section".into(),
    });
    arguments.push(module.into());
    wasm_bindgen_cli::wasm_bindgen::run_cli_with_args(arguments)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    if !from.exists() {
        return Ok(()); // a page without static files is a page still
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()))?;
        } else {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

fn put_in_place(staging: &Path) -> Result<()> {
    let (dist, old) = (place::dist(), staging.with_extension("old"));
    if old.exists() {
        fs::remove_dir_all(&old)?;
    }
    if dist.exists() {
        fs::rename(&dist, &old)?;
    }
    fs::rename(staging, &dist).context("cannot move the page to dist/")?;
    if old.exists() {
        fs::remove_dir_all(&old)?;
    }
    Ok(())
}

/// Builds the page and serves it; `arguments` go to `quorumscope serve`.
pub fn serve(arguments: &[OsString]) -> Result<ExitCode> {
    if let Some(taken) = taken(arguments) {
        eprintln!("error: {taken} is in use: stop what listens there, or choose another with --listen 127.0.0.1:0");
        return Ok(ExitCode::from(3));
    }
    build(Build::Release)?;
    let fixed = ["run", "--locked", "--release", "-p", "quorumscope", "--", "serve", "--page"];
    let mut command = place::cargo(&fixed);
    command.arg(place::dist()).args(arguments);
    #[cfg(unix)]
    {
        // Replacing this process hands signals and the exit code over unchanged.
        use std::os::unix::process::CommandExt as _;
        bail!("cannot start cargo: {}", command.exec());
    }
    #[cfg(not(unix))]
    {
        let code = command.status()?.code().and_then(|code| u8::try_from(code).ok());
        Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
    }
}

/// The address that `serve` will want, where somebody listens there already. Whatever else is wrong with the arguments
/// `serve` itself says; this one is worth knowing before minutes of building.
fn taken(arguments: &[OsString]) -> Option<SocketAddr> {
    let mut words = arguments.iter().filter_map(|word| word.to_str());
    let mut wanted = "127.0.0.1:8080";
    while let Some(word) = words.next() {
        wanted = match word.split_once('=') {
            Some(("--listen", address)) => address,
            None if word == "--listen" => words.next()?,
            Some(_) | None => wanted,
        };
    }
    let address: SocketAddr = wanted.parse().ok()?;
    let refused = TcpListener::bind(address).is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse);
    refused.then_some(address)
}
