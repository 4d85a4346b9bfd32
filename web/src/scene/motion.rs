//! What moves on the stage between two events?
//!
//! Messages along their lanes, timers that shrink, marks that fade. Each is a
//! pure function of the view and of the time on the cursor; `ring` has what
//! rests. With reduced motion a message stands still in three places on its way
//! instead of travelling.

use quorumscope_core::record::{DropReason, Endpoint};
use quorumscope_core::types::{NodeId, RecordId};
use quorumscope_lab::trace::view::{ClockView, Liveness, MessageView, View};

use super::geometry::{Lane, Point, arc};
use super::layout::Layout;

/// A time on the cursor in microseconds; fractions of one matter at low speed.
pub type Micros = f64;

/// Where a message is drawn while nobody knows when it will arrive: it creeps
/// towards the receiver as if the way took this long, and stops short of it.
const USUAL_FLIGHT: Micros = 10_000.0;

/// The part of the way that a message of unknown arrival covers at most.
const STOPS_SHORT: f64 = 0.9;

/// How a message moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// It travels.
    Smooth,
    /// It stands in a few places one after the other (`prefers-reduced-motion`).
    Steps,
}

/// A message on its way.
#[derive(Clone, Debug, PartialEq)]
pub struct Travelling<'a> {
    /// Its name: the record that sent it, and the copy.
    pub key: (RecordId, u32),
    /// What it is.
    pub message: &'a MessageView,
    /// Where it is.
    pub at: Point,
    /// How much of its way lies behind it.
    pub progress: f64,
    /// The lane that it travels on.
    pub lane: Lane,
}

/// The messages on their way at `time`, in a stable order.
#[must_use]
pub fn messages<'a>(view: &'a View, layout: &Layout, time: Micros, pace: Pace) -> Vec<Travelling<'a>> {
    let mut travelling = Vec::with_capacity(view.messages.len());
    for (key, message) in &view.messages {
        let Some(lane) = layout.lane(message.from, message.to) else { continue };
        let progress = progress(message, time, pace);
        travelling.push(Travelling { key: *key, message, at: lane.at(progress), progress, lane });
    }
    travelling
}

/// The share of its way that a message has behind it.
#[must_use]
pub fn progress(message: &MessageView, time: Micros, pace: Pace) -> f64 {
    let departed = message.departed.0 as f64;
    let share = match message.arrives {
        Some(arrives) if arrives > message.departed => (time - departed) / (arrives.0 as f64 - departed),
        Some(_) => 1.0,
        None => ((time - departed) / USUAL_FLIGHT).min(STOPS_SHORT),
    }
    .clamp(0.0, 1.0);
    match pace {
        Pace::Smooth => share,
        Pace::Steps => match share {
            share if share < 1.0 / 3.0 => 0.2,
            share if share < 2.0 / 3.0 => 0.5,
            _ => 0.8,
        },
    }
}

/// A timer on a node, as the arc that is left of it.
#[derive(Clone, Debug, PartialEq)]
pub struct TimerArc {
    /// Whose.
    pub node: NodeId,
    /// What is left of it, from 1 down to 0.
    pub left: f64,
    /// The arc as an SVG path.
    pub path: String,
}

/// The reading of a node's clock at `time`, in microseconds.
#[must_use]
pub fn clock_at(clock: &ClockView, time: Micros) -> Micros {
    clock.mono.0 as f64 + (time - clock.at.0 as f64) * f64::from(clock.rate_ppm) / 1_000_000.0
}

/// Microseconds of a node's own clock until its timer ends, and the whole length of the timer.
#[must_use]
pub fn timer_left(node: &quorumscope_lab::trace::view::NodeView, time: Micros) -> Option<(Micros, Micros)> {
    let timer = node.status.timer?;
    let whole = timer.deadline.0 as f64 - timer.armed.0 as f64;
    let left = timer.deadline.0 as f64 - clock_at(&node.clock, time);
    Some((left.clamp(0.0, whole.max(0.0)), whole))
}

/// The timers of all nodes that run.
#[must_use]
pub fn timers(view: &View, layout: &Layout, time: Micros) -> Vec<TimerArc> {
    let mut arcs = Vec::new();
    for (id, node) in &view.nodes {
        let runs = matches!(node.liveness, Liveness::Up | Liveness::Paused);
        let (Some(place), Some((left, whole)), true) = (layout.node(*id), timer_left(node, time), runs) else {
            continue;
        };
        if whole > 0.0 {
            let left = left / whole;
            arcs.push(TimerArc { node: *id, left, path: arc(place, layout.radius + 8.0, left) });
        }
    }
    arcs
}

/// A message that was lost a moment ago.
#[derive(Clone, Debug, PartialEq)]
pub struct Loss {
    /// From.
    pub from: Endpoint,
    /// To.
    pub to: Endpoint,
    /// When it was lost.
    pub at: Micros,
    /// Why.
    pub reason: DropReason,
}

/// The ✕ that a lost message leaves for a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct LossMark {
    /// Where.
    pub at: Point,
    /// From 1 down to 0.
    pub strength: f64,
    /// Why it was lost.
    pub reason: DropReason,
}

/// The marks of messages lost less than `linger` ago.
#[must_use]
pub fn losses(recent: &[Loss], layout: &Layout, time: Micros, linger: Micros) -> Vec<LossMark> {
    let mut marks = Vec::new();
    for loss in recent {
        let strength = fade(loss.at, time, linger);
        if let (Some(lane), true) = (layout.lane(loss.from, loss.to), strength > 0.0) {
            let share = match loss.reason {
                DropReason::SenderCrashed => 0.08,
                DropReason::Cut | DropReason::Loss | DropReason::Hand => 0.5,
                DropReason::ReceiverDown => 0.9,
            };
            marks.push(LossMark { at: lane.at(share), strength, reason: loss.reason });
        }
    }
    marks
}

/// How much is left at `time` of something that began at `since` and fades over `linger`: 1 down to 0.
#[must_use]
pub fn fade(since: Micros, time: Micros, linger: Micros) -> f64 {
    if time < since || linger <= 0.0 { 0.0 } else { (1.0 - (time - since) / linger).max(0.0) }
}

#[cfg(test)]
mod tests {
    use quorumscope_core::record::{Timer, TimerKind};
    use quorumscope_core::types::{ClientId, Mono, Time};
    use quorumscope_lab::trace::view::{Content, NodeView};

    use super::*;
    use crate::scene::layout::Size;

    fn layout() -> Layout {
        Layout::new(Size::default(), &[NodeId(1), NodeId(2), NodeId(3)], &[ClientId(1)])
    }

    fn message(departed: u64, arrives: Option<u64>) -> MessageView {
        MessageView {
            from: Endpoint::Client(ClientId(1)),
            to: Endpoint::Node(NodeId(2)),
            content: Content::Request {
                number: quorumscope_core::types::RequestNumber(1),
                operation: "set x = 1".into(),
            },
            departed: Time(departed),
            arrives: arrives.map(Time),
            held: false,
        }
    }

    #[test]
    fn no_message_leaves_its_lane() {
        let layout = layout();
        let mut view = View::default();
        view.messages.insert((RecordId::default(), 0), message(1_000, Some(11_000)));
        let lane = layout.lane(Endpoint::Client(ClientId(1)), Endpoint::Node(NodeId(2))).expect("both ends stand");
        for time in [0.0, 1_000.0, 6_000.0, 11_000.0, 99_000.0] {
            for travelling in messages(&view, &layout, time, Pace::Smooth) {
                assert_eq!(travelling.at, lane.at((time - 1_000.0) / 10_000.0));
            }
        }
    }

    #[test]
    fn a_message_leaves_when_it_departed_and_is_there_when_it_arrives() {
        let message = message(1_000, Some(11_000));
        assert_eq!(progress(&message, 1_000.0, Pace::Smooth), 0.0);
        assert_eq!(progress(&message, 6_000.0, Pace::Smooth), 0.5);
        assert_eq!(progress(&message, 11_000.0, Pace::Smooth), 1.0);
    }

    #[test]
    fn a_message_of_unknown_arrival_stops_short_of_the_receiver() {
        assert!(progress(&message(0, None), 9e9, Pace::Smooth) < 1.0);
    }

    #[test]
    fn reduced_motion_knows_three_places() {
        let message = message(0, Some(9_000));
        let mut places: Vec<f64> =
            (0..=90).map(|step| progress(&message, f64::from(step) * 100.0, Pace::Steps)).collect();
        places.dedup();
        assert_eq!(places, [0.2, 0.5, 0.8]);
    }

    #[test]
    fn a_timer_is_read_on_the_nodes_own_clock() {
        let clock = ClockView { at: Time(1_000), mono: Mono(50_000), rate_ppm: 2_000_000 };
        let mut node = NodeView { clock, ..NodeView::default() };
        node.status.timer = Some(Timer { kind: TimerKind::Election, armed: Mono(50_000), deadline: Mono(60_000) });
        // The clock runs twice as fast: after 2.5 ms of global time half of the 10 ms are gone.
        assert_eq!(timer_left(&node, 3_500.0), Some((5_000.0, 10_000.0)));
        assert_eq!(timer_left(&node, 99_000.0), Some((0.0, 10_000.0)));
    }

    #[test]
    fn a_crashed_node_shows_no_timer() {
        let mut view = View::default();
        let timer = Timer { kind: TimerKind::Election, armed: Mono(0), deadline: Mono(10) };
        for (id, liveness) in [(1, Liveness::Up), (2, Liveness::Crashed)] {
            let mut node = NodeView { liveness, ..NodeView::default() };
            node.status.timer = Some(timer);
            view.nodes.insert(NodeId(id), node);
        }
        let arcs = timers(&view, &layout(), 0.0);
        assert_eq!(arcs.iter().map(|arc| arc.node).collect::<Vec<_>>(), [NodeId(1)]);
    }

    #[test]
    fn a_loss_fades_and_is_gone() {
        let loss =
            Loss { from: Endpoint::Node(NodeId(1)), to: Endpoint::Node(NodeId(2)), at: 100.0, reason: DropReason::Cut };
        let strength = |time| losses(std::slice::from_ref(&loss), &layout(), time, 100.0).first().map(|m| m.strength);
        assert_eq!(strength(99.0), None);
        assert_eq!(strength(150.0), Some(0.5));
        assert_eq!(strength(200.0), None);
    }
}
