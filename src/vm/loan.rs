//! References to what all processes of a runtime share. Each process would count them when it begins and ends, on whatever
//! thread that happens; where somebody else keeps the object anyway, it is borrowed without being counted.

use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::Arc;

/// An [`Arc`], or a loan of one.
pub struct Loan<T> {
    target: NonNull<T>,
    /// Whether this is one of those that keep the object.
    counted: bool,
}

// SAFETY: it gives shared references only, and may be the one that drops the object, as an `Arc`.
unsafe impl<T: Send + Sync> Send for Loan<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Loan<T> {}

impl<T> Loan<T> {
    /// Keeps the object.
    pub fn keep(object: Arc<T>) -> Loan<T> {
        // SAFETY: an `Arc` is never null.
        Loan { target: unsafe { NonNull::new_unchecked(Arc::into_raw(object).cast_mut()) }, counted: true }
    }

    /// Borrows the object.
    ///
    /// # Safety
    /// Somebody keeps it for longer than this lives.
    pub unsafe fn borrow(object: &Arc<T>) -> Loan<T> {
        // SAFETY: an `Arc` is never null.
        Loan { target: unsafe { NonNull::new_unchecked(Arc::as_ptr(object).cast_mut()) }, counted: false }
    }

    /// The object, kept.
    pub fn to_arc(&self) -> Arc<T> {
        // SAFETY: the address came from an `Arc` that is still there.
        unsafe {
            Arc::increment_strong_count(self.target.as_ptr());
            Arc::from_raw(self.target.as_ptr())
        }
    }
}

impl<T> Drop for Loan<T> {
    fn drop(&mut self) {
        if self.counted {
            // SAFETY: came from `Arc::into_raw`, and is given back once.
            drop(unsafe { Arc::from_raw(self.target.as_ptr()) });
        }
    }
}

impl<T> Deref for Loan<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: the object is there as long as this.
        unsafe { self.target.as_ref() }
    }
}
