//! The deterministic laboratory around the protocols.

pub mod adversary;
pub mod check;
pub mod exhaust;
pub mod explore;
pub mod keys;
pub mod scenario;
pub mod sim;
pub mod trace;
pub mod twins;
