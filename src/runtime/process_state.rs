//! The Lua side of a process: what its native functions and the collector see of it. It is the [`Host`] of the process's
//! machine.

use std::sync::Arc;

use super::core::RuntimeCore;
use super::errors::{self, ErrorData};
use super::mailbox::Mailbox;
use super::process::Process;
use super::task::TaskSet;
use super::time::Alarms;
use crate::vm::heap::Marker;
use crate::vm::object::Table;
use crate::vm::types::ErrorMaker;
use crate::vm::value::Value;
use crate::vm::{Host, Vm};

/// The message of a blocking call in the top-level chunk of an entry.
pub(super) const CANNOT_WAIT: &str =
    "attempt to yield where that is impossible: the top-level chunk of an entry must not block";

/// The state of a process that belongs to its heap.
pub struct ProcessState {
    process: *const Process,
    /// Its scheduled coroutines.
    pub tasks: TaskSet,
    /// Its subscriptions and what is retained for them.
    pub mailbox: Mailbox,
    /// The channels of pending timers.
    pub alarms: Alarms,
    /// Handles of shared channels by address, weak; null until there is one.
    pub handles: *mut Table,
    /// Whether the failure of a linked process is an event instead of the end.
    pub trap_links: bool,
    /// Whether the warning of a deadlock was given.
    pub warned: bool,
    /// Set when the process must end at its next turn.
    pub doom: Option<Arc<ErrorData>>,
}

// SAFETY: the process owns the machine that owns this, and is itself shareable; the rest belongs to the machine's heap.
unsafe impl Send for ProcessState {}

impl ProcessState {
    /// The state of a new process.
    ///
    /// # Safety
    /// `process` outlives the machine this is given to: it is the process that owns it.
    pub unsafe fn new(process: *const Process) -> ProcessState {
        ProcessState {
            process,
            tasks: TaskSet::new(),
            mailbox: Mailbox::new(),
            alarms: Alarms::default(),
            handles: std::ptr::null_mut(),
            trap_links: false,
            warned: false,
            doom: None,
        }
    }

    /// The process.
    #[inline]
    pub fn process(&self) -> &'static Process {
        // SAFETY: see `new`. The lifetime is that of the machine; native functions do not keep it.
        unsafe { &*self.process }
    }

    /// What all processes of the runtime share.
    #[inline]
    pub fn core(&self) -> &'static Arc<RuntimeCore> {
        &self.process().core
    }
}

impl Host for ProcessState {
    fn trace(&mut self, marker: &mut Marker) {
        self.tasks.trace(marker);
        self.mailbox.trace(marker);
        self.alarms.trace(marker);
        if !self.handles.is_null() {
            marker.mark(Value::table(self.handles));
        }
    }

    fn as_any(&mut self) -> &mut dyn std::any::Any {
        self
    }

    fn error_maker(&self) -> Option<ErrorMaker> {
        Some(errors::of_report)
    }
}

/// The state of the process whose machine this is.
#[inline]
pub fn state(vm: &mut Vm) -> &mut ProcessState {
    vm.host().expect("the libraries of the runtime are given to processes only")
}
