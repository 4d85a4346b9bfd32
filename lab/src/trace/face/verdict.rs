//! What has the cluster decided of a node that has lied?
//!
//! That a node lies is what whoever made the run knows. That it is convicted is
//! what the cluster knows: it has decided so like a request, and each node that
//! applies the decision records it. The two are told apart everywhere.

use quorumscope_core::record::Detail;
use quorumscope_core::types::{NodeId, Time};

use crate::trace::view::{NodeView, View};
use crate::trace::words::evidence::{offence, verdict as words};
use crate::trace::words::{fill, list};

/// A verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerdictFace {
    /// When a node applied it first.
    pub at: Time,
    /// What its culprit has done, by which rule, and who knows of the verdict.
    pub words: String,
}

/// The verdict on a node; `None` while there is none.
#[must_use]
pub fn verdict(view: &View, culprit: NodeId) -> Option<VerdictFace> {
    let seen = view.convicted.get(&culprit)?;
    let (what, paper) = offence(seen.conviction.offence);
    let knows = |node: &NodeView| {
        let told = node.status.detail.as_deref().map_or(&[][..], Detail::convictions);
        told.iter().any(|conviction| conviction.culprit == culprit)
    };
    let nodes: Vec<NodeId> = view.nodes.iter().filter(|(_, node)| knows(node)).map(|(id, _)| *id).collect();
    let values: [(&str, &dyn core::fmt::Display); 5] =
        [("culprit", &culprit), ("offence", &what), ("paper", &paper), ("first", &seen.by), ("nodes", &list(&nodes))];
    Some(VerdictFace { at: seen.at, words: fill(words::VERDICT, &values) })
}

#[cfg(test)]
mod tests {
    use quorumscope_core::bft::evidence::{Conviction, Offence};
    use quorumscope_core::bft::pbft;
    use quorumscope_core::crypto::Hash256;
    use quorumscope_core::record::{Body, NodeStatus, Record};
    use quorumscope_core::types::{Mono, RecordId};

    use super::*;

    fn told(by: NodeId, at: u64, culprit: NodeId) -> Record {
        let evidence = Hash256::of(b"two words");
        let conviction = Conviction { culprit, offence: Offence::TwoValues, evidence, instance: 0 };
        let detail = Detail::Pbft(pbft::Replica { convictions: vec![conviction], ..pbft::Replica::default() });
        let status = NodeStatus { detail: Some(Box::new(detail)), ..NodeStatus::default() };
        let (id, at) = (RecordId { origin: NodeId(0), sequence: at }, Time(at));
        Record { id, cause: None, at, node: Some(by), mono: Mono(0), body: Body::Status(status) }
    }

    #[test]
    fn a_verdict_is_that_of_the_first_honest_node_and_names_all_who_know() {
        let mut view = View::default();
        view.nodes.extend((1..=4).map(|id| (NodeId(id), NodeView { lies: id == 1, ..NodeView::default() })));
        view.fold(&told(NodeId(1), 1, NodeId(4)));
        assert_eq!(verdict(&view, NodeId(4)), None, "what a liar tells is no verdict");
        view.fold(&told(NodeId(3), 2, NodeId(1)));
        view.fold(&told(NodeId(2), 3, NodeId(1)));
        view.fold(&told(NodeId(2), 4, NodeId(9)));
        assert_eq!(view.convicted.len(), 1, "nodes that are not there are not convicted");
        let told = verdict(&view, NodeId(1)).expect("it is convicted");
        assert_eq!(told.at, Time(2));
        let sentence = "The cluster has convicted n1: it spoke of two batches for one place of one view (PBFT §4.2). \
                        n3 applied the verdict first; known to n3.";
        assert_eq!(told.words, sentence, "n2 tells of another one by now");
        assert_eq!(verdict(&view, NodeId(2)), None);
    }
}
