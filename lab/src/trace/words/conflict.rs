//! In which words is told that honest nodes disagree for good?

pub(crate) const DIFFER: &str = "At place {index} {sides}: both count it as committed.";
pub(crate) const HOLDS: &str = "{nodes} holds {entry}";
pub(crate) const HOLD: &str = "{nodes} hold {entry}";
pub(crate) const BUT: &str = ", but ";
pub(crate) const TIMES: &str = "At place {index} honest nodes hold the same command with different log times.";
