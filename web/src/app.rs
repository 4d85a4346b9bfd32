//! How do model, source and components come together?
//!
//! The application holds the one model, hands actions to its reducer and
//! carries the effects out. While time passes it asks for a frame after each
//! frame; while it stands still nothing runs. `address` has what a link does,
//! `caption` the line below the picture and what passes over it.

use web_sys::{Element, KeyboardEvent};
use yew::prelude::*;

use crate::js::{self, FrameTimes, Keys, SizeWatch};
use crate::keys;
use crate::link;
use crate::model::selection::{Selection, Sheet, Views};
use crate::model::{Action, Effect, Model, Notice};
use crate::parts::forms::{ChecksProps, ClientsProps, checks, clients};
use crate::parts::help::help;
use crate::parts::icons::{Icon, glyph};
use crate::parts::part::part;
use crate::parts::stage::Stage;
use crate::parts::timeline::TimelineBar;
use crate::parts::{bar, board, inspector, lanes, lesson, table};
use crate::scenarios;
use crate::scene::layout::{Layout, Size};
use crate::scene::motion::Pace;
use crate::shared::Shared;
use crate::source::{Answer, Source, live, worker};
use crate::words::{inspect, regions};

mod address;
mod caption;

/// Where the theme is kept between visits.
const THEME: &str = "quorumscope.theme";

/// Whether the system asks for less motion.
const LESS_MOTION: &str = "(prefers-reduced-motion: reduce)";

/// Where panels are sheets, as the style sheet has it.
pub const NARROW: &str = "(max-width: 900px)";

fn pace(still: bool) -> Pace {
    if still { Pace::Steps } else { Pace::Smooth }
}

/// The whole page.
pub struct App {
    model: Model,
    source: Box<dyn Source>,
    on: Callback<Action>,
    reseed: Callback<Option<u64>>,
    ring: NodeRef,
    strip: NodeRef,
    ring_size: Size,
    strip_width: f64,
    layout: Shared<Layout>,
    laid_out: (usize, usize, Size),
    watches: Vec<SizeWatch>,
    help_open: bool,
    /// Which scenario the list shows.
    listed: &'static str,
    keys: Option<Keys>,
    frames: FrameTimes,
    ticking: bool,
    last_frame: Option<f64>,
    /// The passing line that was seen last, and how many there were.
    noticed: (Option<Notice>, u32),
}

/// What happens to the application.
pub enum Message {
    /// For the reducer.
    Action(Action),
    /// A frame is due.
    Frame(f64),
    /// A key was pressed.
    Key(KeyboardEvent),
    /// The ring has another size.
    RingSize(Size),
    /// The timeline has another width.
    StripSize(Size),
    /// The passing line of this number has been there long enough.
    Forget(u32),
    /// The address names something else.
    Address,
    /// Another seed is wanted: this one, or the next.
    Reseed(Option<u64>),
    /// Less motion is asked for, or no longer.
    Still(bool),
}

impl Component for App {
    type Message = Message;
    type Properties = ();

    fn create(context: &Context<Self>) -> Self {
        let dark = js::kept(THEME).map_or_else(|| js::media("(prefers-color-scheme: dark)"), |theme| theme == "dark");
        js::set_root_attribute("data-theme", if dark { "dark" } else { "light" });
        let pace = pace(js::media(LESS_MOTION));
        let link = context.link().clone();
        js::watch_media(LESS_MOTION, move |still| link.send_message(Message::Still(still)));
        let link = context.link().clone();
        js::watch_fragment(move || link.send_message(Message::Address));
        let on = context.link().callback(Message::Action);
        let answer: Callback<Answer> = on.reform(Action::Answered);
        let attached = live::Attachment::from_fragment(&js::fragment());
        let source: Box<dyn Source> = match &attached {
            Some(attachment) => Box::new(live::Live::open(attachment.clone(), answer)),
            None => worker::open(answer),
        };
        let mut app = Self {
            model: Model::new(source.offers(), dark, pace),
            source,
            reseed: context.link().callback(Message::Reseed),
            on,
            ring: NodeRef::default(),
            strip: NodeRef::default(),
            ring_size: Size::default(),
            strip_width: 800.0,
            layout: Shared::new(Layout::new(Size::default(), &[], &[])),
            laid_out: (0, 0, Size::default()),
            watches: Vec::new(),
            help_open: false,
            listed: "",
            keys: None,
            frames: FrameTimes::default(),
            ticking: false,
            last_frame: None,
            noticed: (None, 0),
        };
        app.frames.publish();
        if attached.is_none() {
            app.open_what_the_address_says(context);
        }
        app.let_pass(context);
        app
    }

    fn update(&mut self, context: &Context<Self>, message: Message) -> bool {
        match message {
            Message::Action(action) => self.act(context, action),
            Message::Frame(now) => {
                self.ticking = false;
                let elapsed = self.last_frame.map_or(0.0, |last| now - last);
                self.last_frame = Some(now);
                self.act(context, Action::Frame(elapsed));
            }
            Message::Key(event) if event.key() == "Escape" && js::leave_field(&["INPUT", "SELECT"]) => {}
            Message::Key(event) => {
                if let Some(command) = keys::command(&event, &self.model) {
                    event.prevent_default();
                    match command {
                        keys::Command::Do(action) => self.act(context, action),
                        keys::Command::Focus(selector) => {
                            if js::media(NARROW) {
                                self.act(context, Action::Sheet(Some(Sheet::Inspector)));
                            }
                            js::focus(selector);
                        }
                    }
                }
            }
            Message::Forget(number) => self.forget(context, number),
            Message::Address => self.follow_the_address(context),
            Message::RingSize(size) => self.ring_size = size,
            Message::StripSize(size) => self.strip_width = size.width,
            Message::Still(still) => self.model.pace = pace(still),
            Message::Reseed(seed) => {
                if let Some(scenario) = link::reseeded(&self.model.scenario, seed) {
                    self.act(context, Action::Open { scenario, at: None });
                }
            }
        }
        self.let_pass(context);
        self.lay_out();
        self.tick(context);
        true
    }

    fn view(&self, _context: &Context<Self>) -> Html {
        let model = &self.model;
        let live = !model.offers.past;
        let sheet = |which: Sheet| (model.sheet == Some(which)).then_some("open");
        let (shown, kind) = (model.shown_views(), model.board_kind());
        let views = match shown {
            Views::Both => "both",
            Views::Ring => "ring-only",
            Views::Lanes => "both",
            Views::Log => "log-only",
            Views::Board => "board-only",
        };
        let name = model.name();
        // While the help sheet is open, nothing behind it takes keys or focus.
        let inert = model.sheet == Some(Sheet::Help);
        html! {
            <div class={classes!("app", model.playing.then_some("playing"))} onclick={Callback::from(|event: MouseEvent| js::release(&event))}
                onchange={Callback::from(|_: Event| { js::leave_field(&["SELECT"]); })}>
                <header class="bar" {inert} aria-label={regions::BAR}>
                    { part(bar::Props { name: name.clone(), scenario: model.scenario.clone(), live, gone: model.gone, views: shown, board: kind, dark: model.dark,
                        reseed: self.reseed.clone(), on: self.on.clone() }, bar::bar) }
                </header>
                <aside class={classes!("panel", "lesson", sheet(Sheet::Lesson))} {inert} aria-label={regions::LESSON}>
                    { self.sheet_close() }
                    { part(lesson::Props { name, live, computing: model.computing(), scenario: model.scenario.clone(), reseed: self.reseed.clone(), on: self.on.clone() }, lesson::lesson) }
                </aside>
                <main class={classes!("stage", views, model.computing().map(|_| "computing"))} {inert} aria-label={regions::STAGE}>
                    if shown.has_picture() {
                        <div class="ring-box">
                            <div class="picture" ref={self.ring.clone()}>{ if shown == Views::Lanes { self.lanes() } else { self.stage() } }</div>
                            { self.caption() }
                        </div>
                    }
                    if shown == Views::Board || (shown.has_two() && kind.is_some()) {
                        { part(board::Props { view: model.cursor.view.clone(), width: self.stage_width(), alone: shown == Views::Board, selection: model.selection, on: self.on.clone() }, board::board) }
                    } else if shown != Views::Ring {
                        { part(table::Props { view: model.cursor.view.clone(), width: self.stage_width(), selection: model.selection, on: self.on.clone() }, table::log_table) }
                    }
                    if !shown.has_picture() { { self.notice() } }
                </main>
                <aside class={classes!("panel", "inspect", sheet(Sheet::Inspector))} {inert} aria-label={regions::INSPECTOR}>
                    { self.sheet_close() }
                    <div class="upper">{ self.inspector() }</div>
                    <div class="lower">{ self.clients() }{ self.checks() }</div>
                </aside>
                <footer class="time" {inert} aria-label={regions::TIMELINE}>
                    <TimelineBar marks={model.cursor.marks.clone()} era={model.cursor.view.era()} time={model.cursor.time} position={model.cursor.position} shown={model.shown()}
                        width={self.strip_width} playing={model.playing} following={(live && model.gone.is_none()).then_some(model.following)} speed={model.speed}
                        strip={self.strip.clone()} on={self.on.clone()} />
                </footer>
                <p class="aloud" aria-live="polite" data-testid="narration">{ &model.narration }</p>
                if model.sheet == Some(Sheet::Help) { { help(&self.on) } }
            </div>
        }
    }

    fn rendered(&mut self, context: &Context<Self>, first: bool) {
        if first {
            let link = context.link().clone();
            self.keys = Keys::listen(move |event| link.send_message(Message::Key(event)));
            let link = context.link().clone();
            self.watch(&self.strip.clone(), move |size| link.send_message(Message::StripSize(size)));
        }
        // A dialog takes the focus, so that keys and screen readers are in it, and gives it back.
        let help_open = self.model.sheet == Some(Sheet::Help);
        if help_open != self.help_open {
            self.help_open = help_open;
            js::focus(if help_open { "#help-close" } else { "#open-help" });
        }
        let running = scenarios::by_name(&self.model.cursor.view.name).map_or("", |built| built.id);
        if self.listed != running {
            self.listed = running;
            js::set_choice("[data-testid=scenario]", running);
        }
        // The ring's box comes and goes with the views; one watch is kept for the newest.
        let has_ring = self.model.shown_views().has_picture();
        if first || self.watches.len() < 2 || !has_ring {
            self.watches.truncate(1);
            if has_ring {
                let link = context.link().clone();
                self.watch(&self.ring.clone(), move |size| link.send_message(Message::RingSize(size)));
            }
        }
    }
}

impl App {
    fn act(&mut self, context: &Context<Self>, action: Action) {
        // On a phone the inspector is a sheet: whoever taps a node or an entry of a log wants to see it.
        let picture = self.model.shown_views().has_picture();
        let wanted = matches!(action, Action::Select(Some(Selection::Node(_)))) && picture
            || matches!(action, Action::Select(Some(Selection::Entry(..))));
        if wanted && js::media(NARROW) {
            self.model.sheet = Some(Sheet::Inspector);
        }
        for effect in self.model.update(action) {
            match effect {
                Effect::Ask(request) => self.source.ask(request),
                Effect::KeepTheme { dark } => {
                    let theme = if dark { "dark" } else { "light" };
                    js::set_root_attribute("data-theme", theme);
                    js::keep(THEME, theme);
                }
                Effect::Share => self.share(context),
            }
        }
    }

    /// Asks for a frame while time passes, one at a time.
    fn tick(&mut self, context: &Context<Self>) {
        if !self.model.playing {
            self.last_frame = None;
            return;
        }
        if self.ticking {
            return;
        }
        self.ticking = true;
        let (link, frames) = (context.link().clone(), self.frames.clone());
        js::next_frame(move |now| {
            let begun = js::now_ms();
            link.send_message(Message::Frame(now));
            // Drawing is queued as a task of its own; this one comes after it.
            wasm_bindgen_futures::spawn_local(async move { frames.push(js::now_ms() - begun) });
        });
    }

    fn watch(&mut self, node: &NodeRef, callback: impl Fn(Size) + 'static) {
        self.watches.extend(node.cast::<Element>().and_then(|element| SizeWatch::new(element, callback)));
    }

    /// Places everything anew where the size or the members changed.
    fn lay_out(&mut self) {
        let view = &self.model.cursor.view;
        let wanted = (view.nodes.len(), view.clients.len(), self.ring_size);
        if self.laid_out != wanted {
            self.laid_out = wanted;
            let nodes: Vec<_> = view.nodes.keys().copied().collect();
            let clients: Vec<_> = view.clients.keys().copied().collect();
            self.layout = Shared::new(Layout::new(self.ring_size, &nodes, &clients));
        }
    }

    /// How wide the stage is; a guess until it was seen with a ring on it.
    fn stage_width(&self) -> f64 {
        if self.ring_size.width > 0.0 {
            self.ring_size.width
        } else {
            self.strip_width * if js::media(NARROW) { 1.0 } else { 0.58 }
        }
    }

    fn stage(&self) -> Html {
        let model = &self.model;
        html! {
            <Stage view={model.cursor.view.clone()} recent={model.cursor.recent.clone()} layout={self.layout.clone()}
                time={model.cursor.time} linger={model.linger()} pace={model.pace}
                selection={model.selection} tool={model.tool.clone()} offers={model.offered()}
                history={(model.can_undo(), model.can_redo())} on={self.on.clone()} />
        }
    }

    fn lanes(&self) -> Html {
        let model = &self.model;
        let (view, lanes) = (model.cursor.view.clone(), model.cursor.lanes.clone());
        let props = lanes::Props {
            view,
            lanes,
            window: model.cursor.window,
            time: model.cursor.time,
            size: self.ring_size,
            losing: !model.cursor.recent.losses.is_empty(),
            selection: model.selection,
            on: self.on.clone(),
        };
        part(props, lanes::lanes)
    }

    fn inspector(&self) -> Html {
        let Model { cursor, insight, selection, .. } = &self.model;
        let (view, lines) = (cursor.view.clone(), cursor.lines.clone());
        let props = inspector::Props {
            view,
            lines,
            insight: insight.clone(),
            selection: *selection,
            offers: self.model.offered(),
            machine: self.model.machine,
            subscribed: self.model.subscribed.clone(),
            on: self.on.clone(),
        };
        part(props, inspector::inspector)
    }

    fn clients(&self) -> Html {
        let Model { cursor, selection, .. } = &self.model;
        let (view, to) = (cursor.view.clone(), selection.and_then(Selection::node));
        part(
            ClientsProps {
                view,
                to,
                machine: self.model.machine,
                pending: self.model.pending(),
                offers: self.model.offered(),
                on: self.on.clone(),
            },
            clients,
        )
    }

    fn checks(&self) -> Html {
        let Model { cursor, expectations, .. } = &self.model;
        let (view, expectations) = (cursor.view.clone(), expectations.clone());
        let (verdicts, computing) = (self.model.verdicts(), self.model.computing().is_some());
        part(ChecksProps { view, expectations, verdicts, computing, offers: self.model.offered() }, checks)
    }

    /// Closes a sheet; seen only where panels are sheets.
    fn sheet_close(&self) -> Html {
        let on = self.on.clone();
        html! {
            <button class="square sheet-close" aria-label={inspect::CLOSE} onclick={Callback::from(move |_: MouseEvent| on.emit(Action::Sheet(None)))}>{ glyph(Icon::Close) }</button>
        }
    }
}
