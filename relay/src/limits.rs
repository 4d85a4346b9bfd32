//! How much may one connection ask of the relay?
//!
//! Each limit is named with its reason; a frame beyond one is answered with a
//! code and ends that connection alone.

use std::time::{Duration, Instant};

use quorumscope_core::wire::{MAX_FRAME_BYTES, MAX_REQUEST_BYTES, Role};

/// Frames that wait for one connection to read them: a second of a busy cluster's messages.
pub(crate) const QUEUE_FRAMES: usize = 4_096;

/// Connections of one relay: each costs two buffers and a queue.
pub(crate) const MAX_CONNECTIONS: usize = 512;

/// Observers and controllers of one room: each takes a share of every record.
pub(crate) const MAX_OBSERVERS: usize = 128;

/// Commands of controllers that the host has not answered yet.
pub(crate) const MAX_ORDERS: usize = 256;

/// Messages on their way to one node that the relay remembers, so that it can report them lost when the node goes.
pub(crate) const MAX_IN_FLIGHT: usize = 4_096;

/// A hello holds two names and a few numbers.
pub(crate) const MAX_HELLO_BYTES: usize = 1_024;

/// A connection says who it is within this time.
pub(crate) const HELLO_WITHIN: Duration = Duration::from_secs(5);

/// A frame is taken by the peer's machine within this time, or the connection is given up.
pub(crate) const WRITE_WITHIN: Duration = Duration::from_secs(10);

/// How often a quiet connection is asked whether it is still there.
pub(crate) const PING_EVERY: Duration = Duration::from_secs(10);

/// A connection that says nothing at all, not even that it is there, is given up after this time.
pub(crate) const SILENT_FOR: Duration = Duration::from_secs(30);

/// How long the relay waits for the state of a node that does not answer.
pub(crate) const ROUND_WITHIN: Duration = Duration::from_secs(2);

/// How long open connections have for their farewell.
pub(crate) const STOP_WITHIN: Duration = Duration::from_secs(3);

/// Largest frame that a role may send.
pub(crate) fn largest_frame(role: Role) -> usize {
    match role {
        Role::Node(_) | Role::Host => MAX_FRAME_BYTES,
        Role::Observer | Role::Controller => MAX_REQUEST_BYTES,
    }
}

/// Frames that may come at a stretch, and each second.
pub(crate) fn frame_rate(role: Role) -> Rate {
    match role {
        // A node sends one frame of records and a few messages a step.
        Role::Node(_) | Role::Host => Rate::new(20_000, 10_000),
        // People click.
        Role::Observer | Role::Controller => Rate::new(100, 50),
    }
}

/// A bucket that fills at a steady rate; each frame takes one drop.
#[derive(Clone, Debug)]
pub(crate) struct Rate {
    burst: u32,
    per_second: u32,
    /// Millionths of a frame, so that a slow rate fills without rounding to nothing.
    left: u64,
    filled: Option<Instant>,
}

impl Rate {
    fn new(burst: u32, per_second: u32) -> Self {
        Self { burst, per_second, left: u64::from(burst) * 1_000_000, filled: None }
    }

    /// Takes one frame; false where the rate is exceeded.
    pub(crate) fn allows(&mut self, now: Instant) -> bool {
        let passed = self.filled.map_or(Duration::ZERO, |before| now.saturating_duration_since(before));
        let gained = u64::try_from(passed.as_micros()).unwrap_or(u64::MAX).saturating_mul(u64::from(self.per_second));
        self.left = self.left.saturating_add(gained).min(u64::from(self.burst) * 1_000_000);
        self.filled = Some(now);
        let allowed = self.left >= 1_000_000;
        if allowed {
            self.left -= 1_000_000;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_only_the_steady_rate() {
        let start = Instant::now();
        let mut rate = Rate::new(3, 2);
        assert!((0..3).all(|_| rate.allows(start)));
        assert!(!rate.allows(start));
        assert!(!rate.allows(start + Duration::from_millis(499)));
        assert!(rate.allows(start + Duration::from_millis(501)));
        assert!(!rate.allows(start + Duration::from_millis(502)));
    }

    #[test]
    fn a_long_rest_fills_the_bucket_and_no_more() {
        let start = Instant::now();
        let mut rate = Rate::new(3, 2);
        assert!(rate.allows(start));
        let later = start + Duration::from_secs(3_600);
        assert_eq!((0..10).filter(|_| rate.allows(later)).count(), 3);
    }
}
