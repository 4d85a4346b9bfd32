//! What sets one seed's run apart from another's, beside where and when faults come?
//!
//! Each choice is drawn by itself, so that every combination comes up: zones
//! with leases, a lost disk with short sessions. All are drawn in a fixed order,
//! whether a plan asks for them or not.

use quorumscope_core::machine::any::MachineKind;
use quorumscope_core::raft::Snapshots;
use quorumscope_core::rng::Rng;
use quorumscope_core::types::Span;

use crate::scenario::document::Scenario;

/// The generator of these choices is a concern of its own.
const CONCERN: u64 = 0x_0C0D;

/// What was drawn for a seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    /// Zones, some of them preferred.
    pub(super) zones: bool,
    /// Leases, and then no clock that jumps.
    pub(super) leases: bool,
    /// Somebody loses its disk, and another node takes its place.
    pub(super) loses_disk: bool,
    /// What the log drives: in half of the runs the key-value store.
    machine: MachineKind,
    /// Sessions that expire soon.
    session_timeout: Option<Span>,
    /// Values that expire.
    ttl: Option<(Span, Span)>,
    /// Clients that draw the class of each write.
    mixed: bool,
    /// Which bounds on messages are narrow.
    limits: Limits,
    /// What makes a snapshot.
    snapshots: Cause,
}

/// Which bounds on messages are narrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Limits {
    /// Those in bytes, all of them: a command has some 20.
    Bytes,
    /// Those in entries.
    Entries,
    /// Those of one append: what waits goes in several.
    Append,
}

/// What makes a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    Entries,
    Bytes,
    Interval,
}

impl Kind {
    /// Draws for a seed.
    pub(super) fn of(seed: u64) -> Self {
        let mut rng = Rng::new(seed, CONCERN);
        let mut one_in = |many: u64| rng.below(many) == 0;
        let (zones, leases, loses_disk) = (one_in(2), one_in(2), one_in(4));
        let machine = match (one_in(2), one_in(2)) {
            (true, _) => MachineKind::Kv,
            (false, true) => MachineKind::Workflow,
            (false, false) => MachineKind::Cluster,
        };
        let (short, expiring, mixed) = (one_in(3), one_in(2), one_in(2));
        let limits = match (one_in(2), one_in(2)) {
            (true, _) => Limits::Bytes,
            (false, true) => Limits::Entries,
            (false, false) => Limits::Append,
        };
        let snapshots = match (one_in(2), one_in(2)) {
            (true, _) => Cause::Entries,
            (false, true) => Cause::Bytes,
            (false, false) => Cause::Interval,
        };
        let timeout = rng.span((Span::from_millis(1_500), Span::from_millis(5_000)));
        let session_timeout = short.then_some(timeout);
        let ttl = expiring.then_some((Span::from_millis(50), Span::from_millis(3_000)));
        Self { zones, leases, loses_disk, machine, session_timeout, ttl, mixed, limits, snapshots }
    }

    /// Makes a run what was drawn.
    pub(super) fn vary(&self, scenario: &mut Scenario) {
        scenario.machine.kind = self.machine;
        scenario.machine.session_timeout = self.session_timeout;
        for workload in scenario.clients.iter_mut().filter_map(|client| client.workload.as_mut()) {
            workload.ttl = self.ttl.filter(|_| self.machine == MachineKind::Kv);
            workload.mixed = self.mixed;
        }
        for client in &mut scenario.clients {
            client.class = if self.mixed { Default::default() } else { client.class };
        }
        let raft = &mut scenario.raft;
        let usual = crate::scenario::document::RaftSettings::of(raft.profile);
        match self.limits {
            Limits::Bytes => {}
            Limits::Entries => {
                (raft.max_entries_per_append, raft.max_entries_in_flight, raft.max_uncommitted) = (2, 4, 6);
                raft.max_bytes_per_append = usual.max_bytes_per_append;
                raft.max_bytes_in_flight = usual.max_bytes_in_flight;
                raft.max_uncommitted_bytes = usual.max_uncommitted_bytes;
            }
            Limits::Append => {
                raft.max_bytes_per_append = 50;
                raft.max_bytes_in_flight = 200;
                raft.max_uncommitted_bytes = usual.max_uncommitted_bytes;
            }
        }
        let own = raft.snapshots;
        raft.snapshots = match self.snapshots {
            Cause::Entries => own,
            Cause::Bytes => Snapshots { threshold: 0, threshold_bytes: 200, ..own },
            Cause::Interval => Snapshots { threshold: 0, interval: Span::from_millis(1_000), ..own },
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_drawn_one_by_one_so_that_every_combination_comes_up() {
        let mut met = std::collections::BTreeSet::new();
        for seed in 0..100_000 {
            let kind = Kind::of(seed);
            let booleans = [kind.zones, kind.leases, kind.loses_disk, kind.session_timeout.is_some(), kind.mixed];
            met.insert((booleans, kind.machine.name(), format!("{:?} {:?}", kind.limits, kind.snapshots)));
        }
        assert_eq!(met.len(), 32 * 3 * 9);
    }
}
