//! Where is the cursor, and what is worth a jump?
//!
//! The bar at the bottom: controls, terms as bands, marks, and the cursor. What
//! comes after the cursor is faint. The strip is a slider for the keyboard and
//! for readers of the screen, and takes drags of a pointer.

use quorumscope_lab::trace::timeline::{Mark, MarkKind, TermBand};
use yew::prelude::*;

use super::icons::{Icon, glyph};
use super::nodes::px;
use super::part::part;
use crate::js;
use crate::model::Action;
use crate::model::cursor::Marks;
use crate::model::speed::Speed;
use crate::scene::motion::Micros;
use crate::scene::ring::hue;
use crate::scene::ruler::{Ruler, label};
use crate::shared::Shared;
use crate::words::{marks as texts, time as words};

/// What the bar needs.
#[derive(Properties, PartialEq)]
pub struct Props {
    /// What stands on it.
    pub marks: Shared<Marks>,
    /// What its bands are: terms, or views.
    pub era: &'static str,
    /// The cursor.
    pub time: Micros,
    /// How many records lie before it.
    pub position: u64,
    /// What is shown.
    pub shown: (Micros, Micros),
    /// The strip's width in pixels.
    pub width: f64,
    /// Whether time passes.
    pub playing: bool,
    /// Whether the end of a live stream is followed; `None` where there is none.
    pub following: Option<bool>,
    /// How fast.
    pub speed: Speed,
    /// The strip, to measure it.
    pub strip: NodeRef,
    /// Where actions go.
    pub on: Callback<Action>,
}

/// The strip, whose left edge its times are counted from.
const STRIP: &str = ".strip";
/// Height of the strip with bands, marks and labels.
const HEIGHT: f64 = 78.0;
/// Top and height of the bands.
const BAND: (f64, f64) = (26.0, 24.0);

/// The whole bar.
#[component]
pub fn TimelineBar(props: &Props) -> Html {
    let ruler = Ruler::new(props.shown.0, props.shown.1, props.width);
    let dragging = use_mut_ref(|| false);
    let seek = {
        let on = props.on.clone();
        move |event: &PointerEvent| {
            if let Some(point) = js::pointer_in(event, STRIP) {
                on.emit(Action::Seek(ruler.time(point.x)));
            }
        }
    };
    let down = {
        let (dragging, seek) = (dragging.clone(), seek.clone());
        Callback::from(move |event: PointerEvent| {
            js::capture(&event, STRIP);
            *dragging.borrow_mut() = true;
            seek(&event);
        })
    };
    let moved = {
        let dragging = dragging.clone();
        Callback::from(move |event: PointerEvent| {
            if *dragging.borrow() {
                seek(&event)
            }
        })
    };
    let up = Callback::from(move |_: PointerEvent| *dragging.borrow_mut() = false);
    let x = ruler.x(props.time);
    // What has not been played does not say who will lead.
    let begun = props.marks.terms.partition_point(|band| band.from.0 as f64 <= props.time);
    html! {
        <>
            { part(ControlsProps { playing: props.playing, speed: props.speed, following: props.following, on: props.on.clone() }, controls) }
            <div class="strip" ref={props.strip.clone()} role="slider" tabindex="0" aria-label={words::CURSOR} data-testid="timeline"
                aria-valuemin={format!("{:.3}", props.shown.0 / 1_000_000.0)} aria-valuemax={format!("{:.3}", props.shown.1 / 1_000_000.0)} aria-valuenow={format!("{:.3}", props.time / 1_000_000.0)}
                aria-valuetext={texts::clock(props.time)}
                onpointerdown={down} onpointermove={moved} onpointerup={up.clone()} onpointercancel={up}>
                <svg viewBox={format!("0 0 {:.0} {HEIGHT:.0}", props.width)} aria-hidden="true">
                    { part(StripProps { marks: props.marks.clone(), era: props.era, from: props.shown.0, to: props.shown.1, width: props.width, begun }, strip) }
                    <rect class="future" x={px(x)} y="0" width={px((props.width - x).max(0.0))} height={px(HEIGHT - 18.0)} />
                    <g class="cursor" transform={format!("translate({x:.1} 0)")}>
                        <path d={format!("M0 8V{:.0}", HEIGHT - 18.0)} /><circle cy="8" r="5" />
                    </g>
                </svg>
            </div>
            <div class="clock">
                <b data-testid="time">{ texts::clock(props.time) }</b>
                <span data-testid="position">{ texts::position(props.position, props.marks.records) }</span>
                <span class="zoom">
                    { zoom(Icon::Plus, words::NARROWER, 0.5, &props.on) }
                    { zoom(Icon::Minus, words::WIDER, 2.0, &props.on) }
                </span>
            </div>
        </>
    }
}

fn zoom(icon: Icon, title: &'static str, factor: f64, on: &Callback<Action>) -> Html {
    let on = on.clone();
    html! { <button class="square small" {title} aria-label={title} onclick={Callback::from(move |_: MouseEvent| on.emit(Action::Zoom(factor)))}>{ glyph(icon) }</button> }
}

#[derive(PartialEq)]
struct ControlsProps {
    playing: bool,
    speed: Speed,
    following: Option<bool>,
    on: Callback<Action>,
}

fn controls(props: &ControlsProps) -> Html {
    let button = |icon: Icon, title: &'static str, test: &'static str, class: &'static str, action: Action| {
        let on = props.on.clone();
        let click = Callback::from(move |_: MouseEvent| on.emit(action.clone()));
        html! { <button class={classes!("square", class)} {title} aria-label={title} data-testid={test} onclick={click}>{ glyph(icon) }</button> }
    };
    let speed = {
        let on = props.on.clone();
        Callback::from(move |event: Event| {
            if let Some(speed) = js::field_text(&event).parse().ok().and_then(Speed::nth) {
                on.emit(Action::Speed(speed));
            }
        })
    };
    let (icon, title) = if props.playing { (Icon::Pause, words::PAUSE) } else { (Icon::Play, words::PLAY) };
    html! {
        <div class="controls">
            { button(Icon::Previous, words::PREVIOUS, "previous-mark", "", Action::PreviousMark) }
            { button(Icon::Back, words::BACK, "step-back", "", Action::StepBack) }
            { button(icon, title, "play", "play", Action::TogglePlay) }
            { button(Icon::Forward, words::FORWARD, "step-forward", "", Action::StepForward) }
            { button(Icon::Next, words::NEXT, "next-mark", "", Action::NextMark) }
            <label class="speed"><span>{ words::SPEED }</span>
                <select data-testid="speed" onchange={speed} aria-label={words::SPEED}>
                    { for Speed::all().map(|speed| html! {
                        <option key={speed.index()} value={speed.index().to_string()} selected={speed == props.speed}>{ texts::speed(speed.name(), speed.factor().is_none()) }</option>
                    }) }
                </select>
            </label>
            if props.following == Some(false) {
                { follow(&props.on) }
            }
        </div>
    }
}

fn follow(on: &Callback<Action>) -> Html {
    let on = on.clone();
    html! { <button class="primary" data-testid="follow" onclick={Callback::from(move |_: MouseEvent| on.emit(Action::ToEnd))}>{ words::FOLLOW }</button> }
}

#[derive(PartialEq)]
struct StripProps {
    marks: Shared<Marks>,
    era: &'static str,
    from: Micros,
    to: Micros,
    width: f64,
    begun: usize,
}

/// Bands, marks and labels: they change when records come, not with the cursor.
fn strip(props: &StripProps) -> Html {
    let ruler = Ruler::new(props.from, props.to, props.width);
    let ticks = ruler.ticks();
    let step = ticks.windows(2).map(|pair| pair[1] - pair[0]).next().unwrap_or(1_000_000.0);
    html! {
        <g>
            { for props.marks.terms.iter().enumerate().filter_map(|(index, band)| band_of(band, props.era, index < props.begun, &ruler)) }
            { for thinned(&props.marks.marks, &ruler).into_iter().map(|(mark, x)| mark_of(mark, x, &props.marks.words)) }
            { for ticks.iter().map(|tick| html! {
                <g class="tick" key={format!("{tick:.0}")}><path d={format!("M{:.1} {:.0}v4", ruler.x(*tick), HEIGHT - 18.0)} />
                <text x={px(ruler.x(*tick))} y={px(HEIGHT - 3.0)}>{ label(*tick, step) }</text></g>
            }) }
        </g>
    }
}

fn band_of(band: &TermBand, era: &str, begun: bool, ruler: &Ruler) -> Option<Html> {
    let to = band.to.map_or(ruler.to, |to| to.0 as f64);
    let (x, width) = ruler.span(band.from.0 as f64, to)?;
    let text = texts::band(era, band);
    let short = texts::short_band(band.term);
    let (text, fits) = if width > 112.0 { (text, true) } else { (short, width > 24.0) };
    let class = classes!("band", band.term.0.is_multiple_of(2).then_some("even"));
    Some(html! {
        <g {class} data-hue={hue(band.term).to_string()} key={format!("{}-{}", band.term.0, band.from.0)}>
            <rect x={px(x)} y={px(BAND.0)} width={px((width - 1.5).max(1.0))} height={px(BAND.1)} rx="4" />
            if fits && begun { <text x={px(x + 9.0)} y={px(BAND.0 + 16.0)}>{ text }</text> }
        </g>
    })
}

/// Marks that would cover each other are thinned, the weightier of two stays. An epoch that begins where the hybrid has
/// just changed its protocol stands beside that mark: neither tells the other.
fn thinned<'a>(marks: &'a [Mark], ruler: &Ruler) -> Vec<(&'a Mark, f64)> {
    /// Pixels between two marks at least.
    const ROOM: f64 = 13.0;
    let mut shown: Vec<(&Mark, f64)> = Vec::new();
    for mark in marks.iter().filter(|mark| ruler.shows(mark.at.0 as f64)) {
        let x = ruler.x(mark.at.0 as f64);
        match shown.last_mut() {
            Some((before, at)) if x - *at < ROOM => {
                let changes = matches!(before.kind, MarkKind::Switch | MarkKind::Return);
                if weight(mark) > weight(before) {
                    *before = mark;
                } else if mark.kind == MarkKind::Epoch && changes {
                    let beside = *at + ROOM;
                    shown.push((mark, beside));
                }
            }
            Some(_) | None => shown.push((mark, x)),
        }
    }
    shown
}

fn weight(mark: &Mark) -> u8 {
    match mark.kind {
        MarkKind::Violation => 6,
        MarkKind::Crash => 5,
        MarkKind::Switch | MarkKind::Return | MarkKind::Epoch => 5,
        MarkKind::Leader | MarkKind::Restart => 4,
        MarkKind::Lie => 4,
        MarkKind::Fault | MarkKind::Gap => 3,
        MarkKind::Election => 2,
        MarkKind::Commit => 1,
    }
}

fn mark_of(mark: &Mark, x: f64, words: &[(u64, String)]) -> Html {
    let told = words.iter().find(|(position, _)| *position == mark.position).map(|(_, text)| text.clone());
    let (class, path) = match mark.kind {
        MarkKind::Election => ("election", "M0-5.500 5.500 4.500H-5.500Z"),
        MarkKind::Leader => ("leader", "M-5 4.500-6-3.500-2.500-.8 0-5 2.500-.8 6-3.500 5 4.500Z"),
        MarkKind::Gap => ("gap", "M-4-4.500v9M4-4.500v9"),
        MarkKind::Commit => ("commit", "M0-3.800a3.800 3.800 0 1 1 0 7.600a3.800 3.800 0 1 1 0-7.600Z"),
        MarkKind::Crash => ("crash", "M-4-4 4 4M4-4-4 4"),
        MarkKind::Restart => ("restart", "M-4.500 0a4.500 4.500 0 1 0 1.500-3.300M-4.500-4.500v2.700h2.700"),
        MarkKind::Switch => {
            ("switch", "M-5.500-2.500H4.500M1.500-5.500 4.500-2.500M5.500 2.500H-4.500M-1.500 5.500-4.500 2.500")
        }
        MarkKind::Return => ("return", "M4.500 4.500V1A3.500 3.500 0 0 0 1-2.500H-5M-2-5.500-5-2.500-2 .5"),
        MarkKind::Epoch => ("epoch", "M-3.500 6V-5.500H5L2.500-2.500 5 .5H-3.500"),
        MarkKind::Lie => (
            "lie",
            "M-6-6.500Q-5-3.500-3.200-3.200Q0-4.200 3.200-3.200Q5-3.500 6-6.500Q7-2 5 .5Q4.600 5 0 6.500Q-4.600 5-5 .5Q-7-2-6-6.500Z",
        ),
        MarkKind::Fault => ("fault", "M-6.500 0H-2.500M2.500 0H6.500M-1.600-4.500-2.800-2M1.600 4.500 2.800 2"),
        MarkKind::Violation => ("violation", "M0-6.500 6.500 5H-6.500ZM0-2.500v3.500M0 3v.3"),
    };
    html! {
        <g class={classes!("mark", class)} data-testid={format!("mark-{class}")} key={format!("{}-{}", mark.at.0, mark.position)} transform={format!("translate({x:.1} 15)")}>if let Some(told) = told { <title>{ told }</title> }<path d={path} /></g>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorumscope_core::types::Time;

    #[test]
    fn an_epoch_right_behind_a_return_is_shown_beside_it_and_lighter_marks_give_way() {
        let of = |(at, kind)| Mark { at: Time(at), position: at, node: None, kind };
        use MarkKind::{Commit, Epoch, Leader, Return};
        let marks: Vec<Mark> =
            [(1_000, Commit), (1_010, Return), (1_020, Return), (1_030, Leader), (1_040, Epoch), (1_050, Epoch)]
                .map(of)
                .into();
        let ruler = Ruler::new(0.0, 10_000_000.0, 1_000.0);
        let shown: Vec<(MarkKind, i64)> =
            thinned(&marks, &ruler).into_iter().map(|(mark, x)| (mark.kind, x.round() as i64)).collect();
        let kinds: Vec<MarkKind> = shown.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds, [Return, Epoch]);
        assert!(shown[1].1 - shown[0].1 >= 13, "{shown:?}");
    }
}
