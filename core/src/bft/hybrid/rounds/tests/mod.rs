//! Do the two rounds hold what they promise?

mod liars;
mod runs;
mod safety;
mod stopping;

pub(in crate::bft::hybrid) use liars::lie;

use crate::bft::Bundle;
use crate::bft::hybrid::rounds::{HardState, Message, Rounds};
use crate::bft::hybrid::testing::{self, Subject, test_config};
use crate::bft::pbft::{Config, Settings};
use crate::crypto::{Claim, Hash256};
use crate::protocol::{Effects, Input};
use crate::rules::Switches;
use crate::storage::DiskImage;
use crate::types::{Mono, NodeId, Now};

type Cluster = testing::Cluster<Rounds<Switches>>;

impl Subject for Rounds<Switches> {
    type Message = Message;
    type Hard = HardState;
    type Config = Config<Switches>;

    fn config(settings: Settings, rules: Switches) -> Self::Config {
        test_config(settings, rules)
    }

    fn recover(config: &Self::Config, node: NodeId, image: &DiskImage<HardState>, now: Now) -> Self {
        Self::recover(config, node, image, now)
    }

    fn step(&mut self, now: Now, input: Input<Message>, out: &mut Effects<Message, HardState>) {
        self.step(now, input, out);
    }

    fn next_deadline(&self) -> Option<Mono> {
        self.next_deadline()
    }

    fn claims(&self, from: NodeId, message: &Message, claims: &mut Vec<Claim>) {
        self.claims(from, message, claims);
    }

    fn request_claims(&self, bundle: &Bundle, claims: &mut Vec<Claim>) {
        self.request_claims(bundle, claims);
    }

    fn says(message: &Message) -> Option<(Vec<u64>, Hash256)> {
        let of = |mark: super::Mark| (vec![1, mark.term.0, mark.sequence.0], mark.hash);
        match message {
            Message::Append(append) => Some(of(append.ack.mark)),
            Message::Ack(ack) => Some(of(ack.mark)),
            Message::Vote(vote) => {
                let mark = vote.prepared.as_ref().map_or(Hash256::ZERO, |prepared| prepared.mark.hash);
                Some((vec![2, vote.term.0], mark))
            }
            _ => None,
        }
    }
}
