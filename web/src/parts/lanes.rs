//! How is a space-time diagram drawn?
//!
//! A lane a client and a node, a line a message, a cross where it was lost, the
//! protocol's steps above. What stands does so until the window of time moves
//! on; the cursor passes over it, and what comes after it is faint. The arrow
//! keys go from message to message.

use quorumscope_core::record::Endpoint;
use quorumscope_core::types::NodeId;
use quorumscope_lab::trace::face;
use quorumscope_lab::trace::lanes::{Flight, Lanes, Round, Stretch};
use quorumscope_lab::trace::view::{Liveness, View};
use yew::prelude::*;

use super::icons::{Icon, glyph};
use super::message::message;
use super::nodes::{self, cross, px};
use super::part::part;
use super::stage::{LegendProps, legend};
use crate::model::Action;
use crate::model::selection::Selection;
use crate::scene::geometry::Point;
use crate::scene::lanes::{Frame, Line, ROW, beside};
use crate::scene::layout::Size;
use crate::scene::motion::Micros;
use crate::scene::ring::hue;
use crate::scene::ruler::label;
use crate::shared::Shared;
use crate::words::{lanes as words, regions};

/// What the diagram needs.
#[derive(PartialEq)]
pub struct Props {
    /// What is seen at the cursor.
    pub view: Shared<View>,
    /// What happened in the window.
    pub lanes: Shared<Lanes>,
    /// The window of time.
    pub window: (Micros, Micros),
    /// The cursor.
    pub time: Micros,
    /// The stage.
    pub size: Size,
    /// Whether something was lost a moment ago.
    pub losing: bool,
    /// What is selected.
    pub selection: Option<Selection>,
    /// Where actions go.
    pub on: Callback<Action>,
}

/// More messages than these are drawn as lines alone.
const WITH_LETTERS: usize = 260;

/// The whole diagram.
pub fn lanes(props: &Props) -> Html {
    let frame = Frame::new(props.size, &props.view, props.window);
    let Size { width, height } = props.size;
    let chosen = chosen(props.selection);
    let keys = {
        let (on, lanes, time) = (props.on.clone(), props.lanes.clone(), props.time);
        Callback::from(move |event: KeyboardEvent| {
            let forward = match event.key().as_str() {
                "ArrowDown" => true,
                "ArrowUp" => false,
                _ => return,
            };
            event.prevent_default();
            if let Some((id, copy)) = beside(&lanes, chosen, time, forward) {
                on.emit(Action::Select(Some(Selection::Message(id, copy))));
            }
        })
    };
    let x = frame.x(props.time).max(frame.gutter);
    let told = chosen.and_then(|chosen| props.lanes.flights.iter().find(|flight| flight.key == chosen));
    html! {
        <div class="ring">
            <svg class={classes!("lanes", (props.lanes.flights.len() > WITH_LETTERS).then_some("dense"))} viewBox={format!("0 0 {width:.0} {height:.0}")}
                role="group" tabindex="0" aria-label={regions::LANES} data-testid="lanes" onkeydown={keys}>
                { part(StillProps { lanes: props.lanes.clone(), frame: frame.clone(), chosen: props.selection, on: props.on.clone() }, still) }
                <rect class="future" x={px(x)} y={px(frame.head - 4.0)} width={px((width - x).max(0.0))} height={px(frame.ends.1 - frame.head + 12.0)} />
                <g class="cursor" transform={format!("translate({x:.1} 0)")}><path d={format!("M0 {:.0}V{:.0}", frame.head - 4.0, frame.ends.1 + 6.0)} /></g>
                { part(NamesProps { view: props.view.clone(), frame, selected: props.selection.and_then(Selection::node), on: props.on.clone() }, names) }
            </svg>
            { part(LegendProps { view: props.view.clone(), losing: props.losing, ring: false }, legend) }
            <div class="tools">
                { zoom(Icon::Plus, words::NARROWER, 0.5, "lanes-narrower", &props.on) }
                { zoom(Icon::Minus, words::WIDER, 2.0, "lanes-wider", &props.on) }
            </div>
            <p class="aloud" aria-live="polite" data-testid="lanes-told">{ told.map(words::flight) }</p>
        </div>
    }
}

fn chosen(selection: Option<Selection>) -> Option<(quorumscope_core::types::RecordId, u32)> {
    match selection {
        Some(Selection::Message(id, copy)) => Some((id, copy)),
        Some(
            Selection::Node(_)
            | Selection::Link(..)
            | Selection::Entry(..)
            | Selection::Client(_)
            | Selection::Record(_),
        )
        | None => None,
    }
}

fn zoom(icon: Icon, title: &'static str, factor: f64, test: &'static str, on: &Callback<Action>) -> Html {
    let on = on.clone();
    let click = Callback::from(move |_: MouseEvent| on.emit(Action::Span(factor)));
    html! { <button class="square" {title} aria-label={title} data-testid={test} onclick={click}>{ glyph(icon) }</button> }
}

#[derive(PartialEq)]
struct StillProps {
    lanes: Shared<Lanes>,
    frame: Frame,
    chosen: Option<Selection>,
    on: Callback<Action>,
}

/// What does not move with the cursor.
fn still(props: &StillProps) -> Html {
    let StillProps { lanes, frame, on, .. } = props;
    let chosen = chosen(props.chosen);
    let (top, bottom) = frame.ends;
    let ticks = frame.ticks();
    let step = ticks.windows(2).map(|pair| pair[1] - pair[0]).next().unwrap_or(1_000_000.0);
    let none = {
        let on = on.clone();
        Callback::from(move |_: MouseEvent| on.emit(Action::Select(None)))
    };
    let width = frame.size.width - frame.gutter;
    // The chosen one lies over the others.
    let (above, below): (Vec<&Flight>, Vec<&Flight>) =
        lanes.flights.iter().partition(|flight| Some(flight.key) == chosen);
    html! {
        <g>
            <rect class="ground" width={px(frame.size.width)} height={px(frame.size.height)} onclick={none} />
            <clipPath id="span"><rect x={px(frame.gutter)} y="0" width={px(width)} height={px(frame.size.height)} /></clipPath>
            <g clip-path="url(#span)">
                { for frame.rows(&lanes.rounds).into_iter().map(|(row, round)| steps(row, round, frame)) }
                { for ticks.iter().map(|tick| html! {
                    <g class="tick" key={format!("{tick:.0}")}><path d={format!("M{:.1} {bottom:.0}v5", frame.x(*tick))} /><text x={px(frame.x(*tick))} y={px(bottom + 17.0)}>{ label(*tick, step) }</text></g>
                }) }
                { for frame.lanes().iter().filter(|lane| matches!(lane, Endpoint::Client(_))).filter_map(|lane| frame.y(*lane)).map(|y| html! {
                    <path class="stretch client" d={format!("M{:.0} {y:.1}H{:.0}", frame.gutter, frame.size.width)} />
                }) }
                { for lanes.stretches.iter().filter_map(|stretch| self::stretch(stretch, frame)) }
                { for below.into_iter().chain(above).filter_map(|flight| self::flight(flight, Some(flight.key) == chosen, frame, on)) }
                { for lanes.learned.iter().filter_map(|(node, index, at)| {
                    let (x, y) = (frame.x(at.0 as f64), frame.y(Endpoint::Node(*node))?);
                    Some(html! { <g class="learned" transform={format!("translate({x:.1} {y:.1})")}><title>{ words::learned(*node, *index) }</title><circle r="5.5" /><path d="M-2.600.2-.6 2.200 2.800-2" /></g> })
                }) }
            </g>
            <path class="edge" d={format!("M{:.0} {:.0}V{bottom:.0}", frame.gutter, top - 12.0)} />
        </g>
    }
}

/// A round's steps as a row, and in the first row as columns behind the lanes.
fn steps(row: usize, round: &Round, frame: &Frame) -> Html {
    let y = frame.head + row as f64 * ROW;
    let end = frame.window().1;
    let step = |(place, phase): (usize, &quorumscope_lab::trace::lanes::Phase)| {
        // What began before the window begins at its edge, and its name stands where it is seen.
        let from = frame.x(phase.from.0 as f64).max(frame.gutter);
        let width = (frame.x(phase.to.map_or(end, |to| to.0 as f64)) - from).max(0.0);
        let both = format!("{} {}", round.name, phase.name);
        let room = |text: &str| text.chars().count() as f64 * 5.9 + 8.0 <= width;
        let text = match place {
            0 if room(&both) => both.clone(),
            0 if room(&round.name) => round.name.clone(),
            0 => String::new(),
            _ if room(phase.name) => phase.name.to_owned(),
            _ if room("p") => phase.name.chars().take(1).collect(),
            _ => String::new(),
        };
        html! {
            <g class={classes!("step", (place % 2 == 1).then_some("odd"))} data-testid="step" data-step={both.clone()}>
                <title>{ both }</title>
                if row == 0 { <rect class="column" x={px(from)} y={px(frame.ends.0 - 12.0)} width={px(width)} height={px(frame.ends.1 - frame.ends.0 + 12.0)} /> }
                <rect class="name" x={px(from)} y={px(y)} width={px((width - 1.0).max(1.0))} height={px(ROW - 3.0)} rx="3" />
                <text x={px(from + 4.0)} y={px(y + 11.5)}>{ text }</text>
            </g>
        }
    };
    html! { <g>{ for round.phases.iter().enumerate().map(step) }</g> }
}

/// What a node did for a while.
fn stretch(stretch: &Stretch, frame: &Frame) -> Option<Html> {
    let y = frame.y(Endpoint::Node(stretch.node))?;
    let (begun, over) = (stretch.from.0 as f64, stretch.to.map_or(frame.window().1, |to| to.0 as f64));
    let (from, to) = (frame.x(begun).max(frame.gutter), frame.x(over));
    let began_here = begun > frame.window().0 + 1.0;
    let state = stretch.state;
    let class = match state.liveness {
        Liveness::Up if state.leads => "leads",
        Liveness::Up => "up",
        Liveness::Paused => "paused",
        Liveness::Down | Liveness::Crashed | Liveness::Broken => "down",
    };
    let sign = match state.liveness {
        Liveness::Crashed | Liveness::Broken => html! { <path class="cross" d={cross(Point::new(from, y), 5.0)} /> },
        Liveness::Paused => html! { <path class="bars" d={format!("M{:.1} {:.1}v10m4.500-10v10", from, y - 5.0)} /> },
        Liveness::Up if state.leads => {
            html! { <path class="crown" transform={format!("translate({:.1} {:.1}) scale(.6)", from + 8.0, y - 9.0)} d="M-9.500 5.500-11-4.500-5-.5 0-7.500 5-.5 11-4.500 9.500 5.500Z" /> }
        }
        Liveness::Up | Liveness::Down => Html::default(),
    };
    Some(html! {
        <g class={classes!("stretch", class, state.lies.then_some("liar"))} data-hue={hue(state.term).to_string()} data-testid="stretch" data-of={stretch.node.to_string()} data-state={class}>
            <path d={format!("M{from:.1} {y:.1}H{to:.1}")} />
            if began_here { { sign } }
        </g>
    })
}

fn flight(flight: &Flight, selected: bool, frame: &Frame, on: &Callback<Action>) -> Option<Html> {
    let Line { from, to, lost, open } = frame.line(flight)?;
    let hue = flight.face.term.map_or_else(|| "client".to_owned(), |term| hue(term).to_string());
    let click = {
        let (on, (id, copy)) = (on.clone(), flight.key);
        Callback::from(move |_: MouseEvent| on.emit(Action::Select(Some(Selection::Message(id, copy)))))
    };
    let small = flight.face.letter.is_empty();
    let class = classes!(
        "flight",
        lost.then_some("lost"),
        open.then_some("open"),
        small.then_some("small"),
        selected.then_some("selected")
    );
    let way = format!("M{:.1} {:.1}L{:.1} {:.1}", from.x, from.y, to.x, to.y);
    // Letters stand at different heights of their lines, so that lines from one place can be told apart.
    let at = Point::new(from.x + (to.x - from.x) * 0.34, from.y + (to.y - from.y) * 0.34);
    let scale = if frame.is_narrow() { 0.46 } else { 0.6 };
    Some(html! {
        <g {class} data-hue={hue} data-testid="flight" onclick={click} key={format!("{}/{}", flight.key.0, flight.key.1)}>
            <title>{ words::flight(flight) }</title>
            <path class="reach" d={way.clone()} /><path class="line" d={way} />
            if lost { <path class="cross" d={cross(to, 4.5)} /> } else { <path class="tip" d={tip(from, to)} /> }
            <g class="letter" transform={format!("translate({:.1} {:.1}) scale({scale})", at.x, at.y)}>{ message(&flight.face, Point::default()) }</g>
        </g>
    })
}

/// The point of an arrow.
fn tip(from: Point, to: Point) -> String {
    let length = from.distance(to).max(1.0);
    let (x, y) = ((to.x - from.x) / length, (to.y - from.y) / length);
    let back = Point::new(to.x - 7.0 * x, to.y - 7.0 * y);
    let (a, b) = ((back.x - 2.8 * y, back.y + 2.8 * x), (back.x + 2.8 * y, back.y - 2.8 * x));
    format!("M{:.1} {:.1}L{:.1} {:.1}L{:.1} {:.1}Z", to.x, to.y, a.0, a.1, b.0, b.1)
}

#[derive(PartialEq)]
struct NamesProps {
    view: Shared<View>,
    frame: Frame,
    selected: Option<NodeId>,
    on: Callback<Action>,
}

/// The names at the left: whose lane it is, and what that node does at the cursor.
fn names(props: &NamesProps) -> Html {
    let NamesProps { view, frame, selected, on } = props;
    let name = |lane: &Endpoint| -> Option<Html> {
        let y = frame.y(*lane)?;
        let (node, client) = match lane {
            Endpoint::Node(id) => (view.nodes.get(id).map(|node| (*id, node)), None),
            Endpoint::Client(client) => (None, Some(*client)),
        };
        let target = match lane {
            Endpoint::Node(id) => Selection::Node(*id),
            Endpoint::Client(client) => Selection::Client(*client),
        };
        let choose = {
            let on = on.clone();
            move || on.emit(Action::Select(Some(target)))
        };
        let click = {
            let choose = choose.clone();
            Callback::from(move |_: MouseEvent| choose())
        };
        let key = Callback::from(move |event: KeyboardEvent| {
            if event.key() == "Enter" || event.key() == " " {
                event.prevent_default();
                choose();
            }
        });
        let x = frame.gutter - 10.0;
        let convicted = node.is_some_and(|(id, _)| view.convicted.contains_key(&id));
        // The gutter is narrow: the seal's sign stands for the word, and on a phone for all that is told of the node.
        let standing = |id, node| face::standing(view.role_face(node), view.part(id));
        let told = |convicted| node.map(|(id, node)| face::marked(&standing(id, node), node.lies, convicted));
        let (before, below) = match (frame.is_narrow(), convicted) {
            (true, true) => ("", Some("§".to_owned())),
            (true, false) => ("", None),
            (false, true) => ("§ ", told(false).map(|told| words::short(&told))),
            (false, false) => ("", told(false).map(|told| words::short(&told))),
        };
        let pressed = node.is_some_and(|(id, _)| *selected == Some(id));
        let class = classes!(
            "lane-name",
            client.map(|_| "of-client"),
            pressed.then_some("selected"),
            node.is_some_and(|(_, node)| node.lies).then_some("liar")
        );
        Some(html! {
            <g {class} key={lane.to_string()} tabindex="0" role="button" data-keys="" data-testid={format!("lane-{lane}")}
                data-node={node.map(|(id, _)| id.to_string())} data-role={node.map(|(_, node)| face::role_words(node.status.role))} data-term={node.map(|(_, node)| node.status.term.0.to_string())}
                data-status={node.map(|(_, node)| nodes::status_name(node.liveness))}
                aria-pressed={pressed.to_string()} aria-label={told(convicted).map_or_else(|| lane.to_string(), |standing| format!("{lane}, {standing}"))} onclick={click} onkeydown={key}>
                <rect class="back" x="4" y={px(y - 15.0)} width={px(frame.gutter - 8.0)} height="30" rx="5" />
                <text class="name" x={px(x)} y={px(y + if below.is_some() { -1.0 } else { 4.5 })}>{ before }{ lane.to_string() }</text>
                if let Some(below) = below { <text class="role" x={px(x)} y={px(y + 11.0)}>{ below }</text> }
            </g>
        })
    };
    html! { <g>{ for frame.lanes().iter().filter_map(name) }</g> }
}
