//! Which commands does a step come to?
//!
//! An action speaks of leaders and followers; the world takes commands that
//! name nodes and messages. The way back, from a command by hand to an action,
//! stands here too, so that what was done by hand can be written down.

use quorumscope_core::bft::{epoch, hotstuff, hybrid, pbft};
use quorumscope_core::entry::Class;
use quorumscope_core::few;
use quorumscope_core::machine::any::AnyCommand;
use quorumscope_core::membership::MembershipChange;
use quorumscope_core::raft::Message;
use quorumscope_core::record::{AnyMessage, Command, Endpoint};
use quorumscope_core::types::{NodeId, RecordId};

use super::document::{Action, MessageKind, MessageVerb, NodeVerb, Pattern, Selector, Targets, Which};
use super::select::{Bindings, nodes, resolve};
use crate::adversary::Trick;
use crate::sim::Simulation;
use crate::trace::view::{Content, MessageView};

/// A pattern with its ends resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Filter {
    from: Option<Vec<Endpoint>>,
    to: Option<Vec<Endpoint>>,
    kind: Option<MessageKind>,
}

impl Filter {
    /// Resolves the ends of a pattern.
    pub(super) fn new(simulation: &Simulation, bindings: &Bindings, pattern: &Pattern) -> Result<Self, String> {
        let named = named(simulation, bindings, &[&pattern.from, &pattern.to]);
        let side = |targets: &Targets| {
            (!targets.is_empty()).then(|| resolve(simulation, bindings, targets, &named)).transpose()
        };
        Ok(Self { from: side(&pattern.from)?, to: side(&pattern.to)?, kind: pattern.kind })
    }

    /// Whether a message fits.
    pub(super) fn fits(&self, message: &MessageView) -> bool {
        let side = |wanted: &Option<Vec<Endpoint>>, end| wanted.as_ref().is_none_or(|wanted| wanted.contains(end));
        side(&self.from, &message.from)
            && side(&self.to, &message.to)
            && self.kind.is_none_or(|kind| is_kind(kind, &message.content))
    }
}

fn is_kind(kind: MessageKind, content: &Content) -> bool {
    match content {
        Content::Request { .. } => kind == MessageKind::Request,
        Content::Answer { .. } => kind == MessageKind::Answer,
        Content::Peer(AnyMessage::Pbft(message)) => kind == pbft_kind(message),
        Content::Peer(AnyMessage::HotStuff(message)) => kind == hotstuff_kind(message),
        Content::Peer(AnyMessage::Hybrid(message)) => is_hybrid(kind, message),
        Content::Peer(AnyMessage::Raft(message)) => match message {
            Message::PreVote(_) => kind == MessageKind::PreVote,
            Message::PreVoteReply(_) => kind == MessageKind::PreVoteReply,
            Message::RequestVote(_) => kind == MessageKind::RequestVote,
            Message::RequestVoteReply(_) => kind == MessageKind::RequestVoteReply,
            Message::AppendEntries(append) => is_append(kind, append.entries.is_empty()),
            Message::AppendEntriesReply(_) => kind == MessageKind::AppendEntriesReply,
            Message::InstallSnapshot(_) => kind == MessageKind::InstallSnapshot,
            Message::InstallSnapshotReply(_) => kind == MessageKind::InstallSnapshotReply,
            Message::ReadIndex(_) => kind == MessageKind::ReadIndex,
            Message::ReadIndexReply(_) => kind == MessageKind::ReadIndexReply,
            Message::TimeoutNow(_) => kind == MessageKind::TimeoutNow,
            Message::FeedEdge(feed) => is_append(kind, feed.append.entries.is_empty()),
            Message::Relayed(relayed) => is_append(kind, relayed.append.entries.is_empty()),
            Message::Relay(_) => kind == MessageKind::Relay,
        },
    }
}

fn pbft_kind(message: &pbft::Message) -> MessageKind {
    use pbft::Message;
    match message {
        Message::Requests(_) => MessageKind::Request,
        Message::PrePrepare(_) => MessageKind::PrePrepare,
        Message::Prepare(_) => MessageKind::Prepare,
        Message::Commit(_) => MessageKind::Commit,
        Message::Checkpoint(_) => MessageKind::Checkpoint,
        Message::ViewChange(_) => MessageKind::ViewChange,
        Message::NewView(_) => MessageKind::NewView,
        Message::Later { message, .. } => pbft_kind(message),
        Message::Epoch(message) => epoch_kind(message),
        Message::Standing(_)
        | Message::Committed(_)
        | Message::Stable(_)
        | Message::FetchValues(_)
        | Message::Body(..)
        | Message::FetchChunk(_)
        | Message::Chunk(_)
        | Message::Evidence(_) => MessageKind::CatchUp,
    }
}

fn epoch_kind(message: &epoch::Message) -> MessageKind {
    match message {
        epoch::Message::Word(_) => MessageKind::Checkpoint,
        epoch::Message::Links(_) | epoch::Message::Here { .. } => MessageKind::CatchUp,
    }
}

fn hotstuff_kind(message: &hotstuff::Message) -> MessageKind {
    use hotstuff::Message;
    match message {
        Message::Proposal(_) => MessageKind::Proposal,
        Message::Vote(_) => MessageKind::Vote,
        Message::Certificate(_) => MessageKind::Certificate,
        Message::Timeout(_) => MessageKind::Timeout,
        Message::TimeoutCertificate(_) => MessageKind::TimeoutCertificate,
        Message::Checkpoint(_) => MessageKind::Checkpoint,
        Message::Later { message, .. } => hotstuff_kind(message),
        Message::Epoch(message) => epoch_kind(message),
        Message::Fetch(_)
        | Message::Blocks(_)
        | Message::Stable(_)
        | Message::FetchChunk(_)
        | Message::Chunk(_)
        | Message::Evidence(_) => MessageKind::CatchUp,
    }
}

fn is_hybrid(kind: MessageKind, message: &hybrid::Message) -> bool {
    use hybrid::{Message, rounds};
    kind == match message {
        Message::Opening(message) | Message::Bft(message) => pbft_kind(message),
        Message::Later { message, .. } | Message::InEpoch { message, .. } => return is_hybrid(kind, message),
        Message::Epoch(message) => epoch_kind(message),
        Message::Alarms(_) | Message::Calm(_) => MessageKind::Alarm,
        Message::Root(_) => MessageKind::Checkpoint,
        Message::Stop(_) | Message::Opened(_) => MessageKind::Stop,
        Message::Where(_) | Message::Evidence(_) => MessageKind::CatchUp,
        Message::Rounds(message) => match message {
            rounds::Message::Append(append) => return is_append(kind, append.links.is_empty()),
            rounds::Message::Ack(_) => MessageKind::AppendEntriesReply,
            rounds::Message::Requests(_) => MessageKind::Request,
            rounds::Message::Wishes(_) => MessageKind::Wish,
            rounds::Message::Vote(_) => MessageKind::Vote,
            rounds::Message::Lead(_) => MessageKind::NewView,
            rounds::Message::Checkpoint(_) => MessageKind::Checkpoint,
            rounds::Message::Standing(_)
            | rounds::Message::Decided(_)
            | rounds::Message::Stable(_)
            | rounds::Message::FetchLinks { .. }
            | rounds::Message::Links(_)
            | rounds::Message::FetchChunk(_)
            | rounds::Message::Chunk(_) => MessageKind::CatchUp,
        },
    }
}

/// An append of Raft or of the hybrid's two rounds.
fn is_append(kind: MessageKind, is_empty: bool) -> bool {
    match kind {
        MessageKind::AppendEntries => true,
        MessageKind::Heartbeat => is_empty,
        MessageKind::Entries => !is_empty,
        MessageKind::PreVote
        | MessageKind::PreVoteReply
        | MessageKind::RequestVote
        | MessageKind::RequestVoteReply
        | MessageKind::AppendEntriesReply
        | MessageKind::Request
        | MessageKind::Answer
        | MessageKind::InstallSnapshot
        | MessageKind::InstallSnapshotReply
        | MessageKind::ReadIndex
        | MessageKind::ReadIndexReply
        | MessageKind::Relay
        | MessageKind::TimeoutNow
        | MessageKind::PrePrepare
        | MessageKind::Prepare
        | MessageKind::Commit
        | MessageKind::Checkpoint
        | MessageKind::ViewChange
        | MessageKind::NewView
        | MessageKind::Proposal
        | MessageKind::Vote
        | MessageKind::Certificate
        | MessageKind::Timeout
        | MessageKind::TimeoutCertificate
        | MessageKind::CatchUp
        | MessageKind::Wish
        | MessageKind::Alarm
        | MessageKind::Stop => false,
    }
}

/// What is done to a message.
pub(super) fn message_command(verb: MessageVerb, message: RecordId) -> Command {
    match verb {
        MessageVerb::Hold => Command::Hold(message),
        MessageVerb::Drop => Command::Drop(message),
        MessageVerb::Deliver => Command::Deliver(message),
        MessageVerb::Duplicate => Command::Duplicate(message),
    }
}

/// Whether the message can be treated so: a held one is not held again.
pub(super) fn applies(verb: MessageVerb, message: &MessageView) -> bool {
    verb != MessageVerb::Hold || !message.held
}

/// The commands of an action; for messages by pattern, those on their way now.
pub(super) fn commands(simulation: &Simulation, bindings: &Bindings, action: &Action) -> Result<Vec<Command>, String> {
    let whom = |targets: &Targets| nodes(simulation, bindings, targets, &[]);
    let links = |from: &Targets, to: &Targets| -> Result<Vec<(Endpoint, Endpoint)>, String> {
        let named = named(simulation, bindings, &[from, to]);
        let from = resolve(simulation, bindings, from, &named)?;
        let to = resolve(simulation, bindings, to, &named)?;
        let pairs = from.iter().flat_map(|one| to.iter().map(move |other| (*one, *other)));
        let links: Vec<_> = pairs.filter(|(one, other)| one != other).collect();
        if links.is_empty() { Err("both ends are the same: there is no such link".into()) } else { Ok(links) }
    };
    Ok(match action {
        Action::Partition(groups) => vec![Command::Partition(partition(simulation, bindings, groups)?)],
        Action::Heal => vec![Command::Heal],
        Action::Nodes(verb, targets) => whom(targets)?.into_iter().map(|node| node_command(*verb, node)).collect(),
        Action::Cut { from, to } => links(from, to)?.into_iter().map(|(from, to)| Command::Cut { from, to }).collect(),
        Action::Mend { from, to } => {
            links(from, to)?.into_iter().map(|(from, to)| Command::Mend { from, to }).collect()
        }
        Action::Messages(verb, Which::Id(sequence)) => {
            vec![message_command(*verb, RecordId { origin: NodeId(0), sequence: *sequence })]
        }
        Action::Messages(verb, Which::Pattern(pattern)) => {
            let filter = Filter::new(simulation, bindings, pattern)?;
            let view = simulation.view();
            let fitting = view.messages.iter().filter(|(_, message)| filter.fits(message) && applies(*verb, message));
            fitting.map(|((id, _), _)| message_command(*verb, *id)).collect()
        }
        Action::Propose { to, operation, class } => {
            let to = to.as_ref().map(|to| one_node(simulation, bindings, to, "a proposal goes to")).transpose()?;
            let operation = operation.encode();
            vec![match *class {
                None => Command::Propose { to, operation },
                Some(class) => Command::ProposeAs { to, operation, class },
            }]
        }
        Action::Members { to, add, promote, remove, observe } => {
            let whom = |targets: &Targets| if targets.is_empty() { Ok(Vec::new()) } else { whom(targets) };
            let [add, promote, remove, observe] = [whom(add)?, whom(promote)?, whom(remove)?, whom(observe)?];
            let change = MembershipChange { add, promote, remove, observe, edge: Vec::new() };
            match nodes(simulation, bindings, core::slice::from_ref(to), &[])?.as_slice() {
                [node] => vec![Command::Reconfigure { node: *node, change }],
                _ => return Err("a change of members goes to one node".into()),
            }
        }
        Action::Subscribe { to, node, keys } => {
            let (edges, keys) = (whom(node)?, keys.clone());
            let node = one_node(simulation, bindings, to, "a subscription goes to")?;
            vec![Command::Subscribe { node, edges, keys }]
        }
        Action::Transfer { from, to } => {
            let from = from.as_ref().unwrap_or(&Selector::Foremost);
            let from = one_node(simulation, bindings, from, "leadership is handed over by")?;
            vec![Command::Transfer { from, to: one_node(simulation, bindings, to, "leadership goes to")? }]
        }
        Action::Read { to, query, how } => {
            let to = to.as_ref().map(|to| one_node(simulation, bindings, to, "a read goes to")).transpose()?;
            vec![Command::Read { to, how: *how, query: query.encode() }]
        }
        Action::Byzantine { node, tricks, against } => {
            let nodes = whom(node)?;
            let named: Vec<Endpoint> = nodes.iter().copied().map(Endpoint::Node).collect();
            let against = resolve(simulation, bindings, against, &named)?;
            let tricks = tricks.iter().map(|trick| trick.name().into()).collect();
            vec![Command::Byzantine { nodes, tricks, against }]
        }
        Action::Skew { node, by } => whom(node)?.into_iter().map(|node| Command::Skew { node, by: *by }).collect(),
        Action::Drift { node, rate_ppm } => {
            whom(node)?.into_iter().map(|node| Command::Drift { node, rate_ppm: *rate_ppm }).collect()
        }
        Action::Disk { node, latency } => {
            whom(node)?.into_iter().map(|node| Command::Disk { node, latency: *latency }).collect()
        }
        Action::Loss(ppm) => vec![Command::Loss { ppm: *ppm }],
        Action::Duplication(ppm) => vec![Command::Duplication { ppm: *ppm }],
        Action::Latency(between) => vec![Command::Latency { between: *between }],
    })
}

/// The one node that a selector names.
fn one_node(simulation: &Simulation, bindings: &Bindings, selector: &Selector, what: &str) -> Result<NodeId, String> {
    match nodes(simulation, bindings, core::slice::from_ref(selector), &[])?.as_slice() {
        [node] => Ok(*node),
        _ => Err(format!("{what} one node")),
    }
}

fn node_command(verb: NodeVerb, node: NodeId) -> Command {
    match verb {
        NodeVerb::Crash => Command::Crash(node),
        NodeVerb::Restart => Command::Restart(node),
        NodeVerb::Pause => Command::Pause(node),
        NodeVerb::Resume => Command::Resume(node),
        NodeVerb::Timeout => Command::Timeout(node),
        NodeVerb::LoseDisk => Command::LoseDisk(node),
        NodeVerb::Snapshot => Command::Snapshot(node),
    }
}

/// Whom the lists name without `rest`.
fn named(simulation: &Simulation, bindings: &Bindings, lists: &[&Targets]) -> Vec<Endpoint> {
    let selectors = lists.iter().flat_map(|list| list.iter()).filter(|selector| **selector != Selector::Rest);
    selectors
        .filter_map(|selector| resolve(simulation, bindings, core::slice::from_ref(selector), &[]).ok())
        .flatten()
        .collect()
}

/// Every node stands in one group; who is not named at all stands alone with the others like it.
fn partition(simulation: &Simulation, bindings: &Bindings, groups: &[Targets]) -> Result<Vec<Vec<NodeId>>, String> {
    let named = named(simulation, bindings, &groups.iter().collect::<Vec<_>>());
    let groups =
        groups.iter().map(|group| nodes(simulation, bindings, group, &named)).collect::<Result<Vec<_>, _>>()?;
    let mut all: Vec<NodeId> = groups.iter().flatten().copied().collect();
    few::sort(&mut all, |a, b| a < b);
    match all.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(format!("{} stands in two groups of the partition", pair[0])),
        None => Ok(groups),
    }
}

fn proposal(to: Option<NodeId>, operation: &[u8], class: Option<Class>) -> Result<Action, String> {
    let operation = AnyCommand::decode(operation).ok_or("the proposal is no command of any machine")?;
    Ok(Action::Propose { to: to.map(Selector::Node), operation, class })
}

/// A command by hand as an action that says the same.
pub(super) fn action_of(command: &Command) -> Result<Action, String> {
    let verb = |verb, node: &NodeId| Action::Nodes(verb, vec![Selector::Node(*node)]);
    let message = |verb, id: &RecordId| Action::Messages(verb, Which::Id(id.sequence));
    Ok(match command {
        Command::Propose { to, operation } => proposal(*to, operation, None)?,
        Command::ProposeAs { to, operation, class } => proposal(*to, operation, Some(*class))?,
        Command::Crash(node) => verb(NodeVerb::Crash, node),
        Command::Restart(node) => verb(NodeVerb::Restart, node),
        Command::Pause(node) => verb(NodeVerb::Pause, node),
        Command::Resume(node) => verb(NodeVerb::Resume, node),
        Command::Timeout(node) => verb(NodeVerb::Timeout, node),
        Command::LoseDisk(node) => verb(NodeVerb::LoseDisk, node),
        Command::Reconfigure { node, change } => {
            let list = |nodes: &[NodeId]| nodes.iter().copied().map(Selector::Node).collect();
            let MembershipChange { add, promote, remove, observe, edge } = change;
            if !edge.is_empty() {
                return Err("edges are asked for by the keys that they hold".into());
            }
            let to = Selector::Node(*node);
            let [add, promote, remove, observe] = [list(add), list(promote), list(remove), list(observe)];
            Action::Members { to, add, promote, remove, observe }
        }
        Command::Subscribe { node, edges, keys } => Action::Subscribe {
            to: Selector::Node(*node),
            node: edges.iter().copied().map(Selector::Node).collect(),
            keys: keys.clone(),
        },
        Command::Snapshot(node) => verb(NodeVerb::Snapshot, node),
        Command::Cut { from, to } => Action::Cut { from: vec![end(*from)], to: vec![end(*to)] },
        Command::Mend { from, to } => Action::Mend { from: vec![end(*from)], to: vec![end(*to)] },
        Command::Partition(groups) if groups.iter().all(Vec::is_empty) => Action::Heal,
        Command::Partition(groups) => {
            let groups = groups.iter().filter(|group| !group.is_empty());
            Action::Partition(groups.map(|group| group.iter().copied().map(Selector::Node).collect()).collect())
        }
        Command::Heal => Action::Heal,
        Command::Hold(id) => message(MessageVerb::Hold, id),
        Command::Drop(id) => message(MessageVerb::Drop, id),
        Command::Deliver(id) => message(MessageVerb::Deliver, id),
        Command::Duplicate(id) => message(MessageVerb::Duplicate, id),
        Command::Skew { node, by } => Action::Skew { node: vec![Selector::Node(*node)], by: *by },
        Command::Drift { node, rate_ppm } => Action::Drift { node: vec![Selector::Node(*node)], rate_ppm: *rate_ppm },
        Command::Disk { node, latency } => Action::Disk { node: vec![Selector::Node(*node)], latency: *latency },
        Command::Loss { ppm } => Action::Loss(*ppm),
        Command::Duplication { ppm } => Action::Duplication(*ppm),
        Command::Latency { between } => Action::Latency(*between),
        Command::Transfer { from, to } => {
            Action::Transfer { from: Some(Selector::Node(*from)), to: Selector::Node(*to) }
        }
        Command::Byzantine { nodes, tricks, against } => {
            let trick = |name: &String| Trick::named(name).ok_or_else(|| format!("nobody knows the trick \"{name}\""));
            Action::Byzantine {
                node: nodes.iter().copied().map(Selector::Node).collect(),
                tricks: tricks.iter().map(trick).collect::<Result<_, _>>()?,
                against: against.iter().copied().map(end).collect(),
            }
        }
        Command::Read { to, how, query } => {
            let query = AnyCommand::decode(query).filter(|query| query.asks_for().is_some());
            let query = query.ok_or("only a get can be read beside the log")?;
            Action::Read { to: to.map(Selector::Node), query, how: *how }
        }
    })
}

fn end(endpoint: Endpoint) -> Selector {
    match endpoint {
        Endpoint::Node(node) => Selector::Node(node),
        Endpoint::Client(client) => Selector::Client(client),
    }
}
