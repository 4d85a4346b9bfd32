//! How are a few thousand named things kept in order?
//!
//! A sorted list of boxes: it costs a page far less code than a tree. A new name
//! moves what stands behind it, 32 bytes each; names that rise move nothing.
//! Keys of a store, of which there may be many more, stand in a tree.

use serde::{Deserialize, Serialize};

/// Things by name, in the order of names.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Table<V>(Vec<(String, Box<V>)>);

impl<V> Default for Table<V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<V> Table<V> {
    fn find(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| known.as_str().cmp(name))
    }

    /// The thing of this name.
    pub(super) fn get(&self, name: &str) -> Option<&V> {
        self.find(name).ok().map(|at| &*self.0[at].1)
    }

    /// The same, to change it.
    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut V> {
        self.find(name).ok().map(|at| &mut *self.0[at].1)
    }

    /// Puts a thing under a name, in the place of what stood there.
    pub(super) fn insert(&mut self, name: String, thing: V) {
        match self.find(&name) {
            Ok(at) => *self.0[at].1 = thing,
            Err(at) => self.0.insert(at, (name, Box::new(thing))),
        }
    }

    /// Takes a thing out.
    pub(super) fn remove(&mut self, name: &str) -> Option<V> {
        self.find(name).ok().map(|at| *self.0.remove(at).1)
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&String, &V)> {
        self.0.iter().map(|(name, thing)| (name, &**thing))
    }

    /// Whether names rise, each once: a list that was read may say anything.
    pub(super) fn is_sorted(&self) -> bool {
        self.0.is_sorted_by(|(a, _), (b, _)| a < b)
    }
}
