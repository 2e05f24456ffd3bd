//! The primitives of the model-checked files, exchanged for loom's under `--cfg loom`.
//!
//! Only `state`, `parker`, `queue`, `task`, `shared_channel` and `process_table` import from here: they hold the protocols.
//! Everything else uses `std`, `parking_lot` and `crossbeam` directly.

#[cfg(not(loom))]
pub(crate) use parking_lot::{Mutex, MutexGuard};
#[cfg(not(loom))]
pub(crate) use std::{
    sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicUsize, Ordering, fence},
    thread::{Thread, current, park},
};

#[cfg(loom)]
pub(crate) use loom::{
    sync::{
        MutexGuard,
        atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicUsize, Ordering, fence},
    },
    thread::{Thread, current, park},
};

/// How often one comes back to a lock that is held before one gives the processor away.
#[cfg(not(loom))]
const ATTEMPTS: u32 = 8;
/// Pauses in between.
#[cfg(not(loom))]
const PAUSES: u32 = 64;

/// Locks what many threads use all the time, each for a moment only. One that meets another stays away for some microseconds:
/// the other goes on undisturbed, where each would take the memory behind the lock away from the other every time.
#[cfg(not(loom))]
#[inline]
pub(crate) fn lock_in_turns<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.try_lock().unwrap_or_else(|| wait_for_turn(mutex))
}

#[cfg(not(loom))]
#[cold]
fn wait_for_turn<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    for _ in 0..ATTEMPTS {
        (0..PAUSES).for_each(|_| std::hint::spin_loop());
        if let Some(guard) = mutex.try_lock() {
            return guard;
        }
    }
    mutex.lock()
}

/// In a model there are no processors.
#[cfg(loom)]
pub(crate) fn lock_in_turns<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock()
}

/// Blocks the thread until `woken` says so, which is asked after each wake-up, or until the time is over. Says whether it
/// was woken.
#[cfg(not(loom))]
pub(crate) fn park_for(time: std::time::Duration, mut woken: impl FnMut() -> bool) -> bool {
    let start = std::time::Instant::now();
    loop {
        if woken() {
            return true;
        }
        let Some(rest) = time.checked_sub(start.elapsed()).filter(|rest| !rest.is_zero()) else { return false };
        std::thread::park_timeout(rest);
    }
}

/// In a model, the time is over at once.
#[cfg(loom)]
pub(crate) fn park_for(_time: std::time::Duration, mut woken: impl FnMut() -> bool) -> bool {
    woken()
}

/// loom's mutex with the poison-free signature of `parking_lot`'s.
#[cfg(loom)]
pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

#[cfg(loom)]
impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Mutex(loom::sync::Mutex::new(value))
    }

    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.0.get_mut().expect("as for the lock")
    }

    pub(crate) fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
        self.0.lock().expect("a model that panics under the lock has failed already")
    }
}

#[cfg(loom)]
impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Mutex::new(T::default())
    }
}
