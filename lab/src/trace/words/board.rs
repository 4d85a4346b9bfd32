//! In which words is told who has said what to whom?
//!
//! What is drawn there is decided in `face::board`.

pub const GRID_HEAD: &str = "view {view}, primary {primary}";
pub const STILL: &str = "still in epoch {epoch}";
pub const OF_EPOCH: &str = "epoch {epoch}, {doing}";
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
pub const ROUNDS: &str = "two rounds, term {term}, leader {leader}";
pub const WISHES: &str = "two rounds, wishes for term {term}";
pub const WAITS: &str = "two rounds, waits for term {term} to begin";
pub const STOPPED: &str = "opening: has stopped, waits for the decision";
pub const OPENED: &str = "opening: fetches what PBFT begins with";
pub const IN_PBFT: &str = "PBFT: {doing}";
pub const APPEND: &str = "append";
pub const ACKNOWLEDGED: &str = "acknowledged: a quorum is a prepare certificate";
pub const NAMED: &str = "names the prepare certificate: a quorum is a commit certificate";
pub const ALARM: &str = "feels threatened";
pub const ALARMS: &str = "alarm";
pub const THREATENED: &str = "alarms of {by}: {needed} end the two rounds";
pub const STATEMENT: &str = "stop statement";
pub const STOPS: &str = "stop";
pub const HAVE_STOPPED: &str = "stop statements of {by}: {needed} decide what PBFT begins with";
