//! What was compiled from text and is kept while it is among the most recently used.

use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::Mutex;

/// A bounded number of values by the bytes that they come from.
pub struct Cache<T> {
    limit: usize,
    content: Mutex<Content<T>>,
}

struct Content<T> {
    known: HashMap<Box<[u8]>, Known<T>>,
    uses: u64,
}

struct Known<T> {
    value: Arc<T>,
    /// When it was used last, counted in uses.
    used: u64,
}

impl<T> Cache<T> {
    /// A cache for so many values.
    pub fn new(limit: usize) -> Cache<T> {
        Cache { limit, content: Mutex::new(Content { known: HashMap::new(), uses: 0 }) }
    }

    /// The value of a key; `make` is asked for it, without a lock, if it is not known.
    ///
    /// # Errors
    /// Those of `make`; then nothing is kept.
    pub fn get_or_make<E>(&self, key: &[u8], make: impl FnOnce() -> Result<T, E>) -> Result<Arc<T>, E> {
        {
            let mut content = self.content.lock();
            content.uses += 1;
            let now = content.uses;
            if let Some(known) = content.known.get_mut(key) {
                known.used = now;
                return Ok(Arc::clone(&known.value));
            }
        }
        let value = Arc::new(make()?);
        let mut content = self.content.lock();
        let used = content.uses;
        if content.known.len() >= self.limit
            && let Some(oldest) = content.known.iter().min_by_key(|(_, known)| known.used).map(|(key, _)| key.clone())
        {
            content.known.remove(&oldest);
        }
        content.known.insert(key.into(), Known { value: Arc::clone(&value), used });
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_goes_first() {
        let cache = Cache::new(2);
        let get = |key: &str, value: i32| *cache.get_or_make(key.as_bytes(), || Ok::<_, ()>(value)).expect("made");
        assert_eq!((get("a", 1), get("b", 2), get("a", 9)), (1, 2, 1));
        assert_eq!((get("c", 3), get("a", 9), get("b", 8)), (3, 1, 8));
        assert_eq!(cache.get_or_make(b"d", || Err("failed")), Err("failed"));
        assert_eq!(get("b", 7), 8, "what failed has taken no room");
    }
}
