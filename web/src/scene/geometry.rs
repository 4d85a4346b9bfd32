//! Which points, curves and outlines does the stage need?
//!
//! Plain arithmetic on screen pixels; floats are fine here, nothing that is
//! drawn decides anything. Read `layout` next.

use core::f64::consts::{FRAC_PI_2, TAU};
use quorumscope_core::few;

/// A point on the stage, in pixels from its upper left corner.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// To the right.
    pub x: f64,
    /// Downwards.
    pub y: f64,
}

impl Point {
    /// A point at these coordinates.
    #[must_use]
    pub const fn new(x: f64, y: f64) -> Self {
        Self { x, y }
    }

    /// The point `distance` pixels from this one at `angle` (0 to the right, growing clockwise).
    #[must_use]
    pub fn polar(self, angle: f64, distance: f64) -> Self {
        Self::new(self.x + distance * angle.cos(), self.y + distance * angle.sin())
    }

    /// Distance between two points.
    #[must_use]
    pub fn distance(self, other: Self) -> f64 {
        (self.x - other.x).hypot(self.y - other.y)
    }

    /// The point a share `t` of the way to `other`.
    #[must_use]
    pub fn towards(self, other: Self, t: f64) -> Self {
        Self::new(self.x + (other.x - self.x) * t, self.y + (other.y - self.y) * t)
    }
}

/// One direction of a link: a quadratic curve that bends to its own right, so
/// that the two directions of a link never cover each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lane {
    /// Where it starts, on the rim of the sender.
    pub from: Point,
    /// The point that bends it.
    pub bend: Point,
    /// Where it ends, on the rim of the receiver.
    pub to: Point,
}

/// How far a lane bends, as a share of its length.
const BEND: f64 = 0.085;

impl Lane {
    /// The lane between two round shapes, from rim to rim.
    #[must_use]
    pub fn between(from: Point, from_radius: f64, to: Point, to_radius: f64) -> Self {
        let middle = from.towards(to, 0.5);
        let bend = Point::new(middle.x - (to.y - from.y) * BEND * 2.0, middle.y + (to.x - from.x) * BEND * 2.0);
        let start = from.towards(bend, share(from_radius, from.distance(bend)));
        let end = to.towards(bend, share(to_radius, to.distance(bend)));
        Self { from: start, bend, to: end }
    }

    /// The point a share `t` of the way; `t` outside 0..=1 stays at the ends.
    #[must_use]
    pub fn at(&self, t: f64) -> Point {
        let t = t.clamp(0.0, 1.0);
        self.from.towards(self.bend, t).towards(self.bend.towards(self.to, t), t)
    }

    /// The direction of travel at a share `t` of the way, as an angle in degrees.
    #[must_use]
    pub fn heading(&self, t: f64) -> f64 {
        let (a, b) = (self.from.towards(self.bend, t), self.bend.towards(self.to, t));
        (b.y - a.y).atan2(b.x - a.x).to_degrees()
    }

    /// The curve as an SVG path.
    #[must_use]
    pub fn path(&self) -> String {
        format!(
            "M{:.1} {:.1}Q{:.1} {:.1} {:.1} {:.1}",
            self.from.x, self.from.y, self.bend.x, self.bend.y, self.to.x, self.to.y
        )
    }

    /// The first half of the curve, up to `t`, as an SVG path: what is left of a cut lane.
    #[must_use]
    pub fn path_until(&self, t: f64) -> String {
        let bend = self.from.towards(self.bend, t);
        let end = self.at(t);
        format!("M{:.1} {:.1}Q{:.1} {:.1} {:.1} {:.1}", self.from.x, self.from.y, bend.x, bend.y, end.x, end.y)
    }
}

fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { (part / whole).min(0.5) } else { 0.0 }
}

/// An arc of a circle that starts at twelve o'clock and runs clockwise over a
/// share of the circle, as an SVG path.
#[must_use]
pub fn arc(center: Point, radius: f64, fraction: f64) -> String {
    let fraction = fraction.clamp(0.0, 0.9999);
    let start = center.polar(-FRAC_PI_2, radius);
    let end = center.polar(-FRAC_PI_2 + TAU * fraction, radius);
    let large = i32::from(fraction > 0.5);
    format!("M{:.2} {:.2}A{radius:.1} {radius:.1} 0 {large} 1 {:.2} {:.2}", start.x, start.y, end.x, end.y)
}

/// A smooth outline round circles of one radius, as an SVG path: the hull of a
/// group. `None` where there is nothing to enclose.
#[must_use]
pub fn hull(centers: &[Point], radius: f64) -> Option<String> {
    /// Corners of the polygon that stands for a circle: enough to look round.
    const CORNERS: u32 = 24;
    let mut rim: Vec<Point> = Vec::with_capacity(centers.len() * CORNERS as usize);
    for center in centers {
        rim.extend((0..CORNERS).map(|corner| center.polar(TAU * f64::from(corner) / f64::from(CORNERS), radius)));
    }
    let outline = convex(rim);
    let first = outline.first()?;
    let mut path = format!("M{:.1} {:.1}", first.x, first.y);
    for point in &outline[1..] {
        path.push_str(&format!("L{:.1} {:.1}", point.x, point.y));
    }
    path.push('Z');
    Some(path)
}

/// The convex hull of points, in order (Andrew's monotone chain).
fn convex(mut points: Vec<Point>) -> Vec<Point> {
    few::sort(&mut points, |a, b| a.x.total_cmp(&b.x).then(a.y.total_cmp(&b.y)).is_lt());
    if points.len() < 3 {
        return points;
    }
    let half = |points: &mut dyn Iterator<Item = Point>| {
        let mut chain: Vec<Point> = Vec::new();
        for point in points {
            while let [.., a, b] = chain[..] {
                let turn = (b.x - a.x) * (point.y - a.y) - (b.y - a.y) * (point.x - a.x);
                if turn > 0.0 {
                    break;
                }
                chain.pop();
            }
            chain.push(point);
        }
        chain.pop();
        chain
    };
    let mut outline = half(&mut points.iter().copied());
    outline.extend(half(&mut points.iter().rev().copied()));
    outline
}

/// Whether a point lies inside a closed polygon (even-odd rule): what a lasso holds.
#[must_use]
pub fn inside(polygon: &[Point], point: Point) -> bool {
    let mut within = false;
    for (index, a) in polygon.iter().enumerate() {
        let b = polygon[(index + 1) % polygon.len()];
        if (a.y > point.y) != (b.y > point.y) && point.x < (b.x - a.x) * (point.y - a.y) / (b.y - a.y) + a.x {
            within = !within;
        }
    }
    within
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Point = Point::new(0.0, 0.0);
    const B: Point = Point::new(200.0, 0.0);

    #[test]
    fn a_lane_starts_and_ends_on_the_rims() {
        let lane = Lane::between(A, 30.0, B, 20.0);
        assert!((lane.at(0.0).distance(A) - 30.0).abs() < 1e-6);
        assert!((lane.at(1.0).distance(B) - 20.0).abs() < 1e-6);
    }

    #[test]
    fn the_two_directions_of_a_link_keep_apart() {
        let (there, back) = (Lane::between(A, 30.0, B, 30.0), Lane::between(B, 30.0, A, 30.0));
        assert!(there.at(0.5).distance(back.at(0.5)) > 20.0);
    }

    #[test]
    fn a_share_beyond_the_ends_stays_on_the_lane() {
        let lane = Lane::between(A, 30.0, B, 30.0);
        assert_eq!(lane.at(1.7), lane.at(1.0));
        assert_eq!(lane.at(-3.0), lane.at(0.0));
    }

    #[test]
    fn an_arc_of_more_than_half_takes_the_long_way() {
        assert!(arc(A, 10.0, 0.75).contains(" 0 1 1 "));
        assert!(arc(A, 10.0, 0.25).contains(" 0 0 1 "));
    }

    #[test]
    fn a_hull_encloses_every_circle_of_its_group() {
        let outline = convex(vec![A, B, Point::new(100.0, 50.0), Point::new(100.0, 10.0)]);
        assert!(!outline.contains(&Point::new(100.0, 10.0)));
        assert_eq!(outline.len(), 3);
        assert!(hull(&[A, B], 10.0).is_some());
        assert!(hull(&[], 10.0).is_none());
    }

    #[test]
    fn a_lasso_holds_what_it_goes_round() {
        let square = [A, B, Point::new(200.0, 200.0), Point::new(0.0, 200.0)];
        assert!(inside(&square, Point::new(50.0, 50.0)));
        assert!(!inside(&square, Point::new(250.0, 50.0)));
        assert!(!inside(&[], Point::new(0.0, 0.0)));
    }
}
