//! Which short line does a record get in the list of events, and is it read aloud?
//!
//! Most records have none: a message that arrives is seen on the stage. What
//! has a line is either a headline (read by an ARIA live region) or a detail
//! (listed only). Whole sentences with rules are in `why`.

mod epoch;
mod evidence;
mod hotstuff;
mod hybrid;
mod pbft;

use quorumscope_core::event::{Event, FollowerReason};
use quorumscope_core::record::{Body, DropReason, Fate, Record, Verdict};
use quorumscope_core::types::{NodeId, RecordId};

use super::why::{Named, link_list, named};
use super::words::{self, entries, fill, line as text, links, list, members, reads, votes};

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Listed only.
    Detail,
    /// Also read aloud.
    Headline,
}

/// A record in a few words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The words, without a full stop.
    pub text: String,
    /// How much it matters.
    pub weight: Weight,
}

fn headline(text: String) -> Option<Line> {
    Some(Line { text, weight: Weight::Headline })
}

fn detail(text: String) -> Option<Line> {
    Some(Line { text, weight: Weight::Detail })
}

/// The line of `record`; `None` for what is only drawn. `lookup` finds the sending of messages.
#[must_use]
pub fn line<'a>(record: &Record, lookup: impl Fn(RecordId) -> Option<&'a Record>) -> Option<Line> {
    let node = record.node.unwrap_or_default();
    let here = |template| fill(template, &[("node", &node)]);
    match &record.body {
        Body::Noted(event) => note(node, event),
        Body::Began(began) => headline(fill(text::BEGAN, &[("name", &began.name), ("nodes", &list(&began.nodes))])),
        Body::Started { incarnation, .. } if incarnation.0 > 1 => headline(here(text::RESTARTED)),
        Body::Started { .. } => detail(here(text::STARTED)),
        Body::Crashed { .. } => headline(here(text::CRASHED)),
        Body::Paused => headline(here(text::PAUSED)),
        Body::Resumed => headline(here(text::RESUMED)),
        Body::Broke { fact } => headline(fill(text::BROKE, &[("node", &node), ("fact", fact)])),
        Body::Dropped { message, reason } => match reason {
            DropReason::Loss | DropReason::SenderCrashed | DropReason::Hand => about(text::DROPPED, *message, lookup),
            // A headline has told of the crash or the cut; every message that it costs would drown the list.
            DropReason::Cut | DropReason::ReceiverDown => None,
        },
        Body::Held { message } => about(text::HELD, *message, lookup),
        Body::LinksCut { cut } if cut.is_empty() => headline(text::LINKS_MENDED.into()),
        Body::LinksCut { cut } => {
            headline(fill(text::LINKS_CUT, &[("count", &links(cut.len())), ("links", &link_list(cut))]))
        }
        Body::ClockChanged { .. } => detail(here(text::CLOCK_CHANGED)),
        Body::ConditionChanged { text } => headline(text.clone()),
        Body::Lies { tricks, .. } => headline(fill(text::LIES, &[("node", &node), ("tricks", &tricks.join(", "))])),
        Body::Asked { client, to, operation, attempt, .. } => {
            let template = if *attempt > 1 { text::ASKED_AGAIN } else { text::ASKED };
            detail(fill(template, &[("client", client), ("operation", operation), ("to", to)]))
        }
        Body::Told { client, number, verdict, result } => {
            let template = match verdict {
                Verdict::Ok => text::TOLD_OK,
                Verdict::Failed => text::TOLD_FAILED,
                Verdict::Unknown => text::TOLD_UNKNOWN,
                Verdict::Early => text::TOLD_EARLY,
            };
            let result = words::told(*verdict, result);
            detail(fill(template, &[("client", client), ("number", number), ("result", &result)]))
        }
        // What is proven by it follows at once, in a line of its own.
        Body::Heard { equal, needed, .. } if equal >= needed => None,
        Body::Heard { client, number, by, result, equal, needed } => {
            detail(words::reply(text::HEARD, [client, number, by], result, (*equal, *needed)))
        }
        Body::EarlyJudged { client, number, fate, .. } => {
            let said = |template| fill(template, &[("client", client), ("number", number)]);
            match fate {
                Fate::Open => None,
                Fate::Safe => detail(said(text::EARLY_SAFE)),
                Fate::Lost => headline(said(text::EARLY_LOST)),
            }
        }
        Body::Decided { index, .. } => headline(fill(text::DECIDED, &[("index", index)])),
        Body::Violated { property, detail } => {
            headline(fill(text::VIOLATED, &[("property", property), ("detail", detail)]))
        }
        Body::Gap { .. } => headline(text::GAP.into()),
        Body::Ended => headline(text::ENDED.into()),
        Body::Delivered { .. }
        | Body::DeadlineReached
        | Body::Written { .. }
        | Body::Proposed { .. }
        | Body::AppliedThrough { .. }
        | Body::Sent { .. }
        | Body::WriteBegan(_)
        | Body::Answered { .. }
        | Body::Status(_)
        | Body::NodeState(_)
        | Body::SnapshotTaken { .. }
        | Body::SnapshotAsked
        | Body::Departed { .. } => None,
    }
}

fn about<'a>(template: &str, message: RecordId, lookup: impl Fn(RecordId) -> Option<&'a Record>) -> Option<Line> {
    let Named { message, from, to } = named(message, &lookup)?;
    detail(fill(template, &[("message", &message), ("from", &from), ("to", &to)]))
}

/// Roles are headlines; votes and repairs are details; the rest is drawn.
fn note(node: NodeId, event: &Event) -> Option<Line> {
    match event {
        Event::BecameFollower { reason: FollowerReason::Removed, .. } => {
            headline(fill(text::REMOVED, &[("node", &node)]))
        }
        Event::BecameFollower { term, reason: FollowerReason::QuorumLost, .. } => {
            headline(fill(text::QUORUM_LOST, &[("node", &node), ("term", &term.0)]))
        }
        Event::BecameFollower { reason: FollowerReason::LeaderSilent, .. } => {
            detail(fill(text::LEADER_SILENT, &[("node", &node)]))
        }
        // Who has no vote follows too, and is no follower for that.
        Event::BecameFollower { term, leader: Some(leader), reason: FollowerReason::LeaderOfThisTerm } => {
            detail(fill(text::FOLLOWS, &[("node", &node), ("leader", leader), ("term", &term.0)]))
        }
        Event::BecameFollower { term, .. } => detail(fill(text::FOLLOWER, &[("node", &node), ("term", &term.0)])),
        Event::BecamePreCandidate { prospective } => {
            detail(fill(text::PRE_CANDIDATE, &[("node", &node), ("term", &prospective.0)]))
        }
        Event::BecameCandidate { term } => headline(fill(text::CANDIDATE, &[("node", &node), ("term", &term.0)])),
        Event::BecameLeader { term, votes: voters } => {
            headline(fill(text::LEADER, &[("node", &node), ("term", &term.0), ("count", &votes(voters.len()))]))
        }
        Event::VoteDecided { pre_vote, term, candidate, refusal, .. } => {
            let template = match (pre_vote, refusal) {
                (false, None) => text::VOTED,
                (false, Some(_)) => text::REFUSED,
                (true, None) => text::PRE_VOTED,
                (true, Some(_)) => text::PRE_REFUSED,
            };
            detail(fill(template, &[("node", &node), ("candidate", candidate), ("term", &term.0)]))
        }
        Event::EntriesAppended { first, last, .. } => {
            detail(fill(text::APPENDED, &[("node", &node), ("entries", &entries(*first, *last))]))
        }
        Event::LogTruncated { from, through, .. } => {
            detail(fill(text::TRUNCATED, &[("node", &node), ("entries", &entries(*from, *through))]))
        }
        Event::AppendRefused { leader, .. } => {
            detail(fill(text::APPEND_REFUSED, &[("node", &node), ("leader", leader)]))
        }
        Event::MembershipActs { members: acting, .. } => {
            detail(fill(text::MEMBERS, &[("node", &node), ("members", &members(acting))]))
        }
        Event::ChangeRefused { .. } => headline(fill(text::CHANGE_REFUSED, &[("node", &node)])),
        Event::LogCompacted { snapshot, .. } => {
            headline(fill(text::COMPACTED, &[("node", &node), ("index", snapshot)]))
        }
        Event::SnapshotTransferStarted { follower, index, .. } => {
            headline(fill(text::TRANSFER_STARTED, &[("node", &node), ("follower", follower), ("index", index)]))
        }
        Event::FeederChosen { node: fed, feeder: Some(feeder) } => {
            detail(fill(text::FEEDER_CHOSEN, &[("node", fed), ("feeder", feeder)]))
        }
        Event::FeederChosen { node: fed, feeder: None } => {
            detail(fill(text::FEEDER_CHOSEN, &[("node", fed), ("feeder", &node)]))
        }
        Event::ProjectionSent { edge, index, .. } => {
            headline(fill(text::PROJECTION, &[("node", &node), ("edge", edge), ("index", index)]))
        }
        Event::SnapshotTransferResumed { follower, offset, .. } => {
            detail(fill(text::TRANSFER_RESUMED, &[("node", &node), ("follower", follower), ("offset", offset)]))
        }
        Event::SnapshotPartsDropped { index, .. } => {
            detail(fill(text::PARTS_DROPPED, &[("node", &node), ("index", index)]))
        }
        Event::SnapshotRestored { index } => headline(fill(text::INSTALLED, &[("node", &node), ("index", index)])),
        Event::CommitHeld { .. } => detail(fill(text::COMMIT_HELD, &[("node", &node)])),
        Event::TransferBegan { to, .. } => headline(fill(text::TRANSFER_BEGAN, &[("node", &node), ("to", to)])),
        Event::LeadershipPreferred { to, zone, .. } => {
            headline(fill(text::PREFERRED, &[("to", to), ("zone", &zone.saturating_add(1))]))
        }
        Event::TimeoutNowTaken { from } => detail(fill(text::TIMEOUT_NOW_TAKEN, &[("node", &node), ("from", from)])),
        Event::TransferAborted { to } => headline(fill(text::TRANSFER_ABORTED, &[("node", &node), ("to", to)])),
        Event::TransferRefused { to, .. } => headline(fill(text::TRANSFER_REFUSED, &[("node", &node), ("to", to)])),
        Event::ReadRoundConfirmed { reads: count, .. } => {
            detail(fill(text::READ_CONFIRMED, &[("node", &node), ("reads", &reads(*count))]))
        }
        Event::ReadByLease { .. } => detail(fill(text::READ_LEASE, &[("node", &node)])),
        Event::Pbft(event) => pbft::note(node, event),
        Event::HotStuff(event) => hotstuff::note(node, event),
        Event::Rounds(event) => hybrid::round(node, event),
        Event::Hybrid(event) => hybrid::note(node, event),
        Event::Evidence(event) => evidence::note(node, event),
        Event::Epoch(event) => epoch::note(node, event),
        Event::QuorumUnheard { .. }
        | Event::ReadsForwarded { .. }
        | Event::ReadsHeld { .. }
        | Event::ReadRoundBegan { .. }
        | Event::ReadServed { .. }
        | Event::ReadsRefused { .. }
        | Event::TimeoutNowSent { .. }
        | Event::ProposalRefusedInTransfer { .. }
        | Event::Recovered { .. }
        | Event::ElectionTimerSet { .. }
        | Event::TermAdopted { .. }
        | Event::VoteCounted { .. }
        | Event::AppendAccepted { .. }
        | Event::NextIndexMoved { .. }
        | Event::CommitAdvanced { .. }
        | Event::MessageIgnored { .. }
        | Event::SnapshotStarted { .. }
        | Event::SnapshotTransferEnded { .. }
        | Event::SnapshotAccepted { .. }
        | Event::SnapshotNotNeeded { .. }
        | Event::ProposalRefused { .. }
        | Event::ProposalTooLarge { .. }
        | Event::AnsweredEarly { .. }
        | Event::WindowFull { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorumscope_core::record::Endpoint;
    use quorumscope_core::types::{Incarnation, Mono, Term, Time};

    fn spoken(body: Body) -> Option<(String, Weight)> {
        let record = Record {
            id: RecordId { origin: NodeId(0), sequence: 1 },
            cause: None,
            at: Time(0),
            node: Some(NodeId(1)),
            mono: Mono(0),
            body,
        };
        line(&record, |_| None).map(|line| (line.text, line.weight))
    }

    #[test]
    fn an_election_is_read_aloud() {
        let candidate = Body::Noted(Event::BecameCandidate { term: Term(2) });
        assert_eq!(spoken(candidate), Some(("n1 became candidate in term 2".into(), Weight::Headline)));
        let votes = vec![NodeId(1), NodeId(2), NodeId(4)];
        let leader = Body::Noted(Event::BecameLeader { term: Term(2), votes });
        assert_eq!(spoken(leader), Some(("n1 became leader in term 2 with 3 votes".into(), Weight::Headline)));
    }

    #[test]
    fn a_first_start_is_a_detail_and_a_restart_is_not() {
        let started = |count| Body::Started { incarnation: Incarnation(count), mono: Mono(0), rate_ppm: 1_000_000 };
        assert_eq!(spoken(started(1)), Some(("n1 started".into(), Weight::Detail)));
        assert_eq!(spoken(started(2)), Some(("n1 restarted from its store".into(), Weight::Headline)));
    }

    #[test]
    fn cut_links_are_counted_and_mended_ones_are_said() {
        let ends = (Endpoint::Node(NodeId(1)), Endpoint::Node(NodeId(2)));
        assert_eq!(spoken(Body::LinksCut { cut: vec![ends] }), Some(("1 link cut: n1→n2".into(), Weight::Headline)));
        assert_eq!(spoken(Body::LinksCut { cut: vec![] }), Some(("all links whole".into(), Weight::Headline)));
    }

    #[test]
    fn what_is_only_drawn_has_no_line() {
        assert_eq!(spoken(Body::DeadlineReached), None);
    }
}
