//! Which settings of Raft does a run have?
//!
//! Those of a profile, and over them what the document says under
//! `[protocol-config]`. The profiles themselves are the protocol's own; how the
//! settings are written back is in `print`.

use quorumscope_core::raft::{self, AllOn, Rules, Snapshots};
use quorumscope_core::types::NodeId;

use super::document::RaftSettings;
use super::error::ScenarioError;
use super::read::read_lists;
use super::table::{Source, Table, Value};

/// The keys of `[protocol-config]`.
pub(super) const SETTINGS: [&str; 20] = [
    "profile",
    "election_timeout",
    "heartbeat",
    "pre_vote",
    "max_entries_per_append",
    "max_entries_in_flight",
    "max_uncommitted",
    "max_bytes_per_append",
    "max_bytes_in_flight",
    "max_uncommitted_bytes",
    "max_entry_bytes",
    "check_quorum",
    "drift_bound",
    "leader_zones",
    "snapshot_threshold",
    "snapshot_threshold_bytes",
    "snapshot_interval",
    "retained_entries",
    "snapshot_chunk_bytes",
    "max_snapshot_bytes",
];

impl Default for RaftSettings {
    fn default() -> Self {
        Self::of(raft::Profile::default())
    }
}

impl RaftSettings {
    /// The settings of a profile.
    #[must_use]
    pub fn of(profile: raft::Profile) -> Self {
        let raft::Config {
            election_timeout,
            heartbeat,
            pre_vote,
            max_entries_per_append,
            max_entries_in_flight,
            max_uncommitted,
            max_bytes_per_append,
            max_bytes_in_flight,
            max_uncommitted_bytes,
            max_entry_bytes,
            snapshots,
            check_quorum,
            drift_bound_ppm,
            leader_zones,
            voters: _,
            zones: _,
            rules: AllOn,
        } = raft::Config::of(profile, Vec::new(), AllOn);
        Self {
            profile,
            election_timeout,
            heartbeat,
            pre_vote,
            max_entries_per_append,
            max_entries_in_flight,
            max_uncommitted,
            max_bytes_per_append,
            max_bytes_in_flight,
            max_uncommitted_bytes,
            max_entry_bytes,
            snapshots,
            check_quorum,
            drift_bound_ppm,
            leader_zones,
        }
    }

    /// The same settings over another profile: what is as the old profile says becomes what the new one says.
    #[must_use]
    pub fn rebased(&self, profile: raft::Profile) -> Self {
        fn choose<T: PartialEq + Clone>(own: &T, old: &T, new: &T) -> T {
            if own == old { new.clone() } else { own.clone() }
        }
        let (old, new) = (Self::of(self.profile), Self::of(profile));
        macro_rules! each {
            ($($field:ident),*) => { Self { profile, $($field: choose(&self.$field, &old.$field, &new.$field)),* } };
        }
        each!(
            election_timeout,
            heartbeat,
            pre_vote,
            max_entries_per_append,
            max_entries_in_flight,
            max_uncommitted,
            max_bytes_per_append,
            max_bytes_in_flight,
            max_uncommitted_bytes,
            max_entry_bytes,
            snapshots,
            check_quorum,
            drift_bound_ppm,
            leader_zones
        )
    }

    /// The settings as the protocol takes them.
    #[must_use]
    pub fn config<R: Rules>(&self, voters: &[NodeId], rules: R) -> raft::Config<R> {
        raft::Config {
            election_timeout: self.election_timeout,
            heartbeat: self.heartbeat,
            pre_vote: self.pre_vote,
            max_entries_per_append: self.max_entries_per_append,
            max_entries_in_flight: self.max_entries_in_flight,
            max_uncommitted: self.max_uncommitted,
            max_bytes_per_append: self.max_bytes_per_append,
            max_bytes_in_flight: self.max_bytes_in_flight,
            max_uncommitted_bytes: self.max_uncommitted_bytes,
            max_entry_bytes: self.max_entry_bytes,
            snapshots: self.snapshots,
            check_quorum: self.check_quorum,
            drift_bound_ppm: self.drift_bound_ppm,
            leader_zones: self.leader_zones.clone(),
            ..raft::Config::new(voters.to_vec(), rules)
        }
    }
}

pub(super) fn read_settings(source: Source<'_>, value: &Value<'_>) -> Result<RaftSettings, ScenarioError> {
    let table = source.table("[protocol-config]", value, &SETTINGS)?;
    let default = RaftSettings::of(table.read("profile", raft::Profile::default(), |source, value| {
        source.one_of("profile", value, &raft::Profile::ALL, raft::Profile::name)
    })?);
    let small = |key, default| table.read(key, default, |source, value| source.small(value));
    let settings = RaftSettings {
        profile: default.profile,
        election_timeout: table.read("election_timeout", default.election_timeout, |source, v| source.range(v))?,
        heartbeat: table.read("heartbeat", default.heartbeat, |source, value| source.span(value))?,
        pre_vote: table.read("pre_vote", default.pre_vote, |source, value| source.boolean(value))?,
        max_entries_per_append: small("max_entries_per_append", default.max_entries_per_append)?,
        max_entries_in_flight: small("max_entries_in_flight", default.max_entries_in_flight)?,
        max_uncommitted: small("max_uncommitted", default.max_uncommitted)?,
        max_bytes_per_append: small("max_bytes_per_append", default.max_bytes_per_append)?,
        max_bytes_in_flight: small("max_bytes_in_flight", default.max_bytes_in_flight)?,
        max_uncommitted_bytes: small("max_uncommitted_bytes", default.max_uncommitted_bytes)?,
        max_entry_bytes: small("max_entry_bytes", default.max_entry_bytes)?,
        check_quorum: table.read("check_quorum", default.check_quorum, |source, value| source.boolean(value))?,
        drift_bound_ppm: table.read("drift_bound", default.drift_bound_ppm, |source, value| source.chance(value))?,
        snapshots: read_snapshots(&table, default.snapshots)?,
        leader_zones: table.read("leader_zones", default.leader_zones, read_lists)?,
    };
    settings.config(&[NodeId(1)], AllOn).validate().map_err(|error| table.error(error.to_string()))?;
    Ok(settings)
}

fn read_snapshots(table: &Table<'_, '_>, default: Snapshots) -> Result<Snapshots, ScenarioError> {
    let small = |key, default| table.read(key, default, |source, value| source.small(value));
    Ok(Snapshots {
        threshold: small("snapshot_threshold", default.threshold)?,
        threshold_bytes: small("snapshot_threshold_bytes", default.threshold_bytes)?,
        interval: table.read("snapshot_interval", default.interval, |source, value| source.span(value))?,
        retained_entries: small("retained_entries", default.retained_entries)?,
        chunk_bytes: small("snapshot_chunk_bytes", default.chunk_bytes)?,
        max_bytes: small("max_snapshot_bytes", default.max_bytes)?,
    })
}
