//! Sweeping: frees what was not reached.
//!
//! House rules:
//! * What condemned objects own outside the heap is released first, while all objects are still intact.
//! * The free list of a class is made anew when its sweep begins, page by page. New objects then come from swept pages, from the
//!   never used end of the newest page, which is swept first, or from pages added since, which are not swept.
//! * A page that turns out empty goes back to the system if the heap has more pages than it will need before the next cycle.

use std::ptr::null_mut;

use super::Heap;
use super::collect::Phase;
use super::page::{Block, Page, Slot, Use, class_size};
use crate::vm::object::{Header, LARGE, NativeClosure, Str, Table, Userdata, string_flag, userdata_flag};
use crate::vm::thread::Thread;
use crate::vm::value::tag;

/// Droppable objects examined per slice.
const RELEASE_SLICE: usize = 256;
/// Sweeping a byte costs this fraction of marking one.
const SWEEP_COST: usize = 4;
/// Pages worth keeping in any heap, in bytes.
const KEPT_PAGES: usize = 128 << 10;

impl Heap {
    /// Releases what condemned droppable objects own, from `index` downwards.
    pub(super) fn release_slice(&mut self, index: usize) -> usize {
        let end = index.saturating_sub(RELEASE_SLICE);
        for i in (end..index).rev() {
            let object = self.droppables[i];
            // SAFETY: listed objects are not swept before they have left the list.
            unsafe {
                if (*object).mark & self.condemned != 0 {
                    // The last one was examined before, or was born after the atomic phase.
                    self.droppables.swap_remove(i);
                    self.release_owned(object);
                }
            }
        }
        self.collector.phase = if end > 0 { Phase::Release(end) } else { Phase::Sweep { class: 0, swept: null_mut() } };
        (index - end) * size_of::<Userdata>() + 1
    }

    /// Releases what an object owns outside the heap.
    pub(super) unsafe fn release_owned(&mut self, object: *mut Header) {
        // SAFETY: the object is intact, and this is the last use of what it owns.
        unsafe {
            match (*object).kind {
                tag::STRING => {
                    let string = object.cast::<Str>();
                    self.account(-((*string).len as isize));
                    Str::release_shared(string);
                }
                tag::USERDATA => {
                    let data = (*object.cast::<Userdata>()).data;
                    if (*object).flags & userdata_flag::BOXED != 0 {
                        drop(Box::from_raw(data));
                    } else {
                        data.drop_in_place();
                    }
                }
                tag::NATIVE_CLOSURE => drop((*object.cast::<NativeClosure>()).data.take()),
                tag::THREAD => {
                    let thread = object.cast::<Thread>();
                    self.account(-((*thread).memory() as isize));
                    Thread::release(thread);
                }
                kind => unreachable!("an object of kind {kind} among the droppable ones"),
            }
        }
    }

    /// Whether the heap has more pages than it will need before the next cycle.
    pub(super) fn has_surplus_pages(&self, usage: Use) -> bool {
        self.pages.page_bytes(usage) >= KEPT_PAGES + self.collector.marked_bytes * 5 / 2
    }

    /// Sweeps the page after `swept`, or the first one; goes to the next class after the last.
    pub(super) fn sweep_next(&mut self, class: usize, swept: *mut Page) -> usize {
        let page = if swept.is_null() {
            *self.pages.free(Use::Object, class) = null_mut();
            // SAFETY: once in this cycle.
            unsafe { self.sweep_home(class) };
            self.pages.first_page(Use::Object, class)
        } else {
            // SAFETY: swept pages stay in the list, apart from those released at once.
            unsafe { (*swept).next }
        };
        if page.is_null() {
            self.collector.phase = Phase::Sweep { class: class + 1, swept: null_mut() };
            return 1;
        }
        // SAFETY: a page of this class that was not swept in this cycle.
        unsafe {
            let bytes = Page::size(page);
            let keep_if_empty = swept.is_null() || !self.has_surplus_pages(Use::Object);
            let kept = self.sweep_page(class, page, keep_if_empty);
            if kept {
                self.collector.phase = Phase::Sweep { class, swept: page };
            } else {
                self.pages.release_next(Use::Object, swept);
            }
            bytes / SWEEP_COST
        }
    }

    /// Frees the condemned objects of a page and links its free slots, unless there is nothing else in it and it is not to be
    /// kept: then returns false.
    unsafe fn sweep_page(&mut self, class: usize, page: *mut Page, keep_if_empty: bool) -> bool {
        let size = class_size(class);
        let mut first: *mut Slot = null_mut();
        let mut last: *mut *mut Slot = &raw mut first;
        let mut alive = false;
        let mut freed = 0;
        // SAFETY: every slot below the bump mark holds an object or is free, with kind 0; free slots are linked anew.
        unsafe {
            let (mut at, end) = Page::used(page);
            while at < end {
                let object = at.cast::<Header>();
                at = at.add(size);
                if (*object).kind != 0 {
                    if (*object).mark & self.condemned == 0 {
                        alive = true;
                        continue;
                    }
                    self.free_condemned(object, size);
                    freed += size;
                }
                let slot = object.cast::<Slot>();
                slot.write(Slot::free(class, null_mut()));
                *last = slot;
                last = &raw mut (*slot).next;
            }
            self.debt -= freed as isize;
            if !alive && !keep_if_empty {
                return false;
            }
            let free = self.pages.free(Use::Object, class);
            *last = *free;
            *free = first;
        }
        true
    }

    /// Frees the condemned objects of a class at home and links its free slots there.
    unsafe fn sweep_home(&mut self, class: usize) {
        if !self.pages.home.has(class) {
            return;
        }
        let size = class_size(class);
        for object in self.pages.home.objects() {
            // SAFETY: a slot with a header; free ones are linked anew.
            unsafe {
                if usize::from((*object).class) != class {
                    continue;
                }
                if (*object).kind != 0 {
                    if (*object).mark & self.condemned == 0 {
                        continue;
                    }
                    self.free_condemned(object, size);
                    self.debt -= size as isize;
                }
                self.pages.give(Use::Object, class, object.cast());
            }
        }
    }

    /// Frees what a condemned object has besides its slot, and overwrites the slot where that is wanted.
    #[inline(always)]
    unsafe fn free_condemned(&mut self, object: *mut Header, size: usize) {
        // SAFETY: the object is intact and unreachable.
        unsafe {
            self.free_parts(object);
            if self.poison {
                object.cast::<u8>().write_bytes(0xA5, size);
            }
        }
    }

    /// Frees what an object has within the heap besides its slot.
    #[inline(always)]
    unsafe fn free_parts(&mut self, object: *mut Header) {
        // SAFETY: the object is intact and unreachable.
        unsafe {
            match (*object).kind {
                tag::TABLE => Table::free_parts(object.cast(), self),
                tag::STRING if (*object).flags & string_flag::SHORT != 0 => self.interned.remove(object.cast()),
                _ => {}
            }
        }
    }

    /// Frees condemned objects that have a block of their own.
    pub(super) fn sweep_blocks(&mut self) {
        let mut block = self.pages.first_block(Use::Object);
        while !block.is_null() {
            // SAFETY: blocks in the list hold intact objects.
            unsafe {
                let object = Block::content(block).cast::<Header>();
                let size = (*block).size;
                block = (*block).next;
                if (*object).mark & self.condemned != 0 {
                    debug_assert_eq!((*object).class, LARGE);
                    self.free_parts(object);
                    self.debt -= size as isize;
                    self.pages.give_block(Use::Object, object.cast());
                }
            }
        }
    }
}
