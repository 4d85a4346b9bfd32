//! How does a test use the page, and how does it read what is shown?
//!
//! Nothing waits for a time to pass: [`Page::until`] looks again and again, up to
//! a limit, and says what it saw instead. What is drawn may move under the
//! pointer, so a click is tried again for a while.

use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use fantoccini::actions::{InputSource as _, KeyAction, KeyActions, MOUSE_BUTTON_LEFT, MouseActions, PointerAction};
use fantoccini::elements::Element;
use fantoccini::error::CmdError;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Look;
use super::process::{Driver, target};

/// What does not come within this time does not come.
const PATIENCE: Duration = Duration::from_secs(25);

/// How often is looked.
const GLANCE: Duration = Duration::from_millis(40);

/// Reads what the page shows of the cluster and of time.
const SEE: &str = r#"
    const all = (selector) => [...document.querySelectorAll(selector)];
    const text = (id) => document.querySelector(`[data-testid="${id}"]`)?.textContent ?? "";
    const slider = document.querySelector('[data-testid="timeline"]');
    return {
        nodes: all('[data-node]').map(({ dataset: node }) => ({ id: node.node, role: node.role, term: +node.term, status: node.status })),
        log: all('[data-testid="log"] tbody tr').map(row => [...row.querySelectorAll('button.entry')].map(entry => entry.getAttribute('aria-label'))),
        operations: all('[data-testid="operation"]').map(line => `${line.className}: ${line.textContent}`),
        messages: all('[data-testid="message"]').length,
        time: text('time'),
        position: text('position'),
        seconds: +(slider?.getAttribute('aria-valuenow') ?? 0),
        end: +(slider?.getAttribute('aria-valuemax') ?? 0),
        playing: document.querySelector('.app.playing') !== null,
        notices: all('[data-testid="notice"]').map(notice => ({ text: notice.textContent, bad: notice.classList.contains('bad') })),
        help: document.querySelector('[data-testid="help"]') !== null,
        theme: document.documentElement.dataset.theme,
        focus: document.activeElement?.dataset.testid ?? document.activeElement?.id ?? "",
    };
"#;

/// What the page shows.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Seen {
    pub nodes: Vec<Node>,
    /// A row a node, an entry a text.
    pub log: Vec<Vec<String>>,
    pub operations: Vec<String>,
    pub messages: usize,
    pub time: String,
    pub position: String,
    pub seconds: f64,
    pub end: f64,
    pub playing: bool,
    pub notices: Vec<Notice>,
    pub help: bool,
    pub theme: String,
    pub focus: String,
}

/// A node on the stage.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Node {
    pub id: String,
    pub role: String,
    pub term: u64,
    pub status: String,
}

/// A line that passes.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Notice {
    pub text: String,
    pub bad: bool,
}

impl Seen {
    /// The live leader of the highest term.
    pub fn leader(&self) -> Option<&Node> {
        let leads = |node: &&Node| node.role == "leader" && node.status == "up";
        self.nodes.iter().filter(leads).max_by_key(|node| node.term)
    }

    /// The node of this name.
    pub fn node(&self, id: &str) -> &Node {
        self.nodes.iter().find(|node| node.id == id).unwrap_or_else(|| panic!("{id} is not shown: {self:?}"))
    }

    /// What belongs to a moment of the run: not the focus, not the theme, not what passes.
    pub fn moment(&self) -> (&[Node], &[Vec<String>], &[String], &str) {
        (&self.nodes, &self.log, &self.operations, &self.time)
    }

    /// How many logs show a committed entry with this text.
    pub fn committed(&self, text: &str) -> usize {
        let is = |entry: &String| entry.contains(text) && entry.contains(", committed");
        self.log.iter().filter(|row| row.iter().any(is)).count()
    }
}

/// A browser with the page in it.
pub struct Page {
    pub look: Look,
    client: Client,
    profile: PathBuf,
    _driver: Arc<Driver>,
}

impl Page {
    /// Starts a browser that knows nothing of earlier ones.
    pub async fn start(look: Look) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let profile = target().join(format!("tmp/chromium-{}-{number}", std::process::id()));
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            &format!("--user-data-dir={}", profile.display()),
        ];
        let capabilities = json!({
            "goog:chromeOptions": { "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL" },
        });
        let Value::Object(capabilities) = capabilities else { unreachable!("it is written as an object above") };
        let driver = Driver::shared();
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&driver.url)
            .await
            .expect("chromedriver starts a Chromium");
        Self { look, client, profile, _driver: driver }
    }

    /// Gives the window its size and the system its wishes.
    pub async fn prepare(&self) {
        let (width, height) = self.look.size;
        let metrics =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": self.look.is_phone() });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
        let motion = if self.look.still { "reduce" } else { "no-preference" };
        let theme = if self.look.dark { "dark" } else { "light" };
        let features = json!([
            { "name": "prefers-color-scheme", "value": theme },
            { "name": "prefers-reduced-motion", "value": motion },
        ]);
        self.devtools("Emulation.setEmulatedMedia", json!({ "features": features })).await;
    }

    /// Ends the browser and forgets what it kept.
    pub async fn close(self) {
        // What cannot be closed ends with the driver.
        let _ = self.client.close().await;
        // A leftover profile lies among build output and is of no use to anybody.
        let _ = std::fs::remove_dir_all(&self.profile);
    }

    /// Opens an address as a new visit.
    pub async fn open(&self, url: &str) {
        self.visit(url).await;
        self.until("the page with its nodes", |seen| !seen.nodes.is_empty()).await;
    }

    /// Opens an address at which there may be no nodes.
    pub async fn visit(&self, url: &str) {
        // Another fragment alone would not load the page anew.
        self.client.goto("about:blank").await.unwrap();
        self.client.goto(url).await.unwrap();
    }

    /// What the address bar shows.
    pub async fn address(&self) -> String {
        self.client.current_url().await.unwrap().to_string()
    }

    /// What is shown now.
    pub async fn seen(&self) -> Seen {
        self.read(SEE).await
    }

    /// What a script finds in the page.
    pub async fn read<T: DeserializeOwned + Debug>(&self, script: &str) -> T {
        let value = self.client.execute(script, Vec::new()).await.unwrap();
        serde_json::from_value(value).expect("the script returns what is asked for")
    }

    /// Looks until something is seen.
    pub async fn until(&self, what: &str, holds: impl Fn(&Seen) -> bool) -> Seen {
        let begun = Instant::now();
        loop {
            let seen = self.seen().await;
            if holds(&seen) {
                return seen;
            }
            assert!(begun.elapsed() < PATIENCE, "{what}: not seen within {PATIENCE:?}, but {seen:#?}");
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// Looks until a script says true.
    pub async fn wait_for(&self, script: &str) {
        let begun = Instant::now();
        while !self.read::<bool>(script).await {
            assert!(begun.elapsed() < PATIENCE, "not so within {PATIENCE:?}: {script}");
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// Clicks the control of this name.
    pub async fn click(&self, name: &str) {
        self.click_on(&format!("[data-testid=\"{name}\"]")).await;
    }

    /// Clicks a node on the stage. On a phone the panel that comes up stands still after it: a click on what still
    /// slides would fall beside it.
    pub async fn click_node(&self, id: &str) {
        self.click_on(&format!("[data-testid=\"node-{id}\"] .body")).await;
        const MOVES: &str = "document.querySelector('.panel.inspect.open')?.getAnimations().length";
        self.wait_for(&format!("return !({MOVES} > 0)")).await;
    }

    /// Clicks the first thing of this selector, as soon as nothing covers it.
    pub async fn click_on(&self, selector: &str) {
        self.patiently(selector, async |element| element.click().await).await;
    }

    /// Does something to the first thing of this selector; what moves, is covered or is not there yet is tried again.
    async fn patiently(&self, selector: &str, act: impl AsyncFn(Element) -> Result<(), CmdError>) {
        let begun = Instant::now();
        loop {
            let done = match self.client.find(Locator::Css(selector)).await {
                Ok(element) => act(element).await,
                Err(error) => Err(error),
            };
            let Err(error) = done else { return };
            assert!(begun.elapsed() < PATIENCE, "{selector} cannot be used: {error}");
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// Presses and releases a key, with nothing else held.
    pub async fn press(&self, key: char) {
        self.press_with(None, key).await;
    }

    /// Presses a key while another is held.
    pub async fn press_with(&self, held: Option<char>, key: char) {
        let mut keys = KeyActions::new("keyboard".into());
        keys = held.into_iter().fold(keys, |keys, value| keys.then(KeyAction::Down { value }));
        keys = keys.then(KeyAction::Down { value: key }).then(KeyAction::Up { value: key });
        keys = held.into_iter().fold(keys, |keys, value| keys.then(KeyAction::Up { value }));
        self.client.perform_actions(keys).await.unwrap();
    }

    /// Presses the pointer on the timeline at this second of the run.
    pub async fn seek(&self, seconds: f64) {
        /// Pixels that the timeline leaves free at both ends.
        const MARGIN: f64 = 12.0;
        let end = self.seen().await.end;
        let strip = self.client.find(Locator::Css("[data-testid=\"timeline\"]")).await.unwrap();
        let (x, y, width, height) = strip.rectangle().await.unwrap();
        // Another run may just have taken the place of the one that was looked at, and know less.
        let x = x + MARGIN + (width - 2.0 * MARGIN) * (seconds / end).clamp(0.0, 1.0);
        self.drag([(x, y + height / 2.0)].into_iter()).await;
    }

    /// Presses the pointer at the first of these places, takes it through the others, and lets go.
    pub async fn drag(&self, places: impl Iterator<Item = (f64, f64)>) {
        let go = |(x, y): (f64, f64)| PointerAction::MoveTo { duration: None, x: x.round(), y: y.round() };
        let mut pointer = MouseActions::new("pointer".into());
        for (number, place) in places.enumerate() {
            pointer = pointer.then(go(place));
            if number == 0 {
                pointer = pointer.then(PointerAction::Down { button: MOUSE_BUTTON_LEFT });
            }
        }
        let pointer = pointer.then(PointerAction::Up { button: MOUSE_BUTTON_LEFT });
        self.client.perform_actions(pointer).await.unwrap();
    }

    /// Chooses from a list by the value of an option.
    pub async fn choose(&self, name: &str, value: &str) {
        let list = self.client.find(Locator::Css(&format!("[data-testid=\"{name}\"]"))).await.unwrap();
        list.select_by_value(value).await.unwrap();
    }

    /// Writes into a field, instead of what stands there.
    pub async fn write(&self, name: &str, text: &str) {
        let selector = format!("[data-testid=\"{name}\"]");
        self.patiently(&selector, async |field| {
            field.clear().await?;
            field.send_keys(text).await
        })
        .await;
    }

    /// Keeps a picture of what is shown; where time stands still, once colours have stopped changing.
    pub async fn screenshot(&self, name: &str) {
        if !self.seen().await.playing {
            self.wait_for("return document.getAnimations().length === 0").await;
        }
        let folder = target().join("screenshots");
        std::fs::create_dir_all(&folder).unwrap();
        let picture = self.client.screenshot().await.unwrap();
        std::fs::write(folder.join(format!("{name}.png")), picture).unwrap();
    }

    /// Errors and warnings on the console since the last call.
    pub async fn complaints(&self) -> Vec<String> {
        let entries = self.driver("se/log", json!({ "type": "browser" })).await;
        let entries = entries.as_array().cloned().unwrap_or_default();
        let bad = |entry: &Value| matches!(entry["level"].as_str(), Some("SEVERE" | "WARNING"));
        entries.iter().filter(|entry| bad(entry)).map(|entry| entry["message"].to_string()).collect()
    }

    pub async fn devtools(&self, command: &str, parameters: Value) {
        self.driver("goog/cdp/execute", json!({ "cmd": command, "params": parameters })).await;
    }

    async fn driver(&self, path: &'static str, body: Value) -> Value {
        self.client.issue_cmd(Extension { path, body }).await.unwrap()
    }
}

/// A command that chromedriver knows beyond the standard.
#[derive(Debug)]
struct Extension {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Extension {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.body.to_string()))
    }
}
