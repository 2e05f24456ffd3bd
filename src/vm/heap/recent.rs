//! Recently made closures. Making a closure again that captures the same variables gives, as in the reference
//! implementation, the same closure (manual §3.4.4 leaves that open).

use std::ptr::null_mut;

use super::Marker;
use crate::vm::function::Function;
use crate::vm::object::Closure;

/// A small direct-mapped cache. Its entries keep nothing alive.
pub struct RecentClosures([Entry; 4]);

#[derive(Clone, Copy)]
struct Entry {
    maker: *mut Closure,
    made: *mut Closure,
}

impl RecentClosures {
    #[inline(always)]
    pub(super) fn new() -> RecentClosures {
        RecentClosures([Entry { maker: null_mut(), made: null_mut() }; 4])
    }

    fn index(function: *const Function) -> usize {
        function.addr() / size_of::<Function>() % 4
    }

    /// The closure of `function` that `maker` made, if it is still known.
    #[inline]
    pub fn find(&self, maker: *mut Closure, function: *const Function) -> Option<*mut Closure> {
        let entry = self.0[RecentClosures::index(function)];
        // SAFETY: entries are alive, or forgotten.
        (entry.maker == maker && unsafe { (*entry.made).function } == function).then_some(entry.made)
    }

    /// Remembers what `maker` made.
    #[inline]
    pub fn note(&mut self, maker: *mut Closure, made: *mut Closure) {
        // SAFETY: a fresh closure.
        let function = unsafe { (*made).function };
        self.0[RecentClosures::index(function)] = Entry { maker, made };
    }

    /// Forgets what a closure has made and that it was made: its captured variables are about to become others.
    pub fn forget(&mut self, changed: *mut Closure) {
        for entry in self.0.iter_mut().filter(|entry| entry.maker == changed || entry.made == changed) {
            *entry = Entry { maker: null_mut(), made: null_mut() };
        }
    }

    /// Forgets closures that are about to be freed; for the end of marking.
    pub(super) fn forget_dead(&mut self, marker: &Marker) {
        for entry in &mut self.0 {
            // SAFETY: nothing has been freed since the entry was made, or last looked at here.
            let alive = !entry.maker.is_null()
                && unsafe { marker.is_marked(entry.maker.cast()) && marker.is_marked(entry.made.cast()) };
            if !alive {
                *entry = Entry { maker: null_mut(), made: null_mut() };
            }
        }
    }
}
