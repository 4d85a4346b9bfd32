//! What is drawn?
//!
//! Components that are pure functions of their props; every change goes through
//! an action to the reducer. `stage` has the ring, `table` the logs,
//! `inspector` what is known and why, `timeline` the cursor, `bar` and `lesson`
//! what is run, `help` the keys.

pub mod bar;
pub mod board;
pub mod forms;
pub mod help;
pub mod icons;
pub mod inspector;
pub mod lanes;
pub mod lesson;
pub mod members;
pub mod message;
pub mod nodes;
pub mod operations;
pub mod own;
pub mod part;
pub mod stage;
pub mod table;
pub mod timeline;
