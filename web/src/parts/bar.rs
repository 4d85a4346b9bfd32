//! What is run, and how is it looked at?

use yew::prelude::*;

use super::icons::{Icon, glyph};
use crate::js;
use crate::link;
use crate::model::selection::{Sheet, Views};
use crate::model::{Action, Notice};
use crate::scenarios::{self, Built};
use crate::shared::Shared;
use crate::words::{self, bar as texts};

/// What the bar needs.
#[derive(PartialEq)]
pub struct Props {
    /// The name of the run.
    pub name: String,
    /// The scenario as TOML; empty for a live cluster.
    pub scenario: Shared<String>,
    /// Whether the cluster is live.
    pub live: bool,
    /// Whether the live cluster is gone, and if so whether it never let the page in.
    pub gone: Option<bool>,
    /// Which views stand on the stage.
    pub views: Views,
    /// What the run's board is called, where it has one.
    pub board: Option<&'static str>,
    /// Whether the theme is dark.
    pub dark: bool,
    /// Asks for another seed: this one, or the next.
    pub reseed: Callback<Option<u64>>,
    /// Where actions go.
    pub on: Callback<Action>,
}

/// The bar at the top.
pub fn bar(props: &Props) -> Html {
    let send = |action: Action| {
        let on = props.on.clone();
        Callback::from(move |_: MouseEvent| on.emit(action.clone()))
    };
    let view = |views: Views, text: &'static str| {
        html! {
            <button aria-pressed={(props.views == views).to_string()} data-testid={format!("views-{}", views.name())}
                onclick={send(Action::Views(views))}>{ text }</button>
        }
    };
    let (theme_icon, theme) = if props.dark { (Icon::Sun, texts::TO_LIGHT) } else { (Icon::Moon, texts::TO_DARK) };
    html! {
        <>
            <h1 class="brand">{ mark() }{ words::NAME }</h1>
            if props.live {
                <span class={classes!("live", props.gone.map(|_| "gone"))} title={texts::LIVE_NOTE} data-testid="live"><i></i>
                    { match props.gone { None => texts::LIVE, Some(false) => texts::OFFLINE, Some(true) => texts::REFUSED } }
                    if !props.name.is_empty() { <b>{ &props.name }</b> }
                </span>
                if props.gone.is_some() { <a class="pick" href="./" data-testid="simulations">{ texts::SIMULATIONS }</a> }
            } else {
                { chooser(&props.name, &props.on) }
                { seed_field("seed", &props.scenario, &props.reseed, &props.on) }
                { rules_off(&props.scenario) }
            }
            <div class="segments" role="group" aria-label={texts::VIEWS}>
                { view(Views::Both, texts::BOTH) }{ view(Views::Ring, texts::RING) }{ view(Views::Lanes, texts::LANES) }{ view(Views::Log, texts::LOG) }
                if let Some(name) = props.board { { view(Views::Board, name) } }
            </div>
            <div class="ends">
                if !props.live {
                    <button class="plain" title={texts::SHARE_TITLE} data-testid="share" onclick={send(Action::Share)}>{ glyph(Icon::Link) }<span>{ texts::SHARE }</span></button>
                }
                <button class="square plain phone" title={texts::OPEN_LESSON} aria-label={texts::OPEN_LESSON} data-testid="open-lesson" onclick={send(Action::Sheet(Some(Sheet::Lesson)))}>{ glyph(Icon::Book) }</button>
                <button class="square plain phone" title={texts::OPEN_INSPECTOR} aria-label={texts::OPEN_INSPECTOR} data-testid="open-inspector" onclick={send(Action::Sheet(Some(Sheet::Inspector)))}>{ glyph(Icon::Lens) }</button>
                <button class="square plain" title={theme} aria-label={theme} data-testid="theme" onclick={send(Action::ToggleTheme)}>{ glyph(theme_icon) }</button>
                <button class="square plain" id="open-help" title={texts::HELP} aria-label={texts::HELP} data-testid="open-help" onclick={send(Action::Sheet(Some(Sheet::Help)))}>{ "?" }</button>
            </div>
        </>
    }
}

/// The product's mark: a ring with its quorum drawn full.
fn mark() -> Html {
    html! {
        <svg class="mark" viewBox="0 0 20 20" aria-hidden="true">
            <path class="quorum" d="M10 1.800A8.200 8.200 0 1 1 3.370 14.820" /><path class="rest" d="M2.210 12.540A8.200 8.200 0 0 1 7.470 2.200" /><circle cx="10" cy="10" r="2.700" />
        </svg>
    }
}

fn chooser(name: &str, on: &Callback<Action>) -> Html {
    let current = scenarios::by_name(name);
    let choose = {
        let on = on.clone();
        Callback::from(move |event: Event| {
            if let Some(built) = scenarios::by_id(&js::field_text(&event)) {
                on.emit(Action::Open { scenario: link::prolonged(built.toml), at: None });
            }
        })
    };
    let option = |built: &'static Built| {
        html! { <option key={built.id} value={built.id} selected={current.is_some_and(|current| current.id == built.id)}>{ built.title }</option> }
    };
    html! {
        <label class="pick"><span>{ texts::SCENARIO }</span>
            <select data-testid="scenario" onchange={choose}>
                if current.is_none() { <option key="own" value="" selected=true>{ name.to_owned() }</option> }
                <optgroup label={texts::FIRST}>{ for scenarios::FIRST.iter().map(option) }</optgroup>
                <optgroup label={texts::MORE}>{ for scenarios::MORE.iter().map(option) }</optgroup>
            </select>
        </label>
    }
}

/// The seed, to be typed or drawn anew. It stands in the bar, and where that has no room, beside the scenario's text.
pub(super) fn seed_field(
    name: &'static str,
    scenario: &str,
    reseed: &Callback<Option<u64>>,
    on: &Callback<Action>,
) -> Html {
    let Some(seed) = link::seed(scenario) else { return Html::default() };
    let next = {
        let reseed = reseed.clone();
        Callback::from(move |_: MouseEvent| reseed.emit(None))
    };
    let typed = {
        let (reseed, on) = (reseed.clone(), on.clone());
        Callback::from(move |event: Event| {
            // What is no seed leaves the run as it is.
            match js::field_text(&event).trim().parse().ok().filter(|seed| *seed < 1 << 53) {
                Some(seed) => reseed.emit(Some(seed)),
                None => on.emit(Action::Notice(Some(Notice { text: texts::NO_SEED.into(), bad: true, undo: false }))),
            }
        })
    };
    html! {
        <span class="pick seed"><span>{ texts::SEED }</span>
            <input aria-label={texts::SEED} inputmode="numeric" maxlength="16" autocomplete="off" value={seed.to_string()} onchange={typed} data-testid={format!("{name}-field")} />
            <button class="square small" title={texts::NEXT_SEED} aria-label={texts::NEXT_SEED} data-testid={name} onclick={next}>{ glyph(Icon::Dice) }</button>
        </span>
    }
}

/// A run with a rule switched off says so.
fn rules_off(scenario: &str) -> Html {
    let off = link::rules_off(scenario);
    if off.is_empty() {
        return Html::default();
    }
    html! { <span class="off" data-testid="rule-off">{ texts::RULE_OFF }<b>{ off }</b></span> }
}
