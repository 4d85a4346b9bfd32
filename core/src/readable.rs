//! How do bytes look in a format that people read?
//!
//! As hexadecimal text, for a JSON array of numbers is four times as long and
//! no clearer. Compact formats keep bytes as they are. For `#[serde(with)]`.

use bytes::Bytes;
use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer, de};

/// Writes bytes: hexadecimal where people read, raw elsewhere.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<S: Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    if !serializer.is_human_readable() {
        return bytes.serialize(serializer);
    }
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let text: String =
        bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]).collect();
    serializer.serialize_str(&text)
}

/// Reads what [`serialize`] wrote.
///
/// # Errors
/// Those of the deserializer, and text that is not hexadecimal.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
    if !deserializer.is_human_readable() {
        return Bytes::deserialize(deserializer);
    }
    let text = String::deserialize(deserializer)?;
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let read: Option<Vec<u8>> = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect();
    match (read, rest.is_empty()) {
        (Some(bytes), true) => Ok(bytes.into()),
        (Some(_) | None, _) => Err(de::Error::custom("bytes are written as pairs of hexadecimal digits")),
    }
}
