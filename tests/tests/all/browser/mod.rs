//! Does the page do, in a real browser, what it promises?
//!
//! Every test serves the built page with `quorumscope serve`, opens it in a
//! headless Chromium of its own and uses it as a person would: clicks, keys and
//! the address bar. What the page shows is read from its `data-` attributes and
//! from what assistive technology reads, never from its insides. An error or a
//! warning on the console fails the test that caused it. Screenshots are left in
//! `target/screenshots`.
//!
//! Left out: other browsers than Chromium. Read next: `story`, a first visit.

mod attached;
mod board;
mod captions;
mod cluster;
mod frames;
mod keyboard;
mod lanes;
mod lessons;
mod links;
mod page;
mod process;
mod shape;
mod story;
mod voters;

use std::future::Future;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::Semaphore;

use page::Page;
use process::Server;

/// So many browsers draw at the same time; with more, each is slower than a page that people see.
const BROWSERS: u32 = 2;

/// Whoever wants a browser waits for one of these.
static TURNS: Semaphore = Semaphore::const_new(BROWSERS as usize);

/// No test takes longer: one that does is ended, and its browser with it.
const LIMIT: Duration = Duration::from_secs(100);

/// How a page is looked at.
#[derive(Clone, Copy, Debug)]
struct Look {
    /// Width and height of the window's inside.
    size: (u32, u32),
    /// Whether the system asks for a dark theme.
    dark: bool,
    /// Whether the system asks for less motion.
    still: bool,
}

impl Look {
    const WIDE: Self = Self { size: (1440, 900), dark: true, still: false };
    const PHONE: Self = Self { size: (390, 844), dark: true, still: false };

    fn light(self) -> Self {
        Self { dark: false, ..self }
    }

    fn still(self) -> Self {
        Self { still: true, ..self }
    }

    fn is_phone(self) -> bool {
        self.size.0 < 900
    }

    /// What screenshots of this look are called.
    fn name(self) -> String {
        let place = if self.is_phone() { "phone" } else { "wide" };
        format!("{place}-{}", if self.dark { "dark" } else { "light" })
    }
}

/// Runs a test in a browser of its own, beside at most one other.
fn browse(look: Look, test: impl AsyncFnOnce(&Page, &Server)) {
    run(look, 1, test);
}

/// Runs a test in a browser with the machine to itself.
fn browse_alone(look: Look, test: impl AsyncFnOnce(&Page, &Server)) {
    run(look, BROWSERS, test);
}

fn run(look: Look, turns: u32, test: impl AsyncFnOnce(&Page, &Server)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    runtime.block_on(async {
        let _turns = TURNS.acquire_many(turns).await.expect("the semaphore is never closed");
        let server = Server::start();
        let page = Page::start(look).await;
        let outcome = guarded(async {
            page.prepare().await;
            test(&page, &server).await;
        })
        .await;
        let complaints = match &outcome {
            Ok(()) => page.complaints().await,
            Err(_) => {
                let name = std::thread::current().name().unwrap_or("test").replace("::", "-");
                guarded(page.screenshot(&format!("failed-{name}"))).await.unwrap_or_default();
                Vec::new()
            }
        };
        page.close().await;
        if let Err(panic) = outcome {
            resume_unwind(panic);
        }
        assert!(complaints.is_empty(), "the console says: {complaints:#?}");
    });
}

/// Waits for a future; a panic in it, or a test without an end, is an `Err`, so that the browser can be closed first.
async fn guarded(future: impl Future<Output = ()>) -> Result<(), Box<dyn std::any::Any + Send>> {
    match tokio::time::timeout(LIMIT, AssertUnwindSafe(future).catch_unwind()).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Box::new(format!("the test did not end within {LIMIT:?}"))),
    }
}
