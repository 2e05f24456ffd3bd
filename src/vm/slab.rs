//! Where small blocks come from: *slabs* of blocks of one size, cut from *regions* that the system maps for us.
//!
//! A slab whose blocks have all come back is *empty*. The last few of them are kept as they are, for whatever size needs
//! one next; the pages of the others go back to the system, and a region of which no slab is in use is unmapped. So the
//! memory of a burst does not stay, however many small blocks it consisted of: what remains are the slabs that hold a block
//! which is still in use.
//!
//! House rules:
//! * Slabs are aligned to their size, so the address of a block leads to the head of its slab.
//! * Nothing here allocates: this is what the allocator of the command stands on.
//! * The lock of a size is taken before that of the [`Land`], never after it.

use std::ptr::{NonNull, null_mut};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::pages;

/// Bytes of a slab.
const SLAB: usize = 16 << 10;
/// Slabs of a region; the head of the region has the place of the first.
const REGION_SLABS: usize = 512;
/// How often it is looked at how many empty slabs were not needed.
const PERIOD: Duration = Duration::from_secs(1);

/// A free block: the next one.
struct Free(*mut Free);

/// Free blocks of one size.
pub(super) struct Stack {
    top: *mut Free,
    len: usize,
}

// SAFETY: the blocks belong to the stack alone.
unsafe impl Send for Stack {}

impl Stack {
    pub(super) const EMPTY: Stack = Stack { top: null_mut(), len: 0 };

    /// The number of blocks.
    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline(always)]
    pub(super) fn pop(&mut self) -> Option<NonNull<u8>> {
        let block = NonNull::new(self.top)?;
        // SAFETY: blocks on the stack are free and linked.
        self.top = unsafe { (*self.top).0 };
        self.len -= 1;
        Some(block.cast())
    }

    /// # Safety
    /// The block is of this stack's size, and nobody uses it any more.
    #[inline(always)]
    pub(super) unsafe fn push(&mut self, block: NonNull<u8>) {
        let block = block.cast::<Free>().as_ptr();
        // SAFETY: by contract; a block is large enough for a pointer.
        unsafe { block.write(Free(self.top)) };
        self.top = block;
        self.len += 1;
    }
}

/// The head of a slab; its blocks follow.
#[repr(align(64))]
struct Slab {
    /// Neighbours in the list of slabs with room, or of empty ones.
    prev: *mut Slab,
    next: *mut Slab,
    region: *mut Region,
    /// Blocks that came back.
    free: Stack,
    /// Blocks handed out.
    used: u32,
    /// Offset of the first block that was never handed out.
    bump: u32,
    /// Bytes of a block.
    size: u32,
}

impl Slab {
    /// Whether all blocks are handed out.
    fn is_full(&self) -> bool {
        self.free.len == 0 && self.bump + self.size > SLAB as u32
    }

    /// A block of a slab that is not full.
    unsafe fn pop(this: *mut Slab) -> NonNull<u8> {
        // SAFETY: the caller has a live slab with room, under the lock of its size; `bump` lies within it.
        unsafe {
            (*this).used += 1;
            (*this).free.pop().unwrap_or_else(|| {
                let block = this.cast::<u8>().add((*this).bump as usize);
                (*this).bump += (*this).size;
                NonNull::new_unchecked(block)
            })
        }
    }
}

/// The slabs of one size that have room.
pub(super) struct Slabs(*mut Slab);

// SAFETY: slabs are touched only through this, of which there is one per size.
unsafe impl Send for Slabs {}

impl Slabs {
    pub(super) const NONE: Slabs = Slabs(null_mut());

    /// Puts up to `wanted` blocks of `size` bytes on the stack; none only if the system has no memory.
    pub(super) fn fill(&mut self, stack: &mut Stack, size: usize, wanted: usize, land: &Mutex<Land>) {
        while stack.len < wanted {
            if self.0.is_null() {
                // Room that was never used is taken as it is needed.
                if stack.len > 0 {
                    return;
                }
                match lock(land).claim(size) {
                    Some(slab) => self.link(slab),
                    None => return,
                }
            }
            let slab = self.0;
            // SAFETY: slabs in this list are live and have room.
            unsafe {
                stack.push(Slab::pop(slab));
                if (*slab).is_full() {
                    self.unlink(slab);
                }
            }
        }
    }

    /// Gives a block back to its slab.
    ///
    /// # Safety
    /// It came from these slabs, and nobody uses it any more.
    pub(super) unsafe fn give(&mut self, block: NonNull<u8>, land: &Mutex<Land>) {
        let slab = block.as_ptr().map_addr(|at| at & !(SLAB - 1)).cast::<Slab>();
        // SAFETY: by contract the slab is live and one of these.
        unsafe {
            if (*slab).is_full() {
                self.link(slab);
            }
            (*slab).free.push(block);
            (*slab).used -= 1;
            if (*slab).used == 0 {
                self.unlink(slab);
                lock(land).keep(slab);
            }
        }
    }

    fn link(&mut self, slab: *mut Slab) {
        // SAFETY: both slabs are live.
        unsafe {
            (*slab).prev = null_mut();
            (*slab).next = self.0;
            if let Some(next) = self.0.as_mut() {
                next.prev = slab;
            }
        }
        self.0 = slab;
    }

    fn unlink(&mut self, slab: *mut Slab) {
        // SAFETY: the slab is in this list, so its neighbours are live.
        unsafe {
            let (prev, next) = ((*slab).prev, (*slab).next);
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

/// The head of a region. What is between it and the second slab is never touched.
struct Region {
    prev: *mut Region,
    next: *mut Region,
    /// The slabs in use, one bit each, and their number.
    taken: [u64; REGION_SLABS / 64],
    used: usize,
}

/// Bytes of a region.
const REGION: usize = REGION_SLABS * SLAB;

/// All regions, and the empty slabs.
pub(super) struct Land {
    /// Regions that have a slab to spare.
    regions: *mut Region,
    /// Empty slabs whose pages are still there.
    empty: *mut Slab,
    empties: usize,
    /// The least number of empty slabs since `since`: so many were not needed.
    least: usize,
    since: Option<Instant>,
    /// Slabs whose pages are there.
    present: usize,
}

// SAFETY: regions and empty slabs are touched only through this.
unsafe impl Send for Land {}

impl Land {
    pub(super) const NEW: Land =
        Land { regions: null_mut(), empty: null_mut(), empties: 0, least: 0, since: None, present: 0 };

    /// Bytes of the slabs whose pages are there.
    pub(super) fn bytes(&self) -> usize {
        self.present * SLAB
    }

    /// A slab for blocks of `size` bytes; `None` if the system has no memory.
    fn claim(&mut self, size: usize) -> Option<*mut Slab> {
        let (slab, region) = match NonNull::new(self.empty) {
            Some(slab) => {
                let slab = slab.as_ptr();
                self.empties -= 1;
                self.least = self.least.min(self.empties);
                // SAFETY: empty slabs are live.
                unsafe {
                    self.empty = (*slab).next;
                    (slab, (*slab).region)
                }
            }
            None => self.cut()?,
        };
        let bump = size_of::<Slab>() as u32;
        let head =
            Slab { prev: null_mut(), next: null_mut(), region, free: Stack::EMPTY, used: 0, bump, size: size as u32 };
        // SAFETY: the slab is nobody's.
        unsafe { slab.write(head) };
        Some(slab)
    }

    /// Takes a slab out of a region.
    fn cut(&mut self) -> Option<(*mut Slab, *mut Region)> {
        if self.regions.is_null() {
            self.map()?;
        }
        let region = self.regions;
        // SAFETY: regions in the list are live, and have a slab to spare.
        unsafe {
            let taken = &mut (*region).taken;
            let word =
                taken.iter().position(|word| *word != u64::MAX).expect("regions in the list have a slab to spare");
            let bit = taken[word].trailing_ones();
            taken[word] |= 1 << bit;
            (*region).used += 1;
            if (*region).used == REGION_SLABS {
                self.unlink(region);
            }
            self.present += 1;
            let index = word * 64 + bit as usize;
            Some((region.cast::<u8>().add(index * SLAB).cast(), region))
        }
    }

    fn map(&mut self) -> Option<()> {
        let region = pages::map_aligned(REGION, SLAB)?.cast::<Region>().as_ptr();
        let mut taken = [0; REGION_SLABS / 64];
        // The place of the head.
        taken[0] = 1;
        // SAFETY: the head is at the beginning of the fresh mapping.
        unsafe { region.write(Region { prev: null_mut(), next: null_mut(), taken, used: 1 }) };
        self.link(region);
        Some(())
    }

    /// Keeps a slab that has become empty, and now and then gives back those that were not needed for a while.
    fn keep(&mut self, slab: *mut Slab) {
        // SAFETY: the slab is live and in no list.
        unsafe { (*slab).next = self.empty };
        self.empty = slab;
        self.empties += 1;
        if !self.empties.is_multiple_of(64) {
            return;
        }
        let now = Instant::now();
        if self.since.is_none_or(|since| now - since > PERIOD) {
            let spare = self.since.map_or(0, |_| self.least);
            self.release(spare);
            (self.since, self.least) = (Some(now), self.empties);
        }
    }

    /// Gives the pages of some empty slabs back to the system. Says whether there are more.
    pub(super) fn release(&mut self, most: usize) -> bool {
        for _ in 0..most {
            let Some(slab) = NonNull::new(self.empty) else { break };
            self.empties -= 1;
            self.present -= 1;
            // SAFETY: empty slabs are live, and nobody's any more after this.
            unsafe {
                self.empty = slab.as_ref().next;
                self.put_back(slab.as_ptr());
            }
        }
        self.least = self.least.min(self.empties);
        !self.empty.is_null()
    }

    /// Makes an empty slab part of its region again.
    unsafe fn put_back(&mut self, slab: *mut Slab) {
        // SAFETY: the caller has a live slab that nobody uses, so its region is live.
        unsafe {
            let region = (*slab).region;
            if (*region).used == REGION_SLABS {
                self.link(region);
            }
            (*region).used -= 1;
            let index = (slab.addr() - region.addr()) / SLAB;
            (*region).taken[index / 64] &= !(1 << (index % 64));
            if (*region).used > 1 {
                return pages::discard(NonNull::new_unchecked(slab).cast(), SLAB);
            }
            self.unlink(region);
            // The region is a mapping of its own, none of which is used.
            pages::unmap(NonNull::new_unchecked(region).cast(), REGION);
        }
    }

    fn link(&mut self, region: *mut Region) {
        // SAFETY: both regions are live.
        unsafe {
            (*region).prev = null_mut();
            (*region).next = self.regions;
            if let Some(next) = self.regions.as_mut() {
                next.prev = region;
            }
        }
        self.regions = region;
    }

    fn unlink(&mut self, region: *mut Region) {
        // SAFETY: the region is in the list, so its neighbours are live.
        unsafe {
            let (prev, next) = ((*region).prev, (*region).next);
            match prev.as_mut() {
                Some(prev) => prev.next = next,
                None => self.regions = next,
            }
            if let Some(next) = next.as_mut() {
                next.prev = prev;
            }
        }
    }
}

/// Nothing panics while it holds one of these locks, so what they protect is in order.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(slabs: &mut Slabs, size: usize, land: &Mutex<Land>) -> NonNull<u8> {
        let mut stack = Stack::EMPTY;
        slabs.fill(&mut stack, size, 1, land);
        stack.pop().unwrap()
    }

    #[test]
    fn blocks_are_distinct_and_whole() {
        let land = Mutex::new(Land::NEW);
        for size in [32, 96, 960, 1280] {
            let mut slabs = Slabs::NONE;
            let mut blocks: Vec<_> = (0..5_000).map(|_| take(&mut slabs, size, &land)).collect();
            // SAFETY: each block has that size.
            blocks.iter().for_each(|block| unsafe { block.write_bytes(0xEE, size) });
            blocks.sort_unstable();
            assert!(blocks.windows(2).all(|w| w[1].addr().get() - w[0].addr().get() >= size));
            assert!(blocks.iter().all(|block| block.addr().get().is_multiple_of(16)));
            // SAFETY: each is given back once.
            blocks.into_iter().for_each(|block| unsafe { slabs.give(block, &land) });
        }
    }

    #[test]
    fn what_is_not_used_goes_back() {
        let land = Mutex::new(Land::NEW);
        let mut slabs = Slabs::NONE;
        let mut blocks: Vec<_> = (0..50_000).map(|_| take(&mut slabs, 640, &land)).collect();
        let most = lock(&land).bytes();
        assert!((50_000 * 640..50_000 * 700).contains(&most), "{most}");
        // One block in the middle stays in use, and its slab.
        let kept = blocks.swap_remove(25_000);
        // SAFETY: each is given back once.
        blocks.into_iter().for_each(|block| unsafe { slabs.give(block, &land) });
        while lock(&land).release(100) {}
        assert_eq!(lock(&land).bytes(), SLAB);
        // SAFETY: as above.
        unsafe { slabs.give(kept, &land) };
        assert!(!lock(&land).release(1));
        assert_eq!(lock(&land).bytes(), 0);
        assert!(lock(&land).regions.is_null() && slabs.0.is_null());
    }

    #[test]
    fn an_empty_slab_serves_another_size() {
        let land = Mutex::new(Land::NEW);
        let (mut small, mut large) = (Slabs::NONE, Slabs::NONE);
        let first = take(&mut small, 32, &land);
        // SAFETY: given back once.
        unsafe { small.give(first, &land) };
        let second = take(&mut large, 1024, &land);
        assert_eq!(lock(&land).bytes(), SLAB);
        assert_eq!(first.addr().get() / SLAB, second.addr().get() / SLAB);
        // SAFETY: as above.
        unsafe { large.give(second, &land) };
        lock(&land).release(1);
    }
}
