//! Strings: their bytes and hashes, and how a heap makes them.
//!
//! There are four sorts, told apart by length (see `object::string_flag`):
//! * up to [`MAX_SHORT`] bytes: interned, hashed at birth. In one process equal short strings are nearly always one
//!   object; the exception is a constant that its image gained after the process had made its own. So equality and table
//!   access compare addresses first and contents only when that fails.
//! * below [`MIN_SHARED`]: bytes inline, hashed when first used as a key.
//! * longer: the bytes are an `Arc<[u8]>`, so that a copy in another process costs nothing.
//! * static ones of an image or chunk (see `chunk`): always hashed, never written.

use std::mem::MaybeUninit;
use std::sync::Arc;

use super::chunk;
use super::heap::{Heap, OutOfMemory};
use super::object::{Header, MAX_SHORT, MIN_SHARED, Str, string_flag};
use super::value::tag;

/// The hash of a string's bytes, seeded so that an outsider cannot predict collisions.
pub fn hash_bytes(seed: u32, bytes: &[u8]) -> u32 {
    const K0: u64 = 0x9e37_79b9_7f4a_7c15;
    const K1: u64 = 0xd6e8_feb8_6659_fd93;
    #[inline(always)]
    fn fold(a: u64, b: u64) -> u64 {
        let product = u128::from(a) * u128::from(b);
        product as u64 ^ (product >> 64) as u64
    }
    #[inline(always)]
    fn word(bytes: &[u8]) -> u64 {
        u64::from_le_bytes(*bytes.first_chunk().expect("callers pass eight bytes or more"))
    }
    #[inline(always)]
    fn half(bytes: &[u8]) -> u64 {
        u64::from(u32::from_le_bytes(*bytes.first_chunk().expect("callers pass four bytes or more")))
    }

    let len = bytes.len();
    let mut state = (u64::from(seed) << 32 | u64::from(seed)) ^ (len as u64).wrapping_mul(K0);
    let tail = if len >= 8 {
        let mut rest = bytes;
        while rest.len() > 8 {
            state = fold(state ^ word(rest), K1);
            rest = &rest[8..];
        }
        // The last eight bytes may overlap with what went before.
        word(&bytes[len - 8..])
    } else if len >= 4 {
        half(bytes) << 32 | half(&bytes[len - 4..])
    } else if len > 0 {
        u64::from(bytes[0]) << 16 | u64::from(bytes[len / 2]) << 8 | u64::from(bytes[len - 1])
    } else {
        0
    };
    state = fold(state ^ tail, K1);
    state = fold(state ^ K0, K1);
    (state ^ state >> 32) as u32
}

impl Str {
    /// Where the inline bytes begin, or the data pointer of shared bytes stands.
    #[inline(always)]
    fn body(this: *const Str) -> *const u8 {
        // SAFETY: the body follows the fixed part within the object.
        unsafe { this.add(1).cast() }
    }

    /// Bytes of a string object with `len` inline bytes.
    pub(super) const fn inline_size(len: usize) -> usize {
        size_of::<Str>() + len
    }

    /// Bytes of a string object whose bytes are shared.
    pub(super) const SHARED_SIZE: usize = size_of::<Str>() + size_of::<*const u8>();

    /// The bytes.
    ///
    /// # Safety
    /// The string must be alive for as long as the result is used: until the next safepoint, or longer if it is reachable.
    #[inline(always)]
    pub unsafe fn bytes<'a>(this: *const Str) -> &'a [u8] {
        // SAFETY: `len` bytes are initialised, inline or in the Arc that the string holds a count of.
        unsafe {
            let len = (*this).len as usize;
            let data = if (*this).header.flags & string_flag::SHARED == 0 {
                Str::body(this)
            } else {
                Str::body(this).cast::<*const u8>().read()
            };
            std::slice::from_raw_parts(data, len)
        }
    }

    /// The bytes.
    #[inline(always)]
    pub fn as_bytes(&self) -> &[u8] {
        // SAFETY: it is borrowed, hence alive.
        unsafe { Str::bytes(self) }
    }

    /// Whether it is interned.
    #[inline(always)]
    pub fn is_short(&self) -> bool {
        self.header.flags & string_flag::SHORT != 0
    }

    /// The hash; computed and kept the first time for longer strings.
    #[inline(always)]
    pub unsafe fn hash(this: *mut Str) -> u32 {
        // SAFETY: the string is alive; static strings are always hashed, so the write meets only a heap's own.
        unsafe {
            if (*this).header.flags & string_flag::HASHED == 0 {
                Str::compute_hash(this);
            }
            (*this).header.extra
        }
    }

    #[cold]
    #[inline(never)]
    unsafe fn compute_hash(this: *mut Str) {
        // SAFETY: as for `hash`.
        unsafe {
            (*this).header.extra = hash_bytes((*this).seed, Str::bytes(this));
            (*this).header.flags |= string_flag::HASHED;
        }
    }

    /// Whether the bytes are equal.
    pub fn content_equals(&self, other: &Str) -> bool {
        let both_hashed = self.header.flags & other.header.flags & string_flag::HASHED != 0;
        self.len == other.len
            && !(both_hashed && self.seed == other.seed && self.header.extra != other.header.extra)
            && self.as_bytes() == other.as_bytes()
    }

    /// The shared bytes of a long string, to be handed to another process without copying.
    pub unsafe fn shared_bytes(this: *const Str) -> Option<Arc<[u8]>> {
        // SAFETY: a string with this flag holds one count of the Arc, and so keeps it alive while it is cloned.
        unsafe {
            if (*this).header.flags & string_flag::SHARED == 0 {
                return None;
            }
            let bytes: *const [u8] = Str::bytes(this);
            Arc::increment_strong_count(bytes);
            Some(Arc::from_raw(bytes))
        }
    }

    /// Gives up the count of the shared bytes; the object must not be used any more.
    pub(super) unsafe fn release_shared(this: *mut Str) {
        // SAFETY: by contract this is the last use, so the count the string holds is given up once.
        unsafe {
            let bytes: *const [u8] = Str::bytes(this);
            drop(Arc::from_raw(bytes));
        }
    }

    /// Fills in a string object at `at`, all but its header and body.
    pub(super) unsafe fn init(at: *mut Header, len: usize, seed: u32) -> *mut Str {
        let string = at.cast::<Str>();
        // SAFETY: the caller has reserved a string object here.
        unsafe {
            (*string).len = len as u32;
            (*string).seed = seed;
        }
        string
    }

    /// Copies inline bytes into a string object.
    pub(super) unsafe fn fill_inline(this: *mut Str, bytes: &[u8]) {
        // SAFETY: the caller has reserved room for them behind the fixed part.
        unsafe { Str::body(this).cast_mut().copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
    }

    /// Makes a string object hold shared bytes.
    pub(super) unsafe fn fill_shared(this: *mut Str, bytes: Arc<[u8]>) {
        // SAFETY: the caller has reserved room for the pointer behind the fixed part.
        unsafe { Str::body(this).cast_mut().cast::<*const u8>().write(Arc::into_raw(bytes).cast()) };
    }
}

impl std::fmt::Debug for Str {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(self.as_bytes()))
    }
}

impl Heap {
    /// A string with these bytes.
    #[inline]
    pub fn new_string(&mut self, bytes: &[u8]) -> Result<*mut Str, OutOfMemory> {
        if bytes.len() <= MAX_SHORT { Ok(self.intern(bytes)) } else { self.new_long_string(bytes) }
    }

    /// A string of at most [`MAX_SHORT`] bytes: that of the image, or of the process, or a new one.
    pub fn intern(&mut self, bytes: &[u8]) -> *mut Str {
        debug_assert!(bytes.len() <= MAX_SHORT);
        let hash = hash_bytes(self.strings.seed(), bytes);
        if let Some(string) = self.strings.find(hash, bytes) {
            return string;
        }
        if let Some(string) = self.interned.find(hash, bytes) {
            self.keep_interned(string);
            return string;
        }
        self.create_short(hash, bytes)
    }

    /// A string found in the intern table may be condemned: unreachable, but not swept yet. It lives again.
    #[inline(always)]
    fn keep_interned(&mut self, string: *mut Str) {
        // SAFETY: strings leave the intern table before they are freed.
        unsafe {
            if (*string).header.mark & self.condemned != 0 {
                (*string).header.mark ^= self.condemned | self.birth_mark;
            }
            if (*string).header.flags & string_flag::CHUNK != 0
                && let Some(marker) = &mut self.marker
            {
                marker.mark_chunk(chunk::owner(string));
            }
        }
    }

    #[inline(never)]
    fn create_short(&mut self, hash: u32, bytes: &[u8]) -> *mut Str {
        let header = self.alloc_object(Str::inline_size(bytes.len()), tag::STRING, hash);
        // SAFETY: a fresh object of the right size.
        let string = unsafe {
            (*header).flags = string_flag::SHORT | string_flag::HASHED;
            let string = Str::init(header, bytes.len(), self.strings.seed());
            Str::fill_inline(string, bytes);
            string
        };
        self.interned.insert(string);
        string
    }

    #[inline(never)]
    fn new_long_string(&mut self, bytes: &[u8]) -> Result<*mut Str, OutOfMemory> {
        // SAFETY: the closure initialises all bytes.
        unsafe {
            self.new_string_with(bytes.len(), |to| to.as_mut_ptr().cast::<u8>().copy_from(bytes.as_ptr(), bytes.len()))
        }
    }

    /// A string of `len` bytes that are written in place by `fill`.
    ///
    /// # Safety
    /// `fill` must initialise all bytes of the slice.
    pub unsafe fn new_string_with(
        &mut self,
        len: usize,
        fill: impl FnOnce(&mut [MaybeUninit<u8>]),
    ) -> Result<*mut Str, OutOfMemory> {
        if len <= MAX_SHORT {
            let mut buffer = [const { MaybeUninit::uninit() }; MAX_SHORT];
            fill(&mut buffer[..len]);
            // SAFETY: initialised by `fill`.
            let bytes = unsafe { std::slice::from_raw_parts(buffer.as_ptr().cast::<u8>(), len) };
            return Ok(self.intern(bytes));
        }
        if len >= MIN_SHARED {
            self.check_large(len)?;
            let mut bytes = Arc::<[u8]>::new_uninit_slice(len);
            fill(Arc::get_mut(&mut bytes).expect("nobody else has it yet"));
            // SAFETY: initialised by `fill`.
            return self.new_string_from_arc(unsafe { bytes.assume_init() });
        }
        let header = self.alloc_object(Str::inline_size(len), tag::STRING, 0);
        // SAFETY: a fresh object of the right size.
        unsafe {
            let string = Str::init(header, len, self.strings.seed());
            let body = Str::body(string).cast_mut().cast();
            fill(std::slice::from_raw_parts_mut(body, len));
            Ok(string)
        }
    }

    /// A string with bytes that may be shared with other processes. Short ones are copied.
    pub fn new_string_from_arc(&mut self, bytes: Arc<[u8]>) -> Result<*mut Str, OutOfMemory> {
        let len = bytes.len();
        if len < MIN_SHARED {
            return self.new_string(&bytes);
        }
        if len > u32::MAX as usize {
            return Err(OutOfMemory);
        }
        let header = self.alloc_object(Str::SHARED_SIZE, tag::STRING, 0);
        // SAFETY: a fresh object of the right size.
        let string = unsafe {
            (*header).flags = string_flag::SHARED;
            let string = Str::init(header, len, self.strings.seed());
            Str::fill_shared(string, bytes);
            string
        };
        self.account(len as isize);
        self.droppables.push(header);
        Ok(string)
    }
}

#[cfg(test)]
mod tests {
    use super::super::heap::tests::heap;
    use super::*;

    #[test]
    fn short_strings_are_one_object() {
        let mut heap = heap();
        let a = heap.new_string(b"abc").unwrap();
        let b = heap.new_string(b"abc").unwrap();
        assert_eq!(a, b);
        let from_image = heap.strings.intern(b"image");
        assert_eq!(heap.new_string(b"image").unwrap(), from_image);
    }

    #[test]
    fn every_length_keeps_its_bytes() {
        let mut heap = heap();
        let bytes: Vec<u8> = (0..2000u32).map(|i| (i * 7) as u8).collect();
        for len in (0..600).chain([2000]) {
            let string = heap.new_string(&bytes[..len]).unwrap();
            // SAFETY: nothing is collected here.
            unsafe {
                assert_eq!(Str::bytes(string), &bytes[..len]);
                assert_eq!(Str::hash(string), hash_bytes(heap.strings.seed(), &bytes[..len]));
                assert_eq!(Str::shared_bytes(string).is_some(), len >= MIN_SHARED);
            }
        }
    }

    #[test]
    fn shared_bytes_outlive_the_heap() {
        let mut first = heap();
        let string = first.new_string(&[7; 1000]).unwrap();
        // SAFETY: the string is alive.
        let bytes = unsafe { Str::shared_bytes(string) }.unwrap();
        drop(first);
        assert_eq!(Arc::strong_count(&bytes), 1);
        let mut second = heap();
        let copy = second.new_string_from_arc(bytes.clone()).unwrap();
        // SAFETY: the string is alive.
        assert_eq!(unsafe { Str::bytes(copy) }.as_ptr(), bytes.as_ptr());
    }

    #[test]
    fn hashes_spread() {
        let mut low = std::collections::HashSet::new();
        for i in 0..4096 {
            low.insert(hash_bytes(1, format!("key{i}").as_bytes()) & 0xffff);
        }
        // 4096 balls in 65536 bins leave some 3970 bins with a ball.
        assert!(low.len() > 3900, "{}", low.len());
    }
}
