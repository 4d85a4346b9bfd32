//! What must a sweep of drawn runs meet?
//!
//! A sweep whose counter stays at zero has not tested what it claims to test.
//! The counters themselves are in `sim::coverage`, what is drawn in `profile`.

use super::document::ProtocolName;
use super::profile::Profile;
use crate::adversary::Trick;
use crate::sim::Coverage;

impl Profile {
    /// Counters that a sweep of such runs must raise: a sweep that does not has not tested what it claims.
    #[must_use]
    pub fn must_cover(self, protocol: ProtocolName) -> Vec<&'static str> {
        let mut counters = match protocol {
            ProtocolName::Raft => self.raft_covers(),
            ProtocolName::Pbft => self.pbft_covers(),
            ProtocolName::HotStuff => self.hotstuff_covers(),
        }
        .to_vec();
        if self == Self::Byzantine {
            let lies =
                |name: &&&str| Trick::of(protocol).any(|trick| name.strip_prefix("lies: ") == Some(trick.name()));
            counters.extend(Coverage::NAMES.iter().filter(lies));
        }
        counters
    }

    fn pbft_covers(self) -> &'static [&'static str] {
        const NONE: &[&str] = &[
            "messages delivered",
            "messages reordered",
            "syncs",
            "commits",
            "entries applied",
            "client operations ok",
            "results believed by equal replies",
            "batches proposed",
            "checkpoints stable",
        ];
        const LIGHT: &[&str] = &[
            "messages delivered",
            "messages reordered",
            "syncs",
            "commits",
            "entries applied",
            "client operations ok",
            "results believed by equal replies",
            "batches proposed",
            "checkpoints stable",
            "crashes",
            "restarts",
            "messages dropped",
            "partitions",
            "client retries",
            "view changes",
            "views begun",
            "batches caught up by proof",
        ];
        const HEAVY: &[&str] = &[
            "messages delivered",
            "messages reordered",
            "syncs",
            "commits",
            "entries applied",
            "client operations ok",
            "results believed by equal replies",
            "batches proposed",
            "checkpoints stable",
            "crashes",
            "restarts",
            "messages dropped",
            "partitions",
            "client retries",
            "view changes",
            "views begun",
            "batches caught up by proof",
            "messages duplicated",
            "lost unsynced writes",
            "one-way cuts",
            "clock faults",
            "disk faults",
            "pauses",
            "snapshots taken",
            "snapshot parts sent",
            "snapshots installed",
            "batches of several requests",
            "batches ordered again in a new view",
            "ticks",
            "values expired",
            "sessions expired",
            "duplicates suppressed",
            "workflow commands",
            "cluster commands",
            "client operations unknown",
        ];
        match self {
            Self::None => NONE,
            Self::Light => LIGHT,
            Self::Heavy | Self::Byzantine => HEAVY,
        }
    }

    fn hotstuff_covers(self) -> &'static [&'static str] {
        const NONE: &[&str] = &[
            "messages delivered",
            "messages reordered",
            "syncs",
            "commits",
            "entries applied",
            "client operations ok",
            "results believed by equal replies",
            "batches proposed",
            "certificates formed",
            "checkpoints stable",
        ];
        const LIGHT: &[&str] = &[
            "messages delivered",
            "messages reordered",
            "syncs",
            "commits",
            "entries applied",
            "client operations ok",
            "results believed by equal replies",
            "batches proposed",
            "certificates formed",
            "checkpoints stable",
            "crashes",
            "restarts",
            "messages dropped",
            "partitions",
            "client retries",
            "views given up",
            "timeout certificates formed",
            "blocks fetched",
        ];
        const HEAVY: &[&str] = &[
            "messages delivered",
            "messages reordered",
            "syncs",
            "commits",
            "entries applied",
            "client operations ok",
            "results believed by equal replies",
            "batches proposed",
            "certificates formed",
            "checkpoints stable",
            "crashes",
            "restarts",
            "messages dropped",
            "partitions",
            "client retries",
            "views given up",
            "timeout certificates formed",
            "votes counted out of timeouts",
            "commits held for a missing view",
            "blocks fetched",
            "messages duplicated",
            "lost unsynced writes",
            "one-way cuts",
            "clock faults",
            "disk faults",
            "pauses",
            "snapshots taken",
            "snapshot parts sent",
            "snapshots installed",
            "batches of several requests",
            "ticks",
            "values expired",
            "sessions expired",
            "duplicates suppressed",
            "workflow commands",
            "cluster commands",
            "client operations unknown",
        ];
        match self {
            Self::None => NONE,
            Self::Light => LIGHT,
            Self::Heavy | Self::Byzantine => HEAVY,
        }
    }

    fn raft_covers(self) -> &'static [&'static str] {
        const NONE: &[&str] = &[
            "messages delivered",
            "messages reordered",
            "syncs",
            "elections",
            "leaders elected",
            "commits",
            "entries applied",
            "client operations ok",
        ];
        const LIGHT: &[&str] = &[
            "messages delivered",
            "messages reordered",
            "syncs",
            "elections",
            "leaders elected",
            "commits",
            "entries applied",
            "client operations ok",
            "crashes",
            "restarts",
            "messages dropped",
            "partitions",
            "client retries",
            "snapshots taken",
            "snapshot parts sent",
            "snapshots installed",
            "index reads",
            "lease reads",
            "transfers",
        ];
        const HEAVY: &[&str] = &[
            "messages delivered",
            "messages reordered",
            "syncs",
            "elections",
            "leaders elected",
            "commits",
            "entries applied",
            "client operations ok",
            "crashes",
            "restarts",
            "messages dropped",
            "partitions",
            "client retries",
            "messages duplicated",
            "lost unsynced writes",
            "one-way cuts",
            "clock faults",
            "disk faults",
            "learners promoted",
            "leaders removed",
            "joint configurations",
            "nodes replaced",
            "snapshots taken",
            "snapshots by entries",
            "snapshots by bytes",
            "snapshots by interval",
            "snapshot parts sent",
            "snapshots installed",
            "snapshot transfers resumed",
            "snapshot transfers superseded",
            "snapshot transfers not needed",
            "pre-votes",
            "next indexes moved back",
            "logs truncated",
            "commits ahead of the leader's disk",
            "entries sent in batches",
            "appends full by count",
            "appends full by bytes",
            "ticks",
            "values expired",
            "sessions expired",
            "sessions opened again",
            "duplicates suppressed",
            "workflow commands",
            "cluster commands",
            "check-quorum step-downs",
            "index reads",
            "lease reads",
            "stale reads",
            "pauses",
            "lost disks",
            "transfers",
            "entries at observers",
            "index reads at observers",
            "entries at edges",
            "bodies left out",
            "projections made",
            "appends by feeders",
            "client operations unknown",
            "requests refused as overloaded",
            "windows full",
            "answered early",
            "early answers lost",
            "hand-overs to preferred zones",
        ];
        match self {
            Self::None => NONE,
            Self::Light => LIGHT,
            Self::Heavy | Self::Byzantine => HEAVY,
        }
    }
}
