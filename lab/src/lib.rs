//! The deterministic laboratory around the protocols.

pub mod sim;
pub mod trace;
