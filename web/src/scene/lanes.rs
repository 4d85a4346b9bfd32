//! Where do lanes, messages and steps stand in a space-time diagram?
//!
//! A lane for each client and node, from top to bottom; time goes to the right.
//! The window of time stands still while the cursor moves through its middle,
//! and jumps on by half of itself, so that lines can be read while time passes.

use quorumscope_core::record::Endpoint;
use quorumscope_core::types::RecordId;
use quorumscope_lab::trace::lanes::{End, Flight, Lanes, Round};
use quorumscope_lab::trace::view::View;

use super::geometry::Point;
use super::layout::Size;
use super::motion::Micros;
use super::ruler::Ruler;

/// Pixels of a row of steps above the lanes.
pub const ROW: f64 = 19.0;
/// So many rows of steps have room.
pub const ROWS: usize = 2;
/// Above the rows stand the legend and the buttons.
const LEGEND: f64 = 46.0;
/// Below the lanes stand the labels of time.
const FOOT: f64 = 34.0;
/// Below this width the diagram is a phone's.
const NARROW: f64 = 560.0;

/// The window of time that is drawn with the cursor at `time`.
#[must_use]
pub fn window(time: Micros, span: Micros, began: Micros) -> (Micros, Micros) {
    let half = span / 2.0;
    let from = ((time / half).floor() * half - half / 2.0).max(began);
    (from, from + span)
}

/// Where everything stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// The whole drawing.
    pub size: Size,
    /// Pixels at the left, for names.
    pub gutter: f64,
    /// First and last lane's height.
    pub ends: (f64, f64),
    /// Where the rows of steps begin.
    pub head: f64,
    ruler: Ruler,
    lanes: Vec<Endpoint>,
}

/// A message as a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Where it leaves.
    pub from: Point,
    /// Where it arrives, is lost, or is known to be at the end of the window.
    pub to: Point,
    /// Whether it was lost.
    pub lost: bool,
    /// Whether it has not arrived.
    pub open: bool,
}

impl Frame {
    /// The places of these lanes in a window of time.
    #[must_use]
    pub fn new(size: Size, view: &View, (from, to): (Micros, Micros)) -> Self {
        let clients = view.clients.keys().map(|client| Endpoint::Client(*client));
        let lanes: Vec<Endpoint> = clients.chain(view.nodes.keys().map(|node| Endpoint::Node(*node))).collect();
        let narrow = size.width < NARROW;
        let gutter = if narrow { 34.0 } else { 92.0 };
        let head = if narrow { LEGEND + 36.0 } else { LEGEND };
        let top = head + ROWS as f64 * ROW + 22.0;
        let bottom = (size.height - FOOT).max(top + 10.0);
        Self { size, gutter, ends: (top, bottom), head, ruler: Ruler::new(from, to, size.width - gutter), lanes }
    }

    /// Whether there is room for little.
    #[must_use]
    pub fn is_narrow(&self) -> bool {
        self.size.width < NARROW
    }

    /// The lanes, from top to bottom.
    #[must_use]
    pub fn lanes(&self) -> &[Endpoint] {
        &self.lanes
    }

    /// The height of a lane; `None` of what has none.
    #[must_use]
    pub fn y(&self, of: Endpoint) -> Option<f64> {
        let place = self.lanes.iter().position(|lane| *lane == of)? as f64;
        let gaps = self.lanes.len().saturating_sub(1).max(1) as f64;
        Some(self.ends.0 + (self.ends.1 - self.ends.0 - 14.0) * place / gaps)
    }

    /// The pixel of a time, which may lie outside.
    #[must_use]
    pub fn x(&self, time: Micros) -> f64 {
        self.gutter + self.ruler.x(time)
    }

    /// Times to label.
    #[must_use]
    pub fn ticks(&self) -> Vec<Micros> {
        self.ruler.ticks()
    }

    /// The window.
    #[must_use]
    pub fn window(&self) -> (Micros, Micros) {
        (self.ruler.from, self.ruler.to)
    }

    /// A message as a line; `None` where an end has no lane.
    #[must_use]
    pub fn line(&self, flight: &Flight) -> Option<Line> {
        let (above, below) = (self.y(flight.from)?, self.y(flight.to)?);
        let departed = flight.departed.0 as f64;
        let from = Point::new(self.x(departed), above);
        let at = |time: Micros, share: f64| Point::new(self.x(time), above + (below - above) * share);
        let (to, lost, open) = match flight.end {
            End::Arrived(at_time) => (at(at_time.0 as f64, 1.0), false, false),
            // Where it is lost nobody knows; half way is drawn.
            End::Lost(lost, _) => (at((lost.0 as f64).max(departed + self.width_of(7.0)), 0.5), true, false),
            End::OnItsWay(Some(arrives)) => (at(arrives.0 as f64, 1.0), false, true),
            End::OnItsWay(None) => (at(self.ruler.to.max(departed), 0.5), false, true),
        };
        Some(Line { from, to, lost, open })
    }

    /// How long so many pixels are.
    fn width_of(&self, pixels: f64) -> Micros {
        (self.ruler.to - self.ruler.from) * pixels / self.ruler.width
    }

    /// The row of each round that finds one, above the lanes: rounds of one row do not touch.
    #[must_use]
    pub fn rows<'a>(&self, rounds: &'a [Round]) -> Vec<(usize, &'a Round)> {
        let mut ends = [f64::NEG_INFINITY; ROWS];
        let mut placed = Vec::new();
        for round in rounds {
            let (from, to) = round.span();
            let (from, to) = (from.0 as f64, to.map_or(self.ruler.to, |to| to.0 as f64));
            if let Some(row) = ends.iter().position(|end| *end <= from) {
                ends[row] = to;
                placed.push((row, round));
            }
        }
        placed
    }
}

/// The message before or after the chosen one, in the order in which they left; without one, the first at the cursor.
#[must_use]
pub fn beside(lanes: &Lanes, chosen: Option<(RecordId, u32)>, time: Micros, forward: bool) -> Option<(RecordId, u32)> {
    let flights = &lanes.flights;
    let at = chosen.and_then(|chosen| flights.iter().position(|flight| flight.key == chosen));
    let next = match (at, forward) {
        (Some(at), true) => at + 1,
        (Some(at), false) => at.checked_sub(1)?,
        (None, true) => flights
            .iter()
            .position(|flight| flight.departed.0 as f64 >= time)
            .or_else(|| flights.len().checked_sub(1))?,
        (None, false) => flights.iter().rposition(|flight| flight.departed.0 as f64 <= time).unwrap_or_default(),
    };
    flights.get(next).map(|flight| flight.key)
}

#[cfg(test)]
mod tests {
    use quorumscope_core::record::DropReason;
    use quorumscope_core::types::{ClientId, NodeId, RequestNumber, Time};
    use quorumscope_lab::trace::face;
    use quorumscope_lab::trace::lanes::Phase;
    use quorumscope_lab::trace::view::{Content, NodeView};

    use super::*;

    fn frame(width: f64) -> Frame {
        let mut view = View::default();
        view.clients.entry(ClientId(1)).or_default();
        for id in 1..=4 {
            view.nodes.insert(NodeId(id), NodeView::default());
        }
        Frame::new(Size { width, height: 500.0 }, &view, (100_000.0, 200_000.0))
    }

    fn flight(end: End) -> Flight {
        let content = Content::Request { number: RequestNumber(1), operation: "set x = 1".into() };
        Flight {
            key: (RecordId::default(), 0),
            from: Endpoint::Client(ClientId(1)),
            to: Endpoint::Node(NodeId(4)),
            departed: Time(120_000),
            end,
            face: face::message(&content),
        }
    }

    #[test]
    fn the_cursor_stays_in_the_middle_half_of_its_window() {
        for time in [60_000.0, 61_234.0, 89_999.0, 90_001.0, 123_456.0, 9_876_543.0] {
            let (from, to) = window(time, 60_000.0, 0.0);
            let share = (time - from) / (to - from);
            assert!((0.2499..0.7501).contains(&share), "{time}: {share}");
        }
        assert_eq!(window(3_000.0, 60_000.0, 0.0).0, 0.0, "nothing is drawn before the run");
    }

    #[test]
    fn a_line_leads_from_lane_to_lane_and_a_lost_one_ends_between_them() {
        let frame = frame(860.0);
        let (top, bottom) = (frame.y(Endpoint::Client(ClientId(1))), frame.y(Endpoint::Node(NodeId(4))));
        let whole = frame.line(&flight(End::Arrived(Time(130_000)))).expect("both have lanes");
        assert_eq!((Some(whole.from.y), Some(whole.to.y)), (top, bottom));
        assert_eq!((whole.from.x, whole.to.x), (frame.x(120_000.0), frame.x(130_000.0)));
        let lost = frame.line(&flight(End::Lost(Time(120_000), DropReason::Loss))).expect("both have lanes");
        assert!(lost.lost && lost.to.y > whole.from.y && lost.to.y < whole.to.y && lost.to.x > lost.from.x);
        assert!(frame.line(&flight(End::OnItsWay(None))).expect("both have lanes").open);
    }

    #[test]
    fn lanes_stand_in_order_and_on_the_drawing_at_every_width() {
        for width in [390.0, 860.0, 1_600.0] {
            let frame = frame(width);
            let heights: Vec<f64> = frame.lanes().iter().filter_map(|lane| frame.y(*lane)).collect();
            assert_eq!(heights.len(), 5);
            assert!(heights.is_sorted() && heights.iter().all(|y| *y > 0.0 && *y < frame.size.height));
            assert_eq!(frame.window(), (100_000.0, 200_000.0));
        }
    }

    #[test]
    fn rounds_that_overlap_stand_in_rows_and_one_too_many_is_left_out() {
        let round = |from: u64, to: Option<u64>| Round {
            name: "s1".into(),
            phases: vec![Phase { name: "prepare", from: Time(from), to: to.map(Time) }],
        };
        let rounds = [round(110_000, Some(130_000)), round(120_000, None), round(125_000, None), round(130_000, None)];
        let rows: Vec<usize> = frame(860.0).rows(&rounds).iter().map(|(row, _)| *row).collect();
        assert_eq!(rows, [0, 1, 0]);
    }

    #[test]
    fn arrows_choose_the_message_before_and_after() {
        let of = |sequence, departed| Flight {
            key: (RecordId { origin: NodeId(0), sequence }, 0),
            departed: Time(departed),
            ..flight(End::OnItsWay(None))
        };
        let lanes = Lanes { flights: vec![of(1, 10), of(2, 20), of(3, 30)], ..Lanes::default() };
        let key = |sequence| Some((RecordId { origin: NodeId(0), sequence }, 0));
        assert_eq!(beside(&lanes, None, 15.0, true), key(2));
        assert_eq!(beside(&lanes, None, 15.0, false), key(1));
        assert_eq!((beside(&lanes, None, 99.0, true), beside(&lanes, None, 0.0, false)), (key(3), key(1)));
        assert_eq!(beside(&lanes, key(2), 0.0, true), key(3));
        assert_eq!(beside(&lanes, key(3), 0.0, true), None);
        assert_eq!(beside(&lanes, key(1), 0.0, false), None);
    }
}
