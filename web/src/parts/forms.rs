//! What do clients ask, and does everything hold that must?
//!
//! The lower part of the panel at the right: the clients' operations and what
//! became of them, the form that asks for more, the checks.

use quorumscope_core::few;
use quorumscope_core::machine::any::{AnyCommand, MachineKind};
use quorumscope_core::machine::kv::Operation;
use quorumscope_core::protocol::ReadHow;
use quorumscope_core::record::{Command, Fate, Verdict};
use quorumscope_core::types::{ClientId, NodeId, Span};
use quorumscope_lab::scenario::ProtocolName;
use quorumscope_lab::trace::face::{self, Sign};
use quorumscope_lab::trace::view::{OperationView, View, Violation};
use yew::prelude::*;

use crate::js;
use crate::model::Action;
use crate::shared::Shared;
use crate::source::{Expectation, Offers};
use crate::words::{act, checks as words, inspect};

/// What the clients' part needs.
#[derive(PartialEq)]
pub struct ClientsProps {
    /// What is seen.
    pub view: Shared<View>,
    /// The node that a proposal goes to; the client chooses where there is none.
    pub to: Option<NodeId>,
    /// The machine that is asked.
    pub machine: MachineKind,
    /// Operations that wait for a client to send them.
    pub pending: Vec<String>,
    /// What the source can do.
    pub offers: Offers,
    /// Where actions go.
    pub on: Callback<Action>,
}

/// At most this many operations are listed.
const OPERATIONS: usize = 5;

/// The clients' operations, latest first, and the form for the next.
pub fn clients(props: &ClientsProps) -> Html {
    let mut operations: Vec<(ClientId, &OperationView)> = props
        .view
        .clients
        .iter()
        .flat_map(|(id, client)| client.operations.iter().rev().take(OPERATIONS).map(|operation| (*id, operation)))
        .collect();
    few::sort(&mut operations, |a, b| a.1.asked > b.1.asked);
    operations.truncate(OPERATIONS);
    let protocol = props.view.runs();
    html! {
        <section class="clients">
            <h2>{ inspect::CLIENTS }</h2>
            if operations.is_empty() && props.pending.is_empty() { <p class="quiet">{ inspect::NO_OPERATIONS }</p> }
            <ul>{ for props.pending.iter().rev().map(|text| html! {
                <li class="waits" data-testid="operation"><i aria-label={words::WAITS}>{ "…" }</i><b>{ text }</b><span>{ words::WAITS }</span></li>
            }) }{ for operations.into_iter().map(|(id, operation)| line(id, operation, props.machine)) }</ul>
            if props.offers.propose {
                if props.machine == MachineKind::Kv { <Propose to={props.to} {protocol} reads={props.offers.reads} on={props.on.clone()} /> }
                else { <Order key={props.machine.name()} to={props.to} {protocol} machine={props.machine} reads={props.offers.reads} on={props.on.clone()} /> }
            }
        </section>
    }
}

fn line(client: ClientId, operation: &OperationView, machine: MachineKind) -> Html {
    let (mut sign, verdict) = face::operation(operation);
    let refused = operation.told.as_ref().is_some_and(|(_, _, result)| face::is_refusal(result));
    if machine != MachineKind::Kv && refused {
        sign = Some(Sign::Minus);
    }
    let (class, mark) = match sign {
        Some(Sign::Plus) => ("ok", "✓"),
        Some(Sign::Minus) => ("bad", "✕"),
        Some(Sign::Question) => ("unknown", "?"),
        None => ("waits", "…"),
    };
    let told = operation.told.as_ref().map_or_else(
        || match operation.heard.iter().max_by_key(|word| word.equal) {
            None => format!("{} · {}{}", words::WAITS, operation.to, words::attempts(operation.attempts)),
            Some(word) => words::not_proven(verdict, word.by, word.equal, word.needed),
        },
        |(at, _, result)| {
            // How a command that was answered early has fared is known later than its answer.
            let took = if judged(operation) { Span(0) } else { *at - operation.asked };
            words::told(told_of(operation, sign, verdict, machine, result), took) + &words::attempts(operation.attempts)
        },
    );
    html! {
        <li {class} key={format!("{client}/{}", operation.number.0)} data-testid="operation">
            <i aria-label={verdict}>{ mark }</i><b>{ &operation.operation }</b><span>{ told }</span>
        </li>
    }
}

/// What a client learned: a get and a case have an answer, everything else is done; what went wrong says so itself, and
/// what was answered early is told as it was judged.
fn told_of<'a>(
    operation: &OperationView,
    sign: Option<Sign>,
    verdict: &'a str,
    machine: MachineKind,
    result: &'a str,
) -> &'a str {
    let plain = machine != MachineKind::Workflow && !operation.operation.starts_with("get");
    if result.is_empty() || judged(operation) || (plain && sign == Some(Sign::Plus)) { verdict } else { result }
}

/// Whether it was answered early and it is known by now what has become of it.
fn judged(operation: &OperationView) -> bool {
    matches!(&operation.told, Some((_, Verdict::Early, _))) && operation.early != Some(Fate::Open)
}

#[derive(Properties, PartialEq)]
struct ProposeProps {
    to: Option<NodeId>,
    protocol: ProtocolName,
    reads: bool,
    on: Callback<Action>,
}

/// Set, get, delete; and the ways to read beside the log.
#[component]
fn Propose(props: &ProposeProps) -> Html {
    let key = use_state(|| "x".to_owned());
    let value = use_state(|| "1".to_owned());
    let write = |state: &UseStateHandle<String>| {
        let state = state.clone();
        Callback::from(move |event: InputEvent| state.set(js::field_text(&event)))
    };
    let ask = |operation: Operation| {
        let (on, to) = (props.on.clone(), props.to);
        move || on.emit(Action::Act(Command::Propose { to, operation: operation.encode() }))
    };
    let name = || (*key).trim().to_owned();
    let set = ask(Operation::Set { key: name(), value: (*value).clone() });
    let get = ask(Operation::Get { key: name() });
    let delete = ask(Operation::Delete { key: name() });
    let empty = name().is_empty();
    let query = (!empty).then(|| AnyCommand::from(Operation::Get { key: name() }));
    let submit = Callback::from(move |event: SubmitEvent| {
        event.prevent_default();
        js::leave_field(&["INPUT"]);
        set();
    });
    html! {
        <form class="propose" onsubmit={submit} aria-label={inspect::PROPOSE}>
            <input id="propose-key" data-testid="propose-key" aria-label={act::KEY} placeholder={act::KEY} value={(*key).clone()} oninput={write(&key)} maxlength="24" autocomplete="off" spellcheck="false" />
            <span aria-hidden="true">{ "=" }</span>
            <input data-testid="propose-value" aria-label={act::VALUE} placeholder={act::VALUE} value={(*value).clone()} oninput={write(&value)} maxlength="48" autocomplete="off" spellcheck="false" />
            <button class="primary" data-testid="propose-set" type="submit" disabled={empty}>{ act::SET }</button>
            <button data-testid="propose-get" type="button" disabled={empty} onclick={Callback::from(move |_: MouseEvent| get())}>{ act::GET }</button>
            <button data-testid="propose-delete" type="button" disabled={empty} onclick={Callback::from(move |_: MouseEvent| delete())}>{ act::DELETE }</button>
            if props.reads {
                <p class="reads" role="group" aria-label={act::READS}>
                    <span>{ act::READS }</span>
                    { for ways(query.as_ref(), props.to, &props.on) }
                </p>
            }
            <p class="quiet">{ if empty { act::NO_KEY.to_owned() } else { props.to.map_or_else(|| act::to_any(props.protocol).to_owned(), act::to) } }</p>
        </form>
    }
}

/// The ways to read beside the log, a button each.
fn ways(query: Option<&AnyCommand>, to: Option<NodeId>, on: &Callback<Action>) -> [Html; 3] {
    let ways = [
        (ReadHow::Index, "read-index", act::READ_INDEX),
        (ReadHow::Lease, "read-lease", act::READ_LEASE),
        (ReadHow::Stale, "read-stale", act::READ_STALE),
    ];
    ways.map(|(how, test, text)| {
        let (on, query) = (on.clone(), query.map(AnyCommand::encode));
        let disabled = query.is_none();
        let click = Callback::from(move |_: MouseEvent| {
            if let Some(query) = query.clone() {
                on.emit(Action::Act(Command::Read { to, how, query }));
            }
        });
        html! { <button data-testid={test} type="button" {disabled} onclick={click}>{ text }</button> }
    })
}

#[derive(Properties, PartialEq)]
struct OrderProps {
    to: Option<NodeId>,
    protocol: ProtocolName,
    machine: MachineKind,
    reads: bool,
    on: Callback<Action>,
}

/// A command as text, for machines that have more of them than buttons could show; and a name to read beside the log.
#[component]
fn Order(props: &OrderProps) -> Html {
    let text = use_state(|| act::example(props.machine).to_owned());
    let name = use_state(|| act::example_name(props.machine).to_owned());
    let read = AnyCommand::read(props.machine, &text);
    let query = AnyCommand::look(props.machine, name.trim());
    let write = |state: &UseStateHandle<String>| {
        let state = state.clone();
        Callback::from(move |event: InputEvent| state.set(js::field_text(&event)))
    };
    let submit = {
        let (on, to, read) = (props.on.clone(), props.to, read.clone());
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            if let Ok(command) = &read {
                js::leave_field(&["INPUT"]);
                on.emit(Action::Act(Command::Propose { to, operation: command.encode() }));
            }
        })
    };
    let look = {
        let (on, to, query) = (props.on.clone(), props.to, query.clone());
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            if let Ok(query) = &query {
                js::leave_field(&["INPUT"]);
                on.emit(Action::Act(Command::Read { to, how: ReadHow::Index, query: query.encode() }));
            }
        })
    };
    html! {
        <>
            <form class="propose order" onsubmit={submit} aria-label={inspect::PROPOSE}>
                <input id="propose-key" data-testid="propose-command" aria-label={act::COMMAND} value={(*text).clone()} oninput={write(&text)} maxlength="120" autocomplete="off" spellcheck="false" />
                <button class="primary" data-testid="propose-order" type="submit" disabled={read.is_err()}>{ act::ORDER }</button>
                <p class="quiet">{ match read { Err(why) => why, Ok(_) => props.to.map_or_else(|| act::to_any(props.protocol).to_owned(), act::to) } }</p>
            </form>
            if props.reads {
                <form class="propose order" onsubmit={look} aria-label={act::READS}>
                    <p class="reads">
                        <span>{ act::READS }</span>
                        <input data-testid="read-name" aria-label={act::NAME} value={(*name).clone()} oninput={write(&name)} maxlength="48" autocomplete="off" spellcheck="false" />
                        { for ways(query.as_ref().ok(), props.to, &props.on) }
                    </p>
                    if let Err(why) = query { <p class="quiet">{ why }</p> }
                </form>
            }
        </>
    }
}

/// What the checks need.
#[derive(PartialEq)]
pub struct ChecksProps {
    /// What is seen.
    pub view: Shared<View>,
    /// How the scenario's expectations stand.
    pub expectations: Shared<Vec<Expectation>>,
    /// What is settled of them at the cursor, one by one.
    pub verdicts: Vec<Option<bool>>,
    /// Whether the run is not seen yet: then nothing is said of it.
    pub computing: bool,
    /// What the source can do: a live cluster is not checked.
    pub offers: Offers,
}

/// The properties that are checked after every event, and the scenario's expectations.
pub fn checks(props: &ChecksProps) -> Html {
    if !props.offers.past {
        return html! { <section class="checks"><p class="quiet">{ words::LIVE }</p></section> };
    }
    if props.computing {
        return html! { <section class="checks" data-testid="checks"><h2>{ inspect::CHECKS }</h2><p class="quiet">{ words::COMPUTING }</p></section> };
    }
    let broken = |name: &str| props.view.violations.iter().find(|violation| same_property(&violation.property, name));
    // Without edges there is nothing that could be wrong with them.
    let edges = !props.view.members().edges.is_empty();
    let checked = |name: &&&str| edges || **name != words::EDGE_STATE || broken(name).is_some();
    let properties = props.view.checked();
    // A property that is broken once is broken; its first contradiction says most.
    let mut others: Vec<&Violation> = Vec::new();
    for violation in &props.view.violations {
        let listed = others.iter().any(|other| other.property == violation.property);
        if !listed && !properties.iter().any(|name| same_property(&violation.property, name)) {
            others.push(violation);
        }
    }
    html! {
        <section class="checks" data-testid="checks">
            <h2>{ inspect::CHECKS }</h2>
            <ul>
                { for properties.iter().filter(checked).map(|name| match broken(name) {
                    None => html! { <li class="ok" key={*name}><i>{ "✓" }</i><b>{ *name }</b></li> },
                    Some(violation) => html! { <li class="bad" key={*name}><i>{ "✕" }</i><b>{ *name }</b><span>{ &violation.detail }</span></li> },
                }) }
                { for others.into_iter().map(|violation| html! {
                    <li class="bad"><i>{ "✕" }</i><b>{ &violation.property }</b><span>{ &violation.detail }</span></li>
                }) }
            </ul>
            if !props.expectations.is_empty() {
                <h2>{ inspect::EXPECTED }</h2>
                <ul>{ for props.expectations.iter().zip(&props.verdicts).map(|(expected, verdict)| {
                    let (class, mark) = match verdict { Some(true) => ("ok", "✓"), Some(false) => ("bad", "✕"), None => ("waits", "…") };
                    html! { <li {class}><i>{ mark }</i><b>{ &expected.text }</b>
                        if *verdict == Some(false) { <span>{ &expected.detail }</span> }
                        if verdict.is_none() { <span>{ words::OPEN }</span> }</li> }
                }) }</ul>
            }
        </section>
    }
}

/// Whether two spellings name one property: case, blanks and hyphens do not matter.
fn same_property(one: &str, other: &str) -> bool {
    let letters = |text: &str| -> String {
        text.chars().filter(char::is_ascii_alphabetic).map(|letter| letter.to_ascii_lowercase()).collect()
    };
    let (one, other) = (letters(one), letters(other));
    one == other || one.ends_with(&other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_in_one_report_has_no_measured_time() {
        assert_eq!(words::told("done", Span(0)), "done");
        assert_eq!(words::told("done", Span(31_000)), "done after 31 ms");
        assert_eq!(words::told("not held there", Span(48_000)), "not held there, after 48 ms");
    }

    #[test]
    fn a_property_is_known_by_any_of_its_spellings() {
        assert!(same_property("raft.leader-append-only", "Leader append-only"));
        assert!(same_property("election_safety", "Election safety"));
        assert!(!same_property("log matching", "Election safety"));
    }
}
