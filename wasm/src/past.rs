//! What is kept of a run so that it can be asked about, and gone back in?
//!
//! The newest records, within a bound, and which steps of the scenario were
//! commands by hand. The run itself is not kept: it is repeated.

use std::collections::VecDeque;

use quorumscope_core::record::Record;
use quorumscope_core::types::{RecordId, Time};
use quorumscope_lab::scenario::Scenario;

use crate::shapes::RecordShape;

/// Most records that are kept: minutes of a busy run, within some hundred megabytes.
pub const MAX_RECORDS: usize = 200_000;

/// The newest records, oldest first; their ids rise.
#[derive(Clone, Default)]
pub struct History(VecDeque<Record>);

impl History {
    /// Takes newer records in, and lets go of the oldest beyond the bound.
    pub fn extend(&mut self, records: Vec<Record>) {
        self.0.extend(records);
        let surplus = self.0.len().saturating_sub(MAX_RECORDS);
        self.0.drain(..surplus);
    }

    fn find(&self, id: RecordId) -> Option<&Record> {
        self.0.binary_search_by_key(&id, |record| record.id).ok().and_then(|place| self.0.get(place))
    }

    /// What JavaScript sees of the records after one, or of all; with their lines of a trace file if wanted.
    #[must_use]
    pub fn shapes(&self, since: Option<RecordId>, lines: bool) -> Vec<RecordShape> {
        let first = since.map_or(0, |since| self.0.partition_point(|record| record.id <= since));
        self.0.range(first..).map(|record| RecordShape::new(record, |id| self.find(id), lines)).collect()
    }
}

/// The places of the commands by hand among the scenario's steps.
///
/// A command stands behind all steps that have run, so that the places rise and
/// no later command moves an earlier one.
#[derive(Clone, Debug, Default)]
pub struct ByHand(Vec<usize>);

impl ByHand {
    /// A command was just written into the scenario as the last of the steps that are done.
    pub fn note(&mut self, steps_done: usize) {
        self.0.extend(steps_done.checked_sub(1));
    }

    /// The scenario without the commands that were given after a time.
    #[must_use]
    pub fn drop_after(&mut self, time: Time, scenario: &Scenario) -> Scenario {
        let mut kept = scenario.clone();
        while let Some(place) = self.0.pop_if(|place| kept.steps.get(*place).is_none_or(|step| step.at > time)) {
            if place < kept.steps.len() {
                kept.steps.remove(place);
            }
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorumscope_core::record::Command;
    use quorumscope_core::types::NodeId;
    use quorumscope_lab::scenario::{ProtocolName, Run};

    #[test]
    fn going_back_drops_later_commands_and_keeps_the_scenarios_own_steps() {
        let document = "protocol = \"raft\"\nnodes = 3\n[[step]]\nat = \"150ms\"\ncrash = \"n3\"\n";
        let scenario = Scenario::from_toml(document).expect("a scenario");
        let (mut run, mut by_hand) = (Run::new(&scenario).expect("it runs"), ByHand::default());
        for (ms, command) in [(100, Command::Crash(NodeId(1))), (200, Command::Restart(NodeId(1)))] {
            run.run_until(Time(ms * 1_000));
            run.command(command).expect("it can be done");
            by_hand.note(run.steps_done());
        }
        let back = by_hand.clone().drop_after(Time(199_000), run.scenario());
        assert_eq!(back.steps.iter().map(|step| step.at).collect::<Vec<_>>(), [Time(100_000), Time(150_000)]);
        assert_eq!(by_hand.drop_after(Time(0), run.scenario()), scenario);
    }

    #[test]
    fn the_oldest_records_are_let_go_beyond_the_bound() {
        let mut run = Run::new(&Scenario::new(ProtocolName::Raft, 3, 1)).expect("it runs");
        run.run_until(Time(1_000_000));
        let records = run.take_records();
        let mut history = History::default();
        let mut added = 0;
        while added <= MAX_RECORDS {
            history.extend(records.clone());
            added += records.len();
        }
        assert_eq!(history.0.len(), MAX_RECORDS);
        assert_eq!(history.0.back(), records.last());
    }
}
