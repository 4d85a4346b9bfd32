//! What does the reader look at, and what is being chosen?

use std::collections::BTreeSet;

use quorumscope_core::types::{ClientId, LogIndex, NodeId, RecordId};

/// What the inspector shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    /// A node.
    Node(NodeId),
    /// One direction of a link.
    Link(NodeId, NodeId),
    /// A message on its way: the record that sent it, and the copy.
    Message(RecordId, u32),
    /// A position of a node's log.
    Entry(NodeId, LogIndex),
    /// A client.
    Client(ClientId),
    /// Something that happened.
    Record(RecordId),
}

impl Selection {
    /// The node that keys and proposals mean.
    #[must_use]
    pub fn node(self) -> Option<NodeId> {
        match self {
            Self::Node(node) | Self::Entry(node, _) => Some(node),
            Self::Link(..) | Self::Message(..) | Self::Client(_) | Self::Record(_) => None,
        }
    }
}

/// What a click on the stage means.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Tool {
    /// Selects.
    #[default]
    Select,
    /// Chooses the nodes of one side of a partition.
    Partition(BTreeSet<NodeId>),
}

/// Which views stand on the stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Views {
    /// The ring, and under it what tells most of the run: the board where it has one, else the log.
    #[default]
    Both,
    /// The ring alone.
    Ring,
    /// A lane a node over time, and under it what is under the ring.
    Lanes,
    /// The log alone.
    Log,
    /// The board alone: who has said what, where nodes may lie.
    Board,
}

impl Views {
    /// The next one round, in a run that has a board or has none.
    #[must_use]
    pub fn next(self, has_board: bool) -> Self {
        match self {
            Self::Both => Self::Ring,
            Self::Ring => Self::Lanes,
            Self::Lanes => Self::Log,
            Self::Log if has_board => Self::Board,
            Self::Log | Self::Board => Self::Both,
        }
    }

    /// What stands on the stage of a run that has a board or has none.
    #[must_use]
    pub fn shown(self, has_board: bool) -> Self {
        match self {
            Self::Board if !has_board => Self::Both,
            Self::Both | Self::Ring | Self::Lanes | Self::Log | Self::Board => self,
        }
    }

    /// Whether a picture of the nodes is among them: the ring, or lanes in its place.
    #[must_use]
    pub fn has_picture(self) -> bool {
        matches!(self, Self::Both | Self::Ring | Self::Lanes)
    }

    /// Whether the log, or the board of a run that has one, stands below the picture.
    #[must_use]
    pub fn has_two(self) -> bool {
        matches!(self, Self::Both | Self::Lanes)
    }

    /// What a share link calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Both => "both",
            Self::Ring => "ring",
            Self::Lanes => "lanes",
            Self::Log => "log",
            Self::Board => "board",
        }
    }

    /// The views that a share link means.
    #[must_use]
    pub fn named(name: &str) -> Self {
        match name {
            "ring" => Self::Ring,
            "lanes" => Self::Lanes,
            "log" => Self::Log,
            "board" => Self::Board,
            _ => Self::Both,
        }
    }
}

/// Which panel is open as a sheet where there is no room beside the stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sheet {
    /// The scenario.
    Lesson,
    /// The inspector.
    Inspector,
    /// Keys and help.
    Help,
}
