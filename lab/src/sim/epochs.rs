//! Who votes now, where voters change and nodes may lie?
//!
//! Clients ask a directory: a list that the operator keeps, which nobody can
//! lie about. Here it follows the first honest node that begins an epoch. Equal
//! replies count only from those in it, and those that came before it changed
//! count no more: f+1 voters of *one* epoch have an honest one among them.

use quorumscope_core::bft::epoch::{Nonsense, Request};
use quorumscope_core::bft::request::OPERATOR;
use quorumscope_core::membership::MembershipChange;
use quorumscope_core::protocol::Input;
use quorumscope_core::quorum::Byzantine;
use quorumscope_core::types::{NodeId, RecordId, RequestNumber};

use super::subject::Subject;
use super::world::World;

impl<P: Subject> World<P> {
    /// Who votes, as the directory says.
    pub(crate) fn voters(&self) -> &[NodeId] {
        if self.epoch > 0 { &self.members.voters } else { P::voters(&self.config) }
    }

    /// How many equal replies a client believes.
    pub(crate) fn believes(&self) -> u32 {
        Byzantine::of(self.voters(), false).one_honest()
    }

    /// A node has made a step: where it is the first honest one in an epoch, the directory says so.
    pub(crate) fn watch_epoch(&mut self, index: usize) {
        let Some(node) = self.nodes.get(index).filter(|node| node.liar.is_none()) else { return };
        let Some(protocol) = &node.protocol else { return };
        let Some(epoch) = protocol.epoch().filter(|epoch| *epoch > self.epoch) else { return };
        let Some(members) = protocol.members() else { return };
        self.coverage.epochs += epoch - self.epoch;
        (self.epoch, self.members) = (epoch, members.clone());
        for client in &mut self.clients {
            client.forget_replies();
        }
        let voters = self.members.voters.clone();
        for liar in self.nodes.iter_mut().filter_map(|node| node.liar.as_mut()) {
            liar.learns_voters(&voters);
        }
    }

    /// Hands a node the operator's request, as that node would sign it for its epoch.
    pub(crate) fn change_voters(&mut self, index: usize, first: RecordId, epoch: u64, change: MembershipChange) {
        let Some(trust) = &self.trust else { return };
        self.changes += 1;
        let bundle = trust.sign_change(&Request { epoch, change }, RequestNumber(self.changes));
        for proposal in bundle.proposals() {
            self.watch_asked(proposal);
        }
        self.step_second(index, first, Input::Requests(vec![bundle.clone()]));
        self.step_node(index, first, Input::Requests(vec![bundle]));
    }
}

/// Whether a change can be asked for at all where voters change by epochs; else why not.
pub(crate) fn is_of_voters(change: &MembershipChange) -> Result<(), String> {
    let MembershipChange { add, observe, edge, .. } = change;
    let is = add.is_empty() && observe.is_empty() && edge.is_empty();
    if is { Ok(()) } else { Err(Nonsense::VotersOnly.to_string()) }
}

/// Whether this client is the operator, which hears of its changes by what becomes of them.
pub(crate) fn is_operator(client: quorumscope_core::types::ClientId) -> bool {
    client == OPERATOR
}
