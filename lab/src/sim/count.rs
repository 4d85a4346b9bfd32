//! What did this event, message or entry exercise?
//!
//! Counters that need a look inside. Counting changes nothing; what counters
//! there are stands in `coverage`.

use quorumscope_core::bft::hybrid::{self, rounds, threat};
use quorumscope_core::bft::{epoch, evidence, hotstuff, pbft};
use quorumscope_core::entry::{Entry, EntryKind};
use quorumscope_core::event::{Event, SnapshotReason};
use quorumscope_core::machine::StateMachine as _;
use quorumscope_core::machine::any::MachineKind;
use quorumscope_core::machine::session::SessionAnswer;
use quorumscope_core::membership::Membership;
use quorumscope_core::raft::{AppendEntries, Config, Log, Message, Switches};
use quorumscope_core::record::Role;

use super::coverage::Coverage;
use super::subject::Subject;
use super::world::World;

impl Coverage {
    /// A node noted this.
    pub(crate) fn noted(&mut self, event: &Event) {
        let is = |yes: bool| u64::from(yes);
        self.transfers_resumed += is(matches!(event, Event::SnapshotTransferResumed { .. }));
        self.transfers_superseded += is(matches!(event, Event::SnapshotPartsDropped { by: Some(_), .. }));
        self.transfers_not_needed += is(matches!(event, Event::SnapshotPartsDropped { by: None, .. }));
        self.preferred += is(matches!(event, Event::LeadershipPreferred { .. }));
        self.windows_full += is(matches!(event, Event::WindowFull { .. }));
        self.pre_votes += is(matches!(event, Event::BecamePreCandidate { .. }));
        self.back_ups += is(matches!(event, Event::NextIndexMoved { .. }));
        self.truncations += is(matches!(event, Event::LogTruncated { .. }));
        if let Event::Pbft(event) = event {
            self.noted_pbft(event);
        }
        if let Event::HotStuff(event) = event {
            self.noted_hotstuff(event);
        }
        if let Event::Rounds(event) = event {
            self.noted_rounds(event);
        }
        self.evidence_found += is(matches!(event, Event::Evidence(evidence::Event::Found(_))));
        self.evidence_heard += is(matches!(event, Event::Evidence(evidence::Event::Heard { .. })));
        self.evidence_unfounded += is(matches!(event, Event::Evidence(evidence::Event::Unfounded { .. })));
        if let Event::Epoch(epoch::Event::Begun { with_state, votes, .. }) = event {
            self.epochs_without_state += is(*votes && !with_state);
            self.retired += is(!votes && *with_state);
        }
        if let Event::Hybrid(event) = event {
            self.noted_hybrid(event);
        }
        if let Event::SnapshotStarted { reason, .. } = event {
            self.snapshots_by_entries += is(matches!(reason, SnapshotReason::Entries(_)));
            self.snapshots_by_bytes += is(matches!(reason, SnapshotReason::Bytes(_)));
            self.snapshots_by_interval += is(matches!(reason, SnapshotReason::Interval(_)));
        }
    }

    fn noted_pbft(&mut self, event: &pbft::Event) {
        let is = |yes: bool| u64::from(yes);
        self.view_changes += is(matches!(event, pbft::Event::ViewChangeBegan { .. }));
        self.new_views += is(matches!(event, pbft::Event::NewViewMade { .. }));
        self.stable_checkpoints += is(matches!(event, pbft::Event::CheckpointStable { .. }));
        self.caught_up += is(matches!(event, pbft::Event::CaughtUp { .. }));
        if let pbft::Event::Proposed { requests, .. } = event {
            self.proposals += 1;
            self.shared_batches += is(*requests > 1);
        }
        if let pbft::Event::NewViewMade { after, through, .. } = event {
            self.reordered_again += through.0.saturating_sub(after.0);
        }
    }

    fn noted_hotstuff(&mut self, event: &hotstuff::Event) {
        let is = |yes: bool| u64::from(yes);
        self.certificates += is(matches!(event, hotstuff::Event::CertificateFormed { .. }));
        self.late_votes += is(matches!(event, hotstuff::Event::VoteCounted { in_timeout: true, .. }));
        self.views_given_up += is(matches!(event, hotstuff::Event::TimedOut { .. }));
        self.timeout_certificates += is(matches!(event, hotstuff::Event::TimeoutCertificateFormed { .. }));
        self.commits_held += is(matches!(event, hotstuff::Event::CommitHeld { .. }));
        self.stable_checkpoints += is(matches!(event, hotstuff::Event::CheckpointStable { .. }));
        if let hotstuff::Event::Proposed { requests, .. } = event {
            self.proposals += 1;
            self.shared_batches += is(*requests > 1);
        }
        if let hotstuff::Event::Fetched { blocks, .. } = event {
            self.blocks_fetched += blocks;
        }
    }

    fn noted_rounds(&mut self, event: &rounds::Event) {
        let is = |yes: bool| u64::from(yes);
        self.terms_entered += is(matches!(event, rounds::Event::TermEntered { .. }));
        self.stable_checkpoints += is(matches!(event, rounds::Event::CheckpointStable { .. }));
        self.caught_up += is(matches!(event, rounds::Event::CaughtUp { .. }));
        if let rounds::Event::Proposed { requests, .. } = event {
            self.proposals += 1;
            self.shared_batches += is(*requests > 1);
        }
    }

    fn noted_hybrid(&mut self, event: &hybrid::Event) {
        let is = |yes: bool| u64::from(yes);
        self.alarms += is(matches!(event, hybrid::Event::Alarmed { .. }));
        self.stops += is(matches!(event, hybrid::Event::Stopped { .. }));
        self.openings += is(matches!(event, hybrid::Event::Opened { .. }));
        self.switches += is(matches!(event, hybrid::Event::Switched { .. }));
        self.returns += is(matches!(event, hybrid::Event::Returned { .. }));
        self.rescues += is(matches!(event, hybrid::Event::Switched { held: true, .. }));
        if let hybrid::Event::ThreatChanged { to, .. } = event {
            match to {
                threat::Level::None => {}
                threat::Level::Low => self.threat_low += 1,
                threat::Level::Medium => self.threat_medium += 1,
                threat::Level::High => self.threat_high += 1,
                threat::Level::Critical => self.threat_critical += 1,
            }
        }
    }

    /// A node sends this; its log and settings say why it is no longer.
    pub(crate) fn sent(&mut self, message: &Message, log: &Log, config: &Config<Switches>) {
        let is_part = |message: &Message| matches!(message, Message::InstallSnapshot(part) if !part.data.is_empty());
        self.snapshot_parts += u64::from(is_part(message));
        self.relayed += u64::from(matches!(message, Message::Relayed(_)));
        if let Message::AppendEntries(append) = message {
            self.sent_entries(append, log, config);
        }
    }

    fn sent_entries(&mut self, append: &AppendEntries, log: &Log, config: &Config<Switches>) {
        let Some(last) = append.entries.last() else { return };
        let count = append.entries.len() as u64;
        self.batched += if count > 1 { count } else { 0 };
        let Some(next) = log.get(last.index.next()) else { return };
        let bytes = append.entries.iter().chain([next]).map(|entry| entry.payload.len() as u64).sum::<u64>();
        if count >= u64::from(config.max_entries_per_append) {
            self.full_by_count += 1;
        } else if bytes > u64::from(config.max_bytes_per_append) {
            self.full_by_bytes += 1;
        }
    }
}

impl<P: Subject> World<P> {
    /// Whether this node is the first to apply an entry. Who holds a part of the state cannot say what it did.
    pub(crate) fn is_first_applied(&self, index: usize, entry: &Entry) -> bool {
        let whole = self.nodes.get(index).is_some_and(|node| node.machine.subscription().is_none());
        whole && entry.index > self.counted
    }

    /// A node is about to apply an entry that nobody has applied: what expires by it?
    pub(crate) fn count_expiries(&mut self, index: usize, entry: &Entry) {
        let Some(node) = self.nodes.get(index) else { return };
        let due = |at: Option<_>| at.is_some_and(|at| at <= entry.log_time);
        if due(node.machine.next_expiry()) {
            self.coverage.values_expired += u64::from(due(node.machine.machine().next_expiry()));
            let mut later = (*node.machine).clone();
            later.advance(entry.log_time);
            self.coverage.sessions_expired += node.machine.open_count() - later.open_count();
        }
    }

    /// A node has applied an entry that nobody had applied; a command was answered by this.
    pub(crate) fn count_entry(&mut self, entry: &Entry, answer: Option<&SessionAnswer>) {
        self.counted = entry.index;
        match entry.kind {
            EntryKind::Command => match self.setup.machine.kind {
                MachineKind::Kv => {}
                MachineKind::Workflow => self.coverage.workflow_commands += 1,
                MachineKind::Cluster => self.coverage.cluster_commands += 1,
            },
            EntryKind::Configuration => self.count_members(entry),
            EntryKind::Tick => self.coverage.ticks += 1,
            EntryKind::NoOp | EntryKind::Elided => {}
        }
        if let Some(SessionAnswer::Result(_)) = answer {
            let known = self.history.executed(entry.client, entry.number, entry.log_time);
            self.coverage.duplicates += u64::from(known == Some(true));
        }
    }

    fn count_members(&mut self, entry: &Entry) {
        let Some(members) = Membership::decode(&entry.payload) else { return };
        let before = std::mem::replace(&mut self.members, members);
        let now = &self.members;
        let promoted = now.voters.iter().filter(|node| before.learners.contains(node));
        let replaces = |node: &&quorumscope_core::types::NodeId| !P::voters(&self.config).contains(node);
        self.coverage.promoted += promoted.clone().count() as u64;
        if self.coverage.lost_disks > 0 {
            self.coverage.replaced += promoted.filter(replaces).count() as u64;
        }
        self.coverage.joint += u64::from(now.is_joint());
        let leaders = self.nodes.iter().filter(|node| node.standing.0 == Role::Leader);
        let leader = leaders.max_by_key(|node| node.standing.1).map(|node| node.id);
        let leaves = leader.filter(|leader| before.voters.contains(leader) && !now.voters.contains(leader));
        self.coverage.leaders_removed += u64::from(leaves.is_some());
    }
}
