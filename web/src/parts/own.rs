//! How does a run of one's own begin?
//!
//! A protocol, a machine, how many vote and how many are spare; a profile where
//! there are some. The rest is what a scenario without settings has; whoever
//! wants more writes a scenario file.

use quorumscope_core::machine::any::MachineKind;
use quorumscope_core::raft::Profile;
use quorumscope_lab::scenario::ProtocolName;
use yew::prelude::*;

use crate::js;
use crate::model::Action;
use crate::words::own as words;

/// What a run starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Choice {
    protocol: ProtocolName,
    machine: MachineKind,
    profile: Profile,
    voters: u32,
    spare: u32,
}

/// The names of the lists.
const PROTOCOL: &str = "own-protocol";
const MACHINE: &str = "own-machine";
const PROFILE: &str = "own-profile";
const VOTERS: &str = "own-voters";
const SPARE: &str = "own-spare";

/// More voters or spare nodes than these are for scenario files.
const MOST: (u32, u32) = (9, 4);

/// Whether there are profiles to choose from.
fn has_profiles(protocol: ProtocolName) -> bool {
    protocol == ProtocolName::Raft
}

/// As few voters as bear a fault: one that crashes, or one that lies; and what stands by.
fn usual(protocol: ProtocolName) -> (u32, u32) {
    match protocol {
        ProtocolName::Raft => (3, 2),
        ProtocolName::Pbft | ProtocolName::HotStuff | ProtocolName::Hybrid => (4, 1),
    }
}

impl Choice {
    /// As a scenario. Far links belong to the profile for them, and a client that waits long enough.
    fn toml(self) -> String {
        let Self { protocol, machine, profile, voters, spare } = self;
        let rest = match profile {
            _ if !has_profiles(protocol) => String::new(),
            Profile::Wan => "[network]\nlatency = [\"50ms\", \"150ms\"]\n[[client]]\nid = \"c1\"\ntimeout = \"3s\"\n\
                 [protocol-config]\nprofile = \"wan\"\n"
                .into(),
            Profile::Lan | Profile::Throughput => format!("[protocol-config]\nprofile = \"{}\"\n", profile.name()),
        };
        format!(
            "name = \"{}\"\nprotocol = \"{}\"\nmachine = \"{}\"\nnodes = {}\nvoters = {voters}\nuntil = \"600s\"\n{rest}",
            words::NAME,
            protocol.name(),
            machine.name(),
            voters + spare,
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
    let protocol = use_state(|| ProtocolName::Raft);
    let named = |name: &str| ProtocolName::named(name).unwrap_or(ProtocolName::Raft);
    let list = |label: &'static str, name: &'static str, options: Vec<String>, first: String| {
        // Another protocol has other lists: they begin anew with it.
        html! {
            <label key={format!("{name}-{}", protocol.name())}><span>{ label }</span><select data-testid={name}>
                { for options.into_iter().map(|text| html! { <option value={text.clone()} selected={text == first}>{ text }</option> }) }
            </select></label>
        }
    };
    let numbers = |from: u32, to: u32| (from..=to).map(|number| number.to_string()).collect();
    let change = {
        let protocol = protocol.clone();
        Callback::from(move |event: Event| protocol.set(named(&js::field_text(&event))))
    };
    let submit = {
        let (on, protocol) = (props.on.clone(), *protocol);
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            let chosen = |name| js::take_choice(&event, name, None);
            let number = |name, usual| chosen(name).parse().unwrap_or(usual);
            let (machine, profile) = (chosen(MACHINE), chosen(PROFILE));
            let (voters, spare) = usual(protocol);
            let choice = Choice {
                protocol,
                machine: MachineKind::ALL.into_iter().find(|kind| kind.name() == machine).unwrap_or_default(),
                profile: Profile::ALL.into_iter().find(|kind| kind.name() == profile).unwrap_or_default(),
                voters: number(VOTERS, voters),
                spare: number(SPARE, spare),
            };
            on.emit(Action::Open { scenario: choice.toml(), at: None });
        })
    };
    let machines = MachineKind::ALL.map(|kind| kind.name().to_owned()).to_vec();
    let profiles = Profile::ALL.map(|profile| profile.name().to_owned()).to_vec();
    let (voters, spare) = usual(*protocol);
    html! {
        <details class="own"><summary data-testid="own-run">{ words::TITLE }</summary>
            <form onsubmit={submit}>
                <label><span>{ words::PROTOCOL }</span><select data-testid={PROTOCOL} onchange={change}>
                    { for ProtocolName::ALL.into_iter().map(|name| html! { <option value={name.name()} selected={name == *protocol}>{ words::protocol(name) }</option> }) }
                </select></label>
                { list(words::MACHINE, MACHINE, machines, "kv".into()) }
                if has_profiles(*protocol) { { list(words::PROFILE, PROFILE, profiles, "lan".into()) } }
                { list(words::VOTERS, VOTERS, numbers(1, MOST.0), voters.to_string()) }
                { list(words::SPARE, SPARE, numbers(0, MOST.1), spare.to_string()) }
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
        for protocol in ProtocolName::ALL {
            for machine in MachineKind::ALL {
                for profile in Profile::ALL {
                    for (voters, spare) in [(1, 0), usual(protocol), MOST] {
                        let choice = Choice { protocol, machine, profile, voters, spare };
                        let scenario = Scenario::from_toml(&choice.toml()).expect("it can be read");
                        assert_eq!((scenario.protocol, scenario.machine.kind), (protocol, machine));
                        assert!(!has_profiles(protocol) || scenario.raft.profile == profile);
                        assert_eq!(
                            (scenario.voters.len(), scenario.nodes.len()),
                            (voters as usize, (voters + spare) as usize)
                        );
                        quorumscope_lab::scenario::Run::new(&scenario).expect("it can run");
                    }
                }
            }
        }
    }
}
