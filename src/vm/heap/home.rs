//! The home of a heap: one block for its first objects and raw parts of all classes, so that a small process has no pages
//! at all.
//!
//! Objects are cut from the low end, raw parts from the high end, until both meet. A slot that is given back stays on the
//! free list of its class. The headers of the objects tell their sizes, those of free slots too, so the objects can
//! be walked over; raw parts have no header and no need of it.

use std::ptr::NonNull;

use super::page::class_size;
use crate::vm::object::Header;
use crate::vm::{cache, pool};

/// Bytes of a home.
const SIZE: usize = 960;

/// See the module header.
pub struct Home {
    block: NonNull<u8>,
    /// End of the objects.
    low: u16,
    /// Beginning of the raw parts.
    high: u16,
    /// The classes of which there are objects.
    classes: u16,
}

impl Home {
    pub(super) fn new() -> Home {
        Home { block: pool::take(SIZE), low: 0, high: SIZE as u16, classes: 0 }
    }

    /// Begins to fetch it, see [`cache`].
    #[inline]
    pub(super) fn prefetch(&self) {
        cache::prefetch(self.block.as_ptr(), SIZE);
    }

    /// A slot for an object, if there is room; its header is to be written before the next look at the objects.
    pub(super) fn take_object(&mut self, class: usize) -> Option<*mut u8> {
        let size = class_size(class) as u16;
        if self.high - self.low < size {
            return None;
        }
        let at = self.low;
        self.low += size;
        self.classes |= 1 << class;
        Some(self.at(at))
    }

    /// A slot for a raw part, if there is room.
    pub(super) fn take_raw(&mut self, class: usize) -> Option<*mut u8> {
        let size = class_size(class) as u16;
        if self.high - self.low < size {
            return None;
        }
        self.high -= size;
        Some(self.at(self.high))
    }

    fn at(&self, offset: u16) -> *mut u8 {
        // SAFETY: offsets lie within the block.
        unsafe { self.block.as_ptr().add(usize::from(offset)) }
    }

    /// Whether a slot is cut from this block.
    #[inline]
    pub(super) fn contains(&self, slot: *mut u8) -> bool {
        slot.addr().wrapping_sub(self.block.as_ptr().addr()) < SIZE
    }

    /// Whether there are or were objects of a class.
    pub(super) fn has(&self, class: usize) -> bool {
        self.classes & 1 << class != 0
    }

    /// The slots of objects, free ones too.
    pub(super) fn objects(&self) -> Objects {
        Objects { at: self.at(0).cast(), end: self.at(self.low).cast() }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // SAFETY: taken with this size; the heap it belongs to is gone.
        unsafe { pool::give(self.block, SIZE) };
    }
}

/// See [`Home::objects`].
pub struct Objects {
    at: *mut Header,
    end: *mut Header,
}

impl Iterator for Objects {
    type Item = *mut Header;

    fn next(&mut self) -> Option<*mut Header> {
        if self.at == self.end {
            return None;
        }
        let object = self.at;
        // SAFETY: slots below the end have a header that tells their class.
        self.at = unsafe { object.byte_add(class_size(usize::from((*object).class))) };
        Some(object)
    }
}
