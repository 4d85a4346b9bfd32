//! Which processes does a test need, and who ends them?
//!
//! One chromedriver for all browsers that are open, one `quorumscope serve` for
//! each test. Whoever holds one ends it by dropping it, also in a panic. Their
//! ports are free ones that they print themselves.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak, mpsc};
use std::time::Duration;

/// A process that has said nothing for so long will not say anything.
const PATIENCE: Duration = Duration::from_secs(20);

/// A process that ends with its owner.
struct Owned(Child);

impl Owned {
    fn start(command: &mut Command) -> (Self, ChildStdout) {
        let started = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn();
        let mut child = started.unwrap_or_else(|error| panic!("cannot start {:?}: {error}", command.get_program()));
        let output = child.stdout.take().expect("its output is a pipe");
        (Self(child), output)
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The lines that a process prints, read to the end so that it never waits for a reader.
struct Lines(mpsc::Receiver<String>);

impl Lines {
    fn of(output: ChildStdout) -> Self {
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                // Nobody may listen any more; the reading goes on.
                let _ = sender.send(line);
            }
        });
        Self(receiver)
    }

    /// What follows this text in the first line that holds it.
    fn after(&self, text: &str) -> String {
        loop {
            match self.0.recv_timeout(PATIENCE) {
                Ok(line) => {
                    if let Some((_, rest)) = line.split_once(text) {
                        return rest.trim().to_owned();
                    }
                }
                Err(error) => panic!("no line with \"{text}\" was printed: {error}"),
            }
        }
    }
}

/// The program that drives browsers.
pub struct Driver {
    /// Where it listens.
    pub url: String,
    _process: Owned,
}

/// The driver that is running, if any test has one.
static DRIVER: Mutex<Weak<Driver>> = Mutex::new(Weak::new());

impl Driver {
    /// The one that runs, or a new one.
    pub fn shared() -> Arc<Self> {
        let mut running = DRIVER.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(driver) = running.upgrade() {
            return driver;
        }
        let (process, output) = Owned::start(Command::new("chromedriver").arg("--port=0"));
        let port = Lines::of(output).after("started successfully on port ");
        let driver =
            Arc::new(Self { url: format!("http://127.0.0.1:{}", port.trim_end_matches('.')), _process: process });
        *running = Arc::downgrade(&driver);
        driver
    }
}

/// `quorumscope serve` with three native nodes.
pub struct Server {
    /// Where the page is.
    pub page: String,
    /// The address that attaches to the native nodes.
    pub live: String,
    _process: Owned,
}

impl Server {
    /// Serves the built page.
    pub fn start() -> Self {
        let page = built_page();
        let (process, output) = Owned::start(
            Command::new(binary()).args(["serve", "--listen", "127.0.0.1:0", "--nodes", "3", "--page"]).arg(page),
        );
        let lines = Lines::of(output);
        Self { page: lines.after("page  "), live: lines.after("live cluster  "), _process: process }
    }
}

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace")
}

/// The folder that the build writes to.
pub fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it lies in the target folder").to_path_buf()
}

fn built_page() -> PathBuf {
    let folder = std::env::var_os("QUORUMSCOPE_PAGE").map_or_else(|| workspace().join("dist"), PathBuf::from);
    let index = folder.join("index.html");
    assert!(index.is_file(), "there is no page in {}: build it with `cargo xtask page`", folder.display());
    folder
}

fn binary() -> PathBuf {
    let beside = || target().join("debug/quorumscope").with_extension(std::env::consts::EXE_EXTENSION);
    let binary = std::env::var_os("QUORUMSCOPE_BIN").map_or_else(beside, PathBuf::from);
    assert!(binary.is_file(), "there is no {}: build it with `cargo build -p quorumscope`", binary.display());
    binary
}
