//! Which keys are there, and what do the signs mean?

use yew::prelude::*;

use super::icons::{Icon, glyph};
use super::message::sample;
use crate::model::Action;
use crate::words::{help as words, inspect};

/// The help sheet, over everything else.
pub fn help(on: &Callback<Action>) -> Html {
    let close = {
        let on = on.clone();
        Callback::from(move |_: MouseEvent| on.emit(Action::Sheet(None)))
    };
    let stay = Callback::from(|event: MouseEvent| event.stop_propagation());
    html! {
        <div class="veil" onclick={close.clone()}>
            <section class="help" role="dialog" aria-modal="true" aria-label={words::TITLE} onclick={stay} data-testid="help">
                <header><h2>{ words::TITLE }</h2>
                    <button class="square" id="help-close" aria-label={inspect::CLOSE} onclick={close}>{ glyph(Icon::Close) }</button>
                </header>
                <p>{ words::ABOUT }</p>
                <dl>
                    { for words::KEYS.iter().map(|(keys, what)| html! {
                        <div key={*keys}><dt>{ for keys.split("  ").map(|key| html! { <kbd>{ key }</kbd> }) }</dt><dd>{ *what }</dd></div>
                    }) }
                </dl>
                <h3>{ words::SIGNS_TITLE }</h3>
                <dl class="signs">
                    { for words::SIGNS.iter().map(|(sign, what)| html! { <div key={*sign}><dt>{ *sign }</dt><dd>{ *what }</dd></div> }) }
                </dl>
                <h3>{ words::MESSAGES_TITLE }</h3>
                <dl class="signs messages" data-testid="help-messages">
                    { for words::MESSAGES.iter().map(|(kind, what)| html! { <div><dt>{ sample(*kind) }</dt><dd>{ *what }</dd></div> }) }
                </dl>
            </section>
        </div>
    }
}
