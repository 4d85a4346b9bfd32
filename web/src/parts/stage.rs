//! What stands on the stage?
//!
//! Two layers: what rests is drawn when an event happens, what moves with every
//! frame. Above them the legend, which explains what is there now and nothing
//! else, and the tools. The line that says what to try next stands below all
//! pictures (`app::caption`).

use std::collections::BTreeSet;

use quorumscope_core::few;
use quorumscope_core::record::{Command, DropReason};
use quorumscope_core::types::NodeId;
use quorumscope_lab::trace::face;
use quorumscope_lab::trace::view::View;
use yew::prelude::*;

use super::icons::{Icon, glyph};
use super::message::{message, sample};
use super::nodes::{self, Emphasis, cross, px};
use super::part::part;
use crate::app::NARROW;
use crate::js;
use crate::model::cursor::Recent;
use crate::model::selection::{Selection, Tool};
use crate::model::{Action, hint};
use crate::scene::geometry::{Point, inside};
use crate::scene::layout::Layout;
use crate::scene::motion::{self, Micros, Pace, fade};
use crate::scene::{ring, table};
use crate::shared::Shared;
use crate::source::Offers;
use crate::words::{act, hints, regions, stage as words};

/// What the stage needs.
#[derive(Properties, PartialEq)]
pub struct Props {
    /// What is seen.
    pub view: Shared<View>,
    /// What still shows.
    pub recent: Shared<Recent>,
    /// Where everything stands.
    pub layout: Shared<Layout>,
    /// When.
    pub time: Micros,
    /// How long a mark lingers.
    pub linger: Micros,
    /// Whether things travel.
    pub pace: Pace,
    /// What is selected.
    pub selection: Option<Selection>,
    /// What a click means.
    pub tool: Tool,
    /// What the source can do.
    pub offers: Offers,
    /// Whether something can be taken back, and done again.
    pub history: (bool, bool),
    /// Where actions go.
    pub on: Callback<Action>,
}

/// The ring with everything on it.
#[component]
pub fn Stage(props: &Props) -> Html {
    let lasso = use_state(Vec::<Point>::new);
    let choosing = matches!(props.tool, Tool::Partition(_));
    let (down, moved, up) = lasso_handlers(&lasso, choosing, &props.layout, &props.on);
    let background = {
        let on = props.on.clone();
        Callback::from(move |_: MouseEvent| {
            if !choosing {
                on.emit(Action::Select(None))
            }
        })
    };
    let size = props.layout.size;
    html! {
        <div class={classes!("ring", choosing.then_some("choosing"))}>
            <svg viewBox={format!("0 0 {:.0} {:.0}", size.width, size.height)} aria-label={regions::RING} role="group"
                data-testid="ring" onpointerdown={down} onpointermove={moved} onpointerup={up}>
                <rect class="ground" width={px(size.width)} height={px(size.height)} onclick={background} />
                { part(RestProps { view: props.view.clone(), layout: props.layout.clone(), selection: props.selection,
                    tool: props.tool.clone(), on: props.on.clone() }, rest) }
                { moving(props) }
                if !lasso.is_empty() {
                    <polygon class="lasso" points={lasso.iter().map(|p| format!("{:.0},{:.0} ", p.x, p.y)).collect::<String>()} />
                }
            </svg>
            { part(LegendProps { view: props.view.clone(), losing: !props.recent.losses.is_empty(), ring: true }, legend) }
            { tools(props) }
        </div>
    }
}

type Pointer = Callback<PointerEvent>;

/// The drawing, whose upper left corner its places are counted from.
const DRAWING: &str = ".ring > svg";

/// Drawing round nodes chooses them.
fn lasso_handlers(
    lasso: &UseStateHandle<Vec<Point>>,
    choosing: bool,
    layout: &Shared<Layout>,
    on: &Callback<Action>,
) -> (Pointer, Pointer, Pointer) {
    let down = {
        let lasso = lasso.clone();
        Callback::from(move |event: PointerEvent| {
            if let (true, Some(point)) = (choosing, js::pointer_in(&event, DRAWING)) {
                lasso.set(vec![point]);
            }
        })
    };
    let moved = {
        let lasso = lasso.clone();
        Callback::from(move |event: PointerEvent| {
            if let (false, Some(point)) = (lasso.is_empty(), js::pointer_in(&event, DRAWING)) {
                let mut points = (*lasso).clone();
                points.push(point);
                lasso.set(points);
            }
        })
    };
    let up = {
        let (lasso, layout, on) = (lasso.clone(), layout.clone(), on.clone());
        Callback::from(move |_: PointerEvent| {
            let held: BTreeSet<NodeId> =
                few::set(layout.nodes().filter(|(_, place)| inside(&lasso, *place)).map(|(node, _)| node));
            // A short drag is a click on a node, which chooses it by itself.
            if lasso.len() > 8 && !held.is_empty() {
                on.emit(Action::Tool(Tool::Partition(held)));
            }
            lasso.set(Vec::new());
        })
    };
    (down, moved, up)
}

#[derive(PartialEq)]
struct RestProps {
    view: Shared<View>,
    layout: Shared<Layout>,
    selection: Option<Selection>,
    tool: Tool,
    on: Callback<Action>,
}

/// What does not move between two events.
fn rest(props: &RestProps) -> Html {
    let RestProps { view, layout, selection, tool, on } = props;
    let on_node = {
        let (on, choosing) = (on.clone(), matches!(tool, Tool::Partition(_)));
        Callback::from(move |node| {
            on.emit(if choosing { Action::Choose(node) } else { Action::Select(Some(Selection::Node(node))) });
        })
    };
    let on_lane = {
        let on = on.clone();
        Callback::from(move |(from, to)| on.emit(Action::Select(Some(Selection::Link(from, to)))))
    };
    let on_client = {
        let on = on.clone();
        Callback::from(move |client| on.emit(Action::Select(Some(Selection::Client(client)))))
    };
    let lanes = ring::lanes(view, layout);
    let concerns = |from, to| match selection {
        Some(Selection::Link(a, b)) => *a == from && *b == to,
        Some(_) | None => false,
    };
    html! {
        <g class="rest">
            { for ring::hulls(view, layout).into_iter().enumerate().map(hull) }
            { for lanes.iter().map(|lane| nodes::lane(lane, concerns(lane.from, lane.to), on_lane.clone())) }
            { for layout.clients().map(|(id, place)| {
                nodes::client(id, place, layout.client_radius, *selection == Some(Selection::Client(id)), on_client.clone())
            }) }
            { for ring::nodes(view, layout).iter().map(|shape| {
                let emphasis = Emphasis {
                    selected: selection.and_then(Selection::node) == Some(shape.id),
                    chosen: matches!(tool, Tool::Partition(chosen) if chosen.contains(&shape.id)),
                };
                nodes::node(shape, layout, emphasis, on_node.clone())
            }) }
        </g>
    }
}

/// The hull round one side of a partition. Sides differ by tint, by line and by what fills them: dots, stripes, nothing.
fn hull((side, path): (usize, String)) -> Html {
    let (class, fill) = match side % 3 {
        0 => ("hull", "dots"),
        1 => ("hull other", "stripes"),
        _ => ("hull third", ""),
    };
    let inside = (!fill.is_empty()).then(|| format!("fill:url(#{fill})"));
    html! {
        <g {class}>
            if side == 0 {
                <defs>
                    <pattern id="dots" width="12" height="12" patternUnits="userSpaceOnUse"><circle cx="6" cy="6" r="1.2" /></pattern>
                    <pattern id="stripes" width="9" height="9" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path d="M0 0V9" /></pattern>
                </defs>
            }
            <path d={path.clone()} /><path class="inside" d={path} style={inside} />
        </g>
    }
}

/// What moves with every frame.
fn moving(props: &Props) -> Html {
    let Props { view, recent, layout, time, linger, pace, selection, on, .. } = props;
    let timers = motion::timers(view, layout, *time);
    let travelling = motion::messages(view, layout, *time, *pace);
    let losses = motion::losses(&recent.losses, layout, *time, *linger);
    let decided = recent
        .decided
        .iter()
        .rev()
        .map(|(index, _, at)| (index, fade(*at, *time, *linger)))
        .find(|(_, strength)| *strength > 0.0);
    html! {
        <g class="moving">
            { for timers.into_iter().map(|timer| {
                let hue = view.nodes.get(&timer.node).map_or(0, |node| ring::hue(node.status.term));
                let class = classes!("timer", (timer.left < 0.12).then_some("ending"));
                html! { <path {class} key={timer.node.0} data-hue={hue.to_string()} d={timer.path} /> }
            }) }
            if let Some((index, strength)) = decided {
                <g class="decided" style={format!("opacity:{strength:.2}")} transform={format!("translate({:.1} {:.1})", layout.center.x, layout.center.y)}>
                    <circle r={px(30.0 + (1.0 - strength) * 16.0)} />
                    <text class="tick" y="-2">{ "✓" }</text>
                    <text class="index" y="15">{ words::decided(*index) }</text>
                </g>
            }
            { for travelling.iter().map(|moving| {
                let (id, copy) = moving.key;
                let selected = *selection == Some(Selection::Message(id, copy));
                let click = {
                    let on = on.clone();
                    Callback::from(move |_: MouseEvent| on.emit(Action::Select(Some(Selection::Message(id, copy)))))
                };
                let look = face::message(&moving.message.content);
                let class = classes!("message", selected.then_some("selected"), moving.message.held.then_some("held"));
                html! {
                    <g {class} key={format!("{id}/{copy}")} onclick={click} data-testid="message">
                        if selected { <path class="way" d={moving.lane.path()} /> }
                        <circle class="reach" cx={px(moving.at.x)} cy={px(moving.at.y)} r="18" />
                        { message(&look, moving.at) }
                    </g>
                }
            }) }
            { for losses.iter().enumerate().map(|(index, loss)| html! {
                <g class="loss" style={format!("opacity:{:.2}", loss.strength.sqrt())}>
                    <path d={cross(loss.at, 7.5)} />
                    if index + 1 == losses.len() { <text x={px(loss.at.x + 13.0)} y={px(loss.at.y + 4.0)}>{ lost(loss.reason) }</text> }
                </g>
            }) }
        </g>
    }
}

fn lost(reason: DropReason) -> &'static str {
    match reason {
        DropReason::Loss => words::LOST,
        DropReason::Cut => words::LOST_CUT,
        DropReason::ReceiverDown => words::LOST_DOWN,
        DropReason::SenderCrashed => words::LOST_SENDER,
        DropReason::Hand => words::LOST_HAND,
    }
}

#[derive(PartialEq)]
pub(super) struct LegendProps {
    pub(super) view: Shared<View>,
    pub(super) losing: bool,
    /// Whether nodes are drawn with what belongs to them.
    pub(super) ring: bool,
}

/// Explains what is on the stage now, and nothing else.
pub(super) fn legend(props: &LegendProps) -> Html {
    /// More terms than these are told by their numbers alone.
    const TERMS: usize = 4;
    let terms = table::legend_terms(&props.view, TERMS);
    let timers = props.ring && props.view.nodes.values().any(|node| node.status.timer.is_some());
    html! {
        <ul class="legend" aria-label={words::LEGEND}>
            { for terms.iter().map(|term| html! {
                <li key={format!("t{}", term.0)} class="term" data-hue={ring::hue(*term).to_string()}><i class="swatch"></i>{ words::term(&props.view, *term) }</li>
            }) }
            { for face::legend(&props.view).into_iter().map(|kind| html! {
                <li key={format!("{kind:?}")}>{ sample(kind) }{ kind.words() }</li>
            }) }
            if timers { <li key="timer"><svg class="legend-glyph" viewBox="-10 -10 20 20" aria-hidden="true"><path class="timer-sample" d="M0-7A7 7 0 1 1-6.060-3.500" /></svg>{ words::TIMER }</li> }
            if props.ring && props.view.nodes.values().any(|node| face::threat(node).is_some()) {
                <li key="threat"><svg class="legend-glyph" viewBox="-10 -10 20 20" aria-hidden="true">{ nodes::meter(Point::new(-9.0, 0.0), 2) }</svg>{ words::THREAT }</li>
            }
            if !props.view.convicted.is_empty() {
                <li key="convicted"><svg class="legend-glyph" viewBox="-15 -15 30 30" aria-hidden="true">{ nodes::seal() }</svg>{ words::CONVICTED }</li>
            }
            if props.losing { <li key="lost" class="bad"><svg class="legend-glyph" viewBox="-10 -10 20 20" aria-hidden="true"><path class="loss-sample" d={cross(Point::default(), 5.0)} /></svg>{ words::LOST }</li> }
        </ul>
    }
}

/// What is done to the whole stage.
fn tools(props: &Props) -> Html {
    let send = |action: Action| {
        let on = props.on.clone();
        Callback::from(move |_: MouseEvent| on.emit(action.clone()))
    };
    if let Tool::Partition(chosen) = &props.tool {
        return html! {
            <div class="tools">
                <button class="primary" data-testid="split" disabled={chosen.is_empty() || chosen.len() >= props.view.nodes.len()} onclick={send(Action::Split)}>
                    { words::split(chosen) }
                </button>
                <button data-testid="cancel" onclick={send(Action::Tool(Tool::Select))}>{ act::CANCEL }</button>
            </div>
        };
    }
    html! {
        <div class="tools">
            if props.offers.past {
                <button class="square" title={act::UNDO} aria-label={act::UNDO} data-testid="undo" disabled={!props.history.0} onclick={send(Action::Undo)}>{ glyph(Icon::Undo) }</button>
                <button class="square" title={act::REDO} aria-label={act::REDO} data-testid="redo" disabled={!props.history.1} onclick={send(Action::Redo)}>{ glyph(Icon::Redo) }</button>
            }
            if props.offers.network {
                <button data-testid="partition" onclick={send(Action::Tool(Tool::Partition(BTreeSet::new())))}>{ act::PARTITION }</button>
                if !props.view.cut.is_empty() {
                    <button data-testid="heal" onclick={send(Action::Act(Command::Heal))}>{ act::HEAL }</button>
                }
            }
        </div>
    }
}

/// What the line below the picture needs.
#[derive(PartialEq)]
pub struct HintProps {
    /// What is seen.
    pub view: Shared<View>,
    /// Whether time passes.
    pub playing: bool,
    /// Whether nodes are chosen for one side of a partition.
    pub choosing: bool,
    /// What the source can do.
    pub offers: Offers,
    /// Whether the live cluster is gone, and if so whether it never let the page in.
    pub gone: Option<bool>,
    /// What has to be said instead.
    pub instead: Option<String>,
}

/// One line that says what to try next.
pub fn hint_line(props: &HintProps) -> Html {
    let text = match props.gone {
        Some(true) => hints::REFUSED.to_owned(),
        Some(false) => hints::GONE.to_owned(),
        None => match &props.instead {
            Some(instead) => instead.clone(),
            None if props.choosing => act::PARTITION_HINT.to_owned(),
            None => hint::next(&props.view, props.playing, props.offers),
        },
    };
    // A phone has no keys to press.
    let text = if js::media(NARROW) { hints::without_keys(&text) } else { text };
    html! { <p class="hint" data-testid="hint">{ text }</p> }
}
