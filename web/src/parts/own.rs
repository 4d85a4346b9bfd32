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

/// The names of the lists.
const MACHINE: &str = "own-machine";
const PROFILE: &str = "own-profile";
const VOTERS: &str = "own-voters";
const SPARE: &str = "own-spare";

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

/// The form for a new run.
pub fn own_run(on: &Callback<Action>) -> Html {
    let list = |label: &'static str, name: &'static str, options: Vec<String>, first: &str| {
        html! {
            <label><span>{ label }</span><select data-testid={name}>
                { for options.into_iter().map(|text| html! { <option value={text.clone()} selected={text == first}>{ text }</option> }) }
            </select></label>
        }
    };
    let numbers = |from: u32, to: u32| (from..=to).map(|number| number.to_string()).collect();
    let on = on.clone();
    let submit = Callback::from(move |event: SubmitEvent| {
        event.prevent_default();
        let chosen = |name| js::take_choice(&event, name, None);
        let number = |name| chosen(name).parse().unwrap_or(1);
        let (machine, profile) = (chosen(MACHINE), chosen(PROFILE));
        let choice = Choice {
            machine: MachineKind::ALL.into_iter().find(|kind| kind.name() == machine).unwrap_or_default(),
            profile: Profile::ALL.into_iter().find(|kind| kind.name() == profile).unwrap_or_default(),
            voters: number(VOTERS),
            spare: number(SPARE),
        };
        on.emit(Action::Open { scenario: choice.toml(), at: None });
    });
    let machines = MachineKind::ALL.map(|kind| kind.name().to_owned()).to_vec();
    let profiles = Profile::ALL.map(|profile| profile.name().to_owned()).to_vec();
    html! {
        <details class="own"><summary data-testid="own-run">{ words::TITLE }</summary>
            <form onsubmit={submit}>
                { list(words::MACHINE, MACHINE, machines, "kv") }
                { list(words::PROFILE, PROFILE, profiles, "lan") }
                { list(words::VOTERS, VOTERS, numbers(1, MOST.0), "3") }
                { list(words::SPARE, SPARE, numbers(0, MOST.1), "2") }
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
