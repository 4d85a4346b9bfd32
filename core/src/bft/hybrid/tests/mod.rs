//! Does the hybrid lose nothing that was proven when it goes over to PBFT, and back?

mod evidence;
mod liars;
mod returning;
mod rules;
mod switching;
mod telling;
mod wandering;

use crate::bft::Bundle;
use crate::bft::hybrid::testing::{self, Subject, test_config};
use crate::bft::hybrid::{Config, HardState, Hybrid, Message, Settings, rounds, threat};
use crate::bft::pbft;
use crate::crypto::{Claim, Hash256};
use crate::protocol::{Effects, Input};
use crate::rules::Switches;
use crate::storage::DiskImage;
use crate::types::{Mono, NodeId, Now};

type Cluster = testing::Cluster<Hybrid<Switches>>;

/// What an honest replica of PBFT says once only.
fn said_in_pbft(instance: u64, message: &pbft::Message) -> Option<(Vec<u64>, Hash256)> {
    let (kind, subject) = match message {
        pbft::Message::Prepare(vote) => (1, vote.subject),
        pbft::Message::Commit(vote) => (2, vote.subject),
        _ => return None,
    };
    Some((vec![instance, kind, subject.view.0, subject.sequence.0], subject.hash))
}

impl Subject for Hybrid<Switches> {
    type Message = Message;
    type Hard = HardState;
    type Config = Config<Switches>;

    fn config(settings: pbft::Settings, rules: Switches) -> Self::Config {
        let pbft::Config { settings: bft, rules, signers, .. } = test_config(settings, rules);
        Config::new(Settings { bft, threat: threat::Settings::default() }, rules, signers).expect("settings")
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
        match message {
            Message::Rounds(message) => rounds::Rounds::<Switches>::says(message),
            Message::Opening(message) => said_in_pbft(8, message),
            Message::Bft(message) => said_in_pbft(9, message),
            Message::Stop(stop) => {
                let what = postcard::to_allocvec(&**stop).expect("a statement");
                Some((vec![7, u64::from(stop.replica.0)], Hash256::of(&what)))
            }
            Message::Root(said) => Some((vec![6], said.0.chain)),
            Message::Later { era, message } => Self::says(message).map(|(mut about, what)| {
                about.push(1_000 + era);
                (about, what)
            }),
            Message::Alarms(_)
            | Message::Opened(_)
            | Message::Where(_)
            | Message::Calm(_)
            | Message::Evidence(_)
            | Message::InEpoch { .. }
            | Message::Epoch(_) => None,
        }
    }
}
