//! How threatened does a replica feel, and what counts for it?
//!
//! Where a protocol measures it, as the hybrid does. Signs say when to be
//! careful and convict nobody.

use quorumscope_core::bft::hybrid::threat::Level;
use quorumscope_core::few;
use quorumscope_core::record::Detail;

use super::board::runs;
use crate::trace::view::NodeView;
use crate::trace::words::hybrid::{level, meter as words};
use crate::trace::words::{fill, list};

/// So many steps lead from no threat to the worst one.
pub const STEPS: u8 = 4;

/// How threatened a replica feels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreatFace {
    /// From 0 up to [`STEPS`].
    pub step: u8,
    /// What that is called.
    pub level: &'static str,
    /// What counts for it, in words.
    pub reasons: String,
}

/// The meter of a node; `None` where its protocol has none, and while it does not run.
#[must_use]
pub fn threat(node: &NodeView) -> Option<ThreatFace> {
    let replica = match node.status.detail.as_deref().filter(|_| runs(node))? {
        Detail::Hybrid(replica) => replica,
        Detail::Pbft(_) | Detail::HotStuff(_) => return None,
    };
    let mut signs = replica.signs.clone();
    few::sort(&mut signs, |a, b| a.1 > b.1 || (a.1 == b.1 && a.0 < b.0));
    let of = |(peer, count): &(_, u64)| {
        fill(if *count == 1 { words::SIGN } else { words::SIGNS }, &[("count", count), ("peer", peer)])
    };
    let mut reasons: Vec<String> = signs.iter().map(of).collect();
    if reasons.is_empty() {
        reasons.push(if replica.threat == Level::None { words::NOTHING } else { words::OTHER }.into());
    }
    if !replica.alarms.is_empty() {
        reasons.push(fill(words::ALARMS, &[("by", &list(&replica.alarms))]));
    }
    let step = match replica.threat {
        Level::None => 0,
        Level::Low => 1,
        Level::Medium => 2,
        Level::High => 3,
        Level::Critical => STEPS,
    };
    Some(ThreatFace { step, level: level(replica.threat), reasons: reasons.join("; ") })
}
