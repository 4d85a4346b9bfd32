//! What does a replica of the two rounds write besides its log? Shared with others: [`crate::bft::persist`].
//!
//! A message that promises something waits for the newest write of its replica,
//! as in PBFT.

use std::sync::Arc;

use super::hard::HardState;
use super::link::Link;
use crate::bft::persist;
use crate::types::Sequence;

pub(super) type Persist = persist::Persist<HardState>;

impl Persist {
    /// A number has changed.
    pub(super) fn number(&mut self) {
        self.hard();
    }

    /// Links after this place go, but for those that are kept aside.
    pub(super) fn cut(&mut self, after: Sequence, kept: Vec<Arc<Link>>) {
        let hard = self.hard();
        hard.links.retain(|link| link.sequence() <= after);
        hard.cut = Some(hard.cut.map_or(after, |cut| cut.min(after)));
        hard.kept.extend(kept);
    }
}
