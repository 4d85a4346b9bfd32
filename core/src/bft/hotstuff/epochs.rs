//! What does HotStuff tell [`Epochs`](epoch::Epochs)? How it begins and ends stands in `instance`.

use std::sync::Arc;

use super::{Config, HardState, HotStuff, Message};
use crate::bft::epoch::{Instance, Root, Setting, in_epochs};
use crate::bft::{Bundle, Checkpoint, Chunk, FetchChunk};
use crate::crypto::Hash256;
use crate::few;
use crate::membership::Membership;
use crate::rules::{Rule, Rules};
use crate::snapshot::Snapshot;
use crate::storage::DiskImage;
use crate::types::{LogIndex, NodeId, Sequence, Ticket};

in_epochs!(Message::Later, HardState);

impl<R: Rules> Instance for HotStuff<R> {
    fn setting(config: &Config<R>) -> Setting {
        Setting {
            domain: config.domain(),
            signers: Arc::clone(&config.signers),
            pause: config.settings.view_timeout,
            idle: config.settings.max_view_timeout,
            chunk_bytes: config.settings.chunk_bytes,
        }
    }

    fn on(config: &Config<R>, rule: Rule) -> bool {
        config.rules.on(rule)
    }

    fn first_voters(config: &Config<R>) -> &[NodeId] {
        &config.voters
    }

    fn in_epoch(config: &Config<R>, epoch: u64, voters: &[NodeId], root: Option<Arc<Root>>) -> Config<R> {
        let voters = few::distinct(voters.iter().copied());
        Config { configuration: epoch, instance: epoch, voters, root, ..config.clone() }
    }

    /// All that the hard state would say follows from the root, which [`Config`] names.
    fn begin(_config: &Config<R>, _root: &Root, state: Option<&Arc<Snapshot>>, before: &Self) -> DiskImage<HardState> {
        let (log, base, snapshot) = match state {
            Some(state) => (Vec::new(), state.meta.base(), Some(state)),
            None => (before.log.iter().cloned().collect(), before.log.base(), before.snapshots.latest.as_ref()),
        };
        DiskImage { log, base, snapshot: snapshot.cloned(), ..DiskImage::empty() }
    }

    fn succeed(&mut self, before: &Self) {
        self.persist = before.persist.clone();
        // The log may end sooner where the laboratory has switched off that what is ordered behind the end is void.
        self.persist.forget_after(self.log.last_index());
        self.last_applied = self.last_applied.max(before.last_applied);
        self.apply_asked = self.apply_asked.max(before.apply_asked);
        self.accuser.succeed(&before.accuser);
        self.expiry = before.expiry;
    }

    fn issue(&mut self, is_done: bool) -> Ticket {
        let ticket = self.persist.issue();
        if is_done {
            self.persist.complete(ticket);
        }
        ticket
    }

    fn ended(&self) -> Option<(Sequence, &Membership)> {
        self.end.as_ref().map(|end| (end.at.sequence, &end.members))
    }

    fn final_state(&self) -> Option<(Checkpoint, Arc<Snapshot>)> {
        self.snapshots.last_state()
    }

    fn waiting(&self) -> Vec<Arc<Bundle>> {
        self.pool.waiting().cloned().collect()
    }

    fn last_index(&self) -> LogIndex {
        self.log.last_index()
    }

    fn newest_state(&self) -> Option<(Hash256, &Arc<Snapshot>)> {
        let stable = self.snapshots.stable.as_ref()?;
        Some((stable.checkpoint.snapshot, self.snapshots.latest.as_ref()?))
    }

    fn as_fetch(message: &Message) -> Option<&FetchChunk> {
        if let Message::FetchChunk(fetch) = message { Some(fetch) } else { None }
    }

    fn chunk(&self, chunk: Chunk) -> Message {
        Message::Chunk(chunk)
    }
}
