//! The deterministic laboratory around the protocols.

pub mod check;
pub mod sim;
pub mod trace;
