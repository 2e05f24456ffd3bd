//! Memory for what comes and goes in large numbers, and often on different threads: processes are made by one worker and
//! ended by another, messages too. The system's allocator takes locks for such blocks and leaves holes behind.
//!
//! Blocks come in sizes of whole [`GRAIN`]s. Each thread has two *stacks* of free blocks per size and works on one of
//! them; a full one goes to the *depot*, which all threads share, an empty one is exchanged there: one lock for many
//! blocks. What the depot has no room for goes back to its [slab](super::slab), so little is kept of what was once needed,
//! and nothing after [`trim`], which threads call when they have nothing to do.
//!
//! Nothing here allocates by way of the [allocator](super::allocator) that stands on it, but for what is larger.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cell::UnsafeCell;
use std::fmt;
use std::mem::MaybeUninit;
use std::ops::{Deref, DerefMut};
use std::ptr::{self, NonNull};
use std::sync::Mutex;

use super::plot;
use super::slab::{Land, Slabs, Stack, lock};

/// Sizes are multiples of this.
const GRAIN: usize = 32;
/// Number of sizes; what is larger comes from the system.
const CLASSES: usize = 40;
/// The largest block that does not.
pub const LARGEST: usize = CLASSES * GRAIN;
/// Blocks are aligned to this.
pub const ALIGN: usize = 16;
/// Bytes of a full stack, about.
const STACK_BYTES: usize = 8 << 10;
/// Bytes of blocks that are taken out of slabs at once, about: at first, and at most.
const FIRST_FILL: usize = 256;
const MAX_FILL: usize = 4 << 10;
/// Full stacks of one size that the depot keeps.
const DEPOT_STACKS: usize = 32;
/// Slabs given back to the system under one lock.
const TRIM_SLABS: usize = 64;

/// The stacks of one size that a thread has.
struct Pair {
    current: Stack,
    other: Stack,
    /// Bytes to fill the next stack with, less [`FIRST_FILL`]: a thread that needs little takes little.
    fill: usize,
}

impl Pair {
    const EMPTY: Pair = Pair { current: Stack::EMPTY, other: Stack::EMPTY, fill: 0 };
}

/// What one thread keeps.
struct Local([Pair; CLASSES]);

impl Local {
    /// Gives all blocks back to their slabs.
    fn release(&mut self) {
        for (class, pair) in self.0.iter_mut().enumerate() {
            if pair.current.len() + pair.other.len() > 0 {
                let mut depot = lock(&DEPOT[class]);
                let Pair { current, other, .. } = std::mem::replace(pair, Pair::EMPTY);
                depot.take_back(current);
                depot.take_back(other);
            }
        }
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        self.release();
    }
}

thread_local! {
    /// Borrowed within this file only, where nothing calls back.
    static LOCAL: UnsafeCell<Local> =
        const { UnsafeCell::new(Local([const { Pair::EMPTY }; CLASSES])) };
}

/// What all threads share of one size.
struct Depot {
    /// Full stacks, `len` of them.
    stacks: [Stack; DEPOT_STACKS],
    len: usize,
    slabs: Slabs,
}

impl Depot {
    /// Gives blocks back to their slabs.
    fn take_back(&mut self, mut stack: Stack) {
        while let Some(block) = stack.pop() {
            // SAFETY: free blocks of this size, which come from these slabs.
            unsafe { self.slabs.give(block, &LAND) };
        }
    }

    /// A full stack, if one is kept.
    fn full_stack(&mut self) -> Option<Stack> {
        self.len = self.len.checked_sub(1)?;
        Some(std::mem::replace(&mut self.stacks[self.len], Stack::EMPTY))
    }

    /// A stack of blocks from the slabs; empty if the system has no memory.
    fn fresh_stack(&mut self, class: usize, bytes: usize) -> Stack {
        let mut stack = Stack::EMPTY;
        let size = class_size(class);
        self.slabs.fill(&mut stack, size, (bytes / size).max(1), &LAND);
        stack
    }
}

static DEPOT: [Mutex<Depot>; CLASSES] =
    [const { Mutex::new(Depot { stacks: [const { Stack::EMPTY }; DEPOT_STACKS], len: 0, slabs: Slabs::NONE }) };
        CLASSES];

static LAND: Mutex<Land> = Mutex::new(Land::NEW);

#[inline(always)]
const fn class_of(size: usize) -> usize {
    size.saturating_sub(1) / GRAIN
}

const fn class_size(class: usize) -> usize {
    (class + 1) * GRAIN
}

/// Blocks of a full stack.
const fn full(class: usize) -> usize {
    STACK_BYTES / class_size(class)
}

/// Whether blocks of both sizes, none of them above [`LARGEST`], are interchangeable.
#[inline(always)]
pub(super) const fn is_same(one: usize, other: usize) -> bool {
    class_of(one) == class_of(other)
}

/// An uninitialised block of `size` bytes, at least 1 and at most [`LARGEST`]; `None` if the system has no memory.
#[inline]
pub(super) fn take_small(size: usize) -> Option<NonNull<u8>> {
    let class = class_of(size);
    let known = LOCAL.try_with(|local| {
        // SAFETY: the thread's own, and not borrowed: nothing in here calls back.
        let pair = unsafe { &mut (&mut *local.get()).0[class] };
        pair.current.pop().or_else(|| exchange_empty(pair, class))
    });
    known.unwrap_or_else(|_| take_alone(class))
}

/// Gives a block from [`take_small`] back.
///
/// # Safety
/// It was taken with the same size, and nobody uses it any more.
#[inline]
pub(super) unsafe fn give_small(block: NonNull<u8>, size: usize) {
    let class = class_of(size);
    let kept = LOCAL.try_with(|local| {
        // SAFETY: as in `take_small`.
        let pair = unsafe { &mut (&mut *local.get()).0[class] };
        if pair.current.len() == full(class) {
            exchange_full(pair, class);
        }
        // SAFETY: by contract.
        unsafe { pair.current.push(block) };
    });
    if kept.is_err() {
        // SAFETY: by contract.
        unsafe { lock(&DEPOT[class]).slabs.give(block, &LAND) };
    }
}

/// A block for a thread that ends, and has no stacks any more.
#[cold]
fn take_alone(class: usize) -> Option<NonNull<u8>> {
    let mut stack = Stack::EMPTY;
    lock(&DEPOT[class]).slabs.fill(&mut stack, class_size(class), 1, &LAND);
    stack.pop()
}

/// The current stack is empty: goes on with the other, or with one from the depot.
#[cold]
fn exchange_empty(pair: &mut Pair, class: usize) -> Option<NonNull<u8>> {
    if pair.other.len() > 0 {
        std::mem::swap(&mut pair.current, &mut pair.other);
    } else {
        let mut depot = lock(&DEPOT[class]);
        pair.current = match depot.full_stack() {
            Some(stack) => stack,
            None => {
                let bytes = FIRST_FILL + pair.fill;
                pair.fill = (2 * bytes).min(MAX_FILL) - FIRST_FILL;
                depot.fresh_stack(class, bytes)
            }
        };
    }
    pair.current.pop()
}

/// The current stack is full: goes on with an empty one.
#[cold]
fn exchange_full(pair: &mut Pair, class: usize) {
    std::mem::swap(&mut pair.current, &mut pair.other);
    if pair.current.len() == 0 {
        return;
    }
    let full = std::mem::replace(&mut pair.current, Stack::EMPTY);
    let mut depot = lock(&DEPOT[class]);
    if depot.len < DEPOT_STACKS {
        let at = depot.len;
        depot.stacks[at] = full;
        depot.len += 1;
    } else {
        depot.take_back(full);
    }
}

/// Gives the blocks that this thread keeps back to their slabs: each of them could be the last to come back of its slab. For
/// threads that wait most of the time.
pub fn release() {
    // A thread that ends has given everything back.
    // SAFETY: as in `take_small`.
    let _ = LOCAL.try_with(|local| unsafe { (*local.get()).release() });
}

/// Gives back what is not used: all that this thread and the depot keep goes to its slabs, and empty slabs to the system.
pub fn trim() {
    release();
    for depot in &DEPOT {
        let mut depot = lock(depot);
        while let Some(stack) = depot.full_stack() {
            depot.take_back(stack);
        }
    }
    while lock(&LAND).release(TRIM_SLABS) {}
    plot::trim();
}

/// Bytes of the slabs that the system has given: used, kept, or both in part.
pub fn resident_bytes() -> usize {
    lock(&LAND).bytes()
}

/// An uninitialised block of `size` bytes, more than none, aligned to 16.
#[inline]
pub fn take(size: usize) -> NonNull<u8> {
    let small = if size <= LARGEST { take_small(size) } else { None };
    small.unwrap_or_else(|| take_large(size))
}

#[cold]
fn take_large(size: usize) -> NonNull<u8> {
    let layout = layout_of(size);
    if size <= LARGEST {
        handle_alloc_error(layout);
    }
    // SAFETY: no size used here is nought.
    NonNull::new(unsafe { alloc(layout) }).unwrap_or_else(|| handle_alloc_error(layout))
}

fn layout_of(size: usize) -> Layout {
    Layout::from_size_align(size, ALIGN).expect("sizes are those of types")
}

/// Gives a block back.
///
/// # Safety
/// It came from [`take`] with the same size, and nobody uses it any more.
#[inline]
pub unsafe fn give(block: NonNull<u8>, size: usize) {
    // SAFETY: by contract; large blocks are allocated with this layout.
    unsafe {
        if size <= LARGEST {
            give_small(block, size);
        } else {
            dealloc(block.as_ptr(), layout_of(size));
        }
    }
}

/// A box whose memory comes from here.
pub struct Pooled<T>(NonNull<T>);

// SAFETY: it owns the value.
unsafe impl<T: Send> Send for Pooled<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for Pooled<T> {}

impl<T> Pooled<T> {
    /// Moves a value into a block.
    #[inline(always)]
    pub fn new(value: T) -> Pooled<T> {
        let mut block = Pooled::new_uninit();
        block.write(value);
        // SAFETY: it was just written.
        unsafe { block.assume_init() }
    }

    /// A block for a value. A large one, most of which is empty, is better written there at once than moved.
    #[inline(always)]
    pub fn new_uninit() -> Pooled<MaybeUninit<T>> {
        const { assert!(size_of::<T>() > 0 && align_of::<T>() <= 16) };
        Pooled(take(size_of::<T>()).cast())
    }

    /// Moves the value out.
    #[inline]
    pub fn into_inner(self) -> T {
        let block = self.0;
        std::mem::forget(self);
        // SAFETY: the value is moved out once, and its block given back.
        unsafe {
            let value = block.read();
            give(block.cast(), size_of::<T>());
            value
        }
    }

    /// The same block; the value in it will not be dropped.
    #[inline]
    pub fn into_uninit(self) -> Pooled<MaybeUninit<T>> {
        // SAFETY: the layout is the same, and any content is valid.
        unsafe { Pooled::from_raw(self.into_raw().cast()) }
    }

    /// The value's address; [`Pooled::from_raw`] takes it back.
    #[inline]
    pub fn into_raw(self) -> *mut T {
        let block = self.0.as_ptr();
        std::mem::forget(self);
        block
    }

    /// Takes back what [`Pooled::into_raw`] gave.
    ///
    /// # Safety
    /// The address came from there, and is taken back once.
    #[inline]
    pub unsafe fn from_raw(value: *mut T) -> Pooled<T> {
        // SAFETY: by contract.
        Pooled(unsafe { NonNull::new_unchecked(value) })
    }
}

impl<T> Pooled<MaybeUninit<T>> {
    /// The same block, with the value that was written.
    ///
    /// # Safety
    /// One was.
    #[inline(always)]
    pub unsafe fn assume_init(self) -> Pooled<T> {
        // SAFETY: the layout is the same, and by contract.
        unsafe { Pooled::from_raw(self.into_raw().cast()) }
    }
}

impl<T: Clone> Clone for Pooled<T> {
    fn clone(&self) -> Pooled<T> {
        Pooled::new((**self).clone())
    }
}

impl<T> Drop for Pooled<T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the value is dropped once, and its block given back.
        unsafe {
            ptr::drop_in_place(self.0.as_ptr());
            give(self.0.cast(), size_of::<T>());
        }
    }
}

impl<T> Deref for Pooled<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: it owns a value.
        unsafe { self.0.as_ref() }
    }
}

impl<T> DerefMut for Pooled<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above.
        unsafe { self.0.as_mut() }
    }
}

impl<T: fmt::Debug> fmt::Debug for Pooled<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn blocks_are_distinct_and_come_back() {
        for size in [1, 64, 65, 500, 1280, 5000] {
            let mut blocks: Vec<NonNull<u8>> = (0..500).map(|_| take(size)).collect();
            for &block in &blocks {
                // SAFETY: each block has that size.
                unsafe { block.write_bytes(0xEE, size) };
            }
            blocks.sort_unstable();
            assert!(blocks.windows(2).all(|w| w[1].as_ptr() as usize - w[0].as_ptr() as usize >= size));
            let last = blocks[499];
            for block in blocks {
                // SAFETY: each is given back once.
                unsafe { give(block, size) };
            }
            if size <= LARGEST {
                assert_eq!(take(size), last, "the block given back last is the first to be used again");
                // SAFETY: taken just now.
                unsafe { give(last, size) };
            }
        }
    }

    #[test]
    fn values_are_dropped_once_on_any_thread() {
        let witness = Arc::new(());
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let sender = sender;
                (0..10_000usize).for_each(|i| sender.send(Pooled::new((witness.clone(), i))).unwrap());
            });
            for (i, value) in receiver.iter().enumerate() {
                assert_eq!(value.1, i);
                // SAFETY: taken back at once.
                let value = unsafe { Pooled::from_raw(value.into_raw()) };
                if i % 2 == 0 {
                    drop(value);
                } else {
                    assert_eq!(value.into_inner().1, i);
                }
            }
        });
        assert_eq!(Arc::strong_count(&witness), 1);
    }
}
