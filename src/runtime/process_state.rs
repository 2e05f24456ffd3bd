//! The Lua side of a process: what its native functions and the collector see of it. It is the [`Host`] of the process's
//! machine.

use std::sync::Arc;

use super::bus::SubscriptionId;
use super::context::{Context, Inheritance};
use super::core::RuntimeCore;
use super::errors::{self, ErrorData};
use super::future::Futures;
use super::groups::Membership;
use super::identity::Identity;
use super::mailbox::Mailbox;
use super::module::held::Held;
use super::process::Process;
use super::target::LastTarget;
use super::task::TaskSet;
use super::time::Alarms;
use super::upgrade::Upgrade;
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
    /// The id of the entry it runs.
    pub entry: Arc<str>,
    /// Its scheduled coroutines.
    pub tasks: TaskSet,
    /// Its subscriptions and what is retained for them.
    pub mailbox: Mailbox,
    /// Handles of shared channels by address, weak; null until there is one.
    pub handles: *mut Table,
    /// To whom it has sent last.
    pub last_target: LastTarget,
    /// Whether the failure of a linked process is an event instead of the end.
    pub trap_links: bool,
    /// Whether news of newer code is wanted.
    pub upgradable: bool,
    /// Whether the warning of a deadlock was given.
    pub warned: bool,
    /// What only some processes have.
    pub rare: Option<Box<Rare>>,
}

/// What only some processes have.
#[derive(Default)]
pub struct Rare {
    /// The channels of pending timers.
    pub alarms: Alarms,
    /// Its futures that are pending.
    pub futures: Futures,
    /// What it has inherited.
    pub inherited: Inheritance,
    /// Set when the process must end: at its next turn, and if it returns before that.
    pub doom: Option<Arc<ErrorData>>,
    /// Set when the process will be replaced by newer code at its next turn.
    pub upgrade: Option<Upgrade>,
    /// Its subscriptions to events and to changes of groups.
    pub subscriptions: Vec<SubscriptionId>,
    /// What its objects hold of the outside world.
    pub held: Held,
    /// The groups it has joined.
    pub memberships: Vec<Membership>,
}

// SAFETY: the process owns the machine that owns this, and is itself shareable; the rest belongs to the machine's heap.
unsafe impl Send for ProcessState {}

impl ProcessState {
    /// The state of a new process.
    ///
    /// # Safety
    /// `process` outlives the machine this is given to: it is the process that owns it.
    pub unsafe fn new(process: *const Process, entry: Arc<str>, inherited: Inheritance) -> ProcessState {
        ProcessState {
            process,
            entry,
            tasks: TaskSet::new(),
            mailbox: Mailbox::new(),
            handles: std::ptr::null_mut(),
            last_target: LastTarget::none(),
            trap_links: false,
            upgradable: false,
            warned: false,
            rare: (!inherited.is_empty()).then(|| Box::new(Rare { inherited, ..Rare::default() })),
        }
    }

    /// What only some processes have; from now on this one has it.
    pub fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Why it must end at once, if it must.
    #[inline]
    pub fn take_doom(&mut self) -> Option<Arc<ErrorData>> {
        self.rare.as_mut()?.doom.take()
    }

    /// The context it has inherited.
    pub fn context(&self) -> Option<&Arc<Context>> {
        self.rare.as_ref()?.inherited.context.as_ref()
    }

    /// On whose behalf it runs.
    #[inline]
    pub fn identity(&self) -> Option<&Arc<Identity>> {
        self.rare.as_ref()?.inherited.identity.as_ref()
    }

    /// Whether a timer or a future is pending whose channel somebody may wait on.
    pub fn expects_news(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| !rare.alarms.is_empty() || !rare.futures.is_empty())
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

static TAG: u8 = 0;

// SAFETY: the tag is this type's own.
unsafe impl Host for ProcessState {
    fn tag() -> *const u8 {
        &raw const TAG
    }

    fn trace(&mut self, marker: &mut Marker) {
        self.tasks.trace(marker);
        self.mailbox.trace(marker);
        self.last_target.trace(marker);
        if let Some(rare) = &self.rare {
            rare.alarms.trace(marker);
            rare.futures.trace(marker);
        }
        if !self.handles.is_null() {
            marker.mark(Value::table(self.handles));
        }
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
