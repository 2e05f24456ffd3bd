//! Objects with a `__gc` metamethod (manual §2.5.1). The collector finds those that are unreachable, keeps them for one more cycle
//! and queues them; the machine calls their finalizers at a safepoint.

use std::collections::VecDeque;

use super::Heap;
use super::mark::Marker;
use crate::vm::object::{Header, mark as bits};
use crate::vm::value::Value;

/// The objects with finalizers.
#[derive(Default)]
pub struct Finalizers {
    /// In order of registration.
    registered: Vec<*mut Header>,
    /// Unreachable; their finalizers are to be called in this order.
    pending: VecDeque<*mut Header>,
}

impl Finalizers {
    /// Keeps the queued objects alive.
    pub fn mark_pending(&self, marker: &mut Marker) {
        for &object in &self.pending {
            marker.mark_object(object);
        }
    }

    /// Whether any object has a finalizer.
    pub fn has_registered(&self) -> bool {
        !self.registered.is_empty()
    }

    /// Queues the registered objects that were not reached, the latest registered first, and keeps them alive.
    pub fn separate(&mut self, marker: &mut Marker) {
        // SAFETY: registered objects are freed only after they have left the list.
        let unreached = |object: *mut Header| unsafe { !marker.is_marked(object) };
        let first_new = self.pending.len();
        for &object in self.registered.iter().rev() {
            if unreached(object) {
                self.pending.push_back(object);
            }
        }
        if self.pending.len() > first_new {
            self.registered.retain(|&object| !unreached(object));
        }
        self.mark_pending(marker);
    }
}

impl Heap {
    /// Registers a table or userdata whose metatable has `__gc`. Again after its finalizer was called is allowed.
    pub unsafe fn register_finalizer(&mut self, object: *mut Header) {
        // SAFETY: the caller has a live object.
        unsafe {
            if (*object).mark & bits::FINALIZER == 0 {
                (*object).mark |= bits::FINALIZER;
                self.finalizers.get_or_insert_default().registered.push(object);
            }
        }
    }

    /// Whether finalizers wait to be called.
    #[inline]
    pub fn has_pending_finalizers(&self) -> bool {
        self.finalizers.as_ref().is_some_and(|finalizers| !finalizers.pending.is_empty())
    }

    /// The next object whose finalizer is to be called. From now on it is an ordinary object: the caller keeps it alive.
    pub fn take_pending_finalizer(&mut self) -> Option<Value> {
        let object = self.finalizers.as_mut()?.pending.pop_front()?;
        // SAFETY: queued objects are kept alive; the value is put together from the object's own kind.
        unsafe {
            (*object).mark &= !bits::FINALIZER;
            Some(Value::from_parts((*object).kind, object as u64))
        }
    }

    /// Queues all registered objects, the latest first, for the end of the process.
    pub fn queue_all_finalizers(&mut self) {
        if let Some(finalizers) = &mut self.finalizers {
            finalizers.pending.extend(finalizers.registered.drain(..).rev());
        }
    }
}
