//! How does the hybrid meet the world?
//!
//! As every protocol does: what `Hybrid` has under the same names, and no
//! chance.

use super::{Config, HardState, Hybrid, Message};
use crate::bft::Bundle;
use crate::crypto::Claim;
use crate::protocol::{Effects, Input, Protocol};
use crate::record::NodeStatus;
use crate::rules::Rules;
use crate::storage::DiskImage;
use crate::types::{Mono, NodeId, Now};

impl<R: Rules> Protocol for Hybrid<R> {
    type Message = Message;
    type Hard = HardState;
    type Config = Config<R>;

    fn recover(config: &Config<R>, node: NodeId, image: &DiskImage<HardState>, _seed: u64, now: Now) -> Self {
        Self::recover(config, node, image, now)
    }

    fn step(&mut self, now: Now, input: Input<Message>, out: &mut Effects<Message, HardState>) {
        self.step(now, input, out);
    }

    fn next_deadline(&self) -> Option<Mono> {
        self.next_deadline()
    }

    fn status(&self) -> NodeStatus {
        self.node_status()
    }

    fn claims(&self, from: NodeId, message: &Message, claims: &mut Vec<Claim>) {
        self.claims(from, message, claims);
    }

    fn request_claims(&self, bundle: &Bundle, claims: &mut Vec<Claim>) {
        self.request_claims(bundle, claims);
    }
}
