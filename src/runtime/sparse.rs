//! Tables that give memory back: what a burst of processes took must not stay for the life of the runtime.

use std::hash::{BuildHasher, Hash};

use hashbrown::{HashMap, HashSet};

/// A table of this capacity is not worth a thought while it holds something.
const SMALL: usize = 64;
/// Nor is an empty one of this capacity.
const TINY: usize = 14;
/// One that uses less than this share of its capacity gives most of it back.
const SPARSE: usize = 8;

/// The capacity a table should shrink to, if any. It halves at least, so that shrinking costs a removal a constant.
fn target(len: usize, capacity: usize) -> Option<usize> {
    let sparse = capacity > SMALL && len < capacity / SPARSE || capacity > TINY && len == 0;
    sparse.then_some(2 * len)
}

/// To be called after a removal.
pub(super) fn shrink_map<K: Eq + Hash, V, S: BuildHasher>(map: &mut HashMap<K, V, S>) {
    if let Some(capacity) = target(map.len(), map.capacity()) {
        map.shrink_to(capacity);
    }
}

/// To be called after a removal.
pub(super) fn shrink_set<T: Eq + Hash, S: BuildHasher>(set: &mut HashSet<T, S>) {
    if let Some(capacity) = target(set.len(), set.capacity()) {
        set.shrink_to(capacity);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_burst_leaves_nothing_behind() {
        let mut map: HashMap<u32, u32> = (0..100_000).map(|i| (i, i)).collect();
        let mut set: HashSet<u32> = (0..100_000).collect();
        for i in 0..99_990 {
            map.remove(&i);
            shrink_map(&mut map);
            set.remove(&i);
            shrink_set(&mut set);
        }
        assert!(map.len() == 10 && map.capacity() <= 2 * SMALL, "{}", map.capacity());
        assert!(set.len() == 10 && set.capacity() <= 2 * SMALL, "{}", set.capacity());
    }
}
