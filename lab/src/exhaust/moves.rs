//! How is one step of a small world written down, and what does it use up?
//!
//! A move is a node and a happening as a number among few, so that its outcome
//! is a look-up and a path through millions of worlds fits the memory. What
//! follows from a move is in `cluster`, how it is told to people in `tell`.

use super::local::small;

/// How one world came from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Move {
    /// The position of the node.
    pub(super) node: u8,
    pub(super) act: Act,
    /// The position in the state of the message that was delivered.
    pub(super) slot: Option<u8>,
}

/// A happening as a number among few, so that its outcome is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Act(pub(super) u32);

impl Act {
    pub(super) const TIMES_OUT: Self = Self(0);
    pub(super) const SYNCS: Self = Self(1);
    pub(super) const LOSES_STORE: Self = Self(2);

    pub(super) fn command(number: u8) -> Self {
        Self(3 | u32::from(number) << 9)
    }

    pub(super) fn crashes(kept: u8) -> Self {
        Self(4 | u32::from(kept) << 9)
    }

    pub(super) fn receives(from: u8, message: u32) -> Self {
        Self(5 | u32::from(from) << 3 | message << 9)
    }

    /// The same, and then a crash with this many of its writes on the disk. No step writes more than a few times.
    pub(super) fn cut(self, after: u8) -> Self {
        Self(self.0 | u32::from(after + 1) << 6)
    }

    /// With how many of its writes on the disk it ends in a crash, where it does.
    pub(super) fn cut_after(self) -> Option<u8> {
        small(u64::from(self.0 >> 6 & 7)).checked_sub(1)
    }

    pub(super) fn kind(self) -> u32 {
        self.0 & 7
    }
}

/// What is used up of the bounds, and the terms that had a leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Used {
    pub(super) crashes: u8,
    pub(super) commands: u8,
    pub(super) lost: u8,
    pub(super) led: u8,
}

impl Used {
    pub(super) fn of(word: u32) -> Self {
        let [crashes, commands, lost, led] = word.to_le_bytes();
        Self { crashes, commands, lost, led }
    }

    pub(super) fn packed(self) -> u32 {
        u32::from_le_bytes([self.crashes, self.commands, self.lost, self.led])
    }

    pub(super) fn count(&mut self, act: Act) {
        self.commands += u8::from(act.kind() == 3);
        self.crashes += u8::from(act.kind() == 4 || act == Act::LOSES_STORE || act.cut_after().is_some());
        self.lost += u8::from(act == Act::LOSES_STORE);
    }
}
