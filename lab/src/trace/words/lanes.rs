//! What are the steps called through which something goes on its way to a decision?
//!
//! The papers' names, in the order of the steps.

pub const PBFT: [&str; 3] = ["pre-prepare", "prepare", "commit"];
pub const ROUNDS: [&str; 3] = ["append", "acknowledge", "name"];
pub const HOTSTUFF: [&str; 2] = ["propose", "vote"];
pub const RAFT: [&str; 1] = ["replicate"];
pub const EPOCHS: [&str; 2] = ["end", "link"];
pub const BLOCK: &str = "view {view}";
pub const ENTRY: &str = "entry {index}";
pub const EPOCH: &str = "epoch {epoch}";
