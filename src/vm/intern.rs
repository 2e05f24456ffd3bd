//! Interning of short strings: one set per image, shared by all its processes, and one table per process.
//!
//! House rules:
//! * [`StringSet`] only grows. Readers take no lock: a slot's hash is published after its string, a bigger table after it
//!   is filled. Outgrown tables are kept until the set is dropped, for readers may still be probing them.
//! * [`Interned`] does not keep its strings alive: the sweep removes a string before it frees it.

use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use hashbrown::HashTable;
use parking_lot::Mutex;
use smallvec::SmallVec;

use super::chunk::StaticStrings;
use super::object::{MAX_SHORT, Str};
use super::string::hash_bytes;

/// Room for the names of the standard library, of the built-in modules and of a small program: few outgrown tables are kept.
const INITIAL_SLOTS: usize = 2048;

/// A table of [`StringSet`]: open addressing, at most half full. Hash 0 is an empty slot.
struct Slots {
    hashes: Box<[AtomicU32]>,
    strings: Box<[AtomicPtr<Str>]>,
}

/// The hash as it stands in a slot: never 0.
#[inline(always)]
fn occupied(hash: u32) -> u32 {
    hash | u32::from(hash == 0)
}

impl Slots {
    fn new(len: usize) -> Slots {
        Slots {
            hashes: (0..len).map(|_| AtomicU32::new(0)).collect(),
            strings: (0..len).map(|_| AtomicPtr::new(null_mut())).collect(),
        }
    }

    #[inline(always)]
    fn find(&self, hash: u32, bytes: &[u8]) -> Option<*mut Str> {
        let mask = self.hashes.len() - 1;
        let mut i = hash as usize & mask;
        loop {
            let found = self.hashes[i].load(Ordering::Acquire);
            if found == 0 {
                return None;
            }
            if found == occupied(hash) {
                let string = self.strings[i].load(Ordering::Relaxed);
                // SAFETY: the string was stored before its hash, and lives as long as the set.
                if unsafe { Str::bytes(string) } == bytes {
                    return Some(string);
                }
            }
            i = (i + 1) & mask;
        }
    }

    /// Inserts a string that is not there; there must be room.
    fn insert(&self, hash: u32, string: *mut Str) {
        let mask = self.hashes.len() - 1;
        let mut i = hash as usize & mask;
        while self.hashes[i].load(Ordering::Relaxed) != 0 {
            i = (i + 1) & mask;
        }
        self.strings[i].store(string, Ordering::Relaxed);
        self.hashes[i].store(occupied(hash), Ordering::Release);
    }
}

/// What an insertion needs, under the lock.
struct Writer {
    strings: StaticStrings,
    len: usize,
    /// Every table there ever was, the current one last.
    tables: Vec<*mut Slots>,
}

/// The short constant strings of an image.
pub struct StringSet {
    current: AtomicPtr<Slots>,
    seed: u32,
    writer: Mutex<Writer>,
}

// SAFETY: the strings and tables are never changed after they are published, and freed only with the set.
unsafe impl Send for StringSet {}
// SAFETY: as above; insertion is under the lock.
unsafe impl Sync for StringSet {}

impl StringSet {
    /// An empty set. All hashes of the image and of its processes depend on `seed`.
    pub fn new(seed: u32) -> StringSet {
        let first = Box::into_raw(Box::new(Slots::new(INITIAL_SLOTS)));
        StringSet {
            current: AtomicPtr::new(first),
            seed,
            writer: Mutex::new(Writer { strings: StaticStrings::new(), len: 0, tables: vec![first] }),
        }
    }

    /// The seed of all hashes.
    #[inline(always)]
    pub fn seed(&self) -> u32 {
        self.seed
    }

    #[inline(always)]
    fn slots(&self) -> &Slots {
        // SAFETY: tables are freed only with the set, which is borrowed.
        unsafe { &*self.current.load(Ordering::Acquire) }
    }

    /// The string with these bytes, if the image has it. Takes no lock.
    #[inline]
    pub fn find(&self, hash: u32, bytes: &[u8]) -> Option<*mut Str> {
        self.slots().find(hash, bytes)
    }

    /// The string with these bytes, at most [`MAX_SHORT`], made if need be. It lives as long as the set.
    pub fn intern(&self, bytes: &[u8]) -> *mut Str {
        assert!(bytes.len() <= MAX_SHORT, "only short strings are interned");
        let hash = hash_bytes(self.seed, bytes);
        if let Some(string) = self.find(hash, bytes) {
            return string;
        }
        let mut writer = self.writer.lock();
        // Somebody may have been faster.
        if let Some(string) = self.find(hash, bytes) {
            return string;
        }
        let string = writer.strings.create(self.seed, bytes);
        if (writer.len + 1) * 2 > self.slots().hashes.len() {
            self.grow(&mut writer);
        }
        self.slots().insert(hash, string);
        writer.len += 1;
        string
    }

    /// A constant of any length: interned if short, otherwise a new static string.
    pub fn constant(&self, bytes: &[u8]) -> *mut Str {
        if bytes.len() <= MAX_SHORT { self.intern(bytes) } else { self.writer.lock().strings.create(self.seed, bytes) }
    }

    /// Number of strings.
    pub fn len(&self) -> usize {
        self.writer.lock().len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn grow(&self, writer: &mut Writer) {
        let old = self.slots();
        let bigger = Slots::new(old.hashes.len() * 2);
        for string in &old.strings {
            let string = string.load(Ordering::Relaxed);
            if !string.is_null() {
                // SAFETY: a string of the set.
                bigger.insert(unsafe { Str::hash(string) }, string);
            }
        }
        let bigger = Box::into_raw(Box::new(bigger));
        writer.tables.push(bigger);
        self.current.store(bigger, Ordering::Release);
    }
}

impl Drop for StringSet {
    fn drop(&mut self) {
        for table in self.writer.get_mut().tables.drain(..) {
            // SAFETY: each table was made by `Box::into_raw` and is in the list once; no reader is left.
            drop(unsafe { Box::from_raw(table) });
        }
    }
}

impl std::fmt::Debug for StringSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StringSet({} strings)", self.len())
    }
}

/// The short strings of a process that are not constants of its image.
#[derive(Default)]
pub struct Interned {
    /// The first strings, as long as there are no more.
    few: SmallVec<[*mut Str; FEW]>,
    /// All strings, once there were more than a few.
    table: Option<Box<HashTable<*mut Str>>>,
}

/// Strings that need no table.
const FEW: usize = 4;

/// The table wants 64 bits, with a tag in the upper ones.
#[inline(always)]
fn wide(hash: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(hash)
}

fn wide_hash(string: &*mut Str) -> u64 {
    // SAFETY: strings in the table are alive.
    wide(unsafe { Str::hash(*string) })
}

impl Interned {
    /// The string with these bytes.
    #[inline]
    pub fn find(&self, hash: u32, bytes: &[u8]) -> Option<*mut Str> {
        // SAFETY: strings in the table are alive.
        let equal = |&string: &*mut Str| unsafe { (*string).header.extra == hash && Str::bytes(string) == bytes };
        match &self.table {
            Some(table) => table.find(wide(hash), equal).copied(),
            None => self.few.iter().copied().find(equal),
        }
    }

    /// Adds a string that is not there.
    pub fn insert(&mut self, string: *mut Str) {
        if let Some(table) = &mut self.table {
            table.insert_unique(wide_hash(&string), string, wide_hash);
        } else if self.few.len() < FEW {
            self.few.push(string);
        } else {
            let mut table = Box::new(HashTable::with_capacity(2 * FEW));
            for string in self.few.drain(..).chain([string]) {
                table.insert_unique(wide_hash(&string), string, wide_hash);
            }
            self.table = Some(table);
        }
    }

    /// Removes a string if it is this very object.
    #[inline]
    pub fn remove(&mut self, string: *mut Str) {
        match &mut self.table {
            Some(table) => {
                if let Ok(entry) = table.find_entry(wide_hash(&string), |&other| other == string) {
                    entry.remove();
                }
            }
            None => self.few.retain(|other| *other != string),
        }
    }

    /// Gives memory back after many strings have gone.
    pub fn shrink(&mut self) {
        if let Some(table) = &mut self.table
            && table.capacity() > 4 * table.len() + 16
        {
            table.shrink_to(2 * table.len(), wide_hash);
        }
    }

    /// Number of strings.
    #[cfg(test)]
    pub fn count(&self) -> usize {
        self.table.as_ref().map_or(self.few.len(), |table| table.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_and_writers_agree_while_the_set_grows() {
        let set = StringSet::new(1);
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..4)
                .map(|worker| {
                    let set = &set;
                    scope.spawn(move || {
                        let order = |i: usize| (i * (2 * worker + 1)) % 1000;
                        (0..1000)
                            .map(|i| (order(i), set.intern(format!("s{}", order(i)).as_bytes()) as usize))
                            .collect::<Vec<_>>()
                    })
                })
                .collect();
            let mut seen = std::collections::HashMap::new();
            for worker in workers {
                for (i, string) in worker.join().expect("a worker does not panic") {
                    assert_eq!(*seen.entry(i).or_insert(string), string);
                }
            }
        });
        assert_eq!(set.len(), 1000);
        assert!(set.find(hash_bytes(1, b"nowhere"), b"nowhere").is_none());
    }
}
