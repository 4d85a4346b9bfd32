//! Which words does no honest node say together?
//!
//! Pure functions of words. Each one names the guard of an honest node that
//! makes the pair impossible, and why a crash, a restart and a change of views
//! leave it so. What an honest node may say is left out on purpose: two
//! different view changes to one view (it learned of a checkpoint, or was
//! restarted in between), two timeouts of one view with different certificates,
//! a vote and a timeout of one view, a commit in one view and a prepare of
//! something else in a later one.

use serde::{Deserialize, Serialize};

use super::word::{Begun, Known, Word};
use crate::bft::hotstuff::BlockId;
use crate::bft::hybrid::rounds::Mark;
use crate::bft::pbft::{Subject, Value, follows};
use crate::crypto::Hash256;
use crate::types::{Sequence, Term};

/// Most sequence numbers after a checkpoint that a word may speak of. Every sound window is smaller; it bounds what
/// a judge computes.
pub const MAX_WINDOW: u64 = 1 << 16;

/// What somebody has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Offence {
    /// PBFT §4.2: spoke of two values for one sequence number in one view. What an honest replica has accepted there is
    /// durable before it says so, and it accepts nothing else.
    TwoValues,
    /// PBFT §4.4: left a view and kept back what it had prepared there. The proof is durable before the commit
    /// leaves, goes only where a checkpoint or a later proof takes its place, and is in every later view change.
    HidPrepared,
    /// PBFT §4.4: began a view with something that does not follow from the view changes that it names itself.
    UnfoundedNewView,
    /// PBFT §4.4: began one view in two ways. How it began is durable before anybody hears of it.
    TwoNewViews,
    /// `HotStuff` §5: proposed or voted for two blocks in one view. Both promises are durable before they leave, and a
    /// leader votes for its own block.
    TwoBlocks,
    /// `DiemBFT` v4: gave a view up and kept back a certificate that it had seen when it voted. The highest certificate
    /// is durable before the vote leaves and never falls below that, and no vote follows a timeout of its view.
    HidCertificate,
    /// The hybrid's two rounds: acknowledged two histories at one place of one term. What an honest replica has
    /// acknowledged last, and the links that it stands on, are durable before it says so.
    TwoHistories,
    /// The hybrid: named a prepare certificate, and then voted in a later term or stopped without it or a higher one.
    /// The certificate is durable before it is named, its rank never falls, and no word in a term follows a vote in a
    /// later one or a stop.
    HidHistory,
    /// The hybrid: stopped one instance with two statements. The statement is durable before it is said, and is said
    /// in these words for ever.
    TwoStops,
}

impl Offence {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::TwoValues,
        Self::HidPrepared,
        Self::UnfoundedNewView,
        Self::TwoNewViews,
        Self::TwoBlocks,
        Self::HidCertificate,
        Self::TwoHistories,
        Self::HidHistory,
        Self::TwoStops,
    ];

    /// One word, as the cluster's own records write reasons.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::TwoValues => "two-values",
            Self::HidPrepared => "hid-prepared",
            Self::UnfoundedNewView => "unfounded-new-view",
            Self::TwoNewViews => "two-new-views",
            Self::TwoBlocks => "two-blocks",
            Self::HidCertificate => "hid-certificate",
            Self::TwoHistories => "two-histories",
            Self::HidHistory => "hid-history",
            Self::TwoStops => "two-stops",
        }
    }
}

/// What two words of one node, said in one domain, convict it of. The order makes no difference.
#[must_use]
pub fn together(one: &Word, other: &Word) -> Option<Offence> {
    let hid = || hides(one, other) || hides(other, one);
    let kept_back = || keeps_back(one, other) || keeps_back(other, one);
    [
        two_values(one, other).then_some(Offence::TwoValues),
        two_new_views(one, other).then_some(Offence::TwoNewViews),
        two_blocks(one, other).then_some(Offence::TwoBlocks),
        hid().then_some(Offence::HidPrepared),
        kept_back().then_some(Offence::HidCertificate),
        two_histories(one, other).then_some(Offence::TwoHistories),
        two_stops(one, other).then_some(Offence::TwoStops),
        (forgets(one, other) || forgets(other, one)).then_some(Offence::HidHistory),
    ]
    .into_iter()
    .flatten()
    .next()
}

/// What one word convicts of by itself.
#[must_use]
pub fn alone(word: &Word) -> Option<Offence> {
    match word {
        Word::NewView(begun) => (is_possible(begun) && !is_founded(begun)).then_some(Offence::UnfoundedNewView),
        Word::PrePrepare(_)
        | Word::Prepare(_)
        | Word::Commit(_)
        | Word::ViewChange(_)
        | Word::Began { .. }
        | Word::Proposal(_)
        | Word::Vote(_)
        | Word::VoteFor(_)
        | Word::Timeout { .. }
        | Word::Acknowledged { .. }
        | Word::VotedIn { .. }
        | Word::Stopped { .. } => None,
    }
}

/// Which value a word speaks of.
pub(super) fn subject(word: &Word) -> Option<&Subject> {
    let (Word::PrePrepare(subject) | Word::Prepare(subject) | Word::Commit(subject)) = word else { return None };
    Some(subject)
}

/// Which block a word speaks of; of the two forms of a vote the short one, so that evidence has one form.
pub(super) fn block(word: &Word) -> Option<&BlockId> {
    if let Word::Proposal(block) | Word::Vote(block) = word { Some(block) } else { None }
}

/// How a word says that a view began; of the two forms the short one.
pub(super) fn began(word: &Word) -> Option<(Term, Hash256)> {
    if let Word::Began { view, content } = word { Some((*view, *content)) } else { None }
}

fn two_values(one: &Word, other: &Word) -> bool {
    let (Some(one), Some(other)) = (subject(one), subject(other)) else { return false };
    (one.view, one.sequence) == (other.view, other.sequence) && one.hash != other.hash
}

fn two_new_views(one: &Word, other: &Word) -> bool {
    let (Some((view, content)), Some((of, instead))) = (began(one), began(other)) else { return false };
    view == of && content != instead
}

fn two_blocks(one: &Word, other: &Word) -> bool {
    let (Some(one), Some(other)) = (block(one), block(other)) else { return false };
    one.view == other.view && one.block != other.block
}

/// Whether a commit in one view is missing in the view change to a later one. The numbers that are signed are judged,
/// not the proofs beside them, which anybody may spoil.
fn hides(commit: &Word, change: &Word) -> bool {
    let (Word::Commit(commit), Word::ViewChange(left)) = (commit, change) else { return false };
    left.view > commit.view && !covers(&left.known, commit)
}

/// Whether a replica that knows this may have committed that before: a checkpoint has taken its place, or a proof of
/// it, or one of a later view.
fn covers(known: &Known, commit: &Subject) -> bool {
    let takes_its_place = |prepared: &Subject| {
        let later = prepared.view > commit.view;
        prepared.sequence == commit.sequence && (later || prepared == commit)
    };
    known.low >= commit.sequence || known.prepared.iter().any(takes_its_place)
}

/// Whether a timeout tells of a lower certificate than that of a block which its signer has voted for before. A vote
/// in a view comes before the timeouts of that view and of all later ones.
fn keeps_back(vote: &Word, timeout: &Word) -> bool {
    let (Word::VoteFor(header), Word::Timeout { view, high }) = (vote, timeout) else { return false };
    *view >= header.view && *high < header.justify.view
}

/// Which place of a history a word acknowledges.
pub(super) fn acknowledged(word: &Word) -> Option<Mark> {
    if let Word::Acknowledged { mark, .. } = word { Some(*mark) } else { None }
}

fn two_histories(one: &Word, other: &Word) -> bool {
    let (Some(one), Some(other)) = (acknowledged(one), acknowledged(other)) else { return false };
    one.rank() == other.rank() && one.hash != other.hash
}

fn two_stops(one: &Word, other: &Word) -> bool {
    matches!((one, other), (Word::Stopped { .. }, Word::Stopped { .. })) && one != other
}

/// Whether a certificate that was named is missing in a vote of a later term, or where its signer stopped.
fn forgets(ack: &Word, leave: &Word) -> bool {
    let Word::Acknowledged { mark, named: Some(named) } = ack else { return false };
    let shown = if let Word::Stopped { prepared, .. } = leave {
        prepared
    } else if let Word::VotedIn { term, prepared } = leave
        && mark.term < *term
    {
        prepared
    } else {
        return false;
    };
    shown.is_none_or(|shown| shown.rank() < named.rank())
}

/// Whether it costs little to find out what follows.
fn is_possible(begun: &Begun) -> bool {
    begun.changes.iter().all(|(_, known)| {
        let high = Sequence(known.low.0.saturating_add(MAX_WINDOW));
        let fits = |prepared: &Subject| known.low < prepared.sequence && prepared.sequence <= high;
        known.low < Sequence::MAX && known.prepared.iter().all(fits)
    })
}

/// Whether what is ordered again follows from the view changes (§4.4), by the function that replicas use.
fn is_founded(begun: &Begun) -> bool {
    let follows = follows(&begun.bare_changes(), Value::null().hash(), true);
    follows.values.iter().map(|(sequence, hash, _)| (*sequence, *hash)).eq(begun.assigned.iter().copied())
}
