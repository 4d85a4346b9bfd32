//! How does a leader of HotStuff put a block of its own in the place of the honest one?
//!
//! The block leaves the chain that the honest one follows, or its stamp does not
//! follow from it. What would make others go on with it is a certificate, and the
//! tricks differ in what that is: signatures of others that are made up, the
//! liar's own one several times, or an old certificate under a later view.

use std::sync::Arc;

use quorumscope_core::bft::hotstuff::{
    Block, Message, Proposal, QuorumCertificate, TimeoutCertificate, proposal_statement, timeout_statement,
    vote_statement,
};
use quorumscope_core::bft::{Batch, Certificate};
use quorumscope_core::crypto::{Signature, Statement};
use quorumscope_core::rules::{Rule, Rules as _};
use quorumscope_core::types::{NodeId, Term, Wall};

use super::Means;
use super::hotstuff::{Replica, domain, known, vote};

/// Makes a certificate of a statement.
type Sign = fn(&mut Means<'_, Replica>, &Statement) -> Certificate;

/// A block that follows nothing, and its certificate, of whose signatures the liars' hold.
pub(super) fn forged(message: &Message, means: &mut Means<'_, Replica>) -> Option<Vec<Message>> {
    after_nothing(message, means, |means, statement| means.certificate(|_| statement.clone()))
}

/// The same with a certificate of one voter alone.
pub(super) fn signed_thrice(message: &Message, means: &mut Means<'_, Replica>) -> Option<Vec<Message>> {
    after_nothing(message, means, |means, statement| {
        let needed = means.plan.quorum.needed();
        let own = (means.me, means.sign(statement));
        repeated(&vec![own; needed as usize])
    })
}

/// A certificate with names in any number: an honest one is made with each name once.
fn repeated(signed: &[(NodeId, Signature)]) -> Certificate {
    let read = postcard::to_allocvec(signed).ok().and_then(|bytes| postcard::from_bytes(&bytes).ok());
    read.unwrap_or_default()
}

fn after_nothing(message: &Message, means: &mut Means<'_, Replica>, sign: Sign) -> Option<Vec<Message>> {
    let honest = own_proposal(message, means)?;
    let view = honest.block.view();
    let lie = Block::new(view, Arc::new(QuorumCertificate::genesis()), honest.block.batch().clone());
    if lie.hash() == honest.block.hash() {
        return None;
    }
    let domain = domain(means);
    let names_view = means.config.rules.on(Rule::HotStuffCertificateNamesView);
    let before = Term(view.0.checked_sub(1)?);
    let entered_by = (before > Term(0)).then(|| {
        let certificate = sign(means, &timeout_statement(&domain, before, Term(0)));
        let highs = certificate.signatures().iter().map(|_| Term(0)).collect();
        Arc::new(TimeoutCertificate { view: before, highs, certificate })
    });
    let certificate = sign(means, &vote_statement(&domain, view, &lie.hash(), names_view));
    let certified = QuorumCertificate { view, block: lie.hash(), certificate };
    Some(vec![propose(lie, entered_by, means), Message::Certificate(Arc::new(certified))])
}

/// A block that follows the oldest certificate that the liar knows, as if that were of the view before, with the liar's
/// vote for it.
pub(super) fn renamed(message: &Message, means: &mut Means<'_, Replica>) -> Option<Vec<Message>> {
    let honest = own_proposal(message, means)?;
    let highest = honest.block.justify();
    let older = known(means).into_iter().map(|block| block.justify());
    let older = older.filter(|proof| Term(0) < proof.view && proof.view < highest.view);
    let oldest = older.min_by_key(|proof| proof.view)?.as_ref().clone();
    let view = Term(honest.block.view().0.checked_sub(1)?);
    let justify = Arc::new(QuorumCertificate { view, ..oldest });
    let lie = Block::new(honest.block.view(), justify, honest.block.batch().clone());
    let own = vote(lie.view(), lie.hash(), means);
    Some(vec![propose(lie, None, means), Message::Vote(own)])
}

/// The honest block, but stamped with the beginning of time.
pub(super) fn of_another_time(message: &Message, means: &mut Means<'_, Replica>) -> Option<Vec<Message>> {
    let honest = own_proposal(message, means)?;
    let block = &honest.block;
    block.batch().log_time()?;
    let batch = Batch::new(Some(Wall(0)), block.batch().bundles().to_vec());
    let lie = Block::new(block.view(), Arc::clone(block.justify()), batch);
    Some(vec![propose(lie, honest.entered_by.clone(), means)])
}

/// What the liar proposes where it leads; passed on for another leader, a proposal stays as it is.
fn own_proposal<'a>(message: &'a Message, means: &Means<'_, Replica>) -> Option<&'a Proposal> {
    let Message::Proposal(honest) = message else { return None };
    (means.plan.quorum.in_turn(honest.block.view()) == Some(means.me)).then_some(honest.as_ref())
}

fn propose(block: Block, entered_by: Option<Arc<TimeoutCertificate>>, means: &mut Means<'_, Replica>) -> Message {
    let signature = means.sign(&proposal_statement(&domain(means), block.view(), &block.hash()));
    Message::Proposal(Arc::new(Proposal { block: Arc::new(block), signature, entered_by }))
}
