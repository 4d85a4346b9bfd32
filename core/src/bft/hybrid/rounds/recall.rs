//! With what does a replica go on after a restart?
//!
//! With what its store holds: all that it has promised is there. Wishes are no
//! promises and are forgotten; acknowledgements of others come again with the
//! next append.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Rounds;
use super::catch_up::Pace;
use super::chain::Chain;
use super::checkpoint::{Made, Snapshots};
use super::execute::{Applying, Execution};
use super::hard::HardState;
use super::message::{Sealed, Stable};
use super::persist::Persist;
use super::replicate::Tally;
use super::terms::Ballots;
use super::timers::Timers;
use crate::bft::pbft::Config;
use crate::bft::{Checkpoints, Pool};
use crate::crypto::Hash256;
use crate::log::Log;
use crate::membership::Membership;
use crate::quorum::Byzantine;
use crate::rules::{Rule, Rules};
use crate::storage::DiskImage;
use crate::types::{LogIndex, NodeId, Now, Term};

impl<R: Rules> Rounds<R> {
    /// Starts `node` from what its store holds: [`Protocol::recover`](crate::protocol::Protocol::recover), without
    /// chance.
    #[must_use]
    pub fn recover(config: &Config<R>, node: NodeId, image: &DiskImage<HardState>, now: Now) -> Self {
        let settings = &config.settings;
        let members = image.first_members().cloned().unwrap_or_else(|| Membership::of(settings.voters.clone()));
        let quorum = Byzantine::of(&members.voters, !config.rules.on(Rule::HybridQuorum));
        let speaks = image.format.is_some() && quorum.is_voter(node);
        let snapshot = image.snapshot.as_ref();
        let restored = snapshot.map_or(LogIndex::ZERO, |snapshot| snapshot.meta.index);
        let log = Log::after(image.base, &image.log);
        let hard = &image.hard;
        let time = log.last().map(|last| last.log_time).or_else(|| Some(snapshot?.meta.log_time));
        let active = hard.term == Term(0) || hard.lead.as_ref().is_some_and(|lead| lead.term == hard.term);
        let mut replica = Self {
            id: node,
            domain: Self::domain(config),
            signer: if speaks { config.signers.signer(node) } else { None },
            term: hard.term,
            active,
            rooted: active && (hard.rooted || hard.term == Term(0)),
            lead: hard.lead.clone(),
            wished: Term(0),
            ballots: Ballots::default(),
            fetching: None,
            stopped: hard.stopped,
            statement: hard.statement.clone(),
            retired: false,
            convicted: Vec::new(),
            root: config.root().map(|root| Arc::new(Stable::of_epoch(root, &Self::domain(config)))),
            ended: None,
            holds_changes: false,
            chain: chain(hard),
            accepted: hard.accepted,
            prepared: hard.prepared.clone(),
            tally: Tally::default(),
            own_acks: VecDeque::new(),
            unsent: Vec::new(),
            has_news: false,
            told: (None, None),
            committed: hard.committed,
            commit: hard.commit.clone(),
            commits: VecDeque::new(),
            executed_time: time,
            applying: Applying::after(restored),
            pool: Pool::new(settings.limits),
            stable: hard.stable.clone(),
            checkpoints: Checkpoints::default(),
            snapshots: Snapshots::after(snapshot.map(|snapshot| snapshot.meta.log_time)),
            transfer: None,
            transferred_chain: Hash256::ZERO,
            arrived: None,
            installing: None,
            persist: Persist::new(image.incarnation, log.last_index()),
            timers: Timers::new(now, settings, *hard == HardState::default()),
            expiry: None,
            answered: Pace::default(),
            bodies: Pace::default(),
            has_begun: false,
            config: Arc::new(config.clone()),
            members,
            quorum,
            log,
        };
        replica.recall(image);
        replica
    }

    /// Another protocol has had all of the log applied, or a state is on its way that takes its place.
    pub fn resume(&mut self) {
        let last = self.log.last_index();
        (self.applying.asked, self.applying.applied) = (last, last);
    }

    /// Takes up the links, the certificates and the checkpoint that the store holds.
    fn recall(&mut self, image: &DiskImage<HardState>) {
        let low = self.low();
        if let Some(commit) = self.commit.clone().filter(|commit| self.chain.contains(&commit.mark)) {
            self.commits.push_back(commit);
        }
        let mut last = LogIndex::ZERO;
        if let Some(stable) = self.stable.clone().filter(|_| low <= self.committed) {
            let sealed = Sealed { checkpoint: stable.proof.checkpoint, chain: stable.chain };
            last = sealed.checkpoint.index;
            match image.snapshot.as_ref().filter(|snapshot| snapshot.meta.index == last) {
                Some(snapshot) => self.snapshots.serve(Made { sealed, snapshot: Arc::clone(snapshot) }),
                // Its state is made again once the log is applied up to there.
                None => self.applying.queue.push_back(Execution { sequence: low, last, hash: sealed.chain }),
            }
        }
        if low > self.committed {
            return;
        }
        self.recall_end();
        let end = self.ended.as_ref().filter(|_| self.is_over()).map(|(end, _)| *end);
        let committed = end.unwrap_or(self.committed);
        for link in self.chain.following(low).take_while(|link| link.sequence() <= committed) {
            last = LogIndex(last.0 + link.entries());
            self.applying.push(Execution { sequence: link.sequence(), last, hash: link.hash() });
        }
    }
}

/// The history that the store holds: after the stable checkpoint, or after what is committed where that is less.
fn chain(hard: &HardState) -> Chain {
    let stable = hard.stable.as_ref().filter(|stable| stable.proof.checkpoint.sequence <= hard.committed);
    let (base, hash) = match stable {
        Some(stable) => (stable.proof.checkpoint.sequence, stable.chain),
        None if hard.low() > hard.committed => (hard.committed, hard.committed_hash),
        None => Default::default(),
    };
    let mut chain = Chain::after(base, hash);
    for link in hard.links.iter().filter(|link| link.sequence() > base) {
        chain.push(Arc::clone(link));
    }
    hard.kept.iter().for_each(|link| chain.keep(Arc::clone(link)));
    chain
}
