//! In which words is told who has said what to whom?
//!
//! What is drawn there is decided in `face::board`.

pub const GRID_HEAD: &str = "view {view}, primary {primary}";
pub const CHANGING: &str = "has left its view for view {view}";
pub const FETCHING: &str = "fetches a proven state";
pub const ORDER: &str = "pre-prepare";
pub const PREPARE: &str = "prepare";
pub const COMMIT: &str = "commit";
pub const VIEW_CHANGE: &str = "view change";
pub const PLACE: &str = "sequence number {sequence}: {requests}, {reached}";
pub const EMPTY: &str = "no requests";
pub const UNKNOWN: &str = "its requests are not here yet";
pub const NEXT_VIEW: &str = "view {view}: asked for by {by}";
pub const VIEW: &str = "view {view}";
pub const OPEN: &str = "not prepared yet";
pub const PREPARED: &str = "prepared";
pub const COMMITTED: &str = "committed";
pub const EXECUTED: &str = "executed";
pub const BLOCK: &str = "block of view {view}, after view {parent}: {requests}";
pub const BLOCK_UNSEEN: &str = "block of view {view}: {requests}";
pub const CERTIFIED: &str = "; certified";
pub const LOCKED: &str = "; locked on it: {nodes}";
pub const HIGH: &str = "; highest certificate of {nodes}";
pub const DECIDED: &str = "; committed at {nodes}";
pub const EVERYBODY: &str = "all";
pub const VOTES: &str = "Votes";
pub const BLOCKS: &str = "Blocks";
