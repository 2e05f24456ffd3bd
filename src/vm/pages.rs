//! Pages of the system: mapping them, changing how many there are, and giving them back.
//!
//! Mappings from [`LARGE_FROM`] on ask for large pages. The system clears and hands out one of these in about the time of ten
//! small ones, of which it holds hundreds, and the processor finds addresses in it sooner. Where the system has none to give,
//! small ones do. Large pages begin behind the first small page of a mapping, for a head that stands before a power of two of
//! bytes: with large pages from the head on, the last of these bytes would need one more.
//!
//! Nothing here allocates, and addresses are kept nowhere. A refusal of the system to take pages back is no error: they stay,
//! for nothing.

use std::ptr::{NonNull, null_mut};

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};

/// Pages are at least this large; where they are larger, parts of them are not given back.
pub(super) const PAGE: usize = 4096;
/// Bytes of a large page, and the alignment it needs.
const LARGE_PAGE: usize = 2 << 20;
/// Smaller mappings have small pages alone. One that has grown to this has more than half a large page in use.
const LARGE_FROM: usize = PAGE + LARGE_PAGE;

/// A fresh mapping, all zeros; `None` if the system has no memory.
pub(super) fn map(bytes: usize) -> Option<NonNull<u8>> {
    if bytes < LARGE_FROM {
        return map_anywhere(bytes);
    }
    let base = map_at(bytes, LARGE_PAGE, PAGE)?;
    // SAFETY: the mapping is nobody else's.
    unsafe { prefer_large(base, bytes) };
    Some(base)
}

/// As [`map`] with small pages, at a multiple of `align`, which is a power of two.
pub(super) fn map_aligned(bytes: usize, align: usize) -> Option<NonNull<u8>> {
    map_at(bytes, align, 0)
}

/// As [`map_aligned`], so many bytes before a multiple.
fn map_at(bytes: usize, align: usize, before: usize) -> Option<NonNull<u8>> {
    let base = map_anywhere(bytes.checked_add(align)?)?;
    // SAFETY: what is around the part that stays belongs to the fresh mapping.
    unsafe {
        let skipped = base.add(before).align_offset(align);
        if skipped > 0 {
            unmap(base, skipped);
        }
        unmap(base.add(skipped + bytes), align - skipped);
        Some(base.add(skipped))
    }
}

fn map_anywhere(bytes: usize) -> Option<NonNull<u8>> {
    // SAFETY: a fresh mapping.
    let base = unsafe { mmap_anonymous(null_mut(), bytes, ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE) };
    NonNull::new(base.ok()?.cast())
}

/// Gives a mapping back, or a part of one.
///
/// # Safety
/// These are whole pages of mappings that nobody uses.
pub(super) unsafe fn unmap(base: NonNull<u8>, bytes: usize) {
    // SAFETY: by contract.
    let _ = unsafe { munmap(base.as_ptr().cast(), bytes) };
}

/// Asks for large pages where there are none yet.
#[cfg(target_os = "linux")]
unsafe fn prefer_large(base: NonNull<u8>, bytes: usize) {
    // SAFETY: the caller has a mapping of that length; its content stays. The system may not know large pages.
    let _ = unsafe { rustix::mm::madvise(base.as_ptr().cast(), bytes, rustix::mm::Advice::LinuxHugepage) };
}

#[cfg(not(target_os = "linux"))]
unsafe fn prefer_large(_: NonNull<u8>, _: usize) {}

/// Gives pages back and keeps their addresses, where zeros will be found. Elsewhere than on Linux that waits until all around
/// them is unmapped.
///
/// # Safety
/// These are whole pages of mappings that nobody uses.
pub(super) unsafe fn discard(base: NonNull<u8>, bytes: usize) {
    #[cfg(target_os = "linux")]
    {
        // SAFETY: by contract.
        let _ = unsafe { rustix::mm::madvise(base.as_ptr().cast(), bytes, rustix::mm::Advice::LinuxDontNeed) };
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (base, bytes);
}

/// Makes a mapping longer or shorter, which may move it, pages and all; `None`, leaving it as it is, if the system has no memory.
///
/// # Safety
/// It is a whole mapping of `old` bytes, and `new` is a multiple of [`PAGE`] too.
#[cfg(target_os = "linux")]
pub(super) unsafe fn resize(base: NonNull<u8>, old: usize, new: usize) -> Option<NonNull<u8>> {
    use rustix::mm::{MremapFlags, mremap, mremap_fixed};

    let at = base.as_ptr().cast();
    // SAFETY: by contract, and the place it moves to is a fresh mapping that nobody knows.
    unsafe {
        if new < old || new < LARGE_FROM {
            return NonNull::new(mremap(at, old, new, MremapFlags::MAYMOVE).ok()?.cast());
        }
        let place = map(new)?;
        match mremap_fixed(at, old, new, MremapFlags::MAYMOVE, place.as_ptr().cast()) {
            Ok(_) => {
                // It is still what it was, elsewhere.
                prefer_large(place, new);
                Some(place)
            }
            Err(_) => {
                unmap(place, new);
                None
            }
        }
    }
}

/// As on Linux, by copying.
#[cfg(not(target_os = "linux"))]
pub(super) unsafe fn resize(base: NonNull<u8>, old: usize, new: usize) -> Option<NonNull<u8>> {
    let place = map(new)?;
    // SAFETY: both are whole mappings, and nobody uses the old one any more.
    unsafe {
        place.copy_from_nonoverlapping(base, old.min(new));
        unmap(base, old);
    }
    Some(place)
}
