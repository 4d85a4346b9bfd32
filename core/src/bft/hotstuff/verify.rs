//! Which signatures must hold, and what must fit, before a message counts?
//!
//! Everything that a message proves is listed in [`HotStuff::list_claims`], the
//! certificates inside of others too (TRAPS: certificates that nobody verifies
//! because they come inside another message). What fits is checked on receipt,
//! whatever the signatures say. Votes of views that have a certificate are not
//! verified, for nobody looks at them again: views only rise.

use std::sync::Arc;

use super::message::{self, Message, Proposal, QuorumCertificate, Timeout, TimeoutCertificate, Vote};
use super::{Block, Effects, HotStuff, IgnoreReason};
use crate::crypto::{Claim, Domain, Identity};
use crate::rules::{Rule, Rules};
use crate::types::{NodeId, Now, Term};

impl<R: Rules> HotStuff<R> {
    /// Nothing has to hold of what is ignored whatever it proves: nobody verifies it for a liar.
    pub(super) fn list_claims(&self, from: NodeId, message: &Message, claims: &mut Vec<Claim>) {
        if self.refuses(from, message).is_some() || (self.is_over() && message.is_of_views()) {
            return;
        }
        let domain = self.config.domain();
        let by = Identity::Node(from);
        match message {
            Message::Proposal(proposal) => {
                let Proposal { block, entered_by, signature } = &**proposal;
                let statement = message::proposal_statement(&domain, block.view(), &block.hash());
                claims.push(Claim { by, statement, signature: *signature });
                self.claim_certificate(&domain, block.justify(), claims);
                self.claim_timeout_certificate(&domain, entered_by.as_ref(), claims);
                block.batch().claims(self.config.cluster, claims);
            }
            Message::Vote(vote) => self.claim_vote(&domain, from, vote, claims),
            // What is known already changes nothing, now or later.
            Message::Certificate(certificate) if self.is_settled(certificate) => {}
            Message::TimeoutCertificate(proof) if proof.view < self.view => {}
            Message::Certificate(certificate) => self.claim_certificate(&domain, certificate, claims),
            Message::Timeout(timeout) => {
                let Timeout { view, high, entered_by, vote, signature } = &**timeout;
                let statement = message::timeout_statement(&domain, *view, high.view);
                claims.push(Claim { by, statement, signature: *signature });
                self.claim_certificate(&domain, high, claims);
                self.claim_timeout_certificate(&domain, entered_by.as_ref(), claims);
                if let Some(vote) = vote {
                    self.claim_vote(&domain, from, vote, claims);
                }
            }
            Message::TimeoutCertificate(proof) => self.claim_timeout_certificate(&domain, Some(proof), claims),
            Message::Checkpoint(signed) => claims.push(signed.checkpoint.claim(&domain, from, signed.signature)),
            // What it begins with is proven.
            Message::Stable(proof) if self.config.is_root(proof) => {}
            Message::Stable(proof) => proof.claims(&domain, claims),
            Message::Evidence(evidence) if self.accuser.is_moot(evidence) => {}
            Message::Evidence(evidence) => claims.extend(evidence.claims(self.config.cluster)),
            // Known by their hashes, or nothing that has to be believed.
            Message::Fetch(_) | Message::Blocks(_) | Message::FetchChunk(_) | Message::Chunk(_) => {}
            Message::Later { .. } | Message::Epoch(_) => {}
        }
    }

    fn claim_vote(&self, domain: &Domain, by: NodeId, vote: &Vote, claims: &mut Vec<Claim>) {
        if self.wants_vote(vote) {
            let names_view = self.on(Rule::HotStuffCertificateNamesView);
            let statement = message::vote_statement(domain, vote.view, &vote.block, names_view);
            claims.push(Claim { by: Identity::Node(by), statement, signature: vote.signature });
        }
    }

    fn claim_certificate(&self, domain: &Domain, proof: &Arc<QuorumCertificate>, claims: &mut Vec<Claim>) {
        if self.on(Rule::HotStuffVerifyCertificates) {
            let names_view = self.on(Rule::HotStuffCertificateNamesView);
            let statement = message::vote_statement(domain, proof.view, &proof.block, names_view);
            proof.certificate.claims(|_| statement.clone(), claims);
        }
    }

    fn claim_timeout_certificate(
        &self,
        domain: &Domain,
        proof: Option<&Arc<TimeoutCertificate>>,
        claims: &mut Vec<Claim>,
    ) {
        if let Some(proof) = proof.filter(|_| self.on(Rule::HotStuffVerifyCertificates)) {
            let statement = |voter| message::timeout_statement(domain, proof.view, proof.high_of(voter));
            proof.certificate.claims(statement, claims);
        }
    }

    /// Whether a certificate that comes by itself changes nothing, now or later.
    fn is_settled(&self, certificate: &QuorumCertificate) -> bool {
        certificate.view <= self.committed.view.min(self.high.view)
    }

    /// Whether anybody looks at this vote: its view has no certificate yet.
    pub(super) fn wants_vote(&self, vote: &Vote) -> bool {
        vote.view > self.high.view
    }

    /// Takes a peer's verified message: what does not fit is ignored, then its handler runs.
    pub(super) fn receive(&mut self, now: Now, from: NodeId, message: Message, out: &mut Effects) {
        if let Some(reason) = self.refuses(from, &message) {
            return Self::ignore(from, reason, out);
        }
        if self.is_over() && message.is_of_views() {
            return self.show_end(now, from, &message, out);
        }
        self.listen(from, &message);
        match message {
            Message::Proposal(proposal) => self.on_proposal(now, from, &proposal, out),
            Message::Vote(vote) => self.on_vote(now, from, vote, out),
            // Nobody has verified it.
            Message::Certificate(certificate) if self.is_settled(&certificate) => {}
            Message::Certificate(certificate) => self.on_certificate(now, &certificate, from, out),
            Message::Timeout(timeout) => self.on_timeout(now, from, *timeout, out),
            Message::TimeoutCertificate(proof) => self.learn_timeout_certificate(now, &proof, out),
            Message::Fetch(fetch) => self.on_fetch(from, &fetch, out),
            Message::Blocks(blocks) => self.on_blocks(now, from, &blocks, out),
            Message::Checkpoint(signed) => self.on_checkpoint(from, &signed, out),
            Message::Stable(proof) => self.on_stable(now, from, *proof, out),
            Message::FetchChunk(fetch) => self.on_fetch_chunk(from, &fetch, out),
            Message::Chunk(chunk) => self.on_chunk(now, from, &chunk, out),
            Message::Evidence(evidence) => drop(self.accuser.take(from, evidence, out)),
            // These do not fit.
            Message::Later { .. } | Message::Epoch(_) => {}
        }
    }

    /// Why this message is ignored, whatever its signatures are worth. What is refused once is refused for ever.
    fn refuses(&self, from: NodeId, message: &Message) -> Option<IgnoreReason> {
        let gives_state = matches!(message, Message::Chunk(_)) && self.gives_root(from);
        if from == self.id || !(self.quorum.is_voter(from) || gives_state) {
            return Some(IgnoreReason::NotAVoter);
        }
        match message {
            Message::Proposal(proposal) if self.leader(proposal.block.view()) != Some(from) => {
                Some(IgnoreReason::NotTheLeader)
            }
            message => (!self.fits(message)).then_some(IgnoreReason::Malformed),
        }
    }

    /// Whether an honest replica may have sent it.
    fn fits(&self, message: &Message) -> bool {
        match message {
            Message::Proposal(proposal) => {
                let block = &proposal.block;
                self.is_block(block)
                    && self.is_batch(block)
                    && self.proves(block.view(), block.justify(), proposal.entered_by.as_ref())
                    && self.may_extend(block.justify(), proposal.entered_by.as_ref())
            }
            Message::Vote(vote) => message::is_possible(vote.view),
            Message::Certificate(certificate) => self.is_certificate(certificate),
            Message::Timeout(timeout) => {
                let Timeout { view, high, entered_by, vote, .. } = &**timeout;
                let possible = |vote: &Vote| message::is_possible(vote.view) && vote.view <= *view;
                message::is_possible(*view)
                    && self.is_certificate(high)
                    && high.view < *view
                    && vote.as_ref().is_none_or(possible)
                    && self.proves(*view, high, entered_by.as_ref())
            }
            Message::TimeoutCertificate(proof) => self.is_timeout_certificate(proof),
            Message::Blocks(blocks) => {
                blocks.len() <= self.config.settings.max_blocks_per_answer as usize
                    && blocks.iter().all(|block| self.is_block(block))
            }
            Message::Checkpoint(_)
            | Message::Stable(_)
            | Message::Fetch(_)
            | Message::FetchChunk(_)
            | Message::Chunk(_)
            | Message::Evidence(_) => true,
            Message::Later { .. } | Message::Epoch(_) => false,
        }
    }

    fn is_certificate(&self, certificate: &QuorumCertificate) -> bool {
        certificate.is_well_formed(self.first, &self.quorum, self.on(Rule::HotStuffDistinctSigners))
    }

    fn is_timeout_certificate(&self, proof: &TimeoutCertificate) -> bool {
        proof.is_well_formed(&self.quorum, self.on(Rule::HotStuffDistinctSigners))
    }

    fn is_block(&self, block: &Block) -> bool {
        let justify = block.justify();
        message::is_possible(block.view()) && justify.view < block.view() && self.is_certificate(justify)
    }

    /// Whether an honest leader may propose so much.
    fn is_batch(&self, block: &Block) -> bool {
        let (batch, settings) = (block.batch(), &self.config.settings);
        let alone = batch.bundles().len() <= 1;
        let small = block.requests() <= u64::from(settings.max_batch_requests)
            && batch.bytes() <= u64::from(settings.max_batch_bytes);
        batch.is_well_formed() && (alone || small)
    }

    /// Whether these prove that the view before `view` is over, so that everybody may be in `view`.
    fn proves(&self, view: Term, high: &QuorumCertificate, entered_by: Option<&Arc<TimeoutCertificate>>) -> bool {
        match entered_by {
            _ if !self.on(Rule::HotStuffTimeoutCertificates) => true,
            None => high.view.next() == view,
            Some(proof) => self.is_timeout_certificate(proof) && proof.view.next() == view,
        }
    }

    /// Whether a leader follows a certificate as high as the highest that others have told of (DiemBFT v4, "safe
    /// to extend").
    fn may_extend(&self, justify: &QuorumCertificate, entered_by: Option<&Arc<TimeoutCertificate>>) -> bool {
        let told = entered_by.map_or(Term(0), |proof| proof.highest());
        justify.view >= told || !self.on(Rule::HotStuffTimeoutCertificates)
    }
}
