//! What did steps ask for, and nobody did?
//!
//! In Raft the node that is asked refuses. Where voters change by epochs the request is ordered, and whoever executes it
//! finds that nothing comes of it: all honest replicas alike, so that they share one line. Neither is a failure of the
//! run, and the scenario's author should know.

use quorumscope_core::bft::epoch;
use quorumscope_core::event::Event;
use quorumscope_core::record::{Body, Record};
use quorumscope_core::types::NodeId;
use quorumscope_lab::scenario::ProtocolName;
use quorumscope_lab::trace::why;
use serde::Serialize;

use crate::report;

/// One refusal, or one change that came to nothing.
#[derive(Serialize)]
pub struct RefusalReport {
    /// When, at the first node.
    pub at_ms: f64,
    /// Who, what and why.
    pub text: String,
}

/// What nobody did, in the order of time.
pub fn refused(records: &[Record], protocol: ProtocolName) -> Vec<RefusalReport> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for record in records {
        let (Some(node), Body::Noted(event)) = (record.node, &record.body) else { continue };
        match event {
            Event::Epoch(epoch::Event::ChangeVoid { .. }) => {
                let same = |group: &&mut Group<'_>| group.event == event && !group.nodes.contains(&node);
                match groups.iter_mut().find(same) {
                    Some(group) => group.nodes.push(node),
                    None => groups.push(Group { record, event, nodes: vec![node] }),
                }
            }
            Event::ChangeRefused { .. }
            | Event::TransferRefused { .. }
            | Event::Epoch(epoch::Event::ChangeRefused | epoch::Event::ChangeUnheard { .. }) => {
                groups.push(Group { record, event, nodes: vec![node] });
            }
            _ => {}
        }
    }
    groups.iter().map(|group| group.told(protocol)).collect()
}

/// The same finding of several nodes.
struct Group<'a> {
    record: &'a Record,
    event: &'a Event,
    nodes: Vec<NodeId>,
}

impl Group<'_> {
    fn told(&self, protocol: ProtocolName) -> RefusalReport {
        let mut text = why::explain(self.record, protocol, |_| None).sentence;
        if let [_, others @ ..] = self.nodes.as_slice()
            && !others.is_empty()
        {
            let names: Vec<String> = others.iter().map(ToString::to_string).collect();
            text = format!("{}; the same at {}.", text.trim_end_matches('.'), names.join(", "));
        }
        RefusalReport { at_ms: report::millis(self.record.at), text }
    }
}
