//! The cross-crate tests: one binary, a module for each thing that is claimed.

mod witness;
