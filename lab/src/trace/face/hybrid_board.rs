//! What has each replica of the hybrid heard, and in which of its instances is it?
//!
//! In the two rounds the columns are the leader's append, the acknowledgements
//! that make a prepare certificate, and the names that make a commit certificate
//! of it. The leader counts them one by one; the others learn them from a
//! certificate, all at once. Then come the alarms that end the rounds, the
//! statements of those who have stopped, and PBFT's own grid.

use quorumscope_core::bft::hybrid::rounds::{self, LinkStatus};
use quorumscope_core::bft::hybrid::{Phase, Replica};
use quorumscope_core::quorum::Byzantine;
use quorumscope_core::record::Detail;
use quorumscope_core::types::NodeId;

use super::board::{self, Column, Grid, Group, Mark, Reached};
use super::pbft_board;
use crate::trace::view::View;
use crate::trace::words::{board as words, fill, list, requests};

pub(super) fn grids(view: &View, most: usize) -> Vec<Grid> {
    board::grids(view, |node, detail, quorum| {
        let Detail::Hybrid(replica) = detail else { return None };
        Some((heading(replica, node.status.leader), groups(replica, quorum, most)))
    })
}

fn groups(replica: &Replica, quorum: &Byzantine, most: usize) -> Vec<Group> {
    match (&replica.bft, &replica.rounds) {
        (Some(bft), _) => pbft_board::groups(bft, quorum, most),
        (None, Some(rounds)) => {
            let switch = on_the_way_out(replica, quorum);
            let room = most.saturating_sub(switch.iter().len());
            let leader = quorum.in_turn(rounds.term);
            let newest = rounds.links.iter().skip(rounds.links.len().saturating_sub(room));
            newest.map(|link| group(link, leader, quorum)).chain(switch).collect()
        }
        (None, None) => Vec::new(),
    }
}

fn heading(replica: &Replica, leader: Option<NodeId>) -> String {
    match (replica.phase, &replica.bft, &replica.rounds) {
        (Phase::Rounds, _, Some(rounds)) => of_rounds(rounds, leader),
        (Phase::Rounds | Phase::Stopped, ..) => words::STOPPED.into(),
        (Phase::Opened, ..) => words::OPENED.into(),
        (Phase::Bft, Some(bft), _) => fill(words::IN_PBFT, &[("doing", &pbft_board::heading(bft))]),
        (Phase::Bft, None, _) => String::new(),
    }
}

fn of_rounds(rounds: &rounds::Replica, leader: Option<NodeId>) -> String {
    match (rounds.wishes, leader) {
        (Some(term), _) => fill(words::WISHES, &[("term", &term.0)]),
        (None, Some(leader)) if rounds.active => fill(words::ROUNDS, &[("term", &rounds.term.0), ("leader", &leader)]),
        (None, _) => fill(words::WAITS, &[("term", &rounds.term.0)]),
    }
}

fn group(link: &LinkStatus, leader: Option<NodeId>, quorum: &Byzantine) -> Group {
    let (reached, word) = match (link.committed, link.prepared) {
        (true, _) => (Reached::Done, words::COMMITTED),
        (false, true) => (Reached::Half, words::PREPARED),
        (false, false) => (Reached::Open, words::OPEN),
    };
    // That the link is here says that its leader has sent it.
    let appended = |voter: &NodeId| if Some(*voter) == leader { Mark::Heard } else { Mark::Never };
    let append = Column {
        letter: "a",
        name: words::APPEND,
        marks: quorum.voters().iter().map(appended).collect(),
        needed: 1,
        full: true,
    };
    let said = |letter, name, by: &[NodeId], full| Column {
        full,
        ..Column::of(letter, name, quorum.voters(), by, quorum.needed())
    };
    let held = if link.requests == 0 { words::EMPTY.to_owned() } else { requests(link.requests) };
    Group {
        label: link.sequence.to_string(),
        hash: link.hash,
        batch: None,
        words: fill(words::PLACE, &[("sequence", &link.sequence), ("requests", &held), ("reached", &word)]),
        reached,
        columns: vec![
            append,
            said("k", words::ACKNOWLEDGED, &link.acknowledged, link.prepared || link.committed),
            said("n", words::NAMED, &link.named, link.committed),
        ],
    }
}

/// Who feels threatened, and once it has stopped itself, who has stopped.
fn on_the_way_out(replica: &Replica, quorum: &Byzantine) -> Option<Group> {
    let (label, template, by, column) = match replica.phase {
        Phase::Rounds if replica.alarms.is_empty() => return None,
        Phase::Rounds => {
            let column = Column::of("al", words::ALARM, quorum.voters(), &replica.alarms, quorum.one_honest());
            (words::ALARMS, words::THREATENED, &replica.alarms, column)
        }
        Phase::Stopped | Phase::Opened => {
            let column = Column::of("st", words::STATEMENT, quorum.voters(), &replica.stops, quorum.needed());
            (words::STOPS, words::HAVE_STOPPED, &replica.stops, column)
        }
        Phase::Bft => return None,
    };
    Some(Group {
        label: label.into(),
        hash: None,
        batch: None,
        words: fill(template, &[("by", &list(by)), ("needed", &column.needed)]),
        reached: if column.full { Reached::Half } else { Reached::Open },
        columns: vec![column],
    })
}
