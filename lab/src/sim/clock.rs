//! What does a node's own clock read, and when will it read something?
//!
//! A node never sees global time. Its monotonic clock runs at its own rate from
//! its last setting; its wall clock runs with it. Integer arithmetic only, so
//! that every machine gets the same readings.

use quorumscope_core::types::{Mono, Now, Span, Time, Wall};

/// The rate of a perfect clock, in parts per million of global time.
pub const TRUE_RATE_PPM: u32 = 1_000_000;

/// A node's clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// Global time of the last setting.
    pub(crate) at: Time,
    /// The monotonic clock's reading at that time.
    pub(crate) mono: Mono,
    wall: Wall,
    /// Parts per million of global time.
    pub(crate) rate_ppm: u32,
}

impl Clock {
    /// A true clock at the start of a run.
    pub(crate) fn new() -> Self {
        Self { at: Time(0), mono: Mono(0), wall: Wall(0), rate_ppm: TRUE_RATE_PPM }
    }

    fn elapsed(&self, now: Time) -> Span {
        let span = (now - self.at).0;
        if self.rate_ppm == TRUE_RATE_PPM {
            return Span(span);
        }
        // span * rate / truth, without the long products that WebAssembly has no instruction for.
        let (rate, truth) = (u64::from(self.rate_ppm), u64::from(TRUE_RATE_PPM));
        Span((span / truth).saturating_mul(rate).saturating_add(span % truth * rate / truth))
    }

    /// Both readings at global time `now`.
    pub(crate) fn read(&self, now: Time) -> Now {
        let elapsed = self.elapsed(now);
        Now { mono: self.mono + elapsed, wall: self.wall + elapsed }
    }

    /// The first global time at which the monotonic clock reads at least `mono`.
    pub(crate) fn when(&self, mono: Mono) -> Time {
        let span = (mono - self.mono).0;
        if self.rate_ppm == TRUE_RATE_PPM {
            return self.at + Span(span);
        }
        let (rate, truth) = (u64::from(self.rate_ppm.max(1)), u64::from(TRUE_RATE_PPM));
        self.at + Span((span / rate).saturating_mul(truth).saturating_add((span % rate * truth).div_ceil(rate)))
    }

    /// Sets the clock to what it reads now, so that it may go on in another way.
    fn settle(&mut self, now: Time) {
        let read = self.read(now);
        *self = Self { at: now, mono: read.mono, wall: read.wall, ..*self };
    }

    /// Moves both clocks forward.
    pub(crate) fn skew(&mut self, now: Time, by: Span) {
        self.settle(now);
        self.mono = self.mono + by;
        self.wall = self.wall + by;
    }

    /// Moves the monotonic clock forward to `mono`; it never goes back.
    pub(crate) fn advance_to(&mut self, now: Time, mono: Mono) {
        self.settle(now);
        self.mono = self.mono.max(mono);
    }

    /// Lets the clock go on at another rate.
    pub(crate) fn drift(&mut self, now: Time, rate_ppm: u32) {
        self.settle(now);
        self.rate_ppm = rate_ppm;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_reached_at_the_first_instant_at_which_the_clock_reads_it() {
        for rate in [1, 333_333, 999_999, 1_000_000, 1_000_001, 7_654_321] {
            let mut clock = Clock::new();
            clock.drift(Time(17), rate);
            let due = clock.when(Mono(1_234));
            assert!(clock.read(due).mono >= Mono(1_234));
            assert!(clock.read(Time(due.0 - 1)).mono < Mono(1_234));
        }
    }

    #[test]
    fn a_clock_never_goes_back() {
        let mut clock = Clock::new();
        clock.skew(Time(10), Span(100));
        clock.advance_to(Time(20), Mono(5));
        assert_eq!(clock.read(Time(20)).mono, Mono(120));
    }
}
