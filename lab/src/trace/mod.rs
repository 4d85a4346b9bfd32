//! Records as something to look at: views, a timeline with seek, the words for events, trace files.

pub mod face;
pub mod file;
mod fold;
pub mod lanes;
pub mod members;
pub mod narrate;
#[cfg(test)]
mod run_tests;
pub mod state;
pub mod timeline;
#[cfg(test)]
mod timeline_tests;
#[cfg(test)]
mod told_tests;
pub mod view;
pub mod voters;
pub mod why;
pub mod words;
