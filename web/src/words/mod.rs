//! What does the page say?
//!
//! Every word for people that is not a protocol's own stands in this folder, so
//! that it can be translated in one place; a file for each area of the page.
//! What a message, a role or an event is called comes from the lab
//! (`trace::face`, `trace::why`), what a lesson says stands beside its scenario
//! (`scenarios`).

mod acts;
mod bar_and_help;
mod inspectors;
pub mod lanes;
mod lessons;
mod stages;
mod timeline;

pub use acts::act;
pub use bar_and_help::{bar, help, notice};
pub use inspectors::{checks, insight, inspect, inspector};
pub use lessons::{lesson, own};
pub use stages::{board, hints, log, stage};
pub use timeline::{marks, time};

/// What is said in the place of a run that is being computed.
#[must_use]
pub fn computing(computing: &crate::model::Computing) -> String {
    let crate::model::Computing { name, known, until } = computing;
    let so_far = if *until > 0.0 {
        format!(" up to {}; {} of it are there", marks::clock(*until), marks::clock(known.min(*until)))
    } else {
        String::new()
    };
    format!("Computing “{name}”{so_far}.")
}

/// The product's name.
pub const NAME: &str = "Quorumscope";

/// The names of the regions, for screen readers.
pub mod regions {
    /// The bar at the top.
    pub const BAR: &str = "Scenario and view";
    /// The panel at the left.
    pub const LESSON: &str = "Scenario";
    /// The stage.
    pub const STAGE: &str = "Cluster";
    /// The drawing on the stage.
    pub const RING: &str = "Ring of nodes with the messages between them";
    /// The space-time diagram.
    pub const LANES: &str = "Lanes of clients and nodes over time, with the messages between them; arrow up and down go from message to message";
    /// The log table.
    pub const LOG: &str = "Logs of all nodes";
    /// The board.
    pub const BOARD: &str = "What the replicas have heard of each other";
    /// The panel at the right.
    pub const INSPECTOR: &str = "Inspector";
    /// The bar at the bottom.
    pub const TIMELINE: &str = "Timeline";
}
