//! Records as something to look at: views, a timeline with seek, the words for events, trace files.

pub mod view;
