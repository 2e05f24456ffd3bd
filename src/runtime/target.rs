//! The process that was sent to last: most processes send to the same one again and again, and finding it costs more than
//! the rest of a send.
//!
//! It is found again by its PID only, because a name may change its owner. One that has ended is looked up anew, so that
//! the sender is told the same as if it had not been kept.

use std::sync::Arc;

use super::core::RuntimeCore;
use super::errors::ErrorData;
use super::pid::Pid;
use super::process::Process;
use crate::vm::Vm;
use crate::vm::cache;
use crate::vm::heap::Marker;
use crate::vm::raw::string_bytes;
use crate::vm::value::Value;

/// See the module header.
pub struct LastTarget {
    process: Option<Arc<Process>>,
    /// Where its Lua state was then; for [`LastTarget::prefetch`] alone.
    machine: *const Vm,
    /// The string it was found by, as a value of the sender; nil if that was a name.
    pid: Value,
}

impl LastTarget {
    /// No process.
    pub fn none() -> LastTarget {
        LastTarget { process: None, machine: std::ptr::null(), pid: Value::NIL }
    }

    /// The process with this PID or name, which is a string.
    ///
    /// # Errors
    /// `NotFound`
    pub fn resolve(&mut self, core: &RuntimeCore, destination: Value) -> Result<&Arc<Process>, ErrorData> {
        if !self.is_known(destination) {
            *self = LastTarget::none();
            let process = core.resolve(string_bytes(destination))?;
            if Pid::looks_like(string_bytes(destination)) {
                self.pid = destination;
            }
            self.machine = process.machine_address();
            self.process = Some(process);
        }
        Ok(self.process.as_ref().expect("known, or looked up"))
    }

    /// Whether the process that was sent to last has this PID, a string, and has not ended.
    #[inline]
    pub fn is_known(&self, destination: Value) -> bool {
        let same = || self.pid.same(destination) || string_bytes(self.pid) == string_bytes(destination);
        !self.pid.is_nil() && same() && self.process.as_ref().is_some_and(|process| !process.mailbox.is_closed())
    }

    /// The process.
    #[inline]
    pub fn process(&self) -> Option<&Arc<Process>> {
        self.process.as_ref()
    }

    /// Begins to fetch what a send to it touches first, and what it touches when it runs after that; see [`cache`].
    #[inline]
    pub fn prefetch(&self) {
        if let Some(process) = &self.process {
            cache::prefetch(&**process, size_of::<Process>());
            cache::prefetch(self.machine, size_of::<Vm>());
        }
    }

    /// Marks the string.
    pub fn trace(&self, marker: &mut Marker) {
        marker.mark(self.pid);
    }
}
