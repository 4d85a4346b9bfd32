//! How does the npm package come into being?
//!
//! `target/package` is what would be published: the module, its glue and its
//! declarations as `wasm-bindgen` writes them, and what stands in `package/`.
//! Its version is the workspace's. Left out: publishing. Read next:
//! `events.rs`, which measures what is packed here.

use crate::{place, size, tools};
use anyhow::{Context as _, Result, bail};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What people write by hand in the package.
const BY_HAND: [&str; 2] = ["README.md", "node.js"];

/// Stands in `package/package.json` where the version belongs.
const NO_VERSION: &str = "\"version\": \"0.0.0\"";

/// The finished package.
pub fn folder() -> PathBuf {
    place::root().join("target/package")
}

/// Where the sources of the package are.
pub fn sources() -> PathBuf {
    place::root().join("package")
}

/// Builds the package and prints its size.
pub fn build() -> Result<()> {
    let (profile, wasm) = ("wasm-release", "wasm32-unknown-unknown");
    let arguments = ["build", "--locked", "-p", "quorumscope-wasm", "--lib", "--target", wasm, "--profile", profile];
    place::run(&mut place::cargo(&arguments))?;
    let module = place::target().join(wasm).join(profile).join("quorumscope_wasm.wasm");

    let folder = folder();
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let fixed = ["wasm-bindgen", "--target", "web", "--remove-name-section", "--out-name", "quorumscope", "--out-dir"];
    let mut bind: Vec<OsString> = fixed.map(OsString::from).to_vec();
    bind.extend([folder.clone().into(), module.into()]);
    wasm_bindgen_cli::wasm_bindgen::run_cli_with_args(bind)?;
    // Measured: some percent faster than -Oz, and no larger once it is compressed.
    tools::optimize(&folder.join("quorumscope_bg.wasm"), "-O3")?;
    for name in BY_HAND {
        fs::copy(sources().join(name), folder.join(name)).with_context(|| format!("cannot copy package/{name}"))?;
    }
    describe(&folder)?;
    eprintln!("the package is in {}", folder.display());
    size::print(&size::measure(&folder)?);
    Ok(())
}

/// Puts the version in. The text stays as it is: the order of the conditions in `exports` decides which one holds.
fn describe(folder: &Path) -> Result<()> {
    let text = fs::read_to_string(sources().join("package.json"))?;
    let (before, after) = text.split_once(NO_VERSION).context("package/package.json has no version to fill in")?;
    let version = concat!("\"version\": \"", env!("CARGO_PKG_VERSION"), "\"");
    fs::write(folder.join("package.json"), [before, version, after].concat())?;
    Ok(())
}

/// Builds the package and uses it in Node under its own name, as its users would.
pub fn test() -> Result<()> {
    if !tools::has("node") {
        bail!("`node` is not in PATH; ./test says how to install it");
    }
    build()?;
    let user = place::root().join("target/package-user");
    let installed = user.join("node_modules/quorumscope");
    if user.exists() {
        fs::remove_dir_all(&user)?;
    }
    fs::create_dir_all(&installed)?;
    copy_files(&folder(), &installed)?;
    copy_files(&sources().join("test"), &user)?;
    place::run(Command::new("node").arg("--test").current_dir(&user))
}

/// Copies the files of one folder; folders in it stay behind.
pub fn copy_files(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}
