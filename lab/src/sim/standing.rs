//! Which faults have not ended yet?
//!
//! What the protocols' papers mean by a network that works again: messages get
//! through, in time, and whoever was to return is up. A shrunken run shows that
//! a cluster makes no progress in calm only where no more of these stand than
//! stood before it was shrunk.

use quorumscope_core::types::Span;

use super::subject::Subject;
use super::world::World;
use crate::trace::view::Liveness;

/// The faults that stand at one moment of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Directions of links that are cut.
    pub cut: u64,
    /// Nodes that have crashed or are paused. Those that a broken invariant stopped are no fault of the run.
    pub away: u64,
    /// Loss on all links, in parts per million.
    pub drop_ppm: u32,
    /// Duplication on all links, in parts per million.
    pub duplicate_ppm: u32,
    /// The longest latency of any link.
    pub latency: Span,
    /// The longest sync of any disk.
    pub disk: Span,
}

impl Standing {
    /// Whether nothing stands here that does not stand in `other` too.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        let Self { cut, away, drop_ppm, duplicate_ppm, latency, disk } = *self;
        cut <= other.cut
            && away <= other.away
            && drop_ppm <= other.drop_ppm
            && duplicate_ppm <= other.duplicate_ppm
            && latency <= other.latency
            && disk <= other.disk
    }
}

impl<P: Subject> World<P> {
    pub(super) fn standing(&self) -> Standing {
        let conditions = &self.links.conditions;
        let is_away = |liveness| matches!(liveness, Liveness::Crashed | Liveness::Paused);
        let between = conditions.between.iter().map(|pair| pair.latency.1);
        Standing {
            cut: self.links.cut.len() as u64,
            away: self.nodes.iter().filter(|node| is_away(node.liveness)).count() as u64,
            drop_ppm: conditions.drop_ppm,
            duplicate_ppm: conditions.duplicate_ppm,
            latency: between.chain([conditions.latency.1]).max().unwrap_or_default(),
            disk: self.nodes.iter().map(|node| node.disk.latency.1).max().unwrap_or_default(),
        }
    }
}
