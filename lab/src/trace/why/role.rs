//! Why is a node what it is: down, without a vote, stopped, or in its role?
//!
//! Four questions with four kinds of answers. A node that is down is so since its
//! crash. One without a vote is what the change of voters made of it, however
//! often it has started since. One that has stopped has said so, and keeps to it
//! after a restart. Everything else is made by elections, views and terms. Newer
//! records that say the same again, or speak of another instance of the protocol,
//! are passed over. Where no record tells there is no answer.

use quorumscope_core::bft::hybrid::{self, Phase, rounds};
use quorumscope_core::bft::{epoch, hotstuff, pbft};
use quorumscope_core::event::Event;
use quorumscope_core::record::{Body, Detail, Record, Role};
use quorumscope_core::types::{NodeId, RecordId};

use super::question::Answer;
use super::{Explanation, explain};
use crate::trace::members::Part;
use crate::trace::view::{Liveness, NodeView, View};
use crate::trace::words::epoch::{paper, principle};
use crate::trace::words::{fill, list, question as text};

/// Why `node` is what `view` shows it to be. `newest_first` are the records that made this view.
#[must_use]
pub fn why_role<'a>(
    mut newest_first: impl Iterator<Item = &'a Record>,
    lookup: impl Fn(RecordId) -> Option<&'a Record>,
    view: &View,
    node: NodeId,
) -> Option<Answer> {
    let shown = view.nodes.get(&node)?;
    let (part, phase) = (view.part(node), phase(shown));
    let has_vote = matches!(part, Part::Voter | Part::Joining | Part::Leaving)
        && !matches!(shown.status.role, Role::Learner | Role::Observer | Role::Edge);
    let own = |record: &&Record| record.node == Some(node);
    let record = match shown.liveness {
        Liveness::Down => None,
        Liveness::Crashed | Liveness::Broken => {
            newest_first.find(|record| own(record) && matches!(record.body, Body::Crashed { .. } | Body::Broke { .. }))
        }
        Liveness::Paused => newest_first.find(|record| own(record) && matches!(record.body, Body::Paused)),
        Liveness::Up if !has_vote => of_part(newest_first, view, node),
        Liveness::Up => match phase {
            Some(Phase::Stopped | Phase::Opened) => of_stop(newest_first.filter(own)),
            Some(Phase::Rounds | Phase::Bft) | None => of_role(newest_first.filter(own), phase),
        },
    }?;
    let explanation = match &record.body {
        Body::Began(began) => {
            let sentence = fill(text::STANDS_BY, &[("node", &node), ("voters", &list(&began.voters))]);
            Explanation::of(sentence).because(principle::OPERATOR, paper::EPOCHS)
        }
        _ => explain(record, view.runs(), lookup),
    };
    Some(Answer { record: record.id, explanation })
}

fn phase(shown: &NodeView) -> Option<Phase> {
    match shown.status.detail.as_deref() {
        Some(Detail::Hybrid(replica)) => Some(replica.phase),
        Some(Detail::Pbft(_) | Detail::HotStuff(_)) | None => None,
    }
}

/// What took the vote, or never gave one: the first of the latest configurations that say the same of the node. It may
/// not have heard of that itself; then somebody else has.
fn of_part<'a>(newest_first: impl Iterator<Item = &'a Record>, view: &View, node: NodeId) -> Option<&'a Record> {
    let part = view.part(node);
    let mut by_itself = Run::default();
    let mut by_others = Run::default();
    let mut latest = None;
    for record in newest_first {
        let says = match &record.body {
            Body::Noted(Event::MembershipActs { members, .. }) => Part::of(node, members) == part,
            Body::Noted(Event::Epoch(epoch::Event::Begun { voters, .. })) => !voters.contains(&node),
            Body::Began(began) if view.may_lie() => !began.voters.contains(&node),
            _ => {
                let starts = record.node == Some(node) && matches!(record.body, Body::Started { .. });
                latest = latest.or(starts.then_some(record));
                continue;
            }
        };
        if record.node.is_none_or(|by| by == node) {
            by_itself.take(record, says);
        }
        if record.node != Some(node) {
            by_others.take(record, says);
        }
        if by_itself.is_over && by_others.is_over {
            break;
        }
    }
    by_itself.first.or(by_others.first).or(latest)
}

/// The earliest of the newest records that say the same.
#[derive(Default)]
struct Run<'a> {
    first: Option<&'a Record>,
    is_over: bool,
}

impl<'a> Run<'a> {
    fn take(&mut self, record: &'a Record, says: bool) {
        self.is_over |= !says;
        if !self.is_over {
            self.first = Some(record);
        }
    }
}

/// What ended the two rounds for a node: it keeps to it through restarts, until PBFT begins.
fn of_stop<'a>(newest_first: impl Iterator<Item = &'a Record>) -> Option<&'a Record> {
    let mut latest = None;
    for record in newest_first {
        match &record.body {
            Body::Noted(Event::Hybrid(hybrid::Event::Stopped { .. })) => return Some(record),
            Body::Noted(Event::Rounds(rounds::Event::Stopped { .. })) | Body::Started { .. } => {
                latest = latest.or(Some(record));
            }
            _ => {}
        }
    }
    latest
}

/// What made a role. What a protocol recovers tells most where the node has started; where an instance begins, in
/// another epoch or phase, that is the cause.
fn of_role<'a>(newest_first: impl Iterator<Item = &'a Record>, phase: Option<Phase>) -> Option<&'a Record> {
    let mut recovered = None;
    for record in newest_first {
        match &record.body {
            Body::Started { .. } => return recovered.or(Some(record)),
            Body::Noted(event) => match makes(event, phase) {
                Makes::Role => return Some(record),
                Makes::Start => recovered = recovered.or(Some(record)),
                Makes::Nothing => {}
            },
            _ => {}
        }
    }
    recovered
}

/// What an event does to a role.
enum Makes {
    Role,
    /// The state after a start, or at the beginning of an instance.
    Start,
    Nothing,
}

/// Elections make a role in Raft. Where leaders take turns it is the view or the term that a replica takes part in; in
/// the hybrid that of its phase, for others run beside it.
fn makes(event: &Event, phase: Option<Phase>) -> Makes {
    let in_rounds = phase != Some(Phase::Bft);
    let in_pbft = phase != Some(Phase::Rounds);
    match event {
        Event::BecameFollower { .. }
        | Event::BecamePreCandidate { .. }
        | Event::BecameCandidate { .. }
        | Event::BecameLeader { .. }
        | Event::HotStuff(hotstuff::Event::ViewEntered { .. })
        | Event::Epoch(epoch::Event::Begun { .. })
        | Event::Hybrid(
            hybrid::Event::Stopped { .. } | hybrid::Event::Switched { .. } | hybrid::Event::Returned { .. },
        ) => Makes::Role,
        Event::Pbft(pbft::Event::ViewChangeBegan { .. } | pbft::Event::ViewEntered { .. }) if in_pbft => Makes::Role,
        Event::Rounds(rounds::Event::TermAdopted { .. } | rounds::Event::TermEntered { .. }) if in_rounds => {
            Makes::Role
        }
        Event::Recovered { .. } => Makes::Start,
        Event::Pbft(pbft::Event::Recovered { .. }) if in_pbft => Makes::Start,
        Event::Rounds(rounds::Event::Recovered { .. }) if in_rounds => Makes::Start,
        _ => Makes::Nothing,
    }
}

#[cfg(test)]
#[path = "role_tests.rs"]
mod tests;
