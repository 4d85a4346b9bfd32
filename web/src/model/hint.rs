//! What is worth trying next?
//!
//! One line under the stage, chosen by what is seen at the cursor: it follows
//! the reader through a first visit and stays of use after it.

use quorumscope_core::bft::hybrid;
use quorumscope_core::quorum::{Byzantine, Majority, QuorumSystem as _};
use quorumscope_core::record::{Detail, Role};
use quorumscope_core::types::NodeId;
use quorumscope_lab::scenario::ProtocolName;
use quorumscope_lab::trace::face;
use quorumscope_lab::trace::members::Part;
use quorumscope_lab::trace::view::{Liveness, NodeView, View};

use crate::scene::ring;
use crate::source::Offers;
use crate::words::hints as words;

/// The line for this moment.
#[must_use]
pub fn next(view: &View, playing: bool, offers: Offers) -> String {
    let up = |node: &&NodeView| node.liveness == Liveness::Up;
    let leader = view.leader();
    let members = view.members();
    // Who was taken out would learn nothing from a restart.
    let down = view
        .nodes
        .iter()
        .find(|(id, node)| matches!(node.liveness, Liveness::Crashed | Liveness::Broken) && members.contains(**id))
        .map(|(id, _)| *id);
    let asks =
        view.nodes.values().filter(up).any(|node| matches!(node.status.role, Role::Candidate | Role::PreCandidate));
    let asked_for = view.clients.values().any(|client| !client.operations.is_empty());
    if let Some(violation) = view.violations.last() {
        let conflict = ring::broken(view);
        return words::violated(&violation.property, conflict.as_ref(), violation.at == view.at);
    }
    if view.nodes.is_empty() {
        return words::WAITING.into();
    }
    if offers.network && ring::groups(view).len() > 1 {
        return words::PARTITIONED.into();
    }
    if let Some(liars) = face::liars(view).filter(|liars| liars.too_many) {
        return liars.words;
    }
    if view.may_lie() {
        return among_liars(view, down, asked_for);
    }
    let runs = |node| view.nodes.get(&node).is_some_and(|node| up(&node));
    if !Majority::of(&members, false).is_quorum(runs) {
        return words::NO_MAJORITY.into();
    }
    if members.is_joint() {
        return words::joint(&members);
    }
    match (leader, down) {
        _ if asks && !playing => words::ELECTION_PAUSED.into(),
        _ if asks => words::ELECTION.into(),
        (None, None) => before_an_election(view, playing),
        (None, Some(_)) => words::NO_LEADER.into(),
        (Some(leader), Some(down)) => words::leader_and_down(leader, down),
        (Some(leader), None) if !asked_for => words::leader(leader),
        (Some(leader), None) if offers.network => words::leader_and_clients(leader),
        (Some(leader), None) => words::leader_live(leader),
    }
}

/// The line for protocols whose nodes may lie: nobody campaigns there, and views change.
fn among_liars(view: &View, down: Option<NodeId>, asked_for: bool) -> String {
    let quorum = Byzantine::of(&view.voters, false);
    let up = view.nodes.iter().filter(|(_, node)| node.liveness == Liveness::Up).map(|(id, _)| *id);
    if !quorum.is_quorum(up) {
        return words::no_quorum(quorum.needed());
    }
    let spare = view
        .nodes
        .iter()
        .find(|(id, node)| node.liveness == Liveness::Up && matches!(view.part(**id), Part::StandsBy | Part::Retired));
    match (view.leader(), down) {
        (None, _) => without_a_leader(view),
        (Some(_), Some(down)) if let Some((spare, _)) = spare => words::down_and_spare(down, *spare),
        (Some(leader), Some(down)) => words::leader_and_down(leader, down),
        (Some(leader), None) if !asked_for => words::leader(leader),
        (Some(leader), None) if view.nodes.get(&leader).is_some_and(|node| node.lies) => words::leader_lies(leader),
        (Some(leader), None) => words::leader_and_liars(leader),
    }
}

/// The line while nobody leads, where nodes may lie. That is no fault by itself: HotStuff's leaders take turns, an epoch
/// ends, the hybrid goes over to PBFT.
fn without_a_leader(view: &View) -> String {
    let voters = || view.voters.iter().filter_map(|voter| view.nodes.get(voter));
    let behind = |node: &NodeView| node.liveness == Liveness::Up && node.epoch() < view.epoch;
    let opens = |node: &NodeView| match node.status.detail.as_deref() {
        Some(Detail::Hybrid(replica)) => matches!(replica.phase, hybrid::Phase::Stopped | hybrid::Phase::Opened),
        Some(Detail::Pbft(_) | Detail::HotStuff(_)) | None => false,
    };
    match view.runs() {
        ProtocolName::Hybrid if voters().any(opens) => words::OPENING.into(),
        ProtocolName::Pbft | ProtocolName::HotStuff | ProtocolName::Hybrid if voters().any(behind) => {
            words::epoch_begins(view.epoch)
        }
        ProtocolName::HotStuff => words::IN_TURN.into(),
        ProtocolName::Raft | ProtocolName::Pbft | ProtocolName::Hybrid => words::VIEW_CHANGE.into(),
    }
}

fn before_an_election(view: &View, playing: bool) -> String {
    let ends = |node: &NodeView| node.status.timer.map(|timer| timer.deadline.0.saturating_sub(node.clock.mono.0));
    let first: Option<NodeId> =
        view.nodes.iter().filter_map(|(id, node)| Some((ends(node)?, *id))).min().map(|(_, id)| id);
    match first {
        Some(first) if !playing => words::first(first),
        Some(_) | None => words::ELECTION_SOON.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_follows_what_is_seen() {
        let mut view = View::default();
        for id in 1..=3 {
            view.nodes.insert(NodeId(id), NodeView { liveness: Liveness::Up, ..NodeView::default() });
        }
        let before = next(&view, true, Offers::SIMULATION);
        view.nodes.get_mut(&NodeId(2)).expect("n2 is there").status.role = Role::Leader;
        let led = next(&view, true, Offers::SIMULATION);
        assert_ne!(before, led);
        assert!(led.contains("n2"));
        view.nodes.get_mut(&NodeId(1)).expect("n1 is there").liveness = Liveness::Crashed;
        assert!(next(&view, true, Offers::SIMULATION).contains("n1"));
    }

    #[test]
    fn where_nodes_may_lie_nobody_is_said_to_start_an_election() {
        for protocol in ["pbft", "hotstuff", "hybrid"] {
            let mut view = View { protocol: protocol.into(), voters: (1..=4).map(NodeId).collect(), ..View::default() };
            for id in 1..=4 {
                view.nodes.insert(NodeId(id), NodeView { liveness: Liveness::Up, ..NodeView::default() });
            }
            let said = |view: &View| next(view, true, Offers::SIMULATION);
            let nobody_leads = if protocol == "hotstuff" { words::IN_TURN } else { words::VIEW_CHANGE };
            assert_eq!(said(&view), nobody_leads);
            view.nodes.get_mut(&NodeId(1)).expect("n1 is there").liveness = Liveness::Crashed;
            assert_eq!(said(&view), nobody_leads, "one of four may be gone");
            view.nodes.get_mut(&NodeId(2)).expect("n2 is there").liveness = Liveness::Crashed;
            assert!(said(&view).contains("3"), "a quorum is three: {}", said(&view));
            assert!(!said(&view).contains("elect") && !said(&view).contains("majority"), "{}", said(&view));
        }
    }

    #[test]
    fn a_property_that_broke_this_very_moment_is_not_jumped_back_to() {
        let at = quorumscope_core::types::Time(7);
        let violation = quorumscope_lab::trace::view::Violation {
            at,
            node: None,
            property: "Durability".into(),
            detail: String::new(),
        };
        let mut view = View { at, violations: vec![violation], ..View::default() };
        let here = next(&view, false, Offers::SIMULATION);
        assert!(here.contains("Durability") && !here.contains("Jump back"), "{here}");
        view.at = quorumscope_core::types::Time(8);
        assert!(next(&view, false, Offers::SIMULATION).contains("Jump back"));
    }

    #[test]
    fn nobody_is_told_to_make_a_liar_of_a_liar() {
        let mut view = View { protocol: "pbft".into(), voters: (1..=4).map(NodeId).collect(), ..View::default() };
        for id in 1..=4 {
            view.nodes.insert(NodeId(id), NodeView { liveness: Liveness::Up, ..NodeView::default() });
        }
        let client = view.clients.entry(quorumscope_core::types::ClientId(1)).or_default();
        client.operations.push(quorumscope_lab::trace::view::OperationView {
            number: quorumscope_core::types::RequestNumber(1),
            operation: "set x = 1".into(),
            asked: quorumscope_core::types::Time(0),
            attempts: 1,
            to: NodeId(1),
            heard: Vec::new(),
            told: None,
            early: None,
        });
        view.nodes.get_mut(&NodeId(1)).expect("n1 is there").status.role = Role::Leader;
        assert!(next(&view, true, Offers::SIMULATION).contains("make it Byzantine"));
        view.nodes.get_mut(&NodeId(1)).expect("n1 is there").lies = true;
        let said = next(&view, true, Offers::SIMULATION);
        assert!(said.contains("n1 leads, and lies") && !said.contains("make it Byzantine"), "{said}");
    }

    #[test]
    fn where_a_voter_is_down_and_a_node_stands_by_the_line_names_both() {
        let mut view = View { protocol: "pbft".into(), voters: (1..=4).map(NodeId).collect(), ..View::default() };
        for id in 1..=5 {
            view.nodes.insert(NodeId(id), NodeView { liveness: Liveness::Up, ..NodeView::default() });
        }
        view.nodes.get_mut(&NodeId(1)).expect("n1 is there").status.role = Role::Leader;
        view.nodes.get_mut(&NodeId(4)).expect("n4 is there").liveness = Liveness::Crashed;
        let said = next(&view, true, Offers::SIMULATION);
        assert!(said.contains("n4") && said.contains("n5"), "{said}");
    }

    #[test]
    fn more_liars_than_the_protocol_bears_are_told_before_all_but_what_broke() {
        let mut view = View { protocol: "pbft".into(), voters: (1..=4).map(NodeId).collect(), ..View::default() };
        for id in 1..=4 {
            let lies = id > 2;
            view.nodes.insert(NodeId(id), NodeView { liveness: Liveness::Up, lies, ..NodeView::default() });
        }
        assert!(next(&view, true, Offers::SIMULATION).contains("nothing is promised"));
    }

    #[test]
    fn nobody_is_told_to_restart_a_node_that_was_taken_out() {
        let mut view = View { voters: vec![NodeId(2), NodeId(3)], ..View::default() };
        for id in 1..=3 {
            view.nodes.insert(NodeId(id), NodeView { liveness: Liveness::Up, ..NodeView::default() });
        }
        view.nodes.get_mut(&NodeId(2)).expect("n2 is there").status.role = Role::Leader;
        let before = next(&view, true, Offers::SIMULATION);
        view.nodes.get_mut(&NodeId(1)).expect("n1 is there").liveness = Liveness::Crashed;
        assert_eq!(next(&view, true, Offers::SIMULATION), before);
    }
}
