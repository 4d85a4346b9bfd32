//! Claims about all machines, checked on random commands.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::any::{AnyCommand, AnyMachine, MachineKind};
use super::kv::{Answer, KeyValue, Operation};
use super::session::{Payload, SessionAnswer, Sessions};
use super::*;
use crate::types::{ClientId, RequestNumber, Span};

/// A command and how much log time passes before it.
type Step = (u64, AnyCommand);

fn key() -> impl Strategy<Value = String> {
    "[abc](/[xy])?"
}

fn kv() -> impl Strategy<Value = AnyCommand> {
    prop_oneof![
        (key(), "[0-9]{1,2}").prop_map(|(key, value)| Operation::Set { key, value }),
        (key(), "[0-9]{1,2}", 0u64..40).prop_map(|(key, value, ttl)| Operation::SetFor { key, value, ttl: Span(ttl) }),
        key().prop_map(|key| Operation::Get { key }),
        key().prop_map(|key| Operation::Delete { key }),
    ]
    .prop_map(AnyCommand::Kv)
}

fn workflow() -> impl Strategy<Value = AnyCommand> {
    let verbs = prop_oneof![
        Just("create case"),
        Just("update case"),
        Just("apply policy"),
        Just("deploy overlay"),
        Just("custom")
    ];
    let changes = (verbs, "c[12]", 1u64..6, "[a-c]").prop_map(|(verb, case, version, word)| {
        let more = if verb == "custom" { " fact" } else { "" };
        format!("{verb} {case} v{version}{more} {word}")
    });
    let text = prop_oneof![9 => changes, 1 => "get c[12](/fact|/policies)?"];
    text.prop_map(|text| AnyCommand::read(MachineKind::Workflow, &text).expect("a command"))
}

fn cluster() -> impl Strategy<Value = AnyCommand> {
    let name = || "[ab]";
    let text = prop_oneof![
        (name(), 1u64..9).prop_map(|(node, capacity)| format!("join node {node} zone {capacity}")),
        name().prop_map(|node| format!("leave node {node}")),
        (name(), name()).prop_map(|(agent, node)| format!("spawn agent {agent} {node}")),
        name().prop_map(|agent| format!("kill agent {agent}")),
        (name(), name(), 1u64..6)
            .prop_map(|(name, agent, amount)| format!("allocate resource {name} {agent} {amount}")),
        (name(), name(), 1u64..6, 1u64..9)
            .prop_map(|(name, agent, amount, ttl)| format!("allocate resource {name} {agent} {amount} for {ttl}")),
        name().prop_map(|name| format!("free resource {name}")),
        (name(), name(), 1u64..4)
            .prop_map(|(name, value, version)| format!("configure setting {name} {value} {version}")),
        name().prop_map(|node| format!("quarantine node {node} lied")),
        name().prop_map(|node| format!("release node {node}")),
        (name(), name(), 1u64..4).prop_map(|(node, evidence, cost)| format!("slash node {node} {evidence} {cost}")),
    ];
    let changes =
        (text, prop_oneof![9 => Just(0u64), 1 => 0u64..3]).prop_map(|(text, epoch)| format!("epoch {epoch} {text}"));
    let text = prop_oneof![9 => changes, 1 => "get (epoch|(node|agent|resource|setting|evidence)/[ab])"];
    text.prop_map(|text| AnyCommand::read(MachineKind::Cluster, &text).expect("a command"))
}

fn run() -> impl Strategy<Value = (MachineKind, Vec<Step>)> {
    let steps = |command: BoxedStrategy<AnyCommand>| prop::collection::vec((0u64..3_000, command), 0..60);
    prop_oneof![
        prop::collection::vec((0u64..30, kv()), 0..60).prop_map(|steps| (MachineKind::Kv, steps)),
        steps(workflow().boxed()).prop_map(|steps| (MachineKind::Workflow, steps)),
        steps(cluster().boxed()).prop_map(|steps| (MachineKind::Cluster, steps)),
    ]
}

/// Applies a step, whose place in the run is its index.
fn apply(machine: &mut AnyMachine, now: &mut Now, (passes, command): &Step) -> Answer {
    now.time += passes;
    now.index += 1;
    Answer::decode(&machine.apply(LogIndex(now.index), Wall(now.time), &command.encode())).expect("an answer")
}

/// How far a replica has got.
#[derive(Clone, Copy, Default)]
struct Now {
    time: u64,
    index: u64,
}

/// What a store with times to live should hold, without any index: every key with its last write.
fn model(now: u64, writes: &BTreeMap<String, (String, Option<u64>)>) -> BTreeMap<String, String> {
    let alive = writes.iter().filter(|(_, (_, expires))| expires.is_none_or(|at| at > now));
    alive.map(|(key, (value, _))| (key.clone(), value.clone())).collect()
}

proptest! {
    #[test]
    fn a_command_reads_back_from_its_bytes_and_from_its_text((kind, steps) in run()) {
        for (_, command) in steps {
            prop_assert_eq!(AnyCommand::decode(&command.encode()), Some(command.clone()));
            if kind != MachineKind::Kv {
                prop_assert_eq!(AnyCommand::read(kind, &command.to_string()), Ok(command));
            }
        }
    }

    #[test]
    fn a_restored_machine_goes_on_as_if_nothing_had_been((kind, steps) in run(), cut in 0usize..60) {
        let (mut whole, mut now) = (AnyMachine::new(kind), Now::default());
        let cut = cut.min(steps.len());
        for step in &steps[..cut] {
            apply(&mut whole, &mut now, step);
        }
        let mut restored = AnyMachine::new(kind);
        prop_assert_eq!(restored.restore(&whole.snapshot()), Ok(()));
        prop_assert_eq!(&restored, &whole);
        prop_assert_eq!(restored.next_expiry(), whole.next_expiry());
        let mut later = now;
        for step in &steps[cut..] {
            prop_assert_eq!(apply(&mut restored, &mut later, step), apply(&mut whole, &mut now, step));
            prop_assert_eq!(restored.digest(), whole.digest());
        }
        prop_assert_eq!(restored.snapshot(), whole.snapshot());
    }

    #[test]
    fn damaged_snapshots_are_refused_or_another_state_and_never_a_panic(
        (kind, steps) in run(), at in any::<prop::sample::Index>(), with in any::<u8>()
    ) {
        let (mut machine, mut now) = (AnyMachine::new(kind), Now::default());
        steps.iter().for_each(|step| drop(apply(&mut machine, &mut now, step)));
        let whole = machine.snapshot();
        let before = machine.clone();
        for length in 0..whole.len() {
            prop_assert_eq!(machine.restore(&whole[..length]), Err(NotAState));
        }
        prop_assert_eq!(&machine, &before, "what is refused changes nothing");
        let mut damaged = whole.to_vec();
        let position = at.index(damaged.len());
        damaged[position] ^= with;
        if machine.restore(&damaged).is_ok() {
            machine.advance(Wall(u64::MAX));
        }
    }

    #[test]
    fn digests_are_equal_exactly_where_states_are((kind, steps) in run()) {
        let (mut machine, mut now) = (AnyMachine::new(kind), Now::default());
        let mut seen: Vec<AnyMachine> = vec![machine.clone()];
        for step in &steps {
            apply(&mut machine, &mut now, step);
            seen.push(machine.clone());
        }
        for one in &seen {
            for other in &seen {
                prop_assert_eq!(one == other, one.digest() == other.digest());
                prop_assert_eq!(one == other, one.snapshot() == other.snapshot());
            }
        }
    }

    #[test]
    fn a_store_with_times_to_live_equals_a_model_that_looks_at_every_key(
        steps in prop::collection::vec((0u64..30, kv()), 0..80)
    ) {
        let (mut machine, mut now) = (AnyMachine::new(MachineKind::Kv), Now::default());
        let mut writes = BTreeMap::new();
        for step in &steps {
            let then = now.time + step.0;
            let before = model(then, &writes);
            let answer = apply(&mut machine, &mut now, step);
            let AnyCommand::Kv(operation) = &step.1 else { unreachable!("only the store's commands are drawn") };
            prop_assert_eq!(answer, Answer::Value(before.get(operation.key()).cloned()));
            match operation.clone() {
                Operation::Set { key, value } => drop(writes.insert(key, (value, None))),
                Operation::SetFor { key, value, ttl } => drop(writes.insert(key, (value, Some(now.time + ttl.0)))),
                Operation::Delete { key } => drop(writes.remove(&key)),
                Operation::Get { .. } => {}
            }
            let AnyMachine::Kv(store) = &machine else { unreachable!("a store stays one") };
            let held: BTreeMap<String, String> = store.iter().map(|(key, value)| (key.into(), value.into())).collect();
            prop_assert_eq!(held, model(now.time, &writes));
            let next = writes.values().filter_map(|(_, expires)| *expires).filter(|at| *at > now.time).min();
            prop_assert_eq!(store.next_expiry(), next.map(Wall));
        }
    }

    #[test]
    fn a_tick_and_a_command_expire_alike((kind, steps) in run()) {
        let (mut with, mut without) = (AnyMachine::new(kind), AnyMachine::new(kind));
        let (mut now, mut then) = (Now::default(), Now::default());
        for step in &steps {
            for early in 0..=step.0.min(5) {
                with.advance(Wall(now.time + early));
            }
            with.advance(Wall(now.time + step.0));
            prop_assert_eq!(apply(&mut with, &mut now, step), apply(&mut without, &mut then, step));
        }
        prop_assert_eq!(with, without);
    }

    #[test]
    fn a_projection_needs_only_the_commands_of_its_ranges((kind, steps) in run()) {
        let ranges = [range_of("a"), range_of("c1")];
        let (mut whole, mut edge, mut now, mut then) = (AnyMachine::new(kind), AnyMachine::new(kind), Now::default(), Now::default());
        for step in &steps {
            apply(&mut whole, &mut now, step);
            let touched = AnyMachine::ranges(&step.1.encode());
            if touched.is_empty() || touched.iter().any(|range| ranges.contains(range)) {
                apply(&mut edge, &mut then, step);
            } else {
                (then.time, then.index) = (now.time, now.index);
                edge.advance(Wall(then.time));
            }
            prop_assert_eq!(&edge, &whole.project(&ranges));
        }
    }

    /// A case that gets every change of a history, each any number of times, in any order that keeps first copies
    /// in order, is as if it had got each once.
    #[test]
    fn copies_of_changes_change_no_case(
        words in prop::collection::vec("[a-d]", 1..20), copies in prop::collection::vec(any::<prop::sample::Index>(), 0..40)
    ) {
        let text = |at: usize| match at {
            0 => format!("create case c1 {}", words[0]),
            at => format!("update case c1 v{} {}", at + 1, words[at]),
        };
        let step = |at: usize| (0, AnyCommand::read(MachineKind::Workflow, &text(at)).expect("a command"));
        let (mut once, mut often, mut now) =
            (AnyMachine::new(MachineKind::Workflow), AnyMachine::new(MachineKind::Workflow), Now::default());
        for at in 0..words.len() {
            apply(&mut once, &mut now, &step(at));
            prop_assert!(matches!(apply(&mut often, &mut now, &step(at)), Answer::Value(_)));
            for copy in &copies {
                let answer = apply(&mut often, &mut now, &step(copy.index(at + 1)));
                prop_assert_eq!(answer, Answer::Value(once.look("c1")));
            }
            prop_assert_eq!(&once, &often);
        }
    }

    /// Every numbered command arrives in some order, some of them several times: each is applied once, and every
    /// copy gets the answer of the first.
    #[test]
    fn a_session_applies_each_number_once_however_often_and_in_whatever_order_it_comes(
        arrivals in prop::collection::vec(2u64..20, 0..80)
    ) {
        let mut sessions = Sessions::<KeyValue>::default();
        let client = ClientId(1);
        sessions.apply(LogIndex(1), Wall(0), client, RequestNumber(1), &Payload::Open.encode());
        let (mut model, mut answers) = (KeyValue::default(), BTreeMap::new());
        for (index, number) in (2..).zip(&arrivals) {
            let command = Operation::Set { key: "x".into(), value: number.to_string() }.encode();
            let payload = Payload::Command { session: LogIndex(1), acknowledged: RequestNumber(0), command: command.clone() }.encode();
            let got = sessions.apply(LogIndex(index), Wall(0), client, RequestNumber(*number), &payload);
            let first = answers.entry(*number).or_insert_with(|| model.apply(LogIndex(index), Wall(0), &command));
            prop_assert_eq!(got, SessionAnswer::Result(first.clone()));
            prop_assert_eq!(sessions.machine(), &model);
        }
    }
}
