//! Where do nodes and clients stand?
//!
//! Up to nine nodes stand on an ellipse that fills the stage below the legend,
//! the first at the top; more stand in rows. Clients stand
//! at the left and right edges. A node's label stands outside the ring, where no
//! lane runs.

use core::f64::consts::{FRAC_PI_2, TAU};
use litemap::LiteMap;
use quorumscope_core::few;

use quorumscope_core::record::Endpoint;
use quorumscope_core::types::{ClientId, NodeId};

use super::geometry::{Lane, Point};

/// The stage's size in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Size {
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

impl Default for Size {
    /// What the stage has before the browser told its real size.
    fn default() -> Self {
        Self { width: 860.0, height: 500.0 }
    }
}

/// Where the text beside a node is anchored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// Ends at the point.
    End,
    /// Is centred on the point.
    Middle,
    /// Starts at the point.
    Start,
}

impl Anchor {
    /// The value of SVG's `text-anchor`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::End => "end",
            Self::Middle => "middle",
            Self::Start => "start",
        }
    }
}

/// The place of everything that stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    /// The stage.
    pub size: Size,
    /// The middle of the ring.
    pub center: Point,
    /// A node's radius.
    pub radius: f64,
    /// Half the side of a client's box.
    pub client_radius: f64,
    nodes: LiteMap<NodeId, Point>,
    clients: LiteMap<ClientId, Point>,
}

/// More nodes than this do not read as a ring.
const RING_LIMIT: usize = 9;

/// Free pixels at the foot of the stage: the line that says what to try stands below it.
const MARGIN: f64 = 4.0;

/// How far what belongs to a node reaches below its circle: its disk, and on a phone its label.
fn foot(narrow: bool) -> f64 {
    if narrow { 68.0 } else { 28.0 }
}

/// Below this width the stage is a phone's: labels go above and below, not beside.
const NARROW: f64 = 560.0;

impl Layout {
    /// Places these nodes and clients on a stage of this size.
    #[must_use]
    pub fn new(size: Size, nodes: &[NodeId], clients: &[ClientId]) -> Self {
        let narrow = size.width < NARROW;
        let short = size.width.min(size.height);
        let crowd = if nodes.len() > RING_LIMIT { 0.62 } else { 1.0 };
        let radius = (short * 0.078).clamp(19.0, 46.0) * crowd;
        // The legend stands above the ring.
        let (top, bottom) = (if narrow { 118.0 } else { 84.0 }, MARGIN);
        let angle = |index: usize| -FRAC_PI_2 + TAU * index as f64 / nodes.len().max(1) as f64;
        // With an even number a node stands at the very bottom, with an odd one the lowest two stand higher.
        let lowest = (0..nodes.len()).map(|index| angle(index).sin()).fold(0.0, f64::max);
        let highest = top + radius * 0.9;
        let reach_y = ((size.height - bottom - radius - foot(narrow) - highest) / (1.0 + lowest)).max(46.0);
        let center = Point::new(size.width / 2.0, highest + reach_y);
        let side = if narrow { 58.0 } else { 190.0 };
        let reach_x = (size.width / 2.0 - side).min(reach_y * 1.28).max(60.0);
        let place = |index: usize| {
            if nodes.len() > RING_LIMIT {
                return in_rows(index, nodes.len(), size, top, bottom + foot(narrow));
            }
            let angle = angle(index);
            Point::new(center.x + reach_x * angle.cos(), center.y + reach_y * angle.sin())
        };
        let places: Vec<Point> = (0..nodes.len()).map(place).collect();
        // Timer and halo stand round the circle.
        let radius = radius.min(closest(&places) / 3.2);
        let client_radius = if narrow { 12.0 } else { 15.0 };
        let edge = if narrow { 24.0 } else { 46.0 };
        let client_place = |index: usize| {
            let rows = clients.len().div_ceil(2).max(1) as f64;
            let x = if index.is_multiple_of(2) { edge } else { size.width - edge };
            let height = if narrow { size.height - bottom - 18.0 } else { center.y + reach_y * 0.82 };
            Point::new(x, height - (index / 2) as f64 * (150.0 / rows).max(38.0))
        };
        Self {
            size,
            center,
            radius,
            client_radius,
            nodes: few::map(nodes.iter().copied().zip(places)),
            clients: few::map(clients.iter().enumerate().map(|(index, client)| (*client, client_place(index)))),
        }
    }

    /// Where a node stands.
    #[must_use]
    pub fn node(&self, node: NodeId) -> Option<Point> {
        self.nodes.get(&node).copied()
    }

    /// All nodes, with their places.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, Point)> {
        self.nodes.iter().map(|(node, place)| (*node, *place))
    }

    /// All clients, with their places.
    pub fn clients(&self) -> impl Iterator<Item = (ClientId, Point)> {
        self.clients.iter().map(|(client, place)| (*client, *place))
    }

    /// Where the words below a node's name stand and how they are aligned; `None` where there is no room for any. On a
    /// phone they stay within the stage: `letters` of them are about so wide.
    #[must_use]
    pub fn words(&self, place: Point, letters: usize) -> Option<(Point, Anchor)> {
        /// Pixels of a letter on a phone.
        const LETTER: f64 = 5.1;
        let (name, anchor) = self.label(place);
        if self.size.width >= NARROW {
            return Some((Point::new(name.x, name.y + 17.0), anchor));
        }
        let half = letters as f64 * LETTER / 2.0 + 3.0;
        // Words that are wider than their node reach outwards: further in, other nodes stand.
        let outwards = (half - self.radius - 8.0).max(0.0);
        let shift = match place.x - self.center.x {
            right if right > self.radius => outwards,
            left if left < -self.radius => -outwards,
            _ => 0.0,
        };
        let x = (name.x + shift).min(self.size.width - half).max(half);
        (self.nodes.len() <= RING_LIMIT).then_some((Point::new(x, name.y + 12.0), anchor))
    }

    /// Where one end of a link stands, and how large it is.
    #[must_use]
    pub fn endpoint(&self, endpoint: Endpoint) -> Option<(Point, f64)> {
        match endpoint {
            Endpoint::Node(node) => self.nodes.get(&node).map(|place| (*place, self.radius + 4.0)),
            Endpoint::Client(client) => self.clients.get(&client).map(|place| (*place, self.client_radius + 4.0)),
        }
    }

    /// One direction of a link; `None` where an end is not on the stage.
    #[must_use]
    pub fn lane(&self, from: Endpoint, to: Endpoint) -> Option<Lane> {
        let ((a, a_radius), (b, b_radius)) = (self.endpoint(from)?, self.endpoint(to)?);
        Some(Lane::between(a, a_radius, b, b_radius))
    }

    /// Where the label of a node at `place` stands: outside the ring.
    #[must_use]
    pub fn label(&self, place: Point) -> (Point, Anchor) {
        let beside = (place.x - self.center.x).abs() > self.radius;
        let gap = self.radius + 29.0;
        let in_rows = self.nodes.len() > RING_LIMIT;
        if self.size.width < NARROW || in_rows {
            // In the lower half words stand below their node, in the upper half above it: on the other side, those of
            // one node would stand in the ring of the next.
            let above = !in_rows && place.y <= self.center.y + 1.0;
            let y = if above { place.y - gap - 7.0 } else { place.y + self.radius + 39.0 };
            (Point::new(place.x, y), Anchor::Middle)
        } else if !beside && place.y <= self.center.y {
            (Point::new(place.x, place.y - gap - 12.0), Anchor::Middle)
        } else if !beside || place.x > self.center.x {
            (Point::new(place.x + gap, place.y - 2.0), Anchor::Start)
        } else {
            (Point::new(place.x - gap, place.y - 2.0), Anchor::End)
        }
    }
}

/// Distance of the two nodes that stand closest.
fn closest(places: &[Point]) -> f64 {
    let pairs = places.iter().enumerate().flat_map(|(index, a)| places[index + 1..].iter().map(|b| a.distance(*b)));
    pairs.fold(f64::INFINITY, f64::min)
}

fn in_rows(index: usize, count: usize, size: Size, top: f64, bottom: f64) -> Point {
    // Fewer rows than would make squares: disk and label stand below each node.
    let share = if size.width < NARROW { 0.5 } else { 0.8 };
    let rows = ((count as f64 * size.height / size.width).sqrt() * share).round().max(1.0);
    let columns = (count as f64 / rows).ceil();
    let (row, column) = ((index as f64 / columns).floor(), index as f64 % columns);
    Point::new(size.width * (column + 1.0) / (columns + 1.0), top + (size.height - top - bottom) * (row + 0.5) / rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(width: f64, height: f64, count: u32) -> Layout {
        let nodes: Vec<NodeId> = (1..=count).map(NodeId).collect();
        Layout::new(Size { width, height }, &nodes, &[ClientId(1), ClientId(2)])
    }

    #[test]
    fn nodes_keep_apart_and_on_the_stage_at_every_size() {
        for (width, height) in [(860.0, 500.0), (390.0, 420.0), (390.0, 340.0), (1600.0, 900.0)] {
            for count in 1..=25 {
                let layout = layout(width, height, count);
                let places: Vec<Point> = layout.nodes().map(|(_, place)| place).collect();
                for (index, a) in places.iter().enumerate() {
                    assert!(a.x > layout.radius && a.x < width - layout.radius, "{count} nodes at {width}×{height}");
                    assert!(a.y > layout.radius && a.y < height - layout.radius, "{count} nodes at {width}×{height}");
                    for b in &places[index + 1..] {
                        assert!(a.distance(*b) > layout.radius * 3.1, "{count} nodes at {width}×{height}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_lane_needs_both_of_its_ends_on_the_stage() {
        let layout = layout(860.0, 500.0, 3);
        let node = |number| Endpoint::Node(NodeId(number));
        assert!(layout.lane(node(1), node(2)).is_some());
        assert!(layout.lane(node(1), node(9)).is_none());
        assert!(layout.lane(Endpoint::Client(ClientId(1)), node(1)).is_some());
    }

    #[test]
    fn labels_stand_outside_the_ring() {
        for count in 2..=9 {
            let layout = layout(860.0, 500.0, count);
            for (_, place) in layout.nodes() {
                let (label, _) = layout.label(place);
                assert!(label.distance(layout.center) > place.distance(layout.center), "{count} nodes");
            }
        }
    }

    #[test]
    fn on_a_phone_words_stand_below_names_and_within_the_stage() {
        for count in 1..=9 {
            let layout = layout(390.0, 490.0, count);
            for (_, place) in layout.nodes() {
                let letters = "retired, no vote, lies, convicted".len();
                let (at, _) = layout.words(place, letters).expect("there is room");
                assert!(at.y > layout.label(place).0.y);
                let half = letters as f64 * 5.0 / 2.0;
                assert!(at.x - half > 0.0 && at.x + half < 390.0, "{count} nodes: {at:?}");
            }
        }
        let crowded = layout(390.0, 490.0, 10);
        assert_eq!(crowded.words(Point::default(), 5), None);
    }

    #[test]
    fn on_a_phone_the_words_of_a_node_stand_in_no_other_nodes_ring() {
        /// Of words: pixels above and below the line that they stand on.
        const REACH: (f64, f64) = (9.0, 3.0);
        for height in [340.0, 400.0, 440.0, 490.0] {
            for count in 2..=7 {
                let layout = layout(390.0, height, count);
                let words = ["follower", "stands by, no vote", "replica, threat medium"];
                let words = if count <= 5 { &words[..] } else { &words[..1] };
                for ((node, place), letters) in
                    layout.nodes().flat_map(|of| words.iter().map(move |words| (of, words.len())))
                {
                    let (at, _) = layout.words(place, letters).expect("there is room");
                    let half = letters as f64 * 5.1 / 2.0;
                    for (other, center) in layout.nodes().filter(|(other, _)| *other != node) {
                        let near = Point::new(
                            center.x.clamp(at.x - half, at.x + half),
                            center.y.clamp(at.y - REACH.0, at.y + REACH.1),
                        );
                        let clear = near.distance(center) - layout.radius;
                        assert!(clear > 5.0, "{node} and {other} of {count} at {height}, {letters} letters: {clear}");
                    }
                }
            }
        }
    }

    #[test]
    fn labels_of_nodes_in_rows_stand_below_them_and_above_the_next_row() {
        for (width, height) in [(848.0, 487.0), (848.0, 738.0), (390.0, 427.0)] {
            for count in [10, 13, 16] {
                let layout = layout(width, height, count);
                for (node, place) in layout.nodes() {
                    let (label, _) = layout.label(place);
                    assert!(label.y > place.y, "{node} of {count} at {width}×{height}");
                    let below = layout.nodes().filter(|(_, other)| other.y > place.y + 1.0);
                    let next = below.map(|(_, other)| other.y - layout.radius).fold(f64::INFINITY, f64::min);
                    assert!(label.y < next, "{node} of {count} at {width}×{height}: {} and {next}", label.y);
                }
            }
        }
    }

    #[test]
    fn nothing_of_a_ring_reaches_beyond_the_stage_and_no_client_stands_on_a_node() {
        for (width, height) in [(860.0, 520.0), (390.0, 430.0)] {
            for count in 1..=9 {
                let layout = layout(width, height, count);
                for (node, place) in layout.nodes() {
                    let end = place.y + layout.radius + foot(width < NARROW);
                    assert!(end < height + 0.5, "{node} of {count} at {width}×{height} ends at {end}");
                    let clients = layout.clients().map(|(_, client)| client.distance(place));
                    let near = clients.fold(f64::INFINITY, f64::min);
                    assert!(
                        near > layout.radius + layout.client_radius,
                        "{node} of {count} at {width}×{height}: {near}"
                    );
                }
            }
        }
    }
}
