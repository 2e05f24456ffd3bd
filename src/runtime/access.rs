//! What the code of a process may do (`modules.md` §0): host modules ask here before they act.

use std::sync::Arc;

use super::errors::{ErrorData, PERMISSION_DENIED};
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
#[derive(Clone)]
pub struct Access(Arc<dyn Guard>);

impl Access {
    /// Those of the process that calls a native function.
    pub fn of_caller(vm: &mut Vm) -> Access {
        Access(Arc::clone(&state(vm).core().guard))
    }

    /// Lets everything pass that the guard lets pass.
    pub fn new(guard: Arc<dyn Guard>) -> Access {
        Access(guard)
    }

    /// Asks for leave.
    ///
    /// # Errors
    /// `PermissionDenied`
    pub fn check(&self, action: &str, resource: &str) -> Result<(), ErrorData> {
        if self.0.allows(action, resource) {
            return Ok(());
        }
        Err(ErrorData::judged(PERMISSION_DENIED, &format!("not allowed: {resource} ({action})"), false))
    }
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Access")
    }
}
