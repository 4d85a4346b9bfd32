//! Claims of the paper.

use super::cluster::{Cluster, n};
use crate::bft::pbft::Event;

/// §4.2: "a request is executed by a replica once it is committed-local and all requests with lower numbers are
/// executed", and §4.1: the client waits for f+1 replies.
#[test]
fn requests_are_executed_in_one_order_and_answered_by_all() {
    let mut cluster = Cluster::new(4, 1);
    for number in 1..=20 {
        cluster.ask(1, &[number]);
        cluster.run(3);
    }
    assert!(cluster.run_until(1_000, Cluster::all_done), "executed: {}", cluster.executed(1));
    cluster.run(100);
    cluster.assert_agreement();
    assert_eq!(cluster.states().len(), 1);
    assert_eq!((1..=4).map(|node| cluster.view(node)).collect::<Vec<_>>(), [0; 4]);
}

/// §4.4: a silent primary costs a view, and nothing that was asked.
#[test]
fn a_silent_primary_is_replaced() {
    let mut cluster = Cluster::new(4, 1);
    cluster.crash(1);
    cluster.ask(1, &[1]);
    assert!(cluster.run_until(3_000, Cluster::all_done), "views: {:?}", [2, 3, 4].map(|node| cluster.view(node)));
    assert!(cluster.noted(2, |event| matches!(event, Event::NewViewMade { .. })));
    cluster.ask_at(&[n(2)], 1, &[2]);
    assert!(cluster.run_until(100, Cluster::all_done), "the new primary orders at once");
    cluster.assert_agreement();
}
