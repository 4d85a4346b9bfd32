//! What stands below the picture, and how long does a passing line stay?
//!
//! One line that says what to try next. A notice takes its place, never that of
//! the picture or of the board, and goes by itself, but not while the pointer or
//! the focus is on it.

use yew::prelude::*;

use super::App;
use super::Message;
use crate::js;
use crate::model::Action;
use crate::model::selection::{Tool, Views};
use crate::parts::icons::{Icon, glyph};
use crate::parts::part::part;
use crate::parts::stage::{HintProps, hint_line};
use crate::words::{self, act, inspect, lanes};

/// A passing line stays this long, in milliseconds: long enough to read it twice.
const NOTICE_MS: i32 = 7_000;

/// So soon is looked again, in milliseconds, whether somebody is still at it.
const AGAIN_MS: i32 = 1_500;

/// A passing line that somebody is at.
const IN_USE: &str = ".notice:hover, .notice:focus-within";

impl App {
    /// The line below the picture, and over it what passes.
    pub(super) fn caption(&self) -> Html {
        let model = &self.model;
        let left_out = model.cursor.lanes.left_out;
        let instead = match model.computing() {
            Some(computing) => Some(words::computing(&computing)),
            None if model.shown_views() == Views::Lanes && left_out > 0 => Some(lanes::left_out(left_out)),
            None => None,
        };
        let props = HintProps {
            view: model.cursor.view.clone(),
            playing: model.playing,
            choosing: matches!(model.tool, Tool::Partition(_)) && model.shown_views() != Views::Lanes,
            offers: model.offered(),
            gone: model.gone,
            instead,
        };
        html! { <div class="caption">{ part(props, hint_line) }{ self.notice() }</div> }
    }

    /// What passes.
    pub(super) fn notice(&self) -> Html {
        let Some(notice) = &self.model.notice else { return Html::default() };
        let send = |action: Action| {
            let on = self.on.clone();
            Callback::from(move |_: MouseEvent| on.emit(action.clone()))
        };
        html! {
            <div class={classes!("notice", notice.bad.then_some("bad"))} role="status" data-testid="notice">
                <span>{ &notice.text }</span>
                if notice.undo && self.model.can_undo() { <button onclick={send(Action::Undo)}>{ act::UNDO }</button> }
                <button class="square small" data-testid="notice-close" aria-label={inspect::CLOSE} onclick={send(Action::Notice(None))}>{ glyph(Icon::Close) }</button>
            </div>
        }
    }

    /// Lets a line that has just come pass in a while.
    pub(super) fn let_pass(&mut self, context: &Context<Self>) {
        if self.noticed.0 != self.model.notice {
            self.noticed = (self.model.notice.clone(), self.noticed.1.wrapping_add(1));
            if self.noticed.0.is_some() {
                forget_later(context, self.noticed.1, NOTICE_MS);
            }
        }
    }

    /// The line of this number has been there for a while: it goes, if it is the one that is there, and nobody is at it.
    pub(super) fn forget(&mut self, context: &Context<Self>, number: u32) {
        if self.noticed.1 != number {
            return;
        }
        if js::is_there(IN_USE) {
            forget_later(context, number, AGAIN_MS);
        } else {
            self.model.notice = None;
        }
    }
}

fn forget_later(context: &Context<App>, number: u32, milliseconds: i32) {
    let link = context.link().clone();
    js::after(milliseconds, move || link.send_message(Message::Forget(number)));
}
