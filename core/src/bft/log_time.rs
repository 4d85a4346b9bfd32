//! Which stamps does an honest node believe?
//!
//! A proposer that lies could move log time to where leases and expiries end.
//! A stamp is believed where it is close to the believer's own wall clock; where
//! log time has fallen behind or run ahead, only the one stamp that brings it
//! back is believed, so that honest nodes agree on what to do.

use serde::{Deserialize, Serialize};

use crate::types::{Span, Wall};

/// How far a stamp may be off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Tolerance {
    /// Δ: how far the wall clocks of two honest nodes may be apart.
    pub clocks: Span,
    /// J: how far log time jumps from one batch to the next at the most.
    pub jump: Span,
}

impl Tolerance {
    /// Whether a node whose wall clock shows `clock` believes a stamp that follows `previous`.
    #[must_use]
    pub fn believes(&self, clock: Wall, previous: Wall, stamp: Wall) -> bool {
        match self.only(clock, previous) {
            Some(only) => stamp == only,
            None => {
                let close = stamp - clock <= self.clocks && clock - stamp <= self.clocks;
                close && stamp >= previous && stamp - previous <= self.jump
            }
        }
    }

    /// The stamp that an honest proposer gives to what follows `previous`.
    #[must_use]
    pub fn stamp(&self, clock: Wall, previous: Wall) -> Wall {
        self.only(clock, previous).unwrap_or_else(|| clock.max(previous).min(previous + self.jump))
    }

    /// The one stamp that is believed while log time is ahead of the clock, or far behind it.
    fn only(&self, clock: Wall, previous: Wall) -> Option<Wall> {
        if previous - clock > self.clocks {
            return Some(previous);
        }
        let reach = previous + self.jump;
        (clock - reach > self.clocks).then_some(reach)
    }
}
