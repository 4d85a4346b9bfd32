//! How does something of a protocol look to a screen that knows no protocol?
//!
//! Messages, roles, entries and outcomes become a shape, a letter, a sign and
//! words; colour is never the only difference. Pixels, hues and motion are left
//! to the page. Read `kinds` for the shapes of messages, `messages` for what is
//! in them, `nodes`, `entries` and `outcomes` for the rest; then `why`, for what
//! happened and by which rule.

mod board;
#[cfg(test)]
mod board_tests;
mod conflict;
mod entries;
mod epoch;
mod hotstuff;
mod hotstuff_board;
mod hybrid;
mod hybrid_board;
mod kinds;
mod messages;
mod nodes;
mod outcomes;
mod pbft;
mod pbft_board;
#[cfg(test)]
mod tests;
mod threat;
mod verdict;

pub use board::{Block, Board, Column, Grid, Group, Mark, Reached, Tree, board, board_kind};
pub use conflict::{Conflict, Side, conflict};
pub use entries::{EntryClass, EntryFace, entry};
pub use kinds::{MessageFace, MessageKind, Shape, Sign};
pub use messages::{legend, message, peer};
pub use nodes::{
    Liars, Ring, RoleFace, liars, marked, members, part_words, picked, role, role_words, standing, term, timer_words,
    tricks, victims,
};
pub use outcomes::{OutcomeFace, is_refusal, operation, outcome};
pub use threat::{STEPS, ThreatFace, threat};
pub use verdict::{VerdictFace, verdict};
