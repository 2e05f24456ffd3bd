//! What names mean in scopes that nest: found in constant time, however many there are.

use std::hash::Hash;

use hashbrown::HashMap;

/// Meanings of names in the order in which they began. Of those with one name the last counts.
pub(super) struct Scoped<K, V> {
    entries: Vec<Entry<K, V>>,
    /// The place of the last meaning of each name.
    last: HashMap<K, usize>,
}

struct Entry<K, V> {
    name: K,
    value: V,
    /// The meaning that the name had before.
    hidden: Option<usize>,
}

impl<K, V> Default for Scoped<K, V> {
    fn default() -> Scoped<K, V> {
        Scoped { entries: Vec::new(), last: HashMap::new() }
    }
}

impl<K: Copy + Eq + Hash, V> Scoped<K, V> {
    /// How many there are: what a scope that begins now has to keep at its end.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Gives a name a meaning.
    pub(super) fn push(&mut self, name: K, value: V) {
        let hidden = self.last.insert(name, self.entries.len());
        self.entries.push(Entry { name, value, hidden });
    }

    /// Ends all meanings from the `keep`-th on.
    pub(super) fn truncate(&mut self, keep: usize) {
        for entry in self.entries.drain(keep..).rev() {
            match entry.hidden {
                Some(before) => self.last.insert(entry.name, before),
                None => self.last.remove(&entry.name),
            };
        }
    }

    /// What a name means.
    pub(super) fn find(&self, name: K) -> Option<&V> {
        self.last.get(&name).map(|place| &self.entries[*place].value)
    }

    /// What a name means, if that began with the `first` meaning or later.
    pub(super) fn find_from(&self, first: usize, name: K) -> Option<&V> {
        self.last.get(&name).filter(|place| **place >= first).map(|place| &self.entries[*place].value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_nest() {
        let mut names = Scoped::default();
        names.push('a', 1);
        let outer = names.len();
        names.push('a', 2);
        names.push('a', 3);
        names.push('b', 4);
        assert_eq!((names.find('a'), names.find('b'), names.find('c')), (Some(&3), Some(&4), None));
        assert_eq!((names.find_from(outer + 2, 'a'), names.find_from(outer, 'a')), (None, Some(&3)));
        names.truncate(outer);
        assert_eq!((names.find('a'), names.find('b')), (Some(&1), None));
        names.truncate(0);
        assert_eq!((names.find('a'), names.len()), (None, 0));
    }
}
