//! What do replicas say about epochs?
//!
//! The end of one to those who ended it together, and links to those who are
//! behind. A link proves itself, whoever passes it on; where a replica is promises
//! nothing and is not signed.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::link::{Link, Word};

/// Most links in a message; whoever needs more asks on.
pub const LINKS: usize = 8;

/// What a replica says about epochs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Message {
    /// To the other voters: the epoch has ended here, with this state.
    Word(Box<Word>),
    /// Links one after another, for whoever is behind.
    Links(Vec<Arc<Link>>),
    /// In which epoch a replica is: whoever is further on answers with the links from there.
    Here {
        /// Its epoch.
        epoch: u64,
    },
}
