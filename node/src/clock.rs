//! Which clocks does a native node read?
//!
//! The monotonic clock must count suspend: a leader that slept must find its
//! followers' patience over (CLOCK_BOOTTIME; Rust's `Instant` stands still on
//! Linux). Where a system has no such clock, `Instant` is the best there is.

use std::time::{Duration, SystemTime};

use quorumscope_core::types::{Mono, Now, Time, Wall};

/// The clocks of one process, and its estimate of the cluster's time.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Mono,
    started_at: Time,
}

impl Clock {
    /// A clock whose global time counts from this moment of unix time.
    #[must_use]
    pub fn since_epoch(epoch_unix_us: u64) -> Self {
        Self { started: mono(), started_at: Time(unix_now_us().saturating_sub(epoch_unix_us)) }
    }

    /// Both readings for one step.
    #[must_use]
    pub fn now(&self) -> Now {
        Now { mono: mono(), wall: Wall(unix_now_us()) }
    }

    /// The estimate of global time that belongs to a reading of the monotonic clock. It never steps back.
    #[must_use]
    pub fn global(&self, mono: Mono) -> Time {
        self.started_at + (mono - self.started)
    }

    /// How long until the monotonic clock shows `deadline`.
    #[must_use]
    pub fn until(&self, deadline: Mono) -> Duration {
        Duration::from_micros((deadline - mono()).0)
    }
}

/// The wall clock in microseconds of unix time; 0 before 1970.
#[must_use]
pub fn unix_now_us() -> u64 {
    let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(unix.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(unix)]
fn mono() -> Mono {
    use rustix::time::{ClockId, clock_gettime};
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const COUNTS_SUSPEND: ClockId = ClockId::Boottime;
    // On Apple's systems this one counts suspend.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    const COUNTS_SUSPEND: ClockId = ClockId::Monotonic;
    let reading = clock_gettime(COUNTS_SUSPEND);
    let seconds = u64::try_from(reading.tv_sec).unwrap_or_default();
    let nanos = u64::try_from(reading.tv_nsec).unwrap_or_default();
    Mono(seconds.saturating_mul(1_000_000).saturating_add(nanos / 1_000))
}

#[cfg(not(unix))]
fn mono() -> Mono {
    use std::sync::OnceLock;
    use std::time::Instant;
    static START: OnceLock<Instant> = OnceLock::new();
    let passed = START.get_or_init(Instant::now).elapsed();
    Mono(u64::try_from(passed.as_micros()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn global_time_counts_from_the_epoch_and_follows_the_monotonic_clock() {
        let clock = Clock::since_epoch(unix_now_us() - 5_000_000);
        let now = clock.now().mono;
        let first = clock.global(now);
        assert!((Time(5_000_000)..Time(6_000_000)).contains(&first), "{first:?}");
        assert_eq!(clock.global(Mono(now.0 + 7)), Time(first.0 + 7));
        assert!(clock.global(Mono(0)) <= first);
    }

    #[test]
    fn an_epoch_in_the_future_starts_at_zero() {
        let clock = Clock::since_epoch(u64::MAX);
        assert!(clock.global(clock.now().mono) < Time(1_000_000));
    }

    #[test]
    fn a_deadline_that_has_passed_is_due_now() {
        assert_eq!(Clock::since_epoch(0).until(Mono(0)), Duration::ZERO);
    }
}
