//! What is known of the selection, and why?
//!
//! The panel at the right: what is selected with its values and what can be
//! done to it, the answers to "why?", what just happened, the clients'
//! operations, and the checks. All of it at the cursor.

use quorumscope_core::edge::Edge;
use quorumscope_core::entry::EntryKind;
use quorumscope_core::machine::any::MachineKind;
use quorumscope_core::machine::range_of;
use quorumscope_core::record::{Endpoint, Progress};
use quorumscope_core::types::{LogIndex, NodeId, RecordId};
use quorumscope_lab::trace::face;
use quorumscope_lab::trace::members::Changing;
use quorumscope_lab::trace::view::{Liveness, NodeView, View};
use yew::prelude::*;

use super::icons::{Icon, glyph};
use super::members::actions_of_member;
use super::operations::{actions_of_liar, actions_of_link, actions_of_message, actions_of_node};
use crate::model::Action;
use crate::model::insight::{Insight, Lies, Line, Unsent};
use crate::model::selection::Selection;
use crate::scene::ring::{self, hue, is_cut};
use crate::shared::Shared;
use crate::source::Offers;
use crate::words::{self, insight as texts, inspect};

/// What the panel needs.
#[derive(PartialEq)]
pub struct Props {
    /// What is seen.
    pub view: Shared<View>,
    /// What is said about the selection.
    pub insight: Shared<Insight>,
    /// What just happened.
    pub lines: Shared<Vec<Line>>,
    /// What is selected.
    pub selection: Option<Selection>,
    /// What the source can do.
    pub offers: Offers,
    /// The machine that the log drives.
    pub machine: MachineKind,
    /// The names of all that edges of this run were asked to hold.
    pub subscribed: Shared<Vec<String>>,
    /// Where actions go.
    pub on: Callback<Action>,
}

/// The selection, the answers, and what just happened.
pub fn inspector(props: &Props) -> Html {
    let about = match props.selection {
        Some(Selection::Node(node)) => of_node(node, props),
        Some(Selection::Link(from, to)) => of_link(from, to, props),
        Some(Selection::Message(id, copy)) => of_message(id, copy, props),
        Some(Selection::Entry(node, index)) => of_entry(node, index, props),
        Some(Selection::Client(client)) => html! { <h2>{ words::inspector::client(client) }{ close(props) }</h2> },
        Some(Selection::Record(_)) => html! { <h2>{ words::inspector::EVENT }{ close(props) }</h2> },
        None => html! { <p class="quiet invite">{ inspect::NOTHING }</p> },
    };
    html! {
        <>
            <section class="about" aria-live="off">{ about }</section>
            { for props.insight.why.iter().map(|why| html! {
                <section class="why" data-testid="why">
                    <h2>{ &why.question }</h2>
                    <p>{ &why.answer.sentence }</p>
                    if !why.answer.principle.is_empty() { <p class="quiet">{ why.answer.principle }</p> }
                    if !why.answer.paper.is_empty() { <p class="cite">{ why.answer.paper }</p> }
                </section>
            }) }
            if !props.insight.chain.is_empty() {
                <details class="chain">
                    <summary>{ words::inspector::chain(props.insight.chain.len()) }</summary>
                    <ol>{ for props.insight.chain.iter().map(|link| {
                        event_button(link.id, words::inspector::at(link.at), link.explanation.sentence.clone(), false, props)
                    }) }</ol>
                </details>
            }
            if props.lines.is_empty() && !props.view.nodes.is_empty() {
                <section class="lines"><h2>{ texts::LINES }</h2><p class="quiet">{ texts::QUIET }</p></section>
            }
            if !props.lines.is_empty() {
                <section class="lines">
                    <h2>{ texts::LINES }</h2>
                    <ol>{ for props.lines.iter().map(|line| {
                        event_button(line.id, words::inspector::at(line.at), line.text.clone(), line.headline, props)
                    }) }</ol>
                </section>
            }
        </>
    }
}

fn event_button(id: RecordId, at: String, text: String, headline: bool, props: &Props) -> Html {
    let on = props.on.clone();
    let click = Callback::from(move |_: MouseEvent| on.emit(Action::Select(Some(Selection::Record(id)))));
    let selected = props.selection == Some(Selection::Record(id));
    let class = classes!("event", headline.then_some("headline"), selected.then_some("selected"));
    html! { <li key={id.to_string()}><button {class} onclick={click}><time>{ at }</time><span>{ text }</span></button></li> }
}

fn close(props: &Props) -> Html {
    let on = props.on.clone();
    html! {
        <button class="square small" title={inspect::CLOSE} aria-label={inspect::CLOSE}
            onclick={Callback::from(move |_: MouseEvent| on.emit(Action::Select(None)))}>{ glyph(Icon::Close) }</button>
    }
}

fn row(name: &str, value: impl Into<Html>) -> Html {
    html! { <><dt>{ name.to_owned() }</dt><dd>{ value.into() }</dd></> }
}

fn of_node(id: NodeId, props: &Props) -> Html {
    let Some(node) = props.view.nodes.get(&id) else { return Html::default() };
    let status = &node.status;
    let up = matches!(node.liveness, Liveness::Up | Liveness::Paused);
    let look = props.view.role_face(node);
    let nobody = |node: Option<NodeId>| node.map_or_else(|| inspect::NOBODY.to_owned(), |node| node.to_string());
    let durable_log = node.durable.0.min(node.last_index().0);
    let (members, cluster) = (props.view.members_at(node), props.view.members());
    let rounds = props.insight.rounds.as_ref();
    let verdict = face::verdict(&props.view, id);
    html! {
        <>
            <h2>{ words::inspector::node(id) }{ close(props) }</h2>
            <dl class="values">
                { row(inspect::ROLE, face::marked(look.words, node.lies, verdict.is_some())) }
                if up {
                    { row(props.view.era(), html! { <b class="hued" data-hue={hue(status.term).to_string()}>{ status.term.within_instance().0 }</b> }) }
                    if !props.view.may_lie() { { row(inspect::VOTED_FOR, nobody(status.voted_for)) } }
                    { row(inspect::LEADER, status.leader.map_or_else(|| inspect::UNKNOWN.to_owned(), |leader| leader.to_string())) }
                }
                if let Some(lies) = &props.insight.lies { { row(inspect::LIES, lying(lies, props)) } }
                if let Some(verdict) = verdict { { row(inspect::CONVICTED, html! { <span data-testid="verdict"><b>{ words::inspector::at(verdict.at) }</b>{ ": " }{ verdict.words }</span> }) } }
                if let Some(threat) = face::threat(node) { { row(inspect::THREAT, html! { <span data-testid="threat"><b>{ threat.level }</b>{ ": " }{ threat.reasons }</span> }) } }
                if props.view.changing() == Changing::ByEpochs { { row(inspect::EPOCH, words::inspector::epoch(node.epoch(), props.view.epoch, up)) } }
                { row(inspect::PART, face::part_words(props.view.part_among(id, &cluster))) }
                { row(inspect::MEMBERS, face::members(&members)) }
                if let Some(rounds) = rounds { { row(inspect::ROUND, words::inspector::rounds(rounds, props.view.at)) } }
                if let Some(conflict) = ring::broken(&props.view).filter(|conflict| conflict.at(id).is_some()) { { row(inspect::DIFFERS, html! { <span class="bad" data-testid="differs">{ conflict.words }</span> }) } }
                { row(inspect::LOG, words::inspector::log(node.log.len() as u64, node.base.index, status.commit, up)) }
                if let Some(edge) = cluster.edge(id) {
                    { row(inspect::HOLDS, holds(edge, &props.subscribed)) }
                    { row(inspect::LEFT_OUT, left_out(node)) }
                }
                if let Some(snapshot) = &node.snapshot {
                    { row(inspect::SNAPSHOT, words::inspector::snapshot(snapshot.index)) }
                }
                if let Some(timer) = status.timer { { row(face::timer_words(timer.kind), words::inspector::timer(&timer)) } }
                { row(inspect::DISK, disk(node, durable_log)) }
                { row(inspect::STARTS, node.incarnation.0.to_string()) }
            </dl>
            if !status.progress.is_empty() { { progress(id, node, props) } }
            if let Some((through, rows)) = &props.insight.state { { state(*through, rows) } }
            { actions_of_node(id, node, cluster.is_voter(id), props.offers, &props.on) }
            if props.offers.past { { actions_of_liar(id, props.insight.lies.as_ref(), &props.view, &props.on) } }
            if props.offers.members { { actions_of_member(id, &props.view, subscribing(props), &props.on) } }
            { on_their_way(id, props) }
            if props.offers.network { { links(id, props) } }
        </>
    }
}

/// How a node lies now, in words, and since when.
fn lying(lies: &Lies, props: &Props) -> Html {
    let known = face::tricks(&props.view);
    let words = |name: &String| {
        known.iter().find(|(known, _)| known == name).map_or_else(String::new, |(_, words)| (*words).into())
    };
    html! {
        <span data-testid="lies">
            <b>{ words::inspector::since(lies.since, lies.at) }</b>
            { for lies.tricks.iter().map(|name| html! { <span class="trick"><b>{ name }</b>{ ": " }{ words(name) }</span> }) }
            <span class="quiet">{ words::inspector::against(&face::picked(&props.view, &lies.tricks, &lies.against)) }</span>
        </span>
    }
}

/// Whether edges can be had: a simulation feeds them, and of the cluster's own state there are no parts.
fn subscribing(props: &Props) -> bool {
    props.offers.past && props.machine != MachineKind::Cluster && props.view.changing() == Changing::ByLog
}

/// What an edge subscribes to. A configuration has ranges as numbers; their names stand where they were asked for.
fn holds(edge: &Edge, subscribed: &[String]) -> String {
    let held = |name: &&str| edge.ranges.binary_search(&range_of(name)).is_ok();
    let names: Vec<&str> = subscribed.iter().map(String::as_str).filter(held).collect();
    words::inspector::holds(&names, edge.ranges.len().saturating_sub(names.len()))
}

/// Of which commands in its log an edge has no body.
fn left_out(node: &NodeView) -> String {
    let of = |kind| node.log.iter().filter(|entry| entry.kind == kind).count();
    let left_out = of(EntryKind::Elided);
    words::inspector::left_out(left_out, left_out + of(EntryKind::Command))
}

/// What a leader knows of its followers, and how it feeds each.
fn progress(id: NodeId, node: &NodeView, props: &Props) -> Html {
    let members = props.view.members_at(node);
    let heard = |known: &Progress| {
        let rounds = props.insight.rounds.as_ref()?;
        let (_, _, at) = rounds.heard.iter().find(|(other, ..)| *other == known.node)?;
        Some(words::inspector::ago(props.view.at - *at))
    };
    // An observer gets what is committed, at its own pace; everybody else gets all, as far as the window allows.
    let held_back = |known: &Progress| {
        let entries = (node.last_index().0 + 1).saturating_sub(known.next.0);
        if members.is_observer(known.node) { 0 } else { entries }
    };
    html! {
        <details data-testid="progress"><summary>{ inspect::PROGRESS }</summary><table class="progress" aria-label={inspect::PROGRESS}>
            <thead><tr><th></th><th>{ words::inspector::MATCH }</th><th>{ words::inspector::NEXT }</th><th>{ words::inspector::HEARD }</th></tr></thead>
            <tbody>{ for node.status.progress.iter().filter(|known| known.node != id).map(|known| html! {
                <tr key={known.node.0} data-testid={format!("progress-{}", known.node)}>
                    <th scope="row">{ known.node.to_string() }<span>{ words::inspector::feeds(known, held_back(known)) }</span></th>
                    <td>{ known.matched.0 }</td><td>{ known.next.0 }</td><td>{ heard(known) }</td>
                </tr>
            }) }</tbody>
        </table></details>
    }
}

/// What a node's state machine holds.
fn state(through: LogIndex, rows: &[(String, String)]) -> Html {
    html! {
        <details data-testid="state"><summary>{ words::inspector::state(through) }</summary>
            if rows.is_empty() { <p class="quiet">{ inspect::EMPTY }</p> }
            <dl class="values">{ for rows.iter().map(|(name, value)| row(name, value.clone())) }</dl>
        </details>
    }
}

fn disk(node: &NodeView, durable: u64) -> String {
    if node.writing.is_empty() {
        words::inspector::synced(durable)
    } else {
        words::inspector::writing(node.writing.len(), durable, node.waiting.len())
    }
}

/// Messages to and from a node, so that they can be reached without a pointer.
fn on_their_way(id: NodeId, props: &Props) -> Html {
    let end = Endpoint::Node(id);
    let messages = props.view.messages.iter().filter(|(_, message)| message.from == end || message.to == end);
    let buttons: Vec<Html> = messages
        .take(6)
        .map(|((id, copy), message)| {
            let (id, copy, on) = (*id, *copy, props.on.clone());
            let look = face::message(&message.content);
            let click =
                Callback::from(move |_: MouseEvent| on.emit(Action::Select(Some(Selection::Message(id, copy)))));
            html! {
                <li key={format!("{id}/{copy}")}><button class="event" onclick={click}>
                    <time>{ format!("{}→{}", message.from, message.to) }</time><span>{ look.name }</span>
                </button></li>
            }
        })
        .collect();
    if buttons.is_empty() {
        return Html::default();
    }
    html! { <details class="chain"><summary>{ words::inspector::on_their_way(buttons.len()) }</summary><ol>{ for buttons }</ol></details> }
}

/// The links of a node, each direction by itself.
fn links(id: NodeId, props: &Props) -> Html {
    let switch = |from: NodeId, to: NodeId| {
        let cut = is_cut(&props.view, from, to);
        let on = props.on.clone();
        let (from_end, to_end) = (Endpoint::Node(from), Endpoint::Node(to));
        let command = if cut {
            quorumscope_core::record::Command::Mend { from: from_end, to: to_end }
        } else {
            quorumscope_core::record::Command::Cut { from: from_end, to: to_end }
        };
        html! {
            <button class={classes!("link", cut.then_some("cut"))} aria-pressed={cut.to_string()}
                title={words::inspector::link(from, to, cut)} aria-label={words::inspector::link(from, to, cut)}
                onclick={Callback::from(move |_: MouseEvent| on.emit(Action::Act(command.clone())))}>
                { if from == id { "→" } else { "←" } }
            </button>
        }
    };
    html! {
        <details class="links">
            <summary>{ inspect::LINKS }</summary>
            <ul>{ for props.view.nodes.keys().filter(|other| **other != id).map(|other| html! {
                <li key={other.0}>{ switch(id, *other) }<span>{ other.to_string() }</span>{ switch(*other, id) }</li>
            }) }</ul>
        </details>
    }
}

fn of_link(from: NodeId, to: NodeId, props: &Props) -> Html {
    let cut = is_cut(&props.view, from, to);
    html! {
        <>
            <h2>{ words::inspector::link_title(from, to) }{ close(props) }</h2>
            <p class="quiet">{ if cut { words::inspector::LINK_CUT } else { words::inspector::LINK_OPEN } }</p>
            if props.offers.network { { actions_of_link(from, to, cut, &props.on) } }
        </>
    }
}

fn of_message(id: RecordId, copy: u32, props: &Props) -> Html {
    let Some(message) = props.view.messages.get(&(id, copy)) else {
        let text = match props.insight.unsent {
            Some(Unsent::Until(at)) => inspect::unsent(at),
            Some(Unsent::Disk) => inspect::WAITS.into(),
            None => inspect::ARRIVED.into(),
        };
        return html! { <><h2>{ words::inspector::MESSAGE }{ close(props) }</h2><p class="quiet" data-testid="not-on-its-way">{ text }</p></> };
    };
    let look = face::message(&message.content);
    html! {
        <>
            <h2>{ words::inspector::MESSAGE }{ close(props) }</h2>
            <p class="title">{ look.name }</p>
            <dl class="values">
                { row(inspect::FROM, message.from.to_string()) }
                { row(inspect::TO, message.to.to_string()) }
                { for look.fields.into_iter().map(|(name, value)| row(name, value)) }
                { row(inspect::LEFT, words::inspector::at(message.departed)) }
                if message.held { { row(inspect::ARRIVES, inspect::HELD) } }
                else if let Some(arrives) = message.arrives { { row(inspect::ARRIVES, words::inspector::at(arrives)) } }
            </dl>
            if props.offers.messages { { actions_of_message(id, message.held, &props.on) } }
        </>
    }
}

fn of_entry(node: NodeId, index: LogIndex, props: &Props) -> Html {
    let view = &props.view;
    let Some(entry) = view.nodes.get(&node).and_then(|node| node.entry(index)) else {
        return html! { <><h2>{ words::inspector::entry(index, node) }{ close(props) }</h2><p class="quiet">{ words::inspector::NO_ENTRY }</p></> };
    };
    let holds = |test: &dyn Fn(&NodeView) -> bool| {
        let names: Vec<String> = view
            .nodes
            .iter()
            .filter(|(_, other)| other.term_at(index) == Some(entry.term) && test(other))
            .map(|(id, _)| id.to_string())
            .collect();
        if names.is_empty() { inspect::NOBODY.to_owned() } else { names.join(" ") }
    };
    html! {
        <>
            <h2>{ words::inspector::entry(index, node) }{ close(props) }</h2>
            <p class="title">{ face::entry(entry).text }</p>
            <dl class="values">
                { row(props.view.era(), html! { <b class="hued" data-hue={hue(entry.term).to_string()}>{ entry.term.within_instance().0 }</b> }) }
                { row(inspect::ON, holds(&|_| true)) }
                { row(inspect::DURABLE_ON, holds(&|other| other.durable >= index)) }
                { row(inspect::COMMITTED_ON, holds(&|other| other.status.commit >= index)) }
            </dl>
        </>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_names_what_it_was_asked_to_hold_and_counts_what_has_no_name() {
        let edge = Edge::new(NodeId(4), [range_of("cart"), range_of("user")]);
        let names = |names: &[&str]| holds(&edge, &names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        assert_eq!(names(&["cart", "other", "user"]), "cart, user");
        assert_eq!(names(&["cart"]), "cart, 1 range");
        assert_eq!(names(&[]), "2 ranges");
    }
}
