//! How are members changed?
//!
//! One at a time from a node's own menu, or several in one step by a form. In
//! Raft the leader is asked, where nodes may lie the operator signs a request,
//! which an honest node passes on; what comes of it, and why not, the run tells.

use litemap::LiteMap;
use quorumscope_core::few;
use quorumscope_core::membership::MembershipChange;
use quorumscope_core::record::Command;
use quorumscope_core::types::NodeId;
use quorumscope_lab::trace::face;
use quorumscope_lab::trace::members::{Changing, Part};
use quorumscope_lab::trace::view::{Liveness, View};
use yew::prelude::*;

use crate::js;
use crate::model::{Action, Notice};
use crate::shared::Shared;
use crate::words::act;

/// What may be asked for a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Add,
    Observe,
    Promote,
    Remove,
}

impl Deed {
    const ALL: [Self; 4] = [Self::Add, Self::Observe, Self::Promote, Self::Remove];

    fn words(self, changing: Changing) -> &'static str {
        match (self, changing) {
            (Self::Add, _) => act::ADD,
            (Self::Observe, _) => act::OBSERVE,
            (Self::Promote, Changing::ByEpochs) => act::GIVE_VOTE,
            (Self::Remove, Changing::ByEpochs) => act::TAKE_VOTE,
            (Self::Promote, Changing::ByLog) => act::PROMOTE,
            (Self::Remove, Changing::ByLog) => act::REMOVE,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Observe => "observe",
            Self::Promote => "promote",
            Self::Remove => "remove",
        }
    }

    /// Whether it makes sense for a node of this part.
    fn fits(self, part: Part) -> bool {
        match self {
            Self::Add | Self::Observe => part == Part::Spare,
            Self::Promote => matches!(part, Part::Learner | Part::StandsBy | Part::Retired),
            Self::Remove => matches!(part, Part::Voter | Part::Joining | Part::Learner | Part::Observer | Part::Edge),
        }
    }
}

/// The change that all of this comes to.
fn change(wanted: &LiteMap<NodeId, Deed>) -> MembershipChange {
    let whom = |deed| wanted.iter().filter(|(_, wanted)| **wanted == deed).map(|(node, _)| *node).collect();
    MembershipChange {
        add: whom(Deed::Add),
        promote: whom(Deed::Promote),
        remove: whom(Deed::Remove),
        observe: whom(Deed::Observe),
        edge: Vec::new(),
    }
}

/// Whether nobody would have a vote after this: every voter is taken out and nobody gets one.
fn leaves_nobody(view: &View, wanted: &LiteMap<NodeId, Deed>) -> bool {
    let members = view.members();
    let votes = |node: &NodeId| match wanted.get(node) {
        Some(Deed::Remove) => false,
        Some(Deed::Promote) => true,
        Some(Deed::Add | Deed::Observe) | None => {
            members.is_voter(*node) && matches!(view.part_among(*node, &members), Part::Voter | Part::Joining)
        }
    };
    !wanted.is_empty() && !view.nodes.keys().any(votes)
}

/// What can be done to a node as a member, and at the leader the form for several. `subscribing` says whether there are
/// parts of the state that it could subscribe to.
pub fn actions_of_member(id: NodeId, view: &Shared<View>, subscribing: bool, on: &Callback<Action>) -> Html {
    let changing = view.changing();
    let Some(leader) = asked(view) else {
        let nobody = if changing == Changing::ByEpochs { act::NOBODY_TO_ASK } else { act::NO_LEADER };
        return html! { <p class="quiet">{ nobody }</p> };
    };
    let part = view.part(id);
    let button = |deed: Deed| {
        let mut wanted = LiteMap::new();
        wanted.insert(id, deed);
        let command = Command::Reconfigure { node: leader, change: change(&wanted) };
        let on = on.clone();
        let click = Callback::from(move |_: MouseEvent| on.emit(Action::Act(command.clone())));
        html! { <button data-testid={deed.name()} onclick={click}>{ deed.words(changing) }</button> }
    };
    html! {
        <>
            <div class="actions">{ for Deed::ALL.into_iter().filter(|deed| deed.fits(part)).map(button) }</div>
            if subscribing && part == Part::Spare { { subscription(id, leader, on) } }
            if id == leader || changing == Changing::ByEpochs { { form(leader, view, on) } }
        </>
    }
}

/// Who is asked: the leader; where nodes may lie an honest one, or the first honest voter that runs.
fn asked(view: &View) -> Option<NodeId> {
    let honest = |node: &NodeId| view.nodes.get(node).is_some_and(|node| !node.lies && node.liveness == Liveness::Up);
    match view.changing() {
        Changing::ByLog => view.leader(),
        Changing::ByEpochs => view.leader().filter(honest).or_else(|| view.voters.iter().copied().find(honest)),
    }
}

/// The names of what is to be held, each once: keys with the same text before the first `/` are one range.
fn ranges(text: &str) -> Vec<String> {
    let names = text.split([' ', ',']).filter_map(|key| key.split('/').next()).filter(|name| !name.is_empty());
    few::distinct(names.map(str::to_owned))
}

/// Joins as an edge: which keys it is to hold is written.
fn subscription(id: NodeId, leader: NodeId, on: &Callback<Action>) -> Html {
    let on = on.clone();
    let submit = Callback::from(move |event: SubmitEvent| {
        event.prevent_default();
        let keys = ranges(&js::line(&event));
        if !keys.is_empty() {
            js::leave_field(&["INPUT"]);
            on.emit(Action::Act(Command::Subscribe { node: leader, edges: vec![id], keys }));
        }
    });
    html! {
        <form class="subscribe" key={id.0} onsubmit={submit}>
            <input data-testid="subscribe-keys" aria-label={act::KEYS} placeholder={act::KEYS_EXAMPLE} maxlength="96" required=true autocomplete="off" spellcheck="false" />
            <button data-testid="subscribe" type="submit">{ act::SUBSCRIBE }</button>
            <p class="quiet">{ act::KEYS_HINT }</p>
        </form>
    }
}

/// Several changes in one step: with votes that come and go it is a joint one.
fn form(leader: NodeId, view: &Shared<View>, on: &Callback<Action>) -> Html {
    let (members, changing) = (view.members(), view.changing());
    let (title, ask, hint) = match changing {
        Changing::ByEpochs => (act::CHANGE_VOTERS, act::ASK_AS_OPERATOR, Some(act::EPOCH_HINT)),
        Changing::ByLog => (act::CHANGE_MEMBERS, act::PROPOSE_CHANGE, None),
    };
    let list = |node: NodeId| format!("wanted-{node}");
    let row = |node: NodeId| {
        let part = view.part_among(node, &members);
        html! {
            <label key={node.0}><b>{ node.to_string() }</b><span>{ face::part_words(part) }</span>
                <select data-testid={list(node)}>
                    <option key="" value="" selected=true>{ act::STAYS }</option>
                    { for Deed::ALL.into_iter().filter(|deed| deed.fits(part)).map(|deed| html! {
                        <option key={deed.name()} value={deed.name()}>{ deed.words(changing) }</option>
                    }) }
                </select>
            </label>
        }
    };
    let submit = {
        let (on, view) = (on.clone(), view.clone());
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            let chosen = |node: &NodeId, after| js::take_choice(&event, &list(*node), after);
            let deed = |name: String| Deed::ALL.into_iter().find(|deed| deed.name() == name);
            let wanted = few::map(view.nodes.keys().filter_map(|node| Some((*node, deed(chosen(node, None))?))));
            if leaves_nobody(&view, &wanted) {
                // What was chosen stays, to be mended.
                on.emit(Action::Notice(Some(Notice { text: act::NOBODY_VOTES.into(), bad: true, undo: false })));
                return;
            }
            if wanted.is_empty() {
                on.emit(Action::Notice(Some(Notice { text: act::NOTHING_CHOSEN.into(), bad: true, undo: false })));
                return;
            }
            view.nodes.keys().for_each(|node| drop(chosen(node, Some(""))));
            on.emit(Action::Act(Command::Reconfigure { node: leader, change: change(&wanted) }));
        })
    };
    html! {
        <details class="members"><summary data-testid="change-members">{ title }</summary>
            if let Some(hint) = hint { <p class="quiet">{ hint }</p> }
            if let Some(waits) = view.change_waits() { <p class="quiet" data-testid="change-waits">{ waits }</p> }
            <form onsubmit={submit}>
                { for view.nodes.keys().map(|node| row(*node)) }
                <button class="primary" type="submit" data-testid="ask-change">{ ask }</button>
            </form>
        </details>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_one_change_with_every_deed_in_its_list() {
        let mut wanted = LiteMap::new();
        for (node, deed) in [(1, Deed::Remove), (2, Deed::Promote), (3, Deed::Add), (4, Deed::Observe)] {
            wanted.insert(NodeId(node), deed);
        }
        let list = |node| vec![NodeId(node)];
        let (add, promote, remove, observe) = (list(3), list(2), list(1), list(4));
        let expected = MembershipChange { add, promote, remove, observe, edge: Vec::new() };
        assert_eq!(change(&wanted), expected);
    }

    #[test]
    fn a_change_that_leaves_nobody_a_vote_is_known_before_it_is_asked_for() {
        let mut view = View { protocol: "pbft".into(), voters: (1..=4).map(NodeId).collect(), ..View::default() };
        for id in 1..=5 {
            view.nodes.insert(NodeId(id), quorumscope_lab::trace::view::NodeView::default());
        }
        let mut wanted = LiteMap::new();
        assert!(!leaves_nobody(&view, &wanted), "nothing is asked for");
        for id in 1..=4 {
            assert!(!leaves_nobody(&view, &wanted), "n{id} is left");
            wanted.insert(NodeId(id), Deed::Remove);
        }
        assert!(leaves_nobody(&view, &wanted));
        wanted.insert(NodeId(5), Deed::Promote);
        assert!(!leaves_nobody(&view, &wanted), "n5 gets a vote");
    }

    #[test]
    fn keys_are_told_apart_by_blanks_and_commas_and_name_their_range_once() {
        assert_eq!(ranges(" cart/2, user  cart"), ["cart", "user"]);
        assert!(ranges(" ,/ ").is_empty());
    }

    #[test]
    fn a_voter_is_not_promoted_and_only_a_spare_node_joins() {
        let deeds = |part| Deed::ALL.into_iter().filter(|deed| deed.fits(part)).collect::<Vec<_>>();
        assert_eq!(deeds(Part::Voter), [Deed::Remove]);
        assert_eq!(deeds(Part::Learner), [Deed::Promote, Deed::Remove]);
        assert_eq!(deeds(Part::Spare), [Deed::Add, Deed::Observe]);
        assert_eq!(deeds(Part::Leaving), []);
        assert_eq!([deeds(Part::StandsBy), deeds(Part::Retired)], [[Deed::Promote], [Deed::Promote]]);
    }
}
