//! Hints to the processor's caches.

/// Bytes that a cache fetches at once.
const LINE: usize = 64;

/// Begins to fetch so many bytes from this address on, which need not be valid; whoever reads them soon does not wait for
/// them so long. Does nothing on processors for which stable Rust has no such instruction.
#[inline(always)]
pub fn prefetch<T: ?Sized>(object: *const T, bytes: usize) {
    #[cfg(target_arch = "x86_64")]
    for offset in (0..bytes).step_by(LINE) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a hint, which neither reads nor faults.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(object.cast::<i8>().wrapping_add(offset)) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (object.cast::<u8>(), bytes, LINE);
}
