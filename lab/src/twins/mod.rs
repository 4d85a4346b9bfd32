//! What do two copies of one node bring about, however the network is split?
//!
//! Bano and others, "Twins: BFT Systems Made Robust" (2021): one of the nodes is
//! there twice, under one key, and each copy is honest by itself. For every view
//! the copies are parted into two sets that do not hear each other. A scenario
//! says who has the twin, and how the copies are parted in each of the first
//! views; after that everybody hears everybody. Scenarios are enumerated: all
//! of them where there are few enough, else as many as were asked for, drawn
//! from a seed. Whoever leads a view is settled by the protocol, so that the
//! choice of the twin is the choice of the views that it leads.
//!
//! What twins cannot do is told by what they are: a copy says nothing that the
//! honest protocol would not say. Certificates that do not hold, and new views that do not follow, are
//! tricks of `adversary`.
//!
//! Read `world` for how one scenario is carried out.

#[cfg(test)]
mod tests;
mod world;

use quorumscope_core::bft::epoch::Epochs;
use quorumscope_core::bft::hotstuff::{self, HotStuff};
use quorumscope_core::bft::pbft::{self, Pbft};
use quorumscope_core::quorum::Byzantine;
use quorumscope_core::rng::Rng;
use quorumscope_core::rules::{Rule, Switches};
use quorumscope_core::types::{NodeId, Span, Term};

use crate::keys::{Keys, Scheme};
use crate::scenario::ProtocolName;
use crate::sim::{CLUSTER, Subject, signers_of};
use world::World;

/// Four nodes, one of which is there twice.
const NODES: u32 = 4;

/// Draws scenarios.
const CONCERN: u64 = 0x_7215;

/// Which scenarios are carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// In how many views the copies are parted.
    pub views: u32,
    /// Most scenarios: where there are more, so many are drawn.
    pub scenarios: u64,
    /// What draws them.
    pub seed: u64,
}

/// How the copies are parted in each view, and who is there twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parting {
    /// Whose second copy the last one is.
    pub twin: NodeId,
    /// For each view the copies that are on the second side, a bit for each.
    pub sides: Vec<u32>,
}

/// What came of the scenarios.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many there are within the bounds.
    pub all: u64,
    /// How many were carried out.
    pub run: u64,
    /// In how many of them something was committed.
    pub committed: u64,
    /// After how many of them honest nodes did not agree, and in which.
    pub broken: Option<(u64, Parting)>,
}

/// Carries out scenarios until honest nodes do not agree, or none is left. `None` where the protocol has no twins here.
#[must_use]
pub fn enumerate(protocol: ProtocolName, off: &[Rule], bounds: Bounds) -> Option<Report> {
    let rules = off.iter().fold(Switches::all_on(), |rules, rule| rules.without(*rule));
    let voters: Vec<NodeId> = (1..=NODES).map(NodeId).collect();
    let signers = signers_of(Keys::new(bounds.seed, Scheme::Cheap));
    match protocol {
        ProtocolName::HotStuff => {
            let mut config = hotstuff::Config::new(CLUSTER, voters, signers, rules);
            (config.settings.view_timeout, config.settings.max_view_timeout) = (VIEW, VIEW);
            config.settings.max_batch_requests = 1;
            Some(run_all::<Epochs<HotStuff<Switches>>>(&config, Term(1), bounds))
        }
        ProtocolName::Pbft => {
            let settings = pbft::Settings::new(CLUSTER, voters);
            let (request_timeout, retransmit) = ((VIEW, VIEW), RETRANSMIT);
            let settings = pbft::Settings { request_timeout, retransmit, max_batch_requests: 1, ..settings };
            let config = pbft::Config::new(settings, rules, signers).ok()?;
            Some(run_all::<Epochs<Pbft<Switches>>>(&config, Term(0), bounds))
        }
        ProtocolName::Raft | ProtocolName::Hybrid => None,
    }
}

/// How long a view may take.
const VIEW: Span = Span::from_millis(100);

/// Who waits in PBFT asks again so soon.
const RETRANSMIT: Span = Span::from_millis(20);

/// The partings of one view that leave a quorum on one side at least: without one, nothing happens in it.
fn partings(twin: NodeId, quorum: &Byzantine) -> Vec<u32> {
    let copies: Vec<NodeId> = quorum.voters().iter().copied().chain([twin]).collect();
    let side = |sides: u32, second: bool| {
        let members = copies.iter().zip(0..).filter(move |(_, place)| (sides >> place & 1 == 1) == second);
        members.map(|(node, _)| *node).collect::<Vec<_>>()
    };
    // The first copy is on the first side: which side is called the first makes no difference.
    (0..1 << copies.len())
        .filter(|sides| sides & 1 == 0)
        .filter(|sides| [false, true].into_iter().any(|second| quorum.is_quorum(side(*sides, second).into_iter())))
        .collect()
}

fn run_all<P: Subject>(config: &P::Config, first_view: Term, bounds: Bounds) -> Report
where
    P::Config: Clone,
{
    let quorum = Byzantine::of(P::voters(config), false);
    let twins = quorum.voters().to_vec();
    let each: Vec<Vec<u32>> = twins.iter().map(|twin| partings(*twin, &quorum)).collect();
    let of_twin = |choices: &Vec<u32>| (choices.len() as u64).saturating_pow(bounds.views);
    let all = each.iter().map(of_twin).fold(0, u64::saturating_add);
    let mut report = Report { all, ..Report::default() };
    let mut rng = Rng::new(bounds.seed, CONCERN);
    while report.run < all.min(bounds.scenarios) {
        let number = if all <= bounds.scenarios { report.run } else { rng.below(all) };
        let Some(parting) = parting(number, &twins, &each, bounds.views) else { break };
        report.run += 1;
        let mut world: World<P> = World::new(config, &parting, first_view);
        world.run();
        report.committed += u64::from(world.has_committed());
        if !world.agrees() {
            report.broken = Some((report.run, parting));
            break;
        }
    }
    report
}

/// The scenario of this number: first come those of the first twin.
fn parting(mut number: u64, twins: &[NodeId], each: &[Vec<u32>], views: u32) -> Option<Parting> {
    for (twin, choices) in twins.iter().zip(each) {
        let base = choices.len() as u64;
        let mine = base.saturating_pow(views);
        if number < mine {
            let mut sides = Vec::new();
            for _ in 0..views {
                sides.push(*choices.get(usize::try_from(number % base).ok()?)?);
                number /= base;
            }
            return Some(Parting { twin: *twin, sides });
        }
        number -= mine;
    }
    None
}
