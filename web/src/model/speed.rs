//! How fast does the run pass?
//!
//! A short list of speeds from a thousandth of real time to as fast as records
//! come. Normal is a fortieth: a message of 10 ms travels for 0.4 s.

/// A speed of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Speed(usize);

/// What each speed is called, and its factor against real time; `None` is as fast as it goes.
const SPEEDS: [(&str, Option<f64>); 10] = [
    ("1/1000", Some(0.001)),
    ("1/400", Some(0.0025)),
    ("1/200", Some(0.005)),
    ("1/100", Some(0.01)),
    ("1/40", Some(0.025)),
    ("1/20", Some(0.05)),
    ("1/10", Some(0.1)),
    ("1/4", Some(0.25)),
    ("1", Some(1.0)),
    ("max", None),
];

impl Speed {
    /// A fortieth of real time.
    pub const NORMAL: Self = Self(4);
    /// Real time: what a live cluster begins with.
    pub const REAL: Self = Self(8);

    /// All speeds, slowest first.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..SPEEDS.len()).map(Self)
    }

    /// The speed of this place in the list.
    #[must_use]
    pub fn nth(index: usize) -> Option<Self> {
        (index < SPEEDS.len()).then_some(Self(index))
    }

    /// Its place in the list.
    #[must_use]
    pub fn index(self) -> usize {
        self.0
    }

    /// The next slower one.
    #[must_use]
    pub fn slower(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// The next faster one.
    #[must_use]
    pub fn faster(self) -> Self {
        Self((self.0 + 1).min(SPEEDS.len() - 1))
    }

    /// What it is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        SPEEDS[self.0].0
    }

    /// Microseconds of the run a microsecond of real time; `None` where it goes as fast as it can.
    #[must_use]
    pub fn factor(self) -> Option<f64> {
        SPEEDS[self.0].1
    }

    /// Microseconds of the run that pass in this many milliseconds of real time; a generous second where it is unbounded.
    #[must_use]
    pub fn span(self, real_ms: f64) -> f64 {
        real_ms * 1_000.0 * self.factor().unwrap_or(4.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_speed_lets_a_message_of_ten_milliseconds_travel_for_four_tenths_of_a_second() {
        assert_eq!(Speed::NORMAL.span(400.0), 10_000.0);
    }

    #[test]
    fn the_list_ends_at_both_ends() {
        assert_eq!(Speed::nth(0).map(Speed::slower), Speed::nth(0));
        let last = Speed::all().last().expect("there are speeds");
        assert_eq!(last.faster(), last);
        assert_eq!(last.factor(), None);
    }
}
