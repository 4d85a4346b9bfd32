//! What does the page know, and how does it change?
//!
//! One reducer: [`Model::update`] takes an action and returns what is to be
//! done outside, so that all of it runs in native tests. The components draw
//! the model and send actions; the application carries the effects out. What an
//! action comes to stands by concern: `playing` has time and the cursor, `edits`
//! what is done to the run and taken back, `answers` what the source says.

use quorumscope_core::machine::any::MachineKind;
use quorumscope_core::record::Command;
use quorumscope_core::types::{NodeId, Time};
use quorumscope_lab::trace::face;

use crate::scene::lanes;
use crate::scene::motion::{Micros, Pace};
use crate::shared::Shared;
use crate::source::{Answer, Expectation, Offers, Request};
use crate::words;

mod answers;
pub mod cursor;
mod edits;
pub mod hint;
pub mod insight;
#[cfg(test)]
mod moment_tests;
mod playing;
pub mod selection;
pub mod speed;
#[cfg(test)]
mod tests;

use cursor::Cursor;
use edits::Past;
use insight::Insight;
use playing::Goal;
use selection::{Selection, Sheet, Tool, Views};
use speed::Speed;

/// Everything the page knows.
pub struct Model {
    /// The records and the cursor on them.
    pub cursor: Cursor,
    /// What the source can do.
    pub offers: Offers,
    /// The scenario as TOML, with what was done by hand as steps of it.
    pub scenario: Shared<String>,
    /// The state machine that it drives.
    pub machine: MachineKind,
    /// The names of all that edges are asked to hold in it.
    pub subscribed: Shared<Vec<String>>,
    /// Whether a live cluster's stores end with the process that serves them.
    pub in_memory: bool,
    /// How the scenario's expectations stand.
    pub expectations: Shared<Vec<Expectation>>,
    /// Whether time passes.
    pub playing: bool,
    /// How fast.
    pub speed: Speed,
    /// Whether the cursor stays at the end of a live stream.
    pub following: bool,
    /// What the inspector shows.
    pub selection: Option<Selection>,
    /// What is said about it.
    pub insight: Shared<Insight>,
    /// What is read aloud.
    pub narration: String,
    /// What a click on the stage means.
    pub tool: Tool,
    /// Which views stand on the stage.
    pub views: Views,
    /// The open sheet.
    pub sheet: Option<Sheet>,
    /// Whether the theme is dark.
    pub dark: bool,
    /// Whether things travel or step.
    pub pace: Pace,
    /// A line that passes.
    pub notice: Option<Notice>,
    /// How much time the timeline shows.
    pub window: Option<Micros>,
    /// How much time the lanes show.
    pub span: Micros,
    /// Whether a live cluster is gone, and if so whether it never let the page in.
    pub gone: Option<bool>,
    /// Operations that were asked for and that no client has sent yet.
    pending: Vec<(Time, String)>,
    /// Steps that were skipped, and why.
    skipped: Vec<(Time, String)>,
    /// What was last asked of a live cluster.
    commanded: Option<Command>,
    undo: Vec<Past>,
    redo: Vec<Past>,
    acting: Option<Past>,
    asked: Micros,
    goal: Option<Goal>,
    /// The name of a run that was asked for and is not seen yet, and the time at which it will be.
    opening: Option<(String, Micros)>,
    finished: bool,
    told: (u64, Option<Selection>),
    silent_ms: f64,
}

/// A line that passes, perhaps with the offer to undo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What it says.
    pub text: String,
    /// Whether it is bad news.
    pub bad: bool,
    /// Whether it offers to undo.
    pub undo: bool,
}

/// A run that is being computed, and not seen before it has come far enough.
#[derive(Clone, Debug, PartialEq)]
pub struct Computing {
    /// What it is called.
    pub name: String,
    /// How far it has come.
    pub known: Micros,
    /// How far it has to come.
    pub until: Micros,
}

/// What happens to the page.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// A frame is due, this many milliseconds after the last.
    Frame(f64),
    /// Play or pause.
    TogglePlay,
    /// One event forward.
    StepForward,
    /// One event back.
    StepBack,
    /// To the next mark.
    NextMark,
    /// To the mark before.
    PreviousMark,
    /// To a time.
    Seek(Micros),
    /// To the end of what is known; a live stream is followed again.
    ToEnd,
    /// Another speed.
    Speed(Speed),
    /// A wider or a narrower window of time.
    Zoom(f64),
    /// More or less time in the lanes.
    Span(f64),
    /// Show something in the inspector, or nothing.
    Select(Option<Selection>),
    /// Another meaning of clicks.
    Tool(Tool),
    /// Add a node to the side of a partition, or take it out.
    Choose(NodeId),
    /// Split the chosen nodes off.
    Split,
    /// Other views.
    Views(Views),
    /// Open or close a sheet.
    Sheet(Option<Sheet>),
    /// The other theme.
    ToggleTheme,
    /// Do something to the cluster, at the cursor.
    Act(Command),
    /// Take back what was done last.
    Undo,
    /// Do it again.
    Redo,
    /// Another scenario; `at` is where the cursor goes, or just before the first election.
    Open {
        /// As TOML.
        scenario: String,
        /// Where the cursor goes.
        at: Option<Micros>,
    },
    /// The source has answered.
    Answered(Answer),
    /// Copy a link to this moment.
    Share,
    /// Say something that passes.
    Notice(Option<Notice>),
}

/// What is to be done outside.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Ask the source.
    Ask(Request),
    /// Make the link for this moment, show it in the address bar and copy it.
    Share,
    /// Keep the theme.
    KeepTheme {
        /// Dark or light.
        dark: bool,
    },
}

/// How long something that happened shows, in milliseconds of real time.
const LINGER_MS: f64 = 1_400.0;
/// So much time the lanes show at first: a request of PBFT, from the client and back, in the usual network.
const SPAN: Micros = 120_000.0;
/// Less would be one message, more would be none that can be told apart.
const LEAST_SPAN: Micros = 3_750.0;
const MOST_SPAN: Micros = 3_840_000.0;
/// A line is read aloud no sooner than this after the one before, in milliseconds.
const NARRATION_MS: f64 = 1_500.0;

impl Model {
    /// What the run's board is called, where its nodes may lie and it has one.
    #[must_use]
    pub fn board_kind(&self) -> Option<&'static str> {
        face::board_kind(&self.cursor.view)
    }

    /// Which views stand on the stage of this run.
    #[must_use]
    pub fn shown_views(&self) -> Views {
        self.views.shown(self.board_kind().is_some())
    }

    /// What can be done to what is shown.
    #[must_use]
    pub fn offered(&self) -> Offers {
        self.offers.within(&self.cursor.view)
    }

    /// A page without a run.
    #[must_use]
    pub fn new(offers: Offers, dark: bool, pace: Pace) -> Self {
        let live = !offers.past;
        Self {
            cursor: Cursor::default(),
            offers,
            in_memory: false,
            scenario: Shared::default(),
            machine: MachineKind::default(),
            subscribed: Shared::default(),
            expectations: Shared::default(),
            playing: live,
            speed: if live { Speed::REAL } else { Speed::NORMAL },
            following: live,
            selection: None,
            insight: Shared::default(),
            narration: String::new(),
            tool: Tool::Select,
            views: Views::Both,
            sheet: None,
            dark,
            pace,
            notice: None,
            window: None,
            span: SPAN,
            gone: None,
            pending: Vec::new(),
            skipped: Vec::new(),
            commanded: None,
            undo: Vec::new(),
            redo: Vec::new(),
            acting: None,
            asked: 0.0,
            goal: None,
            opening: None,
            finished: false,
            told: (0, None),
            silent_ms: 0.0,
        }
    }

    /// The run that was asked for, while it is not seen: what is on the stage is another one, or nothing.
    #[must_use]
    pub fn computing(&self) -> Option<Computing> {
        let (name, until) = self.opening.as_ref()?;
        Some(Computing { name: name.clone(), known: self.cursor.known, until: *until })
    }

    /// What the run is called that is seen, or before any is, the one that is computed.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.opening {
            Some((name, _)) if self.cursor.view.nodes.is_empty() => name.clone(),
            Some(_) | None => self.cursor.view.name.clone(),
        }
    }

    /// How the expectations stand at the cursor: what is settled later is open here.
    #[must_use]
    pub fn verdicts(&self) -> Vec<Option<bool>> {
        let settled = |expected: &Expectation| expected.settled.is_some_and(|at| at.0 as f64 <= self.cursor.time);
        self.expectations.iter().map(|expected| expected.held.filter(|_| settled(expected))).collect()
    }

    /// Whether there is something to take back.
    #[must_use]
    pub fn can_undo(&self) -> bool {
        !self.undo.is_empty()
    }

    /// Whether there is something to do again.
    #[must_use]
    pub fn can_redo(&self) -> bool {
        !self.redo.is_empty()
    }

    /// How long something that happened shows, in microseconds of the run.
    #[must_use]
    pub fn linger(&self) -> Micros {
        self.speed.span(LINGER_MS).min(400_000.0)
    }

    /// The part of the run that the timeline shows.
    #[must_use]
    pub fn shown(&self) -> (Micros, Micros) {
        let began = self.cursor.began;
        let end = self.cursor.known.max(self.cursor.time).max(began + 1_000.0);
        match self.window {
            Some(window) if window < end - began => {
                let from = (self.cursor.time - window * 0.6).clamp(began, end - window);
                (from, from + window)
            }
            Some(_) | None => (began, end),
        }
    }

    /// Takes one action and says what is to be done outside.
    pub fn update(&mut self, action: Action) -> Vec<Effect> {
        let before = self.cursor.time;
        let effects = self.reduce(action);
        self.tell_skipped(before);
        self.tell();
        if self.shown_views() == Views::Lanes {
            self.cursor.lay_lanes(lanes::window(self.cursor.time, self.span, self.cursor.began));
        }
        effects
    }

    /// Says that a step was skipped, when the cursor passes it.
    fn tell_skipped(&mut self, before: Micros) {
        let passed = |at: Time| at.0 as f64 > before && at.0 as f64 <= self.cursor.time;
        if let Some((at, reason)) = self.skipped.iter().rev().find(|(at, _)| passed(*at)) {
            self.notice = Some(Notice { text: words::notice::skipped(*at, reason), bad: false, undo: false });
        }
    }

    /// Operations that were asked for by the cursor and that no client has sent yet.
    #[must_use]
    pub fn pending(&self) -> Vec<String> {
        let sent = |at: &Time, text: &String| {
            let mut operations = self.cursor.view.clients.values().flat_map(|client| &client.operations);
            operations.any(|operation| operation.operation == *text && operation.asked >= *at)
        };
        let here = self.pending.iter().filter(|(at, text)| at.0 as f64 <= self.cursor.time && !sent(at, text));
        here.map(|(_, text)| text.clone()).collect()
    }

    /// Finds what is to be said, where the selection or the position changed.
    fn tell(&mut self) {
        let now = (self.cursor.shown, self.selection);
        if self.told == now {
            return;
        }
        self.told = now;
        self.insight = Shared::new(self.cursor.about(self.selection));
        let line = self.cursor.lines.iter().find(|line| line.headline);
        // One line at a time, no faster than it can be heard.
        if let Some(line) = line
            && (!self.playing || self.silent_ms >= NARRATION_MS)
            && self.narration != line.text
        {
            self.narration = line.text.clone();
            self.silent_ms = 0.0;
        }
    }

    fn reduce(&mut self, action: Action) -> Vec<Effect> {
        match action {
            Action::Frame(elapsed_ms) => return self.frame(elapsed_ms),
            Action::TogglePlay => self.playing = !self.playing,
            Action::StepForward => return self.step_forward(),
            Action::StepBack => {
                self.halt();
                self.cursor.step_back(self.linger());
            }
            Action::NextMark => return self.jump(true),
            Action::PreviousMark => return self.jump(false),
            Action::Seek(time) => {
                self.following = false;
                self.cursor.seek(time, self.linger());
                return self.keep_ahead();
            }
            Action::ToEnd => {
                self.following = !self.offers.past;
                self.playing |= self.following;
                if self.following {
                    // It may speak of the past that was looked at.
                    self.notice = None;
                }
                self.cursor.seek(self.cursor.known, self.linger());
            }
            Action::Speed(speed) => self.speed = speed,
            Action::Zoom(factor) => {
                let (from, to) = self.shown();
                self.window = Some(((to - from) * factor).clamp(20_000.0, 600_000_000.0));
            }
            Action::Span(factor) => self.span = (self.span * factor).clamp(LEAST_SPAN, MOST_SPAN),
            Action::Select(selection) => self.selection = selection,
            Action::Tool(tool) => self.tool = tool,
            Action::Choose(node) => self.choose(node),
            Action::Split => return self.split(),
            Action::Views(views) => self.views = views,
            Action::Sheet(sheet) => self.sheet = sheet,
            Action::ToggleTheme => {
                self.dark = !self.dark;
                return vec![Effect::KeepTheme { dark: self.dark }];
            }
            Action::Act(command) => return self.act(command),
            Action::Undo => return self.travel(true),
            Action::Redo => return self.travel(false),
            Action::Open { scenario, at } => return self.open(scenario, at),
            Action::Answered(answer) => return self.answered(answer),
            Action::Share => return vec![Effect::Share],
            Action::Notice(notice) => self.notice = notice,
        }
        Vec::new()
    }
}
