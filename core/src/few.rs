//! How are short lists put in order without much code?
//!
//! Sorting in the standard library, and collecting into a map or set, which
//! sorts first, is made for long lists: each kind of element brings its own
//! copy of several kilobytes, and a page downloads them all. Nodes, clients,
//! terms and rules are few. What may be long is sorted as everywhere.

use std::collections::BTreeSet;

use litemap::LiteMap;

/// The items in order, each once.
pub fn distinct<T: Ord>(items: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut list = Vec::new();
    for item in items {
        if let Err(at) = list.binary_search(&item) {
            list.insert(at, item);
        }
    }
    list
}

/// Whom to ask next where `source` does not answer: the one behind it, `own` left out, and `source` again where there is
/// nobody else.
#[must_use]
pub fn after<T: PartialEq + Copy>(list: &[T], source: T, own: T) -> T {
    let after = list.iter().position(|item| *item == source).map_or(0, |place| place + 1);
    let mut around = list.iter().cycle().skip(after).take(list.len());
    around.find(|item| **item != own).copied().unwrap_or(source)
}

/// Sorts by insertion; equal items keep their order.
pub fn sort<T>(list: &mut [T], is_before: impl Fn(&T, &T) -> bool) {
    for end in 1..list.len() {
        let mut at = end;
        while at > 0 && is_before(&list[at], &list[at - 1]) {
            list.swap(at, at - 1);
            at -= 1;
        }
    }
}

/// A map of these pairs; the last of a key stays.
pub fn map<K: Ord, V>(pairs: impl IntoIterator<Item = (K, V)>) -> LiteMap<K, V> {
    let mut map = LiteMap::new();
    for (key, value) in pairs {
        map.insert(key, value);
    }
    map
}

/// A set of these items.
pub fn set<T: Ord>(items: impl IntoIterator<Item = T>) -> BTreeSet<T> {
    let mut set = BTreeSet::new();
    for item in items {
        set.insert(item);
    }
    set
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sorted_list_keeps_the_order_of_equals() {
        let mut list = [(3, 'a'), (1, 'a'), (3, 'b'), (2, 'a'), (1, 'b')];
        sort(&mut list, |a, b| a.0 < b.0);
        assert_eq!(list, [(1, 'a'), (1, 'b'), (2, 'a'), (3, 'a'), (3, 'b')]);
    }

    #[test]
    fn distinct_items_are_in_order_and_stand_once() {
        assert_eq!(distinct([3, 1, 3, 2, 1]), [1, 2, 3]);
        assert_eq!(distinct([0; 0]), [0; 0]);
    }

    #[test]
    fn a_map_keeps_the_last_of_a_key() {
        assert_eq!(map([(1, 'a'), (2, 'b'), (1, 'c')]), LiteMap::from_iter([(1, 'c'), (2, 'b')]));
        assert_eq!(set([2, 1, 2]), BTreeSet::from([1, 2]));
    }
}
