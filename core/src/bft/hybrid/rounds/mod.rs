//! How does a leader have something committed that no liar can take back?
//!
//! Raft's shape with certificates: a leader replicates one history, followers
//! acknowledge it under their signatures, and terms change by wishes and votes
//! (PROTOCOLS, "Hybrid", 1 and 2). `replicate` has the two rounds and why one is
//! not enough; `terms` the change of the leader.
//!
//! It is no instance of `raft`: there nothing is signed, entries have no chain
//! hash, one round commits, a follower's log may lose what it acknowledged, and
//! reads, leases, transfers and relaxed commands rest on believing a leader. What
//! is left once these are taken away are an append and a term. What it shares is
//! shared with `pbft` and `hotstuff`: signed bundles in batches, the pool, log
//! time, replies, checkpoints and the transfer of state.
//!
//! Where this implementation makes a choice:
//! * a place in the history is a batch, so an acknowledgement is one signature a
//!   batch; entries of the log are made of what is committed, and the log of the
//!   store is never cut;
//! * both certificates name one mark exactly: acknowledgements of the same link,
//!   and acknowledgements that name the same prepare certificate, in its term. A
//!   certificate of marks that differ would need the links between them as proof;
//! * leaders take turns by term (`terms`);
//! * what a replica says is durable before it is said.
//!
//! Left out: reads beside the log, leases, relaxed commands. Members change from
//! one epoch to the next (`change`).

mod catch_up;
mod chain;
mod change;
mod checkpoint;
mod conclude;
pub mod event;
mod execute;
mod hard;
mod link;
mod message;
mod persist;
mod recall;
mod replicate;
mod status;
mod stop;
mod terms;
#[cfg(test)]
mod tests;
mod timers;

#[cfg(test)]
pub(in crate::bft::hybrid) use tests::lie;

use std::collections::VecDeque;
use std::sync::Arc;

pub use event::Event;
pub use hard::HardState;
pub use link::{Link, Mark};
pub use message::{
    Ack, Append, Committed, Decided, Lead, Message, Prepared, Sealed, Stable, Standing, Vote, Wish, vote_statement,
};

pub use status::{LinkStatus, Replica};

use crate::bft::hybrid::history::Stop;
use crate::bft::pbft::Config;
use crate::bft::{Bundle, Checkpoints, Pool, Transfer};
use crate::crypto::{Claim, Domain, Family, Hash256, Signer};
use crate::log::Log;
use crate::membership::Membership;
use crate::protocol::{self, Input, Outcome};
use crate::quorum::Byzantine;
use crate::rules::{AllOn, Rule, Rules};
use crate::types::{LogIndex, Mono, NodeId, Now, Sequence, Term, Ticket, Wall};
pub(in crate::bft::hybrid) use catch_up::Pace;
use chain::Chain;
use checkpoint::{Installing, Made, Snapshots};
use event::Ignored;
use execute::Applying;
use persist::Persist;
use replicate::Tally;
use terms::Ballots;
use timers::Timers;

type Effects = protocol::Effects<Message, HardState>;

/// Most links in one answer.
const PER_ANSWER: usize = 64;

/// One replica of the two rounds.
#[derive(Clone, Debug)]
pub struct Rounds<R: Rules = AllOn> {
    id: NodeId,
    config: Arc<Config<R>>,
    domain: Domain,
    members: Membership,
    quorum: Byzantine,
    /// `None` where it has no key, no vote or no store: such a replica is silent.
    signer: Option<Arc<dyn Signer>>,

    term: Term,
    /// Whether it knows how the term began; the first one begins by itself.
    active: bool,
    /// Whether its history is the one that the term goes on from.
    rooted: bool,
    lead: Option<Arc<Lead>>,
    /// The highest term that it wishes for.
    wished: Term,
    ballots: Ballots,
    /// The history that this term goes on from, where its links are not here.
    fetching: Option<Hash256>,
    /// Whether it acknowledges, votes and leads no more, for good.
    stopped: bool,
    /// What it has said that it holds, once it has stopped.
    statement: Option<Arc<Stop>>,
    /// Whether another protocol has taken over.
    retired: bool,
    /// Who never leads.
    convicted: Vec<NodeId>,
    /// The state that its epoch begins with, in the epoch's first era.
    root: Option<Arc<Stable>>,
    /// Where the epoch has ended, and who votes in the next.
    ended: Option<(Sequence, Membership)>,
    /// Whether changes of voters wait for calm.
    holds_changes: bool,

    chain: Chain,
    accepted: Option<Mark>,
    prepared: Option<Arc<Prepared>>,
    tally: Tally,
    /// The leader's own acknowledgements that are on their way to the disk.
    own_acks: VecDeque<(Ticket, Ack)>,
    /// The leader's links that are not sent yet, and whether it has anything to say.
    unsent: Vec<Arc<Link>>,
    has_news: bool,
    /// The newest certificates that it has told all.
    told: (Option<Mark>, Option<Mark>),

    committed: Sequence,
    commit: Option<Arc<Committed>>,
    /// The same, as far back as links are held.
    commits: VecDeque<Arc<Committed>>,
    /// Log time after what is committed; `None` before the first.
    executed_time: Option<Wall>,
    log: Log,
    applying: Applying,
    pool: Pool,

    stable: Option<Arc<Stable>>,
    checkpoints: Checkpoints,
    snapshots: Snapshots,
    transfer: Option<Transfer>,
    /// The chain hash of what is being fetched.
    transferred_chain: Hash256,
    arrived: Option<Made>,
    installing: Option<Installing>,

    persist: Persist,
    timers: Timers,
    /// Nothing in the state machine expires before this log time.
    expiry: Option<Wall>,
    /// Who asked where it stands, and who asked for links, and when.
    answered: Pace,
    bodies: Pace,
    has_begun: bool,
}

impl<R: Rules> Rounds<R> {
    /// Where what its replicas sign means something.
    #[must_use]
    pub fn domain(config: &Config<R>) -> Domain {
        Domain { family: Family::Hybrid, ..config.settings.domain() }
    }

    /// Takes one input and writes down what follows from it: [`Protocol::step`](protocol::Protocol::step).
    pub fn step(&mut self, now: Now, input: Input<Message>, out: &mut Effects) {
        if self.signer.is_none() {
            return;
        }
        if !std::mem::replace(&mut self.has_begun, true) {
            let (term, committed) = (self.term, self.committed);
            out.note(|| Event::Recovered { term, committed }.into());
            self.root(now, out);
        }
        match input {
            Input::Receive { from, message } => self.receive(now, from, message, out),
            Input::DeadlineReached => self.on_deadline(now, out),
            Input::Requests(bundles) => self.on_requests(now, bundles, out),
            Input::Written(ticket) => self.persist.complete(ticket),
            Input::Applied { through, results } => self.on_applied(through, results, out),
            Input::SnapshotTaken { index, digest, data } => self.on_snapshot_taken(now, index, digest, data, out),
            Input::ExpiryAt(at) => self.expiry = at,
            Input::Forged { from } => out.note(|| Event::Forged { from }.into()),
            // Unsigned commands, and reads beside the log, are not for liars' ears: nobody can vouch for either.
            Input::Propose(proposals) => {
                for proposal in proposals {
                    out.answer(proposal.client, proposal.number, Outcome::NotLeader { leader: None });
                }
            }
            Input::Read(reads) => {
                for read in reads {
                    out.answer(read.client, read.number, Outcome::NotLeader { leader: None });
                }
            }
            // Who is convicted is the hybrid's matter.
            Input::Convicted(_)
            | Input::TakeSnapshot
            | Input::Reconfigure(_)
            | Input::Projected { .. }
            | Input::TransferLeadership { .. } => {}
        }
        self.follow_up(now, out);
    }

    /// When it wants to be woken: [`Protocol::next_deadline`](protocol::Protocol::next_deadline).
    #[must_use]
    pub fn next_deadline(&self) -> Option<Mono> {
        self.signer.is_some().then(|| self.timers.next())
    }

    /// What has to hold before a message is handed in: [`Protocol::claims`](protocol::Protocol::claims).
    pub fn claims(&self, from: NodeId, message: &Message, claims: &mut Vec<Claim>) {
        message.claims(&self.domain, from, claims);
    }

    /// What has to hold before requests are handed in.
    pub fn request_claims(&self, bundle: &Bundle, claims: &mut Vec<Claim>) {
        bundle.claims(self.domain.cluster, claims);
    }

    /// Its term.
    #[must_use]
    pub fn term(&self) -> Term {
        self.term
    }

    /// The last place whose entries are in its log.
    #[must_use]
    pub fn committed(&self) -> Sequence {
        self.committed
    }

    /// The proof of that, where it is a certificate of this instance.
    #[must_use]
    pub fn proof(&self) -> Option<&Arc<Committed>> {
        self.commit.as_ref()
    }

    /// Its log in memory.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Whose turn its term is.
    #[must_use]
    pub fn leader(&self) -> Option<NodeId> {
        self.leader_of(self.term)
    }

    fn leads(&self) -> bool {
        self.active && !self.is_silent() && self.leader() == Some(self.id)
    }

    /// Whether it acknowledges, votes and leads no more.
    fn is_silent(&self) -> bool {
        self.stopped && self.on(Rule::HybridStopEndsAcks)
    }

    fn on(&self, rule: Rule) -> bool {
        self.config.rules.on(rule)
    }

    fn low(&self) -> Sequence {
        self.stable.as_ref().map_or(Sequence(0), |stable| stable.proof.checkpoint.sequence)
    }

    fn window(&self) -> u64 {
        u64::from(self.config.settings.window)
    }

    fn is_in_window(&self, sequence: Sequence) -> bool {
        let low = self.low();
        low < sequence && sequence.0 - low.0 <= self.window() && sequence < Sequence::MAX
    }

    fn place_of(&self, voter: NodeId) -> Option<usize> {
        self.quorum.voters().binary_search(&voter).ok()
    }

    /// The write that a promise waits for; none where the laboratory has switched this guard off.
    fn promise_of(&self, rule: Rule) -> Option<Ticket> {
        if self.on(rule) { self.persist.promise() } else { None }
    }

    fn broadcast(&self, message: &Message, after: Option<Ticket>, out: &mut Effects) {
        for to in self.quorum.voters().iter().filter(|voter| **voter != self.id) {
            out.send(*to, message.clone(), after);
        }
    }

    fn ignore(&self, from: NodeId, reason: Ignored, out: &mut Effects) {
        out.note(|| Event::Ignored { from, reason }.into());
    }

    /// Clients' requests. A follower that gets one passes it on: its client has not heard from the leader.
    fn on_requests(&mut self, now: Now, bundles: Vec<Arc<Bundle>>, out: &mut Effects) {
        let is_new = |bundle: &&Arc<Bundle>| self.pool.get(&bundle.hash()).is_none();
        let new: Vec<Arc<Bundle>> = bundles.iter().filter(is_new).cloned().collect();
        self.pool.take_in(now.mono, bundles, out);
        let waits = |bundle: &Arc<Bundle>| self.pool.get(&bundle.hash()).is_some();
        self.relay(new.into_iter().filter(waits).collect(), out);
    }

    fn receive(&mut self, now: Now, from: NodeId, message: Message, out: &mut Effects) {
        let serves = matches!(message, Message::Chunk(_)) && self.is_source(from);
        if (self.place_of(from).is_none() && !serves) || from == self.id {
            return self.ignore(from, Ignored::NotAVoter, out);
        }
        match message {
            Message::Requests(bundles) => {
                for bundle in bundles {
                    self.pool.admit_again(now.mono, bundle);
                }
            }
            Message::Append(append) => self.on_append(now, from, *append, out),
            Message::Ack(ack) => self.on_ack(from, *ack, out),
            Message::Wishes(wishes) => self.on_wishes(now, from, &wishes, out),
            Message::Vote(vote) => self.on_vote(now, from, &vote, out),
            Message::Lead(lead) => self.on_lead(now, from, &lead, out),
            Message::Checkpoint(said) => self.on_checkpoint(now, from, said.0, said.1, out),
            Message::Standing(standing) => self.on_standing(now, from, &standing, out),
            Message::Decided(decided) => self.on_decided(now, from, *decided, out),
            Message::Stable(stable) => self.on_stable(now, from, &stable, out),
            Message::FetchLinks { hash, after } => self.on_fetch_links(now, from, hash, after, out),
            Message::Links(links) => self.on_links(now, from, &links, out),
            Message::FetchChunk(fetch) => self.on_fetch_chunk(from, &fetch, out),
            Message::Chunk(chunk) => self.on_chunk(from, &chunk, out),
        }
    }

    /// What every step ends with. For an executor that does everything at once more may follow from that.
    fn follow_up(&mut self, now: Now, out: &mut Effects) {
        loop {
            self.restore_ready(out);
            self.count_own_acks(out);
            self.propose_ready(now, out);
            self.install_ready(now, out);
            self.apply_ready(out);
            let written = self.flush(out);
            if !out.is_immediate() || !self.count_as_done(written) {
                break;
            }
        }
        self.tend_timers(now);
    }

    fn flush(&mut self, out: &mut Effects) -> Option<Ticket> {
        let (term, rooted, stopped) = (self.term, self.rooted, self.stopped);
        let (accepted, committed) = (self.accepted, self.committed);
        let committed_hash = self.chain.hash_at(committed).unwrap_or(Hash256::ZERO);
        let numbers = |hard: &mut HardState| {
            (hard.term, hard.rooted, hard.stopped) = (term, rooted, stopped);
            (hard.accepted, hard.committed, hard.committed_hash) = (accepted, committed, committed_hash);
        };
        self.persist.flush(numbers, self.log.last_index(), out)
    }

    /// For an executor that does everything at once: what the step has written, applied and restored is done. Returns
    /// whether something may follow from it.
    fn count_as_done(&mut self, written: Option<Ticket>) -> bool {
        if let Some(ticket) = written {
            self.persist.complete(ticket);
        }
        let before = self.applying.applied;
        self.restored(self.applying.asked);
        if self.installing.is_none() {
            self.applying.applied = self.applying.applied.max(self.applying.asked);
        }
        written.is_some() || self.applying.applied > before
    }

    /// The last index that it knows to be applied.
    #[must_use]
    pub fn applied(&self) -> LogIndex {
        self.applying.applied
    }
}

impl From<Event> for crate::event::Event {
    fn from(event: Event) -> Self {
        Self::Rounds(event)
    }
}
