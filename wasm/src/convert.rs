//! JavaScript values in, JavaScript values out: the only file that knows both sides.

//!
//! Arguments are read member by member with `Reflect`, which hands an exception
//! of the caller's own getters back as a value; unknown members are refused.

use js_sys::{Array, Error as JsError, Reflect};
use quorumscope_core::machine::any::{AnyCommand, MachineKind};
use quorumscope_core::machine::kv::Operation;
use quorumscope_core::types::{NodeId, NotANode, RecordId, Time};
use quorumscope_lab::scenario::{MAX_NODES, unknown};
use serde::Serialize;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::{JsCast as _, JsValue};

use crate::error::Error;

/// What a run is started with.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// A scenario document.
    pub scenario: Option<String>,
    /// `raft`.
    pub protocol: Option<String>,
    /// How many nodes; a float, since that is what JavaScript has.
    pub nodes: Option<f64>,
    /// The seed.
    pub seed: Option<f64>,
    /// When the run ends, in milliseconds.
    pub until: Option<f64>,
    /// Whether records are made.
    pub records: Option<bool>,
}

/// Which records are wanted.
#[derive(Clone, Debug, Default)]
pub struct RecordsOptions {
    /// Only those after this one.
    pub since: Option<RecordId>,
    /// With their lines of a trace file.
    pub lines: bool,
}

impl From<Error> for JsValue {
    fn from(error: Error) -> Self {
        let value = JsError::new(&error.to_string());
        // A fresh `Error` object takes any property.
        let _set = Reflect::set(&value, &"code".into(), &error.code().into());
        value.into()
    }
}

/// An object whose members are read; errors are in words.
struct Members<'a>(Option<&'a JsValue>);

impl<'a> Members<'a> {
    /// Refuses what is no object, and members that nobody reads. A missing object has no members.
    fn of(value: &'a JsValue, known: &[&str]) -> Result<Self, String> {
        if value.is_undefined() || value.is_null() {
            return Ok(Self(None));
        }
        if !value.is_object() || Array::is_array(value) {
            return Err(format!("{} is no object with options", shown(value)));
        }
        let names = Reflect::own_keys(value).map_err(|_| "the names of its members cannot be read")?;
        for name in names.iter() {
            let name = name.as_string().unwrap_or_else(|| shown(&name));
            if !known.contains(&name.as_str()) {
                return Err(unknown("option", &name, known.iter().copied()));
            }
        }
        Ok(Self(Some(value)))
    }

    /// A member as a type, where it is there.
    fn read<T>(&self, name: &str, kind: &str, read: impl Fn(&JsValue) -> Option<T>) -> Result<Option<T>, String> {
        let Some(object) = self.0 else { return Ok(None) };
        let member = Reflect::get(object, &name.into()).map_err(|_| format!("{name} cannot be read"))?;
        if member.is_undefined() || member.is_null() {
            return Ok(None);
        }
        read(&member).map(Some).ok_or_else(|| format!("{name} is {}; give a {kind}", shown(&member)))
    }

    fn text(&self, name: &str) -> Result<Option<String>, String> {
        self.read(name, "string", JsValue::as_string)
    }

    fn number(&self, name: &str) -> Result<Option<f64>, String> {
        self.read(name, "number", JsValue::as_f64)
    }

    fn boolean(&self, name: &str) -> Result<Option<bool>, String> {
        self.read(name, "boolean", JsValue::as_bool)
    }
}

/// Reads the options; missing ones stay `None`.
///
/// # Errors
/// An unknown option, or one of the wrong type.
pub fn options(value: &JsValue) -> Result<Options, Error> {
    let read = || -> Result<Options, String> {
        let members = Members::of(value, &["scenario", "protocol", "nodes", "seed", "until", "records"])?;
        Ok(Options {
            scenario: members.text("scenario")?,
            protocol: members.text("protocol")?,
            nodes: members.number("nodes")?,
            seed: members.number("seed")?,
            until: members.number("until")?,
            records: members.boolean("records")?,
        })
    };
    read().map_err(Error::Options)
}

/// A whole number below 2^53 from a JavaScript number.
///
/// # Errors
/// A fraction, a negative or a too large number.
pub fn whole(value: f64, what: &str) -> Result<u64, Error> {
    if value.fract() == 0.0 && (0.0..9_007_199_254_740_992.0).contains(&value) {
        Ok(value as u64)
    } else {
        Err(Error::Options(format!("{what} is {value}; give a whole number from 0 to below 2^53")))
    }
}

/// Reads an operation on a machine of this kind.
///
/// # Errors
/// An unknown operation, a missing field, or one that another machine would take.
pub fn operation(value: &JsValue, machine: MachineKind) -> Result<AnyCommand, Error> {
    let read = || -> Result<AnyCommand, String> {
        let verbs = Members::of(value, &["set", "get", "delete", "command"])?;
        if machine != MachineKind::Kv {
            let text = verbs.text("command")?.ok_or("the machine of this run takes { command: \"…\" }")?;
            return AnyCommand::read(machine, &text);
        }
        if verbs.text("command")?.is_some() {
            return AnyCommand::read(machine, "");
        }
        let verb = |name| verbs.read(name, "object", |member| member.is_object().then(|| member.clone()));
        let key = |of: &Members<'_>| of.text("key")?.ok_or_else(|| String::from("the key is missing"));
        match (verb("set")?, verb("get")?, verb("delete")?) {
            (Some(set), None, None) => {
                let members = Members::of(&set, &["key", "value"])?;
                let value = members.text("value")?.ok_or("the value is missing")?;
                Ok(Operation::Set { key: key(&members)?, value }.into())
            }
            (None, Some(get), None) => Ok(Operation::Get { key: key(&Members::of(&get, &["key"])?)? }.into()),
            (None, None, Some(delete)) => Ok(Operation::Delete { key: key(&Members::of(&delete, &["key"])?)? }.into()),
            (None, None, None) => Err("it does nothing".into()),
            (Some(_), ..) | (None, Some(_), Some(_)) => Err("it does more than one thing".into()),
        }
    };
    read().map_err(Error::Operation)
}

/// Reads groups of nodes.
///
/// # Errors
/// Something that is not an array of arrays of node names.
pub fn groups(value: &JsValue) -> Result<Vec<Vec<NodeId>>, Error> {
    let shape =
        || Error::Options("groups: give an array of arrays of nodes, such as [[\"n1\"], [\"n2\", \"n3\"]]".into());
    let outer: &Array = value.dyn_ref().ok_or_else(shape)?;
    outer
        .iter()
        .map(|group| {
            let group: &Array = group.dyn_ref().ok_or_else(shape)?;
            group.iter().map(|member| node(&member)).collect()
        })
        .collect()
}

/// Reads the name of a node.
///
/// # Errors
/// Something that is not the name of a node.
pub fn node(value: &JsValue) -> Result<NodeId, Error> {
    let text = value.as_string().ok_or_else(|| NotANode(shown(value)))?;
    Ok(text.parse::<NodeId>()?)
}

/// Reads a number of nodes.
///
/// # Errors
/// Not a whole number, none, or more than a scenario may have.
pub fn node_count(value: f64) -> Result<u32, Error> {
    match whole(value, "nodes").map(u32::try_from) {
        Ok(Ok(count)) if (1..=MAX_NODES).contains(&count) => Ok(count),
        Ok(_) | Err(_) => Err(Error::Options(format!("nodes is {value}; give 1 to {MAX_NODES}"))),
    }
}

/// Reads which records are wanted.
///
/// # Errors
/// An unknown option, one of the wrong type, or a `since` that is no record's id.
pub fn records_options(value: &JsValue) -> Result<RecordsOptions, Error> {
    let read = || -> Result<RecordsOptions, String> {
        let members = Members::of(value, &["since", "lines"])?;
        let since = members.read("since", "record's id, such as \"17\"", |id| {
            Some(RecordId { origin: NodeId(0), sequence: id.as_string()?.parse().ok()? })
        });
        Ok(RecordsOptions { since: since?, lines: members.boolean("lines")?.unwrap_or(false) })
    };
    read().map_err(Error::Options)
}

/// Reads a time in milliseconds.
///
/// # Errors
/// Not a number, or a negative, infinite or absurd one.
pub fn time(value: &JsValue) -> Result<Time, Error> {
    value.as_f64().map_or_else(|| Err(Error::Time(shown(value))), milliseconds)
}

/// A time in milliseconds.
///
/// # Errors
/// A negative, infinite or absurd number.
pub fn milliseconds(value: f64) -> Result<Time, Error> {
    if (0.0..9_007_199_254_740.0).contains(&value) {
        Ok(Time((value * 1_000.0).round() as u64))
    } else {
        Err(Error::Time(value.to_string()))
    }
}

/// A wrong value as its caller would recognize it.
fn shown(value: &JsValue) -> String {
    const LONGEST: usize = 60;
    let text = match value.as_string() {
        Some(text) => format!("\"{text}\""),
        None => js_sys::JSON::stringify(value).ok().and_then(|json| json.as_string()).unwrap_or_else(|| {
            // What JSON has no word for: undefined, functions, symbols.
            value.js_typeof().as_string().unwrap_or_default()
        }),
    };
    text.chars().take(LONGEST).collect()
}

/// A shape as a plain JavaScript object; `None` becomes `undefined`.
#[must_use]
pub fn object(shape: &impl Serialize) -> JsValue {
    shape.serialize(&Serializer::new().serialize_maps_as_objects(true)).expect("shapes hold only plain data")
}
