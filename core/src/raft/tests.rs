//! Claims of the Raft paper as tests.
