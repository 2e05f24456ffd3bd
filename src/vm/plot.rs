//! Blocks that are too large for the [pool](super::pool): *plots* of blocks of one size, and mappings of their own.
//!
//! Here too what is not used goes back to the system: a plot without a used block, and a mapping that is given back. But a few
//! of them are kept for the next that need one, because the system clears each page of a new one. [`trim`] unmaps these as
//! well, and discards the pages of free blocks, which is why plots note outside of the blocks which of them are free.
//!
//! House rules: as for [slabs](super::slab); the lock of a size is taken before that of the kept mappings.

use std::ptr::{NonNull, null_mut};
use std::sync::Mutex;

use super::pages::{self, PAGE};
use super::slab::lock;

/// Sizes begin above this, and there are [`STEPS`] for each time they double; all are [`HEAD`] larger than that.
const SMALLEST: usize = 1024;
const STEPS: usize = 4;
/// The parts of tables are powers of two with a head before them: without room for it they would be in the next size.
const HEAD: usize = 32;
/// The largest block of a plot; what is larger is a mapping.
pub(super) const LARGEST: usize = (128 << 10) + HEAD;
/// Number of sizes.
const CLASSES: usize = STEPS * (LARGEST / SMALLEST).ilog2() as usize;
/// Bytes of a plot of blocks up to [`MIDDLE`], and of one of larger blocks.
const PLOT: usize = 256 << 10;
const LARGE_PLOT: usize = 1 << 20;
const MIDDLE: usize = 32 << 10;
/// Words of a set of blocks.
const WORDS: usize = (PLOT / SMALLEST).div_ceil(64);
/// Mappings that are kept, and their bytes.
const KEPT: usize = 16;
const KEPT_BYTES: usize = 3 << 20;

/// The size class for `size` bytes, above [`SMALLEST`] and [`HEAD`], and up to [`LARGEST`].
#[inline]
fn class_of(size: usize) -> usize {
    let last = size - HEAD - 1;
    let doublings = (last / SMALLEST).ilog2() as usize;
    let step = (last - (SMALLEST << doublings)) / ((SMALLEST / STEPS) << doublings);
    doublings * STEPS + step
}

fn class_size(class: usize) -> usize {
    let base = SMALLEST << (class / STEPS);
    base + base / STEPS * (class % STEPS + 1) + HEAD
}

fn plot_size(class: usize) -> usize {
    if class_size(class) <= MIDDLE + HEAD { PLOT } else { LARGE_PLOT }
}

/// Whether blocks of both sizes, which plots have, are interchangeable.
pub(super) fn is_same(one: usize, other: usize) -> bool {
    class_of(one) == class_of(other)
}

/// The head of a plot; its blocks follow.
#[repr(align(64))]
struct Plot {
    /// Neighbours in the list of plots with room.
    prev: *mut Plot,
    next: *mut Plot,
    /// The blocks that are free, one bit each.
    free: [u64; WORDS],
    /// Those among them that were used since their pages were last given back.
    dirty: [u64; WORDS],
    used: usize,
    count: usize,
}

impl Plot {
    /// Offset of a block.
    fn offset(class: usize, index: usize) -> usize {
        size_of::<Plot>() + index * class_size(class)
    }

    fn is_full(&self) -> bool {
        self.used == self.count
    }

    /// Gives the pages of free blocks back.
    unsafe fn discard_free(this: *mut Plot, class: usize) {
        let mut index = 0;
        // SAFETY: the caller has a live plot under its lock; what is discarded belongs to free blocks alone.
        unsafe {
            while index < (*this).count {
                let is_free = |index: usize| (*this).free[index / 64] & 1 << (index % 64) != 0;
                let (first, mut dirty) = (index, false);
                while index < (*this).count && is_free(index) {
                    dirty |= (*this).dirty[index / 64] & 1 << (index % 64) != 0;
                    index += 1;
                }
                let from = Plot::offset(class, first).next_multiple_of(PAGE);
                let to = Plot::offset(class, index) / PAGE * PAGE;
                if dirty && from < to {
                    pages::discard(NonNull::new_unchecked(this.byte_add(from)).cast(), to - from);
                }
                index += 1;
            }
            (*this).dirty = [0; WORDS];
        }
    }
}

/// The plots of one size that have room.
struct Plots(*mut Plot);

// SAFETY: plots are touched only through this, under the lock of their size.
unsafe impl Send for Plots {}

static PLOTS: [Mutex<Plots>; CLASSES] = [const { Mutex::new(Plots(null_mut())) }; CLASSES];

impl Plots {
    fn take(&mut self, class: usize) -> Option<NonNull<u8>> {
        if self.0.is_null() {
            let plot = Plots::map(class)?;
            self.link(plot);
        }
        let plot = self.0;
        // SAFETY: plots in the list are live and have room.
        unsafe {
            let word = (*plot).free.iter().position(|word| *word != 0).expect("plots in the list have room");
            let bit = (*plot).free[word].trailing_zeros() as usize;
            (*plot).free[word] &= !(1 << bit);
            (*plot).used += 1;
            if (*plot).is_full() {
                self.unlink(plot);
            }
            NonNull::new(plot.byte_add(Plot::offset(class, word * 64 + bit)).cast())
        }
    }

    unsafe fn give(&mut self, block: NonNull<u8>, class: usize) {
        let plot = block.as_ptr().map_addr(|at| at & !(plot_size(class) - 1)).cast::<Plot>();
        // SAFETY: by contract the block is one of these plots, so its plot is live.
        unsafe {
            if (*plot).is_full() {
                self.link(plot);
            }
            let index = (block.addr().get() - plot.addr() - size_of::<Plot>()) / class_size(class);
            (*plot).free[index / 64] |= 1 << (index % 64);
            (*plot).dirty[index / 64] |= 1 << (index % 64);
            (*plot).used -= 1;
            if (*plot).used == 0 {
                self.unlink(plot);
                lock(&MAPPINGS).give(NonNull::new_unchecked(plot).cast(), plot_size(class));
            }
        }
    }

    fn trim(&mut self, class: usize) {
        let mut plot = self.0;
        while !plot.is_null() {
            // SAFETY: plots in the list are live.
            unsafe {
                Plot::discard_free(plot, class);
                plot = (*plot).next;
            }
        }
    }

    fn map(class: usize) -> Option<*mut Plot> {
        let size = plot_size(class);
        let kept = lock(&MAPPINGS).take(size, size);
        let plot = kept.or_else(|| pages::map_aligned(size, size))?.cast::<Plot>().as_ptr();
        let count = (size - size_of::<Plot>()) / class_size(class);
        let mut free = [0; WORDS];
        (0..count).for_each(|index| free[index / 64] |= 1 << (index % 64));
        // The pages of a mapping that was kept are there already, whatever is in them.
        // SAFETY: the head is at the beginning of a mapping that is nobody else's.
        unsafe { plot.write(Plot { prev: null_mut(), next: null_mut(), free, dirty: free, used: 0, count }) };
        Some(plot)
    }

    fn link(&mut self, plot: *mut Plot) {
        // SAFETY: both plots are live.
        unsafe {
            (*plot).prev = null_mut();
            (*plot).next = self.0;
            if let Some(next) = self.0.as_mut() {
                next.prev = plot;
            }
        }
        self.0 = plot;
    }

    fn unlink(&mut self, plot: *mut Plot) {
        // SAFETY: the plot is in this list, so its neighbours are live.
        unsafe {
            let (prev, next) = ((*plot).prev, (*plot).next);
            match prev.as_mut() {
                Some(prev) => prev.next = next,
                None => self.0 = next,
            }
            if let Some(next) = next.as_mut() {
                next.prev = prev;
            }
        }
    }
}

/// A few mappings that nobody uses.
struct Mappings {
    kept: [(NonNull<u8>, usize); KEPT],
    len: usize,
    bytes: usize,
}

// SAFETY: the mappings are nobody else's.
unsafe impl Send for Mappings {}

static MAPPINGS: Mutex<Mappings> = Mutex::new(Mappings::NONE);

impl Mappings {
    const NONE: Mappings = Mappings { kept: [(NonNull::dangling(), 0); KEPT], len: 0, bytes: 0 };

    /// One of at least `bytes` bytes, and not much more; the rest is unmapped. It is at a multiple of `align`.
    fn take(&mut self, bytes: usize, align: usize) -> Option<NonNull<u8>> {
        let fits = |base: NonNull<u8>, len: usize| {
            (bytes..=bytes + bytes / 8).contains(&len) && base.addr().get().is_multiple_of(align)
        };
        let at = self.kept[..self.len].iter().rposition(|(base, len)| fits(*base, *len))?;
        let (base, len) = self.remove(at);
        if len > bytes {
            // SAFETY: the end of a mapping that nobody uses.
            unsafe { pages::unmap(base.add(bytes), len - bytes) };
        }
        Some(base)
    }

    /// Keeps a mapping, in place of older ones if need be.
    unsafe fn give(&mut self, base: NonNull<u8>, bytes: usize) {
        if bytes > KEPT_BYTES / 2 {
            // SAFETY: by contract nobody uses it.
            return unsafe { pages::unmap(base, bytes) };
        }
        while self.len == KEPT || self.bytes + bytes > KEPT_BYTES {
            self.drop_oldest();
        }
        self.kept[self.len] = (base, bytes);
        self.len += 1;
        self.bytes += bytes;
    }

    fn remove(&mut self, at: usize) -> (NonNull<u8>, usize) {
        let mapping = self.kept[at];
        self.kept.copy_within(at + 1..self.len, at);
        self.len -= 1;
        self.bytes -= mapping.1;
        mapping
    }

    fn drop_oldest(&mut self) {
        let (base, bytes) = self.remove(0);
        // SAFETY: nobody uses it.
        unsafe { pages::unmap(base, bytes) };
    }
}

/// Bytes of the mapping for a block, which begins at the end of its first page: what follows the head of the block is at the
/// beginning of a page.
fn mapped(size: usize) -> Option<usize> {
    (size - HEAD).checked_next_multiple_of(PAGE)?.checked_add(PAGE)
}

/// The block in a mapping, and the mapping of a block.
unsafe fn block_in(mapping: NonNull<u8>) -> NonNull<u8> {
    // SAFETY: the caller has a mapping from `mapped`.
    unsafe { mapping.add(PAGE - HEAD) }
}

unsafe fn mapping_of(block: NonNull<u8>) -> NonNull<u8> {
    // SAFETY: the caller has a block in such a mapping.
    unsafe { block.sub(PAGE - HEAD) }
}

/// An uninitialised block, of more than [`SMALLEST`] and [`HEAD`] bytes and aligned to 16; `None` if the system has no memory.
pub(super) fn take(size: usize) -> Option<NonNull<u8>> {
    if size <= LARGEST {
        let class = class_of(size);
        return lock(&PLOTS[class]).take(class);
    }
    let bytes = mapped(size)?;
    let kept = lock(&MAPPINGS).take(bytes, PAGE);
    let mapping = kept.or_else(|| pages::map(bytes))?;
    // SAFETY: it has that length.
    Some(unsafe { block_in(mapping) })
}

/// The same, all zeros.
pub(super) fn take_zeroed(size: usize) -> Option<NonNull<u8>> {
    if size > LARGEST {
        let mapping = pages::map(mapped(size)?)?;
        // SAFETY: it has that length.
        return Some(unsafe { block_in(mapping) });
    }
    let block = take(size)?;
    // SAFETY: a fresh block of that size.
    unsafe { block.write_bytes(0, size) };
    Some(block)
}

/// Gives a block back.
///
/// # Safety
/// It was taken with this size, and nobody uses it any more.
pub(super) unsafe fn give(block: NonNull<u8>, size: usize) {
    // SAFETY: by contract.
    unsafe {
        if size <= LARGEST {
            let class = class_of(size);
            lock(&PLOTS[class]).give(block, class);
        } else if let Some(bytes) = mapped(size) {
            lock(&MAPPINGS).give(mapping_of(block), bytes);
        }
    }
}

/// Makes a mapping longer or shorter; it may move.
///
/// # Safety
/// The block was taken with the size `old`, and it and `new` are above [`LARGEST`].
pub(super) unsafe fn resize(block: NonNull<u8>, old: usize, new: usize) -> Option<NonNull<u8>> {
    let (old, new) = (mapped(old)?, mapped(new)?);
    if old == new {
        return Some(block);
    }
    // SAFETY: by contract it is a mapping of that length.
    unsafe { Some(block_in(pages::resize(mapping_of(block), old, new)?)) }
}

/// Gives back to the system what is not used.
pub(super) fn trim() {
    for (class, plots) in PLOTS.iter().enumerate() {
        lock(plots).trim(class);
    }
    let mut mappings = lock(&MAPPINGS);
    while mappings.len > 0 {
        mappings.drop_oldest();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_fit() {
        for class in 0..CLASSES {
            let size = class_size(class);
            assert_eq!(class_of(size), class);
            assert!(class + 1 == CLASSES || class_of(size + 1) == class + 1, "{size}");
            let count = (plot_size(class) - size_of::<Plot>()) / size;
            assert!((7..=WORDS * 64).contains(&count), "{size}: {count}");
        }
        assert_eq!((class_of(SMALLEST + HEAD + 1), class_size(CLASSES - 1)), (0, LARGEST));
    }

    #[test]
    fn blocks_are_distinct_and_keep_what_is_in_them() {
        for size in [1500, 5000, 33_000, 200_000, 600_000] {
            let blocks: Vec<_> = (0..40).map(|_| take(size).unwrap()).collect();
            for (i, block) in blocks.iter().enumerate() {
                // SAFETY: each block has that size.
                unsafe { block.write_bytes(i as u8, size) };
            }
            // Every other block is given back; the others keep their content.
            for &block in blocks.iter().step_by(2) {
                // SAFETY: each is given back once.
                unsafe { give(block, size) };
            }
            trim();
            for (i, &block) in blocks.iter().enumerate().filter(|(i, _)| i % 2 == 1) {
                // SAFETY: still in use; given back once.
                unsafe {
                    assert!((0..size).step_by(97).chain([size - 1]).all(|at| block.add(at).read() == i as u8));
                    give(block, size);
                }
            }
            let zeroed = take_zeroed(size).unwrap();
            // SAFETY: as above.
            unsafe {
                assert!((0..size).all(|at| zeroed.add(at).read() == 0));
                give(zeroed, size);
            }
        }
    }

    #[test]
    fn an_empty_plot_is_given_back() {
        let class = class_of(20_000);
        let mut plots = Plots(null_mut());
        let blocks: Vec<_> = (0..100).map(|_| plots.take(class).unwrap()).collect();
        // SAFETY: each is given back once.
        blocks.into_iter().for_each(|block| unsafe { plots.give(block, class) });
        assert!(plots.0.is_null());
    }

    #[test]
    fn a_few_mappings_are_kept() {
        let mut mappings = Mappings::NONE;
        let bytes = KEPT_BYTES / 3;
        let bases = [(); 4].map(|()| pages::map_aligned(bytes, bytes.next_power_of_two()).unwrap());
        // SAFETY: each is given back once, and the first is unmapped for the fourth.
        bases.iter().for_each(|base| unsafe { mappings.give(*base, bytes) });
        assert_eq!((mappings.len, mappings.bytes), (3, 3 * bytes));
        assert_eq!(mappings.take(bytes + 1, PAGE), None);
        assert_eq!(mappings.take(bytes / 2, PAGE), None, "too much of it would be lost");
        assert_eq!(mappings.take(bytes, PAGE), Some(bases[3]), "the newest, since the processor may still know it");
        // SAFETY: taken just now, and given back in part.
        unsafe {
            pages::unmap(bases[3], PAGE);
            mappings.give(bases[3].add(PAGE), bytes - PAGE);
        }
        assert_eq!(mappings.take(bytes - PAGE, PLOT), Some(bases[2]), "the newest is not aligned");
        // SAFETY: as above; the end of it was unmapped.
        unsafe { mappings.give(bases[2], bytes - PAGE) };
        while mappings.len > 0 {
            mappings.drop_oldest();
        }
        assert_eq!(mappings.bytes, 0);
    }

    #[test]
    fn mappings_grow_and_shrink() {
        let mut block = take(LARGEST + 1).unwrap();
        // SAFETY: used with the size it has.
        unsafe {
            block.write_bytes(5, LARGEST + 1);
            block = resize(block, LARGEST + 1, 40 * LARGEST).unwrap();
            assert!(block.read() == 5 && block.add(LARGEST).read() == 5);
            block = resize(block, 40 * LARGEST, LARGEST + 1).unwrap();
            assert_eq!(block.add(LARGEST).read(), 5);
            give(block, LARGEST + 1);
        }
    }
}
