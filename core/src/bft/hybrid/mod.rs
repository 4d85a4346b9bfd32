//! How does a cluster run like Raft while nobody lies, and lose nothing that was proven once somebody does?
//!
//! In calm it runs two pipelined rounds with a leader ([`rounds`]): few messages,
//! and what is committed is proven. How threatened a replica feels is counted in
//! [`threat`]; what any next protocol begins with, once replicas have stopped, is
//! computed in [`history`].

pub mod history;
pub mod rounds;
#[cfg(test)]
mod testing;
pub mod threat;
