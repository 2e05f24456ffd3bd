//! Events as the tables that `process.events()` delivers (`runtime.md` §2.8).

use std::sync::Arc;

use super::errors;
use super::mail::{Happening, Outcome, ProcessEvent};
use super::process_state::state;
use crate::vm::Vm;
use crate::vm::error::LuaError;
use crate::vm::value::Value;

/// `process.event.EXIT`
pub const EXIT: &str = "pid.exit";
/// `process.event.LINK_DOWN`
pub const LINK_DOWN: &str = "pid.link.down";
/// `process.event.CANCEL`
pub const CANCEL: &str = "pid.cancel";

/// `process.event.OUTDATED`
pub const OUTDATED: &str = "pid.outdated";

/// The table for an event.
///
/// # Errors
/// `not enough memory` past the memory limit.
pub fn event_table(vm: &mut Vm, event: &ProcessEvent) -> Result<Value, Box<LuaError>> {
    let core = state(vm).core();
    let words = &core.words;
    let from = vm.string(&core.hosts.show(event.from))?;
    let at = Value::int(event.at);
    let (shape, kind, detail) = match &event.what {
        Happening::Exit(outcome) => (&words.end_event, words.exit, result_table(vm, outcome)?),
        Happening::LinkDown(outcome) => (&words.end_event, words.link_down, result_table(vm, outcome)?),
        Happening::Cancel(reason) => (&words.cancel_event, words.cancel, reason.to_value(vm)?),
    };
    shape.make(vm, [from, at, Value::string(kind), detail])
}

fn result_table(vm: &mut Vm, outcome: &Outcome) -> Result<Value, Box<LuaError>> {
    let words = &state(vm).core().words;
    match outcome {
        Ok(parcel) => {
            let value = parcel.unpack_one(vm)?;
            words.value_result.make(vm, [value])
        }
        Err(error) => {
            let error = errors::to_value(vm, Arc::clone(error));
            words.error_result.make(vm, [error])
        }
    }
}
