//! How does an operator change who votes?
//!
//! With a request under a key of its own: the [`OPERATOR`] is a client, and
//! replicas are never believed alone. The request names the epoch that it is
//! meant for, so that a late copy changes nothing, and who gets a vote or loses
//! it. It is ordered like any request. The first one in that order that makes
//! sense ends its epoch (BFT-SMaRt's trusted operator; Lamport's stoppable state
//! machine). The state machine takes no notice of it.
//!
//! Left out: learners, observers and edges. Whoever gets a vote fetches the state
//! under proof, so it needs no time to get ready, and the others do not wait for it.

use serde::{Deserialize, Serialize};

use crate::bft::Bundle;
use crate::bft::request::OPERATOR;
use crate::crypto::Signer;
use crate::entry::{Class, Proposal, Tags};
use crate::few;
use crate::membership::{MAX_MEMBERS, Membership, MembershipChange};
use crate::types::{ClientId, NodeId, RequestNumber};

/// What the payload begins with: no session's payload does.
const MARK: [u8; 8] = *b"members\0";

/// What an operator asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Request {
    /// The epoch that it is meant for.
    pub epoch: u64,
    /// Who gets a vote, and who loses it.
    pub change: MembershipChange,
}

impl Request {
    /// The same, signed.
    #[must_use]
    pub fn signed(&self, cluster: u64, number: RequestNumber, operator: &dyn Signer) -> Bundle {
        self.signed_as(OPERATOR, cluster, number, operator)
    }

    /// The same in the name of any client: what replicas refuse.
    #[must_use]
    pub fn signed_as(&self, client: ClientId, cluster: u64, number: RequestNumber, signer: &dyn Signer) -> Bundle {
        let encoded = postcard::to_allocvec(self).unwrap_or_default();
        let payload = [&MARK[..], &encoded].concat().into();
        let proposal = Proposal { client, number, class: Class::Critical, tags: Tags::new(), payload };
        Bundle::signed(cluster, core::iter::once(proposal).collect(), signer)
    }

    /// Why nothing comes of it where another change has ended this epoch.
    #[must_use]
    pub fn comes_late(&self, epoch: u64) -> Nonsense {
        let now = if self.epoch > epoch { epoch } else { epoch.saturating_add(1) };
        Nonsense::OtherEpoch { meant: self.epoch, now }
    }

    /// The change in a bundle; `None` where that is something else.
    #[must_use]
    pub fn in_bundle(bundle: &Bundle) -> Option<Self> {
        let [proposal] = bundle.proposals() else { return None };
        let (request, rest) = postcard::take_from_bytes(proposal.payload.strip_prefix(&MARK)?).ok()?;
        rest.is_empty().then_some(request)
    }
}

/// Whether a payload says that it is a change of members: the state machine takes no notice of it.
#[must_use]
pub fn is_marked(payload: &[u8]) -> bool {
    payload.starts_with(&MARK)
}

/// Whether a bundle asks for a change in somebody else's name than the operator's: replicas drop it.
#[must_use]
pub fn is_usurped(bundle: &Bundle) -> bool {
    bundle.client() != OPERATOR && bundle.proposals().iter().any(|proposal| is_marked(&proposal.payload))
}

/// Whether a bundle asks for a change at all.
#[must_use]
pub fn asks(bundle: &Bundle) -> bool {
    bundle.proposals().iter().any(|proposal| is_marked(&proposal.payload))
}

/// Why a change makes no sense for these voters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
pub enum Nonsense {
    /// It was meant for another epoch, most often for one that has ended by another change.
    #[error("it was meant for epoch {meant}, and this is epoch {now}")]
    OtherEpoch {
        /// Its epoch.
        meant: u64,
        /// The present one.
        now: u64,
    },
    /// It names learners, observers or edges.
    #[error("only voters change here: name who gets a vote (promote) and who loses it (remove)")]
    VotersOnly,
    /// It has a vote already.
    #[error("{0} votes already")]
    IsVoter(NodeId),
    /// It has no vote to lose.
    #[error("{0} has no vote")]
    IsNoVoter(NodeId),
    /// A cluster needs a voter.
    #[error("no voter would be left")]
    NobodyVotes,
    /// The bound on members.
    #[error("a cluster has at most {MAX_MEMBERS} voters")]
    TooMany,
    /// An empty change.
    #[error("nothing would change")]
    Nothing,
    /// No epoch can follow.
    #[error("there have been too many changes")]
    LastEpoch,
}

/// Who votes after a change.
///
/// # Errors
/// The first reason for which it makes no sense.
pub fn after(members: &Membership, change: &MembershipChange) -> Result<Membership, Nonsense> {
    let MembershipChange { add, promote, remove, observe, edge } = change;
    if !add.is_empty() || !observe.is_empty() || !edge.is_empty() {
        return Err(Nonsense::VotersOnly);
    }
    if let Some(node) = promote.iter().find(|node| members.is_voter(**node)) {
        return Err(Nonsense::IsVoter(*node));
    }
    if let Some(node) = remove.iter().find(|node| !members.is_voter(**node)) {
        return Err(Nonsense::IsNoVoter(*node));
    }
    let stays = members.voters.iter().filter(|node| !remove.contains(node));
    let voters = few::distinct(stays.chain(promote).copied());
    match voters.len() {
        0 => Err(Nonsense::NobodyVotes),
        count if count > MAX_MEMBERS => Err(Nonsense::TooMany),
        _ if voters == members.voters => Err(Nonsense::Nothing),
        _ => Ok(Membership::of(voters)),
    }
}

/// What a request means in this epoch with these members.
///
/// # Errors
/// Why it means nothing.
pub fn judge(request: &Request, epoch: u64, members: &Membership) -> Result<Membership, Nonsense> {
    if request.epoch != epoch {
        return Err(Nonsense::OtherEpoch { meant: request.epoch, now: epoch });
    }
    if epoch >= super::MAX_EPOCH {
        return Err(Nonsense::LastEpoch);
    }
    after(members, &request.change)
}

/// Who votes after the first change among these bundles that makes sense; alike at all who execute them. Those before
/// it that make none are handed to `void`, and those after it, which come too late. `by_anybody` is the laboratory's
/// broken variant.
pub fn first<'a>(
    bundles: impl IntoIterator<Item = &'a Bundle>,
    epoch: u64,
    members: &Membership,
    by_anybody: bool,
    mut void: impl FnMut(Nonsense),
) -> Option<Membership> {
    let is_heard = |bundle: &&Bundle| by_anybody || bundle.client() == OPERATOR;
    let requests = bundles.into_iter().filter(is_heard).filter_map(Request::in_bundle);
    let mut next = None;
    for request in requests {
        match judge(&request, epoch, members) {
            _ if next.is_some() => void(request.comes_late(epoch)),
            Ok(members) => next = Some(members),
            Err(nonsense) => void(nonsense),
        }
    }
    next
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{Ed25519Signer, Identity};
    use crate::edge::Edge;

    fn voters(ids: &[u32]) -> Membership {
        Membership::of(ids.iter().map(|id| NodeId(*id)).collect())
    }

    fn swap(promote: &[u32], remove: &[u32]) -> MembershipChange {
        let ids = |ids: &[u32]| ids.iter().map(|id| NodeId(*id)).collect();
        MembershipChange { promote: ids(promote), remove: ids(remove), ..MembershipChange::default() }
    }

    fn bundle(by: ClientId, epoch: u64, change: MembershipChange) -> Bundle {
        let signer = Ed25519Signer::new(Identity::Client(by), [7; 32]);
        Request { epoch, change }.signed_as(by, 1, RequestNumber(1), &signer)
    }

    #[test]
    fn a_change_names_who_gets_a_vote_and_who_loses_it() {
        let four = voters(&[1, 2, 3, 4]);
        let after = |promote: &[u32], remove: &[u32]| after(&four, &swap(promote, remove));
        assert_eq!(after(&[5, 5], &[1]), Ok(voters(&[2, 3, 4, 5])));
        assert_eq!(after(&[5, 6, 7, 8], &[1, 2, 3, 4]), Ok(voters(&[5, 6, 7, 8])));
        assert_eq!(after(&[4], &[]), Err(Nonsense::IsVoter(NodeId(4))));
        assert_eq!(after(&[4], &[4]), Err(Nonsense::IsVoter(NodeId(4))), "it could mean either");
        assert_eq!(after(&[], &[5]), Err(Nonsense::IsNoVoter(NodeId(5))));
        assert_eq!(after(&[5], &[5]), Err(Nonsense::IsNoVoter(NodeId(5))));
        assert_eq!(after(&[], &[1, 2, 3, 4]), Err(Nonsense::NobodyVotes));
        assert_eq!(after(&[], &[]), Err(Nonsense::Nothing));
        let many: Vec<u32> = (5..5 + MAX_MEMBERS as u32).collect();
        assert_eq!(after(&many, &[]), Err(Nonsense::TooMany));
    }

    #[test]
    fn only_voters_change() {
        let four = voters(&[1, 2, 3, 4]);
        let node = NodeId(5);
        for change in [
            MembershipChange { add: vec![node], ..swap(&[6], &[1]) },
            MembershipChange { observe: vec![node], ..swap(&[6], &[1]) },
            MembershipChange { edge: vec![Edge::new(node, [1])], ..swap(&[6], &[1]) },
        ] {
            assert_eq!(after(&four, &change), Err(Nonsense::VotersOnly));
        }
    }

    #[test]
    fn the_first_change_that_makes_sense_counts_and_those_before_and_after_it_are_void() {
        let four = voters(&[1, 2, 3, 4]);
        let asked = [
            bundle(ClientId(7), 3, swap(&[9], &[1])),
            bundle(OPERATOR, 2, swap(&[8], &[1])),
            bundle(OPERATOR, 3, swap(&[], &[9])),
            bundle(OPERATOR, 3, swap(&[5], &[1])),
            bundle(OPERATOR, 3, swap(&[6], &[2])),
        ];
        let mut void = Vec::new();
        let next = first(&asked, 3, &four, false, |nonsense| void.push(nonsense));
        assert_eq!(next, Some(voters(&[2, 3, 4, 5])));
        let late = Nonsense::OtherEpoch { meant: 3, now: 4 };
        assert_eq!(void, [Nonsense::OtherEpoch { meant: 2, now: 3 }, Nonsense::IsNoVoter(NodeId(9)), late]);
        assert_eq!(first(&asked, 3, &four, true, |_| ()), Some(voters(&[2, 3, 4, 9])), "by anybody");
        assert!(is_usurped(&asked[0]) && !is_usurped(&asked[1]) && asks(&asked[1]));
    }

    #[test]
    fn no_epoch_follows_the_last_one() {
        let request = Request { epoch: super::super::MAX_EPOCH, change: swap(&[5], &[1]) };
        assert_eq!(judge(&request, request.epoch, &voters(&[1, 2, 3, 4])), Err(Nonsense::LastEpoch));
    }

    #[test]
    fn what_is_no_change_is_not_taken_for_one() {
        let sound = bundle(OPERATOR, 3, swap(&[5], &[1]));
        assert!(Request::in_bundle(&sound).is_some());
        let changed = |change: fn(&mut Vec<u8>)| {
            let mut proposal = sound.proposals()[0].clone();
            let mut payload = proposal.payload.to_vec();
            change(&mut payload);
            proposal.payload = payload.into();
            let signer = Ed25519Signer::new(Identity::Client(OPERATOR), [7; 32]);
            Request::in_bundle(&Bundle::signed(1, core::iter::once(proposal).collect(), &signer))
        };
        assert_eq!(changed(|payload| payload.push(0)), None);
        assert_eq!(changed(|payload| payload.truncate(9)), None);
        assert_eq!(changed(|payload| payload[0] ^= 1), None);
    }
}
