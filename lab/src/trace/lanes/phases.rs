//! Through which steps did what clients asked for go?
//!
//! A step begins with the first honest replica that says so and ends with the
//! first one that says the next: PBFT's phases (§4.2), the hybrid's two rounds,
//! HotStuff's votes for a block, a Raft entry's way to a majority, and an epoch's to its beginning. What a liar
//! notes of itself counts for nothing here.

use quorumscope_core::bft::hybrid::rounds;
use quorumscope_core::bft::{epoch, hotstuff, pbft};
use quorumscope_core::event::Event;
use quorumscope_core::record::{Body, Record};
use quorumscope_core::types::{LogIndex, Sequence, Term, Time};

use crate::trace::words::{fill, lanes as words};

/// One thing that goes through the steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Round {
    /// What it is: a sequence number, a block, an entry.
    pub name: String,
    /// Its steps, in order; the last may not be over yet.
    pub phases: Vec<Phase>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phase {
    /// The paper's name.
    pub name: &'static str,
    /// Since.
    pub from: Time,
    /// Until; `None` where it is not over.
    pub to: Option<Time>,
}

impl Round {
    /// From when until when.
    #[must_use]
    pub fn span(&self) -> (Time, Option<Time>) {
        (self.phases.first().map_or(Time(0), |phase| phase.from), self.phases.last().and_then(|phase| phase.to))
    }
}

/// What goes through the steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Slot(Term, Sequence),
    Link(Term, Sequence),
    Block(Term),
    Entry(LogIndex),
    Epoch(u64),
}

impl What {
    fn name(self) -> String {
        match self {
            Self::Slot(_, sequence) | Self::Link(_, sequence) => sequence.to_string(),
            Self::Block(view) => fill(words::BLOCK, &[("view", &view.0)]),
            Self::Entry(index) => fill(words::ENTRY, &[("index", &index)]),
            Self::Epoch(epoch) => fill(words::EPOCH, &[("epoch", &epoch)]),
        }
    }

    fn phases(self) -> &'static [&'static str] {
        match self {
            Self::Slot(..) => &words::PBFT,
            Self::Link(..) => &words::ROUNDS,
            Self::Block(_) => &words::HOTSTUFF,
            Self::Entry(_) => &words::RAFT,
            Self::Epoch(_) => &words::EPOCHS,
        }
    }

    /// Whether what is said of `other` holds for this as well: certificates and commits cover what comes before.
    fn is_covered_by(self, other: Self) -> bool {
        match (self, other) {
            (Self::Slot(view, sequence), Self::Slot(of, said)) => view == of && sequence == said,
            (Self::Link(term, sequence), Self::Link(of, said)) => term == of && sequence <= said,
            (Self::Block(view), Self::Block(said)) => view == said,
            (Self::Entry(index), Self::Entry(said)) => index == said,
            (Self::Epoch(epoch), Self::Epoch(said)) => epoch == said,
            (Self::Slot(..) | Self::Link(..) | Self::Block(_) | Self::Entry(_) | Self::Epoch(_), _) => false,
        }
    }
}

/// What of it begins: step 0 with its first word, the others with the words after it.
fn said(event: &Event) -> Option<(What, usize)> {
    match event {
        Event::Pbft(event) => of_pbft(event),
        Event::Epoch(event) => of_epochs(event),
        Event::Rounds(event) => of_rounds(event),
        Event::HotStuff(event) => of_hotstuff(event),
        // Entries of followers come by another event.
        Event::EntriesAppended { last, .. } => Some((What::Entry(*last), 0)),
        Event::Recovered { .. }
        | Event::ElectionTimerSet { .. }
        | Event::TermAdopted { .. }
        | Event::BecameFollower { .. }
        | Event::BecamePreCandidate { .. }
        | Event::BecameCandidate { .. }
        | Event::BecameLeader { .. }
        | Event::VoteDecided { .. }
        | Event::VoteCounted { .. }
        | Event::AppendAccepted { .. }
        | Event::LogTruncated { .. }
        | Event::AppendRefused { .. }
        | Event::NextIndexMoved { .. }
        | Event::CommitAdvanced { .. }
        | Event::CommitHeld { .. }
        | Event::MessageIgnored { .. }
        | Event::ProposalRefused { .. }
        | Event::MembershipActs { .. }
        | Event::ChangeRefused { .. }
        | Event::SnapshotStarted { .. }
        | Event::LogCompacted { .. }
        | Event::SnapshotTransferStarted { .. }
        | Event::ProjectionSent { .. }
        | Event::FeederChosen { .. }
        | Event::SnapshotTransferResumed { .. }
        | Event::SnapshotTransferEnded { .. }
        | Event::SnapshotAccepted { .. }
        | Event::SnapshotNotNeeded { .. }
        | Event::SnapshotRestored { .. }
        | Event::QuorumUnheard { .. }
        | Event::ReadsForwarded { .. }
        | Event::ReadsHeld { .. }
        | Event::ReadRoundBegan { .. }
        | Event::ReadRoundConfirmed { .. }
        | Event::ReadByLease { .. }
        | Event::ReadServed { .. }
        | Event::ReadsRefused { .. }
        | Event::TransferBegan { .. }
        | Event::TimeoutNowSent { .. }
        | Event::TimeoutNowTaken { .. }
        | Event::Evidence(_)
        | Event::TransferAborted { .. }
        | Event::TransferRefused { .. }
        | Event::ProposalRefusedInTransfer { .. }
        | Event::ProposalTooLarge { .. }
        | Event::WindowFull { .. }
        | Event::AnsweredEarly { .. }
        | Event::LeadershipPreferred { .. }
        | Event::SnapshotPartsDropped { .. }
        | Event::Hybrid(_) => None,
    }
}

/// An epoch on its way: all replicas note where the one before it ends, and the first one begins the round.
fn of_epochs(event: &epoch::Event) -> Option<(What, usize)> {
    use epoch::Event;
    match event {
        Event::Ended { epoch, .. } => Some((What::Epoch(epoch.saturating_add(1)), 0)),
        Event::LinkSigned { epoch, .. } => Some((What::Epoch(*epoch), 1)),
        Event::Begun { epoch, .. } => Some((What::Epoch(*epoch), 2)),
        Event::ChangeVoid { .. }
        | Event::ChangeRefused
        | Event::ChangeUnheard { .. }
        | Event::LinkRefused { .. }
        | Event::Behind { .. } => None,
    }
}

fn of_pbft(event: &pbft::Event) -> Option<(What, usize)> {
    use pbft::Event;
    match event {
        Event::Proposed { view, sequence, .. } => Some((What::Slot(*view, *sequence), 0)),
        Event::PrePrepareAccepted { view, sequence, .. } => Some((What::Slot(*view, *sequence), 1)),
        Event::Prepared { view, sequence, .. } => Some((What::Slot(*view, *sequence), 2)),
        Event::Committed { view, sequence, .. } => Some((What::Slot(*view, *sequence), 3)),
        Event::Recovered { .. }
        | Event::RequestsRelayed { .. }
        | Event::PrePrepareRefused { .. }
        | Event::Executed { .. }
        | Event::CaughtUp { .. }
        | Event::CheckpointTaken { .. }
        | Event::CheckpointStable { .. }
        | Event::RequestTimerSet { .. }
        | Event::ViewChangeBegan { .. }
        | Event::ViewChangeCounted { .. }
        | Event::NewViewMade { .. }
        | Event::NewViewRefused { .. }
        | Event::ViewEntered { .. }
        | Event::TransferBegan { .. }
        | Event::TransferSpoilt { .. }
        | Event::Transferred { .. }
        | Event::AskedForMissing { .. }
        | Event::Forged { .. }
        | Event::Ignored { .. } => None,
    }
}

fn of_rounds(event: &rounds::Event) -> Option<(What, usize)> {
    use rounds::Event;
    match event {
        Event::Proposed { term, sequence, .. } => Some((What::Link(*term, *sequence), 0)),
        Event::LinkAccepted { term, sequence, .. } => Some((What::Link(*term, *sequence), 1)),
        Event::Prepared { term, sequence, .. } => Some((What::Link(*term, *sequence), 2)),
        Event::Committed { term, sequence, .. } => Some((What::Link(*term, *sequence), 3)),
        Event::Recovered { .. }
        | Event::RequestsRelayed { .. }
        | Event::LinkRefused { .. }
        | Event::Executed { .. }
        | Event::CaughtUp { .. }
        | Event::Wished { .. }
        | Event::TermAdopted { .. }
        | Event::VoteCounted { .. }
        | Event::TermEntered { .. }
        | Event::CheckpointTaken { .. }
        | Event::CheckpointStable { .. }
        | Event::TransferBegan { .. }
        | Event::TransferSpoilt { .. }
        | Event::Transferred { .. }
        | Event::AskedForMissing { .. }
        | Event::Stopped { .. }
        | Event::Forged { .. }
        | Event::Ignored { .. } => None,
    }
}

fn of_hotstuff(event: &hotstuff::Event) -> Option<(What, usize)> {
    use hotstuff::Event;
    match event {
        Event::Proposed { view, .. } => Some((What::Block(*view), 0)),
        Event::Voted { view, .. } => Some((What::Block(*view), 1)),
        Event::CertificateFormed { view, .. } => Some((What::Block(*view), 2)),
        Event::ViewEntered { .. }
        | Event::VoteRefused { .. }
        | Event::VoteCounted { .. }
        | Event::HighCertificate { .. }
        | Event::Locked { .. }
        | Event::Committed { .. }
        | Event::CommitHeld { .. }
        | Event::TimedOut { .. }
        | Event::TimeoutCounted { .. }
        | Event::TimeoutCertificateFormed { .. }
        | Event::FetchBegan { .. }
        | Event::Fetched { .. }
        | Event::CheckpointStable { .. }
        | Event::TransferBegan { .. }
        | Event::TransferSpoilt { .. }
        | Event::StateInstalled { .. }
        | Event::Ignored { .. }
        | Event::Forged { .. } => None,
    }
}

/// The rounds of these records that were not over at `from`.
pub(super) fn rounds<'a>(records: impl Iterator<Item = &'a Record>, from: Time) -> Vec<Round> {
    /// So many rounds are looked at for what is said; older ones are over, or hopeless.
    const OPEN: usize = 64;
    let mut known: Vec<(What, Round)> = Vec::new();
    for record in records {
        let spoken = if let Body::Decided { index, .. } = record.body {
            Some((What::Entry(index), 1))
        } else if let Body::Noted(event) = &record.body {
            said(event)
        } else {
            None
        };
        let Some((what, step)) = spoken else { continue };
        if step == 0 {
            begin(&mut known, what, record.at);
            continue;
        }
        let open = known.len().saturating_sub(OPEN);
        for (begun, round) in &mut known[open..] {
            if begun.is_covered_by(what) {
                go_on(round, begun.phases(), step, record.at);
            }
        }
    }
    let rounds = known.into_iter().map(|(_, round)| round);
    rounds.filter(|round| round.span().1.is_none_or(|to| to >= from)).collect()
}

fn begin(known: &mut Vec<(What, Round)>, what: What, at: Time) {
    if matches!(what, What::Epoch(_)) && known.iter().any(|(begun, _)| *begun == what) {
        return;
    }
    let name = what.phases().first().copied().unwrap_or_default();
    known.push((what, Round { name: what.name(), phases: vec![Phase { name, from: at, to: None }] }));
}

/// The first word of a step ends the one before; a step that nobody spoke of is left out.
fn go_on(round: &mut Round, names: &[&'static str], step: usize, at: Time) {
    let place = |name: &str| names.iter().position(|known| *known == name).unwrap_or_default();
    let Some(last) = round.phases.last_mut().filter(|last| last.to.is_none() && place(last.name) < step) else {
        return;
    };
    last.to = Some(at);
    if let Some(name) = names.get(step) {
        round.phases.push(Phase { name, from: at, to: None });
    }
}
