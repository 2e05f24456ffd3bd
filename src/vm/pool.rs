//! Memory for what comes and goes in large numbers, and often on different threads: processes are made by one worker and
//! ended by another, messages too. The system's allocator takes locks for such blocks and leaves holes behind.
//!
//! Blocks come in sizes of whole [`GRAIN`]s. Each thread has two *stacks* of free blocks per size and works on one of
//! them; a full one goes to the *depot*, which all threads share, an empty one is exchanged there: one lock for many
//! blocks. What the depot has no room for goes back to the system, so little is kept of what was once needed.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cell::RefCell;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::ptr::{self, NonNull, null_mut};

use parking_lot::Mutex;

/// Sizes are multiples of this.
const GRAIN: usize = 32;
/// Number of sizes; what is larger comes from the system.
const CLASSES: usize = 40;
/// Bytes of a full stack, about.
const STACK_BYTES: usize = 8 << 10;
/// Full stacks of one size that the depot keeps.
const DEPOT_STACKS: usize = 32;

/// A free block: the next one.
struct Free(*mut Free);

/// Free blocks of one size.
struct Stack {
    top: *mut Free,
    len: usize,
}

// SAFETY: the blocks belong to the stack alone.
unsafe impl Send for Stack {}

impl Stack {
    const EMPTY: Stack = Stack { top: null_mut(), len: 0 };

    fn pop(&mut self) -> Option<NonNull<u8>> {
        let block = NonNull::new(self.top)?;
        // SAFETY: blocks on the stack are free and linked.
        self.top = unsafe { (*self.top).0 };
        self.len -= 1;
        Some(block.cast())
    }

    /// # Safety
    /// The block is of this stack's size, and nobody uses it any more.
    unsafe fn push(&mut self, block: NonNull<u8>) {
        let block = block.cast::<Free>().as_ptr();
        // SAFETY: by contract; a block is large enough for a pointer.
        unsafe { block.write(Free(self.top)) };
        self.top = block;
        self.len += 1;
    }

    /// Gives all blocks back to the system.
    fn release(&mut self, class: usize) {
        while let Some(block) = self.pop() {
            // SAFETY: blocks of this class are allocated with this layout.
            unsafe { dealloc(block.as_ptr(), layout_of(class)) };
        }
    }
}

/// The stacks of one size that a thread has.
struct Pair {
    current: Stack,
    other: Stack,
}

/// What one thread keeps.
struct Local([Pair; CLASSES]);

impl Drop for Local {
    fn drop(&mut self) {
        for (class, pair) in self.0.iter_mut().enumerate() {
            pair.current.release(class);
            pair.other.release(class);
        }
    }
}

thread_local! {
    static LOCAL: RefCell<Local> =
        const { RefCell::new(Local([const { Pair { current: Stack::EMPTY, other: Stack::EMPTY } }; CLASSES])) };
}

static DEPOT: [Mutex<Vec<Stack>>; CLASSES] = [const { Mutex::new(Vec::new()) }; CLASSES];

#[inline(always)]
const fn class_of(size: usize) -> usize {
    size.saturating_sub(1) / GRAIN
}

const fn class_size(class: usize) -> usize {
    (class + 1) * GRAIN
}

fn layout_of(class: usize) -> Layout {
    Layout::from_size_align(class_size(class), 16).expect("blocks are small")
}

/// Blocks of a full stack.
const fn full(class: usize) -> usize {
    STACK_BYTES / class_size(class)
}

fn allocate(layout: Layout) -> NonNull<u8> {
    // SAFETY: no layout used here is empty.
    NonNull::new(unsafe { alloc(layout) }).unwrap_or_else(|| handle_alloc_error(layout))
}

/// An uninitialised block of `size` bytes, more than none, aligned to 16.
#[inline]
pub fn take(size: usize) -> NonNull<u8> {
    let class = class_of(size);
    if class >= CLASSES {
        return allocate(Layout::from_size_align(size, 16).expect("sizes are those of types"));
    }
    let known = LOCAL.try_with(|local| {
        let pair = &mut local.borrow_mut().0[class];
        pair.current.pop().or_else(|| exchange_empty(pair, class))
    });
    // A thread that ends has no stacks any more.
    known.ok().flatten().unwrap_or_else(|| allocate(layout_of(class)))
}

/// Gives a block back.
///
/// # Safety
/// It came from [`take`] with the same size, and nobody uses it any more.
#[inline]
pub unsafe fn give(block: NonNull<u8>, size: usize) {
    let class = class_of(size);
    if class >= CLASSES {
        let layout = Layout::from_size_align(size, 16).expect("sizes are those of types");
        // SAFETY: allocated with this layout.
        return unsafe { dealloc(block.as_ptr(), layout) };
    }
    let kept = LOCAL.try_with(|local| {
        let pair = &mut local.borrow_mut().0[class];
        if pair.current.len == full(class) {
            exchange_full(pair, class);
        }
        // SAFETY: by contract.
        unsafe { pair.current.push(block) };
    });
    if kept.is_err() {
        // SAFETY: allocated with this layout.
        unsafe { dealloc(block.as_ptr(), layout_of(class)) };
    }
}

/// The current stack is empty: goes on with the other, or with one from the depot.
#[cold]
fn exchange_empty(pair: &mut Pair, class: usize) -> Option<NonNull<u8>> {
    if pair.other.len > 0 {
        std::mem::swap(&mut pair.current, &mut pair.other);
    } else {
        pair.current = DEPOT[class].lock().pop()?;
    }
    pair.current.pop()
}

/// The current stack is full: goes on with an empty one.
#[cold]
fn exchange_full(pair: &mut Pair, class: usize) {
    std::mem::swap(&mut pair.current, &mut pair.other);
    if pair.current.len == 0 {
        return;
    }
    let mut full = std::mem::replace(&mut pair.current, Stack::EMPTY);
    {
        let mut depot = DEPOT[class].lock();
        if depot.len() < DEPOT_STACKS {
            return depot.push(full);
        }
    }
    full.release(class);
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
        const { assert!(size_of::<T>() > 0 && align_of::<T>() <= 16) };
        let block = take(size_of::<T>()).cast::<T>();
        // SAFETY: a fresh block of that size.
        unsafe { block.write(value) };
        Pooled(block)
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
            if size <= CLASSES * GRAIN {
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
