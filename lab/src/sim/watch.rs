//! What do the checkers see, and when?
//!
//! They are fed with states, disk images, apply effects and what clients
//! believe, never with notes. What they find becomes part of the run.

use std::sync::Arc;

use quorumscope_core::entry::{Entry, Proposal};
use quorumscope_core::machine::any::AnyCommand;
use quorumscope_core::machine::kv::Answer;
use quorumscope_core::record::{Body, Fate, Role, Verdict};
use quorumscope_core::storage::Write;
use quorumscope_core::types::{ClientId, Digest, LogIndex, RecordId, RequestNumber, Term, Wall};

use super::recorder::Stamp;
use super::subject::Subject;
use super::world::{Node, World};
use crate::check::early::{Judged, Name};
use crate::check::{Checks as _, Standing};

impl<P: Subject> World<P> {
    /// A step changed the node's log in memory.
    pub(crate) fn watch_log(&mut self, index: usize, write: &Write<P::Hard>) {
        if write.truncate.is_none() && write.append.is_empty() {
            return;
        }
        let Some(node) = watched(&self.nodes, index, self.checking) else { return };
        let Some(protocol) = &node.protocol else { return };
        let ((role, term), log) = (protocol.standing(), protocol.log());
        let leads = role == Role::Leader;
        let seen = Standing { at: self.now, node: node.id, leads, term, log, members: protocol.members() };
        self.checks.log_changed(&seen, write.truncate, &write.append);
    }

    /// Writes became durable; from index `from` on the disk's log may be different.
    pub(crate) fn watch_durable(&mut self, index: usize, from: Option<LogIndex>) {
        let (Some(node), Some(from)) = (watched(&self.nodes, index, self.checking), from) else { return };
        self.checks.durable(self.now, node.id, &node.disk.image, from);
    }

    /// A node applied an entry.
    pub(crate) fn watch_applied(&mut self, index: usize, entry: &Arc<Entry>) {
        if let Some(node) = watched(&self.nodes, index, self.checking) {
            self.checks.applied(self.now, node.id, entry);
        }
    }

    /// A node's state stands at an index where others may have stood, or will stand: it made or installed a snapshot.
    pub(crate) fn watch_state(&mut self, index: usize, through: LogIndex, state: Digest) {
        let whole = |node: &&Node<P>| node.machine.subscription().is_none();
        if let Some(node) = watched(&self.nodes, index, self.checking).filter(whole) {
            self.checks.state(self.now, node.id, through, state);
        }
    }

    /// An edge has applied entries, or begun anew.
    pub(crate) fn watch_edge(&mut self, index: usize) {
        let Some(node) = watched(&self.nodes, index, self.checking) else { return };
        if node.machine.subscription().is_some() {
            let empty = || P::machine(&self.config, self.setup.machine);
            self.checks.edge(self.now, node.id, node.applied, &node.machine, empty);
        }
    }

    /// Whether the configuration that acts at a node names an edge.
    pub(crate) fn has_edges(&self, index: usize) -> bool {
        let protocol = self.nodes.get(index).and_then(|node| node.protocol.as_ref());
        protocol.and_then(Subject::members).is_some_and(|members| !members.edges.is_empty())
    }

    /// Counts elections, and tells the checkers where role, term or commit index changed.
    pub(crate) fn watch_standing(&mut self, index: usize) {
        self.watch_epoch(index);
        let Some(node) = self.nodes.get_mut(index) else { return };
        let Some(protocol) = &node.protocol else { return };
        let (standing, commit) = (protocol.standing(), protocol.commit());
        let looks = self.checking && node.liar.is_none();
        if standing != node.standing {
            // Within its term a leader steps down for one reason only.
            let gave_up =
                node.standing.0 == Role::Leader && standing.0 != Role::Leader && standing.1 == node.standing.1;
            self.coverage.quorums_lost += u64::from(gave_up);
            match standing.0 {
                Role::Candidate => self.coverage.elections += 1,
                Role::Leader => self.coverage.leaders += 1,
                Role::Follower | Role::PreCandidate | Role::Learner | Role::Observer | Role::Edge => {}
            }
            node.standing = standing;
            if looks {
                self.checks.status_changed(self.now, node.id, standing.0, standing.1, protocol.log());
            }
        }
        if commit > node.commit {
            let ahead = standing.0 == Role::Leader && node.disk.image.last_index() < commit;
            self.coverage.ahead_of_disk += u64::from(ahead);
            node.commit = commit;
            if looks {
                self.checks.commit_changed(self.now, node.id, commit, protocol.log());
            }
        }
    }

    /// A node crashed, and this is left on its disk.
    pub(crate) fn watch_crashed(&mut self, index: usize) {
        if let Some(node) = watched(&self.nodes, index, self.checking) {
            self.checks.crashed(self.now, node.id, &node.disk.image);
        }
    }

    /// A node's disk is lost.
    pub(crate) fn watch_lost(&mut self, index: usize) {
        if let Some(node) = watched(&self.nodes, index, self.checking) {
            self.checks.store_lost(node.id);
        }
    }

    /// What the checkers found since the last step becomes part of the run.
    pub(crate) fn watch_findings(&mut self, cause: RecordId) {
        if !self.checking {
            return;
        }
        let stamp = Stamp { at: self.now, cause: Some(cause), node: None };
        for (index, term) in self.checks.take_decided() {
            self.coverage.commits += 1;
            Arc::make_mut(&mut self.decided).insert(index, term);
            self.recorder.emit(stamp, || Body::Decided { index, term });
            for judged in self.early.committed(index, &self.checks) {
                self.judge_early(judged, cause);
            }
        }
        for finding in self.checks.take_findings() {
            let position = finding.node.and_then(|node| self.position(node));
            let stamp = position.map_or(stamp, |position| self.stamp(position, Some(cause)));
            self.report(stamp, finding);
        }
    }

    /// A client sends this; nobody else speaks for it.
    pub(crate) fn watch_asked(&mut self, proposal: &Proposal) {
        if self.checking {
            self.checks.asked(proposal);
        }
    }

    /// A client asks for an operation for the first time.
    pub(crate) fn watch_invoked(&mut self, client: ClientId, number: RequestNumber, operation: &AnyCommand) {
        self.history.invoke(self.now, client, number, operation.clone());
    }

    /// A client heard that its entry was applied.
    pub(crate) fn watch_heard(&mut self, client: ClientId, number: RequestNumber) {
        self.history.heard(self.now, client, number);
    }

    /// A client was answered from the state at this index, and so at the log time of the entry there.
    pub(crate) fn watch_read(&mut self, client: ClientId, number: RequestNumber, applied: LogIndex) {
        let log_time = match applied {
            LogIndex::ZERO => Some(Wall(0)),
            applied => self.checks.decided_entry(applied).map(|entry| entry.log_time),
        };
        if let Some(log_time) = log_time {
            self.history.executed(client, number, log_time);
        }
    }

    /// A client made up its mind. What it does not know stays open for ever.
    pub(crate) fn watch_told(
        &mut self,
        client: ClientId,
        number: RequestNumber,
        verdict: Verdict,
        answer: Option<&Answer>,
    ) {
        match (verdict, answer) {
            (Verdict::Ok, Some(Answer::Value(value))) => {
                self.history.answer(self.now, client, number, value.as_deref());
            }
            (Verdict::Ok, Some(Answer::Refused(_))) => self.history.answer(self.now, client, number, None),
            (Verdict::Failed, _) => self.history.refuse(client, number),
            (Verdict::Ok, Some(Answer::Malformed) | None) | (Verdict::Unknown | Verdict::Early, _) => {}
        }
    }

    /// A client was told that one node has its request. It stays open for the order of all operations.
    pub(crate) fn watch_told_early(&mut self, name: Name, index: LogIndex, term: Term, cause: RecordId) {
        if !self.checking {
            return;
        }
        if let Some(judged) = self.early.told(name, index, term, &self.checks) {
            self.judge_early(judged, cause);
        }
    }

    /// It is known what became of an early answer.
    fn judge_early(&mut self, judged: Judged, cause: RecordId) {
        let Judged { client, number, index, term, fate } = judged;
        self.coverage.early_lost += u64::from(fate == Fate::Lost);
        let known = self.clients.iter_mut().find(|known| known.setup.id == client);
        let seen = known.and_then(|known| known.view.operations.iter_mut().rev().find(|seen| seen.number == number));
        if let Some(seen) = seen {
            seen.early = Some(fate);
        }
        let stamp = Stamp { at: self.now, cause: Some(cause), node: None };
        self.recorder.emit(stamp, || Body::EarlyJudged { client, number, index, term, fate });
    }
}

/// A node that the checkers look at: not one that lies.
fn watched<P: Subject>(nodes: &[Node<P>], index: usize, checking: bool) -> Option<&Node<P>> {
    nodes.get(index).filter(|node| checking && node.liar.is_none())
}
