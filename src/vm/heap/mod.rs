//! The heap of a process: allocation, accounting, and the state of its collector.
//!
//! The collector is mark and sweep, non-moving; small heaps are collected in one go, large ones in slices. Files:
//! `page` and `home` (memory), `mark` (what is reachable), `weak` (weak tables), `finalize` (`__gc`), `collect` (the phases of a cycle),
//! `sweep` (freeing), `chunks` (code loaded at run time), `verify` (self-check).
//!
//! House rules:
//! * Objects are freed only inside [`Heap::step`], [`Heap::full_collect`] and [`Heap::step_kilobytes`], which the machine
//!   calls at safepoints. Between two safepoints native code may hold raw pointers to anything it made or found.
//! * Two colours take turns. Outside a cycle every object has the same colour, that of [`Heap::birth_mark`]. A cycle marks
//!   what it reaches with the other colour; new objects keep the old one until the *atomic phase*, which ends marking
//!   in one go; from then on they are born with the new colour, and what still has the old one is freed.
//! * A store of a reference into a table, cell, closure or userdata that may have been marked needs the barrier: if
//!   `header.mark & heap.write_mask != 0`, take the slow path ([`Heap::barrier`]). Stacks of coroutines and what Rust code
//!   holds in userdata need none: the atomic phase traces all of them again.
//! * `debt` is negative until a collection is due, so that the test at a safepoint is one comparison.

mod chunks;
mod collect;
mod finalize;
mod home;
mod mark;
mod page;
mod recent;
mod sweep;
#[cfg(test)]
pub(super) mod tests;
mod verify;
mod weak;

use std::ptr::null_mut;
use std::sync::Arc;

use smallvec::SmallVec;

use self::chunks::Chunks;
use self::collect::{Collector, FIRST_THRESHOLD};
use self::finalize::Finalizers;
pub use self::mark::Marker;
use self::page::{MAX_SLOT, Pages, Use, class_of, class_size, footprint};
use self::recent::RecentClosures;
use super::cache;
use super::function::Function;
use super::intern::{Interned, StringSet};
use super::loan::Loan;
use super::native::{Native, NativeData};
use super::object::{
    Cell, Closure, Header, LARGE, NativeClosure, Str, Table, UserData, Userdata, mark as bits, userdata_flag,
};
use super::table::LibraryTables;
use super::thread::{THREAD_SIZE, Thread};
use super::value::{Value, tag};

/// A request that would pass the memory limit of the process, or that the system cannot meet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OutOfMemory;

/// What is reachable without being referred to by another object.
pub trait Roots {
    /// Marks every root. May be called several times in one cycle.
    fn trace(&mut self, marker: &mut Marker);
}

/// From this size on the system is asked whether it can meet a request before it is made in earnest.
const PROBED: usize = 16 << 20;

/// A list with room for those that most processes have: the main coroutine, and a channel.
type Droppables = SmallVec<[*mut Header; 2]>;

/// The objects of one process.
pub struct Heap {
    pages: Pages,
    /// Bytes allocated since the last threshold was set, less that threshold; collection is due from 0 on.
    debt: isize,
    /// `debt` counts down from here: the bytes in use are `threshold + debt`.
    threshold: usize,
    /// Marks with one of these bits send a store to the slow path.
    pub write_mask: u8,
    /// The mark of new objects: the colour of whatever is alive.
    pub birth_mark: u8,
    /// The colour of objects that are about to be swept; 0 outside the sweep.
    pub(super) condemned: u8,
    /// Whether freed slots are overwritten, so that a use after free shows.
    poison: bool,
    limit: usize,
    collector: Collector,
    /// There while a cycle is under way.
    pub(super) marker: Option<Box<Marker>>,
    /// The string `__mode`.
    mode: *mut Str,
    /// There once an object has a finalizer.
    finalizers: Option<Box<Finalizers>>,
    /// Objects that own something outside the heap: userdata, native closures with data, coroutines, shared strings.
    pub(super) droppables: Droppables,
    /// Constants of the image.
    pub strings: Loan<StringSet>,
    /// Other short strings.
    pub(super) interned: Interned,
    /// There once a chunk was loaded.
    chunks: Option<Box<Chunks>>,
    /// For making closures.
    pub(super) recent_closures: RecentClosures,
    /// This process's own headers of the image's library tables.
    pub(super) library: LibraryTables,
}

// SAFETY: a heap refers to its own objects, to static ones (immutable, shared freely) and to userdata and native data,
// which are `Send`.
unsafe impl Send for Heap {}

impl Heap {
    /// Begins to fetch the memory that the first objects have, and with them the main coroutine; see [`cache`].
    #[inline]
    pub fn prefetch_home(&self) {
        self.pages.home.prefetch();
    }

    /// Begins to fetch what the next object of this type costs, see [`cache`].
    #[inline]
    pub fn prefetch_userdata<T: UserData>(&mut self) {
        let size = size_of::<Userdata>() + size_of::<T>();
        cache::prefetch(*self.pages.free(Use::Object, class_of(size)), size);
    }

    /// An empty heap for a process of the image with these constants.
    #[inline(always)]
    pub fn new(strings: Loan<StringSet>) -> Heap {
        let mode = strings.intern(b"__mode");
        Heap {
            pages: Pages::new(),
            debt: -(FIRST_THRESHOLD as isize),
            threshold: FIRST_THRESHOLD as usize,
            write_mask: bits::WRITE_SLOW,
            birth_mark: bits::COLOUR_A,
            condemned: 0,
            poison: cfg!(debug_assertions),
            limit: usize::MAX,
            collector: Collector::new(),
            marker: None,
            mode,
            finalizers: None,
            droppables: Droppables::new(),
            strings,
            interned: Interned::default(),
            chunks: None,
            recent_closures: RecentClosures::new(),
            library: LibraryTables::default(),
        }
    }

    // ---- accounting

    /// Whether a collection or a slice of one is due.
    #[inline(always)]
    pub fn needs_collection(&self) -> bool {
        self.debt >= 0
    }

    /// Bytes in use (`collectgarbage "count"`).
    #[inline]
    pub fn count_bytes(&self) -> usize {
        self.threshold.wrapping_add_signed(self.debt)
    }

    /// Accounts for memory that an object owns outside the pages (bytes of a shared string, a coroutine's stack).
    #[inline(always)]
    pub fn account(&mut self, bytes: isize) {
        self.debt += bytes;
    }

    /// Sets the limit on the bytes in use. Small requests may pass it until the next safepoint.
    pub fn set_limit(&mut self, bytes: usize) {
        self.limit = bytes;
        self.reset_threshold();
    }

    /// Bytes that are left of the limit.
    pub fn headroom(&self) -> usize {
        self.limit.saturating_sub(self.count_bytes())
    }

    /// Whether the limit is passed, garbage included.
    #[inline]
    pub fn over_limit(&self) -> bool {
        self.count_bytes() > self.limit
    }

    /// Whether a request of `bytes` can be met. To be asked before every request whose size a program determines.
    pub fn check_large(&self, bytes: usize) -> Result<(), OutOfMemory> {
        let total = self.count_bytes().checked_add(bytes).ok_or(OutOfMemory)?;
        if total > self.limit || bytes > isize::MAX as usize / 2 {
            return Err(OutOfMemory);
        }
        if bytes >= PROBED { probe(bytes) } else { Ok(()) }
    }

    /// Sets `threshold` such that collection is due after `allowance` more bytes.
    fn set_allowance(&mut self, allowance: usize) {
        let total = self.count_bytes();
        self.threshold = total.saturating_add(allowance).min(self.limit).min(isize::MAX as usize);
        self.debt = (total as isize).wrapping_sub_unsigned(self.threshold);
    }

    /// Gives memory back that small heaps keep for objects to come: for a heap that will be left alone for a while. To be
    /// called after [`Heap::full_collect`].
    pub fn release_unused(&mut self) {
        self.pages.release_unused_classes();
    }

    // ---- raw memory, for parts of tables

    /// Memory for a part of a table.
    #[inline(always)]
    pub fn alloc_raw(&mut self, size: usize) -> Result<*mut u8, OutOfMemory> {
        if size <= MAX_SLOT {
            let class = class_of(size);
            self.debt += class_size(class) as isize;
            return Ok(self.pages.take(Use::Raw, class));
        }
        self.alloc_raw_block(size)
    }

    #[inline(never)]
    fn alloc_raw_block(&mut self, size: usize) -> Result<*mut u8, OutOfMemory> {
        self.check_large(size)?;
        let block = self.pages.take_block(Use::Raw, size);
        if block.is_null() {
            return Err(OutOfMemory);
        }
        self.debt += size as isize;
        Ok(block)
    }

    /// Frees memory from [`Heap::alloc_raw`], of the same size.
    #[inline(always)]
    pub unsafe fn free_raw(&mut self, part: *mut u8, size: usize) {
        self.debt -= footprint(size) as isize;
        // SAFETY: the caller owns the part and gives its size.
        unsafe {
            if size > MAX_SLOT {
                self.pages.give_block(Use::Raw, part);
                return;
            }
            if self.poison {
                part.write_bytes(0xA5, class_size(class_of(size)));
            }
            self.pages.give(Use::Raw, class_of(size), part);
        }
    }

    /// Moves a part to memory of another size, with as much of its content as fits. On failure it stays as it was.
    pub unsafe fn resize_raw(&mut self, part: *mut u8, old: usize, new: usize) -> Result<*mut u8, OutOfMemory> {
        if footprint(old) == footprint(new) {
            return Ok(part);
        }
        // SAFETY: the caller owns the part and gives its size; the new one is as large as the bytes copied into it.
        unsafe {
            if old > MAX_SLOT && new > MAX_SLOT {
                self.check_large(new.saturating_sub(old))?;
                let moved = self.pages.resize_block(Use::Raw, part, new);
                if moved.is_null() {
                    return Err(OutOfMemory);
                }
                self.debt += new as isize - old as isize;
                return Ok(moved);
            }
            let moved = self.alloc_raw(new)?;
            moved.copy_from_nonoverlapping(part, old.min(new));
            self.free_raw(part, old);
            Ok(moved)
        }
    }

    // ---- objects

    /// An object of `size` bytes with its header filled in: flags 0, the mark of new objects.
    #[inline(always)]
    pub fn alloc_object(&mut self, size: usize, kind: u8, extra: u32) -> *mut Header {
        if size <= MAX_SLOT {
            let class = class_of(size);
            self.debt += class_size(class) as isize;
            let header = self.pages.take(Use::Object, class).cast::<Header>();
            // SAFETY: a fresh slot of at least 16 bytes.
            unsafe { header.write(Header { kind, mark: self.birth_mark, flags: 0, class: class as u8, extra }) };
            return header;
        }
        self.alloc_large_object(size, kind, extra)
    }

    #[cold]
    #[inline(never)]
    fn alloc_large_object(&mut self, size: usize, kind: u8, extra: u32) -> *mut Header {
        let header = self.pages.take_block(Use::Object, size).cast::<Header>();
        // Only closures with very many captured values come here: some kilobytes.
        assert!(!header.is_null(), "the system has no memory left");
        self.debt += size as isize;
        // SAFETY: a fresh block.
        unsafe { header.write(Header { kind, mark: self.birth_mark, flags: 0, class: LARGE, extra }) };
        header
    }

    /// A closure. The caller fills in its captured values before the next safepoint.
    #[inline(always)]
    pub fn new_closure(&mut self, function: *const Function, captured: usize) -> *mut Closure {
        let closure = self.alloc_object(Closure::size(captured), tag::CLOSURE, captured as u32).cast::<Closure>();
        // SAFETY: a fresh object of that size.
        unsafe { (*closure).function = function };
        closure
    }

    /// A native closure. The caller fills in its captured values before the next safepoint.
    pub fn new_native_closure(
        &mut self,
        native: *const Native,
        captured: usize,
        data: Option<Box<NativeData>>,
    ) -> *mut NativeClosure {
        let header = self.alloc_object(NativeClosure::size(captured), tag::NATIVE_CLOSURE, captured as u32);
        if data.is_some() {
            self.droppables.push(header);
        }
        let closure = header.cast::<NativeClosure>();
        // SAFETY: a fresh object of that size; `data` is written without dropping what was there.
        unsafe {
            (*closure).native = native;
            (&raw mut (*closure).data).write(data);
        }
        closure
    }

    /// The cell of a captured local that is reassigned.
    #[inline(always)]
    pub fn new_cell(&mut self, value: Value) -> *mut Cell {
        let cell = self.alloc_object(size_of::<Cell>(), tag::CELL, 0).cast::<Cell>();
        // SAFETY: a fresh object of that size.
        unsafe { (*cell).value = value };
        cell
    }

    /// A host object.
    #[inline]
    pub fn new_userdata<T: UserData>(&mut self, data: T, metatable: *mut Table) -> *mut Userdata {
        let drops = const { std::mem::needs_drop::<T>() };
        self.new_userdata_that(drops, data, metatable)
    }

    /// As [`Heap::new_userdata`], for an object of which is known whether it has to be dropped.
    #[inline]
    pub fn new_userdata_that<T: UserData>(&mut self, drops: bool, data: T, metatable: *mut Table) -> *mut Userdata {
        // Slots are aligned to 16 bytes, and so is what follows the head.
        let inline = const { size_of::<Userdata>() + size_of::<T>() <= MAX_SLOT && align_of::<T>() <= 16 };
        let size = size_of::<Userdata>() + if inline { size_of::<T>() } else { 0 };
        let userdata = self.alloc_object(size, tag::USERDATA, 0).cast::<Userdata>();
        // SAFETY: a fresh object of that size; nothing of it is read or dropped before it is written.
        unsafe {
            (*userdata).metatable = metatable;
            (*userdata).user_value = Value::NIL;
            let place = if inline {
                let place = userdata.add(1).cast::<T>();
                place.write(data);
                place
            } else {
                (*userdata).header.flags = userdata_flag::BOXED;
                Box::into_raw(Box::new(data))
            };
            (&raw mut (*userdata).data).write(place);
        }
        if !inline || drops {
            self.droppables.push(userdata.cast());
        }
        userdata
    }

    /// A coroutine with an empty stack.
    pub fn new_thread(&mut self) -> *mut Thread {
        let header = self.alloc_object(THREAD_SIZE, tag::THREAD, 0);
        self.droppables.push(header);
        let thread = header.cast::<Thread>();
        // SAFETY: a fresh object of that size.
        unsafe { Thread::init(thread) };
        thread
    }

    // ---- the write barrier

    /// To be called before a reference is stored into `object`, if its mark has a bit of `write_mask`. If the object
    /// was marked in the current cycle, it is traced once more before the cycle ends.
    #[inline(never)]
    pub unsafe fn barrier(&mut self, object: *mut Header) {
        if let Some(marker) = &mut self.marker {
            // SAFETY: the caller has a live object.
            unsafe { marker.touch(object, self.write_mask & (bits::COLOUR_A | bits::COLOUR_B)) };
        }
    }

    /// The barrier with its test.
    #[inline(always)]
    pub unsafe fn before_store(&mut self, object: *mut Header) {
        // SAFETY: the caller has a live object.
        unsafe {
            if (*object).mark & self.write_mask != 0 {
                self.barrier(object);
            }
        }
    }

    /// Sets the metatable of a table, with the barrier.
    pub unsafe fn set_metatable(&mut self, table: *mut Table, metatable: *mut Table) {
        // SAFETY: the caller has live tables (or null as metatable).
        unsafe {
            self.before_store(table.cast());
            (*table).metatable = metatable;
        }
    }
}

impl Drop for Heap {
    fn drop(&mut self) {
        for object in std::mem::take(&mut self.droppables) {
            // SAFETY: each object is listed once, and nothing of this heap is used any more.
            unsafe { self.release_owned(object) };
        }
    }
}

/// Asks the system for memory and gives it back.
#[cold]
fn probe(bytes: usize) -> Result<(), OutOfMemory> {
    use std::alloc::{Layout, alloc, dealloc};
    let layout = Layout::from_size_align(bytes, 16).map_err(|_| OutOfMemory)?;
    // SAFETY: the layout is not empty; what is allocated is freed at once.
    unsafe {
        let memory = std::hint::black_box(alloc(layout));
        if memory.is_null() {
            return Err(OutOfMemory);
        }
        dealloc(memory, layout);
    }
    Ok(())
}

impl Default for Heap {
    fn default() -> Heap {
        Heap::new(Loan::keep(Arc::new(StringSet::new(0))))
    }
}

impl std::fmt::Debug for Heap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Heap({} bytes)", self.count_bytes())
    }
}

/// The null metatable.
pub const NO_METATABLE: *mut Table = null_mut();
