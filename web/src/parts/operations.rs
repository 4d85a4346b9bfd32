//! What can be done to what is selected?

use quorumscope_core::record::{Command, Endpoint};
use quorumscope_core::types::{NodeId, RecordId};
use quorumscope_lab::trace::face;
use quorumscope_lab::trace::members::Part;
use quorumscope_lab::trace::view::{Liveness, NodeView, View};
use yew::prelude::*;

use crate::js;
use crate::model::Action;
use crate::model::insight::Lies;
use crate::source::Offers;
use crate::words::act;

fn button(
    class: &'static str,
    text: &'static str,
    test: &'static str,
    key: Option<&'static str>,
    command: Command,
    on: &Callback<Action>,
) -> Html {
    let on = on.clone();
    let click = Callback::from(move |_: MouseEvent| on.emit(Action::Act(command.clone())));
    html! {
        <button {class} data-testid={test} onclick={click} aria-keyshortcuts={key}>{ text }if let Some(key) = key { <kbd aria-hidden="true">{ key }</kbd> }</button>
    }
}

/// Crash, restart, pause, resume, time out; who votes can lead.
pub fn actions_of_node(id: NodeId, node: &NodeView, votes: bool, offers: Offers, on: &Callback<Action>) -> Html {
    let (crashing, pausing) = (offers.crash, offers.pause);
    let buttons = match node.liveness {
        Liveness::Up => html! {
            <>
                if crashing { { button("danger", act::CRASH, "crash", Some("K"), Command::Crash(id), on) } }
                if pausing { { button("", act::PAUSE, "pause-node", Some("Z"), Command::Pause(id), on) } }
                if offers.snapshot { { button("", act::SNAPSHOT, "snapshot", None, Command::Snapshot(id), on) } }
                if pausing { { button("", act::TIMEOUT, "timeout", Some("T"), Command::Timeout(id), on) } }
                if let Some(from) = node.status.leader.filter(|from| *from != id && votes && offers.transfer) {
                    { button("", act::TRANSFER, "transfer", None, Command::Transfer { from, to: id }, on) }
                }
            </>
        },
        Liveness::Paused => html! {
            <>
                { button("primary", act::RESUME, "resume-node", Some("Z"), Command::Resume(id), on) }
                if crashing { { button("danger", act::CRASH, "crash", Some("K"), Command::Crash(id), on) } }
            </>
        },
        Liveness::Down | Liveness::Crashed | Liveness::Broken => html! {
            if crashing { { button("primary", act::RESTART, "restart", Some("K"), Command::Restart(id), on) } }
        },
    };
    html! { <div class="actions">{ buttons }</div> }
}

/// The ways in which a node can be made to lie; nothing where nodes believe each other.
pub fn actions_of_liar(id: NodeId, lies: Option<&Lies>, view: &View, on: &Callback<Action>) -> Html {
    let tricks = face::tricks(view);
    if tricks.is_empty() {
        return Html::default();
    }
    if view.part(id) == Part::StandsBy {
        return html! { <p class="quiet" data-testid="no-lies">{ act::LIE_NO_VOTE }</p> };
    }
    let liars = face::liars(view);
    let others: Vec<NodeId> =
        liars.iter().flat_map(|liars| liars.nodes.iter().copied()).filter(|other| *other != id).collect();
    let lie = |nodes: Vec<NodeId>, name: &'static str| {
        let on = on.clone();
        let victims = face::victims(view, name, &nodes);
        Callback::from(move |_: MouseEvent| {
            let chosen = js::ticked(&format!("[data-victims={name}]"));
            let against = victims.iter().filter(|victim| chosen.contains(&victim.to_string())).copied().collect();
            on.emit(Action::Act(Command::Byzantine { nodes: nodes.clone(), tricks: vec![name.into()], against }));
        })
    };
    let trick = |(name, words): (&'static str, &'static str)| {
        let together: Vec<NodeId> = others.iter().copied().chain([id]).collect();
        let active = lies.is_some_and(|lies| lies.tricks.iter().any(|active| active == name));
        let told = format!("trick-{name}");
        let victims = face::victims(view, name, &[id]);
        html! {
            // Who was ticked for one liar is not meant by another.
            <li key={format!("{id}-{name}")}><button onclick={lie(vec![id], name)} data-testid={format!("lie-{name}")} aria-pressed={active.to_string()} aria-describedby={told.clone()}>{ name }</button><span><span id={told.clone()}>{ words }</span>
                if !others.is_empty() { <button class="together" onclick={lie(together, name)} data-testid={format!("together-{name}")} aria-label={act::together_in(name, &others)} aria-describedby={told}>{ act::together(&others) }</button> }
                if !victims.is_empty() { <span class="victims" role="group" aria-label={act::against(name)} data-victims={name}>{ act::AGAINST }{ for victims.iter().map(victim) }</span> }
            </span></li>
        }
    };
    html! {
        <details class="deceive" data-testid="deceive">
            <summary data-testid="lie-menu">{ if lies.is_some() { act::LIE_OTHERWISE } else { act::LIE } }</summary>
            <p class="quiet">{ act::LIE_HINT }</p>
            if let Some(liars) = &liars { <p class={classes!("quiet", liars.too_many.then_some("bad"))} data-testid="liars">{ &liars.words }</p> }
            <ul>{ for tricks.into_iter().map(trick) }</ul>
        </details>
    }
}

/// A box to tick for whom a trick is meant.
fn victim(victim: &Endpoint) -> Html {
    let name = victim.to_string();
    html! { <label key={name.clone()}><input type="checkbox" data-keys="" value={name.clone()} />{ name }</label> }
}

/// Cut or mend one direction.
pub fn actions_of_link(from: NodeId, to: NodeId, cut: bool, on: &Callback<Action>) -> Html {
    let (from, to) = (Endpoint::Node(from), Endpoint::Node(to));
    html! {
        <div class="actions">
            if cut { { button("primary", act::MEND, "mend", None, Command::Mend { from, to }, on) } }
            else { { button("danger", act::CUT, "cut", None, Command::Cut { from, to }, on) } }
        </div>
    }
}

/// Drop, hold, deliver, duplicate.
pub fn actions_of_message(id: RecordId, held: bool, on: &Callback<Action>) -> Html {
    html! {
        <div class="actions">
            { button("danger", act::DROP, "drop", None, Command::Drop(id), on) }
            if !held { { button("", act::HOLD, "hold", None, Command::Hold(id), on) } }
            { button("", act::DELIVER, "deliver", None, Command::Deliver(id), on) }
            { button("", act::DUPLICATE, "duplicate", None, Command::Duplicate(id), on) }
        </div>
    }
}
