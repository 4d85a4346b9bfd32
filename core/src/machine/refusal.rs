//! Why does a machine refuse a command that it could read?

use serde::{Deserialize, Serialize};

/// The command was applied, changed nothing, and is answered with this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// It speaks of something that is not there.
    #[error("there is nothing of this name")]
    Unknown,
    /// It would make something that is there already, and different.
    #[error("the name is taken")]
    Taken,
    /// It names a version that does not follow the present one, or that another change has made.
    #[error("the version now is {0}")]
    Version(u64),
    /// It comes from a controller of an older epoch.
    #[error("fenced off: the epoch now is {0}")]
    Epoch(u64),
    /// Something still depends on what it would remove.
    #[error("still in use")]
    InUse,
    /// Nothing new is placed on a quarantined node.
    #[error("the node is in quarantine")]
    Quarantined,
    /// So much is free.
    #[error("only {0} free")]
    Full(u64),
}
