//! How do components know at once that nothing changed?
//!
//! What is large is handed down by reference and compared by identity: the
//! model makes a new one when it changes, so two of the same address are equal.

use core::ops::Deref;
use std::rc::Rc;

/// A value behind a counted reference that is equal to itself and its clones alone.
#[derive(Debug, Default)]
pub struct Shared<T>(Rc<T>);

impl<T> Shared<T> {
    /// A new one, equal to no other.
    pub fn new(value: T) -> Self {
        Self(Rc::new(value))
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<T> PartialEq for Shared<T> {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_is_equal_and_an_equal_value_elsewhere_is_not() {
        let one = Shared::new(7);
        assert_eq!(one, one.clone());
        assert_ne!(one, Shared::new(7));
    }
}
