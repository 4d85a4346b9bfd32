//! Do voters change without that anything that was ordered is lost, executed twice, or executed differently?
//!
//! Each claim is a function over protocols; the list at the end says of which it is true.

mod changes;
mod late;
mod liars;
mod restarts;
mod rules;
mod runs;
mod under_threat;

use std::sync::Arc;

use super::{Epochs, Event, Instance, Request};
use crate::bft::Bundle;
use crate::bft::hotstuff::{self, HotStuff};
use crate::bft::hybrid::testing::{self, Subject, n, settings, test_config};
use crate::bft::hybrid::{self, Hybrid, threat};
use crate::bft::pbft::{self, Pbft};
use crate::bft::request::OPERATOR;
use crate::bft::testing::{CLUSTER, TestKeys, TestSigner};
use crate::crypto::{Claim, Hash256, Identity};
use crate::membership::{Membership, MembershipChange};
use crate::protocol::{Effects, Input, Protocol};
use crate::rules::Switches;
use crate::storage::DiskImage;
use crate::types::{ClientId, Digest, Mono, NodeId, Now, RequestNumber, Span};

/// A protocol whose epochs are under test.
pub(in crate::bft) trait Case: Instance {
    fn config(settings: pbft::Settings, rules: Switches) -> Self::Config;
    /// How often a request may stand in the order around a change: what is ordered again sessions execute once.
    const ORDERED_AT_MOST: usize = 1;
    /// What an honest replica says once only in an epoch: about which thing, and what.
    fn said(message: &Self::Message) -> Option<(Vec<u64>, Hash256)>;
}

impl<P: Case> Subject for Epochs<P> {
    type Message = P::Message;
    type Hard = P::Hard;
    type Config = P::Config;

    fn config(settings: pbft::Settings, rules: Switches) -> P::Config {
        P::config(settings, rules)
    }

    fn recover(config: &P::Config, node: NodeId, image: &DiskImage<P::Hard>, now: Now) -> Self {
        <Self as Protocol>::recover(config, node, image, 7, now)
    }

    fn step(&mut self, now: Now, input: Input<P::Message>, out: &mut Effects<P::Message, P::Hard>) {
        Protocol::step(self, now, input, out);
    }

    fn next_deadline(&self) -> Option<Mono> {
        Protocol::next_deadline(self)
    }

    fn claims(&self, from: NodeId, message: &P::Message, claims: &mut Vec<Claim>) {
        Protocol::claims(self, from, message, claims);
    }

    fn request_claims(&self, bundle: &Bundle, claims: &mut Vec<Claim>) {
        Protocol::request_claims(self, bundle, claims);
    }

    fn says(message: &P::Message) -> Option<(Vec<u64>, Hash256)> {
        match P::see(message) {
            super::Seen::Own(message) => P::said(message),
            super::Seen::Later(epoch, message) => P::said(message).map(|(mut about, what)| {
                about.push(1_000 + epoch);
                (about, what)
            }),
            super::Seen::Epoch(super::Message::Word(word)) => {
                let what = postcard::to_allocvec(&word.checkpoint).expect("a checkpoint");
                Some((vec![9_999, word.epoch], Hash256::of(&what)))
            }
            super::Seen::Epoch(_) => None,
        }
    }
}

impl Case for Pbft<Switches> {
    fn config(settings: pbft::Settings, rules: Switches) -> Self::Config {
        test_config(settings, rules)
    }

    fn said(message: &pbft::Message) -> Option<(Vec<u64>, Hash256)> {
        let (kind, subject) = match message {
            pbft::Message::Prepare(vote) => (1, vote.subject),
            pbft::Message::Commit(vote) => (2, vote.subject),
            _ => return None,
        };
        Some((vec![kind, subject.view.0, subject.sequence.0], subject.hash))
    }
}

impl Case for HotStuff<Switches> {
    fn config(settings: pbft::Settings, rules: Switches) -> Self::Config {
        let mut config = hotstuff::Config::new(settings.cluster, settings.voters, Arc::new(TestKeys), rules);
        config.settings.checkpoint_interval = settings.checkpoint_interval;
        config.settings.chunk_bytes = settings.chunk_bytes;
        config.settings.fetch_retry = settings.retransmit;
        // More is on its way at once.
        config.settings.max_batch_requests = 1;
        (config.settings.view_timeout, config.settings.max_view_timeout) = settings.request_timeout;
        config
    }

    fn said(message: &hotstuff::Message) -> Option<(Vec<u64>, Hash256)> {
        match message {
            hotstuff::Message::Vote(vote) => Some((vec![3, vote.view.0], vote.block)),
            hotstuff::Message::Proposal(proposal) => Some((vec![4, proposal.block.view().0], proposal.block.hash())),
            _ => None,
        }
    }
}

impl Case for Hybrid<Switches> {
    /// A follower that begins an epoch after its leader passes on what is ordered there already.
    const ORDERED_AT_MOST: usize = 2;

    /// A threat is forgotten, and the way back open, within a second or two.
    fn config(settings: pbft::Settings, rules: Switches) -> Self::Config {
        let threat = threat::Settings {
            window: Span::from_millis(500),
            dwell: Span::from_millis(700),
            longest_dwell: Span::from_millis(2_800),
        };
        hybrid::Config::new(hybrid::Settings { bft: settings, threat }, rules, Arc::new(TestKeys)).expect("settings")
    }

    fn said(message: &hybrid::Message) -> Option<(Vec<u64>, Hash256)> {
        <Self as Subject>::says(message)
    }
}

type Cluster<P> = testing::Cluster<Epochs<P>>;

/// Four voters and so many nodes without a vote.
fn cluster<P: Case>(spares: u32, seed: u64) -> Cluster<P> {
    with_spares(Cluster::new(4, seed), spares)
}

fn with_spares<P: Case>(mut cluster: Cluster<P>, spares: u32) -> Cluster<P> {
    let voters = cluster.settings.voters.len() as u32;
    let members = Membership::of(cluster.settings.voters.clone());
    for spare in voters + 1..=voters + spares {
        cluster.start(n(spare), DiskImage::formatted(CLUSTER, n(spare), members.clone()));
    }
    cluster
}

fn ids(ids: &[u32]) -> Vec<NodeId> {
    ids.iter().map(|id| n(*id)).collect()
}

fn swap(promote: &[u32], remove: &[u32]) -> MembershipChange {
    MembershipChange { promote: ids(promote), remove: ids(remove), ..MembershipChange::default() }
}

/// A change as its operator signs it, or somebody else.
fn change_by(client: ClientId, epoch: u64, number: u64, change: MembershipChange) -> Arc<Bundle> {
    let signer = TestSigner(Identity::Client(client));
    Arc::new(Request { epoch, change }.signed_as(client, CLUSTER, RequestNumber(number), &signer))
}

fn change(epoch: u64, change: MembershipChange) -> Arc<Bundle> {
    change_by(OPERATOR, epoch, epoch + 1, change)
}

impl<P: Case> Cluster<P> {
    fn epoch(&self, node: u32) -> u64 {
        self.node(node).replica.epoch()
    }

    /// The operator asks all who vote, as it would do that hears nothing.
    fn reconfigure(&mut self, epoch: u64, next: MembershipChange) {
        let bundle = change(epoch, next);
        self.hand_to_all(&bundle);
    }

    fn hand_to_all(&mut self, bundle: &Arc<Bundle>) {
        for to in self.settings.voters.clone() {
            self.request(to, bundle);
        }
    }

    /// Changes members, and waits until all new voters that are up vote; clients know of them from then on.
    fn change_to(&mut self, epoch: u64, next: MembershipChange) {
        let before = Membership::of(self.settings.voters.clone());
        let voters = super::change::after(&before, &next).expect("a change that makes sense").voters;
        self.reconfigure(epoch, next.clone());
        let wanted = epoch + 1;
        let done = self.run_until(20_000, |cluster| cluster.are_in(&voters, wanted));
        self.assert_agreement();
        assert!(done, "no epoch {wanted} of {voters:?} after {next:?}");
        self.settings.voters = voters;
    }

    fn are_in(&self, voters: &[NodeId], epoch: u64) -> bool {
        let up = voters.iter().filter(|voter| !self.node(voter.0).is_down && !self.liars.contains(voter));
        up.clone().count() > 0 && up.clone().all(|voter| self.epoch(voter.0) == epoch)
    }

    /// A client asks all voters for something; all that was asked is done in the end.
    fn serves(&mut self, client: u64, number: u64) {
        let voters = self.settings.voters.clone();
        self.ask_at(&voters, client, &[number]);
        self.answer_all();
    }

    /// The states of those who vote, are honest and up, are one.
    fn assert_one_state(&mut self) {
        let done = self.run_until(8_000, |cluster| cluster.voters_states().len() == 1);
        self.assert_agreement();
        let status = |voter: &NodeId| (*voter, self.epoch(voter.0), Protocol::status(&self.node(voter.0).replica));
        let voters: Vec<_> = self.settings.voters.iter().map(status).collect();
        assert!(done, "{} states among the voters: {voters:#?}", self.voters_states().len());
    }

    fn voters_states(&self) -> std::collections::BTreeSet<Digest> {
        let voters = self.settings.voters.iter().filter(|voter| !self.liars.contains(voter));
        voters.map(|voter| self.node(voter.0)).filter(|node| !node.is_down).map(|node| node.machine.digest()).collect()
    }

    fn noted(&self, node: u32, wanted: impl Fn(&Event) -> bool) -> bool {
        let of_epochs = |event: &crate::event::Event| match event {
            crate::event::Event::Epoch(event) => wanted(event),
            _ => false,
        };
        self.node(node).events.iter().any(of_epochs)
    }
}

/// Who votes in the newest epoch that anybody has begun, and which that is.
fn newest<P: Case>(cluster: &Cluster<P>) -> (u64, Vec<NodeId>) {
    let of = |node: &testing::Node<Epochs<P>>| (node.replica.epoch(), node.replica.members().voters.clone());
    cluster.nodes.values().map(of).max().expect("some nodes")
}

/// Which protocols claims are tested of.
macro_rules! claims {
    ($($claim:ident),* $(,)?) => {
        mod pbft {
            $(#[test] fn $claim() { super::$claim::<crate::bft::pbft::Pbft<crate::rules::Switches>>(); })*
        }
        mod hybrid {
            $(#[test] fn $claim() { super::$claim::<crate::bft::hybrid::Hybrid<crate::rules::Switches>>(); })*
        }
        mod hotstuff {
            $(#[test] fn $claim() { super::$claim::<crate::bft::hotstuff::HotStuff<crate::rules::Switches>>(); })*
        }
    };
}
use claims;
