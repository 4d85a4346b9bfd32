//! Which words, rule and section belong to an event that a node noted?
//!
//! Arms stand in the order of [`Event`]. A sentence holds nothing but the
//! event's own values: where a rule is switched off the values may contradict
//! the principle, and the sentence says so. Words are in `words`.

use quorumscope_core::event::{ChangeRefusal, CommitReason, Event, FollowerReason, IgnoreReason, Refusal, TimerReason};
use quorumscope_core::membership::Membership;
use quorumscope_core::raft::Rule;
use quorumscope_core::types::{LogIndex, NodeId, Term};

use super::{Explanation, epoch, evidence, hotstuff, hybrid, lead, pbft, snapshot, switch};
use crate::trace::members::Part;
use crate::trace::words::{
    self, count_of_entries, entries, event as text, fill, last_entry, pair, paper, principle, span,
};

/// The sentence for what `node` noted.
pub(super) fn explain(node: NodeId, event: &Event) -> Explanation {
    match event {
        Event::Pbft(event) => pbft::explain(node, event),
        Event::HotStuff(event) => hotstuff::explain(node, event),
        Event::Rounds(event) => hybrid::explain(node, event),
        Event::Hybrid(event) => switch::explain(node, event),
        Event::Evidence(event) => evidence::explain(node, event),
        Event::Epoch(event) => epoch::explain(node, event),
        Event::Recovered { term, voted_for, last_index } => recovered(node, *term, *voted_for, *last_index),
        Event::ElectionTimerSet { timeout, reason } => {
            let template = match reason {
                TimerReason::Started => text::TIMER_STARTED,
                TimerReason::HeardLeader => text::TIMER_HEARD,
                TimerReason::GrantedVote => text::TIMER_GRANTED,
                TimerReason::ElectionBegan => text::TIMER_ELECTION,
                TimerReason::SteppedDown => text::TIMER_STEPPED_DOWN,
            };
            Explanation::of(fill(template, &[("node", &node), ("timeout", &span(*timeout))]))
                .because(principle::RANDOM_TIMEOUT, paper::ELECTION)
                .by(&[Rule::RandomizedTimeout])
                .with([("timeout", span(*timeout))])
        }
        Event::TermAdopted { from, to, seen_from } => term_adopted(node, *from, *to, *seen_from),
        Event::BecameFollower { term, leader, reason } => became_follower(node, *term, *leader, *reason),
        Event::BecamePreCandidate { prospective } => {
            Explanation::of(fill(text::PRE_CANDIDATE, &[("node", &node), ("term", &prospective.0)]))
                .because(principle::PRE_VOTE, paper::PRE_VOTE)
                .with([("term it would start", prospective.0.to_string())])
        }
        Event::BecameCandidate { term } => {
            Explanation::of(fill(text::CANDIDATE, &[("node", &node), ("term", &term.0)]))
                .because(principle::CANDIDATE, paper::ELECTION)
                .with([("currentTerm", term.0.to_string())])
        }
        Event::BecameLeader { term, votes } => {
            let (count, voters) = (words::votes(votes.len()), words::list(votes));
            let values: [(&str, &dyn core::fmt::Display); 4] =
                [("node", &node), ("term", &term.0), ("count", &count), ("votes", &voters)];
            Explanation::of(fill(text::LEADER, &values))
                .because(principle::MAJORITY, paper::ELECTION)
                .by(&[Rule::MajorityQuorum])
                .with([("currentTerm", term.0.to_string()), ("votes", voters)])
        }
        Event::VoteDecided { pre_vote, term, candidate, candidate_last, own_last, refusal } => {
            let vote = Vote {
                node,
                pre_vote: *pre_vote,
                term: *term,
                candidate: *candidate,
                candidate_last: *candidate_last,
                own_last: *own_last,
            };
            match refusal {
                None => vote.granted(),
                Some(refusal) => vote.refused(*refusal),
            }
        }
        Event::VoteCounted { pre_vote, term, voter, granted, granted_total, needed } => {
            let template = if *granted { text::COUNTED_YES } else { text::COUNTED_NO };
            let kind = if *pre_vote { text::PRE_REQUEST } else { text::REQUEST };
            Explanation::of(fill(
                template,
                &[
                    ("node", &node),
                    ("voter", voter),
                    ("kind", &kind),
                    ("term", &term.0),
                    ("have", granted_total),
                    ("needed", needed),
                ],
            ))
            .because(principle::MAJORITY, if *pre_vote { paper::PRE_VOTE } else { paper::ELECTION })
            .by(&[Rule::MajorityQuorum])
            .with([("yes so far", granted_total.to_string()), ("needed", needed.to_string())])
        }
        Event::EntriesAppended { first, last, term } => appended(node, *first, *last, *term),
        Event::AppendAccepted { leader, matched, new } => append_accepted(node, *leader, *matched, *new),
        Event::LogTruncated { from, through, leader } => truncated(node, *from, *through, *leader),
        Event::AppendRefused { leader, expected, found } => append_refused(node, *leader, *expected, *found),
        Event::NextIndexMoved { follower, from, to } => next_index_moved(node, *follower, *from, *to),
        Event::CommitAdvanced { from, to, reason } => commit_advanced(node, *from, *to, *reason),
        Event::CommitHeld { quorum_index, entry_term, current_term } => Explanation::of(fill(
            text::COMMIT_HELD,
            &[("node", &node), ("index", quorum_index), ("entry_term", &entry_term.0), ("term", &current_term.0)],
        ))
        .because(principle::OLDER_TERM, paper::OLDER_TERMS)
        .by(&[Rule::CommitOwnTermOnly])
        .with([("held by a quorum", pair(*quorum_index, *entry_term)), ("currentTerm", current_term.0.to_string())]),
        Event::MessageIgnored { from, reason } => {
            let (reason, paper) = match reason {
                IgnoreReason::StaleTerm => (text::IGNORED_STALE, paper::TERMS),
                IgnoreReason::WrongRole => (text::IGNORED_ROLE, paper::NONE),
                IgnoreReason::Outdated => (text::IGNORED_OUTDATED, paper::NONE),
                IgnoreReason::NotAMember => (text::IGNORED_STRANGER, paper::NONE),
                IgnoreReason::Malformed => (text::IGNORED_MALFORMED, paper::NONE),
                IgnoreReason::TooLarge => (text::IGNORED_TOO_LARGE, paper::INSTALL),
                IgnoreReason::PartialStore => (text::IGNORED_PARTIAL, paper::NONE),
            };
            let reason = fill(reason, &[("node", &node), ("from", from)]);
            Explanation::of(fill(text::IGNORED, &[("node", &node), ("from", from), ("reason", &reason)]))
                .because(principle::NONE, paper)
        }
        Event::ProposalRefused { leader, overloaded, limit } => {
            let (template, principle) = match (overloaded, leader) {
                (true, _) => (text::REFUSED_PROPOSAL_LOAD, principle::NONE),
                (false, Some(_)) => (text::REFUSED_PROPOSAL_LEADER, principle::NOT_LEADER),
                (false, None) => (text::REFUSED_PROPOSAL, principle::NOT_LEADER),
            };
            let leader = words::list(leader.as_slice());
            let limit = limit.map(|limit| fill(text::LIMIT, &[("limit", &lead::limit(limit))])).unwrap_or_default();
            let values: [(&str, &dyn core::fmt::Display); 3] =
                [("node", &node), ("leader", &leader), ("limit", &limit)];
            Explanation::of(fill(template, &values)).because(principle, paper::CLIENTS)
        }
        Event::MembershipActs { index, members } => members_act(node, *index, members),
        Event::ChangeRefused { reason } => change_refused(node, *reason),
        Event::SnapshotStarted { index, previous, reason } => snapshot::started(node, *index, *previous, *reason),
        Event::LogCompacted { snapshot, bytes, base, dropped } => {
            snapshot::compacted(node, *snapshot, *bytes, *base, *dropped)
        }
        Event::SnapshotTransferStarted { follower, next, base, index, bytes } => {
            snapshot::transfer_started(node, *follower, *next, *base, *index, *bytes)
        }
        Event::FeederChosen { node: fed, feeder } => snapshot::feeder(node, *fed, *feeder),
        Event::ProjectionSent { edge, index, bytes } => snapshot::projection(node, *edge, *index, *bytes),
        Event::SnapshotTransferResumed { follower, index, offset } => {
            snapshot::transfer_resumed(node, *follower, *index, *offset)
        }
        Event::SnapshotTransferEnded { follower, index } => snapshot::transfer_ended(node, *follower, *index),
        Event::SnapshotAccepted { leader, last, bytes, superseded } => {
            snapshot::accepted(node, *leader, *last, *bytes, *superseded)
        }
        Event::SnapshotNotNeeded { leader, index, commit } => snapshot::not_needed(node, *leader, *index, *commit),
        Event::SnapshotPartsDropped { leader, index, received, by } => {
            snapshot::parts_dropped(node, *leader, *index, *received, *by)
        }
        Event::SnapshotRestored { index } => snapshot::restored(node, *index),
        Event::QuorumUnheard { heard, within } => lead::quorum_unheard(node, heard, *within),
        Event::ReadsForwarded { leader, reads } => lead::reads_forwarded(node, *leader, *reads),
        Event::ReadsHeld { reads, term } => lead::reads_held(node, *reads, *term),
        Event::ReadRoundBegan { round, reads, index } => lead::round(text::READ_ROUND, node, *round, *reads, *index),
        Event::ReadRoundConfirmed { round, reads, index } => {
            lead::round(text::READ_CONFIRMED, node, *round, *reads, *index)
        }
        Event::ReadByLease { index, left } => lead::read_by_lease(node, *index, *left),
        Event::ReadServed { index, how } => lead::read_served(node, *index, *how),
        Event::ReadsRefused { reads, leader } => lead::reads_refused(node, *reads, *leader),
        Event::TransferBegan { to, lacks, within } => lead::transfer_began(node, *to, *lacks, *within),
        Event::TimeoutNowSent { to } => {
            lead::transfer(text::TIMEOUT_NOW_SENT, node, *to).by(&[Rule::LeaseEndsAtTransfer])
        }
        Event::TimeoutNowTaken { from } => lead::transfer(text::TIMEOUT_NOW_TAKEN, node, *from),
        Event::TransferAborted { to } => {
            lead::transfer(text::TRANSFER_ABORTED, node, *to).by(&[Rule::TransferHasDeadline])
        }
        Event::TransferRefused { to, reason } => lead::transfer_refused(node, *to, *reason),
        Event::ProposalRefusedInTransfer { to } => lead::transfer(text::REFUSED_PROPOSAL_TRANSFER, node, *to),
        Event::ProposalTooLarge { bytes, limit } => lead::too_large(node, *bytes, *limit),
        Event::WindowFull { follower, limit } => lead::window_full(node, *follower, *limit),
        Event::LeadershipPreferred { to, zone, own, calm } => lead::preferred(node, *to, *zone, *own, *calm),
        Event::AnsweredEarly { index, term, commit } => lead::answered_early(node, *index, *term, *commit),
    }
}

fn members_act(node: NodeId, index: LogIndex, members: &Membership) -> Explanation {
    let which =
        if index == LogIndex::ZERO { text::MEMBERS_FIRST.into() } else { fill(text::MEMBERS_AT, &[("index", &index)]) };
    let change: &[Rule] = &[Rule::JointConsensus, Rule::ConfigurationFollowsLog, Rule::AutoLeave];
    let (part, principle, paper, rules): (_, _, _, &[Rule]) = match Part::of(node, members) {
        Part::Voter | Part::Joining | Part::Leaving => ("", principle::JOINT, paper::MEMBERS, change),
        Part::Learner => (text::MEMBERS_LEARNS, principle::CAUGHT_UP, paper::LEARNERS, &[Rule::PromoteCaughtUp]),
        Part::Observer => (text::MEMBERS_OBSERVES, principle::OBSERVER, paper::READS, &[Rule::VotersConfirm]),
        Part::Edge => (text::MEMBERS_EDGE, principle::EDGE, paper::NONE, &[Rule::EdgeStartsAnew]),
        Part::Spare | Part::StandsBy | Part::Retired => (text::MEMBERS_SPARE, principle::JOINT, paper::MEMBERS, change),
    };
    let members = words::members(members);
    let sentence =
        fill(text::MEMBERS_ACT, &[("node", &node), ("which", &which), ("part", &part), ("members", &members)]);
    Explanation::of(sentence).because(principle, paper).by(rules).with([("members", members)])
}

fn change_refused(node: NodeId, reason: ChangeRefusal) -> Explanation {
    let (reason, principle, paper, rules): (_, _, _, &[Rule]) = match reason {
        ChangeRefusal::NotLeader { leader } => {
            let leader = words::list(leader.as_slice());
            (fill(text::CHANGE_NOT_LEADER, &[("leader", &leader)]), principle::NOT_LEADER, paper::MEMBERS, &[])
        }
        ChangeRefusal::Pending { index } => (
            fill(text::CHANGE_PENDING, &[("index", &index)]),
            principle::ONE_CHANGE,
            paper::MEMBERS,
            &[Rule::OneChangeAtATime],
        ),
        ChangeRefusal::NothingCommittedInTerm => {
            (text::CHANGE_TOO_EARLY.into(), principle::ONE_CHANGE, paper::MEMBERS, &[Rule::ChangeAfterOwnCommit])
        }
        ChangeRefusal::NotCaughtUp(other) => (
            fill(text::CHANGE_BEHIND, &[("other", &other)]),
            principle::CAUGHT_UP,
            paper::LEARNERS,
            &[Rule::PromoteCaughtUp],
        ),
        ChangeRefusal::Nonsense(reason) => (reason.to_string(), principle::NONE, paper::NONE, &[]),
    };
    Explanation::of(fill(text::CHANGE_REFUSED, &[("node", &node), ("reason", &reason)]))
        .because(principle, paper)
        .by(rules)
}

fn recovered(node: NodeId, term: Term, voted_for: Option<NodeId>, last_index: LogIndex) -> Explanation {
    let vote = match voted_for {
        Some(candidate) => fill(text::HAD_VOTED, &[("candidate", &candidate)]),
        None => text::HAD_NOT_VOTED.into(),
    };
    Explanation::of(fill(
        text::RECOVERED,
        &[("node", &node), ("term", &term.0), ("vote", &vote), ("index", &last_index)],
    ))
    .because(principle::PERSISTENT, paper::PERSISTENT)
    .with([
        ("currentTerm", term.0.to_string()),
        ("votedFor", words::list(voted_for.as_slice())),
        ("last index", last_index.to_string()),
    ])
}

fn term_adopted(node: NodeId, from: Term, to: Term, seen_from: Option<NodeId>) -> Explanation {
    let values = [("before", from.0.to_string()), ("after", to.0.to_string())];
    match seen_from {
        Some(peer) => Explanation::of(fill(
            text::TERM_SEEN,
            &[("node", &node), ("from", &from.0), ("to", &to.0), ("peer", &peer)],
        ))
        .because(principle::HIGHER_TERM, paper::TERMS)
        .by(&[Rule::AdoptHigherTerm]),
        None => Explanation::of(fill(text::TERM_OWN, &[("node", &node), ("from", &from.0), ("to", &to.0)]))
            .because(principle::NONE, paper::ELECTION),
    }
    .with(values)
}

fn became_follower(node: NodeId, term: Term, leader: Option<NodeId>, reason: FollowerReason) -> Explanation {
    let (template, principle, paper) = match (reason, leader) {
        (FollowerReason::HigherTerm, _) => (text::FOLLOWER_HIGHER, principle::HIGHER_TERM, paper::TERMS),
        (FollowerReason::LeaderOfThisTerm, Some(_)) => (text::FOLLOWER_LEADER, principle::ONE_LEADER, paper::ELECTION),
        (FollowerReason::LeaderOfThisTerm, None) => (text::FOLLOWER_OTHER, principle::ONE_LEADER, paper::ELECTION),
        (FollowerReason::LeaderSilent, _) => (text::FOLLOWER_SILENT, principle::NONE, paper::LEARNERS),
        (FollowerReason::Removed, _) => (text::FOLLOWER_REMOVED, principle::REMOVED, paper::LEARNERS),
        (FollowerReason::PreVoteLost, _) => (text::FOLLOWER_PRE_VOTE, principle::PRE_VOTE, paper::PRE_VOTE),
        (FollowerReason::QuorumLost, _) => (text::FOLLOWER_QUORUM, principle::CHECK_QUORUM, paper::CHECK_QUORUM),
    };
    let leader = words::list(leader.as_slice());
    let rules: &[Rule] = if reason == FollowerReason::QuorumLost { &[Rule::CheckQuorum] } else { &[] };
    Explanation::of(fill(template, &[("node", &node), ("term", &term.0), ("leader", &leader)]))
        .because(principle, paper)
        .by(rules)
        .with([("currentTerm", term.0.to_string()), ("leader it knows", leader)])
}

/// A decided (pre-)vote.
struct Vote {
    node: NodeId,
    pre_vote: bool,
    term: Term,
    candidate: NodeId,
    candidate_last: (LogIndex, Term),
    own_last: (LogIndex, Term),
}

impl Vote {
    /// §5.4.1: the later last term wins, then the longer log.
    fn is_up_to_date(&self) -> bool {
        let rank = |(index, term): (LogIndex, Term)| (term, index);
        rank(self.candidate_last) >= rank(self.own_last)
    }

    fn fill(&self, template: &str, reason: &str, other: Option<NodeId>) -> String {
        let (theirs, own, other) =
            (last_entry(self.candidate_last), last_entry(self.own_last), words::list(other.as_slice()));
        fill(
            template,
            &[
                ("node", &self.node),
                ("candidate", &self.candidate),
                ("term", &self.term.0),
                ("theirs", &theirs),
                ("own", &own),
                ("other", &other),
                ("reason", &reason),
                ("comparison", &reason),
            ],
        )
    }

    fn values(&self) -> [(&'static str, String); 3] {
        [
            ("term of the request", self.term.0.to_string()),
            ("candidate's last entry", last_entry(self.candidate_last)),
            ("own last entry", last_entry(self.own_last)),
        ]
    }

    fn granted(&self) -> Explanation {
        let comparison = if self.is_up_to_date() { text::UP_TO_DATE } else { text::LESS_UP_TO_DATE };
        let comparison = self.fill(comparison, "", None);
        let (template, paper) =
            if self.pre_vote { (text::PRE_VOTED, paper::PRE_VOTE) } else { (text::VOTED, paper::VOTE) };
        let explanation = Explanation::of(self.fill(template, &comparison, None)).with(self.values());
        if self.pre_vote {
            explanation.because(principle::PRE_VOTE, paper).by(&[Rule::UpToDateCheck])
        } else {
            explanation.because(principle::VOTE, paper).by(&[Rule::OneVotePerTerm, Rule::UpToDateCheck])
        }
    }

    fn refused(&self, refusal: Refusal) -> Explanation {
        let (reason, principle, paper, rules, other): (_, _, _, &[Rule], _) = match refusal {
            Refusal::StaleTerm => (text::REFUSED_STALE, principle::STALE_TERM, paper::TERMS, &[], None),
            Refusal::AlreadyVotedFor(other) => {
                (text::REFUSED_VOTED, principle::ONE_VOTE, paper::ELECTION, &[Rule::OneVotePerTerm], Some(other))
            }
            Refusal::LogBehind => {
                (text::REFUSED_BEHIND, principle::UP_TO_DATE, paper::UP_TO_DATE, &[Rule::UpToDateCheck], None)
            }
            Refusal::LeaderAlive(leader) => {
                let (principle, paper, rules): (_, _, &[Rule]) = if self.pre_vote {
                    (principle::LEADER_ALIVE, paper::PRE_VOTE, &[])
                } else {
                    (principle::VOTE_LEASE, paper::VOTE_LEASE, &[Rule::VoteLease])
                };
                let (reason, other) = if leader == self.node {
                    (text::REFUSED_LEADS, None)
                } else {
                    (text::REFUSED_LEADER, Some(leader))
                };
                (reason, principle, paper, rules, other)
            }
            Refusal::JustRestarted => {
                (text::REFUSED_RESTARTED, principle::VOTE_LEASE, paper::LEASE, &[Rule::VoteLease], None)
            }
            Refusal::StoreLost => {
                (text::REFUSED_STORE, principle::STORE_LOST, paper::PERSISTENT, &[Rule::LostStoreDoesNotVote], None)
            }
        };
        let reason = self.fill(reason, "", other);
        let template = if self.pre_vote { text::PRE_REFUSED } else { text::REFUSED };
        Explanation::of(self.fill(template, &reason, other)).because(principle, paper).by(rules).with(self.values())
    }
}

fn appended(node: NodeId, first: LogIndex, last: LogIndex, term: Term) -> Explanation {
    Explanation::of(fill(text::APPENDED, &[("node", &node), ("entries", &entries(first, last)), ("term", &term.0)]))
        .because(principle::APPEND_ONLY, paper::REPLICATION)
        .with([("term", term.0.to_string())])
}

fn append_accepted(node: NodeId, leader: NodeId, matched: LogIndex, new: u32) -> Explanation {
    let template = if new == 0 { text::ACCEPTED_NOTHING } else { text::ACCEPTED };
    let count = count_of_entries(u64::from(new));
    Explanation::of(fill(template, &[("node", &node), ("leader", &leader), ("matched", &matched), ("entries", &count)]))
        .because(principle::CONSISTENCY, paper::REPLICATION)
        .by(&[Rule::ConsistencyCheck])
        .with([("agrees up to", matched.to_string()), ("new entries", new.to_string())])
}

fn truncated(node: NodeId, from: LogIndex, through: LogIndex, leader: NodeId) -> Explanation {
    Explanation::of(fill(
        text::TRUNCATED,
        &[("node", &node), ("entries", &entries(from, through)), ("leader", &leader)],
    ))
    .because(principle::CONFLICT, paper::REPLICATION)
    .by(&[Rule::KeepMatchingSuffix])
    .with([("first removed", from.to_string()), ("last removed", through.to_string())])
}

fn next_index_moved(node: NodeId, follower: NodeId, from: LogIndex, to: LogIndex) -> Explanation {
    Explanation::of(fill(text::NEXT_INDEX, &[("node", &node), ("follower", &follower), ("from", &from), ("to", &to)]))
        .because(principle::BACK_UP, paper::REPLICATION)
        .by(&[Rule::BackUpOnConflict])
        .with([("nextIndex before", from.to_string()), ("nextIndex after", to.to_string())])
}

fn append_refused(node: NodeId, leader: NodeId, expected: (LogIndex, Term), found: Option<Term>) -> Explanation {
    let (template, found) = match found {
        None => (text::REFUSED_APPEND_SHORT, "none".into()),
        Some(term) => (text::REFUSED_APPEND_TERM, term.0.to_string()),
    };
    let expected = pair(expected.0, expected.1);
    Explanation::of(fill(template, &[("node", &node), ("leader", &leader), ("expected", &expected), ("found", &found)]))
        .because(principle::CONSISTENCY, paper::REPLICATION)
        .by(&[Rule::ConsistencyCheck])
        .with([("entry before the new ones", expected), ("own term there", found)])
}

fn commit_advanced(node: NodeId, from: LogIndex, to: LogIndex, reason: CommitReason) -> Explanation {
    let values = [("before", from.to_string()), ("after", to.to_string())];
    match reason {
        CommitReason::QuorumHolds => {
            Explanation::of(fill(text::COMMIT_QUORUM, &[("node", &node), ("from", &from), ("to", &to)]))
                .because(principle::COMMIT, paper::COMMIT)
                .by(&[Rule::MajorityQuorum, Rule::CommitOwnTermOnly])
        }
        CommitReason::LeaderSaid(leader) => Explanation::of(fill(
            text::COMMIT_LEADER,
            &[("node", &node), ("from", &from), ("to", &to), ("leader", &leader)],
        ))
        .because(principle::LEADER_COMMIT, paper::REPLICATION)
        .by(&[Rule::CommitVerifiedPrefix]),
    }
    .with(values)
}

#[cfg(test)]
#[path = "event_tests.rs"]
mod tests;
