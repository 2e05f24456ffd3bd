//! Where the bytes of a heap come from: its home, pages of equal slots, and blocks of their own for what is larger.
//!
//! House rules:
//! * There are two kinds of pages. *Object* pages are swept slot by slot: each slot begins with a `Header`, kind 0 if it
//!   is free. *Raw* pages hold small array and node parts; their owner frees them.
//! * A page is a plain block of the system allocator in the list of its class, newest first. Slots are handed out from
//!   the free list; when that is empty, a batch of never used slots of the newest page (from its `bump` mark on) is put
//!   on it. Slots at and above `bump` have never been initialised.
//! * The first slots of all classes come from the [`Home`]. The first page of a class is a few slots, each further one twice
//!   as large up to [`MAX_PAGE`]: an idle process costs little, a busy one seldom comes here.
//! * This file counts pages, not live bytes; `Heap` does the accounting.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error, realloc};
use std::ptr::null_mut;

use super::home::Home;
use crate::vm::object::Header;

/// Number of size classes.
pub const CLASSES: usize = 16;
/// Largest slot; what is larger has a block of its own.
pub const MAX_SLOT: usize = 512;
/// Largest page.
const MAX_PAGE: usize = 32 * 1024;
/// Bytes that the slots of the first page of a class aim at.
const FIRST_PAGE: usize = 64;
/// Most slots threaded onto a free list at once.
const BATCH: usize = 64;

const CLASS_SIZES: [u16; CLASSES] = [16, 32, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512];

/// The size class for `size` bytes, `1..=MAX_SLOT`.
#[inline(always)]
pub const fn class_of(size: usize) -> usize {
    if size <= 128 {
        size.div_ceil(16) - 1
    } else if size <= 256 {
        size.div_ceil(32) + 3
    } else {
        size.div_ceil(64) + 7
    }
}

/// Bytes of a slot of `class`.
#[inline(always)]
pub const fn class_size(class: usize) -> usize {
    CLASS_SIZES[class] as usize
}

/// The bytes that `size` bytes really take: the slot, or the block itself.
#[inline(always)]
pub const fn footprint(size: usize) -> usize {
    if size <= MAX_SLOT { class_size(class_of(size)) } else { size }
}

/// What a slot or block is used for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Use {
    /// Objects, beginning with a header.
    Object,
    /// Parts of tables.
    Raw,
}

/// A free slot.
#[repr(C)]
pub struct Slot {
    /// Of kind 0, which tells the sweep that there is no object; with its class.
    header: Header,
    /// The next free slot of the class.
    pub next: *mut Slot,
}

impl Slot {
    /// A free slot of a class.
    #[inline(always)]
    pub fn free(class: usize, next: *mut Slot) -> Slot {
        Slot { header: Header { kind: 0, mark: 0, flags: 0, class: class as u8, extra: 0 }, next }
    }
}

/// The head of a page; its slots follow.
#[repr(C)]
pub struct Page {
    /// The page allocated before this one.
    pub next: *mut Page,
    /// Bytes of the whole page.
    size: u32,
    /// Offset of the first slot that was never used.
    bump: u32,
}

impl Page {
    /// The slots in use or free, as addresses from the first to the one past the last.
    #[inline(always)]
    pub unsafe fn used(this: *mut Page) -> (*mut u8, *mut u8) {
        // SAFETY: the head and `bump` lie within the page.
        unsafe { (this.add(1).cast(), this.cast::<u8>().add((*this).bump as usize)) }
    }

    /// Bytes of the whole page.
    pub unsafe fn size(this: *mut Page) -> usize {
        // SAFETY: the caller has a live page.
        unsafe { (*this).size as usize }
    }
}

/// The head of a block with a single content, which follows it.
#[repr(C)]
pub struct Block {
    prev: *mut Block,
    /// The block allocated before this one.
    pub next: *mut Block,
    /// Bytes of the content.
    pub size: usize,
}

impl Block {
    fn layout(content: usize) -> Layout {
        // Contents come from `Heap::check_large` or from a u8 count of captured values, far below isize::MAX.
        Layout::from_size_align(size_of::<Block>() + content, align_of::<Block>()).expect("size was checked")
    }

    /// Its content.
    pub fn content(this: *mut Block) -> *mut u8 {
        // SAFETY: the content follows the head within one allocation.
        unsafe { this.add(1).cast() }
    }

    /// The block whose content this is.
    unsafe fn of(content: *mut u8) -> *mut Block {
        // SAFETY: the caller has the content of a block, which its head precedes.
        unsafe { content.cast::<Block>().sub(1) }
    }
}

/// All memory of a heap. Dropping it frees it without looking at what it holds.
pub struct Pages {
    /// Free slots of objects and of raw parts, linked, by class.
    free: [[*mut Slot; CLASSES]; 2],
    /// Where the first slots come from.
    pub home: Home,
    /// There once the home is full.
    lists: Option<Box<Lists>>,
}

/// What a heap has beside its home.
struct Lists {
    /// Pages of objects and of raw parts by class, newest first.
    pages: [[*mut Page; CLASSES]; 2],
    /// Blocks of objects and of raw parts.
    blocks: [*mut Block; 2],
    /// Bytes of the pages.
    bytes: [usize; 2],
}

impl Default for Lists {
    fn default() -> Lists {
        Lists { pages: [[null_mut(); CLASSES]; 2], blocks: [null_mut(); 2], bytes: [0; 2] }
    }
}

impl Pages {
    /// A home and no pages.
    #[inline(always)]
    pub fn new() -> Pages {
        Pages { free: [[null_mut(); CLASSES]; 2], home: Home::new(), lists: None }
    }

    /// The list of free slots of a class.
    #[inline(always)]
    pub fn free(&mut self, usage: Use, class: usize) -> &mut *mut Slot {
        &mut self.free[usage as usize][class]
    }

    /// The newest page of a class; null if it has none.
    pub fn first_page(&self, usage: Use, class: usize) -> *mut Page {
        self.lists.as_ref().map_or(null_mut(), |lists| lists.pages[usage as usize][class])
    }

    fn lists(&mut self) -> &mut Lists {
        self.lists.get_or_insert_default()
    }

    /// Bytes of all pages of a use.
    pub fn page_bytes(&self, usage: Use) -> usize {
        self.lists.as_ref().map_or(0, |lists| lists.bytes[usage as usize])
    }

    /// A slot of a class, uninitialised.
    #[inline(always)]
    pub fn take(&mut self, usage: Use, class: usize) -> *mut u8 {
        let free = self.free(usage, class);
        let slot = *free;
        if slot.is_null() {
            return self.take_fresh(usage, class);
        }
        // SAFETY: slots on a free list are free and linked.
        *free = unsafe { (*slot).next };
        slot.cast()
    }

    /// Gives a slot back.
    #[inline(always)]
    pub unsafe fn give(&mut self, usage: Use, class: usize, slot: *mut u8) {
        let free = self.free(usage, class);
        let slot = slot.cast::<Slot>();
        // SAFETY: the caller owns the slot, which is of this class and use.
        unsafe { slot.write(Slot::free(class, *free)) };
        *free = slot;
    }

    /// A slot that was never used: of the home, or of the newest page, of which a batch is opened, and a new page added
    /// if need be.
    #[cold]
    #[inline(never)]
    fn take_fresh(&mut self, usage: Use, class: usize) -> *mut u8 {
        let at_home = match usage {
            Use::Object => self.home.take_object(class),
            Use::Raw => self.home.take_raw(class),
        };
        if let Some(slot) = at_home {
            return slot;
        }
        let size = class_size(class);
        let mut page = self.first_page(usage, class);
        // SAFETY: the pages of a class are live; the slots cut here lie within the page and above its bump mark.
        unsafe {
            if page.is_null() || ((*page).size - (*page).bump) < size as u32 {
                page = self.add_page(usage, class);
            }
            let room = ((*page).size - (*page).bump) as usize / size;
            let count = room.min(BATCH);
            let first = page.cast::<u8>().add((*page).bump as usize);
            (*page).bump += (count * size) as u32;
            let mut free = null_mut();
            for i in (1..count).rev() {
                let slot = first.add(i * size).cast::<Slot>();
                slot.write(Slot::free(class, free));
                free = slot;
            }
            *self.free(usage, class) = free;
            first
        }
    }

    fn add_page(&mut self, usage: Use, class: usize) -> *mut Page {
        let slot = class_size(class);
        let lists = self.lists();
        let newest = lists.pages[usage as usize][class];
        let bytes = if newest.is_null() {
            size_of::<Page>() + slot * (FIRST_PAGE / slot).clamp(1, 8)
        } else {
            // SAFETY: the pages of a class are live.
            let previous = unsafe { Page::size(newest) };
            // Doubled and cut to whole slots, but never less than one.
            let target = (previous * 2).min(MAX_PAGE).max(size_of::<Page>() + slot);
            size_of::<Page>() + (target - size_of::<Page>()) / slot * slot
        };
        let layout = Pages::page_layout(bytes);
        // SAFETY: the layout is not empty.
        let page = unsafe { alloc(layout) }.cast::<Page>();
        if page.is_null() {
            handle_alloc_error(layout);
        }
        // SAFETY: freshly allocated, large enough for the head.
        unsafe { page.write(Page { next: newest, size: bytes as u32, bump: size_of::<Page>() as u32 }) };
        lists.pages[usage as usize][class] = page;
        lists.bytes[usage as usize] += bytes;
        page
    }

    fn page_layout(bytes: usize) -> Layout {
        Layout::from_size_align(bytes, 16).expect("a page is at most MAX_PAGE bytes")
    }

    /// Frees the page after `before` in its list. None of its slots may be in use or on a free list.
    pub unsafe fn release_next(&mut self, usage: Use, before: *mut Page) {
        // SAFETY: by contract `before` is live and has a successor that nothing refers to.
        unsafe {
            let page = (*before).next;
            (*before).next = (*page).next;
            let bytes = Page::size(page);
            self.lists().bytes[usage as usize] -= bytes;
            dealloc(page.cast(), Pages::page_layout(bytes));
        }
    }

    /// Frees all pages of the classes that have no slot in use. No sweep may be under way.
    pub fn release_unused_classes(&mut self) {
        for usage in [Use::Object, Use::Raw] {
            for class in 0..CLASSES {
                self.release_if_unused(usage, class);
            }
        }
    }

    fn release_if_unused(&mut self, usage: Use, class: usize) {
        let newest = self.first_page(usage, class);
        if newest.is_null() {
            return;
        }
        // SAFETY: the pages of a class and the slots on its free list are live; if all slots are free, nobody refers to
        // the pages any more.
        unsafe {
            let (mut page, mut slots) = (newest, 0);
            while !page.is_null() {
                let (start, end) = Page::used(page);
                slots += end.offset_from(start) as usize / class_size(class);
                page = (*page).next;
            }
            let mut slot = *self.free(usage, class);
            let mut at_home = null_mut();
            let mut free_in_pages = 0;
            while !slot.is_null() {
                let next = (*slot).next;
                free_in_pages += usize::from(!self.home.contains(slot.cast()));
                slot = next;
            }
            if free_in_pages < slots {
                return;
            }
            slot = *self.free(usage, class);
            while !slot.is_null() {
                let next = (*slot).next;
                if self.home.contains(slot.cast()) {
                    (*slot).next = at_home;
                    at_home = slot;
                }
                slot = next;
            }
            *self.free(usage, class) = at_home;
            let lists = self.lists();
            let mut page = std::mem::replace(&mut lists.pages[usage as usize][class], null_mut());
            while !page.is_null() {
                let next = (*page).next;
                let bytes = Page::size(page);
                lists.bytes[usage as usize] -= bytes;
                dealloc(page.cast(), Pages::page_layout(bytes));
                page = next;
            }
        }
    }

    /// Frees the raw pages that have no slot in use, apart from the newest of each class. Raw slots have no header, so this is a
    /// walk along the free lists; not for every cycle.
    pub fn release_empty_raw(&mut self) {
        for class in 0..CLASSES {
            self.release_empty_raw_of(class);
        }
    }

    fn release_empty_raw_of(&mut self, class: usize) {
        let slot_size = class_size(class);
        // Pages by address, with the number of their slots in use.
        let mut used: Vec<(*mut Page, usize)> = Vec::new();
        // SAFETY: the pages of a class are live, and so are the slots on its free list, each within one of them.
        unsafe {
            let newest = self.first_page(Use::Raw, class);
            let mut page = newest;
            while !page.is_null() {
                let (start, end) = Page::used(page);
                used.push((page, end.offset_from(start) as usize / slot_size));
                page = (*page).next;
            }
            if used.len() < 2 {
                return;
            }
            used.sort_unstable();
            let home = &self.home;
            // `None` for a slot at home.
            let index_of = |used: &[(*mut Page, usize)], slot: *mut Slot| {
                let of_page = !home.contains(slot.cast());
                of_page.then(|| used.partition_point(|&(page, _)| page.cast::<Slot>() < slot) - 1)
            };
            let first_free = self.free[Use::Raw as usize][class];
            let mut slot = first_free;
            while !slot.is_null() {
                if let Some(index) = index_of(&used, slot) {
                    used[index].1 -= 1;
                }
                slot = (*slot).next;
            }
            let is_empty = |&(page, slots): &(*mut Page, usize)| slots == 0 && page != newest;
            let mut slot = first_free;
            let mut kept = null_mut();
            while !slot.is_null() {
                let next = (*slot).next;
                if !index_of(&used, slot).is_some_and(|index| is_empty(&used[index])) {
                    (*slot).next = kept;
                    kept = slot;
                }
                slot = next;
            }
            *self.free(Use::Raw, class) = kept;
            let mut before = newest;
            while !(*before).next.is_null() {
                let page = (*before).next;
                if used.binary_search(&(page, 0)).is_ok() {
                    self.release_next(Use::Raw, before);
                } else {
                    before = page;
                }
            }
        }
    }

    /// A block of its own; null if the system has no memory.
    pub fn take_block(&mut self, usage: Use, size: usize) -> *mut u8 {
        // SAFETY: the layout is not empty.
        let block = unsafe { alloc(Block::layout(size)) }.cast::<Block>();
        if block.is_null() {
            return null_mut();
        }
        let head = &mut self.lists().blocks[usage as usize];
        // SAFETY: the block is fresh; the head of the list is live.
        unsafe {
            block.write(Block { prev: null_mut(), next: *head, size });
            if !(*head).is_null() {
                (**head).prev = block;
            }
        }
        *head = block;
        Block::content(block)
    }

    /// Frees a block.
    pub unsafe fn give_block(&mut self, usage: Use, content: *mut u8) {
        // SAFETY: the caller owns this block of this use; its neighbours in the list are live.
        unsafe {
            let block = Block::of(content);
            let Block { prev, next, size } = block.read();
            self.relink(usage, prev, next, next, prev);
            dealloc(block.cast(), Block::layout(size));
        }
    }

    /// Changes the size of a block, which may move; null, leaving it as it is, if the system has no memory.
    pub unsafe fn resize_block(&mut self, usage: Use, content: *mut u8, size: usize) -> *mut u8 {
        // SAFETY: the caller owns this block of this use; its neighbours in the list are live.
        unsafe {
            let block = Block::of(content);
            let Block { prev, next, size: old } = block.read();
            let moved = realloc(block.cast(), Block::layout(old), Block::layout(size).size()).cast::<Block>();
            if moved.is_null() {
                return null_mut();
            }
            (*moved).size = size;
            self.relink(usage, prev, moved, next, moved);
            Block::content(moved)
        }
    }

    /// Makes `prev` point forward to `forward`, and `next` back to `back`.
    unsafe fn relink(&mut self, usage: Use, prev: *mut Block, forward: *mut Block, next: *mut Block, back: *mut Block) {
        // SAFETY: both are null or live blocks of this list.
        unsafe {
            if prev.is_null() {
                self.lists().blocks[usage as usize] = forward;
            } else {
                (*prev).next = forward;
            }
            if !next.is_null() {
                (*next).prev = back;
            }
        }
    }

    /// The newest block of a use.
    pub fn first_block(&self, usage: Use) -> *mut Block {
        self.lists.as_ref().map_or(null_mut(), |lists| lists.blocks[usage as usize])
    }
}

impl Drop for Lists {
    fn drop(&mut self) {
        for &first in self.pages.as_flattened() {
            let mut page = first;
            while !page.is_null() {
                // SAFETY: all pages in the lists are live and belong to this heap alone.
                unsafe {
                    let next = (*page).next;
                    dealloc(page.cast(), Pages::page_layout(Page::size(page)));
                    page = next;
                }
            }
        }
        for head in self.blocks {
            let mut block = head;
            while !block.is_null() {
                // SAFETY: as for pages.
                unsafe {
                    let Block { next, size, .. } = block.read();
                    dealloc(block.cast(), Block::layout(size));
                    block = next;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_tight() {
        for size in 1..=MAX_SLOT {
            let class = class_of(size);
            assert!(class_size(class) >= size);
            assert!(class == 0 || class_size(class - 1) < size, "{size}");
        }
    }

    #[test]
    fn slots_are_distinct_and_reused() {
        let mut pages = Pages::new();
        for class in 0..CLASSES {
            let mut slots: Vec<*mut u8> = (0..5000).map(|_| pages.take(Use::Raw, class)).collect();
            for &slot in &slots {
                // SAFETY: each slot has the size of its class.
                unsafe { slot.write_bytes(0xEE, class_size(class)) };
            }
            let again = slots[17];
            // SAFETY: taken above.
            unsafe { pages.give(Use::Raw, class, again) };
            assert_eq!(pages.take(Use::Raw, class), again);
            slots.sort();
            assert!(slots.windows(2).all(|w| w[1] as usize - w[0] as usize >= class_size(class)));
        }
    }

    #[test]
    fn empty_raw_pages_are_released() {
        let mut pages = Pages::new();
        let slots: Vec<*mut u8> = (0..10_000).map(|_| pages.take(Use::Raw, 3)).collect();
        let full = pages.page_bytes(Use::Raw);
        // SAFETY: each slot is given back once.
        unsafe {
            for &slot in &slots[5000..] {
                pages.give(Use::Raw, 3, slot);
            }
            pages.release_empty_raw();
            assert!(pages.page_bytes(Use::Raw) < full * 2 / 3);
            let mut again: Vec<*mut u8> = (0..5000).map(|_| pages.take(Use::Raw, 3)).collect();
            assert_eq!(pages.page_bytes(Use::Raw), full);
            again.extend(&slots[..5000]);
            again.sort_unstable();
            again.dedup();
            assert_eq!(again.len(), 10_000);
            for slot in again {
                pages.give(Use::Raw, 3, slot);
            }
            pages.release_empty_raw();
        }
        assert!(pages.page_bytes(Use::Raw) <= MAX_PAGE);
    }

    #[test]
    fn blocks_survive_resizing_and_freeing_in_any_order() {
        let mut pages = Pages::new();
        let mut blocks: Vec<*mut u8> = (0..10).map(|i| pages.take_block(Use::Raw, 1000 + i)).collect();
        // SAFETY: all blocks are live when used.
        unsafe {
            for (i, block) in blocks.iter_mut().enumerate() {
                **block = i as u8;
                *block = pages.resize_block(Use::Raw, *block, 5000);
                assert_eq!(**block, i as u8);
            }
            for i in [3, 0, 9, 5] {
                pages.give_block(Use::Raw, blocks[i]);
            }
        }
        let mut left = 0;
        let mut block = pages.first_block(Use::Raw);
        while !block.is_null() {
            left += 1;
            // SAFETY: in the list, hence live.
            block = unsafe { (*block).next };
        }
        assert_eq!(left, 6);
    }
}
