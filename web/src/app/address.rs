//! What does the address say, as a visit begins and when it changes later?
//!
//! A link in the address is opened as a visit begins, and as well when it comes
//! to a page that is open already: pasted, followed, or gone back to. One that
//! names no run says so, and what runs goes on.

use yew::prelude::*;

use super::{App, Message};
use crate::js;
use crate::link::{self, Opened};
use crate::model::{Action, Notice};
use crate::source::live;
use crate::words::notice;

impl App {
    /// Opens what the address names; the first run where it names none.
    pub(super) fn open_what_the_address_says(&mut self, context: &Context<Self>) {
        let opened = match link::open(&js::fragment()) {
            Some(Ok(opened)) => opened,
            Some(Err(reason)) => {
                self.say_it_is_bad(notice::and(&reason, notice::FIRST_INSTEAD));
                Opened::first()
            }
            None => Opened::first(),
        };
        self.show(context, opened);
    }

    /// The address was changed while the page is open: the run that it names takes the place of the one that is seen,
    /// and an undo brings that back.
    pub(super) fn follow_the_address(&mut self, context: &Context<Self>) {
        let fragment = js::fragment();
        let live = !self.model.offers.past || live::Attachment::from_fragment(&fragment).is_some();
        if live {
            // Records of a live cluster come from another source: that begins with the page.
            js::reload();
            return;
        }
        self.model.notice = None;
        match link::open(&fragment) {
            Some(Ok(opened)) => self.show(context, opened),
            Some(Err(reason)) => self.say_it_is_bad(notice::and(&reason, notice::GOES_ON)),
            None => self.show(context, Opened::first()),
        }
    }

    /// Puts the link to this moment into the address and copies it.
    pub(super) fn share(&mut self, context: &Context<Self>) {
        let Some(fragment) = link::make(&self.model) else { return };
        js::set_fragment(&fragment);
        let link = context.link().clone();
        js::copy(js::address(), move |copied| {
            let text = if copied { notice::COPIED } else { notice::NOT_COPIED };
            let notice = Notice { text: text.into(), bad: false, undo: false };
            link.send_message(Message::Action(Action::Notice(Some(notice))));
        });
    }

    fn show(&mut self, context: &Context<Self>, opened: Opened) {
        self.model.views = opened.views;
        if opened.other_engine {
            self.say_it_is_bad(notice::OTHER_ENGINE.into());
        }
        self.act(context, Action::Open { scenario: opened.scenario, at: opened.at });
    }

    fn say_it_is_bad(&mut self, text: String) {
        self.model.notice = Some(Notice { text, bad: true, undo: false });
    }
}
