//! What the code of a process may do (`modules.md` §0, §4.20): guarded functions ask here before they act.
//!
//! Two must agree: the guard of the runtime, which is the same for all, and the scope of the process. A process without a
//! scope may do what the guard lets pass, but for strict runtimes, where it may do nothing.

use std::sync::Arc;

use super::core::RuntimeCore;
use super::data::Data;
use super::errors::{ErrorData, PERMISSION_DENIED};
use super::identity::{Decision, Identity, Request};
use super::process_state::state;
use crate::vm::Vm;

/// Decides about the guarded actions of all processes of a runtime.
pub trait Guard: Send + Sync {
    /// Whether `action` may be done to `resource`.
    fn allows(&self, action: &str, resource: &str) -> bool;
}

impl<F: Fn(&str, &str) -> bool + Send + Sync> Guard for F {
    fn allows(&self, action: &str, resource: &str) -> bool {
        self(action, resource)
    }
}

/// The rights of a caller, as operations off the workers take them along.
#[derive(Clone, Default)]
pub struct Access {
    guard: Option<Arc<dyn Guard>>,
    identity: Option<Arc<Identity>>,
    strict: bool,
}

impl Access {
    /// Those of the process that calls a native function.
    pub fn of_caller(vm: &mut Vm) -> Access {
        let identity = state(vm).identity().cloned();
        Access::of(state(vm).core(), identity)
    }

    /// Those that an identity has in a runtime.
    pub fn of(core: &RuntimeCore, identity: Option<Arc<Identity>>) -> Access {
        Access { guard: core.guard.clone(), identity, strict: core.settings.strict_security }
    }

    /// Lets everything pass that the guard lets pass.
    pub fn new(guard: Arc<dyn Guard>) -> Access {
        Access { guard: Some(guard), ..Access::default() }
    }

    /// Asks for leave.
    ///
    /// # Errors
    /// `PermissionDenied`
    pub fn check(&self, action: &str, resource: &str) -> Result<(), ErrorData> {
        self.check_with(action, resource, &Data::Nil)
    }

    /// The same with what else is known of the request.
    ///
    /// # Errors
    /// `PermissionDenied`
    pub fn check_with(&self, action: &str, resource: &str, meta: &Data) -> Result<(), ErrorData> {
        if self.allows(action, resource, meta) {
            return Ok(());
        }
        Err(ErrorData::judged(PERMISSION_DENIED, &format!("not allowed: {resource} ({action})"), false))
    }

    /// Whether it would be given.
    pub fn allows(&self, action: &str, resource: &str, meta: &Data) -> bool {
        if self.guard.as_ref().is_some_and(|guard| !guard.allows(action, resource)) {
            return false;
        }
        match self.identity.as_deref() {
            Some(Identity { actor, scope: Some(scope) }) => {
                let request = Request { actor: actor.as_deref(), action, resource, meta };
                scope.decide(&request) == Decision::Allow
            }
            _ => !self.strict,
        }
    }
}

/// Whether the caller may do everything: then nobody needs to be asked.
#[inline]
pub fn is_free(vm: &mut Vm) -> bool {
    let state = state(vm);
    let core = state.core();
    core.guard.is_none() && !core.settings.strict_security && state.identity().is_none()
}

/// Asks for leave for the caller.
///
/// # Errors
/// `PermissionDenied`
#[inline]
pub fn check(vm: &mut Vm, action: &str, resource: &str) -> Result<(), ErrorData> {
    check_with(vm, action, resource, || Data::Nil)
}

/// The same; `meta` says what else is known of the request, if anybody has to be asked.
///
/// # Errors
/// `PermissionDenied`
#[inline]
pub fn check_with(vm: &mut Vm, action: &str, resource: &str, meta: impl FnOnce() -> Data) -> Result<(), ErrorData> {
    if is_free(vm) {
        return Ok(());
    }
    Access::of_caller(vm).check_with(action, resource, &meta())
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Access")
    }
}
