//! What has each PBFT replica heard of the sequence numbers of the moment?
//!
//! The columns are the phases of the paper (§4.2): the primary's pre-prepare,
//! the backups' prepares, everybody's commits. A replica that has left its view
//! shows who has asked for the next one (§4.4).

use quorumscope_core::bft::pbft::{Phase, Replica, SlotStatus};
use quorumscope_core::quorum::Byzantine;
use quorumscope_core::record::Detail;
use quorumscope_core::types::NodeId;

use super::board::{self, Column, Grid, Group, Mark, Reached, heard_of};
use crate::trace::view::View;
use crate::trace::words::{board as words, fill, list, requests};

pub(super) fn grids(view: &View, most: usize) -> Vec<Grid> {
    board::grids(view, |_, detail, quorum| {
        let Detail::Pbft(replica) = detail else { return None };
        Some((heading(replica), groups(replica, quorum, most)))
    })
}

/// The newest sequence numbers, and who asks for the next view.
pub(super) fn groups(replica: &Replica, quorum: &Byzantine, most: usize) -> Vec<Group> {
    let said = |slot: &&SlotStatus| slot.hash.is_some() || !slot.prepares.is_empty() || !slot.commits.is_empty();
    let slots: Vec<&SlotStatus> = replica.slots.iter().filter(said).collect();
    let next = (replica.phase == Phase::ViewChange).then(|| next_view(replica, quorum));
    let room = most.saturating_sub(next.iter().len());
    let newest = slots.iter().skip(slots.len().saturating_sub(room));
    newest.map(|slot| group(slot, replica.primary, quorum)).chain(next).collect()
}

/// What it does.
pub(super) fn heading(replica: &Replica) -> String {
    match replica.phase {
        Phase::Normal => {
            let primary = replica.primary.map(|primary| primary.to_string()).unwrap_or_default();
            fill(words::GRID_HEAD, &[("view", &replica.view.0), ("primary", &primary)])
        }
        Phase::ViewChange => fill(words::CHANGING, &[("view", &replica.view.0)]),
        Phase::StateTransfer => words::FETCHING.into(),
    }
}

fn group(slot: &SlotStatus, primary: Option<NodeId>, quorum: &Byzantine) -> Group {
    let ordered = |voter: &NodeId| match (Some(*voter) == primary, slot.prepares.contains(voter)) {
        (false, _) => Mark::Never,
        (true, true) => Mark::Heard,
        (true, false) => Mark::Awaited,
    };
    let prepared = |voter: &NodeId| match (Some(*voter) == primary, slot.prepares.contains(voter)) {
        (true, true) => Mark::Counts,
        (true, false) => Mark::Never,
        (false, true) => Mark::Heard,
        (false, false) => Mark::Awaited,
    };
    let column = |letter, name, marks: Vec<Mark>, needed, full| Column { letter, name, marks, needed, full };
    let each = |mark: &dyn Fn(&NodeId) -> Mark| quorum.voters().iter().map(mark).collect::<Vec<_>>();
    let (reached, word) = match (slot.executed, slot.decided, slot.prepared) {
        (true, ..) => (Reached::Done, words::EXECUTED),
        (false, true, _) => (Reached::Done, words::COMMITTED),
        (false, false, true) => (Reached::Half, words::PREPARED),
        (false, false, false) => (Reached::Open, words::OPEN),
    };
    let held = match slot.requests {
        None => words::UNKNOWN.to_owned(),
        Some(0) => words::EMPTY.to_owned(),
        Some(count) => requests(count),
    };
    let about: [(&str, &dyn core::fmt::Display); 3] =
        [("sequence", &slot.sequence), ("requests", &held), ("reached", &word)];
    Group {
        label: slot.sequence.to_string(),
        hash: slot.hash,
        batch: None,
        words: fill(words::PLACE, &about),
        reached,
        columns: vec![
            column("pp", words::ORDER, each(&ordered), 1, slot.hash.is_some()),
            column("p", words::PREPARE, each(&prepared), quorum.needed(), slot.prepared || slot.decided),
            column("c", words::COMMIT, each(&heard_of(&slot.commits)), quorum.needed(), slot.decided),
        ],
    }
}

fn next_view(replica: &Replica, quorum: &Byzantine) -> Group {
    let by = &replica.view_changes;
    let column = Column::of("vc", words::VIEW_CHANGE, quorum.voters(), by, quorum.needed());
    Group {
        label: fill(words::VIEW, &[("view", &replica.view.0)]),
        hash: None,
        batch: None,
        words: fill(words::NEXT_VIEW, &[("view", &replica.view.0), ("by", &list(by))]),
        reached: if column.full { Reached::Half } else { Reached::Open },
        columns: vec![column],
    }
}
