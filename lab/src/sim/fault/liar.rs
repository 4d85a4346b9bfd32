//! How does a node begin to lie?
//!
//! Several that are named together work together: they have each other's keys,
//! and deceive the same others. Whoever lies once lies for good, also after a
//! restart: nobody could tell when it became honest again. Twins may change sides: their two copies
//! live on, and each talks to others from then on.

use std::sync::Arc;

use quorumscope_core::few;
use quorumscope_core::quorum::Byzantine;
use quorumscope_core::record::{Body, Command, Endpoint};
use quorumscope_core::rng::Rng;
use quorumscope_core::types::{ClientId, NodeId};

use super::CommandError;
use crate::adversary::{Liar, Plan, Trick, is_idle, misses};
use crate::scenario::{ProtocolName, unknown};
use crate::sim::subject::Subject;
use crate::sim::world::{World, concern};
use crate::trace::view::Liveness;

impl<P: Subject> World<P> {
    pub(super) fn make_liars(
        &mut self,
        nodes: &[NodeId],
        tricks: &[String],
        against: &[Endpoint],
        command: &Command,
    ) -> Result<(), CommandError> {
        let liars = few::distinct(nodes.iter().copied());
        let tricks = self.tricks(tricks)?;
        let Some(trust) = &self.trust else {
            return Err(CommandError::Value(format!(
                "nodes of {} believe each other: one liar breaks it",
                P::name(&self.config)
            )));
        };
        let signers = trust.keys_of(&liars);
        for node in &liars {
            self.known(*node)?;
        }
        if let Some(victim) = against.iter().find(|victim| !self.is_victim(&liars, **victim)) {
            return Err(CommandError::Value(format!("{victim} cannot be lied to: it is no honest part of this run")));
        }
        let nodes: Vec<NodeId> = self.nodes.iter().map(|node| node.id).filter(|node| !liars.contains(node)).collect();
        let missed = |victim: &Endpoint| misses(&tricks, &victim.to_string(), matches!(victim, Endpoint::Client(_)));
        if let Some(why) = against.iter().find_map(missed).or_else(|| is_idle(&tricks, &liars, &nodes, against)) {
            return Err(CommandError::Value(why));
        }
        self.admit(command);
        let voters = self.voters();
        let others: Vec<NodeId> = voters.iter().filter(|voter| !liars.contains(voter)).copied().collect();
        let clients: Vec<ClientId> = self.clients.iter().map(|client| client.setup.id).collect();
        let against = match against {
            [] => Plan::victims(&others, &clients, &mut Rng::new(self.setup.seed, concern::LIARS)),
            given => given.to_vec(),
        };
        let quorum = Byzantine::of(voters, false);
        let plan = Arc::new(Plan { liars, tricks, against, quorum, signers });
        for liar in &plan.liars {
            self.make_liar(*liar, &plan);
        }
        Ok(())
    }

    fn make_liar(&mut self, id: NodeId, plan: &Arc<Plan>) {
        let Some(index) = self.position(id) else { return };
        let rng = Rng::new(self.setup.seed, concern::LIARS + u64::from(id.0));
        let node = &mut self.nodes[index];
        let goes_on = node.liar.as_mut().is_some_and(|liar| liar.goes_on_with(plan));
        if !goes_on {
            node.liar = Some(Box::new(Liar::new(Arc::clone(plan), id, rng)));
        }
        let starts = matches!(node.liveness, Liveness::Up | Liveness::Paused);
        self.coverage.liars += u64::from(!goes_on);
        let stamp = self.stamp(index, None);
        self.recorder.emit(stamp, || Body::Lies {
            tricks: plan.tricks.iter().map(|trick| trick.name().into()).collect(),
            against: plan.against.clone(),
        });
        if starts && !goes_on {
            self.start_liar(index);
            self.arm(index);
        }
    }

    fn is_victim(&self, liars: &[NodeId], victim: Endpoint) -> bool {
        match victim {
            Endpoint::Node(node) => self.position(node).is_some() && !liars.contains(&node),
            Endpoint::Client(client) => self.clients.iter().any(|known| known.setup.id == client),
        }
    }

    fn tricks(&self, names: &[String]) -> Result<Vec<Trick>, CommandError> {
        let protocol = ProtocolName::named(P::name(&self.config)).unwrap_or(ProtocolName::Raft);
        let known: Vec<&str> = Trick::of(protocol).map(Trick::name).collect();
        if names.is_empty() {
            return Err(CommandError::Value("a liar needs a trick at least".into()));
        }
        let read = |name: &String| {
            let trick = Trick::named(name).filter(|trick| trick.fits(protocol));
            trick.ok_or_else(|| CommandError::Value(unknown("trick", name, known.iter().copied())))
        };
        names.iter().map(read).collect()
    }
}
