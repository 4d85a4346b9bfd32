//! Which keys are there?

use yew::prelude::*;

use super::icons::{Glyph, Icon};
use crate::js;
use crate::model::Action;
use crate::words::{help as words, inspect};

/// What the sheet needs.
#[derive(Properties, PartialEq)]
pub struct Props {
    /// Where actions go.
    pub on: Callback<Action>,
}

/// The help sheet, over everything else.
#[component]
pub fn Help(props: &Props) -> Html {
    // A dialog takes the focus, so that keys and screen readers are in it.
    use_effect_with((), |()| js::focus("#help-close"));
    let close = {
        let on = props.on.clone();
        Callback::from(move |_: MouseEvent| on.emit(Action::Sheet(None)))
    };
    let stay = Callback::from(|event: MouseEvent| event.stop_propagation());
    html! {
        <div class="veil" onclick={close.clone()}>
            <section class="help" role="dialog" aria-modal="true" aria-label={words::TITLE} onclick={stay} data-testid="help">
                <header><h2>{ words::TITLE }</h2>
                    <button class="square" id="help-close" aria-label={inspect::CLOSE} onclick={close}><Glyph icon={Icon::Close} /></button>
                </header>
                <p>{ words::ABOUT }</p>
                <dl>
                    { for words::KEYS.iter().map(|(keys, what)| html! {
                        <div key={*keys}><dt>{ for keys.split("  ").map(|key| html! { <kbd>{ key }</kbd> }) }</dt><dd>{ *what }</dd></div>
                    }) }
                </dl>
            </section>
        </div>
    }
}
