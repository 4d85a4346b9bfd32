//! JavaScript values in, JavaScript values out: the only file that knows both sides.

use js_sys::{Array, Error as JsError, Reflect};
use quorumscope_core::machine::kv::Operation;
use quorumscope_core::types::{NodeId, NotANode, RecordId, Time};
use quorumscope_lab::scenario::MAX_NODES;
use serde::{Deserialize, Serialize};
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::{JsCast as _, JsValue};

use crate::error::Error;

/// What a run is started with.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// A scenario document.
    pub scenario: Option<String>,
    /// `raft`.
    pub protocol: Option<String>,
    /// How many nodes.
    pub nodes: Option<f64>,
    /// The seed; a float, since that is what JavaScript has.
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

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordsValue {
    since: Option<String>,
    lines: Option<bool>,
}

/// An operation as JavaScript writes it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
enum OperationValue {
    Set { key: String, value: String },
    Get { key: String },
    Delete { key: String },
}

impl From<Error> for JsValue {
    fn from(error: Error) -> Self {
        let value = JsError::new(&error.to_string());
        // A fresh `Error` object takes any property.
        let _set = Reflect::set(&value, &"code".into(), &error.code().into());
        value.into()
    }
}

/// Reads the options; missing ones stay `None`.
///
/// # Errors
/// An unknown option, or one of the wrong type.
pub fn options(value: JsValue) -> Result<Options, Error> {
    if value.is_undefined() || value.is_null() {
        return Ok(Options::default());
    }
    serde_wasm_bindgen::from_value(value).map_err(|error| Error::Options(error.to_string()))
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

/// Reads an operation.
///
/// # Errors
/// An unknown operation or a missing field.
pub fn operation(value: JsValue) -> Result<Operation, Error> {
    let value: OperationValue =
        serde_wasm_bindgen::from_value(value).map_err(|error| Error::Operation(error.to_string()))?;
    Ok(match value {
        OperationValue::Set { key, value } => Operation::Set { key, value },
        OperationValue::Get { key } => Operation::Get { key },
        OperationValue::Delete { key } => Operation::Delete { key },
    })
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
    Ok(text.parse()?)
}

/// Reads a number of nodes.
///
/// # Errors
/// Not a whole number, none, or more than a scenario may have.
pub fn node_count(value: f64) -> Result<u32, Error> {
    match u32::try_from(whole(value, "nodes")?) {
        Ok(count) if (1..=MAX_NODES).contains(&count) => Ok(count),
        Ok(_) | Err(_) => Err(Error::Options(format!("nodes is {value}; give 1 to {MAX_NODES}"))),
    }
}

/// Reads which records are wanted.
///
/// # Errors
/// An unknown option, one of the wrong type, or a `since` that is no record's id.
pub fn records_options(value: JsValue) -> Result<RecordsOptions, Error> {
    if value.is_undefined() || value.is_null() {
        return Ok(RecordsOptions::default());
    }
    let read: RecordsValue =
        serde_wasm_bindgen::from_value(value).map_err(|error| Error::Options(error.to_string()))?;
    let since = read.since.map(|text| match text.parse() {
        Ok(sequence) => Ok(RecordId { origin: NodeId(0), sequence }),
        Err(_) => Err(Error::Options(format!("since is \"{text}\"; give the id of a record, such as \"17\""))),
    });
    Ok(RecordsOptions { since: since.transpose()?, lines: read.lines.unwrap_or(false) })
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
    format!("{value:?}").chars().take(LONGEST).collect()
}

/// A shape as a plain JavaScript object; `None` becomes `undefined`.
#[must_use]
pub fn object(shape: &impl Serialize) -> JsValue {
    shape.serialize(&Serializer::new().serialize_maps_as_objects(true)).expect("shapes hold only plain data")
}
