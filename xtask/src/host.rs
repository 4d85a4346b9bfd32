//! How does a page in headless Chromium tell what it measured?
//!
//! The folder is served on a free port of this machine; the page posts one
//! answer. One request at a time, and only what such a page asks: this is no
//! server for anybody else. Whatever happens, the browser is ended and its
//! profile removed.

use crate::tools;
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Under which names Chromium is found; `CHROME` may give another.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/// Headless, also as root, and without traffic of its own.
const FLAGS: [&str; 8] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
];

/// How long a page may take, and how long one request.
const PATIENCE: Duration = Duration::from_secs(300);
const PATIENCE_PER_REQUEST: Duration = Duration::from_secs(10);

/// Largest answer that is read.
const ANSWER_BYTES_MAX: u64 = 1 << 20;

struct Browser {
    process: Child,
    profile: std::path::PathBuf,
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It may have ended by itself; its profile is only litter then.
        let _ended = self.process.kill().and_then(|()| self.process.wait());
        let _removed = fs::remove_dir_all(&self.profile);
    }
}

/// Opens a page of a folder, and returns what it posts.
pub fn browse(folder: &Path, page: &str) -> Result<Vec<u8>> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    listener.set_nonblocking(true)?;
    let mut browser = open(&format!("http://{}/{page}", listener.local_addr()?))?;
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        match listener.accept() {
            Ok((stream, _)) => {
                // A browser may open a connection and leave it; it asks again.
                if let Ok(Some(answer)) = serve(stream, folder) {
                    return Ok(answer);
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => sleep(Duration::from_millis(5)),
            Err(error) => return Err(error.into()),
        }
        if let Some(status) = browser.process.try_wait()? {
            bail!("the browser ended with {status} before the page answered");
        }
    }
    bail!("the page did not answer within {} s", PATIENCE.as_secs())
}

fn open(address: &str) -> Result<Browser> {
    let named = std::env::var("CHROME").ok();
    let program = named.as_deref().or_else(|| NAMES.into_iter().find(|name| tools::has(name)));
    let program = program.context("Chromium is not in PATH; ./test says how to install it, or set CHROME")?;
    let profile = std::env::temp_dir().join(format!("quorumscope-bench-{}", std::process::id()));
    let mut command = Command::new(program);
    command.args(FLAGS).arg(format!("--user-data-dir={}", profile.display())).arg(address);
    let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    Ok(Browser { process: process.with_context(|| format!("cannot start {program}"))?, profile })
}

/// Answers one request; gives back what was posted.
fn serve(mut stream: TcpStream, folder: &Path) -> Result<Option<Vec<u8>>> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(PATIENCE_PER_REQUEST))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut request, mut length) = (String::new(), 0);
    reader.read_line(&mut request)?;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some((_, value)) = line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length")) {
            length = value.trim().parse::<u64>()?.min(ANSWER_BYTES_MAX);
        }
    }
    if request.starts_with("POST ") {
        let mut answer = Vec::new();
        reader.take(length).read_to_end(&mut answer)?;
        stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")?;
        return Ok(Some(answer));
    }
    let path = request.split(' ').nth(1).unwrap_or_default().trim_start_matches('/');
    match fs::read(folder.join(path)) {
        Ok(content) if !path.contains("..") => {
            let (kind, length) = (content_type(path), content.len());
            let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n");
            stream.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes())?;
            stream.write_all(&content)?;
        }
        Ok(_) | Err(_) => {
            stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?
        }
    }
    Ok(None)
}

fn content_type(path: &str) -> &'static str {
    match Path::new(path).extension().and_then(|end| end.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("json") => "application/json",
        Some("wasm") => "application/wasm",
        _ => "application/octet-stream",
    }
}
