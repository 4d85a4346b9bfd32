//! Each guard of progress: what goes on with it, and stops without it.

use super::cluster::{Cluster, n, settings};
use crate::bft::pbft::Message;
use crate::protocol::Input;
use crate::rules::{Rule, Switches};
use crate::types::{ClientId, Sequence, Term, Wall};

/// Without `rule` a run does not get where it gets with it.
fn stops_without(rule: Rule, run: impl Fn(Cluster) -> bool) {
    assert!(run(Cluster::new(4, 1)), "{}: goes on with it", rule.name());
    let off = Cluster::with(settings(4), Switches::all_on().without(rule), 1);
    assert!(!run(off), "{}: stops without it", rule.name());
}

/// §4.5.2: the timeout doubles, so that in the end it is long enough for whatever the network is.
#[test]
fn on_a_slow_network_timers_grow_until_a_view_lasts_long_enough() {
    stops_without(Rule::PbftTimerGrows, |mut cluster| {
        cluster.network.delay = (400_000, 450_000);
        cluster.ask(1, &[1]);
        cluster.run_until(30_000, Cluster::all_done)
    });
}

/// §4.5.2: f+1 view changes above one's own make a replica join.
#[test]
fn a_replica_that_waits_for_nothing_joins_those_that_have_left() {
    stops_without(Rule::PbftJoinViewChange, |mut cluster| {
        cluster.clients_retry = false;
        cluster.crash(1);
        cluster.ask_at(&[2, 3].map(n), 1, &[1]);
        cluster.run_until(10_000, Cluster::all_done)
    });
}

/// TRAPS 31: a faulty primary that executes the requests of one client leaves those of another one out.
#[test]
fn a_primary_that_leaves_one_client_out_is_left_whatever_else_it_executes() {
    stops_without(Rule::PbftTimerOfOneRequest, |mut cluster| {
        cluster.deaf = Some((n(1), ClientId(2)));
        cluster.tamper = Some(Box::new(|_, to, message| match message {
            Message::Requests(mut relayed) if to == n(1) => {
                relayed.bundles.retain(|bundle| bundle.client() != ClientId(2));
                vec![Message::Requests(relayed)]
            }
            message => vec![message],
        }));
        cluster.ask_at(&[2, 3, 4].map(n), 2, &[1]);
        for number in 1..=40 {
            cluster.ask(1, &[number]);
            cluster.run(100);
        }
        cluster.is_done(2, 1)
    });
}

/// TRAPS 28. §4.4: a number at which nothing was prepared gets the null request, or what follows waits for ever.
#[test]
fn a_gap_before_what_was_prepared_is_filled_in_a_new_view() {
    stops_without(Rule::PbftNullRequests, |mut cluster| {
        // Nobody prepares the first number, which holds nothing that anybody would ask for again.
        cluster.tamper = Some(Box::new(|_, _, message| match message {
            Message::Prepare(vote) if vote.subject.sequence == Sequence(1) && vote.subject.view == Term(0) => vec![],
            Message::Commit(vote) if vote.subject.view == Term(0) => vec![],
            message => vec![message],
        }));
        cluster.tick_now(1);
        cluster.run(50);
        cluster.ask(1, &[1]);
        cluster.run_until(8_000, Cluster::all_done)
    });
}

/// A due expiry makes the primary let log time pass, and not more than once.
#[test]
fn log_time_passes_where_something_expires_and_nobody_asks() {
    let mut cluster = Cluster::new(4, 1);
    cluster.ask(1, &[1]);
    assert!(cluster.run_until(1_000, Cluster::all_done));
    let before = cluster.executed(1);
    let at = Wall(cluster.now + 100_000 + 60_000);
    for node in 1..=4 {
        cluster.step(n(node), Input::ExpiryAt(Some(at)));
    }
    cluster.run(1_000);
    assert_eq!((1..=4).map(|node| cluster.executed(node)).collect::<Vec<_>>(), [before + 1; 4]);
    cluster.assert_agreement();
}
