//! Memory for what is static: the constant strings of an image, and chunks loaded at run time.
//!
//! House rules:
//! * Static strings are hashed at birth and never written afterwards; any number of threads may read them.
//! * A [`Chunk`] is kept alive by the processes that use it: each heap holds an `Arc` while the closures or constants of
//!   the chunk are reachable in it (see `heap::chunks`). So its strings carry `string_flag::CHUNK` and, in the word
//!   before their header, the address of their chunk; and no mark at all, because the mark `STATIC` would hide them from the
//!   collector.

use std::ptr::null;
use std::sync::Arc;

use hashbrown::HashTable;

use super::function::Function;
use super::intern::StringSet;
use super::object::{Header, MAX_SHORT, MIN_SHARED, Str, mark, string_flag};
use super::string::hash_bytes;
use super::value::tag;

/// Words of the first block of an arena.
const FIRST_BLOCK: usize = 32;
/// Words of the largest block made for small strings.
const MAX_BLOCK: usize = 2048;

/// Strings that live until this is dropped, at fixed addresses.
pub struct StaticStrings {
    blocks: Vec<Box<[u64]>>,
    /// Words used of the last block.
    used: usize,
    /// Bytes of the long strings.
    shared: Vec<Arc<[u8]>>,
    /// The chunk they belong to; null for an image.
    owner: *const Chunk,
}

impl StaticStrings {
    /// No strings yet; they will belong to an image.
    pub fn new() -> StaticStrings {
        StaticStrings { blocks: Vec::new(), used: 0, shared: Vec::new(), owner: null() }
    }

    /// A new string.
    pub fn create(&mut self, seed: u32, bytes: &[u8]) -> *mut Str {
        assert!(bytes.len() <= u32::MAX as usize, "constants come from source files");
        let shared = bytes.len() >= MIN_SHARED;
        let body = if shared { size_of::<*const u8>() } else { bytes.len() };
        let owner_words = usize::from(!self.owner.is_null());
        let at = self.reserve(owner_words + (size_of::<Str>() + body).div_ceil(8));
        let mut flags = string_flag::HASHED;
        let mut marks = mark::STATIC;
        // SAFETY: the reserved words have room for the owner, the fixed part and the body.
        unsafe {
            let string = at.add(owner_words).cast::<Str>();
            if owner_words == 1 {
                at.cast::<*const Chunk>().write(self.owner);
                flags |= string_flag::CHUNK;
                marks = 0;
            }
            if bytes.len() <= MAX_SHORT {
                flags |= string_flag::SHORT;
            }
            if shared {
                flags |= string_flag::SHARED;
            }
            let hash = hash_bytes(seed, bytes);
            string.cast::<Header>().write(Header { kind: tag::STRING, mark: marks, flags, class: 0, extra: hash });
            Str::init(string.cast(), bytes.len(), seed);
            if shared {
                let bytes: Arc<[u8]> = bytes.into();
                // The vector owns the count; the string borrows it.
                self.shared.push(bytes.clone());
                Str::fill_shared(string, bytes);
                Arc::decrement_strong_count(Arc::as_ptr(&self.shared[self.shared.len() - 1]));
            } else {
                Str::fill_inline(string, bytes);
            }
            string
        }
    }

    fn reserve(&mut self, words: usize) -> *mut u64 {
        let room = self.blocks.last().map_or(0, |block| block.len() - self.used);
        if words > room {
            let next = self.blocks.last().map_or(FIRST_BLOCK, |block| (block.len() * 2).min(MAX_BLOCK));
            self.blocks.push(vec![0; next.max(words)].into_boxed_slice());
            self.used = 0;
        }
        let start = self.used;
        self.used += words;
        let block = self.blocks.last_mut().expect("one was just made if there was none");
        block[start..].as_mut_ptr()
    }
}

impl Default for StaticStrings {
    fn default() -> StaticStrings {
        StaticStrings::new()
    }
}

/// The chunk that owns a string with `string_flag::CHUNK`.
#[inline]
pub unsafe fn owner(string: *const Str) -> *const Chunk {
    // SAFETY: such strings are made by `StaticStrings::create`, which puts their owner before them.
    unsafe { string.cast::<*const Chunk>().sub(1).read() }
}

/// Code loaded at run time (`load`, a required file that is not part of the image) with its constants.
pub struct Chunk {
    /// Owns the strings the functions refer to.
    _strings: StaticStrings,
    /// The constants that a heap interns when it takes the chunk in.
    short: Box<[*mut Str]>,
    functions: Box<[Function]>,
}

// SAFETY: immutable after it was built, apart from the hint bytes in its instructions, which are atomic.
unsafe impl Send for Chunk {}
// SAFETY: as above.
unsafe impl Sync for Chunk {}

/// Makes the constants of a chunk while it is built.
pub struct ChunkStrings<'a> {
    set: &'a StringSet,
    strings: StaticStrings,
    short: HashTable<*mut Str>,
}

impl ChunkStrings<'_> {
    /// The chunk that is being built: what `Function::chunk` has to point to.
    pub fn chunk(&self) -> *const Chunk {
        self.strings.owner
    }

    /// A constant: the image's own if it has it, otherwise one of this chunk. Each call makes a new one; the builder keeps
    /// equal constants together.
    pub fn constant(&mut self, bytes: &[u8]) -> *mut Str {
        let seed = self.set.seed();
        if bytes.len() > MAX_SHORT {
            return self.strings.create(seed, bytes);
        }
        let hash = hash_bytes(seed, bytes);
        if let Some(string) = self.set.find(hash, bytes) {
            return string;
        }
        // SAFETY: the strings of this chunk live as long as it does, and short ones know their hash.
        let (equal, hash_of) = unsafe {
            (|&other: &*mut Str| Str::bytes(other) == bytes, |&other: &*mut Str| u64::from((*other).header.extra))
        };
        *self.short.entry(u64::from(hash), equal, hash_of).or_insert_with(|| self.strings.create(seed, bytes)).get()
    }
}

impl Chunk {
    /// Builds a chunk: `link` makes its functions, the main one first, with constants from the [`ChunkStrings`].
    pub fn build(set: &StringSet, link: impl FnOnce(&mut ChunkStrings<'_>) -> Vec<Function>) -> Arc<Chunk> {
        Arc::new_cyclic(|this| {
            let strings = StaticStrings { owner: this.as_ptr(), ..StaticStrings::new() };
            let mut builder = ChunkStrings { set, strings, short: HashTable::new() };
            let functions = link(&mut builder);
            Chunk { _strings: builder.strings, short: builder.short.into_iter().collect(), functions: functions.into() }
        })
    }

    /// Its functions, the main one first.
    pub fn functions(&self) -> &[Function] {
        &self.functions
    }

    /// Its constants of at most [`MAX_SHORT`] bytes, as far as they are not the image's.
    pub fn short_strings(&self) -> &[*mut Str] {
        &self.short
    }
}

impl std::fmt::Debug for Chunk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Chunk({} functions)", self.functions.len())
    }
}
