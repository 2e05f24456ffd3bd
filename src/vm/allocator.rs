//! An allocator for whole programs, on [`pool`] and [`plot`]: what many processes needed goes back to the system when they are
//! gone.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::{NonNull, null_mut};

use super::{plot, pool};

/// The allocator of the command `moonlet`. A program that runs many processes can use it too:
///
/// ```
/// #[global_allocator]
/// static ALLOCATOR: moonlet::Allocator = moonlet::Allocator;
/// ```
///
/// Without it, most of the memory of a process comes from the same place, but some of it stays with the allocator that the
/// program has.
#[derive(Clone, Copy, Debug, Default)]
pub struct Allocator;

/// Whether a block comes from here, and not from the system's allocator.
#[inline(always)]
fn is_ours(layout: Layout) -> bool {
    layout.align() <= pool::ALIGN
}

#[inline(always)]
fn is_small(size: usize) -> bool {
    size <= pool::LARGEST
}

fn address(block: Option<NonNull<u8>>) -> *mut u8 {
    block.map_or(null_mut(), NonNull::as_ptr)
}

// SAFETY: the layout tells where a block comes from, when it is taken and when it is given back; pool and plots never unwind,
// and do not use this allocator.
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let size = layout.size();
        match is_ours(layout) {
            true if is_small(size) => address(pool::take_small(size)),
            true => address(plot::take(size)),
            // SAFETY: by contract.
            false => unsafe { System.alloc(layout) },
        }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let size = layout.size();
        match is_ours(layout) {
            true if is_small(size) => {
                let block = pool::take_small(size);
                if let Some(block) = block {
                    // SAFETY: a fresh block of that size.
                    unsafe { block.write_bytes(0, size) };
                }
                address(block)
            }
            true => address(plot::take_zeroed(size)),
            // SAFETY: by contract.
            false => unsafe { System.alloc_zeroed(layout) },
        }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let size = layout.size();
        // SAFETY: by contract; blocks are not null.
        unsafe {
            match is_ours(layout) {
                true if is_small(size) => pool::give_small(NonNull::new_unchecked(block), size),
                true => plot::give(NonNull::new_unchecked(block), size),
                false => System.dealloc(block, layout),
            }
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new: usize) -> *mut u8 {
        let old = layout.size();
        // SAFETY: by contract; blocks are not null, and the size is one that a layout may have.
        unsafe {
            if !is_ours(layout) {
                return System.realloc(block, layout, new);
            }
            let stays = match (is_small(old), is_small(new)) {
                (true, true) => pool::is_same(old, new),
                (false, false) if old.max(new) <= plot::LARGEST => plot::is_same(old, new),
                (false, false) if old.min(new) > plot::LARGEST => {
                    return address(plot::resize(NonNull::new_unchecked(block), old, new));
                }
                _ => false,
            };
            if stays {
                return block;
            }
            let moved = self.alloc(Layout::from_size_align_unchecked(new, layout.align()));
            if !moved.is_null() {
                moved.copy_from_nonoverlapping(block, old.min(new));
                self.dealloc(block, layout);
            }
            moved
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_move_between_sizes() {
        let mut size = 1;
        let mut layout = Layout::from_size_align(size, 8).unwrap();
        // SAFETY: each block is used with the layout it has.
        unsafe {
            let mut block = Allocator.alloc(layout);
            block.write(7);
            for next in [
                32,
                33,
                1000,
                pool::LARGEST,
                pool::LARGEST + 1,
                100_000,
                2_000_000,
                3_000_000,
                100_000,
                pool::LARGEST,
                20,
            ] {
                block = Allocator.realloc(block, layout, next);
                layout = Layout::from_size_align(next, 8).unwrap();
                size = size.min(next);
                assert!((0..size).all(|at| block.add(at).read() == 7));
                block.write_bytes(7, next);
                size = next;
            }
            Allocator.dealloc(block, layout);
            let layout = Layout::from_size_align(500, 8).unwrap();
            let block = Allocator.alloc(layout);
            block.write_bytes(1, 500);
            Allocator.dealloc(block, layout);
            let zeroed = Allocator.alloc_zeroed(layout);
            assert!((0..500).all(|at| zeroed.add(at).read() == 0));
            Allocator.dealloc(zeroed, layout);
            let aligned = Layout::from_size_align(64, 128).unwrap();
            let block = Allocator.alloc(aligned);
            assert!(block.addr().is_multiple_of(128));
            Allocator.dealloc(block, aligned);
        }
    }
}
