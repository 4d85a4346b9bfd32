//! What is this run about, and what is worth trying?

use yew::prelude::*;

use super::bar as bar_part;
use super::own::OwnRun;
use crate::link;
use crate::model::{Action, Computing};
use crate::scenarios;
use crate::shared::Shared;
use crate::words::{self as all_words, bar, lesson as words, own};

/// What the panel needs.
#[derive(PartialEq)]
pub struct Props {
    /// The name of the run.
    pub name: String,
    /// Whether the cluster is live.
    pub live: bool,
    /// The run that is not seen yet.
    pub computing: Option<Computing>,
    /// The scenario as TOML; empty for a live cluster.
    pub scenario: Shared<String>,
    /// Runs the scenario with another seed, or with the next one.
    pub reseed: Callback<Option<u64>>,
    /// Where actions go.
    pub on: Callback<Action>,
}

/// The panel at the left.
pub fn lesson(props: &Props) -> Html {
    if props.live {
        return html! {
            <>
                <h2>{ words::LIVE }</h2><h3>{ &props.name }</h3>
                <p>{ words::LIVE_TEXT }</p><p class="note">{ bar::LIVE_NOTE }</p>
                { tries(&words::LIVE_TRIES) }
            </>
        };
    }
    let about = match &props.computing {
        Some(computing) => {
            html! { <><h2>{ words::SCENARIO }</h2><h3>{ words::COMPUTING }</h3><p data-testid="computing">{ all_words::computing(computing) }</p></> }
        }
        None => about(props),
    };
    html! { <>{ about }<OwnRun on={props.on.clone()} /></> }
}

/// What the run that is seen says about itself.
fn about(props: &Props) -> Html {
    let off = link::rules_off(&props.scenario);
    let off = html! { if !off.is_empty() { <p class="note">{ bar::RULE_OFF }<b>{ off }</b></p> } };
    let seed = bar_part::seed_field("lesson-seed", &props.scenario, &props.reseed, &props.on);
    match scenarios::by_name(&props.name) {
        Some(built) => html! {
            <>
                <h2>{ words::SCENARIO }</h2><h3>{ built.title }</h3>{ seed }
                { for built.text.iter().map(|paragraph| html! { <p key={*paragraph}>{ *paragraph }</p> }) }
                if built.text.is_empty() { <p>{ link::about(&props.scenario) }</p> }
                { off }
                { tries(built.tries) }
            </>
        },
        None => html! {
            <>
                <h2>{ words::SCENARIO }</h2><h3>{ &props.name }</h3>{ seed }
                <p>{ link::about(&props.scenario) }</p>
                <p>{ if props.name == own::NAME { own::TEXT } else { words::OWN } }</p>
                { off }
                { tries(&words::OWN_TRIES) }
            </>
        },
    }
}

fn tries(tries: &'static [&'static str]) -> Html {
    html! {
        <section class="tries"><h2>{ words::TRY }</h2><ol>{ for tries.iter().map(|text| html! { <li key={*text}>{ *text }</li> }) }</ol></section>
    }
}
