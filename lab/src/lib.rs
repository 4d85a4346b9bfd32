//! The deterministic laboratory around the protocols.

pub mod trace;
