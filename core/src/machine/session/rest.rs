//! What stands behind sessions and machine in a snapshot?
//!
//! Nothing, in most: then the bytes end there. Otherwise the ranges that a part
//! holds, and behind them, where anybody was convicted, whether these ranges
//! mean anything, and who.

use serde::{Deserialize, Serialize};

use crate::bft::evidence::Conviction;
use crate::machine::{NotAState, read_state};

/// The rest of a snapshot.
pub(super) struct Rest<'a> {
    pub(super) ranges: Option<&'a [u64]>,
    pub(super) convicted: &'a [Conviction],
}

/// What stands behind the ranges.
#[derive(Serialize, Deserialize)]
struct Verdicts<C> {
    is_a_part: bool,
    convicted: C,
}

impl Rest<'_> {
    /// Writes it behind the bytes.
    pub(super) fn write(&self, bytes: Vec<u8>) -> Vec<u8> {
        let Self { ranges, convicted } = *self;
        if ranges.is_none() && convicted.is_empty() {
            return bytes;
        }
        let bytes = postcard::to_extend(ranges.unwrap_or_default(), bytes).expect("numbers always encode");
        if convicted.is_empty() {
            return bytes;
        }
        let verdicts = Verdicts { is_a_part: ranges.is_some(), convicted };
        postcard::to_extend(&verdicts, bytes).expect("numbers and hashes always encode")
    }

    /// Reads it back, to the last byte.
    pub(super) fn read(bytes: &[u8]) -> Result<(Option<Vec<u64>>, Vec<Conviction>), NotAState> {
        if bytes.is_empty() {
            return Ok((None, Vec::new()));
        }
        let (ranges, bytes): (Vec<u64>, &[u8]) = postcard::take_from_bytes(bytes).map_err(|_| NotAState)?;
        if bytes.is_empty() {
            return Ok((Some(ranges), Vec::new()));
        }
        let Verdicts { is_a_part, convicted }: Verdicts<Vec<Conviction>> = read_state(bytes)?;
        // One state has one form.
        let has_one_form = !convicted.is_empty() && (is_a_part || ranges.is_empty());
        if has_one_form { Ok((is_a_part.then_some(ranges), convicted)) } else { Err(NotAState) }
    }
}
