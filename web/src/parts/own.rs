//! How does a run of one's own begin?
//!
//! A machine, a profile, how many vote and how many are spare. The rest is what
//! a scenario without settings has; whoever wants more writes a scenario file.

use quorumscope_core::machine::any::MachineKind;
use quorumscope_core::raft::Profile;
use yew::prelude::*;

use crate::js;
use crate::model::Action;
use crate::words::own as words;

/// What a run starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Choice {
    machine: MachineKind,
    profile: Profile,
    voters: u32,
    spare: u32,
}

/// More voters or spare nodes than these are for scenario files.
const MOST: (u32, u32) = (9, 4);

impl Choice {
    /// As a scenario. Far links belong to the profile for them, and a client that waits long enough.
    fn toml(self) -> String {
        let Self { machine, profile, voters, spare } = self;
        let far = match profile {
            Profile::Wan => "[network]\nlatency = [\"50ms\", \"150ms\"]\n[[client]]\nid = \"c1\"\ntimeout = \"3s\"\n",
            Profile::Lan | Profile::Throughput => "",
        };
        format!(
            "name = \"{}\"\nprotocol = \"raft\"\nmachine = \"{}\"\nnodes = {}\nvoters = {voters}\nuntil = \"600s\"\n\
             {far}[protocol-config]\nprofile = \"{}\"\n",
            words::NAME,
            machine.name(),
            voters + spare,
            profile.name(),
        )
    }
}

/// What the form needs.
#[derive(Properties, PartialEq)]
pub struct Props {
    /// Where actions go.
    pub on: Callback<Action>,
}

/// The form for a new run.
#[component]
pub fn OwnRun(props: &Props) -> Html {
    let choice = use_state(|| Choice { machine: MachineKind::Kv, profile: Profile::Lan, voters: 3, spare: 2 });
    let list = |label: &'static str,
                name: &'static str,
                options: Vec<String>,
                at: usize,
                set: fn(&mut Choice, usize)| {
        let (choice, all) = (choice.clone(), options.clone());
        let choose = Callback::from(move |event: Event| {
            let text = js::field_text(&event);
            let mut next = *choice;
            all.iter().position(|option| *option == text).into_iter().for_each(|at| set(&mut next, at));
            choice.set(next);
        });
        html! {
            <label><span>{ label }</span><select data-testid={name} onchange={choose}>
                { for options.into_iter().enumerate().map(|(index, text)| html! { <option value={text.clone()} selected={index == at}>{ text }</option> }) }
            </select></label>
        }
    };
    let numbers = |from: u32, to: u32| (from..=to).map(|number| number.to_string()).collect();
    let submit = {
        let (on, choice) = (props.on.clone(), *choice);
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            on.emit(Action::Open { scenario: choice.toml(), at: None });
        })
    };
    let place = |known: Option<usize>| known.unwrap_or_default();
    let machines = MachineKind::ALL.map(|kind| kind.name().to_owned()).to_vec();
    let profiles = Profile::ALL.map(|profile| profile.name().to_owned()).to_vec();
    html! {
        <details class="own"><summary data-testid="own-run">{ words::TITLE }</summary>
            <form onsubmit={submit}>
                { list(words::MACHINE, "own-machine", machines, place(MachineKind::ALL.iter().position(|kind| *kind == choice.machine)),
                    |choice, at| choice.machine = MachineKind::ALL[at]) }
                { list(words::PROFILE, "own-profile", profiles, place(Profile::ALL.iter().position(|profile| *profile == choice.profile)),
                    |choice, at| choice.profile = Profile::ALL[at]) }
                { list(words::VOTERS, "own-voters", numbers(1, MOST.0), choice.voters as usize - 1, |choice, at| choice.voters = at as u32 + 1) }
                { list(words::SPARE, "own-spare", numbers(0, MOST.1), choice.spare as usize, |choice, at| choice.spare = at as u32) }
                <button class="primary" type="submit" data-testid="own-start">{ words::START }</button>
            </form>
        </details>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorumscope_lab::scenario::Scenario;

    #[test]
    fn every_choice_is_a_scenario_that_can_run() {
        for machine in MachineKind::ALL {
            for profile in Profile::ALL {
                for (voters, spare) in [(1, 0), (3, 2), MOST] {
                    let scenario = Scenario::from_toml(&Choice { machine, profile, voters, spare }.toml());
                    let scenario = scenario.expect("it can be read");
                    assert_eq!((scenario.machine.kind, scenario.raft.profile), (machine, profile));
                    assert_eq!(
                        (scenario.voters.len(), scenario.nodes.len()),
                        (voters as usize, (voters + spare) as usize)
                    );
                }
            }
        }
    }
}
