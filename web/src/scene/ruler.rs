//! Which pixel of the timeline belongs to which time?
//!
//! A window of time laid over a width of pixels, and the labels under it. Pure
//! arithmetic; the window itself is chosen by the model.

use super::motion::Micros;

/// A window of time on a strip of pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ruler {
    /// First time shown.
    pub from: Micros,
    /// Last time shown.
    pub to: Micros,
    /// Pixels from the first to the last.
    pub width: f64,
}

/// Free pixels at both ends, so that a cursor at an end is seen whole.
pub const MARGIN: f64 = 12.0;

impl Ruler {
    /// A ruler over these times; a window of no length gets a millisecond.
    #[must_use]
    pub fn new(from: Micros, to: Micros, width: f64) -> Self {
        Self { from, to: to.max(from + 1_000.0), width: width.max(2.0 * MARGIN + 1.0) }
    }

    /// The pixel of a time; may lie outside the strip.
    #[must_use]
    pub fn x(&self, time: Micros) -> f64 {
        MARGIN + (time - self.from) / (self.to - self.from) * (self.width - 2.0 * MARGIN)
    }

    /// The time at a pixel, within the window.
    #[must_use]
    pub fn time(&self, x: f64) -> Micros {
        let share = ((x - MARGIN) / (self.width - 2.0 * MARGIN)).clamp(0.0, 1.0);
        self.from + share * (self.to - self.from)
    }

    /// The part of a span that lies in the window, as left edge and width; `None` where none does.
    #[must_use]
    pub fn span(&self, from: Micros, to: Micros) -> Option<(f64, f64)> {
        let (from, to) = (from.max(self.from), to.min(self.to));
        (to > from).then(|| (self.x(from), self.x(to) - self.x(from)))
    }

    /// Whether a time is in the window.
    #[must_use]
    pub fn shows(&self, time: Micros) -> bool {
        time >= self.from && time <= self.to
    }

    /// Times to label, round numbers, with room for each label.
    #[must_use]
    pub fn ticks(&self) -> Vec<Micros> {
        /// Pixels between two labels at least.
        const ROOM: f64 = 74.0;
        let wanted = (self.to - self.from) * ROOM / (self.width - 2.0 * MARGIN).max(1.0);
        let magnitude = 10f64.powf(wanted.max(1.0).log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .into_iter()
            .map(|factor| factor * magnitude)
            .find(|step| *step >= wanted)
            .unwrap_or(magnitude * 10.0);
        let first = (self.from / step).ceil() as u64;
        let last = (self.to / step).floor() as u64;
        (first..=last).map(|tick| tick as f64 * step).collect()
    }
}

/// A time as people read it, in a unit that fits the step between two of them: `0.4 s`, `12 ms`.
#[must_use]
pub fn label(time: Micros, step: Micros) -> String {
    if step >= 100_000.0 {
        format!("{:.1} s", time / 1_000_000.0)
    } else if step >= 1_000.0 {
        format!("{:.0} ms", time / 1_000.0)
    } else {
        format!("{:.2} ms", time / 1_000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixel_and_time_are_each_others_inverse() {
        let ruler = Ruler::new(200_000.0, 1_200_000.0, 900.0);
        for time in [200_000.0, 345_678.0, 1_200_000.0] {
            assert!((ruler.time(ruler.x(time)) - time).abs() < 1e-6);
        }
    }

    #[test]
    fn a_pixel_outside_means_the_nearest_end() {
        let ruler = Ruler::new(0.0, 1_000_000.0, 500.0);
        assert_eq!(ruler.time(-50.0), 0.0);
        assert_eq!(ruler.time(5_000.0), 1_000_000.0);
    }

    #[test]
    fn labels_are_round_and_do_not_touch() {
        for (to, width) in [(1_000_000.0, 900.0), (37_000_000.0, 300.0), (4_000.0, 700.0), (2_000_000.0, 320.0)] {
            let ruler = Ruler::new(0.0, to, width);
            let ticks = ruler.ticks();
            assert!(ticks.len() >= 2, "{to} on {width}");
            for pair in ticks.windows(2) {
                assert!(ruler.x(pair[1]) - ruler.x(pair[0]) >= 60.0);
            }
        }
    }

    #[test]
    fn a_span_is_clipped_to_the_window() {
        let ruler = Ruler::new(100.0, 2_100.0, 24.0 + 200.0);
        assert_eq!(ruler.span(0.0, 1_100.0), Some((12.0, 100.0)));
        assert_eq!(ruler.span(3_000.0, 4_000.0), None);
    }

    #[test]
    fn times_read_in_a_unit_that_fits() {
        assert_eq!(label(1_400_000.0, 200_000.0), "1.4 s");
        assert_eq!(label(12_000.0, 2_000.0), "12 ms");
        assert_eq!(label(12_340.0, 500.0), "12.34 ms");
    }
}
