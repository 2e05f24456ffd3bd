//! Stores in memory: they live as long as the runtime. A key that has expired is absent from that moment on, and makes room
//! when room is needed.

use std::collections::BTreeMap;
use std::ops::Bound;

use parking_lot::Mutex;

use super::{Condition, Query};
use crate::runtime::data::Data;
use crate::runtime::driver::Moment;
use crate::runtime::errors::{ErrorData, INTERNAL};

/// A store.
pub struct Memory {
    max_size: usize,
    content: Mutex<Content>,
}

#[derive(Default)]
struct Content {
    items: BTreeMap<Box<[u8]>, Item>,
    /// Counts what was stored.
    versions: u64,
}

/// What is under a key.
#[derive(Clone)]
pub struct Item {
    /// The value.
    pub value: Data,
    /// Another one whenever something is stored.
    pub version: u64,
    /// When it is not there any more.
    pub expires: Option<Moment>,
}

impl Item {
    fn is_there(&self, now: Moment) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }
}

impl Memory {
    /// An empty store with room for so many keys.
    pub fn new(max_size: usize) -> Memory {
        Memory { max_size, content: Mutex::default() }
    }

    /// What is under a key.
    pub fn find(&self, key: &[u8], now: Moment) -> Option<Item> {
        self.content.lock().items.get(key).filter(|item| item.is_there(now)).cloned()
    }

    /// Puts something under a key, whatever was there.
    ///
    /// # Errors
    /// `Internal` if the store is full.
    pub fn set(&self, key: &[u8], value: Data, expires: Option<Moment>, now: Moment) -> Result<(), ErrorData> {
        self.put(key, value, expires, &Condition::None, now).map(drop)
    }

    /// Removes a key. Says whether it was there.
    pub fn delete(&self, key: &[u8], now: Moment) -> bool {
        self.content.lock().items.remove(key).is_some_and(|item| item.is_there(now))
    }

    /// Stores a value.
    ///
    /// # Errors
    /// Those of the condition; `Internal` if the store is full.
    pub(super) fn put(
        &self,
        key: &[u8],
        value: Data,
        expires: Option<Moment>,
        condition: &Condition,
        now: Moment,
    ) -> Result<Item, ErrorData> {
        let mut content = self.content.lock();
        let known = content.items.get(key).filter(|item| item.is_there(now));
        match condition {
            Condition::Absent if known.is_some() => return Err(Condition::exists()),
            Condition::Version(wanted) if known.is_none_or(|known| known.version.to_string() != *wanted) => {
                return Err(Condition::changed());
            }
            _ => {}
        }
        if known.is_none() && content.items.len() >= self.max_size {
            content.items.retain(|_, item| item.is_there(now));
            if content.items.len() >= self.max_size {
                return Err(ErrorData::plain(INTERNAL, "the store is full"));
            }
        }
        content.versions += 1;
        let item = Item { value, version: content.versions, expires };
        content.items.insert(key.into(), item.clone());
        Ok(item)
    }

    /// What is under the keys that are asked for, in their order, and one more if there are more.
    pub(super) fn list(&self, query: &Query, now: Moment) -> Vec<(Box<[u8]>, Item)> {
        let (prefix, after) = (&*query.prefix, &*query.after);
        let from = if after < prefix { Bound::Included(prefix) } else { Bound::Excluded(after) };
        let content = self.content.lock();
        let items = content.items.range::<[u8], _>((from, Bound::Unbounded));
        let found = items.take_while(|(key, _)| key.starts_with(prefix)).filter(|(_, item)| item.is_there(now));
        found.take(query.limit + 1).map(|(key, item)| (key.clone(), item.clone())).collect()
    }
}
