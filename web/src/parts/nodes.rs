//! How are nodes, clients, lanes and hulls drawn?
//!
//! A role is a stroke and a shape, a term a number and a hue; what is down is
//! grey and crossed. Each can be reached and chosen by keyboard.

use quorumscope_core::types::{ClientId, NodeId};
use quorumscope_lab::trace::face::{self, Ring};
use quorumscope_lab::trace::members::Part;
use quorumscope_lab::trace::view::Liveness;
use yew::prelude::*;

use crate::scene::geometry::Point;
use crate::scene::layout::Layout;
use crate::scene::ring::{Disk, LaneShape, LaneState, NodeShape, VoteDot, hue};
use crate::words::stage as words;

/// How a node stands out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Emphasis {
    /// The inspector shows it.
    pub selected: bool,
    /// It is chosen for one side of a partition.
    pub chosen: bool,
}

/// A node with its label.
pub fn node(shape: &NodeShape, layout: &Layout, emphasis: Emphasis, on_click: Callback<NodeId>) -> Html {
    let look = shape.look;
    let (label, anchor) = layout.label(shape.place);
    let (place, Point { x, y }) = (shape.place, shape.place);
    let ring = match look.ring {
        Ring::Plain => "plain",
        Ring::Dashed => "dashed",
        Ring::Crowned => "crowned",
        Ring::Small => "small",
        Ring::Paused => "paused",
        Ring::Crossed => "crossed",
    };
    let radius = if look.ring == Ring::Small { layout.radius * 0.74 } else { layout.radius };
    let id = shape.id;
    let click = {
        let on_click = on_click.clone();
        Callback::from(move |_: MouseEvent| on_click.emit(id))
    };
    let key = Callback::from(move |event: KeyboardEvent| {
        if event.key() == "Enter" || event.key() == " " {
            event.prevent_default();
            on_click.emit(id);
        }
    });
    let dots = !shape.votes.is_empty();
    let standing = face::standing(look, shape.part);
    let standing = face::marked(&standing, shape.lies, shape.verdict.is_some());
    let standing = match &shape.threat {
        Some(threat) if threat.step > 0 => words::threatened(&standing, threat.level),
        Some(_) | None => standing,
    };
    let name = match look.ring {
        Ring::Crossed => format!("{id}, {standing}"),
        _ => format!("{id}, {standing}, {}", shape.when),
    };
    let name = shape.differs.iter().fold(name, |name, differs| format!("{name}, {differs}"));
    let class = classes!(
        "node",
        ring,
        part_name(shape.part),
        shape.lies.then_some("liar"),
        emphasis.selected.then_some("selected"),
        emphasis.chosen.then_some("chosen")
    );
    html! {
        <g {class} key={id.0} data-role={face::role_words(shape.role)} data-testid={format!("node-{id}")} data-keys=""
            data-node={id.to_string()} data-part={part_name(shape.part)} data-term={shape.term.0.to_string()} data-status={status_name(shape.liveness)} data-threat={shape.threat.as_ref().map(|threat| threat.level)} data-hue={hue(shape.term).to_string()}
            tabindex="0" role="button" aria-label={name} aria-pressed={emphasis.selected.to_string()}
            onclick={click} onkeydown={key}>
            <circle class="halo" cx={px(x)} cy={px(y)} r={px(layout.radius + 14.0)} />
            <circle class="body" cx={px(x)} cy={px(y)} r={px(radius)} />
            if look.ring == Ring::Crowned {
                <circle class="inner" cx={px(x)} cy={px(y)} r={px(radius - 6.0)} />
                <path class="crown" transform={format!("translate({x:.1} {:.1}) scale({:.2})", y - radius * 0.53, radius / 40.0)}
                    d="M-9.500 5.500-11-4.500-5-.5 0-7.500 5-.5 11-4.500 9.500 5.500Z" />
            }
            if look.ring != Ring::Crossed { <text class="term" x={px(x)} y={px(y + term_drop(&look.ring, shape.part, dots, layout.radius))}
                style={format!("font-size:{:.0}px", layout.radius * if dots { 0.52 } else { 0.62 })}>{ shape.term.within_instance().0 }</text> }
            { votes(shape, layout.radius) }
            if look.ring == Ring::Crossed {
                <path class="cross" d={cross(shape.place, radius * 0.44)} />
            }
            if look.ring == Ring::Paused {
                <path class="bars" d={format!("M{:.1} {:.1}v9M{:.1} {:.1}v9", x - 4.0, y + radius * 0.36, x + 4.0, y + radius * 0.36)} />
            }
            { part_mark(shape, radius) }
            if shape.lies { { mask(shape, radius) } }
            if let Some(verdict) = &shape.verdict {
                <g transform={format!("translate({:.1} {:.1})", x - radius * 0.86, y - radius * 0.76)} data-testid={format!("convicted-{id}")}>
                    <title>{ verdict }</title>{ seal() }
                </g>
            }
            { disk(shape, layout.radius) }
            if let Some(threat) = &shape.threat { { meter(Point::new(x + 15.0, y + layout.radius + 20.0), threat.step) } }
            <text class="name" x={px(label.x)} y={px(label.y)} text-anchor={anchor.name()}>{ id.to_string() }</text>
            { line(place, layout, 0, "role", &standing, None) }
            if let Some(differs) = &shape.differs { { line(place, layout, 1, "role differs", differs, Some(format!("differs-{id}"))) } }
        </g>
    }
}

/// A line below a node's name, where there is room for it.
fn line(place: Point, layout: &Layout, number: usize, class: &'static str, text: &str, test: Option<String>) -> Html {
    let Some((at, anchor)) = layout.words(place, text.chars().count()) else { return Html::default() };
    let y = at.y + number as f64 * (at.y - layout.label(place).0.y);
    html! { <text {class} x={px(at.x)} y={px(y)} text-anchor={anchor.name()} data-testid={test}>{ text.to_owned() }</text> }
}

fn part_name(part: Part) -> &'static str {
    match part {
        Part::Voter => "voter",
        Part::Joining => "joining",
        Part::Leaving => "leaving",
        Part::Learner => "learner",
        Part::Observer => "observer",
        Part::Edge => "edge",
        Part::Spare | Part::StandsBy => "spare",
        Part::Retired => "retired",
    }
}

/// An eye for who only looks, a badge for who comes or goes.
fn part_mark(shape: &NodeShape, radius: f64) -> Html {
    let Point { x, y } = shape.place;
    let badge = |sign: &'static str| {
        html! {
            <g class="badge" transform={format!("translate({:.1} {:.1})", x + radius * 0.76, y - radius * 0.76)}>
                <circle r="8.500" /><text y="4.200">{ sign }</text>
            </g>
        }
    };
    match shape.part {
        Part::Voter | Part::Learner | Part::Spare | Part::StandsBy | Part::Retired => Html::default(),
        Part::Joining => badge("+"),
        Part::Leaving => badge("−"),
        Part::Edge => badge("E"),
        Part::Observer => html! {
            <path class="eye" transform={format!("translate({x:.1} {:.1})", y - radius * 0.5)} d="M-8.500 0Q0-8 8.500 0Q0 8-8.500 0ZM0-2A2 2 0 1 1 0 2A2 2 0 1 1 0-2Z" />
        },
    }
}

/// A horned mask for who lies, where nobody wears another badge: among nodes that may lie, nobody joins or leaves by halves.
fn mask(shape: &NodeShape, radius: f64) -> Html {
    let at = format!("translate({:.1} {:.1})", shape.place.x + radius * 0.76, shape.place.y - radius * 0.76);
    html! {
        <g class="mask" transform={at} data-testid={format!("liar-{}", shape.id)}>
            <circle r="13" />
            <path class="face" d="M-8-9.500Q-7-5.500-4.500-5Q0-6.500 4.500-5Q7-5.500 8-9.500Q9.500-3 7 .5Q6.500 7 0 9.500Q-6.500 7-7 .5Q-9.500-3-8-9.500Z" />
            <path class="eyes" d="M-4.800-.8-1.300 1.200M4.800-.8 1.300 1.200M-2.500 5Q0 3.500 2.500 5" />
        </g>
    }
}

/// A seal with the sign of a section of the law, for whom the cluster has convicted: that one may lie or not any more.
pub(super) fn seal() -> Html {
    html! { <g class="seal"><rect x="-11" y="-11" width="22" height="22" rx="4" /><text y="5.500">{ "§" }</text></g> }
}

/// As assistive technology and tests read it.
pub(super) fn status_name(liveness: Liveness) -> &'static str {
    match liveness {
        Liveness::Up => "up",
        Liveness::Paused => "paused",
        Liveness::Down => "down",
        Liveness::Crashed => "crashed",
        Liveness::Broken => "broken",
    }
}

/// How far below the middle the number stands: it makes room for a crown or an eye above, or dots below.
fn term_drop(ring: &Ring, part: Part, dots: bool, radius: f64) -> f64 {
    match ring {
        _ if dots => radius * 0.02,
        Ring::Small if part == Part::Observer => radius * 0.4,
        Ring::Crowned => radius * 0.42,
        Ring::Paused => radius * 0.1,
        Ring::Plain | Ring::Dashed | Ring::Small | Ring::Crossed => radius * 0.22,
    }
}

fn votes(shape: &NodeShape, radius: f64) -> Html {
    let count = shape.votes.len() as f64;
    let gap = (radius * 1.42 / count.max(1.0)).min(radius * 0.27);
    let start = shape.place.x - gap * (count - 1.0) / 2.0;
    let dots = shape.votes.iter().enumerate().map(|(index, dot)| {
        let class = match dot {
            VoteDot::Have => "vote have",
            VoteDot::Coming => "vote coming",
            VoteDot::Refused => "vote refused",
            VoteDot::Open => "vote",
        };
        let x = start + gap * index as f64;
        let y = shape.place.y + radius * 0.42;
        html! {
            <>
                <circle {class} cx={px(x)} cy={px(y)} r={px(gap * 0.36)} />
                if *dot == VoteDot::Refused {
                    <path class="vote refused" d={cross(Point::new(x, y), gap * 0.2)} />
                }
            </>
        }
    });
    dots.collect()
}

/// A small platter at the foot of the node.
fn disk(shape: &NodeShape, radius: f64) -> Html {
    let class = match shape.disk {
        Disk::Synced => "disk",
        Disk::Writing => "disk writing",
        Disk::Down => "disk down",
    };
    let (x, y) = (shape.place.x, shape.place.y + radius + 20.0);
    html! {
        <g {class} transform={format!("translate({x:.1} {y:.1})")}>
            <path d="M-9-2.500v4.500c0 1.700 4 3 9 3s9-1.300 9-3v-4.500" />
            <ellipse cx="0" cy="-2.500" rx="9" ry="3" />
        </g>
    }
}

/// Bars that rise: so many of them are full as steps lead to the level.
pub(super) fn meter(at: Point, step: u8) -> Html {
    let bar = |place: u8| {
        let (x, height) = (at.x + f64::from(place) * 5.0, 4.0 + 3.0 * f64::from(place));
        let full = (place < step).then_some(if step > face::STEPS / 2 { "full bad" } else { "full" });
        html! { <rect class={classes!(full)} x={px(x)} y={px(at.y + 5.0 - height)} width="3.600" height={px(height)} /> }
    };
    html! { <g class="meter">{ for (0..face::STEPS).map(bar) }</g> }
}

/// A client's box.
pub fn client(id: ClientId, place: Point, half: f64, selected: bool, on_click: Callback<ClientId>) -> Html {
    let class = classes!("client", selected.then_some("selected"));
    let click = {
        let on_click = on_click.clone();
        Callback::from(move |_: MouseEvent| on_click.emit(id))
    };
    let key = Callback::from(move |event: KeyboardEvent| {
        if event.key() == "Enter" || event.key() == " " {
            event.prevent_default();
            on_click.emit(id);
        }
    });
    html! {
        <g {class} key={format!("{id}")} tabindex="0" role="button" data-keys="" aria-label={format!("client {id}")} data-testid={format!("client-{id}")}
            onclick={click} onkeydown={key}>
            <rect x={px(place.x - half)} y={px(place.y - half)} width={px(half * 2.0)} height={px(half * 2.0)} rx="5" />
            <text x={px(place.x)} y={px(place.y + 4.5)}>{ id.to_string() }</text>
        </g>
    }
}

/// One direction of a link; a wide invisible stroke takes the clicks.
pub fn lane(shape: &LaneShape, selected: bool, on_click: Callback<(NodeId, NodeId)>) -> Html {
    let class = classes!(
        "lane",
        match shape.state {
            LaneState::Open => "open",
            LaneState::Idle => "idle",
            LaneState::Cut => "cut",
            LaneState::Apart => "cut apart",
            LaneState::CutOneWay => "cut one-way",
        },
        selected.then_some("selected")
    );
    let (from, to) = (shape.from, shape.to);
    let cut = matches!(shape.state, LaneState::Cut | LaneState::CutOneWay | LaneState::Apart);
    let path = if cut { shape.lane.path_until(0.46) } else { shape.lane.path() };
    let middle = shape.lane.at(0.47);
    html! {
        <g {class} key={format!("{from}-{to}")} onclick={Callback::from(move |_: MouseEvent| on_click.emit((from, to)))}>
            <path class="reach" d={shape.lane.path()} />
            <path class="line" d={path} />
            if shape.state == LaneState::CutOneWay {
                <g transform={format!("translate({:.1} {:.1}) rotate({:.0})", middle.x, middle.y, shape.lane.heading(0.47))}>
                    <path class="blade" d="M0-8v16M-7-4.500-1.500 0-7 4.500" />
                </g>
            }
            if shape.state == LaneState::Cut {
                <g transform={format!("translate({:.1} {:.1}) rotate({:.0})", middle.x, middle.y, shape.lane.heading(0.47))}>
                    <path class="blade" d="M0-5v10" />
                </g>
            }
        </g>
    }
}

/// A cross of this half width.
#[must_use]
pub fn cross(at: Point, half: f64) -> String {
    let Point { x, y } = at;
    format!("M{:.1} {:.1}l{w:.1} {w:.1}m0 -{w:.1}l-{w:.1} {w:.1}", x - half, y - half, w = half * 2.0)
}

/// A coordinate as SVG reads it.
#[must_use]
pub fn px(value: f64) -> String {
    format!("{value:.1}")
}
