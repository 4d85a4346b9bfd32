//! How do a few replicas agree on one log although some of them lie, with few messages?
//!
//! Chained HotStuff (Yin, Malkhi, Reiter, Golan Gueta and Abraham, "HotStuff: BFT
//! Consensus with Linearity and Responsiveness", PODC '19, §4–§6), with the
//! timeout certificates of DiemBFT v4 as its pacemaker.
//!
//! Time is cut into *views*, each with one *leader*, in turn. It proposes a
//! *block* that follows the highest certified one; replicas vote to it, and the
//! votes of a quorum are a *certificate*, which the leader of the next view needs
//! for its own block. A certificate of a block is thus the second phase of its
//! parent and the third of its grandparent: a block is *committed* once it, its
//! child and its grandchild are certified in three consecutive views. A view that
//! brings nothing in time is given up by a quorum's *timeouts*.
//!
//! Without faults a decision takes 2(n−1)+1 messages: the proposal, the votes to
//! the leader of their own view, the certificate to the next leader. A timeout
//! carries its sender's highest certificate and its last vote, so that the next
//! live leader completes a certificate that a silent one would have lost.
//!
//! Where this implementation makes a choice that the papers leave open:
//! * a block's parent is what its certificate certifies; there are no dummy
//!   blocks, and *consecutive* is said of views;
//! * every message that names a later view brings its proof, so that nobody is
//!   led into a view by a claim, and one message is enough to catch up;
//! * blocks without requests leave no entry, and are proposed only while one with
//!   requests is not known to be committed: an idle cluster is quiet;
//! * what a vote, a proposal or a timeout promises is durable before it leaves.
//!
//! Voters change from one instance to the next ([`epoch`](crate::bft::epoch)). Read `message` and `block` next,
//! then `safety`, `proposals`, `votes`, `pacemaker` and `commit`; then `sync`, `instance` and `accuse`.

mod accuse;
mod block;
mod block_tree;
mod checkpoints;
mod commit;
mod config;
mod epochs;
mod event;
mod hard;
mod install;
mod instance;
mod message;
mod pacemaker;
mod persist;
mod proposals;
mod safety;
mod status;
mod sync;
#[cfg(test)]
mod tests;
mod verify;
mod votes;

use std::collections::VecDeque;
use std::sync::Arc;

pub use block::{Block, Header};
pub use config::{Config, ConfigError, Settings};
pub use event::{Event, IgnoreReason, ViewReason, VoteRefusal};
pub use hard::{Committed, HardState};
pub use message::{
    Fetch, Message, Proposal, QuorumCertificate, SignedCheckpoint, Timeout, TimeoutCertificate, Vote,
    proposal_statement, timeout_statement, vote_statement,
};
pub use safety::{BlockId, Promises};
pub use status::{BlockStatus, Replica};

use block_tree::{BlockTree, Root};
use checkpoints::Snapshots;
use commit::Executing;
use instance::End;
use litemap::LiteMap;
use pacemaker::Pacemaker;
use persist::Persist;
use sync::Sync;

use super::evidence::Accuser;
use super::{Bundle, Pool};
use crate::crypto::{Claim, Hash256, Signer};
use crate::event::Event as AnyEvent;
use crate::few;
use crate::log::Log;
use crate::membership::Membership;
use crate::protocol::{self, Input, Outcome, Protocol, ReadHow};
use crate::quorum::Byzantine;
use crate::record::NodeStatus;
use crate::rules::{AllOn, Rule, Rules};
use crate::snapshot::Base;
use crate::storage::{DiskImage, Format};
use crate::types::{LogIndex, Mono, NodeId, Now, Term, Ticket, Wall};

type Effects = protocol::Effects<Message, HardState>;

/// One HotStuff replica.
#[derive(Clone, Debug)]
pub struct HotStuff<R: Rules = AllOn> {
    id: NodeId,
    config: Arc<Config<R>>,
    members: Membership,
    quorum: Byzantine,
    /// The hash of the block before all others.
    first: Hash256,
    /// `None` where it has no vote, or its key is not here: it says nothing.
    signer: Option<Arc<dyn Signer>>,
    /// The current view: the one after that of its highest certificate or timeout certificate.
    view: Term,
    promises: Promises,
    committed: Committed,
    /// The block that the tree begins after.
    root: Committed,
    /// The highest certificate whose block is here.
    high: Arc<QuorumCertificate>,
    /// The highest certificate of all.
    newest: Arc<QuorumCertificate>,
    entered_by: Option<Arc<TimeoutCertificate>>,
    tree: BlockTree,
    log: Log,
    /// Handed to the executor for application.
    apply_asked: LogIndex,
    last_applied: LogIndex,
    /// Committed blocks whose entries are not applied yet.
    executing: VecDeque<Executing>,
    pool: Pool,
    /// The newest vote of each voter.
    votes: LiteMap<NodeId, Vote>,
    pacemaker: Pacemaker,
    sync: Sync,
    /// Whether it lacks the state that the instance begins with: it executes nothing before it has one.
    held: bool,
    end: Option<End>,
    snapshots: Snapshots,
    persist: Persist,
    /// The views of the certificate and the timeout certificate that the last write spoke of.
    written: (Term, Term),
    /// Own votes and timeouts that count once they are durable.
    own: VecDeque<(Ticket, Own)>,
    store_lost: bool,
    /// Nothing in the state machine expires before this log time.
    expiry: Option<Wall>,
    started: Mono,
    accuser: Accuser,
}

/// What a replica says to itself too.
#[derive(Clone, Debug)]
enum Own {
    Vote(Vote),
    Timeout(Box<Timeout>),
}

impl<R: Rules> Protocol for HotStuff<R> {
    type Message = Message;
    type Hard = HardState;
    type Config = Config<R>;

    fn recover(config: &Config<R>, node: NodeId, image: &DiskImage<HardState>, _seed: u64, now: Now) -> Self {
        let HardState { mut promises, mut committed, mut root, high, entered_by, .. } = image.hard.clone();
        let snapshot = image.snapshot.as_ref().map(|snapshot| &snapshot.meta);
        let restored = snapshot.map_or(Base::NONE, |meta| meta.base());
        let members = match (&config.root, snapshot, image.first_members()) {
            (Some(_), ..) | (None, None, None) => Membership::of(config.voters.clone()),
            (None, Some(meta), _) => meta.membership.clone(),
            (None, None, Some(members)) => members.clone(),
        };
        let beginning = config.beginning();
        let held = config.root.is_some() && restored.index < beginning.index;
        if committed == Committed::default() {
            (committed, root) = (beginning, beginning);
        }
        let first = beginning.block.unwrap_or_default();
        if promises.lock == BlockId::default() {
            promises.lock.block = first;
        }
        let quorum = Byzantine::of(&members.voters, !config.rules.on(Rule::HotStuffQuorum));
        let signer = config.signers.signer(node).filter(|_| quorum.is_voter(node));
        let log = Log::after(image.base, &image.log);
        let mut tree = BlockTree::new(Root { view: root.view, block: root.block });
        let mut blocks: Vec<_> = image.hard.blocks.iter().collect();
        few::sort(&mut blocks, |a, b| a.view() < b.view());
        for block in blocks {
            tree.insert(block);
        }
        let high = high.unwrap_or_else(|| Arc::new(QuorumCertificate::before(first)));
        let stable = image.hard.stable.clone().or_else(|| Some(Arc::clone(&config.root.as_ref()?.stable)));
        let view = high.view.max(entered_by.as_ref().map_or(Term(0), |proof| proof.view)).next();
        let mut replica = Self {
            id: node,
            quorum,
            members,
            first,
            signer,
            view,
            promises,
            committed,
            root,
            newest: Arc::clone(&high),
            high,
            entered_by,
            tree,
            apply_asked: restored.index,
            last_applied: restored.index,
            executing: VecDeque::new(),
            pool: Pool::new(config.settings.pool),
            votes: LiteMap::new(),
            pacemaker: Pacemaker::default(),
            sync: Sync::default(),
            held,
            end: None,
            snapshots: if held {
                Snapshots::held(stable)
            } else {
                Snapshots::recovered(stable, image.snapshot.clone())
            },
            persist: Persist::new(image.incarnation, log.last_index()),
            written: (Term(0), Term(0)),
            own: VecDeque::new(),
            store_lost: image.format.is_none() || (log.base().index > restored.index && !held),
            expiry: None,
            started: now.mono,
            accuser: accuse::accuser(config, node),
            config: Arc::new(config.clone()),
            log,
        };
        // A block may name the root that a snapshot did not.
        replica.name_root();
        replica.recover_executing();
        replica.recover_told();
        replica
    }

    fn step(&mut self, now: Now, input: Input<Message>, out: &mut Effects) {
        if self.store_lost {
            return;
        }
        match input {
            Input::Receive { from, message } => self.receive(now, from, message, out),
            Input::DeadlineReached => self.on_deadline(now, out),
            // Whoever has no vote orders nothing.
            Input::Requests(_) if !self.quorum.is_voter(self.id) => {}
            Input::Requests(bundles) => self.pool.take_in(now.mono, bundles, out),
            Input::Written(ticket) => self.persist.complete(ticket),
            Input::Applied { through, results } => self.on_applied(through, results, out),
            Input::SnapshotTaken { index, digest, data } => self.on_snapshot_taken(index, digest, data, out),
            // Snapshots are made where all replicas make them, and of the whole.
            Input::TakeSnapshot | Input::Projected { .. } => {}
            Input::ExpiryAt(at) => self.expiry = at,
            Input::Convicted(convictions) => drop(self.accuser.decided(&convictions, out)),
            Input::Forged { from } => out.note(|| AnyEvent::HotStuff(Event::Forged { from })),
            // Only what clients have signed is ordered.
            Input::Propose(proposals) => {
                for proposal in proposals {
                    out.answer(proposal.client, proposal.number, Outcome::NotLeader { leader: None });
                }
            }
            // Nobody can prove alone that its state is the newest: a read that must be goes through the log.
            Input::Read(requests) => {
                for request in requests {
                    if request.how == ReadHow::Stale {
                        out.read(request, self.last_applied, ReadHow::Stale);
                    } else {
                        out.answer(request.client, request.number, Outcome::NotLeader { leader: None });
                    }
                }
            }
            // Leaders rotate, and members stay.
            Input::TransferLeadership { .. } | Input::Reconfigure(_) => {}
        }
        self.follow_up(now, out);
    }

    fn next_deadline(&self) -> Option<Mono> {
        if self.store_lost {
            return None;
        }
        let in_log = self.persist.durable().min(self.log.last_index());
        let owes = self.apply_asked < in_log && self.sync.installing.is_none() && !self.held;
        let start = (owes || self.lacks_root()).then_some(self.started);
        let own = [start, self.pacemaker.deadline(), self.sync.deadline(), self.end_deadline()];
        own.into_iter().chain([self.accuser.deadline()]).flatten().min()
    }

    fn status(&self) -> NodeStatus {
        self.node_status()
    }

    fn claims(&self, from: NodeId, message: &Message, claims: &mut Vec<Claim>) {
        self.list_claims(from, message, claims);
    }

    fn request_claims(&self, bundle: &Bundle, claims: &mut Vec<Claim>) {
        bundle.claims(self.config.cluster, claims);
    }
}

impl<R: Rules> HotStuff<R> {
    /// Who it is.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.id
    }

    /// Its current view.
    #[must_use]
    pub fn view(&self) -> Term {
        self.view
    }

    /// The last block that it knows to be committed.
    #[must_use]
    pub fn committed(&self) -> &Committed {
        &self.committed
    }

    /// Its log: all of it is committed.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The blocks of its tree, in no order that means anything.
    #[must_use]
    pub fn blocks(&self) -> Vec<Arc<Block>> {
        self.tree.iter().cloned().collect()
    }

    /// What a store would hold, for a replica that has none: it starts from this again as from a store.
    #[must_use]
    pub fn image(&self, format: Arc<Format>) -> DiskImage<HardState> {
        let mut hard = self.hard_state();
        hard.stable = self.snapshots.stable.clone();
        hard.blocks = self.tree.iter().cloned().collect();
        DiskImage {
            format: Some(format),
            incarnation: self.persist.incarnation(),
            hard,
            log: self.log.iter().cloned().collect(),
            base: self.log.base(),
            snapshot: self.snapshots.latest.clone(),
        }
    }

    fn on(&self, rule: Rule) -> bool {
        self.config.rules.on(rule)
    }

    fn leader(&self, view: Term) -> Option<NodeId> {
        self.quorum.in_turn(view)
    }

    fn leads(&self, view: Term) -> bool {
        self.leader(view) == Some(self.id)
    }

    /// All voters but this one.
    fn peers(&self) -> impl Iterator<Item = NodeId> {
        self.quorum.voters().iter().copied().filter(|voter| *voter != self.id)
    }

    fn broadcast(&self, message: &Message, after: Option<Ticket>, out: &mut Effects) {
        for peer in self.peers() {
            out.send(peer, message.clone(), after);
        }
    }

    fn ignore(from: NodeId, reason: IgnoreReason, out: &mut Effects) {
        out.note(|| AnyEvent::HotStuff(Event::Ignored { from, reason }));
    }

    /// What every step ends with: what is durable counts, a leader proposes, timers run while something is wanted,
    /// and the step's write goes out. For an executor that does everything at once more may follow from that.
    fn follow_up(&mut self, now: Now, out: &mut Effects) {
        self.accuse(now, out);
        loop {
            self.say_end(now, out);
            self.restore_if_durable(now, out);
            self.count_own(now, out);
            self.propose_if_due(now, out);
            self.tend_timer(now);
            let written = self.flush(out);
            if !out.is_immediate() {
                return self.apply_ready(out);
            }
            if let Some(ticket) = written {
                self.persist.complete(ticket);
            }
            self.apply_ready(out);
            if self.sync.installing.is_none() {
                self.last_applied = self.last_applied.max(self.apply_asked);
            }
            if written.is_none() {
                return;
            }
        }
    }
}
